// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include <zstd.h>

#include "tests/fuzz/fuzz_reader.h"
#include "traces/binary/binary.h"
#include "traces/binary/columns.h"
#include "traces/binary/packed.h"
#include "traces/pending.h"

/*
 * A binary trace behind a byte of how to go through it, of which every sum is made
 * right first: so what is changed reaches what reads it. Blocks are changed as blocks,
 * and what is compressed below the compression.
 */
#define MAX_BLOCKS 64
#define MAX_PLAIN (1U << 16)

struct place {
	size_t at, size; /* of a block, with its head */
};

static void seal(unsigned char *part, size_t size)
{
	const uint64_t sum = rs_binary_sum(part, size - sizeof(sum));

	memcpy(part + size - sizeof(sum), &sum, sizeof(sum));
}

static struct rs_binary_block head_at(const unsigned char *file, size_t at)
{
	struct rs_binary_block h;

	memcpy(&h, file + at, sizeof(h));
	return h;
}

/* As far as blocks follow each other; *@end is where they end. */
static size_t find_blocks(const unsigned char *file, size_t size, struct place *blocks, size_t *end)
{
	size_t nr = 0, at = sizeof(struct rs_binary_header);

	while (nr < MAX_BLOCKS && at + sizeof(struct rs_binary_block) <= size) {
		const struct rs_binary_block h = head_at(file, at);
		const size_t padded = rs_binary_padded(h.stored);

		if (h.kind == RS_BINARY_TRAILER || padded > size - at - sizeof(h))
			break;
		blocks[nr++] = (struct place){ at, sizeof(h) + padded };
		at += sizeof(h) + padded;
	}
	*end = at;
	return nr;
}

/* The trailer is where it must be. */
static void seal_all(unsigned char *file, size_t size)
{
	struct place blocks[MAX_BLOCKS];
	size_t end, nr;

	if (size < sizeof(struct rs_binary_header) + sizeof(struct rs_binary_trailer))
		return;
	seal(file, sizeof(struct rs_binary_header));
	nr = find_blocks(file, size, blocks, &end);
	for (size_t i = 0; i < nr; i++) {
		struct rs_binary_block h = head_at(file, blocks[i].at);

		h.data_sum =
			rs_binary_sum(file + blocks[i].at + sizeof(h), blocks[i].size - sizeof(h));
		memcpy(file + blocks[i].at, &h, sizeof(h));
		seal(file + blocks[i].at, sizeof(h));
	}
	seal(file + size - sizeof(struct rs_binary_trailer), sizeof(struct rs_binary_trailer));
}

/* ---- changes ---- */

struct room {
	uint8_t *file;
	size_t size, max;
};

/* Puts @len bytes in the place of @old; nothing is done if they do not fit. */
static void put(struct room *f, struct place old, const void *bytes, size_t len)
{
	const size_t behind = old.at + old.size;

	if (f->size - old.size + len > f->max)
		return;
	memmove(f->file + old.at + len, f->file + behind, f->size - behind);
	if (len)
		memcpy(f->file + old.at, bytes, len);
	f->size = f->size - old.size + len;
}

static void put_block(struct room *f, struct place old, struct rs_binary_block *h,
		      const void *payload, size_t stored)
{
	const size_t padded = rs_binary_padded(stored);
	unsigned char *bytes = calloc(1, sizeof(*h) + padded);

	check(bytes != NULL);
	h->stored = (uint32_t)stored;
	memcpy(bytes, h, sizeof(*h));
	memcpy(bytes + sizeof(*h), payload, stored);
	put(f, old, bytes, sizeof(*h) + padded);
	free(bytes);
}

