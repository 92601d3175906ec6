// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/report/derive.h"
#include "analysis/report/fleet.h"
#include "analysis/write/json_build.h"
#include "analysis/write/json_exact.h"
#include "analysis/report/report_json.h"

/* Schema "retryscope-report/2". Every builder returns a new reference, or NULL without memory. */
#define SCHEMA "retryscope-report/2"

/* @ratio: the values are thousandths. */
static json_t *hist_value(unsigned __int128 v, bool ratio)
{
	return ratio ? rs_json_thousandths(v) : rs_json_u128(v);
}

/* [[value, weight], ...] of the buckets that are not empty. */
static json_t *buckets(const struct rs_hist *h, bool ratio)
{
	uint64_t value, weight;
	json_t *list = json_array();
	size_t pos = 0;

	while (list && rs_hist_next(h, &pos, &value, &weight)) {
		json_t *pair = rs_json_append(json_array(), hist_value(value, ratio));

		list = rs_json_append(list, rs_json_append(pair, rs_json_u64(weight)));
	}
	return list;
}

static json_t *quantile(const struct rs_hist *h, double q, bool ratio)
{
	return rs_hist_whole(h) ? hist_value(rs_hist_quantile(h, q), ratio) : json_null();
}

static json_t *dist(const struct rs_report *rep, const struct rs_hist *h, bool ratio)
{
	json_t *d = RS_JSON(
		{ "count", rs_json_u64(h->weight) }, { "total", hist_value(h->total, ratio) },
		{ "p50", quantile(h, 0.5, ratio) }, { "p90", quantile(h, 0.9, ratio) },
		{ "p99", quantile(h, 0.99, ratio) }, { "p999", quantile(h, 0.999, ratio) },
		{ "max", hist_value(h->max, ratio) });

	if (!rep->distributions)
		return d;
	d = rs_json_with(d, "min", hist_value(h->min, ratio));
	return rs_json_with(d, "ccdf", buckets(h, ratio));
}

static json_t *causes(const uint64_t *counts)
{
	json_t *o = json_object();

	for (unsigned int i = 0; i < RS_NR_CAUSES; i++)
		o = rs_json_with(o, rs_cause_name(i), rs_json_u64(counts[i]));
	return o;
}

/* A figure in the structure @in. */
static json_t *figure(const struct rs_report *rep, const struct rs_figure_row *row, const void *in,
		      const struct rs_figure_base *base)
{
	const void *at = (const char *)in + row->offset;

	switch (row->type) {
	case RS_FIGURE_U64:
		return rs_json_u64(*(const uint64_t *)at);
	case RS_FIGURE_U128:
		return rs_json_u128(*(const unsigned __int128 *)at);
	case RS_FIGURE_DOUBLE:
		return rs_json_number(*(const double *)at);
	case RS_FIGURE_BOOL:
		return json_boolean(*(const bool *)at);
	case RS_FIGURE_TEXT:
		return rs_json_text(*(const char *const *)at);
	case RS_FIGURE_CAUSES:
		return causes(at);
	case RS_FIGURE_HIST:
		return dist(rep, at, row->ratio);
	case RS_FIGURE_COUNT_OF:
		return rs_json_u64(row->count(base));
	case RS_FIGURE_NUMBER_OF:
		return rs_json_number(row->number(base));
	default:
		return NULL;
	}
}

/* @o with @value as its member "a", or as "b" in its object "a" if @key is "a.b". */
static json_t *with_member(json_t *o, const char *key, json_t *value)
{
	json_t *in = o, *inner;
	size_t len;

	for (; in && key[len = strcspn(key, ".")]; key += len + 1) {
		inner = json_object_getn(in, key, len);
		if (!inner && !json_object_setn_new(in, key, len, json_object()))
			inner = json_object_getn(in, key, len);
		in = inner;
	}
	if (!json_object_set_new(in, key, value))
		return o;
	json_decref(o);
	return NULL;
}

/*
 * Adds the figures of a kind to @o, or only those in the object @object; takes
 * @o and returns it, or NULL.
 */
static json_t *with_figures(json_t *o, const struct rs_report *rep, enum rs_figure_of of,
			    const void *in, const struct rs_figure_base *base, const char *object)
{
	const struct rs_figure_row *row;
	size_t len = object ? strlen(object) : 0;

	for (size_t i = 0; o && (row = rs_figure_row(i)); i++)
		if (row->of == of && row->key && !(row->full && rep->result->counts_only) &&
		    !(row->sampled && !(base && base->vm->pauses)) &&
		    !strncmp(row->key, object ? object : "", len) &&
		    (!object || row->key[len] == '.'))
			o = with_member(o, row->key, figure(rep, row, in, base));
	return o;
}

