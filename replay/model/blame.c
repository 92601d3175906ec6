// SPDX-License-Identifier: GPL-2.0-only
#include "replay/model/blame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "replay/model/inval_table.h"
#include "replay/model/oldest.h"

/* So often a bound is known to have moved within one epoch; who moved it later is not kept. */
#define MAX_MOVES 65536

/* A bound of a range came to @bound. */
struct move {
	uint64_t bound;
	size_t before; /* moves of either bound that came before */
	struct rs_blamed by;
};

struct moves {
	struct move *v;
	size_t nr, max;
};

/* The one range that an algorithm has, and who moved its bounds. */
struct ranges {
	struct rs_range hull;
	struct moves down, up; /* of its start, of its end */
};

/* The three there are: of gfns, of hvas, of hvas also of what hits nothing. */
enum range_of { OF_GFNS, OF_HVAS, OF_ALL_HVAS, NR_RANGES };

/* What raised a sequence count last, and when. */
struct raise {
	uint64_t moment;
	struct rs_blamed by;
};

struct seat {
	uint64_t moment; /* when its fault began */
	uint32_t who;
	/* Of those that ended since and cover its page: the first to begin, of its kind, of the
	 * other. */
	struct rs_blamed cover, other;
};

struct rs_blames {
	struct rs_invals *t;
	struct rs_oldest *oldest;
	uint64_t moment; /* counts begins and ends */
	/* By filter: the last end of one that hit, the same with those that did not, begin. */
	struct raise end[RS_KIND_BOTH + 1], any_end[RS_KIND_BOTH + 1], begin[RS_KIND_BOTH + 1];
	struct seat *seats;
	size_t nr_seats;
	struct ranges ranges[NR_RANGES];
};

struct rs_blames *rs_blames_new(struct rs_invals *t)
{
	struct rs_blames *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->t = t;
	b->oldest = rs_oldest_new(t);
	if (b->oldest)
		return b;
	free(b);
	return NULL;
}

void rs_blames_free(struct rs_blames *b)
{
	if (!b)
		return;
	for (unsigned int i = 0; i < NR_RANGES; i++) {
		free(b->ranges[i].down.v);
		free(b->ranges[i].up.v);
	}
	free(b->seats);
	rs_oldest_free(b->oldest);
	free(b);
}

static struct rs_blamed blamed(const struct rs_inval *inv, uint64_t end_ns)
{
	return (struct rs_blamed){ .number = inv->number,
				   .id = inv->id,
				   .begin_ns = inv->begin_ns,
				   .end_ns = end_ns,
				   .start = inv->range.start,
				   .end = inv->range.end,
				   .who = inv->who,
				   .gfn = inv->gfn };
}

int rs_blames_fault(struct rs_blames *b, uint32_t seat, uint32_t who)
{
	if (RS_ROOM_ZEROED(b->seats, b->nr_seats, (size_t)seat + 1))
		return -ENOMEM;
	b->seats[seat] = (struct seat){ .moment = b->moment, .who = who };
	return 0;
}

uint32_t rs_blames_thread(const struct rs_blames *b, uint32_t seat)
{
	return seat < b->nr_seats ? b->seats[seat].who : 0;
}

/* ---- the ranges ---- */

static int move(struct ranges *r, struct moves *m, uint64_t bound, const struct rs_inval *inv)
{
	if (m->nr == MAX_MOVES)
		return 0;
	if (RS_ROOM(m->v, m->max, m->nr + 1))
		return -ENOMEM;
	m->v[m->nr] = (struct move){ bound, r->down.nr + r->up.nr, blamed(inv, RS_NOT_ENDED) };
	m->nr++;
	return 0;
}

static int widen(struct ranges *r, struct rs_range by, const struct rs_inval *inv)
{
	const bool empty = r->hull.start >= r->hull.end;
	int rc = 0;

	if (by.start >= by.end)
		return 0;
	if (empty || by.start < r->hull.start)
		rc = move(r, &r->down, by.start, inv);
	if (!rc && (empty || by.end > r->hull.end))
		rc = move(r, &r->up, by.end, inv);
	rs_range_widen(&r->hull, by.start, by.end);
	return rc;
}

/* Nothing was in progress before: the range of then is forgotten. */
static void lapse(struct ranges *r)
{
	r->hull = (struct rs_range){ 0, 0 };
	r->down.nr = r->up.nr = 0;
}

static struct rs_range hvas_of(const struct rs_inval *inv)
{
	return inv->gfn ? (struct rs_range){ 0, UINT64_MAX } : inv->range;
}

static int begin_hit(struct rs_blames *b, const struct rs_inval *inv)
{
	if (b->t->nr_hit == 1) {
		lapse(&b->ranges[OF_GFNS]);
		lapse(&b->ranges[OF_HVAS]);
	}
	b->begin[inv->filter] = (struct raise){ b->moment, blamed(inv, RS_NOT_ENDED) };
	return widen(&b->ranges[OF_HVAS], hvas_of(inv), inv);
}

