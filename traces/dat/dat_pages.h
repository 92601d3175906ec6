/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_DAT_DAT_PAGES_H
#define RS_TRACES_DAT_DAT_PAGES_H

#include <stdint.h>

#include "traces/dat/dat_file.h"

/*
 * The events of all ring buffers of a trace.dat, merged by time. Each CPU's
 * pages are read (and decompressed) some chunks at a time, so memory depends on the
 * number of CPUs only.
 *
 * The pages are walked here and not by libtraceevent's kbuffer because that
 * believes the lengths in a page: a damaged one makes it read beyond the page or
 * go round for ever.
 */
enum rs_dat_what {
	RS_DAT_EVENT,
	RS_DAT_GAP_BEGIN, /* from here on events of this CPU were lost; time 0: from the start */
	RS_DAT_GAP_END,	  /* up to here */
};

struct rs_dat_record {
	uint64_t time; /* in the trace's clock; of one CPU of one buffer it does not run back */
	enum rs_dat_what what;
	const unsigned char *data; /* 8 bytes behind it may be read as well */
	uint32_t size;
	uint32_t cpu;
	uint16_t source; /* of its buffer: 1 and RS_DAT_GROUPS for each before it in the file */
	uint8_t wanted;	 /* what the layout says of the event's number */
	uint64_t missed; /* GAP_BEGIN: how many were lost; UINT64_MAX: unknown */
};

/* While a gap lasts, it is told again after so long. */
#define RS_DAT_GAP_MARK_NS 5000000ULL

/* Recorders in one buffer that are told apart, each of which has a group of events. */
#define RS_DAT_GROUPS 16

/* How to read what stands before the data of each page and event. */
struct rs_dat_layout {
	unsigned int commit_size; /* of the word in the page header: 4 or 8 */
	unsigned int type_offset, type_size;
	/* Which events to return, by their number; all others are skipped. */
	const unsigned char *wanted; /* of each of 65536; not 0: what it is to its reader */
	const uint32_t *least;	     /* of each of these: bytes that such an event has */
};

struct rs_dat_merge;

/*
 * NULL with @err set. @f and @l must stay as they are until the free. @jobs: threads,
 * the caller's included; 0: one per CPU.
 */
struct rs_dat_merge *rs_dat_merge_new(const struct rs_dat_file *f, const struct rs_dat_layout *l,
				      unsigned int jobs, struct rs_error *err);
/*
 * 1 with the next event or gap in *@r (valid until the next call, as its data is), 0
 * at the end, negative errno with @err set if the file is damaged.
 */
int rs_dat_merge_next(struct rs_dat_merge *m, const struct rs_dat_record **r, struct rs_error *err);
/* How many events so far were recorded with an earlier time than one before them on their CPU. */
uint64_t rs_dat_merge_back(const struct rs_dat_merge *m);
/* What was damaged so far, if the file is repaired. */
const struct rs_dat_damage *rs_dat_merge_damage(const struct rs_dat_merge *m);
/* Bytes of the file that were read so far, and that there are. */
void rs_dat_merge_progress(const struct rs_dat_merge *m, uint64_t *done, uint64_t *total);
/* Back to the first event. */
int rs_dat_merge_rewind(struct rs_dat_merge *m, struct rs_error *err);
void rs_dat_merge_free(struct rs_dat_merge *m);

#endif
