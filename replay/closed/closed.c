// SPDX-License-Identifier: GPL-2.0-only
#include "replay/closed/closed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "replay/algorithm.h"
#include "base/array.h"
#include "base/parallel.h"

#define NO_EVENT UINT64_MAX

/* One recorded attempt of a fault: begun, decided. */
struct attempt {
	uint64_t begin_ns;
	uint64_t check_ns : 62;
	uint64_t before_lookup : 1;
	uint64_t retry : 1;
};

/* A chain of attempts, folded. */
struct logical {
	uint64_t gfn;
	uint32_t first, nr; /* in attempts[] of its vCPU */
	uint8_t as;
};

struct vcpu {
	bool chained; /* the next attempt may go on with the last fault */
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
	struct vcpu *vcpus;
	uint32_t nr_vcpus;
	uint64_t nr_invals;
	/* Medians. */
	uint64_t precheck_ns, clean_ns, gap_ns;
	bool has_gap;
	uint64_t logical_faults, retries;
};

struct rs_closed {
	struct rs_closed_opts opts;
	struct rs_observer observer;
	struct vm *vms;
	size_t nr_vms, max_vms, last_vm;
	uint64_t end_ns;
	bool failed;	   /* no memory while collecting */
	bool has_lockless; /* the kernel checks without the lock: all its VMs, used or not */
	struct rs_algo_spec *specs;
	size_t nr_specs;
	struct rs_algo_spec *check; /* the traced kernel's; NULL: not known */
};

/* ---- collecting ---- */

/* NULL if nothing was recorded of it. */
static struct vm *recorded_vm(const struct rs_closed *c, uint32_t number)
{
	for (size_t i = 0; i < c->nr_vms; i++)
		if (c->vms[i].number == number)
			return &c->vms[i];
	return NULL;
}

static struct vm *vm_of(struct rs_closed *c, uint32_t number)
{
	struct vm *vm;

	if (c->last_vm < c->nr_vms && c->vms[c->last_vm].number == number)
		return &c->vms[c->last_vm];
	vm = recorded_vm(c, number);
	if (vm) {
		c->last_vm = (size_t)(vm - c->vms);
		return vm;
	}
	if (RS_ROOM_ZEROED(c->vms, c->max_vms, c->nr_vms + 1)) {
		c->failed = true;
		return NULL;
	}
	c->last_vm = c->nr_vms++;
	memset(&c->vms[c->last_vm], 0, sizeof(*c->vms));
	c->vms[c->last_vm].number = number;
	return &c->vms[c->last_vm];
}

static struct vcpu *vcpu_of(struct rs_closed *c, uint32_t number, uint32_t vcpu)
{
	struct vm *vm = vm_of(c, number);

	if (!vm)
		return NULL;
	if (vcpu < vm->nr_vcpus)
		return &vm->vcpus[vcpu];
	if (RS_RESIZE(vm->vcpus, (size_t)vcpu + 1)) {
		c->failed = true;
		return NULL;
	}
	memset(vm->vcpus + vm->nr_vcpus, 0, (vcpu + 1 - vm->nr_vcpus) * sizeof(*vm->vcpus));
	vm->nr_vcpus = vcpu + 1;
	return &vm->vcpus[vcpu];
}

static void on_applied(void *arg, const struct rs_event *e, uint64_t time_ns)
{
	struct rs_closed *c = arg;
	struct vm *vm = vm_of(c, e->vm);

	if (!vm)
		return;
	if (RS_ROOM_ZEROED(vm->events, vm->max_events, vm->nr_events + 1)) {
		c->failed = true;
		return;
	}
	vm->events[vm->nr_events] = *e;
	vm->events[vm->nr_events++].time_ns = time_ns;
	vm->nr_invals += e->type == RS_EV_INVAL_BEGIN;
	/* Attempts may be among what was lost: none is known to follow another. */
	for (uint32_t i = 0; e->type == RS_EV_LOST && i < vm->nr_vcpus; i++)
		vm->vcpus[i].chained = false;
}

static void on_unjudged(void *arg, uint32_t vm, uint32_t vcpu)
{
	struct vcpu *v = vcpu_of(arg, vm, vcpu);

	if (v)
		v->chained = false;
}

