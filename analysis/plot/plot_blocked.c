// SPDX-License-Identifier: GPL-2.0-only
/* Blocked guest frames over time: a panel for each algorithm, on one scale. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/plot/plot.h"
#include "analysis/report/derive.h"
#include "analysis/write/layout.h"
#include "analysis/write/units.h"
#include "replay/replay.h"

static uint64_t begin_of(const struct rs_series *s)
{
	return rs_series_bin_begin_ns(s, 0);
}

static uint64_t end_of(const struct rs_series *s)
{
	return rs_series_bin_end_ns(s, rs_series_nr_bins(s) - 1);
}

static uint64_t most(const struct rs_series *s, size_t nr_tracks)
{
	uint64_t max = 1;

	for (size_t t = 0; t < nr_tracks; t++)
		for (size_t i = 0; i < rs_series_nr_bins(s); i++)
			if (rs_series_bin(s, t, i)->max > max)
				max = rs_series_bin(s, t, i)->max;
	return max;
}

/* Two lines for each bin, so that lines between them are its steps. */
static void put_data(struct rs_figure *fig, const struct rs_plot_input *in, size_t track,
		     const char *name)
{
	const struct rs_series *s = in->series;
	uint64_t span = end_of(s) - begin_of(s);
	FILE *f =
		rs_figure_data(fig, name, "time min max mean (guest frames), at both ends of bins");

	for (size_t i = 0; f && i < rs_series_nr_bins(s); i++) {
		const struct rs_series_bin *b = rs_series_bin(s, track, i);
		uint64_t ends[2] = { rs_series_bin_begin_ns(s, i), rs_series_bin_end_ns(s, i) };

		for (size_t e = 0; e < 2; e++)
			fprintf(f, "%.9g %" PRIu64 " %" PRIu64 " %.6g\n",
				rs_plot_time(in, ends[e], span), b->min, b->max,
				rs_series_mean(s, track, i));
	}
	rs_figure_data_end(fig, f);
}

/* 0 has a place of its own below 1; where decades are close, the tick of 1 would touch its. */
static void put_scale(struct rs_figure *fig, uint64_t max)
{
	static const double few[] = { 1, 2, 5, 10, 20, 50 };
	char text[16];

	rs_figure_put(fig, "set nonlinear y via log10(1+y) inverse 10**y-1\n");
	rs_figure_put(fig, "set yrange [0:%.9g]\nset ytics (0", (double)max * 1.6);
	for (size_t i = 0; max < 100 && i < sizeof(few) / sizeof(few[0]); i++)
		if (few[i] <= (double)max)
			rs_figure_put(fig, ", %g", few[i]);
	for (double tick = 10; max >= 100 && tick <= (double)max; tick *= 10)
		rs_figure_put(fig, ", '%s' %g", rs_format_tick(tick, text, sizeof(text)), tick);
	rs_figure_put(fig, ")\n");
}

static const char *kernels_of(const char *algo)
{
	const struct rs_algo_info *info = rs_algo_info_of(algo);

	return info ? info->kernels : "";
}

/* "posted, never merged" takes two lines. */
static void put_kernels(struct rs_figure *fig, const char *kernels)
{
	const char *comma = strchr(kernels, ',');
	char first[64];

	if (comma) {
		snprintf(first, sizeof(first), "%.*s", (int)(comma + 1 - kernels), kernels);
		rs_figure_string(fig, first);
		rs_figure_put(fig, ".\"\\n\".");
		kernels = comma + 1 + strspn(comma + 1, " ");
	}
	rs_figure_string(fig, kernels);
}

/* Beside the panel: which algorithm, and what it comes to. */
static void put_figures(struct rs_figure *fig, const struct rs_plot_input *in,
			const struct rs_algo_result *a)
{
	char max[32], number[48], part[32], *lines[3] = { NULL };
	bool text = rs_figure_is_text(fig);

	rs_format_count(a->blocked_max, max, sizeof(max));
	rs_format_number(rs_blocked_mean(in->vm, a), number, sizeof(number));
	rs_format_share(rs_blocked_share(in->vm, a), part, sizeof(part));
	if (asprintf(&lines[0], "mean %s", number) < 0 ||
	    asprintf(&lines[1], "%s of guest", part) < 0 || asprintf(&lines[2], "most %s", max) < 0)
		fig->errnum = ENOMEM;
	rs_figure_put(fig, "unset label 11\nset label 11 ");
	rs_figure_string(fig, a->name);
	rs_figure_put(fig, " at graph %s left %s\n", text ? "1.02, graph 0.9" : "1.012, graph 0.86",
		      text ? "" : "font ',13'");
	rs_figure_put(fig, "set label 12 ");
	put_kernels(fig, kernels_of(a->name));
	for (size_t i = 0; i < 3 && !fig->errnum; i++) {
		rs_figure_put(fig, ".\"\\n\".");
		rs_figure_string(fig, lines[i]);
	}
	rs_figure_put(fig, " at graph %s left\n", text ? "1.02, graph 0.7" : "1.012, graph 0.66");
	for (size_t i = 0; i < 3; i++)
		free(lines[i]);
}

