// SPDX-License-Identifier: GPL-2.0-only
#include "traces/guest/ramp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

struct rs_ramp_bend {
	uint64_t below; /* pages below it */
	uint64_t rise;	/* ranges that cover what is from here on to the next one */
};

/* Of a question that was asked. All zero: that of an empty range. */
struct rs_ramp_answer {
	struct rs_range asked, below;
};

#define ANSWER_BITS 6
#define NR_ANSWERS (1U << ANSWER_BITS)

/* Room for the bends of @n ranges, the first, and the mark behind the last. */
static int make_room(struct rs_ramp *r, uint32_t n)
{
	size_t max = r->max ? r->max : 32;

	if (!r->answers)
		r->answers = malloc(NR_ANSWERS * sizeof(*r->answers));
	if (!r->answers)
		return -ENOMEM;
	while (max < 2 * (size_t)n + 2)
		max *= 2;
	if (max == r->max)
		return 0;
	if (RS_RESIZE(r->at, max) || RS_RESIZE(r->bends, max))
		return -ENOMEM;
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
	memset(r->answers, 0, NR_ANSWERS * sizeof(*r->answers));
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

static uint64_t below(const struct rs_ramp *r, uint32_t bend, uint64_t x)
{
	return r->bends[bend].below + (x - r->at[bend]) * r->bends[bend].rise;
}

static __attribute__((noinline)) struct rs_range
find_out(const struct rs_ramp *r, uint64_t start, uint64_t end, struct rs_ramp_answer *answer)
{
	uint32_t i, k;

	if (start >= end)
		return (struct rs_range){ 0, 0 };
	i = k = find(r, 0, r->nr, start);
	if (end > r->at[i + 1])
		k = find(r, i + 1, r->nr - i - 1, end);
	answer->asked = (struct rs_range){ start, end };
	answer->below = (struct rs_range){ below(r, i, start), below(r, k, end) };
	return answer->below;
}

struct rs_range rs_ramp_below(const struct rs_ramp *r, uint64_t start, uint64_t end)
{
	/* Ranges that are asked for in turn often have one of their bounds in common. */
	uint64_t hash = (3 * start + end) * 0x9e3779b97f4a7c15ULL;
	struct rs_ramp_answer *answer = &r->answers[hash >> (64 - ANSWER_BITS)];

	if (answer->asked.start == start && answer->asked.end == end)
		return answer->below;
	return find_out(r, start, end, answer);
}

void rs_ramp_free(struct rs_ramp *r)
{
	free(r->at);
	free(r->bends);
	free(r->answers);
	memset(r, 0, sizeof(*r));
}
