// SPDX-License-Identifier: GPL-2.0-only
#include "replay/result.h"

#include <stdlib.h>
#include <string.h>

#include "replay/figures.h"

static const char *const cause_names[RS_NR_CAUSES] = {
	[RS_CAUSE_KIND] = "kind",	[RS_CAUSE_SEQ] = "seq",
	[RS_CAUSE_NO_HVA] = "no-hva",	[RS_CAUSE_ALIAS] = "alias",
	[RS_CAUSE_SCATTER] = "scatter", [RS_CAUSE_CONCURRENT] = "concurrent",
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

static bool closed_lacks(const struct rs_closed_algo *c)
{
	return c && (c->retries_per_fault.dropped || c->retries_per_inval.dropped ||
		     c->service_ns.dropped || c->stall_ns.dropped);
}

static bool algo_lacks(const struct rs_algo_result *a)
{
	return a->widening_time.dropped || a->widening_epoch.dropped || a->blocked_epoch.dropped ||
	       closed_lacks(a->closed) || closed_lacks(a->other);
}

bool rs_result_lacks(const struct rs_result *r)
{
	for (size_t i = 0; i < r->nr_vms; i++) {
		const struct rs_vm_result *v = &r->vms[i];

		if (v->inval_ns.dropped || v->epoch_ns.dropped || v->epoch_invals.dropped)
			return true;
		for (size_t k = 0; k < r->nr_algos; k++)
			if (algo_lacks(&v->algos[k]))
				return true;
	}
	return false;
}

void rs_closed_algo_clear(struct rs_closed_algo *c)
{
	rs_figures_hists(RS_OF_CLOSED_ALGO, c, rs_hist_free);
}

static void strip_hist(struct rs_hist *h)
{
	for (size_t i = 0; i <= RS_HIST_OCTAVES; i++) {
		free(h->octave[i]);
		h->octave[i] = NULL;
	}
}

void rs_vm_result_strip(struct rs_vm_result *v, size_t nr_algos)
{
	rs_figures_hists(RS_OF_VM, v, strip_hist);
	for (size_t i = 0; v->algos && i < nr_algos; i++) {
		rs_figures_hists(RS_OF_ALGO, &v->algos[i], strip_hist);
		if (v->algos[i].closed)
			rs_figures_hists(RS_OF_CLOSED_ALGO, v->algos[i].closed, strip_hist);
		if (v->algos[i].other)
			rs_figures_hists(RS_OF_CLOSED_ALGO, v->algos[i].other, strip_hist);
	}
}

static void free_closed(struct rs_closed_algo *c)
{
	if (c)
		rs_closed_algo_clear(c);
	free(c);
}

const char *rs_other_arrivals(const char *arrivals)
{
	return arrivals && !strcmp(arrivals, "think") ? "recorded" : "think";
}

void rs_vm_result_drop_other(struct rs_vm_result *v, size_t nr_algos)
{
	for (size_t i = 0; v->algos && i < nr_algos; i++) {
		free_closed(v->algos[i].other);
		v->algos[i].other = NULL;
	}
}

void rs_vm_result_free(struct rs_vm_result *v, size_t nr_algos)
{
	rs_figures_hists(RS_OF_VM, v, rs_hist_free);
	free(v->disagreements);
	free(v->mismatches);
	for (size_t i = 0; v->algos && i < nr_algos; i++) {
		struct rs_algo_result *a = &v->algos[i];

		rs_figures_hists(RS_OF_ALGO, a, rs_hist_free);
		free_closed(a->closed);
		free_closed(a->other);
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
