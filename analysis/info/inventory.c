// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/info/info.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/budget.h"
#include "base/table.h"
#include "traces/guest/vm.h"

/* What is kept while reading, per VM. */
struct vm_state {
	struct rs_vm_inventory inv;
	struct rs_vm *vm;
	bool seen;
	size_t max_placements;
	size_t *current; /* by memslot handle: its placement + 1; 0: not present */
	size_t nr_current;
	struct rs_hash places; /* of the placements */
};

/* Invalidations of guest frames of one VM, by one number of the trace's table of who did it. */
struct done {
	size_t vm;
	uint32_t who;
	uint64_t nr;
};

struct rs_inventory_builder {
	struct vm_state *vms;
	size_t nr_vms;
	size_t last; /* events come in runs of one VM */
	struct rs_hash by_number;
	struct done *done;
	size_t nr_done;
	struct rs_hash by_who;
};

const char *const rs_origin_names[RS_NR_ORIGINS] = { "notifier", "guest_memfd", "attributes", "zap",
						     "unknown" };

struct rs_inventory_builder *rs_inventory_new(void)
{
	return calloc(1, sizeof(struct rs_inventory_builder));
}

static void free_vm_inventory(struct rs_vm_inventory *inv)
{
	for (size_t i = 0; i < inv->nr_placements; i++)
		free(inv->placements[i].stays);
	free(inv->placements);
	free(inv->aliases);
}

static void free_state(struct vm_state *v)
{
	rs_vm_free(v->vm);
	free(v->current);
	rs_hash_free(&v->places);
}

static void free_builder(struct rs_inventory_builder *b)
{
	rs_hash_free(&b->by_number);
	rs_hash_free(&b->by_who);
	free(b->done);
	free(b->vms);
	free(b);
}

void rs_inventory_abort(struct rs_inventory_builder *b)
{
	for (size_t i = 0; b && i < b->nr_vms; i++) {
		free_vm_inventory(&b->vms[i].inv);
		free_state(&b->vms[i]);
	}
	if (b)
		free_builder(b);
}

void rs_inventory_free(struct rs_inventory *inv)
{
	for (size_t i = 0; inv && i < inv->nr_vms; i++)
		free_vm_inventory(&inv->vms[i]);
	if (inv)
		free(inv->vms);
	free(inv);
}

static struct vm_state *find_vm(struct rs_inventory_builder *b, uint32_t vm)
{
	struct vm_state *vms;

	if (b->last < b->nr_vms && b->vms[b->last].inv.vm == vm)
		return &b->vms[b->last];
	b->last = rs_hash_find(&b->by_number, rs_hash_number(vm), NULL, NULL);
	if (b->last != RS_HASH_NONE)
		return &b->vms[b->last];
	b->last = b->nr_vms;
	if (RS_ROOM_FOR_ONE(b->vms, b->nr_vms))
		return NULL;
	vms = &b->vms[b->nr_vms];
	memset(vms, 0, sizeof(*vms));
	vms->inv.vm = vm;
	vms->vm = rs_vm_new();
	if (!vms->vm || rs_hash_add(&b->by_number, rs_hash_number(vm), (uint32_t)b->nr_vms)) {
		rs_vm_free(vms->vm);
		return NULL;
	}
	b->nr_vms++;
	return vms;
}

struct asked {
	const struct rs_placement *placements;
	const struct rs_event *ev;
};

static bool same_place(const void *arg, uint32_t n)
{
	const struct asked *a = arg;
	const struct rs_placement *p = &a->placements[n];
	const struct rs_event *ev = a->ev;

	return p->as == ev->as && p->id == ev->memslot.id && p->gfn == ev->memslot.gfn &&
	       p->npages == ev->memslot.npages && p->hva == ev->memslot.hva;
}

static uint64_t hash_place(const struct rs_event *ev)
{
	uint64_t h = rs_hash_number((uint64_t)ev->as << 32 | ev->memslot.id);

	h = rs_hash_number(h ^ ev->memslot.gfn);
	h = rs_hash_number(h ^ ev->memslot.npages);
	return rs_hash_number(h ^ ev->memslot.hva);
}

/* The placement that a memslot event names; a new one if need be. NULL without memory. */
static struct rs_placement *place(struct vm_state *v, const struct rs_event *ev)
{
	const uint64_t hash = hash_place(ev);
	const struct asked asked = { v->inv.placements, ev };
	const uint32_t n = rs_hash_find(&v->places, hash, same_place, &asked);
	struct rs_placement *p;

