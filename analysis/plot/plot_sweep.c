// SPDX-License-Identifier: GPL-2.0-only
/* A sweep's figures against one parameter; a panel for each value of another. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/write/layout.h"
#include "analysis/plot/plot_sweep.h"
#include "analysis/write/units.h"
#include "base/clean.h"

#define PANEL 190     /* pixels */
#define TEXT_PANEL 12 /* lines */
#define TICK 36	      /* pixels that a tick's label takes */

struct metric {
	const char *what, *ylabel, *text_label;
	const char *above, *below; /* columns */
	double scale;
	bool time;	  /* ns */
	const char *skip; /* an algorithm of which there is nothing to see */
};

static const struct metric spurious = {
	.what = "Faults rejected needlessly, by parameters of a synthetic trace",
	.ylabel = "needless rejections per 1,000 faults checked",
	.text_label = "up: needless rejections per 1,000 faults",
	.above = "spurious_faults",
	.below = "checked_faults",
	.scale = 1000,
	.skip = "exact",
};

static const struct metric stall = {
	.what = "How long faults stall, by parameters of a synthetic trace (closed loop)",
	.ylabel = "mean stall of a logical fault",
	.text_label = "up: mean stall of a fault",
	.above = "stall_total_ns",
	.below = "logical_faults",
	.scale = 1,
	.time = true,
};

struct spread {
	double sum, min, max;
	size_t n;
};

struct lines {
	const struct rs_sweep_view *view;
	const struct metric *metric;
	struct rs_sweep_values x, panels;
	struct spread *cells; /* panel by panel, algorithm by algorithm, x by x */
	double *place;	      /* of each x on the axis */
	double begin, end;    /* of the axis */
	double unit;	      /* of y */
	const char *unit_name;
	bool log;
};

static struct spread *cell(const struct lines *l, size_t panel, size_t algo, size_t x)
{
	return &l->cells[(panel * l->view->nr_algos + algo) * l->x.nr + x];
}

static size_t algo_index(const struct rs_sweep_view *v, const char *name)
{
	size_t i = 0;

	while (i < v->nr_algos && strcmp(v->algos[i], name))
		i++;
	return i;
}

static void add(struct spread *s, double value)
{
	s->min = s->n ? fmin(s->min, value) : value;
	s->max = s->n ? fmax(s->max, value) : value;
	s->sum += value;
	s->n++;
}

/* Every row, which is one seed's, to its cell. */
static void collect(struct lines *l)
{
	const struct rs_sweep_data *d = l->view->data;
	size_t above = rs_sweep_column(d, l->metric->above);
	size_t below = rs_sweep_column(d, l->metric->below);

	for (size_t row = 0; row < d->nr_rows; row++) {
		size_t a = algo_index(l->view, rs_sweep_field(d, row, d->algorithm));
		double value = l->metric->scale * rs_sweep_figure(d, row, above) /
			       rs_sweep_figure(d, row, below);
		size_t x = rs_sweep_value_index(&l->x, rs_sweep_field(d, row, l->view->axes.x));
		size_t panel = 0;

		if (l->panels.nr)
			panel = rs_sweep_value_index(&l->panels,
						     rs_sweep_field(d, row, l->view->axes.other));
		if (a < l->view->nr_algos && isfinite(value))
			add(cell(l, panel, a, x), value);
	}
}

static size_t nr_panels(const struct lines *l)
{
	return l->panels.nr ? l->panels.nr : 1;
}

static bool is_drawn(const struct lines *l, size_t algo)
{
	return !l->metric->skip || strcmp(l->view->algos[algo], l->metric->skip);
}