static json_t *with_closed(json_t *o, const struct rs_report *rep, const char *key,
			   const struct rs_closed_algo *c, const struct rs_figure_base *base)
{
	return c ? rs_json_with(o, key,
				with_figures(json_object(), rep, RS_OF_CLOSED_ALGO, c, base, NULL))
		 : o;
}

static json_t *algorithm(const struct rs_report *rep, const struct rs_vm_result *v,
			 const struct rs_algo_result *a)
{
	const struct rs_figure_base base = { v, rep->result->nr_algos, a,
					     rep->result->counts_only };
	json_t *o = with_figures(json_object(), rep, RS_OF_ALGO, a, &base, NULL);

	o = with_closed(o, rep, "closed", a->closed, &base);
	return with_closed(o, rep, "other_arrivals", a->other, &base);
}

static json_t *algorithms(const struct rs_report *rep, const struct rs_vm_result *v)
{
	json_t *o = json_object();

	for (size_t i = 0; i < rep->result->nr_algos; i++)
		o = rs_json_with(o, v->algos[i].name, algorithm(rep, v, &v->algos[i]));
	return o;
}

static json_t *disagreements(const struct rs_vm_result *v)
{
	json_t *list = json_array();

	for (size_t i = 0; i < v->nr_disagreements; i++) {
		const struct rs_disagreement *d = &v->disagreements[i];

		list = rs_json_append(
			list,
			RS_JSON({ "time_ns", rs_json_u64(d->time_ns) },
				{ "event", rs_json_u64(d->event) },
				{ "vcpu", rs_json_u64(d->vcpu) }, { "gfn", rs_json_u64(d->gfn) },
				{ "lockless", json_boolean(d->lockless) },
				{ "kernel", rs_json_text(rs_result_name(d->kernel_result)) },
				{ "model", rs_json_text(rs_result_name(d->model_result)) }));
	}
	return list;
}

static json_t *state_words(const uint64_t *w)
{
	return RS_JSON({ "seq", rs_json_u64(w[0]) }, { "in_progress", rs_json_u64(w[1]) },
		       { "range_start", rs_json_u64(w[2]) }, { "range_end", rs_json_u64(w[3]) });
}

static json_t *mismatches(const struct rs_vm_result *v)
{
	json_t *list = json_array();

	for (size_t i = 0; i < v->nr_mismatches; i++) {
		const struct rs_state_mismatch *m = &v->mismatches[i];

		list = rs_json_append(list, RS_JSON({ "time_ns", rs_json_u64(m->time_ns) },
						    { "event", rs_json_u64(m->event) },
						    { "kernel", state_words(m->kernel) },
						    { "model", state_words(m->model) }));
	}
	return list;
}

static json_t *closed_vm(const struct rs_report *rep, const struct rs_vm_result *v)
{
	json_t *o = with_figures(json_object(), rep, RS_OF_CLOSED_VM, &v->closed, NULL, NULL);

	return v->closed.checked ? o : rs_json_with(o, "check", json_null());
}

json_t *rs_report_json_checks(const struct rs_report *rep, const struct rs_vm_result *v)
{
	const struct rs_algo_result *own = rs_vm_algo(rep->result, v, rep->result->kernel_algo);
	json_t *o = json_object();

	o = with_figures(o, rep, RS_OF_VM, v, NULL, "invalidations");
	o = with_figures(o, rep, RS_OF_VM, v, NULL, "faults");
	o = with_figures(o, rep, RS_OF_VM, v, NULL, "state");
	o = own ? with_figures(o, rep, RS_OF_ALGO, own, NULL, "agreement")
		: rs_json_with(o, "agreement", json_null());
	o = rs_json_with(o, "disagreements", disagreements(v));
	return rs_json_with(o, "mismatches", mismatches(v));
}

/* What a VM and a sum of VMs have in common, added to @o; takes @o and returns it, or NULL. */
static json_t *vm_figures(const struct rs_report *rep, const struct rs_vm_result *v, json_t *o)
{
	const struct rs_figure_base base = { v, rep->result->nr_algos, NULL,
					     rep->result->counts_only };

	o = with_figures(o, rep, RS_OF_VM, v, &base, NULL);
	o = rs_json_with(o, "algorithms", algorithms(rep, v));
	o = rs_json_with(o, "disagreements", disagreements(v));
	o = rs_json_with(o, "mismatches", mismatches(v));
	return rep->result->closed ? rs_json_with(o, "closed", closed_vm(rep, v)) : o;
}

