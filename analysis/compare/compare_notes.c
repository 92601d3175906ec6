// SPDX-License-Identifier: GPL-2.0-only
/* Why two groups of runs may not compare. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/compare/compare_internal.h"
#include "analysis/compare/rank.h"
#include "analysis/report/derive.h"
#include "analysis/write/layout.h"
#include "analysis/write/units.h"
#include "base/array.h"
#include "base/textbuf.h"

/* ---- what is known of a run ---- */

/* The processes of its VMs, each once, in their order. */
static char *commands(const struct rs_report_data *d)
{
	char *text = NULL;
	size_t size;
	FILE *f = rs_textbuf_open(&text, &size);
	bool any = false;

	for (size_t i = 0; f && i < d->meta.nr_vms; i++) {
		const char *command = d->meta.vms[i].command;
		bool again = !command;

		for (size_t k = 0; command && k < i; k++)
			again |= d->meta.vms[k].command && !strcmp(d->meta.vms[k].command, command);
		if (!again)
			fprintf(f, "%s%s", any ? ", " : "", command);
		any |= !again;
	}
	return f && !fclose(f) ? text : NULL;
}

static int set_trait(struct compare_run *run, enum compare_trait trait, const char *text)
{
	run->traits[trait] = text ? strdup(text) : NULL;
	return text && !run->traits[trait] ? -ENOMEM : 0;
}

static int set_closed(struct compare_run *run, const struct rs_result *r)
{
	const struct rs_closed_vm *c = r->nr_vms ? &r->vms[0].closed : NULL;

	if (set_trait(run, TRAIT_LOOP, r->closed ? "closed" : "open"))
		return -ENOMEM;
	if (!r->closed || !c)
		return 0;
	return set_trait(run, TRAIT_ARRIVALS, c->arrivals) ||
			       set_trait(run, TRAIT_PRECHECK, c->precheck ? "on" : "off")
		       ? -ENOMEM
		       : 0;
}

int rs_compare_fill_traits(struct compare_run *run, const struct rs_report_data *d,
			   const struct rs_vm_result *vm)
{
	const struct rs_trace_meta *m = &d->meta;
	double seconds = (double)rs_vm_duration_ns(vm) / 1e9;
	char *who = commands(d), count[32];

	if (!who)
		return -ENOMEM;
	run->traits[TRAIT_COMMAND] = who;
	rs_format_count(d->result->nr_vms, count, sizeof(count));
	if (set_trait(run, TRAIT_VMS, count) ||
	    set_trait(run, TRAIT_CPU, rs_meta_fact(m, "host.cpu_model")) ||
	    set_trait(run, TRAIT_VIRTUAL, rs_meta_fact(m, "host.hypervisor")) ||
	    set_trait(run, TRAIT_LEVEL, m->level) || set_closed(run, d->result) ||
	    set_trait(run, TRAIT_KERNEL, m->kernel) ||
	    set_trait(run, TRAIT_KERNEL_ALGO, d->result->kernel_algo))
		return -ENOMEM;
	run->sizes[SIZE_FRAMES] = (double)vm->frames;
	run->sizes[SIZE_ALIASED] = (double)vm->aliased_frames;
	run->sizes[SIZE_DURATION] = (double)rs_vm_duration_ns(vm);
	run->sizes[SIZE_INVAL_RATE] = seconds > 0 ? (double)vm->inval_hit / seconds : 0;
	run->lost = rs_lost_events(d->result, m) + d->result->lost_marks;
	run->traces = d->report.sources ? d->report.nr_sources : 1;
	run->anomalies = rs_anomalies(d->result, m);
	return 0;
}

const char *rs_compare_common(const struct compare_group *g, enum compare_trait trait)
{
	const char *text = g->nr ? g->runs[0].traits[trait] : NULL;

	for (size_t i = 1; text && i < g->nr; i++)
		if (!g->runs[i].traits[trait] || strcmp(g->runs[i].traits[trait], text))
			return NULL;
	return text;
}

const char *rs_compare_common_to_both(const struct rs_compare *c, enum compare_trait trait)
{
	const char *base = rs_compare_common(&c->groups[RS_COMPARE_BASE], trait);
	const char *new = rs_compare_common(&c->groups[RS_COMPARE_NEW], trait);

	return base && new && !strcmp(base, new) ? base : "";
}

