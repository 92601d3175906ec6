// SPDX-License-Identifier: GPL-2.0-only
#include "replay/open/open_internal.h"

#include <errno.h>
#include <string.h>

/* ---- width ---- */

/* In thousandths, rounded down; hardly ever so large. */
static uint64_t ratio_of(uint64_t blocked, uint64_t exact)
{
	if (blocked <= UINT64_MAX / RS_RATIO_SCALE)
		return blocked * RS_RATIO_SCALE / exact;
	return (uint64_t)((unsigned __int128)blocked * RS_RATIO_SCALE / exact);
}

static inline void add_run(struct rs_hist *h, struct run *run, uint64_t value, uint64_t weight)
{
	if (value != run->value) {
		rs_hist_add(h, run->value, run->weight);
		*run = (struct run){ .value = value };
	}
	run->weight += weight;
}

/* The ratio of the last algorithm that was asked: neighbours in the list often block the same. */
struct last_ratio {
	uint64_t blocked, ratio;
};

/*
 * What @a blocks for @ns is not @exact; of that @common was counted already. @one: a ratio of 1,
 * or 0 if this is no time for peaks.
 */
static inline void count_apart(struct rs_algo_result *a, struct width *w, struct last_ratio *last,
			       uint64_t blocked, uint64_t exact, uint64_t ns,
			       unsigned __int128 common, uint64_t one)
{
	a->blocked_page_ns += (unsigned __int128)blocked * ns - common;
	if (!exact)
		return;
	if (blocked != last->blocked) {
		last->ratio = ratio_of(blocked, exact);
		last->blocked = blocked;
	}
	if (last->ratio > w->peak_ratio && one)
		w->peak_ratio = last->ratio;
	w->apart_ns += ns;
	add_run(&a->widening_time, &w->time, last->ratio, ns);
}

/*
 * All algorithms block something for @ns. What is really being invalidated, exact,
 * is counted once for all; most block just that, mostly. @walking: a walk was on its way,
 * which holds mmu_lock; what it has yet to hit is no width.
 */
static void count_widths(struct rs_replay *r, struct vm_run *v, uint64_t ns, bool walking)
{
	const uint64_t exact = rs_invals_covered_frames(v->invals);
	const uint64_t one = exact && !walking ? RS_RATIO_SCALE : 0;
	const unsigned __int128 common = (unsigned __int128)exact * ns;
	struct last_ratio last = { exact, RS_RATIO_SCALE };
	struct rs_algo_result *a = v->res.algos;
	struct width *w = v->widths, *end = w + r->nr_listed;

	v->exact_area += common;
	if (exact)
		v->exact_ns += ns;
	else
		v->peaks_outside = true;
	v->epoch.has_ratio |= one != 0;
	for (const struct rs_call_blocked *k = v->calls.blocked; w < end; k++, a++, w++) {
		const uint64_t blocked = k->fn(k->state);

		if (blocked > w->peak) {
			w->peak = blocked;
			if (blocked > a->blocked_max)
				a->blocked_max = blocked;
		}
		if (blocked != exact)
			count_apart(a, w, &last, blocked, exact, ns, common, one);
		else if (w->peak_ratio < one)
			w->peak_ratio = one;
	}
}

void rs_open_sum_widths(const struct rs_replay *r, struct vm_run *v)
{
	for (size_t i = 0; i < r->nr_listed; i++) {
		struct rs_algo_result *a = &v->res.algos[i];
		const struct width *w = &v->widths[i];

		a->blocked_page_ns += v->exact_area;
		rs_hist_add(&a->widening_time, RS_RATIO_SCALE, v->exact_ns - w->apart_ns);
		rs_hist_add(&a->widening_time, w->time.value, w->time.weight);
		rs_hist_add(&a->blocked_epoch, w->epoch.value, w->epoch.weight);
		rs_hist_add(&a->widening_epoch, w->epoch_ratio.value, w->epoch_ratio.weight);
	}
}

int rs_open_advance(struct rs_replay *r, struct vm_run *v, uint64_t t, bool walking)
{
	uint64_t ns = t - v->width_ns;

	if (!ns)
		return 0;
	if (rs_open_show_view(r, v))
		return -ENOMEM;
	v->width_ns = t;
	if (v->blind || !(r->opts.flags & RS_REPLAY_WIDTH))
		return 0;
	v->frames_area += (unsigned __int128)rs_vm_frames(v->vm) * ns;
	if (rs_invals_nr(v->invals))
		count_widths(r, v, ns, walking);
	return 0;
}

void rs_open_begin_epoch(const struct rs_replay *r, struct vm_run *v, uint64_t t)
{
	v->epoch = (struct epoch){ .begin_ns = t };
	for (size_t i = 0; v->peaks_outside && i < r->nr_listed; i++)
		v->widths[i].peak = v->widths[i].peak_ratio = 0;
	v->peaks_outside = false;
}

