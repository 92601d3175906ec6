// SPDX-License-Identifier: GPL-2.0-only
#include "traces/dat/dat_recover.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "traces/dat/dat_bytes.h"

#define SECTION_HEAD 16U
/* The kinds of sections that there are, with room for some more. */
#define MAX_SECTION_ID 64U
#define MAX_ROWS 65536U
/* A recorder's chunks are some pages each. */
#define MAX_CHUNK_BYTES (16U << 20)
#define MAX_CHUNK_PAGES 64U

int rs_dat_recover_section(const struct rs_dat_file *f, uint64_t end, struct rs_dat_section *s,
			   struct rs_error *err)
{
	unsigned char head[SECTION_HEAD];
	uint64_t flags;
	int ret;

	s->at = s->next;
	s->begin = s->at + SECTION_HEAD;
	if (s->begin > end)
		return 0;
	ret = rs_dat_file_read(f, s->at, head, sizeof(head), err);
	if (ret)
		return ret;
	s->id = (uint16_t)rs_dat_uint(head, 2, f->swap);
	flags = rs_dat_uint(head + 2, 2, f->swap);
	s->size = rs_dat_uint(head + 8, 8, f->swap);
	if (s->id > MAX_SECTION_ID || flags & ~(uint64_t)RS_DAT_SECTION_COMPRESSED)
		return 0;
	s->compressed = flags;
	/* Its size is written when all of it is. */
	s->cut = s->size > end - s->begin || (s->id == RS_DAT_OPT_BUFFER && !s->size);
	if (s->cut)
		s->size = end - s->begin;
	s->next = s->begin + s->size;
	return 1;
}

/* ---- rows ---- */

struct rows {
	const struct rs_dat_file *f;
	const struct rs_dat_section *section;
	uint64_t end;
	struct rs_dat_cpu *v;
	size_t nr;
	struct rs_error *err;
};

static int add_row(struct rows *r, uint64_t offset, uint64_t size, bool cut)
{
	if (RS_ROOM_FOR_ONE(r->v, r->nr))
		return rs_error_nomem(r->err);
	r->v[r->nr] = (struct rs_dat_cpu){ (uint32_t)r->nr, offset, size, cut };
	r->nr++;
	return 0;
}

static uint64_t align(uint64_t at, uint32_t page_size)
{
	return (at + page_size - 1) & ~(uint64_t)(page_size - 1);
}

uint64_t rs_dat_max_chunk(uint32_t page_size)
{
	const uint64_t pages = (uint64_t)page_size * MAX_CHUNK_PAGES;

	return pages > MAX_CHUNK_BYTES ? pages : MAX_CHUNK_BYTES;
}

static bool is_packed(enum rs_dat_packing by, const unsigned char *p)
{
	if (by == RS_DAT_ZSTD)
		return !memcmp(p, "\x28\xb5\x2f\xfd", RS_DAT_CHUNK_MAGIC);
	/* zlib's two bytes: deflate, a window of at most 32 KiB, and a remainder. */
	return (p[0] & 15) == 8 && p[0] >> 4 <= 7 && (p[0] << 8 | p[1]) % 31 == 0;
}

bool rs_dat_looks_like_chunk(const struct rs_dat_file *f, const unsigned char *head,
			     uint32_t page_size, uint64_t room)
{
	const uint64_t packed = rs_dat_uint(head, 4, f->swap);
	const uint64_t plain = rs_dat_uint(head + 4, 4, f->swap);

	return packed && packed + RS_DAT_CHUNK_HEAD <= room && plain && plain % page_size == 0 &&
	       plain <= rs_dat_max_chunk(page_size) &&
	       is_packed(f->packing, head + RS_DAT_CHUNK_HEAD);
}

/* 1 if a chunk begins at *@at, which is then behind it, be it cut off; 0 if none does. */
static int pass_chunk(const struct rows *r, uint64_t *at)
{
	unsigned char head[RS_DAT_CHUNK_HEAD + RS_DAT_CHUNK_MAGIC];
	int ret;

	if (*at > r->end || r->end - *at < sizeof(head))
		return 0;
	ret = rs_dat_file_read(r->f, *at, head, sizeof(head), r->err);
	if (ret)
		return ret;
	if (!rs_dat_looks_like_chunk(r->f, head, r->f->page_size,
				     r->section->cut ? UINT64_MAX : r->end - *at))
		return 0;
	*at += RS_DAT_CHUNK_HEAD + rs_dat_uint(head, 4, r->f->swap);
	return 1;
}

