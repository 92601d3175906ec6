// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/sweep/sweep_read.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/write/csv.h"
#include "analysis/write/json_exact.h"
#include "base/array.h"
#include "base/parse.h"

#define SCHEMA "retryscope-sweep/2"
/* The same, but for numbers without quotes that are strings since. */
#define OLD_SCHEMA "retryscope-sweep/1"

static int wrong(struct rs_error *err, uint64_t line, const char *text)
{
	rs_error_set(err, RS_ERR_INPUT, EINVAL, "%s", text);
	if (err)
		err->line = line;
	return -EINVAL;
}

/* Takes @text over. */
static int add_text(char ***list, size_t *n, char *text)
{
	if (!text || RS_ROOM_FOR_ONE(*list, *n)) {
		free(text);
		return -ENOMEM;
	}
	(*list)[(*n)++] = text;
	return 0;
}

static int add_field(struct rs_sweep_data *d, size_t *nr_fields, char *text)
{
	return add_text(&d->fields, nr_fields, text);
}

/* "alias_share" as "alias-share", which is the parameter's own name, and was the column's once. */
static void name_parameters(struct rs_sweep_data *d)
{
	for (size_t c = 1; c < d->nr_columns && c < d->algorithm; c++)
		for (char *p = d->columns[c]; *p; p++)
			if (*p == '_')
				*p = '-';
}

/* What no table of a sweep lacks; @line is that of the heading. */
static int check_columns(struct rs_sweep_data *d, uint64_t line, struct rs_error *err)
{
	d->algorithm = rs_sweep_column(d, "algorithm");
	name_parameters(d);
	if (strcmp(d->columns[0], "cell") || d->algorithm == d->nr_columns || d->algorithm < 2 ||
	    strcmp(d->columns[d->algorithm - 1], "seed"))
		return wrong(err, line, "columns: cell, parameters, seed, algorithm expected");
	return 0;
}

static bool is_number(const char *text)
{
	char *end;

	if (!isdigit((unsigned char)text[0]) || text[strspn(text, "0123456789.eE+-")])
		return false;
	return isfinite(strtod(text, &end)) && !*end;
}

/* Figures are numbers or empty, all else is not empty. */
static int check_row(const struct rs_sweep_data *d, size_t row, uint64_t line, struct rs_error *err)
{
	char text[256];

	for (size_t c = 0; c < d->nr_columns; c++) {
		const char *field = rs_sweep_field(d, row, c);

		if (c && c <= d->algorithm ? field[0] : is_number(field) || (c && !field[0]))
			continue;
		snprintf(text, sizeof(text), "row %zu: %.100s: a %s expected, not '%.60s'", row + 1,
			 d->columns[c], c && c <= d->algorithm ? "value" : "number", field);
		return wrong(err, line, text);
	}
	return 0;
}

static int row_length(const struct rs_sweep_data *d, uint64_t line, size_t found,
		      struct rs_error *err)
{
	char text[128];

	snprintf(text, sizeof(text), "row %zu: %zu fields expected, not %zu", d->nr_rows + 1,
		 d->nr_columns, found);
	return wrong(err, line, text);
}

/* ---- CSV ---- */

/* A field while it is read. */
struct cell {
	char *text;
	size_t len, room;
};

static int put(struct cell *cell, int c)
{
	if (RS_ROOM(cell->text, cell->room, cell->len + 1))
		return -ENOMEM;
	cell->text[cell->len++] = (char)c;
	return 0;
}

/* What is between quotes, behind the first: two are one. Returns what follows the last. */
static int quoted(FILE *f, struct cell *cell, uint64_t *line, int *rc)
{
	int c;

	while ((c = getc(f)) != EOF && !*rc) {
		if (c == '"' && (c = getc(f)) != '"')
			return c;
		*line += c == '\n';
		*rc = put(cell, c ? c : '?');
	}
	if (!*rc)
		*rc = -EINVAL;
	return EOF;
}

/*
 * One field into the list, as RFC 4180 has it; what rs_csv_text() put before a formula is
 * taken off. Returns the character that ends it: a comma, a newline, or EOF.
 */
static int read_field(FILE *f, char ***list, size_t *n, uint64_t *line, int *rc)
{
	struct cell cell = { 0 };
	int c = getc(f);
	char *text;

	if (c == '"')
		c = quoted(f, &cell, line, rc);
	for (; !*rc && c != ',' && c != '\n' && c != EOF; c = getc(f))
		*rc = put(&cell, c ? c : '?');
	while (c != ',' && cell.len && cell.text[cell.len - 1] == '\r')
		cell.len--;
	if (!*rc)
		*rc = put(&cell, '\0');
	text = *rc ? NULL : strdup(rs_csv_undo(cell.text));
	free(cell.text);
	if (!*rc)
		*rc = add_text(list, n, text);
	return c;
}

