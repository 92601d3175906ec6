// SPDX-License-Identifier: GPL-2.0-only
#include "traces/binary/binary.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <zstd.h>

#include "base/array.h"
#include "traces/binary/columns.h"
#include "traces/binary/packed.h"
#include "traces/pending.h"
#include "traces/source.h"

/* So much of a plain file is read at once, or a block if that is more. */
#define WINDOW (256U << 10)

/*
 * The file is walked block by block from its start. Of a plain file, where any place can
 * be read, the last metadata are known from the beginning.
 */
struct binary {
	struct rs_source *src;
	struct rs_trace_meta *meta;
	bool repair;
	bool names;	 /* its version has those who did it */
	bool told;	 /* the last metadata are known already, and in them all of these */
	bool plain_file; /* of @size bytes, of which the buffer has some, from @window_at on */
	uint64_t size, window_at;
	size_t window;
	uint64_t offset; /* of what is read next */
	uint64_t nr_events, nr_blocks;
	uint64_t meta_at, index_at; /* the last ones of each kind */
	bool ended;
	struct rs_binary_entry *index; /* of the blocks seen */
	size_t max_index;
	struct rs_binary_entry *ahead; /* the index as it stands in the plain file */
	size_t nr_ahead;
	bool asked;  /* for that: somebody goes by it */
	bool passed; /* over blocks: what is pending is not known any more */
	struct rs_pending pending;
	unsigned char *buf; /* of a stream: the payload; of a plain file: the window */
	size_t max_buf;
	struct rs_event *evs; /* decoded */
	unsigned char *plain;
	struct rs_packed *packed;
	struct rs_columns *columns;
	ZSTD_DCtx *zstd;
};

static bool probe(const unsigned char *head, size_t len)
{
	return len >= 8 && !memcmp(head, RS_BINARY_MAGIC, 8);
}

static bool probe_never(const unsigned char *head, size_t len)
{
	return false;
}

static int broken(uint64_t offset, const char *what, struct rs_error *err)
{
	rs_error_set(err, RS_ERR_INPUT, EINVAL, "%s", what);
	if (err)
		err->offset = (int64_t)offset;
	return -EINVAL;
}

static int truncated(const struct binary *b, struct rs_error *err)
{
	return broken(b->offset, "the file is truncated here: it was not finished, or cut off",
		      err);
}

/* ---- bytes ---- */

static int grow_buf(struct binary *b, size_t size)
{
	if (size <= b->max_buf)
		return 0;
	/* Just that much: what follows is about as large. */
	if (RS_RESIZE(b->buf, size))
		return -ENOMEM;
	b->max_buf = size;
	return 0;
}

/* Exactly @size bytes of a stream into the buffer, from @at on. */
static int read_all(struct binary *b, size_t at, size_t size, struct rs_error *err)
{
	while (size) {
		ssize_t n = rs_source_read(b->src, b->buf + at, size, err);

		if (n < 0)
			return (int)n;
		if (!n)
			return truncated(b, err);
		at += (size_t)n;
		size -= (size_t)n;
	}
	return 0;
}

/* Of a plain file: has the @size bytes from @at on in the window. */
static int move_window(struct binary *b, uint64_t at, size_t size, struct rs_error *err)
{
	size_t want = size > WINDOW ? size : WINDOW;
	ssize_t n;

	if (at >= b->window_at && at - b->window_at <= b->window &&
	    size <= b->window - (at - b->window_at))
		return 0;
	if (at > b->size || size > b->size - at)
		return truncated(b, err);
	if (want > b->size - at)
		want = b->size - at;
	b->window = 0;
	if (grow_buf(b, want))
		return rs_error_nomem(err);
	n = rs_source_read_at(b->src, b->buf, want, at, err);
	if (n < 0)
		return (int)n;
	b->window_at = at;
	b->window = (size_t)n;
	return b->window < size ? truncated(b, err) : 0;
}

