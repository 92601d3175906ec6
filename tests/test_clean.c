// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/write/csv.h"
#include "analysis/write/json_build.h"
#include "analysis/write/json_exact.h"
#include "analysis/write/layout.h"
#include "base/clean.h"
#include "base/error.h"

#define BAD "\xef\xbf\xbd"

static void expect(const char *text, const char *utf8, const char *ascii)
{
	char buf[256];

	assert_string_equal(rs_clean(buf, sizeof(buf), text, RS_CLEAN_UTF8), utf8);
	assert_true(rs_is_clean(buf));
	assert_int_equal(rs_clean_columns(text), rs_clean_columns(utf8));
	assert_string_equal(rs_clean(buf, sizeof(buf), text, RS_CLEAN_ASCII), ascii);
	assert_int_equal(rs_is_clean(text), !strcmp(text, utf8));
}

static void one_for_one(void **state)
{
	expect("", "", "");
	expect("qemu-system-x86", "qemu-system-x86", "qemu-system-x86");
	expect("\033]0;x\007\r\n\t\177", "?]0;x?????", "?]0;x?????");
	/* CSI and OSC as C1, in UTF-8 and as bare bytes. */
	expect("\xc2\x9b"
	       "2J",
	       "?2J", "?2J");
	expect("\x9b"
	       "2J",
	       BAD "2J", "?2J");
	expect("a\xe2\x80\xae"
	       "b\xe2\x81\xa6\xe2\x80\x8b\xef\xbb\xbf\xe2\x80\xa8\xe2\x80\xa9\xc2\xad",
	       "a?b??????", "a?b??????");
	/* Letters stay; in ASCII each is one mark, however many bytes it has. */
	expect("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
	       "???");
	/* Cut off, overlong, a surrogate, beyond the end. */
	expect("\xe2\x82", BAD, "?");
	expect("\xe2\x82x", BAD "x", "?x");
	expect("\xc0\x80", BAD BAD, "??");
	expect("\xed\xa0\x80", BAD BAD BAD, "???");
	expect("\xf4\x90\x80\x80", BAD BAD BAD BAD, "????");
	/* Tags, variation selectors, noncharacters. */
	expect("\xf3\xa0\x80\x81\xef\xb8\x8f\xef\xbf\xbe\xf0\x9f\xbf\xbf", "????", "????");
}

/* No code point that a terminal obeys or hides, in any of the three bytes' ways to write it. */
static void forbidden(void **state)
{
	static const uint32_t hidden[] = { 0x7f,   0x85,   0x9b,   0x9d,   0xad,   0x61c,  0x180e,
					   0x200b, 0x200c, 0x200d, 0x200e, 0x200f, 0x2028, 0x2029,
					   0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2060, 0x2066,
					   0x2067, 0x2068, 0x2069, 0xfeff, 0xffff, 0xe0001 };

	for (uint32_t c = 0; c < 0x20; c++)
		assert_false(rs_is_printable(c));
	for (uint32_t c = 0x20; c < 0x7f; c++)
		assert_true(rs_is_printable(c));
	for (uint32_t c = 0x80; c < 0xa0; c++)
		assert_false(rs_is_printable(c));
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		assert_false(rs_is_printable(hidden[i]));
	assert_false(rs_is_printable(RS_NOT_UTF8));
}

static void whole_characters(void **state)
{
	char buf[4];

	assert_string_equal(rs_clean(buf, 4, "ab\xc3\xa4", RS_CLEAN_UTF8), "ab");
	assert_string_equal(rs_clean(buf, 4,
				     "a\xc3\xa4"
				     "b",
				     RS_CLEAN_UTF8),
			    "a\xc3\xa4");
	assert_string_equal(rs_clean(buf, 4, "\xff\xff", RS_CLEAN_UTF8), BAD);
	assert_string_equal(rs_clean(buf, 3, "\xff", RS_CLEAN_UTF8), "");
	assert_string_equal(rs_clean(buf, 1, "a", RS_CLEAN_ASCII), "");
}

/* Any bytes at all: what comes out is clean, and once clean it stays as it is. */
static void any_bytes(void **state)
{
	uint64_t seed = 1;
	char text[24], *once, *twice;

	for (int i = 0; i < 20000; i++) {
		for (size_t k = 0; k < sizeof(text); k++) {
			seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
			text[k] = (char)(seed >> 56);
		}
		text[seed >> 32 & 15] = '\0';
		text[sizeof(text) - 1] = '\0';
		once = rs_clean_dup(text, RS_CLEAN_UTF8);
		assert_true(rs_is_clean(once));
		assert_int_equal(rs_clean_columns(once), rs_clean_columns(text));
		twice = rs_clean_dup(once, RS_CLEAN_UTF8);
		assert_string_equal(once, twice);
		free(once);
		free(twice);
	}
}

static void messages_are_one_line(void **state)
{
	struct rs_error err = { .offset = -1 };
	char line[128];

	rs_error_set(&err, RS_ERR_INPUT, 22, "\"%s\": a number expected",
		     "x\nretryscope: all is well\033[2J");
	rs_error_set_file(&err, "a\x9b\n.txt");
	assert_string_equal(rs_error_format(&err, line, sizeof(line)),
			    "a" BAD "?.txt: \"x?retryscope: all is well?[2J\": a number expected");
}

