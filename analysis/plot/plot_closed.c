// SPDX-License-Identifier: GPL-2.0-only
/* Closed loop: how long faults stalled under each algorithm, and how often they were retried. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/write/layout.h"
#include "analysis/plot/plot.h"
#include "analysis/write/units.h"

/* More would not be told apart. */
#define MAX_ALGOS 16
/* Decades of an axis at most; a curve enters at its left with all that is more. */
#define MAX_DECADES 7

enum { RECORDED, THINK, NR_MODES };

struct metric {
	const struct rs_hist *(*of)(const struct rs_closed_algo *c);
	const char *what, *xlabel, *ylabel, *text_label, *nothing;
	bool time;
};

static const struct rs_hist *stall_of(const struct rs_closed_algo *c)
{
	return &c->stall_ns;
}

static const struct rs_hist *retries_of(const struct rs_closed_algo *c)
{
	return &c->retries_per_fault;
}

static const struct metric stall = {
	.of = stall_of,
	.what = "How long faults stall in the closed loop, under each algorithm",
	.xlabel = "stall of a logical fault: service time less one clean attempt (buckets of 1 %)",
	.ylabel = "logical faults that stall at least so long (%)",
	.text_label = "stall; upwards: faults that stall at least so long (%)",
	.nothing = "no fault stalled",
	.time = true,
};

static const struct metric retries = {
	.of = retries_of,
	.what = "How often a fault is retried, under each algorithm",
	.xlabel = "retries of a logical fault (exact to 255, then buckets of 1 %)",
	.ylabel = "logical faults retried at least so often (%)",
	.text_label = "retries; upwards: faults retried at least so often (%)",
	.nothing = "no fault was retried",
};

/* The mode that the first of the inputs has: a report may be of either. */
static size_t first_mode(const struct rs_plot_input *in)
{
	const char *arrivals = in->vm->closed.arrivals;

	return !in->think && arrivals && !strcmp(arrivals, "think") ? THINK : RECORDED;
}

static const struct rs_closed_algo *closed_of(const struct rs_plot_input *in, size_t i, size_t mode)
{
	if (mode == first_mode(in))
		return in->vm->algos[in->shown[i]].closed;
	return in->think && in->think->algos ? in->think->algos[in->shown[i]].closed : NULL;
}

static const struct rs_hist *hist_of(const struct rs_plot_input *in, const struct metric *m,
				     size_t i, size_t mode)
{
	const struct rs_closed_algo *c = closed_of(in, i, mode);

	return c && m->of(c)->weight ? m->of(c) : NULL;
}

static size_t nr_drawn(const struct rs_plot_input *in)
{
	return in->nr_shown < MAX_ALGOS ? in->nr_shown : MAX_ALGOS;
}

struct limits {
	double begin, end, least; /* of x; of the share, in % */
};

static double least_positive(const struct rs_hist *h)
{
	uint64_t value, weight;
	size_t pos = 0;

	while (rs_hist_next(h, &pos, &value, &weight))
		if (value)
			return (double)value;
	return (double)h->max;
}

static struct limits find_limits(const struct rs_plot_input *in, const struct metric *m)
{
	struct limits l = { INFINITY, 0, 10 };

	for (size_t i = 0; i < nr_drawn(in) * NR_MODES; i++) {
		const struct rs_hist *h = hist_of(in, m, i / NR_MODES, i % NR_MODES);

		if (!h)
			continue;
		l.least = fmin(l.least, 100.0 / (double)h->weight);
		l.end = fmax(l.end, (double)h->max);
		if (h->max)
			l.begin = fmin(l.begin, least_positive(h));
	}
	l.begin = fmax(l.begin, l.end / pow(10, MAX_DECADES));
	/* At least a decade, so that there are ticks; there is no half of a retry. */
	if (m->time)
		l.begin = fmin(l.begin, l.end / 10);
	else
		l.end = fmax(l.end, 10 * l.begin);
	l.begin *= 0.9;
	l.end *= 1.4;
	l.least /= 1.5;
	return l;
}

