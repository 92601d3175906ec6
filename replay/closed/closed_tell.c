// SPDX-License-Identifier: GPL-2.0-only
/* Whose doing the stall of one algorithm in one VM is. */
#include "replay/closed/closed_internal.h"

#include <stdlib.h>

#include "replay/closed/closed_tape.h"
#include "replay/model/blame.h"
#include "replay/model/reason.h"

/* The fault of a vCPU. */
struct told {
	uint64_t gfn;
	uint32_t slot; /* its memslot's id */
	uint8_t as;
	uint64_t since_ns;     /* it stalls from then on, or that far it was told */
	uint64_t attempt_ns;   /* the begin of its attempt */
	uint64_t retries;      /* not told yet */
	uint8_t verdict;       /* of the last attempt that was rejected; 0: none was */
	struct rs_blame blame; /* for it */
};

struct telling {
	const struct rs_closed *c;
	const struct vm *vm;
	const struct plan *plan;
	const struct rs_algo *algo;
	struct rs_invals *invals;
	struct rs_blames *blames;
	struct told *told; /* by seat */
	bool failed;	   /* there was no memory to find whom to blame */
};

struct telling *rs_tell_new(const struct rs_closed *c, const struct vm *vm, const struct plan *plan,
			    struct rs_invals *invals, const struct rs_algo *algo)
{
	struct telling *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	*t = (struct telling){ .c = c, .vm = vm, .plan = plan, .algo = algo, .invals = invals };
	t->told = calloc(2 * (size_t)vm->nr_vcpus + 1, sizeof(*t->told));
	t->blames = rs_blames_new(invals);
	/* Its seats are made here: that no later attempt wants memory. */
	if (t->told && t->blames && !rs_blames_fault(t->blames, 2 * vm->nr_vcpus, 0) &&
	    !(vm->has_private && rs_invals_tell_kinds(invals)))
		return t;
	rs_tell_free(t);
	return NULL;
}

void rs_tell_free(struct telling *t)
{
	if (!t)
		return;
	rs_blames_free(t->blames);
	free(t->told);
	free(t);
}

struct rs_blames *rs_tell_blames(struct telling *t)
{
	return t->blames;
}

bool rs_tell_failed(const struct telling *t)
{
	return t->failed;
}

/* What it stalled until @now, and was retried, goes to the last rejection; without one to none. */
static void tell(const struct telling *t, uint32_t vcpu, uint64_t set, uint64_t now)
{
	struct told *told = &t->told[told_seat(t->vm, vcpu, set)];
	const struct rs_stalled s = {
		.algo = t->plan->algo,
		.gfn = told->gfn,
		.vm = t->vm->number,
		.vcpu = t->vm->vcpus[vcpu].number,
		.slot = told->slot,
		.as = told->as,
		.asked = set & TOLD_ASKED,
		.other = set & TOLD_OTHER,
		.verdict = told->verdict,
		.blame = told->verdict ? &told->blame : NULL,
		.retries = told->retries,
		.stall_ns = now > told->since_ns ? now - told->since_ns : 0,
	};

	if (s.retries || s.stall_ns)
		t->c->opts.stalled(t->c->opts.arg, &s);
	told->retries = 0;
	told->since_ns += s.stall_ns;
}

void rs_tell_arrival(struct telling *t, uint32_t vcpu, uint64_t set, const struct attempt *first,
		     uint64_t now)
{
	t->told[told_seat(t->vm, vcpu, set)] =
		(struct told){ .gfn = first->gfn,
			       .slot = first->slot,
			       .as = first->as,
			       .since_ns = later(now, t->vm->clean_ns) };
}

void rs_tell_attempt(struct telling *t, uint32_t vcpu, uint64_t set, uint64_t now)
{
	const uint32_t seat = told_seat(t->vm, vcpu, set);

	tell(t, vcpu, set, now);
	t->told[seat].attempt_ns = now;
	/* Of a seat that there is: it does not fail. */
	(void)rs_blames_fault(t->blames, seat, 0);
}

void rs_tell_rejection(struct telling *t, uint32_t vcpu, uint64_t set, const struct rs_fault *f,
		       unsigned int why, uint64_t times)
{
	struct told *told = &t->told[told_seat(t->vm, vcpu, set)];
	const bool necessary = f->necessary || rs_invals_cover(t->invals, f, f->kind);
	struct rs_reason reason = { .cause = RS_CAUSE_SEQ };

	if (!necessary)
		rs_reason_find(t->invals, t->algo, f, why, &reason);
	if (rs_blames_find(t->blames, t->algo, f, &reason, necessary, &told->blame))
		t->failed = true;
	told->verdict = necessary ? 255 : (uint8_t)(1 + reason.cause);
	told->retries += times;
}

void rs_tell_end(struct telling *t, uint32_t vcpu, uint64_t set, uint64_t now, bool starved)
{
	struct told *told = &t->told[told_seat(t->vm, vcpu, set)];
	const uint64_t clean = later(told->attempt_ns, t->vm->clean_ns);

	if (!starved && told->verdict && clean < now) {
		tell(t, vcpu, set, clean);
		told->verdict = 0;
	}
	tell(t, vcpu, set, now);
}
