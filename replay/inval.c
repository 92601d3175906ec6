// SPDX-License-Identifier: GPL-2.0-only
#include "replay/inval.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX
#define CHUNK 64 /* invalidations allocated at once; they must not move */
/* So many outstanding ones are looked at one by one for a cause; with more there is an index. */
#define FEW 8

struct rs_invals {
	struct rs_vm *vm;
	unsigned int flags;
	uint32_t nr_hit, nr_gfn;

	struct rs_inval **chunks;
	uint32_t nr_chunks, nr_slots, free_slot;
	uint32_t *outstanding; /* slots */
	uint32_t nr, max;
	uint32_t *hash; /* slots, chained through next; a power of two */
	uint32_t hash_size;
	struct rs_inval *recent; /* outstanding, or NULL; most is asked of the last to begin */
	uint32_t recent_hit;	 /* a memslot that one was in */

	struct rs_spans covered; /* folded frames */
	/* The index for the causes. */
	bool indexed;
	struct rs_spans spans;	 /* gfns */
	struct rs_spans primary; /* gfns */
	struct rs_spans hvas;	 /* of those that hit */
	struct rs_spans silent;	 /* hvas of those that hit nothing */
};

struct rs_invals *rs_invals_new(struct rs_vm *vm, unsigned int flags)
{
	struct rs_invals *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->vm = vm;
	t->flags = flags;
	t->free_slot = NONE;
	return t;
}

static struct rs_inval *inval_at(const struct rs_invals *t, uint32_t slot)
{
	return &t->chunks[slot / CHUNK][slot % CHUNK];
}

void rs_invals_free(struct rs_invals *t)
{
	if (!t)
		return;
	for (uint32_t i = 0; i < t->nr_slots; i++)
		free(inval_at(t, i)->hits);
	for (uint32_t i = 0; i < t->nr_chunks; i++)
		free(t->chunks[i]);
	free(t->chunks);
	free(t->outstanding);
	free(t->hash);
	rs_spans_free(&t->covered);
	rs_spans_free(&t->spans);
	rs_spans_free(&t->primary);
	rs_spans_free(&t->hvas);
	rs_spans_free(&t->silent);
	free(t);
}

static uint32_t bucket(const struct rs_invals *t, uint64_t id)
{
	return (uint32_t)((id * 0x9e3779b97f4a7c15ULL) >> 32) & (t->hash_size - 1);
}

struct rs_inval *rs_invals_find(const struct rs_invals *t, uint64_t id)
{
	if (t->recent && t->recent->id == id)
		return t->recent;
	if (!t->nr)
		return NULL;
	for (uint32_t i = t->hash[bucket(t, id)]; i != NONE; i = inval_at(t, i)->next)
		if (inval_at(t, i)->id == id)
			return inval_at(t, i);
	return NULL;
}

static void hash_add(struct rs_invals *t, struct rs_inval *inv)
{
	uint32_t b = bucket(t, inv->id);

	inv->next = t->hash[b];
	t->hash[b] = inv->slot;
}

static void hash_remove(struct rs_invals *t, const struct rs_inval *inv)
{
	uint32_t *p = &t->hash[bucket(t, inv->id)];

	while (*p != inv->slot)
		p = &inval_at(t, *p)->next;
	*p = inv->next;
}

static int grow_outstanding(struct rs_invals *t)
{
	uint32_t max = t->max ? 2 * t->max : 16;
	uint32_t *list = realloc(t->outstanding, max * sizeof(*list));
	uint32_t *hash;

	if (!list)
		return -ENOMEM;
	t->outstanding = list;
	hash = realloc(t->hash, 2 * (size_t)max * sizeof(*hash));
	if (!hash)
		return -ENOMEM;
	t->hash = hash;
	t->hash_size = 2 * max;
	t->max = max;
	memset(hash, 0xff, t->hash_size * sizeof(*hash));
	for (uint32_t i = 0; i < t->nr; i++)
		hash_add(t, inval_at(t, list[i]));
	return 0;
}