static void data_name(const struct rs_plot_input *in, size_t i, size_t mode, char *buf, size_t size)
{
	snprintf(buf, size, "%s-%s", rs_plot_algo(in, i)->name,
		 mode == THINK ? "think" : "recorded");
}

/* Its sum, an average, a tail and the worst of one curve. */
static void figures_of(const struct metric *m, const struct rs_hist *h, char *buf, size_t size)
{
	char sum[32], mean[32], p99[32], most[32];

	if (m->time) {
		rs_format_time((double)h->total, sum, sizeof(sum));
		rs_format_time(rs_hist_mean(h), mean, sizeof(mean));
		rs_format_time((double)rs_hist_quantile(h, 0.99), p99, sizeof(p99));
		rs_format_time((double)h->max, most, sizeof(most));
	} else {
		rs_format_count((uint64_t)h->total, sum, sizeof(sum));
		rs_format_number(rs_hist_mean(h), mean, sizeof(mean));
		rs_format_count(rs_hist_quantile(h, 0.99), p99, sizeof(p99));
		rs_format_count(h->max, most, sizeof(most));
	}
	snprintf(buf, size, "total %s, mean %s, p99 %s, most %s", sum, mean, p99, most);
}

static const char *mode_name(size_t mode)
{
	return mode == THINK ? "think" : "recorded";
}

/* A line for each curve; with arrivals think it has dashes. */
static void put_legend(struct rs_figure *fig, const struct rs_plot_input *in,
		       const struct metric *m)
{
	size_t n = 0;

	for (size_t i = 0; i < nr_drawn(in) * NR_MODES; i++) {
		const struct rs_hist *h = hist_of(in, m, i / NR_MODES, i % NR_MODES);
		const struct rs_algo_result *a = rs_plot_algo(in, i / NR_MODES);
		struct rs_legend e = { .kind = RS_LEGEND_LINE,
				       .colour = rs_figure_algo_colour(a->name, i / NR_MODES),
				       .size = 2.0,
				       .style = i % NR_MODES == THINK ? 2 : 1,
				       .letter = "*#$%@&="[n % 7] };
		char figures[160];

		if (!h)
			continue;
		n++;
		figures_of(m, h, figures, sizeof(figures));
		snprintf(e.text, sizeof(e.text), "%s, %s: %s", a->name, mode_name(i % NR_MODES),
			 figures);
		rs_figure_legend(fig, &e, 1, 1);
	}
}

/* @steps times 10 to the power of @decade: "20 us", "1k". */
static void format_tick(const struct metric *m, double steps, int decade, char *buf, size_t size)
{
	static const char *const units[] = { "ns", "us", "ms", "s" };
	int u = decade < 0 ? 0 : decade < 9 ? decade / 3 : 3;

	if (m->time)
		snprintf(buf, size, "%g %s", steps * pow(10, decade - 3 * u), units[u]);
	else
		rs_format_tick(steps * pow(10, decade), buf, size);
}

/* Each decade, in plain text every other one if they are many; with 2 and 5 if they are few. */
static void put_xtics(struct rs_figure *fig, const struct metric *m, const struct limits *l)
{
	static const double steps[] = { 1, 2, 5 };
	double decades = log10(l->end / l->begin);
	int stride = rs_figure_is_text(fig) && decades > 6 ? 2 : 1;
	const char *comma = "set xtics (";
	char tick[32];

	for (int d = (int)floor(log10(l->begin)); d <= log10(l->end); d += stride) {
		for (size_t i = 0; i < (decades < 2.5 ? 3 : 1); i++) {
			double at = steps[i] * pow(10, d);

			if (at < l->begin || at > l->end)
				continue;
			format_tick(m, steps[i], d, tick, sizeof(tick));
			rs_figure_put(fig, "%s", comma);
			rs_figure_string(fig, tick);
			rs_figure_put(fig, " %.9g", at);
			comma = ", ";
		}
	}
	rs_figure_put(fig, ")\n");
}

