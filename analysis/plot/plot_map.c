// SPDX-License-Identifier: GPL-2.0-only
/* Guest frames against time: what a range blocks, what really goes on, and the faults. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/plot/plot.h"
#include "analysis/plot/plot_collect.h"
#include "analysis/write/units.h"

/* More marks than this are drawn for cells of a coarser grid: more cannot be told apart. */
#define MAX_MARKS 12000

/* What put_shades() mixes. */
#define COLOUR_RANGE "#f5b93a"
#define COLOUR_UNBACKED "#d0d0d0"

static const struct mark {
	const char *name, *title, *colour;
	unsigned int point;
	double size; /* of one among many; few are drawn larger */
	char letter; /* in plain text; 0: not shown */
	double x, y; /* place in a cell that holds several, so that all kinds are seen */
} marks[RS_MAP_NR_FAULTS] = {
	[RS_MAP_ACCEPTED] = { "accepted", "fault accepted", RS_COLOUR_BLACK, 7, 0.16, 0, 0.25,
			      0.25 },
	[RS_MAP_NECESSARY] = { "necessary", "necessary retry", RS_COLOUR_GREEN, 9, 0.6, 'N', 0.75,
			       0.25 },
	[RS_MAP_SPURIOUS] = { "in-range", "needless retry, in the range", RS_COLOUR_VERMILION, 2,
			      0.45, 'x', 0.25, 0.75 },
	[RS_MAP_SPURIOUS_SEQ] = { "seq", "needless retry, only for seq", RS_COLOUR_PURPLE, 1, 0.5,
				  'q', 0.75, 0.75 },
	[RS_MAP_MISSED] = { "missed", "missed: stale, but accepted", RS_COLOUR_BLACK, 5, 0.8, 'M',
			    0.5, 0.5 },
};

/* One of the two maps, with its own time axis. */
struct part {
	const struct rs_plot_input *in; /* its map is this one, its origin the axis's */
	const char *name;		/* before those of its data */
};

static FILE *open_data(struct rs_figure *fig, const struct part *part, const char *name,
		       const char *columns)
{
	char text[64];

	snprintf(text, sizeof(text), "%s%s", part->name, name);
	return rs_figure_data(fig, text, columns);
}

static void put_data_name(struct rs_figure *fig, const struct part *part, const char *name)
{
	char text[64];

	snprintf(text, sizeof(text), "%s%s", part->name, name);
	rs_figure_data_name(fig, text);
}

static uint64_t begin_of(const struct rs_map *map)
{
	return rs_map_col_ns(map, 0);
}

static uint64_t end_of(const struct rs_map *map)
{
	return rs_map_col_ns(map, rs_map_nr_cols(map));
}

/* Was any part of the axis in no memslot for so long that it can be seen? */
static bool has_unbacked(const struct rs_map *map)
{
	for (uint32_t c = 0; c < rs_map_nr_cols(map); c++)
		for (uint32_t r = 0; r < rs_map_axis(map)->nr_rows; r++)
			if (rs_map_share(map, RS_MAP_BACKED, c, r) < 0.5)
				return true;
	return false;
}

static uint64_t count_faults(const struct rs_map *map, enum rs_map_fault kind)
{
	uint64_t n = 0;

	for (uint32_t c = 0; c < rs_map_nr_cols(map); c++)
		for (uint32_t r = 0; r < rs_map_axis(map)->nr_rows; r++)
			n += rs_map_faults(map, kind, c, r);
	return n;
}

/* Faults of one kind in the @step x @step cells from (@col, @row) on. */
static uint64_t faults_in(const struct rs_map *map, enum rs_map_fault kind, uint32_t col,
			  uint32_t row, uint32_t step)
{
	uint64_t n = 0;

	for (uint32_t c = col; c < col + step && c < rs_map_nr_cols(map); c++)
		for (uint32_t r = row; r < row + step && r < rs_map_axis(map)->nr_rows; r++)
			n += rs_map_faults(map, kind, c, r);
	return n;
}

typedef void (*mark_fn)(void *arg, uint32_t col, uint32_t row, uint64_t n);

