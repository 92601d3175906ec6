// SPDX-License-Identifier: GPL-2.0-only
/* One algorithm in one VM, against the recorded invalidations. */
#include "replay/closed/closed_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "replay/model/blame.h"

#define NO_EVENT UINT64_MAX

enum phase { PHASE_IDLE, PHASE_DECIDES, PHASE_BEGINS };

/* A vCPU in a simulation. */
struct runner {
	enum phase phase;
	uint64_t at_ns; /* when it decides or begins */
	size_t fault;	/* in vcpu.faults[] */
	uint64_t attempt;
	int64_t shift_ns;
	uint64_t start_ns; /* of the logical fault */
	uint64_t snapshot;
	uint64_t retries;
	bool rejected; /* decided already at its begin */
};

struct sim {
	const struct vm *vm;
	struct plan plan;
	uint64_t end_ns;
	uint64_t until; /* the next recorded event; NO_EVENT: there is none */
	struct rs_vm *memslots;
	struct rs_invals *invals;
	struct rs_algo algo;
	struct runner *runners;	 /* by vcpu */
	struct rs_fault *faults; /* by vcpu: its attempt */
	struct telling *telling; /* NULL: nobody asks whose doing the stall is */
	uint32_t *open;		 /* with it: room for all vcpus */
	uint32_t *heap;		 /* vcpus that are not idle, the next to act first */
	uint32_t nr_heap;
	uint64_t *retries_of; /* per invalidation, by number of its begin */
	uint64_t nr_begun;
	uint64_t *begun; /* numbers of outstanding ones in the order of their begins */
	uint64_t *begun_id;
	size_t nr_out, max_out, max_out_id;
	uint64_t last_ended;
	struct rs_closed_algo *out;
};

/* At equal times decisions come before begins, then the lower vCPU. */
static bool acts_before(const struct sim *s, uint32_t a, uint32_t b)
{
	const struct runner *x = &s->runners[a], *y = &s->runners[b];

	if (x->at_ns != y->at_ns)
		return x->at_ns < y->at_ns;
	if (x->phase != y->phase)
		return x->phase < y->phase;
	return a < b;
}

