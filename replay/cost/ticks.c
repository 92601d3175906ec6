// SPDX-License-Identifier: GPL-2.0-only
#include "replay/cost/ticks.h"

#include <stdlib.h>

#define LOOKS 20000
#define CALIBRATE_NS 2000000

double rs_hist_trimmed_mean(const struct rs_hist *h)
{
	uint64_t value, weight, left = h->weight - h->weight / 100;
	double sum = 0, n = (double)left;
	size_t pos = 0;

	while (left && rs_hist_next(h, &pos, &value, &weight)) {
		weight = weight < left ? weight : left;
		sum += (double)value * (double)weight;
		left -= weight;
	}
	return n > 0 ? sum / n : 0;
}

struct rs_tick_rate rs_tick_rate_measure(void)
{
	struct rs_hist looks = { 0 };
	uint64_t ns = rs_now_ns(), t0 = rs_ticks();
	struct rs_tick_rate rate;

	for (int i = 0; i < LOOKS; i++) {
		uint64_t t = rs_ticks();

		rs_hist_add(&looks, rs_ticks() - t, 1);
	}
	while (rs_now_ns() - ns < CALIBRATE_NS)
		;
	rate.ns_per_tick = (double)(rs_now_ns() - ns) / (double)(rs_ticks() - t0);
	rate.look = rs_hist_trimmed_mean(&looks);
	rs_hist_free(&looks);
	return rate;
}

static int cmp_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct rs_spread rs_spread_of(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), cmp_double);
	return (struct rs_spread){
		.median = n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2,
		.min = values[0],
		.max = values[n - 1],
	};
}
