/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_BASE_CLEAN_H
#define RS_BASE_CLEAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Strings from files are foreign: names, releases, facts, keys, cells, paths. On its way
 * to a terminal, a mail, a table, a picture or a message each of them goes through here.
 * What would not stand there as a character of its own is replaced, one for one:
 *
 *  - '?' for controls (C0 with newline and tab, DEL, C1), for line and paragraph
 *    separators, and for what has no width or turns the text around (bidi embeddings,
 *    overrides, isolates and marks, joiners, byte order mark, variation selectors, tags),
 *    and for noncharacters;
 *  - U+FFFD for each malformed piece of UTF-8 (as Unicode's "maximal subpart");
 *  - in ASCII, '?' for all of these and for every other character outside of ASCII.
 */
enum rs_clean_to { RS_CLEAN_UTF8, RS_CLEAN_ASCII };

/* What rs_utf8_next() tells of bytes that are no UTF-8. */
#define RS_NOT_UTF8 UINT32_MAX

/*
 * The character at @text, which is not at its NUL, into *@c: its code point, or RS_NOT_UTF8.
 * Returns how many bytes it takes, at least 1, never beyond the NUL.
 */
size_t rs_utf8_next(const char *text, uint32_t *c);
/*
 * How many bytes at the begin of @text are ASCII that needs no second look: printable, neither
 * quotation mark nor backslash. They are most of what there is.
 */
size_t rs_plain_len(const char *text);
/* Whether @c, a code point or RS_NOT_UTF8, stands for itself in output. */
bool rs_is_printable(uint32_t c);
/* Whether rs_clean() to UTF-8 leaves @text as it is. */
bool rs_is_clean(const char *text);
/*
 * @text, cleaned, into @buf of @size bytes (at least 1), always terminated; of what does
 * not fit, whole characters are left out at the end. Returns @buf.
 */
char *rs_clean(char *buf, size_t size, const char *text, enum rs_clean_to to);
/* The same in new memory, for the caller to free; NULL with errno ENOMEM. */
char *rs_clean_dup(const char *text, enum rs_clean_to to);
/* The same, as UTF-8, to @f. */
void rs_clean_put(FILE *f, const char *text);
/* How many characters @text has once it is cleaned; each is taken to be one column wide. */
size_t rs_clean_columns(const char *text);

#endif
