/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_WRITE_UNITS_H
#define RS_ANALYSIS_WRITE_UNITS_H

#include <stddef.h>
#include <stdint.h>

/* @v without its decimals; the nearest there is if it is beyond 64 bits, 0 if it is NAN. */
uint64_t rs_clamp_u64(double v);

/* Each writes into @buf of @size bytes, always terminated, and returns @buf. */

/* 128 bit decimal. */
char *rs_format_u128(unsigned __int128 v, char *buf, size_t size);
/* "1,234,567" */
char *rs_format_count(uint64_t v, char *buf, size_t size);
/* A round number, for the ticks of an axis: "250", "10k", "1M". */
char *rs_format_tick(double v, char *buf, size_t size);
/* "12.3 us", three significant digits, ns .. s; of whole ns what is half way is rounded up. */
char *rs_format_time(double ns, char *buf, size_t size);

#endif
