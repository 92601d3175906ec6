// SPDX-License-Identifier: GPL-2.0-only
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <zstd.h>

#include "base/array.h"
#include "base/inline.h"
#include "traces/binary/binary.h"
#include "traces/binary/columns.h"
#include "base/outfile.h"
#include "traces/binary/packed.h"
#include "traces/pending.h"
#include "base/worker.h"

/* Higher levels gain nothing on these columns. */
#define LEVEL 1
/* So many events can a block be short of its limit. */
#define EARLY 256

/* A block on its way: it is filled, then packed, then written. */
struct block {
	struct rs_work pack;
	struct writer *w;
	struct rs_event *evs;
	size_t nr;
	struct rs_binary_entry entry;
	size_t nr_names; /* of those named up to here */
	size_t decoded,
		stored; /* of its payload, in the writer's @plain or @squeezed; or zstd's error */
};

struct writer {
	int fd;
	bool raw, full_block; /* there was one */
	unsigned int jobs;
	uint64_t offset;	      /* bytes written */
	uint64_t nr_events;	      /* put */
	struct rs_identity *identity; /* of them */
	struct rs_pending pending;
	struct rs_worker *worker; /* packs a block while the other is filled; or NULL */
	struct block blocks[2];
	unsigned int current; /* is being filled */
	/* Of whoever packs: that is done to one block at a time. */
	struct rs_packed *packed;
	struct rs_columns *columns;
	ZSTD_CCtx *zstd;
	unsigned char *plain, *squeezed; /* room for a block's payload */
	size_t max_squeezed;
	struct rs_binary_names names;
	size_t written_names;
	struct rs_binary_entry *index;
	size_t nr_index, max_index;
};

static void pack(struct rs_work *work, bool beside)
{
	struct block *b = (struct block *)work; /* its first member */
	struct writer *w = b->w;

	if (w->raw) {
		b->decoded = rs_packed_encode(w->packed, b->evs, b->nr, w->plain);
		b->stored = b->decoded;
		return;
	}
	b->decoded = rs_columns_encode(w->columns, b->evs, b->nr, w->plain);
	b->stored = ZSTD_compressCCtx(w->zstd, w->squeezed, w->max_squeezed, w->plain, b->decoded,
				      LEVEL);
}

static bool alloc_block(struct writer *w, struct block *b)
{
	b->pack.run = pack;
	b->w = w;
	b->evs = malloc(RS_BINARY_BLOCK * sizeof(*b->evs));
	return b->evs;
}

static bool alloc_buffers(struct writer *w)
{
	size_t bound =
		w->raw ? rs_packed_bound(RS_BINARY_BLOCK) : rs_columns_bound(RS_BINARY_BLOCK);

	w->plain = malloc(bound);
	w->identity = rs_identity_new();
	if (!w->plain || !w->identity || !alloc_block(w, &w->blocks[0]))
		return false;
	if (w->raw) {
		w->packed = rs_packed_new(RS_BINARY_BLOCK);
		return w->packed;
	}
	w->max_squeezed = ZSTD_compressBound(bound);
	w->columns = rs_columns_new(RS_BINARY_BLOCK);
	w->zstd = ZSTD_createCCtx();
	w->squeezed = malloc(rs_binary_padded(w->max_squeezed));
	return w->columns && w->zstd && w->squeezed;
}

static void *create(int fd, bool raw, struct rs_error *err)
{
	struct writer *w;

	if (BYTE_ORDER != LITTLE_ENDIAN) {
		errno = -rs_error_set(err, RS_ERR_HOST, ENOTSUP,
				      "the binary form needs a little-endian host");
		return NULL;
	}
	w = calloc(1, sizeof(*w));
	if (w) {
		w->fd = fd;
		w->raw = raw;
		if (alloc_buffers(w))
			return w;
		rs_binary_discard(w);
	}
	errno = -rs_error_nomem(err);
	return NULL;
}

void *rs_binary_create(int fd, struct rs_error *err)
{
	return create(fd, false, err);
}

void *rs_binary_create_raw(int fd, struct rs_error *err)
{
	return create(fd, true, err);
}