/* The text that what is written to the stream makes; for the caller to free. */
static FILE *begin(char **text, size_t *size)
{
	FILE *f = open_memstream(text, size);

	assert_non_null(f);
	return f;
}

static void pages(void **state)
{
	struct rs_table t;
	struct rs_page p = { .width = 30 };
	size_t size;
	char *text;

	p.f = begin(&text, &size);
	rs_para(&p, 0, 2, "VM %d (%s)", 1, "a\nVM 2\033[2J");
	rs_command_lines(&p, 0, "retryscope replay $'a\\' b\\033c' 'd e' x\033");
	rs_table_init(&t, 2);
	rs_table_text(&t, "\033[2J");
	rs_table_count(&t, 1);
	rs_table_text(&t, "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f");
	rs_table_count(&t, 23);
	rs_table_write(&p, &t);
	fclose(p.f);
	/* Columns are characters: the second table's figures stand one below the other. */
	assert_string_equal(text, "VM 1 (a?VM 2?[2J)\n"
				  "retryscope replay \\\n    $'a\\' b\\033c' 'd e' x?\n"
				  "?[2J   1\n"
				  "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f  23\n");
	free(text);
}

/* What is too long for a line of its own keeps its end, and its characters stay whole. */
static void narrow_page(void **state)
{
	struct rs_page p = { .width = 20 };
	struct rs_table t;
	size_t size;
	char *text;

	p.f = begin(&text, &size);
	rs_table_init(&t, 2);
	rs_table_text(&t, "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
			  "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
			  "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac.txt");
	rs_table_count(&t, 1234);
	rs_table_write(&p, &t);
	fclose(p.f);
	assert_string_equal(text, "...\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
				  "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2"
				  "\x82\xac\xe2\x82\xac\xe2\x82\xac.txt\n"
				  "                1234\n");
	free(text);
}

static void expect_cell(const char *cell, const char *written)
{
	size_t size;
	char *text;
	FILE *f = begin(&text, &size);

	rs_csv_text(f, cell);
	fclose(f);
	assert_string_equal(text, written);
	free(text);
}

static void formulas(void **state)
{
	static const char *const cells[] = {
		"=1+1", "+a", "-", "@SUM(A1)", "'=x", "a=b", "-5", ""
	};

	expect_cell(NULL, "\"\"");
	expect_cell("a\"b,c\n", "\"a\"\"b,c?\"");
	expect_cell("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\"");
	expect_cell("+cmd", "\"'+cmd\"");
	expect_cell("-cmd", "\"'-cmd\"");
	expect_cell("@x", "\"'@x\"");
	expect_cell("\xef\xbc\x9d"
		    "1",
		    "\"'\xef\xbc\x9d"
		    "1\"");
	/* Numbers stay numbers. */
	expect_cell("-5", "\"-5\"");
	expect_cell("+1.5e3", "\"+1.5e3\"");
	for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
		char *text, *inner;
		size_t size;
		FILE *f = begin(&text, &size);

		rs_csv_text(f, cells[i]);
		fclose(f);
		text[size - 1] = '\0';
		inner = text + 1;
		if (cells[i][0] != '\'')
			assert_string_equal(rs_csv_undo(inner), cells[i]);
		free(text);
	}
}

/* Names are kept in JSON, and nothing that is not printable stands there. */
static void json_escapes(void **state)
{
	static const char name[] = "\033\177\n\xc2\x9b\xe2\x80\xae\xf3\xa0\x80\x81\xc3\xa4\"\\";
	json_t *root = RS_JSON({ name, rs_json_text(name) });
	size_t size;
	char *text;
	FILE *f = begin(&text, &size);

	assert_int_equal(rs_json_write(f, root), 0);
	fclose(f);
	json_decref(root);
	assert_string_equal(
		text, "{\n  \"\\u001b\\u007f\\n\\u009b\\u202e\\udb40\\udc01\xc3\xa4\\\"\\\\\": "
		      "\"\\u001b\\u007f\\n\\u009b\\u202e\\udb40\\udc01\xc3\xa4\\\"\\\\\"\n}\n");
	f = fmemopen(text, size, "r");
	root = rs_json_read(f, NULL);
	fclose(f);
	assert_string_equal(json_string_value(json_object_get(root, name)), name);
	json_decref(root);
	free(text);
	f = begin(&text, &size);
	rs_json_put_text(f, "a\x9b\xff.");
	fclose(f);
	assert_string_equal(text, "\"a" BAD BAD ".\"");
	free(text);
	/* A key that is no UTF-8 is no lack of memory. */
	root = RS_JSON({ "\xff", json_true() });
	assert_non_null(json_object_get(root, BAD));
	json_decref(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_for_one),		 cmocka_unit_test(forbidden),
		cmocka_unit_test(whole_characters),	 cmocka_unit_test(any_bytes),
		cmocka_unit_test(messages_are_one_line), cmocka_unit_test(pages),
		cmocka_unit_test(narrow_page),		 cmocka_unit_test(formulas),
		cmocka_unit_test(json_escapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
