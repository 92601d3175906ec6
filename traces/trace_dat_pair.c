// SPDX-License-Identifier: GPL-2.0-only
#include "traces/trace_dat_pair.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define V(p, f) ((p)->v[RS_DAT_F_##f])
/* A memslot's flags: what user space sets, and KVM's mark that it is on its way out. */
#define SLOT_INVALID (1U << 16)
#define SLOT_FLAGS (SLOT_INVALID | 0xff)
/* Host addresses that no process has: KVM's word for "no memslot". */
#define HVA_KERNEL (1ULL << 63)
#define MAX_NESTED 64
/* How often it is said that events are being lost, while they are. */
#define GAP_MARK_NS 5000000ULL
/* What the look-up of a page returns: go on, or drop the fault. The same on all kernels. */
#define LOOKED_UP_RETRY 1

enum change { CHANGE_CREATE, CHANGE_DELETE, CHANGE_MOVE, CHANGE_FLAGS };

struct fault {
	struct rs_dat_vm *vm; /* NULL: none going on */
	bool begun, checked, tried_async, is_async;
	uint32_t vcpu, flags;
	uint64_t gfn;
	struct rs_dat_state state; /* at its begin */
	uint64_t since_ns;
	int64_t looked_up; /* what the look-up returned; INT64_MIN: not yet */
	uint64_t entry, begin, early, check;
	uint64_t fault_seq;
};

struct inval {
	struct rs_dat_vm *vm; /* NULL: not known */
	uint64_t mn, start, end, id;
	uint64_t enter, last_slot, end_ticket;
	bool hit, started, ending, locked_end;
	bool maybe; /* its walk was lost: perhaps it hit something */
};

struct task {
	uint32_t pid;
	bool used;
	/* From which ring buffer, plus 1, its events of each kind come: two may have recorded the
	 * same. */
	uint8_t buffer[RS_DAT_NR_KINDS];
	struct fault fault;
	struct inval *invals; /* the innermost last */
	size_t nr_invals, room_invals;
};

struct rs_dat_pair {
	const struct rs_dat_probes *probes;
	const struct rs_dat_pair_ops *ops;
	struct rs_trace_meta *meta;
	uint64_t mn_offset;
	unsigned int gaps; /* CPUs of which events are being lost now */
	bool had_gap;
	uint64_t gap_mark_ns;				/* when that was last said */
	enum { SPACE_ALL, SPACE_HVA, SPACE_GFN } space; /* of the kernel's range */
	bool unknown_space;
	bool gfn_kernel;
	struct rs_dat_vm **vms;
	size_t nr_vms;
	struct task *tasks; /* open addressing by pid */
	size_t nr_tasks, mask;
	struct task *last;
};

struct rs_dat_pair *rs_dat_pair_new(const struct rs_dat_probes *probes, uint64_t mn_offset,
				    const struct rs_dat_pair_ops *ops, struct rs_trace_meta *meta)
{
	struct rs_dat_pair *p = calloc(1, sizeof(*p));
	const char *algo = rs_kernel_algorithm(meta->kernel);

	if (!p)
		return NULL;
	p->probes = probes;
	p->ops = ops;
	p->meta = meta;
	p->mn_offset = mn_offset;
	p->unknown_space = !algo;
	p->gfn_kernel = algo && !strcmp(algo, "gfn");
	p->space = !algo || p->gfn_kernel    ? SPACE_GFN
		   : !strcmp(algo, "global") ? SPACE_ALL
					     : SPACE_HVA;
	p->mask = 255;
	p->tasks = calloc(p->mask + 1, sizeof(*p->tasks));
	if (!p->tasks) {
		free(p);
		return NULL;
	}
	return p;
}

void rs_dat_pair_free(struct rs_dat_pair *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->nr_vms; i++) {
		rs_dat_order_free(p->vms[i]->order);
		free(p->vms[i]);
	}
	for (size_t i = 0; i <= p->mask; i++)
		free(p->tasks[i].invals);
	free(p->vms);
	free(p->tasks);
	free(p);
}

size_t rs_dat_pair_nr_vms(const struct rs_dat_pair *p)
{
	return p->nr_vms;
}

struct rs_dat_vm *rs_dat_pair_vm(struct rs_dat_pair *p, size_t i)
{
	return p->vms[i];
}

static int note(struct rs_dat_pair *p, const char *anomaly)
{
	return rs_meta_add_anomaly(p->meta, anomaly, 1);
}

/* ---- tasks and VMs ---- */

static struct task *task_slot(struct task *tasks, size_t mask, uint32_t pid)
{
	size_t i = (pid * 2654435761U) & mask;

