/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_PLOT_PLOT_SWEEP_H
#define RS_ANALYSIS_PLOT_PLOT_SWEEP_H

#include "analysis/plot/plot.h"
#include "analysis/sweep/sweep_read.h"

#define RS_SWEEP_MAX_ALGOS 24

/* What of a sweep's table a picture shows. Nothing in it is owned. */
struct rs_sweep_view {
	const char *source; /* what the user calls the table */
	const struct rs_sweep_data *data;
	struct rs_sweep_axes axes;
	const char *algos[RS_SWEEP_MAX_ALGOS]; /* in the order of the table */
	size_t nr_algos;
};

/* For the plots: the title, with what is fixed, the number of seeds, and @tail below it. */
void rs_sweep_title(struct rs_figure *fig, const struct rs_sweep_view *v, const char *what,
		    const char *tail);

#endif
