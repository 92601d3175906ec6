// SPDX-License-Identifier: GPL-2.0-only
/* The answer in two sentences, and what it rests on. */
#include <math.h>
#include <string.h>

#include "analysis/report/derive.h"
#include "analysis/report/report_parts.h"
#include "analysis/write/units.h"
#include "replay/replay.h"

#define COUNT(v) rs_format_count((v), (char[32]){ 0 }, 32)
#define TIME(ns) rs_format_time((double)(ns), (char[32]){ 0 }, 32)
#define NUMBER(v) rs_format_number((v), (char[48]){ 0 }, 48)
#define SHARE(part, base) \
	rs_format_share((base) ? (double)(part) / (double)(base) : NAN, (char[32]){ 0 }, 32)

/* The two that are compared: the one that costs more first. */
struct pair {
	const struct rs_algo_result *slow, *fast;
};

static bool is_bound(const struct rs_algo_result *a)
{
	return !strcmp(a->name, "exact");
}

/* What is said of one: what it costs. */
static double cost_of(const struct rs_report *rep, const struct rs_algo_result *a)
{
	return rep->result->closed ? (double)a->closed->stall_ns.total : (double)a->rejected;
}

/* The first two that a kernel could run, as far as there are. */
static struct pair first_two(const struct rs_report *rep, const struct rs_vm_result *v)
{
	struct pair pair = { NULL, NULL };

	for (size_t i = 0; !pair.fast && i < rep->result->nr_algos; i++) {
		const struct rs_algo_result *a = &v->algos[i];

		if (is_bound(a))
			continue;
		if (pair.slow)
			pair.fast = a;
		else
			pair.slow = a;
	}
	return pair;
}

/* gfn and hva, else the first two. false: there are no two. */
static bool find_pair(const struct rs_report *rep, const struct rs_vm_result *v, struct pair *pair)
{
	pair->slow = rs_vm_algo(rep->result, v, "gfn");
	pair->fast = rs_vm_algo(rep->result, v, "hva");
	if (!pair->slow || !pair->fast)
		*pair = first_two(rep, v);
	if (!pair->fast)
		return false;
	if (cost_of(rep, pair->slow) < cost_of(rep, pair->fast))
		*pair = (struct pair){ pair->fast, pair->slow };
	return true;
}

static double ratio_of(double slow, double fast)
{
	return fast > 0 ? slow / fast : slow > 0 ? INFINITY : 1;
}

/* To the digits that are told. */
static bool is_one(double ratio)
{
	return !strcmp(NUMBER(ratio), "1.00");
}

static bool is_traced(const struct rs_report *rep, const struct rs_algo_result *a)
{
	return rep->result->kernel_algo && !strcmp(rep->result->kernel_algo, a->name);
}

/* docs/validity.md: which way the ratio is off, by the kernel that was traced. */
static const char *bound_of(const struct rs_report *rep, const struct pair *pair)
{
	return is_traced(rep, pair->slow)   ? "at most"
	       : is_traced(rep, pair->fast) ? "at least"
					    : "about";
}

static void put_aliasing(char *buf, size_t size, const struct rs_vm_result *v)
{
	snprintf(buf, size, "%s of the guest's memory is aliased (%s of %s frames)",
		 SHARE(v->aliased_frames, v->frames), COUNT(v->aliased_frames), COUNT(v->frames));
}

static void put_bound(char *buf, size_t size, const struct rs_report *rep, const struct pair *pair)
{
	const char *traced = rep->result->kernel_algo;

	if (!traced)
		snprintf(buf, size,
			 "Which algorithm the traced kernel runs is not known, so that "
			 "this is no bound.");
	else if (is_traced(rep, pair->slow))
		snprintf(buf, size,
			 "At most, since the traced kernel runs %s, which costs more: what its "
			 "vCPUs would have done while they were held back is not in the trace.",
			 traced);
	else if (is_traced(rep, pair->fast))
		snprintf(buf, size,
			 "At least, since the traced kernel runs %s, which costs less: what its "
			 "vCPUs did meanwhile has no room beside longer stalls.",
			 traced);
	else
		snprintf(buf, size,
			 "The traced kernel runs %s, neither of the two, so that this is no bound.",
			 traced);
}

/*
 * What rejects at once, before the look-up, can be through sooner than what rejects only after
 * it, though it need not have rejected; and what lets stale pages through does not wait for them.
 */
static bool is_undercut(const struct rs_report *rep, const struct rs_vm_result *v,
			const struct rs_algo_result *exact)
{
	for (size_t i = 0; i < rep->result->nr_algos; i++)
		if (v->algos[i].closed &&
		    v->algos[i].closed->stall_ns.total < exact->closed->stall_ns.total)
			return true;
	return false;
}