/*
 * The @size bytes behind the @skip bytes after the offset, in the buffer until the next
 * call. Of a stream memory grows only as bytes really come.
 */
static int get(struct binary *b, size_t skip, size_t size, const unsigned char **bytes,
	       struct rs_error *err)
{
	const size_t step = 1U << 20;

	if (b->plain_file) {
		int rc = move_window(b, b->offset + skip, size, err);

		*bytes = rc ? NULL : b->buf + (b->offset + skip - b->window_at);
		return rc;
	}
	for (size_t at = 0; at < size; at += step) {
		size_t n = size - at < step ? size - at : step;
		int rc = grow_buf(b, at + n) ? rs_error_nomem(err) : read_all(b, at, n, err);

		if (rc)
			return rc;
	}
	*bytes = b->buf;
	return 0;
}

/* ---- the parts of the file ---- */

/* All of them end with a sum of the bytes before it. */
static bool good_sum(const void *bytes, size_t size)
{
	uint64_t sum;

	memcpy(&sum, (const char *)bytes + size - sizeof(sum), sizeof(sum));
	return sum == rs_binary_sum(bytes, size - sizeof(sum));
}

static int read_header(struct binary *b, struct rs_error *err)
{
	struct rs_binary_header h;
	const unsigned char *bytes;
	int rc = get(b, 0, sizeof(h), &bytes, err);

	if (rc)
		return rc;
	memcpy(&h, bytes, sizeof(h));
	if (!good_sum(&h, sizeof(h)))
		return broken(0, "the header is damaged", err);
	b->names = h.version == RS_BINARY_VERSION;
	if (!b->names && h.version != RS_BINARY_OLD_VERSION)
		return rs_error_set(err, RS_ERR_INPUT, EINVAL,
				    "version %" PRIu32 " of the binary form is not known, only %u "
				    "and %u",
				    h.version, RS_BINARY_OLD_VERSION, RS_BINARY_VERSION);
	for (size_t i = 0; i < sizeof(h.zero) / sizeof(h.zero[0]); i++)
		if (h.zero[i])
			return broken(0, "the header is damaged", err);
	b->offset = sizeof(h);
	return 0;
}

static bool sane_sizes(const struct rs_binary_block *h)
{
	if (h->stored > RS_BINARY_MAX_PAYLOAD || h->decoded > RS_BINARY_MAX_PAYLOAD || h->zero)
		return false;
	switch (h->kind) {
	case RS_BINARY_EVENTS:
		if (!h->count || h->count > RS_BINARY_BLOCK)
			return false;
		if (h->encoding == RS_BINARY_PACKED)
			return h->stored == h->decoded && h->decoded <= rs_packed_bound(h->count);
		return h->encoding == RS_BINARY_ZSTD && h->decoded <= rs_columns_bound(h->count);
	case RS_BINARY_INDEX:
		return h->encoding == RS_BINARY_RAW && h->stored == h->decoded &&
		       h->decoded == h->count * sizeof(struct rs_binary_entry);
	case RS_BINARY_WHO:
		return h->encoding == RS_BINARY_RAW && h->stored == h->decoded && h->count;
	case RS_BINARY_META:
		return h->encoding == RS_BINARY_RAW && h->stored == h->decoded && !h->count;
	}
	return false;
}

/* The block at the offset: its header in @h, its payload, checked, at *@payload. */
static int read_block(struct binary *b, struct rs_binary_block *h, const unsigned char **payload,
		      struct rs_error *err)
{
	size_t padded = rs_binary_padded(h->stored);
	int rc;

	if (!sane_sizes(h) || h->first != b->nr_events)
		return broken(b->offset, "the block is none that can stand here", err);
	rc = get(b, sizeof(*h), padded, payload, err);
	if (rc)
		return rc;
	if (rs_binary_sum(*payload, padded) != h->data_sum)
		return broken(b->offset, "the block's data are damaged", err);
	b->offset += sizeof(*h) + padded;
	return 0;
}

