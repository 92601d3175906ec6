// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/write/units.h"

#include <inttypes.h>
#include <stdio.h>

#include "analysis/write/row.h"

uint64_t rs_clamp_u64(double v)
{
	if (!(v > 0))
		return 0;
	return v < 0x1p64 ? (uint64_t)v : UINT64_MAX;
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

char *rs_format_time(double ns, char *buf, size_t size)
{
	static const char *const units[] = { "ns", "us", "ms", "s" };
	char text[32 + RS_ROW_BEHIND];
	size_t u = 0;

	/* Whole ns, as most times are, without what a double makes of half way. */
	if (ns >= 0 && ns < 0x1p53 && ns == (double)(uint64_t)ns) {
		rs_field_time(text, 0, (uint64_t)ns, '\0');
		snprintf(buf, size, "%s", text);
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