static void for_each_mark(const struct rs_map *map, enum rs_map_fault kind, uint32_t step,
			  mark_fn fn, void *arg)
{
	for (uint32_t c = 0; c < rs_map_nr_cols(map); c += step) {
		for (uint32_t r = 0; r < rs_map_axis(map)->nr_rows; r += step) {
			uint64_t n = faults_in(map, kind, c, r, step);

			if (n)
				fn(arg, c, r, n);
		}
	}
}

static void count_mark(void *arg, uint32_t col, uint32_t row, uint64_t n)
{
	++*(uint64_t *)arg;
}

/* The finest grid on which marks can still be told apart. */
static uint32_t mark_step(const struct rs_map *map)
{
	for (uint32_t step = 1;; step++) {
		uint64_t n = 0;

		for (int k = 0; k < RS_MAP_NR_FAULTS; k++)
			for_each_mark(map, k, step, count_mark, &n);
		if (n <= MAX_MARKS || step >= RS_MAP_COLS)
			return step;
	}
}

struct mark_writer {
	FILE *f;
	double begin, col_width;
	uint32_t step, nr_cols, nr_rows;
	double x, y; /* place in a cell */
};

static double at_most(double v, double limit)
{
	return v < limit ? v : limit;
}

/* The last cells of a coarser grid reach over the edge; what is beyond would not be drawn. */
static void write_mark(void *arg, uint32_t col, uint32_t row, uint64_t n)
{
	const struct mark_writer *w = arg;
	double x = at_most(col + w->x * w->step, w->nr_cols - 0.25);
	double y = at_most(row + w->y * w->step, w->nr_rows - 0.25);

	fprintf(w->f, "%.9g %.9g %" PRIu64 "\n", w->begin + w->col_width * x, y, n);
}

static void put_faults(struct rs_figure *fig, const struct part *part)
{
	const struct rs_plot_input *in = part->in;
	uint64_t begin = begin_of(in->map), end = end_of(in->map), span = end - begin;
	struct mark_writer w = {
		.begin = rs_plot_time(in, begin, span),
		.step = mark_step(in->map),
		.nr_cols = rs_map_nr_cols(in->map),
		.nr_rows = rs_map_axis(in->map)->nr_rows,
	};

	w.col_width = (rs_plot_time(in, end, span) - w.begin) / w.nr_cols;
	for (int k = 0; k < RS_MAP_NR_FAULTS; k++) {
		if (!count_faults(in->map, k))
			continue;
		w.x = w.step > 1 ? marks[k].x : 0.5;
		w.y = w.step > 1 ? marks[k].y : 0.5;
		w.f = open_data(fig, part, marks[k].name, "time, row, faults there");
		if (w.f)
			for_each_mark(in->map, k, w.step, write_mark, &w);
		rs_figure_data_end(fig, w.f);
	}
}

/* How often a cell is repeated along an axis that has @n of them and could have @most. */
static uint32_t repeats(uint32_t n, uint32_t most)
{
	return (most + n - 1) / n;
}

struct cell_writer {
	FILE *f;
	const struct rs_map *map;
	double begin, width; /* of the time axis, and of a column */
	uint32_t across, up; /* times that a cell is repeated */
};

/* From bottom to top, at @x of the columns; gnuplot wants the points of an image in their order. */
static void write_column(const struct cell_writer *w, uint32_t col, double x)
{
	for (uint32_t row = 0; row < rs_map_axis(w->map)->nr_rows; row++) {
		double backed = rs_map_share(w->map, RS_MAP_BACKED, col, row);
		double range = rs_map_share(w->map, RS_MAP_RANGE, col, row);
		double covered = rs_map_share(w->map, RS_MAP_COVERED, col, row);

		for (uint32_t y = 0; y < w->up; y++)
			fprintf(w->f, "%.9g %.6g %.4g %.4g %.4g\n", w->begin + w->width * x,
				row + (y + 0.5) / w->up, backed, range, covered);
	}
}

/*
 * Programs that show SVG and PDF blur the borders of an image's pixels, which
 * with few and large ones would look as if it meant something: those are
 * repeated until they are small.
 */
