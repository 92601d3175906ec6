// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "tests/common/random_stream.h"

#define MAX_VMS 3
#define MAX_VCPUS 4
#define MAX_SLOTS 8
#define FEW_INVALS 8
#define MAX_INVALS 24
#define WINDOW_PAGES 64

struct gen_slot {
	bool used;
	uint8_t as;
	uint32_t id;
	uint64_t gfn, npages, hva;
};

struct gen_inval {
	bool used, gfn, walk;
	uint64_t id, start, end;
	size_t nr_todo; /* memslots that its walk has not reached */
	struct gen_slot todo[MAX_SLOTS];
};

struct gen_vm {
	uint32_t vm;
	bool faulting[MAX_VCPUS];
	struct rs_event last_begin[MAX_VCPUS];
	bool retried[MAX_VCPUS];
	struct gen_slot slots[MAX_SLOTS];
	struct gen_inval invals[MAX_INVALS];
};

struct gen {
	struct stream_rng rng;
	unsigned int flags;
	struct stream out;
	uint64_t now_ns, next_id;
	uint64_t max_step_ns;
	/* Drawn once per stream, so that streams differ in kind and not only in detail. */
	unsigned int nr_vms, nr_vcpus, nr_as, max_outstanding;
	unsigned int nr_invals; /* places for them */
	unsigned int
		private_percent; /* of faults, and of invalidations that say what they concern */
	unsigned int walk_percent, gfn_percent, slot_percent, lockless_percent, extreme_percent;
	uint64_t hva_base, gfn_base;
	struct gen_vm vms[MAX_VMS];
};

