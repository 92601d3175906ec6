/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_CLOSED_CLOSED_H
#define RS_REPLAY_CLOSED_CLOSED_H

#include "replay/replay.h"

/*
 * Closed loop: the retries that the traced kernel's own algorithm caused are
 * folded back into logical faults, and each algorithm is then simulated for
 * itself against the recorded invalidations. docs/model.md section 6 is the
 * definition; what it leaves open is decided so:
 *
 * - decided before its lookup is a lockless check at the very time of its begin;
 * - with the pre-check on and nothing recorded that was decided so, such a
 *   decision takes no time;
 * - a recorded begin that would lie before the decision of the attempt before it
 *   is moved to that decision;
 * - a memslot that was replaced since the attempt began is gone;
 * - a rejected fault whose next attempt would begin after the stream's last
 *   event is starved and ends at that event (or at its decision, if later);
 * - a fault that is starved is not as recorded;
 * - stall is never less than 0;
 * - the pre-check is on as traced for all VMs if any of them has lockless checks;
 * - lost events end every chain of their VM, and what they leave unknown of its
 *   invalidations is as if it had never been.
 *
 * What was recorded is stored while the open loop goes on (base/spool.h), because an
 * algorithm may come to a fault sooner or later than the traced kernel did, by any time, and
 * medians of the whole are needed first. Then all algorithms go through it together, so that
 * an invalidation is worked out once for all of them.
 */
enum rs_precheck { RS_PRECHECK_TRACED, RS_PRECHECK_ON, RS_PRECHECK_OFF };

/*
 * Whose doing some of the stall of a simulated fault is: docs/model.md, Blame. What is told of
 * an algorithm, with one kind of arrivals, adds up to its retries and to its stall.
 */
struct rs_stalled {
	size_t algo; /* in the list */
	uint64_t gfn;
	uint32_t vm, vcpu, slot; /* slot: its memslot's id */
	uint8_t as;
	bool asked, other;	      /* with the arrivals asked for; with the other ones */
	uint8_t verdict;	      /* as struct rs_judged has it; 0: no rejection explains it */
	const struct rs_blame *blame; /* of a rejection, else NULL */
	uint64_t retries, stall_ns;
};

struct rs_closed_opts {
	const char *algos;	 /* as in struct rs_replay_opts: the same list */
	const char *kernel_algo; /* the traced kernel's, for the check; may be NULL */
	enum rs_precheck precheck;
	bool think; /* arrivals: keep the time between done and next */
	/* The other arrivals as well, for struct rs_algo_result, other. */
	bool both;
	uint64_t retry_gap_ns; /* 0: the recorded median */
	unsigned int jobs;     /* threads; 0: one per CPU. Changes no figure */
	/* Called by rs_closed_finish(), which then goes through all on one thread; or NULL. */
	void (*stalled)(void *arg, const struct rs_stalled *s);
	void *arg;
	size_t keep; /* bytes of what was recorded that stay in memory; 0: as many as are good */
};

struct rs_closed;

/* NULL with errno and @err set. */
struct rs_closed *rs_closed_new(const struct rs_closed_opts *opts, struct rs_error *err);
/* What an open-loop replay of the same list must be given: it collects the faults. */
const struct rs_observer *rs_closed_observer(struct rs_closed *c);
/*
 * Simulates, and adds the closed-loop figures to @res, which that replay's
 * rs_replay_finish() returned. 0 or negative errno with @err set.
 */
int rs_closed_finish(struct rs_closed *c, struct rs_result *res, struct rs_error *err);
void rs_closed_free(struct rs_closed *c);

#endif
