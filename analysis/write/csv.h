/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_WRITE_CSV_H
#define RS_ANALYSIS_WRITE_CSV_H

#include <stdbool.h>
#include <stdio.h>

/*
 * Texts in CSV, fields as in RFC 4180. A spreadsheet runs a field that begins with = + - or
 * @ as a formula, whoever wrote it: such a text gets an apostrophe before it, unless it is
 * a number.
 */

/* @text, cleaned (base/clean.h), between quotes; NULL is an empty text. */
void rs_csv_text(FILE *f, const char *text);
/* A comma and @v to 12 digits; of NAN the comma alone. */
void rs_csv_number(FILE *f, double v);
/* What @text, a field as it stands in a table, was before rs_csv_text(); points into it. */
const char *rs_csv_undo(const char *text);
/* How the figures of a row were made. */
struct rs_csv_run {
	const char *version; /* of the tool */
	bool closed;
	/* Of the closed loop. */
	const char *arrivals; /* NULL: not known */
	bool precheck;
};

/* The names of the columns that say so, all of them, and of those that any loop has. */
#define RS_CSV_RUN RS_CSV_LOOP ",arrivals,precheck"
#define RS_CSV_LOOP "version,loop"

/* The values of RS_CSV_RUN, the last two of which are empty in open loop, and of RS_CSV_LOOP. */
void rs_csv_run(FILE *f, const struct rs_csv_run *run);
void rs_csv_loop(FILE *f, const struct rs_csv_run *run);
/* "no-hva" as "no_hva", part of a column's name: what reads columns by name quotes none. */
void rs_csv_name(FILE *f, const char *name);
/* Moves @f, which is at its begin, behind a byte order mark, if there is one. */
void rs_csv_skip_mark(FILE *f);

#endif
