// SPDX-License-Identifier: GPL-2.0-only
/* The events, applied one after the other; what is asked of the state is in naive_view.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/common/naive_internal.h"

#define MIN_BLACKOUT_NS 10000000ULL

static bool parse_algo(const char *name, struct nv_algo *a)
{
	static const char *const names[] = {
		[NV_GLOBAL] = "global",
		[NV_HVA_512] = "hva-5.12",
		[NV_HVA] = "hva",
		[NV_GFN_V7] = "gfn-v7",
		[NV_GFN] = "gfn",
		[NV_HVA_V6] = "hva-v6",
		[NV_HVA_SPLIT] = "hva-split",
		[NV_GFN_SPLIT] = "gfn-split",
		[NV_GFN_SLOT] = "gfn-slot",
		[NV_GFN_MULTI] = "gfn-multi:",
		[NV_GFN_LIST] = "gfn-list",
		[NV_GFN_RECENT] = "gfn-recent:",
		[NV_HFN_RECENT] = "hfn-recent:",
		[NV_EXACT] = "exact",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		size_t len = strlen(names[i]);

		if (names[i][len - 1] != ':')
			len = strlen(name) + 1;
		if (strncmp(name, names[i], len) == 0) {
			*a = (struct nv_algo){ .kind = i };
			if (i == NV_GFN_MULTI)
				return sscanf(name + len, "%zu", &a->max_ranges) == 1;
			return len > strlen(name) || sscanf(name + len, "%zu.%zu.%zu", &a->live,
							    &a->max_ranges, &a->done) == 3;
		}
	}
	return false;
}

static void dist_add(struct naive_dist *d, uint64_t value, uint64_t weight)
{
	if (!weight)
		return;
	if (!d->weight || value < d->min)
		d->min = value;
	if (!d->weight || value > d->max)
		d->max = value;
	d->weight += weight;
	d->total += (unsigned __int128)value * weight;
}

static void max_update(uint64_t *max, uint64_t value)
{
	if (value > *max)
		*max = value;
}

static void anomaly(struct naive *nv, enum naive_anomaly a)
{
	nv->res->anomalies[a]++;
}

static size_t vm_of(struct naive *nv, uint32_t vm)
{
	struct naive_result *r = nv->res;

	for (size_t i = 0; i < r->nr_vms; i++)
		if (r->vms[i].vm == vm)
			return i;
	r->vms = nv_grow(r->vms, r->nr_vms, sizeof(*r->vms));
	nv->vms = nv_grow(nv->vms, r->nr_vms, sizeof(*nv->vms));
	memset(&r->vms[r->nr_vms], 0, sizeof(*r->vms));
	memset(&nv->vms[r->nr_vms], 0, sizeof(*nv->vms));
	r->vms[r->nr_vms].vm = nv->vms[r->nr_vms].vm = vm;
	r->vms[r->nr_vms].begin_ns = r->vms[r->nr_vms].end_ns = nv->now_ns;
	nv->vms[r->nr_vms].last_ns = nv->now_ns;
	return r->nr_vms++;
}

/* The state changes: what it was belongs to the epoch, unless a walk was on its way. */
static void end_state(struct nv_vm *vm, bool walking)
{
	vm->epoch_covers |= vm->state_covers && !walking;
	for (size_t i = 0; i < NAIVE_MAX_ALGOS; i++) {
		if (!walking)
			max_update(&vm->epoch_widening[i], vm->state_widening[i]);
		vm->state_widening[i] = 0;
	}
	vm->state_covers = false;
}

/* Memslots. */

static bool overlap(uint64_t a, uint64_t a_end, uint64_t b, uint64_t b_end)
{
	return a < b_end && b < a_end;
}

static struct nv_slot *find_slot(struct nv_vm *vm, uint8_t as, uint32_t id)
{
	for (size_t i = 0; i < vm->nr_slots; i++)
		if (vm->slots[i].as == as && vm->slots[i].id == id)
			return &vm->slots[i];
	return NULL;
}

static const struct nv_slot *slot_at(const struct nv_vm *vm, uint8_t as, uint64_t gfn)
{
	for (size_t i = 0; i < vm->nr_slots; i++) {
		const struct nv_slot *s = &vm->slots[i];

		if (s->as == as && s->gfn <= gfn && gfn - s->gfn < s->npages)
			return s;
	}
	return NULL;
}

