// SPDX-License-Identifier: GPL-2.0-only
#include "traces/ramp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct rs_ramp_bend {
	uint64_t below; /* pages below it */
	uint64_t rise;	/* ranges that cover what is from here on to the next one */
};

/* Room for the bends of @n ranges, the first, and the mark behind the last. */
static int make_room(struct rs_ramp *r, uint32_t n)
{
	size_t max = r->max ? r->max : 32;
	struct rs_ramp_bend *bends;
	uint64_t *at;

	while (max < 2 * (size_t)n + 2)
		max *= 2;
	if (max == r->max)
		return 0;
	at = reallocarray(r->at, max, sizeof(*at));
	if (!at)
		return -ENOMEM;
	r->at = at;
	bends = reallocarray(r->bends, max, sizeof(*bends));
	if (!bends)
		return -ENOMEM;
	r->bends = bends;
	r->max = (uint32_t)max;
	return 0;
}

/* From @at on, which is at or behind the last bend, the line rises by @rise. */
static void bend(struct rs_ramp *r, uint64_t at, uint64_t rise)
{
	struct rs_ramp_bend *last = &r->bends[r->nr - 1];

	if (at > r->at[r->nr - 1]) {
		last[1].below = last->below + (at - r->at[r->nr - 1]) * last->rise;
		r->at[r->nr++] = at;
		last++;
	}
	last->rise = rise;
	/* Where one range ends and the next begins the line stays straight. */
	if (r->nr > 1 && last[-1].rise == rise)
		r->nr--;
}

int rs_ramp_make(struct rs_ramp *r, const uint64_t *starts, const uint64_t *ends, uint32_t n,
		 unsigned int shift)
{
	uint32_t s = 0, e = 0;

	if (make_room(r, n))
		return -ENOMEM;
	r->at[0] = 0;
	r->bends[0] = (struct rs_ramp_bend){ 0, 0 };
	r->nr = 1;
	while (e < n) {
		uint64_t at = s < n && starts[s] < ends[e] ? starts[s] : ends[e];

		while (s < n && starts[s] == at)
			s++;
		while (e < n && ends[e] == at)
			e++;
		bend(r, at >> shift, s - e);
	}
	r->at[r->nr] = UINT64_MAX;
	return 0;
}

/* The last of @n bends from @from on that is at most @x; the first one is. */
static uint32_t find(const struct rs_ramp *r, uint32_t from, uint32_t n, uint64_t x)
{
	const uint64_t *base = r->at + from;

	while (n > 1) {
		uint32_t half = n / 2;

		base = base[half] <= x ? base + half : base;
		n -= half;
	}
	return (uint32_t)(base - r->at);
}

uint64_t rs_ramp_between(const struct rs_ramp *r, uint64_t start, uint64_t end)
{
	uint32_t i = find(r, 0, r->nr, start), k;
	uint64_t below;

	if (end <= r->at[i + 1])
		return (end - start) * r->bends[i].rise;
	below = r->bends[i].below + (start - r->at[i]) * r->bends[i].rise;
	k = find(r, i + 1, r->nr - i - 1, end);
	return r->bends[k].below + (end - r->at[k]) * r->bends[k].rise - below;
}

void rs_ramp_free(struct rs_ramp *r)
{
	free(r->at);
	free(r->bends);
	memset(r, 0, sizeof(*r));
}
