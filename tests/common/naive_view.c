// SPDX-License-Identifier: GPL-2.0-only
/* What an algorithm rejects at one moment, and why: worked out from the list of invalidations. */
#include <stdlib.h>
#include <string.h>

#include "tests/common/naive_internal.h"

void *nv_grow(void *array, size_t n, size_t size)
{
	/* Doubles whenever @n, the number of elements in use, is a power of two. */
	if (n & (n - 1))
		return array;
	array = realloc(array, (n ? 2 * n : 1) * size);
	if (!array)
		abort();
	return array;
}

void nv_area_add(struct nv_areas *as, struct nv_area a)
{
	as->v = nv_grow(as->v, as->n, sizeof(a));
	as->v[as->n++] = a;
}

void nv_areas_free(struct nv_areas *as)
{
	free(as->v);
	memset(as, 0, sizeof(*as));
}

uint64_t nv_slot_hva_end(const struct nv_slot *s)
{
	return s->hva + s->npages * RS_PAGE_SIZE;
}

static uint64_t hva_of(const struct nv_slot *s, uint64_t gfn)
{
	return s->hva + (gfn - s->gfn) * RS_PAGE_SIZE;
}

bool nv_outstanding(const struct nv_inval *iv)
{
	return iv->end_pos == NV_NEVER;
}

bool nv_dropped(const struct nv_inval *iv)
{
	return iv->dropped && !nv_outstanding(iv);
}

bool nv_area_has(const struct nv_area *a, const struct nv_slot *s, uint64_t gfn)
{
	uint64_t at = a->hva ? hva_of(s, gfn) : gfn;

	if (a->one_slot && (a->as != s->as || a->id != s->id))
		return false;
	return a->start <= at && at < a->end;
}

static bool reached(const struct nv_inval *iv, const struct nv_slot *s)
{
	for (size_t i = 0; i < iv->nr_hits; i++)
		if (iv->hits[i].as == s->as && iv->hits[i].id == s->id)
			return true;
	return false;
}

bool nv_covers(const struct nv_inval *iv, const struct nv_slot *s, uint64_t gfn)
{
	if (iv->hit_pos == NV_NEVER)
		return false;
	/* Without host addresses a walk covers what it says of each memslot. */
	for (size_t i = 0; iv->gfn && iv->walk && i < iv->nr_hits; i++)
		if (iv->hits[i].as == s->as && iv->hits[i].id == s->id &&
		    iv->hits[i].start <= gfn && gfn < iv->hits[i].end)
			return true;
	if (iv->walk && (iv->gfn || !reached(iv, s)))
		return false;
	if (iv->gfn)
		return iv->start <= gfn && gfn < iv->end;
	return iv->start <= hva_of(s, gfn) && hva_of(s, gfn) < iv->end;
}

/* From which position on @algo knows of @iv. */
static uint64_t known_from(const struct nv_inval *iv, struct nv_algo algo)
{
	return algo.kind == NV_HVA_512 ? iv->begin_pos : iv->hit_pos;
}

/* Is it one of those whose count decides when the range of @algo lapses? */
static bool holds_range(const struct nv_inval *iv, struct nv_algo algo)
{
	if (algo.kind == NV_HVA_V6 && iv->filter == NV_PRIVATE)
		return false;
	if (algo.kind == NV_HVA_SPLIT && !(iv->filter & NV_SHARED))
		return false;
	if (algo.kind == NV_GFN_SPLIT && !(iv->filter & algo.half))
		return false;
	return known_from(iv, algo) != NV_NEVER;
}

/* Does @iv raise the sequence count that a fault of @kind looks at at its begin, at its end? */
static bool raises_at_begin(const struct nv_inval *iv, struct nv_algo algo, unsigned int kind)
{
	if (algo.kind == NV_HVA_V6)
		return iv->filter == NV_PRIVATE;
	return algo.kind == NV_HVA_SPLIT && kind == NV_PRIVATE && (iv->filter & NV_PRIVATE);
}

