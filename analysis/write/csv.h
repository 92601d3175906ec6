/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_WRITE_CSV_H
#define RS_ANALYSIS_WRITE_CSV_H

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
/* Moves @f, which is at its begin, behind a byte order mark, if there is one. */
void rs_csv_skip_mark(FILE *f);

#endif
