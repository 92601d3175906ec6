// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/report/report_read.h"
#include "analysis/report/report_source.h"
#include "base/array.h"
#include "base/table.h"

/* What was added so far, with one VM at most; nothing in it is a report's own. */
struct rs_report_sum {
	struct rs_report report; /* points to what follows */
	struct rs_result result;
	struct rs_vm_result vm;
	struct rs_trace_meta meta;
	struct rs_report_source *sources;
	size_t nr_sources, nr_reports;
	bool one_arrivals; /* a report does not have the other ones, so neither has the sum */
	char *form, *kernel_algo; /* of all reports; NULL: they differ, or do not tell */
	/* Of @sources, by their identity and by what else tells them apart. */
	struct rs_hash by_identity, by_figures;
};

/* ---- may they be added? ---- */

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

/* Is @d like those that were added? */
static int check_alike(const struct rs_report_sum *sum, const struct rs_report_data *d,
		       struct rs_error *err)
{
	const struct rs_result *first = &sum->result, *r = d->result;

	if (sum->nr_reports && first->closed != r->closed)
		return rs_error_set(
			err, RS_ERR_INPUT, EINVAL, "the loop is %s, in the first report %s",
			r->closed ? "closed" : "open", first->closed ? "closed" : "open");
	if (!first->nr_vms || !r->nr_vms)
		return 0;
	if (first->nr_algos != r->nr_algos)
		return rs_error_set(err, RS_ERR_INPUT, EINVAL,
				    "it has %zu algorithms, the first report %zu", r->nr_algos,
				    first->nr_algos);
	for (size_t i = 0; i < r->nr_algos; i++)
		if (strcmp(sum->vm.algos[i].name, r->vms[0].algos[i].name))
			return rs_error_set(err, RS_ERR_INPUT, EINVAL,
					    "algorithm %zu is %s, in the first report %s", i + 1,
					    r->vms[0].algos[i].name, sum->vm.algos[i].name);
	return r->closed ? check_closed(&sum->vm.closed, &r->vms[0].closed, err) : 0;
}

/* ---- sources ---- */

struct wanted {
	const struct rs_report_sum *sum;
	const struct rs_report_source *source;
};

static bool is_same(const void *arg, uint32_t i)
{
	const struct wanted *w = arg;

	return rs_report_same_source(&w->sum->sources[i], w->source);
}

static uint64_t hash_figures(const struct rs_report_source *s)
{
	return rs_hash_number(s->events ^ s->begin_ns << 20 ^ s->begin_ns >> 44 ^ s->end_ns);
}

static bool is_there(const struct rs_report_sum *sum, const struct rs_report_source *s)
{
	const struct wanted w = { sum, s };

	if (s->identity && rs_hash_find(&sum->by_identity, rs_hash_string(s->identity), is_same,
					&w) != RS_HASH_NONE)
		return true;
	return rs_hash_find(&sum->by_figures, hash_figures(s), is_same, &w) != RS_HASH_NONE;
}

static int add_source(struct rs_report_sum *sum, const struct rs_report_source *s,
		      struct rs_error *err)
{
	const uint32_t n = (uint32_t)sum->nr_sources;

	if (is_there(sum, s))
		return rs_error_set(err, RS_ERR_INPUT, EINVAL,
				    "the trace %s is in an earlier report already",
				    s->path ? s->path : "in it");
	if (RS_ROOM_FOR_ONE(sum->sources, n) || rs_report_source_copy(&sum->sources[n], s))
		return rs_error_nomem(err);
	sum->nr_sources++;
	if (rs_hash_add(&sum->by_figures, hash_figures(s), n) ||
	    (s->identity && rs_hash_add(&sum->by_identity, rs_hash_string(s->identity), n)))
		return rs_error_nomem(err);
	return 0;
}

static int add_sources(struct rs_report_sum *sum, const struct rs_report_data *d,
		       struct rs_error *err)
{
	struct rs_report_source own;
	int rc = 0;

