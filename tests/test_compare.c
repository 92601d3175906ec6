// SPDX-License-Identifier: GPL-2.0-only
/* The statistics of compare: against R's, by hand, and in many draws of which the truth is known.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/compare/compare.h"
#include "analysis/compare/rank.h"
#include "base/parse.h"

#define MAX_RUNS 64

static size_t numbers(char *text, double *to)
{
	char *end;
	size_t n = 0;

	for (double v = strtod(text, &end); end != text; v = strtod(text, &end)) {
		assert_true(n < MAX_RUNS);
		to[n++] = v;
		text = end;
	}
	return n;
}

static void near(const char *name, const char *what, double is, double wanted)
{
	if (!(fabs(is - wanted) <= 1e-9 * fmax(1, fabs(wanted))))
		fail_msg("%s: %s is %.12g, and R's %.12g", name, what, is, wanted);
}

static void check_table(char *line)
{
	double a[MAX_RUNS], b[MAX_RUNS], v[5];
	const char *name = strtok(line, ";");
	size_t m = numbers(strtok(NULL, ";"), a), n = numbers(strtok(NULL, ";"), b);
	struct rs_ratio ratio;
	struct rs_rank test;

	for (size_t i = 0; i < 5; i++)
		assert_int_equal(numbers(strtok(NULL, ";"), &v[i]), 1);
	assert_int_equal(rs_rank_test(a, m, b, n, &test), 0);
	assert_int_equal(rs_rank_ratio(a, m, b, n, &ratio), 0);
	near(name, "U", test.u, v[0]);
	near(name, "p", test.p, v[1]);
	near(name, "the ratio", ratio.median, v[2]);
	near(name, "its lower end", ratio.low, v[3]);
	near(name, "its upper end", ratio.high, v[4]);
	assert_int_equal(test.exact, m + n <= RS_RANK_EXACT_RUNS);
}

static void test_tables(void **state)
{
	FILE *f = fopen(TEST_DATA "/compare/tables.txt", "r");
	char line[1024];
	size_t nr = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (line[0] == '#')
			continue;
		check_table(line);
		nr++;
	}
	fclose(f);
	assert_int_equal(nr, 10);
}

/* Which way round the groups are changes the sign of a difference, not whether there is one. */
static void test_turned(void **state)
{
	static const double a[] = { 3, 1, 4, 1, 5, 9 }, b[] = { 2, 6, 5, 3, 5 };
	struct rs_ratio r, s;
	struct rs_rank t, u;

	assert_int_equal(rs_rank_test(a, 6, b, 5, &t), 0);
	assert_int_equal(rs_rank_test(b, 5, a, 6, &u), 0);
	assert_true(fabs(t.p - u.p) < 1e-12);
	assert_true(t.u + u.u == 30);
	assert_int_equal(rs_rank_ratio(a, 6, b, 5, &r), 0);
	assert_int_equal(rs_rank_ratio(b, 5, a, 6, &s), 0);
	assert_true(fabs(r.median * s.median - 1) < 1e-12);
	assert_true(fabs(r.low * s.high - 1) < 1e-12 && fabs(r.high * s.low - 1) < 1e-12);
}

/* All alike: nothing is told. A zero has no ratio. Three a side have no 95 % interval. */
static void test_edges(void **state)
{
	static const double same[] = { 2, 2, 2, 2 }, zero[] = { 0, 1, 2, 3 }, one[] = { 5 };
	struct rs_ratio r;
	struct rs_rank t;

	assert_int_equal(rs_rank_test(same, 4, same, 4, &t), 0);
	assert_true(t.p == 1);
	assert_int_equal(rs_rank_ratio(same, 4, zero, 4, &r), 0);
	assert_true(isnan(r.median) && isnan(r.low) && isnan(r.high));
	assert_int_equal(rs_rank_ratio(same, 3, same, 3, &r), 0);
	assert_true(r.median == 1 && isnan(r.low) && isnan(r.high));
	assert_int_equal(rs_rank_ratio(one, 1, one, 1, &r), 0);
	assert_true(r.median == 1 && isnan(r.low));
	assert_int_equal(rs_rank_test(one, 1, same, 4, &t), 0);
	assert_true(fabs(t.p - 0.4) < 1e-12);
	assert_true(fabs(rs_rank_least_p(4, 4) - 2.0 / 70) < 1e-12);
	assert_true(rs_rank_least_p(1, 1) == 1);
}