	while (tasks[i].used && tasks[i].pid != pid)
		i = (i + 1) & mask;
	return &tasks[i];
}

static int grow_tasks(struct rs_dat_pair *p)
{
	const size_t mask = 2 * p->mask + 1;
	struct task *tasks = calloc(mask + 1, sizeof(*tasks));

	if (!tasks)
		return -ENOMEM;
	for (size_t i = 0; i <= p->mask; i++)
		if (p->tasks[i].used)
			*task_slot(tasks, mask, p->tasks[i].pid) = p->tasks[i];
	free(p->tasks);
	p->tasks = tasks;
	p->mask = mask;
	return 0;
}

static struct task *find_task(struct rs_dat_pair *p, uint32_t pid)
{
	struct task *t = p->last;

	if (t && t->pid == pid)
		return t;
	t = task_slot(p->tasks, p->mask, pid);
	if (!t->used) {
		if (p->nr_tasks > p->mask / 2) {
			if (grow_tasks(p))
				return NULL;
			t = task_slot(p->tasks, p->mask, pid);
		}
		t->used = true;
		t->pid = pid;
		p->nr_tasks++;
	}
	p->last = t;
	return t;
}

static int learn(void *arg, struct rs_event **list, size_t *n)
{
	struct rs_dat_vm *vm = arg;

	return vm->ops->learn(vm->ops->arg, vm->kvm, list, n);
}

static int put_mark(struct rs_dat_vm *vm, enum rs_dat_item_type type, uint64_t time_ns,
		    uint64_t count)
{
	const struct rs_event ev = {
		.time_ns = time_ns,
		.vm = vm->number,
		.type = RS_EV_LOST,
		.a = count,
	};

	return rs_dat_order_put(vm->order, type, &ev, false, NULL) ? 0 : -ENOMEM;
}

static struct rs_dat_vm *new_vm(struct rs_dat_pair *p, uint64_t kvm, uint32_t number)
{
	struct rs_dat_vm *vm = calloc(1, sizeof(*vm));

	if (!vm)
		return NULL;
	*vm = (struct rs_dat_vm){ .kvm = kvm, .number = number, .next_id = 1, .ops = p->ops };
	vm->order = rs_dat_order_new(p->meta, number,
				     &(struct rs_dat_learner){ .arg = vm, .learn = learn });
	if (vm->order)
		return vm;
	free(vm);
	return NULL;
}

static struct rs_dat_vm *add_vm(struct rs_dat_pair *p, uint64_t kvm, const struct rs_dat_probe *e)
{
	struct rs_dat_vm **vms = realloc(p->vms, (p->nr_vms + 1) * sizeof(*vms));
	struct rs_dat_vm *vm;
	int ret = 0;

	if (!vms)
		return NULL;
	p->vms = vms;
	vm = new_vm(p, kvm, (uint32_t)p->nr_vms + 1);
	if (!vm)
		return NULL;
	vms[p->nr_vms++] = vm;
	for (unsigned int i = 0; i < p->gaps && !ret; i++)
		ret = put_mark(vm, RS_DAT_GAP_BEGIN_MARK, e->time, RS_LOST_UNKNOWN);
	if (!ret)
		ret = rs_meta_add_vm(p->meta, vm->number, e->pid,
				     p->ops->command(p->ops->arg, e->pid));
	return ret ? NULL : vm;
}

static struct rs_dat_vm *known_vm(struct rs_dat_pair *p, uint64_t kvm)
{
	for (size_t i = 0; i < p->nr_vms; i++)
		if (p->vms[i]->kvm == kvm && !p->vms[i]->gone)
			return p->vms[i];
	return NULL;
}

/* The VM at @kvm, which may be new; NULL if there is no memory. */
static struct rs_dat_vm *find_vm(struct rs_dat_pair *p, uint64_t kvm, const struct rs_dat_probe *e)
{
	struct rs_dat_vm *vm = known_vm(p, kvm);

	return vm ? vm : add_vm(p, kvm, e);
}

static struct rs_event event_of(const struct rs_dat_vm *vm, const struct rs_dat_probe *e,
				enum rs_event_type type)
{
	return (struct rs_event){ .time_ns = e->time, .vm = vm->number, .type = (uint8_t)type };
}

static struct rs_dat_state state_of(const struct rs_dat_probe *e)
{
	return (struct rs_dat_state){ V(e, SEQ), V(e, IN_PROGRESS), V(e, RANGE_START),
				      V(e, RANGE_END) };
}

/* ---- memslots ---- */

