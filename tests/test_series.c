// SPDX-License-Identifier: GPL-2.0-only
/* Envelopes against a naive list of every state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analysis/plot/series.h"

#define MAX_STATES 20000

struct state {
	uint64_t begin, end, values[2];
};

static uint64_t seed;

static uint64_t rnd(uint64_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % n;
}

/* What the bin [@begin, @end) must hold, by looking at all states. */
static struct rs_series_bin naive_bin(const struct state *st, size_t n, size_t track,
				      uint64_t begin, uint64_t end)
{
	struct rs_series_bin bin = { .min = UINT64_MAX };

	for (size_t i = 0; i < n; i++) {
		uint64_t a = st[i].begin > begin ? st[i].begin : begin;
		uint64_t b = st[i].end < end ? st[i].end : end;
		uint64_t v = st[i].values[track];

		if (a >= b)
			continue;
		bin.min = v < bin.min ? v : bin.min;
		bin.max = v > bin.max ? v : bin.max;
		bin.value_ns += (unsigned __int128)v * (b - a);
	}
	return bin;
}

static void check_against_naive(const struct rs_series *s, const struct state *st, size_t n,
				uint64_t from, uint64_t until)
{
	size_t nr = rs_series_nr_bins(s);
	uint64_t at = from;

	assert_true(nr <= RS_SERIES_BINS);
	for (size_t i = 0; i < nr; i++) {
		uint64_t begin = rs_series_bin_begin_ns(s, i), end = rs_series_bin_end_ns(s, i);

		assert_int_equal(begin, at);
		assert_true(end > begin);
		at = end;
		for (size_t t = 0; t < 2; t++) {
			struct rs_series_bin want = naive_bin(st, n, t, begin, end);
			const struct rs_series_bin *got = rs_series_bin(s, t, i);

			assert_int_equal(got->min, want.min);
			assert_int_equal(got->max, want.max);
			assert_true(got->value_ns == want.value_ns);
		}
	}
	assert_int_equal(at, until);
}

/* @n random states; gaps up to @gap ns, many of them empty. */
static size_t random_states(struct state *st, size_t n, uint64_t begin, uint64_t gap)
{
	uint64_t now = begin;

	for (size_t i = 0; i < n; i++) {
		st[i].begin = now;
		now += rnd(4) ? rnd(gap) : 0;
		st[i].end = now;
		st[i].values[0] = rnd(3) ? rnd(5000) : 0;
		st[i].values[1] = rnd(UINT64_MAX);
	}
	st[n - 1].end = ++now;
	return n;
}

static void run(size_t n, uint64_t begin, uint64_t gap)
{
	static struct state st[MAX_STATES];
	uint64_t end;
	struct rs_series *s;

	random_states(st, n, begin, gap);
	end = st[n - 1].end;
	s = rs_series_new(2);
	assert_non_null(s);
	for (size_t i = 0; i < n; i++)
		rs_series_set(s, st[i].begin, st[i].values);
	rs_series_finish(s, end);
	check_against_naive(s, st, n, begin, end);
	rs_series_free(s);
}

static void envelopes_are_exact(void **state)
{
	(void)state;
	seed = 1;
	run(1, 0, 1);
	run(10, 1000000, 3);
	run(10, 5, 1000000000);
	run(1000, 5, 10);
	run(MAX_STATES, 123456789, 100);
	run(3000, 7, 1ULL << 40);
}

/* 0 for 300 ns, 9 for 200 ns, and a spike of 7 that lasts no time. */
static void worked_by_hand(void **state)
{
	struct rs_series *s = rs_series_new(1);
	uint64_t v[] = { 0, 7, 9 };

	(void)state;
	rs_series_set(s, 1000, &v[0]);
	rs_series_set(s, 1300, &v[1]);
	rs_series_set(s, 1300, &v[2]);
	rs_series_finish(s, 1500);
	assert_int_equal(rs_series_bin_ns(s), 1);
	assert_int_equal(rs_series_nr_bins(s), 500);
	assert_int_equal(rs_series_bin(s, 0, 299)->max, 0);
	assert_int_equal(rs_series_bin(s, 0, 300)->min, 9);
	assert_int_equal(rs_series_bin(s, 0, 300)->max, 9);
	rs_series_free(s);

	/* 999 ns need bins of 2 ns; the one at the step at 301 holds both values. */
	s = rs_series_new(1);
	rs_series_set(s, 0, &v[0]);
	rs_series_set(s, 301, &v[2]);
	rs_series_finish(s, 999);
	assert_int_equal(rs_series_bin_ns(s), 2);
	assert_int_equal(rs_series_nr_bins(s), 500);
	assert_int_equal(rs_series_bin(s, 0, 150)->min, 0);
	assert_int_equal(rs_series_bin(s, 0, 150)->max, 9);
	assert_true(rs_series_mean(s, 0, 150) == 4.5);
	assert_int_equal(rs_series_bin_end_ns(s, 499), 999);
	assert_true(rs_series_mean(s, 0, 499) == 9.0);
	rs_series_free(s);
}

static void nothing_lasted(void **state)
{
	struct rs_series *s = rs_series_new(1);
	uint64_t v = 3;

	(void)state;
	rs_series_finish(s, 10);
	assert_int_equal(rs_series_nr_bins(s), 0);
	rs_series_free(s);

	s = rs_series_new(1);
	rs_series_set(s, 5, &v);
	rs_series_finish(s, 5);
	assert_int_equal(rs_series_nr_bins(s), 0);
	rs_series_free(s);

	s = rs_series_new(1);
	rs_series_set(s, 5, &v);
	rs_series_set(s, 4, &v); /* backwards: as if at 5 */
	rs_series_finish(s, 5);
	assert_int_equal(rs_series_nr_bins(s), 0);
	rs_series_free(s);
}

/* The whole range of 64 bit times fits. */
static void extremes(void **state)
{
	struct rs_series *s = rs_series_new(1);
	uint64_t v = UINT64_MAX;
	unsigned __int128 sum = 0;

	(void)state;
	rs_series_set(s, 0, &v);
	rs_series_finish(s, UINT64_MAX);
	assert_int_equal(rs_series_nr_bins(s), RS_SERIES_BINS);
	for (size_t i = 0; i < RS_SERIES_BINS; i++)
		sum += rs_series_bin(s, 0, i)->value_ns;
	assert_true(sum == (unsigned __int128)UINT64_MAX * UINT64_MAX);
	assert_int_equal(rs_series_bin_end_ns(s, RS_SERIES_BINS - 1), UINT64_MAX);
	rs_series_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(worked_by_hand),
		cmocka_unit_test(envelopes_are_exact),
		cmocka_unit_test(nothing_lasted),
		cmocka_unit_test(extremes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