	if (n != RS_HASH_NONE)
		return &v->inv.placements[n];
	if (v->inv.nr_placements >= RS_HASH_NONE ||
	    RS_ROOM(v->inv.placements, v->max_placements, v->inv.nr_placements + 1) ||
	    rs_hash_add(&v->places, hash, (uint32_t)v->inv.nr_placements))
		return NULL;
	p = &v->inv.placements[v->inv.nr_placements++];
	*p = (struct rs_placement){ .as = ev->as,
				    .id = ev->memslot.id,
				    .gfn = ev->memslot.gfn,
				    .npages = ev->memslot.npages,
				    .hva = ev->memslot.hva };
	return p;
}

/* Room for the handle of a memslot. */
static int grow_current(struct vm_state *v)
{
	return RS_ROOM_ZEROED(v->current, v->nr_current, rs_vm_nr_handles(v->vm));
}

static void leave(struct vm_state *v, size_t *current, uint64_t now_ns)
{
	if (*current) {
		struct rs_placement *p = &v->inv.placements[*current - 1];

		p->present = false;
		p->stays[p->nr_stays - 1].until_ns = now_ns;
	}
	*current = 0;
}

/* The memslot of @handle is now where @ev says. */
static int arrive(struct vm_state *v, uint32_t handle, const struct rs_event *ev)
{
	struct rs_placement *p = place(v, ev);

	if (!p)
		return -ENOMEM;
	if (RS_ROOM(p->stays, p->max_stays, p->nr_stays + 1))
		return -ENOMEM;
	p->stays[p->nr_stays++] = (struct rs_stay){ ev->time_ns, ev->time_ns };
	p->flags = ev->memslot.flags;
	p->present = true;
	v->current[handle] = (size_t)(p - v->inv.placements) + 1;
	return 0;
}

static int memslot(struct vm_state *v, const struct rs_event *ev)
{
	uint32_t before = rs_vm_find_id(v->vm, ev->as, ev->memslot.id), handle;
	size_t was = before == RS_NO_SLOT ? 0 : v->current[before];
	enum rs_vm_change change;

	/* One that the model refuses is an anomaly that the replay reports. */
	if (!rs_vm_takes(ev))
		return 0;
	change = rs_vm_set_memslot(v->vm, ev->as, ev->memslot.id, ev->memslot.gfn,
				   ev->memslot.npages, ev->memslot.hva, ev->memslot.flags);
	if (change == RS_VM_NOMEM || grow_current(v))
		return -ENOMEM;
	if (change == RS_VM_SAME && was)
		v->inv.placements[was - 1].flags = ev->memslot.flags;
	if (change != RS_VM_CHANGED)
		return 0;
	v->inv.memslot_changes++;
	if (before != RS_NO_SLOT)
		leave(v, &v->current[before], ev->time_ns);
	handle = rs_vm_find_id(v->vm, ev->as, ev->memslot.id);
	return handle == RS_NO_SLOT ? 0 : arrive(v, handle, ev);
}

/* Counts the invalidation that @ev begins, of @v: why it comes is told when all are named. */
static int begin(struct rs_inventory_builder *b, struct vm_state *v, const struct rs_event *ev)
{
	const size_t vm = (size_t)(v - b->vms);
	const uint64_t hash = rs_hash_number((uint64_t)ev->inval.who << 32 | vm);
	uint32_t n;

	if (!(ev->flags & RS_F_GFN)) {
		v->inv.origins[RS_ORIGIN_NOTIFIER]++;
		return 0;
	}
	n = rs_hash_find(&b->by_who, hash, NULL, NULL);
	if (n == RS_HASH_NONE) {
		n = (uint32_t)b->nr_done;
		if (RS_ROOM_FOR_ONE(b->done, b->nr_done) || rs_hash_add(&b->by_who, hash, n))
			return -ENOMEM;
		b->done[b->nr_done++] = (struct done){ vm, ev->inval.who, 0 };
	}
	b->done[n].nr++;
	return 0;
}

int rs_inventory_feed(struct rs_inventory_builder *b, const struct rs_event *evs, size_t n,
		      const uint32_t *vm)
{
	for (const struct rs_event *ev = evs; ev < evs + n; ev++) {
		struct vm_state *v;

		if (vm && ev->vm != *vm)
			continue;
		v = find_vm(b, ev->vm);
		if (!v)
			return -ENOMEM;
		if (!v->seen)
			v->inv.begin_ns = ev->time_ns;
		v->seen = true;
		if (ev->time_ns > v->inv.end_ns)
			v->inv.end_ns = ev->time_ns;
		if (ev->type < RS_NR_EVENT_TYPES)
			v->inv.events[ev->type]++;
		if (ev->type == RS_EV_INVAL_BEGIN && begin(b, v, ev))
			return -ENOMEM;
		if (ev->type == RS_EV_MEMSLOT && memslot(v, ev))
			return -ENOMEM;
	}
	return 0;
}

