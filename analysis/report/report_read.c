// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/report/report_read.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/report/report_json.h"
#include "analysis/report/report_source.h"
#include "analysis/write/json_exact.h"

#define SCHEMA "retryscope-report/2"
/* The same, but for numbers without quotes that are strings since. */
#define OLD_SCHEMA "retryscope-report/1"

/*
 * All functions below return 0, or negative errno with the error set. @where is
 * the member being read, for messages.
 */
struct reader {
	struct rs_error *err;
	char where[256];
	bool distributions; /* all that is counted was there with its buckets */
};

static int wrong(struct reader *r, const char *key, const char *expected)
{
	return rs_error_set(r->err, RS_ERR_INPUT, EINVAL, "%s%s%s: %s expected", r->where,
			    r->where[0] && key[0] ? "." : "", key, expected);
}

/* Goes down to a member or element; the result undoes it. */
static size_t enter(struct reader *r, const char *fmt, ...)
{
	size_t len = strlen(r->where);
	va_list ap;

	va_start(ap, fmt);
	if (len && fmt[0] != '[' && len + 1 < sizeof(r->where))
		strcpy(r->where + len, ".");
	vsnprintf(r->where + strlen(r->where), sizeof(r->where) - strlen(r->where), fmt, ap);
	va_end(ap);
	return len;
}

static void leave(struct reader *r, size_t where)
{
	r->where[where] = '\0';
}

/* The member @key, which must be of @type; NULL with *@rc set otherwise. */
static json_t *member(struct reader *r, const json_t *o, const char *key, json_type type, int *rc)
{
	json_t *v = json_object_get(o, key);

	if (v && json_typeof(v) == type)
		return v;
	*rc = wrong(r, key, type == JSON_OBJECT ? "an object" : "an array");
	return NULL;
}

/* A text or null: *@to is NULL then. */
static int read_text(struct reader *r, const json_t *o, const char *key, const char **to)
{
	const json_t *v = json_object_get(o, key);

	*to = NULL;
	if (!v || json_is_null(v))
		return 0;
	if (!json_is_string(v))
		return wrong(r, key, "a text or null");
	*to = json_string_value(v);
	return 0;
}

/* ---- distributions ---- */

static bool get_value(const json_t *v, bool ratio, unsigned __int128 *to)
{
	return ratio ? rs_json_get_thousandths(v, to) : rs_json_get_u128(v, to);
}

static int read_u64_value(struct reader *r, const json_t *o, const char *key, bool ratio,
			  uint64_t *to)
{
	unsigned __int128 v;

	if (!get_value(json_object_get(o, key), ratio, &v) || v > UINT64_MAX)
		return wrong(r, key, ratio ? "a ratio" : "a count");
	*to = (uint64_t)v;
	return 0;
}

static int read_buckets(struct reader *r, const json_t *o, bool ratio, struct rs_hist *h)
{
	int rc = 0;
	const json_t *list = member(r, o, "ccdf", JSON_ARRAY, &rc), *pair;
	unsigned __int128 value;
	uint64_t weight;
	size_t i;

	if (!list)
		return rc;
	json_array_foreach(list, i, pair)
	{
		if (json_array_size(pair) != 2 ||
		    !get_value(json_array_get(pair, 0), ratio, &value) || value > UINT64_MAX ||
		    !rs_json_get_u64(json_array_get(pair, 1), &weight) ||
		    weight > UINT64_MAX - h->weight)
			return wrong(r, "ccdf", "pairs of a value and a weight");
		rs_hist_add(h, (uint64_t)value, weight);
	}
	return h->dropped ? rs_error_nomem(r->err) : 0;
}

static int read_dist_object(struct reader *r, const json_t *o, bool ratio, struct rs_hist *h)
{
	uint64_t count, max, min = 0;
	unsigned __int128 total;
	int rc = 0;

	if (!rs_json_get_u64(json_object_get(o, "count"), &count))
		return wrong(r, "count", "a count");
	if (!get_value(json_object_get(o, "total"), ratio, &total))
		return wrong(r, "total", "a number");
	rc = read_u64_value(r, o, "max", ratio, &max);
	if (!rc && json_object_get(o, "ccdf")) {
		rc = read_u64_value(r, o, "min", ratio, &min);
		if (!rc)
			rc = read_buckets(r, o, ratio, h);
		if (!rc && h->weight != count)
			rc = wrong(r, "ccdf", "weights whose sum is count");
	} else if (count) {
		r->distributions = false;
	}
	h->weight = count;
	h->total = total;
	h->min = min;
	h->max = max;
	return rc;
}