static int use_meta(struct binary *b, const unsigned char *bytes, size_t size, uint64_t at,
		    struct rs_error *err)
{
	int rc = rs_binary_unpack_meta(bytes, size, b->meta);

	if (rc == -ENOMEM)
		return rs_error_nomem(err);
	/* An older version has nobody. */
	if (!rc && !b->names && b->meta->whos.nr)
		rc = -EINVAL;
	return rc ? broken(at, "the metadata make no sense", err) : 0;
}

/* Whom the events from here on may name; where the metadata are known from the start, so is this.
 */
static int use_names(struct binary *b, const unsigned char *bytes, const struct rs_binary_block *h,
		     uint64_t at, struct rs_error *err)
{
	int rc = b->names ? 0 : -EINVAL;

	if (!rc && !b->told)
		rc = rs_binary_unpack_names(bytes, h->stored, h->count, b->meta);
	if (rc == -ENOMEM)
		return rs_error_nomem(err);
	return rc ? broken(at, "who did it makes no sense", err) : 0;
}

static int decode_packed(struct binary *b, const struct rs_binary_block *h,
			 const unsigned char *payload)
{
	if (!b->packed)
		b->packed = rs_packed_new(RS_BINARY_BLOCK);
	return b->packed ? rs_packed_decode(b->packed, payload, h->stored, b->evs, h->count,
					    (uint32_t)b->meta->whos.nr)
			 : -ENOMEM;
}

static int decode_columns(struct binary *b, const struct rs_binary_block *h,
			  const unsigned char *payload)
{
	size_t n;

	if (!b->columns)
		b->columns = rs_columns_new(RS_BINARY_BLOCK);
	if (!b->zstd)
		b->zstd = ZSTD_createDCtx();
	if (!b->plain)
		b->plain = malloc(rs_columns_bound(RS_BINARY_BLOCK));
	if (!b->columns || !b->zstd || !b->plain)
		return -ENOMEM;
	n = ZSTD_decompressDCtx(b->zstd, b->plain, h->decoded, payload, h->stored);
	if (ZSTD_isError(n) || n != h->decoded)
		return -EINVAL;
	return rs_columns_decode(b->columns, b->plain, n, b->evs, h->count,
				 (uint32_t)b->meta->whos.nr);
}

static int decode(struct binary *b, const struct rs_binary_block *h, const unsigned char *payload)
{
	if (!b->evs)
		b->evs = malloc(RS_BINARY_BLOCK * sizeof(*b->evs));
	if (!b->evs)
		return -ENOMEM;
	return h->encoding == RS_BINARY_PACKED ? decode_packed(b, h, payload)
					       : decode_columns(b, h, payload);
}

static int note_entry(struct binary *b, const struct rs_binary_entry *e)
{
	if (RS_ROOM(b->index, b->max_index, b->nr_blocks + 1))
		return -ENOMEM;
	b->index[b->nr_blocks++] = *e;
	b->nr_events += e->count;
	return 0;
}

/* What the index must say of the block @h at @at, but for what takes a look at its events. */
static struct rs_binary_entry entry_of(const struct rs_binary_block *h, uint64_t at)
{
	return (struct rs_binary_entry){ .offset = at,
					 .first = h->first,
					 .min_ns = h->min_ns,
					 .max_ns = h->max_ns,
					 .count = h->count,
					 .vms = h->vms };
}

/*
 * Whether what the index says is held against the events: where it was asked for, since who
 * picks blocks by it could be led past others, and where a file is looked at for damage.
 * Nobody else goes by it, and to look costs 16 instructions an event and more, a tenth of what
 * replay --counts takes.
 */
static bool is_checked(const struct binary *b)
{
	return b->asked || b->repair;
}

/* Whether the index may say @told where @seen is so. That nothing is pending need not be said. */
static bool may_say(const struct binary *b, uint64_t told, uint64_t seen)
{
	if (b->passed || b->pending.given_up || !(told & RS_BINARY_IDLE))
		seen = (seen & ~RS_BINARY_IDLE) | (told & RS_BINARY_IDLE);
	return told == seen;
}

