/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_PLOT_GFN_AXIS_H
#define RS_ANALYSIS_PLOT_GFN_AXIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * An axis of guest frames with the gaps between memslots folded away. A frame's
 * *position* is the number of frames of the axis below it. Positions are drawn
 * in rows: with few blocks each has rows of its own and a small one more than
 * its share, so that it can be seen; with many, rows are equally large and a row
 * can hold several blocks.
 */
struct rs_gfn_block {
	uint64_t start, end; /* gfns */
	uint64_t pos;	     /* of start */
};

/* Rows that share a scale: [pos, end_pos) is drawn as rows [row, row + rows). */
struct rs_gfn_band {
	uint64_t pos, end_pos;
	uint32_t row, rows;
};

#define RS_GFN_AXIS_MAX_BANDS 16

struct rs_gfn_axis {
	struct rs_gfn_block *blocks; /* sorted, disjoint, not touching */
	size_t nr_blocks;
	size_t nr_added; /* behind the blocks, not merged in yet */
	size_t allocated;
	uint64_t frames;
	struct rs_gfn_band bands[RS_GFN_AXIS_MAX_BANDS];
	size_t nr_bands;
	uint32_t nr_rows;
	bool enlarged; /* some block has more rows than its share */
};

/* The axis shows [@start, @end) too; may overlap what is there. 0 or -ENOMEM. */
int rs_gfn_axis_add(struct rs_gfn_axis *axis, uint64_t start, uint64_t end);
/*
 * Ends the adding and divides the axis into at most @max_rows (at least
 * RS_GFN_AXIS_MAX_BANDS) rows. What is below is valid only after that.
 */
void rs_gfn_axis_lay_out(struct rs_gfn_axis *axis, uint32_t max_rows);
/* Frees what is inside. */
void rs_gfn_axis_free(struct rs_gfn_axis *axis);

/* Is @gfn on the axis? */
bool rs_gfn_axis_has(const struct rs_gfn_axis *axis, uint64_t gfn);
/* How many frames of the axis are below @gfn, which may be in a gap. */
uint64_t rs_gfn_axis_pos(const struct rs_gfn_axis *axis, uint64_t gfn);
/* The frame at @pos < frames. */
uint64_t rs_gfn_axis_gfn(const struct rs_gfn_axis *axis, uint64_t pos);
/* The row that shows @pos < frames. */
uint32_t rs_gfn_axis_row(const struct rs_gfn_axis *axis, uint64_t pos);
/* The first position of @row; of row nr_rows: the number of frames. */
uint64_t rs_gfn_axis_row_pos(const struct rs_gfn_axis *axis, uint32_t row);

#endif
