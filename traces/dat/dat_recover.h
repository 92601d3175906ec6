/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_DAT_DAT_RECOVER_H
#define RS_TRACES_DAT_DAT_RECOVER_H

#include "traces/dat/dat_file.h"

/*
 * Finds in a trace.dat of version 7 what its options do not name, since they are damaged or cut
 * off: trace-cmd writes one section behind the other, and a CPU's pages from a page's begin on.
 */
struct rs_dat_section {
	uint64_t next; /* where the one behind it stands; that of the first is for the caller */
	uint64_t at;   /* where it stands itself */
	uint16_t id;   /* that of the option that names it */
	bool compressed;
	bool cut;	      /* its end is not in the file */
	uint64_t begin, size; /* of what is in it and in the file */
};

/*
 * Goes to the next section before @end. 1; 0 if nothing there looks like one; negative errno with
 * @err set if the file cannot be read.
 */
int rs_dat_recover_section(const struct rs_dat_file *f, uint64_t end, struct rs_dat_section *s,
			   struct rs_error *err);
/*
 * The CPUs' pages in the section @s of a ring buffer, numbered as they come, into *@rows (*@nr of
 * them, for the caller to free, in any case). If it is cut, those that must have followed are
 * there without pages: up to @cpus, or one if that is 0. 0 or negative errno with @err set.
 */
int rs_dat_recover_rows(const struct rs_dat_file *f, const struct rs_dat_section *s, uint64_t cpus,
			struct rs_dat_cpu **rows, size_t *nr, struct rs_error *err);

/* How many chunks there are stands before a CPU's. */
#define RS_DAT_CHUNK_COUNT 4U
/* What stands before a chunk of compressed pages, and its first bytes. */
#define RS_DAT_CHUNK_HEAD 8U
#define RS_DAT_CHUNK_MAGIC 4U
/*
 * Whether @head (RS_DAT_CHUNK_HEAD + RS_DAT_CHUNK_MAGIC bytes) may begin a chunk of whole pages
 * that is at most @room bytes large in all.
 */
bool rs_dat_looks_like_chunk(const struct rs_dat_file *f, const unsigned char *head,
			     uint32_t page_size, uint64_t room);
/* Pages of a chunk, unpacked. */
uint64_t rs_dat_max_chunk(uint32_t page_size);

#endif
