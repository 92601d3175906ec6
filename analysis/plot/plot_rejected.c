// SPDX-License-Identifier: GPL-2.0-only
/* Rejected faults per algorithm, stacked by what they were rejected for. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/plot/plot.h"
#include "analysis/write/layout.h"
#include "analysis/write/units.h"
#include "base/clean.h"

/* Columns of the data: index, name, label, then the parts of a bar, missed, its label. */
#define FIRST_PART 4
#define NR_PARTS (1 + RS_NR_CAUSES)

static const struct part {
	const char *colour, *meaning;
	const char *name;
	char letter; /* in plain text */
	bool dark;   /* what is written on it is white */
} parts[NR_PARTS + 1] = {
	{ RS_COLOUR_GREEN, "the page is really being invalidated", "necessary", 'N', true },
	[1 + RS_CAUSE_KIND] = { RS_COLOUR_GREY,
				"only its other (shared, private) mapping is invalidated", "kind",
				'k' },
	[1 + RS_CAUSE_SEQ] = { RS_COLOUR_SKY, "outside the range, but an invalidation has ended",
			       "seq", 'q' },
	[1 + RS_CAUSE_NO_HVA] = { RS_COLOUR_YELLOW,
				  "it has no host address, or what blocks it has none", "no-hva",
				  'h' },
	[1 + RS_CAUSE_ALIAS] = { RS_COLOUR_VERMILION, "between two aliases of a host page", "alias",
				 'a', true },
	[1 + RS_CAUSE_SCATTER] = { RS_COLOUR_PURPLE,
				   "between memslots that only the host has side "
				   "by side",
				   "scatter", 's' },
	[1 + RS_CAUSE_CONCURRENT] = { RS_COLOUR_ORANGE, "between two invalidations at once",
				      "concurrent", 'c' },
	[1 + RS_CAUSE_STALE] = { RS_COLOUR_BLUE, "the range is still that of an ended invalidation",
				 "stale", 't', true },
	[NR_PARTS] = { RS_COLOUR_BLACK, "let through though stale: the algorithm is wrong",
		       "missed", 'M' },
};

static uint64_t part_of(const struct rs_algo_result *a, size_t part)
{
	if (part == NR_PARTS)
		return a->missed;
	return part ? a->causes[part - 1] : a->rejected - a->spurious;
}

static uint64_t most_rejected(const struct rs_plot_input *in)
{
	uint64_t most = 0;

	for (size_t i = 0; i < in->nr_shown; i++)
		if (rs_plot_algo(in, i)->rejected > most)
			most = rs_plot_algo(in, i)->rejected;
	return most;
}

static bool occurs(const struct rs_plot_input *in, size_t part)
{
	for (size_t i = 0; i < in->nr_shown; i++)
		if (part_of(rs_plot_algo(in, i), part))
			return true;
	return false;
}

/* "7,891 (59.1 %)" */
static void label_of(const struct rs_plot_input *in, uint64_t n, char *buf, size_t size)
{
	char count[32], share[32];

	rs_format_count(n, count, sizeof(count));
	rs_format_share(in->vm->checked ? (double)n / (double)in->vm->checked : 0, share,
			sizeof(share));
	snprintf(buf, size, "%s (%s)", count, share);
}

static void put_data(struct rs_figure *fig, const struct rs_plot_input *in)
{
	FILE *f = rs_figure_data(fig, "counts",
				 "index algorithm rejected necessary seq no-hva alias scatter "
				 "concurrent stale missed (faults; the labels: share of those "
				 "checked)");

	for (size_t i = 0; f && i < in->nr_shown; i++) {
		const struct rs_algo_result *a = rs_plot_algo(in, i);
		char label[80], missed[80];

		label_of(in, a->rejected, label, sizeof(label));
		label_of(in, a->missed, missed, sizeof(missed));
		fprintf(f, "%zu ", i);
		rs_figure_cell(f, a->name);
		fprintf(f, " \"%s\"", label);
		for (size_t p = 0; p < NR_PARTS; p++)
			fprintf(f, " %" PRIu64, part_of(a, p));
		fprintf(f, " %" PRIu64 " \"%s\"\n", a->missed, a->missed ? missed : "");
	}
	rs_figure_data_end(fig, f);
}

