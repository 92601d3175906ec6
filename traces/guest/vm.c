// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/inline.h"
#include "traces/guest/vm_internal.h"

struct rs_vm *rs_vm_new(void)
{
	struct rs_vm *vm = calloc(1, sizeof(*vm));

	if (vm)
		vm->dirty = true; /* what is derived of no memslots is not nothing */
	return vm;
}

static void free_derived(struct rs_vm *vm)
{
	free(vm->hva_max);
	rs_ramp_free(&vm->hva_ramp);
	rs_ramp_free(&vm->gfn_ramp);
	free(vm->found);
	free(vm->primary);
	free(vm->primary_first);
	free(vm->heap);
}

void rs_vm_free(struct rs_vm *vm)
{
	if (!vm)
		return;
	free(vm->slots);
	rs_hash_free(&vm->by_id);
	for (size_t i = 0; i <= RS_MAX_AS; i++) {
		free(vm->spaces[i].handles);
		free(vm->spaces[i].start);
	}
	free(vm->by_hva);
	free(vm->hva_start);
	free(vm->hva_end);
	free(vm->gfn_start);
	free(vm->gfn_end);
	rs_stretches_free(&vm->stretches);
	free_derived(vm);
	free(vm);
}

/* Of no other memslot: who has it need not be asked. */
static uint64_t hash_id(uint8_t as, uint32_t id)
{
	return rs_hash_number((uint64_t)id << 8 | as);
}

static uint32_t find_handle(const struct rs_vm *vm, uint8_t as, uint32_t id)
{
	const uint32_t handle = rs_hash_find(&vm->by_id, hash_id(as, id), NULL, NULL);

	return handle == RS_HASH_NONE ? RS_NO_SLOT : handle;
}

static int grow_handles(struct rs_vm *vm)
{
	uint32_t max = vm->max_handles ? 2 * vm->max_handles : 16;

	if (RS_RESIZE(vm->slots, max))
		return -ENOMEM;
	vm->max_handles = max;
	return 0;
}

static uint32_t new_handle(struct rs_vm *vm, uint8_t as, uint32_t id)
{
	struct rs_memslot *s;

	if ((vm->nr_handles == vm->max_handles && grow_handles(vm)) ||
	    rs_hash_add(&vm->by_id, hash_id(as, id), vm->nr_handles))
		return RS_NO_SLOT;
	s = &vm->slots[vm->nr_handles];
	memset(s, 0, sizeof(*s));
	s->as = as;
	s->id = id;
	return vm->nr_handles++;
}

static int grow_space(struct space *sp)
{
	uint32_t max = sp->max ? 2 * sp->max : 8;

	if (sp->nr < sp->max)
		return 0;
	if (RS_RESIZE(sp->handles, max) || RS_RESIZE(sp->start, max))
		return -ENOMEM;
	sp->max = max;
	return 0;
}

static int grow_edges(struct rs_vm *vm)
{
	uint32_t max = vm->max_edges ? 2 * vm->max_edges : 8;

	if (vm->nr_present < vm->max_edges)
		return 0;
	if (RS_RESIZE(vm->by_hva, max) || RS_RESIZE(vm->hva_start, max) ||
	    RS_RESIZE(vm->hva_end, max) || RS_RESIZE(vm->gfn_start, max) ||
	    RS_RESIZE(vm->gfn_end, max))
		return -ENOMEM;
	vm->max_edges = max;
	return 0;
}

static void insert_u64(uint64_t *v, uint32_t n, uint32_t at, uint64_t value)
{
	memmove(v + at + 1, v + at, (n - at) * sizeof(*v));
	v[at] = value;
}

static void insert_u32(uint32_t *v, uint32_t n, uint32_t at, uint32_t value)
{
	memmove(v + at + 1, v + at, (n - at) * sizeof(*v));
	v[at] = value;
}

static void remove_u64(uint64_t *v, uint32_t n, uint32_t at)
{
	memmove(v + at, v + at + 1, (n - at - 1) * sizeof(*v));
}

static void insert_sorted(uint64_t *v, uint32_t n, uint64_t value)
{
	insert_u64(v, n, (uint32_t)(last_at_most(v, n, value) + 1), value);
}

