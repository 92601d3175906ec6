/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_MODEL_BLAME_H
#define RS_REPLAY_MODEL_BLAME_H

#include "replay/algorithm.h"

/*
 * Whose doing a rejection is: what docs/model.md, Blame, asks for of the invalidations of one
 * VM, beside what struct rs_invals keeps of those that are outstanding. Where faults have
 * seats (small numbers), what ended during each is kept by it.
 */
struct rs_blames;

/* Of the invalidations in @t, which has RS_INVALS_CAUSES and outlives it. NULL: no memory. */
struct rs_blames *rs_blames_new(struct rs_invals *t);
void rs_blames_free(struct rs_blames *b);

/* A fault begins in @seat, by thread @who. 0 or -ENOMEM. */
int rs_blames_fault(struct rs_blames *b, uint32_t seat, uint32_t who);
/* The thread of the last fault in @seat. */
uint32_t rs_blames_thread(const struct rs_blames *b, uint32_t seat);
/* @inv has begun, at @now. 0 or -ENOMEM. */
int rs_blames_begin(struct rs_blames *b, const struct rs_inval *inv);
/* Its walk has reached @hit, the first of it that hits anything at all if @late. 0 or -ENOMEM. */
int rs_blames_slot(struct rs_blames *b, const struct rs_inval *inv, const struct rs_hit *hit,
		   bool late);
/* @inv is about to end at @now; ... */
void rs_blames_end(struct rs_blames *b, const struct rs_inval *inv, uint64_t now);
/* ... after that, for each fault that is open: it ends while @f is. */
void rs_blames_end_during(struct rs_blames *b, const struct rs_inval *inv,
			  const struct rs_fault *f);
/* The memslots have changed (after rs_invals_memslots_changed()). */
void rs_blames_memslots_changed(struct rs_blames *b);
/* All are gone without an end. */
void rs_blames_drop(struct rs_blames *b);

/*
 * Who is to blame that @a rejects @f, which ends now, for @why; @necessary: or that it should.
 * What is not known is number 0. 0 or -ENOMEM.
 */
int rs_blames_find(struct rs_blames *b, const struct rs_algo *a, const struct rs_fault *f,
		   const struct rs_reason *why, bool necessary, struct rs_blame *blame);

#endif
