/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_PLOT_MAP_H
#define RS_ANALYSIS_PLOT_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "analysis/plot/gfn_axis.h"
#include "replay/replay.h"

/*
 * A picture of one VM as a grid: time in columns, guest frames (folded) in rows.
 * Each cell sums up all that happens in it, so the memory does not depend on the
 * trace and nothing is left out. All sums are exact.
 */
#define RS_MAP_COLS 600
#define RS_MAP_ROWS 320

enum rs_map_layer {
	RS_MAP_BACKED,	/* frames in memslots */
	RS_MAP_RANGE,	/* frames in an algorithm's range (in a memslot at some time) */
	RS_MAP_COVERED, /* frames that are really being invalidated */
	RS_MAP_NR_LAYERS,
};

enum rs_map_fault {
	RS_MAP_ACCEPTED,
	RS_MAP_NECESSARY,
	RS_MAP_SPURIOUS,     /* rejected by range, needlessly */
	RS_MAP_SPURIOUS_SEQ, /* rejected by the sequence count alone */
	RS_MAP_MISSED,
	RS_MAP_NR_FAULTS,
};

struct rs_map;

/*
 * A map of [@begin_ns, @end_ns), which must not be empty, over @axis, which must
 * be laid out, have rows, and outlive the map. NULL with errno. Free with
 * rs_map_free().
 */
struct rs_map *rs_map_new(const struct rs_gfn_axis *axis, uint64_t begin_ns, uint64_t end_ns,
			  uint32_t max_cols);
void rs_map_free(struct rs_map *map);
/* As rs_map_new() made it. */
void rs_map_clear(struct rs_map *map);
/* What the engine's observer gets; 0 or -ENOMEM. */
int rs_map_view(struct rs_map *map, const struct rs_view *view);
/* A fault as algorithm number @algo judged it. */
void rs_map_judged(struct rs_map *map, const struct rs_judged *fault, size_t algo);
/* The last view lasted until @end_ns. Before this there are no sums to read, after it no more
 * views. */
void rs_map_finish(struct rs_map *map, uint64_t end_ns);

/* The axis given to rs_map_new(), and how many columns there are. */
const struct rs_gfn_axis *rs_map_axis(const struct rs_map *map);
uint32_t rs_map_nr_cols(const struct rs_map *map);
/* When column @col begins; that of nr_cols is the map's end. */
uint64_t rs_map_col_ns(const struct rs_map *map, uint32_t col);
/* Frames x ns of a layer in a cell, and its share of the cell (0..1). */
unsigned __int128 rs_map_page_ns(const struct rs_map *map, enum rs_map_layer layer, uint32_t col,
				 uint32_t row);
double rs_map_share(const struct rs_map *map, enum rs_map_layer layer, uint32_t col, uint32_t row);
uint64_t rs_map_faults(const struct rs_map *map, enum rs_map_fault kind, uint32_t col,
		       uint32_t row);

#endif