void rs_binary_set_jobs(void *state, unsigned int jobs)
{
	struct writer *w = state;

	w->jobs = jobs;
}

void rs_binary_discard(void *state)
{
	struct writer *w = state;

	for (int i = 0; i < 2; i++)
		rs_worker_cancel(w->worker, &w->blocks[i].pack);
	rs_worker_free(w->worker);
	rs_packed_free(w->packed);
	rs_columns_free(w->columns);
	ZSTD_freeCCtx(w->zstd);
	rs_pending_free(&w->pending);
	rs_identity_free(w->identity);
	free(w->blocks[0].evs);
	free(w->blocks[1].evs);
	free(w->plain);
	free(w->squeezed);
	free(w->names.number);
	free(w->names.given);
	free(w->index);
	free(w);
}

static int write_bytes(struct writer *w, const void *bytes, size_t size, struct rs_error *err)
{
	w->offset += size;
	return rs_write_all(w->fd, bytes, size, err);
}

/* @b with the sizes and sums that are missing, and the payload with zeros behind it. */
static int write_block(struct writer *w, struct rs_binary_block *b, const void *payload,
		       size_t stored, struct rs_error *err)
{
	size_t padded = rs_binary_padded(stored);
	int rc;

	b->stored = (uint32_t)stored;
	b->data_sum = rs_binary_sum(payload, padded);
	b->sum = rs_binary_sum(b, offsetof(struct rs_binary_block, sum));
	rc = write_bytes(w, b, sizeof(*b), err);
	return rc ? rc : write_bytes(w, payload, padded, err);
}

/* With the identity of what was written, which is another one than the source's for a piece. */
static int write_meta(struct writer *w, const struct rs_trace_meta *meta, struct rs_error *err)
{
	struct rs_trace_meta written = *meta;
	unsigned char *bytes;
	size_t size;
	struct rs_binary_block b = { .kind = RS_BINARY_META, .first = w->nr_events };
	int rc;

	rs_identity_get(w->identity, written.identity);
	bytes = rs_binary_pack_meta(&written, &w->names, &size);
	if (!bytes)
		return rs_error_nomem(err);
	b.decoded = (uint32_t)size;
	rc = write_block(w, &b, bytes, size, err);
	free(bytes);
	return rc;
}

int rs_binary_begin(void *state, const struct rs_trace_meta *meta, struct rs_error *err)
{
	struct writer *w = state;
	struct rs_binary_header h = { .version = RS_BINARY_VERSION };
	int rc;

	w->names.whos = &meta->whos;
	memcpy(h.magic, RS_BINARY_MAGIC, sizeof(h.magic));
	h.sum = rs_binary_sum(&h, offsetof(struct rs_binary_header, sum));
	rc = write_bytes(w, &h, sizeof(h), err);
	return rc ? rc : write_meta(w, meta, err);
}

static int add_to_index(struct writer *w, const struct rs_binary_entry *entry)
{
	if (RS_ROOM(w->index, w->max_index, w->nr_index + 1))
		return -ENOMEM;
	w->index[w->nr_index++] = *entry;
	return 0;
}

static int write_payload(struct writer *w, struct rs_binary_block *h, size_t stored,
			 struct rs_error *err)
{
	unsigned char *payload = w->raw ? w->plain : w->squeezed;

	if (ZSTD_isError(stored))
		return rs_error_set(err, RS_ERR_SYSTEM, ENOMEM, "zstd: %s",
				    ZSTD_getErrorName(stored));
	memset(payload + stored, 0, rs_binary_padded(stored) - stored);
	return write_block(w, h, payload, stored, err);
}

/* Those whom @b is the first to name. */
static int write_names(struct writer *w, const struct block *b, struct rs_error *err)
{
	const size_t nr = b->nr_names - w->written_names;
	struct rs_binary_block h = { .kind = RS_BINARY_WHO,
				     .count = (uint32_t)nr,
				     .first = b->entry.first };
	unsigned char *bytes;
	size_t size;
	int rc;

	if (!nr)
		return 0;
	bytes = rs_binary_pack_names(&w->names, w->written_names, b->nr_names, &size);
	if (!bytes)
		return rs_error_nomem(err);
	w->written_names = b->nr_names;
	h.decoded = (uint32_t)size;
	rc = write_block(w, &h, bytes, size, err);
	free(bytes);
	return rc;
}

