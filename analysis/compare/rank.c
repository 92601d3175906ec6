// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/compare/rank.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Of the normal distribution: of each side, 2.5 % are further away. */
#define NORMAL_975 1.959963984540054

static int by_value(const void *pa, const void *pb)
{
	double a = *(const double *)pa, b = *(const double *)pb;

	return (a > b) - (a < b);
}

static void sort(double *values, size_t n)
{
	if (n)
		qsort(values, n, sizeof(*values), by_value);
}

static double middle(const double *sorted, size_t n)
{
	if (!n)
		return NAN;
	return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

double rs_rank_median(double *values, size_t n)
{
	sort(values, n);
	return middle(values, n);
}

/* ---- the distribution of a rank sum ---- */

/*
 * ways[k][s]: in how many ways k of the ranks have the sum s. Ranks are doubled, since those
 * of a tie are halves. As long as RS_RANK_EXACT_RUNS allows, each number of ways is a whole
 * one that a double holds.
 */
struct ways {
	size_t k, most; /* ranks dealt out, the largest sum */
	double *of;
};

static double *ways_at(const struct ways *w, size_t k, size_t sum)
{
	return &w->of[k * (w->most + 1) + sum];
}

static int ways_count(struct ways *w, const uint32_t *ranks, size_t nr, size_t k)
{
	w->k = k;
	w->most = 0;
	for (size_t i = 0; i < nr; i++)
		w->most += ranks[i];
	w->of = calloc((k + 1) * (w->most + 1), sizeof(*w->of));
	if (!w->of)
		return -ENOMEM;
	*ways_at(w, 0, 0) = 1;
	for (size_t i = 0; i < nr; i++)
		for (size_t j = i + 1 < k ? i + 1 : k; j; j--)
			for (size_t s = ranks[i]; s <= w->most; s++)
				*ways_at(w, j, s) += *ways_at(w, j - 1, s - ranks[i]);
	return 0;
}

/* Twice the smaller tail that @sum is in. */
static double two_sided(const struct ways *w, size_t sum)
{
	double low = 0, high = 0, all = 0, p;

	for (size_t s = 0; s <= w->most; s++) {
		double ways = *ways_at(w, w->k, s);

		all += ways;
		low += s <= sum ? ways : 0;
		high += s >= sum ? ways : 0;
	}
	p = 2 * (low < high ? low : high) / all;
	return p < 1 ? p : 1;
}

/* ---- the test ---- */

/* All values, sorted, with what each has as a doubled rank. */
struct ranking {
	double *values;
	uint32_t *ranks;
	size_t nr;
	double ties; /* sum of t^3 - t over the ties of t values */
};

static void ranking_free(struct ranking *r)
{
	free(r->values);
	free(r->ranks);
}

static int ranking_make(struct ranking *r, const double *a, size_t m, const double *b, size_t n)
{
	size_t end;

	r->nr = m + n;
	r->ties = 0;
	r->values = calloc(r->nr, sizeof(*r->values));
	r->ranks = calloc(r->nr, sizeof(*r->ranks));
	if (!r->values || !r->ranks) {
		ranking_free(r);
		return -ENOMEM;
	}
	memcpy(r->values, a, m * sizeof(*a));
	memcpy(r->values + m, b, n * sizeof(*b));
	sort(r->values, r->nr);
	for (size_t i = 0; i < r->nr; i = end) {
		double t;

		for (end = i + 1; end < r->nr && r->values[end] == r->values[i];)
			end++;
		for (size_t k = i; k < end; k++)
			r->ranks[k] = (uint32_t)(i + 1 + end);
		t = (double)(end - i);
		r->ties += t * t * t - t;
	}
	return 0;
}

/* The doubled ranks of @values together. */
static size_t rank_sum(const struct ranking *r, const double *values, size_t n)
{
	size_t sum = 0;

	for (size_t i = 0; i < n; i++) {
		const double *at = bsearch(&values[i], r->values, r->nr, sizeof(*at), by_value);

		sum += r->ranks[at - r->values];
	}
	return sum;
}

static double normal_p(const struct ranking *r, double u, size_t m, size_t n)
{
	double mn = (double)m * (double)n, nr = (double)r->nr;
	double variance = mn / 12 * (nr + 1 - r->ties / (nr * (nr - 1)));
	double away = fabs(u - mn / 2) - 0.5;

	if (away <= 0 || variance <= 0)
		return 1;
	return erfc(away / sqrt(2 * variance));
}

int rs_rank_test(const double *a, size_t m, const double *b, size_t n, struct rs_rank *r)
{
	struct ranking all;
	struct ways w;
	size_t sum;
	int rc = ranking_make(&all, a, m, b, n);

	if (rc)
		return rc;
	sum = rank_sum(&all, b, n);
	r->u = (double)sum / 2 - (double)n * ((double)n + 1) / 2;
	r->exact = all.nr <= RS_RANK_EXACT_RUNS;
	if (r->exact) {
		rc = ways_count(&w, all.ranks, all.nr, n);
		if (!rc)
			r->p = two_sided(&w, sum);
		if (!rc)
			free(w.of);
	} else {
		r->p = normal_p(&all, r->u, m, n);
	}
	ranking_free(&all);
	return rc;
}

static double choose(size_t n, size_t k)
{
	double ways = 1;

	for (size_t i = 1; i <= k; i++)
		ways = ways * (double)(n - k + i) / (double)i;
	return ways;
}

double rs_rank_least_p(size_t m, size_t n)
{
	return fmin(1, 2 / choose(m + n, n));
}

/* ---- the ratio ---- */

/*
 * How many of the sorted ratios lie outside the interval at each end, and one: as many as U
 * is below with a chance of 2.5 % at most. 0: there is no such number.
 */
static int outside(size_t m, size_t n, size_t *k)
{
	double mn = (double)m * (double)n, below = 0, all;
	uint32_t ranks[RS_RANK_EXACT_RUNS];
	size_t least = n * (n + 1); /* of a doubled rank sum, which is U = 0 */
	struct ways w;
	double at;

	if (m + n > RS_RANK_EXACT_RUNS) {
		at = floor(mn / 2 - NORMAL_975 * sqrt(mn * (double)(m + n + 1) / 12));
		*k = at > 0 ? (size_t)at : 0;
		return 0;
	}
	for (size_t i = 0; i < m + n; i++)
		ranks[i] = (uint32_t)(2 * (i + 1));
	if (ways_count(&w, ranks, m + n, n))
		return -ENOMEM;
	all = choose(m + n, n);
	for (*k = 0; least + 2 * *k <= w.most; ++*k) {
		below += *ways_at(&w, n, least + 2 * *k);
		if (below / all > 0.025)
			break;
	}
	free(w.of);
	return 0;
}

/* The logarithms of the ratios of all pairs, sorted; false if one has none. */
static bool log_ratios(const double *a, size_t m, const double *b, size_t n, double *to)
{
	for (size_t i = 0; i < m; i++) {
		for (size_t k = 0; k < n; k++) {
			if (!(a[i] > 0) || !(b[k] > 0))
				return false;
			to[i * n + k] = log(b[k]) - log(a[i]);
		}
	}
	sort(to, m * n);
	return true;
}

int rs_rank_ratio(const double *a, size_t m, const double *b, size_t n, struct rs_ratio *r)
{
	double *logs = calloc(m * n, sizeof(*logs));
	size_t k = 0;
	int rc = logs ? outside(m, n, &k) : -ENOMEM;

	*r = (struct rs_ratio){ NAN, NAN, NAN };
	if (!rc && log_ratios(a, m, b, n, logs)) {
		r->median = exp(middle(logs, m * n));
		if (k) {
			r->low = exp(logs[k - 1]);
			r->high = exp(logs[m * n - k]);
		}
	}
	free(logs);
	return rc;
}

/* ---- several at once ---- */

static int by_pointed_value(const void *pa, const void *pb)
{
	return by_value(*(double *const *)pa, *(double *const *)pb);
}

int rs_rank_holm(double *p, size_t n)
{
	double **sorted = calloc(n + 1, sizeof(*sorted)), most = 0;
	size_t nr = 0;

	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (!isnan(p[i]))
			sorted[nr++] = &p[i];
	if (nr)
		qsort(sorted, nr, sizeof(*sorted), by_pointed_value);
	for (size_t i = 0; i < nr; i++) {
		double held = fmin(1, *sorted[i] * (double)(nr - i));

		most = fmax(most, held);
		*sorted[i] = most;
	}
	free(sorted);
	return 0;
}
