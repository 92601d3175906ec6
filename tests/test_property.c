// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine on random streams: against the naive implementation, figure by
 * figure and verdict by verdict, and alone against what must hold of every
 * stream. RS_STREAMS=N sets how many streams, RS_SEED=S the first one's seed.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/common/compare.h"
#include "tests/common/trace_file.h"

#define DEFAULT_STREAMS 20000
#define ALGOS NAIVE_ALL_ALGOS

/* The order of NAIVE_ALL_ALGOS. */
enum {
	GLOBAL,
	HVA_512,
	HVA,
	GFN_V7,
	GFN,
	HVA_V6,
	HVA_SPLIT,
	GFN_SPLIT,
	GFN_SLOT,
	GFN_MULTI_1,
	GFN_MULTI_2,
	GFN_MULTI_4,
	GFN_LIST,
	GFN_RECENT,
	HFN_RECENT,
	EXACT,
	NR_ALGOS,
};

/* What a property is: does it hold of the stream? Says why not to @f (NULL: be quiet). */
typedef bool (*property)(const struct stream *s, FILE *f);

static bool violates(const struct stream *s, void *arg)
{
	return !(*(property *)arg)(s, NULL);
}

static void report(const struct stream *s, uint64_t seed, unsigned int flags, property holds)
{
	struct stream small = stream_shrink(s, violates, &holds);

	printf("seed %" PRIu64 ", flags 0x%x: %zu events, of which these are enough:\n", seed,
	       flags, s->n);
	holds(&small, stdout);
	fflush(stdout);
	stream_write(&small, "-");
	stream_free(&small);
}

/* Tries @holds on @n streams of each of @kinds in turn. */
static void for_streams(property holds, const unsigned int *kinds, size_t nr_kinds, uint64_t n)
{
	uint64_t first = test_from_env("RS_SEED", 1);

	for (uint64_t i = 0; i < n; i++) {
		unsigned int flags = kinds[i % nr_kinds];
		struct stream s = stream_make(first + i, flags);
		bool good = holds(&s, NULL);

		if (!good)
			report(&s, first + i, flags, holds);
		stream_free(&s);
		assert_true(good);
	}
}

#define FOR_STREAMS(holds, n, ...)                                            \
	do {                                                                  \
		static const unsigned int kinds[] = { __VA_ARGS__ };          \
                                                                              \
		for_streams(holds, kinds, sizeof(kinds) / sizeof(*kinds), n); \
	} while (0)

static bool equals_naive(const struct stream *s, FILE *f)
{
	return compare_stream(s, ALGOS, f);
}

/* More outstanding at once than are looked at one by one. */
static void test_many_equal_naive(void **state)
{
	FOR_STREAMS(equals_naive, test_from_env("RS_STREAMS", DEFAULT_STREAMS) / 20, STREAM_MANY,
		    STREAM_MANY | STREAM_DISOBEY, STREAM_MANY | STREAM_ANOMALIES | STREAM_LOST);
}

static void test_equals_naive(void **state)
{
	FOR_STREAMS(equals_naive, test_from_env("RS_STREAMS", DEFAULT_STREAMS), 0, STREAM_DISOBEY,
		    STREAM_ANOMALIES, STREAM_LOST, STREAM_ANOMALIES | STREAM_LOST | STREAM_DISOBEY,
		    STREAM_CONTIGUOUS);
}

/* A piece is what a reader happens to return: it must not show. */
static bool pieces_do_not_matter(const struct stream *s, FILE *f)
{
	static const size_t pieces[] = { 1, 2, 3, 7, 32 };
	struct naive_result *n = naive_run(s->v, s->n, ALGOS);
	bool same = true;

	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
		struct engine_run e = engine_run(s, ALGOS, pieces[i], NULL);

		same &= compare_results(n, &e, f);
		engine_free(&e);
	}
	naive_free(n);
	return same;
}

static void test_pieces(void **state)
{
	FOR_STREAMS(pieces_do_not_matter, test_from_env("RS_STREAMS", DEFAULT_STREAMS) / 20, 0,
		    STREAM_ANOMALIES | STREAM_LOST | STREAM_DISOBEY);
}

static struct rs_result *replay(const struct stream *s, const char *algos, unsigned int flags)
{
	struct rs_replay_opts opts = { .algos = algos, .flags = flags };
	struct rs_replay *r = rs_replay_new(&opts, NULL);
	struct rs_result *res;