/* Were both there at any one time? */
static bool met(const struct rs_placement *a, const struct rs_placement *b)
{
	if (a->present && b->present)
		return true;
	for (size_t i = 0, k = 0; i < a->nr_stays && k < b->nr_stays;) {
		if (a->stays[i].until_ns <= b->stays[k].from_ns)
			i++;
		else if (b->stays[k].until_ns <= a->stays[i].from_ns)
			k++;
		else
			return true;
	}
	return false;
}

/* The pages that two placements share; false if none. */
static bool share(const struct rs_placement *a, const struct rs_placement *b,
		  struct rs_alias_pair *pair)
{
	uint64_t start = a->hva > b->hva ? a->hva : b->hva;
	uint64_t end_a = a->hva + (a->npages << RS_PAGE_SHIFT);
	uint64_t end_b = b->hva + (b->npages << RS_PAGE_SHIFT);
	uint64_t end = end_a < end_b ? end_a : end_b;

	if (start >= end || !met(a, b))
		return false;
	pair->npages = (end - start) >> RS_PAGE_SHIFT;
	pair->gfn_a = a->gfn + ((start - a->hva) >> RS_PAGE_SHIFT);
	pair->gfn_b = b->gfn + ((start - b->hva) >> RS_PAGE_SHIFT);
	return true;
}

static int compare_pairs(const void *x, const void *y)
{
	const struct rs_alias_pair *p = x, *q = y;

	if (p->npages != q->npages)
		return p->npages > q->npages ? -1 : 1;
	if (p->a != q->a)
		return p->a < q->a ? -1 : 1;
	return p->b < q->b ? -1 : p->b > q->b;
}

/* The search for pairs: those listed so far, and how many may still be looked at. */
struct pairing {
	struct rs_vm_inventory *inv;
	uint64_t worst; /* pages of the last that is sure to be listed, 0: there is room */
	uint64_t left;
};

static int list_pair(struct pairing *s, const struct rs_alias_pair *pair)
{
	struct rs_vm_inventory *inv = s->inv;

	if (!inv->aliases)
		inv->aliases = calloc(2 * RS_MAX_ALIAS_PAIRS, sizeof(*inv->aliases));
	if (!inv->aliases)
		return -ENOMEM;
	inv->aliases[inv->nr_aliases++] = *pair;
	if (inv->nr_aliases < 2 * RS_MAX_ALIAS_PAIRS)
		return 0;
	qsort(inv->aliases, inv->nr_aliases, sizeof(*inv->aliases), compare_pairs);
	inv->nr_aliases = RS_MAX_ALIAS_PAIRS;
	s->worst = inv->aliases[RS_MAX_ALIAS_PAIRS - 1].npages;
	return 0;
}

struct by_hva {
	uint64_t hva, end;
	uint64_t apart; /* the gfn less the host page: the same for the same frames */
	size_t placement;
};

