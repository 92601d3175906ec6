// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>

#include "traces/guest/vm_internal.h"

static void update_gfns(struct rs_vm *vm)
{
	uint64_t folded = 0;

	for (uint32_t k = 0; k < vm->nr_spaces; k++) {
		struct space *sp = &vm->spaces[vm->space_as[k]];

		sp->base = folded;
		for (uint32_t i = 0; i < sp->nr; i++) {
			struct rs_memslot *s = &vm->slots[sp->handles[i]];

			s->folded = folded;
			folded += s->npages;
		}
	}
}

static int update_ramps(struct rs_vm *vm)
{
	if (rs_ramp_make(&vm->hva_ramp, vm->hva_start, vm->hva_end, vm->nr_present, RS_PAGE_SHIFT))
		return -ENOMEM;
	return rs_ramp_make(&vm->gfn_ramp, vm->gfn_start, vm->gfn_end, vm->nr_present, 0);
}

int rs_vm_update_folds(struct rs_vm *vm)
{
	if (update_ramps(vm))
		return -ENOMEM;
	update_gfns(vm);
	return 0;
}

struct rs_range rs_vm_fold_all(const struct rs_vm *vm, uint64_t start, uint64_t end)
{
	return rs_ramp_below(&vm->gfn_ramp, start, end);
}

uint64_t rs_vm_frames_of_gfns(const struct rs_vm *vm, uint64_t start, uint64_t end)
{
	struct rs_range r = rs_ramp_below(&vm->gfn_ramp, start, end);

	return r.end - r.start;
}

uint64_t rs_vm_frames_of_hvas(const struct rs_vm *vm, uint64_t start, uint64_t end)
{
	struct rs_range r =
		rs_ramp_below(&vm->hva_ramp, start >> RS_PAGE_SHIFT, end >> RS_PAGE_SHIFT);

	return r.end - r.start;
}

/* Frames of all spaces up to this one's frames below @gfn. */
static uint64_t folded_below(const struct rs_vm *vm, const struct space *sp, uint64_t gfn)
{
	int64_t i = last_at_most(sp->start, sp->nr, gfn);
	const struct rs_memslot *s;

	if (i < 0)
		return sp->base;
	s = &vm->slots[sp->handles[i]];
	return s->folded + (gfn - s->gfn < s->npages ? gfn - s->gfn : s->npages);
}

/* Where the range is not within one memslot. */
static __attribute__((noinline)) struct rs_range
fold_any(const struct rs_vm *vm, const struct space *sp, uint64_t start, uint64_t end)
{
	return (struct rs_range){ folded_below(vm, sp, start), folded_below(vm, sp, end) };
}

struct rs_range rs_vm_fold(const struct rs_vm *vm, uint8_t as, uint64_t start, uint64_t end)
{
	const struct space *sp = &vm->spaces[as];
	const struct rs_memslot *s;
	int64_t i;

	if (!sp->nr || start >= end)
		return (struct rs_range){ 0, 0 };
	i = last_at_most(sp->start, sp->nr, start);
	s = i < 0 ? NULL : &vm->slots[sp->handles[i]];
	if (!s || end - s->gfn > s->npages)
		return fold_any(vm, sp, start, end);
	return rs_memslot_fold(s, (struct rs_range){ start, end });
}
