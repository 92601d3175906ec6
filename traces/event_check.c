// SPDX-License-Identifier: GPL-2.0-only
#include <stddef.h>
#include <stdint.h>

#include "traces/event.h"

#define ANY UINT64_MAX
#define IS_ALL_BITS(limit) (((limit) & ((uint64_t)(limit) + 1)) == 0)

/* The bits that an event's members cannot have, from those that they can. */
#define CAN_BE(of, flags_, result_, as_, half0, half1, word0, word1, word2)   \
	[of] = { .flags = 0xff & ~(flags_),                                   \
		 .result = 0xff & ~(result_),                                 \
		 .as = 0xff & ~(as_),                                         \
		 .raw = { .half = { ~(uint32_t)(half0), ~(uint32_t)(half1) }, \
			  .word = { ~(word0), ~(word1), ~(word2) } } }

/* What is not used is 0. A result can have these bits, but must not be 3. */
static const struct rs_event forbidden[16] = {
	CAN_BE(RS_EV_MEMSLOT, 0, 0, RS_MAX_AS, RS_MAX_SLOT_ID, UINT32_MAX, ANY, ANY, ANY),
	CAN_BE(RS_EV_INVAL_BEGIN, RS_F_WALK | RS_F_GFN | RS_F_SHARED | RS_F_PRIVATE, 0, 0, 0,
	       RS_MAX_WHO, ANY, ANY, ANY),
	CAN_BE(RS_EV_INVAL_SLOT, 0, 0, RS_MAX_AS, RS_MAX_SLOT_ID, 0, ANY, ANY, ANY),
	CAN_BE(RS_EV_INVAL_END, 0, 0, 0, 0, 0, ANY, 0ULL, 0ULL),
	CAN_BE(RS_EV_FAULT_BEGIN, RS_F_PRIVATE, 0, RS_MAX_AS, RS_MAX_VCPU, RS_MAX_WHO, ANY, 0ULL,
	       0ULL),
	CAN_BE(RS_EV_FAULT_CHECK, RS_F_LOCKLESS, 3, 0, RS_MAX_VCPU, 0, 0ULL, 0ULL, 0ULL),
	CAN_BE(RS_EV_FAULT_END, 0, 0, 0, RS_MAX_VCPU, RS_NR_END_REASONS - 1, 0ULL, 0ULL, 0ULL),
	CAN_BE(RS_EV_LOST, RS_F_PAUSE | RS_F_RESUME, 0, 0, 0, 0, ANY, 0ULL, 0ULL),
	CAN_BE(RS_EV_STATE, 0, 0, 0, UINT32_MAX, 0, ANY, ANY, ANY),
};

_Static_assert(RS_NR_RESULTS == 3 && RS_NR_EVENT_TYPES <= 16 && IS_ALL_BITS(RS_MAX_SLOT_ID) &&
		       IS_ALL_BITS(RS_MAX_VCPU) && IS_ALL_BITS(RS_MAX_AS) &&
		       IS_ALL_BITS(RS_MAX_WHO) && IS_ALL_BITS(RS_NR_END_REASONS - 1),
	       "up to each limit a member can have all bits");

const char *rs_event_problem(const struct rs_event *ev)
{
	const struct rs_event *f;

	if (ev->type == RS_EV_NONE || ev->type >= RS_NR_EVENT_TYPES)
		return "its type is unknown";
	f = &forbidden[ev->type];
	if (ev->raw.half[0] & f->raw.half[0])
		return "its memslot's or vCPU's number is out of range";
	if (ev->result & f->result || ev->result >= RS_NR_RESULTS)
		return "its result is out of range";
	if (ev->raw.half[1] & f->raw.half[1])
		return "its flags, its reason or who did it are out of range";
	if (ev->flags & f->flags || ev->as & f->as || ev->raw.word[0] & f->raw.word[0] ||
	    ev->raw.word[1] & f->raw.word[1] || ev->raw.word[2] & f->raw.word[2])
		return "a member that it does not use is not 0";
	return NULL;
}

/*
 * Word by word (all but the time), without branches that depend on the events: this is
 * done to every record that is mapped.
 */
bool rs_events_well_formed(const struct rs_event *evs, size_t n)
{
	uint64_t bad = 0;

	for (size_t i = 0; i < n; i++) {
		const uint64_t *w = (const uint64_t *)&evs[i];
		const uint64_t *f = (const uint64_t *)&forbidden[evs[i].type % 16];

		bad |= (w[1] & f[1]) | (w[2] & f[2]) | (w[3] & f[3]) | (w[4] & f[4]) |
		       (w[5] & f[5]);
		bad |= (evs[i].type - 1U) >= RS_EV_STATE;
		bad |= evs[i].result >= RS_NR_RESULTS;
	}
	return !bad;
}
