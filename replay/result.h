/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_RESULT_H
#define RS_REPLAY_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replay/hist.h"
#include "traces/event.h"

/*
 * What a replay found: plain data, so that reports need nothing of the engine.
 * docs/model.md defines every figure.
 */
enum rs_cause {
	RS_CAUSE_KIND, /* only the page's other (shared, private) mapping was invalidated */
	RS_CAUSE_SEQ,
	RS_CAUSE_NO_HVA,
	RS_CAUSE_ALIAS,
	RS_CAUSE_SCATTER,
	RS_CAUSE_CONCURRENT,
	RS_CAUSE_STALE,
	RS_NR_CAUSES,
};

/* Everything that a stream can have wrong with it: named, counted, never repaired silently. */
#define RS_ANOMALIES(X)                                       \
	X(TIME_BACKWARDS, "time-backwards")                   \
	X(BEGIN_DUPLICATE, "begin-duplicate-id")              \
	X(BEGIN_WITHOUT_END, "begin-without-end")             \
	X(END_WITHOUT_BEGIN, "end-without-begin")             \
	X(SLOT_WITHOUT_BEGIN, "slot-without-begin")           \
	X(SLOT_WITHOUT_WALK, "slot-without-walk")             \
	X(SLOT_NO_MEMSLOT, "slot-without-memslot")            \
	X(SLOT_OUTSIDE, "slot-outside-memslot")               \
	X(CHECK_WITHOUT_FAULT, "check-without-fault")         \
	X(FAULT_END_WITHOUT_FAULT, "fault-end-without-fault") \
	X(FAULT_NESTED, "fault-begin-twice")                  \
	X(RANGE_EMPTY, "range-empty")                         \
	X(RANGE_UNALIGNED, "range-unaligned")                 \
	X(RANGE_WRAPS, "range-wraps")                         \
	X(MEMSLOT_OVERLAP, "memslot-overlap")                 \
	X(MEMSLOT_ABSENT, "memslot-absent")                   \
	X(MEMSLOT_TOO_LARGE, "memslot-too-large")             \
	X(STATE_UNEQUAL, "state-unequal")

#define RS_ANOMALY_ENUM(sym, name) RS_ANOM_##sym,
enum rs_anomaly { RS_ANOMALIES(RS_ANOMALY_ENUM) RS_NR_ANOMALIES };
#undef RS_ANOMALY_ENUM

/* "seq", "no-hva", ...; NULL if out of range. */
const char *rs_cause_name(unsigned int cause);
const char *rs_anomaly_name(unsigned int anomaly);

/* Ratios in a histogram are integers: thousandths. */
#define RS_RATIO_SCALE 1000

struct rs_agreement {
	uint64_t known, same;
};

/* What the closed loop found of one algorithm in one VM. */
struct rs_closed_algo {
	uint64_t retries;
	uint64_t as_recorded; /* logical faults with the recorded retries and end */
	uint64_t starved;
	struct rs_hist retries_per_fault;
	struct rs_hist retries_per_inval; /* retries while (at the decision) the most recently begun
					     outstanding or last ended invalidation was this one */
	struct rs_hist service_ns;
	struct rs_hist stall_ns;
};

struct rs_closed_vm {
	bool precheck;
	const char *arrivals; /* "recorded", "think" */
	uint64_t retry_gap_ns;
	bool retry_gap_assumed;
	uint64_t logical_faults;
	uint64_t recorded_retries;
	uint64_t clean_attempt_ns; /* median of decisions after the lookup */
	uint64_t precheck_ns;	   /* median of decisions before it */
	/* The traced kernel's algorithm with its own pre-check and recorded arrivals. */
	bool checked;
	uint64_t check_as_recorded, check_retries;
};

/*
 * Sums over the whole pieces of a recording that paused, for how much a share of the checked
 * faults scatters.
 */
struct rs_piece_sums {
	uint64_t before; /* the engine's own: the figure when the present piece began */
	uint64_t sum;
	unsigned __int128 squares, by_checked; /* of the figure; with the piece's checked faults */
};

struct rs_algo_result {
	const char *name; /* "gfn-multi:4" as given; owned by the result */
	bool merged;	  /* some kernel ran it: missed must be 0 */
	uint64_t rejected;
	uint64_t spurious;
	uint64_t missed;
	uint64_t causes[RS_NR_CAUSES];
	unsigned __int128 blocked_page_ns;
	uint64_t blocked_max;
	struct rs_agreement locked, lockless;
	struct rs_piece_sums piece_rejected, piece_spurious;
	/* blocked(this) / blocked(exact), in thousandths: weighted by ns where exact blocks
	 * anything, and the peak of each epoch. */
	struct rs_hist widening_time;
	struct rs_hist widening_epoch;
	struct rs_hist blocked_epoch;  /* peak blocked frames of each epoch */
	struct rs_closed_algo *closed; /* NULL in open loop */
	/* The same with the other arrivals, for whom reads both; NULL: it was not simulated. */
	struct rs_closed_algo *other;
};