static int add_chunk(struct rs_invals *t)
{
	struct rs_inval **chunks = realloc(t->chunks, (t->nr_chunks + 1) * sizeof(*chunks));

	if (!chunks)
		return -ENOMEM;
	t->chunks = chunks;
	chunks[t->nr_chunks] = calloc(CHUNK, sizeof(**chunks));
	if (!chunks[t->nr_chunks])
		return -ENOMEM;
	t->nr_chunks++;
	return 0;
}

/* A free invalidation; its array of hits is kept from an earlier life. */
static struct rs_inval *take_slot(struct rs_invals *t)
{
	struct rs_inval *inv;

	if (t->free_slot != NONE) {
		inv = inval_at(t, t->free_slot);
		t->free_slot = inv->next;
		return inv;
	}
	if (t->nr_slots == t->nr_chunks * CHUNK && add_chunk(t))
		return NULL;
	inv = inval_at(t, t->nr_slots);
	inv->slot = t->nr_slots++;
	return inv;
}

static void put_slot(struct rs_invals *t, struct rs_inval *inv)
{
	inv->next = t->free_slot;
	t->free_slot = inv->slot;
}

static int grow_hits(struct rs_inval *inv)
{
	uint32_t max = inv->max_hits ? 2 * inv->max_hits : 4;
	struct rs_hit *hits = realloc(inv->hits, max * sizeof(*hits));

	if (!hits)
		return -ENOMEM;
	inv->hits = hits;
	inv->max_hits = max;
	return 0;
}

static inline const struct rs_hit *add_hit(struct rs_inval *inv, uint32_t handle,
					   struct rs_range gfns)
{
	struct rs_hit *hit;

	if (inv->nr_hits == inv->max_hits && grow_hits(inv))
		return NULL;
	hit = &inv->hits[inv->nr_hits++];
	hit->handle = handle;
	hit->gfns = gfns;
	return hit;
}

struct begin {
	struct rs_invals *t;
	struct rs_inval *inv;
};

static void widen_spans(const struct rs_invals *t, struct rs_inval *inv, uint32_t handle,
			struct rs_range gfns)
{
	struct rs_range p;

	rs_range_widen(&inv->span, gfns.start, gfns.end);
	if (!(t->flags & RS_INVALS_CAUSES))
		return;
	p = inv->gfn ? gfns : rs_vm_primary_hull(t->vm, handle, gfns.start, gfns.end);
	if (p.start < p.end)
		rs_range_widen(&inv->primary, p.start, p.end);
}

/* Of a walk it only matters whether there is anything to hit. */
static int first_hit(void *arg, uint32_t handle)
{
	struct begin *b = arg;

	b->inv->hit = true;
	b->t->recent_hit = handle;
	return -ECANCELED;
}

static bool hits_again(const struct rs_invals *t, struct rs_range hvas)
{
	const struct rs_memslot *s;

	if (t->recent_hit >= rs_vm_nr_handles(t->vm))
		return false;
	s = rs_vm_memslot(t->vm, t->recent_hit);
	return s->present && (hvas.start - s->hva) >> RS_PAGE_SHIFT < s->npages;
}

static int begin_hits(void *arg, uint32_t handle)
{
	struct begin *b = arg;
	struct rs_range gfns;

	b->inv->hit = true;
	rs_memslot_gfns_of_hvas(rs_vm_memslot(b->t->vm, handle), b->inv->range.start,
				b->inv->range.end, &gfns);
	if (!add_hit(b->inv, handle, gfns))
		return -ENOMEM;
	widen_spans(b->t, b->inv, handle, gfns);
	return 0;
}

/* Memslot @s is covered as far as the invalidation's own range goes. */
static bool covered_in(const struct rs_inval *inv, const struct rs_memslot *s,
		       struct rs_range *gfns)
{
	if (!s->present)
		return false;
	if (!inv->gfn)
		return rs_memslot_gfns_of_hvas(s, inv->range.start, inv->range.end, gfns);
	*gfns = rs_memslot_clip(s, inv->range);
	return gfns->start < gfns->end;
}

