// SPDX-License-Identifier: GPL-2.0-only
#include "cli/cli.h"

#include <stdio.h>
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

void rs_cli_name_input(struct rs_error *err, const char *path)
{
	rs_error_set_file(err, strcmp(path, "-") ? path : "standard input");
}

int rs_cli_report(const struct rs_error *err)
{
	char line[1024];

	fprintf(stderr, "retryscope: %s\n", rs_error_format(err, line, sizeof(line)));
	return rs_error_exit_code(err);
}
