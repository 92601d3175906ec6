/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_TIMELINE_TIMELINE_H
#define RS_ANALYSIS_TIMELINE_TIMELINE_H

#include <stdio.h>

#include "replay/replay.h"
#include "traces/trace.h"

/*
 * A replay as a timeline, in the Trace Event Format (JSON), for viewers of traces: docs/timeline.md
 * says what is in it. It is written as the replay goes on; memory is that of what is in progress,
 * of the VMs, vCPUs and tasks.
 */
struct rs_timeline;

/*
 * To @f, for a replay with the algorithms @algos (as in struct rs_replay_opts), RS_REPLAY_ALL and
 * BLAME. @meta is the reader's: whom events name is looked up in it. NULL with errno and @err set.
 */
struct rs_timeline *rs_timeline_new(const char *algos, const struct rs_trace_meta *meta, FILE *f,
				    struct rs_error *err);
/* What that replay must be given; as long as @t lives. */
const struct rs_observer *rs_timeline_observer(struct rs_timeline *t);
/*
 * As rs_replay_feed(), to @r, and writes what comes of these events to @f, which is good until
 * the next call, or the end of the replay. 0 or negative errno with @err set.
 */
int rs_timeline_feed(struct rs_timeline *t, struct rs_replay *r, const struct rs_event *evs,
		     size_t n, FILE *f, struct rs_error *err);
/*
 * The stream has ended, and the replay was finished: writes what was still going on, and the end.
 * 0 or -ENOMEM with @err set.
 */
int rs_timeline_finish(struct rs_timeline *t, const char *version, FILE *f, struct rs_error *err);
void rs_timeline_free(struct rs_timeline *t);

#endif
