// SPDX-License-Identifier: GPL-2.0-only
#include "replay/model/span_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * A B+ tree of the distinct endpoints. What a node stands for is known where it
 * is a child, so that a change looks at nothing but the nodes on its way. A node
 * is split on the way down, before it could get too full, and goes when it is
 * empty, not before: ranges come and go all the time, so that others fill it.
 */
#define MAX_POINTS 30
#define MAX_CHILDREN 12
#define NODE_ALIGN 64

struct point {
	uint64_t key;
	int32_t delta; /* ranges that begin here less those that end here */
	uint32_t refs; /* endpoints here */
};

struct child {
	struct rs_span_sum sum;
	uint32_t node;
};

struct rs_span_node {
	union {
		struct point points[MAX_POINTS];
		struct child children[MAX_CHILDREN];
	};
	uint32_t n;
	uint32_t next_free;
	uint64_t unused[3];
};

_Static_assert(sizeof(struct rs_span_node) % NODE_ALIGN == 0, "nodes begin on cache lines");

/* ---- sums ---- */

/* A stretch of @length has coverage @cover. */
static void take_least(struct rs_span_sum *s, int32_t cover, uint64_t length)
{
	if (cover > s->least || !length)
		return;
	if (cover < s->least)
		s->least_length = 0;
	s->least = cover;
	s->least_length += length;
}

static struct rs_span_sum sum_points(const struct rs_span_node *n)
{
	const struct point *p = n->points;
	struct rs_span_sum s = { p->key, p->key, 0, p->delta, INT32_MAX };

	for (uint32_t i = 1; i < n->n; i++) {
		take_least(&s, s.sum, p[i].key - p[i - 1].key);
		s.sum += p[i].delta;
	}
	s.last = p[n->n - 1].key;
	return s;
}

static struct rs_span_sum sum_children(const struct rs_span_node *n)
{
	struct rs_span_sum s = n->children[0].sum;

	for (uint32_t i = 1; i < n->n; i++) {
		const struct rs_span_sum *c = &n->children[i].sum;

		take_least(&s, s.sum, c->first - s.last);
		if (c->least != INT32_MAX)
			take_least(&s, s.sum + c->least, c->least_length);
		s.sum += c->sum;
		s.last = c->last;
	}
	return s;
}

static struct rs_span_sum sum_up(const struct rs_span_node *n, uint32_t level)
{
	return level ? sum_children(n) : sum_points(n);
}

/* ---- nodes ---- */

/* Room to split every node on two ways down, and for a root. 0 or -ENOMEM. */
static int reserve(struct rs_span_tree *t)
{
	uint32_t need = t->nr_nodes + 2 * (t->height + 1) + 3;
	uint32_t max = t->max_nodes ? 2 * t->max_nodes : 16;
	struct rs_span_node *nodes;

	if (need <= t->max_nodes)
		return 0;
	max = max > need ? max : need;
	nodes = aligned_alloc(NODE_ALIGN, max * sizeof(*nodes));
	if (!nodes)
		return -ENOMEM;
	if (t->nodes)
		memcpy(nodes, t->nodes, (t->nr_nodes + 1) * sizeof(*nodes));
	free(t->nodes);
	t->nodes = nodes;
	t->max_nodes = max;
	return 0;
}

static uint32_t new_node(struct rs_span_tree *t)
{
	uint32_t i = t->free_node;

	if (i)
		t->free_node = t->nodes[i].next_free;
	else
		i = ++t->nr_nodes;
	t->nodes[i].n = 0;
	return i;
}

static void free_node(struct rs_span_tree *t, uint32_t i)
{
	t->nodes[i].next_free = t->free_node;
	t->free_node = i;
}

/* Whether two more might not find room. */
static bool full(const struct rs_span_node *n, uint32_t level)
{
	return n->n + 2 > (level ? MAX_CHILDREN : MAX_POINTS);
}

/* The child of @n in which @key is, or would be. */
static uint32_t find_child(const struct rs_span_node *n, uint64_t key)
{
	uint32_t i = n->n - 1;

	while (i && key < n->children[i].sum.first)
		i--;
	return i;
}

