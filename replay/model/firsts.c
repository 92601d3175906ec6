// SPDX-License-Identifier: GPL-2.0-only
#include "replay/model/firsts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

#define NONE UINT32_MAX

/* 2^length points from @start on. */
struct rs_firsts_block {
	uint64_t start;
	uint32_t top; /* of its heap, or NONE */
	uint8_t set, length;
};

/* Of a skew heap: no number below it is lower. */
struct rs_firsts_member {
	uint64_t number;
	uint32_t tag;
	uint32_t left, right;
};

/* ---- heaps ---- */

/* Of two heaps one. The way down goes where the last one did not. */
static uint32_t merge(struct rs_firsts_member *m, uint32_t a, uint32_t b)
{
	uint32_t top, *at = &top;

	while (a != NONE && b != NONE) {
		const uint32_t low = m[a].number <= m[b].number ? a : b;
		const uint32_t right = m[low].right;

		b = low == a ? b : a;
		a = right;
		m[low].right = m[low].left;
		*at = low;
		at = &m[low].left;
	}
	*at = a != NONE ? a : b;
	return top;
}

static int push(struct rs_firsts *f, struct rs_firsts_block *b, uint64_t number, uint32_t tag)
{
	if (f->nr_members == NONE || RS_ROOM(f->members, f->max_members, f->nr_members + 1))
		return -ENOMEM;
	f->members[f->nr_members] = (struct rs_firsts_member){ number, tag, NONE, NONE };
	b->top = merge(f->members, b->top, (uint32_t)f->nr_members++);
	return 0;
}

/* ---- blocks ---- */

struct place {
	const struct rs_firsts *f;
	uint64_t start;
	unsigned int set, length;
};

static bool is_place(const void *arg, uint32_t n)
{
	const struct place *p = arg;
	const struct rs_firsts_block *b = &p->f->blocks[n];

	return b->start == p->start && b->set == p->set && b->length == p->length;
}

static uint64_t hash_place(const struct place *p)
{
	return rs_hash_number(p->start ^ rs_hash_number(64ULL * p->set + p->length));
}

static struct rs_firsts_block *find_block(const struct place *p)
{
	const uint32_t n = rs_hash_find(&p->f->by_place, hash_place(p), is_place, p);

	return n == RS_HASH_NONE ? NULL : &p->f->blocks[n];
}

static struct rs_firsts_block *add_block(struct rs_firsts *f, const struct place *p)
{
	if (f->nr_blocks == RS_HASH_NONE || RS_ROOM(f->blocks, f->max_blocks, f->nr_blocks + 1) ||
	    rs_hash_add(&f->by_place, hash_place(p), (uint32_t)f->nr_blocks))
		return NULL;
	f->lengths[p->set] |= 1ULL << p->length;
	f->blocks[f->nr_blocks] = (struct rs_firsts_block){
		.start = p->start, .top = NONE, .set = (uint8_t)p->set, .length = (uint8_t)p->length
	};
	return &f->blocks[f->nr_blocks++];
}

/* The longest block that begins where @r, which is not empty, does and lies within it. */
static unsigned int first_length(struct rs_range r)
{
	const unsigned int longest = 63 - (unsigned int)__builtin_clzll(r.end - r.start);
	const unsigned int aligned = r.start ? (unsigned int)__builtin_ctzll(r.start) : 63;

	return longest < aligned ? longest : aligned;
}

int rs_firsts_add(struct rs_firsts *f, unsigned int set, struct rs_range r, uint64_t number,
		  uint32_t tag)
{
	int n = 0;

	for (; r.start < r.end; n++) {
		const struct place p = { f, r.start, set, first_length(r) };
		struct rs_firsts_block *b = find_block(&p);

		if (!b)
			b = add_block(f, &p);
		if (!b || push(f, b, number, tag))
			return -ENOMEM;
		r.start += 1ULL << p.length;
	}
	return n;
}

uint64_t rs_firsts_find(struct rs_firsts *f, unsigned int set, uint64_t point,
			bool (*gone)(const void *arg, uint64_t number, uint32_t tag),
			const void *arg, uint32_t *tag)
{
	struct rs_firsts_member *m = f->members;
	uint64_t first = 0;

	for (uint64_t lengths = f->lengths[set]; lengths; lengths &= lengths - 1) {
		const unsigned int length = (unsigned int)__builtin_ctzll(lengths);
		const struct place p = { f, point >> length << length, set, length };
		struct rs_firsts_block *b = find_block(&p);

		if (!b)
			continue;
		while (b->top != NONE && gone(arg, m[b->top].number, m[b->top].tag))
			b->top = merge(m, m[b->top].left, m[b->top].right);
		if (b->top == NONE || (first && m[b->top].number >= first))
			continue;
		first = m[b->top].number;
		*tag = m[b->top].tag;
	}
	return first;
}

size_t rs_firsts_bytes(const struct rs_firsts *f)
{
	return f->max_members * sizeof(*f->members) + f->max_blocks * sizeof(*f->blocks) +
	       f->by_place.size * sizeof(*f->by_place.places);
}

void rs_firsts_clear(struct rs_firsts *f)
{
	rs_hash_free(&f->by_place);
	f->nr_blocks = f->nr_members = 0;
	memset(f->lengths, 0, sizeof(f->lengths));
}

void rs_firsts_free(struct rs_firsts *f)
{
	rs_hash_free(&f->by_place);
	free(f->blocks);
	free(f->members);
	memset(f, 0, sizeof(*f));
}
