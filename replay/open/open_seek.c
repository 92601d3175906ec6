// SPDX-License-Identifier: GPL-2.0-only
/* Leaving the stream where nothing is pending, and taking it up again later. */
#include "replay/open/open_internal.h"

#include <errno.h>

#include "replay/moment.h"

/* The VMs stay as they are until the last event that this engine saw of each. */
static int leave(struct rs_replay *r)
{
	for (size_t i = 0; i < r->nr_vms; i++)
		if (rs_open_advance(r, r->vms[i], r->vms[i]->res.end_ns, false))
			return -ENOMEM;
	return 0;
}

/* Another engine counts what was wrong with it, and the layout that it makes. */
static int follow_memslot(struct rs_replay *r, const struct rs_event *e)
{
	struct vm_run *v = rs_open_find_vm(r, e->vm);

	if (!v)
		return -ENOMEM;
	if (rs_memslot_problem(e) != RS_ANOM_NONE)
		return 0;
	return rs_open_set_memslot(r, v, e) == RS_VM_NOMEM ? -ENOMEM : 0;
}

/* The time since its last event is counted by whoever sees the next. */
static int resume_vm(struct rs_replay *r, const struct rs_moment_vm *m)
{
	struct vm_run *v = rs_open_find_vm(r, m->vm);

	if (!v)
		return -ENOMEM;
	v->seen = true;
	v->watch = false;
	v->res.begin_ns = m->begin_ns;
	v->res.end_ns = m->end_ns;
	v->width_ns = m->end_ns;
	return 0;
}

int rs_replay_seek(struct rs_replay *r, const struct rs_moment *m)
{
	int rc = leave(r);

	r->started = true;
	r->result->begin_ns = m->begin_ns;
	r->now = m->now_ns;
	r->events = m->events;
	for (size_t i = 0; i < m->nr_memslots && !rc; i++)
		rc = follow_memslot(r, &m->memslots[i]);
	for (size_t i = 0; i < m->nr_vms && !rc; i++)
		rc = resume_vm(r, &m->vms[i]);
	return rc;
}

void rs_replay_learn(struct rs_replay *r, const struct rs_replay *other)
{
	if (other->longest_ns > r->longest_ns)
		r->longest_ns = other->longest_ns;
}
