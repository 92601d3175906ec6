// SPDX-License-Identifier: GPL-2.0-only
/* Where a page stands towards what is outstanding: the base of the causes. */
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

static enum rs_place place_in_hull(const struct rs_range *hull, uint64_t x)
{
	return rs_range_has(hull, x) ? RS_PLACE_CONCURRENT : RS_PLACE_OUTSIDE;
}

static void widen_by(struct rs_range *hull, const struct rs_range *r)
{
	if (r->start < r->end)
		rs_range_widen(hull, r->start, r->end);
}

static enum rs_place place_by_index(const struct rs_invals *t, uint64_t gfn)
{
	struct rs_range hull;

	if (rs_spans_cover(&t->primary, gfn))
		return RS_PLACE_SCATTER;
	if (rs_spans_cover(&t->spans, gfn))
		return RS_PLACE_ALIAS;
	hull = rs_spans_hull(&t->spans);
	return place_in_hull(&hull, gfn);
}

enum rs_place rs_invals_place_gfn(const struct rs_invals *t, uint64_t gfn)
{
	struct rs_range hull = { 0, 0 };
	bool in_span = false;

	if (t->hashed)
		return place_by_index(t, gfn);
	for (uint32_t i = 0; i < t->nr; i++) {
		const struct rs_inval *inv = t->outstanding[i];

		/* Those that hit nothing have neither. */
		if (rs_range_has(&inv->primary, gfn))
			return RS_PLACE_SCATTER;
		in_span |= rs_range_has(&inv->span, gfn);
		widen_by(&hull, &inv->span);
	}
	return in_span ? RS_PLACE_ALIAS : place_in_hull(&hull, gfn);
}

/* Of the hvas of those that hit, or of those that hit nothing. */
static struct rs_range hull_of_hvas(const struct rs_invals *t, bool hit)
{
	struct rs_range hull = { 0, 0 };

	if (t->hashed)
		return rs_spans_hull(hit ? &t->hvas : &t->silent);
	for (uint32_t i = 0; i < t->nr; i++) {
		const struct rs_inval *inv = t->outstanding[i];

		if (inv->hit == hit && !inv->gfn)
			widen_by(&hull, &inv->range);
	}
	return hull;
}

enum rs_place rs_invals_place_hva(const struct rs_invals *t, uint64_t hva, bool all)
{
	struct rs_range hull = hull_of_hvas(t, true);

	if (all) {
		struct rs_range silent = hull_of_hvas(t, false);

		widen_by(&hull, &silent);
	}
	return place_in_hull(&hull, hva);
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

enum rs_place rs_invals_place_hfn(const struct rs_invals *t, uint64_t hva)
{
	struct rs_range all = hull_of_hvas(t, true);
	bool between = false;

	for (uint32_t i = 0; t->nr_gfn && i < t->nr; i++) {
		const struct rs_inval *inv = t->outstanding[i];
		struct host_pages p = { .t = t, .gfns = inv->range, .hva = hva };

		if (!inv->gfn)
			continue;
		rs_vm_for_each_gfn(t->vm, inv->range.start, inv->range.end, add_host_pages, &p);
		/* At another gfn: else it would be necessary. */
		if (p.has)
			return RS_PLACE_ALIAS;
		between |= rs_range_has(&p.hull, hva);
		widen_by(&all, &p.hull);
	}
	if (between)
		return RS_PLACE_SCATTER;
	return place_in_hull(&all, hva);
}
