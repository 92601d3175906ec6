// SPDX-License-Identifier: GPL-2.0-only
/* The ratios with their intervals, a line each, beside the line where nothing differs. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/compare/compare_internal.h"
#include "analysis/write/layout.h"
#include "base/clean.h"

/* More lines than this are no picture. */
#define MAX_ROWS 200
/* Columns of a line in plain text: the name, the axis; the rest is the numbers. */
#define TEXT_NAME 28
#define TEXT_AXIS 24
#define LINE_PIXELS 22

struct forest {
	const struct rs_compare_row *rows[MAX_ROWS];
	size_t nr;
	double low, high; /* of the axis: logarithms of ratios, 0 within */
};

static double low_of(const struct rs_compare_row *row)
{
	return log(isnan(row->ratio_low) ? row->ratio : row->ratio_low);
}

static double high_of(const struct rs_compare_row *row)
{
	return log(isnan(row->ratio_high) ? row->ratio : row->ratio_high);
}

static void plant(struct forest *f, const struct rs_compare *c)
{
	size_t nr;
	const struct rs_compare_row *rows = rs_compare_rows(c, &nr);

	memset(f, 0, sizeof(*f));
	for (size_t i = 0; i < nr && f->nr < MAX_ROWS; i++) {
		if (isnan(rows[i].ratio))
			continue;
		f->rows[f->nr++] = &rows[i];
		f->low = fmin(f->low, low_of(&rows[i]));
		f->high = fmax(f->high, high_of(&rows[i]));
	}
	if (f->high - f->low < 0.02) {
		f->low -= 0.01;
		f->high += 0.01;
	}
}

static void name_of(const struct rs_compare_row *row, char *to, size_t size)
{
	snprintf(to, size, "%s%s%s", row->algorithm ? row->algorithm : "",
		 row->algorithm ? " " : "", row->figure->name);
}

static const char *numbers_of(const struct rs_compare_row *row, char *to, size_t size)
{
	char ratio[24], low[24], high[24];

	rs_format_number(row->ratio, ratio, sizeof(ratio));
	if (isnan(row->ratio_low))
		snprintf(to, size, "%s", ratio);
	else
		snprintf(to, size, "%s (%s-%s)%s", ratio,
			 rs_format_number(row->ratio_low, low, sizeof(low)),
			 rs_format_number(row->ratio_high, high, sizeof(high)),
			 row->found ? " *" : "");
	return to;
}

static void put_data(struct rs_figure *fig, const struct forest *f)
{
	FILE *data = rs_figure_data(fig, "ratios",
				    "line name ratio low high found numbers (new over base)");
	char name[160], numbers[96];

	for (size_t i = 0; data && i < f->nr; i++) {
		const struct rs_compare_row *row = f->rows[i];

		name_of(row, name, sizeof(name));
		fprintf(data, "%zu ", i);
		rs_figure_cell(data, name);
		fprintf(data, " %.9g %.9g %.9g %d ", row->ratio, exp(low_of(row)),
			exp(high_of(row)), row->found);
		rs_figure_cell(data, numbers_of(row, numbers, sizeof(numbers)));
		fputc('\n', data);
	}
	rs_figure_data_end(fig, data);
}

static unsigned int longest_name(const struct forest *f)
{
	size_t most = 0;
	char name[160];

	for (size_t i = 0; i < f->nr; i++) {
		name_of(f->rows[i], name, sizeof(name));
		most = rs_clean_columns(name) > most ? rs_clean_columns(name) : most;
	}
	return most < RS_FIGURE_MAX_NAME ? (unsigned int)most : RS_FIGURE_MAX_NAME;
}

/* A logarithmic axis this short has no power of ten on it. */
static void put_ticks(struct rs_figure *fig, const struct forest *f)
{
	static const double ticks[] = { 1,   0.99, 1.01, 0.98, 1.02, 0.95, 1.05, 0.9,  1.1, 0.8,
					1.2, 0.7,  1.5,	 0.5,  2,    0.3,  3,	 0.2,  5,   0.1,
					10,  0.01, 100,	 1e-3, 1e3,  1e-4, 1e4,	 1e-6, 1e6 };
	double room = f->high - f->low, taken[sizeof(ticks) / sizeof(ticks[0])];
	size_t nr = 0;

	rs_figure_put(fig, "set xtics (");
	for (size_t i = 0; i < sizeof(ticks) / sizeof(ticks[0]); i++) {
		double at = log(ticks[i]);
		bool free = at > f->low - 0.05 * room && at < f->high + 0.4 * room;

		for (size_t k = 0; k < nr; k++)
			free &= fabs(at - taken[k]) > 0.08 * room;
		if (!free)
			continue;
		rs_figure_put(fig, "%s'%g' %.9g", nr ? ", " : "", ticks[i], ticks[i]);
		taken[nr++] = at;
	}
	rs_figure_put(fig, ")\n");
}

