// SPDX-License-Identifier: GPL-2.0-only
#include "replay/model/inval_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

#define CHUNK 64 /* invalidations allocated at once; they must not move */

/* Bytes of one with its places in the table, the hash and the index; of a covered range. */
#define INVAL_COST 768
#define SPAN_COST 160
/* So many of these are paid for with the VM. */
#define FREE_SPANS 64
/* What so many cover is found out one by one. */
#define FEW_TO_ASK 4

struct rs_invals *rs_invals_new(struct rs_vm *vm, unsigned int flags, struct rs_limits *limits)
{
	struct rs_invals *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->vm = vm;
	t->flags = flags;
	rs_limits_init(&t->own_limits, NULL, NULL, NULL);
	t->limits = limits ? limits : &t->own_limits;
	t->paid_spans = FREE_SPANS;
	return t;
}

void rs_invals_set_limits(struct rs_invals *t, struct rs_limits *limits)
{
	t->limits = limits;
}

void rs_invals_keep_host_pages(struct rs_invals *t)
{
	t->host_pages = t->flags & RS_INVALS_CAUSES;
}

static void free_chunk(struct rs_inval *chunk)
{
	for (uint32_t i = 0; i < CHUNK; i++)
		free(chunk[i].hits);
	free(chunk);
}

void rs_invals_free(struct rs_invals *t)
{
	if (!t)
		return;
	for (uint32_t i = 0; i < t->nr_chunks; i++)
		free_chunk(t->chunks[i]);
	free(t->chunks);
	free(t->outstanding);
	free(t->hash);
	rs_spans_free(&t->covered);
	rs_spans_free(&t->covered_kind[0]);
	rs_spans_free(&t->covered_kind[1]);
	rs_invals_index_free(t);
	free(t);
}

/* ---- room ---- */

#define OUTSTANDING "what is outstanding at a time"
#define HITS "the memslots that what is outstanding hits"

/* Those that are taken from the limits. */
static uint64_t bytes_of_hits(uint32_t max)
{
	return max > RS_HITS_FREE ? (uint64_t)max * sizeof(struct rs_hit) : 0;
}

int rs_invals_grow_unused(struct rs_invals *t)
{
	struct rs_inval *chunk;

	/* The first ones are paid for with the VM. */
	if (t->nr_chunks && !rs_limits_keep(t->limits, (uint64_t)CHUNK * INVAL_COST, OUTSTANDING))
		return -ENOMEM;
	if (RS_ROOM_FOR_ONE(t->chunks, t->nr_chunks))
		return -ENOMEM;
	chunk = calloc(CHUNK, sizeof(*chunk));
	if (!chunk)
		return -ENOMEM;
	for (uint32_t i = CHUNK; i--;) {
		chunk[i].slot = t->nr_chunks * CHUNK + i;
		chunk[i].next = t->unused;
		t->unused = &chunk[i];
	}
	t->chunks[t->nr_chunks++] = chunk;
	return 0;
}

int rs_invals_pay_for_spans(struct rs_invals *t)
{
	const uint32_t nr = t->covered.nr;

	if (nr <= t->paid_spans)
		return 0;
	if (!rs_limits_keep(t->limits, (uint64_t)nr * SPAN_COST, HITS))
		return -ENOMEM;
	t->paid_spans += nr;
	return 0;
}

int rs_inval_grow_hits(struct rs_invals *t, struct rs_inval *inv)
{
	uint32_t max = inv->max_hits ? 2 * inv->max_hits : 4;

	if (rs_invals_pay_for_spans(t))
		return -ENOMEM;
	if (max > RS_HITS_FREE &&
	    !rs_limits_keep(t->limits, bytes_of_hits(max) - bytes_of_hits(inv->max_hits), HITS))
		return -ENOMEM;
	if (RS_RESIZE(inv->hits, max))
		return -ENOMEM;
	inv->max_hits = max;
	return 0;
}

void rs_inval_free_hits(struct rs_invals *t, struct rs_inval *inv)
{
	rs_limits_give(t->limits, bytes_of_hits(inv->max_hits));
	free(inv->hits);
	inv->hits = NULL;
	inv->max_hits = 0;
}

static int make_hash(struct rs_invals *t)
{
	uint32_t size = 2 * t->max;

	if (size > t->hash_size) {
		if (RS_RESIZE(t->hash, size))
			return -ENOMEM;
		t->hash_size = size;
	}
	memset(t->hash, 0, t->hash_size * sizeof(*t->hash));
	for (uint32_t i = 0; i < t->nr; i++)
		rs_invals_hash(t, t->outstanding[i]);
	return 0;
}

