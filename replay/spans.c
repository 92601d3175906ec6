// SPDX-License-Identifier: GPL-2.0-only
#include "replay/spans.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * A treap over the distinct endpoints. A subtree stands for the stretch from
 * its first to its last key; coverage in it is relative to what covers the
 * stretch just before its first key. Node 0 is the empty tree. A node fills a
 * cache line: with many ranges, what a change takes is waiting for those.
 */
struct rs_spans_node {
	uint64_t key;
	uint64_t first, last; /* keys of the subtree */
	uint64_t min_length;  /* how much of the stretch is at min */
	int32_t sum;	      /* coverage behind the last key */
	int32_t min;	      /* least coverage between first and last; INT32_MAX if first = last */
	int32_t delta;	      /* ranges that start here less those that end here */
	uint32_t refs;	      /* endpoints here */
	uint32_t priority;
	uint32_t left, right;
};

#define NODE_ALIGN 64

_Static_assert(sizeof(struct rs_spans_node) == NODE_ALIGN, "a node fills a cache line");

static uint32_t next_random(struct rs_spans *s)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 17;
	s->random ^= s->random << 5;
	return s->random;
}

/* Takes a stretch of @length with coverage @cover into @t's least. */
static void take_min(struct rs_spans_node *t, int32_t cover, uint64_t length)
{
	if (cover > t->min || !length)
		return;
	if (cover < t->min)
		t->min_length = 0;
	t->min = cover;
	t->min_length += length;
}

/* Makes what node @i knows of its subtree fit its children. */
static void pull(struct rs_spans_node *n, uint32_t i)
{
	struct rs_spans_node *t = &n[i];
	const struct rs_spans_node *l = &n[t->left], *r = &n[t->right];
	int32_t cover = t->delta;

	t->min = INT32_MAX;
	t->min_length = 0;
	t->first = t->last = t->key;
	if (t->left) {
		t->first = l->first;
		t->min = l->min;
		t->min_length = l->min_length;
		take_min(t, l->sum, t->key - l->last);
		cover += l->sum;
	}
	if (t->right) {
		t->last = r->last;
		take_min(t, cover, r->first - t->key);
		if (r->min != INT32_MAX)
			take_min(t, cover + r->min, r->min_length);
		cover += r->sum;
	}
	t->sum = cover;
}

static uint32_t new_node(struct rs_spans *s, uint64_t key)
{
	uint32_t i = s->free_node;

	if (i)
		s->free_node = s->nodes[i].left;
	else
		i = ++s->nr_nodes;
	s->nodes[i] = (struct rs_spans_node){ .key = key, .priority = next_random(s) };
	return i;
}

/* One tree of two, all keys of @l below those of @r. */
static uint32_t join(struct rs_spans_node *n, uint32_t l, uint32_t r)
{
	if (!l || !r)
		return l ? l : r;
	if (n[l].priority > n[r].priority) {
		n[l].right = join(n, n[l].right, r);
		pull(n, l);
		return l;
	}
	n[r].left = join(n, l, n[r].left);
	pull(n, r);
	return r;
}

/*
 * Node @i was changed, or is above such: lifts a child that is new and has a
 * higher priority, both if need be; takes the node out if it has no endpoints.
 */
static uint32_t settle(struct rs_spans *s, uint32_t i)
{
	struct rs_spans_node *n = s->nodes;
	uint32_t l = n[i].left, r = n[i].right;
	uint32_t high = n[l].priority > n[r].priority ? l : r;

	if (!n[i].refs) {
		n[i].left = s->free_node;
		s->free_node = i;
		return join(n, l, r);
	}
	if (n[high].priority <= n[i].priority) {
		pull(n, i);
		return i;
	}
	if (high == l) {
		n[i].left = n[l].right;
		n[l].right = settle(s, i);
	} else {
		n[i].right = n[r].left;
		n[r].left = settle(s, i);
	}
	pull(n, high);
	return high;
}

/* An endpoint at @key more (@by 1) or less (-1) in subtree @i: coverage changes by @delta there. */
static uint32_t change_one(struct rs_spans *s, uint32_t i, uint64_t key, int delta, int by)
{
	struct rs_spans_node *n = s->nodes;

	if (!i)
		i = new_node(s, key);
	if (key < n[i].key) {
		n[i].left = change_one(s, n[i].left, key, delta, by);
	} else if (key > n[i].key) {
		n[i].right = change_one(s, n[i].right, key, delta, by);
	} else {
		n[i].delta += delta;
		n[i].refs += (uint32_t)by;
	}
	return settle(s, i);
}

/* Both endpoints of a range, which are mostly neighbours: one way down as far as they go together.
 */
