/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_BASE_OUTFILE_H
#define RS_BASE_OUTFILE_H

#include <stddef.h>

#include "base/error.h"

/*
 * A file that appears under its name only when it is complete: it is written to
 * a temporary beside it and renamed. What is no regular file (standard output
 * for "-", a device, a FIFO) is written directly. A symbolic link to a file
 * stays one.
 */
struct rs_outfile;

/*
 * Permissions are what the umask gives. NULL with errno and @err set
 * (RS_ERR_OUTPUT): a directory, no permission, a target that is read-only.
 */
struct rs_outfile *rs_outfile_open(const char *path, struct rs_error *err);
/* The descriptor to write to: it stays @out's, which closes it. */
int rs_outfile_fd(const struct rs_outfile *out);
/*
 * Closes and renames. 0, or negative errno with @err set and the temporary
 * removed. Frees @out in every case.
 */
int rs_outfile_commit(struct rs_outfile *out, struct rs_error *err);
/* Closes and removes the temporary. @out may be NULL. */
void rs_outfile_abort(struct rs_outfile *out);

/*
 * Writes all of @buf. 0, or negative errno with @err set: RS_ERR_OUTPUT with
 * the reason, or RS_ERR_INTR if a signal's handler ran while it waited.
 */
int rs_write_all(int fd, const void *buf, size_t size, struct rs_error *err);
/*
 * A temporary file without a name, for reading and writing, in $TMPDIR or else
 * /var/tmp. The descriptor, or negative errno with @err set (RS_ERR_OUTPUT).
 */
int rs_open_unnamed(struct rs_error *err);

#endif