	assert_non_null(r);
	assert_int_equal(rs_replay_feed(r, s->v, s->n, NULL), 0);
	res = rs_replay_finish(r, NULL);
	assert_non_null(res);
	rs_replay_free(r);
	return res;
}

/*
 * Of streams that a kernel could have made, no algorithm that was ever merged
 * or is proposed here misses a fault, and `exact` rejects nothing else.
 */
/* Never merged: the first posting looked at one memslot, the others end too soon. */
static bool may_miss(size_t algo)
{
	return algo == GFN_V7 || algo == HVA_V6 || algo == HVA_SPLIT;
}

static bool nothing_missed(const struct stream *s, FILE *f)
{
	struct rs_result *r = replay(s, ALGOS, RS_REPLAY_TRUTH);
	bool good = true;

	for (size_t i = 0; i < r->nr_vms; i++) {
		for (size_t a = 0; a < NR_ALGOS; a++) {
			const struct rs_algo_result *res = &r->vms[i].algos[a];

			if ((may_miss(a) || !res->missed) && (a != EXACT || !res->spurious) &&
			    res->rejected + res->missed - res->spurious == r->vms[i].necessary)
				continue;
			good = false;
			if (f)
				fprintf(f,
					"vm %u %s: missed %" PRIu64 ", spurious %" PRIu64
					", rejected %" PRIu64 ", necessary %" PRIu64 "\n",
					r->vms[i].vm, res->name, res->missed, res->spurious,
					res->rejected, r->vms[i].necessary);
		}
	}
	rs_result_free(r);
	return good;
}

static void test_nothing_missed(void **state)
{
	FOR_STREAMS(nothing_missed, test_from_env("RS_STREAMS", DEFAULT_STREAMS) * 5, 0,
		    STREAM_LOST, STREAM_CONTIGUOUS);
}

/* Where frames and host pages differ by a constant, both spaces are the same. */
static bool gfn_equals_hva(const struct stream *s, FILE *f)
{
	struct engine_run e = engine_run(s, ALGOS, 0, NULL);
	bool good = true;

	for (size_t i = 0; i < e.nr_judged; i++) {
		const uint8_t *v = e.judged[i].rejected;

		if (v[HVA] == v[GFN])
			continue;
		good = false;
		if (f)
			fprintf(f, "check %zu: hva %u, gfn %u\n", i, v[HVA], v[GFN]);
	}
	for (size_t i = 0; i < e.res->nr_vms; i++) {
		const struct rs_algo_result *a = e.res->vms[i].algos;

		if (a[HVA].blocked_page_ns == a[GFN].blocked_page_ns &&
		    a[HVA].blocked_max == a[GFN].blocked_max)
			continue;
		good = false;
		if (f)
			fprintf(f, "vm %u: hva and gfn block different frames\n", e.res->vms[i].vm);
	}
	engine_free(&e);
	return good;
}

static void test_gfn_equals_hva(void **state)
{
	FOR_STREAMS(gfn_equals_hva, test_from_env("RS_STREAMS", DEFAULT_STREAMS), STREAM_CONTIGUOUS,
		    STREAM_CONTIGUOUS | STREAM_LOST);
}

/*
 * Which algorithm rejects whatever another one does. Both by range alone (so
 * it also blocks no fewer frames) and by range or sequence, because all of them
 * count the same ends, but for hva-5.12, which counts more.
 *
 * Not in the list because it does not hold: gfn-multi:4 within gfn-multi:2
 * (which ranges are merged depends on the order in which they come).
 */
static const struct {
	int inner, outer;
	bool one_as; /* gfn-list knows no address spaces, gfn-slot does */
} within[] = {
	{ EXACT, GFN_LIST, false },	  { GFN_LIST, GFN_MULTI_4, false },
	{ GFN_LIST, GFN_MULTI_2, false }, { GFN_LIST, GFN_SLOT, true },
	{ GFN_MULTI_4, GFN, false },	  { GFN_MULTI_2, GFN, false },
	{ GFN_MULTI_1, GFN, false },	  { GFN, GFN_MULTI_1, false },
	{ EXACT, GFN_SLOT, false },	  { GFN_SLOT, GFN, false },
	{ GFN_V7, GFN, false },		  { GFN, GLOBAL, false },
	{ HVA_SPLIT, HVA, false },	  { EXACT, GFN_SPLIT, false },
	{ GFN_SPLIT, GFN, false },	  { HVA, HVA_512, false },
	{ HVA, GLOBAL, false },		  { EXACT, GFN_RECENT, false },
	{ EXACT, HFN_RECENT, false },
};