static int on_memslot(struct rs_dat_pair *p, const struct rs_dat_probe *e)
{
	const bool gone = V(e, CHANGE) == CHANGE_DELETE;
	struct rs_dat_vm *vm = known_vm(p, V(e, KVM));
	struct rs_event ev;

	/* A VM that ends leaves its memslots: what makes one a second time is another VM. */
	if (vm && V(e, CHANGE) == CHANGE_CREATE && !p->had_gap &&
	    rs_dat_order_has_memslot(vm->order, (uint8_t)V(e, AS), (uint32_t)V(e, ID))) {
		vm->gone = true;
		vm = NULL;
	}
	if (!vm)
		vm = add_vm(p, V(e, KVM), e);
	if (!vm)
		return -ENOMEM;
	ev = event_of(vm, e, RS_EV_MEMSLOT);
	ev.as = (uint8_t)(gone ? V(e, OLD_AS) : V(e, AS));
	ev.index = (uint32_t)(gone ? V(e, OLD_ID) : V(e, ID));
	if (!gone) {
		ev.a = V(e, GFN);
		ev.b = V(e, NPAGES);
		ev.c = V(e, HVA);
		ev.arg = (uint32_t)V(e, FLAGS);
	}
	return rs_dat_order_put(vm->order, RS_DAT_MEMSLOT, &ev, false, NULL) ? 0 : -ENOMEM;
}

/* ---- invalidations ---- */

static struct inval *innermost(struct task *t)
{
	return t->nr_invals ? &t->invals[t->nr_invals - 1] : NULL;
}

/* Says what a pending item is; false if it was waited for too long and is gone. */
static bool settle(struct rs_dat_vm *vm, uint64_t ticket, enum rs_dat_item_type type)
{
	struct rs_dat_item *i = rs_dat_order_item(vm->order, ticket);

	if (!i)
		return false;
	i->type = (uint8_t)type;
	i->pending = false;
	return true;
}

/* Its end has happened by now, but when exactly was not recorded. */
static int put_end_until(struct inval *v, struct rs_dat_item *end, const struct rs_dat_probe *e)
{
	const struct rs_event ev = event_of(v->vm, e, RS_EV_NONE);
	struct rs_dat_item *i;

	end->until = e->time;
	end->pending = false;
	end->maybe = !v->hit;
	i = rs_dat_order_put(v->vm->order, RS_DAT_END_UNTIL, &ev, false, NULL);
	if (!i)
		return -ENOMEM;
	i->until = v->end_ticket;
	return 0;
}

/* The innermost invalidation has left the notifier. */
static int leave_inval(struct rs_dat_pair *p, struct task *t, const struct rs_dat_probe *e)
{
	const bool locked = rs_dat_has(p->probes, RS_PROBE_INVAL_END_LOCKED);
	struct inval *v = innermost(t);
	struct rs_dat_item *i;

	t->nr_invals--;
	if (!v->vm || v->locked_end)
		return 0;
	i = rs_dat_order_item(v->vm->order, v->end_ticket);
	if (i && (v->hit || (v->maybe && !locked)))
		return put_end_until(v, i, e);
	settle(v->vm, v->end_ticket, v->maybe ? RS_DAT_NONE : RS_DAT_MISS_END);
	return 0;
}

/* A task that does something else has left an end of which the return was missed. */
static int leave_ended(struct rs_dat_pair *p, struct task *t, const struct rs_dat_probe *e)
{
	struct inval *v = innermost(t);

	return v && v->ending ? leave_inval(p, t, e) : 0;
}

static struct inval *push_inval(struct rs_dat_pair *p, struct task *t, const struct rs_dat_probe *e)
{
	struct inval *v;

	if (t->nr_invals == t->room_invals) {
		size_t room = t->room_invals ? 2 * t->room_invals : 4;

		v = realloc(t->invals, room * sizeof(*v));
		if (!v)
			return NULL;
		t->invals = v;
		t->room_invals = room;
	}
	v = &t->invals[t->nr_invals++];
	*v = (struct inval){
		.mn = V(e, MN),
		.start = V(e, START),
		.end = V(e, END),
		.enter = RS_DAT_NO_TICKET,
		.last_slot = RS_DAT_NO_TICKET,
		.end_ticket = RS_DAT_NO_TICKET,
	};
	if (p->mn_offset) {
		v->vm = find_vm(p, v->mn - p->mn_offset, e);
		if (!v->vm)
			return NULL;
		v->id = v->vm->next_id++;
	} else if (p->nr_vms == 1) {
		v->vm = p->vms[0];
		v->id = v->vm->next_id++;
	}
	return v;
}

