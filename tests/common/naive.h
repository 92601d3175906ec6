/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TESTS_NAIVE_H
#define RS_TESTS_NAIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "traces/event.h"

/*
 * The model of docs/model.md a second time, written from that page alone and
 * as plainly as possible: nothing is kept up to date, everything is worked out
 * anew from the list of all invalidations whenever it is asked for. It shares
 * nothing with replay/ (the names of causes and anomalies in naive_compare.c
 * excepted), so that a mistake would have to be made twice to go unseen.
 *
 * Test code: out of memory aborts.
 */
#define NAIVE_MAX_ALGOS 20
#define NAIVE_NR_CAUSES 7
#define NAIVE_NOT_REJECTED 0
#define NAIVE_NECESSARY 255

/* In the order of model.md section 4. */
enum naive_cause {
	NAIVE_KIND,
	NAIVE_SEQ,
	NAIVE_NO_HVA,
	NAIVE_ALIAS,
	NAIVE_SCATTER,
	NAIVE_CONCURRENT,
	NAIVE_STALE
};

enum naive_anomaly {
	NAIVE_TIME_BACKWARDS,
	NAIVE_BEGIN_DUPLICATE,
	NAIVE_BEGIN_WITHOUT_END,
	NAIVE_END_WITHOUT_BEGIN,
	NAIVE_SLOT_WITHOUT_BEGIN,
	NAIVE_SLOT_WITHOUT_WALK,
	NAIVE_SLOT_NO_MEMSLOT,
	NAIVE_SLOT_OUTSIDE,
	NAIVE_CHECK_WITHOUT_FAULT,
	NAIVE_FAULT_END_WITHOUT_FAULT,
	NAIVE_FAULT_NESTED,
	NAIVE_RANGE_EMPTY,
	NAIVE_RANGE_UNALIGNED,
	NAIVE_RANGE_WRAPS,
	NAIVE_MEMSLOT_OVERLAP,
	NAIVE_MEMSLOT_ABSENT,
	NAIVE_MEMSLOT_TOO_LARGE,
	NAIVE_NR_ANOMALIES,
};

/* What a distribution can be compared by: all of it exact. */
struct naive_dist {
	uint64_t weight, min, max;
	unsigned __int128 total;
};

/* Over the pieces between two pauses: x, x squared, x times the faults checked. */
struct naive_pieces {
	uint64_t sum;
	unsigned __int128 squares, by_checked;
};

struct naive_algo {
	char name[32];
	uint64_t rejected, spurious, missed, causes[NAIVE_NR_CAUSES];
	unsigned __int128 blocked_page_ns;
	uint64_t blocked_max;
	struct naive_pieces piece_rejected, piece_spurious;
	uint64_t known[2], same[2]; /* under the lock, without it */
	struct naive_dist blocked_epoch, widening_epoch, widening_time;
};

struct naive_vm {
	uint32_t vm;
	uint64_t begin_ns, end_ns;
	uint64_t pauses, paused_ns, pieces;
	struct naive_pieces piece_checked;
	uint64_t memslots, frames, aliased_frames; /* the most at once */
	unsigned __int128 frame_ns;		   /* frames x time */
	uint64_t inval_hit, inval_no_hit, inval_gfn, inval_private, max_outstanding;
	struct naive_dist inval_ns, epoch_ns, epoch_invals;
	uint64_t checked, checked_lockless, necessary, no_memslot, ended, unjudged;
	uint64_t slot_invalid, root_obsolete, async, private_faults;
	struct naive_algo algos[NAIVE_MAX_ALGOS];
};

/* One check that was judged. */
struct naive_judged {
	uint64_t begin_ns, time_ns, gfn;
	uint32_t vm, vcpu;
	uint8_t as, result;
	bool lockless, necessary, private;
	uint8_t rejected[NAIVE_MAX_ALGOS]; /* NOT_REJECTED, 1 + cause, or NECESSARY */
	/* Who is blamed for that, or for what is missed: begin_ns + 1 (0: nobody), and its id. */
	uint64_t blamed_since[NAIVE_MAX_ALGOS], blamed_id[NAIVE_MAX_ALGOS];
};

struct naive_result {
	uint64_t events, lost, lost_marks;
	uint64_t anomalies[NAIVE_NR_ANOMALIES];
	size_t nr_algos, nr_vms, nr_judged;
	struct naive_vm *vms; /* in the order in which they appear */
	struct naive_judged *judged;
};

/* Every algorithm of the model; gfn-multi with a few N. */
#define NAIVE_ALL_ALGOS                                                                   \
	"global,hva-5.12,hva,gfn-v7,gfn,hva-v6,hva-split,gfn-split,gfn-slot,gfn-multi:1," \
	"gfn-multi:2,gfn-multi:4,"                                                        \
	"gfn-list,gfn-recent:2.2.3,hfn-recent:2.1.3,exact"

/*
 * Replays @n events with the algorithms in @algos (comma separated). NULL if
 * one of them is unknown. Free with naive_free().
 */
struct naive_result *naive_run(const struct rs_event *evs, size_t n, const char *algos);
void naive_free(struct naive_result *r);

#endif