/* Numbers that span much get a logarithmic axis, on which 0 has a place of its own. */
static void place_values(struct lines *l)
{
	size_t first = l->x.nr > 1 && l->x.number[0] == 0;
	double step;

	l->log = l->x.numeric && l->x.nr > 2 + first &&
		 l->x.number[l->x.nr - 1] > 20 * l->x.number[first];
	for (size_t i = 0; i < l->x.nr; i++)
		l->place[i] = l->log ? log10(l->x.number[i]) : l->x.number[i];
	if (l->log && first) {
		step = (l->place[l->x.nr - 1] - l->place[1]) / (double)(l->x.nr - 2);
		l->place[0] = l->place[1] - step;
	}
	step = l->place[l->x.nr - 1] - l->place[0];
	l->begin = l->place[0] - 0.04 * (step > 0 ? step : 1);
	l->end = l->place[l->x.nr - 1] + 0.04 * (step > 0 ? step : 1);
}

static void choose_unit(struct lines *l)
{
	const struct rs_time_unit *unit;
	double most = 0;

	for (size_t i = 0; i < nr_panels(l) * l->view->nr_algos * l->x.nr; i++)
		most = fmax(most, l->cells[i].n ? l->cells[i].max : 0);
	unit = rs_figure_time_unit(rs_clamp_u64(most));
	l->unit = l->metric->time ? unit->ns : 1;
	l->unit_name = unit->name;
}

static int prepare(struct lines *l)
{
	const struct rs_sweep_view *v = l->view;

	if (rs_sweep_values_get(v->data, v->axes.x, &l->x))
		return -ENOMEM;
	if (v->axes.other < v->data->nr_columns &&
	    rs_sweep_values_get(v->data, v->axes.other, &l->panels))
		return -ENOMEM;
	l->place = calloc(l->x.nr, sizeof(*l->place));
	l->cells = calloc(nr_panels(l) * v->nr_algos * l->x.nr, sizeof(*l->cells));
	if (!l->place || !l->cells)
		return -ENOMEM;
	place_values(l);
	collect(l);
	choose_unit(l);
	return 0;
}

static void release(struct lines *l)
{
	rs_sweep_values_free(&l->x);
	rs_sweep_values_free(&l->panels);
	free(l->place);
	free(l->cells);
}

static void data_name(const struct lines *l, size_t panel, size_t algo, char *buf, size_t size)
{
	if (l->panels.nr)
		snprintf(buf, size, "%s-%zu", l->view->algos[algo], panel);
	else
		snprintf(buf, size, "%s", l->view->algos[algo]);
}

/* Side by side where they share a place, so that no bar hides another. */
static double dodge(const struct lines *l, size_t algo)
{
	double middle = ((double)l->view->nr_algos - 1) / 2;

	return ((double)algo - middle) * 0.005 * (l->end - l->begin);
}

static void put_point(FILE *f, const struct lines *l, double at, const struct spread *s,
		      const char *value)
{
	fprintf(f, "%.9g %.9g %.9g %.9g ", at, s->sum / (double)s->n / l->unit, s->min / l->unit,
		s->max / l->unit);
	rs_figure_cell(f, value);
	fprintf(f, " %zu\n", s->n);
}

static void put_data(struct rs_figure *fig, const struct lines *l, size_t panel, size_t algo)
{
	bool text = rs_figure_is_text(fig);
	char name[128];
	FILE *f;

	data_name(l, panel, algo, name, sizeof(name));
	f = rs_figure_data(fig, name,
			   "place on the axis, mean, least and most of the seeds, value, "
			   "seeds");
	for (size_t x = 0; f && x < l->x.nr; x++) {
		const struct spread *s = cell(l, panel, algo, x);

		if (s->n)
			put_point(f, l, l->place[x] + (text ? 0 : dodge(l, algo)), s, l->x.text[x]);
	}
	rs_figure_data_end(fig, f);
}

/* The swept values, as they were given; those that there is no room for are left out. */
static void put_xtics(struct rs_figure *fig, const struct lines *l, bool labels)
{
	bool text = rs_figure_is_text(fig);
	double room = text ? RS_FIGURE_TEXT_COLUMNS - 14 : 860, last = -1e9;
	const char *comma = "set xtics (";

	for (size_t x = 0; x < l->x.nr; x++) {
		double at = room * (l->place[x] - l->begin) / (l->end - l->begin);
		double columns = (double)rs_clean_columns(l->x.text[x]);
		double width = text ? columns + 1 : fmax(TICK, 8.0 * columns);
		bool fits = at - width / 2 >= last;

		rs_figure_put(fig, "%s", comma);
		rs_figure_tic(fig, labels && fits ? l->x.text[x] : "");
		rs_figure_put(fig, " %.9g", l->place[x]);
		comma = ", ";
		if (fits)
			last = at + width / 2;
	}
	rs_figure_put(fig, ")\n");
}