static int on_inval_start(struct rs_dat_pair *p, struct task *t, const struct rs_dat_probe *e)
{
	struct rs_event ev;
	struct inval *v;
	int ret = leave_ended(p, t, e);

	if (ret)
		return ret;
	if (t->nr_invals == MAX_NESTED) {
		/* Their ends were all missed. */
		t->nr_invals = 0;
		ret = note(p, "inval-nested-too-deep");
		if (ret)
			return ret;
	}
	v = push_inval(p, t, e);
	if (!v)
		return -ENOMEM;
	if (!v->vm)
		return note(p, "inval-of-unknown-vm");
	ev = event_of(v->vm, e, RS_EV_INVAL_BEGIN);
	ev.flags = RS_F_WALK;
	ev.a = v->id;
	ev.b = v->start;
	ev.c = v->end;
	return rs_dat_order_put(v->vm->order, RS_DAT_MISS_BEGIN, &ev, true, &v->enter) ? 0
										       : -ENOMEM;
}

static int put_begin(struct inval *v, const struct rs_dat_probe *e)
{
	struct rs_event ev = event_of(v->vm, e, RS_EV_INVAL_BEGIN);
	struct rs_dat_item *i;

	ev.flags = RS_F_WALK;
	ev.a = v->id;
	ev.b = v->start;
	ev.c = v->end;
	v->last_slot = v->enter;
	i = rs_dat_order_put(v->vm->order, RS_DAT_BEGIN, &ev, false, NULL);
	if (!i)
		return -ENOMEM;
	i->seq = V(e, SEQ);
	i->state = state_of(e);
	v->hit = true;
	return 0;
}

static int on_inval_slot(struct rs_dat_pair *p, struct task *t, const struct rs_dat_probe *e)
{
	struct inval *v = innermost(t);
	struct rs_dat_item *i;
	struct rs_event ev;
	uint64_t ticket;
	int ret;

	if (!v || v->ending || v->started || !v->vm || v->vm->kvm != V(e, KVM))
		return note(p, "slot-without-start");
	if (!v->hit) {
		ret = put_begin(v, e);
		if (ret)
			return ret;
	}
	ev = event_of(v->vm, e, RS_EV_INVAL_SLOT);
	ev.as = (uint8_t)V(e, AS);
	ev.index = (uint32_t)V(e, ID);
	ev.a = v->id;
	ev.b = V(e, GFN_START);
	ev.c = V(e, GFN_END);
	i = rs_dat_order_put(v->vm->order, RS_DAT_SLOT, &ev, false, &ticket);
	if (!i)
		return -ENOMEM;
	i->seq = V(e, SEQ);
	i->state = state_of(e);
	i = rs_dat_order_item(v->vm->order, v->last_slot);
	if (i)
		i->until = ticket;
	v->last_slot = ticket;
	return 0;
}

static void finish_start(struct inval *v)
{
	if (v->vm && !v->started &&
	    !settle(v->vm, v->enter, v->hit ? RS_DAT_ENTER : RS_DAT_MISS_BEGIN))
		v->maybe |= !v->hit;
	v->started = true;
}

static int on_inval_started(struct task *t)
{
	struct inval *v = innermost(t);

	if (v)
		finish_start(v);
	return 0;
}

static int on_inval_end(struct rs_dat_pair *p, struct task *t, const struct rs_dat_probe *e)
{
	struct rs_event ev;
	struct inval *v;
	int ret = leave_ended(p, t, e);

	if (ret)
		return ret;
	/* Last in, first out; what was begun inside and has no end was lost. */
	while ((v = innermost(t)) &&
	       (v->mn != V(e, MN) || v->start != V(e, START) || v->end != V(e, END))) {
		ret = note(p, "inval-without-end");
		finish_start(v);
		t->nr_invals--;
		if (ret)
			return ret;
	}
	if (!v) {
		ret = note(p, "end-without-start");
		v = ret ? NULL : push_inval(p, t, e);
		if (!v)
			return -ENOMEM;
		v->maybe = true;
	}
	finish_start(v);
	v->ending = true;
	if (!v->vm)
		return 0;
	ev = event_of(v->vm, e, RS_EV_INVAL_END);
	ev.a = v->id;
	return rs_dat_order_put(v->vm->order, RS_DAT_END, &ev, true, &v->end_ticket) ? 0 : -ENOMEM;
}

/*
 * An end without a notifier call: KVM zaps guest frames on its own account, from
 * begin to end under the lock. With nothing else in progress the recorded range is
 * that of the frames.
 */
