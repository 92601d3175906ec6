// SPDX-License-Identifier: GPL-2.0-only
/* From records to what each task does: docs/import.md, 2 to 4 and 6. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/common/naive_import_internal.h"

#define NONE SIZE_MAX
#define MAX_NESTED 64
#define AFTER_LOSS_NS 1000000000ULL
#define LOSS_AGAIN_NS 5000000ULL

struct fault {
	struct n_vm *vm; /* NULL: in none */
	bool begun, checked, tried, async;
	bool cut; /* its number may have been negative */
	uint32_t vcpu, flags;
	uint64_t gfn, since, seq;
	struct n_state state;
	bool looked_up;
	int64_t ret;
	size_t entry, begin, early, check; /* items */
};

struct call {
	struct n_vm *vm;
	uint64_t mn, start, end, id;
	size_t enter, left;
	bool hit, walked, ending, locked, maybe;
};

/* An invalidation through no notifier. */
struct own {
	struct n_vm *vm;
	uint64_t id;
	size_t begin; /* item */
	bool walks, late;
	unsigned int filter;
	/* Around what its walk hit, and around the ranges that it was for. */
	uint64_t hit, hit_end, said, said_end;
	size_t nr_added;
	uint64_t added, added_end; /* since the last hit */
};

struct task {
	unsigned int pid;
	unsigned int source[N_NR_KINDS];
	struct fault fault;
	struct call calls[MAX_NESTED + 2];
	size_t nr_calls;
	struct own owns[64];
	size_t nr_owns;
	bool sure; /* that a pause has cut nothing of it: it began a fault since */
};

struct pair {
	struct n_import *n;
	struct task **tasks;
	size_t nr_tasks;
	int64_t retry;
	enum { BY_GFN, BY_HVA, BY_COUNT } range;
	bool known_kernel, gfn_kernel;
	bool whole_copies; /* a fault's copy of the number is as wide as the number */
	uint64_t nr_extended;
	bool knows_offset;
	uint64_t offset; /* of the notifier in struct kvm */
	unsigned int losing;
	bool paused, had_seam, lost_any;
	uint64_t loss_end, loss_said;
	const struct n_record *r;      /* the present one */
	const struct n_record *commit; /* the last */
};

static bool has(const struct pair *p, unsigned int kind)
{
	return p->n->file.present[kind];
}

/* ---- items ---- */

static struct n_item *item(struct n_vm *vm, size_t i)
{
	return i == NONE ? NULL : &vm->items[i];
}

static size_t put(struct n_vm *vm, enum n_type type, uint64_t time, enum rs_event_type ev)
{
	struct n_item *i = N_GROW(vm->items, vm->nr);

	*i = (struct n_item){
		.type = type,
		.ev = { .time_ns = time, .vm = vm->number, .type = (uint8_t)ev },
		.until = UINT64_MAX,
	};
	return vm->nr - 1;
}

static struct n_item *put_item(struct n_vm *vm, enum n_type type, uint64_t time,
			       enum rs_event_type ev)
{
	const size_t i = put(vm, type, time, ev);

	return &vm->items[i];
}

static void become(struct n_vm *vm, size_t i, enum n_type type)
{
	if (i != NONE)
		vm->items[i].type = type;
}

static struct n_state state_of(const struct n_record *r)
{
	return (struct n_state){ r->seq, r->in_progress, r->range_start, r->range_end };
}

static void has_state(struct n_item *i, const struct n_record *r)
{
	i->has_seq = true;
	i->seq = r->seq;
	i->state = state_of(r);
}

/* Whoever has the lock and sees another sequence than an end is behind that end. */
static void locked(struct n_vm *vm, uint64_t seq)
{
	if (seq != vm->ending.seq)
		vm->is_ending = false;
}

/* ---- VMs ---- */

static void say_loss(struct n_vm *vm, enum n_type type, uint64_t time, uint64_t count)
{
	put_item(vm, type, time, RS_EV_LOST)->ev.lost.count = count;
}

static void say_pause(struct n_vm *vm, bool pause, uint64_t time)
{
	const enum n_type type = pause ? N_LOST_BEGIN : N_LOST_END;

	put_item(vm, type, time, RS_EV_LOST)->ev.flags = pause ? RS_F_PAUSE : RS_F_RESUME;
}

static struct n_vm *known_vm(struct pair *p, uint64_t kvm)
{
	for (uint32_t i = 0; i < p->n->to->nr_vms; i++)
		if (p->n->vms[i].kvm == kvm && !p->n->vms[i].gone)
			return &p->n->vms[i];
	return NULL;
}

static struct n_vm *vm_at(struct pair *p, uint64_t kvm)
{
	struct n_vm *vm = known_vm(p, kvm);

	if (vm)
		return vm;
	assert(p->n->to->nr_vms < 64);
	vm = &p->n->vms[p->n->to->nr_vms++];
	*vm = (struct n_vm){ .kvm = kvm, .number = p->n->to->nr_vms, .next_id = 1 };
	for (unsigned int i = 0; i < p->losing; i++)
		say_loss(vm, N_LOST_BEGIN, p->r->time, UINT64_MAX);
	if (p->paused)
		say_pause(vm, true, p->r->time);
	return vm;
}

/* Whether the commits so far leave a memslot (as, id). */
static bool has_memslot(const struct n_vm *vm, uint64_t as, uint64_t id)
{
	bool there = false;

	for (size_t i = 0; i < vm->nr; i++)
		if (vm->items[i].type == N_MEMSLOT && vm->items[i].ev.as == as &&
		    vm->items[i].ev.memslot.id == id)
			there = vm->items[i].ev.memslot.npages;
	return there;
}