static void put_others(char *buf, size_t size, const struct rs_report *rep,
		       const struct rs_vm_result *v, const struct pair *pair,
		       const struct rs_algo_result *exact)
{
	const char *arrivals = rs_other_arrivals(v->closed.arrivals);
	int used = 0;

	buf[0] = '\0';
	if (exact && exact->closed)
		used = snprintf(buf, size, "; %s with exact%s", TIME(exact->closed->stall_ns.total),
				is_undercut(rep, v, exact) ? "" : ", which nothing undercuts");
	if (pair->slow->other && pair->fast->other)
		snprintf(buf + used, size - (size_t)used, "; %s times with arrivals %s",
			 NUMBER(ratio_of((double)pair->slow->other->stall_ns.total,
					 (double)pair->fast->other->stall_ns.total)),
			 arrivals);
}

static void put_stall(struct rs_page *p, const struct rs_report *rep, const struct rs_vm_result *v,
		      const struct pair *pair)
{
	const struct rs_algo_result *exact = rs_vm_algo(rep->result, v, "exact");
	const double slow = cost_of(rep, pair->slow), fast = cost_of(rep, pair->fast);
	const double ratio = ratio_of(slow, fast);
	char aliasing[128], bound[256], others[160], times[64];

	put_aliasing(aliasing, sizeof(aliasing), v);
	put_bound(bound, sizeof(bound), rep, pair);
	put_others(others, sizeof(others), rep, v, pair, exact);
	if (is_one(ratio)) {
		rs_para(p, 0, 0,
			"With %s faults stall as long as with %s (%s in all, against %s%s), where "
			"%s. %s%s.",
			pair->slow->name, pair->fast->name, TIME(slow), TIME(fast), others,
			aliasing,
			rep->result->kernel_algo ? "The traced kernel runs "
						 : "Which algorithm the traced kernel runs is ",
			rep->result->kernel_algo ? rep->result->kernel_algo : "not known");
		return;
	}
	if (isinf(ratio))
		snprintf(times, sizeof(times), "and not at all");
	else
		snprintf(times, sizeof(times), "%s %s times as long as", bound_of(rep, pair),
			 NUMBER(ratio));
	rs_para(p, 0, 0, "With %s faults stall %s with %s (%s in all, against %s%s), where %s. %s",
		pair->slow->name, times, pair->fast->name, TIME(slow), TIME(fast), others, aliasing,
		bound);
}

static void put_counts(struct rs_page *p, const struct rs_report *rep, const struct rs_vm_result *v,
		       const struct pair *pair)
{
	const char *traced = rep->result->kernel_algo;
	char aliasing[128];

	put_aliasing(aliasing, sizeof(aliasing), v);
	rs_para(p, 0, 0,
		"Of %s faults checked %s rejects %s (%s) and %s %s (%s), where %s. The retries "
		"of the traced kernel (%s) are among these faults: how long they stall with each, "
		"and a ratio of that, only --loop closed tells.",
		COUNT(v->checked), pair->slow->name, COUNT(pair->slow->rejected),
		SHARE(pair->slow->rejected, v->checked), pair->fast->name,
		COUNT(pair->fast->rejected), SHARE(pair->fast->rejected, v->checked), aliasing,
		traced ? traced : "its algorithm is not known");
}

bool rs_part_sentences(struct rs_page *p, const struct rs_report *rep, const struct rs_vm_result *v)
{
	struct pair pair;

	if (!v->checked || !find_pair(rep, v, &pair))
		return false;
	if (rep->result->closed)
		put_stall(p, rep, v, &pair);
	else
		put_counts(p, rep, v, &pair);
	return true;
}

void rs_part_algorithms(struct rs_page *p, const struct rs_report *rep)
{
	rs_para(p, 0, 0, "The algorithms, with the kernels that run them:");
	rs_blank_line(p);
	for (size_t i = 0; rep->result->nr_vms && i < rep->result->nr_algos; i++) {
		const char *name = rep->result->vms[0].algos[i].name;
		const struct rs_algo_info *info = rs_algo_info_of(name);

		if (info)
			rs_para(p, 2, 4, "%s (%s): %s", name, info->kernels, info->summary);
		else
			rs_para(p, 2, 4, "%s", name);
	}
}

/* The choice in brackets, of what a file in /sys says: "always [madvise] never". */
static void put_choice(char *buf, size_t size, const char *text)
{
	const char *open = text ? strchr(text, '[') : NULL;
	const char *close = open ? strchr(open, ']') : NULL;

	if (close)
		snprintf(buf, size, "%.*s", (int)(close - open - 1), open + 1);
	else
		snprintf(buf, size, "%s", text ? text : "not recorded");
}

static const char *or_not_recorded(const char *fact)
{
	return fact ? fact : "not recorded";
}

void rs_part_host(struct rs_page *p, const struct rs_trace_meta *m)
{
	const char *ksm = rs_meta_fact(m, "ksm.run");
	char thp[64];

	put_choice(thp, sizeof(thp), rs_meta_fact(m, "thp.enabled"));
	rs_para(p, 0, 2, "Host: kernel %s; CPU: %s; virtual: %s; THP: %s; KSM: %s.",
		m->kernel ? m->kernel : "not known", or_not_recorded(rs_meta_fact(m, "host.cpu")),
		or_not_recorded(rs_meta_fact(m, "host.virtual")), thp,
		!ksm		    ? "not recorded"
		: !strcmp(ksm, "0") ? "off"
		: !strcmp(ksm, "1") ? "on"
				    : ksm);
}
