/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TESTS_RANDOM_STREAM_H
#define RS_TESTS_RANDOM_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "traces/event.h"

/*
 * Small random streams: the same seed and flags give the same events on every
 * machine. By default they are what a kernel could have done: no memslot
 * changes under an outstanding invalidation, every walk names what it hits.
 */
#define STREAM_DISOBEY 0x1   /* memslots change at any time, walks skip and stray */
#define STREAM_ANOMALIES 0x2 /* events that cannot be applied, of every kind */
#define STREAM_LOST 0x4	     /* `lost` events, and orphans after them */
/* One address space, gfn = hva + constant, hva ranges, no walks, memslots that stay. */
#define STREAM_CONTIGUOUS 0x8
/* Retried faults come again, some checks are made without the lock at the begin. */
#define STREAM_CHAINS 0x10
/* Again and again up to 24 invalidations of a VM outstanding; else up to 8. */
#define STREAM_MANY 0x20

struct stream {
	struct rs_event *v;
	size_t n;
};

/* A small generator of its own, so that the streams do not depend on the C library. */
struct stream_rng {
	uint64_t state;
};
uint64_t stream_random(struct stream_rng *r);
/* 0 .. @n - 1 */
uint64_t stream_below(struct stream_rng *r, uint64_t n);

/* Out of memory aborts. Free with stream_free(). */
struct stream stream_make(uint64_t seed, unsigned int flags);
void stream_free(struct stream *s);

/*
 * Removes events as long as @fails() still holds of what is left, and returns
 * the smallest stream found. @fails() holds of @s.
 */
struct stream stream_shrink(const struct stream *s,
			    bool (*fails)(const struct stream *s, void *arg), void *arg);

/* Writes the text form to @path, "-" for standard output. Aborts where that fails. */
void stream_write(const struct stream *s, const char *path);
/* Reads any form of trace. Aborts where that fails. */
struct stream stream_read(const char *path);

#endif