static bool raises_at_end(const struct nv_inval *iv, struct nv_algo algo, unsigned int kind)
{
	if (algo.kind == NV_HVA_V6)
		return iv->filter != NV_PRIVATE;
	if (algo.kind == NV_HVA_SPLIT && kind == NV_PRIVATE)
		return iv->filter == NV_BOTH;
	if (algo.kind == NV_HVA_SPLIT || algo.kind == NV_GFN_SPLIT)
		return iv->filter & kind;
	return true;
}

bool nv_seq_rejects(const struct nv_vm *vm, struct nv_algo algo, uint64_t since,
		    const struct nv_slot *s, uint64_t gfn, unsigned int kind)
{
	if (algo.kind == NV_EXACT)
		return false;
	if (algo.kind == NV_GFN_RECENT || algo.kind == NV_HFN_RECENT)
		return nv_recent_ended(vm, algo, since, s, gfn);
	for (size_t i = 0; i < vm->nr_invals; i++) {
		const struct nv_inval *iv = &vm->invals[i];

		if (known_from(iv, algo) == NV_NEVER)
			continue;
		if (raises_at_begin(iv, algo, kind) && known_from(iv, algo) > since)
			return true;
		if (raises_at_end(iv, algo, kind) && !nv_outstanding(iv) && !iv->dropped &&
		    iv->end_pos > since)
			return true;
	}
	return false;
}

uint64_t nv_epoch_start(const struct nv_vm *vm, struct nv_algo algo)
{
	uint64_t start = NV_NEVER;
	bool moved;

	do {
		moved = false;
		for (size_t i = 0; i < vm->nr_invals; i++) {
			const struct nv_inval *iv = &vm->invals[i];
			bool alive = start == NV_NEVER ? nv_outstanding(iv) : iv->end_pos > start;

			if (holds_range(iv, algo) && alive && known_from(iv, algo) < start) {
				start = known_from(iv, algo);
				moved = true;
			}
		}
	} while (moved);
	return start;
}

static bool is_hva_algo(struct nv_algo algo)
{
	return algo.kind == NV_HVA_512 || algo.kind == NV_HVA || algo.kind == NV_HVA_V6 ||
	       algo.kind == NV_HVA_SPLIT || algo.kind == NV_HFN_RECENT;
}

/* Has @iv been one of those in progress at any time since @start? */
static bool since(const struct nv_inval *iv, struct nv_algo algo, uint64_t start)
{
	return start != NV_NEVER && holds_range(iv, algo) && known_from(iv, algo) >= start;
}

static void hull_add(struct nv_area *hull, uint64_t start, uint64_t end)
{
	if (start >= end)
		return;
	if (hull->start >= hull->end) {
		hull->start = start;
		hull->end = end;
		return;
	}
	if (start < hull->start)
		hull->start = start;
	if (end > hull->end)
		hull->end = end;
}

static void view_hva(struct nv_view *v, const struct nv_vm *vm, struct nv_algo algo, uint64_t start)
{
	struct nv_area hull = { .hva = true };

	for (size_t i = 0; i < vm->nr_invals; i++) {
		const struct nv_inval *iv = &vm->invals[i];

		if (!since(iv, algo, start))
			continue;
		if (iv->gfn)
			hull_add(&hull, 0, UINT64_MAX);
		else
			hull_add(&hull, iv->start, iv->end);
	}
	nv_area_add(&v->areas, hull);
}

/*
 * The gfn ranges that @iv adds to a gfn algorithm's state: those of the memslots
 * hit, in the order of the walk, or the one that it was given.
 */
static size_t gfn_ranges(const struct nv_inval *iv, struct nv_algo algo)
{
	if (iv->gfn && !iv->walk)
		return 1;
	return algo.kind == NV_GFN_V7 && iv->nr_hits ? 1 : iv->nr_hits;
}

static struct nv_hit gfn_range(const struct nv_inval *iv, size_t i)
{
	if (iv->gfn && !iv->walk)
		return (struct nv_hit){ .pos = iv->hit_pos, .start = iv->start, .end = iv->end };
	return iv->hits[i];
}

