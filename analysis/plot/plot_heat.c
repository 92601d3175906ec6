// SPDX-License-Identifier: GPL-2.0-only
/* How much more gfn blocks than hva, for each pair of values of two parameters. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/write/layout.h"
#include "analysis/plot/plot_sweep.h"
#include "base/clean.h"

/* Columns that a cell has in plain text, and its first. */
#define TEXT_CELL 8
#define TEXT_FIRST 12

struct heat {
	const struct rs_sweep_view *view;
	struct rs_sweep_values x, y;
	double *gfn, *hva; /* page x time blocked, all seeds; y by y */
};

static double ratio(const struct heat *h, size_t x, size_t y)
{
	double hva = h->hva[y * h->x.nr + x];

	return hva > 0 ? h->gfn[y * h->x.nr + x] / hva : NAN;
}

static int prepare(struct heat *h)
{
	const struct rs_sweep_data *d = h->view->data;
	size_t blocked = rs_sweep_column(d, "blocked_page_ns");

	if (rs_sweep_values_get(d, h->view->axes.x, &h->x) ||
	    rs_sweep_values_get(d, h->view->axes.other, &h->y))
		return -ENOMEM;
	h->gfn = calloc(h->x.nr * h->y.nr, sizeof(*h->gfn));
	h->hva = calloc(h->x.nr * h->y.nr, sizeof(*h->hva));
	if (!h->gfn || !h->hva)
		return -ENOMEM;
	for (size_t row = 0; row < d->nr_rows; row++) {
		size_t x = rs_sweep_value_index(&h->x, rs_sweep_field(d, row, h->view->axes.x));
		size_t y = rs_sweep_value_index(&h->y, rs_sweep_field(d, row, h->view->axes.other));
		const char *algo = rs_sweep_field(d, row, d->algorithm);
		double page_ns = rs_sweep_figure(d, row, blocked);

		if (!strcmp(algo, "gfn"))
			h->gfn[y * h->x.nr + x] += page_ns;
		else if (!strcmp(algo, "hva"))
			h->hva[y * h->x.nr + x] += page_ns;
	}
	return 0;
}

static void release(struct heat *h)
{
	rs_sweep_values_free(&h->x);
	rs_sweep_values_free(&h->y);
	free(h->gfn);
	free(h->hva);
}

static double farthest(const struct heat *h)
{
	double most = log(2);

	for (size_t i = 0; i < h->x.nr * h->y.nr; i++) {
		double r = ratio(h, i % h->x.nr, i / h->x.nr);

		if (r > 0)
			most = fmax(most, fabs(log(r)));
	}
	return most;
}

/* White where both block alike, to vermilion where gfn blocks more, to blue where hva does. */
static unsigned int colour_of(double r, double most)
{
	static const int more[3] = { 0xd5, 0x5e, 0x00 }, less[3] = { 0x00, 0x72, 0xb2 };
	double t = r > 0 ? log(r) / most : r == 0 ? -1 : 0;
	const int *to = t > 0 ? more : less;
	unsigned int rgb = 0;

	for (size_t i = 0; i < 3; i++)
		rgb = rgb << 8 | (unsigned int)(255 + fabs(t) * (to[i] - 255) + 0.5);
	return isnan(r) ? 0xdddddd : rgb;
}

static void format_ratio(double r, char *buf, size_t size)
{
	if (isnan(r))
		snprintf(buf, size, "-");
	else
		snprintf(buf, size, r < 10 ? "%.2f" : r < 1000 ? "%.0f" : "%.2g", r);
}

static void put_data(struct rs_figure *fig, const struct heat *h)
{
	double most = farthest(h);
	FILE *f = rs_figure_data(fig, "ratios", "x y colour ratio gfn hva (frames x ns blocked)");
	char text[32];

	for (size_t y = 0; f && y < h->y.nr; y++) {
		for (size_t x = 0; x < h->x.nr; x++) {
			format_ratio(ratio(h, x, y), text, sizeof(text));
			fprintf(f, "%zu %zu %u %s %.9g %.9g\n", x, y,
				colour_of(ratio(h, x, y), most), text, h->gfn[y * h->x.nr + x],
				h->hva[y * h->x.nr + x]);
		}
	}
	rs_figure_data_end(fig, f);
}

