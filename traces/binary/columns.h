/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_BINARY_COLUMNS_H
#define RS_TRACES_BINARY_COLUMNS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "traces/event.h"

/*
 * The events of a block as columns of small numbers: what differs little from
 * an event to the next of its kind is stored as the difference, and its bytes
 * by significance, so that a compressor finds them. retryscope-binary(5) says
 * how. Blocks do not depend on one another.
 */
struct rs_columns;

/* For blocks of at most @max_events (up to 65536). NULL if there is no memory. */
struct rs_columns *rs_columns_new(size_t max_events);
void rs_columns_free(struct rs_columns *c);

/* At most so many bytes come of @n events. */
size_t rs_columns_bound(size_t n);
/* The well-formed @evs as bytes in @out, of rs_columns_bound() bytes; returns how many. */
size_t rs_columns_encode(struct rs_columns *c, const struct rs_event *evs, size_t n,
			 unsigned char *out);
/*
 * The @n events back from all of the @size bytes. 0, or -EINVAL if the bytes are
 * not what rs_columns_encode() makes of well-formed events, or name somebody above @max_who.
 */
int rs_columns_decode(struct rs_columns *c, const unsigned char *bytes, size_t size,
		      struct rs_event *evs, size_t n, uint32_t max_who);

#endif
