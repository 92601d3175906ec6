// SPDX-License-Identifier: GPL-2.0-only
#include "traces/guest/vm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "traces/guest/ramp.h"
#include "traces/guest/stretches.h"

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
	uint32_t *id_hash; /* handle + 1 by (as, id), present or not; a power of two */
	uint32_t id_hash_size;

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

static uint64_t slot_hva_end(const struct rs_memslot *s)
{
	return s->hva + (s->npages << RS_PAGE_SHIFT);
}

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
	free(vm->id_hash);
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

static uint32_t hash_id(const struct rs_vm *vm, uint8_t as, uint32_t id)
{
	uint64_t h = ((uint64_t)id << 8 | as) * 0x9e3779b97f4a7c15ULL;

	return (uint32_t)(h >> 32) & (vm->id_hash_size - 1);
}

static uint32_t find_handle(const struct rs_vm *vm, uint8_t as, uint32_t id)
{
	if (!vm->id_hash_size)
		return RS_NO_SLOT;
	for (uint32_t i = hash_id(vm, as, id); vm->id_hash[i];
	     i = (i + 1) & (vm->id_hash_size - 1)) {
		const struct rs_memslot *s = &vm->slots[vm->id_hash[i] - 1];

		if (s->as == as && s->id == id)
			return vm->id_hash[i] - 1;
	}
	return RS_NO_SLOT;
}

static void hash_handle(struct rs_vm *vm, uint32_t handle)
{
	uint32_t i = hash_id(vm, vm->slots[handle].as, vm->slots[handle].id);

	while (vm->id_hash[i])
		i = (i + 1) & (vm->id_hash_size - 1);
	vm->id_hash[i] = handle + 1;
}

static int grow_handles(struct rs_vm *vm)
{
	uint32_t max = vm->max_handles ? 2 * vm->max_handles : 16;
	uint32_t *hash;

	if (RS_RESIZE(vm->slots, max))
		return -ENOMEM;
	hash = calloc(2 * (size_t)max, sizeof(*hash));
	if (!hash)
		return -ENOMEM;
	free(vm->id_hash);
	vm->id_hash = hash;
	vm->id_hash_size = 2 * max;
	vm->max_handles = max;
	for (uint32_t h = 0; h < vm->nr_handles; h++)
		hash_handle(vm, h);
	return 0;
}

static uint32_t new_handle(struct rs_vm *vm, uint8_t as, uint32_t id)
{
	struct rs_memslot *s;

	if (vm->nr_handles == vm->max_handles && grow_handles(vm))
		return RS_NO_SLOT;
	s = &vm->slots[vm->nr_handles];
	memset(s, 0, sizeof(*s));
	s->as = as;
	s->id = id;
	hash_handle(vm, vm->nr_handles);
	return vm->nr_handles++;
}

/* The index of the last of @n sorted values that is at most @x, or -1. */
static int64_t last_at_most(const uint64_t *v, uint32_t n, uint64_t x)
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

static int alloc_derived(struct rs_vm *vm)
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

/* Makes the tree of highest ends fit the memslots. */
static int update_tree(struct rs_vm *vm)
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
		vm->hva_max[leaves + i] = i < n ? slot_hva_end(&vm->slots[vm->by_hva[i]]) : 0;
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

/* @by memslots more like @s, which is not among the others. 0 or -ENOMEM. */
static int count_memslot(struct rs_vm *vm, const struct rs_memslot *s, int by)
{
	uint64_t from = s->hva >> RS_PAGE_SHIFT, to = from + s->npages;

	if (rs_stretches_cut(&vm->stretches, from) || rs_stretches_cut(&vm->stretches, to))
		return -ENOMEM;
	rs_stretches_add(&vm->stretches, from, to, by, 0);
	return count_distance(vm, s, 0, from, to, by);
}

/* Forgets the bounds at @page if no memslot has one there. */
static void join_stretches(struct rs_vm *vm, uint64_t page)
{
	uint64_t hva = page << RS_PAGE_SHIFT;
	int64_t start = last_at_most(vm->hva_start, vm->nr_present, hva);
	int64_t end = last_at_most(vm->hva_end, vm->nr_present, hva);

	if ((start < 0 || vm->hva_start[start] != hva) && (end < 0 || vm->hva_end[end] != hva))
		rs_stretches_join(&vm->stretches, page);
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
	insert_sorted(vm->hva_end, n, slot_hva_end(s));
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
	remove_sorted(vm->hva_end, n, slot_hva_end(s));
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
		if (count_memslot(vm, s, -1))
			return RS_VM_NOMEM;
		join_stretches(vm, s->hva >> RS_PAGE_SHIFT);
		join_stretches(vm, (s->hva >> RS_PAGE_SHIFT) + s->npages);
	}
	if (in) {
		s->gfn = in->gfn;
		s->npages = in->npages;
		s->hva = in->hva;
		s->flags = in->flags;
		s->generation++;
		s->added = vm->next_added++;
		enter_memslot(vm, handle);
		if (count_memslot(vm, s, 1))
			return RS_VM_NOMEM;
	}
	return RS_VM_CHANGED;
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

static int update_ramps(struct rs_vm *vm)
{
	if (rs_ramp_make(&vm->hva_ramp, vm->hva_start, vm->hva_end, vm->nr_present, RS_PAGE_SHIFT))
		return -ENOMEM;
	return rs_ramp_make(&vm->gfn_ramp, vm->gfn_start, vm->gfn_end, vm->nr_present, 0);
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
static void update_primary(struct rs_vm *vm)
{
	struct heap heap = { vm->slots, vm->heap, 0 };
	uint64_t at = 0;
	uint32_t i = 0, n = vm->nr_present;

	vm->nr_primary = 0;
	while (i < n || heap.n) {
		uint64_t next = i < n ? vm->hva_start[i] : UINT64_MAX, end;

		while (heap.n && slot_hva_end(&vm->slots[heap.h[0]]) <= at)
			heap_pop(&heap);
		if (heap.n) {
			end = slot_hva_end(&vm->slots[heap.h[0]]);
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
}

int rs_vm_update(struct rs_vm *vm)
{
	if (!vm->dirty)
		return 0;
	if (alloc_derived(vm) || update_tree(vm) || update_ramps(vm))
		return -ENOMEM;
	update_gfns(vm);
	update_primary(vm);
	vm->dirty = false;
	return 0;
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

bool rs_memslot_gfns_of_hvas(const struct rs_memslot *s, uint64_t start, uint64_t end,
			     struct rs_range *gfns)
{
	uint64_t from = start > s->hva ? start : s->hva;
	uint64_t to = end < slot_hva_end(s) ? end : slot_hva_end(s);

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

size_t rs_vm_spaces(const struct rs_vm *vm, const uint8_t **spaces)
{
	*spaces = vm->space_as;
	return vm->nr_spaces;
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

uint64_t rs_vm_aliased_frames(const struct rs_vm *vm)
{
	return vm->frames - rs_stretches_unaliased(&vm->stretches);
}
