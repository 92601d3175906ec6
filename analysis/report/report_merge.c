// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/report/derive.h"
#include "analysis/report/report_read.h"
#include "base/array.h"

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* ---- may they be added? ---- */

static const struct rs_vm_result *any_vm(const struct rs_report_data *d)
{
	return d->result->nr_vms ? &d->result->vms[0] : NULL;
}

static int check_closed(const struct rs_closed_vm *a, const struct rs_closed_vm *b,
			struct rs_error *err)
{
	if (strcmp(a->arrivals, b->arrivals))
		return rs_error_set(err, RS_ERR_INPUT, EINVAL,
				    "arrivals are %s, those of the first report %s", b->arrivals,
				    a->arrivals);
	if (a->precheck != b->precheck)
		return rs_error_set(err, RS_ERR_INPUT, EINVAL,
				    "the pre-check is %s, in the first report %s",
				    b->precheck ? "on" : "off", a->precheck ? "on" : "off");
	return 0;
}

/* Is @d like @first, the first report that has VMs? */
static int check_alike(const struct rs_report_data *first, const struct rs_report_data *d,
		       struct rs_error *err)
{
	const struct rs_vm_result *a = any_vm(first), *b = any_vm(d);
	size_t nr = first->result->nr_algos;

	if (first->result->closed != d->result->closed)
		return rs_error_set(err, RS_ERR_INPUT, EINVAL,
				    "the loop is %s, in the first report %s",
				    d->result->closed ? "closed" : "open",
				    first->result->closed ? "closed" : "open");
	if (!a || !b)
		return 0;
	if (nr != d->result->nr_algos)
		return rs_error_set(err, RS_ERR_INPUT, EINVAL,
				    "it has %zu algorithms, the first report %zu",
				    d->result->nr_algos, nr);
	for (size_t i = 0; i < nr; i++)
		if (strcmp(a->algos[i].name, b->algos[i].name))
			return rs_error_set(err, RS_ERR_INPUT, EINVAL,
					    "algorithm %zu is %s, in the first report %s", i + 1,
					    b->algos[i].name, a->algos[i].name);
	return d->result->closed ? check_closed(&a->closed, &b->closed, err) : 0;
}

/* ---- sources ---- */

struct rs_report_source rs_report_source_of(const struct rs_report_data *d)
{
	const struct rs_result *r = d->result;
	struct rs_report_source s = {
		.path = d->report.path,
		.form = d->report.form,
		.kernel = d->meta.kernel,
		.kernel_algo = r->kernel_algo,
		.identity = d->meta.identity[0] ? d->meta.identity : NULL,
		.one_vm = d->report.one_vm,
		.vm = d->report.vm,
		.vms = r->nr_vms,
		.events = r->events,
		.begin_ns = r->begin_ns,
		.end_ns = r->end_ns,
		.lost = r->lost,
	};

	for (size_t i = 0; i < r->nr_vms; i++) {
		const struct rs_vm_result *v = &r->vms[i];
		const struct rs_algo_result *own = rs_vm_algo(r, v, r->kernel_algo);

		s.checked += v->checked;
		s.state_compared += v->state_compared;
		s.state_equal += v->state_equal;
		if (!own)
			continue;
		s.locked.known += own->locked.known;
		s.locked.same += own->locked.same;
		s.lockless.known += own->lockless.known;
		s.lockless.same += own->lockless.same;
	}
	return s;
}

/*
 * Two traces do not begin and end at the same ns with as many events. Of those that have none
 * the path is all there is.
 */
static bool same_figures(const struct rs_report_source *a, const struct rs_report_source *b)
{
	return a->events == b->events && a->begin_ns == b->begin_ns && a->end_ns == b->end_ns &&
	       a->checked == b->checked && same_text(a->kernel, b->kernel) &&
	       (a->events || same_text(a->path, b->path));
}

bool rs_report_same_source(const struct rs_report_source *a, const struct rs_report_source *b)
{
	if (a->one_vm && b->one_vm && a->vm != b->vm)
		return false;
	return a->identity && b->identity ? !strcmp(a->identity, b->identity) : same_figures(a, b);
}

static int add_source(struct rs_report_data *sum, const struct rs_report_source *s,
		      struct rs_error *err)
{
	size_t nr = sum->report.nr_sources;

	for (size_t i = 0; i < nr; i++)
		if (rs_report_same_source(&sum->sources[i], s))
			return rs_error_set(err, RS_ERR_INPUT, EINVAL,
					    "the trace %s is in an earlier report already",
					    s->path ? s->path : "in it");
	if (RS_ROOM_FOR_ONE(sum->sources, nr))
		return rs_error_nomem(err);
	sum->sources[nr] = *s;
	sum->report.sources = sum->sources;
	sum->report.nr_sources = nr + 1;
	return 0;
}