/*
 * The fields of the next line into the list: how many, 0 at the end, or negative errno
 * with @err set. @line is moved to what follows.
 */
static ssize_t read_line(FILE *f, char ***list, size_t *n, uint64_t *line, struct rs_error *err)
{
	const uint64_t first = *line;
	size_t before = *n;
	int c, rc = 0;

	c = getc(f);
	if (c == EOF)
		return 0;
	ungetc(c, f);
	do
		c = read_field(f, list, n, line, &rc);
	while (c == ',' && !rc);
	++*line;
	if (rc == -ENOMEM)
		return rs_error_nomem(err);
	return rc ? wrong(err, first, "a field begins with a quote that does not end")
		  : (ssize_t)(*n - before);
}

static int read_csv_row(struct rs_sweep_data *d, size_t found, uint64_t line, struct rs_error *err)
{
	if (found != d->nr_columns)
		return row_length(d, line, found, err);
	return check_row(d, d->nr_rows++, line, err);
}

static int read_csv(struct rs_sweep_data *d, FILE *f, size_t *nr_fields, struct rs_error *err)
{
	uint64_t line = 1, at = 1;
	ssize_t found = read_line(f, &d->columns, &d->nr_columns, &line, err);
	int rc = found < 0 ? (int)found : 0;

	if (found > 0)
		rc = check_columns(d, at, err);
	while (!rc && found > 0) {
		at = line;
		found = read_line(f, &d->fields, nr_fields, &line, err);
		if (found < 0)
			rc = (int)found;
		else if (found > 0)
			rc = read_csv_row(d, (size_t)found, at, err);
	}
	if (!rc && ferror(f))
		rc = rs_error_set(err, RS_ERR_INPUT, EIO, "cannot read: %s", strerror(EIO));
	if (!rc && !d->nr_columns)
		rc = wrong(err, 1, "it is empty");
	return rc;
}

/* ---- JSON ---- */

/* As it would stand in CSV; NULL without memory. */
static char *scalar_text(const json_t *v)
{
	char *text = NULL;

	if (json_is_string(v))
		return strdup(json_string_value(v));
	if (json_is_null(v))
		return strdup("");
	if (json_is_integer(v)) {
		if (asprintf(&text, "%" JSON_INTEGER_FORMAT, json_integer_value(v)) < 0)
			return NULL;
		return text;
	}
	return json_is_real(v) && asprintf(&text, "%.15g", json_real_value(v)) < 0 ? NULL : text;
}

static int read_json_row(struct rs_sweep_data *d, const json_t *row, size_t *nr_fields,
			 struct rs_error *err)
{
	if (json_array_size(row) != d->nr_columns)
		return row_length(d, 0, json_array_size(row), err);
	for (size_t c = 0; c < d->nr_columns; c++) {
		const json_t *v = json_array_get(row, c);
		double number;
		char *text;

		if (json_is_object(v) || json_is_array(v) || json_is_boolean(v))
			return rs_error_set(err, RS_ERR_INPUT, EINVAL,
					    "row %zu: %.100s: a number or text expected",
					    d->nr_rows + 1, d->columns[c]);
		/* Of integers larger than 64 bits the text is not for reading. */
		if (c > d->algorithm && rs_json_get_number(v, &number))
			text = asprintf(&text, "%.15g", number) < 0 ? NULL : text;
		else
			text = scalar_text(v);
		if (add_field(d, nr_fields, text))
			return rs_error_nomem(err);
	}
	return check_row(d, d->nr_rows++, 0, err);
}

static int read_json_root(struct rs_sweep_data *d, const json_t *root, size_t *nr_fields,
			  struct rs_error *err)
{
	const char *schema = json_string_value(json_object_get(root, "schema"));
	const json_t *columns = json_object_get(root, "columns"), *v;
	const json_t *rows = json_object_get(root, "rows");
	int rc = 0;
	size_t i;

	if (!schema || (strcmp(schema, SCHEMA) && strcmp(schema, OLD_SCHEMA)))
		return wrong(err, 0, "schema: \"" SCHEMA "\" or \"" OLD_SCHEMA "\" expected");
	if (!json_array_size(columns) || !json_is_array(rows))
		return wrong(err, 0, "columns and rows expected");
	json_array_foreach(columns, i, v)
	{
		if (!json_is_string(v))
			return wrong(err, 0, "columns: names expected");
		if (add_text(&d->columns, &d->nr_columns, strdup(json_string_value(v))))
			return rs_error_nomem(err);
	}
	rc = check_columns(d, 0, err);
	for (i = 0; !rc && i < json_array_size(rows); i++)
		rc = read_json_row(d, json_array_get(rows, i), nr_fields, err);
	return rc;
}