static int put_own_zap(struct rs_dat_pair *p, const struct rs_dat_probe *e)
{
	struct rs_dat_vm *vm = find_vm(p, V(e, KVM), e);
	struct rs_event ev;
	struct rs_dat_item *i;

	if (!vm)
		return -ENOMEM;
	ev = event_of(vm, e, RS_EV_INVAL_BEGIN);
	ev.flags = RS_F_GFN;
	ev.a = vm->next_id++;
	ev.b = V(e, RANGE_START);
	ev.c = V(e, RANGE_END);
	i = rs_dat_order_put(vm->order, RS_DAT_BEGIN, &ev, false, NULL);
	if (!i)
		return -ENOMEM;
	i->seq = V(e, SEQ);
	i->state = state_of(e);
	ev.type = RS_EV_INVAL_END;
	ev.flags = 0;
	ev.b = ev.c = 0;
	i = rs_dat_order_put(vm->order, RS_DAT_END, &ev, false, NULL);
	if (!i)
		return -ENOMEM;
	i->seq = V(e, SEQ);
	return note(p, "zap-without-notifier");
}

static int on_inval_end_locked(struct rs_dat_pair *p, struct task *t, const struct rs_dat_probe *e)
{
	struct inval *v = innermost(t);
	struct rs_dat_item *i;
	struct rs_event ev;

	if (!v || !v->ending || !v->vm || v->vm->kvm != V(e, KVM) || v->locked_end)
		return put_own_zap(p, e);
	settle(v->vm, v->end_ticket, RS_DAT_NONE);
	v->hit = true;
	v->locked_end = true;
	ev = event_of(v->vm, e, RS_EV_INVAL_END);
	ev.a = v->id;
	i = rs_dat_order_put(v->vm->order, RS_DAT_END, &ev, false, NULL);
	if (!i)
		return -ENOMEM;
	i->seq = V(e, SEQ);
	return 0;
}

/* ---- faults ---- */

static bool in_range(const struct rs_dat_state *s, uint64_t page)
{
	return s->in_progress && page >= s->start && page < s->end;
}

/* Ends the fault for @reason at @time_ns. */
static int put_fault_end(struct fault *f, uint64_t time_ns, enum rs_end_reason reason)
{
	struct rs_event ev = {
		.time_ns = time_ns,
		.vm = f->vm->number,
		.type = RS_EV_FAULT_END,
		.index = f->vcpu,
		.arg = reason,
	};

	return rs_dat_order_put(f->vm->order, RS_DAT_FAULT_END, &ev, false, NULL) ? 0 : -ENOMEM;
}

/* The look-up said retry, and no check followed: why? */
static int finish_early_retry(struct rs_dat_pair *p, struct fault *f, uint64_t now_ns)
{
	const bool known_async = rs_dat_has(p->probes, RS_DAT_TP_ASYNC_NOT_PRESENT);
	struct rs_dat_item *i;
	struct rs_event ev;

	settle(f->vm, f->begin, RS_DAT_FAULT_BEGIN);
	if (f->flags & SLOT_INVALID) {
		settle(f->vm, f->early, RS_DAT_NONE);
		return put_fault_end(f, now_ns, RS_END_SLOT_INVALID);
	}
	if (f->is_async || (f->tried_async && !known_async)) {
		settle(f->vm, f->early, RS_DAT_NONE);
		return put_fault_end(f, now_ns, RS_END_ASYNC);
	}
	if (f->early != RS_DAT_NO_TICKET) {
		settle(f->vm, f->early, RS_DAT_CHECK_EARLY);
		return 0;
	}
	if (!p->gfn_kernel) {
		int ret = note(p, "retry-unexplained");

		return ret ? ret : put_fault_end(f, now_ns, RS_END_PLAIN);
	}
	ev = (struct rs_event){
		.time_ns = now_ns,
		.vm = f->vm->number,
		.type = RS_EV_FAULT_CHECK,
		.flags = RS_F_LOCKLESS,
		.result = RS_RES_RETRY,
		.index = f->vcpu,
	};
	i = rs_dat_order_put(f->vm->order, RS_DAT_CHECK_EARLY, &ev, false, NULL);
	if (!i)
		return -ENOMEM;
	i->state = f->state;
	i->until = f->gfn;
	return 0;
}

/* Ends whatever fault the task is in; @time_ns is now. */
static int finish_fault(struct rs_dat_pair *p, struct task *t, uint64_t time_ns)
{
	struct fault *f = &t->fault;
	int ret = 0;

	if (!f->vm)
		return 0;
	if (f->checked) {
		settle(f->vm, f->check, RS_DAT_CHECK);
	} else if (f->begun && f->looked_up != LOOKED_UP_RETRY) {
		settle(f->vm, f->begin, RS_DAT_FAULT_BEGIN);
		settle(f->vm, f->early, RS_DAT_NONE);
		ret = put_fault_end(f, time_ns, RS_END_PLAIN);
	} else if (!f->begun) {
		settle(f->vm, f->entry, RS_DAT_FAULT_BEGIN);
		ret = put_fault_end(f, time_ns, RS_END_PLAIN);
	}
	f->vm = NULL;
	return ret;
}

