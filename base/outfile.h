/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_BASE_OUTFILE_H
#define RS_BASE_OUTFILE_H

#include <stddef.h>

#include "base/error.h"

/*
 * A file that appears under its name only when it is complete: it is written to
 * a temporary beside it and renamed. It keeps the mode, owner and access list of
 * what it replaces (the owner as far as this user may), and a symbolic link to a
 * file stays one. What is no regular file (standard output for "-", a device, a
 * FIFO), and a descriptor of this process (/dev/stdout, /dev/fd/N), is written
 * directly.
 */
struct rs_outfile;

/*
 * Permissions of a new file are what the umask gives. NULL with errno and @err set
 * (RS_ERR_OUTPUT): a directory, no permission, a target that is read-only;
 * RS_ERR_INTR: a signal's handler ran while a FIFO had no reader.
 */
struct rs_outfile *rs_outfile_open(const char *path, struct rs_error *err);
/*
 * Whether rs_outfile_open() would work now, for before long work: opens and makes nothing.
 * 0, or negative errno with @err set as there.
 */
int rs_outfile_check(const char *path, struct rs_error *err);
/* The descriptor to write to: it stays @out's, which closes it. */
int rs_outfile_fd(const struct rs_outfile *out);
/*
 * Closes after the last write, with all of it on the disk if it is a file that will be
 * renamed: what is left to rs_outfile_commit() is the name. 0, or negative errno with @err
 * set; then only rs_outfile_abort() is left.
 */
int rs_outfile_close(struct rs_outfile *out, struct rs_error *err);
/*
 * Closes, if that is not done, and renames. 0, or negative errno with @err set and the temporary
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
