/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_UNPACK_H
#define RS_TRACES_UNPACK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/*
 * What undoes a compression: zstd, gzip, xz or bzip2, any number of pieces of it one behind
 * the other, and zeros behind a piece, as tapes have them.
 */
struct rs_unpack;

struct rs_unpack_in {
	const unsigned char *bytes;
	size_t len, pos; /* @pos: so many were taken */
};

struct rs_unpack_out {
	unsigned char *bytes;
	size_t len, pos;
};

/* So many first bytes tell what an input is compressed by. */
#define RS_UNPACK_MAGIC 10

/*
 * For an input that begins with @head: *@to, or NULL there if it is not compressed. 0, or
 * negative errno with @err set.
 */
int rs_unpack_new(const unsigned char *head, size_t len, struct rs_unpack **to,
		  struct rs_error *err);
/* NULL is fine. */
void rs_unpack_free(struct rs_unpack *u);
/* Begins anew, at the first byte. */
void rs_unpack_rewind(struct rs_unpack *u);

/*
 * Takes of @in and puts into @out, as much as it can. 0, or negative errno with @err set, whose
 * place is for the caller to say.
 */
int rs_unpack_step(struct rs_unpack *u, struct rs_unpack_in *in, struct rs_unpack_out *out,
		   struct rs_error *err);
/* What to call when no more bytes come: 0, or the error that they were cut off. */
int rs_unpack_end(const struct rs_unpack *u, struct rs_error *err);

#endif
