// SPDX-License-Identifier: GPL-2.0-only
/* What was recorded, folded into logical faults. */
#include "replay/closed/closed_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

struct vm *rs_closed_find_vm(const struct rs_closed *c, uint32_t number)
{
	const uint32_t i = rs_hash_find(&c->vm_by_number, rs_hash_number(number), NULL, NULL);

	return i == RS_HASH_NONE ? NULL : &c->vms[i];
}

struct vm *rs_closed_vm(struct rs_closed *c, uint32_t number)
{
	struct vm *vm;

	if (c->last_vm < c->nr_vms && c->vms[c->last_vm].number == number)
		return &c->vms[c->last_vm];
	vm = rs_closed_find_vm(c, number);
	if (vm) {
		c->last_vm = (size_t)(vm - c->vms);
		return vm;
	}
	if (RS_ROOM_ZEROED(c->vms, c->max_vms, c->nr_vms + 1) ||
	    rs_hash_add(&c->vm_by_number, rs_hash_number(number), (uint32_t)c->nr_vms)) {
		c->failed = true;
		return NULL;
	}
	c->last_vm = c->nr_vms++;
	memset(&c->vms[c->last_vm], 0, sizeof(*c->vms));
	c->vms[c->last_vm].number = number;
	return &c->vms[c->last_vm];
}

static struct vcpu *vcpu_of(struct rs_closed *c, struct vm *vm, uint32_t vcpu)
{
	const uint32_t seat = vm ? rs_seats_add(&vm->seats, vcpu) : RS_NO_SEAT;
	uint32_t n = vm && vm->nr_vcpus ? vm->nr_vcpus : 4;

	if (seat < (vm ? vm->nr_vcpus : 0))
		return &vm->vcpus[seat];
	while (seat != RS_NO_SEAT && n <= seat)
		n *= 2;
	if (seat == RS_NO_SEAT || RS_RESIZE(vm->vcpus, n)) {
		c->failed = true;
		return NULL;
	}
	/* Those that are not there may have the numbers of their seats: it has no others. */
	for (uint32_t i = vm->nr_vcpus; i < n; i++)
		vm->vcpus[i] = (struct vcpu){ .number = i < RS_SEATS_OWN ? i : UINT32_MAX };
	vm->nr_vcpus = n;
	vm->vcpus[seat].number = vcpu;
	return &vm->vcpus[seat];
}

static void on_applied(void *arg, const struct rs_event *e, uint64_t time_ns)
{
	struct rs_closed *c = arg;
	struct vm *vm = rs_closed_vm(c, e->vm);

	if (!vm)
		return;
	if (RS_ROOM_ZEROED(vm->events, vm->max_events, vm->nr_events + 1)) {
		c->failed = true;
		return;
	}
	vm->events[vm->nr_events] = *e;
	vm->events[vm->nr_events++].time_ns = time_ns;
	vm->nr_invals += e->type == RS_EV_INVAL_BEGIN;
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
	const struct logical *last = v->nr_faults ? &v->faults[v->nr_faults - 1] : NULL;

	return v->chained && v->losses == vm->losses && last->gfn == j->gfn && last->as == j->as;
}

static void on_judged(void *arg, const struct rs_judged *j)
{
	struct rs_closed *c = arg;
	struct vm *vm = rs_closed_vm(c, j->vm);
	struct vcpu *v = vcpu_of(c, vm, j->vcpu);
	bool retry = j->result == RS_RES_RETRY;

	if (!v)
		return;
	if (RS_ROOM_ZEROED(v->attempts, v->max_attempts, v->nr_attempts + 1) ||
	    RS_ROOM_ZEROED(v->faults, v->max_faults, v->nr_faults + 1)) {
		c->failed = true;
		return;
	}
	if (!goes_on(vm, v, j))
		v->faults[v->nr_faults++] = (struct logical){ .gfn = j->gfn,
							      .first = (uint32_t)v->nr_attempts,
							      .slot = j->slot,
							      .as = j->as };
	v->faults[v->nr_faults - 1].nr++;
	v->attempts[v->nr_attempts++] =
		(struct attempt){ .begin_ns = j->begin_ns,
				  .check_ns = j->time_ns,
				  .before_lookup = j->lockless && j->time_ns == j->begin_ns,
				  .private = j->private,
				  .retry = retry };
	v->chained = retry;
	v->losses = vm->losses;
	c->has_lockless |= j->lockless;
	vm->has_private |= j->private;
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

		for (uint32_t k = 0; k < vm->nr_vcpus; k++) {
			free(vm->vcpus[k].faults);
			free(vm->vcpus[k].attempts);
		}
		rs_seats_free(&vm->seats);
		free(vm->vcpus);
		free(vm->events);
	}
	free(c->vms);
	rs_hash_free(&c->vm_by_number);
}
