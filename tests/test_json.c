// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/write/json_build.h"
#include "analysis/write/json_exact.h"

typedef unsigned __int128 u128;

static void expect_written(json_t *root, const char *expected)
{
	char *text, *p;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(root);
	assert_int_equal(rs_json_write(f, root), 0);
	fclose(f);
	json_decref(root);
	/* Blanks and newlines are of no interest here. */
	p = text;
	for (char *q = text; *q; q++)
		if (*q != ' ' && *q != '\n')
			*p++ = *q;
	*p = '\0';
	assert_string_equal(text, expected);
	free(text);
}

static json_t *read_text(const char *text, struct rs_error *err)
{
	FILE *f = fmemopen((char *)text, strlen(text), "r");
	json_t *root;

	assert_non_null(f);
	root = rs_json_read(f, err);
	fclose(f);
	return root;
}

static void numbers_are_exact(void **state)
{
	expect_written(RS_JSON({ "a", rs_json_u64(0) }, { "b", rs_json_u64(1ULL << 53) },
			       { "c", rs_json_u64(UINT64_MAX) }, { "d", rs_json_u128(~(u128)0) }),
		       "{\"a\":0,\"b\":9007199254740992,\"c\":\"18446744073709551615\","
		       "\"d\":\"340282366920938463463374607431768211455\"}");
	expect_written(RS_JSON({ "a", rs_json_thousandths(0) }, { "b", rs_json_thousandths(1) },
			       { "c", rs_json_thousandths(1250) },
			       { "d", rs_json_thousandths((u128)UINT64_MAX * 1000 + 7) }),
		       "{\"a\":0.0,\"b\":0.001,\"c\":1.25,\"d\":\"18446744073709551615.007\"}");
	expect_written(RS_JSON({ "a", rs_json_number(NAN) }, { "b", rs_json_number(INFINITY) },
			       { "c", rs_json_number(0.1) }),
		       "{\"a\":null,\"b\":null,\"c\":0.1}");
}

/* Nothing that a path or a command can hold gets out of its string, or looks like a number. */
static void texts_stay_texts(void **state)
{
	expect_written(RS_JSON({ "a", rs_json_text(NULL) }, { "b", rs_json_text("") }),
		       "{\"a\":null,\"b\":\"\"}");
	expect_written(RS_JSON({ "a", rs_json_text("\001"
						   "123") },
			       { "b", rs_json_text("\\u0001123") },
			       { "c", rs_json_text("\"\\u0001123\"") }),
		       "{\"a\":\"\\u0001123\",\"b\":\"\\\\u0001123\","
		       "\"c\":\"\\\"\\\\u0001123\\\"\"}");
	/* Good UTF-8 of 2 to 4 bytes; lone, overlong, surrogate, beyond the end, cut off. */
	expect_written(RS_JSON({ "a", rs_json_text("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80") }),
		       "{\"a\":\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"}");
#define BAD "\xef\xbf\xbd"
	expect_written(
		RS_JSON({ "a",
			  rs_json_text("\xff.\xc0\x80.\xed\xa0\x80.\xf4\x90\x80\x80.\xe2\x82") }),
		"{\"a\":\"" BAD "." BAD BAD "." BAD BAD BAD "." BAD BAD BAD BAD "." BAD "\"}");
}