static int read_json(struct rs_sweep_data *d, FILE *f, size_t *nr_fields, struct rs_error *err)
{
	json_t *root = rs_json_read(f, err);
	int rc = root ? read_json_root(d, root, nr_fields, err) : -errno;

	json_decref(root);
	return rc;
}

static void free_texts(char **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

int rs_sweep_read(FILE *f, struct rs_sweep_data *d, struct rs_error *err)
{
	size_t nr_fields = 0;
	int c, rc;

	memset(d, 0, sizeof(*d));
	rs_csv_skip_mark(f);
	do
		c = fgetc(f);
	while (c != EOF && isspace(c));
	ungetc(c, f);
	rc = c == '{' ? read_json(d, f, &nr_fields, err) : read_csv(d, f, &nr_fields, err);
	if (rc) {
		free_texts(d->fields, nr_fields);
		free_texts(d->columns, d->nr_columns);
		memset(d, 0, sizeof(*d));
	}
	return rc;
}

void rs_sweep_data_free(struct rs_sweep_data *d)
{
	free_texts(d->fields, d->nr_rows * d->nr_columns);
	free_texts(d->columns, d->nr_columns);
	memset(d, 0, sizeof(*d));
}

/* ---- what is in it ---- */

const char *rs_sweep_field(const struct rs_sweep_data *d, size_t row, size_t column)
{
	return d->fields[row * d->nr_columns + column];
}

size_t rs_sweep_column(const struct rs_sweep_data *d, const char *name)
{
	size_t c = 0;

	while (c < d->nr_columns && strcmp(d->columns[c], name))
		c++;
	return c;
}

double rs_sweep_figure(const struct rs_sweep_data *d, size_t row, size_t column)
{
	const char *field = column < d->nr_columns ? rs_sweep_field(d, row, column) : "";

	return field[0] ? strtod(field, NULL) : NAN;
}

/* Whether @field is one of the values of "a,b,c". */
static bool is_listed(const char *list, const char *field)
{
	size_t n = strlen(field);

	for (;; list++) {
		size_t len = strcspn(list, ",");

		if (len == n && !strncmp(list, field, n))
			return true;
		list += len;
		if (!*list)
			return false;
	}
}

/* Whether @name, a parameter's or its column's, is that of column @c. */
static bool is_parameter(const struct rs_sweep_data *d, size_t c, const char *name, size_t len)
{
	const char *column = d->columns[c];
	size_t i = 0;

	while (i < len && column[i] && column[i] == (name[i] == '_' ? '-' : name[i]))
		i++;
	return i == len && !column[i];
}

int rs_sweep_where(struct rs_sweep_data *d, const char *where, struct rs_error *err)
{
	size_t len = strcspn(where, "="), column = 1, kept = 0;

	while (column < d->algorithm && !is_parameter(d, column, where, len))
		column++;
	if (!where[len] || column == d->algorithm)
		return rs_error_set(err, RS_ERR_USAGE, EINVAL,
				    "--where %s: no parameter of this name is varied", where);
	if (is_listed(where + len + 1, ""))
		return rs_error_set(err, RS_ERR_USAGE, EINVAL,
				    "--where %s: KEY=VALUE[,VALUE...] expected", where);
	for (size_t row = 0; row < d->nr_rows; row++) {
		char **fields = d->fields + row * d->nr_columns;

		if (!is_listed(where + len + 1, fields[column])) {
			for (size_t c = 0; c < d->nr_columns; c++)
				free(fields[c]);
			continue;
		}
		memmove(d->fields + kept * d->nr_columns, fields, d->nr_columns * sizeof(*fields));
		kept++;
	}
	d->nr_rows = kept;
	if (!kept)
		return rs_error_set(err, RS_ERR_USAGE, EINVAL, "--where %s: no row has that",
				    where);
	return 0;
}

/* A plain number, a size or a time; false if it is none. */
static bool value_number(const char *text, double *to)
{
	uint64_t v;
	char *end;

	*to = strtod(text, &end);
	if (end != text && !*end && isdigit((unsigned char)text[0]))
		return true;
	if (rs_parse_size(text, &v) && rs_parse_time(text, &v))
		return false;
	*to = (double)v;
	return true;
}

struct value {
	double number;
	const char *text;
	size_t place;
};

static int cmp_values(const void *a, const void *b)
{
	const struct value *x = a, *y = b;

	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

/* Rising; those of the same number stay as they come. */
static int sort_values(struct rs_sweep_values *v)
{
	struct value *order = calloc(v->nr + 1, sizeof(*order));

	if (!order)
		return -ENOMEM;
	for (size_t i = 0; i < v->nr; i++)
		order[i] = (struct value){ v->number[i], v->text[i], i };
	qsort(order, v->nr, sizeof(*order), cmp_values);
	for (size_t i = 0; i < v->nr; i++) {
		v->number[i] = order[i].number;
		v->text[i] = order[i].text;
	}
	free(order);
	return 0;
}

struct wanted {
	const struct rs_sweep_values *v;
	const char *field;
};

static bool is_value(const void *arg, uint32_t i)
{
	const struct wanted *w = arg;

	return !strcmp(w->v->text[i], w->field);
}

size_t rs_sweep_value_index(const struct rs_sweep_values *v, const char *field)
{
	const struct wanted w = { v, field };
	const uint32_t i = rs_hash_find(&v->by_text, rs_hash_string(field), is_value, &w);

	return i == RS_HASH_NONE ? v->nr : i;
}

static int note_places(struct rs_sweep_values *v)
{
	rs_hash_free(&v->by_text);
	for (size_t i = 0; i < v->nr; i++)
		if (rs_hash_add(&v->by_text, rs_hash_string(v->text[i]), (uint32_t)i))
			return -ENOMEM;
	return 0;
}

static int collect_values(const struct rs_sweep_data *d, size_t column, struct rs_sweep_values *v)
{
	for (size_t row = 0; row < d->nr_rows; row++) {
		const char *field = rs_sweep_field(d, row, column);

		if (rs_sweep_value_index(v, field) < v->nr)
			continue;
		v->numeric &= value_number(field, &v->number[v->nr]);
		v->text[v->nr] = field;
		if (rs_hash_add(&v->by_text, rs_hash_string(field), (uint32_t)v->nr++))
			return -ENOMEM;
	}
	return v->numeric && (sort_values(v) || note_places(v)) ? -ENOMEM : 0;
}

int rs_sweep_values_get(const struct rs_sweep_data *d, size_t column, struct rs_sweep_values *v)
{
	*v = (struct rs_sweep_values){ .numeric = true };
	v->text = calloc(d->nr_rows + 1, sizeof(*v->text));
	v->number = calloc(d->nr_rows + 1, sizeof(*v->number));
	if (!v->text || !v->number || collect_values(d, column, v)) {
		rs_sweep_values_free(v);
		return -ENOMEM;
	}
	for (size_t i = 0; i < v->nr && !v->numeric; i++)
		v->number[i] = (double)i;
	return 0;
}

void rs_sweep_values_free(struct rs_sweep_values *v)
{
	free(v->text);
	free(v->number);
	rs_hash_free(&v->by_text);
	memset(v, 0, sizeof(*v));
}

/* Says which are too many. */
static int too_many(const struct rs_sweep_data *d, const size_t *columns, size_t n,
		    struct rs_error *err)
{
	char names[256] = "";

	for (size_t i = 0; i < n; i++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
			 i ? ", " : "", d->columns[columns[i]]);
	return rs_error_set(err, RS_ERR_USAGE, EINVAL,
			    "%s are varied: a picture has room for two; choose values of the "
			    "others with --where",
			    names);
}

#define MAX_FREE 16

int rs_sweep_axes_get(const struct rs_sweep_data *d, const char *x, struct rs_sweep_axes *axes,
		      struct rs_error *err)
{
	size_t free_columns[MAX_FREE], n = 0, most = 0;

	axes->x = axes->other = d->nr_columns;
	for (size_t c = 1; c + 1 < d->algorithm && n < MAX_FREE; c++) {
		struct rs_sweep_values v;

		if (rs_sweep_values_get(d, c, &v))
			return rs_error_nomem(err);
		if (v.nr > 1) {
			free_columns[n++] = c;
			if (x ? is_parameter(d, c, x, strlen(x)) : v.numeric && v.nr > most) {
				axes->x = c;
				most = v.nr;
			}
		}
		rs_sweep_values_free(&v);
	}
	if (x && axes->x == d->nr_columns)
		return rs_error_set(err, RS_ERR_USAGE, EINVAL,
				    "--x %s: no parameter of this name has several values", x);
	if (!n)
		return rs_error_set(err, RS_ERR_USAGE, EINVAL, "no parameter has several values");
	if (n > 2)
		return too_many(d, free_columns, n, err);
	if (axes->x == d->nr_columns)
		axes->x = free_columns[n - 1];
	if (n == 2)
		axes->other = free_columns[free_columns[0] == axes->x];
	return 0;
}