/* One decision in which the model and the traced kernel differ; the first few are kept. */
struct rs_disagreement {
	uint64_t time_ns;
	uint64_t event; /* number of the check in the stream, from 0 */
	uint64_t gfn;
	uint32_t vcpu;
	uint8_t kernel_result; /* enum rs_result_code */
	uint8_t model_result;
	bool lockless;
};

struct rs_state_mismatch {
	uint64_t time_ns, event;
	uint64_t kernel[4], model[4]; /* seq, in_progress, range start, end */
};

#define RS_MAX_LISTED 64

struct rs_vm_result {
	uint32_t vm;
	uint64_t begin_ns, end_ns; /* its first and last event */
	/* Where the recording paused, and how long, each time until it was known what is in
	 * progress. */
	uint64_t pauses, paused_ns;
	uint64_t pieces; /* between two pauses; 0 in a sum of VMs, whose pieces are not apart */
	uint64_t piece_checked;		 /* faults in them */
	unsigned __int128 piece_squares; /* of each piece's */
	uint64_t memslots;		 /* the most at once */
	uint64_t frames;		 /* guest frames in memslots, the most at once */
	uint64_t aliased_frames; /* of those, frames whose host page another gfn maps too; the most
				  */
	unsigned __int128 frames_page_ns; /* frames in memslots, integrated over time */
	double mean_frames;		  /* over time: base of the shares of blocked means */
	uint64_t inval_hit, inval_no_hit, inval_gfn, max_outstanding;
	uint64_t inval_private;	 /* those that concern private mappings alone */
	uint64_t private_faults; /* of those checked */
	struct rs_hist inval_ns; /* begin to end of those that hit */
	uint64_t checked, necessary, no_memslot, ended, unjudged;
	uint64_t slot_invalid, root_obsolete, async;
	uint64_t checked_lockless; /* part of checked */
	uint64_t state_compared, state_equal;
	uint64_t epochs;
	struct rs_hist epoch_ns, epoch_invals;
	struct rs_disagreement *disagreements; /* of the traced kernel's algorithm */
	size_t nr_disagreements;	       /* listed; the counts are in agreement */
	struct rs_state_mismatch *mismatches;
	size_t nr_mismatches;
	struct rs_closed_vm closed;
	struct rs_algo_result *algos; /* nr_algos of the result */
};

struct rs_result {
	const char *kernel_algo; /* the traced kernel's own: NULL if not known */
	bool closed;		 /* the closed_* figures are there */
	bool counts_only;	 /* for reports: neither truth nor width was asked for */
	uint64_t events;	 /* of the model: STATE records are not counted */
	uint64_t begin_ns, end_ns;
	uint64_t lost;	     /* events lost, as far as known */
	uint64_t lost_marks; /* `lost` events that are no pause */
	uint64_t anomalies[RS_NR_ANOMALIES];
	size_t nr_algos;
	struct rs_vm_result *vms;
	size_t nr_vms;
};

/* Frees @r and all inside; NULL is fine. */
void rs_result_free(struct rs_result *r);
/*
 * Adds @from to @to, which is all zero before the first. Counts and histograms
 * add up, figures "at once" are the most of any VM. Its time runs from 0 to the
 * VMs' times together, so means are those of an average VM. Listed
 * disagreements and mismatches stay with their VM. 0 or -ENOMEM, then @to is
 * good only for rs_vm_result_free().
 */
int rs_vm_result_add(struct rs_vm_result *to, const struct rs_vm_result *from, size_t nr_algos);
/* The sum of all VMs into @to, which the caller frees. 0 or -ENOMEM: then nothing is to free. */
int rs_result_sum_vms(const struct rs_result *r, struct rs_vm_result *to);
/* Its mean_frames, from its other figures. */
void rs_vm_result_mean(struct rs_vm_result *v);
/*
 * Adds to @to what another engine with the same algorithms found in other parts
 * of the same stream, the first of which is @to's. Lists of disagreements and
 * mismatches are left. 0 or -ENOMEM, then @to is good only for rs_result_free().
 */
int rs_result_join(struct rs_result *to, const struct rs_result *from);
/* Whether a histogram of @r, which an engine made, lacks what there was no memory for. */
bool rs_result_lacks(const struct rs_result *r);
/*
 * Leaves count, total, minimum and maximum of all distributions: buckets of some of what
 * was counted would give wrong quantiles.
 */
void rs_vm_result_strip(struct rs_vm_result *v, size_t nr_algos);
/* Frees what is in @c, not @c. */
void rs_closed_algo_clear(struct rs_closed_algo *c);
/* The kind of arrivals that @arrivals, or NULL for "recorded", is not. */
const char *rs_other_arrivals(const char *arrivals);
/* What was simulated with the other arrivals, of all its algorithms, goes. */
void rs_vm_result_drop_other(struct rs_vm_result *v, size_t nr_algos);
void rs_vm_result_free(struct rs_vm_result *v, size_t nr_algos);

#endif