static void numbers_come_back(void **state)
{
	json_t *root = read_text("{\"a\": 340282366920938463463374607431768211455,"
				 " \"b\": 18446744073709551615.007, \"c\": 1.25, \"d\": 7,"
				 " \"s\": \"12345678901234567890\", \"r\": 0.12345678901234567,"
				 " \"e\": \"\\\"12345678901234567890\"}",
				 NULL);
	uint64_t n;
	double d;
	u128 v;

	assert_non_null(root);
	assert_true(rs_json_get_u128(json_object_get(root, "a"), &v));
	assert_true(v == ~(u128)0);
	assert_false(rs_json_get_u64(json_object_get(root, "a"), &n));
	assert_true(rs_json_get_thousandths(json_object_get(root, "b"), &v));
	assert_true(v == (u128)UINT64_MAX * 1000 + 7);
	assert_false(rs_json_get_u128(json_object_get(root, "b"), &v));
	assert_true(rs_json_get_thousandths(json_object_get(root, "c"), &v));
	assert_true(v == 1250);
	assert_true(rs_json_get_thousandths(json_object_get(root, "d"), &v));
	assert_true(v == 7000);
	assert_true(rs_json_get_u64(json_object_get(root, "d"), &n));
	assert_int_equal(n, 7);
	assert_false(rs_json_get_u64(json_object_get(root, "c"), &n));
	assert_false(rs_json_get_u64(NULL, &n));
	assert_true(rs_json_get_number(json_object_get(root, "r"), &d));
	assert_true(d == 0.12345678901234567);
	assert_string_equal(json_string_value(json_object_get(root, "s")), "12345678901234567890");
	/* A string of so many digits is a number, whoever made it one: schemas /2 write it. */
	assert_true(rs_json_get_u64(json_object_get(root, "s"), &n));
	assert_true(n == 12345678901234567890ULL);
	assert_string_equal(json_string_value(json_object_get(root, "e")),
			    "\"12345678901234567890");
	json_decref(root);
}

static void refused(void **state)
{
	static const char *const no_numbers[] = {
		"-1",
		"1.5",
		"\"7\"",
		"null",
		"true",
		"1e3",
		"12345678901234567890e1",
		"-12345678901234567890",
		"\"-12345678901234567890\"",
		"\"00000000000000000007\"",
		"\"\\u000112345678901234567890\"",
		"\"12345678901234567890 \"",
		"99999999999999999999.5",
		"999999999999999999999999999999999999999999",
	};
	struct rs_error err = { 0 };
	u128 v;

	for (size_t i = 0; i < sizeof(no_numbers) / sizeof(no_numbers[0]); i++) {
		char text[80];
		json_t *root;

		snprintf(text, sizeof(text), "[%s]", no_numbers[i]);
		root = read_text(text, NULL);
		assert_non_null(root);
		assert_false(rs_json_get_u128(json_array_get(root, 0), &v));
		json_decref(root);
	}
	assert_null(read_text("{\"a\":\n 1,, }", &err));
	assert_int_equal(err.kind, RS_ERR_INPUT);
	assert_int_equal(err.line, 2);
	assert_null(read_text("{\"a\": 1, \"a\": 2}", &err));
	assert_null(read_text("{} x", &err));
	assert_null(read_text("\"", &err));
	assert_null(read_text("\"\\", &err));
	assert_null(read_text("[1e999]", &err));
	assert_null(strchr(err.text, '\n'));
	assert_null(read_text("[012345678901234567890]", &err));
	assert_null(read_text("[12345678901234567890.]", &err));
	assert_null(read_text("[0x12345678901234567890]", &err));
	assert_null(read_text("[NaN]", &err));
}

static void not_finite(void **state)
{
	static const char *const bad[] = { "inf",	 "nan",
					   "\\u0001inf", "0x1000000000000000000",
					   "1e999",	 "0000000000000000.5" };
	char text[512];
	json_t *root;
	double d;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "[\"%s\"]", bad[i]);
		root = read_text(text, NULL);
		assert_non_null(root);
		assert_false(rs_json_get_number(json_array_get(root, 0), &d));
		json_decref(root);
	}
	/* An integer of 401 digits is JSON, and beyond any double. */
	memset(text, '1', 403);
	text[0] = '[';
	strcpy(text + 402, "]");
	root = read_text(text, NULL);
	assert_non_null(root);
	assert_false(rs_json_get_number(json_array_get(root, 0), &d));
	json_decref(root);
}

static u128 random_bits(uint64_t *seed, unsigned int bits)
{
	u128 v = 0;

	for (int i = 0; i < 2; i++) {
		*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
		v = v << 64 | (*seed ^ *seed >> 29);
	}
	return bits < 128 ? v & (((u128)1 << bits) - 1) : v;
}