static uint32_t change(struct rs_spans *s, uint32_t i, const struct rs_range *r, int by)
{
	struct rs_spans_node *n = s->nodes;

	if (!i)
		i = new_node(s, r->start);
	if (r->end < n[i].key) {
		n[i].left = change(s, n[i].left, r, by);
		return settle(s, i);
	}
	if (r->start > n[i].key) {
		n[i].right = change(s, n[i].right, r, by);
		return settle(s, i);
	}
	if (r->start < n[i].key)
		n[i].left = change_one(s, n[i].left, r->start, by, by);
	if (r->end > n[i].key)
		n[i].right = change_one(s, n[i].right, r->end, -by, by);
	if (r->start == n[i].key || r->end == n[i].key) {
		n[i].delta += r->start == n[i].key ? by : -by;
		n[i].refs += (uint32_t)by;
	}
	return settle(s, i);
}

/* Room for two more nodes (and node 0), so that change() cannot fail. */
static int reserve(struct rs_spans *s)
{
	uint32_t max = s->max_nodes ? 2 * s->max_nodes : 8 * RS_SPANS_SMALL;
	struct rs_spans_node *nodes;

	if (s->nr_nodes + 3 <= s->max_nodes)
		return 0;
	nodes = aligned_alloc(NODE_ALIGN, max * sizeof(*nodes));
	if (!nodes)
		return -ENOMEM;
	if (s->nodes)
		memcpy(nodes, s->nodes, s->max_nodes * sizeof(*nodes));
	else
		memset(&nodes[0], 0, sizeof(nodes[0]));
	free(s->nodes);
	s->nodes = nodes;
	s->max_nodes = max;
	return 0;
}

static int tree_add(struct rs_spans *s, const struct rs_range *r)
{
	if (reserve(s))
		return -ENOMEM;
	s->root = change(s, s->root, r, 1);
	return 0;
}

static int become_tree(struct rs_spans *s)
{
	s->root = 0;
	s->nr_nodes = 0;
	s->free_node = 0;
	s->random = 2463534242U;
	for (uint32_t i = 0; i < s->nr; i++)
		if (tree_add(s, &s->few[i]))
			return -ENOMEM;
	s->tree = true;
	return 0;
}

static void few_add(struct rs_spans *s, uint64_t start, uint64_t end)
{
	uint32_t i = s->nr++;

	for (; i && s->few[i - 1].start > start; i--)
		s->few[i] = s->few[i - 1];
	s->few[i] = (struct rs_range){ start, end };
}

/* From the end on each moves down, until the one that goes is left over. */
static void few_remove(struct rs_spans *s, uint64_t start, uint64_t end)
{
	struct rs_range over = s->few[--s->nr];

	for (uint32_t i = s->nr; i && (over.start != start || over.end != end);) {
		struct rs_range r = s->few[--i];

		s->few[i] = over;
		over = r;
	}
}

/* Apart from the usual case, which so needs no registers of its own. */
static __attribute__((noinline)) int add_to_tree(struct rs_spans *s, uint64_t start, uint64_t end)
{
	const struct rs_range r = { start, end };

	if (!s->tree && become_tree(s))
		return -ENOMEM;
	if (tree_add(s, &r))
		return -ENOMEM;
	s->nr++;
	return 0;
}

static __attribute__((noinline)) void remove_from_tree(struct rs_spans *s, uint64_t start,
						       uint64_t end)
{
	const struct rs_range r = { start, end };

	s->root = change(s, s->root, &r, -1);
	if (!--s->nr)
		s->tree = false;
}

int rs_spans_add(struct rs_spans *s, uint64_t start, uint64_t end)
{
	if (start >= end)
		return 0;
	if (s->tree || s->nr == RS_SPANS_SMALL)
		return add_to_tree(s, start, end);
	few_add(s, start, end);
	return 0;
}

void rs_spans_remove(struct rs_spans *s, uint64_t start, uint64_t end)
{
	if (start >= end)
		return;
	if (s->tree)
		remove_from_tree(s, start, end);
	else
		few_remove(s, start, end);
}

static bool tree_covers(const struct rs_spans *s, uint64_t point)
{
	const struct rs_spans_node *n = s->nodes;
	int32_t cover = 0;

	for (uint32_t i = s->root; i;) {
		if (point < n[i].key) {
			i = n[i].left;
		} else {
			cover += n[n[i].left].sum + n[i].delta;
			i = n[i].right;
		}
	}
	return cover > 0;
}

bool rs_spans_cover(const struct rs_spans *s, uint64_t point)
{
	if (s->tree)
		return tree_covers(s, point);
	for (uint32_t i = 0; i < s->nr && s->few[i].start <= point; i++)
		if (point < s->few[i].end)
			return true;
	return false;
}

struct rs_range rs_spans_hull(const struct rs_spans *s)
{
	struct rs_range hull = { 0, 0 };

	if (s->tree)
		return (struct rs_range){ s->nodes[s->root].first, s->nodes[s->root].last };
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
	const struct rs_spans_node *t;

	if (!s->tree)
		return few_length(s);
	t = &s->nodes[s->root];
	return t->last - t->first - (t->min == 0 ? t->min_length : 0);
}

void rs_spans_clear(struct rs_spans *s)
{
	s->nr = 0;
	s->tree = false;
}

void rs_spans_free(struct rs_spans *s)
{
	free(s->nodes);
	memset(s, 0, sizeof(*s));
}