static void on_memslot(struct pair *p, const struct n_record *r)
{
	const bool gone = r->change == 1;
	const uint64_t as = gone ? r->old_as : r->as, id = gone ? r->old_id : r->id;
	const struct n_record *x = p->commit;
	struct n_vm *vm = known_vm(p, r->kvm);
	struct rs_event *ev;

	if (!n_is_memslot(as, id)) {
		n_note(p->n, "memslot-number-too-large");
		return;
	}
	/* The same once more, at the same time: `trace-cmd split' writes that. */
	if (vm && x && x->time == r->time && x->kvm == r->kvm && x->change == r->change &&
	    (gone ? x->old_as : x->as) == as && (gone ? x->old_id : x->id) == id) {
		n_note(p->n, "recorded-twice");
		return;
	}
	p->commit = r;
	if (vm && r->change == 0 && !p->lost_any && has_memslot(vm, as, id))
		vm->gone = true;
	vm = vm_at(p, r->kvm);
	ev = &put_item(vm, N_MEMSLOT, r->time, RS_EV_MEMSLOT)->ev;
	ev->as = (uint8_t)as;
	ev->memslot.id = (uint32_t)id;
	if (gone)
		return;
	ev->memslot.gfn = r->gfn;
	ev->memslot.npages = r->npages;
	ev->memslot.hva = r->hva;
	ev->memslot.flags = (uint32_t)r->flags;
}

/* ---- invalidations ---- */

static struct call *innermost(struct task *t)
{
	return t->nr_calls ? &t->calls[t->nr_calls - 1] : NULL;
}

/* The task has come out of its innermost call. */
static void leave(struct pair *p, struct task *t)
{
	struct call *c = innermost(t);

	t->nr_calls--;
	if (!c->vm)
		return;
	if (c->locked) {
		c->vm->is_ending = false;
	} else if (c->left == NONE) {
		return;
	} else if (p->n->by_time) {
		become(c->vm, c->left, N_PLAIN);
	} else if (c->hit || (c->maybe && !has(p, RS_PROBE_INVAL_END_LOCKED))) {
		struct n_item *end = item(c->vm, c->left);

		end->type = N_END;
		end->until = p->r->time;
		end->maybe = !c->hit;
		put_item(c->vm, N_END_UNTIL, p->r->time, RS_EV_NONE)->other = c->left;
	} else {
		become(c->vm, c->left, c->maybe ? N_NONE : N_MISS_END);
	}
}

/* A task that does something else has come out of what it was ending. */
static void leave_if_ending(struct pair *p, struct task *t)
{
	if (t->nr_calls && innermost(t)->ending)
		leave(p, t);
}

static struct call *enter(struct pair *p, struct task *t, const struct n_record *r)
{
	struct call *c = &t->calls[t->nr_calls++];

	*c = (struct call){
		.mn = r->mn, .start = r->start, .end = r->end, .enter = NONE, .left = NONE
	};
	if (p->knows_offset)
		c->vm = vm_at(p, r->mn - p->offset);
	else if (p->n->to->nr_vms == 1)
		c->vm = &p->n->vms[0];
	if (c->vm)
		c->id = c->vm->next_id++;
	return c;
}

static void walk_is_over(struct call *c)
{
	if (c->vm && !c->walked)
		become(c->vm, c->enter, c->hit ? N_ENTER : N_MISS);
	c->walked = true;
}

static void on_start(struct pair *p, struct task *t, const struct n_record *r)
{
	struct call *c;
	struct rs_event *ev;

	leave_if_ending(p, t);
	if (t->nr_calls == MAX_NESTED) {
		for (size_t i = 0; i < t->nr_calls; i++) {
			c = &t->calls[i];
			if (c->vm && !c->walked)
				become(c->vm, c->enter, c->hit ? N_ENTER : N_NONE);
			if (c->vm && c->ending && !c->locked)
				become(c->vm, c->left, N_NONE);
		}
		t->nr_calls = 0;
		n_note(p->n, "inval-nested-too-deep");
	}
	c = enter(p, t, r);
	if (!c->vm) {
		n_note(p->n, "inval-of-unknown-vm");
		return;
	}
	c->walked = p->n->by_time;
	c->enter = put(c->vm, p->n->by_time ? N_PLAIN : N_MISS, r->time, RS_EV_INVAL_BEGIN);
	ev = &c->vm->items[c->enter].ev;
	ev->flags = p->n->by_time ? 0 : RS_F_WALK;
	ev->inval.who = n_who(r, r->has_reason && r->reason < 8 ? N_NOTIFIER + r->reason : N_OTHER);
	ev->inval.id = c->id;
	ev->inval.start = c->start;
	ev->inval.end = c->end;
}

/* ---- those through no notifier ---- */

static bool is_in_call(const struct task *t, uint64_t kvm)
{
	for (size_t i = 0; i < t->nr_calls; i++)
		if (t->calls[i].vm && t->calls[i].vm->kvm == kvm)
			return true;
	return false;
}

static struct own *own_of(struct task *t, uint64_t kvm)
{
	for (size_t i = 0; i < t->nr_owns; i++)
		if (t->owns[i].vm->kvm == kvm)
			return &t->owns[i];
	return NULL;
}

static void forget_own(struct task *t, struct own *o)
{
	*o = t->owns[--t->nr_owns];
}

static void around(uint64_t *from, uint64_t *to, uint64_t start, uint64_t end)
{
	if (end > N_ALL_GFNS)
		end = N_ALL_GFNS;
	if (start >= end)
		return;
	if (*from == *to) {
		*from = start;
		*to = end;
	}
	*from = start < *from ? start : *from;
	*to = end > *to ? end : *to;
}