/* One of those that are @value. */
static void remove_sorted(uint64_t *v, uint32_t n, uint64_t value)
{
	remove_u64(v, n, (uint32_t)last_at_most(v, n, value));
}

static void remove_u32(uint32_t *v, uint32_t n, uint32_t at)
{
	memmove(v + at, v + at + 1, (n - at - 1) * sizeof(*v));
}

static void list_spaces(struct rs_vm *vm)
{
	vm->nr_spaces = 0;
	for (uint32_t as = 0; as <= RS_MAX_AS; as++)
		if (vm->spaces[as].nr)
			vm->space_as[vm->nr_spaces++] = (uint8_t)as;
}

/* Enters a memslot whose fields are set; grow_*() made room. */
static void enter_memslot(struct rs_vm *vm, uint32_t handle)
{
	struct rs_memslot *s = &vm->slots[handle];
	struct space *sp = &vm->spaces[s->as];
	uint32_t n = vm->nr_present;
	uint32_t at = (uint32_t)(last_at_most(sp->start, sp->nr, s->gfn) + 1);

	insert_u32(sp->handles, sp->nr, at, handle);
	insert_u64(sp->start, sp->nr, at, s->gfn);
	if (!sp->nr++)
		list_spaces(vm);
	at = (uint32_t)(last_at_most(vm->hva_start, n, s->hva) + 1);
	insert_u32(vm->by_hva, n, at, handle);
	insert_u64(vm->hva_start, n, at, s->hva);
	insert_sorted(vm->hva_end, n, rs_memslot_hva_end(s));
	insert_sorted(vm->gfn_start, n, s->gfn);
	insert_sorted(vm->gfn_end, n, s->gfn + s->npages);
	vm->nr_present++;
	vm->frames += s->npages;
	s->present = true;
	vm->dirty = true;
}

static void take_out_memslot(struct rs_vm *vm, uint32_t handle)
{
	struct rs_memslot *s = &vm->slots[handle];
	struct space *sp = &vm->spaces[s->as];
	uint32_t n = vm->nr_present;
	uint32_t at = (uint32_t)last_at_most(sp->start, sp->nr, s->gfn);

	remove_u32(sp->handles, sp->nr, at);
	remove_u64(sp->start, sp->nr, at);
	if (!--sp->nr)
		list_spaces(vm);
	at = (uint32_t)last_at_most(vm->hva_start, n, s->hva);
	while (vm->by_hva[at] != handle)
		at--;
	remove_u32(vm->by_hva, n, at);
	remove_u64(vm->hva_start, n, at);
	remove_sorted(vm->hva_end, n, rs_memslot_hva_end(s));
	remove_sorted(vm->gfn_start, n, s->gfn);
	remove_sorted(vm->gfn_end, n, s->gfn + s->npages);
	vm->nr_present--;
	vm->frames -= s->npages;
	s->present = false;
	s->generation++;
	vm->dirty = true;
}

/* Whether another memslot than @handle of the same space has gfns in [gfn, gfn + npages). */
static bool overlaps(const struct rs_vm *vm, uint8_t as, uint32_t handle, uint64_t gfn,
		     uint64_t npages)
{
	const struct space *sp = &vm->spaces[as];
	int64_t i = last_at_most(sp->start, sp->nr, gfn + npages - 1);

	if (i >= 0 && sp->handles[i] == handle)
		i--;
	return i >= 0 && sp->start[i] + vm->slots[sp->handles[i]].npages > gfn;
}

/* Takes @handle out and enters it with new fields, either only if asked for. */
static enum rs_vm_change change_memslot(struct rs_vm *vm, uint32_t handle, bool out,
					const struct rs_memslot *in)
{
	struct rs_memslot *s = &vm->slots[handle];

	if (out) {
		take_out_memslot(vm, handle);
		if (rs_vm_count_aliases(vm, s, -1))
			return RS_VM_NOMEM;
		rs_vm_forget_bound(vm, s->hva >> RS_PAGE_SHIFT);
		rs_vm_forget_bound(vm, (s->hva >> RS_PAGE_SHIFT) + s->npages);
	}
	if (in) {
		s->gfn = in->gfn;
		s->npages = in->npages;
		s->hva = in->hva;
		s->flags = in->flags;
		s->generation++;
		s->added = vm->next_added++;
		enter_memslot(vm, handle);
		if (rs_vm_count_aliases(vm, s, 1))
			return RS_VM_NOMEM;
	}
	return RS_VM_CHANGED;
}

