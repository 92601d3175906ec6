/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_COMPARE_COMPARE_H
#define RS_ANALYSIS_COMPARE_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "analysis/plot/figure.h"
#include "analysis/report/report_read.h"
#include "base/error.h"

/*
 * Two groups of runs against each other: for each algorithm and figure what each group has,
 * how many times the one is the other, and whether chance alone would do. A run is a report;
 * of it only figures are kept.
 */

enum rs_compare_side { RS_COMPARE_BASE, RS_COMPARE_NEW, RS_COMPARE_SIDES };

/* Below this, after Holm, a difference counts as found. */
#define RS_COMPARE_LIMIT 0.05

enum rs_compare_unit { RS_COMPARE_SHARE, RS_COMPARE_NUMBER, RS_COMPARE_NS };

/* What of a run is compared. */
struct rs_compare_figure {
	const char *name;  /* "stall_p99_ns": of JSON, CSV and options */
	const char *title; /* in words */
	enum rs_compare_unit unit;
	bool of_vm; /* not of an algorithm */
	bool other; /* of the closed loop with the arrivals that the others do not have */
	/*
	 * Of the sum of the VMs of @d; @algo is NULL for a figure of the VM. NAN: @d does not
	 * tell.
	 */
	double (*value)(const struct rs_report_data *d, const struct rs_vm_result *vm,
			const struct rs_algo_result *algo);
};

/* The table of figures; NULL past its end. */
const struct rs_compare_figure *rs_compare_figure(size_t i);

/* A row of the result: a figure of an algorithm. */
struct rs_compare_row {
	const struct rs_compare_figure *figure;
	const char *algorithm; /* NULL: of the VM */
	/* Of each side: the runs that tell it, the median, the least and the most; NAN: none. */
	size_t nr[RS_COMPARE_SIDES];
	double median[RS_COMPARE_SIDES], min[RS_COMPARE_SIDES], max[RS_COMPARE_SIDES];
	double ratio, ratio_low, ratio_high; /* new / base, and its 95 % interval; or NAN */
	double p, p_holm;		     /* NAN: too few runs, or @constant */
	bool constant; /* all runs have the same, of which ranks tell nothing */
	bool exact;
	bool found; /* p_holm is below RS_COMPARE_LIMIT */
};

struct rs_compare;

/*
 * A comparison of the groups called @base and @new, which are copied; of @algos and @figures,
 * lists of names, or NULL: of all that every run has. NULL without memory.
 */
struct rs_compare *rs_compare_new(const char *base, const char *new, const char *algos,
				  const char *figures);
void rs_compare_free(struct rs_compare *c);
/*
 * Takes the figures of a run, whose path is @path. 0, or negative errno with @err set: the
 * same trace is in an earlier run, which would count as two.
 */
int rs_compare_add(struct rs_compare *c, enum rs_compare_side side, const char *path,
		   const struct rs_report_data *d, struct rs_error *err);
/*
 * Compares; once, after the last run. 0, or negative errno with @err set: there is nothing
 * that all runs have.
 */
int rs_compare_finish(struct rs_compare *c, struct rs_error *err);

/* What is wrong is to stand out in text, which is for a terminal. */
void rs_compare_use_color(struct rs_compare *c);

/* What was found, for the formats. */
const struct rs_compare_row *rs_compare_rows(const struct rs_compare *c, size_t *nr);
const char *rs_compare_name(const struct rs_compare *c, enum rs_compare_side side);
/* The runs of a side: how many, and the path of one. */
size_t rs_compare_runs(const struct rs_compare *c, enum rs_compare_side side);
const char *rs_compare_path(const struct rs_compare *c, enum rs_compare_side side, size_t i);
/* Whether there are enough runs for a test. */
bool rs_compare_tells(const struct rs_compare *c);
/* How many rows were tested, and found to differ. */
size_t rs_compare_tested(const struct rs_compare *c);
size_t rs_compare_found(const struct rs_compare *c);
/* Why the groups do not compare, or only with care: a sentence each. */
const char *const *rs_compare_notes(const struct rs_compare *c, size_t *nr);

struct rs_compare_format {
	const char *name;
	/* @command makes this again, or is NULL. 0, -ENOMEM, or -EIO if the stream has failed. */
	int (*write)(FILE *f, const struct rs_compare *c, const char *command);
};

#define RS_COMPARE_FORMATS(X) X(text) X(mail) X(json) X(csv)
#define RS_COMPARE_FORMAT_BAR(name) "|" #name
/* "text|mail|json|csv" */
#define RS_COMPARE_FORMAT_NAMES (&RS_COMPARE_FORMATS(RS_COMPARE_FORMAT_BAR)[1])
/* NULL if there is no such format. */
const struct rs_compare_format *rs_compare_format_find(const char *name);

/* Draws the ratios with their intervals into @fig, which was only begun. */
void rs_compare_draw(struct rs_figure *fig, const struct rs_compare *c);

#endif
