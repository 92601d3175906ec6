// SPDX-License-Identifier: GPL-2.0-only
#include "base/parse.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct suffix {
	const char *name;
	uint64_t factor;
};

/* "1.5" of units of @factor, which are to be a whole number of ones. */
static int parse_fraction(const char *text, size_t len, uint64_t factor, uint64_t *value)
{
	char number[64];
	uint64_t n;

	/* In units of 10^-9: of the suffixes those of times have that many digits at most. */
	if (len >= sizeof(number) || text[len - 1] == '.')
		return -EINVAL;
	memcpy(number, text, len);
	number[len] = '\0';
	if (rs_parse_fixed(number, 9, &n))
		return -EINVAL;
	if ((unsigned __int128)n * factor % 1000000000 ||
	    (unsigned __int128)n * factor / 1000000000 > UINT64_MAX)
		return -EINVAL;
	*value = (uint64_t)((unsigned __int128)n * factor / 1000000000);
	return 0;
}

/* A number, which may be a decimal fraction, and one of @suffixes; the product must fit in 64 bits.
 */
static int parse_suffixed(const char *text, const struct suffix *suffixes, uint64_t *value)
{
	unsigned long long n;
	uint64_t product;
	const char *point;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	errno = 0;
	n = strtoull(text, &end, text[0] == '0' && (text[1] | 0x20) == 'x' ? 16 : 10);
	if (errno)
		return -EINVAL;
	point = *end == '.' ? end++ : NULL;
	while (point && *end >= '0' && *end <= '9')
		end++;
	for (; suffixes->name; suffixes++) {
		if (strcmp(end, suffixes->name))
			continue;
		if (point)
			return parse_fraction(text, (size_t)(end - text), suffixes->factor, value);
		if (__builtin_mul_overflow((uint64_t)n, suffixes->factor, &product))
			return -EINVAL;
		*value = product;
		return 0;
	}
	return -EINVAL;
}

int rs_parse_time(const char *text, uint64_t *ns)
{
	static const struct suffix suffixes[] = {
		{ "", 1 },
		{ "ns", 1 },
		{ "us", 1000 },
		{ "ms", 1000000 },
		{ "s", 1000000000 },
		{ "m", 60000000000ULL },
		{ "h", 3600000000000ULL },
		{ NULL, 0 },
	};

	return parse_suffixed(text, suffixes, ns);
}

int rs_parse_size(const char *text, uint64_t *bytes)
{
	static const struct suffix suffixes[] = {
		{ "", 1 },	     { "K", 1ULL << 10 }, { "M", 1ULL << 20 },
		{ "G", 1ULL << 30 }, { "T", 1ULL << 40 }, { NULL, 0 },
	};

	return parse_suffixed(text, suffixes, bytes);
}

int rs_parse_u64(const char *text, uint64_t *value)
{
	static const struct suffix suffixes[] = { { "", 1 }, { NULL, 0 } };

	return parse_suffixed(text, suffixes, value);
}

int rs_parse_fixed(const char *text, unsigned int digits, uint64_t *value)
{
	bool any = false, point = false;
	uint64_t n = 0;

	for (; *text; text++) {
		if (*text == '.' && !point) {
			point = true;
			continue;
		}
		if (*text < '0' || *text > '9' || (point && !digits))
			return -EINVAL;
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*text - '0'), &n))
			return -EINVAL;
		any = true;
		if (point)
			digits--;
	}
	if (!any)
		return -EINVAL;
	for (; digits; digits--)
		if (__builtin_mul_overflow(n, 10, &n))
			return -EINVAL;
	*value = n;
	return 0;
}

bool rs_list_has(const char *list, const char *name)
{
	size_t n = strlen(name);

	/* A report may call an algorithm nothing at all. */
	for (const char *p = list; n && (p = strstr(p, name)); p += n)
		if ((p == list || p[-1] == ',') && (!p[n] || p[n] == ','))
			return true;
	return false;
}
