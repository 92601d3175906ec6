/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_WRITE_FIGURE_COLUMNS_H
#define RS_ANALYSIS_WRITE_FIGURE_COLUMNS_H

#include <stdbool.h>
#include <stdio.h>

#include "replay/figures.h"

/* The columns of the table of figures, in its order: each after a comma. */
enum rs_columns {
	RS_COLUMNS_CSV,	  /* of a report: 12 digits, a quantile of nothing is empty */
	RS_COLUMNS_SWEEP, /* of a sweep: 6 digits, a quantile of nothing is 0 */
};

/* Their names; @closed: also those of the closed loop. */
void rs_columns_names(FILE *f, enum rs_columns set, bool closed);
/* The figures of one algorithm in one VM. What cannot be computed is empty. */
void rs_columns_values(FILE *f, enum rs_columns set, bool closed,
		       const struct rs_figure_base *base);

#endif
