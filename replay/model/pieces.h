/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_MODEL_PIECES_H
#define RS_REPLAY_MODEL_PIECES_H

#include <stdbool.h>
#include <stdint.h>

#include "traces/guest/vm.h"

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
static inline size_t rs_pieces_size(uint32_t limit)
{
	return sizeof(struct rs_pieces) + ((size_t)limit + 1) * sizeof(struct rs_range);
}

/* An empty range is ignored. */
void rs_pieces_add(struct rs_pieces *p, uint32_t limit, uint64_t start, uint64_t end);
bool rs_pieces_have(const struct rs_pieces *p, uint64_t point);

#endif
