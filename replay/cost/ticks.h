/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_COST_TICKS_H
#define RS_REPLAY_COST_TICKS_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "replay/hist.h"

/* Time for measurements of what takes a few nanoseconds. */

static inline uint64_t rs_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

/*
 * A clock that costs less than what it times: the cycle counter where there is
 * one. What a look at it costs is measured, and to be taken off.
 */
static inline uint64_t rs_ticks(void)
{
#if defined(__x86_64__)
	/* rdtscp waits by itself, but an emulated machine need not have it. */
	__builtin_ia32_lfence();
	return __builtin_ia32_rdtsc();
#else
	return rs_now_ns();
#endif
}

struct rs_tick_rate {
	double ns_per_tick;
	double look; /* ticks between two looks with nothing between them */
};

/* Takes a few milliseconds. */
struct rs_tick_rate rs_tick_rate_measure(void);

/* The mean without the slowest hundredth: what the kernel took the CPU away from is no cost. */
double rs_hist_trimmed_mean(const struct rs_hist *h);

/* Of several rounds. */
struct rs_spread {
	double median, min, max;
};
/* Sorts the @n > 0 values. */
struct rs_spread rs_spread_of(double *values, size_t n);

#endif
