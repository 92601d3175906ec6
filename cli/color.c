// SPDX-License-Identifier: GPL-2.0-only
#include "cli/color.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

/* In the order of RS_COLOR_WHEN. */
static enum { AUTO, ALWAYS, NEVER } when;

void rs_color_parse(const struct argp_state *state, const char *arg)
{
	when = rs_cli_choice(state, "--color", RS_COLOR_WHEN, arg);
}

bool rs_color_of(const char *output)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	if (when != AUTO)
		return when == ALWAYS;
	if ((output && strcmp(output, "-") != 0) || !isatty(STDOUT_FILENO))
		return false;
	/* https://no-color.org: set, and not empty. */
	return (!no_color || !*no_color) && term && *term && strcmp(term, "dumb") != 0;
}
