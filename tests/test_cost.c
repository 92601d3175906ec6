// SPDX-License-Identifier: GPL-2.0-only
/*
 * What algorithms cost: not how much, which no test can know, but what must hold
 * on any machine. The operations of a trace, played through an algorithm by
 * themselves, must decide what replay decides.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "replay/cost/cost.h"
#include "replay/cost/tape.h"
#include "tests/common/random_stream.h"
#include "tests/common/trace_file.h"

#define ROUND_NS 200000
#define STREAMS 400
#define TAPE_ALGOS                                                                            \
	"global,hva-5.12,hva,gfn-v7,gfn,hva-split,gfn-slot,gfn-multi:2,gfn-multi:4,gfn-list," \
	"gfn-recent:1.1.1,gfn-recent:4.4.8,hfn-recent:2.1.8,exact"

static const struct rs_cost_setting alone = { 10, 0, 1, 0, 1, 1 };

/* The only algorithm of @name. */
static struct rs_algo_spec spec_of(const char *name)
{
	struct rs_algo_spec *specs, one;
	size_t n;

	assert_int_equal(rs_cost_algos(name, &specs, &n, NULL), 0);
	assert_int_equal(n, 1);
	one = specs[0];
	free(specs);
	return one;
}

static struct rs_cost_rig *open_rig(const char *name, struct rs_cost_setting set)
{
	struct rs_algo_spec spec = spec_of(name);
	struct rs_cost_rig *rig = rs_cost_open(&spec, &set, NULL);

	assert_non_null(rig);
	return rig;
}

static void test_names(void **state)
{
	assert_string_equal(rs_cost_op_name(RS_COST_BEGIN), "begin");
	assert_string_equal(rs_cost_op_name(RS_COST_SLOT), "slot");
	assert_string_equal(rs_cost_op_name(RS_COST_END), "end");
	assert_string_equal(rs_cost_op_name(RS_COST_CHECK), "check");
	assert_null(rs_cost_op_name(RS_NR_COST_OPS));
}

static void test_algos(void **state)
{
	struct rs_error err = { 0 };
	struct rs_algo_spec *specs;
	size_t n;

	assert_int_equal(rs_cost_algos("all", &specs, &n, &err), 0);
	for (size_t i = 0; i < n; i++)
		assert_string_not_equal(specs[i].name, "exact");
	free(specs);
	assert_int_equal(rs_cost_algos(NULL, &specs, &n, &err), 0);
	assert_int_equal(n, 9);
	free(specs);
	assert_int_equal(rs_cost_algos("gfn,exact", &specs, &n, &err), -EINVAL);
	assert_non_null(strstr(err.text, "bound"));
	assert_int_equal(rs_cost_algos("gfn,nothing", &specs, &n, &err), -EINVAL);
}

/* What a kernel would keep, and how it grows. */
static void test_bytes(void **state)
{
	static const struct {
		const char *name;
		uint32_t memslots, aliases, outstanding;
		size_t rest, peak;
	} cases[] = {
		{ "global", 10, 0, 100, 16, 16 },
		{ "hva", 10, 0, 100, 32, 32 },
		{ "gfn", 10, 3, 100, 32, 32 },
		{ "hva-split", 10, 0, 100, 40, 40 },
		{ "gfn-multi:4", 10, 0, 100, 88, 88 },
		{ "hfn-recent:2.1.8", 10, 3, 1, 232, 232 },
		{ "hfn-recent:2.1.8", 1000, 3, 1000, 232, 232 },
		{ "gfn-recent:4.4.8", 10, 0, 100, 920, 920 },
		/* A range with its links for each memslot that each one hits. */
		{ "gfn-list", 10, 0, 1, 24, 56 },
		{ "gfn-list", 10, 0, 100, 24, 24 + 100 * 32 },
		{ "gfn-list", 10, 3, 100, 24, 24 + 400 * 32 },
		/* A range and its epoch for each memslot. */
		{ "gfn-slot", 10, 0, 100, 24 + 10 * 24, 24 + 10 * 24 },
		{ "gfn-slot", 1000, 3, 1, 24 + 1003 * 24, 24 + 1003 * 24 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rs_cost_setting set = {
			cases[i].memslots, cases[i].aliases, cases[i].outstanding, 0, 1, 1
		};
		struct rs_cost_rig *rig = open_rig(cases[i].name, set);

		assert_int_equal(rs_cost_rest_bytes(rig), cases[i].rest);
		assert_int_equal(rs_cost_peak_bytes(rig), cases[i].peak);
		rs_cost_close(rig);
	}
}

/* Every algorithm in every kind of setting: figures, and nothing left behind by a round. */
static void test_rounds(void **state)
{
	static const struct rs_cost_setting settings[] = {
		{ 1, 0, 1, 0, 1, 1 },	  { 10, 0, 1, 0, 1, 1 },    { 100, 3, 20, 8, 1, 2 },
		{ 32764, 1, 1, 1, 1, 3 }, { 10, 7, 300, 0, 64, 4 },
	};
	struct rs_tick_rate rate = rs_tick_rate_measure();
	struct rs_algo_spec *specs;
	size_t n;

	assert_true(rate.ns_per_tick > 0);
	assert_int_equal(rs_cost_algos("all", &specs, &n, NULL), 0);
	for (size_t i = 0; i < n * (sizeof(settings) / sizeof(settings[0])); i++) {
		const struct rs_cost_setting *set = &settings[i / n];
		struct rs_cost_rig *rig = rs_cost_open(&specs[i % n], set, NULL);
		struct rs_cost_times times;

		assert_non_null(rig);
		assert_int_equal(rs_cost_round(rig, ROUND_NS, &rate, &times), 0);
		for (unsigned int op = 0; op < RS_COST_CHECK; op++)
			assert_true(isfinite(times.part_ns[op]) && times.part_ns[op] >= 0);
		assert_true(isfinite(times.inval_ns) && times.inval_ns > 0);
		assert_true(isfinite(times.check_ns) && times.check_ns > 0);
		assert_int_equal(rs_cost_repeat(rig, 700, 700), 0);
		rs_cost_close(rig);
	}
	free(specs);
}

static void test_settings_refused(void **state)
{
	static const struct rs_cost_setting wrong[] = {
		{ 0, 0, 1, 0, 1, 1 }, { 32765, 0, 1, 0, 1, 1 },	  { 1, 1025, 1, 0, 1, 1 },
		{ 1, 0, 0, 0, 1, 1 }, { 1, 0, 1000001, 0, 1, 1 }, { 1, 0, 1, 1000001, 1, 1 },
		{ 1, 0, 1, 0, 0, 1 },
	};
	struct rs_algo_spec spec = spec_of("gfn");
	struct rs_error err = { 0 };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_null(rs_cost_open(&spec, &wrong[i], &err));
		assert_int_equal(errno, EINVAL);
		assert_int_equal(err.kind, RS_ERR_USAGE);
	}
	rs_cost_close(NULL);
}