static void draw_lines(struct rs_figure *fig, const struct forest *f, bool found)
{
	const char *colour = found ? RS_COLOUR_VERMILION : RS_COLOUR_BLUE;

	rs_figure_put(fig,
		      "ratios using ($6 == %d ? $3 : NaN):1:4:5 with xerrorbars linecolor "
		      "rgb '%s' linewidth 1.5 pointtype 7 pointsize %.2g notitle, \\\n     ",
		      found, colour, rs_figure_point_size(fig, 0.8));
}

static void draw_picture(struct rs_figure *fig, const struct forest *f)
{
	/* To the right are the numbers. */
	double room = f->high - f->low;
	struct rs_margins m = { .left = 30 + 8 * longest_name(f), .right = 30, .bottom = 60 };
	char name[160];

	rs_figure_panel(fig, &m, 0, 1);
	rs_figure_put(fig, "set ytics (");
	for (size_t i = 0; i < f->nr; i++) {
		rs_figure_put(fig, i ? ", " : "");
		name_of(f->rows[i], name, sizeof(name));
		rs_figure_tic(fig, name);
		rs_figure_put(fig, " %zu", i);
	}
	rs_figure_put(fig, ") scale 0\nset yrange [%zu.5:-0.5]\n", f->nr - 1);
	rs_figure_put(fig, "set logscale x\nset xrange [%.9g:%.9g]\n", exp(f->low - 0.05 * room),
		      exp(f->high + 0.4 * room));
	rs_figure_put(fig, "unset grid\nset grid xtics\nset xlabel 'ratio, with its 95 %% "
			   "interval'\n");
	put_ticks(fig, f);
	rs_figure_put(fig, "set arrow from 1, graph 0 to 1, graph 1 nohead linecolor rgb '%s'\n",
		      RS_COLOUR_BLACK);
	rs_figure_put(fig, "ratios = ");
	rs_figure_data_name(fig, "ratios");
	rs_figure_put(fig, "\nplot ");
	draw_lines(fig, f, false);
	draw_lines(fig, f, true);
	rs_figure_put(fig, "ratios using 5:1:7 with labels left offset 1,0 notitle\n");
}

static int column_of(const struct forest *f, double v)
{
	return (int)((v - f->low) / (f->high - f->low) * (TEXT_AXIS - 1) + 0.5);
}

static void draw_text_line(struct rs_figure *fig, const struct forest *f, size_t i)
{
	const struct rs_compare_row *row = f->rows[i];
	char axis[TEXT_AXIS + 1], name[160], numbers[96], text[320];

	memset(axis, ' ', TEXT_AXIS);
	axis[TEXT_AXIS] = '\0';
	for (int k = column_of(f, low_of(row)); k <= column_of(f, high_of(row)); k++)
		axis[k] = '-';
	axis[column_of(f, 0)] = '|';
	axis[column_of(f, log(row->ratio))] = row->found ? '*' : 'o';
	name_of(row, name, sizeof(name));
	snprintf(text, sizeof(text), "%-*.*s %s %s", TEXT_NAME, TEXT_NAME, name, axis,
		 numbers_of(row, numbers, sizeof(numbers)));
	rs_figure_put(fig, "set label ");
	rs_figure_string(fig, text);
	rs_figure_put(fig, " at character 0, character %zu left\n",
		      fig->lines - fig->header - 2 - i);
}

static void draw_text(struct rs_figure *fig, const struct forest *f)
{
	rs_figure_put(fig, "unset border\nunset tics\nset xrange [0:1]\nset yrange [0:1]\n");
	for (size_t i = 0; i < f->nr; i++)
		draw_text_line(fig, f, i);
	rs_figure_put(fig, "plot NaN notitle\n");
}

void rs_compare_draw(struct rs_figure *fig, const struct rs_compare *c)
{
	struct forest f;
	char what[128], of[256];

	plant(&f, c);
	rs_figure_size(fig, 1000, 160 + LINE_PIXELS * (unsigned int)f.nr, (unsigned int)f.nr + 6);
	snprintf(what, sizeof(what), "%.40s over %.40s: ratios with their 95 %% intervals",
		 rs_compare_name(c, RS_COMPARE_NEW), rs_compare_name(c, RS_COMPARE_BASE));
	if (rs_compare_tells(c))
		snprintf(of, sizeof(of), "%zu and %zu runs; %zu of %zu differ (*, Holm below %g)",
			 rs_compare_runs(c, RS_COMPARE_NEW), rs_compare_runs(c, RS_COMPARE_BASE),
			 rs_compare_found(c), rs_compare_tested(c), RS_COMPARE_LIMIT);
	else
		snprintf(of, sizeof(of), "%zu and %zu runs: too few to tell",
			 rs_compare_runs(c, RS_COMPARE_NEW), rs_compare_runs(c, RS_COMPARE_BASE));
	rs_figure_title(fig, what, of);
	put_data(fig, &f);
	if (!f.nr)
		rs_figure_nothing(fig, "no figure has a ratio");
	else if (rs_figure_is_text(fig))
		draw_text(fig, &f);
	else
		draw_picture(fig, &f);
}