static void put_axes(struct rs_figure *fig, const struct metric *m, const struct limits *l)
{
	rs_figure_put(fig, "set logscale xy\nset xrange [%.9g:%.9g]\nset yrange [%.9g:130]\n",
		      l->begin, l->end, l->least);
	rs_figure_put(fig, "set format y '%%g'\n");
	put_xtics(fig, m, l);
	rs_figure_put(fig, "set xlabel ");
	rs_figure_string(fig, rs_figure_is_text(fig) ? m->text_label : m->xlabel);
	rs_figure_put(fig, "\n");
	rs_figure_ylabel(fig, m->ylabel);
}

static void put_curves(struct rs_figure *fig, const struct rs_plot_input *in,
		       const struct metric *m, const struct limits *l)
{
	const char *between = "plot ";
	char name[128];

	for (size_t i = 0; i < nr_drawn(in) * NR_MODES; i++) {
		const struct rs_hist *h = hist_of(in, m, i / NR_MODES, i % NR_MODES);

		if (!h)
			continue;
		data_name(in, i / NR_MODES, i % NR_MODES, name, sizeof(name));
		rs_plot_put_ccdf(fig, name,
				 m->time ? "stall (ns), share of faults with at least that (%), "
					   "faults"
					 : "retries, share of faults with at least that (%), "
					   "faults",
				 h, 1, l->begin, l->least);
		rs_figure_put(fig, "%s", between);
		rs_figure_data_name(fig, name);
		rs_figure_put(
			fig, " using 1:2 with fsteps linewidth 2 linecolor '%s' dashtype %d",
			rs_figure_algo_colour(rs_plot_algo(in, i / NR_MODES)->name, i / NR_MODES),
			i % NR_MODES == THINK ? 2 : 1);
		between = ", \\\n     ";
	}
	rs_figure_put(fig, "\n");
}

static void put_title(struct rs_figure *fig, const struct rs_plot_input *in, const struct metric *m)
{
	const struct rs_closed_vm *c = &in->vm->closed;
	char faults[32], gap[32], tail[160];

	rs_format_count(c->logical_faults, faults, sizeof(faults));
	rs_format_time((double)c->retry_gap_ns, gap, sizeof(gap));
	snprintf(tail, sizeof(tail), "%s logical faults, pre-check %s, retry gap %s%s", faults,
		 c->precheck ? "on" : "off", gap, c->retry_gap_assumed ? " (assumed)" : "");
	rs_plot_title_of(fig, in, m->what, tail);
}

static void draw(struct rs_figure *fig, const struct rs_plot_input *in, const struct metric *m)
{
	const struct rs_margins margins = { .left = 96,
					    .right = 40,
					    .bottom = 60,
					    .text_left = 9,
					    .text_right = 4,
					    .text_bottom = 4 };
	unsigned int curves = 0;
	bool any = false;
	struct limits l;

	for (size_t i = 0; i < nr_drawn(in) * NR_MODES; i++) {
		const struct rs_hist *h = hist_of(in, m, i / NR_MODES, i % NR_MODES);

		curves += h != NULL;
		any |= h && h->max;
	}
	rs_figure_size(fig, 1000, 560 + 20 * curves, 26 + curves);
	put_title(fig, in, m);
	if (!any) {
		rs_figure_nothing(fig, m->nothing);
		return;
	}
	put_legend(fig, in, m);
	rs_figure_panel(fig, &margins, 0, 1);
	l = find_limits(in, m);
	put_axes(fig, m, &l);
	put_curves(fig, in, m, &l);
}

static void draw_stall(struct rs_figure *fig, const struct rs_plot_input *in)
{
	draw(fig, in, &stall);
}

static void draw_retries(struct rs_figure *fig, const struct rs_plot_input *in)
{
	draw(fig, in, &retries);
}

const struct rs_plot_type rs_plot_stall = {
	.name = "stall",
	.summary = "closed loop: how long faults stall",
	.algos = "hva,gfn,exact",
	.need = RS_PLOT_CLOSED,
	.draw = draw_stall,
};

const struct rs_plot_type rs_plot_retries = {
	.name = "retries",
	.summary = "closed loop: how often a fault is retried",
	.algos = "hva,gfn,exact",
	.need = RS_PLOT_CLOSED,
	.draw = draw_retries,
};