/* Completes @e by the events themselves. 1: its times and VMs are right; 0, or -ENOMEM. */
static int survey(struct binary *b, struct rs_binary_entry *e, const struct rs_event *evs)
{
	struct rs_binary_entry seen = { .min_ns = evs[0].time_ns, .max_ns = evs[0].time_ns };

	if (!b->passed && rs_pending_none(&b->pending))
		seen.flags = RS_BINARY_IDLE;
	rs_binary_survey(&seen, evs, e->count);
	e->flags = seen.flags;
	if (!b->passed && rs_pending_note(&b->pending, evs, e->count))
		return -ENOMEM;
	return e->min_ns == seen.min_ns && e->max_ns == seen.max_ns && e->vms == seen.vms;
}

/* 1: the block is what its head says of it, and the index, if somebody goes by that. */
static int as_told(struct binary *b, struct rs_binary_entry *e, const struct rs_event *evs)
{
	const int rc = survey(b, e, evs);

	if (rc <= 0 || !b->asked || b->nr_blocks >= b->nr_ahead)
		return rc;
	return may_say(b, b->ahead[b->nr_blocks].flags & RS_BINARY_FLAGS, e->flags);
}

static int use_index(struct binary *b, const unsigned char *payload, size_t nr, uint64_t at,
		     struct rs_error *err)
{
	const struct rs_binary_entry *entries = (const void *)payload;
	bool good = nr == b->nr_blocks;

	for (size_t i = 0; good && i < nr; i++)
		good = !memcmp(&entries[i], &b->index[i],
			       offsetof(struct rs_binary_entry, flags)) &&
		       !(entries[i].flags & ~RS_BINARY_FLAGS) &&
		       (!b->repair || may_say(b, entries[i].flags, b->index[i].flags));
	b->index_at = at;
	return good ? 0 : broken(at, "the index does not fit the file", err);
}

static ssize_t use_events(struct binary *b, const struct rs_binary_block *h, uint64_t at,
			  const unsigned char *payload, const struct rs_event **evs,
			  struct rs_error *err)
{
	struct rs_binary_entry e = entry_of(h, at);
	int rc = decode(b, h, payload), told = 1;

	*evs = b->evs;
	if (!rc && is_checked(b))
		told = as_told(b, &e, b->evs);
	if (!told)
		return broken(at, "the block is not what its header or the index say of it", err);
	if (rc == -ENOMEM || told < 0 || (!rc && note_entry(b, &e)))
		return rs_error_nomem(err);
	if (rc)
		return broken(at, "the block of events makes no sense", err);
	return h->count;
}

/* The trailer must close the file, and name what was found. */
static int use_trailer(struct binary *b, const struct rs_binary_trailer *t, struct rs_error *err)
{
	unsigned char more;
	ssize_t n = 0;

	if (t->size != b->offset + sizeof(*t) || t->meta != b->meta_at || t->index != b->index_at ||
	    t->events != b->nr_events || t->blocks != b->nr_blocks || t->zero || t->reserved)
		return broken(b->offset, "the trailer does not fit the file", err);
	b->offset += sizeof(*t);
	b->ended = true;
	if (!b->plain_file)
		n = rs_source_read(b->src, &more, 1, err);
	if (n < 0)
		return (int)n;
	if (n || (b->plain_file && b->size != b->offset))
		return broken(b->offset, "something follows the trailer", err);
	return 0;
}

/*
 * The next block or the trailer: both have 64 bytes, their kind first and their
 * sum last. Returns how many events there were in it; 0 for what is not events.
 */