static void view_gfn(struct nv_view *v, const struct nv_vm *vm, struct nv_algo algo, uint64_t start)
{
	struct nv_area hull = { 0 };

	for (size_t i = 0; i < vm->nr_invals; i++) {
		const struct nv_inval *iv = &vm->invals[i];

		if (!since(iv, algo, start))
			continue;
		for (size_t j = 0; j < gfn_ranges(iv, algo); j++)
			hull_add(&hull, gfn_range(iv, j).start, gfn_range(iv, j).end);
	}
	nv_area_add(&v->areas, hull);
}

static struct nv_area *area_of_slot(struct nv_areas *as, const struct nv_hit *h)
{
	for (size_t i = 0; i < as->n; i++)
		if (as->v[i].as == h->as && as->v[i].id == h->id)
			return &as->v[i];
	nv_area_add(as, (struct nv_area){ .one_slot = true, .as = h->as, .id = h->id });
	return &as->v[as->n - 1];
}

static void view_gfn_slot(struct nv_view *v, const struct nv_vm *vm, struct nv_algo algo,
			  uint64_t start)
{
	for (size_t i = 0; i < vm->nr_invals; i++) {
		const struct nv_inval *iv = &vm->invals[i];

		for (size_t j = 0; since(iv, algo, start) && j < iv->nr_hits; j++)
			hull_add(area_of_slot(&v->areas, &iv->hits[j]), iv->hits[j].start,
				 iv->hits[j].end);
	}
}

/* The first range added after position @pos, and after the @skip first ones of that position. */
static bool next_added(const struct nv_vm *vm, struct nv_algo algo, uint64_t start, uint64_t *pos,
		       size_t *skip, struct nv_hit *found)
{
	uint64_t best = NV_NEVER;

	for (size_t i = 0; i < vm->nr_invals; i++) {
		const struct nv_inval *iv = &vm->invals[i];
		size_t nr = since(iv, algo, start) ? gfn_ranges(iv, algo) : 0, seen = 0;

		for (size_t j = 0; j < nr; j++) {
			struct nv_hit h = gfn_range(iv, j);

			if (h.pos < *pos || (h.pos == *pos && seen++ < *skip) || h.pos >= best)
				continue;
			best = h.pos;
			*found = h;
		}
	}
	if (best == NV_NEVER)
		return false;
	*skip = best == *pos ? *skip + 1 : 1;
	*pos = best;
	return true;
}

static void remove_area(struct nv_areas *as, size_t i)
{
	memmove(&as->v[i], &as->v[i + 1], (--as->n - i) * sizeof(*as->v));
}

static int by_start(const void *a, const void *b)
{
	uint64_t x = ((const struct nv_area *)a)->start, y = ((const struct nv_area *)b)->start;

	return x < y ? -1 : x > y;
}

void nv_add_merging(struct nv_areas *as, struct nv_area a)
{
	for (size_t i = 0; i < as->n;) {
		if (as->v[i].start <= a.end && a.start <= as->v[i].end) {
			hull_add(&a, as->v[i].start, as->v[i].end);
			remove_area(as, i);
			i = 0;
		} else {
			i++;
		}
	}
	nv_area_add(as, a);
	if (as->n)
		qsort(as->v, as->n, sizeof(a), by_start);
}

void nv_merge_closest(struct nv_areas *as)
{
	size_t best = 0;

	for (size_t i = 1; i + 1 < as->n; i++)
		if (as->v[i + 1].start - as->v[i].end < as->v[best + 1].start - as->v[best].end)
			best = i;
	hull_add(&as->v[best], as->v[best + 1].start, as->v[best + 1].end);
	remove_area(as, best + 1);
}

static void view_gfn_multi(struct nv_view *v, const struct nv_vm *vm, struct nv_algo algo,
			   uint64_t start)
{
	uint64_t pos = 0;
	size_t skip = 0;
	struct nv_hit h = { 0 };

	while (next_added(vm, algo, start, &pos, &skip, &h)) {
		nv_add_merging(&v->areas, (struct nv_area){ .start = h.start, .end = h.end });
		if (v->areas.n > algo.max_ranges)
			nv_merge_closest(&v->areas);
	}
}

