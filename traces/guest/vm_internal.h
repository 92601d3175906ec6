/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_GUEST_VM_INTERNAL_H
#define RS_TRACES_GUEST_VM_INTERNAL_H

#include "traces/guest/ramp.h"
#include "traces/guest/stretches.h"
#include "traces/guest/vm.h"
#include "base/table.h"

/* What the parts of a VM's memslots share: the sorted arrays, and what is derived of them. */

/* The memslots of one address space, by gfn. */
struct space {
	uint32_t *handles;
	uint64_t *start; /* first gfn of handles[] */
	uint32_t nr, max;
	uint64_t base; /* derived: frames in the spaces before */
};

/* A piece of a memslot in which its frames are the primary ones, as gfns. */
struct primary {
	uint32_t handle;
	struct rs_range gfns;
};

struct rs_vm {
	struct rs_memslot *slots; /* by handle */
	uint32_t nr_handles, max_handles;
	uint32_t nr_present;
	uint64_t frames;
	uint64_t next_added;
	struct rs_hash by_id; /* handles by (as, id), present or not */

	/* Kept sorted at each change. */
	struct space spaces[RS_MAX_AS + 1];
	uint8_t space_as[RS_MAX_AS + 1]; /* those with memslots, rising */
	uint32_t nr_spaces;
	uint32_t *by_hva;	       /* handles, by hva and age */
	uint64_t *hva_start;	       /* of by_hva[] */
	uint64_t *hva_end;	       /* all ends, sorted for themselves */
	uint64_t *gfn_start, *gfn_end; /* of all spaces, sorted each for themselves */
	uint32_t max_edges;

	struct rs_stretches stretches; /* of host pages, by how they are mapped */

	/* Derived from those by rs_vm_update(): the tree of ends ... */
	uint64_t *hva_max;   /* heap-shaped, of the highest ends over by_hva[] */
	uint32_t hva_leaves; /* a power of two */
	uint32_t max_leaves;
	/* ... and the rest. */
	bool dirty;
	struct rs_ramp hva_ramp; /* frames by host page */
	struct rs_ramp gfn_ramp; /* frames by gfn, of all spaces */
	struct primary *found;	 /* by hva */
	struct primary *primary; /* the same by handle, then gfn */
	uint32_t nr_primary;
	uint32_t *primary_first; /* by handle, nr_handles + 1 */
	uint32_t *heap;		 /* room for the sweep */
	uint32_t max_derived, max_derived_handles;
};

static inline uint64_t rs_memslot_hva_end(const struct rs_memslot *s)
{
	return s->hva + (s->npages << RS_PAGE_SHIFT);
}

/* The index of the last of @n sorted values that is at most @x, or -1. */
static inline int64_t last_at_most(const uint64_t *v, uint32_t n, uint64_t x)
{
	const uint64_t *base = v;

	if (!n || v[0] > x)
		return -1;
	while (n > 1) {
		uint32_t half = n / 2;

		base = base[half] <= x ? base + half : base;
		n -= half;
	}
	return base - v;
}

/* ---- looking memslots up: vm_find.c ---- */

/* Makes the tree of highest ends fit the memslots. 0 or -ENOMEM. */
int rs_vm_update_tree(struct rs_vm *vm);

/* ---- host pages with several guest frames: vm_aliases.c ---- */

/* @by memslots more like @s, which is not among the others. 0 or -ENOMEM. */
int rs_vm_count_aliases(struct rs_vm *vm, const struct rs_memslot *s, int by);
/* A memslot that had a bound at host page @page is out: forgets the bound if no other has one. */
void rs_vm_forget_bound(struct rs_vm *vm, uint64_t page);

/* ---- frames by number: vm_fold.c ---- */

/* 0 or -ENOMEM. */
int rs_vm_update_folds(struct rs_vm *vm);

/* ---- which frame of a host page is the primary one: vm_primaries.c ---- */

/* 0 or -ENOMEM. */
int rs_vm_update_primaries(struct rs_vm *vm);

#endif
