/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_GUEST_VM_H
#define RS_TRACES_GUEST_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/range.h"
#include "traces/event.h"

/*
 * A VM's memslots, as KVM keeps them (virt/kvm/kvm_main.c): found by gfn within
 * an address space, and by host virtual address over all address spaces, where
 * they may overlap. A change costs a memmove() of the sorted arrays and O(log n)
 * for the aliases; what else the questions need is derived in O(n) by
 * rs_vm_update(). Questions are O(log n).
 *
 * A memslot has a handle: a small number that belongs to its (as, id) for the
 * VM's life, so that it stays valid when the memslot goes and comes back.
 */
struct rs_memslot {
	uint64_t gfn, npages, hva;
	uint64_t added;	 /* rises with each creation: who was first */
	uint64_t folded; /* of rs_vm_update(): see rs_vm_fold(), its first frame's number */
	uint32_t id;
	uint32_t flags;
	uint32_t generation; /* changes when it is deleted, moved or replaced */
	uint8_t as;
	bool present;
};

struct rs_vm;

#define RS_NO_SLOT UINT32_MAX

/* A VM without memslots. NULL: no memory. */
struct rs_vm *rs_vm_new(void);
void rs_vm_free(struct rs_vm *vm);

enum rs_vm_change {
	RS_VM_SAME, /* nothing that matters here changed (the same again, or flags) */
	RS_VM_CHANGED,
	RS_VM_OVERLAP,	 /* refused: it would overlap a memslot of the same address space */
	RS_VM_ABSENT,	 /* refused: deletes what is not there */
	RS_VM_TOO_LARGE, /* refused: 2^63 frames in all, or more */
	RS_VM_NOMEM,
};

/* Whether rs_vm_set_memslot() may be asked for MEMSLOT @ev: nothing wraps, its hva is aligned. */
bool rs_vm_takes(const struct rs_event *ev);
/*
 * KVM_SET_USER_MEMORY_REGION: creates, moves, replaces or (npages 0) deletes
 * (as, id). The caller has checked rs_vm_takes().
 */
enum rs_vm_change rs_vm_set_memslot(struct rs_vm *vm, uint8_t as, uint32_t id, uint64_t gfn,
				    uint64_t npages, uint64_t hva, uint32_t flags);

/*
 * Derives what all questions but rs_vm_find_*() and rs_vm_frames() need; does
 * nothing if nothing changed. 0 or -ENOMEM.
 */
int rs_vm_update(struct rs_vm *vm);

/* The memslot that @handle was given out for; valid until the memslots change. */
const struct rs_memslot *rs_vm_memslot(const struct rs_vm *vm, uint32_t handle);
/* The number of handles given out so far: each is below it. */
uint32_t rs_vm_nr_handles(const struct rs_vm *vm);
uint32_t rs_vm_nr_memslots(const struct rs_vm *vm);
/* The handle of (as, id) if that memslot is present, else RS_NO_SLOT. */
uint32_t rs_vm_find_id(const struct rs_vm *vm, uint8_t as, uint32_t id);
/* The handle of the memslot that backs @gfn in @as, else RS_NO_SLOT. */
uint32_t rs_vm_find_gfn(const struct rs_vm *vm, uint8_t as, uint64_t gfn);

/* Calls @fn for each memslot that overlaps the hva range, by hva, then creation; stops if < 0. */
int rs_vm_for_each_hva(const struct rs_vm *vm, uint64_t start, uint64_t end,
		       int (*fn)(void *arg, uint32_t handle), void *arg);
/* The same for a gfn range, over all address spaces, by as, then gfn. */
int rs_vm_for_each_gfn(const struct rs_vm *vm, uint64_t start, uint64_t end,
		       int (*fn)(void *arg, uint32_t handle), void *arg);

/* What of the gfns in @r lies in memslot @s; empty (start >= end) if nothing does. */
static inline struct rs_range rs_memslot_clip(const struct rs_memslot *s, struct rs_range r)
{
	r.start = r.start > s->gfn ? r.start : s->gfn;
	r.end = r.end < s->gfn + s->npages ? r.end : s->gfn + s->npages;
	return r;
}

/* The host address that memslot @s gives to its @gfn. */
static inline uint64_t rs_memslot_hva(const struct rs_memslot *s, uint64_t gfn)
{
	return s->hva + ((gfn - s->gfn) << RS_PAGE_SHIFT);
}

/* The gfns of memslot @s whose host addresses lie in [start, end); false if none. */
bool rs_memslot_gfns_of_hvas(const struct rs_memslot *s, uint64_t start, uint64_t end,
			     struct rs_range *gfns);

/*
 * Guest frames, each (as, gfn) once: all; with a gfn in the range; with an hva in the
 * range. The last answers are kept: one thread at a time may ask for those in a range.
 */
uint64_t rs_vm_frames(const struct rs_vm *vm);
uint64_t rs_vm_frames_of_gfns(const struct rs_vm *vm, uint64_t start, uint64_t end);
uint64_t rs_vm_frames_of_hvas(const struct rs_vm *vm, uint64_t start, uint64_t end);

/*
 * Folding: backed frames are numbered without gaps, address space by address
 * space. A gfn range of one address space is one range of folded numbers.
 */
struct rs_range rs_vm_fold(const struct rs_vm *vm, uint8_t as, uint64_t start, uint64_t end);
/* The same for @gfns, which are some of the present memslot @s. */
static inline struct rs_range rs_memslot_fold(const struct rs_memslot *s, struct rs_range gfns)
{
	const uint64_t start = s->folded + (gfns.start - s->gfn);

	return (struct rs_range){ start, start + (gfns.end - gfns.start) };
}
/*
 * The same for all address spaces at once: frames are numbered by gfn, those of
 * several address spaces at one gfn together. As rs_vm_frames_of_gfns(), of which
 * this is the first and the last.
 */
struct rs_range rs_vm_fold_all(const struct rs_vm *vm, uint64_t start, uint64_t end);
/* Address spaces with memslots, in rising order. */
size_t rs_vm_spaces(const struct rs_vm *vm, const uint8_t **spaces);

/*
 * The hull of those gfns in [start, end) of memslot @handle that are primary:
 * of all frames that map the same host page, the one in the largest memslot
 * (ties: lowest as, then lowest gfn). Empty (start >= end) if there are none.
 */
struct rs_range rs_vm_primary_hull(const struct rs_vm *vm, uint32_t handle, uint64_t start,
				   uint64_t end);
/* Frames whose host page is mapped at another gfn as well. */
uint64_t rs_vm_aliased_frames(const struct rs_vm *vm);

#endif
