// SPDX-License-Identifier: GPL-2.0-only
#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "traces/parse.h"

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

int rs_cli_parse_time(const char *text, uint64_t *ns)
{
	return rs_parse_time(text, ns);
}

int rs_cli_parse_size(const char *text, uint64_t *bytes)
{
	return rs_parse_size(text, bytes);
}

int rs_cli_parse_u64(const char *text, uint64_t *value)
{
	return rs_parse_u64(text, value);
}
