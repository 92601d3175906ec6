/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_BENCH_TILE_H
#define RS_BENCH_TILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "traces/trace.h"

/* Where the tiles of a trace go: a file for each way to read them. */
struct tiles {
	const char *raw;	 /* the binary form, as it lies in memory */
	const char *compressed;	 /* the binary form */
	const char *flat;	 /* the events as the engine sees them, 48 bytes each */
	int64_t records, events; /* how many were written; events: those of the model */
	struct rs_writer *writers[2];
	FILE *flat_file;
};

/*
 * Writes the trace @from again and again, each time later, until there are @want
 * records. 0, or -1 after a word on standard error.
 */
int make_tiles(const char *from, struct tiles *t, size_t want);
/*
 * A request to a cache for each fault of the trace, 24 bytes as libCacheSim's oracleGeneral has
 * them: u32 time in s, u64 what is asked for, u32 its size, s64 when it is next asked for (-1:
 * not known). Returns an exit code.
 */
int bench_requests(const char *path, const char *to);
/* The raw file of so many records of the trace, to be kept. Returns an exit code. */
int bench_tile(const char *path, const char *events, const char *to);

#endif