/* Its begin says what was found of it so far. */
static void tell_own(const struct own *o, const struct n_record *r)
{
	struct rs_event *ev = &o->vm->items[o->begin].ev;
	const unsigned int filter = o->walks ? o->filter : RS_KIND_BOTH;

	ev->flags = RS_F_GFN;
	if (o->walks)
		ev->flags |= RS_F_WALK;
	if (filter == RS_KIND_SHARED)
		ev->flags |= RS_F_SHARED;
	if (filter == RS_KIND_PRIVATE)
		ev->flags |= RS_F_PRIVATE;
	if (o->walks)
		ev->inval.who = n_who(r, o->nr_added ? N_ATTRIBUTES : N_GUEST_MEMFD);
	else
		ev->inval.who = n_who(r, o->nr_added ? N_ZAP : N_GFN);
	ev->inval.start = o->walks ? o->hit : o->said;
	ev->inval.end = o->walks ? o->hit_end : o->said_end;
	if (!ev->inval.end)
		ev->inval.end = N_ALL_GFNS;
}

static struct own *begin_own(struct pair *p, struct task *t, const struct n_record *r)
{
	struct n_vm *vm = vm_at(p, r->kvm);
	struct own *o = &t->owns[t->nr_owns++];
	struct n_item *i;

	*o = (struct own){ .vm = vm, .id = vm->next_id++ };
	o->begin = put(vm, N_BEGIN, r->time, RS_EV_INVAL_BEGIN);
	i = &vm->items[o->begin];
	has_state(i, r);
	i->ev.inval.id = o->id;
	tell_own(o, r);
	locked(vm, r->seq);
	return o;
}

static bool is_end_recorded(const struct pair *p)
{
	return has(p, RS_PROBE_INVAL_END_LOCKED) || has(p, RS_PROBE_ZAP_END);
}

/* The entry to the begin; NULL if it is a notifier's. */
static struct own *enter_own(struct pair *p, struct task *t, const struct n_record *r)
{
	struct own *o;
	struct n_item *i;

	leave_if_ending(p, t);
	if (is_in_call(t, r->kvm) || !is_end_recorded(p))
		return NULL;
	o = own_of(t, r->kvm);
	if (o) {
		forget_own(t, o);
		n_note(p->n, "inval-without-end");
	}
	o = begin_own(p, t, r);
	i = &o->vm->items[o->begin];
	if (!i->state.in_progress++)
		i->state.start = i->state.end = UINT64_MAX;
	return o;
}

/* That in which something happens now. */
static struct own *present_own(struct pair *p, struct task *t, const struct n_record *r)
{
	struct own *o = own_of(t, r->kvm);

	if (o)
		return o;
	if (r->kind == RS_PROBE_INVAL_SLOT && r->has_filter && r->filter != 1 && r->filter != 2 &&
	    !is_in_call(t, r->kvm))
		return NULL; /* a memslot goes away */
	if (is_in_call(t, r->kvm) || !is_end_recorded(p) || !r->in_progress ||
	    (p->known_kernel && !p->gfn_kernel)) {
		if (t->sure || is_in_call(t, r->kvm))
			n_note(p->n, "slot-without-start");
		if (r->in_progress)
			put_item(vm_at(p, r->kvm), N_DOUBT, r->time, RS_EV_NONE);
		return NULL;
	}
	o = begin_own(p, t, r);
	o->late = true;
	return o;
}

static struct n_item *put_slot(struct n_vm *vm, uint64_t id, const struct n_record *r)
{
	struct n_item *i = put_item(vm, N_SLOT, r->time, RS_EV_INVAL_SLOT);

	i->ev.as = (uint8_t)r->as;
	i->ev.inval.slot = (uint32_t)r->id;
	i->ev.inval.id = id;
	i->ev.inval.start = r->gfn_start;
	i->ev.inval.end = r->gfn_end;
	has_state(i, r);
	locked(vm, r->seq);
	return i;
}

static void on_own_slot(struct pair *p, struct task *t, const struct n_record *r)
{
	struct own *o = present_own(p, t, r);
	struct n_item *i;

	if (!o)
		return;
	i = put_item(o->vm, N_HIT, r->time, RS_EV_INVAL_SLOT);
	i->ev.as = (uint8_t)r->as;
	i->ev.inval.slot = (uint32_t)r->id;
	i->ev.inval.id = o->id;
	i->ev.inval.start = r->gfn_start;
	i->ev.inval.end = r->gfn_end;
	i = put_slot(o->vm, o->id, r);
	if (o->added != o->added_end) {
		around(&o->added, &o->added_end, r->gfn_start, r->gfn_end);
		i->ev.inval.start = o->added;
		i->ev.inval.end = o->added_end;
		o->added = o->added_end = 0;
	}
	o->walks = true;
	o->filter |= r->filter >= 1 && r->filter <= 3 ? (unsigned int)r->filter : RS_KIND_BOTH;
	around(&o->hit, &o->hit_end, i->ev.inval.start, i->ev.inval.end);
	tell_own(o, r);
}

static void on_range_add(struct pair *p, struct task *t, const struct n_record *r)
{
	struct own *o;

	leave_if_ending(p, t);
	o = is_in_call(t, r->kvm) ? NULL : present_own(p, t, r);
	if (!o)
		return;
	around(&o->said, &o->said_end, r->start, r->end);
	around(&o->added, &o->added_end, r->start, r->end);
	o->nr_added++;
	tell_own(o, r);
}

static void on_zap_begin(struct pair *p, struct task *t, const struct n_record *r)
{
	struct own *o = enter_own(p, t, r);

	if (!o)
		return;
	around(&o->said, &o->said_end, r->start, r->end);
	o->nr_added++;
	tell_own(o, r);
}

static void end_own(struct task *t, struct own *o, const struct n_record *r)
{
	struct n_item *i = put_item(o->vm, N_END, r->time, RS_EV_INVAL_END);

	i->ev.inval.id = o->id;
	i->has_seq = true;
	i->seq = r->seq;
	o->vm->is_ending = true;
	o->vm->ending = state_of(r);
	forget_own(t, o);
}