static bool goes_on(const struct vcpu *v, const struct rs_judged *j)
{
	const struct logical *last = v->nr_faults ? &v->faults[v->nr_faults - 1] : NULL;

	return v->chained && last->gfn == j->gfn && last->as == j->as;
}

static void on_judged(void *arg, const struct rs_judged *j)
{
	struct rs_closed *c = arg;
	struct vcpu *v = vcpu_of(c, j->vm, j->vcpu);
	bool retry = j->result == RS_RES_RETRY;

	if (!v)
		return;
	if (RS_ROOM_ZEROED(v->attempts, v->max_attempts, v->nr_attempts + 1) ||
	    RS_ROOM_ZEROED(v->faults, v->max_faults, v->nr_faults + 1)) {
		c->failed = true;
		return;
	}
	if (!goes_on(v, j))
		v->faults[v->nr_faults++] = (struct logical){ .gfn = j->gfn,
							      .first = (uint32_t)v->nr_attempts,
							      .as = j->as };
	v->faults[v->nr_faults - 1].nr++;
	v->attempts[v->nr_attempts++] =
		(struct attempt){ .begin_ns = j->begin_ns,
				  .check_ns = j->time_ns,
				  .before_lookup = j->lockless && j->time_ns == j->begin_ns,
				  .retry = retry };
	v->chained = retry;
	c->has_lockless |= j->lockless;
}

/* ---- medians of what was recorded ---- */

struct sample {
	uint64_t *v;
	size_t nr, max;
};

static int sample_add(struct sample *s, uint64_t value)
{
	if (RS_ROOM_ZEROED(s->v, s->max, s->nr + 1))
		return -ENOMEM;
	s->v[s->nr++] = value;
	return 0;
}

static int cmp_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The lower median; 0 of nothing. Frees the sample. */
static uint64_t sample_median(struct sample *s)
{
	uint64_t median;

	if (s->nr)
		qsort(s->v, s->nr, sizeof(*s->v), cmp_u64);
	median = s->nr ? s->v[(s->nr - 1) / 2] : 0;
	free(s->v);
	return median;
}

static int sample_fault(const struct vcpu *v, const struct logical *l, struct sample *before,
			struct sample *after, struct sample *gaps)
{
	for (uint32_t i = 0; i < l->nr; i++) {
		const struct attempt *a = &v->attempts[l->first + i];
		uint64_t took = a->check_ns - a->begin_ns;

		if (sample_add(a->before_lookup ? before : after, took))
			return -ENOMEM;
		if (i + 1 < l->nr && sample_add(gaps, a[1].begin_ns - a->check_ns))
			return -ENOMEM;
	}
	return 0;
}

static int measure(struct vm *vm)
{
	struct sample before = { 0 }, after = { 0 }, gaps = { 0 };
	int ret = 0;

	for (uint32_t i = 0; i < vm->nr_vcpus; i++) {
		const struct vcpu *v = &vm->vcpus[i];

		vm->logical_faults += v->nr_faults;
		for (size_t k = 0; k < v->nr_attempts; k++)
			vm->retries += v->attempts[k].retry;
		for (size_t k = 0; k < v->nr_faults && !ret; k++)
			ret = sample_fault(v, &v->faults[k], &before, &after, &gaps);
	}
	vm->has_gap = gaps.nr;
	vm->precheck_ns = sample_median(&before);
	vm->clean_ns = sample_median(&after);
	vm->gap_ns = sample_median(&gaps);
	return ret;
}

/* ---- simulating ---- */

/* What one simulation is to do. */
struct plan {
	const struct rs_algo_spec *spec;
	bool precheck, think;
	uint64_t gap_ns;
};

enum phase { PHASE_IDLE, PHASE_DECIDES, PHASE_BEGINS };

/* A vCPU in a simulation. */
struct runner {
	enum phase phase;
	uint64_t at_ns; /* when it decides or begins */
	size_t fault;	/* in vcpu.faults[] */
	uint32_t attempt;
	int64_t shift_ns;
	uint64_t start_ns; /* of the logical fault */
	uint64_t snapshot;
	uint64_t retries;
	bool rejected; /* decided already at its begin */
	struct rs_fault f;
};

