/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_BINARY_PACKED_H
#define RS_TRACES_BINARY_PACKED_H

#include <stddef.h>
#include <stdint.h>

#include "traces/event.h"

/*
 * The events of a block as records of 16 bytes, to be replayed from a plain
 * file: what many events have in common is kept once, as a base, and a record
 * says how far its event is from its base. retryscope-binary(5) says how. Blocks
 * do not depend on one another. Not thread safe.
 */
struct rs_packed;

/* For blocks of at most @max_events (up to 65536). NULL if there is no memory. */
struct rs_packed *rs_packed_new(size_t max_events);
void rs_packed_free(struct rs_packed *p);

/* At most so many bytes come of @n events. */
size_t rs_packed_bound(size_t n);
/* The well-formed @evs as bytes in @out, of rs_packed_bound() bytes; returns how many: a
 * multiple of 8. */
size_t rs_packed_encode(struct rs_packed *p, const struct rs_event *evs, size_t n,
			unsigned char *out);
/*
 * The @n events back from all of the @size bytes, which start at a multiple of 8.
 * 0, or -EINVAL if the bytes are not what rs_packed_encode() makes of well-formed
 * events, or name somebody above @max_who.
 */
int rs_packed_decode(struct rs_packed *p, const unsigned char *bytes, size_t size,
		     struct rs_event *evs, size_t n, uint32_t max_who);

#endif
