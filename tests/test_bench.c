// SPDX-License-Identifier: GPL-2.0-only
/* What a bench's figures become: tables, and JSON that the plot of prices reads back. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analysis/bench/bench.h"
#include "analysis/plot/plot_price.h"

static struct rs_bench_price prices[] = {
	{ "gfn", { 2.5, 2, 3 }, 10, 100, 60, 10, 50, 0, 32 },
	{ "gfn-v7", { 2.5, 2, 3 }, 5, 100, 20, 10, 14, 4, 32 },
	{ "gfn-slot", { 3, 3, 3 }, 20, 100, 60, 10, 50, 0, 72 },
	{ "hfn-recent:2.1.8", { 0, 0, 0.5 }, 70, 100, 12, 10, 2, 0, 232 },
};

static struct rs_bench bench = {
	.command = "retryscope bench",
	.rounds = 3,
	.no_counter = "no counter",
	.trace = "a trace",
	.mix = { 1000, 2000, 1000, 100 },
	.prices = prices,
	.nr_prices = 4,
};

/* What is written, for the caller to free. */
static char *written(int (*write)(FILE *f, const struct rs_bench *b), const struct rs_bench *b)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	assert_int_equal(write(f, b), 0);
	assert_int_equal(fclose(f), 0);
	return text;
}

/* The line of @text that begins with @name and a blank. */
static const char *line_of(char *text, const char *name)
{
	size_t len = strlen(name);

	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		if (!strncmp(line, name, len) && line[len] == ' ')
			return line;
	return NULL;
}

static void expect_line(const struct rs_bench *b, const char *name, const char *end)
{
	char *text = written(rs_bench_text, b);
	const char *line = line_of(text, name);

	assert_non_null(line);
	if (strlen(line) < strlen(end) || strcmp(line + strlen(line) - strlen(end), end) != 0)
		fail_msg("'%s' does not end in '%s'", line, end);
	free(text);
}

static void test_text_front(void **state)
{
	expect_line(&bench, "gfn", "10.0 2.50 2.00-3.00 front");
	expect_line(&bench, "gfn-v7", "5.00 2.50 2.00-3.00 wrong");
	expect_line(&bench, "gfn-slot", "20.0 3.00 3.00-3.00");
	expect_line(&bench, "hfn-recent:2.1.8", "70.0 0.00 0.00-0.50 front");
}

/* One that is not known in instructions: all go by time. */
static void test_text_by_time(void **state)
{
	double kept = prices[1].instructions;

	assert_true(rs_bench_counted(&bench));
	prices[1].instructions = (double)NAN;
	assert_false(rs_bench_counted(&bench));
	expect_line(&bench, "gfn-v7", "- 2.50 2.00-3.00 wrong");
	expect_line(&bench, "gfn", "10.0 2.50 2.00-3.00");
	expect_line(&bench, "hfn-recent:2.1.8", "70.0 0.00 0.00-0.50 front");
	prices[1].instructions = kept;
}

static void test_json_is_read(void **state)
{
	char *text = written(rs_bench_json, &bench);
	FILE *f = fmemopen(text, strlen(text), "r");
	struct rs_price_data d;
	struct rs_error err = { 0 };

	assert_non_null(f);
	assert_int_equal(rs_price_read(f, &d, &err), 0);
	assert_string_equal(d.trace, "a trace");
	assert_int_equal(d.nr_groups, 2);
	assert_string_equal(d.groups[0].unit, RS_BENCH_UNIT_INSTRUCTIONS);
	assert_string_equal(d.groups[1].unit, RS_BENCH_UNIT_NS);
	for (size_t i = 0; i < 4; i++) {
		const struct rs_price_point *p = &d.groups[0].points[i];
		const struct rs_price_point *q = &d.groups[1].points[i];

		assert_string_equal(p->algorithm, prices[i].algorithm);
		assert_true(p->price_median == prices[i].instructions);
		assert_int_equal(p->checked, 100);
		assert_int_equal(p->rejected, prices[i].rejected);
		assert_int_equal(p->necessary, 10);
		assert_int_equal(q->spurious, prices[i].spurious);
		assert_int_equal(q->missed, prices[i].missed);
		assert_true(q->price_max == prices[i].ns.max);
	}
	/* Too cheap to be measured: not free. */
	assert_true(d.groups[1].points[3].price_min == RS_BENCH_LEAST_PRICE);
	rs_price_free(&d);
	fclose(f);
	free(text);
}

static void test_axes(void **state)
{
	struct rs_cost_setting set = { 1, 2, 3, 4, 5, 6 };

	assert_int_equal(*rs_bench_axis_of(&set, RS_BENCH_MEMSLOTS), 1);
	assert_int_equal(*rs_bench_axis_of(&set, RS_BENCH_ALIASES), 2);
	assert_int_equal(*rs_bench_axis_of(&set, RS_BENCH_OUTSTANDING), 3);
	assert_int_equal(*rs_bench_axis_of(&set, RS_BENCH_ENDED), 4);
	assert_string_equal(rs_bench_axis_name(RS_BENCH_ENDED), "ended");
	assert_null(rs_bench_axis_name(RS_NR_BENCH_AXES));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_front),
		cmocka_unit_test(test_text_by_time),
		cmocka_unit_test(test_json_is_read),
		cmocka_unit_test(test_axes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