struct sim {
	const struct vm *vm;
	struct plan plan;
	uint64_t end_ns;
	struct rs_vm *memslots;
	struct rs_invals *invals;
	struct rs_algo algo;
	struct runner *runners; /* by vcpu */
	uint32_t *heap;		/* vcpus that are not idle, the next to act first */
	uint32_t nr_heap;
	uint32_t *retries_of; /* per invalidation, by number of its begin */
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
static const struct attempt *recorded(const struct sim *s, uint32_t vcpu, uint32_t attempt)
{
	const struct logical *l = fault_of(s, vcpu);

	return attempt < l->nr ? &s->vm->vcpus[vcpu].attempts[l->first + attempt] : NULL;
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
		start = now + (start - was_done);
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
}

static bool slot_gone(const struct sim *s, const struct rs_fault *f)
{
	return f->handle == RS_NO_SLOT || rs_fault_obsolete(f, s->memslots);
}

static unsigned int rejects(const struct sim *s, const struct runner *r)
{
	return s->algo.ops->rejects(s->algo.state, &r->f, r->snapshot);
}

static void begin_attempt(struct sim *s, uint32_t vcpu, uint64_t now)
{
	struct runner *r = &s->runners[vcpu];
	const struct logical *l = fault_of(s, vcpu);
	const struct attempt *a = recorded(s, vcpu, r->attempt);
	uint64_t took;

	rs_fault_begin(&r->f, s->memslots, vcpu, l->as, l->gfn, now);
	r->snapshot = rs_algo_snapshot(&s->algo);
	r->rejected = s->plan.precheck && !slot_gone(s, &r->f) && (rejects(s, r) & RS_REJECT_RANGE);
	if (r->rejected)
		took = a && a->before_lookup ? a->check_ns - a->begin_ns : s->vm->precheck_ns;
	else
		took = a && !a->before_lookup ? a->check_ns - a->begin_ns : s->vm->clean_ns;
	schedule(s, vcpu, PHASE_DECIDES, now + took);
}

/* The invalidation that a retry is put down to: the youngest outstanding, else the last ended. */
static void blame(struct sim *s)
{
	if (s->nr_out)
		s->retries_of[s->begun[s->nr_out - 1]]++;
	else if (s->nr_begun)
		s->retries_of[s->last_ended]++;
}

static void try_again(struct sim *s, uint32_t vcpu, uint64_t now)
{
	struct runner *r = &s->runners[vcpu];
	const struct attempt *a = recorded(s, vcpu, ++r->attempt);
	uint64_t at = a ? a->begin_ns + (uint64_t)r->shift_ns : now + s->plan.gap_ns;

	r->retries++;
	s->out->retries++;
	blame(s);
	at = at < now ? now : at;
	if (at > s->end_ns) {
		finish_fault(s, vcpu, now > s->end_ns ? now : s->end_ns, true);
		next_fault(s, vcpu, now > s->end_ns ? now : s->end_ns);
		return;
	}
	schedule(s, vcpu, PHASE_BEGINS, at);
}

static void decide(struct sim *s, uint32_t vcpu, uint64_t now)
{
	struct runner *r = &s->runners[vcpu];

	r->f.open = false;
	if (r->rejected || (!slot_gone(s, &r->f) && rejects(s, r))) {
		try_again(s, vcpu, now);
		return;
	}
	finish_fault(s, vcpu, now, false);
	next_fault(s, vcpu, now);
}

/* Lets the vCPUs act that come before a recorded event at @until. */
static void run_until(struct sim *s, uint64_t until)
{
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
	return s->algo.ops->memslots_changed ? s->algo.ops->memslots_changed(s->algo.state) : 0;
}

static int apply_begin(struct sim *s, const struct rs_event *e)
{
	struct rs_range range = { e->inval.start, e->inval.end };
	const struct rs_inval *inv;

	if (rs_vm_update(s->memslots))
		return -ENOMEM;
	inv = rs_invals_begin(s->invals, e->inval.id, e->time_ns, range, e->flags & RS_F_GFN,
			      e->flags & RS_F_WALK);
	if (!inv || note_begin(s, e->inval.id))
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
	if (!hit || (!saw && rs_algo_begin(&s->algo, inv)))
		return -ENOMEM;
	return rs_algo_slot(&s->algo, inv, hit);
}

static void apply_end(struct sim *s, const struct rs_event *e)
{
	struct rs_inval *inv = rs_invals_find(s->invals, e->inval.id);

	for (uint32_t i = 0; i < s->vm->nr_vcpus; i++)
		if (s->runners[i].f.open)
			rs_fault_mark(&s->runners[i].f, inv);
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
	return 0;
}

static void sim_free(struct sim *s)
{
	if (s->algo.ops)
		rs_algo_destroy(&s->algo);
	rs_invals_free(s->invals);
	rs_vm_free(s->memslots);
	free(s->runners);
	free(s->heap);
	free(s->retries_of);
	free(s->begun);
	free(s->begun_id);
}

static int simulate(const struct rs_closed *c, const struct vm *vm, const struct plan *plan,
		    struct rs_closed_algo *out)
{
	struct sim s = { .vm = vm, .plan = *plan, .end_ns = c->end_ns, .out = out };
	struct rs_algo_env env;
	int ret = -ENOMEM;

