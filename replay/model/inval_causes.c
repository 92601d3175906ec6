// SPDX-License-Identifier: GPL-2.0-only
/* Why a page that nothing outstanding covers is in the ranges all the same. */
#include "replay/model/inval_table.h"

#include <stdlib.h>

int rs_invals_index_in(struct rs_invals *t, const struct rs_inval *inv)
{
	struct rs_inval_index **index = &t->index[inv->filter];

	if (!*index)
		*index = calloc(1, sizeof(**index));
	if (!*index)
		return -ENOMEM;
	if (!inv->hit)
		return rs_spans_add(&(*index)->silent, inv->range.start, inv->range.end);
	if (!inv->gfn && rs_spans_add(&(*index)->hvas, inv->range.start, inv->range.end))
		return -ENOMEM;
	if (rs_spans_add(&(*index)->spans, inv->span.start, inv->span.end))
		return -ENOMEM;
	return rs_spans_add(&(*index)->primary, inv->primary.start, inv->primary.end);
}

void rs_invals_index_out(struct rs_invals *t, const struct rs_inval *inv)
{
	struct rs_inval_index *index = t->index[inv->filter];

	if (!inv->hit) {
		rs_spans_remove(&index->silent, inv->range.start, inv->range.end);
		return;
	}
	if (!inv->gfn)
		rs_spans_remove(&index->hvas, inv->range.start, inv->range.end);
	rs_spans_remove(&index->spans, inv->span.start, inv->span.end);
	rs_spans_remove(&index->primary, inv->primary.start, inv->primary.end);
}

static void each_index(struct rs_invals *t, void (*fn)(struct rs_spans *s))
{
	for (unsigned int filter = RS_KIND_SHARED; filter <= RS_KIND_BOTH; filter++) {
		struct rs_inval_index *index = t->index[filter];

		if (!index)
			continue;
		fn(&index->spans);
		fn(&index->primary);
		fn(&index->hvas);
		fn(&index->silent);
	}
}

void rs_invals_index_drop(struct rs_invals *t)
{
	each_index(t, rs_spans_clear);
}

