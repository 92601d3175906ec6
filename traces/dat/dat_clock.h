/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_DAT_DAT_CLOCK_H
#define RS_TRACES_DAT_DAT_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct rs_dat_file;
struct rs_trace_meta;

/* From the times of a trace.dat to ns. All zero: they are ns. */
struct rs_dat_clock {
	bool cycles;	    /* they are no ns, but: */
	uint64_t mult;	    /* ns = time * mult >> shift, if not 0 */
	unsigned int shift; /* < 64 */
	uint64_t khz;	    /* ns = time * 10^6 / khz, if not 0 */
};

/*
 * What @f says of its clock, into @c; @assume_khz (0: none) is what the user says of a TSC of
 * which the file does not tell how fast it is. @meta gets how the times were made, or the
 * assumption. 0; -ENOMEM, or -EINVAL with @err set: the times cannot be ns.
 */
int rs_dat_clock_init(struct rs_dat_clock *c, const struct rs_dat_file *f, uint64_t assume_khz,
		      struct rs_trace_meta *meta, struct rs_error *err);
/* rs_dat_clock_ns() of times that are no ns. */
uint64_t rs_dat_clock_convert(const struct rs_dat_clock *c, uint64_t time);

/* The time @time of the file in ns; a later one is not earlier. What is too large is UINT64_MAX. */
static inline uint64_t rs_dat_clock_ns(const struct rs_dat_clock *c, uint64_t time)
{
	return c->cycles ? rs_dat_clock_convert(c, time) : time;
}

#endif
