/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_MODEL_SPANS_H
#define RS_REPLAY_MODEL_SPANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replay/model/span_tree.h"
#include "traces/guest/vm.h"

/*
 * A multiset of half-open ranges: how many cover a point, their hull, and the
 * length of their union. A handful, the usual case, is an array in the order of
 * their starts; from RS_SPANS_SMALL on it is a tree, so that every operation is
 * O(log n) whatever the ranges look like.
 */
#define RS_SPANS_SMALL 64

struct rs_spans {
	uint32_t nr; /* ranges in all */
	bool many;   /* they are in the tree, few[] is not used */
	struct rs_range few[RS_SPANS_SMALL];
	struct rs_span_tree tree;
};

/* Empty ranges (start >= end) are ignored by both. 0 or -ENOMEM. */
int rs_spans_add(struct rs_spans *s, uint64_t start, uint64_t end);
/* The range must be in the set. */
void rs_spans_remove(struct rs_spans *s, uint64_t start, uint64_t end);
bool rs_spans_cover(const struct rs_spans *s, uint64_t point);
/* The smallest range that covers all; empty (0, 0) if there are none. */
struct rs_range rs_spans_hull(const struct rs_spans *s);
uint64_t rs_spans_length(const struct rs_spans *s);
/* Forgets all ranges; keeps the memory. */
void rs_spans_clear(struct rs_spans *s);
void rs_spans_free(struct rs_spans *s);

#endif