int rs_blames_begin(struct rs_blames *b, const struct rs_inval *inv)
{
	int rc;

	b->moment++;
	if (b->t->nr == 1)
		lapse(&b->ranges[OF_ALL_HVAS]);
	rc = rs_oldest_note(b->oldest, inv);
	if (!rc)
		rc = widen(&b->ranges[OF_ALL_HVAS], hvas_of(inv), inv);
	if (!rc && inv->hit)
		rc = begin_hit(b, inv);
	return rc || !inv->hit || inv->walk ? rc : widen(&b->ranges[OF_GFNS], inv->span, inv);
}

int rs_blames_slot(struct rs_blames *b, const struct rs_inval *inv, const struct rs_hit *hit,
		   bool late)
{
	int rc = rs_oldest_note(b->oldest, inv);

	b->moment += late;
	if (late && !rc)
		rc = begin_hit(b, inv);
	return rc ? rc : widen(&b->ranges[OF_GFNS], hit->gfns, inv);
}

static void keep_first(struct rs_blamed *kept, const struct rs_blamed *by)
{
	if (!kept->number || by->number < kept->number)
		*kept = *by;
}

void rs_blames_end(struct rs_blames *b, const struct rs_inval *inv, uint64_t now)
{
	rs_oldest_end(b->oldest, inv);
	b->moment++;
	b->any_end[inv->filter] = (struct raise){ b->moment, blamed(inv, now) };
	if (inv->hit)
		b->end[inv->filter] = b->any_end[inv->filter];
}

void rs_blames_end_during(struct rs_blames *b, const struct rs_inval *inv, const struct rs_fault *f)
{
	if (f->handle != RS_NO_SLOT && rs_inval_covers(inv, f))
		keep_first(inv->filter & f->kind ? &b->seats[f->seat].cover
						 : &b->seats[f->seat].other,
			   &b->any_end[inv->filter].by);
}

void rs_blames_memslots_changed(struct rs_blames *b)
{
	rs_oldest_drop(b->oldest);
}

void rs_blames_drop(struct rs_blames *b)
{
	rs_oldest_drop(b->oldest);
	b->moment++;
	for (unsigned int i = 0; i < NR_RANGES; i++)
		lapse(&b->ranges[i]);
}

/* ---- the answers ---- */

/* The first to begin of those that cover the page and concern @kinds. */
static int find_cover(const struct rs_blames *b, const struct rs_fault *f, unsigned int kinds,
		      struct rs_blamed *by)
{
	const struct rs_inval *inv;

	*by = kinds & f->kind ? b->seats[f->seat].cover : b->seats[f->seat].other;
	if (rs_oldest_find(b->oldest, RS_AMONG_COVER, f, kinds, &inv))
		return -ENOMEM;
	if (inv && (!by->number || inv->number < by->number))
		*by = blamed(inv, RS_NOT_ENDED);
	return 0;
}

static void keep_last(const struct raise *raise, uint64_t since, struct raise *last)
{
	if (raise->moment > since && raise->moment > last->moment)
		*last = *raise;
}

/* What raised the algorithm's sequence count last since the fault began. */
static void find_raise(const struct rs_blames *b, const struct rs_algo *a, const struct rs_fault *f,
		       struct rs_blamed *by)
{
	const unsigned int flags = a->ops->flags;
	const unsigned int kinds = flags & RS_ALGO_SPLIT ? f->kind : RS_KIND_BOTH;
	const uint64_t since = b->seats[f->seat].moment;
	struct raise last = { 0 };

	for (unsigned int filter = RS_KIND_SHARED; filter <= RS_KIND_BOTH; filter++) {
		const bool one_step = flags & RS_ALGO_ONE_STEP;

		if (!(filter & kinds))
			continue;
		/* Of private memory alone it is over with its begin. */
		if (!one_step || filter != RS_KIND_PRIVATE)
			keep_last(flags & RS_ALGO_SEES_ALL ? &b->any_end[filter] : &b->end[filter],
				  since, &last);
		if (one_step && filter & RS_KIND_PRIVATE &&
		    (filter == RS_KIND_PRIVATE || kinds == RS_KIND_PRIVATE))
			keep_last(&b->begin[filter], since, &last);
	}
	*by = last.by;
}

static const struct rs_inval *older(const struct rs_inval *x, const struct rs_inval *y)
{
	return !x || (y && y->number < x->number) ? y : x;
}

/* The first to begin of all that the algorithm is shown. */
static int find_any(const struct rs_blames *b, const struct rs_algo *a, const struct rs_fault *f,
		    unsigned int kinds, const struct rs_inval **first)
{
	return rs_oldest_find(b->oldest,
			      a->ops->flags & RS_ALGO_SEES_ALL ? RS_AMONG_ALL : RS_AMONG_HIT, f,
			      kinds, first);
}