int rs_invals_grow_outstanding(struct rs_invals *t)
{
	uint32_t max = t->max ? 2 * t->max : 2 * RS_INVALS_FEW;

	if (RS_RESIZE(t->outstanding, max))
		return -ENOMEM;
	t->max = max;
	return t->hashed ? make_hash(t) : 0;
}

/* ---- many ---- */

static struct rs_inval **bucket(const struct rs_invals *t, uint64_t id)
{
	return &t->hash[(uint32_t)((id * 0x9e3779b97f4a7c15ULL) >> 32) & (t->hash_size - 1)];
}

struct rs_inval *rs_invals_find_hashed(const struct rs_invals *t, uint64_t id)
{
	struct rs_inval *inv = *bucket(t, id);

	while (inv && inv->id != id)
		inv = inv->next;
	return inv;
}

void rs_invals_hash(struct rs_invals *t, struct rs_inval *inv)
{
	struct rs_inval **b = bucket(t, inv->id);

	inv->next = *b;
	*b = inv;
}

void rs_invals_unhash(struct rs_invals *t, const struct rs_inval *inv)
{
	struct rs_inval **p = bucket(t, inv->id);

	while (*p != inv)
		p = &(*p)->next;
	*p = inv->next;
}

int rs_invals_become_many(struct rs_invals *t)
{
	t->hashed = true;
	if (make_hash(t))
		return -ENOMEM;
	for (uint32_t i = 0; i < t->nr && t->flags & RS_INVALS_CAUSES; i++)
		if (rs_invals_index_in(t, t->outstanding[i]))
			return -ENOMEM;
	return 0;
}

void rs_invals_become_few(struct rs_invals *t)
{
	t->hashed = false;
	rs_invals_index_drop(t);
}

/* ---- what one hits ---- */

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
	p = rs_vm_primary_hull(t->vm, handle, gfns.start, gfns.end);
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

/* Room for one more than @nr; what is beyond the free ones is taken one by one. 0 or -ENOMEM. */
static int room_for_hit(const struct begin *b, uint32_t nr)
{
	if (nr >= RS_HITS_FREE && !rs_limits_hit(b->t->limits, 1))
		return -ENOMEM;
	return nr == b->inv->max_hits ? rs_inval_grow_hits(b->t, b->inv) : 0;
}

static int begin_hits(void *arg, uint32_t handle)
{
	struct begin *b = arg;
	struct rs_hit *hit;

	if (room_for_hit(b, b->inv->nr_hits))
		return -ENOMEM;
	b->inv->hit = true;
	hit = &b->inv->hits[b->inv->nr_hits++];
	hit->handle = handle;
	rs_memslot_gfns_of_hvas(rs_vm_memslot(b->t->vm, handle), b->inv->range.start,
				b->inv->range.end, &hit->gfns);
	widen_spans(b->t, b->inv, handle, hit->gfns);
	return 0;
}

/* ---- host pages of what has no host address ---- */

static uint64_t hva_of(const struct rs_invals *t, uint32_t handle, uint64_t gfn)
{
	return rs_memslot_hva(rs_vm_memslot(t->vm, handle), gfn);
}

static int begin_hosts(void *arg, uint32_t handle)
{
	struct begin *b = arg;
	const struct rs_range gfns =
		rs_memslot_clip(rs_vm_memslot(b->t->vm, handle), b->inv->range);

	if (room_for_hit(b, b->inv->nr_hosts))
		return -ENOMEM;
	b->inv->hits[b->inv->nr_hosts++] =
		(struct rs_hit){ handle, gfns, hva_of(b->t, handle, gfns.start) };
	return 0;
}

/* Its walk reached the memslot of its last hit. */
static void add_host(const struct rs_invals *t, struct rs_inval *inv)
{
	struct rs_hit *hit = &inv->hits[inv->nr_hits - 1];

	hit->hva = hva_of(t, hit->handle, hit->gfns.start);
	inv->nr_hosts = inv->nr_hits;
}

/* ---- its range ---- */

int rs_invals_begin_other(struct rs_invals *t, struct rs_inval *inv, unsigned int flags)
{
	inv->gfn = flags & RS_F_GFN;
	inv->filter = (uint8_t)rs_flags_filter(flags);
	if (inv->gfn) {
		inv->hit = false; /* what was found is no host address */
		inv->nr_hosts = 0;
	}
	return inv->filter == RS_KIND_PRIVATE && !t->kinds_differ ? rs_invals_tell_kinds(t) : 0;
}