/* The first point of @n that is not below @key. */
static uint32_t find_point(const struct rs_span_node *n, uint64_t key)
{
	uint32_t lo = 0, hi = n->n;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (n->points[mid].key < key)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Child @at of @n, which is at @level, gives its upper half to a new one behind it. */
static void split_child(struct rs_span_tree *t, struct rs_span_node *n, uint32_t level, uint32_t at)
{
	uint32_t upper = new_node(t);
	struct rs_span_node *u = &t->nodes[upper], *l = &t->nodes[n->children[at].node];
	uint32_t keep = l->n / 2;

	u->n = l->n - keep;
	l->n = keep;
	if (level)
		memcpy(u->children, &l->children[keep], u->n * sizeof(u->children[0]));
	else
		memcpy(u->points, &l->points[keep], u->n * sizeof(u->points[0]));
	memmove(&n->children[at + 2], &n->children[at + 1],
		(n->n - at - 1) * sizeof(n->children[0]));
	n->n++;
	n->children[at].sum = sum_up(l, level);
	n->children[at + 1] = (struct child){ sum_up(u, level), upper };
}

/* ---- changes ---- */

/* An endpoint at @key more (@by 1) or less (-1) in a leaf: coverage changes by @delta there. */
static void change_point(struct rs_span_node *n, uint64_t key, int delta, int by)
{
	uint32_t i = find_point(n, key);
	struct point *p = &n->points[i];

	if (i < n->n && p->key == key) {
		p->delta += delta;
		p->refs += (uint32_t)by;
		if (!p->refs)
			memmove(p, p + 1, (--n->n - i) * sizeof(*p));
	} else if (by > 0) {
		memmove(p + 1, p, (n->n++ - i) * sizeof(*p));
		*p = (struct point){ key, delta, 1 };
	}
}

/* Child @at of @n, which is at @level, was changed. */
static void child_changed(struct rs_span_tree *t, struct rs_span_node *n, uint32_t level,
			  uint32_t at)
{
	struct child *c = &n->children[at];

	if (t->nodes[c->node].n) {
		c->sum = sum_up(&t->nodes[c->node], level);
		return;
	}
	free_node(t, c->node);
	memmove(c, c + 1, (--n->n - at) * sizeof(*c));
}

/* change_point() in the subtree of @n, which is at @level and has room. */
static void change_one(struct rs_span_tree *t, struct rs_span_node *n, uint32_t level, uint64_t key,
		       int delta, int by)
{
	uint32_t at;

	if (!level) {
		change_point(n, key, delta, by);
		return;
	}
	at = find_child(n, key);
	if (by > 0 && full(&t->nodes[n->children[at].node], level - 1)) {
		split_child(t, n, level - 1, at);
		at = find_child(n, key);
	}
	change_one(t, &t->nodes[n->children[at].node], level - 1, key, delta, by);
	child_changed(t, n, level - 1, at);
}

/* The children of @n, which is at @level, that are to get the endpoints of @r have room. */
static void make_room(struct rs_span_tree *t, struct rs_span_node *n, uint32_t level,
		      const struct rs_range *r)
{
	uint32_t start = find_child(n, r->start), end = find_child(n, r->end);

	if (full(&t->nodes[n->children[end].node], level - 1))
		split_child(t, n, level - 1, end);
	if (start != end && full(&t->nodes[n->children[start].node], level - 1))
		split_child(t, n, level - 1, start);
}

/* Both endpoints of a range, mostly neighbours: one way down as far as they go together. */
static void change(struct rs_span_tree *t, struct rs_span_node *n, uint32_t level,
		   const struct rs_range *r, int by)
{
	uint32_t start, end;

	if (!level) {
		change_point(n, r->start, by, by);
		change_point(n, r->end, -by, by);
		return;
	}
	if (by > 0)
		make_room(t, n, level, r);
	start = find_child(n, r->start);
	end = find_child(n, r->end);
	if (start == end) {
		change(t, &t->nodes[n->children[start].node], level - 1, r, by);
	} else {
		change_one(t, &t->nodes[n->children[start].node], level - 1, r->start, by, by);
		change_one(t, &t->nodes[n->children[end].node], level - 1, r->end, -by, by);
		child_changed(t, n, level - 1, end);
	}
	child_changed(t, n, level - 1, start);
}

/* A root above the one that is full. */
static void grow(struct rs_span_tree *t)
{
	uint32_t root = new_node(t);

	t->nodes[root].children[0] = (struct child){ t->all, t->root };
	t->nodes[root].n = 1;
	split_child(t, &t->nodes[root], t->height++, 0);
	t->root = root;
}

int rs_span_tree_add(struct rs_span_tree *t, const struct rs_range *r)
{
	if (reserve(t))
		return -ENOMEM;
	if (!t->root)
		t->root = new_node(t);
	if (full(&t->nodes[t->root], t->height))
		grow(t);
	change(t, &t->nodes[t->root], t->height, r, 1);
	t->all = sum_up(&t->nodes[t->root], t->height);
	return 0;
}

void rs_span_tree_remove(struct rs_span_tree *t, const struct rs_range *r)
{
	change(t, &t->nodes[t->root], t->height, r, -1);
	if (!t->nodes[t->root].n) {
		rs_span_tree_clear(t);
		return;
	}
	for (; t->height && t->nodes[t->root].n == 1; t->height--) {
		free_node(t, t->root);
		t->root = t->nodes[t->root].children[0].node;
	}
	t->all = sum_up(&t->nodes[t->root], t->height);
}

/* ---- questions ---- */

bool rs_span_tree_cover(const struct rs_span_tree *t, uint64_t point)
{
	const struct rs_span_node *n = &t->nodes[t->root];
	int32_t cover = 0;

	for (uint32_t level = t->height; level; level--) {
		uint32_t at = find_child(n, point);

		for (uint32_t i = 0; i < at; i++)
			cover += n->children[i].sum.sum;
		n = &t->nodes[n->children[at].node];
	}
	for (uint32_t i = 0; i < n->n && n->points[i].key <= point; i++)
		cover += n->points[i].delta;
	return cover > 0;
}

struct rs_range rs_span_tree_hull(const struct rs_span_tree *t)
{
	return (struct rs_range){ t->all.first, t->all.last };
}

uint64_t rs_span_tree_length(const struct rs_span_tree *t)
{
	return t->all.last - t->all.first - (t->all.least == 0 ? t->all.least_length : 0);
}

void rs_span_tree_clear(struct rs_span_tree *t)
{
	t->nr_nodes = t->free_node = t->root = t->height = 0;
}

void rs_span_tree_free(struct rs_span_tree *t)
{
	free(t->nodes);
	memset(t, 0, sizeof(*t));
}
