/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_CLI_COLOR_H
#define RS_CLI_COLOR_H

#include <stdbool.h>

struct argp_state;

/* Of --color, which every verb has. */
#define RS_COLOR_WHEN "auto|always|never"

/* The value of --color, or the end of the program by rs_cli_usage(). */
void rs_color_parse(const struct argp_state *state, const char *arg);
/*
 * Whether what is wrong stands out in text that goes to @output (NULL or "-": standard output).
 * Unless --color says always or never: on a terminal that is not dumb, without NO_COLOR.
 */
bool rs_color_of(const char *output);

#endif
