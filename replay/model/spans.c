// SPDX-License-Identifier: GPL-2.0-only
#include "replay/model/spans.h"

#include <errno.h>
#include <string.h>

static void few_add(struct rs_spans *s, uint64_t start, uint64_t end)
{
	uint32_t i = s->nr++;

	for (; i && s->few[i - 1].start > start; i--)
		s->few[i] = s->few[i - 1];
	s->few[i] = (struct rs_range){ start, end };
}

static void few_remove(struct rs_spans *s, uint64_t start, uint64_t end)
{
	uint32_t i = s->nr;

	while (i && (s->few[i - 1].start != start || s->few[i - 1].end != end))
		i--;
	if (!i)
		return;
	for (; i < s->nr; i++)
		s->few[i - 1] = s->few[i];
	s->nr--;
}

/* Apart from the usual case, which so needs no registers of its own. */
static __attribute__((noinline)) int add_to_tree(struct rs_spans *s, uint64_t start, uint64_t end)
{
	const struct rs_range r = { start, end };

	for (uint32_t i = 0; !s->many && i < s->nr; i++) {
		if (rs_span_tree_add(&s->tree, &s->few[i])) {
			rs_span_tree_clear(&s->tree);
			return -ENOMEM;
		}
	}
	s->many = true;
	if (rs_span_tree_add(&s->tree, &r))
		return -ENOMEM;
	s->nr++;
	return 0;
}

static __attribute__((noinline)) void remove_from_tree(struct rs_spans *s, uint64_t start,
						       uint64_t end)
{
	const struct rs_range r = { start, end };

	rs_span_tree_remove(&s->tree, &r);
	if (!--s->nr)
		s->many = false;
}

int rs_spans_add(struct rs_spans *s, uint64_t start, uint64_t end)
{
	if (start >= end)
		return 0;
	if (s->many || s->nr == RS_SPANS_SMALL)
		return add_to_tree(s, start, end);
	few_add(s, start, end);
	return 0;
}

void rs_spans_remove(struct rs_spans *s, uint64_t start, uint64_t end)
{
	if (start >= end)
		return;
	if (s->many)
		remove_from_tree(s, start, end);
	else
		few_remove(s, start, end);
}

bool rs_spans_cover(const struct rs_spans *s, uint64_t point)
{
	if (s->many)
		return rs_span_tree_cover(&s->tree, point);
	for (uint32_t i = 0; i < s->nr && s->few[i].start <= point; i++)
		if (point < s->few[i].end)
			return true;
	return false;
}

struct rs_range rs_spans_hull(const struct rs_spans *s)
{
	struct rs_range hull = { 0, 0 };

	if (s->many)
		return rs_span_tree_hull(&s->tree);
	for (uint32_t i = 0; i < s->nr; i++)
		rs_range_widen(&hull, s->few[i].start, s->few[i].end);
	return hull;
}

static uint64_t few_length(const struct rs_spans *s)
{
	uint64_t length = 0, at = 0;

	for (uint32_t i = 0; i < s->nr; i++) {
		uint64_t from = s->few[i].start > at ? s->few[i].start : at;

		if (s->few[i].end <= from)
			continue;
		at = s->few[i].end;
		length += at - from;
	}
	return length;
}

uint64_t rs_spans_length(const struct rs_spans *s)
{
	return s->many ? rs_span_tree_length(&s->tree) : few_length(s);
}

void rs_spans_clear(struct rs_spans *s)
{
	s->nr = 0;
	s->many = false;
	rs_span_tree_clear(&s->tree);
}

void rs_spans_free(struct rs_spans *s)
{
	rs_span_tree_free(&s->tree);
	memset(s, 0, sizeof(*s));
}
