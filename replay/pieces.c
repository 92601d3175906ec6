// SPDX-License-Identifier: GPL-2.0-only
#include "replay/pieces.h"

#include <string.h>

static __attribute__((noinline)) void merge_closest(struct rs_pieces *p)
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

/* Makes one of the pieces [from, to), which are some, and @r. */
static void unite(struct rs_pieces *p, uint32_t from, uint32_t to, struct rs_range r)
{
	rs_range_widen(&p->v[from], r.start, r.end);
	if (from + 1 == to)
		return;
	p->v[from].end = p->v[to - 1].end > r.end ? p->v[to - 1].end : r.end;
	memmove(&p->v[from + 1], &p->v[to], (p->nr - to) * sizeof(p->v[0]));
	p->nr -= to - from - 1;
}

void rs_pieces_add(struct rs_pieces *p, uint32_t limit, struct rs_range r)
{
	uint32_t from, to = p->nr;

	if (r.start >= r.end)
		return;
	while (to && p->v[to - 1].start > r.end)
		to--;
	for (from = to; from && p->v[from - 1].end >= r.start; from--)
		;
	if (from != to) {
		unite(p, from, to, r);
		return;
	}
	for (uint32_t i = p->nr++; i > to; i--)
		p->v[i] = p->v[i - 1];
	p->v[to] = r;
	if (p->nr > limit)
		merge_closest(p);
}

bool rs_pieces_have(const struct rs_pieces *p, uint64_t point)
{
	for (uint32_t i = 0; i < p->nr; i++)
		if (rs_range_has(&p->v[i], point))
			return true;
	return false;
}