static double most_of(const struct lines *l, size_t panel)
{
	double most = 0;

	for (size_t a = 0; a < l->view->nr_algos; a++)
		for (size_t x = 0; is_drawn(l, a) && x < l->x.nr; x++)
			if (cell(l, panel, a, x)->n)
				most = fmax(most, cell(l, panel, a, x)->max);
	return most / l->unit;
}

static void put_lines(struct rs_figure *fig, const struct lines *l, size_t panel)
{
	const char *between = "plot ";
	size_t n = 0;
	char name[128];

	for (size_t a = 0; a < l->view->nr_algos; a++) {
		const char *colour = rs_figure_algo_colour(l->view->algos[a], a);

		if (!is_drawn(l, a))
			continue;
		put_data(fig, l, panel, a);
		data_name(l, panel, a, name, sizeof(name));
		rs_figure_put(fig, "%s", between);
		rs_figure_data_name(fig, name);
		between = ", \\\n     ";
		if (rs_figure_is_text(fig)) {
			rs_figure_put(fig, " using 1:2 with points pointtype '%c'",
				      "*#$%@&="[n++ % 7]);
			continue;
		}
		rs_figure_put(fig, " using 1:2 with lines linewidth 1.6 linecolor '%s'%s", colour,
			      between);
		rs_figure_data_name(fig, name);
		rs_figure_put(fig,
			      " using 1:2:3:4 with yerrorbars pointtype 7 pointsize %.2f "
			      "linewidth 1.4 linecolor '%s'",
			      rs_figure_point_size(fig, 0.9), colour);
	}
	rs_figure_put(fig, "\n");
}

static void put_panel(struct rs_figure *fig, const struct lines *l, size_t panel)
{
	const struct rs_sweep_data *d = l->view->data;
	double most = most_of(l, panel);
	char label[192];

	/* Above the data is room for the panel's name. */
	rs_figure_put(fig, "set yrange [0:%.9g]\n",
		      most > 0 ? (l->panels.nr ? 1.3 : 1.12) * most : 1);
	if (l->panels.nr) {
		snprintf(label, sizeof(label), "%s: %s", d->columns[l->view->axes.other],
			 l->panels.text[panel]);
		rs_figure_put(fig, "set label 11 ");
		rs_figure_string(fig, label);
		rs_figure_put(fig, " at graph 0.02, graph 0.91 left front\n");
	}
	put_lines(fig, l, panel);
}

static void put_xlabel(struct rs_figure *fig, const struct lines *l)
{
	const char *x = l->view->data->columns[l->view->axes.x];
	char label[256];

	if (rs_figure_is_text(fig))
		snprintf(label, sizeof(label), "%.20s; %s%s%s%s", x, l->metric->text_label,
			 l->metric->time ? " (" : "", l->metric->time ? l->unit_name : "",
			 l->metric->time ? ")" : "");
	else
		snprintf(label, sizeof(label), "%s%s", x, l->log ? " (logarithmic)" : "");
	rs_figure_put(fig, "set xlabel ");
	rs_figure_string(fig, label);
	rs_figure_put(fig, "\n");
}