static void on_slot(struct pair *p, struct task *t, const struct n_record *r)
{
	struct call *c;
	struct n_item *i;

	leave_if_ending(p, t);
	if (!n_is_memslot(r->as, r->id)) {
		n_note(p->n, "memslot-number-too-large");
		return;
	}
	c = innermost(t);
	if (!c || c->walked || !c->vm || c->vm->kvm != r->kvm) {
		on_own_slot(p, t, r);
		return;
	}
	if (!c->hit) {
		struct rs_event ev = c->vm->items[c->enter].ev;

		c->hit = true;
		become(c->vm, c->enter, N_NONE);
		ev.time_ns = r->time;
		c->enter = put(c->vm, N_ENTER, r->time, RS_EV_INVAL_BEGIN);
		c->vm->items[c->enter].ev = ev;
		i = put_item(c->vm, N_BEGIN, r->time, RS_EV_INVAL_BEGIN);
		i->ev = ev;
		has_state(i, r);
	}
	put_slot(c->vm, c->id, r);
}

/* Of an end that is entered; the recording may have no probe that tells when it is left. */
static void begin_end(struct pair *p, struct task *t, const struct n_record *r)
{
	struct call *c = innermost(t);

	walk_is_over(c);
	c->ending = true;
	if (!c->vm)
		return;
	/* Not known yet what it is; if it never is left, nothing. */
	c->left = put(c->vm, N_NONE, r->time, RS_EV_INVAL_END);
	c->vm->items[c->left].ev.inval.id = c->id;
	if (!has(p, RS_PROBE_INVAL_ENDED) && !(c->hit && has(p, RS_PROBE_INVAL_END_LOCKED)))
		leave(p, t);
}

static void on_started(struct pair *p, struct task *t, const struct n_record *r)
{
	struct call *c = innermost(t);

	if (!c)
		return;
	walk_is_over(c);
	if (!c->hit && !has(p, RS_PROBE_INVAL_END) && !has(p, RS_PROBE_INVAL_ENDED))
		begin_end(p, t, r);
}

static void on_end(struct pair *p, struct task *t, const struct n_record *r)
{
	size_t which = NONE, kept = 0, nr = 0;
	struct call found;

	leave_if_ending(p, t);
	nr = t->nr_calls;
	for (size_t i = 0; i < nr; i++)
		if (t->calls[i].mn == r->mn && t->calls[i].start == r->start &&
		    t->calls[i].end == r->end)
			which = i;
	if (which != NONE)
		found = t->calls[which];
	for (size_t i = 0; i < nr; i++) {
		struct call *c = &t->calls[i];
		const bool inside = which == NONE || i > which;
		const bool sibling = c->mn != r->mn &&
				     (which == NONE || (c->start == r->start && c->end == r->end));

		if (i == which)
			continue;
		if (inside && !sibling) {
			walk_is_over(c);
			n_note(p->n, "inval-without-end");
		} else {
			t->calls[kept++] = *c;
		}
	}
	t->nr_calls = kept;
	if (which != NONE) {
		t->calls[t->nr_calls++] = found;
	} else {
		struct call *c;
		struct own *o;

		if (t->sure)
			n_note(p->n, "end-without-start");
		c = enter(p, t, r);
		o = c->vm ? own_of(t, c->vm->kvm) : NULL;
		c->maybe = true;
		if (o && o->late) { /* only its start is missing */
			c->id = o->id;
			c->hit = true;
			c->maybe = false;
			forget_own(t, o);
		}
	}
	begin_end(p, t, r);
}

static void on_ended(struct pair *p, struct task *t, const struct n_record *r)
{
	struct call *c = innermost(t);

	if (c && !c->ending && !has(p, RS_PROBE_INVAL_END))
		begin_end(p, t, r);
	leave_if_ending(p, t);
}

/* KVM zaps frames on its own account. */
static void on_own_end(struct pair *p, const struct n_record *r)
{
	const bool after_loss = p->losing || (p->loss_end && r->time < p->loss_end + AFTER_LOSS_NS);
	struct n_vm *vm = vm_at(p, r->kvm);
	const uint64_t id = vm->next_id++;
	struct n_item *i;

	if (!after_loss) {
		i = put_item(vm, N_BEGIN, r->time, RS_EV_INVAL_BEGIN);
		i->ev.flags = RS_F_GFN;
		i->ev.inval.who = n_who(r, N_ZAP);
		i->ev.inval.id = id;
		i->ev.inval.start = r->kind == RS_PROBE_ZAP_END ? r->start : r->range_start;
		i->ev.inval.end = r->kind == RS_PROBE_ZAP_END ? r->end : r->range_end;
		has_state(i, r);
		i->maybe = true;
		n_note(p->n, "zap-without-notifier");
	}
	i = put_item(vm, N_END, r->time, RS_EV_INVAL_END);
	i->ev.inval.id = id;
	i->has_seq = true;
	i->seq = r->seq;
}

static void on_end_locked(struct pair *p, struct task *t, const struct n_record *r)
{
	struct call *c = innermost(t);
	struct own *o = own_of(t, r->kvm);
	struct n_item *i;

	if (c && !c->ending && c->hit && !has(p, RS_PROBE_INVAL_END)) {
		walk_is_over(c);
		c->ending = true;
	}
	if (!c || !c->ending || !c->vm || c->vm->kvm != r->kvm || c->locked ||
	    (o && !c->hit && !c->maybe)) {
		if (o)
			end_own(t, o, r);
		else
			on_own_end(p, r);
		return;
	}
	c->hit = c->locked = true;
	become(c->vm, c->left, N_NONE);
	i = put_item(c->vm, N_END, r->time, RS_EV_INVAL_END);
	i->ev.inval.id = c->id;
	i->has_seq = true;
	i->seq = r->seq;
	c->vm->is_ending = true;
	c->vm->ending = state_of(r);
	if (!has(p, RS_PROBE_INVAL_ENDED))
		leave(p, t);
}