static int read_dist(struct reader *r, const json_t *o, const char *key, bool ratio,
		     struct rs_hist *h)
{
	int rc = 0;
	const json_t *d = member(r, o, key, JSON_OBJECT, &rc);
	size_t where;

	if (!d)
		return rc;
	where = enter(r, "%s", key);
	rc = read_dist_object(r, d, ratio, h);
	leave(r, where);
	return rc;
}

/* ---- figures ---- */

static int read_causes(struct reader *r, const json_t *o, const char *key, uint64_t *counts)
{
	int rc = 0;
	json_t *v = member(r, o, key, JSON_OBJECT, &rc);
	size_t where;

	if (!v)
		return rc;
	where = enter(r, "%s", key);
	for (unsigned int i = 0; !rc && i < RS_NR_CAUSES; i++)
		/* Reports of before there were kinds of faults have none. */
		if ((i != RS_CAUSE_KIND || json_object_get(v, rs_cause_name(i))) &&
		    !rs_json_get_u64(json_object_get(v, rs_cause_name(i)), &counts[i]))
			rc = wrong(r, rs_cause_name(i), "a count");
	leave(r, where);
	return rc;
}

/* A member of @o that is called @key, to where @row says. */
static int read_member(struct reader *r, const json_t *o, const char *key,
		       const struct rs_figure_row *row, void *to)
{
	const json_t *v = json_object_get(o, key);

	if (!v && row->optional)
		return 0;
	if (row->type == RS_FIGURE_HIST)
		return read_dist(r, o, key, row->ratio, to);
	if (row->type == RS_FIGURE_CAUSES)
		return read_causes(r, o, key, to);
	if (!v)
		return wrong(r, key, "a member of this name");
	switch (row->type) {
	case RS_FIGURE_U64:
		return rs_json_get_u64(v, to) ? 0 : wrong(r, key, "a count");
	case RS_FIGURE_U128:
		return rs_json_get_u128(v, to) ? 0 : wrong(r, key, "a count of up to 128 bits");
	case RS_FIGURE_DOUBLE:
		return rs_json_get_number(v, to) ? 0 : wrong(r, key, "a number");
	case RS_FIGURE_BOOL:
		if (!json_is_boolean(v))
			return wrong(r, key, "true or false");
		*(bool *)to = json_is_true(v);
		return 0;
	default:
		return 0;
	}
}

/* The figure of @row, which is in @o under @key; or, if @key is "a.b", in its object "a". */
static int read_figure(struct reader *r, const json_t *o, const char *key,
		       const struct rs_figure_row *row, void *to)
{
	size_t len = strcspn(key, "."), where;
	const json_t *inner;
	char name[64];
	int rc = 0;

	if (!key[len])
		return read_member(r, o, key, row, to);
	snprintf(name, sizeof(name), "%.*s", (int)len, key);
	inner = json_object_get(o, name);
	if (row->optional_object && (!inner || json_is_null(inner)))
		return 0;
	inner = member(r, o, name, JSON_OBJECT, &rc);
	if (!inner)
		return rc;
	where = enter(r, "%s", name);
	rc = read_figure(r, inner, key + len + 1, row, to);
	leave(r, where);
	return rc;
}

/* All figures of a kind that a report has, into the structure @in. */
static int read_figures(struct reader *r, const json_t *o, enum rs_figure_of of, void *in)
{
	const struct rs_figure_row *row;
	int rc = 0;

	for (size_t i = 0; !rc && (row = rs_figure_row(i)); i++)
		if (row->of == of && row->key && row->type <= RS_FIGURE_HIST)
			rc = read_figure(r, o, row->key, row, (char *)in + row->offset);
	return rc;
}

/* ---- algorithms ---- */

static int read_closed_algo(struct reader *r, const json_t *o, const char *key,
			    struct rs_closed_algo **to)
{
	int rc = 0;
	const json_t *c = member(r, o, key, JSON_OBJECT, &rc);
	size_t where;

	if (!c)
		return rc;
	*to = calloc(1, sizeof(**to));
	if (!*to)
		return rs_error_nomem(r->err);
	where = enter(r, "%s", key);
	rc = read_figures(r, c, RS_OF_CLOSED_ALGO, *to);
	leave(r, where);
	return rc;
}

