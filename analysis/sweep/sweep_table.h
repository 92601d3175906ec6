/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_SWEEP_SWEEP_TABLE_H
#define RS_ANALYSIS_SWEEP_SWEEP_TABLE_H

#include <stdio.h>

#include "replay/sweep.h"

/*
 * The table of a sweep: one line for each cell and algorithm, comma separated,
 * units in the names of the columns. These four only write to @f.
 */
void rs_sweep_table_header(FILE *f, const struct rs_sweep_opts *opts);
void rs_sweep_table_rows(FILE *f, const struct rs_sweep_opts *opts, const struct rs_sweep_cell *c);
/* @rows, as the above makes them and a journal keeps them, with how all of them were made. */
void rs_sweep_table_put(FILE *f, const struct rs_sweep_opts *opts, const char *rows);
/*
 * The same as JSON, schema "retryscope-sweep/2": the columns' names once, then
 * the rows. @rows is the text of all rows, put. 0 or negative errno.
 */
int rs_sweep_table_json(FILE *f, const char *header, const char *rows, const char *command);

#endif