static void put_cells(struct rs_figure *fig, const struct part *part)
{
	const struct rs_plot_input *in = part->in;
	const struct rs_map *map = in->map;
	uint64_t begin = begin_of(map), end = end_of(map), span = end - begin;
	uint32_t cols = rs_map_nr_cols(map), rows = rs_map_axis(map)->nr_rows;
	struct cell_writer w = {
		.map = map,
		.begin = rs_plot_time(in, begin, span),
		.across = repeats(cols, RS_MAP_COLS),
		.up = repeats(rows, RS_MAP_ROWS),
	};

	w.width = (rs_plot_time(in, end, span) - w.begin) / cols;
	w.f = open_data(fig, part, "cells",
			"time, row, shares of the cell: in a memslot, in the range, really being "
			"invalidated; each cell several times if they are few");
	for (uint32_t c = 0; w.f && c < cols; c++)
		for (uint32_t x = 0; x < w.across; x++)
			write_column(&w, c, c + (x + 0.5) / w.across);
	rs_figure_data_end(fig, w.f);
}

/* "0x100-0x7fff (127 MiB)" */
static void block_label(const struct rs_gfn_block *b, char *buf, size_t size)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	double n = (double)(b->end - b->start) * RS_PAGE_SIZE / 1024;
	size_t u = 0;

	for (; n >= 1024 && u < 3; u++)
		n /= 1024;
	snprintf(buf, size, "0x%" PRIx64 "-0x%" PRIx64 " (%.3g %s)", b->start, b->end - 1, n,
		 units[u]);
}

static bool has_block_labels(const struct rs_gfn_axis *axis)
{
	return axis->nr_bands == axis->nr_blocks;
}

/* Labels of at most @columns characters stand left of the axis. */
static unsigned int label_columns(const struct rs_gfn_axis *axis)
{
	unsigned int most = 12;
	char text[80];

	for (size_t i = 0; has_block_labels(axis) && i < axis->nr_blocks; i++) {
		block_label(&axis->blocks[i], text, sizeof(text));
		if (strlen(text) > most)
			most = (unsigned int)strlen(text);
	}
	return most;
}

/* A block with this many rows gets ticks at its quarters, too. */
#define ROWS_FOR_QUARTERS 100

static void put_block_ticks(struct rs_figure *fig, const struct rs_gfn_axis *axis, size_t i)
{
	const struct rs_gfn_band *band = &axis->bands[i];
	char text[80];

	block_label(&axis->blocks[i], text, sizeof(text));
	rs_figure_put(fig, "%s'%s' %g", i ? ", " : "", text, band->row + 0.5 * band->rows);
	for (uint32_t q = 1; q <= 3 && band->rows >= ROWS_FOR_QUARTERS; q += 2) {
		uint32_t row = band->row + band->rows * q / 4;

		rs_figure_put(fig, ", '0x%" PRIx64 "' %u",
			      rs_gfn_axis_gfn(axis, rs_gfn_axis_row_pos(axis, row)), row);
	}
}

#define TICKS 8

/* Few blocks: one label for each. Many: which frame is at some heights. */
static void put_gfn_tics(struct rs_figure *fig, const struct rs_gfn_axis *axis)
{
	rs_figure_put(fig, "set ytics (");
	for (size_t i = 0; i < axis->nr_blocks && has_block_labels(axis); i++)
		put_block_ticks(fig, axis, i);
	for (uint32_t i = 0; i <= TICKS && !has_block_labels(axis); i++) {
		uint32_t row = (axis->nr_rows - 1) * i / TICKS;

		rs_figure_put(fig, "%s'0x%" PRIx64 "' %u.5", i ? ", " : "",
			      rs_gfn_axis_gfn(axis, rs_gfn_axis_row_pos(axis, row)), row);
	}
	rs_figure_put(fig, ")\n");
}

static void put_gaps(struct rs_figure *fig, const struct rs_gfn_axis *axis)
{
	for (size_t i = 1; i < axis->nr_bands; i++)
		rs_figure_put(fig,
			      "set arrow from graph 0, first %u to graph 1, first %u nohead front "
			      "linecolor '#444444' linewidth 1 dashtype 2\n",
			      axis->bands[i].row, axis->bands[i].row);
}

