/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_GUEST_RAMP_H
#define RS_TRACES_GUEST_RAMP_H

#include <stdint.h>

#include "traces/guest/vm.h"

/*
 * Many half-open ranges of pages, made into one line: how many pages of all of
 * them together lie below a page. The line is straight but where a range begins
 * or ends, and rises there by as many as there are ranges: memslots make few
 * such bends, and a question is one search, whatever overlaps. The last answers
 * are kept, as many algorithms ask the same: so one thread at a time may ask.
 */
struct rs_ramp {
	uint64_t *at; /* where the bends are; the first is 0, behind the last is UINT64_MAX */
	struct rs_ramp_bend *bends;
	struct rs_ramp_answer *answers;
	uint32_t nr, max;
};

/* Makes it of @n ranges: all starts and all ends in units of 1 << @shift, sorted each. 0 or
 * -ENOMEM. */
int rs_ramp_make(struct rs_ramp *r, const uint64_t *starts, const uint64_t *ends, uint32_t n,
		 unsigned int shift);
/*
 * How many pages of all ranges lie below @start, and how many below @end; both 0
 * if start >= end. Needs rs_ramp_make().
 */
struct rs_range rs_ramp_below(const struct rs_ramp *r, uint64_t start, uint64_t end);
void rs_ramp_free(struct rs_ramp *r);

#endif
