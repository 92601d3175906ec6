/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_BOUNDED_H
#define RS_REPLAY_BOUNDED_H

/*
 * The algorithms whose state is bounded and who allocate nothing: what each keeps, and what a
 * begin, a range added, an end and a check do with it. The model of replay/algorithms/ is made
 * of these functions, and so is the KVM module that scripts/lab --kvm-algo builds: what random
 * streams have shown of one is true of the other. So there is nothing here that a kernel does
 * not have, and who calls them holds mmu_lock where the kernel does.
 */
#include "base/pieces.h"
#include "base/range.h"

#ifdef __KERNEL__
#include <asm/barrier.h>
#define RS_BOUNDED_WMB() smp_wmb()
#else
#define RS_BOUNDED_WMB() ((void)0)
#endif

/* What a check answers; both may be set. */
#define RS_REJECT_RANGE 0x1
#define RS_REJECT_SEQ 0x2

/*
 * The four words that every kernel has per VM, in their order in struct kvm. What the range
 * holds is the algorithm's own affair: gfns, or host addresses.
 */
struct rs_kvm_words {
	uint64_t seq;
	uint64_t in_progress;
	struct rs_range range;
};

/* Counts one more; the first forgets the range of those before. */
static inline void rs_bounded_begin(struct rs_kvm_words *w)
{
	if (!w->in_progress++)
		w->range = (struct rs_range){ 0, 0 };
}

static inline void rs_bounded_add(struct rs_kvm_words *w, uint64_t start, uint64_t end)
{
	rs_range_widen(&w->range, start, end);
}

/* One that has no host address becomes everything (hva). */
static inline void rs_bounded_add_all(struct rs_kvm_words *w)
{
	rs_range_widen(&w->range, 0, UINT64_MAX);
}

/* Who looks without the lock sees the sequence change before the count falls. */
static inline void rs_bounded_end(struct rs_kvm_words *w)
{
	w->seq++;
	RS_BOUNDED_WMB();
	w->in_progress--;
}

static inline unsigned int rs_bounded_seq(const struct rs_kvm_words *w, uint64_t snapshot)
{
	return w->seq != snapshot ? RS_REJECT_SEQ : 0;
}

/* global, and what any algorithm asks of a fault that it cannot place. */
static inline unsigned int rs_bounded_rejects_any(const struct rs_kvm_words *w, uint64_t snapshot)
{
	return (w->in_progress ? RS_REJECT_RANGE : 0) | rs_bounded_seq(w, snapshot);
}

/* gfn, hva: @x is the fault's page in the space of the range. */
static inline unsigned int rs_bounded_rejects(const struct rs_kvm_words *w, uint64_t x,
					      uint64_t snapshot)
{
	const bool range = w->in_progress && rs_range_has(&w->range, x);

	return (range ? RS_REJECT_RANGE : 0) | rs_bounded_seq(w, snapshot);
}

/* ---- gfn-split: count and range twice, for shared and for private faults ---- */

/* Kinds of mappings, as bits: what an invalidation concerns. */
#define RS_BOUNDED_KINDS 2

/*
 * Beside the words, which count all there are. A fault keeps their sequence alone: that of its
 * kind has changed if it was raised since.
 */
struct rs_bounded_half {
	uint64_t in_progress;
	struct rs_range range;
	uint64_t ended; /* the sequence that its last end made */
};

static inline void rs_bounded_split_begin(struct rs_bounded_half *halves, unsigned int kinds)
{
	for (unsigned int i = 0; i < RS_BOUNDED_KINDS; i++)
		if ((kinds & 1U << i) && !halves[i].in_progress++)
			halves[i].range = (struct rs_range){ 0, 0 };
}

static inline void rs_bounded_split_add(struct rs_bounded_half *halves, unsigned int kinds,
					uint64_t start, uint64_t end)
{
	for (unsigned int i = 0; i < RS_BOUNDED_KINDS; i++)
		if (kinds & 1U << i)
			rs_range_widen(&halves[i].range, start, end);
}

static inline void rs_bounded_split_end(struct rs_kvm_words *w, struct rs_bounded_half *halves,
					unsigned int kinds)
{
	for (unsigned int i = 0; i < RS_BOUNDED_KINDS; i++)
		if (kinds & 1U << i)
			halves[i].ended = w->seq + 1;
	rs_bounded_end(w);
	for (unsigned int i = 0; i < RS_BOUNDED_KINDS; i++)
		halves[i].in_progress -= kinds >> i & 1;
}

/* Of a fault of kind @i (0: shared, 1: private). */
static inline unsigned int rs_bounded_split_rejects(const struct rs_bounded_half *halves,
						    unsigned int i, uint64_t gfn, uint64_t snapshot)
{
	const struct rs_bounded_half *h = &halves[i];
	const bool range = h->in_progress && rs_range_has(&h->range, gfn);

	return (range ? RS_REJECT_RANGE : 0) |
	       ((int64_t)(h->ended - snapshot) > 0 ? RS_REJECT_SEQ : 0);
}

/* ---- gfn-recent, hfn-recent ---- */

/*
 * Whose invalidation it is, as its begin and its end can say. @who is NULL where there is none.
 * The model knows each by itself. A kernel knows the task and the range of a notifier's call,
 * so one inside another can have the same owner: who calls sees to it that they share an entry.
 */
