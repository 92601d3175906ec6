// SPDX-License-Identifier: GPL-2.0-only
#include <math.h>
#include <string.h>

#include "analysis/report/derive.h"
#include "analysis/report/report_parts.h"
#include "analysis/write/units.h"

#define COUNT(v) rs_format_count((v), (char[32]){ 0 }, 32)

static double share(uint64_t part, uint64_t base)
{
	return base ? (double)part / (double)base : NAN;
}

#define HEADINGS(t, names) rs_table_begin(t, names, sizeof(names) / sizeof((names)[0]))

/* How much the shares of the answer scatter where the recording paused. */
static void put_scatter(struct rs_page *p, const struct rs_report *rep,
			const struct rs_vm_result *v)
{
	static const char *const names[][2] = {
		{ "algorithm", "" }, { "rejected", "of checked" },
		{ "+-", "" },	     { "needlessly", "of checked" },
		{ "+-", "" },
	};
	const bool counts = rep->result->counts_only;
	struct rs_table t;

	rs_para(p, 0, 0,
		"How far that may be off, since the %s whole pieces differ (two standard errors; "
		"of "
		"these pieces alone):",
		COUNT(v->pieces));
	rs_blank_line(p);
	rs_table_begin(&t, names, counts ? 3 : 5);
	for (size_t i = 0; i < rep->result->nr_algos; i++) {
		const struct rs_algo_result *a = &v->algos[i];

		rs_table_text(&t, a->name);
		rs_table_share(&t, share(a->piece_rejected.sum, v->piece_checked));
		rs_table_share(&t, 2 * rs_piece_error(v, &a->piece_rejected));
		if (counts)
			continue;
		rs_table_share(&t, share(a->piece_spurious.sum, v->piece_checked));
		rs_table_share(&t, 2 * rs_piece_error(v, &a->piece_spurious));
	}
	rs_table_write(p, &t);
}

void rs_part_answer(struct rs_page *p, const struct rs_report *rep, const struct rs_vm_result *v)
{
	static const char *const names[][2] = {
		{ "algorithm", "" },	      { "rejected", "faults" }, { "of", "checked" },
		{ "needlessly", "rejected" }, { "of", "checked" },	{ "missed", "faults" },
		{ "blocked", "of guest" },
	};
	const bool counts = rep->result->counts_only;
	struct rs_table t;

	rs_table_begin(&t, names, counts ? 3 : 7);
	for (size_t i = 0; i < rep->result->nr_algos; i++) {
		const struct rs_algo_result *a = &v->algos[i];

		rs_table_text(&t, a->name);
		rs_table_count(&t, a->rejected);
		rs_table_share(&t, share(a->rejected, v->checked));
		if (counts)
			continue;
		rs_table_count(&t, a->spurious);
		rs_table_share(&t, share(a->spurious, v->checked));
		rs_table_count(&t, a->missed);
		rs_table_wrong(&t, a->missed);
		rs_table_share(&t, rs_blocked_share(v, a));
	}
	rs_table_write(p, &t);
	if (v->pieces > 1 && v->piece_checked) {
		rs_blank_line(p);
		put_scatter(p, rep, v);
	}
}

bool rs_part_has_causes(const struct rs_report *rep, const struct rs_vm_result *v)
{
	for (size_t i = 0; i < rep->result->nr_algos; i++)
		if (v->algos[i].spurious)
			return true;
	return false;
}

static const char *const cause_texts[RS_NR_CAUSES] = {
	[RS_CAUSE_KIND] = "only its other (shared, private) mapping was invalidated",
	[RS_CAUSE_SEQ] = "outside the range; an invalidation ended meanwhile",
	[RS_CAUSE_NO_HVA] = "it, or an invalidation, has no host address to compare",
	[RS_CAUSE_ALIAS] = "in the range only because memslots map the same page twice",
	[RS_CAUSE_SCATTER] = "in the span of one: frames far apart, or not walked to yet",
	[RS_CAUSE_CONCURRENT] = "in the span of all that was in progress, in none's own",
	[RS_CAUSE_STALE] = "in the range only because of invalidations that had ended",
};

static bool occurs(const struct rs_report *rep, const struct rs_vm_result *v, unsigned int cause)
{
	for (size_t i = 0; i < rep->result->nr_algos; i++)
		if (v->algos[i].causes[cause])
			return true;
	return false;
}

/* Without private memory there is nothing to be told of kinds. */
static bool is_shown(const struct rs_report *rep, const struct rs_vm_result *v, unsigned int cause)
{
	return cause != RS_CAUSE_KIND || occurs(rep, v, cause);
}

/* Only of the causes that occur. */
static void put_legend(struct rs_page *p, const struct rs_report *rep, const struct rs_vm_result *v)
{
	for (unsigned int c = 0; c < RS_NR_CAUSES; c++)
		if (occurs(rep, v, c))
			rs_term(p, 11, rs_cause_name(c), cause_texts[c]);
}