/* The algorithms from top to bottom. */
static void put_names(struct rs_figure *fig, const struct rs_plot_input *in)
{
	rs_figure_put(fig, "set ytics (");
	for (size_t i = 0; i < in->nr_shown; i++) {
		rs_figure_put(fig, i ? ", " : "");
		rs_figure_tic(fig, rs_plot_algo(in, i)->name);
		rs_figure_put(fig, " %zu", i);
	}
	rs_figure_put(fig, ") scale 0\nset yrange [%zu.5:-0.5]\n", in->nr_shown - 1);
}

static void put_bars(struct rs_figure *fig, const struct rs_plot_input *in)
{
	int missed_column = FIRST_PART + NR_PARTS;

	rs_figure_put(fig, "left(k) = sum [c = %d:k-1] column(c)\n", FIRST_PART);
	rs_figure_put(fig, "counts = ");
	rs_figure_data_name(fig, "counts");
	rs_figure_put(fig, "\nplot ");
	for (int p = 0; p < NR_PARTS; p++) {
		int c = FIRST_PART + p;

		if (occurs(in, (size_t)p))
			rs_figure_put(fig,
				      "counts using 1:1:(left(%d)):(left(%d)):($1-0.36):($1+0.36) "
				      "with boxxyerror fillcolor '%s', \\\n     ",
				      c, c + 1, parts[p].colour);
	}
	if (occurs(in, NR_PARTS))
		rs_figure_put(fig,
			      "counts using 1:1:(-$%d):(0):($1-0.36):($1+0.36) with boxxyerror "
			      "fillcolor '%s', \\\n     "
			      "counts using (-$%d):1:%d with labels right offset -1,0, \\\n     ",
			      missed_column, parts[NR_PARTS].colour, missed_column,
			      missed_column + 1);
	rs_figure_put(fig, "counts using (left(%d)):1:3 with labels left offset 1,0\n",
		      missed_column);
}

static void put_legend(struct rs_figure *fig, const struct rs_plot_input *in)
{
	struct rs_legend legend[NR_PARTS + 1];
	size_t n = 0;

	for (size_t p = 0; p <= NR_PARTS; p++) {
		if (!occurs(in, p))
			continue;
		legend[n] = (struct rs_legend){ .kind = RS_LEGEND_PATCH,
						.colour = parts[p].colour,
						.letter = parts[p].letter };
		snprintf(legend[n].text, sizeof(legend[n].text), "%s: %s", parts[p].name,
			 parts[p].meaning);
		n++;
	}
	rs_figure_legend(fig, legend, n, 2);
}

static unsigned int longest_name(const struct rs_plot_input *in)
{
	size_t most = 0, columns;

	for (size_t i = 0; i < in->nr_shown; i++) {
		columns = rs_clean_columns(rs_plot_algo(in, i)->name);
		most = columns > most ? columns : most;
	}
	return most < RS_FIGURE_MAX_NAME ? (unsigned int)most : RS_FIGURE_MAX_NAME;
}

/* Pixels of text, and what beside it keeps it from touching anything. */
#define TEXT_WIDTH 8
#define TEXT_GAP 24

/* What a bar's label takes beside it. */
static double label_width(const struct rs_plot_input *in, uint64_t n)
{
	char label[64];

	label_of(in, n, label, sizeof(label));
	return TEXT_GAP + TEXT_WIDTH * (double)strlen(label);
}

/* The axis from left to right: faults, and how many pixels one has. */
struct axis {
	double left, right, scale;
};

/* So wide that each bar has room in the frame, of @width pixels, with its labels. */
static struct axis find_axis(const struct rs_plot_input *in, double width)
{
	struct axis x = { .scale = INFINITY };

	for (size_t i = 0; i < in->nr_shown * in->nr_shown; i++) {
		const uint64_t rejected = rs_plot_algo(in, i / in->nr_shown)->rejected;
		const uint64_t missed = rs_plot_algo(in, i % in->nr_shown)->missed;
		const double faults = (double)rejected + (double)missed;
		double room = width - label_width(in, rejected);

		if (missed)
			room -= label_width(in, missed);
		x.scale = fmin(x.scale, fmax(room, width / 4) / (faults > 0 ? faults : 1));
	}
	for (size_t i = 0; i < in->nr_shown; i++) {
		const uint64_t missed = rs_plot_algo(in, i)->missed;

		if (missed)
			x.left = fmin(x.left, -(double)missed - label_width(in, missed) / x.scale);
	}
	x.right = x.left + width / x.scale;
	return x;
}

