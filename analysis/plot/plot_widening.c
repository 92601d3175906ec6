// SPDX-License-Identifier: GPL-2.0-only
/* How much more than necessary each algorithm blocks: a distribution over epochs. */
#include <stdio.h>
#include <string.h>

#include "analysis/write/layout.h"
#include "analysis/plot/plot.h"
#include "analysis/write/units.h"

/* More would not be told apart. */
#define MAX_CURVES 24

static bool is_drawn(const struct rs_algo_result *a)
{
	return strcmp(a->name, "exact") && a->widening_epoch.weight;
}

struct limits {
	double min, max, least; /* widening, times; share, % */
};

static struct limits find_limits(const struct rs_plot_input *in)
{
	struct limits l = { 1, 1, 10 };

	for (size_t i = 0; i < in->nr_shown; i++) {
		const struct rs_hist *h = &rs_plot_algo(in, i)->widening_epoch;

		if (!is_drawn(rs_plot_algo(in, i)))
			continue;
		if (h->min && (double)h->min / RS_RATIO_SCALE < l.min)
			l.min = (double)h->min / RS_RATIO_SCALE;
		if ((double)h->max / RS_RATIO_SCALE > l.max)
			l.max = (double)h->max / RS_RATIO_SCALE;
		if (100.0 / (double)h->weight < l.least)
			l.least = 100.0 / (double)h->weight;
	}
	l.min /= 1.15;
	l.max *= 1.3;
	l.least /= 1.5;
	return l;
}

/* Where curves coincide a later, thinner one leaves the one before to be seen. */
static struct rs_legend look_of(const struct rs_algo_result *a, size_t index, size_t drawn)
{
	const struct rs_hist *h = &a->widening_epoch;
	struct rs_legend e = { .kind = RS_LEGEND_LINE,
			       .colour = rs_figure_algo_colour(a->name, index),
			       .size = drawn ? 2.0 : 5.0,
			       .style = 1,
			       .letter = "*#$%@&="[drawn % 7] };
	char median[32], mean[32], max[32], n[32];

	rs_format_number((double)rs_hist_quantile(h, 0.5) / RS_RATIO_SCALE, median, sizeof(median));
	rs_format_number(rs_hist_mean(h) / RS_RATIO_SCALE, mean, sizeof(mean));
	rs_format_number((double)h->max / RS_RATIO_SCALE, max, sizeof(max));
	rs_format_count(h->weight, n, sizeof(n));
	snprintf(e.text, sizeof(e.text), "%s / exact: median %s, mean %s, most %s (%s epoch%s)",
		 a->name, median, mean, max, n, h->weight == 1 ? "" : "s");
	return e;
}

/* Colours are few: the second curve of one is dashed, the third in another way ... */
static unsigned int dash_type(const struct rs_legend *legend, size_t n, const char *colour)
{
	unsigned int style = 1;

	for (size_t i = 0; i < n; i++)
		style += !strcmp(legend[i].colour, colour);
	return style;
}

static void put_axes(struct rs_figure *fig, const struct limits *l)
{
	rs_figure_put(fig, "set logscale xy\nset xrange [%.9g:%.9g]\nset yrange [%.9g:130]\n",
		      l->min, l->max, l->least);
	rs_figure_put(fig, "set format y '%%g'\n");
	rs_figure_decades(fig, 'x', l->min, l->max);
	if (rs_figure_is_text(fig)) {
		rs_figure_put(fig, "set xlabel 'widening (times); upwards: epochs with at least "
				   "that (%%)'\n");
		return;
	}
	rs_figure_put(fig, "set xlabel 'widening: frames blocked / frames really being invalidated "
			   "(times; peak of the epoch)'\n");
	rs_figure_ylabel(fig, "epochs with at least that widening (%)");
}

static void put_curve(struct rs_figure *fig, const struct rs_algo_result *a,
		      const struct rs_legend *look, size_t drawn)
{
	rs_figure_put(fig, "%s", drawn ? ", \\\n     " : "plot ");
	rs_figure_data_name(fig, a->name);
	rs_figure_put(fig, " using 1:2 with fsteps linewidth %.1f linecolor '%s' dashtype %u",
		      look->size, look->colour, look->style);
}

static void draw_curves(struct rs_figure *fig, const struct rs_plot_input *in)
{
	const struct rs_margins m = { .left = 80,
				      .right = 30,
				      .bottom = 60,
				      .text_left = 9,
				      .text_right = 2,
				      .text_bottom = 5 };
	struct rs_legend legend[MAX_CURVES];
	struct limits l = find_limits(in);
	size_t n = 0;

	for (size_t i = 0; i < in->nr_shown && n < MAX_CURVES; i++)
		if (is_drawn(rs_plot_algo(in, i))) {
			legend[n] = look_of(rs_plot_algo(in, i), i, n);
			legend[n].style = dash_type(legend, n, legend[n].colour);
			n++;
		}
	rs_figure_legend(fig, legend, n, 1);
	rs_figure_panel(fig, &m, 0, 1);
	put_axes(fig, &l);
	n = 0;
	for (size_t i = 0; i < in->nr_shown && n < MAX_CURVES; i++) {
		if (!is_drawn(rs_plot_algo(in, i)))
			continue;
		rs_plot_put_ccdf(fig, rs_plot_algo(in, i)->name,
				 "widening (times), share of epochs with at least that (%), epochs",
				 &rs_plot_algo(in, i)->widening_epoch, RS_RATIO_SCALE, l.min,
				 l.least);
		put_curve(fig, rs_plot_algo(in, i), &legend[n], n);
		n++;
	}
	rs_figure_put(fig, "\n");
}

static void draw(struct rs_figure *fig, const struct rs_plot_input *in)
{
	unsigned int curves = 0;

	for (size_t i = 0; i < in->nr_shown; i++)
		curves += is_drawn(rs_plot_algo(in, i));
	rs_figure_size(fig, 1000, 600 + 20 * curves, 28 + curves);
	rs_plot_title(fig, in, "How much more of the guest is blocked than is being invalidated");
	if (curves)
		draw_curves(fig, in);
	else
		rs_figure_nothing(fig, "nothing was invalidated, so nothing was widened");
}

const struct rs_plot_type rs_plot_widening = {
	.name = "widening",
	.summary = "how much more each algorithm blocks than it has to, over epochs",
	.algos = "gfn,hva",
	.need = RS_PLOT_DISTRIBUTIONS,
	.draw = draw,
};
