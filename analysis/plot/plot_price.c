// SPDX-License-Identifier: GPL-2.0-only
/* Precision against price: a point for each algorithm, and the front of the best. */
#include "analysis/plot/plot_price.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/write/layout.h"
#include "analysis/write/units.h"
#include "analysis/plot/plot.h"
#include "base/clean.h"

#define WIDTH 1000
#define HEIGHT 640

/* Pixels: a character of a label, a line of it, a point with the air around it. */
#define CHARACTER 7.2
#define LINE 15
#define POINT 9
/* What gets a logarithmic axis in any case, since room beside it would be beyond all numbers. */
#define LARGE 1e15
/* Decades with a tick; of more than this, every second has one, and so on. */
#define MAX_DECADES 12
/* Half the height of an error bar. */
#define BAR 4
/* Worse than covering anything: a label that leaves the axes. */
#define OUTSIDE 1e6

/* Points of a picture in plain text; what is past them has no letter. */
static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

double rs_price_spurious_rate(const struct rs_price_point *p)
{
	return p->checked ? (double)p->spurious / (double)p->checked : 0;
}

/* Counts are exact; of prices whose ranges overlap the next run may have the order reversed. */
static bool beats(const struct rs_price_point *a, const struct rs_price_point *b)
{
	double rate_a = rs_price_spurious_rate(a), rate_b = rs_price_spurious_rate(b);

	if (a->missed || a->price_max > b->price_min || rate_a > rate_b)
		return false;
	return a->price_max < b->price_min || rate_a < rate_b;
}

void rs_price_front(const struct rs_price_point *points, size_t nr, bool *on_front)
{
	for (size_t i = 0; i < nr; i++) {
		on_front[i] = !points[i].missed;
		for (size_t k = 0; k < nr && on_front[i]; k++)
			on_front[i] = !beats(&points[k], &points[i]);
	}
}

/* An axis of either kind; on a logarithmic one 0 has a place below its least value. */
struct scale {
	bool log;
	double begin, end; /* of the axis: log10 of them, if it is logarithmic */
	double zero;	   /* where 0 is */
};

static double place(const struct scale *s, double v)
{
	if (!s->log)
		return v;
	return v > 0 ? log10(v) : s->zero;
}

struct picture {
	const struct rs_price_point *points;
	size_t nr;
	bool *on_front;
	size_t *front; /* its points by rising price */
	size_t nr_front;
	struct scale x, y;
	struct rs_margins margins;
};

static struct scale price_scale(const struct rs_price_point *points, size_t nr)
{
	double min = points[0].price_min, max = points[0].price_max, room;
	struct scale s;

	for (size_t i = 1; i < nr; i++) {
		min = fmin(min, points[i].price_min);
		max = fmax(max, points[i].price_max);
	}
	s.log = max / 8 > min || max > LARGE;
	s.begin = s.log ? log10(min) : 0;
	s.end = s.log ? log10(max) : max;
	/* To the right is room for a label. */
	room = s.end - s.begin > 0 ? s.end - s.begin : 1;
	s.begin -= s.log ? 0.06 * room : 0;
	s.end += 0.16 * room;
	s.zero = s.begin;
	return s;
}

static struct scale rate_scale(const struct rs_price_point *points, size_t nr)
{
	double min = INFINITY, max = 0;
	struct scale s = { .log = true };
	bool zero = false;

	for (size_t i = 0; i < nr; i++) {
		double rate = 100 * rs_price_spurious_rate(&points[i]);

		zero |= rate == 0;
		max = fmax(max, rate);
		if (rate > 0)
			min = fmin(min, rate);
	}
	if (max < 8 * min)
		return (struct scale){ .end = max > 0 ? 1.15 * max : 1, .begin = -0.06 * max };
	s.end = log10(max) + 0.08 * (log10(max) - log10(min) + 1);
	s.begin = floor(log10(min));
	s.zero = s.begin - 0.5;
	if (zero)
		s.begin = s.zero - 0.2;
	return s;
}

