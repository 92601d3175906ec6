/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_MODEL_INVAL_TABLE_H
#define RS_REPLAY_MODEL_INVAL_TABLE_H

/*
 * What struct rs_invals is, and the steps of its functions that most events take, for
 * loops in which a call would cost as much as what it does. The @flags of a step are
 * those of the table: where they are constant, so is what depends on them. inval.c has
 * the rest, inval_causes.c the causes.
 */
#include <errno.h>

#include "replay/model/inval.h"
#include "base/inline.h"

/* So many outstanding ones are looked at one by one; of more there are a hash and an index. */
#define RS_INVALS_FEW 8

/* What those of one filter have in common. */
struct rs_inval_index {
	struct rs_spans spans;	 /* gfns */
	struct rs_spans primary; /* gfns */
	struct rs_spans hvas;	 /* of those that hit */
	struct rs_spans silent;	 /* hvas of those that hit nothing */
};

struct rs_invals {
	struct rs_vm *vm;
	unsigned int flags;
	bool host_pages; /* of ranges of gfns are kept */
	uint32_t nr_hit;
	uint32_t nr_gfn[RS_KIND_BOTH + 1]; /* that hit and have no host address, by filter */
	uint64_t nr_begun;
	struct rs_limits *limits, own_limits;

	struct rs_inval **chunks; /* to be freed */
	uint32_t nr_chunks;
	struct rs_inval *unused; /* a list; their arrays of hits are kept from an earlier life */
	struct rs_inval **outstanding;
	uint32_t nr, max;
	struct rs_inval *recent; /* outstanding, or NULL; most is asked of the last to begin */
	uint32_t recent_hit;	 /* a memslot that one was in */

	bool hashed;		/* and, with RS_INVALS_CAUSES, indexed */
	uint32_t hash_size;	/* a power of two */
	struct rs_inval **hash; /* chained through next */

	struct rs_spans covered; /* folded frames */
	uint32_t paid_spans;	 /* so many there may be before more are taken from the limits */
	bool counted;		 /* how many they are is known: */
	uint64_t frames;
	/*
	 * The same by kind, from the first private fault or invalidation of private memory
	 * alone on; before that all concern shared mappings.
	 */
	bool kinds_differ;
	struct rs_spans covered_kind[2];
	/* For the causes, by filter; NULL: there was none of that filter among many. */
	struct rs_inval_index *index[RS_KIND_BOTH + 1];
	/*
	 * The cause of the page at asked_gfn, as long as nothing changes: algorithms ask one
	 * after the other about the same fault, which would take 3 % of the instructions of
	 * all of them where most rejections are spurious.
	 */
	bool asked;
	uint64_t asked_gfn;
	enum rs_cause answer;
};

/* ---- the parts that are calls ---- */

/* Room for more, of unused ones, of outstanding ones, of hits. 0 or -ENOMEM. */
int rs_invals_grow_unused(struct rs_invals *t);
int rs_invals_grow_outstanding(struct rs_invals *t);
int rs_inval_grow_hits(struct rs_invals *t, struct rs_inval *inv);
/*
 * What is covered takes memory that is not given back but used again. It is paid for where many
 * ranges can have come: with many outstanding before each one, with few where one hits more than
 * ever; to ask after each range takes 0.17 % of a replay. 0 or -ENOMEM.
 */
int rs_invals_pay_for_spans(struct rs_invals *t);
/* The hits of one that is over are more than are worth keeping for the next. */
void rs_inval_free_hits(struct rs_invals *t, struct rs_inval *inv);

/* The same as without hash; an outstanding one goes in or out; from few to many and back. */
struct rs_inval *rs_invals_find_hashed(const struct rs_invals *t, uint64_t id);
void rs_invals_hash(struct rs_invals *t, struct rs_inval *inv);
void rs_invals_unhash(struct rs_invals *t, const struct rs_inval *inv);
int rs_invals_become_many(struct rs_invals *t);
void rs_invals_become_few(struct rs_invals *t);

