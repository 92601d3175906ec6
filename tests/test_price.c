// SPDX-License-Identifier: GPL-2.0-only
/* Precision against price: who is on the front, what is read, and that it can be drawn. */
#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/common/skip.h"
#include "analysis/plot/plot_price.h"

static struct rs_price_point point(const char *name, double price, uint64_t spurious,
				   uint64_t missed)
{
	return (struct rs_price_point){ .algorithm = name,
					.price_median = price,
					.price_min = price * 0.9,
					.price_max = price * 1.2,
					.checked = 1000,
					.rejected = spurious + 10,
					.necessary = 10 + missed,
					.spurious = spurious,
					.missed = missed };
}

static void check_front(const struct rs_price_point *points, size_t n, const char *expected)
{
	bool on_front[16];
	char found[17] = "";

	rs_price_front(points, n, on_front);
	for (size_t i = 0; i < n; i++)
		found[i] = on_front[i] ? 'x' : '.';
	assert_string_equal(found, expected);
}

static void front(void **state)
{
	/* A price of 20 is 18 to 24. */
	const struct rs_price_point some[] = {
		point("cheap", 10, 500, 0),   point("middle", 20, 100, 0),
		point("dear", 40, 0, 0),      point("beaten by middle", 27, 100, 0),
		point("far off", 90, 900, 0), point("dearer, perhaps", 26, 100, 0),
	};
	const struct rs_price_point wrong[] = { point("wrong", 1, 0, 1), point("right", 2, 5, 0) };
	const struct rs_price_point equal[] = { point("a", 2, 5, 0), point("b", 2, 5, 0) };
	/* As precise by rate, not by count. */
	struct rs_price_point rates[] = { point("a", 2, 50, 0), point("b", 3, 10, 0) };

	check_front(some, 6, "xxx..x");
	check_front(wrong, 2, ".x");
	check_front(wrong, 1, ".");
	check_front(equal, 2, "xx");
	rates[1].checked = 100;
	check_front(rates, 2, "x.");
	check_front(NULL, 0, "");
}

/* Times whose ranges overlap tell nobody off, those that only touch do if rates differ. */
static void front_heeds_ranges(void **state)
{
	struct rs_price_point two[] = { point("a", 10, 5, 0), point("b", 12, 7, 0) };

	two[0].price_max = 12.5;
	two[1].price_min = 11;
	check_front(two, 2, "xx");
	two[0].price_max = 11;
	check_front(two, 2, "x.");
	two[1].spurious = 5;
	check_front(two, 2, "xx");
	two[0].price_max = 10.9;
	check_front(two, 2, "x.");
	/* As of instructions, which have no range. */
	for (int i = 0; i < 2; i++)
		two[i].price_min = two[i].price_max = two[i].price_median = 10;
	check_front(two, 2, "xx");
	two[1].spurious = 6;
	check_front(two, 2, "x.");
}

static int read_text(const char *text, struct rs_price_data *d, struct rs_error *err)
{
	FILE *f = fmemopen((char *)text, strlen(text), "r");
	int rc;

	assert_non_null(f);
	rc = rs_price_read(f, d, err);
	fclose(f);
	return rc;
}

#define HEAD "{\"schema\": \"retryscope-bench/1\", \"trace\": \"a.dat\", \"price\": ["
#define POINT(algo, unit, median)                                                        \
	"{\"algorithm\": \"" algo "\", \"unit\": \"" unit "\", \"median\": " median ", " \
	"\"min\": 1, \"max\": 30.5, \"checked\": 100, \"rejected\": 30, "                \
	"\"necessary\": 10, \"spurious\": 20, \"missed\": 0}"

static void points_are_read(void **state)
{
	struct rs_price_data d;
	struct rs_error err = { 0 };

	assert_int_equal(read_text(HEAD POINT("hva", "ns", "2.5") "," POINT(
					   "hva", "ins", "25") "," POINT("gfn", "ns", "3") "]}",
				   &d, &err),
			 0);
	assert_int_equal(d.nr_groups, 2);
	assert_string_equal(d.trace, "a.dat");
	assert_string_equal(d.groups[0].unit, "ns");
	assert_int_equal(d.groups[0].nr, 2);
	assert_int_equal(d.groups[1].nr, 1);
	assert_string_equal(d.groups[0].points[1].algorithm, "gfn");
	assert_true(d.groups[0].points[0].price_median == 2.5);
	assert_true(d.groups[0].points[0].price_max == 30.5);
	assert_true(rs_price_spurious_rate(&d.groups[0].points[0]) == 0.2);
	rs_price_free(&d);
}

