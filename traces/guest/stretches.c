// SPDX-License-Identifier: GPL-2.0-only
#include "traces/guest/stretches.h"

#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "traces/event.h"

/* One more than the last host page that there can be. */
#define ALL_PAGES (1ULL << (64 - RS_PAGE_SHIFT))

struct rs_stretch {
	uint64_t start, pages;
	int64_t memslots, distances;
	uint32_t left, right, priority;

	/* Of all below, this one included; what is owed to the two below, this one not. */
	int64_t owed_memslots, owed_distances;
	int64_t least;	    /* distances that a stretch has */
	uint64_t count[2];  /* pages with the least distances, and with one more */
	uint64_t frames[2]; /* of the memslots there */
};

static void apply(struct rs_stretches *t, uint32_t n, int64_t memslots, int64_t distances)
{
	struct rs_stretch *s = &t->nodes[n];

	if (!n)
		return;
	s->memslots += memslots;
	s->distances += distances;
	s->owed_memslots += memslots;
	s->owed_distances += distances;
	s->least += distances;
	for (int i = 0; i < 2; i++)
		s->frames[i] += s->count[i] * (uint64_t)memslots;
}

static void pay(struct rs_stretches *t, uint32_t n)
{
	struct rs_stretch *s = &t->nodes[n];

	if (!s->owed_memslots && !s->owed_distances)
		return;
	apply(t, s->left, s->owed_memslots, s->owed_distances);
	apply(t, s->right, s->owed_memslots, s->owed_distances);
	s->owed_memslots = 0;
	s->owed_distances = 0;
}

/* Takes what is below @from into the sums of @s, whose least is as low already. */
static void take_sums(struct rs_stretch *s, const struct rs_stretch *from)
{
	for (int64_t i = from->least - s->least, k = 0; i < 2 && k < 2; i++, k++) {
		s->count[i] += from->count[k];
		s->frames[i] += from->frames[k];
	}
}

static void sum_up(struct rs_stretches *t, uint32_t n)
{
	struct rs_stretch *s = &t->nodes[n];
	const struct rs_stretch *l = &t->nodes[s->left], *r = &t->nodes[s->right];
	int64_t own;

	s->least = s->distances;
	if (s->left && l->least < s->least)
		s->least = l->least;
	if (s->right && r->least < s->least)
		s->least = r->least;
	own = s->distances - s->least;
	for (int i = 0; i < 2; i++) {
		s->count[i] = i == own ? s->pages : 0;
		s->frames[i] = s->count[i] * (uint64_t)s->memslots;
	}
	if (s->left)
		take_sums(s, l);
	if (s->right)
		take_sums(s, r);
}

/* Stretches that begin below @page go to @left, the others to @right. */
static void split(struct rs_stretches *t, uint32_t n, uint64_t page, uint32_t *left,
		  uint32_t *right)
{
	if (!n) {
		*left = *right = 0;
		return;
	}
	pay(t, n);
	if (t->nodes[n].start < page) {
		*left = n;
		split(t, t->nodes[n].right, page, &t->nodes[n].right, right);
	} else {
		*right = n;
		split(t, t->nodes[n].left, page, left, &t->nodes[n].left);
	}
	sum_up(t, n);
}

static uint32_t concat(struct rs_stretches *t, uint32_t left, uint32_t right)
{
	if (!left || !right)
		return left ? left : right;
	if (t->nodes[left].priority > t->nodes[right].priority) {
		pay(t, left);
		t->nodes[left].right = concat(t, t->nodes[left].right, right);
		sum_up(t, left);
		return left;
	}
	pay(t, right);
	t->nodes[right].left = concat(t, left, t->nodes[right].left);
	sum_up(t, right);
	return right;
}

/* Gives the last stretch below @n another length, and leaves what it was then in @was. */
static void resize_last(struct rs_stretches *t, uint32_t n, uint64_t pages, struct rs_stretch *was)
{
	pay(t, n);
	if (t->nodes[n].right) {
		resize_last(t, t->nodes[n].right, pages, was);
	} else {
		*was = t->nodes[n];
		t->nodes[n].pages = pages;
	}
	sum_up(t, n);
}

static uint32_t first(const struct rs_stretches *t, uint32_t n)
{
	while (n && t->nodes[n].left)
		n = t->nodes[n].left;
	return n;
}

static uint32_t last(const struct rs_stretches *t, uint32_t n)
{
	while (t->nodes[n].right)
		n = t->nodes[n].right;
	return n;
}

/* Room for a stretch, and for the one that is there from the start. 0 or -ENOMEM. */
static int make_room(struct rs_stretches *t)
{
	uint32_t max = t->max ? 2 * t->max : 16;

	if (t->free || t->nr + 2 < t->max)
		return 0;
	if (RS_RESIZE(t->nodes, max))
		return -ENOMEM;
	t->max = max;
	return 0;
}

/* Any sequence that does not repeat soon: Marsaglia's xorshift. */
static uint32_t next_priority(struct rs_stretches *t)
{
	uint32_t x = t->seed ? t->seed : 2463534242U;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	t->seed = x;
	return x;
}

static uint32_t new_stretch(struct rs_stretches *t, uint64_t start, uint64_t pages,
			    const struct rs_stretch *like)
{
	uint32_t n = t->free ? t->free : ++t->nr;

	if (t->free)
		t->free = t->nodes[n].left;
	t->nodes[n] = (struct rs_stretch){ .start = start,
					   .pages = pages,
					   .memslots = like->memslots,
					   .distances = like->distances,
					   .priority = next_priority(t) };
	sum_up(t, n);
	return n;
}

int rs_stretches_cut(struct rs_stretches *t, uint64_t page)
{
	struct rs_stretch was = { 0 };
	uint32_t left, right;

	if (make_room(t))
		return -ENOMEM;
	if (!t->root)
		t->root = new_stretch(t, 0, ALL_PAGES, &was);
	if (!page || page >= ALL_PAGES)
		return 0;
	split(t, t->root, page, &left, &right);
	if (!right || t->nodes[first(t, right)].start != page) {
		resize_last(t, left, page - t->nodes[last(t, left)].start, &was);
		left = concat(t, left, new_stretch(t, page, was.start + was.pages - page, &was));
	}
	t->root = concat(t, left, right);
	return 0;
}

void rs_stretches_join(struct rs_stretches *t, uint64_t page)
{
	struct rs_stretch was;
	uint32_t left, at, right;

	if (!page || page >= ALL_PAGES)
		return;
	split(t, t->root, page, &left, &right);
	split(t, right, page + 1, &at, &right);
	if (at) {
		const struct rs_stretch *l = &t->nodes[last(t, left)];

		resize_last(t, left, l->pages + t->nodes[at].pages, &was);
		t->nodes[at].left = t->free;
		t->free = at;
	}
	t->root = concat(t, left, right);
}

void rs_stretches_add(struct rs_stretches *t, uint64_t start, uint64_t end, int memslots,
		      int distances)
{
	uint32_t left, middle, right;

	split(t, t->root, start, &left, &right);
	split(t, right, end, &middle, &right);
	apply(t, middle, memslots, distances);
	t->root = concat(t, concat(t, left, middle), right);
}

uint64_t rs_stretches_unaliased(const struct rs_stretches *t)
{
	const struct rs_stretch *s = t->root ? &t->nodes[t->root] : NULL;

	if (!s || s->least > 1)
		return 0;
	return s->frames[1 - s->least];
}

void rs_stretches_free(struct rs_stretches *t)
{
	free(t->nodes);
}
