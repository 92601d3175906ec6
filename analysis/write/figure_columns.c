// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/write/figure_columns.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "analysis/write/csv.h"
#include "analysis/write/units.h"

/* The name of @row's column, or NULL: it has none in this set. */
static const char *column(const struct rs_figure_row *row, enum rs_columns set, bool closed)
{
	if (!closed && (row->of == RS_OF_CLOSED_VM || row->of == RS_OF_CLOSED_ALGO))
		return NULL;
	return set == RS_COLUMNS_CSV ? row->csv : row->sweep;
}

static void put_name_of_cause(FILE *f, const char *name, const char *at, const char *cause)
{
	fprintf(f, ",%.*s", (int)(at - name), name);
	rs_csv_name(f, cause);
	fputs(at + 2, f);
}

void rs_columns_names(FILE *f, enum rs_columns set, bool closed)
{
	const struct rs_figure_row *row;
	const char *name, *at;

	for (size_t i = 0; (row = rs_figure_row(i)); i++) {
		name = column(row, set, closed);
		at = name ? strstr(name, "%s") : NULL;
		if (!name)
			continue;
		if (row->type != RS_FIGURE_CAUSES || !at) {
			fprintf(f, ",%s", name);
			continue;
		}
		for (unsigned int c = 0; c < RS_NR_CAUSES; c++)
			put_name_of_cause(f, name, at, rs_cause_name(c));
	}
}

static void put_count(FILE *f, unsigned __int128 v)
{
	char text[48];

	fprintf(f, ",%s", rs_format_u128(v, text, sizeof(text)));
}

static void put_number(FILE *f, enum rs_columns set, double v)
{
	if (isfinite(v))
		fprintf(f, set == RS_COLUMNS_CSV ? ",%.12g" : ",%.6g", v);
	else
		fputc(',', f);
}

static void put_quantile(FILE *f, enum rs_columns set, const struct rs_hist *h, double q)
{
	if (set == RS_COLUMNS_CSV)
		put_number(f, set, rs_quantile(h, q));
	else
		put_count(f, rs_hist_quantile(h, q));
}

static void put_value(FILE *f, enum rs_columns set, const struct rs_figure_row *row,
		      const struct rs_figure_base *base)
{
	const void *at = (const char *)rs_figure_in(row, base) + row->offset;
	const struct rs_hist *h = at;

	switch (row->type) {
	case RS_FIGURE_U64:
		put_count(f, *(const uint64_t *)at);
		break;
	case RS_FIGURE_U128:
		put_count(f, *(const unsigned __int128 *)at);
		break;
	case RS_FIGURE_DOUBLE:
		put_number(f, set, *(const double *)at);
		break;
	case RS_FIGURE_BOOL:
		put_count(f, *(const bool *)at);
		break;
	case RS_FIGURE_TEXT:
		fprintf(f, ",%s", *(const char *const *)at);
		break;
	case RS_FIGURE_CAUSES:
		for (unsigned int c = 0; c < RS_NR_CAUSES; c++)
			put_count(f, ((const uint64_t *)at)[c]);
		break;
	case RS_FIGURE_COUNT_OF:
		put_count(f, row->count(base));
		break;
	case RS_FIGURE_NUMBER_OF:
		put_number(f, set, row->number(base));
		break;
	case RS_FIGURE_HIST:
	case RS_FIGURE_TOTAL:
		put_count(f, h->total);
		break;
	case RS_FIGURE_MEAN:
		put_number(f, set, h->weight ? (double)h->total / (double)h->weight : NAN);
		break;
	case RS_FIGURE_P50:
		put_quantile(f, set, h, 0.5);
		break;
	case RS_FIGURE_P99:
		put_quantile(f, set, h, 0.99);
		break;
	case RS_FIGURE_P999:
		put_quantile(f, set, h, 0.999);
		break;
	case RS_FIGURE_MAX:
		put_count(f, h->max);
		break;
	}
}

/* It was not asked for. */
static void put_nothing(FILE *f, const struct rs_figure_row *row)
{
	for (unsigned int n = row->type == RS_FIGURE_CAUSES ? RS_NR_CAUSES : 1; n; n--)
		fputc(',', f);
}

void rs_columns_values(FILE *f, enum rs_columns set, bool closed, const struct rs_figure_base *base)
{
	const struct rs_figure_row *row;

	for (size_t i = 0; (row = rs_figure_row(i)); i++) {
		if (!column(row, set, closed))
			continue;
		if (row->full && base->counts_only)
			put_nothing(f, row);
		else
			put_value(f, set, row, base);
	}
}