static void on_zap_end(struct pair *p, struct task *t, const struct n_record *r)
{
	struct own *o;

	leave_if_ending(p, t);
	o = own_of(t, r->kvm);
	if (o)
		end_own(t, o, r);
	else if (!is_in_call(t, r->kvm))
		on_own_end(p, r);
}

/* ---- faults ---- */

static struct rs_event *put_fault(struct fault *f, enum n_type type, uint64_t time,
				  enum rs_event_type ev, size_t *which)
{
	const size_t i = put(f->vm, type, time, ev);

	f->vm->items[i].ev.fault.vcpu = f->vcpu;
	f->vm->items[i].since = f->since;
	if (which)
		*which = i;
	return &f->vm->items[i].ev;
}

static void end_fault(struct fault *f, uint64_t time, enum rs_end_reason reason)
{
	put_fault(f, N_PLAIN, time, RS_EV_FAULT_END, NULL)->fault.reason = reason;
}

/* The look-up said that it is to be tried again. */
static void retry_early(struct pair *p, struct fault *f, uint64_t time)
{
	const bool async = f->async || (f->tried && !has(p, N_ASYNC_NOT_PRESENT));
	struct rs_event *ev;
	size_t i;

	become(f->vm, f->begin, N_FAULT_BEGIN);
	if (f->flags & N_SLOT_IS_GOING || async) {
		become(f->vm, f->early, N_NONE);
		end_fault(f, time, f->flags & N_SLOT_IS_GOING ? RS_END_SLOT_INVALID : RS_END_ASYNC);
	} else if (f->early != NONE) {
		become(f->vm, f->early, N_EARLY);
	} else if (!p->gfn_kernel) {
		n_note(p->n, "retry-unexplained");
		end_fault(f, time, RS_END_PLAIN);
	} else {
		/* Without a record of its begin no state is known. */
		ev = put_fault(f, has(p, RS_PROBE_FAULT_BEGIN) ? N_EARLY : N_PLAIN, time,
			       RS_EV_FAULT_CHECK, &i);
		ev->flags = RS_F_LOCKLESS;
		ev->result = RS_RES_RETRY;
		f->vm->items[i].state = f->state;
		f->vm->items[i].page = f->gfn;
	}
}

/* The fault is over at @time, whatever it has come to. */
static void finish_fault(struct pair *p, struct task *t, uint64_t time)
{
	struct fault *f = &t->fault;

	if (f->vm && !f->checked && !(f->begun && f->looked_up && f->ret == p->retry)) {
		become(f->vm, f->begun ? f->begin : f->entry, N_FAULT_BEGIN);
		become(f->vm, f->early, N_NONE);
		if (f->begun && !has(p, RS_PROBE_FAULT_CHECK) && !has(p, RS_PROBE_FAULT_VERDICT))
			put_fault(f, N_PLAIN, time, RS_EV_FAULT_CHECK, NULL);
		else
			end_fault(f, time, RS_END_PLAIN);
	}
	f->vm = NULL;
}

static bool start_fault(struct pair *p, struct task *t, const struct n_record *r)
{
	struct n_vm *vm = vm_at(p, r->kvm);

	finish_fault(p, t, r->time);
	t->sure = true;
	t->fault = (struct fault){
		.vm = vm,
		.vcpu = (uint32_t)r->vcpu,
		.since = r->time,
		.entry = NONE,
		.begin = NONE,
		.early = NONE,
		.check = NONE,
	};
	if (t->fault.vcpu <= 65535)
		return true;
	t->fault.vm = NULL;
	n_note(p->n, "vcpu-too-large");
	return false;
}

static void on_fault(struct pair *p, struct task *t, const struct n_record *r)
{
	struct fault *f = &t->fault;
	struct rs_event *ev;

	leave_if_ending(p, t);
	if (!start_fault(p, t, r))
		return;
	ev = put_fault(f, N_NONE, r->time, RS_EV_FAULT_BEGIN, &f->entry);
	ev->fault.gfn = r->addr / 4096;
	ev->fault.who = n_who(r, N_FAULT);
	if (!has(p, RS_PROBE_FAULT_BEGIN)) {
		f->begun = true;
		f->begin = f->entry;
		f->gfn = r->addr / 4096;
	}
}

static bool in_range(const struct n_state *s, uint64_t page)
{
	return s->in_progress && page >= s->start && page < s->end;
}

/* An end of @vm has raised the sequence, and not yet lowered the count. */
static bool is_half_an_end(struct n_vm *vm, const struct n_state *s)
{
	if (vm->is_ending && s->seq != vm->ending.seq &&
	    (s->seq != vm->ending.seq + 1 || s->in_progress != vm->ending.in_progress ||
	     s->start != vm->ending.start || s->end != vm->ending.end))
		vm->is_ending = false; /* it is all over */
	return vm->is_ending && s->seq == vm->ending.seq + 1 &&
	       s->in_progress == vm->ending.in_progress && s->start == vm->ending.start &&
	       s->end == vm->ending.end;
}

