/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_BASE_SPOOL_H
#define RS_BASE_SPOOL_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"

/*
 * Streams of records that are written side by side and then read, each from its first
 * record on, by any number of readers on any threads. What they hold beyond a limit is in
 * one temporary file without a name (base/outfile.h). A spool is written by one thread,
 * and not while it is read.
 */
struct rs_spool;

/* A record takes no more; and so many bytes from where it begins may be read or written. */
#define RS_SPOOL_RECORD 64U

struct rs_chunk;

/* All zero: a stream without records. */
struct rs_stream {
	struct rs_chunk *tail;
	uint32_t room;	      /* of the tail's bytes */
	uint64_t first, last; /* chunks: the first, and the tail; 0: the tail is all there is */
};

struct rs_chunk {
	uint64_t next; /* the stream's next one */
	uint32_t used;
	unsigned char bytes[];
};

/* @keep: bytes of full chunks that stay in memory; 0: as many as are good. NULL: no memory. */
struct rs_spool *rs_spool_new(size_t keep);
/* Also what is in the streams but their tails. NULL is fine. */
void rs_spool_free(struct rs_spool *s);
void rs_stream_free(struct rs_stream *t);

/* For rs_stream_room(), where the tail has no room. 0, or negative errno with @err set. */
int rs_stream_make_room(struct rs_spool *s, struct rs_stream *t, struct rs_error *err);

/*
 * Where the next record of @t goes; rs_stream_add() says how long it became. NULL with @err
 * set: no memory, or the file cannot be written (RS_ERR_OUTPUT).
 */
static inline unsigned char *rs_stream_room(struct rs_spool *s, struct rs_stream *t,
					    struct rs_error *err)
{
	if ((!t->tail || t->room - t->tail->used < RS_SPOOL_RECORD) &&
	    rs_stream_make_room(s, t, err))
		return NULL;
	return t->tail->bytes + t->tail->used;
}

static inline void rs_stream_add(struct rs_stream *t, const unsigned char *end)
{
	t->tail->used = (uint32_t)(end - t->tail->bytes);
}

/* A part of the file in memory, for the readers that are in it. */
struct rs_page;

/* A place in a stream. */
struct rs_stream_reader {
	const unsigned char *at, *end; /* what is left of the chunk */
	const struct rs_spool *spool;
	const struct rs_stream *stream;
	uint64_t chunk;
	uint64_t next;
	struct rs_page *page;
	int failed; /* 0, or why it ended too early: -ENOMEM, -EIO ... */
};

/* At the first record. Nothing is to be closed as long as nothing was read. */
void rs_stream_read(struct rs_stream_reader *r, const struct rs_spool *s,
		    const struct rs_stream *t);
/* @to, which is not open, goes on where @from is; on the same thread. */
void rs_stream_reader_copy(struct rs_stream_reader *to, const struct rs_stream_reader *from);
void rs_stream_reader_close(struct rs_stream_reader *r);
/* The next chunk, which has a record. Its first byte; NULL: there is none, or r->failed. */
const unsigned char *rs_stream_next_chunk(struct rs_stream_reader *r);

/* The next record; whoever takes it sets r->at behind it. NULL: there is none, or r->failed. */
static inline const unsigned char *rs_stream_next(struct rs_stream_reader *r)
{
	return r->at < r->end ? r->at : rs_stream_next_chunk(r);
}

/*
 * A record of @nr_bits of @bits, the lowest of its first bytes, and of @n words, each in as many
 * bytes as it needs, at least one; up to 6 words, and 4 @n + @nr_bits up to 64. Put: returns where
 * it ends. Get: the same.
 */
static inline unsigned char *rs_words_put(unsigned char *to, const uint64_t *words, unsigned int n,
					  uint64_t bits, unsigned int nr_bits)
{
	unsigned char *at = to + (4 * n + nr_bits + 7) / 8;
	uint64_t lens = 0, le;

#pragma GCC unroll 6
	for (unsigned int i = 0; i < n; i++)
		lens |= (uint64_t)(71 - __builtin_clzll(words[i] | 1)) / 8 << (4 * i);
	le = htole64(bits | lens << nr_bits);
	memcpy(to, &le, sizeof(le));
#pragma GCC unroll 6
	for (unsigned int i = 0; i < n; i++) {
		le = htole64(words[i]);
		memcpy(at, &le, sizeof(le));
		at += lens >> (4 * i) & 15;
	}
	return at;
}

/* What a word of so many bytes can have; there are none of 9 and more. */
extern const uint64_t rs_word_masks[16];

static inline const unsigned char *rs_words_get(const unsigned char *from, uint64_t *words,
						unsigned int n, uint64_t *bits,
						unsigned int nr_bits)
{
	const unsigned char *at = from + (4 * n + nr_bits + 7) / 8;
	uint64_t head, le;

	memcpy(&head, from, sizeof(head));
	head = le64toh(head);
	*bits = head & ((1ULL << nr_bits) - 1);
	head >>= nr_bits;
#pragma GCC unroll 6
	for (unsigned int i = 0; i < n; i++, head >>= 4) {
		const unsigned int len = head & 15;

		memcpy(&le, at, sizeof(le));
		words[i] = le64toh(le) & rs_word_masks[len];
		at += len;
	}
	return at;
}

#endif
