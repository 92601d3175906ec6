/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_DAT_DAT_PACKED_H
#define RS_TRACES_DAT_DAT_PACKED_H

#include <stddef.h>

#include <zstd.h>

/* What sections and pages of a trace.dat are compressed by, if they are. */
enum rs_dat_packing { RS_DAT_NOT_PACKED, RS_DAT_ZSTD, RS_DAT_ZLIB };

/*
 * Unpacks the @packed bytes at @from to @to, which must become @plain bytes. @zstd may be
 * NULL. 0, -ENOMEM, or -EINVAL if they are something else.
 */
int rs_dat_unpack(enum rs_dat_packing by, ZSTD_DCtx *zstd, void *to, size_t plain, const void *from,
		  size_t packed);

#endif
