/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_SWEEP_SWEEP_READ_H
#define RS_ANALYSIS_SWEEP_SWEEP_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/error.h"
#include "base/table.h"

/*
 * The table of a sweep, read back: "cell", the varied parameters with "seed" as
 * their last, "algorithm", then figures. An empty field is what could not be
 * computed.
 */
struct rs_sweep_data {
	char **columns;
	size_t nr_columns;
	char **fields; /* row by row */
	size_t nr_rows;
	size_t algorithm; /* its column; 1 .. seed are parameters, seed is algorithm - 1 */
};

/*
 * Reads CSV or JSON (schema retryscope-sweep/2) from @f to its end; which of
 * them is seen from its content. 0, or negative errno with @err set, its line
 * (CSV) or row named; then nothing is to free.
 */
int rs_sweep_read(FILE *f, struct rs_sweep_data *d, struct rs_error *err);
void rs_sweep_data_free(struct rs_sweep_data *d);

/* As it stands in the table. */
const char *rs_sweep_field(const struct rs_sweep_data *d, size_t row, size_t column);
/* The column's number; nr_columns if there is none. */
size_t rs_sweep_column(const struct rs_sweep_data *d, const char *name);
/* A figure; NAN if it is empty or its column (nr_columns) missing. */
double rs_sweep_figure(const struct rs_sweep_data *d, size_t row, size_t column);

/*
 * Keeps only rows with "KEY=VALUE[,VALUE...]", values as they stand in the
 * table. 0, or -EINVAL with @err set (RS_ERR_USAGE): no such parameter or value.
 */
int rs_sweep_where(struct rs_sweep_data *d, const char *where, struct rs_error *err);

/* The values of one parameter that occur: rising if all are numbers, else as they come. */
struct rs_sweep_values {
	const char **text;
	double *number; /* sizes in bytes, times in ns; the place in the order if they are none */
	size_t nr;
	bool numeric;
	struct rs_hash by_text;
};

/* 0, or -ENOMEM. */
int rs_sweep_values_get(const struct rs_sweep_data *d, size_t column, struct rs_sweep_values *v);
void rs_sweep_values_free(struct rs_sweep_values *v);
/* Which of the values the row has. */
size_t rs_sweep_value_index(const struct rs_sweep_values *v, const char *field);

/* Columns. */
struct rs_sweep_axes {
	size_t x, other;
};

/*
 * Which parameters a picture of the table has: those with several values but
 * the seed. @x as given, else that with most numbers; @other is nr_columns if
 * only one varies. 0, or -EINVAL with @err set (RS_ERR_USAGE) if none or more than
 * two do; or -ENOMEM.
 */
int rs_sweep_axes_get(const struct rs_sweep_data *d, const char *x, struct rs_sweep_axes *axes,
		      struct rs_error *err);

#endif
