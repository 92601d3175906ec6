// SPDX-License-Identifier: GPL-2.0-only
/* Writing a tape: an open-loop replay says which events are sound and which faults are judged. */
#include "replay/cost/tape.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "replay/cost/tape_ops.h"

#define ROOM(list, n) RS_ROOM_ZEROED((list).v, (list).max, n)
/* Appends; 0 or -ENOMEM. */
#define PUSH(list, x) (ROOM(list, (list).n + 1) ? -ENOMEM : ((list).v[(list).n++] = (x), 0))

static int push_op(struct rs_tape_vm *v, enum rs_tape_kind kind, uint32_t a, uint32_t b)
{
	struct rs_tape_op op = { kind, a, b };

	return PUSH(v->ops, op);
}

static void free_vm(struct rs_tape_vm *v)
{
	if (!v)
		return;
	for (size_t i = 0; i < v->invals.n; i++)
		free(v->invals.v[i].hits);
	free(v->ops.v);
	free(v->memslots.v);
	free(v->invals.v);
	free(v->faults.v);
	free(v->inval_of.v);
	free(v->fault_of.v);
	rs_seats_free(&v->seats);
	rs_invals_free(v->outstanding);
	rs_vm_free(v->vm);
	free(v);
}

static struct rs_tape_vm *add_vm(struct rs_tape *t, uint32_t number)
{
	struct rs_tape_vm *v;

	if (RS_ROOM_FOR_ONE(t->vms, t->nr_vms))
		return NULL;
	v = calloc(1, sizeof(*v));
	if (!v)
		return NULL;
	v->number = number;
	v->vm = rs_vm_new();
	v->outstanding = v->vm ? rs_invals_new(v->vm, 0, NULL) : NULL;
	if (!v->outstanding) {
		free_vm(v);
		return NULL;
	}
	return t->vms[t->nr_vms++] = v;
}

/* A host has a few VMs. */
static struct rs_tape_vm *find_vm(struct rs_tape *t, uint32_t number)
{
	for (size_t i = 0; i < t->nr_vms; i++)
		if (t->vms[i]->number == number)
			return t->vms[i];
	return add_vm(t, number);
}

static int on_memslot(struct rs_tape_vm *v, const struct rs_event *e)
{
	if (rs_vm_set_memslot(v->vm, e->as, e->memslot.id, e->memslot.gfn, e->memslot.npages,
			      e->memslot.hva, e->memslot.flags) == RS_VM_NOMEM)
		return -ENOMEM;
	if (push_op(v, RS_TAPE_MEMSLOT, (uint32_t)v->memslots.n, 0))
		return -ENOMEM;
	return PUSH(v->memslots, *e);
}

static int push_hit(struct rs_inval *inv, const struct rs_hit *hit)
{
	if (RS_ROOM_FOR_ONE(inv->hits, inv->nr_hits))
		return -ENOMEM;
	inv->hits[inv->nr_hits++] = *hit;
	return 0;
}

static int on_begin(struct rs_tape *t, struct rs_tape_vm *v, const struct rs_event *e, uint64_t now)
{
	uint32_t number = (uint32_t)v->invals.n;
	struct rs_inval *inv, copy;

	if (rs_vm_update(v->vm))
		return -ENOMEM;
	inv = rs_invals_begin(v->outstanding, e, now);
	if (!inv || ROOM(v->inval_of, inv->slot + 1))
		return -ENOMEM;
	v->inval_of.v[inv->slot] = number;
	copy = *inv;
	copy.hits = NULL;
	copy.nr_hits = copy.max_hits = 0;
	if (PUSH(v->invals, copy))
		return -ENOMEM;
	for (uint32_t i = 0; i < inv->nr_hits; i++)
		if (push_hit(&v->invals.v[number], &inv->hits[i]))
			return -ENOMEM;
	t->mix[RS_COST_BEGIN] += inv->hit;
	return push_op(v, inv->hit ? RS_TAPE_BEGIN : RS_TAPE_BEGIN_SILENT, number, 0);
}

static int on_slot(struct rs_tape *t, struct rs_tape_vm *v, const struct rs_event *e)
{
	struct rs_inval *inv = rs_invals_find(v->outstanding, e->inval.id), *mine;
	uint32_t handle = rs_vm_find_id(v->vm, e->as, e->inval.slot), number;
	struct rs_range gfns = { e->inval.start, e->inval.end };
	const struct rs_hit *hit;
	bool first;

	if (!inv || handle == RS_NO_SLOT)
		return 0;
	hit = rs_invals_slot(v->outstanding, inv, handle, gfns, &first);
	if (!hit)
		return -ENOMEM;
	number = v->inval_of.v[inv->slot];
	mine = &v->invals.v[number];
	mine->hit = true;
	if (push_hit(mine, hit) || (first && push_op(v, RS_TAPE_BEGIN_LATE, number, 0)))
		return -ENOMEM;
	t->mix[RS_COST_BEGIN] += first;
	t->mix[RS_COST_SLOT]++;
	return push_op(v, RS_TAPE_SLOT, number, mine->nr_hits - 1);
}

