// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "traces/text/text.h"

#define MAX_QUOTED 32

static void place(struct rs_text_line *l, const char *at)
{
	l->err->line = l->number;
	l->err->column = at - l->line + 1;
}

int rs_text_error(struct rs_text_line *l, const char *at, const char *fmt, ...)
{
	char text[sizeof(l->err->text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	rs_error_set(l->err, RS_ERR_INPUT, EINVAL, "%s", text);
	place(l, at);
	return -EINVAL;
}

size_t rs_text_word(const struct rs_text_line *l, const char *p)
{
	const char *q = p;

	while (q < l->end && *q != ' ' && *q != '\t' && *q != '=')
		q++;
	return q - p;
}

/* What stands at @at, fit to be printed. */
static void quote(const struct rs_text_line *l, const char *at, char *buf, size_t size)
{
	size_t len = rs_text_word(l, at), pos = 0;
	size_t shown = len > MAX_QUOTED ? MAX_QUOTED : len;

	if (at == l->end) {
		snprintf(buf, size, "the end of the line");
		return;
	}
	if (!len)
		shown = len = 1;
	buf[pos++] = '\'';
	for (size_t i = 0; i < shown; i++)
		buf[pos++] = isprint((unsigned char)at[i]) ? at[i] : '?';
	snprintf(buf + pos, size - pos, "%s'", shown < len ? "..." : "");
}

int rs_text_expected(struct rs_text_line *l, const char *at, const char *expected)
{
	char found[MAX_QUOTED + 16];

	quote(l, at, found, sizeof(found));
	return rs_text_error(l, at, "%s expected, not %s", expected, found);
}

void rs_text_skip_blanks(struct rs_text_line *l)
{
	while (l->p < l->end && (*l->p == ' ' || *l->p == '\t'))
		l->p++;
}

static int too_large(struct rs_text_line *l, const char *at, uint64_t max)
{
	return rs_text_error(l, at, "the number is too large: at most %" PRIu64, max);
}

static int digit_of(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

/* The digits of a number: false if it overflows, with *@p at the digit. */
static bool digits(struct rs_text_line *l, unsigned int base, uint64_t *value)
{
	uint64_t v = 0;

	for (; l->p < l->end; l->p++) {
		unsigned int d = digit_of(*l->p);

		if (d >= base)
			break;
		if (v > (UINT64_MAX - d) / base)
			return false;
		v = v * base + d;
	}
	*value = v;
	return true;
}

int rs_text_number(struct rs_text_line *l, const char *what, uint64_t max, uint64_t *value)
{
	const char *start = l->p, *first;
	unsigned int base = 10;

	if (l->end - start > 2 && start[0] == '0' && start[1] == 'x') {
		base = 16;
		l->p += 2;
	}
	first = l->p;
	if (!digits(l, base, value))
		return too_large(l, start, max);
	if (l->p == first || (l->p < l->end && isalnum((unsigned char)*l->p))) {
		l->p = start;
		return rs_text_expected(l, start, what);
	}
	return *value > max ? too_large(l, start, max) : 0;
}

int rs_text_separator(struct rs_text_line *l)
{
	const char *at = l->p;

	rs_text_skip_blanks(l);
	if (l->p == at && at < l->end)
		return rs_text_expected(l, at, "a blank");
	return 0;
}

int rs_text_line_end(struct rs_text_line *l)
{
	rs_text_skip_blanks(l);
	return l->p < l->end ? rs_text_expected(l, l->p, "the end of the line") : 0;
}
