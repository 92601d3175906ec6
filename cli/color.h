/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_CLI_COLOR_H
#define RS_CLI_COLOR_H

#include <stdbool.h>

/* The values of --color, which every verb has. */
#define RS_COLOR_WHEN "auto|always|never"

/* Which of these was given; nothing given is the first. */
void rs_color_set(unsigned int when);
/*
 * Whether what is wrong stands out in text that goes to @output (NULL or "-": standard output).
 * Unless --color says always or never: on a terminal that is not dumb, without NO_COLOR.
 */
bool rs_color_of(const char *output);

#endif
