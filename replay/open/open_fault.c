// SPDX-License-Identifier: GPL-2.0-only
#include "replay/open/open_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/inline.h"
#include "replay/model/reason.h"

uint32_t rs_open_add_vcpu(struct rs_replay *r, struct vm_run *v, uint32_t vcpu)
{
	const uint32_t seat = rs_seats_add(&v->seats, vcpu);
	uint32_t n = v->nr_seats ? v->nr_seats : 4;

	if (seat == RS_NO_SEAT)
		return seat;
	while (n <= seat)
		n *= 2;
	if (v->nr_seats && n > v->nr_seats &&
	    !rs_limits_keep(&r->limits, (uint64_t)(n - v->nr_seats) * RS_VCPU_COST, "its vCPUs"))
		return RS_NO_SEAT;
	if (n > v->nr_seats && (RS_RESIZE(v->faults, n) || RS_RESIZE(v->snapshots, n * r->nr_run) ||
				RS_RESIZE(v->open, n)))
		return RS_NO_SEAT;
	/* The first seats are the vCPUs' own numbers: those that find theirs do not come here. */
	for (; v->nr_seats < n; v->nr_seats++)
		v->faults[v->nr_seats] =
			(struct rs_fault){ .vcpu = v->nr_seats, .seat = v->nr_seats };
	v->faults[seat].vcpu = vcpu;
	return seat;
}

void rs_open_nested(struct rs_replay *r, struct vm_run *v, struct rs_fault *f)
{
	rs_open_anomaly(r, RS_ANOM_FAULT_NESTED);
	rs_open_close_fault(v, f);
	rs_open_show_unjudged(r, v, f->vcpu);
}

int rs_open_begin_private(struct vm_run *v, struct rs_fault *f)
{
	f->kind = RS_KIND_PRIVATE;
	return v->invals->kinds_differ ? 0 : rs_invals_tell_kinds(v->invals);
}

void rs_open_end_quiet(const struct rs_replay *r, struct vm_run *v)
{
	for (uint32_t i = 0; i < v->nr_open; i++) {
		struct rs_fault *f = &v->faults[v->open[i]];

		if (f->quiet)
			rs_open_snapshot(v, f, r->nr_run);
		f->quiet = false;
	}
	v->nr_quiet = 0;
}

/* Counts the cause of a rejection; returns what an observer is told of it. */
RS_LOOP_PART uint8_t count_cause(struct vm_run *v, size_t i, const struct rs_fault *f,
				 unsigned int why, bool necessary, unsigned int flags)
{
	struct rs_reason reason;

	if (!(flags & RS_REPLAY_TRUTH))
		return 1;
	if (necessary)
		return 255;
	if (!(flags & RS_REPLAY_CAUSES))
		return 1;
	rs_reason_find(v->invals, &v->algos[i], f, why, &reason);
	v->res.algos[i].causes[reason.cause]++;
	return (uint8_t)(1 + reason.cause);
}

/* Counts the verdict of each algorithm; an observer is told of each. */
RS_LOOP_PART void judge_all(struct rs_replay *r, struct vm_run *v, const struct rs_fault *f,
			    const struct rs_event *e, bool necessary, unsigned int flags,
			    bool observed)
{
	const uint64_t *snapshots = &v->snapshots[f->seat * r->nr_run];
	struct rejections *rejections = v->rejections;
	const unsigned int kind = rs_open_check_kind(e);

	for (size_t i = 0; i < r->nr_listed; i++) {
		const struct rs_algo *a = &v->algos[i];
		const unsigned int why = a->ops->rejects(a->state, f, snapshots[i]);
		uint8_t verdict = 0;

		if (why) {
			rejections[i].checks.nr[kind]++;
			rejections[i].necessary += necessary;
			verdict = count_cause(v, i, f, why, necessary, flags);
		}
		if (observed)
			r->verdicts[i] = verdict;
	}
}

