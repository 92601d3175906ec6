// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>

#include "base/array.h"
#include "traces/guest/vm_internal.h"

int rs_vm_update_tree(struct rs_vm *vm)
{
	uint32_t n = vm->nr_present, leaves = 1;

	while (leaves < n)
		leaves *= 2;
	if (leaves > vm->max_leaves) {
		if (RS_RESIZE(vm->hva_max, 2 * (size_t)leaves))
			return -ENOMEM;
		vm->max_leaves = leaves;
	}
	vm->hva_leaves = leaves;
	for (uint32_t i = 0; i < leaves; i++)
		vm->hva_max[leaves + i] = i < n ? rs_memslot_hva_end(&vm->slots[vm->by_hva[i]]) : 0;
	for (uint32_t i = leaves - 1; i; i--)
		vm->hva_max[i] = vm->hva_max[2 * i] > vm->hva_max[2 * i + 1]
					 ? vm->hva_max[2 * i]
					 : vm->hva_max[2 * i + 1];
	return 0;
}

/* Up to so many, looking at each is cheaper than the tree. */
#define FEW_MEMSLOTS 16

struct hva_walk {
	const struct rs_vm *vm;
	uint64_t start;
	uint32_t last; /* by_hva[] up to here starts before the range's end */
	int (*fn)(void *arg, uint32_t handle);
	void *arg;
};

static int walk_hvas(const struct hva_walk *w, uint32_t node, uint32_t first, uint32_t width)
{
	int ret;

	if (first > w->last || w->vm->hva_max[node] <= w->start)
		return 0;
	if (width == 1)
		return w->fn(w->arg, w->vm->by_hva[first]);
	ret = walk_hvas(w, 2 * node, first, width / 2);
	if (ret < 0)
		return ret;
	return walk_hvas(w, 2 * node + 1, first + width / 2, width / 2);
}

int rs_vm_for_each_hva(const struct rs_vm *vm, uint64_t start, uint64_t end,
		       int (*fn)(void *arg, uint32_t handle), void *arg)
{
	int64_t last;
	struct hva_walk w = { vm, start, 0, fn, arg };

	if (start >= end)
		return 0;
	last = last_at_most(vm->hva_start, vm->nr_present, end - 1);
	if (last < 0)
		return 0;
	w.last = (uint32_t)last;
	if (last >= FEW_MEMSLOTS)
		return walk_hvas(&w, 1, 0, vm->hva_leaves);
	for (uint32_t i = 0; i <= w.last; i++) {
		int ret;

		if (vm->hva_max[vm->hva_leaves + i] <= start)
			continue;
		ret = fn(arg, vm->by_hva[i]);
		if (ret < 0)
			return ret;
	}
	return 0;
}

uint32_t rs_vm_find_gfn(const struct rs_vm *vm, uint8_t as, uint64_t gfn)
{
	const struct space *sp = &vm->spaces[as];
	int64_t i = last_at_most(sp->start, sp->nr, gfn);

	if (i < 0 || gfn - sp->start[i] >= vm->slots[sp->handles[i]].npages)
		return RS_NO_SLOT;
	return sp->handles[i];
}

int rs_vm_for_each_gfn(const struct rs_vm *vm, uint64_t start, uint64_t end,
		       int (*fn)(void *arg, uint32_t handle), void *arg)
{
	for (uint32_t k = 0; k < vm->nr_spaces && start < end; k++) {
		const struct space *sp = &vm->spaces[vm->space_as[k]];
		int64_t i = last_at_most(sp->start, sp->nr, start);

		for (i = i < 0 ? 0 : i; i < sp->nr && sp->start[i] < end; i++) {
			int ret;

			if (sp->start[i] + vm->slots[sp->handles[i]].npages <= start)
				continue;
			ret = fn(arg, sp->handles[i]);
			if (ret < 0)
				return ret;
		}
	}
	return 0;
}
