/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_TEAM_TEAM_H
#define RS_REPLAY_TEAM_TEAM_H

#include "replay/replay.h"

/*
 * Open-loop replay on several threads. The result is that of one engine, whatever
 * the number of threads. How the work is split is decided when the first batch is
 * full, by what was seen in it:
 *
 * - by VMs, if there are at least as many as threads: a VM of its own costs
 *   nothing twice;
 * - else over time, if there are moments at which nothing is pending (see
 *   replay/moment.h). The stream is cut there, once a batch or so, and the engines
 *   take the pieces in turn. Only the traced kernel's algorithm, if there is one,
 *   sees the whole stream as well, alone and for counts only: for the recorded
 *   state and the list of its disagreements. A stream that stops being idle is not
 *   cut any more from there on, and what remains is one engine's;
 * - else by VMs and algorithms: engines for the same VM each keep its memslots and
 *   its outstanding invalidations, which is the larger part of the work.
 *
 * From the first lost event on all VMs of a stream, and all that follows of it, are
 * judged by the same engine, because how long a VM is not judged then depends on
 * all that came before; what was split by algorithms stays so. Cutting also ends
 * with more than 256 VMs.
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
/*
 * As rs_replay_feed(), of events that are well-formed; they are copied, and what is
 * wrong may be said later.
 */
int rs_team_feed(struct rs_team *t, const struct rs_event *evs, size_t n, struct rs_error *err);
/* As rs_replay_finish(). */
struct rs_result *rs_team_finish(struct rs_team *t, struct rs_error *err);
/* How often the stream was cut so far: it does not change the result. */
uint64_t rs_team_cuts(const struct rs_team *t);
void rs_team_free(struct rs_team *t);

#endif
