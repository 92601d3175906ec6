// SPDX-License-Identifier: GPL-2.0-only
/*
 * gfn-recent:L.R.D and hfn-recent:L.R.D, worked out from the list of invalidations: each takes
 * one of L entries while it is outstanding, or the shared one where all are taken; an entry
 * keeps R ranges; and what it holds at an end is remembered, for the last D ends.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/common/naive_internal.h"

struct entry {
	const struct nv_inval *owner; /* NULL: free. Not used for the shared one */
	struct nv_areas areas;
};

struct fold {
	const struct nv_vm *vm;
	struct nv_algo algo;
	struct entry *live; /* algo.live of them, and the shared one */
	size_t sharing;
	/* Asked for: what ended after @since, counted, and whether the page was in it. */
	uint64_t since;
	const struct nv_slot *slot;
	uint64_t gfn;
};

static struct entry *entry_of(const struct fold *f, const struct nv_inval *iv)
{
	size_t i = 0;

	while (i < f->algo.live && f->live[i].owner != iv)
		i++;
	return &f->live[i];
}

static void add(const struct fold *f, struct entry *e, struct nv_area a)
{
	if (a.start >= a.end)
		return;
	nv_add_merging(&e->areas, a);
	if (e->areas.n > f->algo.max_ranges)
		nv_merge_closest(&e->areas);
}

static void add_hit(const struct fold *f, struct entry *e, const struct nv_hit *h)
{
	struct nv_area a = { .start = h->start, .end = h->end };

	if (f->algo.kind == NV_HFN_RECENT)
		a = (struct nv_area){ .hva = true,
				      .start = h->hva,
				      .end = h->hva + (h->end - h->start) * RS_PAGE_SIZE };
	add(f, e, a);
}

static int by_as_and_gfn(const void *a, const void *b)
{
	const struct nv_hit *x = a, *y = b;

	if (x->as != y->as)
		return x->as < y->as ? -1 : 1;
	return x->start < y->start ? -1 : x->start > y->start;
}

/* A range of gfns: as it is, or in host frames as the memslots say, by their gfns. */
static void add_gfn_inval(const struct fold *f, struct entry *e, const struct nv_inval *iv)
{
	struct nv_hit *hits;

	if (f->algo.kind == NV_GFN_RECENT)
		return add(f, e, (struct nv_area){ .start = iv->start, .end = iv->end });
	if (!iv->nr_hits)
		return;
	hits = malloc(iv->nr_hits * sizeof(*hits));
	if (!hits)
		abort();
	memcpy(hits, iv->hits, iv->nr_hits * sizeof(*hits));
	qsort(hits, iv->nr_hits, sizeof(*hits), by_as_and_gfn);
	for (size_t i = 0; i < iv->nr_hits; i++)
		add_hit(f, e, &hits[i]);
	free(hits);
}

static void begin(struct fold *f, const struct nv_inval *iv)
{
	struct entry *e = entry_of(f, NULL);

	if (e < f->live + f->algo.live)
		e->owner = iv;
	else if (f->sharing++)
		return;
	e->areas.n = 0;
}

static void end(struct fold *f, const struct nv_inval *iv, size_t *ended, bool *in_page)
{
	struct entry *e = entry_of(f, iv);

	if (!iv->dropped && iv->end_pos > f->since) {
		++*ended;
		for (size_t i = 0; i < e->areas.n; i++)
			*in_page |= nv_area_has(&e->areas.v[i], f->slot, f->gfn);
	}
	if (e < f->live + f->algo.live)
		e->owner = NULL;
	else
		f->sharing--;
}

/* What happened to @iv at @pos. */
static void happen(struct fold *f, const struct nv_inval *iv, uint64_t pos, size_t *ended,
		   bool *in_page)
{
	if (iv->hit_pos == NV_NEVER)
		return;
	if (iv->hit_pos == pos) {
		begin(f, iv);
		if (iv->gfn && !iv->walk)
			add_gfn_inval(f, entry_of(f, iv), iv);
	}
	for (size_t i = 0; (!iv->gfn || iv->walk) && i < iv->nr_hits; i++)
		if (iv->hits[i].pos == pos)
			add_hit(f, entry_of(f, iv), &iv->hits[i]);
	if (iv->end_pos == pos)
		end(f, iv, ended, in_page);
}

static void sooner(uint64_t *next, uint64_t pos, uint64_t after)
{
	if (pos > after && pos < *next)
		*next = pos;
}

/* The first position after @after at which anything happened. */
static uint64_t next_pos(const struct nv_vm *vm, uint64_t after)
{
	uint64_t next = NV_NEVER;

	for (size_t i = 0; i < vm->nr_invals; i++) {
		const struct nv_inval *iv = &vm->invals[i];

		sooner(&next, iv->hit_pos, after);
		sooner(&next, iv->end_pos, after);
		for (size_t j = 0; j < iv->nr_hits; j++)
			sooner(&next, iv->hits[j].pos, after);
	}
	return next;
}

static void fold(struct fold *f, size_t *ended, bool *in_page)
{
	f->live = calloc(f->algo.live + 1, sizeof(*f->live));
	if (!f->live)
		abort();
	for (uint64_t pos = 0; (pos = next_pos(f->vm, pos)) != NV_NEVER;)
		for (size_t i = 0; i < f->vm->nr_invals; i++)
			happen(f, &f->vm->invals[i], pos, ended, in_page);
}

static void fold_free(struct fold *f)
{
	for (size_t i = 0; i <= f->algo.live; i++)
		nv_areas_free(&f->live[i].areas);
	free(f->live);
}

void nv_recent_view(struct nv_view *v, const struct nv_vm *vm, struct nv_algo algo)
{
	struct fold f = { .vm = vm, .algo = algo, .since = NV_NEVER };
	size_t ended = 0;
	bool in_page = false;

	fold(&f, &ended, &in_page);
	for (size_t i = 0; i <= algo.live; i++) {
		if (i < algo.live ? !f.live[i].owner : !f.sharing)
			continue;
		for (size_t j = 0; j < f.live[i].areas.n; j++)
			nv_area_add(&v->areas, f.live[i].areas.v[j]);
	}
	fold_free(&f);
}

bool nv_recent_ended(const struct nv_vm *vm, struct nv_algo algo, uint64_t since,
		     const struct nv_slot *s, uint64_t gfn)
{
	struct fold f = { .vm = vm, .algo = algo, .since = since, .slot = s, .gfn = gfn };
	size_t ended = 0;
	bool in_page = false;

	fold(&f, &ended, &in_page);
	fold_free(&f);
	return ended > algo.done || in_page;
}