static void view_gfn_list(struct nv_view *v, const struct nv_vm *vm, struct nv_algo algo)
{
	for (size_t i = 0; i < vm->nr_invals; i++) {
		const struct nv_inval *iv = &vm->invals[i];
		size_t nr =
			nv_outstanding(iv) && iv->hit_pos != NV_NEVER ? gfn_ranges(iv, algo) : 0;

		for (size_t j = 0; j < nr; j++)
			nv_area_add(&v->areas, (struct nv_area){ .start = gfn_range(iv, j).start,
								 .end = gfn_range(iv, j).end });
	}
}

static void view_exact(struct nv_view *v, const struct nv_vm *vm, unsigned int kind)
{
	for (size_t i = 0; i < vm->nr_invals; i++) {
		const struct nv_inval *iv = &vm->invals[i];
		struct nv_area a = { .hva = !iv->gfn, .start = iv->start, .end = iv->end };

		if (!nv_outstanding(iv) || iv->hit_pos == NV_NEVER || !(iv->filter & kind))
			continue;
		if (!iv->walk) {
			nv_area_add(&v->areas, a);
			continue;
		}
		a.one_slot = true;
		for (size_t j = 0; j < iv->nr_hits; j++) {
			a.as = iv->hits[j].as;
			a.id = iv->hits[j].id;
			if (iv->gfn) {
				a.start = iv->hits[j].start;
				a.end = iv->hits[j].end;
			}
			nv_area_add(&v->areas, a);
		}
	}
}

/* Each half has epochs and a range of its own. */
static void view_gfn_split(struct nv_view *v, const struct nv_vm *vm, struct nv_algo algo,
			   unsigned int kind)
{
	for (algo.half = NV_SHARED; algo.half <= NV_PRIVATE; algo.half++) {
		uint64_t start = nv_epoch_start(vm, algo);

		if (!(kind & algo.half) || start == NV_NEVER)
			continue;
		v->busy = true;
		view_gfn(v, vm, algo, start);
	}
}

void nv_view_make(struct nv_view *v, const struct nv_vm *vm, struct nv_algo algo, unsigned int kind)
{
	uint64_t start;

	algo.half = NV_BOTH;
	start = nv_epoch_start(vm, algo);
	memset(v, 0, sizeof(*v));
	v->busy = start != NV_NEVER;
	switch (algo.kind) {
	case NV_GLOBAL:
		v->all = true;
		break;
	case NV_HVA_512:
	case NV_HVA:
	case NV_HVA_V6:
		/* A private fault has no address to compare. */
		if (kind == NV_PRIVATE)
			v->all = true;
		else
			view_hva(v, vm, algo, start);
		break;
	case NV_HVA_SPLIT:
		if (kind != NV_PRIVATE)
			view_hva(v, vm, algo, start);
		break;
	case NV_GFN_SPLIT:
		v->busy = false;
		view_gfn_split(v, vm, algo, kind);
		break;
	case NV_GFN_V7:
	case NV_GFN:
		view_gfn(v, vm, algo, start);
		break;
	case NV_GFN_SLOT:
		view_gfn_slot(v, vm, algo, start);
		break;
	case NV_GFN_MULTI:
		view_gfn_multi(v, vm, algo, start);
		break;
	case NV_GFN_LIST:
		view_gfn_list(v, vm, algo);
		break;
	case NV_GFN_RECENT:
	case NV_HFN_RECENT:
		nv_recent_view(v, vm, algo);
		break;
	case NV_EXACT:
		view_exact(v, vm, kind);
		break;
	}
}

bool nv_view_rejects(const struct nv_view *v, const struct nv_slot *s, uint64_t gfn)
{
	if (!v->busy)
		return false;
	for (size_t i = 0; !v->all && i < v->areas.n; i++)
		if (nv_area_has(&v->areas.v[i], s, gfn))
			return true;
	return v->all;
}

/* The smallest range that covers what @iv hit, in the space of @algo. */
static struct nv_area span(const struct nv_inval *iv, struct nv_algo algo, bool primary_only)
{
	struct nv_area hull = { .hva = is_hva_algo(algo) };

	if ((iv->gfn && !iv->walk) || is_hva_algo(algo)) {
		hull_add(&hull, iv->start, iv->end);
		return hull;
	}
	for (size_t i = 0; i < iv->nr_hits; i++) {
		const struct nv_hit *h = &iv->hits[i];

		if (primary_only)
			hull_add(&hull, h->primary_start, h->primary_end);
		else
			hull_add(&hull, h->start, h->end);
	}
	return hull;
}