/* Ticks of a logarithmic axis, at 1, 2, 5 where there are few decades. */
static void put_ticks(struct rs_figure *fig, char axis, const struct scale *s)
{
	static const double steps[] = { 1, 2, 5 };
	bool fine = s->end - s->begin < 3;
	const char *comma = "";
	char text[32];
	int stride;

	rs_figure_put(fig, "set %crange [%.9g:%.9g]\n", axis, s->begin, s->end);
	if (!s->log)
		return;
	rs_figure_put(fig, "set %ctics (", axis);
	if (s->zero > s->begin) {
		rs_figure_put(fig, "'0' %.9g", s->zero);
		comma = ", ";
	}
	stride = 1 + (int)((s->end - s->begin) / MAX_DECADES);
	for (int decade = (int)floor(s->begin); decade <= s->end; decade += stride) {
		for (size_t i = 0; i < (fine ? 3 : 1); i++) {
			double at = decade + log10(steps[i]);

			if (at < s->begin || at > s->end ||
			    at < s->zero + 0.3 * (s->zero > s->begin))
				continue;
			rs_figure_put(
				fig, "%s'%s' %.9g", comma,
				rs_format_tick(steps[i] * pow(10, decade), text, sizeof(text)), at);
			comma = ", ";
		}
	}
	rs_figure_put(fig, ")\n");
}

/* In the order of the array: name, place, range, what they are from. */
static void put_points(struct rs_figure *fig, const struct picture *p)
{
	FILE *f = rs_figure_data(fig, "points",
				 "algorithm x y x-min x-max (places on the axes) price min max "
				 "spurious-% missed front");

	for (size_t i = 0; f && i < p->nr; i++) {
		const struct rs_price_point *a = &p->points[i];
		double rate = 100 * rs_price_spurious_rate(a);

		rs_figure_cell(f, a->algorithm);
		fprintf(f, " %.9g %.9g %.9g %.9g %.9g %.9g %.9g %.9g %" PRIu64 " %d\n",
			place(&p->x, a->price_median), place(&p->y, rate),
			place(&p->x, a->price_min), place(&p->x, a->price_max), a->price_median,
			a->price_min, a->price_max, rate, a->missed, p->on_front[i]);
	}
	rs_figure_data_end(fig, f);
}

/* From the upper edge down to the right edge: above and behind it somebody is better. */
static void put_front(struct rs_figure *fig, const struct picture *p)
{
	FILE *f = rs_figure_data(fig, "front", "x y (places on the axes) of the front's corners");
	double y = p->y.end;

	for (size_t i = 0; f && i < p->nr_front; i++) {
		const struct rs_price_point *a = &p->points[p->front[i]];
		double x = place(&p->x, a->price_median);

		fprintf(f, "%.9g %.9g\n", x, y);
		y = place(&p->y, 100 * rs_price_spurious_rate(a));
		fprintf(f, "%.9g %.9g\n", x, y);
	}
	if (f)
		fprintf(f, "%.9g %.9g\n", p->x.end, y);
	rs_figure_data_end(fig, f);
}

struct box {
	double left, right, top, bottom; /* pixels, from the top left */
};

static double overlap(const struct box *a, const struct box *b)
{
	double w = fmin(a->right, b->right) - fmax(a->left, b->left);
	double h = fmin(a->bottom, b->bottom) - fmax(a->top, b->top);

	return w > 0 && h > 0 ? w * h : 0;
}

static double pixel_x(const struct picture *p, double place_x)
{
	double width = WIDTH - p->margins.left - p->margins.right;

	return p->margins.left + width * (place_x - p->x.begin) / (p->x.end - p->x.begin);
}

static double pixel_y(const struct rs_figure *fig, const struct picture *p, double place_y)
{
	double height = fig->height - fig->header - 6.0 - p->margins.bottom;

	return fig->header + 6 + height * (1 - (place_y - p->y.begin) / (p->y.end - p->y.begin));
}

static double rate_place(const struct picture *p, const struct rs_price_point *a)
{
	return place(&p->y, 100 * rs_price_spurious_rate(a));
}

static struct box around_point(const struct rs_figure *fig, const struct picture *p,
			       const struct rs_price_point *a)
{
	double x = pixel_x(p, place(&p->x, a->price_median));
	double y = pixel_y(fig, p, rate_place(p, a));

	return (struct box){ x - POINT, x + POINT, y - POINT, y + POINT };
}

