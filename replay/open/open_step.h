/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_OPEN_OPEN_STEP_H
#define RS_REPLAY_OPEN_OPEN_STEP_H

/*
 * What the open loop does at an event, as far as most events go, to be made part of
 * the loop over all of them: open.c has one loop for whatever is asked, and one for
 * nothing but the counts of one algorithm. What is rare is a call.
 */
#include <errno.h>

#include "replay/model/inval_table.h"
#include "replay/open/open_internal.h"

/* What is asked of the engine: as constants, so that what is not asked is left out. */
struct mode {
	unsigned int flags; /* RS_REPLAY_* */
	bool observed;
	bool numbered; /* the events' numbers are given */
	size_t nr_run; /* algorithms */
};

/* The table's flags for the engine's. */
RS_LOOP_PART unsigned int table_flags(const struct mode m)
{
	return (m.flags & (RS_REPLAY_TRUTH | RS_REPLAY_WIDTH) ? RS_INVALS_TRUTH : 0) |
	       (m.flags & RS_REPLAY_CAUSES ? RS_INVALS_CAUSES : 0);
}

/* The time before an event that changes something, if that is counted. */
RS_LOOP_PART int step_advance(struct rs_replay *r, struct vm_run *v, bool walking,
			      const struct mode m)
{
	return m.flags & RS_REPLAY_WIDTH && r->now != v->width_ns
		       ? rs_open_advance(r, v, r->now, walking)
		       : 0;
}

/* An event changed the model. */
RS_LOOP_PART void step_applied(struct rs_replay *r, struct vm_run *v, const struct rs_event *e,
			       const struct mode m)
{
	if (!m.observed)
		return;
	rs_open_tell_applied(r, e);
	v->view_due = true;
}

/* Counts what is wrong with an event; true if nothing is. */
RS_LOOP_PART bool is_sound(struct rs_replay *r, enum rs_anomaly problem)
{
	if (problem == RS_ANOM_NONE)
		return true;
	rs_open_anomaly(r, problem);
	return false;
}

/* ---- invalidations ---- */

/* @inv counts as in progress from now on. */
RS_LOOP_PART int step_hit(struct rs_replay *r, struct vm_run *v, const struct rs_inval *inv,
			  bool late, const struct mode m)
{
	uint32_t nr = v->invals->nr_hit;

	if (m.flags & RS_REPLAY_WIDTH) {
		if (nr == 1)
			rs_open_begin_epoch(r, v, r->now);
		v->epoch.invals++;
	}
	v->res.inval_hit++;
	v->res.inval_no_hit -= late;
	if (nr > v->res.max_outstanding)
		v->res.max_outstanding = nr;
	/* Late: those that see all saw the begin. */
	return rs_calls_begin(&v->calls, inv, late ? v->calls.sees_begin : 0, v->calls.nr_begin);
}

RS_LOOP_PART int step_silent(struct vm_run *v, const struct rs_inval *inv)
{
	v->res.inval_no_hit++;
	return rs_calls_begin(&v->calls, inv, 0, v->calls.sees_begin);
}

RS_LOOP_PART int step_inval_begin(struct rs_replay *r, struct vm_run *v, const struct rs_event *e,
				  const struct mode m)
{
	struct rs_inval *inv;

	if (!is_sound(r, rs_begin_problem(e)))
		return 0;
	if (invals_find(v->invals, e->inval.id)) {
		rs_open_anomaly(r, RS_ANOM_BEGIN_DUPLICATE);
		return 0;
	}
	if (step_advance(r, v, false, m) || rs_vm_update(v->vm))
		return -ENOMEM;
	if (v->nr_quiet)
		rs_open_end_quiet(r, v);
	inv = invals_begin(v->invals, e, r->now, table_flags(m));
	if (!inv)
		return -ENOMEM;
	if (e->flags & (RS_F_GFN | RS_F_SHARED | RS_F_PRIVATE)) {
		v->res.inval_gfn += inv->gfn;
		v->res.inval_private += inv->filter == RS_KIND_PRIVATE;
	}
	if (m.observed && v->blames && rs_blames_begin(v->blames, inv))
		return -ENOMEM;
	step_applied(r, v, e, m);
	return inv->hit ? step_hit(r, v, inv, false, m) : step_silent(v, inv);
}

/* Walks go through the same few memslots again and again. */
RS_LOOP_PART uint32_t find_slot(struct vm_run *v, uint8_t as, uint32_t id)
{
	uint32_t *recent = &v->recent[(2 * id + as) % RS_RECENT_SLOTS];

	if (*recent < rs_vm_nr_handles(v->vm)) {
		const struct rs_memslot *s = rs_vm_memslot(v->vm, *recent);

		if (s->id == id && s->as == as && s->present)
			return *recent;
	}
	*recent = rs_vm_find_id(v->vm, as, id);
	return *recent;
}

RS_LOOP_PART uint32_t slot_memslot(struct rs_replay *r, struct vm_run *v, const struct rs_event *e)
{
	uint32_t handle = find_slot(v, e->as, e->inval.slot);
	const struct rs_memslot *s;

	if (handle == RS_NO_SLOT) {
		rs_open_anomaly(r, RS_ANOM_SLOT_NO_MEMSLOT);
		/* What is not in the model's range is no word against its state. */
		v->state_pending = false;
		return RS_NO_SLOT;
	}
	s = rs_vm_memslot(v->vm, handle);
	if (e->inval.start < s->gfn || e->inval.end > s->gfn + s->npages) {
		rs_open_anomaly(r, RS_ANOM_SLOT_OUTSIDE);
		return RS_NO_SLOT;
	}
	return handle;
}

