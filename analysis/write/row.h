/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_WRITE_ROW_H
#define RS_ANALYSIS_WRITE_ROW_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/inline.h"

/*
 * Rows of which there may be millions: fprintf() would take several times as long for one as
 * the replay for what it tells. A row is put together in place, by functions that are told where
 * something begins and return where it ends: nothing between two of them goes through memory.
 */
#define RS_ROW_MOST 8192    /* bytes of a row */
#define RS_ROW_BEHIND 32    /* so many behind what was put may have been overwritten */
#define RS_FIELD_COLUMNS 24 /* of a field at most, unless it is longer */

struct rs_row {
	size_t len; /* of rows that have not gone to a stream yet */
	char text[4 * RS_ROW_MOST];
};

/* All of them go to @f; errors are those of @f. */
static inline void rs_row_flush(struct rs_row *r, FILE *f)
{
	fwrite(r->text, 1, r->len, f);
	r->len = 0;
}

/* Where the next row goes, of RS_ROW_MOST - RS_ROW_BEHIND bytes at most; what is full, to @f. */
static inline char *rs_row_begin(struct rs_row *r, FILE *f)
{
	if (r->len > sizeof(r->text) - RS_ROW_MOST)
		rs_row_flush(r, f);
	return r->text + r->len;
}

static inline void rs_row_end(struct rs_row *r, const char *end)
{
	r->len = (size_t)(end - r->text);
}

/* A text that is put into many rows, in steps: it has room for whole ones. */
#define RS_LABEL_STEP 16
#define RS_LABEL_ROOM(len) (((len) / RS_LABEL_STEP + 1) * RS_LABEL_STEP)

struct rs_label {
	char *text; /* no NUL */
	size_t len;
};

RS_LOOP_PART char *rs_put_label(char *p, const struct rs_label *l)
{
	for (size_t i = 0; i < l->len; i += RS_LABEL_STEP)
		memcpy(p + i, l->text + i, RS_LABEL_STEP);
	return p + l->len;
}

/* A literal: of that the length is known, and it takes a few moves. */
RS_LOOP_PART char *rs_put_text(char *p, const char *text)
{
	return (char *)memcpy(p, text, strlen(text)) + strlen(text);
}

/* A few bytes, which a call to copy them would take longer for. */
RS_LOOP_PART char *rs_put_name(char *p, const char *name)
{
	while (*name)
		*p++ = *name++;
	return p;
}

/* What follows puts a field at the right of @width columns (0: no more than it takes), then @end.
 */

/* For those that are above 9: most are not. */
char *rs_field_above_9(char *p, unsigned int width, uint64_t v, char end);

RS_LOOP_PART char *rs_field_u64(char *p, unsigned int width, uint64_t v, char end)
{
	if (v > 9)
		return rs_field_above_9(p, width, v, end);
	if (width)
		p = (char *)memset(p, ' ', RS_FIELD_COLUMNS) + width - 1;
	*p++ = (char)('0' + v);
	*p++ = end;
	return p;
}

/* "0x1f" */
char *rs_field_hex(char *p, unsigned int width, uint64_t v, char end);
/* "7:12" */
char *rs_field_pair(char *p, unsigned int width, uint64_t a, uint64_t b, char end);
/* ns, as seconds: "1.500000000" */
char *rs_field_seconds(char *p, unsigned int width, uint64_t ns, char end);
/* ns, three digits of them: "2.67 us"; half way is up. */
char *rs_field_time(char *p, unsigned int width, uint64_t ns, char end);

/* @name, a literal or a short one, at the left of @width columns, then @end. */
RS_LOOP_PART char *rs_field_name(char *p, unsigned int width, const char *name, char end)
{
	char *behind = rs_put_name(p, name);

	if (behind < p + width) {
		memset(behind, ' ', RS_FIELD_COLUMNS);
		behind = p + width;
	}
	*behind++ = end;
	return behind;
}

#endif
