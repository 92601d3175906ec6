/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_REPORT_REPORT_READ_H
#define RS_ANALYSIS_REPORT_REPORT_READ_H

#include <jansson.h>

#include "analysis/report/groups.h"
#include "analysis/report/report.h"

/* A report that was read back. */
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

/*
 * A sum of reports: one VM, the sum of all; report.sources tells where it is from. Quantiles
 * are only known if all of them have whole distributions; otherwise those that have any lose
 * them. It is the same in whatever order they are added, and if some were sums.
 */
struct rs_report_sum;

/* Of nothing so far. NULL without memory. */
struct rs_report_sum *rs_report_sum_new(void);
/*
 * Adds @d, of which nothing is needed afterwards. 0, or negative errno with @err set, and then
 * the sum can only be freed: it differs in loop or algorithms from those before, or one of its
 * traces was there.
 */
int rs_report_sum_add(struct rs_report_sum *sum, const struct rs_report_data *d,
		      struct rs_error *err);
/*
 * Says of each trace which of @groups it is in; where they do not tell, it stays as a sum that
 * was added had it. 0 or negative errno with @err set.
 */
int rs_report_sum_group(struct rs_report_sum *sum, const struct rs_groups *groups,
			struct rs_error *err);
/* The sum, once all are added: to be given a version and a command. NULL with @err: no memory. */
struct rs_report *rs_report_sum_finish(struct rs_report_sum *sum, struct rs_error *err);
void rs_report_sum_free(struct rs_report_sum *sum);

#endif