/* The block that was full, if there is one; then it is empty. */
static int write_events(struct writer *w, struct block *b, struct rs_error *err)
{
	struct rs_binary_block h = { .kind = RS_BINARY_EVENTS, .count = (uint32_t)b->nr };
	int rc;

	if (!b->nr)
		return 0;
	rs_worker_flush(w->worker, &b->pack);
	rc = write_names(w, b, err);
	if (rc)
		return rc;
	b->entry.offset = w->offset;
	b->entry.count = h.count;
	h.vms = b->entry.vms;
	h.first = b->entry.first;
	h.min_ns = b->entry.min_ns;
	h.max_ns = b->entry.max_ns;
	h.encoding = w->raw ? RS_BINARY_PACKED : RS_BINARY_ZSTD;
	h.decoded = (uint32_t)b->decoded;
	b->nr = 0;
	if (add_to_index(w, &b->entry))
		return rs_error_nomem(err);
	return write_payload(w, &h, b->stored, err);
}

/* With the first block that is full: there may be more. */
static void start_worker(struct writer *w)
{
	w->full_block = true;
	w->worker = rs_worker_new(w->jobs);
	if (w->worker && !alloc_block(w, &w->blocks[1])) {
		rs_worker_free(w->worker);
		w->worker = NULL;
	}
}

/* What is packed beside is written when the next block is full. */
static int end_block(struct writer *w, struct rs_error *err)
{
	struct block *full = &w->blocks[w->current];
	int rc;

	if (!w->full_block)
		start_worker(w);
	if (w->worker)
		w->current = !w->current;
	rc = w->worker ? write_events(w, &w->blocks[w->current], err) : 0;
	rs_worker_queue(w->worker, &full->pack);
	return rc || w->worker ? rc : write_events(w, full, err);
}

static struct rs_binary_entry new_entry(const struct writer *w, const struct rs_event *ev)
{
	return (struct rs_binary_entry){ .first = w->nr_events,
					 .min_ns = ev->time_ns,
					 .max_ns = ev->time_ns,
					 .flags = rs_pending_none(&w->pending) ? RS_BINARY_IDLE
									       : 0 };
}

/* Puts @evs into the block, with what the index says of it. */
static void add_to_block(struct block *b, const struct rs_event *evs, size_t n)
{
	memcpy(b->evs + b->nr, evs, n * sizeof(*evs));
	b->nr += n;
	rs_binary_survey(&b->entry, evs, n);
}

/* A number of the table that the file has none for so far. 0, -ENOMEM or -EINVAL: it is none. */
static RS_SELDOM int name(struct rs_binary_names *names, uint32_t given)
{
	if (given > names->whos->nr)
		return -EINVAL;
	if (RS_ROOM_ZEROED(names->number, names->max_number, (size_t)given + 1) ||
	    RS_ROOM(names->given, names->max_given, names->nr + 1))
		return -ENOMEM;
	names->given[names->nr++] = given;
	names->number[given] = (uint32_t)names->nr;
	return 0;
}

/* @ev, which has one who did it, gets the file's own number of that. As name(). */
static inline int name_event(struct rs_binary_names *names, struct rs_event *ev)
{
	const uint32_t who = rs_event_who(ev);
	int rc = 0;

	if (who >= names->max_number || !names->number[who])
		rc = name(names, who);
	if (!rc)
		ev->raw.half[1] = names->number[who];
	return rc;
}

/* Those who did the last @n events of @b. */
static int name_last(struct writer *w, struct block *b, size_t n, struct rs_error *err)
{
	struct rs_event *ev = &b->evs[b->nr - n];
	const struct rs_event *const end = ev + n;
	int rc = 0;

	for (; ev < end; ev++) {
		if (!rs_event_who(ev))
			continue;
		rc = name_event(&w->names, ev);
		if (rc)
			break;
	}
	b->nr_names = w->names.nr;
	if (rc == -EINVAL)
		return rs_error_set(err, RS_ERR_INPUT, EINVAL,
				    "event %" PRIu64 " cannot be written: nobody knows who did it",
				    b->entry.first + (uint64_t)(ev - b->evs));
	return rc ? rs_error_nomem(err) : 0;
}

