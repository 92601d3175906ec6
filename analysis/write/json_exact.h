/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_WRITE_JSON_EXACT_H
#define RS_ANALYSIS_WRITE_JSON_EXACT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

/*
 * Exact numbers in JSON, which has no limit for them, but whose readers mostly have a
 * double: an integer beyond 2^53, and a decimal of more than 15 digits, is written as a
 * string of its digits. As read, a number of more than 15 characters without an exponent
 * is such a string too, so that documents that have the digits without quotes, as older
 * schemas do, are read as exactly.
 *
 * The constructors return a new reference, NULL without memory.
 */
#define RS_JSON_MAX_INTEGER (1ULL << 53)

/* Of any size, exactly. */
json_t *rs_json_u64(uint64_t v);
json_t *rs_json_u128(unsigned __int128 v);
/* @v / 1000 as a decimal number, without trailing zeros: "1.25", "3.0". */
json_t *rs_json_thousandths(unsigned __int128 v);
/* To 12 digits; null if @v is no finite number. */
json_t *rs_json_number(double v);
/*
 * null if @text is NULL. What is not UTF-8 becomes U+FFFD: paths and command names may
 * hold anything.
 */
json_t *rs_json_text(const char *text);
/* @text as such a text has it, for the caller to free; NULL without memory. */
char *rs_json_utf8(const char *text);

/*
 * Writes @root indented, a list of lists on one line, with a newline at the end. In texts
 * and keys all that is not printable (base/clean.h) is escaped. 0, or -EIO if @f has failed.
 */
int rs_json_write(FILE *f, json_t *root);
/* Writes @v, one of many, on one line without a newline. */
void rs_json_put(FILE *f, json_t *v);
/* Writes @text as the text of a document; what of it is not UTF-8 becomes U+FFFD. */
void rs_json_put_text(FILE *f, const char *text);

/* Reads one JSON document from @f to its end. NULL with errno and @err (line, column) set. */
json_t *rs_json_read(FILE *f, struct rs_error *err);
/*
 * false: @v is no such number (not negative, an integer; for thousandths at most three
 * decimals; finite).
 */
bool rs_json_get_u64(const json_t *v, uint64_t *to);
bool rs_json_get_u128(const json_t *v, unsigned __int128 *to);
bool rs_json_get_thousandths(const json_t *v, unsigned __int128 *to);
bool rs_json_get_number(const json_t *v, double *to);

#endif
