/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_BINARY_BINARY_H
#define RS_TRACES_BINARY_BINARY_H

#include "traces/trace.h"

/*
 * The binary form, retryscope-binary(5): a header, blocks of events, metadata,
 * an index and a trailer. Everything is little-endian and starts at a multiple
 * of 8 bytes. Here is what its reader and its writer share.
 */
#define RS_BINARY_MAGIC "\x89RSTRACE"
#define RS_BINARY_VERSION 3U
/* The same but for who did it: still read. */
#define RS_BINARY_OLD_VERSION 2U
/* Events in a block at most: what is decoded at once fits a cache. */
#ifndef RS_BINARY_BLOCK /* the fuzzers have smaller ones */
#define RS_BINARY_BLOCK 16384U
#endif
/* So long can the payload of a block be, stored or decoded. */
#define RS_BINARY_MAX_PAYLOAD (1U << 30)

struct rs_binary_header {
	char magic[8];
	uint32_t version;
	uint32_t zero[11];
	uint64_t sum; /* of all before it */
};

enum rs_binary_kind {
	RS_BINARY_EVENTS = 0x544e5645, /* "EVNT" */
	RS_BINARY_META = 0x4154454d,   /* "META" */
	RS_BINARY_INDEX = 0x58444e49,  /* "INDX" */
	RS_BINARY_WHO = 0x534f4857,    /* "WHOS" */
	RS_BINARY_TRAILER = 0x4c494154 /* "TAIL" */
};

enum rs_binary_encoding {
	RS_BINARY_RAW,	  /* as it is in memory; not of events */
	RS_BINARY_ZSTD,	  /* columns (traces/binary/columns.h), compressed */
	RS_BINARY_PACKED, /* records (traces/binary/packed.h) */
};

/* Before each block; the payload follows, filled up with zeros to a multiple of 8 bytes. */
struct rs_binary_block {
	uint32_t kind;
	uint16_t encoding;
	uint16_t zero;
	uint32_t count;	  /* of events, of entries in the index, of those who did it */
	uint32_t stored;  /* bytes of the payload, without the zeros behind it */
	uint32_t decoded; /* bytes that it has uncompressed */
	uint32_t vms;	  /* bit (vm % 32) is set for each VM in it */
	uint64_t first;	  /* number of its first event in the stream, from 0 */
	uint64_t min_ns;  /* of its events */
	uint64_t max_ns;
	uint64_t data_sum; /* of the payload and the zeros */
	uint64_t sum;	   /* of all before it */
};

/* An entry of the index: one for each block of events, in their order. */
struct rs_binary_entry {
	uint64_t offset; /* of the block in the file */
	uint64_t first;
	uint64_t min_ns, max_ns;
	uint32_t count;
	uint32_t vms;
	uint64_t flags; /* RS_BINARY_HAS_* */
};

#define RS_BINARY_HAS_MEMSLOT 0x1ULL /* the block sets memslots */
#define RS_BINARY_HAS_LOST 0x2ULL    /* events were lost in it */
#define RS_BINARY_IDLE 0x4ULL	     /* nothing is pending at its start: traces/pending.h */
#define RS_BINARY_FLAGS 0x7ULL

/* The last bytes of a whole file. */
struct rs_binary_trailer {
	uint32_t kind;
	uint32_t zero;
	uint64_t size;	/* of the file, with this */
	uint64_t meta;	/* offset of the metadata that count */
	uint64_t index; /* offset of the index */
	uint64_t events, blocks;
	uint64_t reserved;
	uint64_t sum; /* of all before it */
};

_Static_assert(sizeof(struct rs_binary_header) == 64, "");
_Static_assert(sizeof(struct rs_binary_block) == 64, "");
_Static_assert(sizeof(struct rs_binary_entry) == 48, "");
_Static_assert(sizeof(struct rs_binary_trailer) == 64, "");

/* The form as traces/forms.h wants it. */
extern const struct rs_form_ops rs_binary_ops;
/* Written by convert --raw; what it writes is read as the binary form. */
extern const struct rs_form_ops rs_binary_raw_ops;

/* Everything in the file takes a multiple of 8 bytes. */
static inline size_t rs_binary_padded(size_t size)
{
	return (size + 7) & ~(size_t)7;
}

/* XXH3, 64 bit. */
uint64_t rs_binary_sum(const void *bytes, size_t size);

/*
 * Adds to @e what the index says of @evs: times, VMs and flags but RS_BINARY_IDLE. Of no
 * events so far its times are those of the first.
 */
void rs_binary_survey(struct rs_binary_entry *e, const struct rs_event *evs, size_t n);

/*
 * Who is named in a file. It has those alone whom its events name, numbered in the order in
 * which they come first, whatever their numbers were.
 */
struct rs_binary_names {
	const struct rs_whos *whos;
	uint32_t *number; /* in the file, by the number in @whos; 0: none so far */
	size_t max_number;
	uint32_t *given; /* the number in @whos, by that in the file less 1 */
	size_t nr, max_given;
};

/*
 * Metadata as a payload, with those named so far, for the caller to free. NULL if there is no
 * memory (or, with *@size too large for a block, if there is too much of it).
 */
unsigned char *rs_binary_pack_meta(const struct rs_trace_meta *meta,
				   const struct rs_binary_names *names, size_t *size);
/* The same of those from number @first + 1 on, up to number @end, alone. */
unsigned char *rs_binary_pack_names(const struct rs_binary_names *names, size_t first, size_t end,
				    size_t *size);
/* Replaces what @meta has. 0, -ENOMEM, or -EINVAL if the bytes are no metadata. */
int rs_binary_unpack_meta(const unsigned char *bytes, size_t size, struct rs_trace_meta *meta);
/* Adds @nr of those who did it, and nothing else. The same results. */
int rs_binary_unpack_names(const unsigned char *bytes, size_t size, size_t nr,
			   struct rs_trace_meta *meta);

/* The writer's functions, for the tables. */
void *rs_binary_create(int fd, struct rs_error *err);
void *rs_binary_create_raw(int fd, struct rs_error *err);
void rs_binary_set_jobs(void *state, unsigned int jobs);
int rs_binary_begin(void *state, const struct rs_trace_meta *meta, struct rs_error *err);
int rs_binary_put(void *state, const struct rs_event *evs, size_t n, struct rs_error *err);
int rs_binary_finish(void *state, const struct rs_trace_meta *meta, struct rs_error *err);
void rs_binary_discard(void *state);

#endif