/* Who is to blame, for an observer: of what rejects the fault, or misses it. */
static RS_SELDOM int blame_all(struct rs_replay *r, struct vm_run *v, const struct rs_fault *f,
			       bool necessary)
{
	const uint64_t *snapshots = &v->snapshots[f->seat * r->nr_run];

	for (size_t i = 0; i < r->nr_listed; i++) {
		const struct rs_algo *a = &v->algos[i];
		struct rs_reason reason = { .cause = RS_CAUSE_SEQ };

		r->blame[i] = (struct rs_blame){ 0 };
		if (!r->verdicts[i] && !necessary)
			continue;
		if (!necessary)
			rs_reason_find(v->invals, a, f, a->ops->rejects(a->state, f, snapshots[i]),
				       &reason);
		if (rs_blames_find(v->blames, a, f, &reason, necessary, &r->blame[i]))
			return -ENOMEM;
	}
	return 0;
}

static uint64_t known_of(const uint64_t *by_result)
{
	return by_result[RS_RES_OK] + by_result[RS_RES_RETRY];
}

static uint64_t all_of(const uint64_t *by_result)
{
	return by_result[RS_RES_UNKNOWN] + known_of(by_result);
}

static struct rs_agreement agreement_of(const uint64_t *judged, const uint64_t *rejected)
{
	return (struct rs_agreement){ .known = known_of(judged),
				      .same = judged[RS_RES_OK] - rejected[RS_RES_OK] +
					      rejected[RS_RES_RETRY] };
}

void rs_open_sum_verdicts(const struct rs_replay *r, struct vm_run *v)
{
	v->res.checked_lockless = all_of(&v->judged.nr[RS_NR_RESULTS]);
	v->res.checked = all_of(v->judged.nr) + v->res.checked_lockless;
	for (size_t i = 0; i < r->nr_listed; i++) {
		const uint64_t *locked = v->rejections[i].checks.nr;
		const uint64_t *lockless = &locked[RS_NR_RESULTS];
		const uint64_t necessary = v->rejections[i].necessary;
		struct rs_algo_result *a = &v->res.algos[i];

		a->missed = v->res.necessary - necessary;
		a->rejected = all_of(locked) + all_of(lockless);
		if (r->opts.flags & RS_REPLAY_TRUTH)
			a->spurious = a->rejected - necessary;
		a->locked = agreement_of(v->judged.nr, locked);
		a->lockless = agreement_of(&v->judged.nr[RS_NR_RESULTS], lockless);
	}
}

static int note_disagreement(struct rs_replay *r, struct vm_run *v, const struct rs_fault *f,
			     const struct rs_event *e)
{
	const struct rs_algo *a = &v->algos[r->kernel];
	bool rejected = a->ops->rejects(a->state, f, v->snapshots[f->seat * r->nr_run + r->kernel]);
	struct rs_disagreement *d;

	if (e->result == RS_RES_UNKNOWN || rejected == (e->result == RS_RES_RETRY))
		return 0;
	if (v->res.nr_disagreements == RS_MAX_LISTED)
		return 0;
	if (!v->res.disagreements) {
		v->res.disagreements = calloc(RS_MAX_LISTED, sizeof(*d));
		if (!v->res.disagreements)
			return -ENOMEM;
	}
	d = &v->res.disagreements[v->res.nr_disagreements++];
	*d = (struct rs_disagreement){ .time_ns = r->now,
				       .event = r->events - 1,
				       .gfn = f->gfn,
				       .vcpu = f->vcpu,
				       .kernel_result = e->result,
				       .model_result = rejected ? RS_RES_RETRY : RS_RES_OK,
				       .lockless = e->flags & RS_F_LOCKLESS };
	return 0;
}

