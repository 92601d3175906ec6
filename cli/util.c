// SPDX-License-Identifier: GPL-2.0-only
#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

volatile sig_atomic_t rs_cli_interrupted;

static void on_signal(int sig)
{
	rs_cli_interrupted = sig;
}

void rs_cli_catch_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

int rs_cli_report(const struct rs_error *err)
{
	char line[1024];

	fprintf(stderr, "retryscope: %s\n", rs_error_format(err, line, sizeof(line)));
	return rs_error_exit_code(err);
}

struct suffix {
	const char *name;
	uint64_t factor;
};

/* A decimal number and one of @suffixes; the product must fit in 64 bits. */
static int parse_suffixed(const char *text, const struct suffix *suffixes, uint64_t *value)
{
	unsigned long long n;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	errno = 0;
	n = strtoull(text, &end, 0);
	if (errno)
		return -EINVAL;
	for (; suffixes->name; suffixes++) {
		if (strcmp(end, suffixes->name))
			continue;
		if (__builtin_mul_overflow((uint64_t)n, suffixes->factor, value))
			return -EINVAL;
		return 0;
	}
	return -EINVAL;
}

int rs_cli_parse_time(const char *text, uint64_t *ns)
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

int rs_cli_parse_size(const char *text, uint64_t *bytes)
{
	static const struct suffix suffixes[] = {
		{ "", 1 },	     { "K", 1ULL << 10 }, { "M", 1ULL << 20 },
		{ "G", 1ULL << 30 }, { "T", 1ULL << 40 }, { NULL, 0 },
	};

	return parse_suffixed(text, suffixes, bytes);
}

int rs_cli_parse_u64(const char *text, uint64_t *value)
{
	static const struct suffix suffixes[] = { { "", 1 }, { NULL, 0 } };

	return parse_suffixed(text, suffixes, value);
}