static void axis_title(const struct rs_gfn_axis *axis, char *buf, size_t size)
{
	snprintf(buf, size, "guest frame number%s%s",
		 axis->nr_blocks < 2	  ? ""
		 : has_block_labels(axis) ? "; gaps left out at dashed lines"
					  : "; gaps between memslots left out",
		 axis->enlarged ? ", small blocks enlarged" : "");
}

static void put_shades(struct rs_figure *fig)
{
	/*
	 * What is there at all is seen; how much of it is told by the shade. Single pages are
	 * invalidated for moments: their share is of another order than that of a range.
	 */
	rs_figure_put(fig, "seen(share, least) = share > 0 ? least + (1 - least) * share : 0\n"
			   "seen_log(share) = share > 0 ? share < 1e-6 ? 0.25 : 1 + 0.75 * "
			   "log10(share) / 6 : 0\n"
			   "mix(under, over, share) = under + (over - under) * share\n"
			   "shade(base, range, covered, s, r, c) = \\\n"
			   "\tmix(mix(mix(0xd0, base, s), range, seen(r, 0.12)), covered, "
			   "seen_log(c))\n"
			   "red(s, r, c) = shade(255, 0xf5, 0x00, s, r, c)\n"
			   "green(s, r, c) = shade(255, 0xb9, 0x72, s, r, c)\n"
			   "blue(s, r, c) = shade(255, 0x3a, 0xb2, s, r, c)\n");
}

/* Few marks are drawn larger. */
static double mark_scale(const struct rs_map *map)
{
	uint64_t n = 0;

	for (int k = 0; k < RS_MAP_NR_FAULTS; k++)
		n += count_faults(map, k);
	return n < 300 ? 2.5 : n < 3000 ? 1.5 : 1;
}

static void put_plot(struct rs_figure *fig, const struct part *part)
{
	const struct rs_plot_input *in = part->in;
	double scale = mark_scale(in->map);

	rs_figure_put(fig, "plot ");
	put_data_name(fig, part, "cells");
	rs_figure_put(fig, " using 1:2:(red($3,$4,$5)):(green($3,$4,$5)):(blue($3,$4,$5)) with "
			   "rgbimage");
	for (int k = 0; k < RS_MAP_NR_FAULTS; k++) {
		const struct mark *m = &marks[k];

		if (!count_faults(in->map, k))
			continue;
		rs_figure_put(fig, ", \\\n     ");
		put_data_name(fig, part, m->name);
		rs_figure_put(fig,
			      " using 1:2 with points pointtype %u pointsize %.2f linewidth %.1f "
			      "linecolor '%s'",
			      m->point, rs_figure_point_size(fig, m->size * scale), scale,
			      m->colour);
	}
	rs_figure_put(fig, "\n");
}

static size_t legend_of_faults(const struct rs_map *map, struct rs_legend *legend)
{
	size_t n = 0;

	for (int k = 0; k < RS_MAP_NR_FAULTS; k++) {
		const struct mark *m = &marks[k];
		uint64_t count = count_faults(map, k);
		char text[32];

		if (!count)
			continue;
		legend[n] = (struct rs_legend){ .kind = RS_LEGEND_POINT,
						.colour = m->colour,
						.style = m->point,
						.size = m->size < 0.4 ? 0.4 : 2 * m->size,
						.letter = m->letter };
		snprintf(legend[n].text, sizeof(legend[n].text), "%s: %s", m->title,
			 rs_format_count(count, text, sizeof(text)));
		n++;
	}
	return n;
}

