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

void rs_row_long(struct rs_row *r, const char *text, size_t len)
{
	rs_row_flush(r);
	if (len > sizeof(r->text)) {
		fwrite(text, 1, len, r->f);
		return;
	}
	memcpy(r->text, text, len);
	r->len = len;
}

/* Of a size that is known, so that it is no call; what is too much is written over. */
static char *pad(char *to, size_t n)
{
	for (; n > PAD; n -= PAD)
		to = (char *)memset(to, ' ', PAD) + PAD;
	memset(to, ' ', PAD);
	return to + n;
}

/* Where the @len bytes of the next field go; all that is around them is there. */
RS_LOOP_PART char *field(struct rs_row *r, int width, size_t len)
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
	else if (rest)
		pad(to + len, rest);
	r->len = (size_t)(to - r->text) + len + (width < 0 ? rest : 0);
	r->follows = true;
	return to;
}

/* A few bytes, which a call to copy them would take longer for. */
RS_LOOP_PART void put_field(struct rs_row *r, int width, const char *text, size_t len)
{
	char *to = field(r, width, len);

	for (size_t i = 0; i < len; i++)
		to[i] = text[i];
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

static size_t nr_digits(uint64_t v)
{
	static const uint64_t least[] = { 0,
					  10,
					  100,
					  1000,
					  10000,
					  100000,
					  1000000,
					  10000000,
					  100000000,
					  1000000000,
					  10000000000,
					  100000000000,
					  1000000000000,
					  10000000000000,
					  100000000000000,
					  1000000000000000,
					  10000000000000000,
					  100000000000000000,
					  1000000000000000000,
					  10000000000000000000ULL };
	/* log10(2) is a little less than 1233 / 4096: one too few, or right. */
	const unsigned int n = (64 - (unsigned int)__builtin_clzll(v | 1)) * 1233 >> 12;

	return n + (v >= least[n]);
}

void rs_row_digits(struct rs_row *r, uint64_t v)
{
	const size_t len = nr_digits(v);

	if (len > sizeof(r->text) - r->len)
		rs_row_flush(r);
	r->len += len;
	rs_digits_before(r->text + r->len, v);
}

void rs_row_u64(struct rs_row *r, int width, uint64_t v)
{
	const size_t len = nr_digits(v);

	rs_digits_before(field(r, width, len) + len, v);
}

void rs_row_time(struct rs_row *r, int width, uint64_t ns)
{
	char text[MOST_DIGITS], *end = text + sizeof(text), *p = rs_time_before(end, ns);

	put_field(r, width, p, (size_t)(end - p));
}

void rs_row_hex(struct rs_row *r, int width, uint64_t v)
{
	const size_t len = 2 + ((size_t)(63 - __builtin_clzll(v | 1)) / 4 + 1);
	char *to = field(r, width, len);

	to[0] = '0';
	to[1] = 'x';
	for (size_t i = len - 1; i > 1; i--, v /= 16)
		to[i] = "0123456789abcdef"[v % 16];
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
