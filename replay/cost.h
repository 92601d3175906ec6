/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_COST_H
#define RS_REPLAY_COST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "traces/error.h"

/*
 * What an algorithm itself costs: the work that a kernel would do under
 * mmu_lock. The walk over the memslots, which every algorithm from 5.12 on has,
 * is not part of it: begin and slot are handed the memslots that were hit.
 */

/* The guest and what is in progress around the operation that is timed. */
struct rs_cost_setting {
	uint32_t memslots;    /* 1 .. 32764, besides the aliases */
	uint32_t aliases;     /* further memslots that map what is invalidated */
	uint32_t outstanding; /* invalidations in progress meanwhile: 1 .. */
	uint32_t pages;	      /* of one invalidation */
	uint64_t seed;
};

enum rs_cost_op { RS_COST_BEGIN, RS_COST_SLOT, RS_COST_END, RS_COST_CHECK, RS_NR_COST_OPS };
/* "begin", "slot", "end", "check"; NULL if out of range. */
const char *rs_cost_op_name(unsigned int op);

struct rs_cost {
	/* Nanoseconds of one operation: of the rounds' means, the median and the range. */
	double median_ns[RS_NR_COST_OPS], min_ns[RS_NR_COST_OPS], max_ns[RS_NR_COST_OPS];
	uint64_t ops[RS_NR_COST_OPS];  /* timed in all */
	size_t rest_bytes, peak_bytes; /* of state per VM, as a kernel would keep it */
};

/*
 * Times one algorithm ("gfn-multi:4") in one setting, in @rounds rounds of
 * about @round_ns each. 0, or negative errno with @err set.
 */
int rs_cost_measure(const char *algo, const struct rs_cost_setting *setting, unsigned int rounds,
		    uint64_t round_ns, struct rs_cost *cost, struct rs_error *err);

/*
 * Does @ops operations of one kind (begin and slot with the end that they need)
 * and nothing else to speak of: to count instructions from outside, as the
 * difference of two runs. 0, or negative errno with @err set.
 */
int rs_cost_repeat(const char *algo, const struct rs_cost_setting *setting, enum rs_cost_op op,
		   uint64_t ops, struct rs_error *err);

/* The same under contention: a fair reader-writer lock, as mmu_lock is. */
struct rs_contention {
	unsigned int vcpus, notifiers; /* threads */
	double checks_per_s;	       /* by all vCPUs, each under the read lock */
	double begins_per_s;	       /* by all notifiers: begin, slots and end are two writes */
	double check_held_ns;	       /* mean time the read lock was held for a check */
	double write_held_ns;	       /* mean time the write lock was held for a begin or an end */
};

/* @ns: how long to run. 0, or negative errno with @err set. */
int rs_cost_contend(const char *algo, const struct rs_cost_setting *setting, unsigned int vcpus,
		    unsigned int notifiers, uint64_t ns, struct rs_contention *out,
		    struct rs_error *err);

#endif
