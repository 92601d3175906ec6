// SPDX-License-Identifier: GPL-2.0-only
/* Engines that share a stream find what one finds, however it is shared out. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "replay/team/team.h"
#include "tests/common/random_stream.h"
#include "tests/common/report_text.h"
#include "traces/pending.h"
#include "traces/synth/synth.h"

#define ALGOS "all"

/* Of all teams so far: what is compared must not be one engine each time. */
static uint64_t cuts;

static char *by_one(const struct rs_replay_opts *opts, const struct stream *s)
{
	struct rs_error err = { 0 };
	struct rs_replay *r = rs_replay_new(opts, &err);
	char *text;

	assert_non_null(r);
	assert_int_equal(rs_replay_feed(r, s->v, s->n, &err), 0);
	text = report_text(rs_replay_finish(r, &err));
	rs_replay_free(r);
	return text;
}

static char *by_team(const struct rs_replay_opts *opts, const struct stream *s, unsigned int jobs,
		     size_t batch, size_t piece)
{
	struct rs_error err = { 0 };
	struct rs_team *t = rs_team_new(opts, jobs, batch, &err);
	char *text;

	assert_non_null(t);
	for (size_t i = 0; i < s->n; i += piece)
		assert_int_equal(
			rs_team_feed(t, s->v + i, s->n - i < piece ? s->n - i : piece, &err), 0);
	text = report_text(rs_team_finish(t, &err));
	cuts += rs_team_cuts(t);
	rs_team_free(t);
	return text;
}

static void compare(const struct rs_replay_opts *opts, const struct stream *s, size_t batch)
{
	static const unsigned int jobs[] = { 1, 2, 3, 9 };
	char *one = by_one(opts, s);

	for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++) {
		char *many = by_team(opts, s, jobs[i], batch, 1 + 7 * i);

		assert_string_equal(many, one);
		free(many);
	}
	free(one);
}

/* All kinds of streams, with all that can be wrong, in tiny batches. */
static void test_random(void **state)
{
	static const unsigned int kinds[] = { 0,
					      STREAM_ANOMALIES,
					      STREAM_LOST,
					      STREAM_ANOMALIES | STREAM_LOST | STREAM_DISOBEY,
					      STREAM_DISOBEY,
					      STREAM_CHAINS | STREAM_ANOMALIES,
					      STREAM_CONTIGUOUS | STREAM_CHAINS };
	static const size_t batches[] = { 1, 3, 16, 100 };
	static const char *const kernels[] = { "gfn", "hva", NULL, "exact" };

	cuts = 0;
	for (uint64_t seed = 1; seed <= 420; seed++) {
		struct stream s = stream_make(seed, kinds[seed % 7]);
		struct rs_replay_opts opts = { .algos = seed % 5 ? ALGOS : NULL,
					       .flags = RS_REPLAY_ALL,
					       .one_vm = seed % 11 == 0,
					       .vm = s.v[s.n / 2].vm,
					       .kernel_algo = kernels[seed % 4] };

		compare(&opts, &s, batches[seed / 4 % 4]);
		stream_free(&s);
	}
	assert_true(cuts > 1000);
}

/* An algorithm must not remember what ended before a cut, not even as much as it can. */
static void test_remembered(void **state)
{
	struct rs_replay_opts opts = {
		.algos = "gfn-recent:1.1.1,gfn-recent:2.2.1024,hfn-recent:1.1.2,gfn-multi:1",
		.flags = RS_REPLAY_ALL,
	};

	cuts = 0;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct stream s = stream_make(seed, seed % 2 ? STREAM_ANOMALIES : STREAM_DISOBEY);

		compare(&opts, &s, 1 + seed % 3);
		stream_free(&s);
	}
	assert_true(cuts > 1000);
}

static struct stream synthesise(const char *scenario, const char *vms)
{
	struct rs_error err = { 0 };
	struct rs_synth_params p;
	struct rs_synth *synth;
	const struct rs_event *evs;
	struct stream s = { 0 };
	size_t n;

	rs_synth_defaults(&p);
	assert_int_equal(rs_synth_set(&p, "scenario", scenario, &err), 0);
	assert_int_equal(rs_synth_set(&p, "vms", vms, &err), 0);
	assert_int_equal(rs_synth_set(&p, "events", "20000", &err), 0);
	assert_int_equal(rs_synth_set(&p, "aliases", "2", &err), 0);
	synth = rs_synth_new(&p, &err);
	assert_non_null(synth);
	while ((n = rs_synth_next(synth, &evs))) {
		s.v = realloc(s.v, (s.n + n) * sizeof(*s.v));
		assert_non_null(s.v);
		memcpy(s.v + s.n, evs, n * sizeof(*s.v));
		s.n += n;
	}
	rs_synth_free(synth);
	return s;
}

