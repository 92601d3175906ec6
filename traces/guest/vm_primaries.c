// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "traces/guest/vm_internal.h"

static int alloc_primaries(struct rs_vm *vm)
{
	size_t n = 16, handles = (size_t)vm->max_handles + 2;

	while (n < vm->nr_present)
		n *= 2;
	if (n > vm->max_derived) {
		vm->max_derived = 0;
		if (RS_RESIZE(vm->found, 2 * n) || RS_RESIZE(vm->primary, 2 * n) ||
		    RS_RESIZE(vm->heap, n))
			return -ENOMEM;
		vm->max_derived = (uint32_t)n;
	}
	if (handles > vm->max_derived_handles) {
		if (RS_RESIZE(vm->primary_first, handles))
			return -ENOMEM;
		vm->max_derived_handles = (uint32_t)handles;
	}
	return 0;
}

/* Whether the frames of @x rather than those of @y are primary where both map a host page. */
static bool more_primary(const struct rs_memslot *x, const struct rs_memslot *y)
{
	if (x->npages != y->npages)
		return x->npages > y->npages;
	if (x->as != y->as)
		return x->as < y->as;
	return x->gfn < y->gfn;
}

/* A binary heap of handles, the most primary memslot first. */
struct heap {
	const struct rs_memslot *slots;
	uint32_t *h;
	uint32_t n;
};

static void heap_push(struct heap *p, uint32_t handle)
{
	uint32_t i = p->n++;

	while (i && more_primary(&p->slots[handle], &p->slots[p->h[(i - 1) / 2]])) {
		p->h[i] = p->h[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	p->h[i] = handle;
}

static void heap_pop(struct heap *p)
{
	uint32_t last = p->h[--p->n], i = 0, c;

	while ((c = 2 * i + 1) < p->n) {
		if (c + 1 < p->n && more_primary(&p->slots[p->h[c + 1]], &p->slots[p->h[c]]))
			c++;
		if (!more_primary(&p->slots[p->h[c]], &p->slots[last]))
			break;
		p->h[i] = p->h[c];
		i = c;
	}
	p->h[i] = last;
}

/* The host addresses [from, to) are primary in @handle: appends, or extends the last piece. */
static void add_primary(struct rs_vm *vm, uint32_t handle, uint64_t from, uint64_t to)
{
	const struct rs_memslot *s = &vm->slots[handle];
	uint64_t start = s->gfn + ((from - s->hva) >> RS_PAGE_SHIFT);
	uint64_t end = s->gfn + ((to - s->hva) >> RS_PAGE_SHIFT);
	struct primary *last = vm->nr_primary ? &vm->found[vm->nr_primary - 1] : NULL;

	if (from >= to)
		return;
	if (last && last->handle == handle && last->gfns.end == start) {
		last->gfns.end = end;
		return;
	}
	vm->found[vm->nr_primary++] = (struct primary){ handle, { start, end } };
}

/* By handle; a handle's pieces were found in the order of its gfns, and stay so. */
static void sort_primary(struct rs_vm *vm)
{
	uint32_t *first = vm->primary_first, at = 0;

	memset(first, 0, (vm->nr_handles + 1) * sizeof(*first));
	for (uint32_t i = 0; i < vm->nr_primary; i++)
		first[vm->found[i].handle]++;
	for (uint32_t h = 0; h <= vm->nr_handles; h++) {
		uint32_t n = first[h];

		first[h] = at;
		at += n;
	}
	for (uint32_t i = 0; i < vm->nr_primary; i++)
		vm->primary[first[vm->found[i].handle]++] = vm->found[i];
	/* Now each is where the next one's pieces begin. */
	memmove(first + 1, first, vm->nr_handles * sizeof(*first));
	first[0] = 0;
}

/*
 * Sweeps over the host addresses. A piece ends where a memslot starts or where
 * the most primary one ends, so there are fewer than two pieces a memslot.
 */
int rs_vm_update_primaries(struct rs_vm *vm)
{
	struct heap heap = { .slots = vm->slots };
	uint64_t at = 0;
	uint32_t i = 0, n = vm->nr_present;

	if (alloc_primaries(vm))
		return -ENOMEM;
	heap.h = vm->heap;
	vm->nr_primary = 0;
	while (i < n || heap.n) {
		uint64_t next = i < n ? vm->hva_start[i] : UINT64_MAX, end;

		while (heap.n && rs_memslot_hva_end(&vm->slots[heap.h[0]]) <= at)
			heap_pop(&heap);
		if (heap.n) {
			end = rs_memslot_hva_end(&vm->slots[heap.h[0]]);
			end = end < next ? end : next;
			add_primary(vm, heap.h[0], at, end);
			at = end;
		} else {
			at = next;
		}
		while (i < n && vm->hva_start[i] == at)
			heap_push(&heap, vm->by_hva[i++]);
	}
	sort_primary(vm);
	return 0;
}

struct rs_range rs_vm_primary_hull(const struct rs_vm *vm, uint32_t handle, uint64_t start,
				   uint64_t end)
{
	uint32_t lo = vm->primary_first[handle], last = vm->primary_first[handle + 1], hi = last;
	struct rs_range hull = { 0, 0 };

	/* The first piece that ends behind @start ... */
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (vm->primary[mid].gfns.end <= start)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == last || vm->primary[lo].gfns.start >= end)
		return hull;
	hull.start = vm->primary[lo].gfns.start > start ? vm->primary[lo].gfns.start : start;
	/* ... and the last one that starts before @end. */
	hi = last;
	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (vm->primary[mid].gfns.start < end)
			lo = mid;
		else
			hi = mid;
	}
	hull.end = vm->primary[lo].gfns.end < end ? vm->primary[lo].gfns.end : end;
	return hull;
}
