// SPDX-License-Identifier: GPL-2.0-only
#include "replay/model/oldest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "replay/model/firsts.h"
#include "replay/model/inval_table.h"

/* So many are looked at one by one. */
#define FEW 16
/* So many members of the index may be of no use, beside as many as are, until it is made anew. */
#define SPARE 1024

/* What the index has of an outstanding invalidation, by its slot in the table. */
struct known {
	uint64_t number; /* 0: none has that slot */
	const struct rs_inval *inv;
	bool noted, begun, hit; /* it is in @noted; its begin, that it hits, are in the index */
	uint32_t hits;		/* of its walk, so many are */
	struct rs_range span, primary;
	uint32_t in_span, in_primary, in_all; /* members for those, and in all */
};

struct rs_oldest {
	const struct rs_invals *t;
	bool stale; /* the index is to be made anew */
	struct known *known;
	size_t nr_known;
	/* What happened since the index was brought up to date. */
	uint32_t *noted;
	size_t nr_noted, max_noted;
	struct rs_firsts index;
	uint64_t used, spare; /* members */
	size_t paid;	      /* bytes of the index that were taken from the limits */
};

struct rs_oldest *rs_oldest_new(const struct rs_invals *t)
{
	struct rs_oldest *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->t = t;
	o->stale = true;
	return o;
}

void rs_oldest_free(struct rs_oldest *o)
{
	if (!o)
		return;
	rs_firsts_free(&o->index);
	free(o->known);
	free(o->noted);
	free(o);
}

/* ---- what happens ---- */

void rs_oldest_drop(struct rs_oldest *o)
{
	o->stale = true;
}

int rs_oldest_note(struct rs_oldest *o, const struct rs_inval *inv)
{
	struct known *k;

	/* If nobody asks, what is noted must not grow with the trace. */
	if (o->stale || o->nr_noted > (size_t)o->t->nr + SPARE) {
		o->stale = true;
		return 0;
	}
	if (RS_ROOM_ZEROED(o->known, o->nr_known, (size_t)inv->slot + 1) ||
	    RS_ROOM(o->noted, o->max_noted, o->nr_noted + 1))
		return -ENOMEM;
	k = &o->known[inv->slot];
	if (k->number != inv->number)
		*k = (struct known){ .number = inv->number, .inv = inv, .noted = k->noted };
	if (!k->noted)
		o->noted[o->nr_noted++] = inv->slot;
	k->noted = true;
	return 0;
}

void rs_oldest_end(struct rs_oldest *o, const struct rs_inval *inv)
{
	struct known *k = inv->slot < o->nr_known ? &o->known[inv->slot] : NULL;

	if (o->stale || !k || k->number != inv->number)
		return;
	o->used -= k->in_all;
	o->spare += k->in_all;
	k->number = 0;
}

/* ---- the index ---- */

static unsigned int set_of(enum rs_among among, unsigned int filter)
{
	return RS_KIND_BOTH * among + filter - 1;
}

_Static_assert(RS_KIND_BOTH *RS_NR_AMONG <= RS_FIRSTS_SETS, "a set for each filter of each");

static int add(struct rs_oldest *o, struct known *k, enum rs_among among, struct rs_range r)
{
	const int n =
		rs_firsts_add(&o->index, set_of(among, k->inv->filter), r, k->number, k->inv->slot);

	if (n < 0)
		return n;
	k->in_all += (uint32_t)n;
	o->used += (uint32_t)n;
	return n;
}

/* Of those that are asked for without a page, all have the point 0. */
static int add_to(struct rs_oldest *o, struct known *k, enum rs_among among)
{
	return add(o, k, among, (struct rs_range){ 0, 1 });
}

/* What it has was @was, in @in members, and is @r, which is no less. */
static int widen(struct rs_oldest *o, struct known *k, enum rs_among among, struct rs_range r,
		 struct rs_range *was, uint32_t *in)
{
	int n;

	if (r.start == was->start && r.end == was->end)
		return 0;
	k->in_all -= *in;
	o->used -= *in;
	o->spare += *in;
	n = add(o, k, among, r);
	*in = n < 0 ? 0 : (uint32_t)n;
	*was = r;
	return n;
}

struct adding {
	struct rs_oldest *o;
	struct known *k;
};

static int add_cover(void *arg, uint8_t as, const struct rs_memslot *s, struct rs_range gfns)
{
	const struct adding *a = arg;

	return add(a->o, a->k, RS_AMONG_COVER, rs_invals_fold(a->o->t, as, s, gfns));
}

/* That it hits, which is so once and for all. */
static int add_hit(struct rs_oldest *o, struct known *k)
{
	struct adding a = { o, k };
	int rc = add_to(o, k, RS_AMONG_HIT);

	k->hit = true;
	if (rc >= 0)
		rc = k->inv->gfn ? add_to(o, k, RS_AMONG_NO_HVA)
				 : add(o, k, RS_AMONG_HVAS, k->inv->range);
	if (rc >= 0 && !k->inv->walk)
		rc = rs_inval_for_each_covered(o->t, k->inv, add_cover, &a);
	return rc;
}