static void draw_panels(struct rs_figure *fig, const struct lines *l)
{
	const struct rs_margins m = { .left = 90,
				      .right = 30,
				      .bottom = 60,
				      .text_left = 10,
				      .text_right = 3,
				      .text_bottom = 4 };
	size_t n = nr_panels(l);
	char label[192];

	snprintf(label, sizeof(label), "%s%s%s%s", l->metric->ylabel, l->metric->time ? " (" : "",
		 l->metric->time ? l->unit_name : "", l->metric->time ? ")" : "");
	rs_figure_ylabel(fig, label);
	rs_figure_put(fig, "set xrange [%.9g:%.9g]\nset multiplot\n", l->begin, l->end);
	for (size_t i = 0; i < n; i++) {
		rs_figure_panel(fig, &m, i, n);
		put_xtics(fig, l, i + 1 == n);
		if (i + 1 == n)
			put_xlabel(fig, l);
		put_panel(fig, l, i);
		/* What stands around all panels is written once. */
		if (!i)
			rs_figure_put(fig, "unset label\nunset arrow\nunset object\n");
	}
	rs_figure_put(fig, "unset multiplot\n");
}

static void put_legend(struct rs_figure *fig, const struct rs_sweep_view *v, const struct metric *m)
{
	struct rs_legend legend[RS_SWEEP_MAX_ALGOS];
	size_t n = 0;

	for (size_t a = 0; a < v->nr_algos; a++) {
		if (m->skip && !strcmp(v->algos[a], m->skip))
			continue;
		legend[n] = (struct rs_legend){ .kind = RS_LEGEND_LINE,
						.colour = rs_figure_algo_colour(v->algos[a], a),
						.size = 2,
						.style = 1,
						.letter = "*#$%@&="[n % 7] };
		snprintf(legend[n].text, sizeof(legend[n].text), "%s", v->algos[a]);
		n++;
	}
	rs_figure_legend(fig, legend, n, 6);
}

void rs_sweep_title(struct rs_figure *fig, const struct rs_sweep_view *v, const char *what,
		    const char *tail)
{
	struct rs_sweep_values values;
	char of[512];

	snprintf(of, sizeof(of), "%s", v->source);
	for (size_t c = 1; c < v->data->algorithm; c++) {
		size_t len = strlen(of);

		if (c == v->axes.x || c == v->axes.other || !strcmp(v->data->columns[c], "version"))
			continue;
		if (rs_sweep_values_get(v->data, c, &values)) {
			fig->errnum = ENOMEM;
			return;
		}
		if (c + 1 == v->data->algorithm)
			snprintf(of + len, sizeof(of) - len, ", %zu seed%s", values.nr,
				 values.nr == 1 ? "" : "s");
		else
			snprintf(of + len, sizeof(of) - len, ", %s=%s", v->data->columns[c],
				 values.nr ? values.text[0] : "");
		rs_sweep_values_free(&values);
	}
	snprintf(of + strlen(of), sizeof(of) - strlen(of), ": %s", tail);
	rs_figure_title(fig, what, of);
}

static void draw(struct rs_figure *fig, const struct rs_plot_input *in, const struct metric *metric)
{
	struct lines l = { .view = in->sweep, .metric = metric };
	unsigned int n;

	if (prepare(&l)) {
		fig->errnum = ENOMEM;
		release(&l);
		return;
	}
	n = (unsigned int)nr_panels(&l);
	rs_figure_size(fig, 1000, 170 + (n == 1 ? 400 : PANEL * n),
		       8 + (n == 1 ? 20 : TEXT_PANEL * n));
	rs_sweep_title(fig, in->sweep, metric->what,
		       rs_figure_is_text(fig) ? "means of the seeds"
					      : "means, and the least and most of the seeds");
	put_legend(fig, in->sweep, metric);
	draw_panels(fig, &l);
	release(&l);
}

static void draw_spurious(struct rs_figure *fig, const struct rs_plot_input *in)
{
	draw(fig, in, &spurious);
}

static void draw_stall(struct rs_figure *fig, const struct rs_plot_input *in)
{
	draw(fig, in, &stall);
}

const struct rs_plot_type rs_plot_sweep_spurious = {
	.name = "sweep-spurious",
	.summary = "of a sweep: needless rejections against a parameter",
	.need = RS_PLOT_SWEEP,
	.draw = draw_spurious,
};

const struct rs_plot_type rs_plot_sweep_stall = {
	.name = "sweep-stall",
	.summary = "of a closed-loop sweep: stall against a parameter",
	.need = RS_PLOT_SWEEP_CLOSED,
	.draw = draw_stall,
};
