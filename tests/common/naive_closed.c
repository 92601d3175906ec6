// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "tests/common/naive_closed.h"
#include "tests/common/naive_internal.h"

#define ASSUMED_GAP_NS 1000

struct attempt {
	uint64_t begin_ns, decided_ns;
	bool before; /* decided before its lookup */
	bool retry;
	unsigned int kind;
};

/* A chain of attempts: one logical fault. */
struct chain {
	uint32_t vm, vcpu;
	uint8_t as;
	uint64_t gfn;
	struct attempt *attempts;
	size_t nr;
	bool ended; /* something else came: no attempt can be added */
};

/* The memslots of a VM after one event of it. */
struct memory {
	uint32_t vm;
	uint64_t pos;
	struct nv_slot *slots;
	size_t nr;
};

struct values {
	uint64_t *v;
	size_t n;
};

struct sim {
	const struct naive_closed_opts *opts;
	struct naive nv;
	uint64_t *times; /* of each position, times[0] is before all */
	struct memory *memories;
	size_t nr_memories;
	struct chain *chains;
	size_t nr_chains;
	bool lockless;
	struct naive_closed *out;
	/* Of the VM that is being simulated. */
	const struct nv_vm *vm;
	struct naive_closed_vm *common;
	uint64_t precheck_ns;
};

/* Folding. */

static void end_chains(struct sim *s, uint32_t vm, uint32_t vcpu, bool all)
{
	for (size_t i = 0; i < s->nr_chains; i++)
		if (s->chains[i].vm == vm && (all || s->chains[i].vcpu == vcpu))
			s->chains[i].ended = true;
}

static struct chain *chain_of(struct sim *s, const struct naive_judged *j)
{
	for (size_t i = 0; i < s->nr_chains; i++) {
		struct chain *c = &s->chains[i];

		if (!c->ended && c->vm == j->vm && c->vcpu == j->vcpu && c->as == j->as &&
		    c->gfn == j->gfn)
			return c;
	}
	end_chains(s, j->vm, j->vcpu, false);
	s->chains = nv_grow(s->chains, s->nr_chains, sizeof(*s->chains));
	s->chains[s->nr_chains] =
		(struct chain){ .vm = j->vm, .vcpu = j->vcpu, .as = j->as, .gfn = j->gfn };
	return &s->chains[s->nr_chains++];
}

static void fold_judged(struct sim *s, const struct naive_judged *j)
{
	struct chain *c = chain_of(s, j);

	c->attempts = nv_grow(c->attempts, c->nr, sizeof(*c->attempts));
	c->attempts[c->nr++] =
		(struct attempt){ j->begin_ns, j->time_ns, j->lockless && j->begin_ns == j->time_ns,
				  j->result == RS_RES_RETRY, j->private ? NV_PRIVATE : NV_SHARED };
	c->ended = j->result != RS_RES_RETRY;
	s->lockless |= j->lockless;
}

static bool fault_outstanding(const struct sim *s, const struct rs_event *ev)
{
	for (size_t i = 0; i < s->nv.res->nr_vms; i++)
		for (size_t j = 0; s->nv.vms[i].vm == ev->vm && j < s->nv.vms[i].nr_faults; j++)
			if (s->nv.vms[i].faults[j].vcpu == ev->fault.vcpu)
				return s->nv.vms[i].faults[j].outstanding;
	return false;
}

static void remember_memory(struct sim *s, uint32_t vm)
{
	for (size_t i = 0; i < s->nv.res->nr_vms; i++) {
		const struct nv_vm *v = &s->nv.vms[i];
		struct memory m = { .vm = vm, .pos = s->nv.pos, .nr = v->nr_slots };

		if (v->vm != vm)
			continue;
		m.slots = malloc((v->nr_slots + 1) * sizeof(*m.slots));
		if (!m.slots)
			abort();
		if (m.nr)
			memcpy(m.slots, v->slots, m.nr * sizeof(*m.slots));
		s->memories = nv_grow(s->memories, s->nr_memories, sizeof(m));
		s->memories[s->nr_memories++] = m;
	}
}