/* A gfn invalidation always counts: the kernel does not look. */
int rs_invals_find_hits(struct rs_invals *t, struct rs_inval *inv)
{
	struct begin b = { t, inv };
	int ret;

	if (inv->gfn) {
		inv->hit = true;
		if (inv->walk)
			return 0;
		inv->span = inv->range;
		inv->primary = inv->range;
		return t->host_pages ? rs_vm_for_each_gfn(t->vm, inv->range.start, inv->range.end,
							  begin_hosts, &b)
				     : 0;
	}
	ret = rs_vm_for_each_hva(t->vm, inv->range.start, inv->range.end,
				 inv->walk ? first_hit : begin_hits, &b);
	return ret == -ENOMEM ? ret : 0;
}

/* ---- what one covers ---- */

struct cover_walk {
	const struct rs_invals *t;
	const struct rs_inval *inv;
	rs_covered_fn *fn;
	void *arg;
};

/*
 * A walk that reached memslot @s at @hit covers of it what is in the range of hvas. Where
 * there is no such range (a hole in a file), it covers what it says of the memslot.
 */
static bool covered_by_hit(const struct rs_inval *inv, const struct rs_memslot *s,
			   struct rs_range hit, struct rs_range *gfns)
{
	if (!s->present)
		return false;
	if (!inv->gfn)
		return rs_memslot_gfns_of_hvas(s, inv->range.start, inv->range.end, gfns);
	*gfns = rs_memslot_clip(s, hit);
	return gfns->start < gfns->end;
}

static int cover_found(void *arg, uint32_t handle)
{
	const struct cover_walk *w = arg;
	const struct rs_memslot *s = rs_vm_memslot(w->t->vm, handle);
	struct rs_range gfns;

	return covered_by_hit(w->inv, s, w->inv->range, &gfns) ? w->fn(w->arg, s->as, s, gfns) : 0;
}

/* What has not walked covers whatever is in its range. */
static int for_each_in_range(const struct rs_invals *t, const struct rs_inval *inv,
			     rs_covered_fn *fn, void *arg)
{
	struct cover_walk w = { t, inv, fn, arg };
	const uint8_t *spaces;
	size_t n;

	if (!inv->gfn)
		return rs_vm_for_each_hva(t->vm, inv->range.start, inv->range.end, cover_found, &w);
	n = rs_vm_spaces(t->vm, &spaces);
	for (size_t i = 0; i < n; i++) {
		int ret = fn(arg, spaces[i], NULL, inv->range);

		if (ret < 0)
			return ret;
	}
	return 0;
}

/* Of a walk's @i-th hit. */
RS_LOOP_PART int covered_by_nth(const struct rs_invals *t, const struct rs_inval *inv, uint32_t i,
				rs_covered_fn *fn, void *arg)
{
	const struct rs_memslot *s = rs_vm_memslot(t->vm, inv->hits[i].handle);
	struct rs_range gfns;

	return covered_by_hit(inv, s, inv->hits[i].gfns, &gfns) ? fn(arg, s->as, s, gfns) : 0;
}

RS_LOOP_PART int for_each_covered(const struct rs_invals *t, const struct rs_inval *inv,
				  rs_covered_fn *fn, void *arg)
{
	if (!inv->hit)
		return 0;
	if (!inv->walk)
		return for_each_in_range(t, inv, fn, arg);
	for (uint32_t i = 0; i < inv->nr_hits; i++) {
		const int ret = covered_by_nth(t, inv, i, fn, arg);

		if (ret < 0)
			return ret;
	}
	return 0;
}

int rs_inval_for_each_covered(const struct rs_invals *t, const struct rs_inval *inv,
			      rs_covered_fn *fn, void *arg)
{
	return for_each_covered(t, inv, fn, arg);
}

int rs_inval_covered_by_hit(const struct rs_invals *t, const struct rs_inval *inv, uint32_t hit,
			    rs_covered_fn *fn, void *arg)
{
	return covered_by_nth(t, inv, hit, fn, arg);
}

static int cover_add(void *arg, uint8_t as, const struct rs_memslot *s, struct rs_range gfns)
{
	struct rs_invals *t = arg;
	struct rs_range f = rs_invals_fold(t, as, s, gfns);

	t->counted = false;
	return rs_spans_add(&t->covered, f.start, f.end);
}

static int cover_remove(void *arg, uint8_t as, const struct rs_memslot *s, struct rs_range gfns)
{
	struct rs_invals *t = arg;
	struct rs_range f = rs_invals_fold(t, as, s, gfns);

	t->counted = false;
	rs_spans_remove(&t->covered, f.start, f.end);
	return 0;
}