static int read_algo(struct reader *r, const json_t *o, bool closed, struct rs_algo_result *a)
{
	int rc = read_figures(r, o, RS_OF_ALGO, a);

	if (!rc && closed)
		rc = read_closed_algo(r, o, "closed", &a->closed);
	/* Reports of before have the arrivals alone that were asked for. */
	if (!rc && closed && json_object_get(o, "other_arrivals"))
		rc = read_closed_algo(r, o, "other_arrivals", &a->other);
	return rc;
}

/* The algorithms of one VM, which are those of all VMs and in their order. */
static int read_algos(struct reader *r, const json_t *o, struct rs_result *res,
		      struct rs_vm_result *v)
{
	int rc = 0;
	json_t *list = member(r, o, "algorithms", JSON_OBJECT, &rc), *algo;
	bool first = v == res->vms;
	const char *name;
	size_t i = 0, where;

	if (!list)
		return rc;
	where = enter(r, "algorithms");
	if (first)
		res->nr_algos = json_object_size(list);
	else if (json_object_size(list) != res->nr_algos)
		rc = wrong(r, "", "the algorithms of the first VM");
	v->algos = calloc(res->nr_algos + 1, sizeof(*v->algos));
	if (!v->algos)
		return rs_error_nomem(r->err);
	json_object_foreach(list, name, algo)
	{
		size_t above = enter(r, "%s", name);

		if (!rc && !first && strcmp(res->vms[0].algos[i].name, name))
			rc = wrong(r, "", "the algorithms of the first VM");
		if (!rc && !json_is_object(algo))
			rc = wrong(r, "", "an object");
		if (rc)
			break;
		v->algos[i].name = strdup(name);
		rc = v->algos[i].name ? read_algo(r, algo, res->closed, &v->algos[i])
				      : rs_error_nomem(r->err);
		i++;
		leave(r, above);
	}
	if (!rc)
		leave(r, where);
	return rc;
}

/* ---- VMs ---- */

static int read_closed_vm(struct reader *r, const json_t *o, struct rs_closed_vm *c)
{
	int rc = 0;
	const json_t *v = member(r, o, "closed", JSON_OBJECT, &rc);
	const char *arrivals;
	size_t where;

	if (!v)
		return rc;
	where = enter(r, "closed");
	rc = read_figures(r, v, RS_OF_CLOSED_VM, c);
	if (!rc)
		rc = read_text(r, v, "arrivals", &arrivals);
	if (!rc && (!arrivals || (strcmp(arrivals, "recorded") && strcmp(arrivals, "think"))))
		rc = wrong(r, "arrivals", "\"recorded\" or \"think\"");
	if (!rc) {
		c->arrivals = strcmp(arrivals, "think") ? "recorded" : "think";
		c->checked = json_is_object(json_object_get(v, "check"));
	}
	leave(r, where);
	return rc;
}

/* What must hold of every report: a sum would hide that it does not. */
static int check_sums(struct reader *r, const struct rs_result *res, const struct rs_vm_result *v)
{
	for (size_t i = 0; i < res->nr_algos; i++) {
		const struct rs_algo_result *a = &v->algos[i];
		unsigned __int128 causes = 0;

		for (unsigned int c = 0; c < RS_NR_CAUSES; c++)
			causes += a->causes[c];
		if (causes != a->spurious || a->spurious > a->rejected ||
		    a->rejected > v->checked || a->missed > v->necessary ||
		    a->rejected - a->spurious + a->missed != v->necessary)
			return rs_error_set(r->err, RS_ERR_INPUT, EINVAL,
					    "%s: the figures of %s do not add up", r->where,
					    a->name);
	}
	return 0;
}

static int read_pid(struct reader *r, const json_t *o, int64_t *to)
{
	uint64_t pid;

	if (!rs_json_get_u64(json_object_get(o, "pid"), &pid) || pid > INT64_MAX)
		return wrong(r, "pid", "a number");
	*to = (int64_t)pid;
	return 0;
}

static int read_vm_info(struct reader *r, const json_t *o, uint32_t vm, struct rs_trace_meta *m)
{
	const char *command;
	int64_t pid = 0;
	int rc = read_text(r, o, "command", &command);

	if (!rc)
		rc = read_pid(r, o, &pid);
	if (rc)
		return rc;
	return rs_meta_add_vm(m, vm, pid, command) ? rs_error_nomem(r->err) : 0;
}

