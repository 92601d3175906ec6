// SPDX-License-Identifier: GPL-2.0-only
/* What was recorded, folded into logical faults. */
#include "replay/closed/closed_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

struct vm *rs_closed_find_vm(const struct rs_closed *c, uint32_t number)
{
	for (size_t i = 0; i < c->nr_vms; i++)
		if (c->vms[i].number == number)
			return &c->vms[i];
	return NULL;
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
	if (RS_ROOM_ZEROED(c->vms, c->max_vms, c->nr_vms + 1)) {
		c->failed = true;
		return NULL;
	}
	c->last_vm = c->nr_vms++;
	memset(&c->vms[c->last_vm], 0, sizeof(*c->vms));
	c->vms[c->last_vm].number = number;
	return &c->vms[c->last_vm];
}

static struct vcpu *vcpu_of(struct rs_closed *c, uint32_t number, uint32_t vcpu)
{
	struct vm *vm = rs_closed_vm(c, number);

	if (!vm)
		return NULL;
	if (vcpu < vm->nr_vcpus)
		return &vm->vcpus[vcpu];
	if (RS_RESIZE(vm->vcpus, (size_t)vcpu + 1)) {
		c->failed = true;
		return NULL;
	}
	memset(vm->vcpus + vm->nr_vcpus, 0, (vcpu + 1 - vm->nr_vcpus) * sizeof(*vm->vcpus));
	vm->nr_vcpus = vcpu + 1;
	return &vm->vcpus[vcpu];
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
	for (uint32_t i = 0; e->type == RS_EV_LOST && i < vm->nr_vcpus; i++)
		vm->vcpus[i].chained = false;
}

static void on_unjudged(void *arg, uint32_t vm, uint32_t vcpu)
{
	struct vcpu *v = vcpu_of(arg, vm, vcpu);

	if (v)
		v->chained = false;
}

static bool goes_on(const struct vcpu *v, const struct rs_judged *j)
{
	const struct logical *last = v->nr_faults ? &v->faults[v->nr_faults - 1] : NULL;

	return v->chained && last->gfn == j->gfn && last->as == j->as;
}

static void on_judged(void *arg, const struct rs_judged *j)
{
	struct rs_closed *c = arg;
	struct vcpu *v = vcpu_of(c, j->vm, j->vcpu);
	bool retry = j->result == RS_RES_RETRY;

	if (!v)
		return;
	if (RS_ROOM_ZEROED(v->attempts, v->max_attempts, v->nr_attempts + 1) ||
	    RS_ROOM_ZEROED(v->faults, v->max_faults, v->nr_faults + 1)) {
		c->failed = true;
		return;
	}
	if (!goes_on(v, j))
		v->faults[v->nr_faults++] = (struct logical){ .gfn = j->gfn,
							      .first = (uint32_t)v->nr_attempts,
							      .as = j->as };
	v->faults[v->nr_faults - 1].nr++;
	v->attempts[v->nr_attempts++] =
		(struct attempt){ .begin_ns = j->begin_ns,
				  .check_ns = j->time_ns,
				  .before_lookup = j->lockless && j->time_ns == j->begin_ns,
				  .private = j->private,
				  .retry = retry };
	v->chained = retry;
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

		for (uint32_t k = 0; k < vm->nr_vcpus; k++) {
			free(vm->vcpus[k].faults);
			free(vm->vcpus[k].attempts);
		}
		free(vm->vcpus);
		free(vm->events);
	}
	free(c->vms);
}