	s.memslots = rs_vm_new();
	s.invals = s.memslots ? rs_invals_new(s.memslots, RS_INVALS_TRUTH) : NULL;
	s.runners = calloc(vm->nr_vcpus + 1, sizeof(*s.runners));
	s.heap = calloc(vm->nr_vcpus + 1, sizeof(*s.heap));
	s.retries_of = calloc(vm->nr_invals + 1, sizeof(*s.retries_of));
	env = (struct rs_algo_env){ s.memslots, s.invals, true };
	if (s.invals && s.runners && s.heap && s.retries_of &&
	    !rs_algo_init(&s.algo, plan->spec, &env))
		ret = sim_run(&s);
	sim_free(&s);
	return ret;
}

/* ---- all simulations, on several threads ---- */

struct job {
	const struct vm *vm;
	struct plan plan;
	struct rs_closed_algo *out;
	int ret;
};

struct jobs {
	const struct rs_closed *c;
	struct job *v;
	size_t nr;
	size_t next; /* atomic */
};

static void *work(void *arg)
{
	struct jobs *jobs = arg;
	size_t i;

	while ((i = __atomic_fetch_add(&jobs->next, 1, __ATOMIC_RELAXED)) < jobs->nr) {
		struct job *j = &jobs->v[i];

		j->ret = simulate(jobs->c, j->vm, &j->plan, j->out);
	}
	return NULL;
}

static int run_jobs(struct jobs *jobs, unsigned int threads)
{
	rs_parallel(threads, work, jobs);
	for (size_t i = 0; i < jobs->nr; i++)
		if (jobs->v[i].ret)
			return jobs->v[i].ret;
	return 0;
}

static bool precheck_of(const struct rs_closed *c)
{
	if (c->opts.precheck == RS_PRECHECK_TRACED)
		return c->has_lockless;
	return c->opts.precheck == RS_PRECHECK_ON;
}

/* The recorded gap, at least 1 ns; 1 us where nothing says otherwise. */
static uint64_t gap_of(const struct vm *vm, uint64_t asked)
{
	uint64_t gap = asked ? asked : vm->has_gap ? vm->gap_ns : 1000;

	return gap ? gap : 1;
}

static int plan_vm(struct rs_closed *c, struct vm *vm, struct rs_vm_result *res, struct jobs *jobs)
{
	struct plan plan = { NULL, precheck_of(c), c->opts.think,
			     gap_of(vm, c->opts.retry_gap_ns) };

	res->closed =
		(struct rs_closed_vm){ .precheck = plan.precheck,
				       .arrivals = plan.think ? "think" : "recorded",
				       .retry_gap_ns = plan.gap_ns,
				       .retry_gap_assumed = !c->opts.retry_gap_ns && !vm->has_gap,
				       .logical_faults = vm->logical_faults,
				       .recorded_retries = vm->retries,
				       .clean_attempt_ns = vm->clean_ns,
				       .precheck_ns = vm->precheck_ns };
	for (size_t i = 0; i < c->nr_specs; i++) {
		res->algos[i].closed = calloc(1, sizeof(*res->algos[i].closed));
		if (!res->algos[i].closed)
			return -ENOMEM;
		plan.spec = &c->specs[i];
		jobs->v[jobs->nr++] = (struct job){ vm, plan, res->algos[i].closed, 0 };
	}
	return 0;
}

/* The traced kernel's algorithm as it was: the figures go to @out. */
static void plan_check(struct rs_closed *c, struct vm *vm, struct rs_closed_algo *out,
		       struct jobs *jobs)
{
	struct plan plan = { c->check, c->has_lockless, false, gap_of(vm, 0) };

