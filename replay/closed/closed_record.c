// SPDX-License-Identifier: GPL-2.0-only
/* What was recorded, folded into logical faults. */
#include "replay/closed/closed_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/inline.h"
#include "replay/closed/closed_tape.h"

/* @c->why says why, or nothing, if there was no memory; the first failure counts. */
static RS_SELDOM void fail(struct rs_closed *c)
{
	if (!c->failed)
		c->failed = c->why.kind == RS_ERR_OUTPUT ? -EIO : rs_error_nomem(&c->why);
}

struct vm *rs_closed_find_vm(const struct rs_closed *c, uint32_t number)
{
	const uint32_t i = rs_hash_find(&c->vm_by_number, rs_hash_number(number), NULL, NULL);

	return i == RS_HASH_NONE ? NULL : &c->vms[i];
}

static RS_SELDOM struct vm *find_or_add_vm(struct rs_closed *c, uint32_t number)
{
	struct vm *vm = rs_closed_find_vm(c, number);

	if (!vm) {
		if (RS_ROOM_ZEROED(c->vms, c->max_vms, c->nr_vms + 1) ||
		    rs_hash_add(&c->vm_by_number, rs_hash_number(number), (uint32_t)c->nr_vms)) {
			fail(c);
			return NULL;
		}
		vm = &c->vms[c->nr_vms++];
		vm->number = number;
	}
	c->last_vm = (size_t)(vm - c->vms);
	return vm;
}

struct vm *rs_closed_vm(struct rs_closed *c, uint32_t number)
{
	if (c->last_vm < c->nr_vms && c->vms[c->last_vm].number == number)
		return &c->vms[c->last_vm];
	return find_or_add_vm(c, number);
}

static RS_SELDOM struct vcpu *add_vcpu(struct rs_closed *c, struct vm *vm, uint32_t vcpu)
{
	const uint32_t seat = rs_seats_add(&vm->seats, vcpu);
	uint32_t n = vm->nr_vcpus ? vm->nr_vcpus : 4;

	while (seat != RS_NO_SEAT && n <= seat)
		n *= 2;
	if (seat == RS_NO_SEAT || RS_RESIZE(vm->vcpus, n)) {
		fail(c);
		return NULL;
	}
	/* The first seats are the vCPUs' own numbers: those that find theirs do not come here. */
	for (; vm->nr_vcpus < n; vm->nr_vcpus++)
		vm->vcpus[vm->nr_vcpus] = (struct vcpu){ .number = vm->nr_vcpus };
	vm->vcpus[seat].number = vcpu;
	return &vm->vcpus[seat];
}

/* NULL: there is no memory for it, or no @vm; or it is too late. */
static struct vcpu *vcpu_of(struct rs_closed *c, struct vm *vm, uint32_t vcpu)
{
	uint32_t seat;

	if (!vm || c->failed)
		return NULL;
	seat = rs_seats_find(&vm->seats, vcpu);
	return seat < vm->nr_vcpus ? &vm->vcpus[seat] : add_vcpu(c, vm, vcpu);
}

static void on_applied(void *arg, const struct rs_event *e, uint64_t time_ns)
{
	struct rs_closed *c = arg;
	struct vm *vm = rs_closed_vm(c, e->vm);
	unsigned char *to = NULL;

	if (vm && !c->failed)
		to = rs_stream_room(c->spool, &vm->events, &c->why);
	if (!to) {
		fail(c);
		return;
	}
	rs_stream_add(&vm->events, event_put(to, e, time_ns, vm->event_ns, vm->id));
	vm->event_ns = time_ns;
	vm->id = e->raw.word[0];
	/* Attempts may be among what was lost: none is known to follow another. */
	vm->losses += e->type == RS_EV_LOST;
}

static void on_unjudged(void *arg, uint32_t vm, uint32_t vcpu)
{
	struct vcpu *v = vcpu_of(arg, rs_closed_vm(arg, vm), vcpu);

	if (v)
		v->chained = false;
}

static bool goes_on(const struct vm *vm, const struct vcpu *v, const struct rs_judged *j)
{
	return v->chained && v->losses == vm->losses && v->gfn == j->gfn && v->as == j->as;
}

/* 0 or -ENOMEM. */
static int note(struct vm *vm, const struct vcpu *v, const struct attempt *a)
{
	vm->logical_faults += a->first;
	vm->retries += a->retry;
	vm->has_private |= a->private;
	if (!a->first && median_add(&vm->gaps, a->begin_ns - v->check_ns))
		return -ENOMEM;
	return median_add(a->before_lookup ? &vm->before : &vm->after, a->check_ns - a->begin_ns);
}

static void on_judged(void *arg, const struct rs_judged *j)
{
	struct rs_closed *c = arg;
	struct vm *vm = rs_closed_vm(c, j->vm);
	struct vcpu *v = vcpu_of(c, vm, j->vcpu);
	unsigned char *to = v ? rs_stream_room(c->spool, &v->attempts, &c->why) : NULL;
	struct attempt a = { .begin_ns = j->begin_ns,
			     .check_ns = j->time_ns,
			     .before_lookup = j->lockless && j->time_ns == j->begin_ns,
			     .retry = j->result == RS_RES_RETRY,
			     .private = j->private };

	if (!to) {
		fail(c);
		return;
	}
	if (!goes_on(vm, v, j)) {
		a.first = true;
		a.gfn = v->gfn = j->gfn;
		a.as = v->as = j->as;
		a.slot = c->opts.stalled ? j->slot : 0;
	}
	rs_stream_add(&v->attempts, attempt_put(to, &a, v->check_ns));
	if (note(vm, v, &a))
		fail(c);
	v->check_ns = a.check_ns;
	v->chained = a.retry;
	v->losses = vm->losses;
	c->has_lockless |= j->lockless;
}

void rs_closed_observe(struct rs_closed *c)
{
	c->observer = (struct rs_observer){
		.arg = c, .judged = on_judged, .unjudged = on_unjudged, .applied = on_applied
	};
}

void rs_closed_free_records(struct rs_closed *c)
{
	for (size_t i = 0; i < c->nr_vms; i++) {
		struct vm *vm = &c->vms[i];

		for (uint32_t k = 0; k < vm->nr_vcpus; k++)
			rs_stream_free(&vm->vcpus[k].attempts);
		rs_seats_free(&vm->seats);
		free(vm->vcpus);
		rs_stream_free(&vm->events);
		free(vm->before.cells);
		free(vm->after.cells);
		free(vm->gaps.cells);
	}
	free(c->vms);
	rs_hash_free(&c->vm_by_number);
	rs_spool_free(c->spool);
}