static void on_fault_begin(struct pair *p, struct task *t, const struct n_record *r)
{
	const bool memslot = n_is_memslot(r->as, r->id) && n_is_flags(r->flags);
	struct fault *f = &t->fault;
	struct rs_event *ev;
	struct n_item *i;

	if ((!f->vm || f->begun || f->vm->kvm != r->kvm) && !start_fault(p, t, r))
		return;
	become(f->vm, f->entry, N_NONE);
	f->begun = true;
	f->gfn = r->gfn;
	f->flags = memslot ? (uint32_t)r->flags : 0;
	f->state = state_of(r);
	if (is_half_an_end(f->vm, &f->state))
		f->state.seq--;
	ev = put_fault(f, N_NONE, r->time, RS_EV_FAULT_BEGIN, &f->begin);
	ev->fault.gfn = f->gfn;
	ev->fault.who = n_who(r, N_FAULT);
	ev->as = (uint8_t)(memslot ? r->as : 0);
	ev->flags = r->private ? RS_F_PRIVATE : 0;
	i = item(f->vm, f->begin);
	i->has_seq = true;
	i->seq = f->state.seq;
	i->since = f->since;
	i->id = (uint32_t)r->id;
	i->has_id = memslot && (r->id || r->flags) && !(f->flags & N_SLOT_IS_GOING);
	i->zeros = r->has_id && !r->as && !r->id && !r->flags;
	if (!p->gfn_kernel || !in_range(&f->state, f->gfn))
		return;
	ev = put_fault(f, N_NONE, r->time, RS_EV_FAULT_CHECK, &f->early);
	ev->flags = RS_F_LOCKLESS;
	ev->result = RS_RES_RETRY;
	i = item(f->vm, f->early);
	i->has_seq = true;
	i->seq = f->state.seq;
	i->state = f->state;
	i->page = f->gfn;
}

static void on_looked_up(struct pair *p, struct task *t, const struct n_record *r)
{
	struct fault *f = &t->fault;

	if (!f->vm || !f->begun || f->checked)
		return;
	f->looked_up = true;
	f->ret = (int64_t)r->ret;
	if (f->ret == p->retry)
		retry_early(p, f, r->time);
	else
		become(f->vm, f->early, N_NONE);
}

static uint64_t read_seq(struct pair *p, const struct n_record *r)
{
	const uint64_t behind = (r->seq - r->fault_seq) & UINT32_MAX;

	if (r->seq >> 32 == r->fault_seq >> 32 || r->seq - behind == r->fault_seq)
		return r->fault_seq;
	n_note(p->n, "fault-seq-sign-extended");
	return r->seq - behind;
}

static void on_check(struct pair *p, struct task *t, const struct n_record *r)
{
	struct fault *f = &t->fault;
	struct rs_event *ev;
	struct n_item *i;

	if (!has(p, RS_PROBE_FAULT) && !has(p, RS_PROBE_FAULT_BEGIN)) {
		if (!start_fault(p, t, r)) {
			n_note(p->n, "check-without-fault");
			return;
		}
		f->begun = true;
		f->gfn = r->gfn;
		ev = put_fault(f, N_NONE, r->time, RS_EV_FAULT_BEGIN, &f->begin);
		ev->fault.gfn = r->gfn;
		ev->fault.who = n_who(r, N_FAULT);
	}
	if (!f->vm || !f->begun || f->checked || f->vm->kvm != r->kvm) {
		if (t->sure)
			n_note(p->n, "check-without-fault");
		return;
	}
	f->checked = true;
	become(f->vm, f->early, N_NONE);
	f->seq = r->fault_seq;
	f->cut = p->n->file.cut_fault_seq && r->fault_seq & 1ULL << 31 && !(r->seq >> 32);
	put_fault(f, N_CHECK, r->time, RS_EV_FAULT_CHECK, &f->check);
	i = item(f->vm, f->check);
	has_state(i, r);
	locked(f->vm, r->seq);
	i->page = p->range == BY_HVA ? r->hva : f->gfn;
	i = item(f->vm, f->begin);
	i->type = N_FAULT_BEGIN;
	i->has_seq = true;
	i->seq = read_seq(p, r);
	i->hva = r->hva;
	if (r->private)
		i->ev.flags |= RS_F_PRIVATE;
	if (n_is_no_hva(r->hva))
		i->ev.as = 0;
	i->no_memslot = n_is_no_hva(r->hva) || (i->zeros && !r->hva);
	i->other = f->check;
}

static void on_verdict(struct pair *p, struct task *t, const struct n_record *r)
{
	struct fault *f = &t->fault;
	struct n_item *i;
	struct rs_event *ev;
	bool explained;

	if (!f->vm || !f->begun)
		return;
	if (!f->checked && !has(p, RS_PROBE_FAULT_CHECK)) {
		become(f->vm, f->begin, N_FAULT_BEGIN);
		f->checked = true;
		ev = put_fault(f, N_PLAIN, r->time, RS_EV_FAULT_CHECK, NULL);
		ev->result = r->ret ? RS_RES_RETRY : RS_RES_OK;
		return;
	}
	i = item(f->vm, f->check);
	if (!i || i->maybe)
		return;
	i->maybe = true; /* of a check: it has its verdict */
	if (f->cut && !p->whole_copies) {
		p->whole_copies = !r->ret;
		p->nr_extended = r->ret ? p->nr_extended + 1 : 0;
		f->seq = r->ret ? ~f->seq : f->seq; /* another number */
	}
	i->ev.result = r->ret ? RS_RES_RETRY : RS_RES_OK;
	explained = i->state.seq != f->seq ||
		    (p->range == BY_COUNT ? i->state.in_progress : in_range(&i->state, i->page));
	if (!r->ret || !p->known_kernel || explained)
		return;
	i->ev.type = RS_EV_FAULT_END;
	i->ev.result = 0;
	i->ev.fault.reason = RS_END_ROOT_OBSOLETE;
}

static void on_fault_end(struct pair *p, struct task *t, const struct n_record *r)
{
	struct fault *f = &t->fault;

	if (f->vm && f->begun && !f->checked && !has(p, RS_PROBE_FAULT_LOOKED_UP) &&
	    (int64_t)r->ret == p->retry) {
		f->looked_up = true;
		f->ret = p->retry;
		retry_early(p, f, r->time);
	}
	finish_fault(p, t, r->time);
}