/* What a vCPU does besides checks that are judged ends its chain. */
static void record(struct sim *s, const struct rs_event *ev)
{
	size_t judged = s->nv.res->nr_judged;
	bool outstanding = fault_outstanding(s, ev);

	nv_step(&s->nv, ev);
	s->times[s->nv.pos] = s->nv.now_ns;
	if (s->nv.res->nr_judged > judged)
		fold_judged(s, &s->nv.res->judged[judged]);
	else if (ev->type == RS_EV_LOST)
		end_chains(s, ev->vm, 0, true);
	else if (outstanding && (ev->type == RS_EV_FAULT_CHECK || ev->type == RS_EV_FAULT_END ||
				 ev->type == RS_EV_FAULT_BEGIN))
		end_chains(s, ev->vm, ev->fault.vcpu, false);
	else if (ev->type == RS_EV_MEMSLOT)
		remember_memory(s, ev->vm);
}

/* What the faults of a VM have in common. */

static void value_add(struct values *vs, uint64_t v)
{
	vs->v = nv_grow(vs->v, vs->n, sizeof(v));
	vs->v[vs->n++] = v;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Of an even number the lower one; 0 of none. */
static uint64_t median(struct values *vs)
{
	uint64_t m = 0;

	if (vs->n) {
		qsort(vs->v, vs->n, sizeof(*vs->v), by_value);
		m = vs->v[(vs->n - 1) / 2];
	}
	free(vs->v);
	return m;
}

static void learn(struct sim *s)
{
	struct values gaps = { 0 }, before = { 0 }, after = { 0 };
	struct naive_closed_vm *c = s->common;
	size_t nr_gaps;

	for (size_t i = 0; i < s->nr_chains; i++) {
		const struct chain *chain = &s->chains[i];

		for (size_t k = 0; chain->vm == c->vm && k < chain->nr; k++) {
			const struct attempt *a = &chain->attempts[k];

			value_add(a->before ? &before : &after, a->decided_ns - a->begin_ns);
			if (k)
				value_add(&gaps, a->begin_ns - a[-1].decided_ns);
		}
	}
	nr_gaps = gaps.n;
	c->clean_ns = median(&after);
	s->precheck_ns = median(&before);
	c->retry_gap_ns = median(&gaps);
	if (!nr_gaps)
		c->retry_gap_ns = ASSUMED_GAP_NS;
	if (s->opts->retry_gap_ns)
		c->retry_gap_ns = s->opts->retry_gap_ns;
	if (!c->retry_gap_ns)
		c->retry_gap_ns = 1;
	c->retry_gap_assumed = !nr_gaps && !s->opts->retry_gap_ns;
	c->precheck = s->opts->precheck == NAIVE_PRECHECK_ON ||
		      (s->opts->precheck == NAIVE_PRECHECK_TRACED && s->lockless);
}

/* The state at a time: after all events that are recorded up to then. */

static uint64_t pos_at(const struct sim *s, uint64_t time_ns)
{
	uint64_t pos = s->nv.pos;

	while (pos && s->times[pos] > time_ns)
		pos--;
	return pos;
}

static const struct nv_slot *slot_at(const struct sim *s, uint64_t pos, const struct chain *c)
{
	const struct memory *m = NULL;

	for (size_t i = 0; i < s->nr_memories; i++)
		if (s->memories[i].vm == c->vm && s->memories[i].pos <= pos)
			m = &s->memories[i];
	for (size_t i = 0; m && i < m->nr; i++) {
		const struct nv_slot *slot = &m->slots[i];

		if (slot->as == c->as && slot->gfn <= c->gfn && c->gfn - slot->gfn < slot->npages)
			return slot;
	}
	return NULL;
}

/* The invalidations as they stood after the event at @pos; the caller frees .invals. */
static struct nv_vm state_at(const struct sim *s, uint64_t pos)
{
	struct nv_vm vm = { .vm = s->vm->vm };

	vm.invals = malloc((s->vm->nr_invals + 1) * sizeof(*vm.invals));
	if (!vm.invals)
		abort();
	for (size_t i = 0; i < s->vm->nr_invals; i++) {
		struct nv_inval iv = s->vm->invals[i];

		if (iv.begin_pos > pos)
			continue;
		if (iv.hit_pos > pos)
			iv.hit_pos = NV_NEVER;
		if (iv.end_pos > pos)
			iv.end_pos = NV_NEVER;
		while (iv.nr_hits && iv.hits[iv.nr_hits - 1].pos > pos)
			iv.nr_hits--;
		vm.invals[vm.nr_invals++] = iv;
	}
	return vm;
}

static bool is_stale(const struct nv_vm *vm, uint64_t since, const struct nv_slot *slot,
		     uint64_t gfn, unsigned int kind)
{
	for (size_t i = 0; i < vm->nr_invals; i++)
		if (vm->invals[i].end_pos > since && (vm->invals[i].filter & kind) &&
		    !nv_dropped(&vm->invals[i]) && nv_covers(&vm->invals[i], slot, gfn))
			return true;
	return false;
}

/* By range alone, at @pos. */
static bool rejected_by_range(const struct sim *s, struct nv_algo algo, uint64_t pos,
			      const struct nv_slot *slot, uint64_t gfn, unsigned int kind)
{
	struct nv_vm vm = state_at(s, pos);
	struct nv_view view;
	bool rejected;

	nv_view_make(&view, &vm, algo, kind);
	rejected = nv_view_rejects(&view, slot, gfn);
	nv_areas_free(&view.areas);
	free(vm.invals);
	return rejected;
}

/* By range or by what ended, of an attempt that began after the event at @since. */
static bool rejected_at(const struct sim *s, struct nv_algo algo, uint64_t since, uint64_t pos,
			const struct nv_slot *slot, uint64_t gfn, unsigned int kind)
{
	struct nv_vm vm = state_at(s, pos);
	bool rejected = algo.kind == NV_EXACT ? is_stale(&vm, since, slot, gfn, kind)
					      : nv_seq_rejects(&vm, algo, since, slot, gfn, kind);

	free(vm.invals);
	return rejected || rejected_by_range(s, algo, pos, slot, gfn, kind);
}

/* The youngest outstanding one at @pos, else the last that ended; NULL if none began. */
static const struct nv_inval *blamed(const struct sim *s, uint64_t pos)
{
	const struct nv_inval *found = NULL;

	for (size_t i = 0; i < s->vm->nr_invals; i++) {
		const struct nv_inval *iv = &s->vm->invals[i];

		/* In the order of their begins: of equals the later one. */
		if (iv->begin_pos <= pos &&
		    (!found || iv->end_pos > pos ||
		     (found->end_pos <= pos && iv->end_pos >= found->end_pos)))
			found = iv;
	}
	return found;
}

/* Simulation. */

/* One attempt that begins at @begin_ns, as recorded in @a (NULL: it was not). */
static bool try(const struct sim *s, struct nv_algo algo, const struct chain *c,
		const struct attempt *a, uint64_t begin_ns, uint64_t *decided_ns, bool *gone)
{
	uint64_t since = pos_at(s, begin_ns), pos;
	const struct nv_slot *slot = slot_at(s, since, c), *now;
	/* Beyond what was recorded, that of the last attempt that was. */
	unsigned int kind = a ? a->kind : c->attempts[c->nr - 1].kind;

	if (s->common->precheck && slot && rejected_by_range(s, algo, since, slot, c->gfn, kind)) {
		*decided_ns =
			begin_ns + (a && a->before ? a->decided_ns - a->begin_ns : s->precheck_ns);
		return false;
	}
	*decided_ns =
		begin_ns + (a && !a->before ? a->decided_ns - a->begin_ns : s->common->clean_ns);
	pos = pos_at(s, *decided_ns);
	now = slot_at(s, pos, c);
	*gone = !slot || !now || now->serial != slot->serial;
	return *gone || !rejected_at(s, algo, since, pos, slot, c->gfn, kind);
}

/* @return when it was done. */
static uint64_t simulate(const struct sim *s, size_t nr, const struct chain *c, uint64_t arrival_ns,
			 struct naive_simulated *r)
{
	uint64_t *retries_of = s->common->retries_of + nr * s->common->nr_invals;
	struct nv_algo algo = s->nv.algos[nr];
	uint64_t last_ns = s->times[s->nv.pos], begin_ns = arrival_ns, decided_ns;
	int64_t shift = arrival_ns - c->attempts[0].begin_ns;

	*r = (struct naive_simulated){ .arrival_ns = arrival_ns };
	for (size_t i = 0;
	     !try(s, algo, c, i < c->nr ? &c->attempts[i] : NULL, begin_ns, &decided_ns, &r->gone);
	     i++) {
		const struct nv_inval *why = blamed(s, pos_at(s, decided_ns));

		if (why)
			retries_of[why - s->vm->invals]++;
		r->retries++;
		begin_ns = decided_ns + s->common->retry_gap_ns;
		if (i + 1 < c->nr)
			begin_ns = c->attempts[i + 1].begin_ns + shift;
		if (begin_ns < decided_ns)
			begin_ns = decided_ns;
		if (begin_ns > last_ns) {
			r->starved = true;
			if (decided_ns < last_ns)
				decided_ns = last_ns;
			break;
		}
	}
	r->service_ns = decided_ns - arrival_ns;
	r->stall_ns = r->service_ns > s->common->clean_ns ? r->service_ns - s->common->clean_ns : 0;
	return decided_ns;
}

static void run_vcpu(struct sim *s, size_t algo, uint32_t vm, uint32_t vcpu)
{
	uint64_t done_ns = 0, recorded_done_ns = 0, arrival_ns;
	bool first = true;

	for (size_t i = 0; i < s->nr_chains; i++) {
		const struct chain *c = &s->chains[i];
		struct naive_logical *l = &s->out->faults[i];

		if (c->vm != vm || c->vcpu != vcpu)
			continue;
		arrival_ns = l->begin_ns;
		if (s->opts->think && !first)
			arrival_ns = done_ns + (l->begin_ns - recorded_done_ns);
		else if (!s->opts->think && done_ns > arrival_ns)
			arrival_ns = done_ns;
		first = false;
		done_ns = simulate(s, algo, c, arrival_ns, &l->algos[algo]);
		recorded_done_ns = l->done_ns;
		/* A fault that starves is never done. */
		l->algos[algo].as_recorded = !l->algos[algo].starved && done_ns == l->done_ns &&
					     l->algos[algo].retries == l->retries;
	}
}

static void list_faults(struct sim *s)
{
	struct naive_closed *out = s->out;

	out->faults = calloc(s->nr_chains + 1, sizeof(*out->faults));
	if (!out->faults)
		abort();
	out->nr_faults = s->nr_chains;
	for (size_t i = 0; i < s->nr_chains; i++) {
		const struct chain *c = &s->chains[i];
		struct naive_logical *l = &out->faults[i];

		l->vm = c->vm;
		l->vcpu = c->vcpu;
		l->begin_ns = c->attempts[0].begin_ns;
		l->done_ns = c->attempts[c->nr - 1].decided_ns;
		l->attempts = c->nr;
		for (size_t k = 0; k < c->nr; k++)
			l->retries += c->attempts[k].retry;
	}
}

static void run_vm(struct sim *s, size_t vm)
{
	s->vm = &s->nv.vms[vm];
	s->common = &s->out->vms[vm];
	s->common->vm = s->vm->vm;
	s->common->nr_invals = s->vm->nr_invals;
	s->common->retries_of =
		calloc(s->out->nr_algos * s->vm->nr_invals + 1, sizeof(*s->common->retries_of));
	if (!s->common->retries_of)
		abort();
	learn(s);
	for (size_t a = 0; a < s->out->nr_algos; a++)
		for (size_t i = 0; i < s->vm->nr_faults; i++)
			run_vcpu(s, a, s->vm->vm, s->vm->faults[i].vcpu);
}

static void sim_free(struct sim *s)
{
	for (size_t i = 0; i < s->nr_chains; i++)
		free(s->chains[i].attempts);
	for (size_t i = 0; i < s->nr_memories; i++)
		free(s->memories[i].slots);
	free(s->chains);
	free(s->memories);
	free(s->times);
	nv_finish(&s->nv);
	naive_free(s->nv.res);
}

struct naive_closed *naive_closed_run(const struct rs_event *evs, size_t n,
				      const struct naive_closed_opts *opts)
{
	struct sim s = { .opts = opts, .nv.keep_all = true };

	s.nv.res = calloc(1, sizeof(*s.nv.res));
	s.times = calloc(n + 1, sizeof(*s.times));
	s.out = calloc(1, sizeof(*s.out));
	if (!s.nv.res || !s.times || !s.out)
		abort();
	if (!nv_parse_algos(&s.nv, opts->algos)) {
		sim_free(&s);
		naive_closed_free(s.out);
		return NULL;
	}
	/* Its algorithms are asked by the simulation alone. */
	s.out->nr_algos = s.nv.res->nr_algos;
	s.nv.res->nr_algos = 0;
	for (size_t i = 0; i < n; i++)
		record(&s, &evs[i]);
	s.out->checked = s.nv.res->nr_judged;
	s.out->nr_vms = s.nv.res->nr_vms;
	s.out->vms = calloc(s.out->nr_vms + 1, sizeof(*s.out->vms));
	if (!s.out->vms)
		abort();
	list_faults(&s);
	for (size_t i = 0; i < s.out->nr_vms; i++)
		run_vm(&s, i);
	sim_free(&s);
	return s.out;
}

void naive_closed_free(struct naive_closed *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->nr_vms; i++)
		free(c->vms[i].retries_of);
	free(c->faults);
	free(c->vms);
	free(c);
}