/* Whether the page is in the host pages that @iv, one of gfns, hit; @own is their hull. */
static bool host_pages_of_gfns(const struct nv_inval *iv, const struct nv_slot *s, uint64_t gfn,
			       struct nv_area *own)
{
	bool has = false;

	for (size_t j = 0; j < iv->nr_hits; j++) {
		const struct nv_hit *h = &iv->hits[j];
		const uint64_t end = h->hva + (h->end - h->start) * RS_PAGE_SIZE;

		has |= h->hva <= hva_of(s, gfn) && hva_of(s, gfn) < end;
		hull_add(own, h->hva, end);
	}
	return has;
}

/* Host frames: what has no host address has those that it hit. */
static enum naive_cause cause_hfn(const struct nv_vm *vm, const struct nv_slot *s, uint64_t gfn)
{
	struct nv_area all = { .hva = true };
	bool alias = false, scatter = false;

	for (size_t i = 0; i < vm->nr_invals; i++) {
		const struct nv_inval *iv = &vm->invals[i];
		struct nv_area own = { .hva = true };

		if (!nv_outstanding(iv) || iv->hit_pos == NV_NEVER)
			continue;
		if (!iv->gfn) {
			alias |= iv->start <= hva_of(s, gfn) && hva_of(s, gfn) < iv->end;
			hull_add(&all, iv->start, iv->end);
		}
		if (iv->gfn)
			alias |= host_pages_of_gfns(iv, s, gfn, &own);
		scatter |= nv_area_has(&own, s, gfn);
		hull_add(&all, own.start, own.end);
	}
	if (alias || scatter)
		return alias ? NAIVE_ALIAS : NAIVE_SCATTER;
	return nv_area_has(&all, s, gfn) ? NAIVE_CONCURRENT : NAIVE_STALE;
}

/* Would it be necessary, were it of the other kind? */
static bool other_kind(const struct nv_vm *vm, const struct nv_fault *f)
{
	for (size_t i = 0; i < vm->nr_invals; i++)
		if (vm->invals[i].end_pos > f->begin_pos &&
		    (vm->invals[i].filter & (NV_BOTH - f->kind)) &&
		    nv_covers(&vm->invals[i], &f->slot, f->gfn))
			return true;
	return false;
}

enum naive_cause nv_cause(const struct nv_vm *vm, struct nv_algo algo, const struct nv_view *v,
			  const struct nv_fault *f)
{
	const struct nv_slot *s = &f->slot;
	const uint64_t gfn = f->gfn;
	struct nv_area all = { .hva = is_hva_algo(algo) };
	bool no_hva = is_hva_algo(algo) && f->kind == NV_PRIVATE, in_span = false,
	     in_primary = false;

	algo.half = f->kind;
	if (algo.kind != NV_HVA_SPLIT && algo.kind != NV_GFN_SPLIT && other_kind(vm, f))
		return NAIVE_KIND;
	if (!nv_view_rejects(v, s, gfn))
		return NAIVE_SEQ;
	if (algo.kind == NV_GLOBAL)
		return NAIVE_CONCURRENT;
	if (algo.kind == NV_HFN_RECENT)
		return cause_hfn(vm, s, gfn);
	for (size_t i = 0; i < vm->nr_invals; i++) {
		const struct nv_inval *iv = &vm->invals[i];
		struct nv_area own = span(iv, algo, false), primary = span(iv, algo, true);

		if (!nv_outstanding(iv) || !holds_range(iv, algo))
			continue;
		no_hva |= is_hva_algo(algo) && iv->gfn;
		in_span |= nv_area_has(&own, s, gfn);
		in_primary |= nv_area_has(&primary, s, gfn);
		hull_add(&all, own.start, own.end);
	}
	if (no_hva)
		return NAIVE_NO_HVA;
	/* In host addresses nothing lies between what one invalidation hit. */
	if (in_span && !is_hva_algo(algo))
		return in_primary ? NAIVE_SCATTER : NAIVE_ALIAS;
	return nv_area_has(&all, s, gfn) ? NAIVE_CONCURRENT : NAIVE_STALE;
}

