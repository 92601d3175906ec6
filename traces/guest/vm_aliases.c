// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>

#include "traces/guest/vm_internal.h"

/*
 * Counts the distance of @s, of which @by memslots more are there, on the host
 * pages [from, to) where no other memslot has it: one of another address space
 * may, and is no alias then. Looks at the spaces from @k on.
 */
static int count_distance(struct rs_vm *vm, const struct rs_memslot *s, uint32_t k, uint64_t from,
			  uint64_t to, int by)
{
	uint64_t distance = s->gfn - (s->hva >> RS_PAGE_SHIFT);
	const struct space *sp;
	int64_t i;

	while (k < vm->nr_spaces && vm->space_as[k] == s->as)
		k++;
	if (from >= to)
		return 0;
	if (k == vm->nr_spaces) {
		if (rs_stretches_cut(&vm->stretches, from) || rs_stretches_cut(&vm->stretches, to))
			return -ENOMEM;
		rs_stretches_add(&vm->stretches, from, to, 0, by);
		return 0;
	}
	sp = &vm->spaces[vm->space_as[k]];
	i = last_at_most(sp->start, sp->nr, from + distance);
	for (i = i < 0 ? 0 : i; i < sp->nr && sp->start[i] < to + distance; i++) {
		const struct rs_memslot *o = &vm->slots[sp->handles[i]];
		uint64_t start = o->hva >> RS_PAGE_SHIFT;

		if (o->gfn - start != distance || start + o->npages <= from)
			continue;
		if (count_distance(vm, s, k + 1, from, start, by))
			return -ENOMEM;
		from = start + o->npages;
	}
	return count_distance(vm, s, k + 1, from, to, by);
}

int rs_vm_count_aliases(struct rs_vm *vm, const struct rs_memslot *s, int by)
{
	uint64_t from = s->hva >> RS_PAGE_SHIFT, to = from + s->npages;

	if (rs_stretches_cut(&vm->stretches, from) || rs_stretches_cut(&vm->stretches, to))
		return -ENOMEM;
	rs_stretches_add(&vm->stretches, from, to, by, 0);
	return count_distance(vm, s, 0, from, to, by);
}

void rs_vm_forget_bound(struct rs_vm *vm, uint64_t page)
{
	uint64_t hva = page << RS_PAGE_SHIFT;
	int64_t start = last_at_most(vm->hva_start, vm->nr_present, hva);
	int64_t end = last_at_most(vm->hva_end, vm->nr_present, hva);

	if ((start < 0 || vm->hva_start[start] != hva) && (end < 0 || vm->hva_end[end] != hva))
		rs_stretches_join(&vm->stretches, page);
}

uint64_t rs_vm_aliased_frames(const struct rs_vm *vm)
{
	return vm->frames - rs_stretches_unaliased(&vm->stretches);
}
