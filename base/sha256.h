/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_BASE_SHA256_H
#define RS_BASE_SHA256_H

#include <stdint.h>

#define RS_SHA256_TEXT 65 /* as hexadecimal digits, with the NUL */

/*
 * The SHA-256 of the file at @path, and its size. 0, or negative errno: -EINVAL if it is no
 * regular file, whose bytes could be read twice.
 */
int rs_sha256_file(const char *path, char text[RS_SHA256_TEXT], uint64_t *size);

#endif