static bool memslot_valid(struct naive *nv, struct nv_vm *vm, const struct rs_event *ev)
{
	uint64_t gfn_end, bytes, hva_end, frames = ev->memslot.npages;

	if (__builtin_add_overflow(ev->memslot.gfn, ev->memslot.npages, &gfn_end) ||
	    __builtin_mul_overflow(ev->memslot.npages, RS_PAGE_SIZE, &bytes) ||
	    __builtin_add_overflow(ev->memslot.hva, bytes, &hva_end))
		return anomaly(nv, NAIVE_RANGE_WRAPS), false;
	if (ev->memslot.hva % RS_PAGE_SIZE)
		return anomaly(nv, NAIVE_RANGE_UNALIGNED), false;
	end_state(vm, false);
	for (size_t i = 0; i < vm->nr_slots; i++) {
		const struct nv_slot *s = &vm->slots[i];

		if (s->as == ev->as && s->id != ev->memslot.id &&
		    overlap(s->gfn, s->gfn + s->npages, ev->memslot.gfn, gfn_end))
			return anomaly(nv, NAIVE_MEMSLOT_OVERLAP), false;
	}
	for (size_t i = 0; i < vm->nr_slots; i++)
		if (vm->slots[i].as != ev->as || vm->slots[i].id != ev->memslot.id)
			frames += vm->slots[i].npages;
	if (frames > INT64_MAX)
		return anomaly(nv, NAIVE_MEMSLOT_TOO_LARGE), false;
	return true;
}

static void on_memslot(struct naive *nv, struct nv_vm *vm, const struct rs_event *ev)
{
	struct nv_slot *old = find_slot(vm, ev->as, ev->memslot.id);
	struct nv_slot new = { ev->as,		ev->memslot.id, ev->memslot.gfn, ev->memslot.npages,
			       ev->memslot.hva, ++nv->serial };

	if (!ev->memslot.npages) {
		end_state(vm, false);
		if (!old)
			anomaly(nv, NAIVE_MEMSLOT_ABSENT);
		else
			*old = vm->slots[--vm->nr_slots];
		return;
	}
	if (!memslot_valid(nv, vm, ev))
		return;
	if (!old) {
		vm->slots = nv_grow(vm->slots, vm->nr_slots, sizeof(new));
		vm->slots[vm->nr_slots++] = new;
	} else if (old->gfn != new.gfn || old->npages != new.npages || old->hva != new.hva) {
		*old = new;
	}
}

/* Invalidations. */

static struct nv_inval *find_inval(struct nv_vm *vm, uint64_t id)
{
	for (size_t i = 0; i < vm->nr_invals; i++)
		if (nv_outstanding(&vm->invals[i]) && vm->invals[i].id == id)
			return &vm->invals[i];
	return NULL;
}

static bool range_valid(struct naive *nv, uint64_t start, uint64_t end, bool hva)
{
	if (start == end)
		return anomaly(nv, NAIVE_RANGE_EMPTY), false;
	if (start > end)
		return anomaly(nv, NAIVE_RANGE_WRAPS), false;
	if (hva && (start % RS_PAGE_SIZE || end % RS_PAGE_SIZE))
		return anomaly(nv, NAIVE_RANGE_UNALIGNED), false;
	return true;
}

/* Of two memslots that map the same host page: is @t the primary one, and not @s? */
static bool better(const struct nv_slot *t, const struct nv_slot *s)
{
	if (t->npages != s->npages)
		return t->npages > s->npages;
	if (t->as != s->as)
		return t->as < s->as;
	return t->gfn < s->gfn;
}

/* A memslot that takes frame @gfn of @s from it; NULL if the frame is primary. */
static const struct nv_slot *taker(const struct nv_vm *vm, const struct nv_slot *s, uint64_t gfn)
{
	uint64_t hva = s->hva + (gfn - s->gfn) * RS_PAGE_SIZE;

	for (size_t i = 0; i < vm->nr_slots; i++) {
		const struct nv_slot *t = &vm->slots[i];

		if (better(t, s) && t->hva <= hva && hva < nv_slot_hva_end(t))
			return t;
	}
	return NULL;
}