static void put_tics(struct rs_figure *fig, char axis, const struct rs_sweep_values *v)
{
	rs_figure_put(fig, "set %crange [-0.5:%zu.5]\nset %ctics (", axis, v->nr - 1, axis);
	for (size_t i = 0; i < v->nr; i++) {
		rs_figure_put(fig, i ? ", " : "");
		rs_figure_tic(fig, v->text[i]);
		rs_figure_put(fig, " %zu", i);
	}
	rs_figure_put(fig, ") scale 0\n");
}

static unsigned int longest(const struct rs_sweep_values *v)
{
	size_t most = 0, columns;

	for (size_t i = 0; i < v->nr; i++) {
		columns = rs_clean_columns(v->text[i]);
		most = columns > most ? columns : most;
	}
	return most < RS_FIGURE_MAX_NAME ? (unsigned int)most : RS_FIGURE_MAX_NAME;
}

static void draw_picture(struct rs_figure *fig, const struct heat *h)
{
	const struct rs_sweep_data *d = h->view->data;
	struct rs_margins m = { .left = 60 + 8 * longest(&h->y), .right = 30, .bottom = 60 };

	rs_figure_panel(fig, &m, 0, 1);
	put_data(fig, h);
	put_tics(fig, 'x', &h->x);
	put_tics(fig, 'y', &h->y);
	rs_figure_put(fig, "unset grid\nset xlabel ");
	rs_figure_string(fig, d->columns[h->view->axes.x]);
	rs_figure_put(fig, "\n");
	rs_figure_ylabel(fig, d->columns[h->view->axes.other]);
	rs_figure_put(fig, "set style fill solid 1 border linecolor '#ffffff'\nratios = ");
	rs_figure_data_name(fig, "ratios");
	rs_figure_put(fig, "\nplot ratios using 1:2:($1-0.5):($1+0.5):($2-0.5):($2+0.5):3 with "
			   "boxxyerror linecolor rgb variable, \\\n     "
			   "ratios using 1:2:4 with labels\n");
}

/* In plain text a table says it better than any shade. */
static void draw_text(struct rs_figure *fig, const struct heat *h)
{
	char line[RS_FIGURE_TEXT_COLUMNS + 1], text[32];
	size_t columns = (RS_FIGURE_TEXT_COLUMNS - TEXT_FIRST) / TEXT_CELL;

	if (columns > h->x.nr)
		columns = h->x.nr;
	rs_figure_put(fig, "unset border\nunset tics\nset xrange [0:1]\nset yrange [0:1]\n");
	for (size_t y = 0; y <= h->y.nr; y++) {
		int used = snprintf(line, sizeof(line), "%*.*s", TEXT_FIRST, TEXT_FIRST,
				    y < h->y.nr ? h->y.text[h->y.nr - 1 - y] : "");

		for (size_t x = 0; x < columns; x++) {
			if (y < h->y.nr)
				format_ratio(ratio(h, x, h->y.nr - 1 - y), text, sizeof(text));
			else
				snprintf(text, sizeof(text), "%.*s", TEXT_CELL - 1, h->x.text[x]);
			used += snprintf(line + used, sizeof(line) - (size_t)used, "%*s", TEXT_CELL,
					 text);
		}
		rs_figure_put(fig, "set label ");
		rs_figure_string(fig, line);
		rs_figure_put(fig, " at character 0, character %zu left\n",
			      fig->lines - fig->header - 2 - y - (y == h->y.nr));
	}
	rs_figure_put(fig, "plot NaN\n");
}

static void draw(struct rs_figure *fig, const struct rs_plot_input *in)
{
	struct heat h = { .view = in->sweep };
	const struct rs_sweep_data *d = in->sweep->data;
	char tail[192];

	if (prepare(&h)) {
		fig->errnum = ENOMEM;
		release(&h);
		return;
	}
	rs_figure_size(fig, 1000, 150 + 44 * (unsigned int)h.y.nr, 9 + (unsigned int)h.y.nr);
	snprintf(tail, sizeof(tail), "%s upwards, %s to the right",
		 d->columns[in->sweep->axes.other], d->columns[in->sweep->axes.x]);
	rs_sweep_title(fig, in->sweep,
		       "Frames x time that gfn blocks, as a multiple of what hva does", tail);
	if (rs_figure_is_text(fig))
		draw_text(fig, &h);
	else
		draw_picture(fig, &h);
	release(&h);
}

const struct rs_plot_type rs_plot_sweep_widening = {
	.name = "sweep-widening",
	.summary = "of a sweep: what gfn blocks in terms of hva, over two parameters",
	.need = RS_PLOT_SWEEP_PAIR,
	.draw = draw,
};
