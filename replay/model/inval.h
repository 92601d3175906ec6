/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_MODEL_INVAL_H
#define RS_REPLAY_MODEL_INVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replay/limits.h"
#include "replay/model/spans.h"
#include "replay/result.h"
#include "traces/guest/vm.h"

/*
 * The outstanding invalidations of one VM: what each hit and covers, and, for
 * all together, what the truth and the causes of docs/model.md ask for.
 */

/* A memslot that an hva invalidation hit, or that a walk reached. */
struct rs_hit {
	uint32_t handle;
	struct rs_range gfns;
	uint64_t hva; /* of the first gfn, then; kept of what rs_invals_keep_host_pages() says */
};

struct rs_inval {
	uint64_t id;
	uint64_t begin_ns;
	uint64_t number;       /* counts those of its table, from 1 on */
	struct rs_range range; /* hvas, or gfns if @gfn */
	bool gfn;
	bool walk;
	uint8_t filter; /* the mappings that it concerns: RS_KIND_* */
	bool hit;	/* counts as in progress */
	struct rs_hit *hits;
	uint32_t nr_hits, max_hits;
	uint32_t nr_hosts; /* @gfn: so many of hits[] say their host pages, also without a walk */
	struct rs_range span; /* hull of what it holds in gfn space; of a walk with CAUSES only */
	struct rs_range primary; /* the same without aliasing */
	struct rs_inval *next;	 /* of the table: of the unused ones, or with the same hash */
	uint32_t place;		 /* of the table: among the outstanding ones */
	uint32_t slot;		 /* its own number, small: for what others keep of it */
	uint32_t who;		 /* did it: of the trace's table */
};

/* A fault between its begin and its check. */
struct rs_fault {
	uint64_t gfn;
	uint64_t hva; /* of the gfn in its memslot */
	uint64_t begin_ns;
	uint32_t vcpu;
	uint32_t handle; /* RS_NO_SLOT: none */
	uint32_t generation;
	uint32_t seat;	/* for its keeper: its own place among the VM's faults */
	uint16_t place; /* for its keeper, while it is open */
	uint8_t as;
	uint8_t kind; /* RS_KIND_SHARED or RS_KIND_PRIVATE */
	bool open;
	bool quiet;	/* for its keeper: nothing was outstanding since it began */
	bool judged;	/* false: it began when the VM's state was not known */
	bool necessary; /* an invalidation that covered it ended since it began */
	bool other;	/* one did that would have, were the fault of the other kind */
};

/*
 * Starts @f, which is all zero or an earlier fault of the same VM, at @now: finds its
 * memslot. It is open and, to begin with, judged. @kind: RS_KIND_*. The hva is where the
 * memslot has the page, also of a private fault, which knows none.
 */
void rs_fault_begin(struct rs_fault *f, const struct rs_vm *vm, uint32_t vcpu, uint8_t as,
		    uint64_t gfn, unsigned int kind, uint64_t now);
static inline bool rs_fault_is_private(const struct rs_fault *f)
{
	return f->kind == RS_KIND_PRIVATE;
}
/* Whether the memslot of @f, which had one, was deleted, moved or replaced since. */
static inline bool rs_fault_obsolete(const struct rs_fault *f, const struct rs_vm *vm)
{
	return rs_vm_memslot(vm, f->handle)->generation != f->generation;
}

#define RS_INVALS_TRUTH 0x1  /* keep what covers */
#define RS_INVALS_CAUSES 0x2 /* keep spans */
/* Keep what covers only while so many are outstanding that it helps; its frames are not counted. */
#define RS_INVALS_ASKED 0x4

struct rs_invals;

/*
 * None outstanding in @vm, which must outlive it, as must @limits (NULL: it has its own):
 * where they are met, there is "no memory", and they say so. @flags: RS_INVALS_*. NULL: no
 * memory.
 */
struct rs_invals *rs_invals_new(struct rs_vm *vm, unsigned int flags, struct rs_limits *limits);
void rs_invals_free(struct rs_invals *t);
/* From now on other limits hold, which have taken what it keeps. */
void rs_invals_set_limits(struct rs_invals *t, struct rs_limits *limits);
/*
 * From now on those that begin and have a range of gfns keep, with RS_INVALS_CAUSES, the host
 * pages that their memslots have when they are hit. None is outstanding.
 */
void rs_invals_keep_host_pages(struct rs_invals *t);

/* The outstanding one of that id, or NULL. */
struct rs_inval *rs_invals_find(const struct rs_invals *t, uint64_t id);
/*
 * Begins that of @e, an INVAL_BEGIN whose id is not outstanding and whose range is sound,
 * and finds the memslots it hits (walk: only whether it hits any). NULL: no memory.
 */