static json_t *vm(const struct rs_report *rep, const struct rs_vm_result *v)
{
	const struct rs_vm_info *info = rs_meta_vm(rep->meta, v->vm);
	json_t *o;

	o = RS_JSON({ "vm", rs_json_u64(v->vm) },
		    { "pid", rs_json_u64(info ? (uint64_t)info->pid : 0) },
		    { "command", rs_json_text(info ? info->command : NULL) });
	return vm_figures(rep, v, o);
}

static json_t *vms(const struct rs_report *rep)
{
	json_t *list = json_array();

	for (size_t i = 0; i < rep->result->nr_vms; i++)
		list = rs_json_append(list, vm(rep, &rep->result->vms[i]));
	return list;
}

static json_t *sum(const struct rs_report *rep)
{
	struct rs_vm_result all;
	json_t *o;

	if (rs_result_sum_vms(rep->result, &all))
		return NULL;
	o = vm_figures(rep, &all, RS_JSON({ "vms", rs_json_u64(rep->result->nr_vms) }));
	rs_vm_result_free(&all, rep->result->nr_algos);
	return o;
}

static json_t *anomalies(const struct rs_report *rep)
{
	struct rs_anomaly_count *list;
	json_t *o = json_object();
	size_t nr;

	list = rs_anomalies_list(rep->result, rep->meta, &nr);
	for (size_t i = 0; list && i < nr; i++)
		o = rs_json_with(o, list[i].name, rs_json_u64(list[i].count));
	if (!list) {
		json_decref(o);
		o = NULL;
	}
	free(list);
	return o;
}

static json_t *facts(const struct rs_trace_meta *m)
{
	json_t *o = json_object();

	for (size_t i = 0; i < m->nr_facts; i++)
		o = rs_json_with(o, m->facts[i].key, rs_json_text(m->facts[i].value));
	return o;
}

static json_t *assumptions(const struct rs_trace_meta *m)
{
	json_t *list = json_array();

	for (size_t i = 0; i < m->nr_assumptions; i++)
		list = rs_json_append(list, rs_json_text(m->assumptions[i]));
	return list;
}

static json_t *identity(const char *text)
{
	return rs_json_text(text && text[0] ? text : NULL);
}

static json_t *only_vm(bool one_vm, uint32_t vm)
{
	return one_vm ? rs_json_u64(vm) : json_null();
}

json_t *rs_report_json_trace(const struct rs_report *rep)
{
	const struct rs_trace_meta *m = rep->meta;
	struct rs_result shown = *rep->result;
	json_t *o;

	shown.lost = rs_lost_events(rep->result, m);
	o = RS_JSON({ "path", rs_json_text(rep->path) }, { "form", rs_json_text(rep->form) },
		    { "kernel", rs_json_text(m->kernel) },
		    { "kernel_algorithm", rs_json_text(shown.kernel_algo) },
		    { "level", rs_json_text(m->level) }, { "identity", identity(m->identity) },
		    { "only_vm", only_vm(rep->one_vm, rep->vm) });
	o = with_figures(o, rep, RS_OF_RESULT, &shown, NULL, NULL);
	return rs_json_join(o, RS_JSON({ "anomalies", anomalies(rep) },
				       { "assumptions", assumptions(m) }, { "facts", facts(m) }));
}

#define SOURCE(m) .type = RS_FIGURE_U64, .offset = offsetof(struct rs_report_source, m)
const struct rs_figure_row rs_source_rows[] = {
	{ SOURCE(vms), .key = "vms" },
	{ SOURCE(events), .key = "events" },
	{ SOURCE(begin_ns), .key = "begin_ns" },
	{ SOURCE(end_ns), .key = "end_ns" },
	{ SOURCE(lost), .key = "lost" },
	{ SOURCE(checked), .key = "checked" },
	{ SOURCE(locked.known), .key = "agreement.locked.known" },
	{ SOURCE(locked.same), .key = "agreement.locked.same" },
	{ SOURCE(lockless.known), .key = "agreement.lockless.known" },
	{ SOURCE(lockless.same), .key = "agreement.lockless.same" },
	{ SOURCE(state_compared), .key = "state.compared" },
	{ SOURCE(state_equal), .key = "state.equal" },
	{ 0 },
};

