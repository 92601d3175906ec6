/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_CLI_WATCH_H
#define RS_CLI_WATCH_H

#include "cli/input.h"
#include "replay/replay.h"

/*
 * What verbs have in common that look at the faults of a trace, or of a piece of it, while it
 * is replayed in the open loop.
 */
struct rs_watch {
	struct rs_input input;
	const char *algos; /* as given; NULL: the traced kernel's, else gfn */
	void *arg;
	/*
	 * Before the first events, once it is known which algorithms are replayed, @opts->algos:
	 * sets its flags and who looks on. 0 or negative errno with @err set.
	 */
	int (*start)(void *arg, const struct rs_trace_meta *meta, struct rs_replay_opts *opts,
		     struct rs_error *err);
	/* Instead of rs_replay_feed(), or NULL. 0 or negative errno with @err set. */
	int (*feed)(void *arg, struct rs_replay *engine, const struct rs_event *evs, size_t n,
		    struct rs_error *err);
	/* What the replay has found, once all is seen; or NULL. 0 or negative errno with @err set.
	 */
	int (*finish)(void *arg, struct rs_result *r, struct rs_error *err);
	struct rs_replay *engine; /* of rs_watch_run() */
};

/*
 * Reads and replays; the observer has seen all when it returns. The reader, for its metadata
 * and rs_reader_close(); NULL with @err set.
 */
struct rs_reader *rs_watch_run(struct rs_watch *w, struct rs_error *err);

#endif
