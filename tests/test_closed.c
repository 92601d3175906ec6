// SPDX-License-Identifier: GPL-2.0-only
/*
 * The closed loop on random streams against the naive one, fault by fault.
 * RS_STREAMS=N sets how many streams, RS_SEED=S the first one's seed.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/common/compare_closed.h"
#include "tests/common/trace_file.h"

#define DEFAULT_STREAMS 20000

/* Would each VM's recorded gap make rounds that are few? */
static bool gap_is_long(const struct stream *s, uint64_t least_ns)
{
	const struct rs_closed_opts none = { .algos = "" };
	struct naive_closed *n = closed_naive_run(s, &none);
	bool is_long = true;

	for (size_t i = 0; i < n->nr_vms; i++)
		is_long &= n->vms[i].retry_gap_ns >= least_ns;
	naive_closed_free(n);
	return is_long;
}

/* As recorded, or another that is not short beside the whole stream. */
static uint64_t draw_gap(const struct stream *s, struct stream_rng *rng)
{
	uint64_t last_ns = s->v[s->n - 1].time_ns;

	if (stream_below(rng, 2) && gap_is_long(s, last_ns / 500))
		return 0;
	return 1 + last_ns / 200 + stream_below(rng, 1 + last_ns / 10);
}

/* The options of a stream: the modes in turn, and algorithms that change with them. */
static struct rs_closed_opts draw_opts(const struct stream *s, uint64_t seed)
{
	struct stream_rng rng = { seed };

	return (struct rs_closed_opts){
		.algos = NAIVE_ALL_ALGOS,
		.precheck = stream_below(&rng, 3),
		.think = stream_below(&rng, 2),
		.retry_gap_ns = draw_gap(s, &rng),
		.jobs = 1,
	};
}

static bool equals_naive(const struct stream *s, const struct rs_closed_opts *opts, FILE *f)
{
	struct naive_closed *n = closed_naive_run(s, opts);
	struct rs_result *e = closed_engine_run(s, opts);
	bool same = n && compare_closed(n, e, f);

	naive_closed_free(n);
	rs_result_free(e);
	return same;
}

/*
 * The check that every report prints: the kernel's own algorithm, as it was, whatever is asked of
 * the others.
 */
static bool check_equals_naive(const struct stream *s, const char *algo, bool think,
			       uint64_t gap_ns, FILE *f)
{
	const struct rs_closed_opts opts = { .algos = "exact",
					     .kernel_algo = algo,
					     .think = think,
					     .retry_gap_ns = gap_ns,
					     .jobs = 1 };
	const struct rs_closed_opts alone = { .algos = algo };
	struct naive_closed *n = closed_naive_run(s, &alone);
	struct rs_result *e = closed_engine_run(s, &opts);
	uint64_t as_recorded = 0, retries = 0, found_as_recorded = 0, found_retries = 0;

	for (size_t i = 0; i < n->nr_faults; i++) {
		as_recorded += n->faults[i].algos[0].as_recorded;
		retries += n->faults[i].algos[0].retries;
	}
	for (size_t i = 0; i < e->nr_vms; i++) {
		assert_true(e->vms[i].closed.checked);
		found_as_recorded += e->vms[i].closed.check_as_recorded;
		found_retries += e->vms[i].closed.check_retries;
	}
	naive_closed_free(n);
	rs_result_free(e);
	if (f && (as_recorded != found_as_recorded || retries != found_retries))
		fprintf(f,
			"check of %s: naive %" PRIu64 " with %" PRIu64 " retries, engine %" PRIu64
			" with %" PRIu64 "\n",
			algo, as_recorded, retries, found_as_recorded, found_retries);
	return as_recorded == found_as_recorded && retries == found_retries;
}

static bool differs(const struct stream *s, void *arg)
{
	return s->n && !equals_naive(s, arg, NULL);
}

static void report(const struct stream *s, uint64_t seed, unsigned int flags,
		   struct rs_closed_opts *opts)
{
	struct stream small = stream_shrink(s, differs, opts);