static void heap_push(struct sim *s, uint32_t vcpu)
{
	uint32_t i = s->nr_heap++;

	while (i && acts_before(s, vcpu, s->heap[(i - 1) / 2])) {
		s->heap[i] = s->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	s->heap[i] = vcpu;
}

static uint32_t heap_pop(struct sim *s)
{
	uint32_t top = s->heap[0], last = s->heap[--s->nr_heap], i = 0, c;

	while ((c = 2 * i + 1) < s->nr_heap) {
		if (c + 1 < s->nr_heap && acts_before(s, s->heap[c + 1], s->heap[c]))
			c++;
		if (!acts_before(s, s->heap[c], last))
			break;
		s->heap[i] = s->heap[c];
		i = c;
	}
	s->heap[i] = last;
	return top;
}

static const struct logical *fault_of(const struct sim *s, uint32_t vcpu)
{
	return &s->vm->vcpus[vcpu].faults[s->runners[vcpu].fault];
}

/* The recorded attempt that the present one stands for; NULL beyond what was recorded. */
static const struct attempt *recorded(const struct sim *s, uint32_t vcpu, uint64_t attempt)
{
	const struct logical *l = fault_of(s, vcpu);

	return attempt < l->nr ? &s->vm->vcpus[vcpu].attempts[l->first + attempt] : NULL;
}

/* No time is later than the last one. */
static uint64_t later(uint64_t at_ns, uint64_t ns)
{
	return ns > UINT64_MAX - at_ns ? UINT64_MAX : at_ns + ns;
}

static void schedule(struct sim *s, uint32_t vcpu, enum phase phase, uint64_t at_ns)
{
	s->runners[vcpu].phase = phase;
	s->runners[vcpu].at_ns = at_ns;
	heap_push(s, vcpu);
}

/* The logical fault starts at @start_ns: everything recorded of it moves by the difference. */
static void arrive(struct sim *s, uint32_t vcpu, uint64_t start_ns)
{
	struct runner *r = &s->runners[vcpu];
	const struct logical *l = fault_of(s, vcpu);

	r->start_ns = start_ns;
	r->shift_ns = (int64_t)(start_ns - s->vm->vcpus[vcpu].attempts[l->first].begin_ns);
	r->attempt = 0;
	r->retries = 0;
	if (s->telling)
		rs_tell_arrival(s->telling, vcpu, l, start_ns);
	schedule(s, vcpu, PHASE_BEGINS, start_ns);
}

/* When the fault behind the present one arrives, the present one being done at @now. */
static void next_fault(struct sim *s, uint32_t vcpu, uint64_t now)
{
	struct runner *r = &s->runners[vcpu];
	const struct vcpu *v = &s->vm->vcpus[vcpu];
	const struct logical *l = fault_of(s, vcpu);
	uint64_t was_done = v->attempts[l->first + l->nr - 1].check_ns;
	uint64_t start;

	r->phase = PHASE_IDLE;
	if (++r->fault == v->nr_faults)
		return;
	start = v->attempts[v->faults[r->fault].first].begin_ns;
	if (s->plan.think)
		start = later(now, start - was_done);
	else if (start < now)
		start = now;
	arrive(s, vcpu, start);
}

static uint64_t recorded_retries(const struct sim *s, uint32_t vcpu)
{
	const struct logical *l = fault_of(s, vcpu);

	return l->nr - 1 + s->vm->vcpus[vcpu].attempts[l->first + l->nr - 1].retry;
}

static void finish_fault(struct sim *s, uint32_t vcpu, uint64_t done_ns, bool starved)
{
	const struct runner *r = &s->runners[vcpu];
	const struct attempt *last = recorded(s, vcpu, fault_of(s, vcpu)->nr - 1);
	uint64_t service = done_ns - r->start_ns;

	s->out->starved += starved;
	s->out->as_recorded +=
		!starved && done_ns == last->check_ns && r->retries == recorded_retries(s, vcpu);
	rs_hist_add(&s->out->retries_per_fault, r->retries, 1);
	rs_hist_add(&s->out->service_ns, service, 1);
	rs_hist_add(&s->out->stall_ns, service > s->vm->clean_ns ? service - s->vm->clean_ns : 0,
		    1);
	if (s->telling)
		rs_tell_end(s->telling, vcpu, done_ns, starved);
}

static bool slot_gone(const struct sim *s, const struct rs_fault *f)
{
	return f->handle == RS_NO_SLOT || rs_fault_obsolete(f, s->memslots);
}

/* 0 where the memslot is gone: nobody asks. */
static unsigned int rejects(const struct sim *s, uint32_t vcpu)
{
	const struct rs_fault *f = &s->faults[vcpu];

	return slot_gone(s, f) ? 0
			       : s->algo.ops->rejects(s->algo.state, f, s->runners[vcpu].snapshot);
}

static void tell_rejection(const struct sim *s, uint32_t vcpu, unsigned int why, uint64_t times)
{
	if (s->telling)
		rs_tell_rejection(s->telling, vcpu, &s->faults[vcpu], why, times);
}

/* Of attempt @attempt as recorded; beyond that of the last one: the guest may convert meanwhile. */
static unsigned int kind_of(const struct sim *s, uint32_t vcpu, uint64_t attempt)
{
	const uint32_t last = fault_of(s, vcpu)->nr - 1;

	return recorded(s, vcpu, attempt < last ? attempt : last)->private ? RS_KIND_PRIVATE
									   : RS_KIND_SHARED;
}

/* The invalidation that @n retries are put down to: the youngest outstanding, else the last
 * ended. */
static void blame(struct sim *s, uint64_t n)
{
	if (s->nr_out)
		s->retries_of[s->begun[s->nr_out - 1]] += n;
	else if (s->nr_begun)
		s->retries_of[s->last_ended] += n;
}

/*
 * Until the next recorded event nothing changes: an attempt beyond the recorded ones that
 * begins @now, takes @took and is rejected is followed by others just like it. How many of
 * these have successors that begin before that event as well.
 */
static uint64_t count_alike(const struct sim *s, uint64_t now, uint64_t period)
{
	const uint64_t last = s->until > s->end_ns ? s->end_ns : s->until - 1;

	return last < now ? 0 : (last - now) / period;
}

/* Counts those, rejected for @why, and returns when the one behind them begins. */
static uint64_t pass_alike(struct sim *s, uint32_t vcpu, uint64_t now, uint64_t took,
			   unsigned int why)
{
	struct runner *r = &s->runners[vcpu];
	uint64_t period, n;

	if (__builtin_add_overflow(took, s->plan.gap_ns, &period))
		return now;
	n = count_alike(s, now, period);
	if (!n)
		return now;
	r->attempt += n;
	r->retries += n;
	s->out->retries += n;
	blame(s, n);
	tell_rejection(s, vcpu, why, n);
	now += n * period;
	s->faults[vcpu].begin_ns = now;
	if (s->telling)
		rs_tell_attempt(s->telling, vcpu, now);
	return now;
}

static void begin_attempt(struct sim *s, uint32_t vcpu, uint64_t now)
{
	struct runner *r = &s->runners[vcpu];
	const struct logical *l = fault_of(s, vcpu);
	const struct attempt *a = recorded(s, vcpu, r->attempt);
	unsigned int why;
	uint64_t took;

	rs_fault_begin(&s->faults[vcpu], s->memslots, vcpu, l->as, l->gfn,
		       kind_of(s, vcpu, r->attempt), now);
	r->snapshot = rs_algo_snapshot(&s->algo);
	if (s->telling)
		rs_tell_attempt(s->telling, vcpu, now);
	why = s->plan.precheck || !a ? rejects(s, vcpu) : 0;
	r->rejected = s->plan.precheck && (why & RS_REJECT_RANGE);
	if (r->rejected)
		took = a && a->before_lookup ? a->check_ns - a->begin_ns : s->vm->precheck_ns;
	else
		took = a && !a->before_lookup ? a->check_ns - a->begin_ns : s->vm->clean_ns;
	if (!a && why)
		now = pass_alike(s, vcpu, now, took, why);
	if (r->rejected)
		tell_rejection(s, vcpu, why, 1);
	schedule(s, vcpu, PHASE_DECIDES, later(now, took));
}

static void try_again(struct sim *s, uint32_t vcpu, uint64_t now)
{
	struct runner *r = &s->runners[vcpu];
	const struct attempt *a = recorded(s, vcpu, ++r->attempt);
	uint64_t at = a ? a->begin_ns + (uint64_t)r->shift_ns : later(now, s->plan.gap_ns);

	r->retries++;
	s->out->retries++;
	blame(s, 1);
	at = at < now ? now : at;
	if (at > s->end_ns || at == UINT64_MAX) {
		finish_fault(s, vcpu, now > s->end_ns ? now : s->end_ns, true);
		next_fault(s, vcpu, now > s->end_ns ? now : s->end_ns);
		return;
	}
	schedule(s, vcpu, PHASE_BEGINS, at);
}

static void decide(struct sim *s, uint32_t vcpu, uint64_t now)
{
	const unsigned int why = s->runners[vcpu].rejected ? 0 : rejects(s, vcpu);

	if (why)
		tell_rejection(s, vcpu, why, 1);
	s->faults[vcpu].open = false;
	if (why || s->runners[vcpu].rejected) {
		try_again(s, vcpu, now);
		return;
	}
	finish_fault(s, vcpu, now, false);
	next_fault(s, vcpu, now);
}

/* Lets the vCPUs act that come before a recorded event at @until. */
static void run_until(struct sim *s, uint64_t until)
{
	s->until = until;
	while (s->nr_heap && (until == NO_EVENT || s->runners[s->heap[0]].at_ns < until)) {
		uint32_t vcpu = heap_pop(s);
		struct runner *r = &s->runners[vcpu];

		if (r->phase == PHASE_DECIDES)
			decide(s, vcpu, r->at_ns);
		else
			begin_attempt(s, vcpu, r->at_ns);
	}
}

/* ---- recorded events in a simulation ---- */

static int note_begin(struct sim *s, uint64_t id)
{
	if (RS_ROOM_ZEROED(s->begun, s->max_out, s->nr_out + 1) ||
	    RS_ROOM_ZEROED(s->begun_id, s->max_out_id, s->nr_out + 1))
		return -ENOMEM;
	s->begun[s->nr_out] = s->nr_begun++;
	s->begun_id[s->nr_out++] = id;
	return 0;
}

static void note_end(struct sim *s, uint64_t id)
{
	size_t i = s->nr_out;

	while (i-- && s->begun_id[i] != id)
		;
	if (i == SIZE_MAX)
		return;
	s->last_ended = s->begun[i];
	s->nr_out--;
	memmove(&s->begun[i], &s->begun[i + 1], (s->nr_out - i) * sizeof(*s->begun));
	memmove(&s->begun_id[i], &s->begun_id[i + 1], (s->nr_out - i) * sizeof(*s->begun_id));
}

static int apply_memslot(struct sim *s, const struct rs_event *e)
{
	enum rs_vm_change change =
		rs_vm_set_memslot(s->memslots, e->as, e->memslot.id, e->memslot.gfn,
				  e->memslot.npages, e->memslot.hva, e->memslot.flags);

	if (change == RS_VM_NOMEM)
		return -ENOMEM;
	if (change != RS_VM_CHANGED || !rs_invals_nr(s->invals))
		return 0;
	if (rs_vm_update(s->memslots) || rs_invals_memslots_changed(s->invals))
		return -ENOMEM;
	if (s->telling)
		rs_blames_memslots_changed(rs_tell_blames(s->telling));
	return s->algo.ops->memslots_changed ? s->algo.ops->memslots_changed(s->algo.state) : 0;
}

static int apply_begin(struct sim *s, const struct rs_event *e)
{
	const struct rs_inval *inv;

	if (rs_vm_update(s->memslots))
		return -ENOMEM;
	inv = rs_invals_begin(s->invals, e, e->time_ns);
	if (!inv || note_begin(s, e->inval.id) ||
	    (s->telling && rs_blames_begin(rs_tell_blames(s->telling), inv)))
		return -ENOMEM;
	return rs_algo_sees(&s->algo, inv) ? rs_algo_begin(&s->algo, inv) : 0;
}

static int apply_slot(struct sim *s, const struct rs_event *e)
{
	struct rs_inval *inv = rs_invals_find(s->invals, e->inval.id);
	uint32_t handle = rs_vm_find_id(s->memslots, e->as, e->inval.slot);
	bool first, saw = rs_algo_sees(&s->algo, inv);
	const struct rs_hit *hit;

	if (rs_vm_update(s->memslots))
		return -ENOMEM;
	hit = rs_invals_slot(s->invals, inv, handle,
			     (struct rs_range){ e->inval.start, e->inval.end }, &first);
	if (!hit || (!saw && rs_algo_begin(&s->algo, inv)) ||
	    (s->telling && rs_blames_slot(rs_tell_blames(s->telling), inv, hit, first)))
		return -ENOMEM;
	return rs_algo_slot(&s->algo, inv, hit);
}

static void apply_end(struct sim *s, const struct rs_event *e)
{
	struct rs_inval *inv = rs_invals_find(s->invals, e->inval.id);
	uint32_t nr_open = 0;

	for (uint32_t i = 0; i < s->vm->nr_vcpus; i++) {
		if (!s->faults[i].open)
			continue;
		rs_fault_mark(&s->faults[i], inv);
		s->open[nr_open++] = i;
	}
	if (s->telling)
		rs_blames_end(rs_tell_blames(s->telling), inv, e->time_ns, s->faults, s->open,
			      nr_open);
	if (rs_algo_sees(&s->algo, inv))
		rs_algo_end(&s->algo, inv);
	rs_invals_end(s->invals, inv);
	note_end(s, e->inval.id);
}

static int apply(struct sim *s, const struct rs_event *e)
{
	switch (e->type) {
	case RS_EV_MEMSLOT:
		return apply_memslot(s, e);
	case RS_EV_INVAL_BEGIN:
		return apply_begin(s, e);
	case RS_EV_INVAL_SLOT:
		return apply_slot(s, e);
	case RS_EV_INVAL_END:
		apply_end(s, e);
		return 0;
	default:
		rs_invals_drop(s->invals);
		if (s->telling)
			rs_blames_drop(rs_tell_blames(s->telling));
		if (s->algo.ops->drop)
			s->algo.ops->drop(s->algo.state);
		if (s->nr_out)
			s->last_ended = s->begun[s->nr_out - 1];
		s->nr_out = 0;
		return 0;
	}
}

static void count_per_inval(struct sim *s)
{
	for (uint64_t i = 0; i < s->nr_begun; i++)
		rs_hist_add(&s->out->retries_per_inval, s->retries_of[i], 1);
}

static int sim_run(struct sim *s)
{
	for (uint32_t i = 0; i < s->vm->nr_vcpus; i++) {
		const struct vcpu *v = &s->vm->vcpus[i];

		if (v->nr_faults)
			arrive(s, i, v->attempts[v->faults[0].first].begin_ns);
	}
	for (size_t i = 0; i < s->vm->nr_events; i++) {
		run_until(s, s->vm->events[i].time_ns);
		if (apply(s, &s->vm->events[i]))
			return -ENOMEM;
	}
	if (rs_vm_update(s->memslots))
		return -ENOMEM;
	run_until(s, NO_EVENT);
	count_per_inval(s);
	return s->telling && rs_tell_failed(s->telling) ? -ENOMEM : 0;
}

static void sim_free(struct sim *s)
{
	if (s->algo.ops)
		rs_algo_destroy(&s->algo);
	rs_tell_free(s->telling);
	rs_invals_free(s->invals);
	rs_vm_free(s->memslots);
	free(s->runners);
	free(s->faults);
	free(s->open);
	free(s->heap);
	free(s->retries_of);
	free(s->begun);
	free(s->begun_id);
}

/* 0 or -ENOMEM. */
static int sim_init(struct sim *s, const struct rs_closed *c)
{
	const uint32_t nr = s->vm->nr_vcpus + 1;
	struct rs_algo_env env;

	s->memslots = rs_vm_new();
	s->invals = s->memslots ? rs_invals_new(s->memslots,
						s->plan.told ? RS_INVALS_TRUTH | RS_INVALS_CAUSES
							     : RS_INVALS_TRUTH)
				: NULL;
	s->runners = calloc(nr, sizeof(*s->runners));
	s->faults = calloc(nr, sizeof(*s->faults));
	s->open = calloc(nr, sizeof(*s->open));
	s->heap = calloc(nr, sizeof(*s->heap));
	s->retries_of = calloc(s->vm->nr_invals + 1, sizeof(*s->retries_of));
	if (!s->invals || !s->runners || !s->faults || !s->open || !s->heap || !s->retries_of)
		return -ENOMEM;
	for (uint32_t i = 0; i < nr; i++)
		s->faults[i].seat = (uint16_t)i;
	env = (struct rs_algo_env){ s->memslots, s->invals, true };
	if (rs_algo_init(&s->algo, s->plan.spec, &env))
		return -ENOMEM;
	if (!s->plan.told)
		return 0;
	s->telling = rs_tell_new(c, s->vm, &s->plan, s->invals, &s->algo);
	return s->telling ? 0 : -ENOMEM;
}

int rs_closed_simulate(const struct rs_closed *c, const struct vm *vm, const struct plan *plan,
		       struct rs_closed_algo *out)
{
	struct sim s = { .vm = vm, .plan = *plan, .end_ns = c->end_ns, .out = out };
	int ret = sim_init(&s, c);

	if (!ret)
		ret = sim_run(&s);
	sim_free(&s);
	return ret;
}