static void test_contention(void **state)
{
	struct rs_tick_rate rate = rs_tick_rate_measure();
	struct rs_cost_rig *rig = open_rig("hfn-recent:2.1.8", alone);
	struct rs_contention c;
	struct rs_error err = { 0 };

	assert_int_equal(rs_cost_contend(rig, 2, 2, 20000000, &rate, &c, &err), 0);
	assert_true(c.checks_per_s > 0);
	assert_true(c.begins_per_s > 0);
	assert_true(c.check_wait_p99_ns >= 0);
	assert_true(c.write_held_ns > 0);
	assert_int_equal(rs_cost_contend(rig, 1, 0, 5000000, &rate, &c, &err), 0);
	assert_true(c.checks_per_s > 0);
	assert_true(c.begins_per_s == 0);
	assert_int_equal(rs_cost_contend(rig, 0, 1, 1000, &rate, &c, &err), -EINVAL);
	assert_int_equal(rs_cost_contend(rig, 1, 257, 1000, &rate, &c, &err), -EINVAL);
	rs_cost_close(rig);
}

/* ---- a trace's own operations ---- */

static uint64_t rejected_of(const struct rs_result *res, const char *name)
{
	uint64_t rejected = 0;

	for (size_t v = 0; v < res->nr_vms; v++)
		for (size_t i = 0; i < res->nr_algos; i++)
			if (!strcmp(res->vms[v].algos[i].name, name))
				rejected += res->vms[v].algos[i].rejected;
	return rejected;
}

/* What replay decides of the events by itself, without a tape. */
static struct rs_result *replay(const struct rs_event *evs, size_t n)
{
	struct rs_replay_opts opts = { .algos = TAPE_ALGOS, .flags = RS_REPLAY_ALL };
	struct rs_replay *engine = rs_replay_new(&opts, NULL);
	struct rs_result *res;

	assert_non_null(engine);
	assert_int_equal(rs_replay_feed(engine, evs, n, NULL), 0);
	res = rs_replay_finish(engine, NULL);
	assert_non_null(res);
	rs_replay_free(engine);
	return res;
}

static void compare_tape(const struct rs_event *evs, size_t n, uint64_t mix[RS_NR_COST_OPS])
{
	struct rs_tape *t = rs_tape_new(TAPE_ALGOS, NULL);
	struct rs_result *res, *expected = replay(evs, n);
	struct rs_tick_rate rate = { 1, 0 };
	uint64_t checked = 0, hit = 0;

	assert_non_null(t);
	assert_int_equal(rs_tape_feed(t, evs, n, NULL), 0);
	res = rs_tape_finish(t, NULL);
	assert_non_null(res);
	rs_tape_mix(t, mix);
	for (size_t v = 0; v < expected->nr_vms; v++) {
		checked += expected->vms[v].checked;
		hit += expected->vms[v].inval_hit;
	}
	assert_int_equal(mix[RS_COST_CHECK], checked);
	assert_int_equal(mix[RS_COST_BEGIN], hit);
	for (size_t i = 0; i + 1 < expected->nr_algos && expected->nr_vms; i++) {
		const char *name = expected->vms[0].algos[i].name;
		struct rs_algo_spec spec = spec_of(name);
		struct rs_tape_run run;
		size_t bytes;

		assert_int_equal(rejected_of(res, name), rejected_of(expected, name));
		assert_int_equal(rs_tape_play(t, &spec, &rate, NULL, &run), 0);
		assert_int_equal(run.rejected, rejected_of(expected, name));
		assert_true(isnan(run.instructions));
		assert_int_equal(rs_tape_peak_bytes(t, &spec, &bytes), 0);
		assert_true(bytes >= 16 || !mix[RS_COST_CHECK]);
	}
	rs_result_free(res);
	rs_result_free(expected);
	rs_tape_free(t);
}

