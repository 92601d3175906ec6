// SPDX-License-Identifier: GPL-2.0-only
/* Tables of sweeps as they are read back for plots. */
#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "analysis/sweep/sweep_read.h"

static int read_text(const char *text, struct rs_sweep_data *d, struct rs_error *err)
{
	FILE *f = fmemopen((char *)text, strlen(text), "r");
	int rc;

	assert_non_null(f);
	rc = rs_sweep_read(f, d, err);
	fclose(f);
	return rc;
}

static const char table[] = "cell,size,layout,aliases,seed,algorithm,events,ratio\n"
			    "0,2G,pc,1,1,hva,10,1.5\n"
			    "1,64M,pc,1,1,hva,20,\n"
			    "2,1G,q35,1,1,hva,30,0\n"
			    "3,2G,q35,1,1,gfn,340282366920938463463374607431768211455,2\n";

static void fields_are_found(void **state)
{
	struct rs_sweep_data d;

	assert_int_equal(read_text(table, &d, NULL), 0);
	assert_int_equal(d.nr_rows, 4);
	assert_int_equal(d.algorithm, 5);
	assert_int_equal(rs_sweep_column(&d, "ratio"), 7);
	assert_int_equal(rs_sweep_column(&d, "rati"), d.nr_columns);
	assert_string_equal(rs_sweep_field(&d, 2, 2), "q35");
	assert_true(rs_sweep_figure(&d, 0, 7) == 1.5);
	assert_true(isnan(rs_sweep_figure(&d, 1, 7)));
	assert_true(isnan(rs_sweep_figure(&d, 0, d.nr_columns)));
	assert_true(rs_sweep_figure(&d, 3, 6) > 3.4e38);
	rs_sweep_data_free(&d);
}

/* Parameters had their dashes once; either name is of the same parameter. */
static void dashes_are_read(void **state)
{
	static const char *const tables[] = {
		"cell,alias-share,seed,algorithm,a_b\n0,0.1,1,hva,1\n1,0.2,1,hva,2\n",
		"cell,version,loop,alias_share,seed,algorithm,a_b\n"
		"0,0.1.0,open,0.1,1,hva,1\n1,0.1.0,open,0.2,1,hva,2\n",
	};
	static const char *const names[] = { "alias-share", "alias_share" };
	static const char *const wheres[] = { "alias-share=0.2", "alias_share=0.2" };
	struct rs_sweep_axes axes;
	struct rs_sweep_data d;

	for (unsigned int t = 0; t < 2; t++) {
		for (unsigned int i = 0; i < 2; i++) {
			assert_int_equal(read_text(tables[t], &d, NULL), 0);
			assert_int_equal(rs_sweep_axes_get(&d, names[i], &axes, NULL), 0);
			assert_string_equal(d.columns[axes.x], "alias-share");
			assert_int_equal(rs_sweep_column(&d, "a_b"), d.nr_columns - 1);
			assert_int_equal(rs_sweep_where(&d, wheres[i], NULL), 0);
			assert_int_equal(d.nr_rows, 1);
			rs_sweep_data_free(&d);
		}
	}
}

/* Sizes by what they are, not by their letters; names as they come. */
static void values_have_an_order(void **state)
{
	struct rs_sweep_data d;
	struct rs_sweep_values v;

	assert_int_equal(read_text(table, &d, NULL), 0);
	assert_int_equal(rs_sweep_values_get(&d, 1, &v), 0);
	assert_true(v.numeric);
	assert_int_equal(v.nr, 3);
	assert_string_equal(v.text[0], "64M");
	assert_string_equal(v.text[2], "2G");
	assert_true(v.number[1] == 1024.0 * 1024 * 1024);
	assert_int_equal(rs_sweep_value_index(&v, "1G"), 1);
	assert_int_equal(rs_sweep_value_index(&v, "3G"), 3);
	rs_sweep_values_free(&v);
	assert_int_equal(rs_sweep_values_get(&d, 2, &v), 0);
	assert_false(v.numeric);
	assert_string_equal(v.text[1], "q35");
	assert_true(v.number[1] == 1);
	rs_sweep_values_free(&v);
	rs_sweep_data_free(&d);
}