static int on_end(struct rs_tape *t, struct rs_tape_vm *v, const struct rs_event *e)
{
	struct rs_inval *inv = rs_invals_find(v->outstanding, e->inval.id);
	enum rs_tape_kind kind;
	uint32_t number;

	if (!inv)
		return 0;
	kind = inv->hit ? RS_TAPE_END : RS_TAPE_END_SILENT;
	number = v->inval_of.v[inv->slot];
	t->mix[RS_COST_END] += inv->hit;
	rs_invals_end(v->outstanding, inv);
	return push_op(v, kind, number, 0);
}

static void applied(void *arg, const struct rs_event *e, uint64_t time_ns)
{
	struct rs_tape *t = arg;
	struct rs_tape_vm *v = find_vm(t, e->vm);
	int ret = v ? 0 : -ENOMEM;

	if (v && e->type == RS_EV_MEMSLOT)
		ret = on_memslot(v, e);
	else if (v && e->type == RS_EV_INVAL_BEGIN)
		ret = on_begin(t, v, e, time_ns);
	else if (v && e->type == RS_EV_INVAL_SLOT)
		ret = on_slot(t, v, e);
	else if (v && e->type == RS_EV_INVAL_END)
		ret = on_end(t, v, e);
	else if (v && e->type == RS_EV_LOST) {
		rs_invals_drop(v->outstanding);
		ret = push_op(v, RS_TAPE_DROP, 0, 0);
	}
	if (ret)
		t->ret = ret;
}

/* Any fault, before the engine sees it: whether it will be judged is not known yet. */
static int on_fault_begin(struct rs_tape *t, const struct rs_event *e)
{
	struct rs_tape_vm *v = find_vm(t, e->vm);
	const uint32_t seat = v ? rs_seats_add(&v->seats, e->fault.vcpu) : RS_NO_SEAT;
	struct rs_fault f;

	if (seat == RS_NO_SEAT || ROOM(v->fault_of, (size_t)seat + 1))
		return -ENOMEM;
	rs_fault_begin(&f, v->vm, e->fault.vcpu, e->as, e->fault.gfn, rs_flags_kind(e->flags),
		       e->time_ns);
	v->fault_of.v[seat] = (uint32_t)v->faults.n;
	if (push_op(v, RS_TAPE_SNAPSHOT, (uint32_t)v->faults.n, 0))
		return -ENOMEM;
	return PUSH(v->faults, f);
}

static void judged(void *arg, const struct rs_judged *j)
{
	struct rs_tape *t = arg;
	struct rs_tape_vm *v = find_vm(t, j->vm);

	t->mix[RS_COST_CHECK]++;
	if (!v || push_op(v, RS_TAPE_CHECK, v->fault_of.v[rs_seats_find(&v->seats, j->vcpu)], 0))
		t->ret = -ENOMEM;
}

struct rs_tape *rs_tape_new(const char *algos, struct rs_error *err)
{
	struct rs_replay_opts opts = { .algos = algos, .flags = RS_REPLAY_TRUTH };
	struct rs_tape *t = calloc(1, sizeof(*t));

	if (!t) {
		rs_error_nomem(err);
		errno = ENOMEM;
		return NULL;
	}
	t->observer = (struct rs_observer){ .arg = t, .applied = applied, .judged = judged };
	opts.observer = &t->observer;
	t->engine = rs_replay_new(&opts, err);
	if (t->engine)
		return t;
	free(t);
	return NULL;
}

void rs_tape_free(struct rs_tape *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->nr_vms; i++)
		free_vm(t->vms[i]);
	free(t->vms);
	rs_replay_free(t->engine);
	free(t);
}

int rs_tape_feed(struct rs_tape *t, const struct rs_event *evs, size_t n, struct rs_error *err)
{
	int ret;

	for (size_t i = 0; i < n; i++) {
		if (evs[i].type == RS_EV_FAULT_BEGIN && on_fault_begin(t, &evs[i]))
			t->ret = -ENOMEM;
		ret = rs_replay_feed(t->engine, &evs[i], 1, err);
		if (ret)
			return ret;
		if (t->ret)
			return rs_error_nomem(err);
	}
	return 0;
}

struct rs_result *rs_tape_finish(struct rs_tape *t, struct rs_error *err)
{
	return rs_replay_finish(t->engine, err);
}

void rs_tape_mix(const struct rs_tape *t, uint64_t ops[RS_NR_COST_OPS])
{
	memcpy(ops, t->mix, sizeof(t->mix));
}
