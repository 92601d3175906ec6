/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_OPEN_OPEN_INTERNAL_H
#define RS_REPLAY_OPEN_OPEN_INTERNAL_H

/*
 * What the parts of the open loop share: open.c has the engine and its stream,
 * open_step.h what is done at most events, open_inval.c memslots, width, and what is
 * rare of invalidations, open_fault.c the same of faults, verdicts and the recorded state,
 * open_view.c what observers are told, open_seek.c going on at another place of the stream.
 */
#include "replay/algorithm.h"
#include "replay/calls.h"
#include "replay/model/blame.h"
#include "replay/model/model.h"
#include "replay/replay.h"
#include "traces/guest/vm.h"
#include "base/seats.h"
#include "base/table.h"

/* The current epoch: from in_progress 0 -> 1 to back to 0. */
struct epoch {
	uint64_t begin_ns;
	uint64_t invals;
	bool has_ratio; /* exact blocked something */
};

/* A value that comes to a histogram again and again is added once, with all its weight. */
struct run {
	uint64_t value, weight;
};

/* Width of one algorithm: its peaks in the epoch (between two, from 0 again). */
struct width {
	uint64_t peak;
	uint64_t peak_ratio;
	uint64_t apart_ns; /* in all, of exact_ns: when it blocked something else than exact */
	struct run time, epoch, epoch_ratio; /* of widening_time, blocked_epoch, widening_epoch */
};

/* Checks by rs_open_check_kind(). */
struct checks {
	uint64_t nr[2 * RS_NR_RESULTS];
};

/* What one algorithm rejected of them; of what it did not reject nothing is counted. */
struct rejections {
	struct checks checks;
	uint64_t necessary;
};

#define RS_RECENT_SLOTS 16

struct vm_run {
	uint32_t number;
	struct rs_vm *vm;
	struct rs_invals *invals;
	struct rs_algo *algos; /* nr_run of the engine */
	struct rs_calls calls;
	struct rs_vm_result res;
	bool seen;
	bool watch; /* not seen yet, or dark */

	struct rs_seats seats;	 /* of the vcpus */
	struct rs_fault *faults; /* by seat */
	uint64_t *snapshots;	 /* nr_run per seat, of faults that are not quiet */
	uint32_t nr_seats;
	uint32_t nr_quiet;	  /* faults */
	struct rs_blames *blames; /* with BLAME, for an observer */
	struct checks judged;
	struct rejections *rejections; /* nr_listed */
	uint32_t *open; /* seats with a fault outstanding, each at its fault's place */
	uint32_t nr_open;

	uint64_t width_ns; /* widths are counted up to here */
	unsigned __int128 frames_area;
	struct width *widths; /* nr_listed */
	/*
	 * Counted for all algorithms at once: frames that exact blocks times the ns, and the
	 * ns in which there were any. An algorithm's own figures say what it is apart.
	 */
	unsigned __int128 exact_area;
	uint64_t exact_ns;
	bool peaks_outside; /* something but exact blocks, or did, after the last epoch */
	struct epoch epoch;

	uint32_t recent[RS_RECENT_SLOTS]; /* handles of memslots that walks named, by (as, id) */

	bool view_due, view_memslots;

	struct rs_state_words state; /* recorded, for the next event */
	bool state_pending, state_based;
	uint64_t state_base; /* the kernel's seq less the model's */

	bool dark; /* events were lost: what is outstanding is not known */
	uint64_t quiet_ns;
	/*
	 * The recording pauses; or goes on since, and what is in progress is not known: that time
	 * is not counted. In a piece: it has gone on.
	 */
	bool paused, blind, in_piece;
	uint64_t blind_since_ns, piece_before; /* faults checked before the piece */
};

/* Of some events of a stream: how many there are before each in a batch, and before that. */
struct numbers {
	const struct rs_event *evs;
	const uint32_t *before;
	uint64_t first;
};

struct rs_replay {
	struct rs_replay_opts opts;
	struct rs_algo_spec *specs; /* listed, then hidden ones */
	size_t nr_listed, nr_run;
	size_t kernel; /* index of the traced kernel's algorithm, or SIZE_MAX */
	bool views;    /* by the observer, or one behind it */
	struct rs_result *result;
	struct vm_run **vms;
	size_t nr_vms;
	struct rs_hash by_number; /* of @vms */
	struct vm_run *last_vm;
	struct rs_limits limits;
	uint64_t now;
	uint64_t events; /* so far, with the present one */
	struct numbers numbers;
	bool started;
	uint64_t longest_ns; /* longest invalidation of the stream so far */
	enum rs_anomaly strict_anomaly;
	bool strict_hit;
	/* For observers. */
	uint64_t *view_blocked;
	uint8_t *verdicts;	/* nr_listed, and behind them as many that stay 0 */
	struct rs_blame *blame; /* with BLAME: the same */
	struct rs_covered *covered, *memslots, *ranges;
	size_t nr_covered, max_covered, nr_memslots, max_memslots, nr_ranges, max_ranges;
};

static inline void rs_open_anomaly(struct rs_replay *r, enum rs_anomaly which)
{
	r->result->anomalies[which]++;
	if (!r->strict_hit) {
		r->strict_hit = true;
		r->strict_anomaly = which;
	}
}

/* Which count @e is in: by the recorded result, those of lockless checks behind the others. */
static inline unsigned int rs_open_check_kind(const struct rs_event *e)
{
	return (e->flags & RS_F_LOCKLESS ? RS_NR_RESULTS : 0) + e->result;
}

/* The fault of that vCPU, open or not; NULL: it has had none. */
static inline struct rs_fault *rs_open_fault_of(const struct vm_run *v, uint32_t vcpu)
{
	const uint32_t seat = rs_seats_find(&v->seats, vcpu);

	return seat < v->nr_seats ? &v->faults[seat] : NULL;
}