static ssize_t step(struct binary *b, const struct rs_event **evs, struct rs_error *err)
{
	union {
		struct rs_binary_block block;
		struct rs_binary_trailer trailer;
	} u;
	uint64_t at = b->offset;
	const unsigned char *bytes;
	int rc = get(b, 0, sizeof(u), &bytes, err);

	if (rc)
		return rc;
	memcpy(&u, bytes, sizeof(u));
	if (!good_sum(&u, sizeof(u)))
		return broken(at, "the block's header is damaged", err);
	if (u.block.kind == RS_BINARY_TRAILER)
		return use_trailer(b, &u.trailer, err);
	rc = read_block(b, &u.block, &bytes, err);
	if (rc)
		return rc;
	if (u.block.kind == RS_BINARY_EVENTS)
		return use_events(b, &u.block, at, bytes, evs, err);
	if (u.block.kind == RS_BINARY_WHO)
		return use_names(b, bytes, &u.block, at, err);
	if (u.block.kind == RS_BINARY_INDEX)
		return use_index(b, bytes, u.block.count, at, err);
	b->meta_at = at;
	return use_meta(b, bytes, u.block.stored, at, err);
}

/* ---- the form ---- */

static ssize_t next(void *state, const struct rs_event **evs, struct rs_error *err)
{
	struct binary *b = state;
	ssize_t n = 0;

	while (!n && !b->ended)
		n = step(b, evs, err);
	if (n == -EINVAL && b->repair) {
		b->ended = true;
		return rs_meta_add_anomaly(b->meta, "binary-truncated", 1) ? rs_error_nomem(err)
									   : 0;
	}
	if (b->plain_file)
		rs_source_set_done(b->src, b->offset);
	return n;
}

/* Whether the plain file has all of those bytes at @at. */
static bool has_at(const struct binary *b, void *to, size_t size, uint64_t at)
{
	return at <= b->size && size <= b->size - at &&
	       rs_source_read_at(b->src, to, size, at, NULL) == (ssize_t)size;
}

/* The payload of the good block of that kind at @at in the plain file, to be freed; or NULL. */
static void *look_at(const struct binary *b, uint64_t at, uint32_t kind, struct rs_binary_block *h)
{
	unsigned char *payload;
	size_t padded;

	if (at % 8 || !has_at(b, h, sizeof(*h), at) || h->kind != kind ||
	    !good_sum(h, sizeof(*h)) || !sane_sizes(h))
		return NULL;
	padded = rs_binary_padded(h->stored);
	if (padded > b->size - at - sizeof(*h))
		return NULL;
	payload = malloc(padded ? padded : 1);
	if (payload && has_at(b, payload, padded, at + sizeof(*h)) &&
	    rs_binary_sum(payload, padded) == h->data_sum)
		return payload;
	free(payload);
	return NULL;
}

/*
 * Of a plain and finished file the last metadata and the index, before they are
 * reached. If anything is wrong with them, it is said when the walk arrives. 0 or -ENOMEM.
 */
static int look_ahead(struct binary *b, struct rs_error *err)
{
	struct rs_binary_trailer t;
	struct rs_binary_block h;
	void *payload;
	int rc;

	if (!b->plain_file || b->size < b->offset + sizeof(t) ||
	    !has_at(b, &t, sizeof(t), b->size - sizeof(t)))
		return 0;
	if (t.kind != RS_BINARY_TRAILER || !good_sum(&t, sizeof(t)) || t.size != b->size)
		return 0;
	payload = look_at(b, t.meta, RS_BINARY_META, &h);
	rc = payload ? rs_binary_unpack_meta(payload, h.stored, b->meta) : -EINVAL;
	free(payload);
	if (rc == -ENOMEM)
		return rs_error_nomem(err);
	b->told = !rc;
	payload = rc ? NULL : look_at(b, t.index, RS_BINARY_INDEX, &h);
	if (!payload || h.count != t.blocks) {
		free(payload);
		return 0;
	}
	b->ahead = payload;
	b->nr_ahead = h.count;
	return 0;
}

static struct rs_block *blocks(void *state, size_t *nr)
{
	struct binary *b = state;
	struct rs_block *list = b->nr_ahead ? calloc(b->nr_ahead, sizeof(*list)) : NULL;