void rs_invals_index_free(struct rs_invals *t)
{
	each_index(t, rs_spans_free);
	for (unsigned int filter = RS_KIND_SHARED; filter <= RS_KIND_BOTH; filter++)
		free(t->index[filter]);
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

static void widen_by_spans(struct rs_range *hull, const struct rs_spans *s)
{
	const struct rs_range r = rs_spans_hull(s);

	widen_by(hull, &r);
}

/* The index of @filter; NULL: there is none, or it does not concern @kinds. */
static const struct rs_inval_index *index_of(const struct rs_invals *t, unsigned int filter,
					     unsigned int kinds)
{
	return filter & kinds ? t->index[filter] : NULL;
}

/* ---- guest frames ---- */

static enum rs_cause cause_by_index(const struct rs_invals *t, uint64_t gfn, unsigned int kinds)
{
	struct rs_range hull = { 0, 0 };
	bool in_span = false;

	for (unsigned int filter = RS_KIND_SHARED; filter <= RS_KIND_BOTH; filter++) {
		const struct rs_inval_index *index = index_of(t, filter, kinds);

		if (!index)
			continue;
		if (rs_spans_cover(&index->primary, gfn))
			return RS_CAUSE_SCATTER;
		in_span |= rs_spans_cover(&index->spans, gfn);
		widen_by_spans(&hull, &index->spans);
	}
	return in_span ? RS_CAUSE_ALIAS : cause_in_hull(&hull, gfn);
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

static enum rs_cause cause_of(const struct rs_invals *t, uint64_t gfn, unsigned int kinds)
{
	return t->hashed ? cause_by_index(t, gfn, kinds) : cause_one_by_one(t, gfn, kinds);
}

static __attribute__((noinline)) enum rs_cause find_cause(struct rs_invals *t, uint64_t gfn)
{
	t->answer = cause_of(t, gfn, RS_KIND_BOTH);
	t->asked_gfn = gfn;
	t->asked = true;
	return t->answer;
}

enum rs_cause rs_invals_cause_gfn(struct rs_invals *t, const struct rs_fault *f, unsigned int kinds)
{
	if (kinds != RS_KIND_BOTH && t->kinds_differ)
		return cause_of(t, f->gfn, kinds);
	return t->asked && t->asked_gfn == f->gfn ? t->answer : find_cause(t, f->gfn);
}

static struct rs_range hull_of_frames(const struct rs_invals *t, unsigned int kinds)
{
	struct rs_range hull = { 0, 0 };

	for (unsigned int filter = RS_KIND_SHARED; t->hashed && filter <= RS_KIND_BOTH; filter++)
		if (index_of(t, filter, kinds))
			widen_by_spans(&hull, &t->index[filter]->spans);
	for (uint32_t i = 0; !t->hashed && i < t->nr; i++)
		if (t->outstanding[i]->filter & kinds)
			widen_by(&hull, &t->outstanding[i]->span);
	return hull;
}

/* ---- host addresses ---- */

/* The hull of the hvas of those that hit, or of those that hit nothing; one has @hva itself. */
struct hvas {
	unsigned int kinds;
	struct rs_range hull;
	uint64_t hva;
	bool has;
};

static void add_hvas_by_index(const struct rs_invals *t, bool hit, struct hvas *h)
{
	for (unsigned int filter = RS_KIND_SHARED; filter <= RS_KIND_BOTH; filter++) {
		const struct rs_inval_index *index = index_of(t, filter, h->kinds);
		const struct rs_spans *s;

		if (!index)
			continue;
		s = hit ? &index->hvas : &index->silent;
		h->has |= rs_spans_cover(s, h->hva);
		widen_by_spans(&h->hull, s);
	}
}

static void add_hvas(const struct rs_invals *t, bool hit, struct hvas *h)
{
	if (t->hashed) {
		add_hvas_by_index(t, hit, h);
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
	for (unsigned int filter = RS_KIND_SHARED; filter <= RS_KIND_BOTH; filter++)
		if ((filter & kinds) && t->nr_gfn[filter])
			return true;
	return false;
}

struct rs_range rs_invals_hull(const struct rs_invals *t, enum rs_space space, unsigned int kinds,
			       bool all)
{
	struct hvas h = { .kinds = kinds };

	if (space == RS_SPACE_GFN)
		return hull_of_frames(t, kinds);
	if (any_gfn(t, kinds))
		return (struct rs_range){ 0, UINT64_MAX };
	add_hvas(t, true, &h);
	if (all)
		add_hvas(t, false, &h);
	return h.hull;
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

bool rs_inval_has_host_page(const struct rs_invals *t, const struct rs_inval *inv, uint64_t hva,
			    struct rs_range *hull)
{
	bool has = false;

	*hull = (struct rs_range){ 0, 0 };
	for (uint32_t i = 0; i < inv->nr_hosts; i++) {
		const struct rs_range *gfns = &inv->hits[i].gfns,
				      r = { inv->hits[i].hva,
					    inv->hits[i].hva +
						    ((gfns->end - gfns->start) << RS_PAGE_SHIFT) };

		has |= rs_range_has(&r, hva);
		rs_range_widen(hull, r.start, r.end);
	}
	/* A few memslots of a few that are outstanding are no matter. */
	rs_limits_look(t->limits, t->nr > RS_INVALS_FEW ? inv->nr_hosts + 1
							: rs_hits_beyond_free(inv->nr_hosts));
	return has;
}

enum rs_cause rs_invals_cause_hfn(const struct rs_invals *t, const struct rs_fault *f)
{
	struct hvas all = { .kinds = RS_KIND_BOTH, .hva = f->hva };
	const bool some = any_gfn(t, RS_KIND_BOTH);
	bool between = false;

	add_hvas(t, true, &all);
	/* At another frame, or its walk has only reached another one: else it would be necessary.
	 */
	if (all.has)
		return RS_CAUSE_ALIAS;
	for (uint32_t i = 0; some && i < t->nr && !t->limits->over; i++) {
		const struct rs_inval *inv = t->outstanding[i];
		struct rs_range hull;

		if (!inv->gfn)
			continue;
		if (rs_inval_has_host_page(t, inv, f->hva, &hull))
			return RS_CAUSE_ALIAS;
		between |= rs_range_has(&hull, f->hva);
		widen_by(&all.hull, &hull);
	}
	return between ? RS_CAUSE_SCATTER : cause_in_hull(&all.hull, f->hva);
}
