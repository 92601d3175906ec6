// SPDX-License-Identifier: GPL-2.0-only
#include "traces/pending.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct rs_pending_vm {
	uint32_t number;
	bool state;
	uint64_t open[(RS_MAX_VCPU + 1) / 64]; /* vCPUs in a fault */
};

static struct rs_pending_vm *new_vm(struct rs_pending *p, uint32_t number)
{
	struct rs_pending_vm **vms = reallocarray(p->vms, p->nr_vms + 1, sizeof(*vms));
	struct rs_idset_entry *e;
	struct rs_pending_vm *v;

	if (!vms)
		return NULL;
	p->vms = vms;
	v = calloc(1, sizeof(*v));
	e = v ? rs_idset_add(&p->places, number, 0) : NULL;
	if (!e) {
		free(v);
		return NULL;
	}
	v->number = number;
	e->at = p->nr_vms;
	vms[p->nr_vms++] = v;
	return v;
}

static struct rs_pending_vm *find_vm(struct rs_pending *p, uint32_t number)
{
	const struct rs_idset_entry *e;

	e = rs_idset_find(&p->places, number, 0);
	p->last = e ? p->vms[e->at] : new_vm(p, number);
	return p->last;
}

static int begin_inval(struct rs_pending *p, const struct rs_event *ev)
{
	if (rs_idset_find(&p->invals, ev->vm, ev->a))
		return 0;
	return rs_idset_add(&p->invals, ev->vm, ev->a) ? 0 : -ENOMEM;
}

static void end_inval(struct rs_pending *p, const struct rs_event *ev)
{
	struct rs_idset_entry *e = rs_idset_find(&p->invals, ev->vm, ev->a);

	if (e)
		rs_idset_remove(&p->invals, e);
}

static void set_open(struct rs_pending *p, struct rs_pending_vm *v, uint32_t vcpu, bool open)
{
	uint64_t bit = 1ULL << vcpu % 64, *word = &v->open[vcpu / 64];

	if (open && !(*word & bit))
		p->nr++;
	else if (!open && (*word & bit))
		p->nr--;
	*word = open ? *word | bit : *word & ~bit;
}

static void lose(struct rs_pending *p, struct rs_pending_vm *v)
{
	rs_idset_remove_vm(&p->invals, v->number);
	for (uint32_t vcpu = 0; vcpu <= RS_MAX_VCPU; vcpu++)
		set_open(p, v, vcpu, false);
}

static inline int note_event(struct rs_pending *p, struct rs_pending_vm *v,
			     const struct rs_event *ev)
{
	switch (ev->type) {
	case RS_EV_INVAL_BEGIN:
		return begin_inval(p, ev);
	case RS_EV_INVAL_END:
		end_inval(p, ev);
		break;
	case RS_EV_FAULT_BEGIN:
		set_open(p, v, ev->index, true);
		break;
	case RS_EV_FAULT_CHECK:
	case RS_EV_FAULT_END:
		set_open(p, v, ev->index, false);
		break;
	case RS_EV_LOST:
		lose(p, v);
		break;
	default:
		break;
	}
	return 0;
}

/* A recorded state belongs to the next event of its VM. */
static inline void set_state(struct rs_pending *p, struct rs_pending_vm *v, bool state)
{
	p->nr += (uint64_t)state - v->state;
	v->state = state;
}

int rs_pending_note(struct rs_pending *p, const struct rs_event *evs, size_t n)
{
	struct rs_pending_vm *v = p->last;

	for (size_t i = 0; i < n; i++) {
		const struct rs_event *ev = &evs[i];

		if (!v || v->number != ev->vm)
			v = find_vm(p, ev->vm);
		if (!v)
			return -ENOMEM;
		set_state(p, v, ev->type == RS_EV_STATE);
		if (note_event(p, v, ev))
			return -ENOMEM;
	}
	return 0;
}

bool rs_pending_none(const struct rs_pending *p)
{
	return !p->nr && !p->invals.nr;
}

void rs_pending_free(struct rs_pending *p)
{
	for (size_t i = 0; i < p->nr_vms; i++)
		free(p->vms[i]);
	free(p->vms);
	rs_idset_free(&p->invals);
	rs_idset_free(&p->places);
}