static int read_vm_number(struct reader *r, const json_t *o, const char *key, uint32_t *to)
{
	uint64_t n;

	if (!rs_json_get_u64(json_object_get(o, key), &n) || n > UINT32_MAX)
		return wrong(r, key, "a 32 bit count");
	*to = (uint32_t)n;
	return 0;
}

static int read_vm(struct reader *r, const json_t *o, struct rs_report_data *d,
		   struct rs_vm_result *v)
{
	int rc = read_vm_number(r, o, "vm", &v->vm);

	if (!rc)
		rc = read_figures(r, o, RS_OF_VM, v);
	if (!rc && v->end_ns < v->begin_ns)
		rc = wrong(r, "end_ns", "a time not before begin_ns");
	if (!rc && v->paused_ns > v->end_ns - v->begin_ns)
		rc = wrong(r, "sampled.paused_ns", "no more than the VM's time");
	/* It has twelve digits there; what is made of it should not depend on that. */
	rs_vm_result_mean(v);
	if (!rc)
		rc = read_vm_info(r, o, v->vm, &d->meta);
	if (!rc && d->result->closed)
		rc = read_closed_vm(r, o, &v->closed);
	if (!rc)
		rc = read_algos(r, o, d->result, v);
	return rc ? rc : check_sums(r, d->result, v);
}

static int read_vms(struct reader *r, struct rs_report_data *d)
{
	struct rs_result *res = d->result;
	int rc = 0;
	json_t *list = member(r, d->root, "vms", JSON_ARRAY, &rc), *o;
	size_t i;

	if (!list)
		return rc;
	res->vms = calloc(json_array_size(list) + 1, sizeof(*res->vms));
	if (!res->vms)
		return rs_error_nomem(r->err);
	json_array_foreach(list, i, o)
	{
		size_t where = enter(r, "vms[%zu]", i);

		if (!json_is_object(o))
			return wrong(r, "", "an object");
		res->nr_vms++;
		rc = read_vm(r, o, d, &res->vms[i]);
		if (rc)
			return rc;
		leave(r, where);
	}
	return 0;
}

/* ---- the trace ---- */

/* Those that a stream can have, and those of the import. */
static int read_anomalies(struct reader *r, const json_t *trace, struct rs_report_data *d)
{
	int rc = 0;
	json_t *o = member(r, trace, "anomalies", JSON_OBJECT, &rc), *v;
	const char *name;
	uint64_t count;

	json_object_foreach(o, name, v)
	{
		unsigned int i = 0;

		if (!rs_json_get_u64(v, &count))
			return wrong(r, name, "a count");
		while (i < RS_NR_ANOMALIES && strcmp(rs_anomaly_name(i), name))
			i++;
		if (i < RS_NR_ANOMALIES)
			d->result->anomalies[i] = count;
		else if (rs_meta_add_anomaly(&d->meta, name, count))
			return rs_error_nomem(r->err);
	}
	return rc;
}

static int read_notes(struct reader *r, const json_t *trace, struct rs_report_data *d)
{
	json_t *assumptions = json_object_get(trace, "assumptions"), *v;
	json_t *facts = json_object_get(trace, "facts");
	const char *key;
	size_t i;

	json_array_foreach(assumptions, i, v)
	{
		if (!json_is_string(v))
			return wrong(r, "assumptions", "texts");
		if (rs_meta_add_assumption(&d->meta, json_string_value(v)))
			return rs_error_nomem(r->err);
	}
	json_object_foreach(facts, key, v)
	{
		if (!json_is_string(v))
			return wrong(r, "facts", "texts");
		if (rs_meta_add_fact(&d->meta, key, json_string_value(v)))
			return rs_error_nomem(r->err);
	}
	return 0;
}

static int read_kernel(struct reader *r, const json_t *trace, struct rs_report_data *d)
{
	const char *kernel, *algo, *level;
	int rc = read_text(r, trace, "kernel", &kernel);

	if (!rc)
		rc = read_text(r, trace, "kernel_algorithm", &algo);
	if (!rc)
		rc = read_text(r, trace, "level", &level);
	if (rc)
		return rc;
	if ((kernel && rs_meta_set_kernel(&d->meta, kernel)) ||
	    (level && rs_meta_set_level(&d->meta, level)))
		return rs_error_nomem(r->err);
	d->result->kernel_algo = algo ? strdup(algo) : NULL;
	return algo && !d->result->kernel_algo ? rs_error_nomem(r->err) : 0;
}

