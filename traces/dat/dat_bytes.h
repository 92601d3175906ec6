/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_DAT_DAT_BYTES_H
#define RS_TRACES_DAT_DAT_BYTES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* A number of 1, 2, 4 or 8 bytes at @p; swapped if the file's order is not this machine's. */
static inline uint64_t rs_dat_uint(const void *p, unsigned int bytes, bool swap)
{
	uint64_t v8;
	uint32_t v4;
	uint16_t v2;

	switch (bytes) {
	case 1:
		return *(const unsigned char *)p;
	case 2:
		memcpy(&v2, p, 2);
		return swap ? __builtin_bswap16(v2) : v2;
	case 4:
		memcpy(&v4, p, 4);
		return swap ? __builtin_bswap32(v4) : v4;
	case 8:
		memcpy(&v8, p, 8);
		return swap ? __builtin_bswap64(v8) : v8;
	default:
		return 0;
	}
}

/* Of the word of a page's header that says how many bytes are in use; the rest are flags. */
#define RS_DAT_COMMIT_MASK ((1U << 27) - 1)

#endif
