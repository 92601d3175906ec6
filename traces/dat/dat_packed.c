// SPDX-License-Identifier: GPL-2.0-only
#include "traces/dat/dat_packed.h"

#include <errno.h>

#include <zlib.h>
#include <zstd_errors.h>

static int unpack_zstd(ZSTD_DCtx *zstd, void *to, size_t plain, const void *from, size_t packed)
{
	const size_t got = zstd ? ZSTD_decompressDCtx(zstd, to, plain, from, packed)
				: ZSTD_decompress(to, plain, from, packed);

	return got == plain						? 0
	       : ZSTD_getErrorCode(got) == ZSTD_error_memory_allocation ? -ENOMEM
									: -EINVAL;
}

static int unpack_zlib(void *to, size_t plain, const void *from, size_t packed)
{
	uLongf got = plain;
	uLong taken = packed;
	const int ret = uncompress2(to, &got, from, &taken);

	return ret == Z_OK && got == plain && taken == packed ? 0
	       : ret == Z_MEM_ERROR			      ? -ENOMEM
							      : -EINVAL;
}

int rs_dat_unpack(enum rs_dat_packing by, ZSTD_DCtx *zstd, void *to, size_t plain, const void *from,
		  size_t packed)
{
	if (by == RS_DAT_ZLIB)
		return unpack_zlib(to, plain, from, packed);
	return unpack_zstd(zstd, to, plain, from, packed);
}
