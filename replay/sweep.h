/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_SWEEP_H
#define RS_REPLAY_SWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replay/closed/closed.h"
#include "replay/result.h"
#include "base/error.h"
#include "traces/synth/synth.h"

/*
 * Replay over a grid: every combination of some parameters of a synthetic
 * trace is one cell, numbered with the last axis running fastest. A cell's
 * figures depend on the cell alone, so cells may be done in any order, by any
 * number of threads, or in several runs.
 */
struct rs_sweep_axis {
	const char *key; /* as of rs_synth_set() */
	const char *const *values;
	size_t nr;
};

struct rs_sweep_opts {
	struct rs_synth_params base; /* what no axis sets */
	const struct rs_sweep_axis *axes;
	size_t nr_axes;
	const char *algos; /* as in struct rs_replay_opts */
	bool closed;	   /* simulate the closed loop as well, with: */
	enum rs_precheck precheck;
	bool think;
	uint64_t retry_gap_ns;
};

/* The number of cells; 0 if it does not fit in 64 bits or an axis is empty. */
uint64_t rs_sweep_cells(const struct rs_sweep_opts *opts);
/* Which value axis @axis has in @cell. */
const char *rs_sweep_value(const struct rs_sweep_opts *opts, uint64_t cell, size_t axis);
/* The parameters of @cell. 0 or -EINVAL with @err set: a value that its key does not take. */
int rs_sweep_params(const struct rs_sweep_opts *opts, uint64_t cell, struct rs_synth_params *p,
		    struct rs_error *err);

/* The figures of one cell, over all its VMs; the callback must not keep them. */
struct rs_sweep_cell {
	uint64_t cell;
	uint64_t events, anomalies;
	size_t nr_algos;
	const struct rs_vm_result *sum;
};

struct rs_sweep_hooks {
	void *arg;
	/* Whether @cell is to be left out (it is there already); may be NULL. Any thread. */
	bool (*skip)(void *arg, uint64_t cell);
	/* One at a time. 0, or negative errno with @err set, which ends the sweep. */
	int (*done)(void *arg, const struct rs_sweep_cell *c, struct rs_error *err);
	/* Nonzero ends the sweep with RS_ERR_INTR; may be NULL. Any thread. */
	int (*stop)(void *arg);
};

/*
 * Whether each cell's parameters fit together, of @hooks only stop() being asked: then all
 * that rs_sweep_run() begins can be finished. 0 or negative errno with @err set, which names
 * the first cell that cannot be.
 */
int rs_sweep_check(const struct rs_sweep_opts *opts, const struct rs_sweep_hooks *hooks,
		   struct rs_error *err);

/* Does all cells with @jobs threads (0: one per CPU). 0 or negative errno with @err set. */
int rs_sweep_run(const struct rs_sweep_opts *opts, unsigned int jobs,
		 const struct rs_sweep_hooks *hooks, struct rs_error *err);

#endif