struct rs_inval *rs_invals_begin(struct rs_invals *t, const struct rs_event *e, uint64_t time_ns);
/*
 * Its walk reached memslot @handle at @gfns; *@first is set if only now it turns
 * out to hit one. NULL: no memory.
 */
const struct rs_hit *rs_invals_slot(struct rs_invals *t, struct rs_inval *inv, uint32_t handle,
				    struct rs_range gfns, bool *first);
/* Takes it out of all that is counted, then frees it. */
void rs_invals_end(struct rs_invals *t, struct rs_inval *inv);
/* All are gone, without an end. */
void rs_invals_drop(struct rs_invals *t);
/* Must follow a change of memslots (after rs_vm_update()). 0 or -ENOMEM. */
int rs_invals_memslots_changed(struct rs_invals *t);

/* How many are outstanding: all, those that hit a memslot. */
uint32_t rs_invals_nr(const struct rs_invals *t);
uint32_t rs_invals_nr_hit(const struct rs_invals *t);
/* Number @i of the outstanding ones, in no particular order. */
const struct rs_inval *rs_invals_get(const struct rs_invals *t, uint32_t i);

/*
 * Whether @inv covers the page of @f, whatever the kinds (it must have hit, and with walk
 * reached the memslot).
 */
bool rs_inval_covers(const struct rs_inval *inv, const struct rs_fault *f);
/* @inv ends while @f is open: from now on @f is necessary if it covers its page and kind. */
void rs_fault_mark(struct rs_fault *f, const struct rs_inval *inv);
/*
 * Whether any outstanding one that concerns mappings of @kind covers its page. Needs
 * RS_INVALS_TRUTH or RS_INVALS_ASKED.
 */
bool rs_invals_cover(struct rs_invals *t, const struct rs_fault *f, unsigned int kind);
/*
 * A private fault begins, or an invalidation of private memory alone: from now on what is
 * covered is kept by kind as well. 0 or -ENOMEM.
 */
int rs_invals_tell_kinds(struct rs_invals *t);
/* Whether @f, which is not necessary, would be if it were of the other kind. */
bool rs_invals_other_kind(struct rs_invals *t, const struct rs_fault *f);
/* Frames, each (as, gfn) once, that outstanding ones cover. Needs RS_INVALS_TRUTH. */
uint64_t rs_invals_covered_frames(struct rs_invals *t);
/* Frames of one address space, all of memslot @s if that is not NULL. < 0: no more of them. */
typedef int rs_covered_fn(void *arg, uint8_t as, const struct rs_memslot *s, struct rs_range gfns);
/* Calls @fn with what @inv covers of the memslots of each address space. */
int rs_inval_for_each_covered(const struct rs_invals *t, const struct rs_inval *inv,
			      rs_covered_fn *fn, void *arg);
/* The same for no more than the @hit-th memslot that the walk of @inv has reached. */
int rs_inval_covered_by_hit(const struct rs_invals *t, const struct rs_inval *inv, uint32_t hit,
			    rs_covered_fn *fn, void *arg);

/*
 * Why ranges reject @f, which no outstanding one covers: for algorithms whose ranges are
 * hulls in that space. Need RS_INVALS_CAUSES. Only those are asked that concern one of
 * @kinds (RS_KIND_*).
 */
enum rs_cause rs_invals_cause_gfn(struct rs_invals *t, const struct rs_fault *f,
				  unsigned int kinds);
/* @all: those that hit nothing count as well. */
enum rs_cause rs_invals_cause_hva(const struct rs_invals *t, const struct rs_fault *f,
				  unsigned int kinds, bool all);
/* What the ranges of an algorithm are made of: hulls of guest frames, host addresses, ... */
enum rs_space {
	RS_SPACE_NONE, /* no ranges */
	RS_SPACE_GFN,
	RS_SPACE_HVA,
	RS_SPACE_HFN, /* ... host pages, also of what has no host address */
};
/*
 * Whether a host page of @inv, which has a range of gfns, is at @hva: of those that the memslots
 * had when they were hit. *@hull is that of all its host pages. Needs
 * rs_invals_keep_host_pages(). Looks are taken from the limits.
 */
bool rs_inval_has_host_page(const struct rs_invals *t, const struct rs_inval *inv, uint64_t hva,
			    struct rs_range *hull);
/*
 * The hull of the outstanding ones that concern @kinds, in RS_SPACE_GFN of those that hit, in
 * RS_SPACE_HVA with @all also of those that do not; what has no host address has all. Needs
 * RS_INVALS_CAUSES.
 */
struct rs_range rs_invals_hull(const struct rs_invals *t, enum rs_space space, unsigned int kinds,
			       bool all);
/* What has no host address counts as host pages: needs rs_invals_keep_host_pages(). */
enum rs_cause rs_invals_cause_hfn(const struct rs_invals *t, const struct rs_fault *f);

#endif