/* @inv, which begins with these flags, is not of shared mappings by their hvas. 0 or -ENOMEM. */
int rs_invals_begin_other(struct rs_invals *t, struct rs_inval *inv, unsigned int flags);
/* Finds out which memslots @inv, which begins, hits. 0 or -ENOMEM. */
int rs_invals_find_hits(struct rs_invals *t, struct rs_inval *inv);
/* What it covers, and what the index has of it, goes in or out. 0 or -ENOMEM. */
int rs_invals_cover_in(struct rs_invals *t, const struct rs_inval *inv);
void rs_invals_cover_out(struct rs_invals *t, const struct rs_inval *inv);
int rs_invals_index_in(struct rs_invals *t, const struct rs_inval *inv);
void rs_invals_index_out(struct rs_invals *t, const struct rs_inval *inv);
void rs_invals_index_drop(struct rs_invals *t);
void rs_invals_index_free(struct rs_invals *t);
/* @gfns of memslot @handle are among what @inv hits now. 0 or -ENOMEM. */
int rs_invals_count_slot(struct rs_invals *t, struct rs_inval *inv, uint32_t handle,
			 struct rs_range gfns);

/* Frames that some cover, as one range of folded numbers: as rs_covered_fn has them. */
static inline struct rs_range rs_invals_fold(const struct rs_invals *t, uint8_t as,
					     const struct rs_memslot *s, struct rs_range gfns)
{
	return s ? rs_memslot_fold(s, gfns) : rs_vm_fold(t->vm, as, gfns.start, gfns.end);
}

/* ---- the steps ---- */

RS_LOOP_PART struct rs_inval *invals_find(const struct rs_invals *t, uint64_t id)
{
	if (t->recent && t->recent->id == id)
		return t->recent;
	if (t->hashed)
		return rs_invals_find_hashed(t, id);
	for (uint32_t i = 0; i < t->nr; i++)
		if (t->outstanding[i]->id == id)
			return t->outstanding[i];
	return NULL;
}

/* Enters @inv into what is counted. 0 or -ENOMEM. */
RS_LOOP_PART int invals_count_in(struct rs_invals *t, const struct rs_inval *inv,
				 unsigned int flags)
{
	if (inv->hit) {
		t->nr_hit++;
		t->nr_gfn[inv->filter] += inv->gfn;
		if ((flags & RS_INVALS_TRUTH) && rs_invals_cover_in(t, inv))
			return -ENOMEM;
	}
	return (flags & RS_INVALS_CAUSES) && t->hashed ? rs_invals_index_in(t, inv) : 0;
}

RS_LOOP_PART void invals_count_out(struct rs_invals *t, const struct rs_inval *inv,
				   unsigned int flags)
{
	if (inv->hit) {
		t->nr_hit--;
		t->nr_gfn[inv->filter] -= inv->gfn;
		if (flags & RS_INVALS_TRUTH)
			rs_invals_cover_out(t, inv);
	}
	if ((flags & RS_INVALS_CAUSES) && t->hashed)
		rs_invals_index_out(t, inv);
}

/* Whether the memslot that was hit before is hit again. */
RS_LOOP_PART bool invals_hit_again(const struct rs_invals *t, struct rs_range hvas)
{
	const struct rs_memslot *s;

	if (t->recent_hit >= rs_vm_nr_handles(t->vm))
		return false;
	s = rs_vm_memslot(t->vm, t->recent_hit);
	return s->present && (hvas.start - s->hva) >> RS_PAGE_SHIFT < s->npages;
}