static void axes_are_what_varies(void **state)
{
	struct rs_sweep_data d;
	struct rs_sweep_axes axes;
	struct rs_error err;

	assert_int_equal(read_text(table, &d, NULL), 0);
	assert_int_equal(rs_sweep_axes_get(&d, NULL, &axes, NULL), 0);
	assert_int_equal(axes.x, 1);
	assert_int_equal(axes.other, 2);
	assert_int_equal(rs_sweep_axes_get(&d, "layout", &axes, NULL), 0);
	assert_int_equal(axes.x, 2);
	assert_int_equal(axes.other, 1);
	assert_int_equal(rs_sweep_axes_get(&d, "aliases", &axes, &err), -EINVAL);
	assert_int_equal(err.kind, RS_ERR_USAGE);

	assert_int_equal(rs_sweep_where(&d, "layout=pc", NULL), 0);
	assert_int_equal(d.nr_rows, 2);
	assert_int_equal(rs_sweep_axes_get(&d, NULL, &axes, NULL), 0);
	assert_int_equal(axes.x, 1);
	assert_int_equal(axes.other, d.nr_columns);
	assert_int_equal(rs_sweep_where(&d, "size=64M,3G", NULL), 0);
	assert_int_equal(d.nr_rows, 1);
	assert_string_equal(rs_sweep_field(&d, 0, 0), "1");
	assert_int_equal(rs_sweep_axes_get(&d, NULL, &axes, &err), -EINVAL);
	rs_sweep_data_free(&d);
}

static void filters_that_fit_nothing(void **state)
{
	static const char *const cases[] = { "size",	  "size=3G", "siz=2G", "sizes=2G",
					     "cell=0",	  "seed",    "",       "algorithm=hva",
					     "events=10", "size=" };
	struct rs_error err;
	struct rs_sweep_data d;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(read_text(table, &d, NULL), 0);
		assert_int_equal(rs_sweep_where(&d, cases[i], &err), -EINVAL);
		assert_int_equal(err.kind, RS_ERR_USAGE);
		rs_sweep_data_free(&d);
	}
}

#define JSON "{\"schema\": \"retryscope-sweep/1\", \"columns\": "
#define COLUMNS "[\"cell\", \"size\", \"seed\", \"algorithm\", \"events\"]"

static void ill_formed_tables_are_refused(void **state)
{
	static const struct {
		const char *text, *message;
		uint64_t line;
	} cases[] = {
		{ "", "it is empty", 1 },
		{ "cell\n", "columns: cell, parameters", 1 },
		{ "cell,algorithm\n", "columns: cell, parameters", 1 },
		{ "row,seed,algorithm\n", "columns: cell, parameters", 1 },
		{ "cell,seed,algorithm,x\n0,1,hva\n", "row 1: 4 fields expected, not 3", 2 },
		{ "cell,seed,algorithm,x\n0,1,hva,1\n\n", "row 2: 4 fields expected, not 1", 3 },
		{ "cell,seed,algorithm,x\n0,1,hva,-1\n", "row 1: x: a number expected", 2 },
		{ "cell,seed,algorithm,x\n0,1,hva,nan\n", "row 1: x: a number expected", 2 },
		{ "cell,seed,algorithm,x\n,1,hva,1\n", "row 1: cell: a number expected", 2 },
		{ "cell,seed,algorithm,x\n0,1,,1\n", "row 1: algorithm: a value expected", 2 },
		{ JSON "[]}", "columns and rows expected", 0 },
		{ JSON "[1], \"rows\": []}", "columns: names expected", 0 },
		{ JSON COLUMNS ", \"rows\": [[]]}", "row 1: 5 fields expected, not 0", 0 },
		{ JSON COLUMNS ", \"rows\": [7]}", "row 1: 5 fields expected, not 0", 0 },
		{ JSON COLUMNS ", \"rows\": [[0, {}, 1, \"hva\", 1]]}", "row 1: size: a number",
		  0 },
		{ JSON COLUMNS ", \"rows\": [[0, 1, 1, \"hva\", \"x\"]]}", "row 1: events: a num",
		  0 },
	};
	struct rs_sweep_data d;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rs_error err = { 0 };

		assert_int_equal(read_text(cases[i].text, &d, &err), -EINVAL);
		assert_int_equal(err.kind, RS_ERR_INPUT);
		if (strncmp(err.text, cases[i].message, strlen(cases[i].message)) ||
		    err.line != cases[i].line)
			fail_msg("'%s' (line %ju), not '%s'", err.text, (uintmax_t)err.line,
				 cases[i].message);
	}
}

/* JSON numbers come out as CSV has them. */
static void json_is_as_csv(void **state)
{
	struct rs_sweep_data d;

	assert_int_equal(read_text(JSON COLUMNS ", \"rows\": [[0, 0.001, 1, \"hva\", null], "
						"[1, \"1G\", 1, \"hva\", 5e20]]}",
				   &d, NULL),
			 0);
	assert_string_equal(rs_sweep_field(&d, 0, 1), "0.001");
	assert_string_equal(rs_sweep_field(&d, 1, 1), "1G");
	assert_true(isnan(rs_sweep_figure(&d, 0, 4)));
	assert_true(rs_sweep_figure(&d, 1, 4) == 5e20);
	rs_sweep_data_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_found),
		cmocka_unit_test(dashes_are_read),
		cmocka_unit_test(values_have_an_order),
		cmocka_unit_test(axes_are_what_varies),
		cmocka_unit_test(filters_that_fit_nothing),
		cmocka_unit_test(ill_formed_tables_are_refused),
		cmocka_unit_test(json_is_as_csv),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