/* A loss makes all VMs one engine's in the middle of the stream; it must be so for each. */
static void lose_at(struct stream *s, size_t at)
{
	struct rs_event ev = {
		.time_ns = s->v[at].time_ns, .vm = s->v[at].vm, .type = RS_EV_LOST, .lost.count = 3
	};

	s->v[at] = ev;
}

static void test_synthetic(void **state)
{
	static const char *const vms[] = { "1", "2", "5" };
	static const char *const scenarios[] = { "memory-reclaim", "ksm", "ksm" };
	struct rs_replay_opts opts = { .algos = ALGOS, .flags = RS_REPLAY_ALL };

	cuts = 0;
	for (size_t i = 0; i < 3; i++) {
		struct stream s = synthesise(scenarios[i], vms[i]);

		compare(&opts, &s, 1000);
		compare(&opts, &s, 64);
		lose_at(&s, s.n / 3);
		lose_at(&s, s.n / 2);
		compare(&opts, &s, 64);
		stream_free(&s);
	}
	assert_true(cuts > 100);
}

/*
 * Every few events, where nothing is pending, one of two memslots that map the same
 * host pages goes or comes back: who is first then decides for gfn-v7.
 */
static struct stream change_memslots(const struct stream *s)
{
	struct stream to = { calloc(2 * s->n, sizeof(*s->v)), 0 };
	struct rs_pending pending = { 0 };

	assert_non_null(to.v);
	for (size_t i = 0; i < s->n; i++) {
		const struct rs_event *ev = &s->v[i];

		assert_int_equal(rs_pending_note(&pending, ev, 1), 0);
		to.v[to.n++] = *ev;
		if (i % 7 || !rs_pending_none(&pending))
			continue;
		to.v[to.n++] = (struct rs_event){ .time_ns = ev->time_ns,
						  .vm = ev->vm,
						  .type = RS_EV_MEMSLOT,
						  .memslot.id = 1000 + i / 7 % 3,
						  .memslot.gfn = (i / 7 % 3 + 1) << 30,
						  .memslot.npages = i / 21 % 2 ? 0 : 4096,
						  .memslot.hva = s->v[0].memslot.hva };
	}
	rs_pending_free(&pending);
	return to;
}

static void test_memslots(void **state)
{
	struct stream plain = synthesise("ksm", "2"), s = change_memslots(&plain);
	struct rs_replay_opts opts = { .algos = ALGOS, .flags = RS_REPLAY_ALL };

	cuts = 0;
	assert_true(s.n > plain.n + 100);
	compare(&opts, &s, 50);
	opts.one_vm = true;
	opts.vm = s.v[0].vm;
	compare(&opts, &s, 50);
	assert_true(cuts > 100);
	stream_free(&plain);
	stream_free(&s);
}

/* Real captures have the kernel's own state, here with its algorithm and with a wrong one. */
static void test_sample(void **state)
{
	static const char *const kernels[] = { "gfn", "hva", "global", NULL };
	struct stream s = stream_read(TRACE_SAMPLES "/6.12-churn.dat");

	cuts = 0;
	for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++) {
		struct rs_replay_opts opts = { .flags = RS_REPLAY_ALL, .kernel_algo = kernels[i] };

		compare(&opts, &s, 64);
	}
	assert_true(cuts > 100);
	stream_free(&s);
}

#define MS 1000000ULL

/* How long a VM is not judged after a loss depends on the invalidations of others. */
static void test_longest(void **state)
{
	struct rs_event evs[] = {
		{ .vm = 1,
		  .type = RS_EV_MEMSLOT,
		  .memslot.npages = 16,
		  .memslot.hva = RS_PAGE_SIZE },
		{ .vm = 2,
		  .type = RS_EV_MEMSLOT,
		  .memslot.npages = 16,
		  .memslot.hva = RS_PAGE_SIZE },
		{ .vm = 2,
		  .type = RS_EV_INVAL_BEGIN,
		  .inval.start = RS_PAGE_SIZE,
		  .inval.end = 2 * RS_PAGE_SIZE },
		{ .time_ns = 50 * MS, .vm = 2, .type = RS_EV_INVAL_END },
		{ .time_ns = 50 * MS, .vm = 1, .type = RS_EV_LOST, .lost.count = 1 },
		{ .time_ns = 70 * MS, .vm = 1, .type = RS_EV_FAULT_BEGIN },
		{ .time_ns = 71 * MS, .vm = 1, .type = RS_EV_FAULT_CHECK },
		{ .time_ns = 130 * MS, .vm = 1, .type = RS_EV_FAULT_BEGIN },
		{ .time_ns = 131 * MS, .vm = 1, .type = RS_EV_FAULT_CHECK },
	};
	struct stream s = { evs, sizeof(evs) / sizeof(evs[0]) };
	struct rs_replay_opts opts = { .algos = "gfn", .flags = RS_REPLAY_ALL };
	char *one = by_one(&opts, &s);

	assert_non_null(strstr(one, "\"unjudged\": 1"));
	free(one);
	compare(&opts, &s, 2);
}