static void test_tape_random(void **state)
{
	static const unsigned int flags[] = {
		0,	     STREAM_DISOBEY,	STREAM_ANOMALIES,
		STREAM_LOST, STREAM_CONTIGUOUS, STREAM_DISOBEY | STREAM_ANOMALIES | STREAM_LOST,
	};
	uint64_t mix[RS_NR_COST_OPS], all[RS_NR_COST_OPS] = { 0 };

	for (uint64_t seed = 1; seed <= STREAMS; seed++) {
		struct stream s = stream_make(seed, flags[seed % 6]);

		compare_tape(s.v, s.n, mix);
		for (unsigned int op = 0; op < RS_NR_COST_OPS; op++)
			all[op] += mix[op];
		stream_free(&s);
	}
	for (unsigned int op = 0; op < RS_NR_COST_OPS; op++)
		assert_true(all[op] > STREAMS);
}

static void test_tape_capture(void **state)
{
	uint64_t mix[RS_NR_COST_OPS];
	struct test_trace t;

	test_trace_read(&t, TRACE_SAMPLES "/6.12-alias3.dat");
	compare_tape(t.evs, t.nr, mix);
	assert_int_equal(mix[RS_COST_CHECK], 30989);
	test_trace_free(&t);
}

static void test_tape_errors(void **state)
{
	struct rs_error err = { 0 };
	struct rs_tape *t;
	struct rs_result *res;

	assert_null(rs_tape_new("nothing", &err));
	assert_int_equal(errno, EINVAL);
	rs_tape_free(NULL);
	t = rs_tape_new("gfn", &err); /* no events at all */
	assert_non_null(t);
	res = rs_tape_finish(t, &err);
	assert_non_null(res);
	rs_result_free(res);
	rs_tape_free(t);
}

/* ---- the tools ---- */

static void test_spread(void **state)
{
	double odd[] = { 3, 1, 2 }, even[] = { 4, 1, 2, 3 }, one[] = { 7 };
	struct rs_spread s = rs_spread_of(odd, 3);

	assert_true(s.median == 2 && s.min == 1 && s.max == 3);
	s = rs_spread_of(even, 4);
	assert_true(s.median == 2.5 && s.min == 1 && s.max == 4);
	s = rs_spread_of(one, 1);
	assert_true(s.median == 7 && s.min == 7 && s.max == 7);
}

static void test_trimmed_mean(void **state)
{
	struct rs_hist h = { 0 };

	assert_true(rs_hist_trimmed_mean(&h) == 0);
	rs_hist_add(&h, 10, 99);
	rs_hist_add(&h, 1000000, 1); /* one in a hundred, and the slowest */
	assert_true(rs_hist_trimmed_mean(&h) == 10);
	rs_hist_free(&h);
}

/* Where the CPU has a counter it counts; where not, it is said why. */
static void test_counter(void **state)
{
	struct rs_algo_spec spec = spec_of("gfn");
	struct rs_cost_rig *rig = rs_cost_open(&spec, &alone, NULL);
	double first[RS_NR_COST_OPS], second[RS_NR_COST_OPS];
	struct rs_error err = { 0 };
	struct rs_counter c;

	assert_non_null(rig);
	if (rs_counter_open(&c, &err)) {
		assert_int_equal(err.kind, RS_ERR_HOST);
		assert_non_null(strstr(err.text, "counter"));
		rs_cost_close(rig);
		return;
	}
	assert_int_equal(rs_cost_count(rig, &c, first), 0);
	assert_int_equal(rs_cost_count(rig, &c, second), 0);
	for (unsigned int op = 0; op < RS_NR_COST_OPS; op++) {
		assert_true(first[op] > 0 && first[op] < 1000);
		assert_true(fabs(first[op] - second[op]) < 5);
	}
	rs_counter_close(&c);
	rs_cost_close(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_algos),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_rounds),
		cmocka_unit_test(test_settings_refused),
		cmocka_unit_test(test_contention),
		cmocka_unit_test(test_tape_random),
		cmocka_unit_test(test_tape_capture),
		cmocka_unit_test(test_tape_errors),
		cmocka_unit_test(test_spread),
		cmocka_unit_test(test_trimmed_mean),
		cmocka_unit_test(test_counter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
