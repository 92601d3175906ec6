// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/sweep/sweep_table.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/write/csv.h"
#include "analysis/write/figure_columns.h"
#include "analysis/write/json_exact.h"

void rs_sweep_table_header(FILE *f, const struct rs_sweep_opts *opts)
{
	fputs(opts->closed ? "cell," RS_CSV_RUN : "cell," RS_CSV_LOOP, f);
	for (size_t i = 0; i < opts->nr_axes; i++) {
		fputc(',', f);
		rs_csv_name(f, opts->axes[i].key);
	}
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

void rs_sweep_table_put(FILE *f, const struct rs_sweep_opts *opts, const char *rows)
{
	const struct rs_csv_run run = { RS_VERSION, opts->closed,
					opts->think ? "think" : "recorded",
					opts->precheck == RS_PRECHECK_ON };
	void (*const put_run)(FILE * f, const struct rs_csv_run *run) =
		opts->closed ? rs_csv_run : rs_csv_loop;

	while (*rows) {
		const size_t cell = strcspn(rows, ","), len = strcspn(rows, "\n");

		fprintf(f, "%.*s,", (int)cell, rows);
		put_run(f, &run);
		fprintf(f, "%.*s\n", (int)(len - cell), rows + cell);
		rows += len + (rows[len] == '\n');
	}
}

/* Of digits alone: those of a 128 bit count, or of a parameter of any length. */
static json_t *exact_value(const char *digits)
{
	unsigned __int128 v = 0;

	for (const char *p = digits; *p; p++)
		if (__builtin_mul_overflow(v, (unsigned __int128)10, &v) ||
		    __builtin_add_overflow(v, (unsigned __int128)(*p - '0'), &v))
			return json_string(digits);
	return rs_json_u128(v);
}

/* A field as JSON: a number if it is one to the last character, null if empty. */
static json_t *field_value(const char *text, size_t len)
{
	char buf[128], *end;
	double d;

	if (!len)
		return json_null();
	if (len >= sizeof(buf))
		return json_stringn(text, len); /* no parameter is so long */
	memcpy(buf, text, len);
	buf[len] = '\0';
	if (strspn(buf, "0123456789") == len)
		return exact_value(buf);
	d = strtod(buf, &end);
	if (!*end && isfinite(d) && strspn(buf, "0123456789.eE+-") == len)
		return rs_json_number(d);
	return rs_json_text(buf);
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

	bad |= json_object_set_new(root, "schema", json_string("retryscope-sweep/2"));
	bad |= json_object_set_new(root, "command", rs_json_text(command));
	bad |= json_object_set_new(root, "columns", line_fields(&header));
	while (!bad && *rows)
		bad |= json_array_append_new(list, line_fields(&rows));
	bad |= json_object_set_new(root, "rows", list);
	if (!bad)
		bad |= rs_json_write(f, root);
	json_decref(root);
	return bad ? -ENOMEM : 0;
}
