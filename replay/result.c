// SPDX-License-Identifier: GPL-2.0-only
#include "replay/result.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const cause_names[RS_NR_CAUSES] = {
	[RS_CAUSE_SEQ] = "seq",
	[RS_CAUSE_NO_HVA] = "no-hva",
	[RS_CAUSE_ALIAS] = "alias",
	[RS_CAUSE_SCATTER] = "scatter",
	[RS_CAUSE_CONCURRENT] = "concurrent",
	[RS_CAUSE_STALE] = "stale",
};

#define RS_ANOMALY_NAME(sym, name) [RS_ANOM_##sym] = name,
static const char *const anomaly_names[RS_NR_ANOMALIES] = { RS_ANOMALIES(RS_ANOMALY_NAME) };

const char *rs_cause_name(unsigned int cause)
{
	return cause < RS_NR_CAUSES ? cause_names[cause] : NULL;
}

const char *rs_anomaly_name(unsigned int anomaly)
{
	return anomaly < RS_NR_ANOMALIES ? anomaly_names[anomaly] : NULL;
}

static void free_closed(struct rs_closed_algo *c)
{
	if (!c)
		return;
	rs_hist_free(&c->retries_per_fault);
	rs_hist_free(&c->retries_per_inval);
	rs_hist_free(&c->service_ns);
	rs_hist_free(&c->stall_ns);
	free(c);
}

void rs_vm_result_free(struct rs_vm_result *v, size_t nr_algos)
{
	rs_hist_free(&v->inval_ns);
	rs_hist_free(&v->epoch_ns);
	rs_hist_free(&v->epoch_invals);
	free(v->disagreements);
	free(v->mismatches);
	for (size_t i = 0; v->algos && i < nr_algos; i++) {
		struct rs_algo_result *a = &v->algos[i];

		rs_hist_free(&a->widening_time);
		rs_hist_free(&a->widening_epoch);
		rs_hist_free(&a->blocked_epoch);
		free_closed(a->closed);
		free((char *)a->name);
	}
	free(v->algos);
}

void rs_result_free(struct rs_result *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->nr_vms; i++)
		rs_vm_result_free(&r->vms[i], r->nr_algos);
	free(r->vms);
	free((char *)r->kernel_algo);
	free(r);
}

static int sum_algo(struct rs_algo_result *to, const struct rs_algo_result *from)
{
	if (!to->name) {
		to->name = strdup(from->name);
		to->merged = from->merged;
		if (!to->name)
			return -ENOMEM;
	}
	to->rejected += from->rejected;
	to->spurious += from->spurious;
	to->missed += from->missed;
	for (int c = 0; c < RS_NR_CAUSES; c++)
		to->causes[c] += from->causes[c];
	to->blocked_page_ns += from->blocked_page_ns;
	if (from->blocked_max > to->blocked_max)
		to->blocked_max = from->blocked_max;
	to->locked.known += from->locked.known;
	to->locked.same += from->locked.same;
	to->lockless.known += from->lockless.known;
	to->lockless.same += from->lockless.same;
	rs_hist_merge(&to->widening_time, &from->widening_time);
	rs_hist_merge(&to->widening_epoch, &from->widening_epoch);
	rs_hist_merge(&to->blocked_epoch, &from->blocked_epoch);
	if (!from->closed)
		return 0;
	if (!to->closed)
		to->closed = calloc(1, sizeof(*to->closed));
	if (!to->closed)
		return -ENOMEM;
	to->closed->retries += from->closed->retries;
	to->closed->as_recorded += from->closed->as_recorded;
	to->closed->starved += from->closed->starved;
	rs_hist_merge(&to->closed->retries_per_fault, &from->closed->retries_per_fault);
	rs_hist_merge(&to->closed->retries_per_inval, &from->closed->retries_per_inval);
	rs_hist_merge(&to->closed->service_ns, &from->closed->service_ns);
	rs_hist_merge(&to->closed->stall_ns, &from->closed->stall_ns);
	return 0;
}

static int sum_vm(struct rs_vm_result *to, const struct rs_vm_result *from, size_t nr_algos)
{
	if (!to->algos) {
		to->algos = calloc(nr_algos ? nr_algos : 1, sizeof(*to->algos));
		if (!to->algos)
			return -ENOMEM;
		to->begin_ns = from->begin_ns;
		to->end_ns = from->end_ns;
		to->closed = from->closed;
		to->closed.logical_faults = 0;
		to->closed.recorded_retries = 0;
	}
	to->begin_ns = from->begin_ns < to->begin_ns ? from->begin_ns : to->begin_ns;
	to->end_ns = from->end_ns > to->end_ns ? from->end_ns : to->end_ns;
	to->memslots += from->memslots;
	to->frames += from->frames;
	to->aliased_frames += from->aliased_frames;
	to->mean_frames += from->mean_frames;
	to->inval_hit += from->inval_hit;
	to->inval_no_hit += from->inval_no_hit;
	to->inval_gfn += from->inval_gfn;
	if (from->max_outstanding > to->max_outstanding)
		to->max_outstanding = from->max_outstanding;
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
	to->closed.logical_faults += from->closed.logical_faults;
	to->closed.recorded_retries += from->closed.recorded_retries;
	rs_hist_merge(&to->inval_ns, &from->inval_ns);
	rs_hist_merge(&to->epoch_ns, &from->epoch_ns);
	rs_hist_merge(&to->epoch_invals, &from->epoch_invals);
	for (size_t i = 0; i < nr_algos; i++)
		if (sum_algo(&to->algos[i], &from->algos[i]))
			return -ENOMEM;
	return 0;
}

int rs_result_sum_vms(const struct rs_result *r, struct rs_vm_result *to)
{
	memset(to, 0, sizeof(*to));
	for (size_t i = 0; i < r->nr_vms; i++) {
		if (sum_vm(to, &r->vms[i], r->nr_algos)) {
			rs_vm_result_free(to, r->nr_algos);
			return -ENOMEM;
		}
	}
	return 0;
}
