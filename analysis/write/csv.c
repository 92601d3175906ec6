// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/write/csv.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"

#define APOSTROPHE '\''

static bool is_number(const char *text)
{
	char *end;

	if (!*text || text[strspn(text, "0123456789.eE+-")])
		return false;
	strtod(text, &end);
	return !*end;
}

/* Also by the wide forms of those characters, which some spreadsheets take for the same. */
static bool is_formula(const char *text)
{
	static const char *const begins[] = {
		"=", "+", "-", "@", "\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0"
	};

	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (!strncmp(text, begins[i], strlen(begins[i])))
			return !is_number(text);
	return *text == '\t' || *text == '\r';
}

void rs_csv_text(FILE *f, const char *text)
{
	char c[8];
	uint32_t code;

	fputc('"', f);
	if (text && is_formula(text))
		fputc(APOSTROPHE, f);
	for (size_t len; text && *text; text += len) {
		len = rs_plain_len(text);
		if (len) {
			fwrite(text, 1, len, f);
			continue;
		}
		len = rs_utf8_next(text, &code);
		memcpy(c, text, len);
		c[len] = '\0';
		if (*text == '"')
			fputc('"', f);
		rs_clean_put(f, c);
	}
	fputc('"', f);
}

void rs_csv_number(FILE *f, double v)
{
	fputc(',', f);
	if (!isnan(v))
		fprintf(f, "%.12g", v);
}

void rs_csv_loop(FILE *f, const struct rs_csv_run *run)
{
	fprintf(f, "%s,%s", run->version, run->closed ? "closed" : "open");
}

void rs_csv_run(FILE *f, const struct rs_csv_run *run)
{
	rs_csv_loop(f, run);
	if (run->closed)
		fprintf(f, ",%s,%s", run->arrivals ? run->arrivals : "",
			run->precheck ? "on" : "off");
	else
		fputs(",,", f);
}

void rs_csv_name(FILE *f, const char *name)
{
	for (; *name; name++)
		fputc(*name == '-' ? '_' : *name, f);
}

const char *rs_csv_undo(const char *text)
{
	return *text == APOSTROPHE && is_formula(text + 1) ? text + 1 : text;
}

void rs_csv_skip_mark(FILE *f)
{
	static const unsigned char mark[] = { 0xef, 0xbb, 0xbf };
	int c = getc(f);

	if (c != mark[0]) {
		ungetc(c, f);
		return;
	}
	/* No other character of a table or a document begins so. */
	for (size_t i = 1; i < sizeof(mark) && c == mark[i - 1]; i++)
		c = getc(f);
	if (c != mark[2])
		ungetc(c, f);
}
