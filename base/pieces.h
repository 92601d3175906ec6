/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_BASE_PIECES_H
#define RS_BASE_PIECES_H

#include "base/range.h"

/*
 * At most so many ranges, kept apart and in order: one that overlaps or touches
 * others merges with them; one too many makes the two closest merge (of equal
 * gaps the lowest), so that what was added stays covered.
 */
struct rs_pieces {
	uint32_t nr;
	struct rs_range v[]; /* room for one more than the limit */
};

/* The bytes of one with this limit. */
#define RS_PIECES_SIZE(limit) \
	(sizeof(struct rs_pieces) + ((size_t)(limit) + 1) * sizeof(struct rs_range))

static inline size_t rs_pieces_size(uint32_t limit)
{
	return RS_PIECES_SIZE(limit);
}

/* An empty range is ignored. */
void rs_pieces_add(struct rs_pieces *p, uint32_t limit, uint64_t start, uint64_t end);
bool rs_pieces_have(const struct rs_pieces *p, uint64_t point);

#endif
