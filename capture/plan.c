// SPDX-License-Identifier: GPL-2.0-only
#include "capture/plan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_FETCH 2048

struct planner {
	const struct rs_host *host;
	const struct rs_types *types;
	const struct rs_plan_opts *opts;
	struct rs_symbol symbols[RS_NR_PROBE_EVENTS * RS_MAX_FUNCTIONS];
	size_t nr_symbols;
	bool symbols_known;
};

static const char *const tracepoint_names[] = { RS_TRACEPOINTS };
_Static_assert(sizeof(tracepoint_names) / sizeof(tracepoint_names[0]) == RS_NR_TRACEPOINTS,
	       "RS_NR_TRACEPOINTS counts RS_TRACEPOINTS");

/* The functions end at the first without a name, the fields likewise. */
static size_t nr_functions(const struct rs_point *point)
{
	size_t n = 0;

	while (n < RS_MAX_FUNCTIONS && point->functions[n].name)
		n++;
	return n;
}

static size_t nr_fields(const struct rs_point *point)
{
	size_t n = 0;

	while (n < RS_MAX_FIELDS && point->fields[n].name)
		n++;
	return n;
}

static struct rs_symbol *find_symbol(struct planner *pl, const char *name)
{
	for (size_t i = 0; i < pl->nr_symbols; i++)
		if (!strcmp(pl->symbols[i].name, name))
			return &pl->symbols[i];
	return NULL;
}

static void read_symbols(struct planner *pl)
{
	for (size_t ev = 0; ev < RS_NR_PROBE_EVENTS; ev++) {
		const struct rs_point *point = &rs_points[ev];

		for (size_t i = 0; i < nr_functions(point); i++)
			if (!find_symbol(pl, point->functions[i].name))
				pl->symbols[pl->nr_symbols++].name = point->functions[i].name;
	}
	pl->symbols_known = !rs_host_symbols(pl->host, pl->symbols, pl->nr_symbols);
}

static bool paging_fits(const struct rs_host *h, enum rs_paging_need need)
{
	return h->paging == RS_PAGING_UNKNOWN || need == RS_NEED_ANY ||
	       (need == RS_NEED_TDP) == (h->paging == RS_PAGING_TDP);
}

/* NULL where memory is short: the state alone then has to say it. */
static char *explain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static char *explain(const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	return text;
}

/* Whether @fn can be probed, and if not, a clause into @why, to be freed. */
static enum rs_point_state judge_function(struct planner *pl, const struct rs_point *point,
					  const struct rs_point_function *fn, char **why)
{
	const struct rs_symbol *sym = find_symbol(pl, fn->name);
	const struct rs_function *proto = pl->types ? rs_types_function(pl->types, fn->name) : NULL;

	*why = NULL;
	if (!sym->count && sym->variant[0]) {
		*why = explain("only as %s, whose arguments are not known", sym->variant);
		return RS_POINT_REFUSED;
	}
	if (!sym->count) {
		*why = explain("no function %s", fn->name);
		return RS_POINT_INLINED;
	}
	if (sym->blacklisted) {
		*why = explain("%s is on the kernel's kprobe blacklist", fn->name);
		return RS_POINT_REFUSED;
	}
	if (point->fields[0].name && !proto) {
		*why = explain("no type information for %s", fn->name);
		return RS_POINT_REFUSED;
	}
	if (fn->nr_params && proto && rs_types_nr_params(pl->types, proto) != fn->nr_params) {
		*why = explain("%s has %u parameter%s here, not %u", fn->name,
			       rs_types_nr_params(pl->types, proto),
			       rs_types_nr_params(pl->types, proto) == 1 ? "" : "s", fn->nr_params);
		return RS_POINT_INLINED;
	}
	return RS_POINT_THERE;
}

/* Appends " NAME=FETCH" for the first path that the types know. */
static bool fetch_field(const struct planner *pl, const struct rs_function *proto,
			const struct rs_point_field *field, const char *prefix, char *fetch)
{
	size_t len = strlen(fetch);

	for (size_t i = 0; i < RS_MAX_PATHS && field->paths[i]; i++) {
		char path[256], arg[512];
		int n;

		snprintf(path, sizeof(path), "%s%s", prefix, field->paths[i]);
		if (rs_types_fetch(pl->types, proto, path, field->format, arg, sizeof(arg)))
			continue;
		n = snprintf(fetch + len, MAX_FETCH - len, "%s%s=%s", len ? " " : "", field->name,
			     arg);
		if (n > 0 && (size_t)n < MAX_FETCH - len)
			return true;
		fetch[len] = '\0';
	}
	return false;
}