/* Whether a row begins at @at: the number of its chunks, and the first of them. */
static int begins_row(const struct rows *r, uint64_t at, uint64_t *chunks)
{
	unsigned char count[RS_DAT_CHUNK_COUNT];
	int ret;

	if (r->end - at < sizeof(count))
		return 0;
	ret = rs_dat_file_read(r->f, at, count, sizeof(count), r->err);
	if (ret)
		return ret;
	*chunks = rs_dat_uint(count, sizeof(count), r->f->swap);
	at += sizeof(count);
	return *chunks ? pass_chunk(r, &at) : 0;
}

/*
 * The row at *@at, which is then behind it. Where a chunk is damaged, be it the first, it goes on
 * up to what looks like another row.
 */
static int take_packed_row(struct rows *r, uint64_t *at)
{
	const uint32_t page = r->f->page_size;
	const uint64_t first = *at;
	uint64_t chunks;
	int ret = begins_row(r, first, &chunks);

	*at += RS_DAT_CHUNK_COUNT;
	for (; ret > 0 && chunks; chunks--)
		ret = pass_chunk(r, at);
	if (!ret)
		for (*at = align(*at + 1, page); *at < r->end && !ret; *at += ret ? 0 : page)
			ret = begins_row(r, *at, &chunks);
	if (ret < 0)
		return ret;
	ret = *at > r->end || !ret;
	*at = *at > r->end ? r->end : *at;
	return add_row(r, first, *at - first - RS_DAT_CHUNK_COUNT, ret && r->section->cut);
}

static int find_packed_rows(struct rows *r)
{
	const uint32_t page = r->f->page_size;
	int ret = 0;

	for (uint64_t at = align(r->section->begin, page);
	     at + RS_DAT_CHUNK_COUNT <= r->end && !ret && r->nr < MAX_ROWS; at = align(at, page))
		ret = take_packed_row(r, &at);
	return ret;
}

/* Nothing but their times, which begin anew, tells a CPU's pages from those of the one before. */
static int find_plain_rows(struct rows *r)
{
	const uint32_t page = r->f->page_size;
	const uint64_t begin = align(r->section->begin, page);
	uint64_t first = begin, last = 0, at;
	int ret = 0;

	for (at = begin; at < r->end && r->end - at >= page && !ret && r->nr < MAX_ROWS;
	     at += page) {
		unsigned char head[16];
		uint64_t time, size;

		ret = rs_dat_file_read(r->f, at, head, sizeof(head), r->err);
		if (ret)
			break;
		time = rs_dat_uint(head, 8, r->f->swap);
		size = rs_dat_uint(head + 8, r->f->long_size, r->f->swap) & RS_DAT_COMMIT_MASK;
		if (!size || size > page)
			continue; /* no page's begin */
		if (time < last) {
			ret = add_row(r, first, at - first, false);
			first = at;
		}
		last = time;
	}
	return ret || at == first ? ret : add_row(r, first, at - first, r->section->cut);
}

/* Behind what is cut there were those CPUs that are still to come: how many may not be known. */
static int add_lost(struct rows *r, uint64_t cpus)
{
	int ret = 0;

	if (!cpus)
		cpus = r->nr + 1;
	while (!ret && r->nr < cpus && r->nr < MAX_ROWS)
		ret = add_row(r, r->end, 0, true);
	return ret;
}

int rs_dat_recover_rows(const struct rs_dat_file *f, const struct rs_dat_section *s, uint64_t cpus,
			struct rs_dat_cpu **rows, size_t *nr, struct rs_error *err)
{
	struct rows r = { .f = f, .section = s, .end = s->begin + s->size, .err = err };
	int ret = s->compressed ? find_packed_rows(&r) : find_plain_rows(&r);

	if (!ret && s->cut)
		ret = add_lost(&r, cpus);
	if (!ret)
		ret = rs_dat_damage_note(&f->repair->damage, err,
					 "a ring buffer that no option names: pages of %zu CPUs, "
					 "numbered as they stand there, at offset %" PRIu64 "%s",
					 r.nr, s->at, s->cut ? ", cut off" : "");
	*rows = r.v;
	*nr = r.nr;
	return ret;
}
