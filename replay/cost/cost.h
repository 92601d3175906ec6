/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_COST_COST_H
#define RS_REPLAY_COST_COST_H

#include <stddef.h>
#include <stdint.h>

#include "replay/algorithm.h"
#include "replay/cost/counter.h"
#include "replay/cost/ticks.h"
#include "base/error.h"

/*
 * What an algorithm itself costs: the work that a kernel would do under
 * mmu_lock. The walk over the memslots, which every algorithm from 5.12 on has,
 * is not part of it: begin and slot are handed the memslots that were hit.
 */

/* The guest and what is in progress around the operation that is measured. */
struct rs_cost_setting {
	uint32_t memslots;    /* 1 .. 32764, besides the aliases */
	uint32_t aliases;     /* further memslots that map what is invalidated: .. 1024 */
	uint32_t outstanding; /* invalidations in progress meanwhile: 1 .. 1000000 */
	uint32_t ended;	      /* since a fault that is checked has begun: .. 1000000 */
	uint32_t pages;	      /* of one invalidation: 1 .. 2^20 */
	uint64_t seed;
};

enum rs_cost_op { RS_COST_BEGIN, RS_COST_SLOT, RS_COST_END, RS_COST_CHECK, RS_NR_COST_OPS };
/* "begin", "slot", "end", "check"; NULL if out of range. */
const char *rs_cost_op_name(unsigned int op);

/*
 * As rs_algo_parse(), but for the algorithms that have a price: not exact, which
 * is a bound. "all" leaves it out, by name it is -EINVAL. NULL: RS_ALGOS_PRICE.
 */
int rs_cost_algos(const char *list, struct rs_algo_spec **specs, size_t *n, struct rs_error *err);

struct rs_cost_rig;

/*
 * One algorithm in one setting, with what is outstanding begun. Not thread safe.
 * NULL with errno and @err set.
 */
struct rs_cost_rig *rs_cost_open(const struct rs_algo_spec *spec,
				 const struct rs_cost_setting *setting, struct rs_error *err);
void rs_cost_close(struct rs_cost_rig *rig);

/*
 * Of state per VM, as a kernel would keep it (not the model's own bookkeeping):
 * with nothing in progress, and with the setting's outstanding ones.
 */
size_t rs_cost_rest_bytes(const struct rs_cost_rig *rig);
size_t rs_cost_peak_bytes(const struct rs_cost_rig *rig);

/* Mean nanoseconds of one round. */
struct rs_cost_times {
	/*
	 * A begin, its slots and its end together, many between two looks at the clock; and
	 * one check, likewise.
	 */
	double inval_ns, check_ns;
	/*
	 * One begin, one slot, one end, each between two looks: too little where the CPU does
	 * it while it looks. They tell the parts of the whole.
	 */
	double part_ns[RS_COST_CHECK];
};

/*
 * One round of about @ns, by the clock whose rate is given, with the setting's
 * invalidations outstanding besides. 0 or -ENOMEM.
 */
int rs_cost_round(struct rs_cost_rig *rig, uint64_t ns, const struct rs_tick_rate *rate,
		  struct rs_cost_times *times);
/* The instructions of one operation of each kind, likewise. 0 or -ENOMEM. */
int rs_cost_count(struct rs_cost_rig *rig, const struct rs_counter *counter,
		  double instructions[RS_NR_COST_OPS]);

/*
 * Does what is to be counted from outside and nothing else to speak of: @cycles
 * times a begin, its slots and its end, then @checks checks, all through
 * replay/cost/priced.h. 0 or -ENOMEM.
 */
int rs_cost_repeat(struct rs_cost_rig *rig, uint64_t cycles, uint64_t checks);

/* Of one run of several threads. */
struct rs_contention {
	double checks_per_s;  /* by all vCPUs, each under the read lock */
	double begins_per_s;  /* by all notifiers: begin, slots and end take the lock twice */
	double check_wait_ns; /* from wanting the read lock to having it: mean ... */
	double check_wait_p99_ns;
	double check_held_ns; /* mean time the read lock was held for a check */
	double write_wait_ns;
	double write_held_ns; /* mean time the write lock was held for a begin or an end */
};

#define RS_COST_MAX_THREADS 256 /* of each kind */

/*
 * For @ns, @vcpus threads check and @notifiers threads begin and end as fast as
 * they can, under one lock of replay/cost/fairlock.h. A check's fault began with the
 * check before it on its vCPU. 0, or negative errno with @err set.
 */
int rs_cost_contend(struct rs_cost_rig *rig, unsigned int vcpus, unsigned int notifiers,
		    uint64_t ns, const struct rs_tick_rate *rate, struct rs_contention *out,
		    struct rs_error *err);

#endif