	printf("seed %" PRIu64 ", flags 0x%x, precheck %d, think %d, gap %" PRIu64
	       ": %zu events, of which these are enough:\n",
	       seed, flags, opts->precheck, opts->think, opts->retry_gap_ns, s->n);
	equals_naive(&small, opts, stdout);
	fflush(stdout);
	stream_write(&small, "-");
	stream_free(&small);
}

static void test_equals_naive(void **state)
{
	static const unsigned int kinds[] = {
		STREAM_CHAINS,
		STREAM_CHAINS | STREAM_DISOBEY,
		STREAM_CHAINS | STREAM_CONTIGUOUS,
		STREAM_CHAINS | STREAM_ANOMALIES,
		STREAM_CHAINS | STREAM_LOST,
		STREAM_CHAINS | STREAM_ANOMALIES | STREAM_LOST | STREAM_DISOBEY,
	};
	uint64_t first = test_from_env("RS_SEED", 1),
		 n = test_from_env("RS_STREAMS", DEFAULT_STREAMS);

	for (uint64_t i = 0; i < n; i++) {
		unsigned int flags = kinds[i % (sizeof(kinds) / sizeof(*kinds))];
		struct stream s = stream_make(first + i, flags);
		struct rs_closed_opts opts;
		bool good;

		if (!s.n)
			continue;
		opts = draw_opts(&s, first + i);
		good = equals_naive(&s, &opts, NULL);
		if (!good)
			report(&s, first + i, flags, &opts);
		stream_free(&s);
		assert_true(good);
	}
}

static void test_check(void **state)
{
	static const char *const algos[] = { "global", "hva-5.12", "hva", "gfn" };
	uint64_t n = test_from_env("RS_STREAMS", DEFAULT_STREAMS) / 20, compared = 0;

	for (uint64_t seed = 1; seed <= n; seed++) {
		struct stream s = stream_make(seed, STREAM_CHAINS);
		const char *algo = algos[seed % (sizeof(algos) / sizeof(*algos))];
		const uint64_t last_ns = s.n ? s.v[s.n - 1].time_ns : 0;

		if (s.n && gap_is_long(&s, last_ns / 500)) {
			assert_true(check_equals_naive(&s, algo, seed / 4 & 1,
						       seed / 8 & 1 ? 1 + last_ns / 50 : 0,
						       stdout));
			compared++;
		}
		stream_free(&s);
	}
	assert_true(compared > n / 4);
}

/* Threads share the simulations out, and nothing else. */
static void test_jobs(void **state)
{
	for (uint64_t seed = 1; seed <= 50; seed++) {
		struct stream s = stream_make(seed, STREAM_CHAINS);
		struct rs_closed_opts opts = draw_opts(&s, seed);

		for (opts.jobs = 2; opts.jobs <= 9; opts.jobs += 7)
			assert_true(equals_naive(&s, &opts, stdout));
		stream_free(&s);
	}
}

/* Both arrivals at once are what each is by itself. */
static void test_both(void **state)
{
	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct stream s = stream_make(seed, STREAM_CHAINS);
		struct rs_closed_opts opts = draw_opts(&s, seed);
		struct naive_closed *n;
		struct rs_result *e;

		opts.both = true;
		e = closed_engine_run(&s, &opts);
		for (int other = 0; other < 2; other++) {
			n = closed_naive_run(&s, &opts);
			assert_true(compare_closed(n, e, stdout));
			naive_closed_free(n);
			opts.think = !opts.think;
			for (size_t i = 0; i < e->nr_vms * e->nr_algos; i++) {
				struct rs_algo_result *a =
					&e->vms[i / e->nr_algos].algos[i % e->nr_algos];
				struct rs_closed_algo *closed = a->closed;

				a->closed = a->other;
				a->other = closed;
			}
		}
		rs_result_free(e);
		stream_free(&s);
	}
}

/* How long the Nth of something takes. */
typedef uint64_t durations(uint64_t i);

/* The last ones are among those that are short. */
static uint64_t rise(uint64_t i)
{
	return i < 1100 || i % 100 == 99 ? 1000 : 20000 + i * 7919 % 10007;
}

