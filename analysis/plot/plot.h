/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_PLOT_PLOT_H
#define RS_ANALYSIS_PLOT_PLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/plot/figure.h"
#include "analysis/plot/map.h"
#include "replay/result.h"
#include "analysis/plot/series.h"

/* What a plot is drawn from; which of it is there depends on the input. */
enum rs_plot_need {
	RS_PLOT_COUNTS,	       /* the result's counts */
	RS_PLOT_DISTRIBUTIONS, /* the result's histograms */
	RS_PLOT_SERIES,
	RS_PLOT_MAP,
	RS_PLOT_CLOSED,	      /* the closed loop's histograms */
	RS_PLOT_SWEEP,	      /* the table of a sweep */
	RS_PLOT_SWEEP_CLOSED, /* of the closed loop */
	RS_PLOT_SWEEP_PAIR,   /* in which two parameters are varied */
	RS_PLOT_PRICE,
};

struct rs_plot_epoch;
struct rs_price_group;
struct rs_sweep_view;

/* Nothing in it is owned. */
struct rs_plot_input {
	const char *source;	       /* what the user calls the input */
	const char *kernel;	       /* NULL: not known */
	size_t nr_traces;	       /* that a report adds up; 0: it is of one */
	const struct rs_vm_result *vm; /* one VM, or the sum of all */
	size_t nr_summed;	       /* 1: vm->vm is the one; else of so many VMs */
	const size_t *shown;	       /* which of its algorithms, in what order */
	size_t nr_shown;
	size_t nr_algos;
	const struct rs_vm_result *think; /* closed loop: the other arrivals; NULL: only @vm's */
	uint64_t origin_ns;		  /* time 0 of the axes: the trace's first event */
	const struct rs_series *series;	  /* tracks: all algorithms, then all frames */
	const struct rs_map *map;
	const char *map_algo;		    /* whose range it shows */
	const struct rs_map *zoom;	    /* of @worst; NULL: none */
	const struct rs_plot_epoch *worst;  /* plot_collect.h */
	const struct rs_sweep_view *sweep;  /* then there is no @vm */
	const struct rs_price_group *price; /* then there is no @vm */
};

/* A kind of plot. Adding one is a file with it, as rs_plot_NAME, and a line in plot_types.c. */
struct rs_plot_type {
	const char *name;    /* also of the file that is drawn */
	const char *summary; /* for help texts */
	const char *algos;   /* those shown unless the user chooses; NULL: all there are */
	enum rs_plot_need need;
	/* Writes the script and the data. Failures stay with the figure. */
	void (*draw)(struct rs_figure *fig, const struct rs_plot_input *in);
};

/* The table; NULL past its end. */
const struct rs_plot_type *rs_plot_type(size_t i);
/* NULL if there is none of this name. */
const struct rs_plot_type *rs_plot_find(const char *name);
/* Series and maps are of one VM, the others add up over VMs. */
bool rs_plot_is_per_vm(const struct rs_plot_type *type);

/* For the plots: sets the title to @what, and what input it is of. */
void rs_plot_title(struct rs_figure *fig, const struct rs_plot_input *in, const char *what);
/* The same, with @tail behind what input it is of. */
void rs_plot_title_of(struct rs_figure *fig, const struct rs_plot_input *in, const char *what,
		      const char *tail);
/*
 * For the plots: a data file @name of the curve "how much of @h is at least x",
 * to be drawn with fsteps: x in units of @scale from @begin on, the share in %,
 * which at the end falls to @floor, and the weight.
 */
void rs_plot_put_ccdf(struct rs_figure *fig, const char *name, const char *columns,
		      const struct rs_hist *h, double scale, double begin, double floor);
/* For the plots: the @i-th algorithm shown. */
const struct rs_algo_result *rs_plot_algo(const struct rs_plot_input *in, size_t i);
/* For the plots: an x axis of time that ends at what is drawn. */
void rs_plot_time_axis(struct rs_figure *fig, const struct rs_plot_input *in, uint64_t begin_ns,
		       uint64_t end_ns);
/* A time of the trace's clock on that axis. */
double rs_plot_time(const struct rs_plot_input *in, uint64_t time_ns, uint64_t span_ns);

#endif
