// SPDX-License-Identifier: GPL-2.0-only
/* The anomalies that a sweep counts in a cell: a synthetic trace has none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "replay/sweep.h"
#include "traces/synth/synth.h"

#define NR_CELLS 40

struct counted {
	uint64_t anomalies[NR_CELLS];
	uint64_t invals[NR_CELLS]; /* those that were outstanding at most */
	unsigned int done;
};

static int keep(void *arg, const struct rs_sweep_cell *c, struct rs_error *err)
{
	struct counted *n = arg;

	assert_true(c->cell < NR_CELLS);
	n->anomalies[c->cell] = c->anomalies;
	n->invals[c->cell] = c->sum->max_outstanding;
	n->done++;
	return 0;
}

/*
 * Traces of 100, 101, ... events, in which invalidations are in progress at all times, so
 * that some stop within one: what began ends all the same, and nothing is an anomaly.
 */
static void test_what_began_ends(void **state)
{
	static const char *const dense[][2] = {
		{ "scenario", "memory-reclaim" },
		{ "inval-time", "1ms" },
		{ "gap", "1us" },
		{ "period", "1us" },
		{ "fault-rate", "100" },
	};
	char text[NR_CELLS][8];
	const char *values[NR_CELLS];
	const struct rs_sweep_axis axis = { "events", values, NR_CELLS };
	struct counted n = { .done = 0 };
	const struct rs_sweep_hooks hooks = { .arg = &n, .done = keep };
	struct rs_sweep_opts opts = { .axes = &axis, .nr_axes = 1, .algos = "gfn" };

	rs_synth_defaults(&opts.base);
	for (size_t i = 0; i < sizeof(dense) / sizeof(dense[0]); i++)
		assert_int_equal(rs_synth_set(&opts.base, dense[i][0], dense[i][1], NULL), 0);
	for (unsigned int i = 0; i < NR_CELLS; i++) {
		snprintf(text[i], sizeof(text[i]), "%u", 100 + i);
		values[i] = text[i];
	}
	assert_int_equal(rs_sweep_run(&opts, 1, &hooks, NULL), 0);
	assert_int_equal(n.done, NR_CELLS);
	for (unsigned int i = 0; i < NR_CELLS; i++) {
		assert_int_equal(n.anomalies[i], 0);
		assert_true(n.invals[i] > 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_began_ends),
	};

	return cmocka_run_group_tests_name("sweep", tests, NULL, NULL);
}