/* The hull of the primary frames in @h: skip from both ends what others take. */
static void set_primary(const struct nv_vm *vm, const struct nv_slot *s, struct nv_hit *h)
{
	const struct nv_slot *t;
	uint64_t start = h->start, end = h->end;

	while (start < end && (t = taker(vm, s, start))) {
		if (nv_slot_hva_end(t) >= nv_slot_hva_end(s))
			start = end;
		else
			start = s->gfn + (nv_slot_hva_end(t) - s->hva) / RS_PAGE_SIZE;
	}
	while (start < end && (t = taker(vm, s, end - 1)))
		end = t->hva > s->hva ? s->gfn + (t->hva - s->hva) / RS_PAGE_SIZE : start;
	h->primary_start = start;
	h->primary_end = end;
}

static void add_hit(struct naive *nv, const struct nv_vm *vm, struct nv_inval *iv,
		    const struct nv_slot *s, uint64_t start, uint64_t end)
{
	struct nv_hit h = { .pos = nv->pos, .as = s->as, .id = s->id, .start = start, .end = end };

	h.hva = s->hva + (start - s->gfn) * RS_PAGE_SIZE;
	set_primary(vm, s, &h);
	iv->hits = nv_grow(iv->hits, iv->nr_hits, sizeof(h));
	iv->hits[iv->nr_hits++] = h;
}

/* The overlap of @iv's range with @s, in gfns. */
static bool overlap_of(const struct nv_inval *iv, const struct nv_slot *s, uint64_t *start,
		       uint64_t *end)
{
	uint64_t from = iv->gfn ? s->gfn : s->hva;
	uint64_t to = iv->gfn ? s->gfn + s->npages : nv_slot_hva_end(s);

	if (!overlap(iv->start, iv->end, from, to))
		return false;
	*start = iv->start > from ? iv->start : from;
	*end = iv->end < to ? iv->end : to;
	if (!iv->gfn) {
		*start = s->gfn + (*start - s->hva) / RS_PAGE_SIZE;
		*end = s->gfn + (*end - s->hva) / RS_PAGE_SIZE;
	}
	return true;
}

static int by_walk_order(const void *a, const void *b)
{
	const struct nv_slot *x = a, *y = b;

	if (x->hva != y->hva)
		return x->hva < y->hva ? -1 : 1;
	return x->serial < y->serial ? -1 : 1;
}

/* Looks for the memslots hit; remembers them unless the walk is going to name them. */
static bool hit_memslots(struct naive *nv, struct nv_vm *vm, struct nv_inval *iv)
{
	uint64_t start, end;
	bool hit = false;

	if (vm->nr_slots)
		qsort(vm->slots, vm->nr_slots, sizeof(*vm->slots), by_walk_order);
	for (size_t i = 0; i < vm->nr_slots; i++) {
		if (!overlap_of(iv, &vm->slots[i], &start, &end))
			continue;
		hit = true;
		if (!iv->walk)
			add_hit(nv, vm, iv, &vm->slots[i], start, end);
	}
	return hit;
}

static uint64_t count_outstanding(const struct nv_vm *vm)
{
	uint64_t n = 0;

	for (size_t i = 0; i < vm->nr_invals; i++)
		n += nv_outstanding(&vm->invals[i]) && vm->invals[i].hit_pos != NV_NEVER;
	return n;
}

static void becomes_hit(struct naive *nv, struct nv_vm *vm, struct naive_vm *out,
			struct nv_inval *iv)
{
	iv->hit_pos = nv->pos;
	out->inval_hit++;
	out->inval_no_hit--;
	max_update(&out->max_outstanding, count_outstanding(vm));
	if (!vm->in_epoch) {
		vm->in_epoch = true;
		vm->epoch_ns = nv->now_ns;
		vm->epoch_invals = 0;
		vm->epoch_covers = false;
		memset(vm->epoch_blocked, 0, sizeof(vm->epoch_blocked));
		memset(vm->epoch_widening, 0, sizeof(vm->epoch_widening));
	}
	vm->epoch_invals++;
}

