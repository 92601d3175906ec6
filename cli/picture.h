/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_CLI_PICTURE_H
#define RS_CLI_PICTURE_H

#include "analysis/plot/figure.h"

/* The format of a picture, and one that goes with what a verb prints: --plot. */

struct argp_state;

/* Stores the format of @path's suffix; false if it is none of those that there are. */
bool picture_format(const char *path, enum rs_figure_format *format);
/* @path, whose suffix is one of those that there are; else the end as by rs_cli_usage(). */
const char *picture_path(const struct argp_state *state, const char *path);
/*
 * Draws by @draw, into a figure that was begun, and puts the picture at @path. 0, or negative
 * errno with @err set; then nothing is left.
 */
int picture_draw(const char *path, const char *name, void (*draw)(struct rs_figure *fig, void *arg),
		 void *arg, struct rs_error *err);

#endif
