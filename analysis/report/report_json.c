// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/report/derive.h"
#include "analysis/write/json_build.h"
#include "analysis/write/json_exact.h"
#include "analysis/report/report_formats.h"
#include "analysis/report/report_json.h"

/* Schema "retryscope-report/1". Every builder returns a new reference, or NULL without memory. */
#define SCHEMA "retryscope-report/1"

/* @ratio: the values are thousandths. */
static json_t *hist_value(unsigned __int128 v, bool ratio)
{
	return ratio ? rs_json_thousandths(v) : rs_json_u128(v);
}

/* [[value, weight], ...] of the buckets that are not empty. */
static json_t *buckets(const struct rs_hist *h, bool ratio)
{
	uint64_t value, weight;
	size_t pos = 0, size;
	const char *sep = "";
	char *text;
	json_t *v = NULL;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	fputc('[', f);
	for (; rs_hist_next(h, &pos, &value, &weight); sep = ", ") {
		if (ratio)
			fprintf(f, "%s[%" PRIu64 ".%03u, %" PRIu64 "]", sep, value / RS_RATIO_SCALE,
				(unsigned int)(value % RS_RATIO_SCALE), weight);
		else
			fprintf(f, "%s[%" PRIu64 ", %" PRIu64 "]", sep, value, weight);
	}
	fputc(']', f);
	if (!fclose(f))
		v = rs_json_raw(text);
	free(text);
	return v;
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

static json_t *agreement(const struct rs_agreement *locked, const struct rs_agreement *lockless)
{
	return RS_JSON({ "locked", RS_JSON({ "known", rs_json_u64(locked->known) },
					   { "same", rs_json_u64(locked->same) }) },
		       { "lockless", RS_JSON({ "known", rs_json_u64(lockless->known) },
					     { "same", rs_json_u64(lockless->same) }) });
}

static json_t *causes(const struct rs_algo_result *a)
{
	json_t *o = json_object();

	for (unsigned int i = 0; i < RS_NR_CAUSES; i++)
		o = rs_json_with(o, rs_cause_name(i), rs_json_u64(a->causes[i]));
	return o;
}

static json_t *closed_algo(const struct rs_report *rep, const struct rs_closed_algo *c)
{
	return RS_JSON({ "retries", rs_json_u64(c->retries) },
		       { "as_recorded", rs_json_u64(c->as_recorded) },
		       { "starved", rs_json_u64(c->starved) },
		       { "retries_per_fault", dist(rep, &c->retries_per_fault, false) },
		       { "retries_per_inval", dist(rep, &c->retries_per_inval, false) },
		       { "service_ns", dist(rep, &c->service_ns, false) },
		       { "stall_ns", dist(rep, &c->stall_ns, false) });
}

static json_t *blocked(const struct rs_vm_result *v, const struct rs_algo_result *a)
{
	return RS_JSON({ "page_ns", rs_json_u128(a->blocked_page_ns) },
		       { "mean", rs_json_number(rs_blocked_mean(v, a)) },
		       { "max", rs_json_u64(a->blocked_max) },
		       { "mean_share", rs_json_number(rs_blocked_share(v, a)) });
}

static json_t *algorithm(const struct rs_report *rep, const struct rs_vm_result *v,
			 const struct rs_algo_result *a)
{
	const struct rs_algo_result *exact = rs_vm_algo(rep->result, v, "exact");
	json_t *o;

	o = RS_JSON({ "merged", json_boolean(a->merged) }, { "rejected", rs_json_u64(a->rejected) },
		    { "spurious", rs_json_u64(a->spurious) }, { "missed", rs_json_u64(a->missed) },
		    { "causes", causes(a) }, { "blocked", blocked(v, a) },
		    { "widening", rs_json_number(rs_widening(a, exact)) },
		    { "agreement", agreement(&a->locked, &a->lockless) },
		    { "distributions",
		      RS_JSON({ "widening_time", dist(rep, &a->widening_time, true) },
			      { "widening_epoch", dist(rep, &a->widening_epoch, true) },
			      { "blocked_epoch", dist(rep, &a->blocked_epoch, false) }) });
	return a->closed ? rs_json_with(o, "closed", closed_algo(rep, a->closed)) : o;
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

static json_t *closed_vm(const struct rs_closed_vm *c)
{
	json_t *check = c->checked ? RS_JSON({ "as_recorded", rs_json_u64(c->check_as_recorded) },
					     { "retries", rs_json_u64(c->check_retries) })
				   : json_null();

	return RS_JSON({ "precheck", json_boolean(c->precheck) },
		       { "arrivals", rs_json_text(c->arrivals) },
		       { "retry_gap_ns", rs_json_u64(c->retry_gap_ns) },
		       { "retry_gap_assumed", json_boolean(c->retry_gap_assumed) },
		       { "clean_attempt_ns", rs_json_u64(c->clean_attempt_ns) },
		       { "precheck_ns", rs_json_u64(c->precheck_ns) },
		       { "logical_faults", rs_json_u64(c->logical_faults) },
		       { "recorded_retries", rs_json_u64(c->recorded_retries) },
		       { "check", check });
}

static json_t *state(const struct rs_vm_result *v)
{
	return RS_JSON({ "compared", rs_json_u64(v->state_compared) },
		       { "equal", rs_json_u64(v->state_equal) });
}

static json_t *faults(const struct rs_vm_result *v)
{
	return RS_JSON({ "checked", rs_json_u64(v->checked) },
		       { "necessary", rs_json_u64(v->necessary) },
		       { "no_memslot", rs_json_u64(v->no_memslot) },
		       { "ended", rs_json_u64(v->ended) }, { "unjudged", rs_json_u64(v->unjudged) },
		       { "slot_invalid", rs_json_u64(v->slot_invalid) },
		       { "root_obsolete", rs_json_u64(v->root_obsolete) },
		       { "async", rs_json_u64(v->async) },
		       { "lockless", rs_json_u64(v->checked_lockless) });
}

static json_t *invalidations(const struct rs_vm_result *v)
{
	return RS_JSON({ "hit", rs_json_u64(v->inval_hit) },
		       { "no_hit", rs_json_u64(v->inval_no_hit) },
		       { "gfn_only", rs_json_u64(v->inval_gfn) },
		       { "max_outstanding", rs_json_u64(v->max_outstanding) });
}

json_t *rs_report_json_checks(const struct rs_report *rep, const struct rs_vm_result *v)
{
	const struct rs_algo_result *own = rs_vm_algo(rep->result, v, rep->result->kernel_algo);

	return RS_JSON({ "invalidations", invalidations(v) }, { "faults", faults(v) },
		       { "state", state(v) },
		       { "agreement", own ? agreement(&own->locked, &own->lockless) : json_null() },
		       { "disagreements", disagreements(v) }, { "mismatches", mismatches(v) });
}

/* What a VM and a sum of VMs have in common, added to @o; takes @o and returns it, or NULL. */
static json_t *vm_figures(const struct rs_report *rep, const struct rs_vm_result *v, json_t *o)
{
	const struct rs_result *r = rep->result;
	double gfn_per_hva = rs_widening(rs_vm_algo(r, v, "gfn"), rs_vm_algo(r, v, "hva"));
	json_t *figures;

	figures = RS_JSON(
		{ "begin_ns", rs_json_u64(v->begin_ns) }, { "end_ns", rs_json_u64(v->end_ns) },
		{ "memslots", rs_json_u64(v->memslots) }, { "frames", rs_json_u64(v->frames) },
		{ "aliased_frames", rs_json_u64(v->aliased_frames) },
		{ "mean_frames", rs_json_number(v->mean_frames) },
		{ "frames_page_ns", rs_json_u128(v->frames_page_ns) },
		{ "invalidations", invalidations(v) }, { "faults", faults(v) },
		{ "state", state(v) }, { "epochs", rs_json_u64(v->epochs) },
		{ "gfn_per_hva", rs_json_number(gfn_per_hva) },
		{ "distributions",
		  RS_JSON({ "inval_ns", dist(rep, &v->inval_ns, false) },
			  { "epoch_ns", dist(rep, &v->epoch_ns, false) },
			  { "epoch_invals", dist(rep, &v->epoch_invals, false) }) },
		{ "algorithms", algorithms(rep, v) }, { "disagreements", disagreements(v) },
		{ "mismatches", mismatches(v) });
	o = rs_json_join(o, figures);
	return r->closed ? rs_json_with(o, "closed", closed_vm(&v->closed)) : o;
}

static json_t *vm(const struct rs_report *rep, const struct rs_vm_result *v)
{
	const struct rs_vm_info *info = rs_vm_info_find(rep->meta, v->vm);
	json_t *o;

	o = RS_JSON({ "vm", rs_json_u64(v->vm) }, { "pid", json_integer(info ? info->pid : 0) },
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

json_t *rs_report_json_trace(const struct rs_report *rep)
{
	const struct rs_result *r = rep->result;
	const struct rs_trace_meta *m = rep->meta;

	return RS_JSON(
		{ "path", rs_json_text(rep->path) }, { "form", rs_json_text(rep->form) },
		{ "kernel", rs_json_text(m->kernel) },
		{ "kernel_algorithm", rs_json_text(r->kernel_algo) },
		{ "level", rs_json_text(m->level) }, { "events", rs_json_u64(r->events) },
		{ "begin_ns", rs_json_u64(r->begin_ns) }, { "end_ns", rs_json_u64(r->end_ns) },
		{ "lost", rs_json_u64(rs_lost_events(r, m)) },
		{ "lost_marks", rs_json_u64(r->lost_marks) }, { "anomalies", anomalies(rep) },
		{ "assumptions", assumptions(m) }, { "facts", facts(m) });
}

static json_t *sources(const struct rs_report *rep)
{
	json_t *list = json_array();

	for (size_t i = 0; i < rep->nr_sources; i++) {
		const struct rs_report_source *s = &rep->sources[i];

		list = rs_json_append(
			list,
			RS_JSON({ "path", rs_json_text(s->path) },
				{ "form", rs_json_text(s->form) },
				{ "kernel", rs_json_text(s->kernel) },
				{ "kernel_algorithm", rs_json_text(s->kernel_algo) },
				{ "vms", rs_json_u64(s->vms) },
				{ "events", rs_json_u64(s->events) },
				{ "begin_ns", rs_json_u64(s->begin_ns) },
				{ "end_ns", rs_json_u64(s->end_ns) },
				{ "lost", rs_json_u64(s->lost) },
				{ "checked", rs_json_u64(s->checked) },
				{ "agreement", agreement(&s->locked, &s->lockless) },
				{ "state", RS_JSON({ "compared", rs_json_u64(s->state_compared) },
						   { "equal", rs_json_u64(s->state_equal) }) }));
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
		    { "loop", json_string(rep->result->closed ? "closed" : "open") },
		    { "vms", vms(rep) });
	if (rep->result->nr_vms > 1)
		o = rs_json_with(o, "sum", sum(rep));
	return rep->sources ? rs_json_with(o, "merged", sources(rep)) : o;
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
	.write = write_json,
};