static void on_inval_begin(struct naive *nv, struct nv_vm *vm, struct naive_vm *out,
			   const struct rs_event *ev)
{
	struct nv_inval new = { .id = ev->inval.id,
				.start = ev->inval.start,
				.end = ev->inval.end };
	struct nv_inval *iv;

	new.gfn = ev->flags &RS_F_GFN;
	new.walk = ev->flags &RS_F_WALK;
	new.filter = ev->flags &RS_F_SHARED ? NV_SHARED : 0;
	new.filter |= ev->flags &RS_F_PRIVATE ? NV_PRIVATE : 0;
	if (!new.filter)
		new.filter = new.gfn ? NV_BOTH : NV_SHARED;
	new.begin_pos = nv->pos;
	new.begin_ns = nv->now_ns;
	new.hit_pos = new.end_pos = NV_NEVER;
	if (!range_valid(nv, new.start, new.end, !new.gfn))
		return;
	if (find_inval(vm, new.id)) {
		anomaly(nv, NAIVE_BEGIN_DUPLICATE);
		return;
	}
	end_state(vm, false);
	vm->invals = nv_grow(vm->invals, vm->nr_invals, sizeof(new));
	iv = &vm->invals[vm->nr_invals++];
	*iv = new;
	out->inval_gfn += iv->gfn;
	out->inval_private += iv->filter == NV_PRIVATE;
	out->inval_no_hit++;
	if (hit_memslots(nv, vm, iv) || iv->gfn)
		becomes_hit(nv, vm, out, iv);
}

static void on_inval_slot(struct naive *nv, struct nv_vm *vm, struct naive_vm *out,
			  const struct rs_event *ev)
{
	struct nv_inval *iv = find_inval(vm, ev->inval.id);
	struct nv_slot *s = find_slot(vm, ev->as, ev->inval.slot);

	if (!iv) {
		if (!vm->blackout)
			anomaly(nv, NAIVE_SLOT_WITHOUT_BEGIN);
		return;
	}
	if (!iv->walk)
		return anomaly(nv, NAIVE_SLOT_WITHOUT_WALK);
	if (!range_valid(nv, ev->inval.start, ev->inval.end, false))
		return;
	if (!s)
		return anomaly(nv, NAIVE_SLOT_NO_MEMSLOT);
	if (ev->inval.start < s->gfn || ev->inval.end > s->gfn + s->npages)
		return anomaly(nv, NAIVE_SLOT_OUTSIDE);
	end_state(vm, true);
	add_hit(nv, vm, iv, s, ev->inval.start, ev->inval.end);
	if (iv->hit_pos == NV_NEVER)
		becomes_hit(nv, vm, out, iv);
}

static void epoch_close(struct naive *nv, struct nv_vm *vm, struct naive_vm *out)
{
	vm->in_epoch = false;
	dist_add(&out->epoch_ns, nv->now_ns - vm->epoch_ns, 1);
	dist_add(&out->epoch_invals, vm->epoch_invals, 1);
	for (size_t i = 0; i < nv->res->nr_algos; i++) {
		dist_add(&out->algos[i].blocked_epoch, vm->epoch_blocked[i], 1);
		dist_add(&out->algos[i].widening_epoch, vm->epoch_widening[i], vm->epoch_covers);
	}
}

static void epoch_check(struct naive *nv, struct nv_vm *vm, struct naive_vm *out)
{
	if (vm->in_epoch && !count_outstanding(vm))
		epoch_close(nv, vm, out);
}

static void on_inval_end(struct naive *nv, struct nv_vm *vm, struct naive_vm *out,
			 const struct rs_event *ev)
{
	struct nv_inval *iv = find_inval(vm, ev->inval.id);

	if (!iv) {
		if (vm->blackout)
			vm->quiet_since_ns = nv->now_ns;
		else
			anomaly(nv, NAIVE_END_WITHOUT_BEGIN);
		return;
	}
	end_state(vm, false);
	iv->end_pos = nv->pos;
	max_update(&nv->longest_ns, nv->now_ns - iv->begin_ns);
	if (iv->hit_pos != NV_NEVER)
		dist_add(&out->inval_ns, nv->now_ns - iv->begin_ns, 1);
	epoch_check(nv, vm, out);
}

/* Faults. */