bool rs_vm_takes(const struct rs_event *ev)
{
	uint64_t end;

	return !(ev->memslot.hva & (RS_PAGE_SIZE - 1)) &&
	       ev->memslot.npages <= UINT64_MAX >> RS_PAGE_SHIFT &&
	       !__builtin_add_overflow(ev->memslot.gfn, ev->memslot.npages, &end) &&
	       !__builtin_add_overflow(ev->memslot.hva, ev->memslot.npages << RS_PAGE_SHIFT, &end);
}

enum rs_vm_change rs_vm_set_memslot(struct rs_vm *vm, uint8_t as, uint32_t id, uint64_t gfn,
				    uint64_t npages, uint64_t hva, uint32_t flags)
{
	uint32_t handle = find_handle(vm, as, id);
	struct rs_memslot *s = handle == RS_NO_SLOT ? NULL : &vm->slots[handle];
	const struct rs_memslot in = { .gfn = gfn, .npages = npages, .hva = hva, .flags = flags };
	bool replaces = s && s->present;
	uint64_t before = replaces ? s->npages : 0;

	if (!npages) {
		if (!replaces)
			return RS_VM_ABSENT;
		return change_memslot(vm, handle, true, NULL);
	}
	if (replaces && before == npages && s->gfn == gfn && s->hva == hva) {
		s->flags = flags;
		return RS_VM_SAME;
	}
	if (overlaps(vm, as, handle, gfn, npages))
		return RS_VM_OVERLAP;
	if (vm->frames - before + npages > INT64_MAX)
		return RS_VM_TOO_LARGE;
	if (grow_space(&vm->spaces[as]) || grow_edges(vm))
		return RS_VM_NOMEM;
	if (!s) {
		handle = new_handle(vm, as, id);
		if (handle == RS_NO_SLOT)
			return RS_VM_NOMEM;
	}
	return change_memslot(vm, handle, replaces, &in);
}

/*
 * A function of its own: then to ask before each invalidation whether it is due is no call,
 * which took 0.5 % of the instructions for the counts of one algorithm.
 */
static RS_SELDOM int update(struct rs_vm *vm)
{
	if (rs_vm_update_tree(vm) || rs_vm_update_folds(vm) || rs_vm_update_primaries(vm))
		return -ENOMEM;
	vm->dirty = false;
	return 0;
}

int rs_vm_update(struct rs_vm *vm)
{
	return vm->dirty ? update(vm) : 0;
}

const struct rs_memslot *rs_vm_memslot(const struct rs_vm *vm, uint32_t handle)
{
	return &vm->slots[handle];
}

uint32_t rs_vm_nr_handles(const struct rs_vm *vm)
{
	return vm->nr_handles;
}

uint32_t rs_vm_nr_memslots(const struct rs_vm *vm)
{
	return vm->nr_present;
}

uint32_t rs_vm_find_id(const struct rs_vm *vm, uint8_t as, uint32_t id)
{
	uint32_t handle = find_handle(vm, as, id);

	return handle != RS_NO_SLOT && vm->slots[handle].present ? handle : RS_NO_SLOT;
}

bool rs_memslot_gfns_of_hvas(const struct rs_memslot *s, uint64_t start, uint64_t end,
			     struct rs_range *gfns)
{
	uint64_t from = start > s->hva ? start : s->hva;
	uint64_t to = end < rs_memslot_hva_end(s) ? end : rs_memslot_hva_end(s);

	if (from >= to)
		return false;
	gfns->start = s->gfn + ((from - s->hva) >> RS_PAGE_SHIFT);
	gfns->end = s->gfn + ((to - s->hva + RS_PAGE_SIZE - 1) >> RS_PAGE_SHIFT);
	return true;
}

uint64_t rs_vm_frames(const struct rs_vm *vm)
{
	return vm->frames;
}

size_t rs_vm_spaces(const struct rs_vm *vm, const uint8_t **spaces)
{
	*spaces = vm->space_as;
	return vm->nr_spaces;
}