static int compare_numbers(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_hvas(const void *x, const void *y)
{
	const struct by_hva *a = x, *b = y;

	if (a->hva != b->hva)
		return compare_numbers(a->hva, b->hva);
	return compare_numbers(a->placement, b->placement);
}

static int compare_apart(const void *x, const void *y)
{
	const struct by_hva *a = x, *b = y;

	return a->apart != b->apart ? compare_numbers(a->apart, b->apart) : compare_hvas(x, y);
}

/* By place, there by what is apart. */
static int compare_places(const void *x, const void *y)
{
	const struct by_hva *a = x, *b = y;

	if (a->hva != b->hva)
		return compare_numbers(a->hva, b->hva);
	return a->end != b->end ? compare_numbers(a->end, b->end) : compare_apart(x, y);
}

static void sort(struct by_hva *v, size_t n, int (*compare)(const void *, const void *))
{
	if (n)
		qsort(v, n, sizeof(*v), compare);
}

/* Pairs that share pages, among @n that are sorted by host address. */
static uint64_t count_pairs(const struct by_hva *v, size_t n)
{
	uint64_t pairs = 0;

	for (size_t i = 0; i < n; i++) {
		size_t low = i + 1, high = n;

		while (low < high) {
			const size_t mid = low + (high - low) / 2;

			if (v[mid].hva < v[i].end)
				low = mid + 1;
			else
				high = mid;
		}
		pairs += low - i - 1;
	}
	return pairs;
}

/*
 * Those that are there at the end, @n sorted by host address: each meets each. They are
 * counted without a look at each pair.
 */
static void count_present(struct rs_vm_inventory *inv, const struct by_hva *v, size_t n,
			  struct by_hva *copy)
{
	uint64_t same = 0;

	if (n)
		memcpy(copy, v, n * sizeof(*v));
	sort(copy, n, compare_apart);
	for (size_t i = 0, k; i < n; i = k) {
		for (k = i; k < n && copy[k].apart == copy[i].apart; k++)
			;
		same += count_pairs(copy + i, k - i);
	}
	inv->same_frame_pairs += same;
	inv->alias_pairs += count_pairs(v, n) - same;
}

/* Placements of the same pages as the same frames. */
struct alike {
	size_t first; /* placement */
	size_t begin, nr;
};

static int compare_first(const void *x, const void *y)
{
	const struct alike *a = x, *b = y;

	return compare_numbers(a->first, b->first);
}

/*
 * Of those with the same pages keeps so many, the first to appear, that no pair of another
 * can be among those listed: with each of them it would have as many pages, and be named
 * behind. @from is sorted by place; returns how many are in @to.
 */
static size_t keep_first(const struct by_hva *from, size_t n, struct alike *groups,
			 struct by_hva *to)
{
	size_t kept = 0;

	for (size_t i = 0, k; i < n; i = k) {
		size_t nr = 0;

		for (k = i; k < n && from[k].hva == from[i].hva && from[k].end == from[i].end;
		     k++) {
			if (k == i || from[k].apart != from[k - 1].apart)
				groups[nr++] = (struct alike){ from[k].placement, k, 0 };
			groups[nr - 1].nr++;
		}
		qsort(groups, nr, sizeof(*groups), compare_first);
		for (size_t g = 0; g < nr && g < RS_MAX_ALIAS_PAIRS + 2; g++)
			for (size_t m = 0; m < groups[g].nr && m <= RS_MAX_ALIAS_PAIRS; m++)
				to[kept++] = from[groups[g].begin + m];
	}
	return kept;
}

/* Takes the pair of placements if both were there at one time and it is of different frames. */
static int try_pair(struct pairing *s, const struct by_hva *x, const struct by_hva *y, bool count)
{
	const struct rs_placement *p = s->inv->placements;
	struct rs_alias_pair pair = { x->placement, y->placement, 0, 0, 0 };
	uint64_t looks = 1;

	if (count)
		looks += p[pair.a].nr_stays + p[pair.b].nr_stays;
	if (looks > s->left)
		return -E2BIG;
	s->left -= looks;
	if (!share(&p[pair.a], &p[pair.b], &pair))
		return 0;
	if (count && pair.gfn_a == pair.gfn_b)
		s->inv->same_frame_pairs++;
	else if (count)
		s->inv->alias_pairs++;
	return pair.gfn_a == pair.gfn_b ? 0 : list_pair(s, &pair);
}

/* Lists the pairs of @n placements that are there at the end, sorted by host address. */
static int list_present(struct pairing *s, const struct by_hva *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < n && v[k].hva < v[i].end &&
				       (v[i].end - v[k].hva) >> RS_PAGE_SHIFT >= s->worst;
		     k++) {
			int rc = try_pair(s, &v[i], &v[k], false);

			if (rc)
				return rc;
		}
	return 0;
}

/* Counts and lists the pairs of which one is there no more, of @n sorted by host address. */
static int pair_with_gone(struct pairing *s, const struct by_hva *all, size_t n)
{
	const struct rs_placement *p = s->inv->placements;
	struct by_hva *gone = calloc(n + 1, sizeof(*gone));
	size_t nr_gone = 0, next = 0;
	int rc = gone ? 0 : -ENOMEM;

	for (size_t i = 0; i < n && gone; i++)
		if (!p[all[i].placement].present)
			gone[nr_gone++] = all[i];
	for (size_t i = 0; i < n && !rc; i++) {
		const bool present = p[all[i].placement].present;
		const struct by_hva *others = present ? gone : all;
		const size_t nr = present ? nr_gone : n;

		for (; next < nr_gone && compare_hvas(&gone[next], &all[i]) <= 0; next++)
			;
		for (size_t k = present ? next : i + 1; k < nr && others[k].hva < all[i].end && !rc;
		     k++)
			rc = try_pair(s, &all[i], &others[k], true);
	}
	free(gone);
	return rc;
}