/* A report of before there were identities has neither. */
static int read_identity(struct reader *r, const json_t *o, const char **identity, bool *one_vm,
			 uint32_t *vm)
{
	const json_t *only = json_object_get(o, "only_vm");
	int rc = read_text(r, o, "identity", identity);

	if (!rc && *identity && !rs_identity_is_text(*identity))
		rc = wrong(r, "identity", "32 hexadecimal digits or null");
	*one_vm = only && !json_is_null(only);
	return rc || !*one_vm ? rc : read_vm_number(r, o, "only_vm", vm);
}

static int read_trace(struct reader *r, struct rs_report_data *d)
{
	int rc = 0;
	const json_t *trace = member(r, d->root, "trace", JSON_OBJECT, &rc);
	const char *identity;
	size_t where;

	if (!trace)
		return rc;
	where = enter(r, "trace");
	rc = read_figures(r, trace, RS_OF_RESULT, d->result);
	if (!rc)
		rc = read_text(r, trace, "path", &d->report.path);
	if (!rc)
		rc = read_text(r, trace, "form", &d->report.form);
	if (!rc)
		rc = read_kernel(r, trace, d);
	if (!rc)
		rc = read_identity(r, trace, &identity, &d->report.one_vm, &d->report.vm);
	if (!rc && identity)
		strcpy(d->meta.identity, identity);
	if (!rc)
		rc = read_anomalies(r, trace, d);
	if (!rc)
		rc = read_notes(r, trace, d);
	d->meta.lost = d->result->lost;
	leave(r, where);
	return rc;
}

/* ---- the whole ---- */

static int read_rows(struct reader *r, const json_t *o, const struct rs_figure_row *row, void *in)
{
	int rc = 0;

	for (; !rc && row->key; row++)
		rc = read_figure(r, o, row->key, row, (char *)in + row->offset);
	return rc;
}

static int read_doings(struct reader *r, const json_t *part, const struct rs_result *res,
		       struct rs_report_doing *doings)
{
	int rc = 0;
	json_t *list = member(r, part, "algorithms", JSON_OBJECT, &rc), *o;
	const char *name;
	size_t i = 0;

	if (rc)
		return rc;
	if (json_object_size(list) != res->nr_algos)
		return wrong(r, "algorithms", "those of the sum");
	json_object_foreach(list, name, o)
	{
		size_t where = enter(r, "algorithms.%s", name);

		if (strcmp(name, res->vms[0].algos[i].name))
			return wrong(r, "", "an algorithm of the sum, in its order");
		rc = read_rows(r, o, rs_doing_rows, &doings[i]);
		if (!rc && res->closed)
			rc = read_rows(r, o, rs_stall_rows, &doings[i]);
		if (!rc && (doings[i].spurious > doings[i].rejected ||
			    doings[i].alias > doings[i].spurious))
			rc = wrong(r, "", "figures that add up");
		if (rc)
			return rc;
		leave(r, where);
		i++;
	}
	return 0;
}

static int read_part(struct reader *r, const json_t *o, const struct rs_result *res,
		     struct rs_report_part *p)
{
	int rc = read_vm_number(r, o, "vm", &p->vm);

	if (!rc)
		rc = read_pid(r, o, &p->pid);
	if (!rc)
		rc = read_text(r, o, "command", &p->command);
	if (!rc)
		rc = read_rows(r, o, rs_part_rows, p);
	return rc ? rc : read_doings(r, o, res, p->doings);
}

/* A sum of before there were parts has none. */
static int read_parts(struct reader *r, const json_t *source, const struct rs_result *res,
		      struct rs_report_source *s)
{
	const json_t *list = json_object_get(source, "parts"), *o;
	size_t i;

	if (!list)
		return 0;
	if (json_array_size(list) && !res->nr_vms)
		return wrong(r, "parts", "none, as in the sum");
	if (rs_report_parts_new(s, json_array_size(list), res->nr_algos))
		return rs_error_nomem(r->err);
	json_array_foreach(list, i, o)
	{
		size_t where = enter(r, "parts[%zu]", i);
		int rc = read_part(r, o, res, &s->parts[i]);

		if (rc)
			return rc;
		leave(r, where);
	}
	return 0;
}

