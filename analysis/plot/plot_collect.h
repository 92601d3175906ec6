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
 * Collects what plots over time need, of each VM, in replays of one stream: the first finds
 * the VMs, their series, and which guest frames there are; the second, by an engine whose
 * first algorithm is the map's, fills the maps and finds the worst epoch; a third like it
 * fills the maps of those epochs. Memory is bounded: of many VMs only those with the most
 * checked faults are kept.
 */
#define RS_PLOT_MAX_VMS 8

/*
 * A time in which something is in progress throughout. That is the worst of a VM in which most
 * faults are rejected needlessly by the range, or, if there are none, most is needlessly blocked.
 */
struct rs_plot_epoch {
	uint64_t begin_ns, end_ns;
	uint64_t needless;		 /* faults */
	unsigned __int128 needless_area; /* guest frames x ns */
};

struct rs_plot_vm {
	uint32_t vm;
	struct rs_series *series; /* NULL: not wanted, or nothing seen */
	struct rs_gfn_axis axis;
	uint64_t checked;
	struct rs_map *map; /* NULL: not wanted, no time, or no memslots */
	struct rs_plot_epoch worst;
	struct rs_map *zoom; /* of the worst epoch; NULL: there is none, or it is half of @map */
};

struct rs_plot_collect;

struct rs_plot_collect_opts {
	bool series, map, zoom; /* the latter only with @map */
	bool one_vm;
	uint32_t vm;
};

/* NULL with errno. Free with rs_plot_collect_free(). */
struct rs_plot_collect *rs_plot_collect_new(const struct rs_plot_collect_opts *opts);
void rs_plot_collect_free(struct rs_plot_collect *c);
/* The observers of the replays. That of the third may be asked for again, to begin it anew. */
const struct rs_observer *rs_plot_collect_first(struct rs_plot_collect *c);
const struct rs_observer *rs_plot_collect_second(struct rs_plot_collect *c);
const struct rs_observer *rs_plot_collect_third(struct rs_plot_collect *c);
/* After each replay, with its result: 0, or -ENOMEM (also for what the observers lacked). */
int rs_plot_collect_first_done(struct rs_plot_collect *c, const struct rs_result *r);
int rs_plot_collect_second_done(struct rs_plot_collect *c, const struct rs_result *r);
int rs_plot_collect_third_done(struct rs_plot_collect *c, const struct rs_result *r);
/*
 * After the second: whether a third has anything to do. It needs no more than the piece of the
 * stream from *@from_ns up to *@until_ns, with the faults that are decided in an epoch.
 */
bool rs_plot_collect_zooms(const struct rs_plot_collect *c, uint64_t *from_ns, uint64_t *until_ns);
/* NULL if nothing was collected of this VM. */
const struct rs_plot_vm *rs_plot_collect_vm(const struct rs_plot_collect *c, uint32_t vm);

#endif