static int add_sources(struct rs_report_data *sum, const struct rs_report_data *d,
		       struct rs_error *err)
{
	struct rs_report_source own;
	int rc = 0;

	if (!d->sources) {
		own = rs_report_source_of(d);
		return add_source(sum, &own, err);
	}
	for (size_t i = 0; !rc && i < d->report.nr_sources; i++)
		rc = add_source(sum, &d->sources[i], err);
	return rc;
}

/* ---- what is known of the traces ---- */

static int add_meta(struct rs_trace_meta *to, const struct rs_trace_meta *from)
{
	int rc = 0;

	for (size_t i = 0; i < from->nr_anomalies; i++)
		rc |= rs_meta_add_anomaly(to, from->anomalies[i].name, from->anomalies[i].count);
	for (size_t i = 0; i < from->nr_assumptions; i++)
		if (!rs_meta_has_assumption(to, from->assumptions[i]))
			rc |= rs_meta_add_assumption(to, from->assumptions[i]);
	to->lost += from->lost;
	return rc;
}

/* Kernel, level and form are kept if all reports agree. */
static int set_common(struct rs_report_data *sum, const struct rs_report_data *reports, size_t nr)
{
	const char *kernel = reports[0].meta.kernel, *level = reports[0].meta.level;
	const char *algo = reports[0].result->kernel_algo;
	const char *form = reports[0].report.form;

	for (size_t i = 1; i < nr; i++) {
		kernel = same_text(kernel, reports[i].meta.kernel) ? kernel : NULL;
		level = same_text(level, reports[i].meta.level) ? level : NULL;
		algo = same_text(algo, reports[i].result->kernel_algo) ? algo : NULL;
		form = same_text(form, reports[i].report.form) ? form : NULL;
	}
	sum->report.form = form;
	if ((kernel && rs_meta_set_kernel(&sum->meta, kernel)) ||
	    (level && rs_meta_set_level(&sum->meta, level)))
		return -ENOMEM;
	sum->result->kernel_algo = algo ? strdup(algo) : NULL;
	return algo && !sum->result->kernel_algo ? -ENOMEM : 0;
}

/* ---- figures ---- */

static int add_result(struct rs_result *to, const struct rs_result *from)
{
	int rc = 0;

	to->events += from->events;
	to->lost += from->lost;
	to->lost_marks += from->lost_marks;
	to->end_ns += from->end_ns - from->begin_ns;
	for (unsigned int i = 0; i < RS_NR_ANOMALIES; i++)
		to->anomalies[i] += from->anomalies[i];
	for (size_t i = 0; !rc && i < from->nr_vms; i++) {
		to->nr_vms = 1;
		to->nr_algos = from->nr_algos;
		rc = rs_vm_result_add(&to->vms[0], &from->vms[i], from->nr_algos);
	}
	return rc;
}

static int add_report(struct rs_report_data *sum, const struct rs_report_data *first,
		      const struct rs_report_data *d, struct rs_error *err)
{
	int rc = check_alike(first, d, err);

	if (!rc)
		rc = add_sources(sum, d, err);
	if (!rc && (add_result(sum->result, d->result) || add_meta(&sum->meta, &d->meta)))
		rc = rs_error_nomem(err);
	sum->report.distributions &= d->report.distributions;
	return rc;
}

static const struct rs_report_data *first_with_vms(const struct rs_report_data *reports, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (reports[i].result->nr_vms)
			return &reports[i];
	return &reports[0];
}

int rs_report_merge(const struct rs_report_data *reports, size_t nr, struct rs_report_data *sum,
		    size_t *at, struct rs_error *err)
{
	const struct rs_report_data *first = first_with_vms(reports, nr);
	int rc = 0;

	memset(sum, 0, sizeof(*sum));
	*at = 0;
	sum->result = calloc(1, sizeof(*sum->result));
	if (sum->result)
		sum->result->vms = calloc(1, sizeof(*sum->result->vms));
	if (!sum->result || !sum->result->vms || set_common(sum, reports, nr))
		rc = rs_error_nomem(err);
	sum->report.result = sum->result;
	sum->report.meta = &sum->meta;
	sum->report.distributions = true;
	for (size_t i = 0; !rc && i < nr; i++) {
		*at = i;
		rc = add_report(sum, first, &reports[i], err);
	}
	if (rc) {
		rs_report_data_free(sum);
		return rc;
	}
	sum->result->closed = first->result->closed;
	if (sum->result->nr_vms && !sum->report.distributions)
		rs_vm_result_strip(&sum->result->vms[0], sum->result->nr_algos);
	return 0;
}