	jobs->v[jobs->nr++] = (struct job){ vm, plan, out, 0 };
}

static int simulate_all(struct rs_closed *c, struct rs_result *res, struct rs_closed_algo *checks)
{
	struct jobs jobs = { .c = c };
	int ret = 0;

	jobs.v = calloc(res->nr_vms * (c->nr_specs + 1) + 1, sizeof(*jobs.v));
	if (!jobs.v)
		return -ENOMEM;
	for (size_t i = 0; i < res->nr_vms && !ret; i++) {
		struct vm *vm = vm_of(c, res->vms[i].vm);

		ret = vm ? measure(vm) : -ENOMEM;
	}
	for (size_t i = 0; i < res->nr_vms && !ret; i++) {
		struct vm *vm = recorded_vm(c, res->vms[i].vm);

		ret = plan_vm(c, vm, &res->vms[i], &jobs);
		if (c->check)
			plan_check(c, vm, &checks[i], &jobs);
	}
	if (!ret)
		ret = run_jobs(&jobs, c->opts.jobs);
	free(jobs.v);
	return ret;
}

int rs_closed_finish(struct rs_closed *c, struct rs_result *res, struct rs_error *err)
{
	struct rs_closed_algo *checks = calloc(res->nr_vms + 1, sizeof(*checks));
	int ret = -ENOMEM;

	c->end_ns = res->end_ns;
	if (checks && !c->failed)
		ret = simulate_all(c, res, checks);
	for (size_t i = 0; checks && i < res->nr_vms; i++) {
		struct rs_closed_vm *v = &res->vms[i].closed;

		v->checked = c->check;
		v->check_as_recorded = checks[i].as_recorded;
		v->check_retries = checks[i].retries;
		rs_closed_algo_clear(&checks[i]);
	}
	free(checks);
	if (!ret && rs_result_lacks(res))
		ret = -ENOMEM;
	if (ret)
		return rs_error_nomem(err);
	res->closed = true;
	return 0;
}

struct rs_closed *rs_closed_new(const struct rs_closed_opts *opts, struct rs_error *err)
{
	struct rs_closed *c = calloc(1, sizeof(*c));
	size_t n;
	int ret;

	if (!c) {
		rs_error_nomem(err);
		errno = ENOMEM;
		return NULL;
	}
	c->opts = *opts;
	c->observer = (struct rs_observer){
		.arg = c, .judged = on_judged, .unjudged = on_unjudged, .applied = on_applied
	};
	ret = rs_algo_parse(opts->algos, &c->specs, &c->nr_specs, err);
	if (!ret && opts->kernel_algo)
		ret = rs_algo_parse(opts->kernel_algo, &c->check, &n, err);
	if (ret) {
		rs_closed_free(c);
		errno = -ret;
		return NULL;
	}
	return c;
}

const struct rs_observer *rs_closed_observer(struct rs_closed *c)
{
	return &c->observer;
}

void rs_closed_free(struct rs_closed *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->nr_vms; i++) {
		struct vm *vm = &c->vms[i];

		for (uint32_t k = 0; k < vm->nr_vcpus; k++) {
			free(vm->vcpus[k].faults);
			free(vm->vcpus[k].attempts);
		}
		free(vm->vcpus);
		free(vm->events);
	}
	free(c->vms);
	free(c->specs);
	free(c->check);
	free(c);
}