static void put_legend(struct rs_figure *fig, const struct rs_plot_input *in)
{
	const struct rs_map *map = in->map;
	struct rs_legend legend[3 + RS_MAP_NR_FAULTS] = {
		{ .kind = RS_LEGEND_PATCH, .colour = COLOUR_RANGE, .letter = '-' },
		{ .kind = RS_LEGEND_PATCH,
		  .colour = RS_COLOUR_BLUE,
		  .letter = '#',
		  .text = "really being invalidated (paler: little of it)" },
		{ .kind = RS_LEGEND_PATCH,
		  .colour = COLOUR_UNBACKED,
		  .letter = '.',
		  .text = "in no memslot at that time" },
	};
	size_t n = has_unbacked(map) ? 3 : 2;

	snprintf(legend[0].text, sizeof(legend[0].text),
		 "in the range of %s: blocked (paler: at times)", in->map_algo);
	if (rs_figure_is_text(fig)) /* has no shades */
		for (size_t i = 0; i < 2; i++)
			*strstr(legend[i].text, " (") = '\0';

	n += legend_of_faults(map, legend + n);
	rs_figure_legend(fig, legend, n, 3);
}

/* Pixels: the map of the whole, and beside it that of the worst epoch. */
#define WIDTH 1200
#define ZOOM_WIDTH 600
#define ZOOM_GAP 40

/* What is seen of @in in the map of its worst epoch, whose time counts from that map's begin. */
static struct rs_plot_input zoom_of(const struct rs_plot_input *in)
{
	struct rs_plot_input zoom = *in;

	zoom.map = in->zoom;
	zoom.origin_ns = begin_of(in->zoom);
	return zoom;
}

/* "time since 46.8124 s (ms)" */
static void zoom_xlabel(const struct rs_plot_input *in, char *buf, size_t size)
{
	const uint64_t begin = begin_of(in->zoom);

	snprintf(buf, size, "time since %.9f s (%s)", (double)(begin - in->origin_ns) / 1e9,
		 rs_figure_time_unit(end_of(in->zoom) - begin)->name);
}

/* "the worst epoch: 1,234 needless retries in 812 ms" */
static void zoom_title(const struct rs_plot_input *in, char *buf, size_t size)
{
	const struct rs_plot_epoch *e = in->worst;
	char count[32], time[32];

	rs_format_time((double)(e->end_ns - e->begin_ns), time, sizeof(time));
	if (e->needless)
		snprintf(buf, size, "the worst epoch: %s needless retr%s in its %s",
			 rs_format_count(e->needless, count, sizeof(count)),
			 e->needless == 1 ? "y" : "ies", time);
	else
		snprintf(buf, size, "the worst epoch: blocks most, for %s", time);
}

static void put_map(struct rs_figure *fig, const struct part *part, const struct rs_margins *m)
{
	const struct rs_plot_input *in = part->in;
	const struct rs_gfn_axis *axis = rs_map_axis(in->map);

	put_cells(fig, part);
	put_faults(fig, part);
	rs_figure_panel(fig, m, 0, 1);
	rs_plot_time_axis(fig, in, begin_of(in->map), end_of(in->map));
	rs_figure_put(fig, "set yrange [0:%u]\n", axis->nr_rows);
	put_gaps(fig, axis);
}

/* Where the epoch is in the whole. */
static void put_frame(struct rs_figure *fig, const struct rs_plot_input *in)
{
	const uint64_t span = end_of(in->map) - begin_of(in->map);
	const uint64_t ends[2] = { begin_of(in->zoom), end_of(in->zoom) };

	for (size_t i = 0; i < 2; i++)
		rs_figure_put(fig,
			      "set arrow from first %.9g, graph 0 to first %.9g, graph 1 nohead "
			      "front linecolor '%s' linewidth 1\n",
			      rs_plot_time(in, ends[i], span), rs_plot_time(in, ends[i], span),
			      RS_COLOUR_VERMILION);
}

static void draw_zoom(struct rs_figure *fig, const struct rs_plot_input *in,
		      const struct rs_margins *m)
{
	const struct rs_plot_input zoom = zoom_of(in);
	const struct part part = { &zoom, "worst-" };
	char text[128];

	/* What stands around both is written once. */
	rs_figure_put(fig, "unset label\nunset object\nunset arrow\n");
	put_map(fig, &part, m);
	zoom_xlabel(in, text, sizeof(text));
	rs_figure_put(fig, "set xlabel '%s'\nunset ytics\n", text);
	zoom_title(in, text, sizeof(text));
	rs_figure_put(fig,
		      "set label '%s' at graph 0, graph 1 offset character 0, character 0.6 left "
		      "textcolor '%s'\n",
		      text, RS_COLOUR_VERMILION);
	put_plot(fig, &part);
	rs_figure_put(fig, "unset multiplot\n");
}

