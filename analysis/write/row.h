/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_WRITE_ROW_H
#define RS_ANALYSIS_WRITE_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/inline.h"

/*
 * Rows of which there may be millions: fprintf() would take several times as long for one as
 * the replay for what it tells. Errors are those of @f.
 */
struct rs_row {
	FILE *f;
	char between;
	bool follows; /* there is a field before */
	size_t len;
	char text[1024]; /* what has not gone to @f yet */
};

/* Nothing yet, for @f; @between (or NUL) will stand between two fields. */
void rs_row_begin(struct rs_row *r, FILE *f, char between);
/* @len bytes for which there is no room. */
void rs_row_long(struct rs_row *r, const char *text, size_t len);
/* @text, as part of no field: of a literal the length is known, and it takes a few moves. */
RS_LOOP_PART void rs_row_text(struct rs_row *r, const char *text)
{
	const size_t len = strlen(text);

	if (len > sizeof(r->text) - r->len) {
		rs_row_long(r, text, len);
		return;
	}
	memcpy(r->text + r->len, text, len);
	r->len += len;
}
/* @v, as part of no field. */
void rs_row_digits(struct rs_row *r, uint64_t v);
/* Each puts a field, at the right of so many columns, or at the left of -@width: and of all 500
 * bytes at most.
 */
void rs_row_field(struct rs_row *r, int width, const char *text);
void rs_row_u64(struct rs_row *r, int width, uint64_t v);
/* "0x1f" */
void rs_row_hex(struct rs_row *r, int width, uint64_t v);
/* "7:12" */
void rs_row_pair(struct rs_row *r, int width, uint64_t a, uint64_t b);
/* ns, as seconds: "1.500000000" */
void rs_row_seconds(struct rs_row *r, int width, uint64_t ns);
/* A newline; the next row begins. */
void rs_row_end(struct rs_row *r);
/* "2.67 us" */
void rs_row_time(struct rs_row *r, int width, uint64_t ns);
/* All of it goes to @r->f, which others may write to then. */
void rs_row_flush(struct rs_row *r);

#endif