/* With so many runs p is counted out, and with one more it is not. */
static void test_exact(void **state)
{
	double v[RS_RANK_EXACT_RUNS + 1];
	const size_t half = RS_RANK_EXACT_RUNS / 2;
	struct rs_rank t;

	for (size_t i = 0; i <= RS_RANK_EXACT_RUNS; i++)
		v[i] = (double)i;
	assert_int_equal(rs_rank_test(v, half, v + half, RS_RANK_EXACT_RUNS - half, &t), 0);
	assert_true(t.exact);
	near("apart", "p", t.p, rs_rank_least_p(half, RS_RANK_EXACT_RUNS - half));
	assert_int_equal(rs_rank_test(v, half, v + half, RS_RANK_EXACT_RUNS + 1 - half, &t), 0);
	assert_false(t.exact);
}

/* By hand: 0.01 x 4, 0.02 x 3, 0.025 x 2 and not below that of 0.02, 0.9; the NAN is no test. */
static void test_holm(void **state)
{
	double p[] = { 0.025, 0.01, NAN, 0.9, 0.02 };
	static const double held[] = { 0.06, 0.04, 0, 0.9, 0.06 };

	assert_int_equal(rs_rank_holm(p, 5), 0);
	for (size_t i = 0; i < 5; i++)
		assert_true(i == 2 ? isnan(p[i]) : fabs(p[i] - held[i]) < 1e-12);
	assert_int_equal(rs_rank_holm(p, 0), 0);
}

static double uniform(uint64_t *seed)
{
	*seed += 0x9e3779b97f4a7c15;
	uint64_t z = *seed;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return ((double)((z ^ (z >> 31)) >> 11) + 0.5) * 0x1p-53;
}

/* Of 1,000 pairs of groups that are alike at most about 50 may seem to differ, with any number of
 * runs and with ties; the interval holds the true ratio in about 950. */
static void draw_many(size_t m, size_t n, double grain)
{
	unsigned int wrong = 0, outside = 0;
	uint64_t seed = 1000 * m + n;
	double a[MAX_RUNS], b[MAX_RUNS];

	for (unsigned int k = 0; k < 1000; k++) {
		struct rs_ratio ratio;
		struct rs_rank test;

		for (size_t i = 0; i < m; i++)
			a[i] = grain * ceil(exp(uniform(&seed)) / grain);
		for (size_t i = 0; i < n; i++)
			b[i] = grain * ceil(exp(uniform(&seed)) / grain);
		assert_int_equal(rs_rank_test(a, m, b, n, &test), 0);
		assert_int_equal(rs_rank_ratio(a, m, b, n, &ratio), 0);
		wrong += test.p < 0.05;
		outside += ratio.low > 1 || ratio.high < 1;
	}
	if (wrong > 70 || outside > 70)
		fail_msg("%zu and %zu runs: %u of 1000 seem to differ, %u intervals miss 1", m, n,
			 wrong, outside);
}

static void test_by_chance(void **state)
{
	draw_many(4, 4, 1e-9);
	draw_many(5, 9, 1e-9);
	draw_many(8, 8, 0.3);
	draw_many(27, 27, 1e-9);
	draw_many(27, 30, 0.3);
}

static void test_lists(void **state)
{
	assert_true(rs_list_has("gfn,gfn-list", "gfn-list"));
	assert_false(rs_list_has("gfn-v7,gfn-list", "gfn"));
	assert_false(rs_list_has("gfn", ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables), cmocka_unit_test(test_turned),
		cmocka_unit_test(test_edges),  cmocka_unit_test(test_exact),
		cmocka_unit_test(test_holm),   cmocka_unit_test(test_by_chance),
		cmocka_unit_test(test_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
