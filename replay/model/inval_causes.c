// SPDX-License-Identifier: GPL-2.0-only
/* Why a page that nothing outstanding covers is in the ranges all the same. */
#include "replay/model/inval_table.h"

int rs_invals_index_in(struct rs_invals *t, const struct rs_inval *inv)
{
	if (!inv->hit)
		return rs_spans_add(&t->silent, inv->range.start, inv->range.end);
	if (!inv->gfn && rs_spans_add(&t->hvas, inv->range.start, inv->range.end))
		return -ENOMEM;
	if (rs_spans_add(&t->spans, inv->span.start, inv->span.end))
		return -ENOMEM;
	return rs_spans_add(&t->primary, inv->primary.start, inv->primary.end);
}

void rs_invals_index_out(struct rs_invals *t, const struct rs_inval *inv)
{
	if (!inv->hit) {
		rs_spans_remove(&t->silent, inv->range.start, inv->range.end);
		return;
	}
	if (!inv->gfn)
		rs_spans_remove(&t->hvas, inv->range.start, inv->range.end);
	rs_spans_remove(&t->spans, inv->span.start, inv->span.end);
	rs_spans_remove(&t->primary, inv->primary.start, inv->primary.end);
}

void rs_invals_index_drop(struct rs_invals *t)
{
	rs_spans_clear(&t->spans);
	rs_spans_clear(&t->primary);
	rs_spans_clear(&t->hvas);
	rs_spans_clear(&t->silent);
}

/* In no invalidation's own range: between them, or in what is left of others. */
static enum rs_cause cause_in_hull(const struct rs_range *hull, uint64_t x)
{
	return rs_range_has(hull, x) ? RS_CAUSE_CONCURRENT : RS_CAUSE_STALE;
}

static void widen_by(struct rs_range *hull, const struct rs_range *r)
{
	if (r->start < r->end)
		rs_range_widen(hull, r->start, r->end);
}

/* ---- guest frames ---- */

static enum rs_cause cause_by_index(const struct rs_invals *t, uint64_t gfn)
{
	struct rs_range hull;

	if (rs_spans_cover(&t->primary, gfn))
		return RS_CAUSE_SCATTER;
	if (rs_spans_cover(&t->spans, gfn))
		return RS_CAUSE_ALIAS;
	hull = rs_spans_hull(&t->spans);
	return cause_in_hull(&hull, gfn);
}

static enum rs_cause cause_one_by_one(const struct rs_invals *t, uint64_t gfn, unsigned int kinds)
{
	struct rs_range hull = { 0, 0 };
	bool in_span = false;

	for (uint32_t i = 0; i < t->nr; i++) {
		const struct rs_inval *inv = t->outstanding[i];

		if (!(inv->filter & kinds))
			continue;
		/* Those that hit nothing have neither. */
		if (rs_range_has(&inv->primary, gfn))
			return RS_CAUSE_SCATTER;
		in_span |= rs_range_has(&inv->span, gfn);
		widen_by(&hull, &inv->span);
	}
	return in_span ? RS_CAUSE_ALIAS : cause_in_hull(&hull, gfn);
}

static __attribute__((noinline)) enum rs_cause find_cause(struct rs_invals *t, uint64_t gfn)
{
	t->answer = t->hashed ? cause_by_index(t, gfn) : cause_one_by_one(t, gfn, RS_KIND_BOTH);
	t->asked_gfn = gfn;
	t->asked = true;
	return t->answer;
}

enum rs_cause rs_invals_cause_gfn(struct rs_invals *t, const struct rs_fault *f, unsigned int kinds)
{
	if (kinds != RS_KIND_BOTH && t->kinds_differ)
		return cause_one_by_one(t, f->gfn, kinds);
	return t->asked && t->asked_gfn == f->gfn ? t->answer : find_cause(t, f->gfn);
}

/* ---- host addresses ---- */

/* The hull of the hvas of those that hit, or of those that hit nothing; one has @hva itself. */
struct hvas {
	unsigned int kinds;
	struct rs_range hull;
	uint64_t hva;
	bool has;
};

static void add_hvas(const struct rs_invals *t, bool hit, struct hvas *h)
{
	if (t->hashed && (h->kinds == RS_KIND_BOTH || !t->kinds_differ)) {
		const struct rs_spans *s = hit ? &t->hvas : &t->silent;
		const struct rs_range hull = rs_spans_hull(s);

		h->has |= rs_spans_cover(s, h->hva);
		widen_by(&h->hull, &hull);
		return;
	}
	for (uint32_t i = 0; i < t->nr; i++) {
		const struct rs_inval *inv = t->outstanding[i];

		if (inv->hit != hit || inv->gfn || !(inv->filter & h->kinds))
			continue;
		h->has |= rs_range_has(&inv->range, h->hva);
		widen_by(&h->hull, &inv->range);
	}
}