static struct nv_fault *fault_of(struct nv_vm *vm, uint32_t vcpu)
{
	for (size_t i = 0; i < vm->nr_faults; i++)
		if (vm->faults[i].vcpu == vcpu)
			return &vm->faults[i];
	vm->faults = nv_grow(vm->faults, vm->nr_faults, sizeof(*vm->faults));
	memset(&vm->faults[vm->nr_faults], 0, sizeof(*vm->faults));
	vm->faults[vm->nr_faults].vcpu = vcpu;
	return &vm->faults[vm->nr_faults++];
}

static void on_fault_begin(struct naive *nv, struct nv_vm *vm, const struct rs_event *ev)
{
	struct nv_fault *f = fault_of(vm, ev->fault.vcpu);
	const struct nv_slot *s = slot_at(vm, ev->as, ev->fault.gfn);

	/* It is the end of the one before that is missing: a vCPU has one fault at a time. */
	if (f->outstanding)
		anomaly(nv, NAIVE_FAULT_NESTED);
	f->outstanding = true;
	f->unjudged = vm->blackout;
	f->as = ev->as;
	f->kind = ev->flags & RS_F_PRIVATE ? NV_PRIVATE : NV_SHARED;
	f->gfn = ev->fault.gfn;
	f->begin_pos = nv->pos;
	f->begin_ns = nv->now_ns;
	f->backed = s;
	if (s)
		f->slot = *s;
}

/* Does the memslot still map what it did when the fault began? */
static bool slot_unchanged(struct nv_vm *vm, const struct nv_fault *f)
{
	const struct nv_slot *s = find_slot(vm, f->slot.as, f->slot.id);

	return s && s->serial == f->slot.serial;
}

static bool is_necessary(const struct nv_vm *vm, const struct nv_fault *f)
{
	for (size_t i = 0; i < vm->nr_invals; i++)
		if (vm->invals[i].end_pos > f->begin_pos && (vm->invals[i].filter & f->kind) &&
		    nv_covers(&vm->invals[i], &f->slot, f->gfn))
			return true;
	return false;
}

/* The verdict of one algorithm: 0, NECESSARY, or 1 + the cause. */
static uint8_t verdict(const struct nv_vm *vm, struct nv_algo algo, const struct nv_fault *f,
		       bool necessary)
{
	struct nv_view view;
	uint8_t v = NAIVE_NOT_REJECTED;
	bool rejects;

	nv_view_make(&view, vm, algo, f->kind);
	rejects = algo.kind == NV_EXACT ? necessary
					: nv_view_rejects(&view, &f->slot, f->gfn) ||
						  nv_seq_rejects(vm, algo, f->begin_pos, &f->slot,
								 f->gfn, f->kind);
	if (rejects)
		v = necessary ? NAIVE_NECESSARY : 1 + nv_cause(vm, algo, &view, f);
	nv_areas_free(&view.areas);
	return v;
}

static void count_verdict(struct naive_algo *a, const struct naive_judged *j, uint8_t v)
{
	a->rejected += v != NAIVE_NOT_REJECTED;
	a->missed += j->necessary && v == NAIVE_NOT_REJECTED;
	if (v != NAIVE_NOT_REJECTED && v != NAIVE_NECESSARY) {
		a->spurious++;
		a->causes[v - 1]++;
	}
	if (j->result != RS_RES_UNKNOWN) {
		a->known[j->lockless]++;
		a->same[j->lockless] += (j->result == RS_RES_RETRY) == (v != NAIVE_NOT_REJECTED);
	}
}

static void judge(struct naive *nv, struct nv_vm *vm, struct naive_vm *out,
		  const struct nv_fault *f, const struct rs_event *ev)
{
	struct naive_judged j = { 0 };

	j.begin_ns = f->begin_ns;
	j.time_ns = nv->now_ns;
	j.gfn = f->gfn;
	j.vm = vm->vm;
	j.vcpu = f->vcpu;
	j.as = f->as;
	j.result = ev->result;
	j.lockless = ev->flags & RS_F_LOCKLESS;
	j.necessary = is_necessary(vm, f);
	j.private = f->kind == NV_PRIVATE;
	out->checked++;
	out->private_faults += j.private;
	out->checked_lockless += j.lockless;
	out->necessary += j.necessary;
	for (size_t i = 0; i < nv->res->nr_algos; i++) {
		const struct nv_inval *by;

		j.rejected[i] = verdict(vm, nv->algos[i], f, j.necessary);
		by = nv_blame(vm, nv->algos[i], f, j.rejected[i], j.necessary);
		j.blamed_since[i] = by ? by->begin_ns + 1 : 0;
		j.blamed_id[i] = by ? by->id : 0;
		count_verdict(&out->algos[i], &j, j.rejected[i]);
	}
	nv->res->judged = nv_grow(nv->res->judged, nv->res->nr_judged, sizeof(j));
	nv->res->judged[nv->res->nr_judged++] = j;
}