/* A number of 1, 2, 4 or 8 bytes, at its place. */
static size_t change_number(uint8_t *bytes, size_t size, struct fuzz_random *r)
{
	const size_t width = (size_t)1 << fuzz_below(r, 4);
	const uint64_t v = fuzz_number(r);
	size_t at;

	if (size < 8 || !fuzz_below(r, 4))
		return LLVMFuzzerMutate(bytes, size, size);
	at = fuzz_below(r, size / width) * width;
	if (fuzz_below(r, 2))
		memcpy(bytes + at, &v, width);
	else
		bytes[at] += (uint8_t)(fuzz_below(r, 2) ? 1 : -1);
	return size;
}

static void change_packed(struct room *f, struct place b, struct rs_binary_block *h,
			  struct fuzz_random *r)
{
	uint8_t *plain = malloc(MAX_PLAIN), *again = malloc(ZSTD_compressBound(MAX_PLAIN));
	size_t size;

	check(plain && again);
	size = ZSTD_decompress(plain, MAX_PLAIN, f->file + b.at + sizeof(*h), h->stored);
	if (!ZSTD_isError(size) && size) {
		for (unsigned int n = 1 + fuzz_below(r, 4); n; n--)
			size = change_number(plain, size, r);
		if (fuzz_below(r, 8))
			h->decoded = (uint32_t)size;
		size = ZSTD_compress(again, ZSTD_compressBound(MAX_PLAIN), plain, size, 1);
		if (!ZSTD_isError(size))
			put_block(f, b, h, again, size);
	}
	free(plain);
	free(again);
}

static void change_block(struct room *f, struct place b, struct fuzz_random *r)
{
	struct rs_binary_block h = head_at(f->file, b.at);

	if (h.encoding == RS_BINARY_ZSTD)
		change_packed(f, b, &h, r);
	else if (h.stored)
		change_number(f->file + b.at + sizeof(h), h.stored, r);
}

static void change_head(struct room *f, struct place b, struct fuzz_random *r)
{
	const size_t fields[] = { 0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44 };
	const uint32_t v = (uint32_t)fuzz_number(r);

	memcpy(f->file + b.at + fields[fuzz_below(r, 12)], &v, 1 + fuzz_below(r, 4));
}

static void copy_block(struct room *f, struct place from, size_t to)
{
	uint8_t *copy = malloc(from.size);

	check(copy != NULL);
	memcpy(copy, f->file + from.at, from.size);
	put(f, (struct place){ to, 0 }, copy, from.size);
	free(copy);
}

/*
 * Has the head and the index say what is in a block, if it can be told; @pending is of those
 * before it.
 */
static void survey(struct rs_binary_block *h, const uint8_t *payload, struct rs_binary_entry *e,
		   struct rs_pending *pending)
{
	static struct rs_columns *columns;
	static struct rs_packed *packed;
	static struct rs_event evs[RS_BINARY_BLOCK];
	static _Alignas(8) uint8_t plain[MAX_PLAIN]; /* as in a file */
	size_t n;
	int rc = -EINVAL;

	if (!columns) {
		columns = rs_columns_new(RS_BINARY_BLOCK);
		packed = rs_packed_new(RS_BINARY_BLOCK);
	}
	check(columns && packed);
	if (!h->count || h->count > RS_BINARY_BLOCK || h->stored > sizeof(plain))
		return;
	if (h->encoding == RS_BINARY_PACKED) {
		memcpy(plain, payload, h->stored);
		rc = rs_packed_decode(packed, plain, h->stored, evs, h->count, UINT32_MAX);
	} else {
		n = ZSTD_decompress(plain, sizeof(plain), payload, h->stored);
		if (!ZSTD_isError(n))
			rc = rs_columns_decode(columns, plain, n, evs, h->count, UINT32_MAX);
	}
	if (rc)
		return;
	*e = (struct rs_binary_entry){ .min_ns = evs[0].time_ns, .max_ns = evs[0].time_ns };
	if (rs_pending_none(pending))
		e->flags |= RS_BINARY_IDLE;
	check(!rs_pending_note(pending, evs, h->count));
	rs_binary_survey(e, evs, h->count);
	h->min_ns = e->min_ns;
	h->max_ns = e->max_ns;
	h->vms = e->vms;
}

