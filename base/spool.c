// SPDX-License-Identifier: GPL-2.0-only
#include "base/spool.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/array.h"
#include "base/outfile.h"
#include "base/read_at.h"

/* Bytes of a chunk, which are read and written at once; a stream's first begins with fewer. */
#define CHUNK 16384U
#define CHUNK_ROOM (CHUNK - (uint32_t)sizeof(struct rs_chunk))
#define FIRST_ROOM 240U
#define KEEP (16U << 20)

struct rs_spool {
	size_t keep; /* chunks of lower numbers stay in memory; */
	struct rs_chunk **kept;
	size_t max_kept;
	uint64_t nr_chunks; /* numbers are from 1 on */
	int fd;		    /* -1: no file so far */
};

struct rs_page {
	uint32_t readers;
	struct rs_chunk *chunk; /* CHUNK bytes */
};

#define WORD_MASK(len) (UINT64_MAX >> (64 - 8 * (len)))

const uint64_t rs_word_masks[16] = {
	0,
	WORD_MASK(1),
	WORD_MASK(2),
	WORD_MASK(3),
	WORD_MASK(4),
	WORD_MASK(5),
	WORD_MASK(6),
	WORD_MASK(7),
	WORD_MASK(8),
};

struct rs_spool *rs_spool_new(size_t keep)
{
	struct rs_spool *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->keep = (keep ? keep : KEEP) / CHUNK + 1;
	s->nr_chunks = 1;
	s->fd = -1;
	return s;
}

void rs_spool_free(struct rs_spool *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->max_kept; i++)
		free(s->kept[i]);
	free(s->kept);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

void rs_stream_free(struct rs_stream *t)
{
	free(t->tail);
	*t = (struct rs_stream){ 0 };
}

/* ---- writing ---- */

static int make_tail(struct rs_stream *t, uint32_t room, struct rs_error *err)
{
	struct rs_chunk *tail = realloc(t->tail, sizeof(*tail) + room);

	if (!tail)
		return rs_error_nomem(err);
	if (!t->tail)
		*tail = (struct rs_chunk){ 0 };
	t->tail = tail;
	t->room = room;
	return 0;
}

static uint64_t place_of(const struct rs_spool *s, uint64_t chunk)
{
	return (chunk - s->keep) * CHUNK;
}

/* The tail is full: it goes to the file. */
static int write_tail(struct rs_spool *s, struct rs_stream *t, struct rs_error *err)
{
	const char *from = (const char *)t->tail;
	const uint64_t place = place_of(s, t->last);
	size_t done = 0;

	if (s->fd < 0)
		s->fd = rs_open_unnamed(err);
	if (s->fd < 0)
		return s->fd;
	while (done < CHUNK) {
		const ssize_t n = pwrite(s->fd, from + done, CHUNK - done, (off_t)(place + done));

		if (n < 0 && errno != EINTR)
			return rs_error_set(err, RS_ERR_OUTPUT, errno,
					    "cannot write a temporary file: %s", strerror(errno));
		done += n > 0 ? (size_t)n : 0;
	}
	t->tail->used = 0;
	return 0;
}

/* ... or stays, and the stream gets another one. */
static int keep_tail(struct rs_spool *s, struct rs_stream *t, struct rs_error *err)
{
	if (RS_ROOM_ZEROED(s->kept, s->max_kept, t->last + 1))
		return rs_error_nomem(err);
	s->kept[t->last] = t->tail;
	t->tail = NULL;
	return make_tail(t, CHUNK_ROOM, err);
}

int rs_stream_make_room(struct rs_spool *s, struct rs_stream *t, struct rs_error *err)
{
	uint64_t next;
	int rc;

	if (!t->tail)
		return make_tail(t, FIRST_ROOM, err);
	if (t->room < CHUNK_ROOM)
		return make_tail(t, 2 * t->room < CHUNK_ROOM ? 2 * t->room : CHUNK_ROOM, err);
	if (!t->last)
		t->first = t->last = s->nr_chunks++;
	next = s->nr_chunks++;
	t->tail->next = next;
	rc = t->last < s->keep ? keep_tail(s, t, err) : write_tail(s, t, err);
	t->last = next;
	return rc;
}

/* ---- reading ---- */

void rs_stream_read(struct rs_stream_reader *r, const struct rs_spool *s, const struct rs_stream *t)
{
	*r = (struct rs_stream_reader){ .spool = s, .stream = t, .chunk = UINT64_MAX };
	r->next = t->first;
}

void rs_stream_reader_copy(struct rs_stream_reader *to, const struct rs_stream_reader *from)
{
	*to = *from;
	if (to->page)
		to->page->readers++;
}

void rs_stream_reader_close(struct rs_stream_reader *r)
{
	if (r->page && !--r->page->readers) {
		free(r->page->chunk);
		free(r->page);
	}
	r->page = NULL;
	r->at = r->end = NULL;
}

/* A page that no other reader is in. 0 or -ENOMEM. */
static int own_page(struct rs_stream_reader *r)
{
	struct rs_page *page;

	if (r->page && r->page->readers == 1)
		return 0;
	page = malloc(sizeof(*page));
	if (!page)
		return -ENOMEM;
	*page = (struct rs_page){ 1, malloc(CHUNK) };
	if (!page->chunk) {
		free(page);
		return -ENOMEM;
	}
	rs_stream_reader_close(r);
	r->page = page;
	return 0;
}

/* The whole chunk, from the file. 0 or negative errno. */
static int load(struct rs_stream_reader *r, uint64_t chunk)
{
	ssize_t n;

	if (own_page(r))
		return -ENOMEM;
	n = rs_read_at(r->spool->fd, r->page->chunk, CHUNK, place_of(r->spool, chunk));
	if (n < 0)
		return (int)n;
	return n == CHUNK ? 0 : -EIO;
}

const unsigned char *rs_stream_next_chunk(struct rs_stream_reader *r)
{
	const struct rs_chunk *c;

	if (r->failed || !r->stream->tail || r->chunk == r->stream->last)
		return NULL;
	r->chunk = r->next;
	if (r->chunk == r->stream->last) {
		rs_stream_reader_close(r);
		c = r->stream->tail;
	} else if (r->chunk < r->spool->keep) {
		c = r->spool->kept[r->chunk];
	} else {
		r->failed = load(r, r->chunk);
		if (r->failed)
			return NULL;
		c = r->page->chunk;
	}
	r->next = c->next;
	r->at = c->bytes;
	r->end = r->at + c->used;
	return r->at < r->end ? r->at : NULL;
}
