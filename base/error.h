/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_BASE_ERROR_H
#define RS_BASE_ERROR_H

#include <stdint.h>

/*
 * What went wrong, for the caller to print. The caller owns it; functions that
 * take one accept NULL. @text is one line, without the file's name and without
 * a newline. Only the position that the input has is set: line and column
 * (both from 1) for text, offset in bytes for binary input; else 0 and -1.
 */
enum rs_error_kind {
	RS_ERR_NONE,
	RS_ERR_INPUT,  /* the input is ill-formed: exit code 1 */
	RS_ERR_USAGE,  /* the caller asked for something impossible: exit code 2 */
	RS_ERR_HOST,   /* the host cannot do it: exit code 3 */
	RS_ERR_OUTPUT, /* no space, or the output cannot be written: exit code 4 */
	RS_ERR_SYSTEM, /* no memory, a failing read ...: exit code 4 */
	RS_ERR_INTR,   /* interrupted by the user: exit code 130 */
};

struct rs_error {
	enum rs_error_kind kind;
	char file[256];
	uint64_t line, column;
	int64_t offset;
	char text[512];
};

/* Fills @err (may be NULL) with a formatted text and no position; returns -@errnum. */
int rs_error_set(struct rs_error *err, enum rs_error_kind kind, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* There is no memory: says so in @err (may be NULL) and returns -ENOMEM. */
int rs_error_nomem(struct rs_error *err);

/* Names the file that @err (may be NULL) is about; a longer name is cut off. */
void rs_error_set_file(struct rs_error *err, const char *path);

/*
 * One line "FILE:LINE:COLUMN: TEXT" (or "FILE: offset N: TEXT", or without what
 * is not known) into @buf of @size bytes, always terminated. Returns @buf. Names in it may
 * be foreign: it is cleaned (base/clean.h), so that it is one line and no more.
 */
char *rs_error_format(const struct rs_error *err, char *buf, unsigned long size);

/* The documented exit code of an error: see enum rs_error_kind. */
int rs_error_exit_code(const struct rs_error *err);

#endif
