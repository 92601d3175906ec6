/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_REPORT_REPORT_READ_H
#define RS_ANALYSIS_REPORT_REPORT_READ_H

#include <jansson.h>

#include "analysis/report/report.h"

/* A report that was read back, or added up from such. */
struct rs_report_data {
	struct rs_report report; /* points to what follows */
	struct rs_result *result;
	struct rs_trace_meta meta;
	struct rs_report_source *sources;
	json_t *root; /* texts point into it */
};

/*
 * Reads a JSON report of schema retryscope-report/2, or /1, from @f to its end. What
 * the schema has must be there and of its type; members that it does not name
 * are ignored. Without whole distributions a histogram has its count, total and
 * maximum, and no quantiles. report.distributions says which. 0, or negative
 * errno with @err naming the member; then nothing is to free.
 */
int rs_report_read(FILE *f, struct rs_report_data *d, struct rs_error *err);
/* Frees what is inside. */
void rs_report_data_free(struct rs_report_data *d);

/*
 * A quantile, "p99", of the stalls of @algo in all VMs together, as a report that was read back
 * tells it though it has no whole distributions. NAN: it does not.
 */
double rs_report_stall(const struct rs_report_data *d, const char *algo, const char *quantile);

/* The report, which is no sum, as one of those that a sum is of; its texts are @d's. */
struct rs_report_source rs_report_source_of(const struct rs_report_data *d);
/* Whether both are of the same trace, as far as they tell. */
bool rs_report_same_source(const struct rs_report_source *a, const struct rs_report_source *b);

/*
 * Adds up @nr reports, at least one, into @sum, which points into them and so
 * is to be freed before them. One VM is left, the sum of all; report.sources
 * tells where it is from. Quantiles are only known if all of them have whole
 * distributions; otherwise those that have any lose them. 0, or negative errno
 * with @err set, its text about report @at: they differ in loop or algorithms,
 * or one trace is there twice.
 */
int rs_report_merge(const struct rs_report_data *reports, size_t nr, struct rs_report_data *sum,
		    size_t *at, struct rs_error *err);

#endif
