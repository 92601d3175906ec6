// SPDX-License-Identifier: GPL-2.0-only
#include "replay/result.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define MIN(a, b) ((a) < (b) ? (a) : (b))

static void add_agreement(struct rs_agreement *to, const struct rs_agreement *from)
{
	to->known += from->known;
	to->same += from->same;
}

/* A histogram that lacked memory counts it: any such loss makes the sum wrong. */
static int add_hist(struct rs_hist *to, const struct rs_hist *from)
{
	uint64_t dropped = to->dropped + from->dropped;

	rs_hist_merge(to, from);
	return to->dropped == dropped ? 0 : -ENOMEM;
}

static int add_closed(struct rs_algo_result *to, const struct rs_closed_algo *from)
{
	int err = 0;

	if (!from)
		return 0;
	if (!to->closed)
		to->closed = calloc(1, sizeof(*to->closed));
	if (!to->closed)
		return -ENOMEM;
	to->closed->retries += from->retries;
	to->closed->as_recorded += from->as_recorded;
	to->closed->starved += from->starved;
	err |= add_hist(&to->closed->retries_per_fault, &from->retries_per_fault);
	err |= add_hist(&to->closed->retries_per_inval, &from->retries_per_inval);
	err |= add_hist(&to->closed->service_ns, &from->service_ns);
	err |= add_hist(&to->closed->stall_ns, &from->stall_ns);
	return err ? -ENOMEM : 0;
}

static int add_algo(struct rs_algo_result *to, const struct rs_algo_result *from)
{
	int err = 0;

	if (!to->name)
		to->name = strdup(from->name);
	if (!to->name)
		return -ENOMEM;
	to->merged = from->merged;
	to->rejected += from->rejected;
	to->spurious += from->spurious;
	to->missed += from->missed;
	for (unsigned int i = 0; i < RS_NR_CAUSES; i++)
		to->causes[i] += from->causes[i];
	to->blocked_page_ns += from->blocked_page_ns;
	to->blocked_max = MAX(to->blocked_max, from->blocked_max);
	add_agreement(&to->locked, &from->locked);
	add_agreement(&to->lockless, &from->lockless);
	err |= add_hist(&to->widening_time, &from->widening_time);
	err |= add_hist(&to->widening_epoch, &from->widening_epoch);
	err |= add_hist(&to->blocked_epoch, &from->blocked_epoch);
	return err ? -ENOMEM : add_closed(to, from->closed);
}

/* Settings are kept if all agree: a median of medians would be no figure at all. */
static void add_closed_vm(struct rs_vm_result *to, const struct rs_vm_result *from, bool first)
{
	struct rs_closed_vm *t = &to->closed;
	const struct rs_closed_vm *f = &from->closed;

	if (first) {
		*t = *f;
		return;
	}
	t->precheck |= f->precheck;
	if (t->retry_gap_ns != f->retry_gap_ns)
		t->retry_gap_ns = 0;
	if (t->clean_attempt_ns != f->clean_attempt_ns)
		t->clean_attempt_ns = 0;
	if (t->precheck_ns != f->precheck_ns)
		t->precheck_ns = 0;
	t->retry_gap_assumed |= f->retry_gap_assumed;
	t->logical_faults += f->logical_faults;
	t->checked |= f->checked;
	t->check_as_recorded += f->check_as_recorded;
	t->check_retries += f->check_retries;
	t->recorded_retries += f->recorded_retries;
}

/* Needs the maxima of @to to be up to date. */
static void add_times(struct rs_vm_result *to, const struct rs_vm_result *from)
{
	to->frames_page_ns += from->frames_page_ns;
	to->end_ns += from->end_ns - from->begin_ns;
	rs_vm_result_mean(to);
}

