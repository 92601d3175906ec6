/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_DAT_DAT_CHUNKS_H
#define RS_TRACES_DAT_DAT_CHUNKS_H

#include <stddef.h>
#include <stdint.h>

#include "traces/dat/dat_file.h"

/*
 * The ring buffers' pages of a trace.dat, read and decompressed a chunk at a time
 * for each CPU of each buffer; in a file of more than a few chunks by a thread of
 * its own, a few chunks ahead of what is asked for.
 */
struct rs_dat_chunk {
	const unsigned char *pages; /* 8 bytes behind them may be read as well */
	size_t size;
	uint64_t offset; /* in the file, for messages */
	uint64_t taken;	 /* bytes of the file */
	/* What is damaged before the next chunk, in a file that is repaired; NULL: nothing. */
	const struct rs_error *damage;
};

struct rs_dat_chunks;

/*
 * NULL if there is no memory; begin with rs_dat_chunks_rewind(). @jobs: threads, the
 * caller's included; 0: one per CPU.
 */
struct rs_dat_chunks *rs_dat_chunks_new(const struct rs_dat_file *f, unsigned int jobs);
/*
 * 1 with the next chunk of CPU @i, counted through all buffers in their order, those that are
 * not used left out; its pages are valid until the next call for @i. 0 at its end; negative
 * errno with @err set if the file is damaged there, behind which that CPU is at its end.
 */
int rs_dat_chunks_next(struct rs_dat_chunks *c, size_t i, struct rs_dat_chunk *chunk,
		       struct rs_error *err);
/* Back to the first chunk of each CPU. */
void rs_dat_chunks_rewind(struct rs_dat_chunks *c);
void rs_dat_chunks_free(struct rs_dat_chunks *c);

/* Says that the pages of CPU @cpu are damaged at @offset, and how; returns -EINVAL. */
int rs_dat_chunks_damaged(uint32_t cpu, uint64_t offset, const char *problem, struct rs_error *err);

#endif
