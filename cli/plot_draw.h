/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_CLI_PLOT_DRAW_H
#define RS_CLI_PLOT_DRAW_H

#include "analysis/plot/plot.h"
#include "cli/plot_data.h"

#define PLOT_MAX_WHAT 16

/* What the user orders. */
struct plot_order {
	struct plot_request req;
	const struct rs_plot_type *what[PLOT_MAX_WHAT];
	size_t nr_what;
	bool all; /* what can be drawn, that is */
	enum rs_figure_format format;
	bool format_given;
	const char *output;	/* the one picture's file; "-" is standard output; or NULL */
	const char *output_dir; /* or NULL */
	const char *x;		/* a sweep's parameter on the x axis; NULL: the best */
	bool keep_data;
};

/* Takes the picture @name out of @dir, where it is until this returns. As plot_draw() fails. */
struct plot_taker {
	int (*take)(void *arg, const struct rs_workdir *dir, const char *name,
		    struct rs_error *err);
	void *arg;
};

/*
 * Draws all that is ordered, then puts it in its place, or, if @taker is not NULL, has it taken.
 * 0, or negative errno with @err set; then nothing has been put anywhere.
 */
int plot_draw(const struct plot_order *order, const struct plot_data *data,
	      const struct plot_taker *taker, struct rs_error *err);

#endif
