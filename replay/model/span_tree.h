/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_MODEL_SPAN_TREE_H
#define RS_REPLAY_MODEL_SPAN_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "traces/guest/vm.h"

/*
 * A multiset of many half-open ranges, for replay/spans: every operation is
 * O(log n), whatever the ranges look like, and looks at few cache lines.
 */

/* What is known of the ranges' endpoints from the first one to the last one. */
struct rs_span_sum {
	uint64_t first, last;
	uint64_t least_length; /* how much of what is between is at least */
	int32_t sum;	       /* ranges that begin here less those that end here */
	int32_t least;	       /* coverage between, at its least; INT32_MAX: first = last */
};

/* Zeroed is empty. */
struct rs_span_tree {
	struct rs_span_node *nodes;
	uint32_t nr_nodes, max_nodes, free_node;
	uint32_t root, height; /* levels above the leaves; no root: 0 */
	struct rs_span_sum all;
};

/* @r is not empty. 0 or -ENOMEM. */
int rs_span_tree_add(struct rs_span_tree *t, const struct rs_range *r);
/* @r must be in the tree. */
void rs_span_tree_remove(struct rs_span_tree *t, const struct rs_range *r);
bool rs_span_tree_cover(const struct rs_span_tree *t, uint64_t point);
/* Of a tree that is not empty. */
struct rs_range rs_span_tree_hull(const struct rs_span_tree *t);
uint64_t rs_span_tree_length(const struct rs_span_tree *t);
/* Forgets all ranges; keeps the memory. */
void rs_span_tree_clear(struct rs_span_tree *t);
void rs_span_tree_free(struct rs_span_tree *t);

#endif
