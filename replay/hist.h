/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_HIST_H
#define RS_REPLAY_HIST_H

#include <stdint.h>
#include <stddef.h>

/*
 * A weighted histogram of 64 bit values with log-linear buckets: 128 to an
 * octave, so that a value read back is less than 1 % (1/128) too small and
 * never too large; values below 256 are exact. Minimum, maximum and totals are
 * exact always. Octaves are allocated as they are hit; one that cannot be
 * allocated is counted in @dropped.
 */
#define RS_HIST_BITS 7
#define RS_HIST_OCTAVES (64 - RS_HIST_BITS)

struct rs_hist {
	uint64_t weight; /* sum of the weights; the count where each weight is 1 */
	uint64_t min, max;
	uint64_t dropped;
	unsigned __int128 total; /* sum of value x weight */
	uint64_t *octave[RS_HIST_OCTAVES + 1];
};

/* Adds @value, @weight times. No weight: nothing is added. */
void rs_hist_add(struct rs_hist *h, uint64_t value, uint64_t weight);

/* Adds everything in @from to @to. */
void rs_hist_merge(struct rs_hist *to, const struct rs_hist *from);
/*
 * The smallest bucket value at which at least @q (0..1) of the weight is at or
 * below; 0 if the histogram is empty. q = 1 gives the exact maximum.
 */
uint64_t rs_hist_quantile(const struct rs_hist *h, double q);
double rs_hist_mean(const struct rs_hist *h);
/*
 * Walks the nonempty buckets in rising order: start with *@pos = 0; returns 0 at
 * the end. *@value is the bucket's lower bound, *@weight what is in it.
 */
int rs_hist_next(const struct rs_hist *h, size_t *pos, uint64_t *value, uint64_t *weight);
void rs_hist_free(struct rs_hist *h);

#endif