	if (!d->sources) {
		own = rs_report_source_of(d);
		rc = rs_report_parts_of(&own, d) ? rs_error_nomem(err) : add_source(sum, &own, err);
		rs_report_parts_free(&own);
		return rc;
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

/* In *@to stays what all have; @first: there was none before. */
static int keep_common(char **to, const char *text, bool first)
{
	if (first) {
		*to = text ? strdup(text) : NULL;
		return text && !*to ? -ENOMEM : 0;
	}
	if (*to && (!text || strcmp(*to, text))) {
		free(*to);
		*to = NULL;
	}
	return 0;
}

static int add_common(struct rs_report_sum *sum, const struct rs_report_data *d)
{
	const bool first = !sum->nr_reports;

	return keep_common(&sum->meta.kernel, d->meta.kernel, first) ||
			       keep_common(&sum->meta.level, d->meta.level, first) ||
			       keep_common(&sum->kernel_algo, d->result->kernel_algo, first) ||
			       keep_common(&sum->form, d->report.form, first)
		       ? -ENOMEM
		       : 0;
}

/* ---- figures ---- */

static bool has_other(const struct rs_vm_result *v, size_t nr_algos)
{
	for (size_t i = 0; i < nr_algos; i++)
		if (!v->algos[i].other)
			return false;
	return true;
}

static int add_result(struct rs_report_sum *sum, const struct rs_result *from)
{
	struct rs_result *to = &sum->result;
	int rc = 0;

	to->closed = from->closed;
	to->events += from->events;
	to->lost += from->lost;
	to->lost_marks += from->lost_marks;
	to->end_ns += from->end_ns - from->begin_ns;
	for (unsigned int i = 0; i < RS_NR_ANOMALIES; i++)
		to->anomalies[i] += from->anomalies[i];
	for (size_t i = 0; !rc && i < from->nr_vms; i++) {
		sum->one_arrivals |= !has_other(&from->vms[i], from->nr_algos);
		to->nr_vms = 1;
		to->nr_algos = from->nr_algos;
		rc = rs_vm_result_add(&sum->vm, &from->vms[i], from->nr_algos);
	}
	return rc;
}

struct rs_report_sum *rs_report_sum_new(void)
{
	struct rs_report_sum *sum = calloc(1, sizeof(*sum));

	if (sum)
		sum->report.distributions = true;
	return sum;
}

int rs_report_sum_add(struct rs_report_sum *sum, const struct rs_report_data *d,
		      struct rs_error *err)
{
	int rc = check_alike(sum, d, err);

	if (!rc)
		rc = add_sources(sum, d, err);
	if (!rc &&
	    (add_common(sum, d) || add_result(sum, d->result) || add_meta(&sum->meta, &d->meta)))
		rc = rs_error_nomem(err);
	sum->report.distributions &= d->report.distributions;
	sum->nr_reports++;
	return rc;
}

/* ---- groups ---- */

int rs_report_sum_group(struct rs_report_sum *sum, const struct rs_groups *groups,
			struct rs_error *err)
{
	for (size_t i = 0; i < sum->nr_sources; i++) {
		struct rs_report_source *s = &sum->sources[i];
		const char *group = rs_groups_of(groups, s->host, s->path);
		char *copy = group ? strdup(group) : NULL;

		if (!group)
			continue;
		if (!copy)
			return rs_error_nomem(err);
		free((char *)s->group);
		s->group = copy;
	}
	return 0;
}

/* ---- the sum ---- */

static int by_anomaly(const void *pa, const void *pb)
{
	const struct rs_count *a = pa, *b = pb;

	return strcmp(a->name, b->name);
}

static int by_assumption(const void *pa, const void *pb)
{
	return strcmp(*(char *const *)pa, *(char *const *)pb);
}

/* So that the same reports are the same sum, in whatever order and steps they were added. */
static int sort(struct rs_report_sum *sum)
{
	struct rs_trace_meta *m = &sum->meta;

	if (sum->nr_sources)
		qsort(sum->sources, sum->nr_sources, sizeof(*sum->sources), rs_report_source_order);
	if (m->nr_anomalies)
		qsort(m->anomalies, m->nr_anomalies, sizeof(*m->anomalies), by_anomaly);
	if (m->nr_assumptions)
		qsort(m->assumptions, m->nr_assumptions, sizeof(*m->assumptions), by_assumption);
	/* A copy knows where its members are. */
	return rs_meta_copy(m, m);
}

struct rs_report *rs_report_sum_finish(struct rs_report_sum *sum, struct rs_error *err)
{
	if (sort(sum)) {
		rs_error_nomem(err);
		return NULL;
	}
	if (sum->result.nr_vms && !sum->report.distributions)
		rs_vm_result_strip(&sum->vm, sum->result.nr_algos);
	if (sum->one_arrivals)
		rs_vm_result_drop_other(&sum->vm, sum->result.nr_algos);
	sum->result.vms = &sum->vm;
	sum->result.kernel_algo = sum->kernel_algo;
	sum->report.result = &sum->result;
	sum->report.meta = &sum->meta;
	sum->report.form = sum->form;
	sum->report.sources = sum->sources;
	sum->report.nr_sources = sum->nr_sources;
	return &sum->report;
}

void rs_report_sum_free(struct rs_report_sum *sum)
{
	if (!sum)
		return;
	rs_vm_result_free(&sum->vm, sum->result.nr_algos);
	rs_meta_free(&sum->meta);
	for (size_t i = 0; i < sum->nr_sources; i++)
		rs_report_source_clear(&sum->sources[i]);
	free(sum->sources);
	free(sum->form);
	free(sum->kernel_algo);
	rs_hash_free(&sum->by_identity);
	rs_hash_free(&sum->by_figures);
	free(sum);
}