void rs_part_causes(struct rs_page *p, const struct rs_report *rep, const struct rs_vm_result *v)
{
	struct rs_table t;
	unsigned int n = 1;

	rs_para(p, 0, 0, "Why they rejected needlessly (faults, each counted under one cause):");
	rs_blank_line(p);
	rs_table_init(&t, RS_NR_CAUSES + is_shown(rep, v, RS_CAUSE_KIND));
	t.heading[0][0] = "algorithm";
	for (unsigned int c = 0; c < RS_NR_CAUSES; c++)
		if (is_shown(rep, v, c))
			t.heading[0][n++] = rs_cause_name(c);
	for (size_t i = 0; i < rep->result->nr_algos; i++) {
		rs_table_text(&t, v->algos[i].name);
		for (unsigned int c = 0; c < RS_NR_CAUSES; c++)
			if (is_shown(rep, v, c))
				rs_table_count(&t, v->algos[i].causes[c]);
	}
	rs_table_write(p, &t);
	rs_blank_line(p);
	put_legend(p, rep, v);
}

static double ratio_quantile(const struct rs_hist *h, double q)
{
	return rs_quantile(h, q) / RS_RATIO_SCALE;
}

static void width_rows(struct rs_table *t, const struct rs_report *rep,
		       const struct rs_vm_result *v)
{
	const struct rs_algo_result *exact = rs_vm_algo(rep->result, v, "exact");

	for (size_t i = 0; i < rep->result->nr_algos; i++) {
		const struct rs_algo_result *a = &v->algos[i];

		rs_table_text(t, a->name);
		rs_table_number(t, rs_blocked_mean(v, a));
		rs_table_share(t, rs_blocked_share(v, a));
		rs_table_count(t, a->blocked_max);
		rs_table_share(t, share(a->blocked_max, v->frames));
		rs_table_number(t, rs_widening(a, exact));
		rs_table_number(t, ratio_quantile(&a->widening_epoch, 0.5));
		rs_table_number(t, ratio_quantile(&a->widening_epoch, 0.99));
	}
}

void rs_part_width(struct rs_page *p, const struct rs_report *rep, const struct rs_vm_result *v)
{
	static const char *const names[][2] = {
		{ "algorithm", "" },  { "mean", "frames" }, { "of", "guest" },
		{ "most", "frames" }, { "of", "guest" },    { "times", "exact" },
		{ "at peak", "p50" }, { "at peak", "p99" },
	};
	const struct rs_algo_result *gfn = rs_vm_algo(rep->result, v, "gfn");
	const struct rs_algo_result *hva = rs_vm_algo(rep->result, v, "hva");
	double ratio = rs_widening(gfn, hva);
	char mean[48], times[48];
	struct rs_table t;

	rs_para(p, 0, 0,
		"Guest frames (4 KiB) blocked while invalidations were in progress: the mean over "
		"%s, of %s frames in memslots; the most at once, of %s.",
		rs_format_time((double)rs_vm_duration_ns(v), times, sizeof(times)),
		rs_format_number(v->mean_frames, mean, sizeof(mean)), COUNT(v->frames));
	rs_blank_line(p);
	HEADINGS(&t, names);
	width_rows(&t, rep, v);
	rs_table_write(p, &t);
	rs_blank_line(p);
	rs_para(p, 2, 2,
		"times exact: frames x time against exact's; at peak: the same at the peak of each "
		"epoch (something is in progress throughout); epochs: %s.",
		COUNT(v->epochs));
	if (!isnan(ratio))
		rs_para(p, 2, 2, "gfn blocked %s times what hva did (frames x time).",
			rs_format_number(ratio, times, sizeof(times)));
}

static void closed_row(struct rs_table *t, const char *name, const struct rs_closed_algo *c,
		       const struct rs_vm_result *v)
{
	rs_table_text(t, name);
	rs_table_time(t, (double)c->stall_ns.total);
	rs_table_time(t, rs_quantile(&c->stall_ns, 0.5));
	rs_table_time(t, rs_quantile(&c->stall_ns, 0.99));
	rs_table_time(t, (double)c->stall_ns.max);
	rs_table_count(t, c->retries);
	rs_table_number(t, share(c->retries, v->closed.logical_faults));
	rs_table_number(t, share(c->retries, v->inval_hit));
	rs_table_count(t, c->starved);
}