static uint64_t fall(uint64_t i)
{
	return i < 1100 ? 40000 : 1000 + i * 7919 % 10007;
}

/* Near the first ones, but for more that are far above than are far below. */
static uint64_t stay(uint64_t i)
{
	if (i % 5 == 1)
		return 50000 + i;
	return i % 15 == 2 ? 100 : 20000 + i * 7919 % 2003;
}

/* All as the first ones. */
static uint64_t even(uint64_t i)
{
	return 3000 + i % 7;
}

static void add(struct stream *s, uint64_t *now, uint64_t after, const struct rs_event *e)
{
	*now += after;
	s->v[s->n] = *e;
	s->v[s->n++].time_ns = *now;
}

/* Each fault is sent back, and let through when it is tried again. */
static void test_medians_as(durations *attempts, durations *gaps)
{
	const struct rs_event memslot = { .type = RS_EV_MEMSLOT,
					  .memslot = { .npages = 16, .hva = 0x7f0000000000 } };
	const struct rs_event begin = { .type = RS_EV_FAULT_BEGIN };
	const struct rs_event retry = { .type = RS_EV_FAULT_CHECK, .result = RS_RES_RETRY };
	const struct rs_event ok = { .type = RS_EV_FAULT_CHECK, .result = RS_RES_OK };
	const struct rs_closed_opts opts = { .algos = "gfn", .jobs = 1 };
	const uint64_t nr = 2400;
	struct stream s = { calloc(4 * nr + 1, sizeof(*s.v)), 0 };
	uint64_t now = 0;

	assert_non_null(s.v);
	add(&s, &now, 0, &memslot);
	for (uint64_t i = 0; i < nr; i++) {
		add(&s, &now, 1000, &begin);
		add(&s, &now, attempts(i) + 1, &retry);
		add(&s, &now, gaps(i) + 2, &begin);
		add(&s, &now, attempts(i) + 3, &ok);
	}
	assert_true(equals_naive(&s, &opts, stdout));
	stream_free(&s);
}

/* Medians are exact also where those of the first attempts say nothing of the rest. */
static void test_median_of_later_ones(void **state)
{
	test_medians_as(rise, rise);
	test_medians_as(fall, fall);
	test_medians_as(stay, stay);
	test_medians_as(rise, even);
	test_medians_as(even, fall);
}

/* What the streams are to try has to be in them. */
static void test_streams_have_it_all(void **state)
{
	uint64_t more = 0, fewer = 0, starved = 0, gone = 0, later = 0, sooner = 0, as_recorded = 0;
	uint64_t one_vm = 0, long_chains = 0;

	for (uint64_t seed = 1; seed <= 1000; seed++) {
		struct stream s = stream_make(seed, STREAM_CHAINS);
		struct rs_closed_opts opts = draw_opts(&s, seed);
		struct naive_closed *n = closed_naive_run(&s, &opts);

		one_vm += n->nr_vms == 1;
		for (size_t i = 0; i < n->nr_faults; i++) {
			const struct naive_logical *l = &n->faults[i];

			long_chains += l->attempts > 3;
			for (size_t a = 0; a < n->nr_algos; a++) {
				const struct naive_simulated *r = &l->algos[a];

				more += r->retries > l->attempts;
				fewer += r->retries + 1 < l->attempts;
				starved += r->starved;
				gone += r->gone;
				later += r->arrival_ns > l->begin_ns;
				sooner += r->arrival_ns < l->begin_ns;
				as_recorded += r->as_recorded && l->retries;
			}
		}
		naive_closed_free(n);
		stream_free(&s);
	}
	assert_true(more > 100 && fewer > 100 && starved > 100 && gone > 20 && later > 100 &&
		    sooner > 100 && as_recorded > 100 && long_chains > 100);
	assert_true(one_vm < 900);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_streams_have_it_all),
		cmocka_unit_test(test_equals_naive),
		cmocka_unit_test(test_both),
		cmocka_unit_test(test_median_of_later_ones),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_jobs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
