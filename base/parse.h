/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_BASE_PARSE_H
#define RS_BASE_PARSE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Numbers as users write them. Each takes the whole of @text, decimal or 0x
 * hexadecimal, without sign or blanks, and returns 0, or -EINVAL if it is none
 * or does not fit; then the value is unchanged.
 */

/* "250" or "250ns", "3us", "10ms", "1s", "1.5s", "5m", "2h": a whole number of ns. */
int rs_parse_time(const char *text, uint64_t *ns);
/* "4096", "64K", "10M", "1.5G", "1T": powers of 1024; a whole number of bytes. */
int rs_parse_size(const char *text, uint64_t *bytes);
/* "250", "0xfa" */
int rs_parse_u64(const char *text, uint64_t *value);
/*
 * A decimal fraction in units of 1 / 10^@digits: "1.5" with 3 digits is 1500.
 * More digits behind the point than that are an error. No 0x.
 */
int rs_parse_fixed(const char *text, unsigned int digits, uint64_t *value);

/* Whether @name is one of @list, names separated by commas. */
bool rs_list_has(const char *list, const char *name);

#endif
