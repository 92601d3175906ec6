// SPDX-License-Identifier: GPL-2.0-only
#include <stddef.h>

#include "traces/event.h"

/* The largest value of each member, and which flags there are. */
struct limits {
	uint32_t index, arg;
	uint64_t a, b, c;
	uint8_t flags, result, as;
};

#define ANY UINT64_MAX

static const struct limits limits[16] = {
	[RS_EV_MEMSLOT] = { .index = RS_MAX_SLOT_ID,
			    .arg = UINT32_MAX,
			    .a = ANY,
			    .b = ANY,
			    .c = ANY,
			    .as = RS_MAX_AS },
	[RS_EV_INVAL_BEGIN] = { .a = ANY, .b = ANY, .c = ANY, .flags = RS_F_WALK | RS_F_GFN },
	[RS_EV_INVAL_SLOT] = { .index = RS_MAX_SLOT_ID,
			       .a = ANY,
			       .b = ANY,
			       .c = ANY,
			       .as = RS_MAX_AS },
	[RS_EV_INVAL_END] = { .a = ANY },
	[RS_EV_FAULT_BEGIN] = { .index = RS_MAX_VCPU, .a = ANY, .as = RS_MAX_AS },
	[RS_EV_FAULT_CHECK] = { .index = RS_MAX_VCPU,
				.flags = RS_F_LOCKLESS,
				.result = RS_NR_RESULTS - 1 },
	[RS_EV_FAULT_END] = { .index = RS_MAX_VCPU, .arg = RS_NR_END_REASONS - 1 },
	[RS_EV_LOST] = { .a = ANY },
	[RS_EV_STATE] = { .index = UINT32_MAX, .a = ANY, .b = ANY, .c = ANY },
};

const char *rs_event_problem(const struct rs_event *ev)
{
	const struct limits *l;

	if (ev->type == RS_EV_NONE || ev->type >= RS_NR_EVENT_TYPES)
		return "its type is unknown";
	l = &limits[ev->type];
	if (ev->index > l->index)
		return "its memslot's or vCPU's number is out of range";
	if (ev->result > l->result)
		return "its result is out of range";
	if (ev->arg > l->arg)
		return "its flags or its reason are out of range";
	if (ev->flags & ~l->flags || ev->as > l->as || ev->a > l->a || ev->b > l->b || ev->c > l->c)
		return "a member that it does not use is not 0";
	return NULL;
}

/* Without branches that depend on the events: this is done to every record that is mapped. */
bool rs_events_well_formed(const struct rs_event *evs, size_t n)
{
	uint64_t bad = 0;

	for (size_t i = 0; i < n; i++) {
		const struct rs_event *ev = &evs[i];
		const struct limits *l = &limits[ev->type % 16];

		bad |= (ev->type - 1U) >= RS_EV_STATE;
		bad |= ev->index > l->index;
		bad |= ev->arg > l->arg;
		bad |= ev->result > l->result;
		bad |= ev->as > l->as;
		bad |= ev->flags & ~l->flags;
		/* Numbers are either used or not. */
		bad |= (ev->a & ~l->a) | (ev->b & ~l->b) | (ev->c & ~l->c);
	}
	return !bad;
}
