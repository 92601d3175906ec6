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

/* A number and one of @suffixes; the product must fit in 64 bits. */
static int parse_suffixed(const char *text, const struct suffix *suffixes, uint64_t *value)
{
	unsigned long long n;
	uint64_t product;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	errno = 0;
	n = strtoull(text, &end, text[0] == '0' && (text[1] | 0x20) == 'x' ? 16 : 10);
	if (errno)
		return -EINVAL;
	for (; suffixes->name; suffixes++) {
		if (strcmp(end, suffixes->name))
			continue;
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