/* Returns what @root is once it is written and read. */
static json_t *there_and_back(json_t *root)
{
	size_t size;
	char *text;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(root);
	assert_int_equal(rs_json_write(f, root), 0);
	fclose(f);
	json_decref(root);
	root = read_text(text, NULL);
	assert_non_null(root);
	free(text);
	return root;
}

/* Whatever is written is read, exactly, of each magnitude and on both sides of each limit. */
static void all_numbers_come_back(void **state)
{
	uint64_t seed = 1, n;
	u128 v, back;

	for (unsigned int round = 0; round < 40 * 129; round++) {
		unsigned int bits = round % 129;
		json_t *root;

		v = random_bits(&seed, bits);
		if (round % 3 == 0) {
			/* Powers of ten, where lengths change, with and without decimals. */
			v = 1;
			for (unsigned int i = 0; i < bits % 38; i++)
				v *= 10;
			v += random_bits(&seed, 2) - 1;
		}
		root = there_and_back(RS_JSON({ "i", rs_json_u128(v) },
					      { "t", rs_json_thousandths(v) },
					      { "u", rs_json_u64((uint64_t)v) }));
		assert_true(rs_json_get_u128(json_object_get(root, "i"), &back));
		assert_true(back == v);
		assert_true(rs_json_get_thousandths(json_object_get(root, "t"), &back));
		assert_true(back == v);
		assert_true(rs_json_get_u64(json_object_get(root, "u"), &n));
		assert_true(n == (uint64_t)v);
		assert_int_equal(json_is_integer(json_object_get(root, "i")), v < 1000000000000000);
		json_decref(root);
	}
}

/* As the first schema had it: the digits without quotes. */
static void bare_digits_are_read(void **state)
{
	uint64_t seed = 7;
	u128 v, back;

	for (unsigned int round = 0; round < 20 * 129; round++) {
		unsigned long long high, low;
		char text[160];
		json_t *root;

		v = random_bits(&seed, round % 129);
		high = (unsigned long long)(v / 1000000000000000000ULL % 1000000000000000000ULL);
		low = (unsigned long long)(v % 1000000000000000000ULL);
		if (v / 1000000000000000000ULL >= 1000000000000000000ULL || v >= ~(u128)0 / 1000)
			continue;
		if (high)
			snprintf(text, sizeof(text), "[%llu%018llu, %llu%018llu.125]", high, low,
				 high, low);
		else
			snprintf(text, sizeof(text), "[%llu, %llu.125]", low, low);
		root = read_text(text, NULL);
		assert_non_null(root);
		assert_true(rs_json_get_u128(json_array_get(root, 0), &back));
		assert_true(back == v);
		assert_true(rs_json_get_thousandths(json_array_get(root, 1), &back));
		assert_true(back == v * 1000 + 125);
		json_decref(root);
	}
}

static void full_disk(void **state)
{
	FILE *f = fopen("/dev/full", "w");
	json_t *root = RS_JSON({ "a", rs_json_u64(1) });

	assert_non_null(f);
	setvbuf(f, NULL, _IONBF, 0);
	assert_int_equal(rs_json_write(f, root), -EIO);
	json_decref(root);
	fclose(f);
}

/* Without memory for one value there is no document, and nothing leaks. */
static void nothing_of_null(void **state)
{
	assert_null(RS_JSON({ "a", rs_json_u64(1) }, { "b", NULL }, { "c", rs_json_u64(2) }));
	assert_null(rs_json_append(json_array(), NULL));
	assert_null(rs_json_append(NULL, rs_json_u64(1)));
	assert_null(rs_json_join(NULL, json_object()));
	assert_null(rs_json_join(json_object(), NULL));
	assert_null(rs_json_with(NULL, "a", rs_json_u64(1)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_exact),	cmocka_unit_test(texts_stay_texts),
		cmocka_unit_test(numbers_come_back),	cmocka_unit_test(refused),
		cmocka_unit_test(not_finite),		cmocka_unit_test(all_numbers_come_back),
		cmocka_unit_test(bare_digits_are_read), cmocka_unit_test(full_disk),
		cmocka_unit_test(nothing_of_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