static int add_lacking(struct rs_planned_probe *probe, const char *name)
{
	char *more;

	if (asprintf(&more, "%s%s%s", probe->lacking ? probe->lacking : "",
		     probe->lacking ? " " : "", name) < 0)
		return -ENOMEM;
	free(probe->lacking);
	probe->lacking = more;
	return 0;
}

static int fetch_fields(const struct planner *pl, const struct rs_point *point,
			struct rs_planned_probe *probe)
{
	const struct rs_function *proto =
		pl->types ? rs_types_function(pl->types, probe->function) : NULL;
	char fetch[MAX_FETCH] = "";
	bool last = false;

	probe->fields_complete = probe->state_complete = true;
	for (size_t i = 0; i < nr_fields(point); i++) {
		if (fetch_field(pl, proto, &point->fields[i], "", fetch))
			continue;
		probe->fields_complete &= point->fields[i].optional;
		if (add_lacking(probe, point->fields[i].name))
			return -ENOMEM;
	}
	for (size_t i = 0; point->has_state && i < RS_NR_STATE_FIELDS; i++) {
		if (fetch_field(pl, proto, &rs_state_fields[i], point->kvm, fetch))
			continue;
		probe->state_complete = false;
		if (add_lacking(probe, rs_state_fields[i].name))
			return -ENOMEM;
	}
	if (point->last.name) {
		last = fetch_field(pl, proto, &point->last, "", fetch);
		if (!last && add_lacking(probe, point->last.name))
			return -ENOMEM;
		last &= !strcmp(point->last.name, rs_vm_pid_field.name);
	}
	probe->has_pid = pl->opts->vm_pid && point->kvm &&
			 (last || fetch_field(pl, proto, &rs_vm_pid_field, point->kvm, fetch));
	probe->fetch = strdup(fetch);
	return probe->fetch ? 0 : -ENOMEM;
}

/* The name alone is enough unless several functions have it. */
static int name_target(struct planner *pl, struct rs_planned_probe *probe)
{
	const struct rs_symbol *sym = find_symbol(pl, probe->function);
	bool qualify = sym->count > 1 && sym->module[0];

	if (asprintf(&probe->target, "%s%s%s", qualify ? sym->module : "", qualify ? ":" : "",
		     probe->function) < 0) {
		probe->target = NULL;
		return -ENOMEM;
	}
	return 0;
}

/* A function that is there but refuses says more than one that is not there. */
static void keep_reason(struct rs_planned_probe *probe, enum rs_point_state state, char *why)
{
	if (probe->reason && (probe->state == RS_POINT_REFUSED || state != RS_POINT_REFUSED)) {
		free(why);
		return;
	}
	free(probe->reason);
	probe->reason = why;
	probe->state = state;
}

static int set_state(struct rs_planned_probe *probe, enum rs_point_state state, const char *reason)
{
	char *copy = strdup(reason);

	if (!copy)
		return -ENOMEM;
	free(probe->reason);
	probe->reason = copy;
	probe->state = state;
	return 0;
}

static const char locked_down[] = "kernel lockdown in confidentiality mode forbids kprobes";

static int plan_point(struct planner *pl, enum rs_probe_event ev, struct rs_planned_probe *probe)
{
	const struct rs_point *point = &rs_points[ev];

	if (pl->host->lockdown == RS_LOCKDOWN_CONFIDENTIALITY)
		return set_state(probe, RS_POINT_REFUSED, locked_down);
	if (!pl->symbols_known)
		return set_state(probe, RS_POINT_UNKNOWN, "/proc/kallsyms cannot be read");
	if (pl->host->tracing == RS_ACCESS_OK && pl->host->kprobes == RS_ACCESS_NONE)
		return set_state(probe, RS_POINT_REFUSED, "the kernel has no kprobe events");
	probe->state = RS_POINT_INLINED;
	for (size_t i = 0; i < nr_functions(point); i++) {
		const struct rs_point_function *fn = &point->functions[i];
		enum rs_point_state state;
		char *why;

		if (!paging_fits(pl->host, fn->paging))
			continue;
		state = judge_function(pl, point, fn, &why);
		if (state != RS_POINT_THERE) {
			keep_reason(probe, state, why);
			continue;
		}
		free(probe->reason);
		probe->reason = NULL;
		probe->state = state;
		probe->function = fn->name;
		probe->renamed = fn->other_name;
		return name_target(pl, probe) || fetch_fields(pl, point, probe) ? -ENOMEM : 0;
	}
	return 0;
}