static void put_panel(struct rs_figure *fig, const struct rs_plot_input *in, size_t algo)
{
	const struct rs_algo_result *a = rs_plot_algo(in, algo);
	const char *colour = rs_figure_algo_colour(a->name, algo);
	bool text = rs_figure_is_text(fig);

	put_data(fig, in, in->shown[algo], a->name);
	put_figures(fig, in, a);
	rs_figure_put(fig, "plot ");
	/* Where it is constant there is nothing between the least and the most. */
	if (!text) {
		rs_figure_data_name(fig, a->name);
		rs_figure_put(fig,
			      " using 1:(0):2 with filledcurves fillcolor '%s' fillstyle "
			      "transparent solid 0.5 noborder, \\\n     ",
			      colour);
	}
	rs_figure_data_name(fig, a->name);
	rs_figure_put(fig, " using 1:2:3 with filledcurves fillcolor '%s' fillstyle %s, \\\n     ",
		      colour, text ? "solid" : "transparent solid 0.2 noborder");
	rs_figure_data_name(fig, a->name);
	rs_figure_put(fig, " using 1:4 with %s linecolor '%s'",
		      text ? "points pointtype 'o'" : "lines linewidth 1.2", colour);
	if (!text) {
		rs_figure_put(fig, ", \\\n     ");
		rs_figure_data_name(fig, "frames");
		rs_figure_put(fig, " using 1:3 with lines linecolor '%s' dashtype 2",
			      RS_COLOUR_BLACK);
	}
	rs_figure_put(fig, "\n");
}

static void put_legend(struct rs_figure *fig, const struct rs_plot_input *in)
{
	const struct rs_series *s = in->series;
	struct rs_legend legend[] = {
		{ .kind = RS_LEGEND_PATCH, .colour = "#a0a0a0" },
		{ .kind = RS_LEGEND_PATCH, .colour = "#dadada", .letter = 'X' },
		{ .kind = RS_LEGEND_LINE,
		  .colour = "#444444",
		  .size = 1.2,
		  .style = 1,
		  .letter = 'o' },
		{ .kind = RS_LEGEND_LINE, .colour = RS_COLOUR_BLACK, .size = 1, .style = 2 },
	};
	char ns[32];

	rs_format_time((double)rs_series_bin_ns(s), ns, sizeof(ns));
	snprintf(legend[0].text, sizeof(legend[0].text), "throughout %s", ns);
	snprintf(legend[1].text, sizeof(legend[1].text), "least to most within %s", ns);
	snprintf(legend[2].text, sizeof(legend[2].text), "mean within %s", ns);
	snprintf(legend[3].text, sizeof(legend[3].text), "all guest frames in memslots");
	rs_figure_legend(fig, legend, rs_figure_is_text(fig) ? 3 : 4, 4);
}

static void draw_panels(struct rs_figure *fig, const struct rs_plot_input *in)
{
	const struct rs_margins m = { .left = 90,
				      .right = 170,
				      .bottom = 66,
				      .text_left = 9,
				      .text_right = 19,
				      .text_bottom = 4 };
	const struct rs_series *s = in->series;

	put_legend(fig, in);
	put_data(fig, in, in->nr_algos, "frames");
	put_scale(fig, most(s, in->nr_algos + 1));
	rs_figure_put(fig, "set multiplot\n");
	rs_figure_ylabel(fig, "guest frames blocked");
	rs_plot_time_axis(fig, in, begin_of(s), end_of(s));
	/* Only the lowest panel has labels. */
	if (in->nr_shown > 1)
		rs_figure_put(fig, "set format x ''\nunset xlabel\n");
	for (size_t i = 0; i < in->nr_shown; i++) {
		rs_figure_panel(fig, &m, i, in->nr_shown);
		if (i && i + 1 == in->nr_shown) {
			rs_figure_put(fig, "set format x '%%g'\n");
			rs_plot_time_axis(fig, in, begin_of(s), end_of(s));
		}
		put_panel(fig, in, i);
		/* What is drawn with each panel anew is needed once. */
		rs_figure_put(fig, "unset label\nunset object\nunset arrow\n");
	}
	rs_figure_put(fig, "unset multiplot\n");
}

static void draw(struct rs_figure *fig, const struct rs_plot_input *in)
{
	unsigned int n = (unsigned int)in->nr_shown;

	rs_figure_size(fig, 1100, 170 + 150 * n, 9 + 8 * n);
	rs_plot_title(fig, in,
		      "Guest frames that each algorithm blocks, over time: log scale with 0 at the "
		      "bottom");
	if (in->series && rs_series_nr_bins(in->series))
		draw_panels(fig, in);
	else
		rs_figure_nothing(fig, "no time passed");
}

const struct rs_plot_type rs_plot_blocked = {
	.name = "blocked",
	.summary = "guest frames that each algorithm blocks, over time",
	.algos = "hva,gfn,exact",
	.need = RS_PLOT_SERIES,
	.draw = draw,
};
