// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/write/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

uint64_t rs_clamp_u64(double v)
{
	if (!(v > 0))
		return 0;
	return v < 0x1p64 ? (uint64_t)v : UINT64_MAX;
}

/* Two at once: a division takes longer than all else that is done for a digit. */
char *rs_digits_before(char *p, uint64_t v)
{
	static const char pairs[] = "00010203040506070809101112131415161718192021222324"
				    "25262728293031323334353637383940414243444546474849"
				    "50515253545556575859606162636465666768697071727374"
				    "75767778798081828384858687888990919293949596979899";

	for (; v >= 100; v /= 100)
		memcpy(p -= 2, pairs + 2 * (v % 100), 2);
	if (v >= 10)
		return memcpy(p - 2, pairs + 2 * v, 2);
	*--p = (char)('0' + v);
	return p;
}

char *rs_format_u128(unsigned __int128 v, char *buf, size_t size)
{
	char digits[40], *p = digits + sizeof(digits);

	*--p = '\0';
	do {
		*--p = (char)('0' + (int)(v % 10));
		v /= 10;
	} while (v);
	snprintf(buf, size, "%s", p);
	return buf;
}

char *rs_format_count(uint64_t v, char *buf, size_t size)
{
	char digits[24], out[32], *p = out + sizeof(out);
	int n = snprintf(digits, sizeof(digits), "%" PRIu64, v);

	*--p = '\0';
	for (int i = 0; i < n; i++) {
		if (i && i % 3 == 0)
			*--p = ',';
		*--p = digits[n - 1 - i];
	}
	snprintf(buf, size, "%s", p);
	return buf;
}

char *rs_time_before(char *p, uint64_t ns)
{
	/* By what is less: of which it is a multiple then, and how many digits are decimals. */
	static const struct {
		uint64_t below, step;
		unsigned int decimals;
		char unit[3];
	} forms[] = {
		{ 1000, 1, 0, "ns" },
		{ 9995, 10, 2, "us" },
		{ 99950, 100, 1, "us" },
		{ 999500, 1000, 0, "us" },
		{ 9995000, 10000, 2, "ms" },
		{ 99950000, 100000, 1, "ms" },
		{ 999500000, 1000000, 0, "ms" },
		{ 9995000000, 10000000, 2, "s" },
		{ 99950000000, 100000000, 1, "s" },
		{ UINT64_MAX, 1000000000, 0, "s" },
	};
	size_t i = 0;
	uint64_t v;

	while (ns >= forms[i].below && i + 1 < sizeof(forms) / sizeof(forms[0]))
		i++;
	/* Half way is up. */
	v = ns / forms[i].step + (ns % forms[i].step * 2 >= forms[i].step && forms[i].step > 1);
	if (forms[i].unit[1])
		*--p = forms[i].unit[1];
	*--p = forms[i].unit[0];
	*--p = ' ';
	if (forms[i].decimals) {
		for (unsigned int d = 0; d < forms[i].decimals; d++, v /= 10)
			*--p = (char)('0' + v % 10);
		*--p = '.';
	}
	return rs_digits_before(p, v);
}

char *rs_format_time(double ns, char *buf, size_t size)
{
	static const char *const units[] = { "ns", "us", "ms", "s" };
	char text[32], *end = text + sizeof(text) - 1;
	size_t u = 0;

	/* Whole ns, as most times are, without what a double makes of half way. */
	if (ns >= 0 && ns < 0x1p53 && ns == (double)(uint64_t)ns) {
		*end = '\0';
		snprintf(buf, size, "%s", rs_time_before(end, (uint64_t)ns));
		return buf;
	}
	while (ns >= 999.5 && u < 3) {
		ns /= 1000.0;
		u++;
	}
	snprintf(buf, size, "%.*f %s",
		 ns >= 99.95 || u == 0 ? 0
		 : ns >= 9.995	       ? 1
				       : 2,
		 ns, units[u]);
	return buf;
}

char *rs_format_tick(double v, char *buf, size_t size)
{
	static const char units[] = " kMGTPE";
	size_t u = 0;

	for (; v >= 1000 && units[u + 1]; u++)
		v /= 1000;
	snprintf(buf, size, "%g%.*s", v, u ? 1 : 0, units + u);
	return buf;
}