/* The memslots that its walk has reached since. */
static int add_hits(struct rs_oldest *o, struct known *k)
{
	struct adding a = { o, k };
	int rc = 0;

	for (; rc >= 0 && k->inv->walk && k->hits < k->inv->nr_hits; k->hits++)
		rc = rs_inval_covered_by_hit(o->t, k->inv, k->hits, add_cover, &a);
	return rc;
}

static int bring_in(struct rs_oldest *o, struct known *k)
{
	const struct rs_inval *inv = k->inv;
	int rc = 0;

	if (!k->begun)
		rc = add_to(o, k, RS_AMONG_ALL);
	k->begun = true;
	if (rc >= 0 && inv->hit && !k->hit)
		rc = add_hit(o, k);
	if (rc >= 0)
		rc = widen(o, k, RS_AMONG_SPANS, inv->span, &k->span, &k->in_span);
	if (rc >= 0)
		rc = widen(o, k, RS_AMONG_PRIMARY, inv->primary, &k->primary, &k->in_primary);
	return rc < 0 ? rc : add_hits(o, k);
}

static void forget_all(struct rs_oldest *o)
{
	rs_firsts_clear(&o->index);
	if (o->nr_known)
		memset(o->known, 0, o->nr_known * sizeof(*o->known));
	o->used = o->spare = o->nr_noted = 0;
	o->stale = false;
}

static int note_all(struct rs_oldest *o)
{
	forget_all(o);
	for (uint32_t i = 0; i < o->t->nr; i++)
		if (rs_oldest_note(o, o->t->outstanding[i]))
			return -ENOMEM;
	return 0;
}

/* The memory of the index, which is kept, is taken from the limits. 0 or -ENOMEM. */
static int pay(struct rs_oldest *o)
{
	const size_t bytes = rs_firsts_bytes(&o->index);

	if (bytes <= o->paid)
		return 0;
	if (!rs_limits_keep(o->t->limits, bytes - o->paid, "whom to blame of what is outstanding"))
		return -ENOMEM;
	o->paid = bytes;
	return 0;
}

static int bring_up_to_date(struct rs_oldest *o)
{
	if ((o->stale || o->spare > o->used + SPARE) && note_all(o))
		return -ENOMEM;
	while (o->nr_noted) {
		struct known *k = &o->known[o->noted[--o->nr_noted]];

		k->noted = false;
		if (k->number && (bring_in(o, k) < 0 || pay(o)))
			return -ENOMEM;
	}
	return 0;
}

/* ---- the answers ---- */

static bool is_among(const struct rs_inval *inv, enum rs_among among, const struct rs_fault *f)
{
	switch (among) {
	case RS_AMONG_ALL:
		return true;
	case RS_AMONG_HIT:
		return inv->hit;
	case RS_AMONG_NO_HVA:
		return inv->gfn;
	case RS_AMONG_HVAS:
		return inv->hit && !inv->gfn && rs_range_has(&inv->range, f->hva);
	case RS_AMONG_SPANS:
		return rs_range_has(&inv->span, f->gfn);
	case RS_AMONG_PRIMARY:
		return rs_range_has(&inv->primary, f->gfn);
	default:
		return rs_inval_covers(inv, f);
	}
}

static const struct rs_inval *find_one_by_one(const struct rs_invals *t, enum rs_among among,
					      const struct rs_fault *f, unsigned int kinds)
{
	const struct rs_inval *oldest = NULL;

	for (uint32_t i = 0; i < t->nr; i++) {
		const struct rs_inval *inv = t->outstanding[i];

		if ((!oldest || inv->number < oldest->number) && (inv->filter & kinds) &&
		    is_among(inv, among, f))
			oldest = inv;
	}
	return oldest;
}

static uint64_t point_of(const struct rs_invals *t, enum rs_among among, const struct rs_fault *f)
{
	switch (among) {
	case RS_AMONG_HVAS:
		return f->hva;
	case RS_AMONG_SPANS:
	case RS_AMONG_PRIMARY:
		return f->gfn;
	case RS_AMONG_COVER:
		return rs_vm_fold(t->vm, f->as, f->gfn, f->gfn + 1).start;
	default:
		return 0;
	}
}

static bool is_gone(const void *arg, uint64_t number, uint32_t slot)
{
	const struct rs_oldest *o = arg;

	return o->known[slot].number != number;
}

int rs_oldest_find(struct rs_oldest *o, enum rs_among among, const struct rs_fault *f,
		   unsigned int kinds, const struct rs_inval **inv)
{
	const uint64_t point = point_of(o->t, among, f);
	uint64_t first = 0;

	*inv = NULL;
	if (o->t->nr <= FEW) {
		*inv = find_one_by_one(o->t, among, f, kinds);
		return 0;
	}
	if (bring_up_to_date(o))
		return -ENOMEM;
	for (unsigned int filter = RS_KIND_SHARED; filter <= RS_KIND_BOTH; filter++) {
		uint32_t slot;
		uint64_t number;

		if (!(filter & kinds))
			continue;
		number = rs_firsts_find(&o->index, set_of(among, filter), point, is_gone, o, &slot);
		if (!number || (first && number > first))
			continue;
		first = number;
		*inv = o->known[slot].inv;
	}
	return 0;
}
