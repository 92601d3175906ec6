// SPDX-License-Identifier: GPL-2.0-only
/* The hash table: what was added is found, what was not is not, whatever the hashes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/table.h"

#define MANY 5000U

static void test_empty(void **state)
{
	struct rs_hash t = { 0 };

	assert_int_equal(rs_hash_find(&t, rs_hash_number(0), NULL, NULL), RS_HASH_NONE);
	rs_hash_free(&t);
	assert_null(t.places);
}

/* Numbers in a row, and far apart: as hashes of numbers differ, nothing else need be asked. */
static void test_numbers(void **state)
{
	const uint64_t steps[] = { 1, 16, 1ULL << 32, 0x9e3779b97f4a7c15ULL };

	for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
		struct rs_hash t = { 0 };

		for (uint32_t i = 0; i < MANY; i++)
			assert_int_equal(rs_hash_add(&t, rs_hash_number(i * steps[k]), i), 0);
		assert_int_equal(t.nr, MANY);
		assert_true(t.size >= 2 * t.nr);
		for (uint32_t i = 0; i < MANY; i++)
			assert_int_equal(rs_hash_find(&t, rs_hash_number(i * steps[k]), NULL, NULL),
					 i);
		for (uint64_t i = MANY; i < 2 * MANY; i++)
			assert_int_equal(rs_hash_find(&t, rs_hash_number(i * steps[k]), NULL, NULL),
					 RS_HASH_NONE);
		rs_hash_free(&t);
		assert_int_equal(t.size, 0);
	}
}

static bool is(const void *arg, uint32_t n)
{
	return n == *(const uint32_t *)arg;
}

/* All have one hash, whose place is the last: who asks tells them apart. */
static void test_one_hash(void **state)
{
	struct rs_hash t = { 0 };

	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(rs_hash_add(&t, UINT64_MAX, i), 0);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(rs_hash_find(&t, UINT64_MAX, is, &i), i);
	assert_int_equal(rs_hash_find(&t, UINT64_MAX, is, &(uint32_t){ 100 }), RS_HASH_NONE);
	/* Another hash of the same place is not theirs. */
	assert_int_equal(rs_hash_find(&t, UINT64_MAX >> 1, NULL, NULL), RS_HASH_NONE);
	rs_hash_free(&t);
}

static void test_largest_number(void **state)
{
	struct rs_hash t = { 0 };

	assert_int_equal(rs_hash_add(&t, 0, RS_HASH_NONE - 1), 0);
	assert_int_equal(rs_hash_find(&t, 0, NULL, NULL), RS_HASH_NONE - 1);
	rs_hash_free(&t);
}

static void test_strings(void **state)
{
	char a[] = "vcpus", b[] = "vcpus";

	assert_true(rs_hash_string(a) == rs_hash_string(b));
	assert_true(rs_hash_string("") != rs_hash_string("a"));
	assert_true(rs_hash_string("ab") != rs_hash_string("ba"));
	assert_true(rs_hash_string("\xff") != rs_hash_string("\x7f"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),	 cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_one_hash), cmocka_unit_test(test_largest_number),
		cmocka_unit_test(test_strings),
	};

	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
