/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_MODEL_SOUND_H
#define RS_REPLAY_MODEL_SOUND_H

#include "replay/result.h"
#include "traces/event.h"

/* No anomaly: one past the last. */
#define RS_ANOM_NONE RS_NR_ANOMALIES

/* What keeps a MEMSLOT event from being applied, whatever memslots there are. */
enum rs_anomaly rs_memslot_problem(const struct rs_event *ev);

/* What keeps the range of an INVAL_SLOT from being applied. */
static inline enum rs_anomaly rs_slot_problem(const struct rs_event *ev)
{
	if (ev->inval.start == ev->inval.end)
		return RS_ANOM_RANGE_EMPTY;
	return ev->inval.start > ev->inval.end ? RS_ANOM_RANGE_WRAPS : RS_ANOM_NONE;
}

/* The same of an INVAL_BEGIN, whose range may be one of hvas. */
static inline enum rs_anomaly rs_begin_problem(const struct rs_event *ev)
{
	const enum rs_anomaly problem = rs_slot_problem(ev);

	if (problem != RS_ANOM_NONE || ev->flags & RS_F_GFN)
		return problem;
	return (ev->inval.start | ev->inval.end) % RS_PAGE_SIZE ? RS_ANOM_RANGE_UNALIGNED
								: RS_ANOM_NONE;
}

#endif
