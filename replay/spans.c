// SPDX-License-Identifier: GPL-2.0-only
#include "replay/spans.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * A treap over the distinct endpoints. A subtree stands for the stretch from
 * its first to its last key; coverage in it is relative to what covers the
 * stretch just before its first key. Node 0 is the empty tree.
 */
struct rs_spans_node {
	uint64_t key;
	uint64_t first, last; /* keys of the subtree */
	uint64_t min_length;  /* how much of the stretch is at min */
	int64_t sum;	      /* coverage behind the last key */
	int64_t min;	      /* least coverage between first and last; INT64_MAX if first = last */
	int64_t delta;	      /* ranges that start here less those that end here */
	uint32_t refs;	      /* endpoints here */
	uint32_t priority;
	uint32_t left, right;
};

static uint32_t next_random(struct rs_spans *s)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 17;
	s->random ^= s->random << 5;
	return s->random;
}

/* Takes a stretch of @length with coverage @cover into (*min, *min_length). */
static void take_min(int64_t *min, uint64_t *min_length, int64_t cover, uint64_t length)
{
	if (cover > *min || !length)
		return;
	if (cover < *min)
		*min_length = 0;
	*min = cover;
	*min_length += length;
}

static void pull(struct rs_spans_node *n, uint32_t i)
{
	struct rs_spans_node *t = &n[i];
	const struct rs_spans_node *l = &n[t->left], *r = &n[t->right];
	int64_t cover = 0;

	t->min = INT64_MAX;
	t->min_length = 0;
	t->first = t->left ? l->first : t->key;
	t->last = t->right ? r->last : t->key;
	if (t->left) {
		cover = l->sum;
		if (l->min != INT64_MAX)
			take_min(&t->min, &t->min_length, l->min, l->min_length);
		take_min(&t->min, &t->min_length, cover, t->key - l->last);
	}
	cover += t->delta;
	if (t->right) {
		take_min(&t->min, &t->min_length, cover, r->first - t->key);
		if (r->min != INT64_MAX)
			take_min(&t->min, &t->min_length, cover + r->min, r->min_length);
		cover += r->sum;
	}
	t->sum = cover;
}

static uint32_t rotate_right(struct rs_spans_node *n, uint32_t i)
{
	uint32_t l = n[i].left;

	n[i].left = n[l].right;
	n[l].right = i;
	pull(n, i);
	pull(n, l);
	return l;
}

static uint32_t rotate_left(struct rs_spans_node *n, uint32_t i)
{
	uint32_t r = n[i].right;

	n[i].right = n[r].left;
	n[r].left = i;
	pull(n, i);
	pull(n, r);
	return r;
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

/* Adds @delta and @refs (+1, -1) at @key in subtree @i; an endpoint without refs leaves. */
static uint32_t change(struct rs_spans *s, uint32_t i, uint64_t key, int delta, int refs)
{
	struct rs_spans_node *n = s->nodes;

	if (!i)
		i = new_node(s, key);
	if (key < n[i].key) {
		n[i].left = change(s, n[i].left, key, delta, refs);
		if (n[i].left && n[n[i].left].priority > n[i].priority)
			return rotate_right(n, i);
	} else if (key > n[i].key) {
		n[i].right = change(s, n[i].right, key, delta, refs);
		if (n[i].right && n[n[i].right].priority > n[i].priority)
			return rotate_left(n, i);
	} else {
		n[i].delta += delta;
		n[i].refs += (uint32_t)refs;
	}
	pull(n, i);
	return i;
}

/* Takes the node with @key out of subtree @i. */
static uint32_t drop(struct rs_spans *s, uint32_t i, uint64_t key)
{
	struct rs_spans_node *n = s->nodes;

	if (key < n[i].key) {
		n[i].left = drop(s, n[i].left, key);
	} else if (key > n[i].key) {
		n[i].right = drop(s, n[i].right, key);
	} else if (!n[i].left || !n[i].right) {
		uint32_t child = n[i].left ? n[i].left : n[i].right;

		n[i].left = s->free_node;
		s->free_node = i;
		return child;
	} else if (n[n[i].left].priority > n[n[i].right].priority) {
		i = rotate_right(n, i);
		n[i].right = drop(s, n[i].right, key);
	} else {
		i = rotate_left(n, i);
		n[i].left = drop(s, n[i].left, key);
	}
	pull(n, i);
	return i;
}

/* Room for two more nodes (and node 0), so that change() cannot fail. */
static int reserve(struct rs_spans *s)
{
	struct rs_spans_node *nodes;
	uint32_t max = s->max_nodes ? 2 * s->max_nodes : 8 * RS_SPANS_SMALL;

	if (s->nr_nodes + 3 <= s->max_nodes)
		return 0;
	nodes = realloc(s->nodes, max * sizeof(*nodes));
	if (!nodes)
		return -ENOMEM;
	memset(&nodes[0], 0, sizeof(nodes[0]));
	s->nodes = nodes;
	s->max_nodes = max;
	return 0;
}

static int tree_add(struct rs_spans *s, uint64_t start, uint64_t end)
{
	if (reserve(s))
		return -ENOMEM;
	s->root = change(s, s->root, start, 1, 1);
	s->root = change(s, s->root, end, -1, 1);
	return 0;
}

static uint32_t refs_at(const struct rs_spans *s, uint64_t key)
{
	uint32_t i = s->root;

	while (i && s->nodes[i].key != key)
		i = key < s->nodes[i].key ? s->nodes[i].left : s->nodes[i].right;
	return i ? s->nodes[i].refs : 0;
}

static void tree_remove_endpoint(struct rs_spans *s, uint64_t key, int delta)
{
	if (refs_at(s, key) > 1)
		s->root = change(s, s->root, key, delta, -1);
	else
		s->root = drop(s, s->root, key);
}

static int become_tree(struct rs_spans *s)
{
	s->root = 0;
	s->nr_nodes = 0;
	s->free_node = 0;
	s->random = 2463534242U;
	for (uint32_t i = 0; i < s->nr; i++)
		if (tree_add(s, s->few[i].start, s->few[i].end))
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
	if (!s->tree && become_tree(s))
		return -ENOMEM;
	if (tree_add(s, start, end))
		return -ENOMEM;
	s->nr++;
	return 0;
}

static __attribute__((noinline)) void remove_from_tree(struct rs_spans *s, uint64_t start,
						       uint64_t end)
{
	tree_remove_endpoint(s, start, -1);
	tree_remove_endpoint(s, end, 1);
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
	int64_t cover = 0;

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