struct rs_bounded_owner {
	const void *who;
#ifdef __KERNEL__
	uint64_t start, end;
#endif
};

static inline bool rs_bounded_same_owner(struct rs_bounded_owner a, struct rs_bounded_owner b)
{
#ifdef __KERNEL__
	if (a.start != b.start || a.end != b.end)
		return false;
#endif
	return a.who == b.who;
}

/*
 * Up to @live invalidations apart, and what the last @done ended ones covered; up to
 * @per_inval ranges each. Who has it gives the room, zeroed: @owner of @live, and @entries of
 * RS_BOUNDED_RECENT_ROOM() bytes. Beside it stand the words, of which the range is not used.
 */
struct rs_bounded_recent {
	uint32_t live, per_inval, done;
	uint32_t entry_size;
	struct rs_bounded_owner *owner; /* of live entry i */
	char *entries;			/* live + 1 (shared) + done of struct rs_pieces */
	uint64_t sharing;		/* invalidations in the shared entry */
};

#define RS_BOUNDED_RECENT_ROOM(live, per_inval, done) \
	(((live) + 1 + (done)) * RS_PIECES_SIZE(per_inval))

static inline struct rs_pieces *rs_bounded_entry(const struct rs_bounded_recent *r, uint64_t i)
{
	return (struct rs_pieces *)(r->entries + i * r->entry_size);
}

/* The ranges of the end that made the sequence count @seq. */
static inline struct rs_pieces *rs_bounded_done(const struct rs_bounded_recent *r, uint64_t seq)
{
	return rs_bounded_entry(r, r->live + 1 + seq % r->done);
}

/* The live entry of @owner, else @live: the shared one. */
static inline uint32_t rs_bounded_find(const struct rs_bounded_recent *r,
				       struct rs_bounded_owner owner)
{
	uint32_t i = 0;

	while (i < r->live && !rs_bounded_same_owner(r->owner[i], owner))
		i++;
	return i;
}

/* The entry that the begun one has now: what it covers is to be added there. */
static inline struct rs_pieces *rs_bounded_recent_begin(struct rs_bounded_recent *r,
							struct rs_kvm_words *w,
							struct rs_bounded_owner owner)
{
	struct rs_pieces *e;
	uint32_t i = 0;

	while (i < r->live && r->owner[i].who)
		i++;
	e = rs_bounded_entry(r, i);
	w->in_progress++;
	if (i < r->live) {
		r->owner[i] = owner;
		e->nr = 0;
	} else if (!r->sharing++) {
		e->nr = 0;
	}
	return e;
}

/* Where what @owner covers is to be added. */
static inline struct rs_pieces *rs_bounded_recent_entry(const struct rs_bounded_recent *r,
							struct rs_bounded_owner owner)
{
	return rs_bounded_entry(r, rs_bounded_find(r, owner));
}

/* One of entry @i ends. What it covered is remembered before the count says that it ended. */
static inline void rs_bounded_recent_remember(struct rs_bounded_recent *r, struct rs_kvm_words *w,
					      uint32_t i)
{
	memcpy(rs_bounded_done(r, w->seq + 1), rs_bounded_entry(r, i), r->entry_size);
	RS_BOUNDED_WMB();
	rs_bounded_end(w);
}

static inline void rs_bounded_recent_end(struct rs_bounded_recent *r, struct rs_kvm_words *w,
					 struct rs_bounded_owner owner)
{
	const uint32_t i = rs_bounded_find(r, owner);

	rs_bounded_recent_remember(r, w, i);
	if (i < r->live)
		r->owner[i].who = NULL;
	else
		r->sharing--;
}

/* All in progress are gone without an end. */
static inline void rs_bounded_recent_drop(struct rs_bounded_recent *r, struct rs_kvm_words *w)
{
	w->in_progress = 0;
	memset(r->owner, 0, r->live * sizeof(*r->owner));
	r->sharing = 0;
}

static inline bool rs_bounded_recent_covers(const struct rs_bounded_recent *r,
					    const struct rs_kvm_words *w, uint64_t frame)
{
	if (!w->in_progress)
		return false;
	for (uint32_t i = 0; i < r->live; i++)
		if (r->owner[i].who && rs_pieces_have(rs_bounded_entry(r, i), frame))
			return true;
	return r->sharing && rs_pieces_have(rs_bounded_entry(r, r->live), frame);
}

static inline bool rs_bounded_recent_ended(const struct rs_bounded_recent *r,
					   const struct rs_kvm_words *w, uint64_t frame,
					   uint64_t snapshot)
{
	uint64_t seq = w->seq;

	if (seq - snapshot > r->done)
		return true;
	for (; seq != snapshot; seq--)
		if (rs_pieces_have(rs_bounded_done(r, seq), frame))
			return true;
	return false;
}

/* @frame in the space of the ranges: a gfn, or a host frame number. */
static inline unsigned int rs_bounded_recent_rejects(const struct rs_bounded_recent *r,
						     const struct rs_kvm_words *w, uint64_t frame,
						     uint64_t snapshot)
{
	return (rs_bounded_recent_covers(r, w, frame) ? RS_REJECT_RANGE : 0) |
	       (rs_bounded_recent_ended(r, w, frame, snapshot) ? RS_REJECT_SEQ : 0);
}

#endif