/* ---- blame ---- */

/* Whether the page is in what @iv has in host pages, or between them. */
static bool host_pages(const struct nv_inval *iv, const struct nv_slot *s, uint64_t gfn,
		       bool between)
{
	struct nv_area own = { .hva = true };
	bool has = iv->gfn ? host_pages_of_gfns(iv, s, gfn, &own)
			   : iv->start <= hva_of(s, gfn) && hva_of(s, gfn) < iv->end;

	return between ? nv_area_has(&own, s, gfn) : has;
}

static bool is_around(const struct nv_inval *iv, struct nv_algo algo, const struct nv_fault *f,
		      enum naive_cause cause)
{
	struct nv_area own;

	switch (cause) {
	case NAIVE_NO_HVA:
		return iv->gfn;
	case NAIVE_ALIAS:
	case NAIVE_SCATTER:
		if (algo.kind == NV_HFN_RECENT)
			return host_pages(iv, &f->slot, f->gfn, cause == NAIVE_SCATTER);
		own = span(iv, algo, cause == NAIVE_SCATTER);
		return nv_area_has(&own, &f->slot, f->gfn);
	default:
		return true;
	}
}

/* The first to begin of those outstanding for which the cause holds. */
static const struct nv_inval *first_outstanding(const struct nv_vm *vm, struct nv_algo algo,
						const struct nv_fault *f, enum naive_cause cause)
{
	const struct nv_inval *first = NULL, *any = NULL;

	for (size_t i = 0; i < vm->nr_invals; i++) {
		const struct nv_inval *iv = &vm->invals[i];

		if (!nv_outstanding(iv) || !holds_range(iv, algo))
			continue;
		if (!any || iv->begin_pos < any->begin_pos)
			any = iv;
		if ((!first || iv->begin_pos < first->begin_pos) && is_around(iv, algo, f, cause))
			first = iv;
	}
	return !first && cause == NAIVE_NO_HVA ? any : first;
}

/* The first to begin that covers the page, concerns @kinds and was outstanding in the window. */
static const struct nv_inval *first_cover(const struct nv_vm *vm, const struct nv_fault *f,
					  unsigned int kinds)
{
	const struct nv_inval *first = NULL;

	for (size_t i = 0; i < vm->nr_invals; i++) {
		const struct nv_inval *iv = &vm->invals[i];

		if (iv->end_pos > f->begin_pos && (iv->filter & kinds) &&
		    nv_covers(iv, &f->slot, f->gfn) && (!first || iv->begin_pos < first->begin_pos))
			first = iv;
	}
	return first;
}

/* The last in the window that raised the sequence count. */
static const struct nv_inval *last_raise(const struct nv_vm *vm, struct nv_algo algo,
					 const struct nv_fault *f)
{
	const struct nv_inval *last = NULL;
	uint64_t pos = f->begin_pos;

	for (size_t i = 0; i < vm->nr_invals; i++) {
		const struct nv_inval *iv = &vm->invals[i];

		if (known_from(iv, algo) == NV_NEVER)
			continue;
		if (raises_at_begin(iv, algo, f->kind) && known_from(iv, algo) > pos) {
			pos = known_from(iv, algo);
			last = iv;
		}
		if (raises_at_end(iv, algo, f->kind) && !nv_outstanding(iv) && !iv->dropped &&
		    iv->end_pos > pos) {
			pos = iv->end_pos;
			last = iv;
		}
	}
	return last;
}

const struct nv_inval *nv_blame(const struct nv_vm *vm, struct nv_algo algo,
				const struct nv_fault *f, uint8_t verdict, bool necessary)
{
	algo.half = f->kind;
	if (necessary)
		return first_cover(vm, f, f->kind);
	if (verdict == NAIVE_NOT_REJECTED)
		return NULL;
	switch (verdict - 1) {
	case NAIVE_KIND:
		return first_cover(vm, f, NV_BOTH - f->kind);
	case NAIVE_SEQ:
		return last_raise(vm, algo, f);
	default:
		return first_outstanding(vm, algo, f, verdict - 1);
	}
}