int rs_open_judge(struct rs_replay *r, struct vm_run *v, const struct rs_fault *f,
		  const struct rs_event *e)
{
	bool necessary = false;

	if (f->quiet)
		rs_open_snapshot(v, f, r->nr_run);
	if (r->opts.flags & RS_REPLAY_TRUTH) {
		necessary = f->necessary || rs_invals_cover(v->invals, f, f->kind);
		v->res.necessary += necessary;
	}
	/* What is mostly asked, as constants: 0.9 % fewer instructions of all of a replay. */
	if (r->opts.flags == RS_REPLAY_ALL && !r->opts.observer)
		judge_all(r, v, f, e, necessary, RS_REPLAY_ALL, false);
	else
		judge_all(r, v, f, e, necessary, r->opts.flags, r->opts.observer);
	if (v->blames && blame_all(r, v, f, necessary))
		return -ENOMEM;
	rs_open_show_judged(r, v, f, e, necessary);
	return r->kernel == SIZE_MAX ? 0 : note_disagreement(r, v, f, e);
}

void rs_open_check_without_fault(struct rs_replay *r, struct vm_run *v)
{
	if (v->dark)
		v->res.unjudged++;
	else
		rs_open_anomaly(r, RS_ANOM_CHECK_WITHOUT_FAULT);
}

void rs_open_not_judged(const struct rs_replay *r, struct vm_run *v, const struct rs_fault *f)
{
	if (v->dark || !f->judged)
		v->res.unjudged++;
	else if (f->handle == RS_NO_SLOT)
		v->res.no_memslot++;
	else
		v->res.root_obsolete++;
	rs_open_show_unjudged(r, v, f->vcpu);
}

void rs_open_fault_end(struct rs_replay *r, struct vm_run *v, const struct rs_event *e)
{
	struct rs_fault *f = rs_open_fault_of(v, e->fault.vcpu);

	if (!f || !f->open) {
		if (!v->dark)
			rs_open_anomaly(r, RS_ANOM_FAULT_END_WITHOUT_FAULT);
		return;
	}
	rs_open_close_fault(v, f);
	rs_open_show_unjudged(r, v, e->fault.vcpu);
	switch (e->fault.reason) {
	case RS_END_SLOT_INVALID:
		v->res.slot_invalid++;
		break;
	case RS_END_ASYNC:
		v->res.async++;
		break;
	case RS_END_ROOT_OBSOLETE:
		v->res.root_obsolete++;
		break;
	default:
		v->res.ended++;
	}
}

/* ---- the recorded state ---- */

static bool same_state(const struct rs_algo_ops *ops, const struct rs_state_words *kernel,
		       const struct rs_state_words *model)
{
	if (kernel->seq != model->seq || kernel->in_progress != model->in_progress)
		return false;
	if (!model->in_progress || (ops->flags & RS_ALGO_NO_RANGE))
		return true; /* the range says nothing */
	return kernel->range_start == model->range_start && kernel->range_end == model->range_end;
}

static int note_mismatch(struct rs_replay *r, struct vm_run *v, const struct rs_state_words *model)
{
	struct rs_state_mismatch *m;

	rs_open_anomaly(r, RS_ANOM_STATE_UNEQUAL);
	if (v->res.nr_mismatches == RS_MAX_LISTED)
		return 0;
	if (!v->res.mismatches) {
		v->res.mismatches = calloc(RS_MAX_LISTED, sizeof(*m));
		if (!v->res.mismatches)
			return -ENOMEM;
	}
	m = &v->res.mismatches[v->res.nr_mismatches++];
	*m = (struct rs_state_mismatch){
		.time_ns = r->now,
		.event = r->events - 1,
		.kernel = { v->state.seq, v->state.in_progress, v->state.range_start,
			    v->state.range_end },
		.model = { model->seq, model->in_progress, model->range_start, model->range_end },
	};
	return 0;
}

/* The kernel's own words at this event against the model's. */
int rs_open_compare_state(struct rs_replay *r, struct vm_run *v)
{
	const struct rs_algo *a = &v->algos[r->kernel];
	struct rs_state_words model;

	v->state_pending = false;
	if (v->dark || !a->ops->words)
		return 0;
	a->ops->words(a->state, &model);
	if (!v->state_based) {
		v->state_base = v->state.seq - model.seq;
		v->state_based = true;
	}
	model.seq += v->state_base;
	v->res.state_compared++;
	if (same_state(a->ops, &v->state, &model)) {
		v->res.state_equal++;
		return 0;
	}
	return note_mismatch(r, v, &model);
}
