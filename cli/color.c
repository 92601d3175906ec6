// SPDX-License-Identifier: GPL-2.0-only
#include "cli/color.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* In the order of RS_COLOR_WHEN. */
enum { AUTO, ALWAYS, NEVER };

static unsigned int wanted = AUTO;

void rs_color_set(unsigned int when)
{
	wanted = when;
}

bool rs_color_of(const char *output)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	if (wanted != AUTO)
		return wanted == ALWAYS;
	if ((output && strcmp(output, "-") != 0) || !isatty(STDOUT_FILENO))
		return false;
	/* https://no-color.org: set, and not empty. */
	return (!no_color || !*no_color) && term && *term && strcmp(term, "dumb") != 0;
}