static void test_options(void **state)
{
	struct stream s = synthesise("ksm", "3");
	struct rs_replay_opts opts = { .algos = "gfn,exact", .one_vm = true, .vm = s.v[0].vm };

	compare(&opts, &s, 500);
	opts.one_vm = false;
	compare(&opts, &s, 500);
	opts.algos = NULL;
	compare(&opts, &s, 500);
	stream_free(&s);
}

static void test_refused(void **state)
{
	struct rs_replay_opts opts = { .algos = "none" };
	struct rs_error err = { 0 };

	assert_null(rs_team_new(&opts, 2, 0, &err));
	assert_non_null(strstr(err.text, "none"));
}

/* What is said of the first anomaly does not depend on the threads either. */
static void test_strict(void **state)
{
	struct rs_replay_opts opts = { .algos = "gfn", .strict = true };
	struct rs_event evs[3] = { { .vm = 1, .type = RS_EV_FAULT_BEGIN },
				   { .vm = 1, .type = RS_EV_INVAL_END, .inval.id = 7 },
				   { .vm = 1, .type = RS_EV_FAULT_CHECK } };
	struct rs_error err = { 0 };
	struct rs_team *t = rs_team_new(&opts, 2, 1, &err);

	assert_non_null(t);
	assert_int_not_equal(rs_team_feed(t, evs, 3, &err), 0);
	assert_non_null(strstr(err.text, "end-without-begin"));
	rs_team_free(t);
}

/* Left in the middle of the stream, as an interrupted program does. */
static void test_left(void **state)
{
	struct rs_replay_opts opts = { .algos = ALGOS, .flags = RS_REPLAY_ALL };
	struct stream s = synthesise("ksm", "2");
	struct rs_error err = { 0 };
	struct rs_team *t = rs_team_new(&opts, 4, 100, &err);

	assert_non_null(t);
	assert_int_equal(rs_team_feed(t, s.v, s.n, &err), 0);
	rs_team_free(t);
	stream_free(&s);
}

static void check_budget(const struct rs_event *evs, size_t n, unsigned int jobs, size_t batch,
			 bool enough)
{
	const struct rs_replay_opts opts = { .algos = ALGOS, .flags = RS_REPLAY_ALL };
	struct rs_error err = { 0 };
	struct rs_team *t = rs_team_new(&opts, jobs, batch, &err);
	struct rs_result *r;

	assert_non_null(t);
	r = rs_team_feed(t, evs, n, &err) ? NULL : rs_team_finish(t, &err);
	assert_int_equal(r != NULL, enough);
	if (!r)
		assert_non_null(strstr(err.text, "its VMs would take more"));
	rs_result_free(r);
	rs_team_free(t);
}

/* How many VMs an input may have does not depend on the number of threads. */
static void test_budget(void **state)
{
	const uint64_t base = rs_budget_base();
	struct rs_event evs[600];

	rs_budget_set_base(300 * RS_VM_COST);
	for (uint32_t i = 0; i < 600; i++)
		evs[i] = (struct rs_event){ .vm = i / 2 + 1,
					    .time_ns = i,
					    .type = i % 2 ? RS_EV_FAULT_CHECK : RS_EV_FAULT_BEGIN };
	for (unsigned int jobs = 1; jobs <= 4; jobs++)
		for (size_t batch = 10; batch <= 640; batch *= 8) {
			evs[1].vm = 1;
			check_budget(evs, 600, jobs, batch, true);
			evs[1].vm = 1000;
			check_budget(evs, 600, jobs, batch, false);
		}
	rs_budget_set_base(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),	 cmocka_unit_test(test_synthetic),
		cmocka_unit_test(test_longest),	 cmocka_unit_test(test_options),
		cmocka_unit_test(test_refused),	 cmocka_unit_test(test_strict),
		cmocka_unit_test(test_left),	 cmocka_unit_test(test_remembered),
		cmocka_unit_test(test_memslots), cmocka_unit_test(test_sample),
		cmocka_unit_test(test_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
