/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_REPORT_REPORT_SOURCE_H
#define RS_ANALYSIS_REPORT_REPORT_SOURCE_H

#include "analysis/report/report_read.h"

/* The report, which is no sum, as one of those that a sum is of, without its parts; its texts
 * are @d's. */
struct rs_report_source rs_report_source_of(const struct rs_report_data *d);
/* Its parts, to be freed by rs_report_parts_free(); its texts are @d's. 0 or -ENOMEM. */
int rs_report_parts_of(struct rs_report_source *s, const struct rs_report_data *d);
/* Room for @nr_parts parts with @nr_doings each, all zero, to be freed as those. 0 or -ENOMEM. */
int rs_report_parts_new(struct rs_report_source *s, size_t nr_parts, size_t nr_doings);
/* Frees the parts, not their texts. */
void rs_report_parts_free(struct rs_report_source *s);

/* Whether both are of the same trace, as far as they tell. */
bool rs_report_same_source(const struct rs_report_source *a, const struct rs_report_source *b);
/* Less than, equal to, or greater than 0, for qsort(): no two traces are alike in this. */
int rs_report_source_order(const void *pa, const void *pb);

/* Into @to, texts as well, for rs_report_source_clear(). 0 or -ENOMEM: then nothing is to clear. */
int rs_report_source_copy(struct rs_report_source *to, const struct rs_report_source *from);
/* Frees the texts and parts that a copy has. */
void rs_report_source_clear(struct rs_report_source *s);

#endif
