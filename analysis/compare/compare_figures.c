// SPDX-License-Identifier: GPL-2.0-only
#include <math.h>
#include <string.h>

#include "analysis/compare/compare.h"
#include "replay/figures.h"

static double share(uint64_t part, uint64_t base)
{
	return base ? (double)part / (double)base : NAN;
}

static double rejected(const struct rs_report_data *d, const struct rs_vm_result *vm,
		       const struct rs_algo_result *a)
{
	return share(a->rejected, vm->checked);
}

static double spurious(const struct rs_report_data *d, const struct rs_vm_result *vm,
		       const struct rs_algo_result *a)
{
	return share(a->spurious, vm->checked);
}

static double missed(const struct rs_report_data *d, const struct rs_vm_result *vm,
		     const struct rs_algo_result *a)
{
	return share(a->missed, vm->checked);
}

static double blocked(const struct rs_report_data *d, const struct rs_vm_result *vm,
		      const struct rs_algo_result *a)
{
	return rs_blocked_share(vm, a);
}

static double per_inval(const struct rs_vm_result *vm, const struct rs_closed_algo *closed)
{
	return closed ? share(closed->retries, vm->inval_hit) : NAN;
}

static double retries(const struct rs_report_data *d, const struct rs_vm_result *vm,
		      const struct rs_algo_result *a)
{
	return per_inval(vm, a->closed);
}

static double other_retries(const struct rs_report_data *d, const struct rs_vm_result *vm,
			    const struct rs_algo_result *a)
{
	return per_inval(vm, a->other);
}

static double mean(const struct rs_hist *h)
{
	return h->weight ? (double)h->total / (double)h->weight : NAN;
}

static double stall_mean(const struct rs_report_data *d, const struct rs_vm_result *vm,
			 const struct rs_algo_result *a)
{
	return a->closed ? mean(&a->closed->stall_ns) : NAN;
}

static double other_stall_mean(const struct rs_report_data *d, const struct rs_vm_result *vm,
			       const struct rs_algo_result *a)
{
	return a->other ? mean(&a->other->stall_ns) : NAN;
}

static double stall(const struct rs_report_data *d, const struct rs_algo_result *a, double q,
		    const char *key)
{
	double known;

	if (!a->closed)
		return NAN;
	known = rs_quantile(&a->closed->stall_ns, q);
	return isnan(known) ? rs_report_stall(d, a->name, key) : known;
}

static double stall_p50(const struct rs_report_data *d, const struct rs_vm_result *vm,
			const struct rs_algo_result *a)
{
	return stall(d, a, 0.5, "p50");
}

static double stall_p99(const struct rs_report_data *d, const struct rs_vm_result *vm,
			const struct rs_algo_result *a)
{
	return stall(d, a, 0.99, "p99");
}

static double stall_p999(const struct rs_report_data *d, const struct rs_vm_result *vm,
			 const struct rs_algo_result *a)
{
	return stall(d, a, 0.999, "p999");
}

static double inval_mean(const struct rs_report_data *d, const struct rs_vm_result *vm,
			 const struct rs_algo_result *a)
{
	return mean(&vm->inval_ns);
}

/* Counts as shares, so that a run that took longer is not one with more. */
static const struct rs_compare_figure figures[] = {
	{ .name = "rejected_share",
	  .title = "Faults rejected, of those checked",
	  .value = rejected },
	{ .name = "spurious_share",
	  .title = "Faults rejected needlessly, of those checked",
	  .value = spurious },
	{ .name = "missed_share", .title = "Faults missed, of those checked", .value = missed },
	{ .name = "blocked_mean_share",
	  .title = "Guest frames blocked on average, of all",
	  .value = blocked },
	{ .name = "retries_per_inval",
	  .title = "Retries per invalidation",
	  .unit = RS_COMPARE_NUMBER,
	  .value = retries },
	{ .name = "stall_mean_ns",
	  .title = "Stall of a fault, mean",
	  .unit = RS_COMPARE_NS,
	  .value = stall_mean },
	{ .name = "stall_p50_ns",
	  .title = "Stall of a fault, median",
	  .unit = RS_COMPARE_NS,
	  .value = stall_p50 },
	{ .name = "stall_p99_ns",
	  .title = "Stall of a fault, 99 %",
	  .unit = RS_COMPARE_NS,
	  .value = stall_p99 },
	{ .name = "stall_p999_ns",
	  .title = "Stall of a fault, 99.9 %",
	  .unit = RS_COMPARE_NS,
	  .value = stall_p999 },
	{ .name = "other_retries_per_inval",
	  .title = "Retries per invalidation, other arrivals",
	  .unit = RS_COMPARE_NUMBER,
	  .other = true,
	  .value = other_retries },
	{ .name = "other_stall_mean_ns",
	  .title = "Stall of a fault, mean, other arrivals",
	  .unit = RS_COMPARE_NS,
	  .other = true,
	  .value = other_stall_mean },
	{ .name = "inval_mean_ns",
	  .title = "Length of an invalidation, mean",
	  .unit = RS_COMPARE_NS,
	  .of_vm = true,
	  .value = inval_mean },
};

#define NR_FIGURES (sizeof(figures) / sizeof(figures[0]))

const struct rs_compare_figure *rs_compare_figure(size_t i)
{
	return i < NR_FIGURES ? &figures[i] : NULL;
}