static int read_source(struct reader *r, const json_t *o, const struct rs_result *res,
		       struct rs_report_source *s)
{
	const struct {
		const char *key, **to;
	} texts[] = {
		{ "path", &s->path },	  { "form", &s->form },
		{ "kernel", &s->kernel }, { "kernel_algorithm", &s->kernel_algo },
		{ "host", &s->host },	  { "boot_id", &s->boot_id },
		{ "group", &s->group },
	};
	int rc = read_rows(r, o, rs_source_rows, s);

	for (size_t i = 0; !rc && i < sizeof(texts) / sizeof(texts[0]); i++)
		rc = read_text(r, o, texts[i].key, texts[i].to);
	if (!rc)
		rc = read_identity(r, o, &s->identity, &s->one_vm, &s->vm);
	return rc ? rc : read_parts(r, o, res, s);
}

static int read_sources(struct reader *r, struct rs_report_data *d)
{
	const json_t *list = json_object_get(d->root, "merged"), *o;
	size_t i;
	int rc = 0;

	if (!list)
		return 0;
	d->sources = calloc(json_array_size(list) + 1, sizeof(*d->sources));
	if (!d->sources)
		return rs_error_nomem(r->err);
	d->report.sources = d->sources;
	d->report.nr_sources = json_array_size(list);
	json_array_foreach(list, i, o)
	{
		size_t where = enter(r, "merged[%zu]", i);

		rc = read_source(r, o, d->result, &d->sources[i]);
		if (rc)
			return rc;
		leave(r, where);
	}
	return 0;
}

static int read_head(struct reader *r, struct rs_report_data *d)
{
	const char *schema, *loop;
	int rc = read_text(r, d->root, "schema", &schema);

	if (rc)
		return rc;
	if (!schema || (strcmp(schema, SCHEMA) && strcmp(schema, OLD_SCHEMA)))
		return wrong(r, "schema", "\"" SCHEMA "\" or \"" OLD_SCHEMA "\"");
	rc = read_text(r, d->root, "loop", &loop);
	if (rc)
		return rc;
	if (!loop || (strcmp(loop, "open") && strcmp(loop, "closed")))
		return wrong(r, "loop", "\"open\" or \"closed\"");
	if (json_is_true(json_object_get(d->root, "counts_only")))
		return wrong(r, "counts_only", "a whole report, not one of replay --counts");
	d->result->closed = !strcmp(loop, "closed");
	rc = read_text(r, json_object_get(d->root, "tool"), "version", &d->report.version);
	if (rc)
		return rc;
	return read_text(r, json_object_get(d->root, "tool"), "command", &d->report.command);
}

int rs_report_read(FILE *f, struct rs_report_data *d, struct rs_error *err)
{
	struct reader r = { .err = err, .distributions = true };
	int rc;

	memset(d, 0, sizeof(*d));
	d->root = rs_json_read(f, err);
	if (!d->root)
		return -errno;
	d->result = calloc(1, sizeof(*d->result));
	rc = d->result ? read_head(&r, d) : rs_error_nomem(err);
	if (!rc)
		rc = read_trace(&r, d);
	if (!rc)
		rc = read_vms(&r, d);
	if (!rc)
		rc = read_sources(&r, d);
	/* As it is written: with the buckets of all, or of none. */
	for (size_t i = 0; !rc && !r.distributions && i < d->result->nr_vms; i++)
		rs_vm_result_strip(&d->result->vms[i], d->result->nr_algos);
	d->report.result = d->result;
	d->report.meta = &d->meta;
	d->report.distributions = r.distributions;
	if (rc)
		rs_report_data_free(d);
	return rc;
}

void rs_report_data_free(struct rs_report_data *d)
{
	rs_result_free(d->result);
	rs_meta_free(&d->meta);
	for (size_t i = 0; i < d->report.nr_sources; i++)
		rs_report_parts_free(&d->sources[i]);
	free(d->sources);
	json_decref(d->root);
	memset(d, 0, sizeof(*d));
}

double rs_report_stall(const struct rs_report_data *d, const char *algo, const char *quantile)
{
	const json_t *o = json_object_get(d->root, "sum");
	double value;

	if (!o)
		o = json_array_get(json_object_get(d->root, "vms"), 0);
	o = json_object_get(json_object_get(o, "algorithms"), algo);
	o = json_object_get(json_object_get(o, "closed"), "stall_ns");
	return rs_json_get_number(json_object_get(o, quantile), &value) ? value : NAN;
}