static void closed_check(struct rs_page *p, const struct rs_report *rep,
			 const struct rs_vm_result *v)
{
	char text[48];

	if (!v->closed.checked)
		return;
	rs_para(p, 0, 0,
		"The check: simulating %s, the traced kernel's own, with recorded arrivals and its "
		"own "
		"pre-check, %s of %s logical faults (%s) came out exactly as recorded (same "
		"retries, same end); retries in all: %s simulated, %s recorded.",
		rep->result->kernel_algo, COUNT(v->closed.check_as_recorded),
		COUNT(v->closed.logical_faults),
		rs_format_share(share(v->closed.check_as_recorded, v->closed.logical_faults), text,
				sizeof(text)),
		COUNT(v->closed.check_retries), COUNT(v->closed.recorded_retries));
}

/* @other: with the other arrivals. Only of the algorithms that have that. */
static void closed_table(struct rs_page *p, const struct rs_report *rep,
			 const struct rs_vm_result *v, bool other)
{
	static const char *const names[][2] = {
		{ "algorithm", "" }, { "stall", "total" }, { "stall", "p50" },
		{ "stall", "p99" },  { "stall", "max" },   { "retries", "" },
		{ "per", "fault" },  { "per", "inval." },  { "starved", "" },
	};
	struct rs_table t;

	HEADINGS(&t, names);
	for (size_t i = 0; i < rep->result->nr_algos; i++) {
		const struct rs_closed_algo *c = other ? v->algos[i].other : v->algos[i].closed;

		if (c)
			closed_row(&t, v->algos[i].name, c, v);
	}
	rs_table_write(p, &t);
}

static void put_other(struct rs_page *p, const struct rs_report *rep, const struct rs_vm_result *v)
{
	const bool think = v->closed.arrivals && !strcmp(v->closed.arrivals, "think");

	if (!rep->result->nr_algos)
		return;
	if (!v->algos[0].other) {
		rs_para(p, 0, 0, "What the arrivals %s would give is not in %s.",
			rs_other_arrivals(v->closed.arrivals),
			rep->sources ? "all of these reports" : "this report");
		rs_blank_line(p);
		return;
	}
	rs_para(p, 0, 0, "%s",
		think ? "The same with arrivals recorded: a fault comes when it did, but not "
			"before the one before it on its vCPU is done."
		      : "The same with arrivals think: a vCPU runs as long as recorded between two "
			"faults, and what comes after a stall is late by it.");
	rs_blank_line(p);
	closed_table(p, rep, v, true);
	rs_blank_line(p);
}

void rs_part_closed(struct rs_page *p, const struct rs_report *rep, const struct rs_vm_result *v)
{
	char gap[32];

	rs_para(p, 0, 0,
		"Closed loop: %s logical faults (%s recorded retries folded back), each algorithm "
		"simulated for itself; arrivals %s, pre-check %s, retry gap %s%s.",
		COUNT(v->closed.logical_faults), COUNT(v->closed.recorded_retries),
		v->closed.arrivals ? v->closed.arrivals : "not known",
		v->closed.precheck ? "on" : "off",
		rs_format_time((double)v->closed.retry_gap_ns, gap, sizeof(gap)),
		v->closed.retry_gap_assumed ? " (assumed)" : "");
	rs_blank_line(p);
	closed_table(p, rep, v, false);
	rs_blank_line(p);
	put_other(p, rep, v);
	closed_check(p, rep, v);
}

void rs_part_sources(struct rs_page *p, const struct rs_report *rep)
{
	static const char *const names[][2] = {
		{ "trace", "" },	 { "kernel", "" },     { "VMs", "" },
		{ "checked", "faults" }, { "lost", "events" }, { "agreement", "" },
	};
	struct rs_table t;

	rs_para(p, 0, 0, "The traces of the sum (agreement: of decisions under the lock):");
	rs_blank_line(p);
	HEADINGS(&t, names);
	for (size_t i = 0; i < rep->nr_sources; i++) {
		const struct rs_report_source *s = &rep->sources[i];

		rs_table_text(&t, s->path ? s->path : "-");
		rs_table_text(&t, s->kernel ? s->kernel : "-");
		rs_table_count(&t, s->vms);
		rs_table_count(&t, s->checked);
		rs_table_count(&t, s->lost);
		rs_table_wrong(&t, s->lost);
		rs_table_share(&t, share(s->locked.same, s->locked.known));
		rs_table_wrong(&t, s->locked.same < s->locked.known);
	}
	rs_table_write(p, &t);
	if (!rep->distributions)
		rs_para(p, 0, 2,
			"No quantiles: not all of these reports have their whole distributions.");
}

void rs_part_tables(struct rs_page *p, const struct rs_report *rep, const struct rs_vm_result *v)
{
	if (rep->result->closed) {
		rs_part_closed(p, rep, v);
		rs_blank_line(p);
	}
	if (rs_part_has_causes(rep, v)) {
		rs_part_causes(p, rep, v);
		rs_blank_line(p);
	}
	rs_part_width(p, rep, v);
}