/* What @f keeps of each of the @n algorithms; it is not quiet any more. */
static inline void rs_open_snapshot(struct vm_run *v, const struct rs_fault *f, size_t n)
{
	rs_calls_snapshot(&v->calls, &v->snapshots[f->seat * n], n);
}

/* The VM of that number, which is r->last_vm then; made if it is new. NULL: no memory. */
struct vm_run *rs_open_find_vm(struct rs_replay *r, uint32_t number);

/*
 * The VM has been in its present state up to time @t: counts that. @walking: a further hit of a
 * walk ends it. 0 or -ENOMEM.
 */
int rs_open_advance(struct rs_replay *r, struct vm_run *v, uint64_t t, bool walking);
/* The figures of each algorithm's width, from what was counted for all. */
void rs_open_sum_widths(const struct rs_replay *r, struct vm_run *v);
/* An epoch begins at @t; counts one that ends then. Only where widths are counted. */
void rs_open_begin_epoch(const struct rs_replay *r, struct vm_run *v, uint64_t t);
void rs_open_end_epoch(struct rs_replay *r, struct vm_run *v, uint64_t t);

/* What MEMSLOT @e, which is sound, does to the memslots. RS_VM_NOMEM: also a limit was met. */
enum rs_vm_change rs_open_set_memslot(struct rs_replay *r, struct vm_run *v,
				      const struct rs_event *e);
/* The event of that type, at r->now; open_step.h has the others. 0 or -ENOMEM. */
int rs_open_memslot(struct rs_replay *r, struct vm_run *v, const struct rs_event *e);
void rs_open_fault_end(struct rs_replay *r, struct vm_run *v, const struct rs_event *e);

/* Parts of an invalidation's end: faults that are outstanding now had it in their window; ... */
void rs_open_mark_covered(struct vm_run *v, const struct rs_inval *inv);
/* ... and it may be to blame for what becomes of them, if an observer asks; ... */
void rs_open_end_blamed(const struct rs_replay *r, struct vm_run *v, const struct rs_inval *inv);
/* ... it had no begin. */
void rs_open_orphan_end(struct rs_replay *r, struct vm_run *v);

/* Parts of a fault: the vCPU is a new one (its seat, or RS_NO_SEAT: no memory), ... */
uint32_t rs_open_add_vcpu(struct rs_replay *r, struct vm_run *v, uint32_t vcpu);
/* ... its vCPU was in one, ... */
/* @f, which begins, is of private memory. 0 or -ENOMEM. */
int rs_open_begin_private(struct vm_run *v, struct rs_fault *f);
void rs_open_nested(struct rs_replay *r, struct vm_run *v, struct rs_fault *f);
/* ... each algorithm judges it (0 or -ENOMEM), or none does; there is none to be checked. */
int rs_open_judge(struct rs_replay *r, struct vm_run *v, const struct rs_fault *f,
		  const struct rs_event *e);
void rs_open_not_judged(const struct rs_replay *r, struct vm_run *v, const struct rs_fault *f);
void rs_open_check_without_fault(struct rs_replay *r, struct vm_run *v);
/* An invalidation is to begin: faults that were quiet so far need their snapshots now. */
void rs_open_end_quiet(const struct rs_replay *r, struct vm_run *v);
/* The figures of each algorithm's verdicts, from what was counted of them. */
void rs_open_sum_verdicts(const struct rs_replay *r, struct vm_run *v);

/* The fault is outstanding no more: the last of the list takes its place. */
static inline void rs_open_close_fault(struct vm_run *v, struct rs_fault *f)
{
	const uint32_t last = v->open[--v->nr_open];
	const uint16_t place = f->place;

	v->nr_quiet -= f->quiet;
	f->open = false;
	v->open[place] = last;
	v->faults[last].place = place;
}

/* Compares the state that was recorded for this event with the model's. 0 or -ENOMEM. */
int rs_open_compare_state(struct rs_replay *r, struct vm_run *v);

/* Tells the observer: the VM as it is, if that is due (0 or -ENOMEM), ... */
int rs_open_tell_view(struct rs_replay *r, struct vm_run *v);
/* ... that an event changed the model, ... */
void rs_open_tell_applied(const struct rs_replay *r, const struct rs_event *e);
/* ... that a fault was judged, r->verdicts says how, or will not be. */
void rs_open_tell_judged(const struct rs_replay *r, const struct vm_run *v,
			 const struct rs_fault *f, const struct rs_event *e, bool necessary);
/* The same of a fault that no algorithm rejects or misses. */
void rs_open_tell_accepted(const struct rs_replay *r, const struct vm_run *v,
			   const struct rs_fault *f, const struct rs_event *e);
void rs_open_tell_unjudged(const struct rs_replay *r, const struct vm_run *v, uint32_t vcpu);

/* Mostly there is no observer, and then this must cost nothing. */
static inline int rs_open_show_view(struct rs_replay *r, struct vm_run *v)
{
	return r->views && v->view_due ? rs_open_tell_view(r, v) : 0;
}

static inline void rs_open_show_applied(const struct rs_replay *r, const struct rs_event *e)
{
	if (r->opts.observer)
		rs_open_tell_applied(r, e);
}

static inline void rs_open_show_judged(const struct rs_replay *r, const struct vm_run *v,
				       const struct rs_fault *f, const struct rs_event *e,
				       bool necessary)
{
	if (r->opts.observer)
		rs_open_tell_judged(r, v, f, e, necessary);
}

static inline void rs_open_show_unjudged(const struct rs_replay *r, const struct vm_run *v,
					 uint32_t vcpu)
{
	if (r->opts.observer)
		rs_open_tell_unjudged(r, v, vcpu);
}

#endif