/*
 * A block ends a little early where nothing is pending. Events come in pairs:
 * at one fixed number of them something might be pending always.
 */
static bool is_full(const struct writer *w, size_t nr)
{
	if (nr < RS_BINARY_BLOCK - EARLY)
		return false;
	return nr == RS_BINARY_BLOCK || rs_pending_none(&w->pending);
}

/* How many events there are before the next after which the block may be full. */
static size_t room_for(const struct block *b)
{
	return b->nr < RS_BINARY_BLOCK - EARLY ? RS_BINARY_BLOCK - EARLY - b->nr : 1;
}

/* Puts well-formed events. */
static int put_good(struct writer *w, const struct rs_event *evs, size_t n, struct rs_error *err)
{
	int rc = 0;

	while (n && !rc) {
		struct block *b = &w->blocks[w->current];
		const size_t now = n < room_for(b) ? n : room_for(b);

		if (!b->nr)
			b->entry = new_entry(w, evs);
		add_to_block(b, evs, now);
		rc = name_last(w, b, now, err);
		if (rc)
			return rc;
		if (rs_pending_note(&w->pending, evs, now))
			return rs_error_nomem(err);
		w->nr_events += now;
		rc = is_full(w, b->nr) ? end_block(w, err) : 0;
		evs += now;
		n -= now;
	}
	return rc;
}

int rs_binary_put(void *state, const struct rs_event *evs, size_t n, struct rs_error *err)
{
	const bool good = rs_events_well_formed(evs, n);
	struct writer *w = state;
	size_t nr = 0;
	int rc;

	while (nr < n && (good || !rs_event_problem(&evs[nr])))
		nr = good ? n : nr + 1;
	rs_identity_add(w->identity, evs, nr);
	rc = put_good(w, evs, nr, err);
	if (rc || nr == n)
		return rc;
	return rs_error_set(err, RS_ERR_INPUT, EINVAL, "event %" PRIu64 " cannot be written: %s",
			    w->nr_events, rs_event_problem(&evs[nr]));
}

static int write_index(struct writer *w, struct rs_error *err)
{
	struct rs_binary_block b = { .kind = RS_BINARY_INDEX,
				     .count = (uint32_t)w->nr_index,
				     .first = w->nr_events };
	size_t size = w->nr_index * sizeof(*w->index);

	/* Some 10^11 events. */
	if (size > RS_BINARY_MAX_PAYLOAD)
		return rs_error_set(err, RS_ERR_INPUT, EFBIG, "too many events for one file");
	b.decoded = (uint32_t)size;
	return write_block(w, &b, w->index, size, err);
}

static int write_trailer(struct writer *w, uint64_t meta, uint64_t index, struct rs_error *err)
{
	struct rs_binary_trailer t = { .kind = RS_BINARY_TRAILER,
				       .size = w->offset + sizeof(t),
				       .meta = meta,
				       .index = index,
				       .events = w->nr_events,
				       .blocks = w->nr_index };

	t.sum = rs_binary_sum(&t, offsetof(struct rs_binary_trailer, sum));
	return write_bytes(w, &t, sizeof(t), err);
}

/* The block that is packed beside, then the one that is not full. */
static int write_rest(struct writer *w, struct rs_error *err)
{
	struct block *last = &w->blocks[w->current];
	int rc = write_events(w, &w->blocks[!w->current], err);

	if (last->nr)
		rs_worker_queue(w->worker, &last->pack);
	return rc ? rc : write_events(w, last, err);
}

int rs_binary_finish(void *state, const struct rs_trace_meta *meta, struct rs_error *err)
{
	struct writer *w = state;
	uint64_t meta_at, index_at;
	int rc = write_rest(w, err);

	meta_at = w->offset;
	if (!rc)
		rc = write_meta(w, meta, err);
	index_at = w->offset;
	if (!rc)
		rc = write_index(w, err);
	return rc ? rc : write_trailer(w, meta_at, index_at, err);
}