/* The count of each part of a bar that has room for it. */
static void put_counts(struct rs_figure *fig, const struct rs_plot_input *in, double scale)
{
	for (size_t i = 0; i < in->nr_shown; i++) {
		double left = 0;

		for (size_t p = 0; p < NR_PARTS; p++) {
			const uint64_t n = part_of(rs_plot_algo(in, i), p);
			char count[32];

			rs_format_count(n, count, sizeof(count));
			if ((double)n * scale >= TEXT_WIDTH * (double)(strlen(count) + 1))
				rs_figure_put(fig,
					      "set label '%s' at first %.9g, first %zu center "
					      "front textcolor '%s'\n",
					      count, left + (double)n / 2, i,
					      parts[p].dark ? "#ffffff" : "#000000");
			left += (double)n;
		}
	}
}

/* Pixels of the whole picture. */
#define WIDTH 1000

static void draw_picture(struct rs_figure *fig, const struct rs_plot_input *in)
{
	const struct rs_margins m = { .left = 30 + 8 * longest_name(in),
				      .right = 30,
				      .bottom = 60 };
	const struct axis x = find_axis(in, WIDTH - m.left - m.right);
	const bool missed = occurs(in, NR_PARTS);
	char checked[32];

	rs_figure_panel(fig, &m, 0, 1);
	put_names(fig, in);
	rs_figure_put(fig, "set xrange [%.9g:%.9g]\n", x.left, x.right);
	rs_figure_put(fig, "set style fill solid 1 noborder\nunset grid\nset grid xtics\n");
	rs_figure_tics(fig, 'x', x.right);
	put_counts(fig, in, x.scale);
	rs_figure_put(fig,
		      "set xlabel 'faults rejected%s (in brackets: share of the %s checked)'\n",
		      missed ? ", and to the left of 0 missed" : "",
		      rs_format_count(in->vm->checked, checked, sizeof(checked)));
	put_bars(fig, in);
}

/* Columns of a bar in plain text: beside it are the names and the counts. */
#define TEXT_BAR 34

/* A letter for each share of @most; what occurs at all has one at least. */
static void text_bar(const struct rs_algo_result *a, uint64_t most, char *bar)
{
	size_t n = 0;

	for (size_t p = 0; p < NR_PARTS && most; p++) {
		uint64_t count = part_of(a, p);
		size_t letters = 0;

		/* No part is more than the whole, unless a report says so. */
		if (count)
			letters = count < most
					  ? (size_t)((double)count * TEXT_BAR / (double)most + 0.5)
					  : TEXT_BAR;
		if (count && !letters)
			letters = 1;
		if (letters > TEXT_BAR + NR_PARTS - n)
			letters = TEXT_BAR + NR_PARTS - n;
		memset(bar + n, parts[p].letter, letters);
		n += letters;
	}
	bar[n] = '\0';
}

static void draw_text(struct rs_figure *fig, const struct rs_plot_input *in)
{
	uint64_t most = most_rejected(in);

	rs_figure_put(fig, "unset border\nunset tics\n");
	rs_figure_put(fig, "set xrange [0:1]\nset yrange [0:1]\n");
	for (size_t i = 0; i < in->nr_shown; i++) {
		const struct rs_algo_result *a = rs_plot_algo(in, i);
		char bar[TEXT_BAR + 2 * NR_PARTS], label[64], text[256];

		text_bar(a, most, bar);
		label_of(in, a->rejected, label, sizeof(label));
		snprintf(text, sizeof(text), "%-12s |%s %s", a->name, bar, label);
		if (a->missed)
			snprintf(text + strlen(text), sizeof(text) - strlen(text),
				 ", %" PRIu64 " missed", a->missed);
		rs_figure_put(fig, "set label ");
		rs_figure_string(fig, text);
		rs_figure_put(fig, " at character 0, character %zu left\n",
			      fig->lines - fig->header - 2 - i);
	}
	rs_figure_put(fig, "plot NaN\n");
}

static void draw(struct rs_figure *fig, const struct rs_plot_input *in)
{
	unsigned int n = (unsigned int)in->nr_shown;

	rs_figure_size(fig, WIDTH, 240 + 40 * n, n + 14);
	rs_plot_title(fig, in, "Faults that each algorithm rejects, and why");
	put_data(fig, in);
	if (!in->vm->checked) {
		rs_figure_nothing(fig, "no fault was checked");
		return;
	}
	put_legend(fig, in);
	if (rs_figure_is_text(fig))
		draw_text(fig, in);
	else
		draw_picture(fig, in);
}

const struct rs_plot_type rs_plot_rejected = {
	.name = "rejected",
	.summary = "faults that each algorithm rejects, necessary ones and by cause",
	.need = RS_PLOT_COUNTS,
	.draw = draw,
};