static void on_fault_check(struct naive *nv, struct nv_vm *vm, struct naive_vm *out,
			   const struct rs_event *ev)
{
	struct nv_fault *f = fault_of(vm, ev->fault.vcpu);

	if (!f->outstanding) {
		if (vm->blackout)
			out->unjudged++;
		else
			anomaly(nv, NAIVE_CHECK_WITHOUT_FAULT);
		return;
	}
	f->outstanding = false;
	if (f->unjudged || vm->blackout)
		out->unjudged++;
	else if (!f->backed)
		out->no_memslot++;
	else if (!slot_unchanged(vm, f))
		out->root_obsolete++;
	else
		judge(nv, vm, out, f, ev);
}

static void on_fault_end(struct naive *nv, struct nv_vm *vm, struct naive_vm *out,
			 const struct rs_event *ev)
{
	struct nv_fault *f = fault_of(vm, ev->fault.vcpu);

	if (!f->outstanding) {
		if (!vm->blackout)
			anomaly(nv, NAIVE_FAULT_END_WITHOUT_FAULT);
		return;
	}
	f->outstanding = false;
	switch (ev->fault.reason) {
	case RS_END_SLOT_INVALID:
		out->slot_invalid++;
		break;
	case RS_END_ASYNC:
		out->async++;
		break;
	case RS_END_ROOT_OBSOLETE:
		out->root_obsolete++;
		break;
	default:
		out->ended++;
	}
}

static void piece_add(struct naive_pieces *p, uint64_t n, uint64_t checked)
{
	p->sum += n;
	p->squares += (unsigned __int128)n * n;
	p->by_checked += (unsigned __int128)n * checked;
}

static void end_piece(struct naive *nv, const struct nv_vm *vm, struct naive_vm *out)
{
	uint64_t checked = out->checked - vm->piece_checked;

	out->pieces++;
	piece_add(&out->piece_checked, checked, checked);
	for (size_t i = 0; i < nv->res->nr_algos; i++) {
		struct naive_algo *a = &out->algos[i];

		piece_add(&a->piece_rejected, a->rejected - vm->piece_rejected[i], checked);
		piece_add(&a->piece_spurious, a->spurious - vm->piece_spurious[i], checked);
	}
}

static void go_on(struct naive *nv, struct nv_vm *vm, struct naive_vm *out)
{
	vm->paused = false;
	vm->in_piece = true;
	vm->quiet_since_ns = nv->now_ns;
	vm->piece_checked = out->checked;
	for (size_t i = 0; i < nv->res->nr_algos; i++) {
		vm->piece_rejected[i] = out->algos[i].rejected;
		vm->piece_spurious[i] = out->algos[i].spurious;
	}
}

static void on_seam(struct naive *nv, struct nv_vm *vm, struct naive_vm *out, unsigned int flags)
{
	if (vm->paused && flags & RS_F_RESUME)
		go_on(nv, vm, out);
	if (vm->paused || !(flags & RS_F_PAUSE))
		return;
	out->pauses++;
	if (vm->in_piece)
		end_piece(nv, vm, out);
	vm->in_piece = false;
	vm->paused = true;
	if (!vm->blind)
		vm->blind_since_ns = nv->now_ns;
	vm->blind = true;
}

static void on_lost(struct naive *nv, struct nv_vm *vm, struct naive_vm *out,
		    const struct rs_event *ev)
{
	if (ev->lost.count != RS_LOST_UNKNOWN)
		nv->res->lost += ev->lost.count;
	if (!ev->flags)
		nv->res->lost_marks++;
	end_state(vm, false);
	on_seam(nv, vm, out, ev->flags);
	for (size_t i = 0; i < vm->nr_invals; i++) {
		vm->invals[i].dropped |= nv_outstanding(&vm->invals[i]);
		if (nv_outstanding(&vm->invals[i]))
			vm->invals[i].end_pos = nv->pos;
	}
	for (size_t i = 0; i < vm->nr_faults; i++)
		vm->faults[i].outstanding = false;
	vm->blackout = true;
	vm->quiet_since_ns = nv->now_ns;
	epoch_check(nv, vm, out);
}

