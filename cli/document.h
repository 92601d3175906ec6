/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_CLI_DOCUMENT_H
#define RS_CLI_DOCUMENT_H

#include "base/error.h"

/* What an input is, by its content. */
enum document_kind { DOCUMENT_TRACE, DOCUMENT_REPORT, DOCUMENT_SWEEP, DOCUMENT_BENCH };

/* An input as something that can be read twice. */
struct document {
	char path[64 + 4096]; /* to open it by */
	int fd;		      /* of a pipe's copy, or -1 */
	enum document_kind kind;
};

/*
 * Opens @path ("-": standard input) and looks what it is. 0, or negative errno with @err set;
 * then there is nothing to close.
 */
int document_open(struct document *in, const char *path, struct rs_error *err);
void document_close(struct document *in);
/* Says in @err that @path cannot be read, and returns -@errnum. */
int document_error(struct rs_error *err, const char *path, int errnum);

#endif
