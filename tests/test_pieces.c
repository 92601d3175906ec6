// SPDX-License-Identifier: GPL-2.0-only
/* Few ranges that cover what was added (base/pieces), and threads that share work out. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/pieces.h"
#include "tests/common/random_stream.h"
#include "base/parallel.h"

#define MAX_LIMIT 8
#define POINTS 64

static struct rs_pieces *none(uint32_t limit)
{
	struct rs_pieces *p = calloc(1, rs_pieces_size(limit));

	assert_non_null(p);
	return p;
}

static void are(const struct rs_pieces *p, uint32_t nr, const uint64_t (*v)[2])
{
	assert_int_equal(p->nr, nr);
	for (uint32_t i = 0; i < nr; i++) {
		assert_int_equal(p->v[i].start, v[i][0]);
		assert_int_equal(p->v[i].end, v[i][1]);
	}
}

#define ARE(p, ...)                                             \
	do {                                                    \
		static const uint64_t v[][2] = { __VA_ARGS__ }; \
                                                                \
		are(p, sizeof(v) / sizeof(*v), v);              \
	} while (0)

static void test_by_hand(void **state)
{
	struct rs_pieces *p = none(3);

	rs_pieces_add(p, 3, 5, 5);
	rs_pieces_add(p, 3, 9, 4);
	assert_int_equal(p->nr, 0);
	rs_pieces_add(p, 3, 20, 30);
	rs_pieces_add(p, 3, 0, 5);
	ARE(p, { 0, 5 }, { 20, 30 });
	/* Touching is one; 31 leaves a frame out. */
	rs_pieces_add(p, 3, 30, 32);
	ARE(p, { 0, 5 }, { 20, 32 });
	rs_pieces_add(p, 3, 33, 34);
	ARE(p, { 0, 5 }, { 20, 32 }, { 33, 34 });
	assert_false(rs_pieces_have(p, 32));
	assert_true(rs_pieces_have(p, 31) && rs_pieces_have(p, 33) && !rs_pieces_have(p, 34));
	/* The fourth makes the closest two one: 32 and 33. */
	rs_pieces_add(p, 3, 50, 60);
	ARE(p, { 0, 5 }, { 20, 34 }, { 50, 60 });
	/* Of equal gaps, 5 - 20 and 65 - 80, the lower; what is added may be merged as well. */
	rs_pieces_add(p, 3, 34, 65);
	ARE(p, { 0, 5 }, { 20, 65 });
	rs_pieces_add(p, 3, 80, 81);
	rs_pieces_add(p, 3, 96, 97);
	ARE(p, { 0, 65 }, { 80, 81 }, { 96, 97 });
	rs_pieces_add(p, 3, UINT64_MAX - 1, UINT64_MAX);
	ARE(p, { 0, 81 }, { 96, 97 }, { UINT64_MAX - 1, UINT64_MAX });
	rs_pieces_add(p, 3, 0, UINT64_MAX);
	ARE(p, { 0, UINT64_MAX });
	free(p);
	p = none(1);
	rs_pieces_add(p, 1, 7, 8);
	rs_pieces_add(p, 1, 2, 3);
	ARE(p, { 2, 8 });
	free(p);
}

/* What was added is there; in order, apart, no more than the limit; nothing without need. */
static void test_random(void **state)
{
	struct stream_rng rng = { 1 };

	for (int round = 0; round < 2000; round++) {
		uint32_t limit = 1 + stream_below(&rng, MAX_LIMIT), runs = 0;
		struct rs_pieces *p = none(limit), *exact = none(POINTS);
		bool added[POINTS] = { false };

		for (int i = 0; i < 12; i++) {
			uint64_t start = stream_below(&rng, POINTS);
			uint64_t end = start + stream_below(&rng, 6);

			end = end < POINTS ? end : POINTS;
			rs_pieces_add(p, limit, start, end);
			rs_pieces_add(exact, POINTS, start, end);
			for (; start < end; start++)
				added[start] = true;
			assert_true(p->nr <= limit);
		}
		for (uint32_t i = 0; i < POINTS; i++) {
			runs += added[i] && !(i && added[i - 1]);
			assert_true(!added[i] || rs_pieces_have(p, i));
		}
		for (uint32_t i = 0; i < p->nr; i++) {
			assert_true(p->v[i].start < p->v[i].end);
			assert_true(added[p->v[i].start] && added[p->v[i].end - 1]);
			assert_true(!i || p->v[i - 1].end < p->v[i].start);
		}
		/* With a place for each nothing else is covered. */
		for (uint32_t i = 0; i < POINTS; i++)
			assert_int_equal(rs_pieces_have(exact, i), added[i]);
		assert_int_equal(exact->nr, runs);
		free(exact);
		free(p);
	}
}

struct shared {
	pthread_mutex_t lock;
	pthread_t threads[300];
	unsigned int nr, nr_caller, taken;
	pthread_t caller;
};

static void *work(void *arg)
{
	struct shared *s = arg;

	pthread_mutex_lock(&s->lock);
	s->threads[s->nr++] = pthread_self();
	s->nr_caller += pthread_equal(pthread_self(), s->caller) != 0;
	pthread_mutex_unlock(&s->lock);
	while (__atomic_fetch_add(&s->taken, 1, __ATOMIC_RELAXED) < 1000)
		;
	return NULL;
}

static void share(unsigned int threads, unsigned int least, unsigned int most)
{
	struct shared s = { .lock = PTHREAD_MUTEX_INITIALIZER, .caller = pthread_self() };

	rs_parallel(threads, work, &s);
	/* All are back: each took one that was none any more. */
	assert_true(s.nr >= least && s.nr <= most);
	assert_int_equal(s.taken, 1000 + s.nr);
	assert_int_equal(s.nr_caller, 1);
	for (unsigned int i = 0; i < s.nr; i++)
		for (unsigned int k = 0; k < i; k++)
			assert_false(pthread_equal(s.threads[i], s.threads[k]));
}

static void test_parallel(void **state)
{
	share(1, 1, 1);
	share(2, 2, 2);
	share(7, 7, 7);
	share(0, 1, 256);
	share(1000, 1, 256);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_hand),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_parallel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