/* Time. */

static void widening(struct nv_vm *vm, struct naive_vm *out, size_t i, uint64_t blocked,
		     uint64_t exact, uint64_t dt)
{
	uint64_t ratio;

	if (!exact)
		return;
	vm->state_covers = true;
	ratio = (unsigned __int128)blocked * 1000 / exact;
	dist_add(&out->algos[i].widening_time, ratio, dt);
	max_update(&vm->state_widening[i], ratio);
}

static void note_memslots(const struct nv_vm *vm, struct naive_vm *out)
{
	uint64_t frames = 0;

	for (size_t i = 0; i < vm->nr_slots; i++)
		frames += vm->slots[i].npages;
	max_update(&out->frames, frames);
	max_update(&out->memslots, vm->nr_slots);
	max_update(&out->aliased_frames, nv_count_aliased(vm));
}

/* The state has been what it is since vm->last_ns: accounts for it until now. */
static void elapse(struct naive *nv, struct nv_vm *vm, struct naive_vm *out)
{
	const struct nv_algo exact = { .kind = NV_EXACT };
	size_t n = nv->res->nr_algos;
	struct nv_view views[NAIVE_MAX_ALGOS + 1];
	uint64_t blocked[NAIVE_MAX_ALGOS + 1], dt = nv->now_ns - vm->last_ns;

	vm->last_ns = out->end_ns = nv->now_ns;
	if (!dt || vm->blind)
		return;
	for (size_t i = 0; i <= n; i++)
		nv_view_make(&views[i], vm, i < n ? nv->algos[i] : exact, NV_BOTH);
	out->frame_ns += (unsigned __int128)nv_count_blocked(vm, views, n + 1, blocked) * dt;
	for (size_t i = 0; i < n; i++) {
		out->algos[i].blocked_page_ns += (unsigned __int128)blocked[i] * dt;
		max_update(&out->algos[i].blocked_max, blocked[i]);
		max_update(&vm->epoch_blocked[i], blocked[i]);
		widening(vm, out, i, blocked[i], blocked[n], dt);
	}
	for (size_t i = 0; i <= n; i++)
		nv_areas_free(&views[i].areas);
}

/* Invalidations that ended before everything that can still be asked for are dropped. */
static void forget(struct nv_vm *vm)
{
	uint64_t since = nv_epoch_start(vm, (struct nv_algo){ .kind = NV_HVA_512 });
	size_t kept = 0;

	for (size_t i = 0; i < vm->nr_faults; i++)
		if (vm->faults[i].outstanding && vm->faults[i].begin_pos < since)
			since = vm->faults[i].begin_pos;
	/* And not those beside which one lived that can: they may have shared an entry. */
	for (bool moved = true; moved;) {
		moved = false;
		for (size_t i = 0; i < vm->nr_invals; i++) {
			if (vm->invals[i].end_pos < since || vm->invals[i].begin_pos >= since)
				continue;
			since = vm->invals[i].begin_pos;
			moved = true;
		}
	}
	for (size_t i = 0; i < vm->nr_invals; i++) {
		if (vm->invals[i].end_pos < since)
			free(vm->invals[i].hits);
		else
			vm->invals[kept++] = vm->invals[i];
	}
	vm->nr_invals = kept;
}

static void apply(struct naive *nv, struct nv_vm *vm, struct naive_vm *out,
		  const struct rs_event *ev)
{
	switch (ev->type) {
	case RS_EV_MEMSLOT:
		on_memslot(nv, vm, ev);
		note_memslots(vm, out);
		break;
	case RS_EV_INVAL_BEGIN:
		on_inval_begin(nv, vm, out, ev);
		break;
	case RS_EV_INVAL_SLOT:
		on_inval_slot(nv, vm, out, ev);
		break;
	case RS_EV_INVAL_END:
		on_inval_end(nv, vm, out, ev);
		break;
	case RS_EV_FAULT_BEGIN:
		on_fault_begin(nv, vm, ev);
		break;
	case RS_EV_FAULT_CHECK:
		on_fault_check(nv, vm, out, ev);
		break;
	case RS_EV_FAULT_END:
		on_fault_end(nv, vm, out, ev);
		break;
	case RS_EV_LOST:
		on_lost(nv, vm, out, ev);
		break;
	}
}

