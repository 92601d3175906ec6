// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/sweep/sweep_table.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/write/figure_columns.h"

void rs_sweep_table_header(FILE *f, const struct rs_sweep_opts *opts)
{
	fputs("cell", f);
	for (size_t i = 0; i < opts->nr_axes; i++)
		fprintf(f, ",%s", opts->axes[i].key);
	fputs(",algorithm,events,anomalies", f);
	rs_columns_names(f, RS_COLUMNS_SWEEP, opts->closed);
	fputc('\n', f);
}

void rs_sweep_table_rows(FILE *f, const struct rs_sweep_opts *opts, const struct rs_sweep_cell *c)
{
	for (size_t k = 0; c->sum->algos && k < c->nr_algos; k++) {
		const struct rs_figure_base base = { c->sum, c->nr_algos, &c->sum->algos[k],
						     false };

		fprintf(f, "%" PRIu64, c->cell);
		for (size_t i = 0; i < opts->nr_axes; i++)
			fprintf(f, ",%s", rs_sweep_value(opts, c->cell, i));
		fprintf(f, ",%s,%" PRIu64 ",%" PRIu64, base.algo->name, c->events, c->anomalies);
		rs_columns_values(f, RS_COLUMNS_SWEEP, opts->closed, &base);
		fputc('\n', f);
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