/* Of mappings of one kind. */
struct cover_kind {
	const struct rs_invals *t;
	struct rs_spans *covered;
};

static int cover_kind_add(void *arg, uint8_t as, const struct rs_memslot *s, struct rs_range gfns)
{
	const struct cover_kind *k = arg;
	struct rs_range f = rs_invals_fold(k->t, as, s, gfns);

	return rs_spans_add(k->covered, f.start, f.end);
}

static int cover_kind_remove(void *arg, uint8_t as, const struct rs_memslot *s,
			     struct rs_range gfns)
{
	const struct cover_kind *k = arg;
	struct rs_range f = rs_invals_fold(k->t, as, s, gfns);

	rs_spans_remove(k->covered, f.start, f.end);
	return 0;
}

/* The kinds that @inv concerns, each with what it covers of them; only if kinds differ. */
static RS_SELDOM int for_each_kind(struct rs_invals *t, const struct rs_inval *inv,
				   rs_covered_fn *fn)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct cover_kind k = { t, &t->covered_kind[i] };

		if ((inv->filter & 1U << i) && rs_inval_for_each_covered(t, inv, fn, &k) < 0)
			return -ENOMEM;
	}
	return 0;
}

int rs_invals_tell_kinds(struct rs_invals *t)
{
	t->kinds_differ = true;
	for (uint32_t i = 0; (t->flags & RS_INVALS_TRUTH) && i < t->nr; i++)
		if (for_each_kind(t, t->outstanding[i], cover_kind_add))
			return -ENOMEM;
	return 0;
}

int rs_invals_cover_in(struct rs_invals *t, const struct rs_inval *inv)
{
	if (for_each_covered(t, inv, cover_add, t) < 0)
		return -ENOMEM;
	return t->kinds_differ ? for_each_kind(t, inv, cover_kind_add) : 0;
}

void rs_invals_cover_out(struct rs_invals *t, const struct rs_inval *inv)
{
	for_each_covered(t, inv, cover_remove, t);
	if (t->kinds_differ)
		for_each_kind(t, inv, cover_kind_remove);
}

/* Its walk has reached memslot @s, of which it covers @gfns; only if kinds differ. */
static RS_SELDOM int cover_slot_by_kind(struct rs_invals *t, const struct rs_inval *inv,
					const struct rs_memslot *s, struct rs_range gfns)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct cover_kind k = { t, &t->covered_kind[i] };

		if ((inv->filter & 1U << i) && cover_kind_add(&k, s->as, s, gfns))
			return -ENOMEM;
	}
	return 0;
}

int rs_invals_count_slot(struct rs_invals *t, struct rs_inval *inv, uint32_t handle,
			 struct rs_range gfns)
{
	const struct rs_memslot *s = rs_vm_memslot(t->vm, handle);
	struct rs_range c;

	if (inv->gfn)
		add_host(t, inv);
	if ((t->flags & RS_INVALS_TRUTH) && covered_by_hit(inv, s, gfns, &c) &&
	    (cover_add(t, s->as, s, c) || (t->kinds_differ && cover_slot_by_kind(t, inv, s, c))))
		return -ENOMEM;
	if (!(t->flags & RS_INVALS_CAUSES))
		return 0;
	if (t->hashed)
		rs_invals_index_out(t, inv);
	widen_spans(t, inv, handle, gfns);
	return t->hashed ? rs_invals_index_in(t, inv) : 0;
}

/* ---- the table ---- */

struct rs_inval *rs_invals_find(const struct rs_invals *t, uint64_t id)
{
	return invals_find(t, id);
}

static int cover_in_all(struct rs_invals *t)
{
	for (uint32_t i = 0; i < t->nr; i++)
		if (rs_invals_cover_in(t, t->outstanding[i]))
			return -ENOMEM;
	return 0;
}

/* ASKED: another one begins. With none before it, nothing is covered. 0 or -ENOMEM. */
static int cover_many(struct rs_invals *t)
{
	if (!t->nr)
		t->flags &= ~RS_INVALS_TRUTH;
	if (t->nr < FEW_TO_ASK || t->flags & RS_INVALS_TRUTH)
		return 0;
	t->flags |= RS_INVALS_TRUTH;
	return cover_in_all(t) || rs_invals_pay_for_spans(t) ? -ENOMEM : 0;
}

struct rs_inval *rs_invals_begin(struct rs_invals *t, const struct rs_event *e, uint64_t time_ns)
{
	if ((t->flags & RS_INVALS_ASKED) && cover_many(t))
		return NULL;
	return invals_begin(t, e, time_ns, t->flags);
}

