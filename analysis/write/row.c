// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/write/row.h"

#include <endian.h>

#define NS_PER_S 1000000000
#define EIGHT_DIGITS 100000000U
#define EACH(byte) (0x0101010101010101ULL * (byte))

/* Where a field of @len bytes begins; its size is known, so that it is no call. */
static char *right(char *p, unsigned int width, unsigned int len)
{
	memset(p, ' ', RS_FIELD_COLUMNS);
	return width > len ? p + (width - len) : p;
}

static char *ended(char *p, char end)
{
	*p = end;
	return p + 1;
}

/* ---- eight at once, as the bytes of a number: the first one is the lowest ---- */

/*
 * Two numbers of four digits beside each other, four of two, eight of one: a division is a
 * multiplication for all of them. 10486 / 2^20 is a hundredth of what is below 10^4, and
 * 103 / 2^10 a tenth of what is below 100.
 */
static uint64_t eight_digits(uint64_t v)
{
	const uint64_t fours = v / 10000 | v % 10000 << 32;
	const uint64_t hundreds = (fours * 10486 >> 20) & 0x0000007f0000007f;
	const uint64_t twos = hundreds | (fours - 100 * hundreds) << 16;
	const uint64_t tens = (twos * 103 >> 10) & 0x000f000f000f000f;

	return (tens | (twos - 10 * tens) << 8) + EACH('0');
}

static uint64_t eight_nibbles(uint64_t v)
{
	const uint64_t fours = v >> 16 | (v & 0xffff) << 32;
	const uint64_t twos = (fours >> 8 & 0x000000ff000000ff) | (fours & 0x000000ff000000ff)
									  << 16;
	const uint64_t ones = (twos >> 4 & 0x000f000f000f000f) | (twos & 0x000f000f000f000f) << 8;
	const uint64_t letters = (ones + EACH(6)) >> 4 & EACH(1);

	return ones + EACH('0') + letters * ('a' - '0' - 10);
}

/* The last @len of them; what is behind these is overwritten. */
static char *put_last(char *p, uint64_t eight, unsigned int len)
{
	const uint64_t bytes = htole64(eight >> 8 * (8 - len));

	memcpy(p, &bytes, sizeof(bytes));
	return p + len;
}

/* ---- numbers ---- */

static unsigned int nr_digits(uint64_t v)
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

static char *put_digits(char *p, uint64_t v, unsigned int len)
{
	if (len > 16) {
		p = put_last(p, eight_digits(v / EIGHT_DIGITS / EIGHT_DIGITS), len - 16);
		v %= (uint64_t)EIGHT_DIGITS * EIGHT_DIGITS;
		len = 16;
	}
	if (len > 8) {
		p = put_last(p, eight_digits(v / EIGHT_DIGITS), len - 8);
		v %= EIGHT_DIGITS;
		len = 8;
	}
	return put_last(p, eight_digits(v), len);
}

char *rs_field_above_9(char *p, unsigned int width, uint64_t v, char end)
{
	const unsigned int len = nr_digits(v);

	return ended(put_digits(right(p, width, len), v, len), end);
}

char *rs_field_hex(char *p, unsigned int width, uint64_t v, char end)
{
	unsigned int len = (63 - (unsigned int)__builtin_clzll(v | 1)) / 4 + 1;

	p = rs_put_text(right(p, width, 2 + len), "0x");
	if (len > 8) {
		p = put_last(p, eight_nibbles(v >> 32), len - 8);
		len = 8;
	}
	return ended(put_last(p, eight_nibbles(v & UINT32_MAX), len), end);
}

char *rs_field_pair(char *p, unsigned int width, uint64_t a, uint64_t b, char end)
{
	const unsigned int len_a = nr_digits(a), len_b = nr_digits(b);

	p = put_digits(right(p, width, len_a + 1 + len_b), a, len_a);
	return ended(put_digits(ended(p, ':'), b, len_b), end);
}

char *rs_field_seconds(char *p, unsigned int width, uint64_t ns, char end)
{
	const uint64_t s = ns / NS_PER_S, rest = ns % NS_PER_S;
	const unsigned int len = nr_digits(s);

	p = ended(put_digits(right(p, width, len + 10), s, len), '.');
	return ended(put_digits(p, rest, 9), end);
}

char *rs_field_time(char *p, unsigned int width, uint64_t ns, char end)
{
	/* By what is less: of which it is a multiple then, and how many digits are decimals. */
	static const struct {
		uint64_t below, step;
		unsigned int decimals;
		char unit[4];
	} forms[] = {
		{ 1000, 1, 0, " ns" },
		{ 9995, 10, 2, " us" },
		{ 99950, 100, 1, " us" },
		{ 999500, 1000, 0, " us" },
		{ 9995000, 10000, 2, " ms" },
		{ 99950000, 100000, 1, " ms" },
		{ 999500000, 1000000, 0, " ms" },
		{ 9995000000, 10000000, 2, " s" },
		{ 99950000000, 100000000, 1, " s" },
		{ UINT64_MAX, 1000000000, 0, " s" },
	};
	unsigned int len, decimals;
	uint64_t v = ns, digits;
	size_t i = 0;

	while (ns >= forms[i].below && i + 1 < sizeof(forms) / sizeof(forms[0]))
		i++;
	if (i)
		v = ns / forms[i].step + (ns % forms[i].step * 2 >= forms[i].step);
	decimals = forms[i].decimals;
	/* With decimals there are three digits. */
	len = decimals ? 4 : nr_digits(v);
	p = right(p, width, len + (unsigned int)strlen(forms[i].unit));
	if (decimals) {
		digits = eight_digits(v);
		put_last(p, digits, 3);
		p = put_last(ended(p + 3 - decimals, '.'), digits, decimals);
	} else {
		p = put_digits(p, v, len);
	}
	return ended(rs_put_name(p, forms[i].unit), end);
}