static struct box around_bar(const struct rs_figure *fig, const struct picture *p,
			     const struct rs_price_point *a)
{
	double y = pixel_y(fig, p, rate_place(p, a));

	return (struct box){ pixel_x(p, place(&p->x, a->price_min)) - BAR,
			     pixel_x(p, place(&p->x, a->price_max)) + BAR, y - BAR, y + BAR };
}

/* What of the front lies right of its point @i, and what lies above it. */
static void around_front(const struct rs_figure *fig, const struct picture *p, size_t i,
			 struct box *right, struct box *above)
{
	const struct rs_price_point *a = &p->points[p->front[i]];
	double x = pixel_x(p, place(&p->x, a->price_median)), y = pixel_y(fig, p, rate_place(p, a));
	double end = WIDTH - p->margins.right, top = fig->header + 6;

	if (i + 1 < p->nr_front)
		end = pixel_x(p, place(&p->x, p->points[p->front[i + 1]].price_median));
	if (i)
		top = pixel_y(fig, p, rate_place(p, &p->points[p->front[i - 1]]));
	*right = (struct box){ x, end, y - 2, y + 2 };
	*above = (struct box){ x - 2, x + 2, top, y };
}

/* Where a label may be, seen from its point: beside, above, below, askew, further off. */
static const struct {
	int x, y; /* -1, 0, 1: left, middle, right; and in lines, downwards */
} places[] = {
	{ 1, -1 }, { 0, -1 }, { 0, 1 },	 { 1, 1 }, { -1, -1 }, { -1, 1 }, { 1, 0 },  { -1, 0 },
	{ 0, -2 }, { 0, 2 },  { 1, -2 }, { 1, 2 }, { -1, -2 }, { -1, 2 }, { 1, -3 }, { 1, 3 },
};

#define NR_PLACES (sizeof(places) / sizeof(places[0]))

static struct box label_box(const struct box *point, const char *text, size_t where)
{
	double w = CHARACTER * (double)rs_clean_columns(text);
	double x = (point->left + point->right) / 2, y = (point->top + point->bottom) / 2;
	struct box b;

	b.left = places[where].x > 0 ? point->right : places[where].x ? point->left - w : x - w / 2;
	b.right = b.left + w;
	b.top = y - LINE / 2.0 + places[where].y * (LINE + 2);
	b.bottom = b.top + LINE;
	return b;
}

static void label_text(const struct rs_price_point *a, char *buf, size_t size)
{
	if (a->missed)
		snprintf(buf, size, "%s (wrong)", a->algorithm);
	else
		snprintf(buf, size, "%s", a->algorithm);
}

/* What of everything drawn, and of the labels before the @i-th, is below @b. */
static double covered(const struct rs_figure *fig, const struct picture *p,
		      const struct box *labels, size_t i, const struct box *b)
{
	struct box right, above;
	double sum = 0;

	if (b->left < p->margins.left || b->right > WIDTH - 4 || b->top < fig->header ||
	    b->bottom > fig->height - p->margins.bottom)
		sum += OUTSIDE;
	for (size_t k = 0; k < p->nr; k++) {
		struct box point = around_point(fig, p, &p->points[k]);
		struct box bar = around_bar(fig, p, &p->points[k]);

		sum += k == i ? 0 : overlap(b, &point);
		sum += k < i ? overlap(b, &labels[k]) : 0;
		sum += overlap(b, &bar);
	}
	for (size_t k = 0; k < p->nr_front; k++) {
		around_front(fig, p, k, &right, &above);
		sum += overlap(b, &right) + overlap(b, &above);
	}
	return sum;
}

/* The place that covers least; ties: the first. */
static size_t best_place(const struct rs_figure *fig, const struct picture *p,
			 const struct box *labels, size_t i)
{
	struct box point = around_point(fig, p, &p->points[i]);
	double least = INFINITY;
	size_t best = 0;
	char text[128];

	label_text(&p->points[i], text, sizeof(text));
	for (size_t w = 0; w < NR_PLACES && least > 0; w++) {
		struct box b = label_box(&point, text, w);
		double cost = covered(fig, p, labels, i, &b);

		if (cost < least) {
			least = cost;
			best = w;
		}
	}
	return best;
}

static const char *colour_of(const struct picture *p, size_t i)
{
	return p->points[i].missed ? RS_COLOUR_GREY
				   : rs_figure_algo_colour(p->points[i].algorithm, i);
}

