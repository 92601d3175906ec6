/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_TEAM_H
#define RS_REPLAY_TEAM_H

#include "replay/replay.h"

/*
 * Open-loop replay on several threads: engines that share out the VMs and the
 * algorithms among them and all see the whole stream, each at its own pace, a
 * few batches behind the one that reads it. The result is that of one engine,
 * whatever the number of threads.
 *
 * The split is made when the first batch is full, by the VMs seen in it: a VM
 * of its own costs nothing twice, while engines for the same VM each keep its
 * memslots and its outstanding invalidations. From the first lost event on all
 * VMs of a stream are judged by the same engine, because how long such a VM is
 * not judged depends on the others.
 *
 * A stream of less than a batch, one thread, strict and an observer (which must
 * hear everything in order) are left to one engine.
 */
struct rs_team;

/*
 * As rs_replay_new(). @jobs: threads, of which the caller is one; 0: one per CPU.
 * @batch: events that are handed on at once; 0: as many as are good.
 */
struct rs_team *rs_team_new(const struct rs_replay_opts *opts, unsigned int jobs, size_t batch,
			    struct rs_error *err);
/* As rs_replay_feed(); the events are copied, and what is wrong may be said later. */
int rs_team_feed(struct rs_team *t, const struct rs_event *evs, size_t n, struct rs_error *err);
/* As rs_replay_finish(). */
struct rs_result *rs_team_finish(struct rs_team *t, struct rs_error *err);
void rs_team_free(struct rs_team *t);

#endif
