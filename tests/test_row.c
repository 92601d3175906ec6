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

/* What was put up to @p, which is not behind it, and what fprintf() makes of the same. */
__attribute__((format(printf, 3, 4))) static void expect(const char *row, char *p,
							 const char *format, ...)
{
	char text[512];
	va_list args;

	*p = '\0';
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	assert_string_equal(row, text);
}

static void test_fields(void **state)
{
	for (int i = 0; i < 20000; i++) {
		const uint64_t a = random_number(), b = random_number();
		char row[512], hex[24], pair[48], *p = row;

		p = rs_field_u64(p, 9, a, ' ');
		p = rs_field_u64(p, 0, b, ',');
		p = rs_field_hex(p, 12, a, ' ');
		p = rs_field_hex(p, 0, b, ' ');
		p = rs_field_name(p, 10, b & 1 ? "unknown" : "longer than that", ' ');
		p = rs_field_seconds(p, 20, b, ' ');
		p = rs_field_pair(p, 10, (uint8_t)a, (uint32_t)b, '"');
		p = rs_put_text(p, ";");
		snprintf(hex, sizeof(hex), "0x%" PRIx64, a);
		snprintf(pair, sizeof(pair), "%u:%" PRIu32, (uint8_t)a, (uint32_t)b);
		expect(row, p,
		       "%9" PRIu64 " %" PRIu64 ",%12s 0x%" PRIx64 " %-10s %10" PRIu64 ".%09" PRIu64
		       " %10s\";",
		       a, b, hex, b, b & 1 ? "unknown" : "longer than that", b / 1000000000,
		       b % 1000000000, pair);
	}
}

static void expect_number(uint64_t v)
{
	char row[64 + RS_ROW_BEHIND];

	expect(row, rs_field_hex(rs_field_u64(row, 0, v, ' '), 0, v, ';'),
	       "%" PRIu64 " 0x%" PRIx64 ";", v, v);
}

/* Where a number gets another digit, and all that a step of eight digits is made of. */
static void test_digits(void **state)
{
	for (unsigned int base = 10; base <= 16; base += 6) {
		for (uint64_t v = 1;; v *= base) {
			for (uint64_t d = 0; d < 3; d++)
				expect_number(v - 1 + d);
			if (v > UINT64_MAX / base)
				break;
		}
	}
	for (uint64_t v = 0; v < 10000; v++) {
		expect_number(v);
		expect_number(v * 10000 + 9999);
	}
	expect_number(UINT64_MAX);
}

/* Labels of any length, in rows that are more than there is room for: all of it, in order. */
static void test_rows(void **state)
{
	struct rs_row *r = malloc(sizeof(*r));
	size_t size, at = 0;
	char *got, bytes[RS_LABEL_ROOM(256)];
	FILE *f = open_memstream(&got, &size);

	assert_non_null(r);
	assert_non_null(f);
	r->len = 0;
	for (unsigned int len = 0; len < 256; len++) {
		const struct rs_label label = { bytes, len };
		char *p = rs_row_begin(r, f);

		assert_true(p + RS_ROW_MOST <= r->text + sizeof(r->text));
		memset(bytes, (int)len, sizeof(bytes));
		while (p < r->text + r->len + RS_ROW_MOST / 2)
			p = rs_put_text(rs_put_label(p, &label), ",");
		rs_row_end(r, p);
	}
	rs_row_flush(r, f);
	fclose(f);
	for (unsigned int len = 0; len < 256; len++) {
		for (size_t end = at + RS_ROW_MOST / 2; at < end; at++) {
			for (unsigned int i = 0; i < len; i++)
				assert_int_equal((unsigned char)got[at++], len);
			assert_int_equal(got[at], ',');
		}
	}
	assert_int_equal(at, size);
	free(got);
	free(r);
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
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