static void put_labels(struct rs_figure *fig, const struct picture *p)
{
	struct box *labels = calloc(p->nr, sizeof(*labels));
	char text[128];

	if (!labels) {
		fig->errnum = ENOMEM;
		return;
	}
	for (size_t i = 0; i < p->nr; i++) {
		const struct rs_price_point *a = &p->points[i];
		struct box point = around_point(fig, p, a);
		size_t w = best_place(fig, p, labels, i);

		label_text(a, text, sizeof(text));
		labels[i] = label_box(&point, text, w);
		rs_figure_put(fig, "set label ");
		rs_figure_string(fig, text);
		rs_figure_put(fig, " at screen %.4f, screen %.4f %s textcolor '%s'\n",
			      (places[w].x > 0	 ? labels[i].left
			       : places[w].x < 0 ? labels[i].right
						 : (labels[i].left + labels[i].right) / 2) /
				      WIDTH,
			      1 - (labels[i].top + LINE / 2.0) / fig->height,
			      places[w].x > 0	? "left"
			      : places[w].x < 0 ? "right"
						: "center",
			      colour_of(p, i));
	}
	free(labels);
}

static void draw_picture(struct rs_figure *fig, const struct picture *p)
{
	rs_figure_put(fig, "plot ");
	rs_figure_data_name(fig, "front");
	rs_figure_put(fig, " using 1:2 with lines linewidth 2 linecolor '%s'", RS_COLOUR_GREY);
	for (size_t i = 0; i < p->nr; i++) {
		const struct rs_price_point *a = &p->points[i];

		rs_figure_put(fig, ", \\\n     ");
		rs_figure_data_name(fig, "points");
		rs_figure_put(fig,
			      " every ::%zu::%zu using 2:3:4:5 with xerrorbars pointtype %d "
			      "pointsize %.2f linewidth 1.5 linecolor '%s'",
			      i, i,
			      a->missed	       ? 2
			      : p->on_front[i] ? 7
					       : 6,
			      rs_figure_point_size(fig, 1.4), colour_of(p, i));
	}
	rs_figure_put(fig, "\n");
}

static void draw_text(struct rs_figure *fig, const struct picture *p)
{
	rs_figure_put(fig, "plot ");
	rs_figure_data_name(fig, "front");
	rs_figure_put(fig, " using 1:2 with points pointtype '.'");
	for (size_t i = 0; i < p->nr && letters[i]; i++) {
		rs_figure_put(fig, ", \\\n     ");
		rs_figure_data_name(fig, "points");
		rs_figure_put(fig, " every ::%zu::%zu using 2:3 with points pointtype '%c'", i, i,
			      letters[i]);
	}
	rs_figure_put(fig, "\n");
}

/* In plain text there is room for names only here. */
static void text_legend(struct rs_figure *fig, const struct picture *p)
{
	char price[24], rate[24], missed[48];

	for (size_t i = 0; i < p->nr && letters[i]; i++) {
		const struct rs_price_point *a = &p->points[i];
		struct rs_legend e = { .letter = letters[i] };

		rs_format_number(a->price_median, price, sizeof(price));
		rs_format_share(rs_price_spurious_rate(a), rate, sizeof(rate));
		snprintf(missed, sizeof(missed), ", wrong: missed %" PRIu64, a->missed);
		snprintf(e.text, sizeof(e.text), "%s: %s, needless %s%s%s", a->algorithm, price,
			 rate, p->on_front[i] ? ", on the front" : "", a->missed ? missed : "");
		rs_figure_legend(fig, &e, 1, 1);
	}
}

static void put_legend(struct rs_figure *fig, const struct picture *p)
{
	struct rs_legend legend[] = {
		{ .kind = RS_LEGEND_LINE,
		  .colour = RS_COLOUR_GREY,
		  .size = 2,
		  .style = 1,
		  .letter = '.',
		  .text = "the front: whatever lies above and right of it is beaten" },
		{ .kind = RS_LEGEND_POINT,
		  .colour = RS_COLOUR_BLACK,
		  .size = 1.4,
		  .style = 7,
		  .text = "on the front; bars: least and most measured" },
		{ .kind = RS_LEGEND_POINT,
		  .colour = RS_COLOUR_BLACK,
		  .size = 1.4,
		  .style = 6,
		  .text = "beaten: another is cheaper and as precise" },
		{ .kind = RS_LEGEND_POINT,
		  .colour = RS_COLOUR_GREY,
		  .size = 1.4,
		  .style = 2,
		  .text = "wrong: lets stale pages through" },
	};

	if (rs_figure_is_text(fig))
		text_legend(fig, p);
	rs_figure_legend(fig, legend, rs_figure_is_text(fig) ? 1 : 4, 2);
}

