/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_CLOSED_CLOSED_INTERNAL_H
#define RS_REPLAY_CLOSED_CLOSED_INTERNAL_H

/*
 * What the parts of the closed loop share: closed_record.c folds what was recorded and
 * stores it, closed_tape.h is how it is stored, closed_measure.c has the medians,
 * closed_sim.c simulates some algorithms in one VM, closed_runner.c is a vCPU in that,
 * closed_sums.c what is counted, closed_tell.c tells whose doing the stall of one algorithm
 * is, closed.c has all simulations do their work on several threads.
 */
#include "replay/algorithm.h"
#include "replay/closed/closed.h"
#include "base/seats.h"
#include "base/spool.h"
#include "base/table.h"

/*
 * The median of values that come one by one. It is expected near that of the first ones: from
 * those on, each value of a window is counted by itself. Where it is not in that after all, the
 * values are to be gone through again.
 */
#define MEDIAN_FIRST 1024
#define MEDIAN_WINDOW 4096

struct median {
	uint64_t nr, max;
	uint64_t low;	 /* of the window, once there are more than MEDIAN_FIRST values; */
	uint64_t below;	 /* so many are less than that */
	uint64_t *cells; /* MEDIAN_WINDOW: the first values, then how many there are of each */
};

/* For median_add(), one of the first. 0 or -ENOMEM. */
int median_add_first(struct median *m, uint64_t value);
/* false: it is not in the window. */
bool median_find(struct median *m, uint64_t *value);

static inline void median_count(struct median *m, uint64_t value)
{
	const uint64_t place = value - m->low;

	m->max = value > m->max ? value : m->max;
	if (place < MEDIAN_WINDOW)
		m->cells[place]++;
	else
		m->below += value < m->low;
}

/* 0 or -ENOMEM. */
static inline int median_add(struct median *m, uint64_t value)
{
	if (m->nr < MEDIAN_FIRST)
		return median_add_first(m, value);
	m->nr++;
	median_count(m, value);
	return 0;
}

struct vcpu {
	uint32_t number;
	bool chained;	 /* the next attempt may go on with the last fault, */
	uint64_t losses; /* if the VM had no more than these since */
	uint64_t gfn;	 /* of the last fault */
	uint8_t as;
	uint64_t check_ns; /* of the last attempt */
	struct rs_stream attempts;
};

/* What was recorded of one VM. */
struct vm {
	uint32_t number;
	struct rs_stream events; /* sound ones, at the time they happen */
	uint64_t event_ns, id;	 /* of the last one; of the last invalidation */
	struct rs_seats seats;
	struct vcpu *vcpus; /* by seat */
	uint32_t nr_vcpus;
	uint64_t losses;
	uint64_t logical_faults, retries;
	/* How long attempts took that were decided before and after their lookup; from a
	 * decision to the next begin of its chain. */
	struct median before, after, gaps;
	/* Medians. */
	uint64_t precheck_ns, clean_ns, gap_ns;
	bool has_private; /* any attempt was on private memory */
};

struct rs_closed {
	struct rs_closed_opts opts;
	struct rs_observer observer;
	struct rs_spool *spool;
	struct vm *vms;
	size_t nr_vms, max_vms, last_vm;
	struct rs_hash vm_by_number;
	uint64_t end_ns;
	int failed; /* 0, or the negative errno of what failed while collecting, and @why */
	struct rs_error why;
	bool has_lockless; /* the kernel checks without the lock: all its VMs, used or not */
	struct rs_algo_spec *specs;
	size_t nr_specs;
	struct rs_algo_spec *check; /* the traced kernel's; NULL: not known */
};

/* No time is later than the last one. */
static inline uint64_t later(uint64_t at_ns, uint64_t ns)
{
	return ns > UINT64_MAX - at_ns ? UINT64_MAX : at_ns + ns;
}

/* How simulations are to be done. */
struct plan {
	bool precheck;
	uint64_t gap_ns;
	bool told;   /* whose doing the stall is: of one algorithm, */
	size_t algo; /* which is this one of the list */
};

/* The casts of one simulation: a bit of a set stands for each. */
#define MAX_CASTS 64

/* An algorithm, how faults arrive, and where its figures go, which are all zero. */
struct cast {
	const struct rs_algo_spec *spec;
	bool think;
	struct rs_closed_algo *out;
};

/* What was recorded of a VM; NULL if nothing was. */
struct vm *rs_closed_find_vm(const struct rs_closed *c, uint32_t number);
/* The same, made if it is new. NULL: no memory, and c->failed. */
struct vm *rs_closed_vm(struct rs_closed *c, uint32_t number);
/* What collects, told of everything by the open loop. */
void rs_closed_observe(struct rs_closed *c);
/* Frees what was recorded. */
void rs_closed_free_records(struct rs_closed *c);

/* Its medians, once everything is recorded. 0 or negative errno. */
int rs_closed_measure(const struct rs_closed *c, struct vm *vm);

/*
 * Simulates up to MAX_CASTS casts in @vm. 0 or negative errno: -ENOMEM also where @limits were
 * met.
 */
int rs_closed_simulate(const struct rs_closed *c, const struct vm *vm, const struct plan *plan,
		       struct rs_limits *limits, const struct cast *casts, size_t nr);

/*
 * Whose doing the stall of a simulation is. A fault stalls from the moment on at which one
 * clean attempt would have been over. Up to the begin of the next attempt that is put down to
 * the rejection before; the last attempt to that for as long as a clean one takes; what is
 * left, to nothing.
 *
 * The casts of such a simulation are one algorithm with the arrivals that were asked for, and
 * the same with the other ones if both are wanted. What @set below has of them is told of once;
 * each set is a vCPU with a fault of its own, where one has all of them there is no other.
 */
#define TOLD_ASKED 0x1
#define TOLD_OTHER 0x2
struct telling;
struct attempt;

/* For struct rs_fault, seat, of @vcpu (by place in vcpus[]). */
static inline uint32_t told_seat(const struct vm *vm, uint32_t vcpu, uint64_t set)
{
	return set & TOLD_ASKED ? vcpu : vm->nr_vcpus + vcpu;
}

/* Of @vm, with @plan, @invals (TRUTH and CAUSES) and @algo, which outlive it. NULL: no memory. */
struct telling *rs_tell_new(const struct rs_closed *c, const struct vm *vm, const struct plan *plan,
			    struct rs_invals *invals, const struct rs_algo *algo);
void rs_tell_free(struct telling *t);
/* What happens to the invalidations, before they are forgotten: as in replay/model/blame.h. */
struct rs_blames *rs_tell_blames(struct telling *t);
/* Whether there was no memory for some answer: what was told is not all of it. */
bool rs_tell_failed(const struct telling *t);
/* A vCPU's fault (by place in vcpus[]) arrives; @first: its first recorded attempt. */
void rs_tell_arrival(struct telling *t, uint32_t vcpu, uint64_t set, const struct attempt *first,
		     uint64_t now);
/* It is attempted. */
void rs_tell_attempt(struct telling *t, uint32_t vcpu, uint64_t set, uint64_t now);
/* @f, its attempt, is or will be rejected for @why, RS_REJECT_*; @times, the later ones alike. */
void rs_tell_rejection(struct telling *t, uint32_t vcpu, uint64_t set, const struct rs_fault *f,
		       unsigned int why, uint64_t times);
/* It is over: it was accepted, or (@starved) the stream has ended. */
void rs_tell_end(struct telling *t, uint32_t vcpu, uint64_t set, uint64_t now, bool starved);

#endif