/* Makes heads, index and trailer say again what there is. */
static void mend(struct room *f)
{
	struct rs_binary_entry entries[MAX_BLOCKS], e;
	struct rs_binary_trailer t = { .kind = RS_BINARY_TRAILER };
	struct place blocks[MAX_BLOCKS], index = { 0 };
	size_t end, nr = find_blocks(f->file, f->size, blocks, &end);
	struct rs_pending pending = { 0 };

	for (size_t i = 0; i < nr; i++) {
		struct rs_binary_block h = head_at(f->file, blocks[i].at);

		if (h.kind == RS_BINARY_META)
			t.meta = blocks[i].at;
		if (h.kind == RS_BINARY_INDEX) {
			t.index = blocks[i].at;
			index = blocks[i];
		}
		if (h.kind != RS_BINARY_EVENTS)
			continue;
		h.first = t.events;
		e = (struct rs_binary_entry){ .min_ns = h.min_ns,
					      .max_ns = h.max_ns,
					      .vms = h.vms };
		survey(&h, f->file + blocks[i].at + sizeof(h), &e, &pending);
		memcpy(f->file + blocks[i].at, &h, sizeof(h));
		e.offset = blocks[i].at;
		e.first = h.first;
		e.count = h.count;
		entries[t.blocks++] = e;
		t.events += h.count;
	}
	rs_pending_free(&pending);
	if (index.size) {
		struct rs_binary_block h = head_at(f->file, index.at);

		h.count = (uint32_t)t.blocks;
		h.decoded = (uint32_t)(t.blocks * sizeof(entries[0]));
		h.encoding = RS_BINARY_RAW;
		put_block(f, index, &h, entries, h.decoded);
	}
	if (f->size < sizeof(t))
		return;
	t.size = f->size;
	memcpy(f->file + f->size - sizeof(t), &t, sizeof(t));
}

static void change(struct room *f, struct fuzz_random *r)
{
	struct place blocks[MAX_BLOCKS], a;
	size_t end, nr = find_blocks(f->file, f->size, blocks, &end);

	if (!nr || !fuzz_below(r, 12)) {
		f->size = LLVMFuzzerMutate(f->file, f->size, f->max);
		return;
	}
	a = blocks[fuzz_below(r, nr)];
	switch (fuzz_below(r, 8)) {
	case 0:
		change_head(f, a, r);
		return;
	case 1:
		copy_block(f, a, blocks[fuzz_below(r, nr)].at);
		break;
	case 2:
		put(f, a, NULL, 0);
		break;
	case 3:
		if (f->size > sizeof(struct rs_binary_trailer))
			change_number(f->file + f->size - sizeof(struct rs_binary_trailer),
				      sizeof(struct rs_binary_trailer), r);
		return;
	default:
		change_block(f, a, r);
	}
	if (fuzz_below(r, 8))
		mend(f);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	struct fuzz_random r = { seed };
	struct room f = { data + 1, size - 1, max - 1 };

	if (size < 2)
		return LLVMFuzzerMutate(data, size, max);
	if (!fuzz_below(&r, 8))
		data[0] = (uint8_t)fuzz_random(&r);
	for (unsigned int n = 1 + fuzz_below(&r, 3); n && f.size; n--)
		change(&f, &r);
	return f.size + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct rs_reader_opts repair = { .jobs = 1, .repair = true };
	unsigned char *file;
	struct fuzz_piece piece;
	const char *path;

	if (size < 2)
		return 0;
	file = malloc(size - 1);
	check(file != NULL);
	memcpy(file, data + 1, size - 1);
	seal_all(file, size - 1);
	piece = (struct fuzz_piece){ file, size - 1 };
	path = fuzz_file(0, &piece, 1);
	if (data[0] & 0x80)
		fuzz_read(path, data[0] & 0x40 ? &repair : NULL, data[0]);
	else
		fuzz_seek(path, data[0]);
	free(file);
	return 0;
}