static void put_axes(struct rs_figure *fig, const struct picture *p, const char *unit)
{
	char label[256];

	put_ticks(fig, 'x', &p->x);
	put_ticks(fig, 'y', &p->y);
	if (rs_figure_is_text(fig))
		snprintf(label, sizeof(label), "%.46s; up: needless (%%)", unit);
	else
		snprintf(label, sizeof(label), "price: %s%s", unit,
			 p->x.log ? " (logarithmic)" : "");
	rs_figure_put(fig, "set xlabel ");
	rs_figure_string(fig, label);
	rs_figure_put(fig, "\n");
	rs_figure_ylabel(fig,
			 p->y.log ? "faults rejected needlessly (% of those checked, logarithmic)"
				  : "faults rejected needlessly (% of those checked)");
}

static void draw_points(struct rs_figure *fig, struct picture *p, const char *unit)
{
	put_legend(fig, p);
	p->margins = (struct rs_margins){ .left = 80,
					  .right = 30,
					  .bottom = 60,
					  .text_left = 9,
					  .text_right = 2,
					  .text_bottom = 4 };
	rs_figure_panel(fig, &p->margins, 0, 1);
	put_axes(fig, p, unit);
	put_points(fig, p);
	put_front(fig, p);
	if (rs_figure_is_text(fig)) {
		draw_text(fig, p);
		return;
	}
	put_labels(fig, p);
	draw_picture(fig, p);
}

/*
 * By rising price, of the front only. Rates fall then, but for those that are on it because
 * their ranges overlap: the line passes below them.
 */
static void sort_front(struct picture *p)
{
	size_t nr = 0;

	for (size_t i = 0; i < p->nr; i++) {
		size_t at = p->nr_front;

		if (!p->on_front[i])
			continue;
		while (at && p->points[p->front[at - 1]].price_median > p->points[i].price_median) {
			p->front[at] = p->front[at - 1];
			at--;
		}
		p->front[at] = i;
		p->nr_front++;
	}
	for (size_t i = 0; i < p->nr_front; i++) {
		const struct rs_price_point *next = &p->points[p->front[i]];

		if (!nr || rs_price_spurious_rate(next) <
				   rs_price_spurious_rate(&p->points[p->front[nr - 1]]))
			p->front[nr++] = p->front[i];
	}
	p->nr_front = nr;
}

void rs_price_draw(struct rs_figure *fig, const struct rs_price_point *points, size_t nr,
		   const char *unit, const char *what, const char *of)
{
	struct picture p = { .points = points, .nr = nr };
	unsigned int legend = nr < sizeof(letters) ? (unsigned int)nr : sizeof(letters) - 1;

	rs_figure_size(fig, WIDTH, HEIGHT, 24 + legend);
	rs_figure_title(fig, what, of);
	if (!nr) {
		rs_figure_nothing(fig, "no algorithm was measured");
		return;
	}
	p.on_front = calloc(nr, sizeof(*p.on_front));
	p.front = calloc(nr, sizeof(*p.front));
	if (p.on_front && p.front) {
		rs_price_front(points, nr, p.on_front);
		sort_front(&p);
		p.x = price_scale(points, nr);
		p.y = rate_scale(points, nr);
		draw_points(fig, &p, unit);
	} else {
		fig->errnum = ENOMEM;
	}
	free(p.on_front);
	free(p.front);
}

static void draw(struct rs_figure *fig, const struct rs_plot_input *in)
{
	const struct rs_price_group *g = in->price;

	rs_price_draw(fig, g->points, g->nr, g->unit,
		      "Precision against price: what each algorithm costs, and what it rejects "
		      "needlessly",
		      in->source);
}

const struct rs_plot_type rs_plot_price = {
	.name = "price",
	.summary = "of bench: precision against price",
	.need = RS_PLOT_PRICE,
	.draw = draw,
};