static int pair_up(struct rs_vm_inventory *inv, struct by_hva *all, struct by_hva *present,
		   struct by_hva *copy, struct alike *groups)
{
	struct pairing s = { .inv = inv, .left = rs_budget_base() / 4 };
	size_t n = inv->nr_placements, nr = 0;
	int rc;

	for (size_t i = 0; i < n; i++) {
		const struct rs_placement *p = &inv->placements[i];

		all[i] = (struct by_hva){ p->hva, p->hva + (p->npages << RS_PAGE_SHIFT),
					  p->gfn - (p->hva >> RS_PAGE_SHIFT), i };
	}
	sort(all, n, compare_hvas);
	for (size_t i = 0; i < n; i++)
		if (inv->placements[all[i].placement].present)
			present[nr++] = all[i];
	rc = pair_with_gone(&s, all, n);
	count_present(inv, present, nr, copy);
	memcpy(copy, present, nr * sizeof(*copy));
	sort(copy, nr, compare_places);
	nr = keep_first(copy, nr, groups, present);
	sort(present, nr, compare_hvas);
	return rc ? rc : list_present(&s, present, nr);
}

static int find_aliases(struct rs_vm_inventory *inv)
{
	const size_t n = inv->nr_placements + 1;
	struct by_hva *all = calloc(n, sizeof(*all)), *present = calloc(n, sizeof(*present)),
		      *copy = calloc(n, sizeof(*copy));
	struct alike *groups = calloc(n, sizeof(*groups));
	int rc = -ENOMEM;

	if (all && present && copy && groups)
		rc = pair_up(inv, all, present, copy, groups);
	free(all);
	free(present);
	free(copy);
	free(groups);
	if (inv->nr_aliases)
		qsort(inv->aliases, inv->nr_aliases, sizeof(*inv->aliases), compare_pairs);
	if (inv->nr_aliases > RS_MAX_ALIAS_PAIRS)
		inv->nr_aliases = RS_MAX_ALIAS_PAIRS;
	return rc;
}

static int compare_vms(const void *x, const void *y)
{
	const struct rs_vm_inventory *a = x, *b = y;

	return a->vm < b->vm ? -1 : a->vm > b->vm;
}

/* What is still there stays to the end. */
static void leave_all(struct vm_state *v)
{
	for (size_t i = 0; i < v->inv.nr_placements; i++) {
		struct rs_placement *p = &v->inv.placements[i];

		if (p->present)
			p->stays[p->nr_stays - 1].until_ns = v->inv.end_ns;
	}
}

static enum rs_origin origin_of(const struct rs_who *who)
{
	enum rs_origin o = RS_ORIGIN_GUEST_MEMFD;

	if (!who->reason)
		return RS_ORIGIN_UNKNOWN;
	while (o < RS_ORIGIN_UNKNOWN && strcmp(who->reason, rs_origin_names[o]))
		o++;
	return o;
}

struct rs_inventory *rs_inventory_finish(struct rs_inventory_builder *b, const struct rs_whos *whos)
{
	struct rs_inventory *inv = calloc(1, sizeof(*inv));
	int rc = 0;

	if (inv)
		inv->vms = calloc(b->nr_vms + 1, sizeof(*inv->vms));
	if (!inv || !inv->vms) {
		rs_inventory_abort(b);
		free(inv);
		errno = ENOMEM;
		return NULL;
	}
	for (size_t i = 0; i < b->nr_done; i++) {
		const struct done *d = &b->done[i];

		b->vms[d->vm].inv.origins[origin_of(rs_whos_get(whos, d->who))] += d->nr;
	}
	for (; inv->nr_vms < b->nr_vms; inv->nr_vms++) {
		struct vm_state *v = &b->vms[inv->nr_vms];

		leave_all(v);
		inv->vms[inv->nr_vms] = v->inv;
		if (!rc)
			rc = find_aliases(&inv->vms[inv->nr_vms]);
		free_state(v);
	}
	free_builder(b);
	if (inv->nr_vms)
		qsort(inv->vms, inv->nr_vms, sizeof(*inv->vms), compare_vms);
	if (!rc)
		return inv;
	rs_inventory_free(inv);
	errno = -rc;
	return NULL;
}
