// SPDX-License-Identifier: GPL-2.0-only
#include <argp.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/plan.h"
#include "analysis/write/json_exact.h"
#include "base/clean.h"
#include "cli/cli.h"
#include "cli/output.h"

enum { OPT_JSON = 256, OPT_ROOT };

struct probe_args {
	const char *root, *output;
	bool json;
};

static const struct argp_option options[] = {
	{ "json", OPT_JSON, NULL, 0, "Print JSON, schema retryscope-probe/1", 0 },
	{ "output", 'o', "FILE", 0, "Write to FILE (- is standard output, the default)", 0 },
	{ "root", OPT_ROOT, "DIR", 0, "Look at the files below DIR, not at this machine's", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct probe_args *a = state->input;

	switch (key) {
	case OPT_JSON:
		a->json = true;
		return 0;
	case OPT_ROOT:
		a->root = arg;
		return 0;
	case 'o':
		a->output = arg;
		return 0;
	case ARGP_KEY_ARG:
		rs_cli_usage(state, "takes no file: '%s'", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const char *access_text(enum rs_access a)
{
	static const char *const names[] = { "no", "not for this user", "yes" };

	return names[a];
}

static const char *paging_text(enum rs_paging p)
{
	static const char *const names[] = { "paging mode unknown", "two-dimensional paging",
					     "shadow paging" };

	return names[p];
}

/* What a host says is foreign. NULL is nothing. */
#define SHOW(text) \
	rs_clean((char[SHOWN_SIZE]){ 0 }, SHOWN_SIZE, (text) ? (text) : "", RS_CLEAN_UTF8)
#define SHOWN_SIZE 512

static const char *kprobes_text(const struct rs_host *h)
{
	if (h->lockdown == RS_LOCKDOWN_CONFIDENTIALITY)
		return "no: forbidden by kernel lockdown";
	if (h->tracing == RS_ACCESS_NONE)
		return "not known";
	return access_text(h->kprobes);
}

static const char *lockdown_text(enum rs_lockdown l)
{
	static const char *const names[] = { "none", "integrity", "confidentiality", "unknown" };

	return names[l];
}

static void print_parts(FILE *f, const struct rs_plan *p, bool there, const char *before)
{
	for (unsigned int i = 0; i < RS_NR_PARTS; i++) {
		if (p->parts[i] != there)
			continue;
		fprintf(f, "%s%s", before, rs_part_name(i));
		before = ", ";
	}
}

static void print_level(FILE *f, const struct rs_plan *p)
{
	if (!p->level_known) {
		fprintf(f, "level      unknown (at most %s): %s\n", rs_level_name(p->at_most),
			p->level_reason);
		return;
	}
	switch (p->level) {
	case RS_LEVEL_NONE:
		fprintf(f, "level      none: %s\n",
			p->level_reason ? p->level_reason : "nothing of KVM can be recorded here");
		return;
	case RS_LEVEL_TRACEPOINTS:
		fputs("level      tracepoints: faults and starts of invalidations alone; a replay\n"
		      "           needs --assume-duration and --memslots\n",
		      f);
		return;
	case RS_LEVEL_FULL:
		fputs("level      full: every decision, and the kernel's own state\n", f);
		return;
	case RS_LEVEL_PARTIAL:
		fputs("level      partial", f);
		print_parts(f, p, true, ": ");
		print_parts(f, p, false, "; not complete: ");
		fputc('\n', f);
		return;
	}
}

static void print_host(FILE *f, const struct rs_host *h)
{
	fprintf(f, "kernel     %s%s%s\n", SHOW(h->release), h->machine ? " " : "",
		SHOW(h->machine));
	if (h->vendor)
		fprintf(f, "kvm        %s, %s", SHOW(h->vendor), paging_text(h->paging));
	else if (h->kvm)
		fprintf(f, "kvm        loaded, but neither kvm_amd nor kvm_intel");
	else
		fprintf(f, "kvm        not loaded");
	fprintf(f, "; /dev/kvm: %s\n", access_text(h->dev_kvm));
	if (h->tracefs)
		fprintf(f, "tracefs    %s%s\n", SHOW(h->tracefs),
			h->tracing == RS_ACCESS_OK ? "" : ", which this user cannot read");
	else
		fputs("tracefs    not mounted (mount -t tracefs nodev /sys/kernel/tracing)\n", f);
	if (h->lockdown != RS_LOCKDOWN_NONE)
		fprintf(f, "lockdown   %s\n", lockdown_text(h->lockdown));
	if (h->tracefs)
		fprintf(f, "kprobes    %s\n", kprobes_text(h));
	fprintf(f, "types      %s%s%s\n", h->btf_vmlinux ? SHOW(h->btf_vmlinux) : "none (no BTF)",
		h->btf_kvm ? ", " : "", SHOW(h->btf_kvm));
}

static void print_gfn_invals(FILE *f, const struct rs_plan *p)
{
	fputs("private    invalidations without a host address (guest_memfd, zaps) can", f);
	if (!p->gfn_invals)
		fputs("not be told: no probes\n           for their begin and end\n", f);
	else if (p->private_kinds)
		fputs(" be told,\n           and faults and invalidations of private memory\n", f);
	else
		fputs(" be told,\n           but not which faults are on private memory\n", f);
}

static void print_points(FILE *f, const struct rs_plan *p)
{
	fprintf(f, "\n%-17s %-8s  %s\n", "EVENT", "PROBE", "WHERE, OR WHY NOT");
	for (unsigned int ev = 0; ev < RS_NR_PROBE_EVENTS; ev++) {
		const struct rs_planned_probe *probe = &p->probes[ev];

		fprintf(f, "%-17s %-8s  ", rs_probe_event_name(ev),
			probe->renamed ? "renamed" : rs_point_state_name(probe->state));
		if (probe->state == RS_POINT_THERE)
			fprintf(f, "%s%s", rs_points[ev].on_return ? "return of " : "",
				SHOW(probe->target));
		else
			fputs(SHOW(probe->reason), f);
		if (probe->lacking)
			fprintf(f, " (without %s)", SHOW(probe->lacking));
		if (probe->state != RS_POINT_THERE && rs_points[ev].optional)
			fputs("; can be done without", f);
		fputc('\n', f);
	}
	fputc('\n', f);
	for (unsigned int i = 0; i < RS_NR_TRACEPOINTS; i++)
		fprintf(f, "%-36s %s\n", p->tracepoints[i].name,
			p->tracepoints[i].there ? "there" : "not there");
}

static void print_text(FILE *f, const struct rs_host *h, const struct rs_plan *p,
		       const struct rs_error *types_err)
{
	print_level(f, p);
	print_host(f, h);
	if (types_err->kind != RS_ERR_NONE)
		fprintf(f, "           %s\n", SHOW(types_err->text));
	print_gfn_invals(f, p);
	print_points(f, p);
	if (h->tracing == RS_ACCESS_DENIED)
		fputs("\nWhat the kernel would refuse is known only to root.\n", f);
}

static json_t *json_points(const struct rs_plan *p)
{
	json_t *points = json_object();

	for (unsigned int ev = 0; ev < RS_NR_PROBE_EVENTS; ev++) {
		const struct rs_planned_probe *probe = &p->probes[ev];
		json_t *point = json_pack(
			"{s:s, s:o, s:b, s:b, s:b, s:o, s:o, s:o}", "state",
			rs_point_state_name(probe->state), "function",
			rs_json_text(probe->function), "renamed", probe->renamed, "on_return",
			rs_points[ev].on_return, "optional", rs_points[ev].optional, "fetch",
			rs_json_text(probe->fetch), "lacking", rs_json_text(probe->lacking),
			"reason", rs_json_text(probe->reason));

		json_object_set_new(points, rs_probe_event_name(ev), point);
	}
	return points;
}

static json_t *json_report(const struct rs_host *h, const struct rs_plan *p)
{
	static const char *const paging[] = { "unknown", "tdp", "shadow" };
	static const char *const access[] = { "none", "denied", "ok" };
	json_t *parts = json_object(), *tracepoints = json_object();

	for (unsigned int i = 0; i < RS_NR_PARTS; i++)
		json_object_set_new(parts, rs_part_name(i), json_boolean(p->parts[i]));
	for (unsigned int i = 0; i < RS_NR_TRACEPOINTS; i++)
		json_object_set_new(tracepoints, p->tracepoints[i].name,
				    json_boolean(p->tracepoints[i].there));
	return json_pack("{s:s, s:{s:s}, s:o, s:o, s:{s:b, s:o, s:s, s:s}, s:{s:o, s:s, s:s},"
			 " s:{s:o, s:o}, s:s, s:s, s:s, s:o, s:b, s:b, s:o, s:o, s:o}",
			 "schema", "retryscope-probe/1", "tool", "version", RS_VERSION, "kernel",
			 rs_json_text(h->release), "machine", rs_json_text(h->machine), "kvm",
			 "loaded", h->kvm, "vendor", rs_json_text(h->vendor), "paging",
			 paging[h->paging], "dev_kvm", access[h->dev_kvm], "tracefs", "path",
			 rs_json_text(h->tracefs), "access", access[h->tracing], "kprobes",
			 access[h->kprobes], "btf", "vmlinux", rs_json_text(h->btf_vmlinux), "kvm",
			 rs_json_text(h->btf_kvm), "lockdown", lockdown_text(h->lockdown), "level",
			 p->level_known ? rs_level_name(p->level) : "unknown", "level_at_most",
			 rs_level_name(p->at_most), "level_reason", rs_json_text(p->level_reason),
			 "gfn_invalidations", p->gfn_invals, "private_kinds", p->private_kinds,
			 "parts", parts, "points", json_points(p), "tracepoints", tracepoints);
}

static int print_json(FILE *f, const struct rs_host *h, const struct rs_plan *p,
		      struct rs_error *err)
{
	json_t *report = json_report(h, p);
	int ret = 0;

	if (!report)
		return rs_error_nomem(err);
	if (rs_json_write(f, report))
		ret = rs_error_set(err, RS_ERR_OUTPUT, EIO, "cannot write");
	json_decref(report);
	return ret;
}

static int print(const struct probe_args *a, const struct rs_host *h, const struct rs_plan *p,
		 const struct rs_error *types_err, struct rs_error *err)
{
	struct rs_output out;
	int ret = rs_output_open(&out, a->output, err);

	if (ret)
		return ret;
	if (a->json)
		ret = print_json(out.f, h, p, err);
	else
		print_text(out.f, h, p, types_err);
	if (ret) {
		rs_output_abort(&out);
		return ret;
	}
	return rs_output_finish(&out, err);
}

static int probe(const struct probe_args *a, struct rs_error *err)
{
	struct rs_error types_err = { 0 };
	struct rs_host *h = rs_host_open(a->root, err);
	struct rs_types *types;
	struct rs_plan *plan;
	int ret;

	if (!h)
		return -errno;
	/* Without types the level is lower; that is an answer too. */
	types = rs_types_load(h, &types_err);
	plan = rs_plan_make(h, types, NULL);
	ret = plan ? print(a, h, plan, &types_err, err) : rs_error_nomem(err);
	rs_plan_free(plan);
	rs_types_free(types);
	rs_host_close(h);
	return ret;
}

int rs_cmd_probe(int argc, char **argv)
{
	static const char doc[] =
		"Tell what this host can record: its kernel, its tracing, each probe point, and "
		"the "
		"level of a capture. Changes nothing; needs no root for what needs none.";
	static const struct argp argp = { options, parse, NULL, doc, NULL, NULL, NULL };
	struct probe_args a = { 0 };
	struct rs_error err = { 0 };

	argp_err_exit_status = RS_EXIT_USAGE;
	rs_cli_parse(&argp, argc, argv, 0, &a);
	return probe(&a, &err) ? rs_cli_report(&err) : RS_EXIT_OK;
}