/* ---- losses ---- */

/* What the task is in the midst of may have gone on unseen. */
static void cut(struct pair *p, struct task *t)
{
	struct fault *f = &t->fault;

	if (f->vm && !f->checked && !(f->looked_up && f->ret == p->retry)) {
		become(f->vm, f->begin, N_NONE);
		become(f->vm, f->early, N_NONE);
	}
	f->vm = NULL;
	for (size_t i = 0; i < t->nr_calls; i++) {
		struct call *c = &t->calls[i];

		if (!c->vm)
			continue;
		if (c->locked)
			c->vm->is_ending = false;
		if (!c->walked) {
			become(c->vm, c->enter, N_NONE);
			c->maybe |= !c->hit;
		}
		c->walked = true;
	}
	t->nr_owns = 0;
}

static void say_to_all(struct pair *p, enum n_type type, uint64_t time, uint64_t count)
{
	const uint32_t nr = p->n->to->nr_vms;

	for (uint32_t i = 0; i < nr; i++)
		say_loss(&p->n->vms[i], type, time, nr > 1 && count ? UINT64_MAX : count);
	p->loss_said = time;
}

static void on_gap(struct pair *p, const struct n_record *r)
{
	for (size_t i = 0; i < p->nr_tasks; i++)
		cut(p, p->tasks[i]);
	if (r->kind == N_GAP_END) {
		p->losing--;
		p->loss_end = r->time;
		say_to_all(p, N_LOST_END, r->time, 0);
		return;
	}
	p->losing++;
	p->lost_any = true;
	if (r->missed == UINT64_MAX)
		n_note(p->n, "lost-unknown-number");
	else
		p->n->to->lost += r->missed;
	say_to_all(p, N_LOST_BEGIN, r->time, r->missed);
}

static void on_seam(struct pair *p, const struct n_record *r)
{
	const bool pause = r->kind == N_PAUSE;

	if (r->half)
		n_note(p->n, "seam-incomplete");
	for (size_t i = 0; i < p->nr_tasks; i++) {
		cut(p, p->tasks[i]);
		p->tasks[i]->nr_calls = 0;
		p->tasks[i]->sure = false;
	}
	for (uint32_t i = 0; i < p->n->to->nr_vms; i++)
		if (r->half)
			say_loss(&p->n->vms[i], N_LOST, r->time, 0);
		else
			say_pause(&p->n->vms[i], pause, r->time);
	p->had_seam = true;
	p->paused = pause;
	p->loss_end = pause ? p->loss_end : r->time;
}

/* ---- */

/* The call in whose walk record @i is; NULL: in none's. */
static const struct n_record *walked_by(const struct n_file *f, size_t i)
{
	for (size_t k = i; k--;) {
		const struct n_record *r = &f->records[k];

		if (r->kind >= N_NR_KINDS)
			return NULL; /* a gap, in which it may have ended */
		if (r->pid != f->records[i].pid)
			continue;
		if (r->kind == RS_PROBE_INVAL_START)
			return r;
		if (r->kind == RS_PROBE_INVAL_STARTED || r->kind == RS_PROBE_INVAL_END ||
		    r->kind == RS_PROBE_INVAL_ENDED)
			return NULL;
	}
	return NULL;
}

/* From the first walk inside a notifier call of the same task. */
static void find_offset(struct pair *p)
{
	const struct n_file *f = &p->n->file;

	for (size_t i = 0; i < f->nr; i++) {
		const struct n_record *call;

		if (f->records[i].kind != RS_PROBE_INVAL_SLOT)
			continue;
		call = walked_by(f, i);
		if (!call)
			continue;
		p->knows_offset = true;
		p->offset = call->mn - f->records[i].kvm;
		return;
	}
}

static struct task *task_of(struct pair *p, unsigned int pid)
{
	for (size_t i = 0; i < p->nr_tasks; i++)
		if (p->tasks[i]->pid == pid)
			return p->tasks[i];
	struct task *t = calloc(1, sizeof(*t));

	assert(t);
	t->pid = pid;
	t->sure = !p->had_seam;
	*N_GROW(p->tasks, p->nr_tasks) = t;
	return t;
}

/* What a look-up returns for a retry: what a marker says of it, else as it was. */
static int64_t said_retry(const struct n_record *r, int64_t retry)
{
	static const char key[] = "retryscope-fact enum.ret_pf_retry ";

	return strncasecmp(r->text, key, strlen(key)) ? retry
						      : strtoll(r->text + strlen(key), NULL, 10);
}

