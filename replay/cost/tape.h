/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_COST_TAPE_H
#define RS_REPLAY_COST_TAPE_H

#include <stddef.h>
#include <stdint.h>

#include "replay/cost/cost.h"
#include "replay/replay.h"

/*
 * The operations of a real trace, in its order, with what was really in progress
 * meanwhile: begin, slot, end and check as algorithms are shown them. They can
 * be played through any algorithm again and again, without the work of replay
 * around them. Memory grows with the trace.
 */
struct rs_tape;

/*
 * The same events are judged in open loop by the algorithms @algos, as in struct
 * rs_replay_opts. NULL with errno and @err set.
 */
struct rs_tape *rs_tape_new(const char *algos, struct rs_error *err);
void rs_tape_free(struct rs_tape *t);
/* The events of the trace, in pieces of any size. 0, or negative errno with @err set. */
int rs_tape_feed(struct rs_tape *t, const struct rs_event *evs, size_t n, struct rs_error *err);
/* After the last: what @algos decided. The caller frees it. NULL with errno and @err set. */
struct rs_result *rs_tape_finish(struct rs_tape *t, struct rs_error *err);

/* How many of each: begins that hit, slots of walks, their ends, checks that were judged. */
void rs_tape_mix(const struct rs_tape *t, uint64_t ops[RS_NR_COST_OPS]);

struct rs_tape_run {
	double ns;	     /* of all operations, less what the loop around them takes */
	double instructions; /* likewise; NAN without a counter */
	uint64_t rejected;   /* checks */
};

/* Plays it a few times, in batches whose least time counts. @counter may be NULL. 0 or -ENOMEM. */
int rs_tape_play(const struct rs_tape *t, const struct rs_algo_spec *spec,
		 const struct rs_tick_rate *rate, const struct rs_counter *counter,
		 struct rs_tape_run *run);
/* The most bytes of state that any VM needs at once. 0 or -ENOMEM. */
int rs_tape_peak_bytes(const struct rs_tape *t, const struct rs_algo_spec *spec, size_t *bytes);
/* Plays it @times times, through replay/cost/priced.h, and nothing else. 0 or -ENOMEM. */
int rs_tape_repeat(const struct rs_tape *t, const struct rs_algo_spec *spec, uint64_t times);

#endif
