/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_MODEL_SOUND_H
#define RS_REPLAY_MODEL_SOUND_H

#include "replay/result.h"
#include "traces/event.h"

/* No anomaly: one past the last. */
#define RS_ANOM_NONE RS_NR_ANOMALIES

/* What keeps a MEMSLOT event from being applied, whatever memslots there are. */
enum rs_anomaly rs_memslot_problem(const struct rs_event *ev);
/* What keeps the range of an INVAL_BEGIN or INVAL_SLOT from being applied. */
static inline enum rs_anomaly rs_range_problem(const struct rs_event *ev)
{
	const bool gfns = ev->type == RS_EV_INVAL_SLOT || ev->flags & RS_F_GFN;

	if (ev->inval.start == ev->inval.end)
		return RS_ANOM_RANGE_EMPTY;
	if (ev->inval.start > ev->inval.end)
		return RS_ANOM_RANGE_WRAPS;
	return !gfns && (ev->inval.start | ev->inval.end) % RS_PAGE_SIZE ? RS_ANOM_RANGE_UNALIGNED
									 : RS_ANOM_NONE;
}

#endif
