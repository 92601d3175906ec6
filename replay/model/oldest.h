/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_MODEL_OLDEST_H
#define RS_REPLAY_MODEL_OLDEST_H

#include "replay/model/inval.h"

/*
 * Which of the outstanding invalidations of a VM that have to do with a page began first. A
 * few are looked at one by one. Of more there is an index, made when somebody asks and
 * brought up to date then: without questions an event costs next to nothing.
 */
struct rs_oldest;

enum rs_among {
	RS_AMONG_ALL,	  /* all; */
	RS_AMONG_HIT,	  /* those that hit a memslot; */
	RS_AMONG_NO_HVA,  /* those without a host address; */
	RS_AMONG_HVAS,	  /* those that hit, and have the fault's host address in their range; */
	RS_AMONG_SPANS,	  /* those that have its page in their span, */
	RS_AMONG_PRIMARY, /* in their span without aliases; */
	RS_AMONG_COVER,	  /* those that cover it, as rs_inval_covers() */
	RS_NR_AMONG,
};

/* Of those in @t, which has RS_INVALS_CAUSES and outlives it. NULL: no memory. */
struct rs_oldest *rs_oldest_new(const struct rs_invals *t);
void rs_oldest_free(struct rs_oldest *o);

/* @inv has begun, or its walk has reached a memslot. 0 or -ENOMEM. */
int rs_oldest_note(struct rs_oldest *o, const struct rs_inval *inv);
/* @inv is about to end. */
void rs_oldest_end(struct rs_oldest *o, const struct rs_inval *inv);
/* All are gone, or the memslots have changed. */
void rs_oldest_drop(struct rs_oldest *o);

/*
 * The one among those that concern mappings of one of @kinds (RS_KIND_*) that began first;
 * *@inv is NULL if there is none. @f: the fault, judged. 0 or -ENOMEM.
 */
int rs_oldest_find(struct rs_oldest *o, enum rs_among among, const struct rs_fault *f,
		   unsigned int kinds, const struct rs_inval **inv);

#endif