static int start_fault(struct rs_dat_pair *p, struct task *t, const struct rs_dat_probe *e)
{
	struct fault *f = &t->fault;
	struct rs_dat_vm *vm = find_vm(p, V(e, KVM), e);
	int ret = finish_fault(p, t, e->time);

	if (!vm)
		return -ENOMEM;
	*f = (struct fault){
		.vm = vm,
		.vcpu = (uint32_t)V(e, VCPU),
		.since_ns = e->time,
		.looked_up = INT64_MIN,
		.entry = RS_DAT_NO_TICKET,
		.begin = RS_DAT_NO_TICKET,
		.early = RS_DAT_NO_TICKET,
		.check = RS_DAT_NO_TICKET,
	};
	if (f->vcpu > RS_MAX_VCPU) {
		f->vm = NULL;
		return ret ? ret : note(p, "vcpu-too-large");
	}
	return ret;
}

static int on_fault(struct rs_dat_pair *p, struct task *t, const struct rs_dat_probe *e)
{
	struct fault *f = &t->fault;
	struct rs_event ev;
	int ret = leave_ended(p, t, e);

	if (!ret)
		ret = start_fault(p, t, e);
	if (ret || !f->vm)
		return ret;
	ev = event_of(f->vm, e, RS_EV_FAULT_BEGIN);
	ev.index = f->vcpu;
	ev.a = V(e, ADDR) >> RS_PAGE_SHIFT;
	return rs_dat_order_put(f->vm->order, RS_DAT_FAULT_BEGIN, &ev, true, &f->entry) ? 0
											: -ENOMEM;
}

/* The decision that the recorded state at the begin already says; settled at the look-up. */
static int put_early_check(struct fault *f, const struct rs_dat_probe *e)
{
	struct rs_event ev = event_of(f->vm, e, RS_EV_FAULT_CHECK);
	struct rs_dat_item *i;

	ev.index = f->vcpu;
	ev.flags = RS_F_LOCKLESS;
	ev.result = RS_RES_RETRY;
	i = rs_dat_order_put(f->vm->order, RS_DAT_CHECK_EARLY, &ev, true, &f->early);
	if (!i)
		return -ENOMEM;
	i->seq = f->state.seq;
	i->state = f->state;
	i->until = f->gfn;
	return 0;
}

static int on_fault_begin(struct rs_dat_pair *p, struct task *t, const struct rs_dat_probe *e)
{
	/* Without a memslot its fields are what happened to be in memory. */
	const bool through = V(e, AS) <= RS_MAX_AS && V(e, ID) <= RS_MAX_SLOT_ID &&
			     !(V(e, FLAGS) & ~(uint64_t)SLOT_FLAGS);
	struct fault *f = &t->fault;
	struct rs_dat_item *i;
	struct rs_event ev;
	int ret = 0;

	if (!f->vm || f->begun || f->vm->kvm != V(e, KVM))
		ret = start_fault(p, t, e);
	if (ret || !f->vm)
		return ret;
	settle(f->vm, f->entry, RS_DAT_NONE);
	f->begun = true;
	f->gfn = V(e, GFN);
	f->flags = through ? (uint32_t)V(e, FLAGS) : 0;
	f->state = state_of(e);
	ev = event_of(f->vm, e, RS_EV_FAULT_BEGIN);
	ev.index = f->vcpu;
	ev.a = f->gfn;
	ev.as = (uint8_t)(through ? V(e, AS) : 0);
	i = rs_dat_order_put(f->vm->order, RS_DAT_FAULT_BEGIN, &ev, true, &f->begin);
	if (!i)
		return -ENOMEM;
	i->seq = f->state.seq;
	i->through.since_ns = f->since_ns;
	i->through.hva = 0;
	i->through.id = (uint32_t)V(e, ID);
	/* Zeros may be memslot 0, or what is recorded where there is none. */
	i->through.has_id = through && (V(e, ID) || V(e, FLAGS)) && !(f->flags & SLOT_INVALID);
	return p->gfn_kernel && in_range(&f->state, f->gfn) ? put_early_check(f, e) : 0;
}

static int on_fault_looked_up(struct rs_dat_pair *p, struct task *t, const struct rs_dat_probe *e)
{
	struct fault *f = &t->fault;

	if (!f->vm || !f->begun || f->checked)
		return 0;
	f->looked_up = (int64_t)V(e, RET);
	if (f->looked_up == LOOKED_UP_RETRY)
		return finish_early_retry(p, f, e->time);
	settle(f->vm, f->early, RS_DAT_NONE);
	return 0;
}

