// SPDX-License-Identifier: GPL-2.0-only
/* Rows that are put together without fprintf() are what it would have written. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/write/row.h"
#include "analysis/write/units.h"

static uint64_t seed = 1;

/* Every length of number as likely. */
static uint64_t random_number(void)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return seed >> (seed >> 33) % 64;
}

/* What rows have, and what fprintf() makes of the same. */
struct pair {
	FILE *row, *printf;
	char *got, *expected;
	size_t size;
};

static void pair_open(struct pair *p)
{
	p->row = open_memstream(&p->got, &p->size);
	p->printf = open_memstream(&p->expected, &p->size);
	assert_non_null(p->row);
	assert_non_null(p->printf);
}

static void expect_same(struct pair *p)
{
	fclose(p->row);
	fclose(p->printf);
	assert_string_equal(p->got, p->expected);
	free(p->got);
	free(p->expected);
}

static void test_fields(void **state)
{
	struct pair p;
	struct rs_row r;

	pair_open(&p);
	rs_row_begin(&r, p.row, ' ');
	for (int i = 0; i < 20000; i++) {
		const uint64_t a = random_number(), b = random_number();
		char hex[24];

		rs_row_u64(&r, 9, a);
		rs_row_u64(&r, -9, b);
		rs_row_hex(&r, 12, a);
		rs_row_field(&r, -10, b & 1 ? "unknown" : "longer than that");
		rs_row_seconds(&r, 20, b);
		rs_row_pair(&r, 0, (uint8_t)a, (uint32_t)b);
		rs_row_text(&r, ";");
		rs_row_end(&r);
		snprintf(hex, sizeof(hex), "0x%" PRIx64, a);
		fprintf(p.printf,
			"%9" PRIu64 " %-9" PRIu64 " %12s %-10s %10" PRIu64 ".%09" PRIu64
			" %u:%" PRIu32 ";\n",
			a, b, hex, b & 1 ? "unknown" : "longer than that", b / 1000000000,
			b % 1000000000, (uint8_t)a, (uint32_t)b);
	}
	rs_row_flush(&r);
	expect_same(&p);
}

/* Where a number gets another digit, and through all the room that there is. */
static void test_digits(void **state)
{
	struct pair p;
	struct rs_row r;

	pair_open(&p);
	rs_row_begin(&r, p.row, '\0');
	for (unsigned int base = 10; base <= 16; base += 6) {
		for (uint64_t v = 1;; v *= base) {
			for (uint64_t d = 0; d < 3; d++) {
				rs_row_digits(&r, v - 1 + d);
				rs_row_hex(&r, 0, v - 1 + d);
				fprintf(p.printf, "%" PRIu64 "0x%" PRIx64, v - 1 + d, v - 1 + d);
			}
			if (v > UINT64_MAX / base)
				break;
		}
	}
	rs_row_digits(&r, UINT64_MAX);
	rs_row_hex(&r, 0, UINT64_MAX);
	fprintf(p.printf, "%" PRIu64 "0x%" PRIx64, UINT64_MAX, UINT64_MAX);
	rs_row_flush(&r);
	expect_same(&p);
}

/* A text of any length is all there, and what stands around it. */
static void test_long_text(void **state)
{
	for (size_t len = 0; len < 3 * sizeof(((struct rs_row *)NULL)->text); len += 97) {
		char *got, *text = malloc(len + 1);
		struct rs_row r;
		size_t size;
		FILE *f = open_memstream(&got, &size);

		memset(text, 'x', len);
		text[len] = '\0';
		rs_row_begin(&r, f, ',');
		rs_row_u64(&r, 0, 1);
		rs_row_text(&r, text);
		rs_row_u64(&r, 0, 2);
		rs_row_end(&r);
		rs_row_flush(&r);
		fclose(f);
		assert_int_equal(size, len + 4);
		assert_memory_equal(got, "1", 1);
		assert_memory_equal(got + 1, text, len);
		assert_string_equal(got + 1 + len, ",2\n");
		free(got);
		free(text);
	}
}

static void expect_time(uint64_t ns, const char *expected)
{
	char text[32];

	assert_string_equal(rs_format_time((double)ns, text, sizeof(text)), expected);
}

static void test_times(void **state)
{
	expect_time(0, "0 ns");
	expect_time(999, "999 ns");
	expect_time(1000, "1.00 us");
	expect_time(2674, "2.67 us");
	expect_time(2675, "2.68 us");
	expect_time(9994, "9.99 us");
	expect_time(9995, "10.0 us");
	expect_time(99949, "99.9 us");
	expect_time(99950, "100 us");
	expect_time(999499, "999 us");
	expect_time(999500, "1.00 ms");
	expect_time(999499999, "999 ms");
	expect_time(999500000, "1.00 s");
	expect_time(99950000000, "100 s");
	expect_time(86400000000000, "86400 s");
	/* Beside the whole numbers, where half way does not matter, nothing jumps. */
	for (int i = 0; i < 20000; i++) {
		const double ns = (double)(random_number() >> 14) + 1;
		char whole[32], beside[32];

		rs_format_time(ns, whole, sizeof(whole));
		rs_format_time(ns * (1 + 1e-15), beside, sizeof(beside));
		if (strcmp(whole, beside) != 0)
			rs_format_time(ns - 0.25, beside, sizeof(beside));
		if (strcmp(whole, beside) != 0)
			rs_format_time(ns + 0.25, beside, sizeof(beside));
		assert_string_equal(whole, beside);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_digits),
		cmocka_unit_test(test_long_text),
		cmocka_unit_test(test_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