struct cover_walk {
	const struct rs_invals *t;
	const struct rs_inval *inv;
	rs_covered_fn *fn;
	void *arg;
};

static int cover_memslot(void *arg, uint32_t handle)
{
	const struct cover_walk *w = arg;
	const struct rs_memslot *s = rs_vm_memslot(w->t->vm, handle);
	struct rs_range gfns;

	return covered_in(w->inv, s, &gfns) ? w->fn(w->arg, s->as, s, gfns) : 0;
}

int rs_inval_for_each_covered(const struct rs_invals *t, const struct rs_inval *inv,
			      rs_covered_fn *fn, void *arg)
{
	struct cover_walk w = { t, inv, fn, arg };
	const uint8_t *spaces;
	size_t n;
	int ret;

	if (!inv->hit)
		return 0;
	if (inv->walk) {
		for (uint32_t i = 0; i < inv->nr_hits; i++) {
			ret = cover_memslot(&w, inv->hits[i].handle);
			if (ret < 0)
				return ret;
		}
		return 0;
	}
	if (!inv->gfn)
		return rs_vm_for_each_hva(t->vm, inv->range.start, inv->range.end, cover_memslot,
					  &w);
	n = rs_vm_spaces(t->vm, &spaces);
	for (size_t i = 0; i < n; i++) {
		ret = fn(arg, spaces[i], NULL, inv->range);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static inline struct rs_range fold(const struct rs_invals *t, uint8_t as,
				   const struct rs_memslot *s, struct rs_range gfns)
{
	return s ? rs_memslot_fold(s, gfns) : rs_vm_fold(t->vm, as, gfns.start, gfns.end);
}

static int cover_add(void *arg, uint8_t as, const struct rs_memslot *s, struct rs_range gfns)
{
	struct rs_invals *t = arg;
	struct rs_range f = fold(t, as, s, gfns);

	return rs_spans_add(&t->covered, f.start, f.end);
}

static int cover_remove(void *arg, uint8_t as, const struct rs_memslot *s, struct rs_range gfns)
{
	struct rs_invals *t = arg;
	struct rs_range f = fold(t, as, s, gfns);

	rs_spans_remove(&t->covered, f.start, f.end);
	return 0;
}

static int index_add(struct rs_invals *t, const struct rs_inval *inv)
{
	if (!inv->hit)
		return rs_spans_add(&t->silent, inv->range.start, inv->range.end);
	if (!inv->gfn && rs_spans_add(&t->hvas, inv->range.start, inv->range.end))
		return -ENOMEM;
	if (rs_spans_add(&t->spans, inv->span.start, inv->span.end))
		return -ENOMEM;
	return rs_spans_add(&t->primary, inv->primary.start, inv->primary.end);
}

static void index_remove(struct rs_invals *t, const struct rs_inval *inv)
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

static void drop_index(struct rs_invals *t)
{
	t->indexed = false;
	rs_spans_clear(&t->spans);
	rs_spans_clear(&t->primary);
	rs_spans_clear(&t->hvas);
	rs_spans_clear(&t->silent);
}

static __attribute__((noinline)) int make_index(struct rs_invals *t)
{
	t->indexed = true;
	for (uint32_t i = 0; i < t->nr; i++)
		if (index_add(t, rs_invals_get(t, i)))
			return -ENOMEM;
	return 0;
}

/* Enters an invalidation into what is counted. */
static int count_in(struct rs_invals *t, struct rs_inval *inv)
{
	if (inv->hit) {
		t->nr_hit++;
		t->nr_gfn += inv->gfn;
		if ((t->flags & RS_INVALS_TRUTH) && rs_inval_for_each_covered(t, inv, cover_add, t))
			return -ENOMEM;
	}
	return t->indexed ? index_add(t, inv) : 0;
}

static void count_out(struct rs_invals *t, const struct rs_inval *inv)
{
	if (inv->hit) {
		t->nr_hit--;
		t->nr_gfn -= inv->gfn;
		if (t->flags & RS_INVALS_TRUTH)
			rs_inval_for_each_covered(t, inv, cover_remove, t);
	}
	if (t->indexed)
		index_remove(t, inv);
}

/* Which memslots it hits. A gfn invalidation always counts: the kernel does not look. */
static int find_hits(struct rs_invals *t, struct rs_inval *inv)
{
	struct begin b = { t, inv };
	int ret;

	if (inv->gfn) {
		inv->hit = true;
		if (!inv->walk) {
			inv->span = inv->range;
			inv->primary = inv->range;
		}
		return 0;
	}
	if (inv->walk && hits_again(t, inv->range)) {
		inv->hit = true;
		return 0;
	}
	ret = rs_vm_for_each_hva(t->vm, inv->range.start, inv->range.end,
				 inv->walk ? first_hit : begin_hits, &b);
	return ret == -ENOMEM ? ret : 0;
}

struct rs_inval *rs_invals_begin(struct rs_invals *t, uint64_t id, uint64_t time_ns,
				 struct rs_range range, bool gfn, bool walk)
{
	struct rs_inval *inv;

	if (t->nr == t->max && grow_outstanding(t))
		return NULL;
	inv = take_slot(t);
	if (!inv)
		return NULL;
	inv->id = id;
	inv->begin_ns = time_ns;
	inv->range = range;
	inv->gfn = gfn;
	inv->walk = walk;
	inv->hit = false;
	inv->nr_hits = 0;
	inv->span = inv->primary = (struct rs_range){ 0, 0 };
	inv->place = t->nr;
	t->outstanding[t->nr++] = inv->slot;
	hash_add(t, inv);
	t->recent = inv;
	if (find_hits(t, inv) || count_in(t, inv))
		return NULL;
	if (t->nr > FEW && (t->flags & RS_INVALS_CAUSES) && !t->indexed && make_index(t))
		return NULL;
	return inv;
}

/* What is counted once @gfns of memslot @handle are among what @inv hit. */
static int count_slot(struct rs_invals *t, struct rs_inval *inv, uint32_t handle,
		      struct rs_range gfns)
{
	const struct rs_memslot *s = rs_vm_memslot(t->vm, handle);
	struct rs_range c;

	if ((t->flags & RS_INVALS_TRUTH) && covered_in(inv, s, &c) && cover_add(t, s->as, s, c))
		return -ENOMEM;
	if (!(t->flags & RS_INVALS_CAUSES))
		return 0;
	if (t->indexed)
		index_remove(t, inv);
	widen_spans(t, inv, handle, gfns);
	return t->indexed ? index_add(t, inv) : 0;
}

const struct rs_hit *rs_invals_slot(struct rs_invals *t, struct rs_inval *inv, uint32_t handle,
				    struct rs_range gfns, bool *first)
{
	const struct rs_hit *hit;

	*first = !inv->hit;
	if (*first) {
		count_out(t, inv);
		inv->hit = true;
		if (count_in(t, inv))
			return NULL;
	}
	hit = add_hit(inv, handle, gfns);
	if (!hit || (t->flags && count_slot(t, inv, handle, gfns)))
		return NULL;
	return hit;
}

void rs_invals_end(struct rs_invals *t, struct rs_inval *inv)
{
	count_out(t, inv);
	if (t->recent == inv)
		t->recent = NULL;
	hash_remove(t, inv);
	t->outstanding[inv->place] = t->outstanding[--t->nr];
	inval_at(t, t->outstanding[inv->place])->place = inv->place;
	put_slot(t, inv);
	if (t->indexed && t->nr <= FEW / 2)
		drop_index(t);
}

void rs_invals_drop(struct rs_invals *t)
{
	for (uint32_t i = 0; i < t->nr; i++)
		put_slot(t, inval_at(t, t->outstanding[i]));
	if (t->hash)
		memset(t->hash, 0xff, t->hash_size * sizeof(*t->hash));
	t->nr = t->nr_hit = t->nr_gfn = 0;
	t->recent = NULL;
	rs_spans_clear(&t->covered);
	drop_index(t);
}

int rs_invals_memslots_changed(struct rs_invals *t)
{
	if (!(t->flags & RS_INVALS_TRUTH))
		return 0;
	rs_spans_clear(&t->covered);
	for (uint32_t i = 0; i < t->nr; i++)
		if (rs_inval_for_each_covered(t, rs_invals_get(t, i), cover_add, t))
			return -ENOMEM;
	return 0;
}

uint32_t rs_invals_nr(const struct rs_invals *t)
{
	return t->nr;
}

uint32_t rs_invals_nr_hit(const struct rs_invals *t)
{
	return t->nr_hit;
}

uint32_t rs_invals_nr_gfn(const struct rs_invals *t)
{
	return t->nr_gfn;
}

const struct rs_inval *rs_invals_get(const struct rs_invals *t, uint32_t i)
{
	return inval_at(t, t->outstanding[i]);
}

/* Most faults of a vCPU are in the memslot of the one before. */
static uint32_t find_memslot(const struct rs_vm *vm, uint32_t before, uint8_t as, uint64_t gfn)
{
	const struct rs_memslot *s;

	if (before >= rs_vm_nr_handles(vm))
		return rs_vm_find_gfn(vm, as, gfn);
	s = rs_vm_memslot(vm, before);
	return s->present && s->as == as && gfn - s->gfn < s->npages ? before
								     : rs_vm_find_gfn(vm, as, gfn);
}

void rs_fault_begin(struct rs_fault *f, const struct rs_vm *vm, uint32_t vcpu, uint8_t as,
		    uint64_t gfn, uint64_t now)
{
	const uint32_t handle = find_memslot(vm, f->handle, as, gfn);
	const struct rs_memslot *s;

	f->gfn = gfn;
	f->begin_ns = now;
	f->vcpu = vcpu;
	f->handle = handle;
	f->as = as;
	f->open = true;
	f->quiet = false;
	f->judged = true;
	f->necessary = false;
	f->hva = 0;
	if (handle == RS_NO_SLOT)
		return;
	s = rs_vm_memslot(vm, handle);
	f->generation = s->generation;
	f->hva = rs_memslot_hva(s, gfn);
}

bool rs_fault_obsolete(const struct rs_fault *f, const struct rs_vm *vm)
{
	return rs_vm_memslot(vm, f->handle)->generation != f->generation;
}

bool rs_inval_covers(const struct rs_inval *inv, const struct rs_fault *f)
{
	if (!inv->hit || !rs_range_has(&inv->range, inv->gfn ? f->gfn : f->hva))
		return false;
	if (!inv->walk)
		return true;
	for (uint32_t i = 0; i < inv->nr_hits; i++)
		if (inv->hits[i].handle == f->handle)
			return true;
	return false;
}

void rs_fault_mark(struct rs_fault *f, const struct rs_inval *inv)
{
	if (!f->necessary && f->handle != RS_NO_SLOT && rs_inval_covers(inv, f))
		f->necessary = true;
}

bool rs_invals_cover(const struct rs_invals *t, const struct rs_fault *f)
{
	if (!t->nr_hit)
		return false;
	if (t->nr <= 4) {
		for (uint32_t i = 0; i < t->nr; i++)
			if (rs_inval_covers(rs_invals_get(t, i), f))
				return true;
		return false;
	}
	return rs_spans_cover(&t->covered, rs_vm_fold(t->vm, f->as, f->gfn, f->gfn + 1).start);
}

uint64_t rs_invals_covered_frames(const struct rs_invals *t)
{
	return t->nr_hit ? rs_spans_length(&t->covered) : 0;
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

	if (t->indexed)
		return place_by_index(t, gfn);
	for (uint32_t i = 0; i < t->nr; i++) {
		const struct rs_inval *inv = rs_invals_get(t, i);

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

	if (t->indexed)
		return rs_spans_hull(hit ? &t->hvas : &t->silent);
	for (uint32_t i = 0; i < t->nr; i++) {
		const struct rs_inval *inv = rs_invals_get(t, i);

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

	for (uint32_t i = 0; t->nr_gfn && i < rs_invals_nr(t); i++) {
		const struct rs_inval *inv = rs_invals_get(t, i);
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