/*
 * Some stable kernels kept a fault's copy of the sequence number in an int: it
 * came back sign extended, and no longer compared equal.
 */
static int true_fault_seq(struct rs_dat_pair *p, uint64_t fault_seq, uint64_t seq, uint64_t *to)
{
	const uint32_t behind = (uint32_t)seq - (uint32_t)fault_seq;

	*to = fault_seq;
	if ((seq ^ fault_seq) >> 32 == 0 || seq - fault_seq == behind)
		return 0;
	*to = seq - behind;
	return note(p, "fault-seq-sign-extended");
}

static int on_fault_check(struct rs_dat_pair *p, struct task *t, const struct rs_dat_probe *e)
{
	struct fault *f = &t->fault;
	struct rs_dat_item *i;
	struct rs_event ev;
	uint64_t begin_seq;
	int ret;

	if (!f->vm || !f->begun || f->checked || f->vm->kvm != V(e, KVM))
		return note(p, "check-without-fault");
	ret = true_fault_seq(p, V(e, FAULT_SEQ), V(e, SEQ), &begin_seq);
	if (ret)
		return ret;
	i = rs_dat_order_item(f->vm->order, f->begin);
	if (i) {
		i->seq = begin_seq;
		i->through.hva = V(e, HVA);
		i->pending = false;
		if (V(e, HVA) & HVA_KERNEL)
			i->ev.as = 0; /* no memslot that could say */
	}
	f->checked = true;
	f->fault_seq = V(e, FAULT_SEQ);
	ev = event_of(f->vm, e, RS_EV_FAULT_CHECK);
	ev.index = f->vcpu;
	i = rs_dat_order_put(f->vm->order, RS_DAT_CHECK, &ev, true, &f->check);
	if (!i)
		return -ENOMEM;
	i->seq = V(e, SEQ);
	i->state = state_of(e);
	i->until = p->space == SPACE_HVA ? V(e, HVA) : f->gfn;
	if (!rs_dat_has(p->probes, RS_PROBE_FAULT_VERDICT))
		i->pending = false;
	return 0;
}

/* Whether a notifier's doing explains the verdict to retry. */
static bool explained(const struct rs_dat_pair *p, const struct fault *f,
		      const struct rs_dat_item *i)
{
	if (i->state.seq != f->fault_seq)
		return true;
	return p->space == SPACE_ALL ? i->state.in_progress : in_range(&i->state, i->until);
}

static int on_fault_verdict(struct rs_dat_pair *p, struct task *t, const struct rs_dat_probe *e)
{
	struct fault *f = &t->fault;
	struct rs_dat_item *i =
		f->vm && f->checked ? rs_dat_order_item(f->vm->order, f->check) : NULL;

	if (!i || !i->pending)
		return 0;
	i->pending = false;
	i->ev.result = V(e, RET) ? RS_RES_RETRY : RS_RES_OK;
	if (V(e, RET) && !p->unknown_space && !explained(p, f, i)) {
		i->ev.type = RS_EV_FAULT_END;
		i->ev.result = 0;
		i->ev.arg = RS_END_ROOT_OBSOLETE;
	}
	return 0;
}

static int on_fault_end(struct rs_dat_pair *p, struct task *t, const struct rs_dat_probe *e)
{
	return finish_fault(p, t, e->time);
}

/* ---- losses ---- */

/* A fault of which no more is known has no outcome: it is left out. */
static void drop_fault(struct fault *f)
{
	if (!f->vm)
		return;
	if (!f->checked && f->looked_up != LOOKED_UP_RETRY) {
		settle(f->vm, f->begin, RS_DAT_NONE);
		settle(f->vm, f->early, RS_DAT_NONE);
	}
	settle(f->vm, f->entry, RS_DAT_NONE);
	if (f->checked)
		settle(f->vm, f->check, RS_DAT_CHECK);
	f->vm = NULL;
}

/* Of an invalidation of which events may be missing, only the end may still be told. */
static void cut_inval(struct inval *v)
{
	if (!v->vm)
		return;
	if (!v->started) {
		settle(v->vm, v->enter, RS_DAT_NONE);
		v->maybe |= !v->hit;
	}
	v->started = true;
}

static void cut_tasks(struct rs_dat_pair *p)
{
	for (size_t i = 0; i <= p->mask; i++) {
		struct task *t = &p->tasks[i];

		if (!t->used)
			continue;
		drop_fault(&t->fault);
		for (size_t n = 0; n < t->nr_invals; n++)
			cut_inval(&t->invals[n]);
	}
}

