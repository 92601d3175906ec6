/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_CLI_OUTPUT_H
#define RS_CLI_OUTPUT_H

#include <stdio.h>

#include "traces/error.h"

/*
 * An output that appears under its name only when it is whole: until then it is
 * a temporary beside it. Standard output ("-" or NULL) and what is no regular
 * file (a device, a FIFO) is written directly.
 */
struct rs_output {
	FILE *f;
	char *path; /* NULL: standard output */
	char *temp; /* NULL: written directly */
};

/* 0, or negative errno with @err set (RS_ERR_OUTPUT). */
int rs_output_open(struct rs_output *out, const char *path, struct rs_error *err);
/* Flushes, syncs the name; 0, or negative errno with @err set and the temporary gone. */
int rs_output_finish(struct rs_output *out, struct rs_error *err);
/* Drops what was written. */
void rs_output_abort(struct rs_output *out);

#endif
