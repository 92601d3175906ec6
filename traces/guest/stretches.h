/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_GUEST_STRETCHES_H
#define RS_TRACES_GUEST_STRETCHES_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The host pages, cut into stretches: for each stretch how many memslots map it,
 * and at how many different distances (gfn less host page). More than one
 * distance means that the host page has more than one gfn: an alias. Host pages
 * are host virtual addresses >> RS_PAGE_SHIFT.
 *
 * A treap by host page whose nodes know the sums of what is below them: each
 * call is O(log n), n stretches, however many memslots map the same pages.
 */
struct rs_stretches {
	struct rs_stretch *nodes; /* [0] stands for none */
	uint32_t nr, max;
	uint32_t root;
	uint32_t free; /* a list through left */
	uint32_t seed;
};

/* Zeroed is ready for use: one stretch of all host pages that nothing maps. */
void rs_stretches_free(struct rs_stretches *t);

/* From here on a stretch begins at @page. 0 or -ENOMEM. */
int rs_stretches_cut(struct rs_stretches *t, uint64_t page);

/* Undoes that, once the stretches before and after @page do not differ any more. */
void rs_stretches_join(struct rs_stretches *t, uint64_t page);

/* Adds to the counts of the host pages [start, end); at both was cut. */
void rs_stretches_add(struct rs_stretches *t, uint64_t start, uint64_t end, int memslots,
		      int distances);

/* The frames, all memslots' together, of host pages that have exactly one distance. */
uint64_t rs_stretches_unaliased(const struct rs_stretches *t);

#endif