static bool tracepoint_there(const struct planner *pl, const char *name)
{
	const char *event = strchr(name, ':') + 1;
	bool there;
	char *path;

	if (pl->host->lockdown == RS_LOCKDOWN_CONFIDENTIALITY)
		return false;
	if (pl->host->tracing != RS_ACCESS_OK)
		return pl->types && rs_types_tracepoint(pl->types, event);
	if (asprintf(&path, "%s/events/%.*s/%s", pl->host->tracefs, (int)(event - name - 1), name,
		     event) < 0)
		return false;
	there = !access(path, F_OK);
	free(path);
	return there;
}

static bool is_there(const struct rs_plan *p, enum rs_probe_event ev)
{
	return p->probes[ev].state == RS_POINT_THERE;
}

static bool has_last(const struct rs_plan *p, enum rs_probe_event ev)
{
	const char *lacking = p->probes[ev].lacking;

	return is_there(p, ev) && !(lacking && strstr(lacking, rs_points[ev].last.name));
}

static void find_gfn_invals(struct rs_plan *p)
{
	p->gfn_invals =
		(is_there(p, RS_PROBE_INVAL_BEGIN) && is_there(p, RS_PROBE_INVAL_END_LOCKED)) ||
		(is_there(p, RS_PROBE_ZAP_BEGIN) && is_there(p, RS_PROBE_ZAP_END));
	p->private_kinds = has_last(p, RS_PROBE_INVAL_SLOT) && has_last(p, RS_PROBE_FAULT_BEGIN) &&
			   has_last(p, RS_PROBE_FAULT_CHECK);
}

/* STATE counts as there if every event that should carry it does. */
static void find_level(struct rs_plan *p)
{
	bool any = false, tracepoints = false;

	for (size_t i = 0; i < RS_NR_PARTS; i++)
		p->parts[i] = true;
	for (size_t ev = 0; ev < RS_NR_PROBE_EVENTS; ev++) {
		const struct rs_planned_probe *probe = &p->probes[ev];
		bool there = probe->state == RS_POINT_THERE;

		/* Returns alone, of nothing that is known, tell nothing. */
		any |= there && rs_points[ev].fields[0].name && !rs_points[ev].on_return;
		if (!there && rs_points[ev].optional)
			continue;
		if (!there || !probe->fields_complete)
			p->parts[rs_points[ev].part] = false;
		if (rs_points[ev].has_state && (!there || !probe->state_complete))
			p->parts[RS_PART_STATE] = false;
	}
	for (size_t i = 0; i < RS_NR_TRACEPOINTS; i++)
		tracepoints |= p->tracepoints[i].there;
	find_gfn_invals(p);
	p->level = any ? RS_LEVEL_FULL : tracepoints ? RS_LEVEL_TRACEPOINTS : RS_LEVEL_NONE;
	for (size_t i = 0; any && i < RS_NR_PARTS; i++)
		if (!p->parts[i])
			p->level = RS_LEVEL_PARTIAL;
}

/* Why nothing tells whether the kernel takes probes; NULL if that is known. */
static const char *why_unknown(const struct planner *pl)
{
	const struct rs_host *h = pl->host;

	if (h->lockdown == RS_LOCKDOWN_CONFIDENTIALITY)
		return NULL;
	if (h->lockdown == RS_LOCKDOWN_UNKNOWN)
		return "this user cannot see whether kernel lockdown forbids tracing";
	if (!h->tracefs)
		return "tracefs is not mounted, which would tell whether there are kprobe events";
	if (h->tracing == RS_ACCESS_DENIED)
		return "this user cannot see whether there are kprobe events";
	if (h->tracing == RS_ACCESS_NONE)
		return "there is nothing where tracefs is mounted, which would tell whether there "
		       "are kprobe events";
	return NULL;
}

