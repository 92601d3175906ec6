// SPDX-License-Identifier: GPL-2.0-only
#include "replay/pieces.h"

#include <string.h>

static void merge_closest(struct rs_pieces *p)
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

/* Puts @r, which is wider than they, where the pieces [from, to) are. */
static void replace(struct rs_pieces *p, uint32_t from, uint32_t to, struct rs_range r)
{
	if (to != p->nr && to != from + 1)
		memmove(&p->v[from + 1], &p->v[to], (p->nr - to) * sizeof(p->v[0]));
	p->v[from] = r;
	p->nr = p->nr - (to - from) + 1;
}

/* Where @r is not beyond all pieces. */
static __attribute__((noinline)) void add_within(struct rs_pieces *p, uint32_t limit,
						 struct rs_range r)
{
	uint32_t from = 0, to;

	while (from < p->nr && p->v[from].end < r.start)
		from++;
	for (to = from; to < p->nr && p->v[to].start <= r.end; to++)
		rs_range_widen(&r, p->v[to].start, p->v[to].end);
	replace(p, from, to, r);
	if (p->nr > limit)
		merge_closest(p);
}

void rs_pieces_add(struct rs_pieces *p, uint32_t limit, struct rs_range r)
{
	if (r.start >= r.end)
		return;
	if (p->nr == limit || (p->nr && p->v[p->nr - 1].end >= r.start)) {
		add_within(p, limit, r);
		return;
	}
	p->v[p->nr++] = r;
}

bool rs_pieces_have(const struct rs_pieces *p, uint64_t point)
{
	for (uint32_t i = 0; i < p->nr; i++)
		if (rs_range_has(&p->v[i], point))
			return true;
	return false;
}
