// SPDX-License-Identifier: GPL-2.0-only
/* Sets of ranges (replay/spans), few and many, against counting point by point. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "replay/model/spans.h"
#include "tests/common/random_stream.h"

#define POINTS 300
#define MOST (20 * RS_SPANS_SMALL)

/* The same set as a list, and how many cover each point. */
struct naive {
	struct rs_range v[MOST];
	uint32_t nr;
	uint32_t cover[POINTS];
};

static void count(struct naive *n, const struct rs_range *r, uint32_t by)
{
	for (uint64_t p = r->start; p < r->end; p++)
		n->cover[p] += by;
}

static void check(const struct rs_spans *s, const struct naive *n)
{
	struct rs_range hull = rs_spans_hull(s), all = { 0, 0 };
	uint64_t length = 0;

	for (uint32_t i = 0; i < n->nr; i++)
		rs_range_widen(&all, n->v[i].start, n->v[i].end);
	for (uint64_t p = 0; p < POINTS; p++) {
		assert_int_equal(rs_spans_cover(s, p), n->cover[p] > 0);
		length += n->cover[p] > 0;
	}
	assert_int_equal(rs_spans_length(s), length);
	assert_int_equal(hull.start, all.start);
	assert_int_equal(hull.end, all.end);
}

/* Mostly short, some are long, some have been there before, a few are empty. */
static struct rs_range random_range(struct stream_rng *rng, const struct naive *n)
{
	uint64_t start = stream_below(rng, POINTS), most = POINTS - start;
	uint64_t length = stream_below(rng, stream_below(rng, 4) ? 5 : POINTS);

	if (n->nr && !stream_below(rng, 4))
		return n->v[stream_below(rng, n->nr)];
	return (struct rs_range){ start, start + (length < most ? length : most) };
}

static void add(struct rs_spans *s, struct naive *n, struct rs_range r)
{
	assert_int_equal(rs_spans_add(s, r.start, r.end), 0);
	if (r.start >= r.end)
		return;
	n->v[n->nr++] = r;
	count(n, &r, 1);
}

static void remove_one(struct rs_spans *s, struct naive *n, uint32_t i)
{
	struct rs_range r = n->v[i];

	rs_spans_remove(s, r.start, r.end);
	n->v[i] = n->v[--n->nr];
	count(n, &r, (uint32_t)-1);
}

/* Up and down between none and @most, again and again. */
static void random_set(uint64_t seed, uint32_t most, unsigned int steps)
{
	struct stream_rng rng = { seed };
	struct rs_spans s = { 0 };
	struct naive *n = calloc(1, sizeof(*n));
	bool up = true;

	assert_non_null(n);
	for (unsigned int i = 0; i < steps; i++) {
		up = n->nr == most ? false : n->nr ? up : true;
		if (n->nr < most && stream_below(&rng, 3) < (up ? 2 : 1))
			add(&s, n, random_range(&rng, n));
		else if (n->nr)
			remove_one(&s, n, (uint32_t)stream_below(&rng, n->nr));
		if (i == steps / 2) {
			rs_spans_clear(&s);
			memset(n, 0, sizeof(*n));
		}
		rs_spans_remove(&s, 7, 7); /* nothing */
		check(&s, n);
	}
	rs_spans_free(&s);
	free(n);
}

static void test_few(void **state)
{
	for (uint64_t seed = 1; seed < 50; seed++)
		random_set(seed, 4, 500);
	random_set(1, RS_SPANS_SMALL, 5000);
}

static void test_few_and_many(void **state)
{
	random_set(1, RS_SPANS_SMALL + 2, 20000);
	random_set(2, 3 * RS_SPANS_SMALL, 20000);
}

static void test_many(void **state)
{
	random_set(3, MOST, 20000);
}

/* Ranges far apart, so that no bound is shared; the last there is. */
static void test_far_apart(void **state)
{
	struct rs_spans s = { 0 };
	const uint64_t n = 50000, far = UINT64_MAX / n;

	for (uint64_t i = 0; i < n; i++) {
		uint64_t at = i * 7919 % n * far;

		assert_int_equal(rs_spans_add(&s, at, at + 10), 0);
		assert_int_equal(rs_spans_length(&s), 10 * (i + 1));
	}
	assert_int_equal(rs_spans_add(&s, 5, UINT64_MAX), 0);
	assert_int_equal(rs_spans_length(&s), UINT64_MAX);
	assert_false(rs_spans_cover(&s, UINT64_MAX));
	rs_spans_remove(&s, 5, UINT64_MAX);
	for (uint64_t i = 0; i < n; i++) {
		uint64_t at = i * 104729 % n * far;

		assert_true(rs_spans_cover(&s, at + 9) && !rs_spans_cover(&s, at + 10));
		rs_spans_remove(&s, at, at + 10);
		assert_false(rs_spans_cover(&s, at));
		assert_int_equal(rs_spans_length(&s), 10 * (n - i - 1));
	}
	rs_spans_free(&s);
}

/* Ranges that come at the top and go at the bottom leave nothing behind. */
static void test_window(void **state)
{
	const uint64_t window = 4 * RS_SPANS_SMALL;
	struct rs_spans s = { 0 };

	for (uint64_t i = 0; i < 200000; i++) {
		assert_int_equal(rs_spans_add(&s, 4 * i, 4 * i + 3), 0);
		if (i < window)
			continue;
		rs_spans_remove(&s, 4 * (i - window), 4 * (i - window) + 3);
		assert_int_equal(rs_spans_length(&s), 3 * window);
		assert_int_equal(rs_spans_hull(&s).start, 4 * (i - window + 1));
	}
	assert_in_range(s.tree.nr_nodes, 1, window / 4);
	rs_spans_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_few),    cmocka_unit_test(test_few_and_many),
		cmocka_unit_test(test_many),   cmocka_unit_test(test_far_apart),
		cmocka_unit_test(test_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