void rs_open_end_epoch(struct rs_replay *r, struct vm_run *v, uint64_t t)
{
	struct rs_algo_result *a = v->res.algos;
	struct width *w = v->widths;

	v->res.epochs++;
	rs_hist_add(&v->res.epoch_ns, t - v->epoch.begin_ns, 1);
	rs_hist_add(&v->res.epoch_invals, v->epoch.invals, 1);
	for (size_t i = 0; i < r->nr_listed; i++, a++, w++) {
		add_run(&a->blocked_epoch, &w->epoch, w->peak, 1);
		if (v->epoch.has_ratio)
			add_run(&a->widening_epoch, &w->epoch_ratio, w->peak_ratio, 1);
		w->peak = w->peak_ratio = 0;
	}
}

/* ---- memslots ---- */

/* The largest figures of any layout. */
static void measure_layout(struct vm_run *v)
{
	struct rs_vm_result *res = &v->res;

	if (rs_vm_nr_memslots(v->vm) > res->memslots)
		res->memslots = rs_vm_nr_memslots(v->vm);
	if (rs_vm_frames(v->vm) > res->frames)
		res->frames = rs_vm_frames(v->vm);
	if (rs_vm_aliased_frames(v->vm) > res->aliased_frames)
		res->aliased_frames = rs_vm_aliased_frames(v->vm);
}

static enum rs_anomaly memslot_anomaly(enum rs_vm_change change)
{
	switch (change) {
	case RS_VM_OVERLAP:
		return RS_ANOM_MEMSLOT_OVERLAP;
	case RS_VM_ABSENT:
		return RS_ANOM_MEMSLOT_ABSENT;
	default:
		return RS_ANOM_MEMSLOT_TOO_LARGE;
	}
}

/* What is outstanding must see the new memslots at once; else the next begin will do. */
static int memslots_changed(struct rs_replay *r, struct vm_run *v)
{
	if (!rs_invals_nr(v->invals))
		return 0;
	if (rs_vm_update(v->vm) || rs_invals_memslots_changed(v->invals))
		return -ENOMEM;
	if (v->blames)
		rs_blames_memslots_changed(v->blames);
	return rs_algos_memslots_changed(v->algos, r->nr_run);
}

enum rs_vm_change rs_open_set_memslot(struct rs_replay *r, struct vm_run *v,
				      const struct rs_event *e)
{
	const uint32_t before = rs_vm_nr_handles(v->vm);
	const enum rs_vm_change change =
		rs_vm_set_memslot(v->vm, e->as, e->memslot.id, e->memslot.gfn, e->memslot.npages,
				  e->memslot.hva, e->memslot.flags);

	if (rs_vm_nr_handles(v->vm) != before &&
	    !rs_limits_keep(&r->limits, RS_MEMSLOT_COST, "its memslots"))
		return RS_VM_NOMEM;
	return change;
}

int rs_open_memslot(struct rs_replay *r, struct vm_run *v, const struct rs_event *e)
{
	const enum rs_anomaly problem = rs_memslot_problem(e);
	enum rs_vm_change change;

	if (problem != RS_ANOM_NONE) {
		rs_open_anomaly(r, problem);
		return 0;
	}
	if (rs_open_advance(r, v, r->now, false))
		return -ENOMEM;
	change = rs_open_set_memslot(r, v, e);
	if (change == RS_VM_NOMEM)
		return -ENOMEM;
	if (change == RS_VM_SAME)
		return 0;
	if (change != RS_VM_CHANGED) {
		rs_open_anomaly(r, memslot_anomaly(change));
		return 0;
	}
	measure_layout(v);
	rs_open_show_applied(r, e);
	v->view_due = v->view_memslots = true;
	return memslots_changed(r, v);
}

/* ---- invalidations ---- */

void rs_open_mark_covered(struct vm_run *v, const struct rs_inval *inv)
{
	for (uint32_t i = 0; i < v->nr_open; i++)
		rs_fault_mark(&v->faults[v->open[i]], inv);
}

void rs_open_end_blamed(const struct rs_replay *r, struct vm_run *v, const struct rs_inval *inv)
{
	rs_blames_end(v->blames, inv, r->now);
	for (uint32_t i = 0; i < v->nr_open; i++)
		rs_blames_end_during(v->blames, inv, &v->faults[v->open[i]]);
}

void rs_open_orphan_end(struct rs_replay *r, struct vm_run *v)
{
	v->state_based = false; /* the kernel counted it, the model does not */
	if (v->dark)
		v->quiet_ns = r->now;
	else
		rs_open_anomaly(r, RS_ANOM_END_WITHOUT_BEGIN);
}
