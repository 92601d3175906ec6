// SPDX-License-Identifier: GPL-2.0-only
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/write/layout.h"
#include "analysis/write/units.h"

static void expect_share(double share, const char *text)
{
	char buf[32];

	assert_string_equal(rs_format_share(share, buf, sizeof(buf)), text);
}

static void shares(void **state)
{
	expect_share(0, "0.0 %");
	expect_share(1, "100.0 %");
	expect_share(0.085, "8.5 %");
	/* What is not nothing or not all is never shown as such. */
	expect_share(0.0004, "<0.1 %");
	expect_share(1e-300, "<0.1 %");
	expect_share(0.0005, "0.1 %");
	expect_share(0.99949, "99.9 %");
	expect_share(0.9996, ">99.9 %");
	expect_share(1.5, "150.0 %");
	expect_share(NAN, "-");
}

static void expect_number(double number, const char *text)
{
	char buf[48];

	assert_string_equal(rs_format_number(number, buf, sizeof(buf)), text);
}

static void numbers(void **state)
{
	expect_number(0, "0.00");
	expect_number(0.001, "<0.01");
	expect_number(0.01, "0.01");
	expect_number(9.994, "9.99");
	expect_number(9.995, "10.0");
	expect_number(99.94, "99.9");
	expect_number(99.95, "100");
	expect_number(1234.5, "1,235");
	expect_number(2e17, "200,000,000,000,000,000");
	expect_number(3e38, "3.00e+38");
	expect_number(NAN, "-");
}

static void expect_short(uint64_t count, const char *text)
{
	char buf[16];

	assert_string_equal(rs_format_short(count, buf, sizeof(buf)), text);
}

static void short_counts(void **state)
{
	expect_short(0, "0");
	expect_short(9999, "9999");
	expect_short(10000, "10.0k");
	expect_short(999499, "999k");
	expect_short(999500, "1.0M");
	expect_short(UINT64_MAX, "18.4E");
}

static void counts(void **state)
{
	char buf[64];

	assert_string_equal(rs_format_count(0, buf, sizeof(buf)), "0");
	assert_string_equal(rs_format_count(999, buf, sizeof(buf)), "999");
	assert_string_equal(rs_format_count(1000, buf, sizeof(buf)), "1,000");
	assert_string_equal(rs_format_count(UINT64_MAX, buf, sizeof(buf)),
			    "18,446,744,073,709,551,615");
	assert_string_equal(rs_format_u128(~(unsigned __int128)0, buf, sizeof(buf)),
			    "340282366920938463463374607431768211455");
}

/* A page that is written into memory. */
struct sheet {
	struct rs_page page;
	char *text;
	size_t size;
};

static void open_sheet(struct sheet *s, unsigned int width)
{
	memset(s, 0, sizeof(*s));
	s->page.f = open_memstream(&s->text, &s->size);
	s->page.width = width;
	assert_non_null(s->page.f);
}

static void expect_sheet(struct sheet *s, const char *text)
{
	fclose(s->page.f);
	assert_int_equal(s->page.err, 0);
	assert_string_equal(s->text, text);
	free(s->text);
}

static void paragraphs(void **state)
{
	struct sheet s;

	open_sheet(&s, 10);
	rs_para(&s.page, 0, 2, "one two %s  four", "three");
	/* A word that does not fit has a line of its own; a percent sign stays with its number. */
	rs_para(&s.page, 1, 1, "a %s b", "0123456789");
	rs_para(&s.page, 0, 0, "share: 12 %% of");
	rs_para(&s.page, 0, 0, "%s", "");
	expect_sheet(&s, "one two\n  three\n  four\n"
			 " a\n 0123456789\n b\n"
			 "share:\n12 % of\n"
			 "\n");
}

static void command_lines(void **state)
{
	struct sheet s;

	open_sheet(&s, 24);
	rs_command_lines(&s.page, 2, "short enough");
	rs_command_lines(&s.page, 2, "one two three four 'five six seven' '\\'' it'\\''s");
	expect_sheet(&s, "  short enough\n"
			 "  one two three four \\\n"
			 "      'five six seven' \\\n"
			 "      '\\'' it'\\''s\n");
}

static void put_table(struct sheet *s, unsigned int width)
{
	struct rs_table t;

	open_sheet(s, width);
	rs_table_init(&t, 3);
	t.heading[0][0] = "name";
	t.heading[0][1] = "of";
	t.heading[1][1] = "all";
	t.heading[0][2] = "events";
	rs_table_text(&t, "a-very-long-name");
	rs_table_share(&t, 0.25);
	rs_table_count(&t, 1234567);
	rs_table_text(&t, "b");
	rs_table_number(&t, 20000);
	rs_table_time(&t, 1500);
	rs_table_write(&s->page, &t);
}

/* Wide enough; closer; without separators; shortened; with less of the names. */
static void tables(void **state)
{
	struct sheet s;

	put_table(&s, 80);
	expect_sheet(&s, "name                  of     events\n"
			 "                     all\n"
			 "a-very-long-name  25.0 %  1,234,567\n"
			 "b                 20,000    1.50 us\n");
	put_table(&s, 33);
	expect_sheet(&s, "name                 of    events\n"
			 "                    all\n"
			 "a-very-long-name 25.0 % 1,234,567\n"
			 "b                20,000   1.50 us\n");
	put_table(&s, 31);
	expect_sheet(&s, "name                 of  events\n"
			 "                    all\n"
			 "a-very-long-name 25.0 % 1234567\n"
			 "b                 20.0k 1.50 us\n");
	put_table(&s, 29);
	expect_sheet(&s, "name               of  events\n"
			 "                  all\n"
			 "a-very-long-name\n"
			 "               25.0 %    1.2M\n"
			 "b               20.0k 1.50 us\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares),	cmocka_unit_test(numbers),
		cmocka_unit_test(short_counts), cmocka_unit_test(counts),
		cmocka_unit_test(paragraphs),	cmocka_unit_test(command_lines),
		cmocka_unit_test(tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
