/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_CLOSED_CLOSED_SIM_H
#define RS_REPLAY_CLOSED_CLOSED_SIM_H

/*
 * One simulation: some algorithms in one VM, with one kind of arrivals or both. They share the
 * invalidations, which come at their recorded times for all of them, and each vCPU's faults for
 * as long as they do the same with them: a runner is a vCPU for a set of casts (an algorithm
 * with its arrivals), is split where they disagree, and two of them are joined where nothing
 * tells them apart any more.
 */
#include "replay/calls.h"
#include "replay/closed/closed_sums.h"
#include "replay/closed/closed_tape.h"
#include "replay/model/model.h"

enum phase { PHASE_DECIDES, PHASE_BEGINS };

struct runner {
	enum phase phase;
	uint64_t at_ns;	     /* when it decides or begins */
	uint64_t set;	     /* of casts */
	uint32_t vcpu;	     /* by its place */
	struct runner *twin; /* of the same vCPU, or NULL; or the next unused one */
	struct set_sum *sum; /* of its set, or of one that it had */

	/* The fault that it is at. */
	uint64_t fault; /* counts those of the vCPU */
	uint64_t gfn;
	uint8_t as;
	uint64_t start_ns; /* when it began, */
	uint64_t shift_ns; /* which is so much later than recorded (modulo 2^64) */
	uint64_t retries;

	struct attempt recorded; /* of its recorded attempts number @attempt */
	uint64_t attempt;
	bool beyond; /* it was attempted more often than recorded: @recorded is the last */
	struct rs_stream_reader reader; /* behind that */

	/* The present attempt, as long as it is not decided. */
	struct rs_fault f;
	uint32_t place;	      /* among the open ones */
	bool rejected;	      /* decided already at its begin */
	uint64_t snapshots[]; /* one per algorithm */
};

/* A vCPU, and when one of its runners acts next. */
struct turn {
	uint64_t at_ns;
	uint32_t vcpu;
};

struct sim {
	const struct rs_closed *c;
	const struct vm *vm;
	struct plan plan;
	uint64_t end_ns;
	uint64_t last_ns; /* who acts up to then acts before the next recorded event */
	bool is_quiet;	  /* nothing is in progress */
	struct rs_vm *memslots;
	struct rs_invals *invals;
	struct rs_limits *limits;
	struct rs_algo *algos;
	size_t nr_algos;
	struct rs_calls calls;
	size_t nr_casts;
	uint8_t algo_of[MAX_CASTS]; /* of each cast, */
	uint64_t who[MAX_CASTS];    /* and those that each algorithm is of */
	uint64_t thinkers;	    /* casts that keep the time between done and next */
	struct sums sums;
	struct telling *telling; /* NULL: nobody asks whose doing the stall is */
	struct runner **runners; /* of each vCPU */
	struct runner *unused;
	size_t nr_runners; /* used and unused */
	struct turn *heap; /* of vCPUs with runners, the next to act first */
	size_t nr_heap;
	struct runner **open; /* those whose attempt is not decided */
	size_t nr_open, max_open;
	int failed; /* 0 or negative errno */
};

/* All vCPUs' first faults arrive, for all casts. */
void runners_start(struct sim *s);
void runners_free(struct sim *s);
/* They act up to @last_ns, behind which comes a recorded event; UINT64_MAX: there is none. */
void runners_run(struct sim *s, uint64_t last_ns);
/* The same before an event at @time_ns, mostly nothing. */
static inline void runners_run_before(struct sim *s, uint64_t time_ns)
{
	if (s->nr_heap && s->heap[0].at_ns < time_ns)
		runners_run(s, time_ns - 1);
}

#endif