/* Whether one that concerns @kinds has no host address. */
static bool any_gfn(const struct rs_invals *t, unsigned int kinds)
{
	if (kinds == RS_KIND_BOTH || !t->kinds_differ || !t->nr_gfn)
		return t->nr_gfn;
	for (uint32_t i = 0; i < t->nr; i++)
		if (t->outstanding[i]->gfn && (t->outstanding[i]->filter & kinds))
			return true;
	return false;
}

enum rs_cause rs_invals_cause_hva(const struct rs_invals *t, const struct rs_fault *f,
				  unsigned int kinds, bool all)
{
	struct hvas h = { .kinds = kinds, .hva = f->hva };

	if (rs_fault_is_private(f) || any_gfn(t, kinds))
		return RS_CAUSE_NO_HVA;
	add_hvas(t, true, &h);
	if (all)
		add_hvas(t, false, &h);
	/* Also of the invalidation itself, where its walk has not reached the memslot yet. */
	return cause_in_hull(&h.hull, f->hva);
}

/* The host pages of one without a host address, and whether @hva is among them. */
struct host_pages {
	const struct rs_invals *t;
	struct rs_range gfns, hull;
	uint64_t hva;
	bool has;
};

static int add_host_pages(void *arg, uint32_t handle)
{
	struct host_pages *p = arg;
	const struct rs_memslot *s = rs_vm_memslot(p->t->vm, handle);
	struct rs_range r = rs_memslot_clip(s, p->gfns);

	r.end = rs_memslot_hva(s, r.start) + ((r.end - r.start) << RS_PAGE_SHIFT);
	r.start = rs_memslot_hva(s, r.start);
	p->has |= rs_range_has(&r, p->hva);
	rs_range_widen(&p->hull, r.start, r.end);
	return 0;
}

enum rs_cause rs_invals_cause_hfn(const struct rs_invals *t, const struct rs_fault *f)
{
	struct hvas all = { .kinds = RS_KIND_BOTH, .hva = f->hva };
	bool between = false;

	add_hvas(t, true, &all);
	/* At another frame, or its walk has only reached another one: else it would be necessary.
	 */
	if (all.has)
		return RS_CAUSE_ALIAS;
	for (uint32_t i = 0; t->nr_gfn && i < t->nr; i++) {
		const struct rs_inval *inv = t->outstanding[i];
		struct host_pages p = { .t = t, .gfns = inv->range, .hva = f->hva };

		if (!inv->gfn)
			continue;
		rs_vm_for_each_gfn(t->vm, inv->range.start, inv->range.end, add_host_pages, &p);
		if (p.has)
			return RS_CAUSE_ALIAS;
		between |= rs_range_has(&p.hull, f->hva);
		widen_by(&all.hull, &p.hull);
	}
	return between ? RS_CAUSE_SCATTER : cause_in_hull(&all.hull, f->hva);
}

/* ---- one of them ---- */

/* Whether a host page of @inv is at the fault's hva; *@hull is that of all of them. */
static bool has_host_page(const struct rs_invals *t, const struct rs_inval *inv, uint64_t hva,
			  struct rs_range *hull)
{
	struct host_pages p = { .t = t, .gfns = inv->range, .hva = hva };

	if (!inv->gfn) {
		*hull = inv->range;
		return rs_range_has(hull, hva);
	}
	rs_vm_for_each_gfn(t->vm, inv->range.start, inv->range.end, add_host_pages, &p);
	*hull = p.hull;
	return p.has;
}

bool rs_inval_is_around(const struct rs_invals *t, const struct rs_inval *inv,
			const struct rs_fault *f, enum rs_cause cause, enum rs_space space)
{
	struct rs_range hull;

	switch (cause) {
	case RS_CAUSE_NO_HVA:
		return inv->gfn;
	case RS_CAUSE_ALIAS:
		return space == RS_SPACE_HFN ? has_host_page(t, inv, f->hva, &hull)
					     : rs_range_has(&inv->span, f->gfn);
	case RS_CAUSE_SCATTER:
		if (space != RS_SPACE_HFN)
			return rs_range_has(&inv->primary, f->gfn);
		has_host_page(t, inv, f->hva, &hull);
		return inv->gfn && rs_range_has(&hull, f->hva);
	default:
		return true;
	}
}