static void draw_picture(struct rs_figure *fig, const struct rs_plot_input *in)
{
	const struct rs_gfn_axis *axis = rs_map_axis(in->map);
	const struct part whole = { in, "" };
	struct rs_margins m = { .left = 56 + 8 * label_columns(axis), .right = 30, .bottom = 64 };
	char title[160];

	put_legend(fig, in);
	axis_title(axis, title, sizeof(title));
	rs_figure_ylabel(fig, title);
	put_shades(fig);
	rs_figure_put(fig, "unset grid\n");
	if (in->zoom) {
		fig->header += 20; /* the name of the one on the right */
		m.right += ZOOM_WIDTH;
		rs_figure_put(fig, "set multiplot\n");
	}
	put_map(fig, &whole, &m);
	put_gfn_tics(fig, axis);
	if (in->zoom)
		put_frame(fig, in);
	put_plot(fig, &whole);
	if (in->zoom) {
		m.left = WIDTH - m.right + ZOOM_WIDTH + ZOOM_GAP;
		m.right -= ZOOM_WIDTH;
		draw_zoom(fig, in, &m);
	}
}

/* Rows and columns of a map in plain text, left of which are guest frame numbers. */
#define TEXT_ROWS 20
#define TEXT_COLUMNS 58

/* The part of the map that one character stands for. */
struct patch {
	uint32_t col, end_col, row, end_row;
};

static bool any_share(const struct rs_map *map, enum rs_map_layer layer, const struct patch *p)
{
	for (uint32_t c = p->col; c < p->end_col; c++)
		for (uint32_t r = p->row; r < p->end_row; r++)
			if (rs_map_page_ns(map, layer, c, r))
				return true;
	return false;
}

/* The letter of most of the rejected faults; a missed one is always told. */
static char fault_letter(const struct rs_map *map, const struct patch *p)
{
	uint64_t n[RS_MAP_NR_FAULTS] = { 0 }, most = 0;
	char letter = 0;

	for (uint32_t c = p->col; c < p->end_col; c++)
		for (uint32_t r = p->row; r < p->end_row; r++)
			for (int k = 0; k < RS_MAP_NR_FAULTS; k++)
				n[k] += rs_map_faults(map, k, c, r);
	for (int k = 0; k < RS_MAP_NR_FAULTS; k++) {
		if (!marks[k].letter || n[k] <= most)
			continue;
		most = n[k];
		letter = marks[k].letter;
	}
	return n[RS_MAP_MISSED] ? marks[RS_MAP_MISSED].letter : letter;
}

static char patch_letter(const struct rs_map *map, const struct patch *p)
{
	char fault = fault_letter(map, p);

	if (fault)
		return fault;
	if (any_share(map, RS_MAP_COVERED, p))
		return '#';
	if (any_share(map, RS_MAP_RANGE, p))
		return '-';
	return any_share(map, RS_MAP_BACKED, p) ? ' ' : '.';
}

static void put_text_row(struct rs_figure *fig, const struct rs_map *map, uint32_t i, uint32_t n,
			 uint32_t base)
{
	const struct rs_gfn_axis *axis = rs_map_axis(map);
	uint32_t cols = rs_map_nr_cols(map);
	char line[TEXT_COLUMNS + 32];
	struct patch p = {
		.row = axis->nr_rows * i / n,
		.end_row = axis->nr_rows * (i + 1) / n,
	};
	int len = snprintf(line, sizeof(line), "%12" PRIx64 "|",
			   rs_gfn_axis_gfn(axis, rs_gfn_axis_row_pos(axis, p.row)));

	for (uint32_t j = 0; j < TEXT_COLUMNS; j++) {
		p.col = cols * j / TEXT_COLUMNS;
		p.end_col = cols * (j + 1) / TEXT_COLUMNS;
		if (p.end_col == p.col)
			p.end_col++;
		line[len++] = patch_letter(map, &p);
	}
	line[len++] = '|';
	line[len] = '\0';
	rs_figure_put(fig, "set label ");
	rs_figure_string(fig, line);
	rs_figure_put(fig, " at character 0, character %u left\n", i + 2 + base);
}

