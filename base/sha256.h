/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_BASE_SHA256_H
#define RS_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

/* SHA-256 (FIPS 180-4) of bytes that come in pieces. */
struct rs_sha256 {
	uint32_t state[8];
	uint64_t length;
	unsigned char block[64];
};

#define RS_SHA256_TEXT 65 /* as hexadecimal digits, with the NUL */

/* Of no bytes so far. */
void rs_sha256_init(struct rs_sha256 *s);
/* Takes the next @size bytes. */
void rs_sha256_add(struct rs_sha256 *s, const void *data, size_t size);
/* Of all bytes so far; @s is of no use then. */
void rs_sha256_end(struct rs_sha256 *s, char text[RS_SHA256_TEXT]);
/*
 * Of the file at @path, and its size. 0, or negative errno: -EINVAL if it is no regular file,
 * whose bytes could be read twice.
 */
int rs_sha256_file(const char *path, char text[RS_SHA256_TEXT], uint64_t *size);

#endif