static int mark_all(struct rs_dat_pair *p, enum rs_dat_item_type type, uint64_t time_ns,
		    uint64_t count)
{
	int ret = 0;

	/* Whose events they were is not known. */
	if (p->nr_vms > 1 && count)
		count = RS_LOST_UNKNOWN;
	for (size_t i = 0; i < p->nr_vms && !ret; i++)
		ret = put_mark(p->vms[i], type, time_ns, count);
	p->gap_mark_ns = time_ns;
	return ret;
}

static int on_gap(struct rs_dat_pair *p, const struct rs_dat_probe *e)
{
	const bool begin = e->kind == RS_DAT_KIND_GAP_BEGIN;

	cut_tasks(p);
	if (!begin) {
		p->gaps -= !!p->gaps;
		return mark_all(p, RS_DAT_GAP_END_MARK, e->time, 0);
	}
	p->gaps++;
	p->had_gap = true;
	if (e->missed == UINT64_MAX && note(p, "lost-unknown-number"))
		return -ENOMEM;
	if (e->missed != UINT64_MAX)
		p->meta->lost += e->missed;
	return mark_all(p, RS_DAT_GAP_BEGIN_MARK, e->time, e->missed);
}

/* ---- */

/*
 * Whether the event was recorded by a second ring buffer as well. A task's events
 * of one kind are taken from the one that had them first.
 */
static bool is_copy(struct task *t, const struct rs_dat_probe *e)
{
	const uint8_t from = e->buffer < UINT8_MAX ? (uint8_t)(e->buffer + 1) : UINT8_MAX;

	if (!t->buffer[e->kind])
		t->buffer[e->kind] = from;
	return t->buffer[e->kind] != from;
}

static int put_of_task(struct rs_dat_pair *p, struct task *t, const struct rs_dat_probe *e)
{
	switch (e->kind) {
	case RS_PROBE_MEMSLOT:
		return on_memslot(p, e);
	case RS_PROBE_INVAL_START:
		return on_inval_start(p, t, e);
	case RS_PROBE_INVAL_SLOT:
		return on_inval_slot(p, t, e);
	case RS_PROBE_INVAL_STARTED:
		return on_inval_started(t);
	case RS_PROBE_INVAL_END:
		return on_inval_end(p, t, e);
	case RS_PROBE_INVAL_END_LOCKED:
		return on_inval_end_locked(p, t, e);
	case RS_PROBE_INVAL_ENDED:
		return leave_ended(p, t, e);
	case RS_PROBE_FAULT:
		return on_fault(p, t, e);
	case RS_PROBE_FAULT_BEGIN:
		return on_fault_begin(p, t, e);
	case RS_PROBE_FAULT_LOOKED_UP:
		return on_fault_looked_up(p, t, e);
	case RS_PROBE_FAULT_CHECK:
		return on_fault_check(p, t, e);
	case RS_PROBE_FAULT_VERDICT:
		return on_fault_verdict(p, t, e);
	case RS_PROBE_FAULT_END:
		return on_fault_end(p, t, e);
	case RS_DAT_TP_ASYNC_TRY:
		t->fault.tried_async = true;
		return 0;
	case RS_DAT_TP_ASYNC_NOT_PRESENT:
	case RS_DAT_TP_ASYNC_REPEATED:
		t->fault.is_async = true;
		return 0;
	default:
		return 0;
	}
}

int rs_dat_pair_put(struct rs_dat_pair *p, const struct rs_dat_probe *e)
{
	struct task *t;
	int ret = 0;

	if (e->kind >= RS_DAT_NR_KINDS)
		return on_gap(p, e);
	if (p->gaps && e->time > p->gap_mark_ns + GAP_MARK_NS)
		ret = mark_all(p, RS_DAT_GAP_MARK, e->time, 0);
	t = ret ? NULL : find_task(p, e->pid);
	if (!t)
		return -ENOMEM;
	if (is_copy(t, e))
		return note(p, "recorded-twice");
	return put_of_task(p, t, e);
}

int rs_dat_pair_finish(struct rs_dat_pair *p)
{
	for (size_t i = 0; i <= p->mask; i++) {
		struct task *t = &p->tasks[i];

		if (!t->used)
			continue;
		drop_fault(&t->fault);
		for (size_t n = 0; n < t->nr_invals; n++) {
			struct inval *v = &t->invals[n];

			if (!v->vm)
				continue;
			if (!v->started)
				settle(v->vm, v->enter, v->hit ? RS_DAT_ENTER : RS_DAT_NONE);
			if (v->ending && !v->locked_end)
				settle(v->vm, v->end_ticket, RS_DAT_NONE);
		}
	}
	return 0;
}
