// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counting frames: each memslot is cut wherever any range begins or ends, and
 * the first frame of a piece speaks for all of it.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/common/naive_internal.h"

struct cuts {
	uint64_t *v;
	size_t n;
};

static void cut(struct cuts *c, const struct nv_slot *s, uint64_t gfn)
{
	if (gfn < s->gfn || gfn > s->gfn + s->npages)
		return;
	c->v = nv_grow(c->v, c->n, sizeof(*c->v));
	c->v[c->n++] = gfn;
}

static void cut_hva(struct cuts *c, const struct nv_slot *s, uint64_t hva)
{
	/* The end of everything, ~0, is not aligned; no memslot reaches that far. */
	if (hva >= s->hva && hva <= nv_slot_hva_end(s))
		cut(c, s, s->gfn + (hva - s->hva) / RS_PAGE_SIZE);
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void cuts_sort(struct cuts *c)
{
	if (c->n)
		qsort(c->v, c->n, sizeof(*c->v), by_value);
}

static void cut_by_views(struct cuts *c, const struct nv_slot *s, const struct nv_view *views,
			 size_t n)
{
	cut(c, s, s->gfn);
	cut(c, s, s->gfn + s->npages);
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < views[i].areas.n; j++) {
			const struct nv_area *a = &views[i].areas.v[j];

			(a->hva ? cut_hva : cut)(c, s, a->start);
			(a->hva ? cut_hva : cut)(c, s, a->end);
		}
	}
	cuts_sort(c);
}

uint64_t nv_count_blocked(const struct nv_vm *vm, const struct nv_view *views, size_t n,
			  uint64_t *blocked)
{
	uint64_t frames = 0;

	memset(blocked, 0, n * sizeof(*blocked));
	for (size_t k = 0; k < vm->nr_slots; k++) {
		const struct nv_slot *s = &vm->slots[k];
		struct cuts c = { 0 };

		frames += s->npages;
		cut_by_views(&c, s, views, n);
		for (size_t i = 0; i + 1 < c.n; i++)
			for (size_t j = 0; j < n && c.v[i] < c.v[i + 1]; j++)
				if (nv_view_rejects(&views[j], s, c.v[i]))
					blocked[j] += c.v[i + 1] - c.v[i];
		free(c.v);
	}
	return frames;
}

/* Is the host page of frame @gfn of @s mapped by another memslot, at another frame number? */
static bool aliased(const struct nv_vm *vm, const struct nv_slot *s, uint64_t gfn)
{
	uint64_t hva = s->hva + (gfn - s->gfn) * RS_PAGE_SIZE;

	for (size_t i = 0; i < vm->nr_slots; i++) {
		const struct nv_slot *t = &vm->slots[i];

		if (t == s || hva < t->hva || hva >= nv_slot_hva_end(t))
			continue;
		if (t->gfn + (hva - t->hva) / RS_PAGE_SIZE != gfn)
			return true;
	}
	return false;
}

uint64_t nv_count_aliased(const struct nv_vm *vm)
{
	uint64_t count = 0;

	for (size_t k = 0; k < vm->nr_slots; k++) {
		const struct nv_slot *s = &vm->slots[k];
		struct cuts c = { 0 };

		for (size_t i = 0; i < vm->nr_slots; i++) {
			cut_hva(&c, s, vm->slots[i].hva);
			cut_hva(&c, s, nv_slot_hva_end(&vm->slots[i]));
		}
		cuts_sort(&c);
		for (size_t i = 0; i + 1 < c.n; i++)
			if (c.v[i] < c.v[i + 1] && aliased(vm, s, c.v[i]))
				count += c.v[i + 1] - c.v[i];
		free(c.v);
	}
	return count;
}
