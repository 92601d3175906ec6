/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_BASE_RANGE_H
#define RS_BASE_RANGE_H

/* A kernel's module is compiled with this as well (replay/bounded.h). */
#ifdef __KERNEL__
#include <linux/limits.h>
#include <linux/string.h>
#include <linux/types.h>
#ifndef UINT64_MAX
#define UINT64_MAX U64_MAX
#endif
#else
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#endif

/* Half open; of gfns or of hvas as the context says. */
struct rs_range {
	uint64_t start, end;
};

static inline bool rs_range_has(const struct rs_range *r, uint64_t x)
{
	return x >= r->start && x < r->end;
}

/* Widens @r (empty: start >= end) to cover [start, end). */
static inline void rs_range_widen(struct rs_range *r, uint64_t start, uint64_t end)
{
	if (r->start >= r->end) {
		r->start = start;
		r->end = end;
		return;
	}
	if (start < r->start)
		r->start = start;
	if (end > r->end)
		r->end = end;
}

#endif