static void take(struct pair *p, const struct n_record *r)
{
	struct task *t;

	p->r = r;
	if (r->back)
		n_note(p->n, "time-backwards");
	if (r->kind == N_MARKER) {
		p->retry = said_retry(r, p->retry);
		return;
	}
	if (r->kind == N_PAUSE || r->kind == N_RESUME)
		on_seam(p, r);
	if (r->kind > N_GAP_END)
		return;
	if (r->kind >= N_NR_KINDS) {
		on_gap(p, r);
		return;
	}
	if (p->losing && r->time > p->loss_said + LOSS_AGAIN_NS)
		say_to_all(p, N_LOST, r->time, 0);
	t = task_of(p, r->pid);
	if (t->source[r->kind] && t->source[r->kind] != r->source) {
		n_note(p->n, "recorded-twice");
		return;
	}
	t->source[r->kind] = r->source;
	switch (r->kind) {
	case RS_PROBE_MEMSLOT:
		on_memslot(p, r);
		break;
	case RS_PROBE_INVAL_START:
		on_start(p, t, r);
		break;
	case RS_PROBE_INVAL_SLOT:
		on_slot(p, t, r);
		break;
	case RS_PROBE_INVAL_STARTED:
		on_started(p, t, r);
		break;
	case RS_PROBE_INVAL_END:
		on_end(p, t, r);
		break;
	case RS_PROBE_INVAL_END_LOCKED:
		on_end_locked(p, t, r);
		break;
	case RS_PROBE_INVAL_ENDED:
		on_ended(p, t, r);
		break;
	case RS_PROBE_FAULT:
		on_fault(p, t, r);
		break;
	case RS_PROBE_FAULT_BEGIN:
		on_fault_begin(p, t, r);
		break;
	case RS_PROBE_FAULT_LOOKED_UP:
		on_looked_up(p, t, r);
		break;
	case RS_PROBE_FAULT_CHECK:
		on_check(p, t, r);
		break;
	case RS_PROBE_FAULT_VERDICT:
		on_verdict(p, t, r);
		break;
	case RS_PROBE_FAULT_END:
		on_fault_end(p, t, r);
		break;
	case RS_PROBE_INVAL_BEGIN:
		enter_own(p, t, r);
		break;
	case RS_PROBE_INVAL_RANGE_ADD:
		on_range_add(p, t, r);
		break;
	case RS_PROBE_ZAP_BEGIN:
		on_zap_begin(p, t, r);
		break;
	case RS_PROBE_ZAP_END:
		on_zap_end(p, t, r);
		break;
	case N_ASYNC_TRY:
		t->fault.tried = true;
		break;
	case N_ASYNC_NOT_PRESENT:
	case N_ASYNC_REPEATED:
		t->fault.async = true;
		break;
	default:
		break;
	}
}

static bool is_around(const struct n_record *r, uint64_t start, uint64_t end)
{
	return start < end && r->range_start <= start && end <= r->range_end;
}

/* What the range was around, at the first hit that tells. */
static bool know_range(struct pair *p)
{
	const struct n_file *f = &p->n->file;
	unsigned int hits = 0;

	for (size_t i = 0; i < f->nr && hits < 1000; i++) {
		const struct n_record *r = &f->records[i], *call;
		bool gfns, hvas;

		if (r->kind != RS_PROBE_INVAL_SLOT)
			continue;
		hits++;
		if (!r->in_progress)
			continue;
		call = walked_by(f, i);
		gfns = call ? is_around(r, r->gfn_start, r->gfn_end)
			    : r->gfn_start < r->gfn_end && r->range_start == r->gfn_start &&
				       r->range_end == r->gfn_end;
		hvas = call && is_around(r, call->start, call->end);
		if (gfns == hvas)
			continue;
		p->known_kernel = true;
		p->gfn_kernel = gfns;
		p->range = gfns ? BY_GFN : BY_HVA;
		return true;
	}
	return false;
}

/* Whether look-up @i came back though nothing but a range of frames is a reason for it. */
static bool was_early(const struct n_file *f, size_t i)
{
	for (size_t k = i; k--;) {
		const struct n_record *r = &f->records[k];

		if (r->kind >= N_NR_KINDS)
			return false; /* a gap, in which another may have begun */
		if (r->pid != f->records[i].pid)
			continue;
		if (r->kind == RS_PROBE_FAULT_BEGIN)
			return r->in_progress && is_around(r, r->gfn, r->gfn + 1) &&
			       !(r->flags & N_SLOT_IS_GOING);
		if (r->kind == RS_PROBE_FAULT_LOOKED_UP || r->kind == N_ASYNC_TRY ||
		    r->kind == N_ASYNC_NOT_PRESENT || r->kind == N_ASYNC_REPEATED)
			return false;
	}
	return false;
}

/* A retry before the look-up: only kernels of the gfn range ask then. */
static bool know_retry(struct pair *p)
{
	const struct n_file *f = &p->n->file;
	int64_t retry = 1;

	for (size_t i = 0; i < f->nr; i++) {
		const struct n_record *r = &f->records[i];

		if (r->kind == N_MARKER)
			retry = said_retry(r, retry);
		if (r->kind != RS_PROBE_FAULT_LOOKED_UP || (int64_t)r->ret != retry ||
		    !was_early(f, i))
			continue;
		p->known_kernel = p->gfn_kernel = true;
		p->range = BY_GFN;
		return true;
	}
	return false;
}

/* Which range the kernel has: by what was recorded of it, or by its release. */
static void know_kernel(struct pair *p)
{
	unsigned int major, minor;

	if (know_range(p) || know_retry(p))
		return;

	if (sscanf(p->n->file.release, "%u.%u", &major, &minor) != 2)
		return;
	p->known_kernel = true;
	p->gfn_kernel = major > 6 || (major == 6 && minor >= 8);
	p->range = p->gfn_kernel			     ? BY_GFN
		   : major < 5 || (major == 5 && minor < 12) ? BY_COUNT
							     : BY_HVA;
}

void n_pair(struct n_import *n)
{
	struct pair p = { .n = n, .retry = 1 };

	know_kernel(&p);
	find_offset(&p);
	for (size_t i = 0; i < n->file.nr; i++)
		take(&p, &n->file.records[i]);
	for (size_t i = 0; i < p.nr_tasks; i++) {
		struct task *t = p.tasks[i];

		for (size_t k = 0; k < t->nr_calls; k++)
			if (t->calls[k].vm && !t->calls[k].walked && !t->calls[k].hit)
				become(t->calls[k].vm, t->calls[k].enter, N_NONE);
		free(t);
	}
	free(p.tasks);
	for (uint64_t i = 0; i < p.nr_extended; i++)
		n_note(n, "fault-seq-sign-extended");
	n->to->lost += n->file.dropped;
	for (uint64_t i = 0; i < n->file.dropped; i++)
		n_note(n, "lost-at-unknown-place");
}