static bool one_address_space(const struct stream *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].as)
			return false;
	return true;
}

/* Rejected for more than a changed sequence. */
static bool by_range(uint8_t verdict)
{
	return verdict > 1 + RS_CAUSE_SEQ && verdict != NAIVE_NECESSARY;
}

/* Where the kinds differ that is said first, whatever the range has. */
static bool maybe_by_range(uint8_t verdict)
{
	return by_range(verdict) || verdict == 1 + RS_CAUSE_KIND;
}

static bool verdict_within(const struct naive_judged *j, int inner, int outer)
{
	if (j->rejected[inner] && !j->rejected[outer])
		return false;
	return !by_range(j->rejected[inner]) || maybe_by_range(j->rejected[outer]);
}

static bool blocked_within(const struct rs_algo_result *algos, int inner, int outer)
{
	return algos[inner].blocked_page_ns <= algos[outer].blocked_page_ns &&
	       algos[inner].blocked_max <= algos[outer].blocked_max;
}

static bool all_within(const struct stream *s, FILE *f)
{
	struct engine_run e = engine_run(s, ALGOS, 0, NULL);
	bool good = true, one_as = one_address_space(s);

	for (size_t i = 0; i < sizeof(within) / sizeof(*within); i++) {
		bool holds = true;

		if (within[i].one_as && !one_as)
			continue;
		for (size_t j = 0; j < e.nr_judged; j++)
			holds &= verdict_within(&e.judged[j], within[i].inner, within[i].outer);
		for (size_t j = 0; j < e.res->nr_vms; j++)
			holds &= blocked_within(e.res->vms[j].algos, within[i].inner,
						within[i].outer);
		if (!holds && f)
			fprintf(f, "algorithm %d is not within %d\n", within[i].inner,
				within[i].outer);
		good &= holds;
	}
	engine_free(&e);
	return good;
}

static void test_all_within(void **state)
{
	FOR_STREAMS(all_within, test_from_env("RS_STREAMS", DEFAULT_STREAMS), 0, STREAM_LOST,
		    STREAM_CONTIGUOUS);
}

/* The streams must have in them what they are meant to test. */
static void test_streams_have_it_all(void **state)
{
	uint64_t causes[NAIVE_NR_CAUSES] = { 0 }, anomalies[NAIVE_NR_ANOMALIES] = { 0 };
	uint64_t missed_by_v7 = 0, unjudged = 0, no_memslot = 0, obsolete = 0, no_hit = 0;

	for (uint64_t seed = 1; seed <= 1000; seed++) {
		struct stream s =
			stream_make(seed, STREAM_ANOMALIES | STREAM_LOST | STREAM_DISOBEY);
		struct naive_result *n = naive_run(s.v, s.n, ALGOS);

		for (size_t i = 0; i < NAIVE_NR_ANOMALIES; i++)
			anomalies[i] += n->anomalies[i];
		for (size_t i = 0; i < n->nr_vms; i++) {
			const struct naive_vm *vm = &n->vms[i];

			for (size_t a = 0; a < NR_ALGOS; a++)
				for (size_t c = 0; c < NAIVE_NR_CAUSES; c++)
					causes[c] += vm->algos[a].causes[c];
			missed_by_v7 += vm->algos[GFN_V7].missed;
			unjudged += vm->unjudged;
			no_memslot += vm->no_memslot;
			obsolete += vm->root_obsolete;
			no_hit += vm->inval_no_hit;
		}
		naive_free(n);
		stream_free(&s);
	}
	for (size_t i = 0; i < NAIVE_NR_CAUSES; i++)
		assert_true(causes[i] > 20);
	/* 2^64 frames take thousands of memslots. */
	for (size_t i = 0; i < NAIVE_NR_ANOMALIES; i++)
		assert_true(anomalies[i] > 10 || i == NAIVE_MEMSLOT_TOO_LARGE);
	assert_true(missed_by_v7 > 20 && unjudged > 20 && no_memslot > 20 && obsolete > 20 &&
		    no_hit > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_streams_have_it_all), cmocka_unit_test(test_equals_naive),
		cmocka_unit_test(test_many_equal_naive),    cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_nothing_missed),	    cmocka_unit_test(test_gfn_equals_hva),
		cmocka_unit_test(test_all_within),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
