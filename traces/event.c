// SPDX-License-Identifier: GPL-2.0-only
#include "traces/event.h"

#include <stddef.h>

static const char *const event_names[RS_NR_EVENT_TYPES] = {
	[RS_EV_MEMSLOT] = "memslot",
	[RS_EV_INVAL_BEGIN] = "inval_begin",
	[RS_EV_INVAL_SLOT] = "inval_slot",
	[RS_EV_INVAL_END] = "inval_end",
	[RS_EV_FAULT_BEGIN] = "fault_begin",
	[RS_EV_FAULT_CHECK] = "fault_check",
	[RS_EV_FAULT_END] = "fault_end",
	[RS_EV_LOST] = "lost",
	[RS_EV_STATE] = "state",
};

static const char *const result_names[RS_NR_RESULTS] = { "unknown", "ok", "retry" };

static const char *const reason_names[RS_NR_END_REASONS] = {
	[RS_END_PLAIN] = "plain",
	[RS_END_SLOT_INVALID] = "slot_invalid",
	[RS_END_ASYNC] = "async",
	[RS_END_ROOT_OBSOLETE] = "root_obsolete",
};

static const char *const filter_names[] = { NULL, "shared", "private", "both" };

const char *rs_filter_name(unsigned int filter)
{
	return filter <= RS_KIND_BOTH ? filter_names[filter] : NULL;
}

const char *rs_event_name(unsigned int type)
{
	return type < RS_NR_EVENT_TYPES ? event_names[type] : NULL;
}

const char *rs_result_name(unsigned int result)
{
	return result < RS_NR_RESULTS ? result_names[result] : NULL;
}

const char *rs_end_reason_name(unsigned int reason)
{
	return reason < RS_NR_END_REASONS ? reason_names[reason] : NULL;
}

const char *rs_lost_name(const struct rs_event *ev)
{
	return ev->flags & RS_F_PAUSE ? "pause" : ev->flags & RS_F_RESUME ? "resume" : "lost";
}
