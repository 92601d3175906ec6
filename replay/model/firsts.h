/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_MODEL_FIRSTS_H
#define RS_REPLAY_MODEL_FIRSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/range.h"
#include "base/table.h"

/*
 * Numbered ranges in some sets: which of those in a set that have a point has the lowest
 * number, in O(log n) however the ranges lie.
 *
 * A range is cut into blocks that are a power of two long and begin at a multiple of that:
 * at most 126, of a few pages one or two. A block has a heap of the numbers of all ranges
 * that have it, so that a point is asked for in the block of each length in use. What is
 * no longer there is only taken out when it comes to the top of a heap.
 */
#define RS_FIRSTS_SETS 32

struct rs_firsts_block;
struct rs_firsts_member;

/* All zero is empty. */
struct rs_firsts {
	struct rs_hash by_place; /* of @blocks */
	struct rs_firsts_block *blocks;
	size_t nr_blocks, max_blocks;
	struct rs_firsts_member *members;
	size_t nr_members, max_members;
	uint64_t lengths[RS_FIRSTS_SETS]; /* bit n: a block of that set has the length 2^n */
};

/*
 * Adds to @set, which is below RS_FIRSTS_SETS, that @number has @r; @tag goes with it. An
 * empty range is ignored. Returns how many blocks that are, or -ENOMEM.
 */
int rs_firsts_add(struct rs_firsts *f, unsigned int set, struct rs_range r, uint64_t number,
		  uint32_t tag);
/*
 * The lowest number in @set whose range has @point, and its @tag; 0: none has. Of what
 * @gone(@arg, number, tag) is true for nothing is found, then or later.
 */
uint64_t rs_firsts_find(struct rs_firsts *f, unsigned int set, uint64_t point,
			bool (*gone)(const void *arg, uint64_t number, uint32_t tag),
			const void *arg, uint32_t *tag);
/* Its memory. */
size_t rs_firsts_bytes(const struct rs_firsts *f);
/* Forgets all; the memory is kept. */
void rs_firsts_clear(struct rs_firsts *f);
void rs_firsts_free(struct rs_firsts *f);

#endif
