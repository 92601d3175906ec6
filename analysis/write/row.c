// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/write/row.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/write/units.h"

#define MOST_DIGITS 48 /* of a number, or of two */
#define PAD 16	       /* bytes at once */
#define NS_PER_S 1000000000

void rs_row_begin(struct rs_row *r, FILE *f, char between)
{
	r->f = f;
	r->between = between;
	r->follows = false;
	r->len = 0;
}

void rs_row_flush(struct rs_row *r)
{
	fwrite(r->text, 1, r->len, r->f);
	r->len = 0;
}

void rs_row_text(struct rs_row *r, const char *text)
{
	const size_t len = strlen(text);

	if (len > sizeof(r->text) - r->len)
		rs_row_flush(r);
	if (len > sizeof(r->text)) {
		fwrite(text, 1, len, r->f);
		return;
	}
	memcpy(r->text + r->len, text, len);
	r->len += len;
}

/* Of a size that is known, so that it is no call; what is too much is written over. */
static char *pad(char *to, size_t n)
{
	for (; n > PAD; n -= PAD)
		to = (char *)memset(to, ' ', PAD) + PAD;
	memset(to, ' ', PAD);
	return to + n;
}

/* A few bytes, which a call to copy them would take longer for. */
static inline __attribute__((always_inline)) void put_field(struct rs_row *r, int width,
							    const char *text, size_t len)
{
	const size_t columns = (size_t)abs(width), rest = columns > len ? columns - len : 0;
	char *to;

	if (1 + rest + PAD + len > sizeof(r->text) - r->len)
		rs_row_flush(r);
	to = r->text + r->len;
	if (r->between && r->follows)
		*to++ = r->between;
	if (width > 0)
		to = pad(to, rest);
	for (size_t i = 0; i < len; i++)
		*to++ = text[i];
	if (width < 0)
		to = pad(to, rest);
	r->len = (size_t)(to - r->text);
	r->follows = true;
}

void rs_row_field(struct rs_row *r, int width, const char *text)
{
	put_field(r, width, text, strlen(text));
}

void rs_row_end(struct rs_row *r)
{
	rs_row_text(r, "\n");
	r->follows = false;
}

/* ---- numbers, from their last digit on ---- */

void rs_row_u64(struct rs_row *r, int width, uint64_t v)
{
	char text[MOST_DIGITS], *end = text + sizeof(text), *p = rs_digits_before(end, v);

	put_field(r, width, p, (size_t)(end - p));
}

void rs_row_time(struct rs_row *r, int width, uint64_t ns)
{
	char text[MOST_DIGITS], *end = text + sizeof(text), *p = rs_time_before(end, ns);

	put_field(r, width, p, (size_t)(end - p));
}

void rs_row_hex(struct rs_row *r, int width, uint64_t v)
{
	char text[MOST_DIGITS], *end = text + sizeof(text), *p = end;

	do {
		*--p = "0123456789abcdef"[v % 16];
		v /= 16;
	} while (v);
	*--p = 'x';
	*--p = '0';
	put_field(r, width, p, (size_t)(end - p));
}

void rs_row_pair(struct rs_row *r, int width, uint64_t a, uint64_t b)
{
	char text[MOST_DIGITS], *end = text + sizeof(text), *p = rs_digits_before(end, b);

	*--p = ':';
	p = rs_digits_before(p, a);
	put_field(r, width, p, (size_t)(end - p));
}

void rs_row_seconds(struct rs_row *r, int width, uint64_t ns)
{
	char text[MOST_DIGITS], *end = text + sizeof(text), *p;

	/* A digit more than the fraction has, in whose place the point goes. */
	p = rs_digits_before(end, NS_PER_S + ns % NS_PER_S);
	*p = '.';
	p = rs_digits_before(p, ns / NS_PER_S);
	put_field(r, width, p, (size_t)(end - p));
}
