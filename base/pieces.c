// SPDX-License-Identifier: GPL-2.0-only
#include "base/pieces.h"

static __attribute__((__noinline__)) void merge_closest(struct rs_pieces *p)
{
	uint64_t least = UINT64_MAX;
	uint32_t at = 0;

	for (uint32_t i = 0; i + 1 < p->nr; i++) {
		uint64_t gap = p->v[i + 1].start - p->v[i].end;

		if (gap < least) {
			least = gap;
			at = i;
		}
	}
	p->v[at].end = p->v[at + 1].end;
	if (at + 2 < p->nr)
		memmove(&p->v[at + 1], &p->v[at + 2], (p->nr - at - 2) * sizeof(p->v[0]));
	p->nr--;
}

/* Makes one of the pieces [from, to), which are some, and what is added. */
static void unite(struct rs_pieces *p, uint32_t from, uint32_t to, uint64_t start, uint64_t end)
{
	if (p->v[from].start > start)
		p->v[from].start = start;
	if (p->v[to - 1].end > end)
		end = p->v[to - 1].end;
	p->v[from].end = end;
	if (from + 1 == to)
		return;
	memmove(&p->v[from + 1], &p->v[to], (p->nr - to) * sizeof(p->v[0]));
	p->nr -= to - from - 1;
}

/* As piece @at; those from there on move up. Mostly they are one, or none. */
static void insert(struct rs_pieces *p, uint32_t at, uint64_t start, uint64_t end)
{
	for (uint32_t i = at; i < p->nr; i++) {
		uint64_t next_start = p->v[i].start, next_end = p->v[i].end;

		p->v[i].start = start;
		p->v[i].end = end;
		start = next_start;
		end = next_end;
	}
	p->v[p->nr].start = start;
	p->v[p->nr++].end = end;
}

/* What is not simply behind all others. */
static __attribute__((__noinline__)) void add_between(struct rs_pieces *p, uint32_t limit,
						      uint64_t start, uint64_t end)
{
	uint32_t from, to = p->nr;

	while (to && p->v[to - 1].start > end)
		to--;
	for (from = to; from && p->v[from - 1].end >= start; from--)
		;
	if (from != to) {
		unite(p, from, to, start, end);
		return;
	}
	insert(p, to, start, end);
	if (p->nr > limit)
		merge_closest(p);
}

void rs_pieces_add(struct rs_pieces *p, uint32_t limit, uint64_t start, uint64_t end)
{
	const uint32_t nr = p->nr;

	if (start >= end)
		return;
	if (nr == limit || (nr && p->v[nr - 1].end >= start)) {
		add_between(p, limit, start, end);
		return;
	}
	p->v[nr] = (struct rs_range){ start, end };
	p->nr = nr + 1;
}

bool rs_pieces_have(const struct rs_pieces *p, uint64_t point)
{
	for (uint32_t i = 0; i < p->nr; i++)
		if (rs_range_has(&p->v[i], point))
			return true;
	return false;
}
