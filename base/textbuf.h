/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_BASE_TEXTBUF_H
#define RS_BASE_TEXTBUF_H

#include <stddef.h>
#include <stdio.h>

/*
 * A stream into memory, like open_memstream(), which tells nobody when there is
 * no memory for some of what is written. Here ferror() knows it from then on, and
 * fclose() fails. Once it is closed *@text is all that was written, for the caller
 * to free, with a NUL behind it that *@size does not count; NULL if fclose()
 * failed. Until then *@text is NULL. Returns NULL with errno ENOMEM.
 */
FILE *rs_textbuf_open(char **text, size_t *size);

#endif
