/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_PLOT_PLOT_COLLECT_H
#define RS_ANALYSIS_PLOT_PLOT_COLLECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/plot/map.h"
#include "replay/replay.h"
#include "analysis/plot/series.h"

/*
 * Collects what plots over time need, of each VM, in two replays of one stream:
 * the first finds the VMs, their series, and which guest frames there are; the
 * second, by an engine whose first algorithm is "gfn", fills the maps. Memory
 * is bounded: of many VMs only those with the most checked faults are kept.
 */
#define RS_PLOT_MAX_VMS 8

struct rs_plot_vm {
	uint32_t vm;
	struct rs_series *series; /* NULL: not wanted, or nothing seen */
	struct rs_gfn_axis axis;
	uint64_t checked;
	struct rs_map *map; /* NULL: not wanted, no time, or no memslots */
};

struct rs_plot_collect;

struct rs_plot_collect_opts {
	bool series, map;
	bool one_vm;
	uint32_t vm;
};

/* NULL with errno. Free with rs_plot_collect_free(). */
struct rs_plot_collect *rs_plot_collect_new(const struct rs_plot_collect_opts *opts);
void rs_plot_collect_free(struct rs_plot_collect *c);
/* The observer of the first replay, and of the second. */
const struct rs_observer *rs_plot_collect_first(struct rs_plot_collect *c);
const struct rs_observer *rs_plot_collect_second(struct rs_plot_collect *c);
/* After each replay, with its result: 0, or -ENOMEM (also for what the observers lacked). */
int rs_plot_collect_first_done(struct rs_plot_collect *c, const struct rs_result *r);
int rs_plot_collect_second_done(struct rs_plot_collect *c, const struct rs_result *r);
/* NULL if nothing was collected of this VM. */
const struct rs_plot_vm *rs_plot_collect_vm(const struct rs_plot_collect *c, uint32_t vm);

#endif
