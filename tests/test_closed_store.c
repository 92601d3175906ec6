// SPDX-License-Identifier: GPL-2.0-only
/*
 * The closed loop of longer streams: whether what was recorded stays in memory or goes to a
 * file, and however many threads there are, the figures are the same.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "replay/closed/closed.h"
#include "tests/common/report_text.h"
#include "tests/common/synth_params.h"

/* With these settings, in 60,000 events: enough for many chunks of each vCPU's attempts. */
static const char *const scenarios[][6] = {
	{ "ksm", "vcpus=4" },
	{ "thp-split", "walk=on", "vcpus=2" },
	{ "guest-memfd", "walk=on", "vms=3" },
	{ "conversion" },
	{ "balloon", "aliases=3", "vcpus=1" },
};

static void feed(struct rs_replay *engine, const char *const *settings)
{
	struct rs_synth_params p = test_synth_params(settings[0], settings + 1);
	const struct rs_event *evs;
	struct rs_synth *synth;
	size_t n;

	assert_int_equal(rs_synth_set(&p, "events", "60000", NULL), 0);
	synth = rs_synth_new(&p, NULL);
	assert_non_null(synth);
	while ((n = rs_synth_next(synth, &evs)))
		assert_int_equal(rs_replay_feed(engine, evs, n, NULL), 0);
	rs_synth_free(synth);
}

/* NULL with @err set where the closed loop fails. */
static struct rs_result *run(const char *const *settings, const struct rs_closed_opts *opts,
			     struct rs_error *err)
{
	struct rs_closed *closed = rs_closed_new(opts, err);
	struct rs_replay_opts open = { .algos = opts->algos, .flags = RS_REPLAY_ALL };
	struct rs_result *res;
	struct rs_replay *engine;

	assert_non_null(closed);
	open.observer = rs_closed_observer(closed);
	engine = rs_replay_new(&open, err);
	assert_non_null(engine);
	feed(engine, settings);
	res = rs_replay_finish(engine, err);
	assert_non_null(res);
	if (rs_closed_finish(closed, res, err)) {
		rs_result_free(res);
		res = NULL;
	}
	rs_replay_free(engine);
	rs_closed_free(closed);
	return res;
}

static void check_same(const char *const *settings, struct rs_closed_opts opts)
{
	char *wanted, *text;

	opts.jobs = 1;
	opts.keep = SIZE_MAX / 2;
	wanted = report_text(run(settings, &opts, NULL));
	for (opts.jobs = 1; opts.jobs <= 9; opts.jobs += 4) {
		opts.keep = opts.jobs == 5 ? 50000 : 1;
		text = report_text(run(settings, &opts, NULL));
		assert_string_equal(text, wanted);
		free(text);
	}
	free(wanted);
}

static void test_same(void **state)
{
	struct rs_closed_opts opts = { .algos = "all", .kernel_algo = "hva" };

	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		opts.think = i & 1;
		opts.precheck = i % 3;
		check_same(scenarios[i], opts);
	}
}

/* More algorithms than one simulation takes. */
static void test_many_algorithms(void **state)
{
	char list[2000] = "hva";
	size_t at = strlen(list);

	for (unsigned int i = 1; i <= 150; i++)
		at += (size_t)snprintf(list + at, sizeof(list) - at, ",gfn-multi:%u", i);
	check_same(scenarios[1],
		   (struct rs_closed_opts){ .algos = list, .kernel_algo = "gfn", .think = true });
}

static void test_no_room(void **state)
{
	const struct rs_closed_opts opts = { .algos = "hva", .keep = 1, .jobs = 1 };
	const char *dir = getenv("TMPDIR");
	char *old = dir ? strdup(dir) : NULL;
	struct rs_error err = { 0 };

	assert_int_equal(setenv("TMPDIR", "/nonexistent", 1), 0);
	assert_null(run(scenarios[0], &opts, &err));
	assert_int_equal(err.kind, RS_ERR_OUTPUT);
	assert_int_equal(old ? setenv("TMPDIR", old, 1) : unsetenv("TMPDIR"), 0);
	free(old);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_many_algorithms),
		cmocka_unit_test(test_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