/*
 * The first to begin of those without a host address that have a host page at the fault's,
 * or with @between some on both sides of it or there. They are looked at one by one.
 */
static const struct rs_inval *find_host_page(const struct rs_blames *b, const struct rs_fault *f,
					     unsigned int kinds, bool between)
{
	const struct rs_inval *first = NULL;

	for (uint32_t i = 0; i < b->t->nr && !b->t->limits->over; i++) {
		const struct rs_inval *inv = b->t->outstanding[i];
		struct rs_range hull;
		bool has;

		if (!inv->gfn || !(inv->filter & kinds) || (first && inv->number > first->number))
			continue;
		has = rs_inval_has_host_page(b->t, inv, f->hva, &hull);
		if (between ? rs_range_has(&hull, f->hva) : has)
			first = inv;
	}
	return first;
}

/* The first to begin of what is outstanding and, for that cause, has to do with the page. */
static int find_outstanding(const struct rs_blames *b, const struct rs_algo *a,
			    const struct rs_fault *f, const struct rs_reason *why,
			    const struct rs_inval **first)
{
	const bool hosts = why->space == RS_SPACE_HFN;
	int rc;

	switch (why->cause) {
	case RS_CAUSE_ALIAS:
		rc = rs_oldest_find(b->oldest, hosts ? RS_AMONG_HVAS : RS_AMONG_SPANS, f,
				    why->kinds, first);
		if (hosts)
			*first = older(*first, find_host_page(b, f, why->kinds, false));
		return rc;
	case RS_CAUSE_SCATTER:
		if (!hosts)
			return rs_oldest_find(b->oldest, RS_AMONG_PRIMARY, f, why->kinds, first);
		*first = find_host_page(b, f, why->kinds, true);
		return 0;
	case RS_CAUSE_NO_HVA:
		rc = rs_oldest_find(b->oldest, RS_AMONG_NO_HVA, f, why->kinds, first);
		/* A private fault has no address, and asks whether anything is in progress. */
		return rc || *first ? rc : find_any(b, a, f, why->kinds, first);
	default:
		return find_any(b, a, f, why->kinds, first);
	}
}

/* Who moved the bound over @x; NULL: that was not kept. */
static const struct move *mover(const struct moves *m, bool down, uint64_t x)
{
	size_t low = 0, high = m->nr;

	while (low < high) {
		const size_t mid = low + (high - low) / 2;

		if (down ? m->v[mid].bound <= x : m->v[mid].bound > x)
			high = mid;
		else
			low = mid + 1;
	}
	return low < m->nr ? &m->v[low] : NULL;
}

/*
 * The bound of the range that @x is within, and of the hull of what is outstanding is not. Of
 * both the one that moved over it last: only then the range had the page.
 */
static void find_widened(const struct rs_blames *b, const struct rs_algo *a,
			 const struct rs_fault *f, const struct rs_reason *why,
			 struct rs_blamed *by)
{
	const struct rs_range hull =
		rs_invals_hull(b->t, why->space, why->kinds, a->ops->flags & RS_ALGO_SEES_ALL);
	const enum range_of of = why->space == RS_SPACE_GFN	    ? OF_GFNS
				 : a->ops->flags & RS_ALGO_SEES_ALL ? OF_ALL_HVAS
								    : OF_HVAS;
	const uint64_t x = of == OF_GFNS ? f->gfn : f->hva;
	const bool empty = hull.start >= hull.end;
	const struct move *down =
		empty || x < hull.start ? mover(&b->ranges[of].down, true, x) : NULL;
	const struct move *up = empty || x >= hull.end ? mover(&b->ranges[of].up, false, x) : NULL;

	if (down && up)
		*by = down->before > up->before ? down->by : up->by;
	else if (down || up)
		*by = down ? down->by : up->by;
	by->end_ns = 0;
}

int rs_blames_find(struct rs_blames *b, const struct rs_algo *a, const struct rs_fault *f,
		   const struct rs_reason *why, bool necessary, struct rs_blame *blame)
{
	const struct rs_inval *first;

	*blame = (struct rs_blame){ 0 };
	if (necessary)
		return find_cover(b, f, f->kind, &blame->by);
	switch (why->cause) {
	case RS_CAUSE_KIND:
		return find_cover(b, f, RS_KIND_BOTH & ~f->kind, &blame->by);
	case RS_CAUSE_SEQ:
		find_raise(b, a, f, &blame->by);
		return 0;
	default:
		if (find_outstanding(b, a, f, why, &first))
			return -ENOMEM;
		if (first)
			blame->by = blamed(first, RS_NOT_ENDED);
		if (why->cause == RS_CAUSE_STALE && why->one_range)
			find_widened(b, a, f, why, &blame->widened);
		return 0;
	}
}
