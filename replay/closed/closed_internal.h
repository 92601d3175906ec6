/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_CLOSED_CLOSED_INTERNAL_H
#define RS_REPLAY_CLOSED_CLOSED_INTERNAL_H

/*
 * What the parts of the closed loop share: closed_record.c collects what was recorded
 * and folds it, closed_measure.c has the medians, closed_sim.c simulates one
 * algorithm in one VM, closed_tell.c tells whose doing its stall is, closed.c has all
 * simulations do their work on several threads.
 */
#include "replay/algorithm.h"
#include "replay/closed/closed.h"
#include "base/seats.h"
#include "base/table.h"

/* One recorded attempt of a fault: begun, decided. */
struct attempt {
	uint64_t begin_ns, check_ns;
	bool before_lookup, retry, private;
};

/* A chain of attempts, folded. */
struct logical {
	uint64_t gfn;
	uint32_t first, nr; /* in attempts[] of its vCPU */
	uint32_t slot;	    /* its memslot's id */
	uint8_t as;
};

struct vcpu {
	uint32_t number;
	bool chained;	 /* the next attempt may go on with the last fault, */
	uint64_t losses; /* if the VM had no more than these since */
	struct logical *faults;
	size_t nr_faults, max_faults;
	struct attempt *attempts;
	size_t nr_attempts, max_attempts;
};

/* What was recorded of one VM. */
struct vm {
	uint32_t number;
	struct rs_event *events; /* sound ones, at the time they happen */
	size_t nr_events, max_events;
	struct rs_seats seats; /* of the vCPUs, until they are sorted */
	struct vcpu *vcpus;    /* by seat; once all is recorded, by number */
	uint32_t nr_vcpus;
	uint64_t nr_invals, losses;
	/* Medians. */
	uint64_t precheck_ns, clean_ns, gap_ns;
	bool has_gap;
	bool has_private; /* any attempt was on private memory */
	uint64_t logical_faults, retries;
};

struct rs_closed {
	struct rs_closed_opts opts;
	struct rs_observer observer;
	struct vm *vms;
	size_t nr_vms, max_vms, last_vm;
	struct rs_hash vm_by_number;
	uint64_t end_ns;
	bool failed;	   /* no memory while collecting */
	bool has_lockless; /* the kernel checks without the lock: all its VMs, used or not */
	struct rs_algo_spec *specs;
	size_t nr_specs;
	struct rs_algo_spec *check; /* the traced kernel's; NULL: not known */
};

/* What one simulation is to do. */
struct plan {
	const struct rs_algo_spec *spec;
	bool precheck, think;
	uint64_t gap_ns;
	size_t algo; /* in the list */
	bool told;   /* whose doing the stall is */
};

/* What was recorded of a VM; NULL if nothing was. */
struct vm *rs_closed_find_vm(const struct rs_closed *c, uint32_t number);
/* The same, made if it is new. NULL: no memory, and c->failed. */
struct vm *rs_closed_vm(struct rs_closed *c, uint32_t number);
/* What collects, told of everything by the open loop. */
void rs_closed_observe(struct rs_closed *c);
/* Frees what was recorded. */
void rs_closed_free_records(struct rs_closed *c);

/* Its medians and sums, once everything is recorded. 0 or -ENOMEM. */
int rs_closed_measure(struct vm *vm);

/* The figures of one simulation of @vm into @out, which is all zero. 0 or -ENOMEM. */
int rs_closed_simulate(const struct rs_closed *c, const struct vm *vm, const struct plan *plan,
		       struct rs_closed_algo *out);

/*
 * Whose doing the stall of a simulation is. A fault stalls from the moment on at which one
 * clean attempt would have been over. Up to the begin of the next attempt that is put down to
 * the rejection before; the last attempt to that for as long as a clean one takes; what is
 * left, to nothing.
 */
struct telling;

/* Of @vm, with @invals (TRUTH and CAUSES) and @algo, which outlive it. NULL: no memory. */
struct telling *rs_tell_new(const struct rs_closed *c, const struct vm *vm, const struct plan *plan,
			    struct rs_invals *invals, const struct rs_algo *algo);
void rs_tell_free(struct telling *t);
/* What happens to the invalidations, before they are forgotten: as in replay/model/blame.h. */
struct rs_blames *rs_tell_blames(struct telling *t);
/* Whether there was no memory for some answer: what was told is not all of it. */
bool rs_tell_failed(const struct telling *t);
/* The fault @l of a vCPU (by place in vcpus[]) arrives. */
void rs_tell_arrival(struct telling *t, uint32_t vcpu, const struct logical *l, uint64_t now);
/* It is attempted. */
void rs_tell_attempt(struct telling *t, uint32_t vcpu, uint64_t now);
/* @f, its attempt, is or will be rejected for @why, RS_REJECT_*; @times, the later ones alike. */
void rs_tell_rejection(struct telling *t, uint32_t vcpu, const struct rs_fault *f, unsigned int why,
		       uint64_t times);
/* It is over: it was accepted, or (@starved) the stream has ended. */
void rs_tell_end(struct telling *t, uint32_t vcpu, uint64_t now, bool starved);

#endif