static uint32_t text_rows(const struct rs_map *map)
{
	return rs_map_axis(map)->nr_rows < TEXT_ROWS ? rs_map_axis(map)->nr_rows : TEXT_ROWS;
}

/* Plain text has no image: each line of the map is a label. The lowest is @base above the edge. */
static void put_text_map(struct rs_figure *fig, const struct rs_plot_input *in, uint32_t base,
			 const char *xlabel)
{
	uint64_t begin = begin_of(in->map), end = end_of(in->map), span = end - begin;
	uint32_t rows = text_rows(in->map);
	char line[100];

	for (uint32_t i = 0; i < rows; i++)
		put_text_row(fig, in->map, i, rows, base);
	snprintf(line, sizeof(line), "%12s %-28.6g%30.6g", "gfn (hex)",
		 rs_plot_time(in, begin, span), rs_plot_time(in, end, span));
	rs_figure_put(fig, "set label '%s' at character 0, character %u left\n", line, base + 1);
	rs_figure_put(fig, "set label '%s' at character 22, character %u left\n", xlabel, base);
}

/* Lines of the map of the worst epoch: its name, its rows, its axis, and an empty one. */
static uint32_t text_zoom_lines(const struct rs_plot_input *in)
{
	return in->zoom ? text_rows(in->zoom) + 5 : 0;
}

static void draw_text(struct rs_figure *fig, const struct rs_plot_input *in)
{
	char text[128];

	put_legend(fig, in);
	rs_figure_put(fig, "unset border\nunset tics\nset xrange [0:1]\nset yrange [0:1]\n");
	snprintf(text, sizeof(text), "time since the first event of the trace (%s)",
		 rs_figure_time_unit(end_of(in->map) - begin_of(in->map))->name);
	put_text_map(fig, in, 1 + text_zoom_lines(in), text);
	if (in->zoom) {
		const struct rs_plot_input zoom = zoom_of(in);

		zoom_xlabel(in, text, sizeof(text));
		put_text_map(fig, &zoom, 1, text);
		zoom_title(in, text, sizeof(text));
		rs_figure_put(fig, "set label '%s' at character 13, character %u left\n", text,
			      text_rows(in->zoom) + 3);
	}
	rs_figure_put(fig, "plot NaN\n");
}

/* "gfn (Linux 6.8 on)", "gfn-v7 (posted, never merged)" */
static void put_title(struct rs_figure *fig, const struct rs_plot_input *in)
{
	const char *name = in->map_algo ? in->map_algo : "the range";
	const struct rs_algo_info *info = rs_algo_info_of(name);
	char kernels[64] = "", title[192];

	if (info && !rs_figure_is_text(fig))
		snprintf(kernels, sizeof(kernels), " (%s%s)",
			 strchr("0123456789", info->kernels[0]) ? "Linux " : "", info->kernels);
	snprintf(title, sizeof(title),
		 rs_figure_is_text(fig)
			 ? "What %s%s blocks, what is really invalidated, and the faults"
			 : "Which guest frames %s%s blocks, what is really being invalidated, and "
			   "the faults",
		 name, kernels);
	rs_plot_title(fig, in, title);
}

static void draw(struct rs_figure *fig, const struct rs_plot_input *in)
{
	const uint32_t rows = in->map ? text_rows(in->map) : TEXT_ROWS;

	rs_figure_size(fig, WIDTH + (in->zoom ? ZOOM_WIDTH : 0), 760,
		       rows + 12 + text_zoom_lines(in));
	put_title(fig, in);
	if (!in->map)
		rs_figure_nothing(fig, "no time passed, or no memslot is known");
	else if (rs_figure_is_text(fig))
		draw_text(fig, in);
	else
		draw_picture(fig, in);
}

const struct rs_plot_type rs_plot_map = {
	.name = "map",
	.summary = "guest frames against time: what is blocked, and the faults",
	.need = RS_PLOT_MAP,
	.draw = draw,
};
