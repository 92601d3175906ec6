/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_WRITE_JSON_EXACT_H
#define RS_ANALYSIS_WRITE_JSON_EXACT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

/*
 * Exact numbers in JSON. The library knows integers of 64 bits with a sign;
 * integrals over time need 128, and JSON itself has no limit. A number that the
 * library cannot hold is a string with a mark that no other string has (see
 * rs_json_text), which loses mark and quotes on the way out, and gets them on
 * the way in.
 *
 * The constructors return a new reference, NULL without memory.
 */

/* Of any size, exactly. */
json_t *rs_json_u64(uint64_t v);
json_t *rs_json_u128(unsigned __int128 v);
/* @v / 1000 as a decimal number, without trailing zeros: "1.25", "3.0". */
json_t *rs_json_thousandths(unsigned __int128 v);
/* null if @v is no finite number. */
json_t *rs_json_number(double v);
/*
 * null if @text is NULL. What is not UTF-8, and control characters, become
 * U+FFFD: paths and command names may hold anything.
 */
json_t *rs_json_text(const char *text);
/* @text, which must be JSON without strings, as it is. */
json_t *rs_json_raw(const char *text);

/* Writes @root indented, with a newline at the end. 0, -ENOMEM, or -EIO if @f has failed. */
int rs_json_write(FILE *f, const json_t *root);

/* Reads one JSON document from @f to its end. NULL with errno and @err (line, column) set. */
json_t *rs_json_read(FILE *f, struct rs_error *err);
/* false: @v is no such number (not negative, an integer; for thousandths at most three decimals).
 */
bool rs_json_get_u64(const json_t *v, uint64_t *to);
bool rs_json_get_u128(const json_t *v, unsigned __int128 *to);
bool rs_json_get_thousandths(const json_t *v, unsigned __int128 *to);
bool rs_json_get_number(const json_t *v, double *to);

#endif