#define PART(m) .type = RS_FIGURE_U64, .offset = offsetof(struct rs_report_part, m)
const struct rs_figure_row rs_part_rows[] = {
	{ PART(checked), .key = "checked" },
	{ PART(frames), .key = "frames" },
	{ PART(aliased_frames), .key = "aliased_frames" },
	{ 0 },
};

#define DOING(m) .offset = offsetof(struct rs_report_doing, m)
const struct rs_figure_row rs_doing_rows[] = {
	{ DOING(rejected), .type = RS_FIGURE_U64, .key = "rejected" },
	{ DOING(spurious), .type = RS_FIGURE_U64, .key = "spurious" },
	{ DOING(alias), .type = RS_FIGURE_U64, .key = "alias" },
	{ 0 },
};

const struct rs_figure_row rs_stall_rows[] = {
	{ DOING(stalls), .type = RS_FIGURE_U64, .key = "stall_ns.count" },
	{ DOING(stall_ns), .type = RS_FIGURE_U128, .key = "stall_ns.total" },
	{ 0 },
};

/* Adds to @o what @rows say of the structure @in; takes @o and returns it, or NULL. */
static json_t *with_rows(json_t *o, const struct rs_report *rep, const struct rs_figure_row *rows,
			 const void *in)
{
	for (const struct rs_figure_row *row = rows; o && row->key; row++)
		o = with_member(o, row->key, figure(rep, row, in, NULL));
	return o;
}

static json_t *part(const struct rs_report *rep, const struct rs_report_part *p, size_t nr_doings)
{
	json_t *algos = json_object(), *o;

	for (size_t i = 0; i < nr_doings; i++) {
		o = with_rows(json_object(), rep, rs_doing_rows, &p->doings[i]);
		if (rep->result->closed)
			o = with_rows(o, rep, rs_stall_rows, &p->doings[i]);
		algos = rs_json_with(algos, rep->result->vms[0].algos[i].name, o);
	}
	o = RS_JSON({ "vm", rs_json_u64(p->vm) }, { "pid", rs_json_u64((uint64_t)p->pid) },
		    { "command", rs_json_text(p->command) });
	return rs_json_with(with_rows(o, rep, rs_part_rows, p), "algorithms", algos);
}

static json_t *parts(const struct rs_report *rep, const struct rs_report_source *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->nr_parts; i++)
		list = rs_json_append(list, part(rep, &s->parts[i], s->nr_doings));
	return list;
}

static json_t *sources(const struct rs_report *rep)
{
	json_t *list = json_array();

	for (size_t i = 0; i < rep->nr_sources; i++) {
		const struct rs_report_source *s = &rep->sources[i];
		json_t *o = RS_JSON(
			{ "path", rs_json_text(s->path) }, { "form", rs_json_text(s->form) },
			{ "kernel", rs_json_text(s->kernel) },
			{ "kernel_algorithm", rs_json_text(s->kernel_algo) },
			{ "identity", identity(s->identity) }, { "host", rs_json_text(s->host) },
			{ "boot_id", rs_json_text(s->boot_id) },
			{ "group", rs_json_text(s->group) },
			{ "only_vm", only_vm(s->one_vm, s->vm) });

		o = with_rows(o, rep, rs_source_rows, s);
		list = rs_json_append(list, rs_json_with(o, "parts", parts(rep, s)));
	}
	return list;
}

static json_t *document(const struct rs_report *rep)
{
	json_t *o;

	o = RS_JSON({ "schema", json_string(SCHEMA) },
		    { "tool", RS_JSON({ "version", rs_json_text(rep->version) },
				      { "command", rs_json_text(rep->command) }) },
		    { "trace", rs_report_json_trace(rep) },
		    { "loop", json_string(rep->result->closed ? "closed" : "open") });
	if (rep->result->counts_only)
		o = rs_json_with(o, "counts_only", json_true());
	o = rs_json_with(o, "vms", vms(rep));
	if (rep->result->nr_vms > 1)
		o = rs_json_with(o, "sum", sum(rep));
	if (rep->sources)
		o = rs_json_with(o, "merged", sources(rep));
	return rep->fleet ? rs_json_with(o, "fleet", rs_fleet_json(rep->fleet)) : o;
}

static int write_json(FILE *f, const struct rs_report *rep)
{
	json_t *root = document(rep);
	int err;

	if (!root)
		return -ENOMEM;
	err = rs_json_write(f, root);
	json_decref(root);
	return err;
}

const struct rs_report_format rs_report_json = {
	.name = "json",
	.summary = "everything, exactly; schema " SCHEMA,
	.identity = true,
	.both = true,
	.write = write_json,
};