uint64_t stream_random(struct stream_rng *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

uint64_t stream_below(struct stream_rng *r, uint64_t n)
{
	return stream_random(r) % n;
}

static uint64_t below(struct gen *g, uint64_t n)
{
	return stream_below(&g->rng, n);
}

static bool percent(struct gen *g, unsigned int p)
{
	return below(g, 100) < p;
}

static void emit_now(struct gen *g, struct gen_vm *vm, struct rs_event ev)
{
	struct stream *s = &g->out;

	if (!(s->n & (s->n - 1)))
		s->v = realloc(s->v, (s->n ? 2 * s->n : 1) * sizeof(*s->v));
	if (!s->v)
		abort();
	ev.time_ns = g->now_ns;
	if (g->flags & STREAM_ANOMALIES && percent(g, 2) && ev.time_ns)
		ev.time_ns -= 1 + below(g, ev.time_ns);
	ev.vm = vm->vm;
	s->v[s->n++] = ev;
}

static void emit(struct gen *g, struct gen_vm *vm, struct rs_event ev)
{
	if (percent(g, 70))
		g->now_ns += below(g, g->max_step_ns);
	emit_now(g, vm, ev);
}

static bool overlap(uint64_t a, uint64_t a_len, uint64_t b, uint64_t b_len)
{
	return a < b + b_len && b < a + a_len;
}

/* Memslots. */

static struct gen_slot *any_slot(struct gen *g, struct gen_vm *vm)
{
	size_t from = below(g, MAX_SLOTS);

	for (size_t i = 0; i < MAX_SLOTS; i++)
		if (vm->slots[(from + i) % MAX_SLOTS].used)
			return &vm->slots[(from + i) % MAX_SLOTS];
	return NULL;
}

/* Does an outstanding invalidation reach into what @s maps? */
static bool under_invalidation(const struct gen_vm *vm, const struct gen_slot *s)
{
	for (size_t i = 0; i < MAX_INVALS; i++) {
		const struct gen_inval *iv = &vm->invals[i];

		if (!iv->used)
			continue;
		if (iv->gfn ? overlap(iv->start, iv->end - iv->start, s->gfn, s->npages)
			    : overlap(iv->start, iv->end - iv->start, s->hva,
				      s->npages * RS_PAGE_SIZE))
			return true;
	}
	return false;
}

static bool may_change(const struct gen *g, const struct gen_vm *vm, const struct gen_slot *s)
{
	return !s->used || g->flags & STREAM_DISOBEY || !under_invalidation(vm, s);
}

static bool place_free(const struct gen_vm *vm, const struct gen_slot *s,
		       const struct gen_slot *but)
{
	for (size_t i = 0; i < MAX_SLOTS; i++) {
		const struct gen_slot *t = &vm->slots[i];

		if (t->used && t != but && t->as == s->as &&
		    overlap(t->gfn, t->npages, s->gfn, s->npages))
			return false;
	}
	return true;
}

static void emit_memslot(struct gen *g, struct gen_vm *vm, const struct gen_slot *s)
{
	emit(g, vm,
	     (struct rs_event){ .type = RS_EV_MEMSLOT,
				.as = s->as,
				.memslot.id = s->id,
				.memslot.gfn = s->gfn,
				.memslot.npages = s->npages,
				.memslot.hva = s->hva,
				.memslot.flags = below(g, 3) });
}

/* The same pages as another memslot: what SMM and most real aliases look like. */
static bool draw_twin(struct gen *g, struct gen_vm *vm, struct gen_slot *s)
{
	const struct gen_slot *other = any_slot(g, vm);

	if (!other || other->npages >= WINDOW_PAGES)
		return false;
	s->npages = other->npages;
	s->hva = other->hva;
	s->gfn = percent(g, 30) ? other->gfn : g->gfn_base + below(g, WINDOW_PAGES - s->npages);
	return true;
}

/* Somewhere in the window: drawn from few pages, so that partial aliases come by themselves. */
static void draw_slot(struct gen *g, struct gen_vm *vm, struct gen_slot *s)
{
	if (!(g->flags & STREAM_CONTIGUOUS) && percent(g, 20) && draw_twin(g, vm, s))
		return;
	s->npages = 1 + below(g, percent(g, 70) ? 8 : 24);
	s->gfn = g->gfn_base + below(g, WINDOW_PAGES - s->npages);
	s->hva = g->hva_base + below(g, WINDOW_PAGES - s->npages) * RS_PAGE_SIZE;
	if (g->flags & STREAM_CONTIGUOUS) {
		s->hva = g->hva_base + (s->gfn - g->gfn_base) * RS_PAGE_SIZE;
		return;
	}
	if (percent(g, 20) && g->gfn_base < UINT64_MAX / 2)
		s->gfn += 0x100000ULL << below(g, 20);
	if (percent(g, g->extreme_percent)) {
		s->npages = 1ULL << below(g, 31);
		s->gfn = percent(g, 50) ? UINT64_MAX - s->npages : below(g, 1ULL << 40);
		s->hva = percent(g, 50) ? -RS_PAGE_SIZE - s->npages * RS_PAGE_SIZE
					: below(g, 1000) * RS_PAGE_SIZE;
	}
}

static void change_slot(struct gen *g, struct gen_vm *vm)
{
	struct gen_slot *old = &vm->slots[below(g, MAX_SLOTS)];
	struct gen_slot new = *old;

	if (!may_change(g, vm, old))
		return;
	if (old->used && percent(g, 35)) {
		new.npages = 0;
		emit_memslot(g, vm, &new);
		old->used = false;
		return;
	}
	if (!old->used || !percent(g, 25)) {
		draw_slot(g, vm, &new);
		if (!old->used)
			new.as = below(g, g->nr_as);
	}
	new.used = true;
	if (!may_change(g, vm, &new) || !place_free(vm, &new, old))
		return;
	emit_memslot(g, vm, &new);
	*old = new;
}

/* Invalidations. */

static struct gen_inval *any_inval(struct gen *g, struct gen_vm *vm)
{
	size_t from = below(g, g->nr_invals);

	for (size_t i = 0; i < g->nr_invals; i++)
		if (vm->invals[(from + i) % g->nr_invals].used)
			return &vm->invals[(from + i) % g->nr_invals];
	return NULL;
}

static void draw_range(struct gen *g, struct gen_vm *vm, struct gen_inval *iv)
{
	const struct gen_slot *s = percent(g, 90) ? any_slot(g, vm) : NULL;
	uint64_t unit = iv->gfn ? 1 : RS_PAGE_SIZE;
	uint64_t base = iv->gfn ? g->gfn_base : g->hva_base, pages = WINDOW_PAGES;
	uint64_t first, last;

	if (s) {
		base = iv->gfn ? s->gfn : s->hva;
		pages = s->npages;
	}
	first = below(g, pages);
	last = percent(g, 40) ? first : first + below(g, pages - first);
	iv->start = base + first * unit;
	iv->end = base + (last + 1) * unit;
	if (percent(g, 10) && iv->start >= 3 * unit)
		iv->start -= (1 + below(g, 3)) * unit;
	if (percent(g, 10) && iv->end < UINT64_MAX - 4 * unit)
		iv->end += (1 + below(g, 3)) * unit;
	if (percent(g, g->extreme_percent)) {
		iv->start = percent(g, 50) ? 0 : iv->start;
		iv->end = -unit;
	}
}

static void remember_walk(struct gen_vm *vm, struct gen_inval *iv)
{
	for (size_t i = 0; i < MAX_SLOTS; i++) {
		struct gen_slot s = vm->slots[i];
		uint64_t unit = iv->gfn ? 1 : RS_PAGE_SIZE, base = iv->gfn ? s.gfn : s.hva;
		uint64_t end = base + s.npages * unit;
		uint64_t from = iv->start > base ? iv->start : base;
		uint64_t to = iv->end < end ? iv->end : end;

		if (!s.used || from >= to)
			continue;
		s.gfn += (from - base) / unit;
		s.npages = (to - from) / unit;
		iv->todo[iv->nr_todo++] = s;
	}
}

static void begin_inval(struct gen *g, struct gen_vm *vm)
{
	struct gen_inval *iv = &vm->invals[below(g, g->nr_invals)];
	struct rs_event ev = { .type = RS_EV_INVAL_BEGIN };

	if (iv->used || (size_t)(iv - vm->invals) >= g->max_outstanding)
		return;
	memset(iv, 0, sizeof(*iv));
	iv->used = true;
	iv->gfn = percent(g, g->gfn_percent);
	iv->walk = percent(g, g->walk_percent);
	/* An id may come again once it is free. */
	iv->id = percent(g, 50) ? (uint64_t)(iv - vm->invals) : 100 + g->next_id++;
	draw_range(g, vm, iv);
	if (iv->walk)
		remember_walk(vm, iv);
	ev.flags = (iv->gfn ? RS_F_GFN : 0) | (iv->walk ? RS_F_WALK : 0);
	if (percent(g, g->private_percent))
		rs_event_set_filter(&ev, 1 + (unsigned int)below(g, RS_KIND_BOTH));
	ev.inval.id = iv->id;
	ev.inval.start = iv->start;
	ev.inval.end = iv->end;
	emit(g, vm, ev);
}

static void emit_inval_slot(struct gen *g, struct gen_vm *vm, const struct gen_inval *iv,
			    const struct gen_slot *s)
{
	emit(g, vm,
	     (struct rs_event){ .type = RS_EV_INVAL_SLOT,
				.as = s->as,
				.inval.slot = s->id,
				.inval.id = iv->id,
				.inval.start = s->gfn,
				.inval.end = s->gfn + s->npages });
}

/* A walk that reaches what it did not overlap, or only a part. */
static void stray(struct gen *g, struct gen_vm *vm, struct gen_inval *iv)
{
	const struct gen_slot *any = any_slot(g, vm);
	struct gen_slot s;

	if (!any)
		return;
	s = *any;
	s.gfn += below(g, s.npages);
	s.npages = 1 + below(g, any->gfn + any->npages - s.gfn);
	emit_inval_slot(g, vm, iv, &s);
}

static void walk_inval(struct gen *g, struct gen_vm *vm, struct gen_inval *iv)
{
	size_t i;

	if (g->flags & STREAM_DISOBEY && percent(g, 20))
		return stray(g, vm, iv);
	if (!iv->nr_todo)
		return;
	i = percent(g, 80) ? 0 : below(g, iv->nr_todo);
	emit_inval_slot(g, vm, iv, &iv->todo[i]);
	memmove(&iv->todo[i], &iv->todo[i + 1], (--iv->nr_todo - i) * sizeof(*iv->todo));
}

static void end_inval(struct gen *g, struct gen_vm *vm)
{
	struct gen_inval *iv = any_inval(g, vm);

	if (!iv)
		return;
	if (iv->walk && (iv->nr_todo || (g->flags & STREAM_DISOBEY && percent(g, 30)))) {
		walk_inval(g, vm, iv);
		if (!(g->flags & STREAM_DISOBEY) || percent(g, 90))
			return;
	}
	iv->used = false;
	emit(g, vm, (struct rs_event){ .type = RS_EV_INVAL_END, .inval.id = iv->id });
}

/* Faults. */

static uint64_t draw_gfn(struct gen *g, struct gen_vm *vm, uint8_t *as)
{
	const struct gen_slot *s = percent(g, 95) ? any_slot(g, vm) : NULL;

	if (!s)
		return percent(g, 90) ? g->gfn_base + below(g, WINDOW_PAGES) : UINT64_MAX;
	if (percent(g, 95))
		*as = s->as;
	/* Ends are where mistakes are. */
	return s->gfn +
	       (percent(g, 20) ? (percent(g, 50) ? 0 : s->npages - 1) : below(g, s->npages));
}

static uint8_t draw_result(struct gen *g)
{
	if (!(g->flags & STREAM_CHAINS))
		return below(g, RS_NR_RESULTS);
	return percent(g, 50) ? RS_RES_RETRY : percent(g, 90) ? RS_RES_OK : RS_RES_UNKNOWN;
}

static void finish_fault(struct gen *g, struct gen_vm *vm, uint32_t vcpu)
{
	struct rs_event ev = { .type = RS_EV_FAULT_CHECK, .fault.vcpu = vcpu };

	if (percent(g, g->flags & STREAM_CHAINS ? 3 : 10)) {
		ev.type = RS_EV_FAULT_END;
		ev.fault.reason = percent(g, 50) ? RS_END_PLAIN : below(g, RS_NR_END_REASONS);
	} else {
		ev.result = draw_result(g);
		ev.flags = percent(g, g->lockless_percent) ? RS_F_LOCKLESS : 0;
	}
	emit(g, vm, ev);
	vm->faulting[vcpu] = false;
	vm->retried[vcpu] = ev.result == RS_RES_RETRY;
}

/* As the kernel does before it looks the page up: at the time of the begin. */
static void check_at_once(struct gen *g, struct gen_vm *vm, uint32_t vcpu)
{
	struct rs_event ev = { .type = RS_EV_FAULT_CHECK, .fault.vcpu = vcpu };

	ev.flags = RS_F_LOCKLESS;
	ev.result = RS_RES_RETRY;
	emit_now(g, vm, ev);
	vm->faulting[vcpu] = false;
	vm->retried[vcpu] = true;
}

static void step_fault(struct gen *g, struct gen_vm *vm)
{
	uint32_t vcpu = below(g, g->nr_vcpus);
	struct rs_event ev = { .type = RS_EV_FAULT_BEGIN, .fault.vcpu = vcpu };

	if (vm->faulting[vcpu]) {
		finish_fault(g, vm, vcpu);
		return;
	}
	ev.as = below(g, g->nr_as);
	ev.fault.gfn = draw_gfn(g, vm, &ev.as);
	ev.flags = percent(g, g->private_percent) ? RS_F_PRIVATE : 0;
	if (g->flags & STREAM_CHAINS && vm->retried[vcpu] && percent(g, 85))
		ev = vm->last_begin[vcpu];
	vm->last_begin[vcpu] = ev;
	emit(g, vm, ev);
	vm->faulting[vcpu] = true;
	if (g->flags & STREAM_CHAINS && percent(g, g->lockless_percent))
		check_at_once(g, vm, vcpu);
}

/* What is wrong with a stream. */

static void emit_orphan(struct gen *g, struct gen_vm *vm)
{
	static const uint8_t types[] = { RS_EV_INVAL_END, RS_EV_INVAL_SLOT, RS_EV_FAULT_CHECK,
					 RS_EV_FAULT_END, RS_EV_FAULT_BEGIN };
	struct rs_event ev = { .type = types[below(g, sizeof(types))] };
	uint32_t number;
	uint64_t id;

	number = below(g, g->nr_vcpus);
	id = percent(g, 50) ? 1000000 : below(g, FEW_INVALS);
	if (ev.type == RS_EV_INVAL_END || ev.type == RS_EV_INVAL_SLOT)
		ev.inval.id = id;
	else
		ev.fault.vcpu = number;
	if (ev.type == RS_EV_FAULT_BEGIN)
		ev.fault.gfn = id;
	if (ev.type == RS_EV_INVAL_SLOT) {
		ev.inval.slot = number;
		ev.inval.start = g->gfn_base + below(g, WINDOW_PAGES);
		ev.inval.end = ev.inval.start + below(g, 4);
	}
	emit(g, vm, ev);
}

static void emit_bad_range(struct gen *g, struct gen_vm *vm)
{
	struct rs_event ev = { .type = RS_EV_INVAL_BEGIN, .inval.id = 2000000 + g->next_id++ };

	ev.flags = percent(g, 30) ? RS_F_GFN : 0;
	ev.inval.start = g->hva_base + below(g, 4 * RS_PAGE_SIZE);
	ev.inval.end = percent(g, 30) ? ev.inval.start : g->hva_base + below(g, 4 * RS_PAGE_SIZE);
	/* Only what is sure to be refused: the rest of this file does not know of it. */
	if (ev.inval.start < ev.inval.end &&
	    (ev.flags & RS_F_GFN || !((ev.inval.start | ev.inval.end) % RS_PAGE_SIZE)))
		ev.inval.end = ev.inval.start;
	emit(g, vm, ev);
}

static void emit_duplicate(struct gen *g, struct gen_vm *vm)
{
	const struct gen_inval *iv = any_inval(g, vm);

	if (iv)
		emit(g, vm,
		     (struct rs_event){ .type = RS_EV_INVAL_BEGIN,
					.inval.id = iv->id,
					.inval.start = g->hva_base,
					.inval.end = g->hva_base + RS_PAGE_SIZE });
}

static void emit_bad_memslot(struct gen *g, struct gen_vm *vm)
{
	const struct gen_slot *s = any_slot(g, vm);
	struct gen_slot bad = { .id = 77, .npages = 1 };

	if (s && percent(g, 40)) {
		bad = *s; /* the same frames again, under another id */
		bad.id = 78;
	} else if (percent(g, 30)) {
		bad.hva = 1 + below(g, RS_PAGE_SIZE - 1);
		bad.gfn = 1ULL << 50;
	} else if (percent(g, 30)) {
		bad.npages = 1 + (UINT64_MAX >> below(g, 33));
		bad.gfn = 1ULL << 50;
	} else if (percent(g, 50)) {
		bad.gfn = UINT64_MAX - below(g, 2);
		bad.npages = 2;
	} else {
		bad.npages = 0;
	}
	emit_memslot(g, vm, &bad);
}

static void emit_anomaly(struct gen *g, struct gen_vm *vm)
{
	static void (*const kinds[])(struct gen *,
				     struct gen_vm *) = { emit_orphan, emit_orphan, emit_bad_range,
							  emit_duplicate, emit_bad_memslot };

	kinds[below(g, sizeof(kinds) / sizeof(*kinds))](g, vm);
}

/* Some of what was outstanding goes on after the loss as if it were known. */
static void lose(struct gen *g, struct gen_vm *vm)
{
	emit(g, vm,
	     (struct rs_event){ .type = RS_EV_LOST,
				.flags = percent(g, 60) ? 0
							: (uint8_t)(1 + below(g, 3)) * RS_F_PAUSE,
				.lost.count = percent(g, 50) ? RS_LOST_UNKNOWN : below(g, 100) });
	for (size_t i = 0; i < MAX_INVALS; i++)
		if (vm->invals[i].used && percent(g, 60))
			vm->invals[i].used = false;
	for (size_t i = 0; i < MAX_VCPUS; i++)
		if (percent(g, 60))
			vm->faulting[i] = false;
}

static void draw_kind(struct gen *g)
{
	g->nr_vms = percent(g, 70) ? 1 : 2 + below(g, MAX_VMS - 1);
	g->nr_vcpus = 1 + below(g, MAX_VCPUS);
	g->nr_as = percent(g, 60) ? 1 : 2;
	g->nr_invals = g->flags & STREAM_MANY ? MAX_INVALS : FEW_INVALS;
	g->max_outstanding = 1 + below(g, FEW_INVALS);
	if (g->flags & STREAM_MANY)
		g->max_outstanding = MAX_INVALS;
	g->walk_percent = below(g, 3) * 45;
	g->gfn_percent = percent(g, 50) ? 0 : below(g, 60);
	g->private_percent = percent(g, 50) ? 0 : 10 + below(g, 50);
	g->slot_percent = below(g, 8);
	g->lockless_percent = percent(g, 50) ? 0 : 30;
	g->extreme_percent = percent(g, 80) ? 0 : 15;
	g->max_step_ns = 1 + below(g, 1000);
	if (g->flags & STREAM_LOST)
		g->max_step_ns = 1 + below(g, 6000000);
	g->hva_base = percent(g, 80)   ? 0x7f0000000000ULL
		      : percent(g, 50) ? 0
				       : -(WINDOW_PAGES + 1) * RS_PAGE_SIZE;
	g->gfn_base = percent(g, 80) ? 0 : percent(g, 50) ? 1ULL << 40 : UINT64_MAX - WINDOW_PAGES;
	if (g->flags & STREAM_CONTIGUOUS) {
		g->nr_as = 1;
		g->walk_percent = g->gfn_percent = g->extreme_percent = g->private_percent = 0;
		/* A memslot added inside a range that is stale would be in the hva range alone. */
		g->slot_percent = 0;
	}
}

static void step(struct gen *g, struct gen_vm *vm)
{
	uint64_t what = below(g, 100);
	/* Of many they pile up, are ended, and pile up again. */
	uint64_t begins = !(g->flags & STREAM_MANY) ? 25 : g->out.n / 80 % 2 ? 10 : 40;

	if (g->flags & STREAM_ANOMALIES && percent(g, 6))
		emit_anomaly(g, vm);
	if (g->flags & STREAM_LOST && percent(g, 3))
		lose(g, vm);
	if (what < g->slot_percent)
		change_slot(g, vm);
	else if (what < begins)
		begin_inval(g, vm);
	else if (what < 45)
		end_inval(g, vm);
	else
		step_fault(g, vm);
}

struct stream stream_make(uint64_t seed, unsigned int flags)
{
	struct gen g = { .rng.state = seed * 2654435761ULL + flags, .flags = flags };
	size_t steps;

	draw_kind(&g);
	for (size_t i = 0; i < g.nr_vms; i++) {
		g.vms[i].vm = 1 + 3 * i;
		for (size_t j = 0; j < MAX_SLOTS; j++)
			g.vms[i].slots[j].id = j / 2;
		for (size_t j = 0; j < MAX_SLOTS; j += 2)
			g.vms[i].slots[j + 1].id = 100 + j;
		for (size_t j = 0; j < 8; j++)
			change_slot(&g, &g.vms[i]);
	}
	steps = percent(&g, 70) ? 5 + below(&g, 40) : 40 + below(&g, 160);
	if (flags & STREAM_MANY)
		steps += 300;
	for (size_t i = 0; i < steps; i++)
		step(&g, &g.vms[below(&g, g.nr_vms)]);
	return g.out;
}

void stream_free(struct stream *s)
{
	free(s->v);
	memset(s, 0, sizeof(*s));
}