	for (size_t i = 0; list && i < b->nr_ahead; i++) {
		const struct rs_binary_entry *e = &b->ahead[i];

		list[i] = (struct rs_block){ .min_ns = e->min_ns,
					     .max_ns = e->max_ns,
					     .vms = e->vms,
					     .memslots = e->flags & RS_BINARY_HAS_MEMSLOT,
					     .lost = e->flags & RS_BINARY_HAS_LOST,
					     .idle = e->flags & RS_BINARY_IDLE };
	}
	*nr = b->nr_ahead;
	b->passed |= !is_checked(b) && b->nr_blocks;
	b->asked = true;
	return list;
}

/*
 * What the index says of the blocks passed over, and that nothing is pending behind them, is
 * believed: to know it they would have to be read. The one gone on with is checked.
 */
static int skip_to(void *state, size_t block, struct rs_error *err)
{
	struct binary *b = state;

	b->passed |= b->nr_blocks < block;
	while (b->nr_blocks < block)
		if (note_entry(b, &b->ahead[b->nr_blocks]))
			return rs_error_nomem(err);
	b->ended = block == b->nr_ahead;
	if (b->ended)
		return 0;
	if (b->ahead[block].offset % 8 || b->ahead[block].offset > b->size)
		return broken(b->offset, "the index does not fit the file", err);
	b->offset = b->ahead[block].offset;
	return 0;
}

/* Up to the first metadata, where the kernel is named. */
static int open_file(struct binary *b, struct rs_error *err)
{
	const struct rs_event *evs;
	ssize_t n;
	int rc;

	b->plain_file = rs_source_is_plain(b->src, &b->size);
	rc = read_header(b, err);
	if (rc)
		return rc;
	n = step(b, &evs, err);
	if (n < 0)
		return (int)n;
	if (n || b->ended || !b->meta_at)
		return broken(sizeof(struct rs_binary_header), "metadata expected here", err);
	return look_ahead(b, err);
}

static void close_binary(void *state)
{
	struct binary *b = state;

	rs_packed_free(b->packed);
	rs_columns_free(b->columns);
	ZSTD_freeDCtx(b->zstd);
	rs_pending_free(&b->pending);
	free(b->index);
	free(b->ahead);
	free(b->buf);
	free(b->evs);
	free(b->plain);
	free(b);
}

static void *open_binary(struct rs_source *src, const struct rs_reader_opts *opts,
			 struct rs_trace_meta *meta, struct rs_error *err)
{
	struct binary *b;
	int rc;

	if (BYTE_ORDER != LITTLE_ENDIAN) {
		errno = -rs_error_set(err, RS_ERR_HOST, ENOTSUP,
				      "the binary form needs a little-endian host");
		return NULL;
	}
	b = calloc(1, sizeof(*b));
	if (!b) {
		errno = -rs_error_nomem(err);
		return NULL;
	}
	b->src = src;
	b->meta = meta;
	b->repair = opts->repair;
	rc = open_file(b, err);
	if (!rc)
		return b;
	close_binary(b);
	errno = -rc;
	return NULL;
}

const struct rs_form_ops rs_binary_ops = {
	.form = RS_FORM_BINARY,
	.probe = probe,
	.open = open_binary,
	.next = next,
	.blocks = blocks,
	.skip_to = skip_to,
	.close = close_binary,
	.create = rs_binary_create,
	.set_jobs = rs_binary_set_jobs,
	.begin = rs_binary_begin,
	.put = rs_binary_put,
	.finish = rs_binary_finish,
	.discard = rs_binary_discard,
};

const struct rs_form_ops rs_binary_raw_ops = {
	.form = RS_FORM_BINARY_RAW,
	.probe = probe_never,
	.create = rs_binary_create_raw,
	.set_jobs = rs_binary_set_jobs,
	.begin = rs_binary_begin,
	.put = rs_binary_put,
	.finish = rs_binary_finish,
	.discard = rs_binary_discard,
};