static void ill_formed_points_are_refused(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "{\"schema\": \"x\"}", "schema: \"retryscope-bench/1\" expected" },
		{ "{\"schema\": \"retryscope-bench/1\"}", "price: a list" },
		{ HEAD "]}", "price: a list" },
		{ HEAD "1]}", "price[0].algorithm: a name expected" },
		{ HEAD POINT("hva", "ns", "2") "," POINT("", "ns", "2") "]}",
		  "price[1].algorithm: a name expected" },
		{ HEAD POINT("hva", "", "2") "]}", "price[0].unit: a text expected" },
		{ HEAD POINT("hva", "ns", "0") "]}", "price[0].median: a number above 0" },
		{ HEAD POINT("hva", "ns", "\"2\"") "]}", "price[0].median: a number above 0" },
		{ HEAD POINT("hva", "ns", "31") "]}", "price[0].median: a number from min to max" },
		{ HEAD "{\"algorithm\": \"a\", \"unit\": \"ns\", \"median\": 1, \"min\": 1, "
		       "\"max\": 1, \"checked\": -1}]}",
		  "price[0].checked: a count expected" },
		{ HEAD "{\"algorithm\": \"a\", \"unit\": \"ns\", \"median\": 1, \"min\": 1, "
		       "\"max\": 1, \"checked\": 1, \"rejected\": 2, \"necessary\": 0, "
		       "\"spurious\": 2, \"missed\": 0}]}",
		  "price[0].spurious: not more than checked" },
	};
	struct rs_price_data d;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rs_error err = { 0 };

		assert_int_equal(read_text(cases[i].text, &d, &err), -EINVAL);
		assert_int_equal(err.kind, RS_ERR_INPUT);
		if (strncmp(err.text, cases[i].message, strlen(cases[i].message)))
			fail_msg("'%s', not '%s'", err.text, cases[i].message);
	}
}

static void draw(const struct rs_price_point *points, size_t n)
{
	struct rs_error err = { 0 };
	struct rs_workdir work;

	assert_int_equal(rs_workdir_open(&work, "/tmp", &err), 0);
	for (unsigned int f = 0; f < RS_FIGURE_NR_FORMATS; f++) {
		struct rs_figure fig;
		FILE *complaints;

		assert_int_equal(rs_figure_begin(&fig, &work, "price", "picture", f, &err), 0);
		rs_price_draw(&fig, points, n, "ns per fault, under the lock", "what", "of");
		if (rs_figure_draw(&fig, NULL, NULL, &err))
			fail_msg("%s: %s", rs_figure_format_name(f), err.text);
		complaints = rs_workdir_fopen(&work, "gnuplot.err", "r");
		assert_non_null(complaints);
		assert_int_equal(fgetc(complaints), EOF);
		fclose(complaints);
	}
	rs_workdir_close(&work);
}

static bool no_gnuplot(void)
{
	struct rs_workdir work;
	bool none;

	assert_int_equal(rs_workdir_open(&work, "/tmp", NULL), 0);
	none = rs_gnuplot_run(work.path, "/dev/null", NULL, NULL, NULL) != 0;
	rs_workdir_close(&work);
	return none;
}

static void extremes_can_be_drawn(void **state)
{
	struct rs_price_point many[80];

	if (no_gnuplot())
		test_skip("gnuplot is not installed");
	for (size_t i = 0; i < 80; i++) {
		const size_t price = 1 + i / 8;

		many[i] = point("an-algorithm-with-a-name:of,some,length", (double)price,
				i % 8 * 100, i % 5 == 4);
	}
	draw(many, 80);
	many[0] = point("dear", 1e15, 1000, 0);
	many[1] = point("cheap", 1e-3, 0, 0);
	many[2] = (struct rs_price_point){ "empty", 1, 1, 1, 0, 0, 0, 0, 0 };
	draw(many, 3);
	draw(many, 1);
	draw(many + 1, 1);
	draw(many, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(front),
		cmocka_unit_test(front_heeds_ranges),
		cmocka_unit_test(points_are_read),
		cmocka_unit_test(ill_formed_points_are_refused),
		cmocka_unit_test(extremes_can_be_drawn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