RS_LOOP_PART int step_inval_slot(struct rs_replay *r, struct vm_run *v, const struct rs_event *e,
				 const struct mode m)
{
	struct rs_inval *inv = invals_find(v->invals, e->inval.id);
	const struct rs_hit *hit;
	uint32_t handle;
	bool first;

	if (!inv || !inv->walk) {
		if (inv)
			rs_open_anomaly(r, RS_ANOM_SLOT_WITHOUT_WALK);
		else if (!v->dark)
			rs_open_anomaly(r, RS_ANOM_SLOT_WITHOUT_BEGIN);
		return 0;
	}
	if (!is_sound(r, rs_slot_problem(e)))
		return 0;
	handle = slot_memslot(r, v, e);
	if (handle == RS_NO_SLOT)
		return 0;
	/* Since its begin the memslots are always up to date. */
	if (step_advance(r, v, true, m))
		return -ENOMEM;
	hit = invals_slot(v->invals, inv, handle, (struct rs_range){ e->inval.start, e->inval.end },
			  &first, table_flags(m));
	if (!hit || (first && step_hit(r, v, inv, true, m)) || rs_calls_slot(&v->calls, inv, hit))
		return -ENOMEM;
	if (m.observed && v->blames && rs_blames_slot(v->blames, inv, hit, first))
		return -ENOMEM;
	step_applied(r, v, e, m);
	return 0;
}

RS_LOOP_PART int step_inval_end(struct rs_replay *r, struct vm_run *v, const struct rs_event *e,
				const struct mode m)
{
	struct rs_inval *inv = invals_find(v->invals, e->inval.id);
	uint64_t ns;
	bool hit;

	if (!inv) {
		rs_open_orphan_end(r, v);
		return 0;
	}
	if (step_advance(r, v, false, m))
		return -ENOMEM;
	ns = r->now - inv->begin_ns;
	if (ns > r->longest_ns)
		r->longest_ns = ns;
	if (m.flags & RS_REPLAY_TRUTH)
		rs_open_mark_covered(v, inv);
	if (m.observed && v->blames)
		rs_open_end_blamed(r, v, inv);
	rs_calls_end(&v->calls, inv);
	hit = inv->hit;
	invals_end(v->invals, inv, table_flags(m));
	step_applied(r, v, e, m);
	if (!hit || !(m.flags & RS_REPLAY_WIDTH))
		return 0;
	rs_hist_add(&v->res.inval_ns, ns, 1);
	if (!v->invals->nr_hit)
		rs_open_end_epoch(r, v, r->now);
	return 0;
}

/* ---- faults ---- */

RS_LOOP_PART int step_fault_begin(struct rs_replay *r, struct vm_run *v, const struct rs_event *e,
				  const struct mode m)
{
	uint32_t seat = rs_seats_find(&v->seats, e->fault.vcpu), place;
	struct rs_fault *f;

	if (seat >= v->nr_seats) {
		seat = rs_open_add_vcpu(r, v, e->fault.vcpu);
		if (seat == RS_NO_SEAT)
			return -ENOMEM;
	}
	f = &v->faults[seat];
	if (f->open)
		rs_open_nested(r, v, f);
	fault_begin(f, v->vm, e->as, e->fault.gfn, r->now);
	if ((e->flags & RS_F_PRIVATE) && rs_open_begin_private(v, f))
		return -ENOMEM;
	if (m.observed && v->blames && rs_blames_fault(v->blames, seat, e->fault.who))
		return -ENOMEM;
	f->judged = !v->dark;
	place = v->nr_open;
	f->place = (uint16_t)place;
	v->open[place] = seat;
	v->nr_open = place + 1;
	if (v->invals->nr) {
		rs_open_snapshot(v, f, m.nr_run);
	} else {
		f->quiet = true;
		v->nr_quiet++;
	}
	return 0;
}

RS_LOOP_PART int step_judge(struct rs_replay *r, struct vm_run *v, struct rs_fault *f,
			    const struct rs_event *e, const struct mode m)
{
	const struct rs_algo *a = v->algos;

	v->judged.nr[rs_open_check_kind(e)]++;
	if (rs_fault_is_private(f))
		v->res.private_faults++;
	/* No algorithm rejects a fault that is quiet. If the kernel did, that is noted. */
	if (f->quiet && e->result != RS_RES_RETRY) {
		if (m.observed)
			rs_open_tell_accepted(r, v, f, e);
		return 0;
	}
	if (m.flags || m.observed || m.nr_run != 1 || f->quiet || r->kernel != SIZE_MAX)
		return rs_open_judge(r, v, f, e);
	if (a->ops->rejects(a->state, f, v->snapshots[f->seat]))
		v->rejections->checks.nr[rs_open_check_kind(e)]++;
	return 0;
}

RS_LOOP_PART int step_fault_check(struct rs_replay *r, struct vm_run *v, const struct rs_event *e,
				  const struct mode m)
{
	struct rs_fault *f = rs_open_fault_of(v, e->fault.vcpu);

	if (!f || !f->open) {
		rs_open_check_without_fault(r, v);
		return 0;
	}
	rs_open_close_fault(v, f);
	if (!v->dark && f->judged && f->handle != RS_NO_SLOT && !rs_fault_obsolete(f, v->vm))
		return step_judge(r, v, f, e, m);
	rs_open_not_judged(r, v, f);
	return 0;
}

#endif
