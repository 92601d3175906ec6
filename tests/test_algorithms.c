// SPDX-License-Identifier: GPL-2.0-only
/* What must hold of every algorithm in the table, whichever there are. */
#include <ctype.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "replay/algorithm.h"

static void test_info(void **state)
{
	const struct rs_algo_info *a, *b;

	assert_non_null(rs_algo_info(0));
	for (size_t i = 0; (a = rs_algo_info(i)); i++) {
		assert_true(strlen(a->name) > 0 && strlen(a->name) < 24);
		assert_true(strlen(a->kernels) > 0);
		assert_true(strlen(a->summary) > 0);
		for (size_t k = 0; (b = rs_algo_info(k)) && k < i; k++)
			assert_string_not_equal(a->name, b->name);
	}
}

static void test_colours(void **state)
{
	const struct rs_algo_info *a;

	for (size_t i = 0; (a = rs_algo_info(i)); i++) {
		if (!a->colour)
			continue;
		assert_int_equal(strlen(a->colour), 7);
		assert_int_equal(a->colour[0], '#');
		for (const char *c = a->colour + 1; *c; c++)
			assert_true(isxdigit((unsigned char)*c));
	}
}

/* Each list names algorithms that there are, none twice, and what stands for it gives the same. */
static void check_list(enum rs_algo_list which, const char *short_name)
{
	char *list = rs_algo_list(which, true);
	struct rs_algo_spec *specs, *same;
	size_t n, n_same, commas = 0;

	assert_non_null(list);
	assert_int_equal(rs_algo_parse(list, &specs, &n, NULL), 0);
	for (const char *c = list; *c; c++)
		commas += *c == ',';
	assert_int_equal(n, commas + 1);
	assert_int_equal(rs_algo_parse(short_name, &same, &n_same, NULL), 0);
	if (which != RS_ALGOS_PRICE) {
		assert_int_equal(n, n_same);
		for (size_t i = 0; i < n; i++)
			assert_string_equal(specs[i].name, same[i].name);
	}
	free(same);
	free(specs);
	free(list);
}

static void test_lists(void **state)
{
	check_list(RS_ALGOS_ALL, "all");
	check_list(RS_ALGOS_DEFAULT, NULL);
	check_list(RS_ALGOS_PRICE, NULL);
}

/* "all" leaves nothing out; of families it takes some. Each is found by its name. */
static void test_all(void **state)
{
	const struct rs_algo_info *a;
	struct rs_algo_spec *specs;
	size_t n;

	assert_int_equal(rs_algo_parse("all", &specs, &n, NULL), 0);
	for (size_t i = 0; (a = rs_algo_info(i)); i++) {
		size_t k = 0;

		while (k < n && &specs[k].ops->info != a)
			k++;
		assert_true(k < n);
	}
	for (size_t i = 0; i < n; i++)
		assert_ptr_equal(rs_algo_info_of(specs[i].name), &specs[i].ops->info);
	assert_null(rs_algo_info_of("gfn:4"));
	assert_null(rs_algo_info_of("gf"));
	free(specs);
}

/* Who rejects more than is necessary says why; a price has who could be run. */
static void test_explain(void **state)
{
	struct rs_algo_spec *specs;
	size_t n;

	assert_int_equal(rs_algo_parse("all", &specs, &n, NULL), 0);
	for (size_t i = 0; i < n; i++)
		assert_true(specs[i].ops->explain || specs[i].ops->flags & RS_ALGO_BOUND);
	free(specs);
}

static void test_unknown(void **state)
{
	static const char *const names[] = {
		"",
		"gf",
		"gfnn",
		"gfn,",
		",gfn",
		"gfn:1",
		"gfn-multi",
		"gfn-multi:",
		"gfn-multi:0",
		"gfn-multi:N",
		"gfn-multi:65537",
		"gfn-recent:1.1",
		"gfn-recent:0.1.1",
		"all,gfn",
	};
	struct rs_algo_spec *specs;
	size_t n;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct rs_error err = { 0 };

		assert_int_equal(rs_algo_parse(names[i], &specs, &n, &err), -EINVAL);
		assert_non_null(strstr(err.text, "no algorithm '"));
	}
}

static void test_twice(void **state)
{
	struct rs_algo_spec *specs;
	size_t n;

	assert_int_equal(
		rs_algo_parse("gfn,hva,gfn,gfn-multi:2,gfn-multi:3,gfn-multi:2", &specs, &n, NULL),
		0);
	assert_int_equal(n, 4);
	assert_string_equal(specs[3].name, "gfn-multi:3");
	free(specs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_info),	cmocka_unit_test(test_colours),
		cmocka_unit_test(test_lists),	cmocka_unit_test(test_all),
		cmocka_unit_test(test_explain), cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