/* Whether the level is known, or what it may be. */
static void judge_level(const struct planner *pl, struct rs_plan *p)
{
	const char *why = why_unknown(pl);
	/* With fewer probes there is no more to be had, and none is refused yet. */
	const bool depends = p->level >= RS_LEVEL_PARTIAL;

	p->level_known = true;
	p->at_most = p->level;
	if (pl->host->lockdown == RS_LOCKDOWN_CONFIDENTIALITY) {
		p->level_reason = "kernel lockdown in confidentiality mode forbids kprobes and "
				  "tracefs";
	} else if (!pl->symbols_known && pl->host->kprobes != RS_ACCESS_NONE) {
		p->level_known = false;
		p->at_most = RS_LEVEL_FULL;
		p->level_reason = "/proc/kallsyms cannot be read, which would tell what can be "
				  "probed";
	} else if (why && depends) {
		p->level_known = false;
		p->level_reason = why;
	}
}

static bool is_withheld(const struct rs_plan_opts *opts, enum rs_probe_event ev)
{
	return opts->withheld >> ev & 1 || opts->parts_withheld >> rs_points[ev].part & 1;
}

/*
 * The first two say what a probe says as well, but for other tools; the rest is about async
 * page faults, which the look-ups need.
 */
static bool tracepoint_withheld(const struct rs_plan_opts *opts, size_t i)
{
	return opts->parts_withheld && (i < 2 || opts->parts_withheld >> RS_PART_LOOKUPS & 1);
}

struct rs_plan *rs_plan_make(const struct rs_host *h, const struct rs_types *types,
			     const struct rs_plan_opts *opts)
{
	static const struct rs_plan_opts plain;
	struct rs_plan *p = calloc(1, sizeof(*p));
	struct planner pl = { .host = h, .types = types, .opts = opts ? opts : &plain };

	if (!p)
		return NULL;
	read_symbols(&pl);
	for (size_t ev = 0; ev < RS_NR_PROBE_EVENTS; ev++) {
		struct rs_planned_probe *probe = &p->probes[ev];

		if (is_withheld(pl.opts, ev) ? set_state(probe, RS_POINT_WITHHELD, "not wanted")
					     : plan_point(&pl, ev, probe)) {
			rs_plan_free(p);
			errno = ENOMEM;
			return NULL;
		}
	}
	for (size_t i = 0; i < RS_NR_TRACEPOINTS; i++) {
		p->tracepoints[i].name = tracepoint_names[i];
		p->tracepoints[i].there = !tracepoint_withheld(pl.opts, i) &&
					  tracepoint_there(&pl, tracepoint_names[i]);
	}
	find_level(p);
	judge_level(&pl, p);
	return p;
}

void rs_plan_free(struct rs_plan *p)
{
	if (!p)
		return;
	for (size_t ev = 0; ev < RS_NR_PROBE_EVENTS; ev++) {
		struct rs_planned_probe *probe = &p->probes[ev];

		free(probe->target);
		free(probe->fetch);
		free(probe->lacking);
		free(probe->reason);
	}
	free(p);
}

int rs_plan_refuse(struct rs_plan *p, enum rs_probe_event ev, const char *reason)
{
	int ret = set_state(&p->probes[ev], RS_POINT_REFUSED, reason);

	if (ret)
		return ret;
	find_level(p);
	p->at_most = p->level;
	return 0;
}

char *rs_plan_definition(const struct rs_plan *p, enum rs_probe_event ev, const char *group)
{
	const struct rs_planned_probe *probe = &p->probes[ev];
	char kind[16] = "p", *line;

	if (probe->state != RS_POINT_THERE) {
		errno = ENOENT;
		return NULL;
	}
	if (rs_points[ev].on_return)
		snprintf(kind, sizeof(kind), "r%d", RS_RETURN_PROBE_INSTANCES);
	if (asprintf(&line, "%s:%s/%s %s%s%s", kind, group, rs_probe_event_name(ev), probe->target,
		     *probe->fetch ? " " : "", probe->fetch) < 0) {
		errno = ENOMEM;
		return NULL;
	}
	return line;
}

const char *rs_level_name(enum rs_level level)
{
	static const char *const names[] = { "none", "tracepoints", "partial", "full" };

	return names[level];
}

const char *rs_point_state_name(enum rs_point_state state)
{
	static const char *const names[] = { "there", "inlined", "refused", "withheld", "unknown" };

	return names[state];
}