static void add_counts(struct rs_vm_result *to, const struct rs_vm_result *from)
{
	to->memslots = MAX(to->memslots, from->memslots);
	to->frames = MAX(to->frames, from->frames);
	to->aliased_frames = MAX(to->aliased_frames, from->aliased_frames);
	to->max_outstanding = MAX(to->max_outstanding, from->max_outstanding);
	to->inval_hit += from->inval_hit;
	to->inval_no_hit += from->inval_no_hit;
	to->inval_gfn += from->inval_gfn;
	to->checked += from->checked;
	to->necessary += from->necessary;
	to->no_memslot += from->no_memslot;
	to->ended += from->ended;
	to->unjudged += from->unjudged;
	to->slot_invalid += from->slot_invalid;
	to->root_obsolete += from->root_obsolete;
	to->async += from->async;
	to->checked_lockless += from->checked_lockless;
	to->state_compared += from->state_compared;
	to->state_equal += from->state_equal;
	to->epochs += from->epochs;
}

/* All but its times. */
static int add_found(struct rs_vm_result *to, const struct rs_vm_result *from, size_t nr_algos)
{
	bool first = !to->algos;
	int err = 0;

	if (first)
		to->algos = calloc(nr_algos ? nr_algos : 1, sizeof(*to->algos));
	if (!to->algos)
		return -ENOMEM;
	add_counts(to, from);
	add_closed_vm(to, from, first);
	err |= add_hist(&to->inval_ns, &from->inval_ns);
	err |= add_hist(&to->epoch_ns, &from->epoch_ns);
	err |= add_hist(&to->epoch_invals, &from->epoch_invals);
	for (size_t i = 0; i < nr_algos; i++)
		err |= add_algo(&to->algos[i], &from->algos[i]);
	return err ? -ENOMEM : 0;
}

int rs_vm_result_add(struct rs_vm_result *to, const struct rs_vm_result *from, size_t nr_algos)
{
	int err = add_found(to, from, nr_algos);

	if (!err)
		add_times(to, from);
	return err;
}

void rs_vm_result_mean(struct rs_vm_result *v)
{
	double ns = (double)(v->end_ns - v->begin_ns);

	v->mean_frames = ns > 0 ? (double)v->frames_page_ns / ns : (double)v->frames;
}

int rs_result_sum_vms(const struct rs_result *r, struct rs_vm_result *to)
{
	memset(to, 0, sizeof(*to));
	for (size_t i = 0; i < r->nr_vms; i++) {
		if (rs_vm_result_add(to, &r->vms[i], r->nr_algos)) {
			rs_vm_result_free(to, r->nr_algos);
			memset(to, 0, sizeof(*to));
			return -ENOMEM;
		}
	}
	return 0;
}

/* ---- parts of one stream ---- */

/* The VM of that number; a new one, all zero but for its times, where @r has none. NULL: no memory.
 */
static struct rs_vm_result *vm_like(struct rs_result *r, const struct rs_vm_result *like)
{
	struct rs_vm_result *vms;
	size_t i = 0;

	while (i < r->nr_vms && r->vms[i].vm < like->vm)
		i++;
	if (i < r->nr_vms && r->vms[i].vm == like->vm)
		return &r->vms[i];
	vms = reallocarray(r->vms, r->nr_vms + 1, sizeof(*vms));
	if (!vms)
		return NULL;
	r->vms = vms;
	memmove(vms + i + 1, vms + i, (r->nr_vms++ - i) * sizeof(*vms));
	vms[i] = (struct rs_vm_result){ .vm = like->vm,
					.begin_ns = like->begin_ns,
					.end_ns = like->end_ns };
	return &vms[i];
}

static int join_vm(struct rs_result *r, const struct rs_vm_result *from)
{
	struct rs_vm_result *to = vm_like(r, from);

	if (!to || add_found(to, from, r->nr_algos))
		return -ENOMEM;
	to->begin_ns = MIN(to->begin_ns, from->begin_ns);
	to->end_ns = MAX(to->end_ns, from->end_ns);
	to->frames_page_ns += from->frames_page_ns;
	rs_vm_result_mean(to);
	return 0;
}

int rs_result_join(struct rs_result *to, const struct rs_result *from)
{
	int err = 0;

	to->events = MAX(to->events, from->events);
	to->end_ns = MAX(to->end_ns, from->end_ns);
	to->lost += from->lost;
	to->lost_marks += from->lost_marks;
	for (unsigned int i = 0; i < RS_NR_ANOMALIES; i++)
		to->anomalies[i] += from->anomalies[i];
	for (size_t i = 0; i < from->nr_vms && !err; i++)
		err = join_vm(to, &from->vms[i]);
	return err;
}