RS_LOOP_PART struct rs_inval *invals_begin(struct rs_invals *t, const struct rs_event *e,
					   uint64_t time_ns, unsigned int flags)
{
	const struct rs_range range = { e->inval.start, e->inval.end };
	const bool walk = e->flags & RS_F_WALK;
	struct rs_inval *inv;

	if ((!t->unused && rs_invals_grow_unused(t)) ||
	    (t->nr == t->max && rs_invals_grow_outstanding(t)))
		return NULL;
	if (flags)
		t->asked = false;
	inv = t->unused;
	t->unused = inv->next;
	inv->id = e->inval.id;
	inv->begin_ns = time_ns;
	if (flags & RS_INVALS_CAUSES) {
		inv->number = ++t->nr_begun;
		inv->who = e->inval.who;
	}
	inv->range = range;
	inv->gfn = false;
	inv->walk = walk;
	inv->filter = RS_KIND_SHARED;
	inv->hit = walk && invals_hit_again(t, range);
	if ((e->flags & (RS_F_GFN | RS_F_SHARED | RS_F_PRIVATE)) &&
	    rs_invals_begin_other(t, inv, e->flags))
		return NULL;
	inv->nr_hits = 0;
	inv->span = inv->primary = (struct rs_range){ 0, 0 };
	inv->place = t->nr;
	t->outstanding[t->nr++] = inv;
	t->recent = inv;
	if (t->hashed) {
		rs_invals_hash(t, inv);
		if ((flags & RS_INVALS_TRUTH) && rs_invals_pay_for_spans(t))
			return NULL;
	}
	if ((!inv->hit && rs_invals_find_hits(t, inv)) || invals_count_in(t, inv, flags))
		return NULL;
	if (t->nr > RS_INVALS_FEW && !t->hashed && rs_invals_become_many(t))
		return NULL;
	return inv;
}

RS_LOOP_PART const struct rs_hit *invals_slot(struct rs_invals *t, struct rs_inval *inv,
					      uint32_t handle, struct rs_range gfns, bool *first,
					      unsigned int flags)
{
	struct rs_hit *hit;

	if (flags)
		t->asked = false;
	*first = !inv->hit;
	if (*first) {
		invals_count_out(t, inv, flags);
		inv->hit = true;
		if (invals_count_in(t, inv, flags))
			return NULL;
	}
	if (inv->nr_hits == inv->max_hits && rs_inval_grow_hits(t, inv))
		return NULL;
	hit = &inv->hits[inv->nr_hits++];
	hit->handle = handle;
	hit->gfns = gfns;
	return flags && rs_invals_count_slot(t, inv, handle, gfns) ? NULL : hit;
}

RS_LOOP_PART void invals_end(struct rs_invals *t, struct rs_inval *inv, unsigned int flags)
{
	struct rs_inval *last = t->outstanding[--t->nr];

	if (flags)
		t->asked = false;
	invals_count_out(t, inv, flags);
	if (t->recent == inv)
		t->recent = NULL;
	t->outstanding[inv->place] = last;
	last->place = inv->place;
	if (t->hashed) {
		rs_invals_unhash(t, inv);
		if (t->nr <= RS_INVALS_FEW / 2)
			rs_invals_become_few(t);
	}
	if (inv->max_hits > RS_HITS_FREE)
		rs_inval_free_hits(t, inv);
	inv->next = t->unused;
	t->unused = inv;
}

/* ---- faults ---- */

/* Most faults of a vCPU are in the memslot of the one before. */
RS_LOOP_PART uint32_t find_memslot(const struct rs_vm *vm, uint32_t before, uint8_t as,
				   uint64_t gfn)
{
	const struct rs_memslot *s;

	if (before >= rs_vm_nr_handles(vm))
		return rs_vm_find_gfn(vm, as, gfn);
	s = rs_vm_memslot(vm, before);
	return s->present && s->as == as && gfn - s->gfn < s->npages ? before
								     : rs_vm_find_gfn(vm, as, gfn);
}

/* A fault of shared memory, until its keeper says that it is not; of the vCPU that @f has. */
RS_LOOP_PART void fault_begin(struct rs_fault *f, const struct rs_vm *vm, uint8_t as, uint64_t gfn,
			      uint64_t now)
{
	const uint32_t handle = find_memslot(vm, f->handle, as, gfn);
	const struct rs_memslot *s;

	f->gfn = gfn;
	f->begin_ns = now;
	f->handle = handle;
	f->as = as;
	f->kind = RS_KIND_SHARED;
	f->open = true;
	f->quiet = false;
	f->judged = true;
	f->necessary = false;
	f->other = false;
	f->hva = 0;
	if (handle == RS_NO_SLOT)
		return;
	s = rs_vm_memslot(vm, handle);
	f->generation = s->generation;
	f->hva = rs_memslot_hva(s, gfn);
}

#endif