const struct rs_hit *rs_invals_slot(struct rs_invals *t, struct rs_inval *inv, uint32_t handle,
				    struct rs_range gfns, bool *first)
{
	return invals_slot(t, inv, handle, gfns, first, t->flags);
}

void rs_invals_end(struct rs_invals *t, struct rs_inval *inv)
{
	invals_end(t, inv, t->flags);
}

void rs_invals_drop(struct rs_invals *t)
{
	for (uint32_t i = 0; i < t->nr; i++) {
		if (t->outstanding[i]->max_hits > RS_HITS_FREE)
			rs_inval_free_hits(t, t->outstanding[i]);
		t->outstanding[i]->next = t->unused;
		t->unused = t->outstanding[i];
	}
	t->nr = t->nr_hit = 0;
	memset(t->nr_gfn, 0, sizeof(t->nr_gfn));
	t->asked = false;
	t->recent = NULL;
	rs_spans_clear(&t->covered);
	rs_spans_clear(&t->covered_kind[0]);
	rs_spans_clear(&t->covered_kind[1]);
	t->counted = false;
	rs_invals_become_few(t);
}

int rs_invals_memslots_changed(struct rs_invals *t)
{
	uint64_t hits;

	if (!(t->flags & RS_INVALS_TRUTH))
		return 0;
	rs_spans_clear(&t->covered);
	rs_spans_clear(&t->covered_kind[0]);
	rs_spans_clear(&t->covered_kind[1]);
	t->counted = false;
	if (cover_in_all(t))
		return -ENOMEM;
	hits = rs_hits_beyond_free((uint64_t)t->nr + t->covered.nr);
	return rs_limits_hit(t->limits, hits) ? 0 : -ENOMEM;
}

uint32_t rs_invals_nr(const struct rs_invals *t)
{
	return t->nr;
}

uint32_t rs_invals_nr_hit(const struct rs_invals *t)
{
	return t->nr_hit;
}

const struct rs_inval *rs_invals_get(const struct rs_invals *t, uint32_t i)
{
	return t->outstanding[i];
}

uint64_t rs_invals_covered_frames(struct rs_invals *t)
{
	if (!t->counted) {
		t->frames = rs_spans_length(&t->covered);
		t->counted = true;
	}
	return t->frames;
}

/* ---- faults ---- */

void rs_fault_begin(struct rs_fault *f, const struct rs_vm *vm, uint32_t vcpu, uint8_t as,
		    uint64_t gfn, unsigned int kind, uint64_t now)
{
	f->vcpu = vcpu;
	fault_begin(f, vm, as, gfn, now);
	f->kind = (uint8_t)kind;
}

bool rs_inval_covers(const struct rs_inval *inv, const struct rs_fault *f)
{
	const bool by_hits = inv->gfn && inv->walk;

	if (!inv->hit || (!by_hits && !rs_range_has(&inv->range, inv->gfn ? f->gfn : f->hva)))
		return false;
	if (!inv->walk)
		return true;
	for (uint32_t i = 0; i < inv->nr_hits; i++)
		if (inv->hits[i].handle == f->handle &&
		    (!by_hits || rs_range_has(&inv->hits[i].gfns, f->gfn)))
			return true;
	return false;
}

void rs_fault_mark(struct rs_fault *f, const struct rs_inval *inv)
{
	if (f->necessary || f->handle == RS_NO_SLOT || !rs_inval_covers(inv, f))
		return;
	if (inv->filter & f->kind)
		f->necessary = true;
	else
		f->other = true;
}

bool rs_invals_cover(struct rs_invals *t, const struct rs_fault *f, unsigned int kind)
{
	if (!t->nr_hit)
		return false;
	if (t->nr <= FEW_TO_ASK || (kind == RS_KIND_PRIVATE && !t->kinds_differ)) {
		for (uint32_t i = 0; i < t->nr; i++)
			if (rs_inval_covers(t->outstanding[i], f) &&
			    (t->outstanding[i]->filter & kind))
				return true;
		return false;
	}
	return rs_spans_cover(t->kinds_differ ? &t->covered_kind[kind - 1] : &t->covered,
			      rs_vm_fold(t->vm, f->as, f->gfn, f->gfn + 1).start);
}

bool rs_invals_other_kind(struct rs_invals *t, const struct rs_fault *f)
{
	return f->other || rs_invals_cover(t, f, RS_KIND_BOTH & ~f->kind);
}
