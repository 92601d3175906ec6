/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_CLI_PLOT_DATA_H
#define RS_CLI_PLOT_DATA_H

#include "analysis/plot/plot.h"
#include "analysis/plot/plot_collect.h"
#include "analysis/plot/plot_price.h"
#include "analysis/report/report_read.h"
#include "analysis/sweep/sweep_read.h"
#include "cli/document.h"
#include "cli/input.h"
#include "replay/closed/closed.h"

#define PLOT_MAX_WHERE 16

/* What the user wants of an input. */
struct plot_request {
	struct rs_input input;
	const char *algos;		   /* NULL: the default ones */
	bool series, map, closed;	   /* needed */
	bool nothing_else;		   /* ... and no figures of the result */
	enum rs_precheck precheck;	   /* of the closed loop, */
	uint64_t retry_gap_ns;		   /* as in struct rs_closed_opts */
	const char *map_algo;		   /* of the map; NULL: of @algos */
	bool no_zoom;			   /* the map is of the whole alone */
	const char *where[PLOT_MAX_WHERE]; /* rows of a sweep to keep */
	size_t nr_where;
};

/* What there is to draw. */
struct plot_data {
	enum document_kind kind;
	struct rs_sweep_data sweep;	 /* of a sweep; then and of bench there is no result */
	struct rs_price_data price;	 /* of bench */
	struct rs_report_data report;	 /* of a report */
	const char *kernel;		 /* NULL: not known */
	uint64_t first_ns;		 /* the whole trace's first event */
	struct rs_result *result;	 /* of a report: its own */
	struct rs_vm_result sum;	 /* of all VMs */
	struct rs_result *think;	 /* closed loop, the other arrivals; NULL: not known */
	struct rs_vm_result think_sum;	 /* of all VMs */
	struct rs_plot_collect *collect; /* NULL: of a report */
	char map_algo[48];		 /* whose range maps show; "": no algorithm has one */
};

/*
 * Reads the request's input, a trace or a report. 0, or negative errno with
 * @err set; then nothing is to free.
 */
int plot_data_load(struct plot_data *d, const struct plot_request *req, struct rs_error *err);
/* Frees what is inside. */
void plot_data_free(struct plot_data *d);

#endif
