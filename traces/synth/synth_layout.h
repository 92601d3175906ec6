/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_SYNTH_SYNTH_LAYOUT_H
#define RS_TRACES_SYNTH_SYNTH_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "traces/synth/synth.h"

/*
 * The memory of a synthetic guest. Its host pages are numbered from 0: first its RAM, in one
 * piece of host addresses, then its video memory, in another. If a file tells the memory
 * there may be more pieces, by rising address.
 */
struct rs_synth_slot {
	uint64_t page; /* the first host page that it maps */
	uint64_t npages;
	uint64_t gfn;
};

/* Host pages that have one range of host addresses. */
struct rs_synth_piece {
	uint64_t page, npages;
	uint64_t hva; /* of the first */
};

struct rs_layout {
	uint64_t ram_pages, pages;     /* RAM; RAM and video memory */
	struct rs_synth_piece *pieces; /* by page, none between them */
	size_t nr_pieces;
	struct rs_synth_slot *slots;
	size_t nr_slots;
	size_t nr_primary; /* slots[0 .. nr_primary) are disjoint, by rising page; then aliases */
	/* Primary slots that continue each other in gfns too make one run. */
	struct rs_synth_slot *runs;
	size_t nr_runs;
};

/* @share (in millionths) of @whole, rounded down, but not to nothing. */
static inline uint64_t rs_synth_share(uint64_t whole, uint64_t share)
{
	uint64_t part = (uint64_t)((unsigned __int128)whole * share / 1000000);

	return part || !share || !whole ? part : 1;
}

/* 0, or -EINVAL or -ENOMEM with @err set. Undo with rs_layout_free(), also on failure. */
int rs_layout_init(struct rs_layout *l, const struct rs_synth_params *p, struct rs_error *err);
void rs_layout_free(struct rs_layout *l);
/*
 * The memory that the first VM in the trace or `info mtree -f` at @path has at its end, in
 * address space 0, for rs_layout_init(), which has zeroed @l. 0 or negative errno with @err set.
 */
int rs_layout_from_file(struct rs_layout *l, const char *path, struct rs_error *err);
/* Of @slots, sorted by page and disjoint, the first from @from on that ends behind @page; or @nr.
 */
static inline size_t rs_layout_find(const struct rs_synth_slot *slots, size_t from, size_t nr,
				    uint64_t page)
{
	while (from < nr) {
		size_t middle = from + (nr - from) / 2;

		if (slots[middle].page + slots[middle].npages > page)
			nr = middle;
		else
			from = middle + 1;
	}
	return from;
}

/* The host address of @page. */
uint64_t rs_layout_hva(const struct rs_layout *l, uint64_t page);
/* @page itself, or if no memslot maps it the next one that is mapped. */
uint64_t rs_layout_mapped(const struct rs_layout *l, uint64_t page);
/*
 * Where the piece of memory that @page is in ends: of host addresses, or (with
 * @by_gfn, for a mapped page) of guest frames.
 */
uint64_t rs_layout_piece_end(const struct rs_layout *l, uint64_t page, bool by_gfn);
/*
 * The guest frame of @page, which must be mapped: through the primary slot
 * (@way 0), or through the @way-th alias if that maps it.
 */
uint64_t rs_layout_gfn(const struct rs_layout *l, uint64_t page, uint64_t way);
/*
 * The first slot from number *@next on that maps some of the host pages
 * [@start, @end), and which of its frames: 0 and *@next is one past it, or -1.
 */
int rs_layout_hit(const struct rs_layout *l, uint64_t start, uint64_t end, size_t *next,
		  uint64_t *gfn_start, uint64_t *gfn_end);

#endif