const char *rs_compare_arrivals(const struct rs_compare *c, const struct rs_compare_figure *figure)
{
	const char *arrivals = rs_compare_common_to_both(c, TRAIT_ARRIVALS);

	return *arrivals && figure->other ? rs_other_arrivals(arrivals) : arrivals;
}

/* ---- the notes ---- */

static int note(struct rs_compare *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int note(struct rs_compare *c, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (RS_ROOM_FOR_ONE(c->notes, c->nr_notes))
		return -ENOMEM;
	va_start(ap, fmt);
	n = vasprintf(&c->notes[c->nr_notes], fmt, ap);
	va_end(ap);
	if (n < 0)
		return -ENOMEM;
	c->nr_notes++;
	return 0;
}

/* Traits whose difference makes another experiment of it; others are what is compared. */
static const struct {
	enum compare_trait trait;
	const char *what, *so;
} trait_notes[] = {
	{ TRAIT_COMMAND, "the VMs' processes", "this may be another workload" },
	{ TRAIT_VMS, "the number of VMs", "this may be another workload" },
	{ TRAIT_CPU, "the host's CPU", "times do not compare" },
	{ TRAIT_VIRTUAL, "whether the host is real or emulated", "times do not compare" },
	{ TRAIT_LEVEL, "what was recorded", "figures rest on different events" },
	{ TRAIT_LOOP, "the loop", "figures of the closed loop are left out" },
	{ TRAIT_ARRIVALS, "how faults arrive", "retries and stall do not compare" },
	{ TRAIT_PRECHECK, "the test before the lookup",
	  "a retry takes another time: stall compares, retries do not" },
};

/* "several" where runs of a side differ, "not known" where none tells. */
static const char *said(const struct compare_group *g, enum compare_trait trait)
{
	const char *common = rs_compare_common(g, trait);

	if (common)
		return common[0] ? common : "none named";
	for (size_t i = 0; i < g->nr; i++)
		if (g->runs[i].traits[trait])
			return "not the same in all runs";
	return "not known";
}

static int note_traits(struct rs_compare *c)
{
	const struct compare_group *a = &c->groups[RS_COMPARE_BASE];
	const struct compare_group *b = &c->groups[RS_COMPARE_NEW];
	int rc = 0;

	for (size_t i = 0; !rc && i < sizeof(trait_notes) / sizeof(trait_notes[0]); i++) {
		const char *in_a = said(a, trait_notes[i].trait);
		const char *in_b = said(b, trait_notes[i].trait);
		bool untold_a = !strcmp(in_a, "not known"), untold_b = !strcmp(in_b, "not known");
		bool of_closed = trait_notes[i].trait == TRAIT_ARRIVALS ||
				 trait_notes[i].trait == TRAIT_PRECHECK;
		bool alike = rs_compare_common(a, trait_notes[i].trait) &&
			     rs_compare_common(b, trait_notes[i].trait) && !strcmp(in_a, in_b);

		/* Of the open loop they are not known, which its own note says. */
		if (!alike && !(untold_a && untold_b) && !((untold_a || untold_b) && of_closed))
			rc = note(c, "%s: %s in %s, %s in %s: %s.", trait_notes[i].what, in_a,
				  a->name, in_b, b->name, trait_notes[i].so);
	}
	return rc;
}

/* Sizes of the experiment, and how many times the one may be the other. */
static const struct {
	enum compare_size size;
	double times;
	const char *what, *so;
} size_notes[] = {
	{ SIZE_FRAMES, 1.1, "guest frames in memslots", "this is another guest" },
	{ SIZE_ALIASED, 1.1, "guest frames that share their host page", "this is another guest" },
	{ SIZE_DURATION, 2, "time recorded", "rare things show in the longer ones only" },
	{ SIZE_INVAL_RATE, 2, "invalidations per second", "this may be another workload" },
};

static double median_size(const struct compare_group *g, enum compare_size size, double *room)
{
	for (size_t i = 0; i < g->nr; i++)
		room[i] = g->runs[i].sizes[size];
	return rs_rank_median(room, g->nr);
}

static int note_size(struct rs_compare *c, size_t i, double a, double b)
{
	char *(*format)(double v, char *buf, size_t size) =
		size_notes[i].size == SIZE_DURATION ? rs_format_time : rs_format_number;
	char base[48], new[48];

	if (fmax(a, b) <= size_notes[i].times * fmin(a, b))
		return 0;
	return note(c, "%s: %s in %s, %s in %s (medians): %s.", size_notes[i].what,
		    format(a, base, sizeof(base)), c->groups[RS_COMPARE_BASE].name,
		    format(b, new, sizeof(new)), c->groups[RS_COMPARE_NEW].name, size_notes[i].so);
}

static int note_sizes(struct rs_compare *c)
{
	const struct compare_group *a = &c->groups[RS_COMPARE_BASE];
	const struct compare_group *b = &c->groups[RS_COMPARE_NEW];
	double *room = calloc(a->nr + b->nr, sizeof(*room));
	int rc = room ? 0 : -ENOMEM;

	for (size_t i = 0; !rc && i < sizeof(size_notes) / sizeof(size_notes[0]); i++)
		rc = note_size(c, i, median_size(a, size_notes[i].size, room),
			       median_size(b, size_notes[i].size, room));
	free(room);
	return rc;
}

static int note_run(struct rs_compare *c, const struct compare_group *g,
		    const struct compare_run *run)
{
	char count[32];
	int rc = 0;

	if (run->lost)
		rc = note(c, "%s of %s lost events.", run->path, g->name);
	if (!rc && run->anomalies)
		rc = note(c, "%s of %s has %s anomalies.", run->path, g->name,
			  rs_format_count(run->anomalies, count, sizeof(count)));
	if (!rc && run->traces > 1)
		rc = note(c, "%s of %s is a sum of %s traces, taken for one run.", run->path,
			  g->name, rs_format_count(run->traces, count, sizeof(count)));
	if (!rc && !run->quantiles && run->traits[TRAIT_LOOP] &&
	    !strcmp(run->traits[TRAIT_LOOP], "closed"))
		rc = note(c, "%s of %s tells no quantiles: make it with replay's --distributions.",
			  run->path, g->name);
	return rc;
}

static int note_runs(struct rs_compare *c)
{
	int rc = 0;

	for (unsigned int side = 0; side < RS_COMPARE_SIDES; side++)
		for (size_t i = 0; !rc && i < c->groups[side].nr; i++)
			rc = note_run(c, &c->groups[side], &c->groups[side].runs[i]);
	return rc;
}

/* Enough runs for a test, but not for so many of them. */
static int note_power(struct rs_compare *c)
{
	size_t m = c->groups[RS_COMPARE_BASE].nr, n = c->groups[RS_COMPARE_NEW].nr;
	size_t tests = rs_compare_tested(c);
	double least = rs_rank_least_p(m, n);

	if (!rs_compare_tells(c) || least * (double)tests < RS_COMPARE_LIMIT)
		return 0;
	return note(c,
		    "with %zu and %zu runs p is %.2g at least, and Holm's over %zu comparisons "
		    "%.2g: no difference could be found. Take more runs, or ask for fewer "
		    "figures or algorithms.",
		    m, n, least, tests, fmin(1, least * (double)tests));
}

static int note_kernels(struct rs_compare *c)
{
	if (!c->kernels)
		return 0;
	return note(c, "kernel is what each traced kernel runs: %s in %s, %s in %s.",
		    rs_compare_common(&c->groups[RS_COMPARE_BASE], TRAIT_KERNEL_ALGO),
		    c->groups[RS_COMPARE_BASE].name,
		    rs_compare_common(&c->groups[RS_COMPARE_NEW], TRAIT_KERNEL_ALGO),
		    c->groups[RS_COMPARE_NEW].name);
}

int rs_compare_make_notes(struct rs_compare *c)
{
	int rc = note_traits(c);

	if (!rc)
		rc = note_sizes(c);
	if (!rc)
		rc = note_runs(c);
	if (!rc)
		rc = note_power(c);
	return rc ? rc : note_kernels(c);
}
