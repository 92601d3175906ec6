/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_PENDING_H
#define RS_TRACES_PENDING_H

#include <errno.h>
#include <stdbool.h>

#include "traces/event.h"
#include "base/idset.h"
#include "base/inline.h"

/*
 * What of a stream waits for a later event: invalidations for their end, faults
 * for their check, a recorded state for the event that it belongs to. Where
 * nothing does, the stream can be taken up with its memslots alone.
 */

/* So many invalidations of a VM are found by looking at each. */
#define RS_PENDING_FEW 8
/* With more VMs, rs_pending_note() says that something is pending, and looks no more. */
#define RS_PENDING_VMS 4096

struct rs_pending_vm {
	uint32_t number;
	uint32_t nr_few;
	size_t place; /* the owner's */
	bool state;
	uint64_t few[RS_PENDING_FEW];	       /* ids; others are in rs_pending.many */
	uint64_t open[(RS_MAX_VCPU + 1) / 64]; /* vCPUs in a fault */
};

struct rs_pending {
	struct rs_idset many;
	struct rs_idset places; /* of the VMs in vms[] */
	struct rs_pending_vm **vms;
	size_t nr_vms;
	struct rs_pending_vm *last;
	uint64_t nr; /* invalidations, faults and states */
	bool given_up;
};

/* Takes the next @n events, which are well-formed. @p starts as all zero. 0 or -ENOMEM. */
int rs_pending_note(struct rs_pending *p, const struct rs_event *evs, size_t n);
void rs_pending_free(struct rs_pending *p);

static inline bool rs_pending_none(const struct rs_pending *p)
{
	return !p->nr;
}

/* ---- one event, for loops that do something else as well ---- */

/* The VM of that number, which is @p->last then; made if it is new. NULL: no memory. */
struct rs_pending_vm *rs_pending_find_vm(struct rs_pending *p, uint32_t number);
/* Parts of what follows: 1 if that is pending now, or was until now, else 0; -ENOMEM. */
int rs_pending_begin_many(struct rs_pending *p, struct rs_pending_vm *v, uint64_t id);
int rs_pending_end_many(struct rs_pending *p, const struct rs_pending_vm *v, uint64_t id);
/* How many invalidations and faults are not pending any more. */
uint64_t rs_pending_lose(struct rs_pending *p, struct rs_pending_vm *v);

/* The place of @id; those that began last end first, mostly. NULL: it is not among the few. */
static inline uint64_t *rs_pending_few(struct rs_pending_vm *v, uint64_t id)
{
	for (uint32_t i = v->nr_few; i--;)
		if (v->few[i] == id)
			return &v->few[i];
	return NULL;
}

static inline int rs_pending_begin(struct rs_pending *p, struct rs_pending_vm *v, uint64_t id)
{
	if (rs_pending_few(v, id))
		return 0;
	if (p->many.nr || v->nr_few == RS_PENDING_FEW)
		return rs_pending_begin_many(p, v, id);
	v->few[v->nr_few++] = id;
	return 1;
}

static inline int rs_pending_end(struct rs_pending *p, struct rs_pending_vm *v, uint64_t id)
{
	uint64_t *place = rs_pending_few(v, id);

	if (!place)
		return p->many.nr ? rs_pending_end_many(p, v, id) : 0;
	*place = v->few[--v->nr_few];
	return 1;
}

/* Whether the vCPU's fault was not open yet, or no more. */
static inline bool rs_pending_open(struct rs_pending_vm *v, uint32_t vcpu)
{
	uint64_t *word = &v->open[vcpu / 64], before = *word;

	*word |= 1ULL << vcpu % 64;
	return *word != before;
}

static inline bool rs_pending_close(struct rs_pending_vm *v, uint32_t vcpu)
{
	uint64_t *word = &v->open[vcpu / 64], before = *word;

	*word &= ~(1ULL << vcpu % 64);
	return *word != before;
}

/*
 * Takes the next event, which is well-formed and of VM @v. @nr is p->nr, which the
 * caller may keep elsewhere meanwhile. 0 or -ENOMEM.
 */
RS_LOOP_PART int rs_pending_step(struct rs_pending *p, struct rs_pending_vm *v,
				 const struct rs_event *ev, uint64_t *nr)
{
	int more = 0;

	if (v->state) { /* it belongs to this event, or to none */
		v->state = false;
		--*nr;
	}
	switch (ev->type) {
	case RS_EV_FAULT_BEGIN:
		*nr += rs_pending_open(v, ev->fault.vcpu);
		break;
	case RS_EV_FAULT_CHECK:
	case RS_EV_FAULT_END:
		*nr -= rs_pending_close(v, ev->fault.vcpu);
		break;
	case RS_EV_INVAL_BEGIN:
		more = rs_pending_begin(p, v, ev->inval.id);
		*nr += more > 0;
		break;
	case RS_EV_INVAL_END:
		*nr -= (uint64_t)rs_pending_end(p, v, ev->inval.id);
		break;
	case RS_EV_STATE:
		v->state = true;
		++*nr;
		break;
	case RS_EV_LOST:
		*nr -= rs_pending_lose(p, v);
		break;
	default:
		break;
	}
	return more < 0 ? more : 0;
}

#endif
