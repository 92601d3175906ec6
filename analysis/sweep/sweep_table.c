// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/sweep/sweep_table.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/write/units.h"

void rs_sweep_table_header(FILE *f, const struct rs_sweep_opts *opts)
{
	fputs("cell", f);
	for (size_t i = 0; i < opts->nr_axes; i++)
		fprintf(f, ",%s", opts->axes[i].key);
	fputs(",algorithm,events,anomalies,duration_ns,guest_frames,aliased_frames,"
	      "invalidations_hit,checked_faults,necessary_faults,rejected_faults,spurious_faults,"
	      "missed_faults",
	      f);
	for (unsigned int i = 0; i < RS_NR_CAUSES; i++)
		fprintf(f, ",spurious_%s_faults", rs_cause_name(i));
	fputs(",blocked_page_ns,blocked_mean_frames,blocked_per_exact", f);
	if (opts->closed)
		fputs(",logical_faults,retries,starved_faults,service_total_ns,stall_total_ns,"
		      "stall_mean_ns,stall_p50_ns,stall_p99_ns,stall_p999_ns,stall_max_ns",
		      f);
	fputc('\n', f);
}

static void put_u64(FILE *f, uint64_t v)
{
	fprintf(f, ",%" PRIu64, v);
}

static void put_u128(FILE *f, unsigned __int128 v)
{
	char text[48];

	fprintf(f, ",%s", rs_format_u128(v, text, sizeof(text)));
}

/* What cannot be computed is an empty cell. */
static void put_ratio(FILE *f, double a, double b)
{
	if (b > 0)
		fprintf(f, ",%.6g", a / b);
	else
		fputc(',', f);
}

static const struct rs_algo_result *exact_of(const struct rs_sweep_cell *c)
{
	for (size_t i = 0; i < c->nr_algos; i++)
		if (c->sum->algos && !strcmp(c->sum->algos[i].name, "exact"))
			return &c->sum->algos[i];
	return NULL;
}

static void put_closed(FILE *f, const struct rs_vm_result *v, const struct rs_closed_algo *c)
{
	put_u64(f, v->closed.logical_faults);
	put_u64(f, c->retries);
	put_u64(f, c->starved);
	put_u128(f, c->service_ns.total);
	put_u128(f, c->stall_ns.total);
	put_ratio(f, (double)c->stall_ns.total, (double)c->stall_ns.weight);
	put_u64(f, rs_hist_quantile(&c->stall_ns, 0.5));
	put_u64(f, rs_hist_quantile(&c->stall_ns, 0.99));
	put_u64(f, rs_hist_quantile(&c->stall_ns, 0.999));
	put_u64(f, c->stall_ns.max);
}

static void put_algorithm(FILE *f, const struct rs_sweep_cell *c, const struct rs_algo_result *a)
{
	const struct rs_vm_result *v = c->sum;
	const struct rs_algo_result *exact = exact_of(c);
	uint64_t ns = v->end_ns - v->begin_ns;

	fprintf(f, ",%s", a->name);
	put_u64(f, c->events);
	put_u64(f, c->anomalies);
	put_u64(f, ns);
	put_u64(f, v->frames);
	put_u64(f, v->aliased_frames);
	put_u64(f, v->inval_hit);
	put_u64(f, v->checked);
	put_u64(f, v->necessary);
	put_u64(f, a->rejected);
	put_u64(f, a->spurious);
	put_u64(f, a->missed);
	for (unsigned int i = 0; i < RS_NR_CAUSES; i++)
		put_u64(f, a->causes[i]);
	put_u128(f, a->blocked_page_ns);
	put_ratio(f, (double)a->blocked_page_ns, (double)ns);
	put_ratio(f, (double)a->blocked_page_ns, exact ? (double)exact->blocked_page_ns : 0);
	if (a->closed)
		put_closed(f, v, a->closed);
	fputc('\n', f);
}

void rs_sweep_table_rows(FILE *f, const struct rs_sweep_opts *opts, const struct rs_sweep_cell *c)
{
	for (size_t k = 0; c->sum->algos && k < c->nr_algos; k++) {
		fprintf(f, "%" PRIu64, c->cell);
		for (size_t i = 0; i < opts->nr_axes; i++)
			fprintf(f, ",%s", rs_sweep_value(opts, c->cell, i));
		put_algorithm(f, c, &c->sum->algos[k]);
	}
}

/* A field as JSON: a number if it is one to the last character, null if empty. */
static json_t *field_value(const char *text, size_t len)
{
	char buf[128], *end;
	long long i;
	double d;

	if (!len)
		return json_null();
	if (len >= sizeof(buf))
		return json_stringn(text, len);
	memcpy(buf, text, len);
	buf[len] = '\0';
	errno = 0;
	i = strtoll(buf, &end, 10);
	if (!*end && !errno)
		return json_integer(i);
	errno = 0;
	d = strtod(buf, &end);
	if (!*end && !errno && isfinite(d) && strspn(buf, "0123456789.eE+-") == len)
		return json_real(d);
	return json_string(buf);
}

/* The fields of one line as an array; *@line moves behind it. */
static json_t *line_fields(const char **line)
{
	json_t *a = json_array();
	const char *p = *line;

	while (a) {
		size_t len = strcspn(p, ",\n");

		if (json_array_append_new(a, field_value(p, len))) {
			json_decref(a);
			return NULL;
		}
		p += len;
		if (*p != ',')
			break;
		p++;
	}
	*line = *p ? p + 1 : p;
	return a;
}

int rs_sweep_table_json(FILE *f, const char *header, const char *rows, const char *command)
{
	json_t *root = json_object(), *list = json_array();
	int bad = !root || !list;

	bad |= json_object_set_new(root, "schema", json_string("retryscope-sweep/1"));
	bad |= json_object_set_new(root, "command", json_string(command));
	bad |= json_object_set_new(root, "columns", line_fields(&header));
	while (!bad && *rows)
		bad |= json_array_append_new(list, line_fields(&rows));
	bad |= json_object_set_new(root, "rows", list);
	if (!bad)
		bad |= json_dumpf(root, f, JSON_INDENT(0) | JSON_REAL_PRECISION(6));
	json_decref(root);
	fputc('\n', f);
	return bad ? -ENOMEM : 0;
}
