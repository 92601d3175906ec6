/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_COMPARE_RANK_H
#define RS_ANALYSIS_COMPARE_RANK_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Two groups of runs by their ranks: nothing is assumed of how figures are distributed,
 * and one run that went wrong moves no result far.
 */

/* Of so many runs together, at most, the distribution of the rank sum is enumerated. */
#define RS_RANK_EXACT_RUNS 50
/* With fewer runs a side no difference, however large, could be told from chance. */
#define RS_RANK_LEAST_RUNS 4

struct rs_rank {
	double u; /* Mann and Whitney's: pairs in which the new one is larger, ties half */
	double p; /* two-sided, as likely as this or less if both groups were alike */
	bool exact;
};

/*
 * Tests the @m figures of @a against the @n of @b, all finite, both numbers at least 1.
 * Exact for RS_RANK_EXACT_RUNS together, also with ties: each way to deal out the ranks
 * is as likely. Beyond, by the normal distribution, corrected for ties and continuity.
 * 0 or -ENOMEM.
 */
int rs_rank_test(const double *a, size_t m, const double *b, size_t n, struct rs_rank *r);
/* The least p that any figures of so many runs could have. */
double rs_rank_least_p(size_t m, size_t n);

struct rs_ratio {
	double median;	  /* of the ratios of all pairs; NAN if a figure is not above 0 */
	double low, high; /* 95 % interval; NAN if there are too few runs for one */
};

/*
 * How many times the figures of @a those of @b are: Hodges and Lehmann's estimate and
 * interval of a shift, of the logarithms. 0 or -ENOMEM.
 */
int rs_rank_ratio(const double *a, size_t m, const double *b, size_t n, struct rs_ratio *r);

/*
 * Holm: makes each of the @n values of @p what it is when all are looked at together: below
 * a limit, it is so with no more chance that any of them is there by chance. NAN is left,
 * and does not count. 0 or -ENOMEM.
 */
int rs_rank_holm(double *p, size_t n);

/* The median of @n values, which it sorts; NAN if there is none. */
double rs_rank_median(double *values, size_t n);

#endif