void nv_step(struct naive *nv, const struct rs_event *ev)
{
	struct nv_vm *vm;
	struct naive_vm *out;
	size_t i;

	if (ev->type == RS_EV_STATE || ev->type == RS_EV_NONE)
		return;
	nv->pos++;
	nv->res->events++;
	if (ev->time_ns < nv->now_ns)
		anomaly(nv, NAIVE_TIME_BACKWARDS);
	else
		nv->now_ns = ev->time_ns;
	i = vm_of(nv, ev->vm);
	vm = &nv->vms[i];
	out = &nv->res->vms[i];
	if (!nv->keep_all)
		elapse(nv, vm, out);
	if (vm->paused && ev->type != RS_EV_MEMSLOT && ev->type != RS_EV_LOST)
		go_on(nv, vm, out);
	if (vm->blackout && !vm->paused) {
		uint64_t longest =
			nv->longest_ns > MIN_BLACKOUT_NS ? nv->longest_ns : MIN_BLACKOUT_NS;

		vm->blackout = nv->now_ns - vm->quiet_since_ns <= longest;
	}
	if (vm->blind && !vm->blackout) {
		out->paused_ns += nv->now_ns - vm->blind_since_ns;
		vm->blind = false;
	}
	apply(nv, vm, out, ev);
	if (nv->pos % 64 == 0 && !nv->keep_all)
		forget(vm);
}

void nv_finish(struct naive *nv)
{
	for (size_t i = 0; i < nv->res->nr_vms; i++) {
		struct nv_vm *vm = &nv->vms[i];

		if (vm->blind)
			nv->res->vms[i].paused_ns += vm->last_ns - vm->blind_since_ns;
		if (vm->in_epoch) {
			nv->now_ns = vm->last_ns;
			end_state(vm, false);
			epoch_close(nv, vm, &nv->res->vms[i]);
		}
		for (size_t j = 0; j < vm->nr_invals; j++) {
			if (nv_outstanding(&vm->invals[j]))
				anomaly(nv, NAIVE_BEGIN_WITHOUT_END);
			free(vm->invals[j].hits);
		}
		free(vm->invals);
		free(vm->slots);
		free(vm->faults);
	}
	free(nv->vms);
}

bool nv_parse_algos(struct naive *nv, const char *list)
{
	size_t n = 0;

	while (*list) {
		size_t len = strcspn(list, ",");

		if (n == NAIVE_MAX_ALGOS || len >= sizeof(nv->res->vms->algos->name))
			return false;
		char name[sizeof(nv->res->vms->algos->name)];

		memcpy(name, list, len);
		name[len] = 0;
		if (!parse_algo(name, &nv->algos[n++]))
			return false;
		list += len + (list[len] == ',');
	}
	nv->res->nr_algos = n;
	return true;
}

static void name_algos(struct naive_result *r, const char *list)
{
	for (size_t i = 0; i < r->nr_algos; i++) {
		int len = strcspn(list, ",");

		for (size_t j = 0; j < r->nr_vms; j++)
			snprintf(r->vms[j].algos[i].name, sizeof(r->vms[j].algos[i].name), "%.*s",
				 len, list);
		list += len + (list[len] == ',');
	}
}

struct naive_result *naive_run(const struct rs_event *evs, size_t n, const char *algos)
{
	struct naive nv = { .res = calloc(1, sizeof(*nv.res)) };

	if (!nv.res)
		abort();
	if (!nv_parse_algos(&nv, algos)) {
		free(nv.res);
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		nv_step(&nv, &evs[i]);
	nv_finish(&nv);
	name_algos(nv.res, algos);
	return nv.res;
}

void naive_free(struct naive_result *r)
{
	if (!r)
		return;
	free(r->vms);
	free(r->judged);
	free(r);
}
