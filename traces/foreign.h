/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_FOREIGN_H
#define RS_TRACES_FOREIGN_H

#include <stddef.h>

/*
 * Of an input that is no trace: what it is by its first bytes, and what makes one of it;
 * NULL if that is not known.
 */
const char *rs_foreign_what(const unsigned char *head, size_t len);

#endif
