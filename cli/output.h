/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_CLI_OUTPUT_H
#define RS_CLI_OUTPUT_H

#include <stdio.h>

#include "base/error.h"
#include "base/outfile.h"

/*
 * An output that appears only when it is complete: base/outfile.h says how.
 * What is written to @f is kept in memory until the end, so that a failure to
 * write it is known by its reason.
 */
struct rs_output {
	FILE *f;
	char *text;
	size_t size;
	struct rs_outfile *file;
	const char *path; /* the caller's */
};

/* Whether it could be opened now, for before long work: as rs_output_open(), but makes nothing. */
int rs_output_check(const char *path, struct rs_error *err);
/*
 * NULL or "-" is standard output. 0, or negative errno with @err set
 * (RS_ERR_OUTPUT). @path must live as long as @out.
 */
int rs_output_open(struct rs_output *out, const char *path, struct rs_error *err);
/*
 * Writes what is in memory so far: for outputs that may be longer than that. 0, or negative
 * errno with @err set; then rs_output_abort() is left.
 */
int rs_output_drain(struct rs_output *out, struct rs_error *err);
/* Writes and closes. 0, or negative errno with @err set and nothing left behind. */
int rs_output_finish(struct rs_output *out, struct rs_error *err);
/* Drops what was written. */
void rs_output_abort(struct rs_output *out);
/*
 * The end after a writer that returned @rc: finishes if that is 0, else drops
 * what it wrote, which can only be for want of memory.
 */
int rs_output_end(struct rs_output *out, int rc, struct rs_error *err);

#endif
