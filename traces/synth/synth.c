// SPDX-License-Identifier: GPL-2.0-only
#include "traces/synth/synth.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "traces/synth/synth_layout.h"
#include "traces/synth/synth_random.h"

#define BLOCK 1024 /* events handed out at once */
#define RECENT 64  /* invalidated ranges that a VM remembers for its refaults */
#define PIECE 512  /* pages of one kind in a row, before any is converted */
#define MISS_HVA 0x300000000000ULL
#define NEVER UINT64_MAX
/* Of the first vCPU; one more for each of the others, then for the invalidators. */
#define FIRST_PID 1000

/* What a state of random numbers is for; part of the trace's identity, so never renumber. */
enum { FORK_VCPU = 1, FORK_INVALIDATOR, FORK_SCRAMBLE };

struct range {
	uint64_t page, npages;
};

struct vm {
	struct range recent[RECENT];
	uint64_t nr_recent; /* ever */
	uint64_t next_id;
	/* With convert: a bit for each page, set if its kind is not the one it began with. */
	uint64_t *converted;
	uint64_t nr_private; /* pages */
};

struct vcpu {
	uint64_t random;
	uint32_t vm, index, who;
	bool faulting, ends;
};

/* What an invalidator does next. */
enum step {
	STEP_BEGIN,
	STEP_WALK,
	STEP_NESTED_BEGIN,
	STEP_NESTED_WALK,
	STEP_NESTED_END,
	STEP_END,
};

struct inval {
	struct range range;
	bool gfn;
	unsigned int filter; /* RS_KIND_* */
	uint64_t id;
	size_t next_slot; /* of its walk */
};

struct invalidator {
	uint64_t random;
	uint32_t vm, who;
	enum step step;
	bool miss;
	unsigned int gives_up; /* RS_KIND_* of a conversion that is under way or done; or 0 */
	bool discards;	       /* what is outstanding, or comes next, takes what was given up */
	struct inval outer, inner;
	uint64_t left_ns;	  /* how long after the walk it is outstanding */
	uint64_t scan;		  /* where RS_PICK_SCAN goes on */
	uint64_t repeats, bursts; /* still to do */
};

struct rs_synth {
	struct rs_synth_params p;
	struct rs_layout layout;
	struct rs_exponential exponential;
	struct rs_zipf zipf;
	uint64_t scramble, mask; /* rank to page: an odd factor, modulo a power of two */
	uint64_t ways;		 /* primary mapping and aliases */
	uint64_t fault_gap_ns;

	struct vm *vms;
	struct vcpu *vcpus;
	struct invalidator *invalidators;
	size_t nr_vcpus, nr_actors; /* vCPUs first, then invalidators */

	/*
	 * When each actor does its next step, and a tournament among them:
	 * winner[1] is the actor that comes first, winner[i] the better of
	 * winner[2i] and winner[2i + 1], winner[leaves + i] actor i.
	 */
	uint64_t *time;
	uint32_t *winner;
	size_t leaves;

	uint64_t emitted;
	size_t setup; /* memslots written, of all VMs */
	size_t nr;    /* events in the block */
	struct rs_event block[BLOCK];
};

static bool stopping(const struct rs_synth *s, uint64_t now)
{
	return (s->p.events && s->emitted >= s->p.events) || (s->p.time_ns && now > s->p.time_ns);
}

static struct rs_event *emit(struct rs_synth *s, uint64_t time_ns, enum rs_event_type type,
			     uint32_t vm)
{
	struct rs_event *e = &s->block[s->nr++];

	s->emitted++;
	*e = (struct rs_event){ .time_ns = time_ns, .type = (uint8_t)type, .vm = vm + 1 };
	return e;
}

/* A time of mean @mean: half of it for sure, the rest exponentially distributed. */
static uint64_t spread(struct rs_synth *s, uint64_t *random, uint64_t mean)
{
	return mean / 2 + rs_exponential(&s->exponential, rs_random(random), mean - mean / 2);
}

static bool chance(uint64_t random, uint64_t share)
{
	return rs_scale(random, 1000000) < share;
}

/* Spreads the popular pages over the guest: a bijection, walked until it stays inside. */
static uint64_t scrambled(const struct rs_synth *s, uint64_t rank)
{
	do {
		rank = (rank * s->scramble + (s->scramble >> 32)) & s->mask;
	} while (rank >= s->layout.pages);
	return rank;
}

static uint64_t hot_page(const struct rs_synth *s, uint64_t *random)
{
	uint64_t r = rs_random(random);

	return scrambled(s, rs_zipf_draw(&s->zipf, r, rs_random(random)));
}

static uint64_t recent_page(const struct vm *vm, uint64_t random, uint64_t random2)
{
	uint64_t known = vm->nr_recent < RECENT ? vm->nr_recent : RECENT;
	const struct range *r = &vm->recent[rs_scale(random, known)];

	return r->page + rs_scale(random2, r->npages);
}

/* How many of the first @pieces pieces are private: they are spread evenly, from the first on. */
static uint64_t private_pieces(const struct rs_synth *s, uint64_t pieces)
{
	return (uint64_t)(((unsigned __int128)pieces * s->p.private_share + 999999) / 1000000);
}

static unsigned int initial_kind(const struct rs_synth *s, uint64_t page)
{
	uint64_t piece = page / PIECE;

	return private_pieces(s, piece + 1) > private_pieces(s, piece) ? RS_KIND_PRIVATE
								       : RS_KIND_SHARED;
}

static unsigned int kind_of(const struct rs_synth *s, const struct vm *vm, uint64_t page)
{
	unsigned int kind = initial_kind(s, page);

	if (vm->converted && vm->converted[page / 64] >> page % 64 & 1)
		kind ^= RS_KIND_BOTH;
	return kind;
}

/* The pages of @r become @kind. */
static void set_kind(const struct rs_synth *s, struct vm *vm, const struct range *r,
		     unsigned int kind)
{
	for (uint64_t page = r->page; page < r->page + r->npages; page++) {
		if (kind_of(s, vm, page) == kind)
			continue;
		vm->converted[page / 64] ^= 1ULL << page % 64;
		vm->nr_private += kind == RS_KIND_PRIVATE ? 1 : UINT64_MAX;
	}
}

/*
 * *@page, or the next page that is mapped and of this kind, from the first on again behind the
 * last: 0, or -1 if there is none.
 */
static int find_kind(const struct rs_synth *s, const struct vm *vm, unsigned int kind,
		     uint64_t *page)
{
	uint64_t at = rs_layout_mapped(&s->layout, *page), step;

	for (uint64_t seen = 0; seen <= s->layout.pages; seen += step) {
		uint64_t word = vm->converted ? vm->converted[at / 64] : 0;

		if (kind_of(s, vm, at) == kind) {
			*page = at;
			return 0;
		}
		/* The pages of a piece are alike, and so are 64 that are all converted or not. */
		step = !vm->converted ? PIECE - at % PIECE : word && ~word ? 1 : 64 - at % 64;
		at = at + step < s->layout.pages ? at + step : 0;
		at = rs_layout_mapped(&s->layout, at);
	}
	return -1;
}

/* Every fault draws as many numbers as any other: a parameter changes what it is about alone. */
static uint64_t fault_page(struct rs_synth *s, struct vcpu *v, uint64_t *gfn)
{
	struct vm *vm = &s->vms[v->vm];
	uint64_t refault = rs_random(&v->random);
	uint64_t which = rs_random(&v->random), where = rs_random(&v->random);
	uint64_t page = hot_page(s, &v->random);
	uint64_t way = rs_scale(rs_random(&v->random), s->ways);

	if (vm->nr_recent && chance(refault, s->p.refault))
		page = recent_page(vm, which, where);
	page = rs_layout_mapped(&s->layout, page);
	*gfn = rs_layout_gfn(&s->layout, page, way);
	return page;
}

/* Each of the *_step() functions does what is due @now and returns when the next step is due. */
static uint64_t vcpu_step(struct rs_synth *s, struct vcpu *v, uint64_t now)
{
	struct rs_event *e;
	uint64_t page;

	if (!v->faulting) {
		if (stopping(s, now))
			return NEVER;
		v->faulting = true;
		e = emit(s, now, RS_EV_FAULT_BEGIN, v->vm);
		e->fault.vcpu = v->index;
		e->fault.who = v->who;
		page = fault_page(s, v, &e->fault.gfn);
		if (kind_of(s, &s->vms[v->vm], page) == RS_KIND_PRIVATE)
			e->flags = RS_F_PRIVATE;
		return now + spread(s, &v->random, s->p.fault_ns);
	}
	v->faulting = false;
	e = emit(s, now,
		 chance(rs_random(&v->random), s->p.ended) ? RS_EV_FAULT_END : RS_EV_FAULT_CHECK,
		 v->vm);
	e->fault.vcpu = v->index;
	return now + spread(s, &v->random, s->fault_gap_ns);
}

/* @npages from @page on, without what lies beyond its piece of memory. */
static struct range clipped(const struct rs_synth *s, uint64_t page, uint64_t npages)
{
	uint64_t end = rs_layout_piece_end(&s->layout, page, s->p.space == RS_SYNTH_GFN);

	return (struct range){ page, npages < end - page ? npages : end - page };
}

/* Huge pages and what is smaller lie at multiples of their size. */
static uint64_t aligned(uint64_t page, uint64_t npages)
{
	return npages <= 512 && !(npages & (npages - 1)) ? page & ~(npages - 1) : page;
}

/* As much is converted one way as the other, so that the share of private memory stays. */
static unsigned int conversion_gives_up(const struct rs_synth *s, const struct vm *vm)
{
	return vm->nr_private > rs_synth_share(s->layout.pages, s->p.private_share)
		       ? RS_KIND_PRIVATE
		       : RS_KIND_SHARED;
}

/*
 * Where from @page on there is memory that the next invalidation is for: that of the kind
 * that it concerns or gives up, if there is any.
 */
static uint64_t suitable(const struct rs_synth *s, struct invalidator *v, uint64_t page)
{
	const struct vm *vm = &s->vms[v->vm];

	if (s->p.convert) {
		v->gives_up = conversion_gives_up(s, vm);
		if (find_kind(s, vm, v->gives_up, &page)) {
			v->gives_up ^= RS_KIND_BOTH;
			find_kind(s, vm, v->gives_up, &page);
		}
	} else if (s->p.private_share && s->p.concerns == RS_CONCERNS_PRIVATE) {
		find_kind(s, vm, RS_KIND_PRIVATE, &page);
	} else if (s->p.private_share &&
		   (s->p.concerns == RS_CONCERNS_SHARED || s->p.space == RS_SYNTH_HVA)) {
		find_kind(s, vm, RS_KIND_SHARED, &page);
	}
	return page;
}

static struct range pick_range(struct rs_synth *s, struct invalidator *v)
{
	uint64_t npages = s->p.inval_size >> RS_PAGE_SHIFT, page;
	uint64_t any = rs_random(&v->random), hot = hot_page(s, &v->random);
	struct range r;

	switch (s->p.pick) {
	case RS_PICK_SCAN:
		page = v->scan;
		break;
	case RS_PICK_HOT:
		page = hot;
		break;
	default:
		page = rs_scale(any, s->layout.pages);
	}
	page = aligned(suitable(s, v, page), npages);
	if (npages >= s->layout.pages)
		page = 0;
	if (s->p.space == RS_SYNTH_GFN)
		page = rs_layout_mapped(&s->layout, page);
	r = clipped(s, page, npages);
	v->scan = r.page + r.npages + rs_scale(any, 2 * (s->p.skip >> RS_PAGE_SHIFT) + 1);
	v->scan %= s->layout.pages;
	return r;
}

static struct range nested_range(const struct rs_synth *s, const struct range *outer)
{
	uint64_t npages = s->p.nested >> RS_PAGE_SHIFT;
	uint64_t page = aligned(outer->page, npages);

	if (s->p.space == RS_SYNTH_GFN)
		page = rs_layout_mapped(&s->layout, page);
	return clipped(s, page, npages);
}

static void remember(struct vm *vm, const struct range *r)
{
	vm->recent[vm->nr_recent++ % RECENT] = *r;
}

static void emit_begin(struct rs_synth *s, struct invalidator *v, struct inval *i, uint64_t now)
{
	struct rs_event *e = emit(s, now, RS_EV_INVAL_BEGIN, v->vm);

	i->id = s->vms[v->vm].next_id++;
	i->next_slot = 0;
	e->flags = (i->gfn ? RS_F_GFN : 0) | (s->p.walk ? RS_F_WALK : 0);
	rs_event_set_filter(e, i->filter);
	e->inval.who = v->who;
	e->inval.id = i->id;
	if (i->gfn) {
		e->inval.start = rs_layout_gfn(&s->layout, i->range.page, 0);
		e->inval.end = e->inval.start + i->range.npages;
		return;
	}
	e->inval.start = v->miss ? MISS_HVA + (i->range.page << RS_PAGE_SHIFT)
				 : rs_layout_hva(&s->layout, i->range.page);
	e->inval.end = e->inval.start + (i->range.npages << RS_PAGE_SHIFT);
}

static void emit_end(struct rs_synth *s, struct invalidator *v, const struct inval *i, uint64_t now)
{
	emit(s, now, RS_EV_INVAL_END, v->vm)->inval.id = i->id;
}

/* The next memslot that the walk over @i reaches; false: there is none. */
static bool emit_slot(struct rs_synth *s, struct invalidator *v, struct inval *i, uint64_t now)
{
	uint64_t gfn_start, gfn_end;
	struct rs_event *e;

	if (v->miss || rs_layout_hit(&s->layout, i->range.page, i->range.page + i->range.npages,
				     &i->next_slot, &gfn_start, &gfn_end))
		return false;
	/* A range of frames is hit as such: other frames of the same memory are not. */
	if (i->gfn && i->next_slot > s->layout.nr_primary)
		return false;
	e = emit(s, now, RS_EV_INVAL_SLOT, v->vm);
	e->inval.slot = (uint32_t)(i->next_slot - 1);
	e->inval.id = i->id;
	e->inval.start = gfn_start;
	e->inval.end = gfn_end;
	return true;
}

static uint64_t inval_duration(struct rs_synth *s, struct invalidator *v, const struct inval *i)
{
	return spread(s, &v->random, s->p.inval_ns + s->p.page_ns * i->range.npages);
}

/* After the walk: an invalidation with another one inside of it begins that half way. */
static uint64_t after_walk(struct rs_synth *s, struct invalidator *v, uint64_t now)
{
	if (v->step == STEP_NESTED_WALK) {
		v->step = STEP_NESTED_END;
		return now + inval_duration(s, v, &v->inner);
	}
	if (s->p.nested && !v->miss) {
		v->left_ns /= 2;
		v->step = STEP_NESTED_BEGIN;
	} else {
		v->step = STEP_END;
	}
	return now + v->left_ns;
}

/* What the next invalidation is told in, and which mappings it concerns. */
static void set_concern(const struct rs_synth *s, struct invalidator *v)
{
	static const unsigned int filters[] = {
		[RS_CONCERNS_ALL] = RS_KIND_BOTH,
		[RS_CONCERNS_SHARED] = RS_KIND_SHARED,
		[RS_CONCERNS_PRIVATE] = RS_KIND_PRIVATE,
	};
	struct inval *i = &v->outer;

	/* The process's memory is dropped by a notifier, a guest_memfd's by a hole in the file. */
	i->gfn = v->discards ? v->gives_up == RS_KIND_PRIVATE : s->p.space == RS_SYNTH_GFN;
	if (v->discards || s->p.concerns == RS_CONCERNS_GIVEN_UP)
		i->filter = v->gives_up;
	else
		i->filter = i->gfn ? filters[s->p.concerns] : RS_KIND_SHARED;
	v->inner.gfn = i->gfn;
	v->inner.filter = i->filter;
}

static uint64_t begin_step(struct rs_synth *s, struct invalidator *v, uint64_t now)
{
	if (stopping(s, now))
		return NEVER;
	if (v->discards) {
		/* the range of the conversion before */
	} else if (v->repeats) {
		v->repeats--;
		v->gives_up ^= s->p.convert ? RS_KIND_BOTH : 0;
	} else {
		v->repeats = s->p.repeat - 1;
		v->outer.range = pick_range(s, v);
		v->miss = s->p.space == RS_SYNTH_HVA && chance(rs_random(&v->random), s->p.miss);
	}
	set_concern(s, v);
	emit_begin(s, v, &v->outer, now);
	if (!v->miss)
		remember(&s->vms[v->vm], &v->outer.range);
	v->left_ns = inval_duration(s, v, &v->outer);
	v->step = STEP_WALK;
	return s->p.walk ? now + s->p.walk_ns : after_walk(s, v, now);
}

static uint64_t walk_step(struct rs_synth *s, struct invalidator *v, uint64_t now)
{
	struct inval *i = v->step == STEP_WALK ? &v->outer : &v->inner;

	if (emit_slot(s, v, i, now))
		return now + s->p.walk_ns;
	return after_walk(s, v, now);
}

static uint64_t end_step(struct rs_synth *s, struct invalidator *v, uint64_t now)
{
	emit_end(s, v, &v->outer, now);
	v->step = STEP_BEGIN;
	if (s->p.convert && !v->discards) {
		set_kind(s, &s->vms[v->vm], &v->outer.range, v->gives_up ^ RS_KIND_BOTH);
		v->discards = s->p.discard;
	} else {
		v->discards = false;
	}
	if (v->discards || v->repeats || --v->bursts)
		return now + spread(s, &v->random, s->p.gap_ns);
	v->bursts = s->p.burst;
	return now + spread(s, &v->random, s->p.period_ns);
}

static uint64_t invalidator_step(struct rs_synth *s, struct invalidator *v, uint64_t now)
{
	switch (v->step) {
	case STEP_BEGIN:
		return begin_step(s, v, now);
	case STEP_WALK:
	case STEP_NESTED_WALK:
		return walk_step(s, v, now);
	case STEP_NESTED_BEGIN:
		v->inner.range = nested_range(s, &v->outer.range);
		emit_begin(s, v, &v->inner, now);
		v->step = STEP_NESTED_WALK;
		return s->p.walk ? now + s->p.walk_ns : after_walk(s, v, now);
	case STEP_NESTED_END:
		emit_end(s, v, &v->inner, now);
		v->step = STEP_END;
		return now + v->left_ns;
	case STEP_END:
		return end_step(s, v, now);
	}
	return NEVER;
}

static uint32_t earlier(const struct rs_synth *s, uint32_t a, uint32_t b)
{
	/* Of two at the same time the lower number, so that the order is always the same. */
	return s->time[b] < s->time[a] ? b : a;
}

static void set_time(struct rs_synth *s, uint32_t actor, uint64_t time_ns)
{
	s->time[actor] = time_ns;
	for (size_t i = (s->leaves + actor) / 2; i; i /= 2)
		s->winner[i] = earlier(s, s->winner[2 * i], s->winner[2 * i + 1]);
}

static void emit_memslot(struct rs_synth *s)
{
	const struct rs_synth_slot *slot = &s->layout.slots[s->setup % s->layout.nr_slots];
	struct rs_event *e = emit(s, 0, RS_EV_MEMSLOT, (uint32_t)(s->setup / s->layout.nr_slots));

	e->memslot.id = (uint32_t)(s->setup % s->layout.nr_slots);
	e->memslot.gfn = slot->gfn;
	e->memslot.npages = slot->npages;
	e->memslot.hva = rs_layout_hva(&s->layout, slot->page);
	s->setup++;
}

size_t rs_synth_next(struct rs_synth *s, const struct rs_event **evs)
{
	s->nr = 0;
	while (s->nr < BLOCK && s->setup < s->layout.nr_slots * s->p.vms)
		emit_memslot(s);
	while (s->nr < BLOCK) {
		uint32_t actor = s->winner[1];
		uint64_t now = s->time[actor];

		if (now == NEVER)
			break;
		if (actor < s->nr_vcpus)
			now = vcpu_step(s, &s->vcpus[actor], now);
		else
			now = invalidator_step(s, &s->invalidators[actor - s->nr_vcpus], now);
		set_time(s, actor, now);
	}
	*evs = s->block;
	return s->nr;
}

static int allocate(struct rs_synth *s)
{
	size_t nr_invalidators = s->p.vms * s->p.invalidators;

	s->nr_vcpus = s->p.vms * s->p.vcpus;
	s->nr_actors = s->nr_vcpus + nr_invalidators;
	for (s->leaves = 1; s->leaves < s->nr_actors; s->leaves *= 2)
		;
	s->vms = calloc(s->p.vms, sizeof(*s->vms));
	s->vcpus = calloc(s->nr_vcpus + 1, sizeof(*s->vcpus));
	s->invalidators = calloc(nr_invalidators + 1, sizeof(*s->invalidators));
	for (size_t i = 0; s->vms && s->p.convert && i < s->p.vms; i++) {
		s->vms[i].converted = calloc(s->layout.pages / 64 + 1, sizeof(uint64_t));
		if (!s->vms[i].converted)
			return -ENOMEM;
	}
	s->time = calloc(s->leaves, sizeof(*s->time));
	s->winner = calloc(2 * s->leaves, sizeof(*s->winner));
	return s->vms && s->vcpus && s->invalidators && s->time && s->winner ? 0 : -ENOMEM;
}

static void init_vms(struct rs_synth *s)
{
	uint64_t whole = s->layout.pages / PIECE, rest = s->layout.pages % PIECE;
	uint64_t pages = private_pieces(s, whole) * PIECE;

	if (rest && initial_kind(s, whole * PIECE) == RS_KIND_PRIVATE)
		pages += rest;
	for (size_t i = 0; i < s->p.vms; i++)
		s->vms[i].nr_private = pages;
}

static void init_vcpus(struct rs_synth *s)
{
	uint64_t between_ns = 1000000000 / s->p.fault_rate;

	s->fault_gap_ns = between_ns > s->p.fault_ns ? between_ns - s->p.fault_ns : 1;
	for (size_t i = 0; i < s->nr_vcpus; i++) {
		struct vcpu *v = &s->vcpus[i];

		v->random = rs_random_fork(s->p.seed, FORK_VCPU, i);
		v->vm = (uint32_t)(i / s->p.vcpus);
		v->index = (uint32_t)(i % s->p.vcpus);
		s->time[i] = rs_scale(rs_random(&v->random), 2 * s->fault_gap_ns);
	}
}

static void init_invalidators(struct rs_synth *s)
{
	for (size_t i = s->nr_vcpus; i < s->nr_actors; i++) {
		struct invalidator *v = &s->invalidators[i - s->nr_vcpus];

		v->random = rs_random_fork(s->p.seed, FORK_INVALIDATOR, i - s->nr_vcpus);
		v->vm = (uint32_t)((i - s->nr_vcpus) / s->p.invalidators);
		v->scan = rs_scale(rs_random(&v->random), s->layout.pages);
		v->bursts = s->p.burst;
		s->time[i] = rs_scale(rs_random(&v->random), s->p.period_ns);
	}
}

static void init_queue(struct rs_synth *s)
{
	for (size_t i = s->nr_actors; i < s->leaves; i++)
		s->time[i] = NEVER;
	for (size_t i = 0; i < s->leaves; i++)
		s->winner[s->leaves + i] = (uint32_t)i;
	for (size_t i = s->leaves - 1; i; i--)
		s->winner[i] = earlier(s, s->winner[2 * i], s->winner[2 * i + 1]);
}

static int check_kinds(const struct rs_synth_params *p, struct rs_error *err)
{
	if (p->space == RS_SYNTH_HVA && (p->convert || p->concerns > RS_CONCERNS_SHARED))
		return rs_error_set(err, RS_ERR_USAGE, EINVAL,
				    "%s needs space=gfn: host addresses are of shared memory",
				    p->convert				 ? "convert=on"
				    : p->concerns == RS_CONCERNS_PRIVATE ? "concerns=private"
									 : "concerns=given-up");
	if (p->convert && (p->concerns == RS_CONCERNS_SHARED || p->concerns == RS_CONCERNS_PRIVATE))
		return rs_error_set(err, RS_ERR_USAGE, EINVAL,
				    "convert=on needs concerns=given-up or all: it goes both ways");
	if (!p->convert && p->concerns == RS_CONCERNS_GIVEN_UP)
		return rs_error_set(err, RS_ERR_USAGE, EINVAL,
				    "concerns=given-up needs convert=on");
	if (!p->convert && p->discard)
		return rs_error_set(err, RS_ERR_USAGE, EINVAL, "discard=on needs convert=on");
	return 0;
}

/* The layout is to be freed, whatever comes of it. */
static int check_all(const struct rs_synth_params *p, struct rs_layout *layout,
		     struct rs_error *err)
{
	int ret = rs_layout_init(layout, p, err);

	if (!ret)
		ret = check_kinds(p, err);
	if (!ret && !p->events && !p->time_ns)
		ret = rs_error_set(err, RS_ERR_USAGE, EINVAL,
				   "events=0 and time=0: such a trace has no end");
	return ret;
}

int rs_synth_check(const struct rs_synth_params *p, struct rs_error *err)
{
	struct rs_layout layout;
	int ret = check_all(p, &layout, err);

	rs_layout_free(&layout);
	return ret == -ENOMEM ? rs_error_nomem(err) : ret;
}

struct rs_synth *rs_synth_new(const struct rs_synth_params *p, struct rs_error *err)
{
	struct rs_synth *s = calloc(1, sizeof(*s));
	int ret = -ENOMEM;

	if (s) {
		s->p = *p;
		ret = check_all(p, &s->layout, err);
		if (!ret)
			ret = allocate(s);
	}
	if (ret) {
		if (ret == -ENOMEM)
			rs_error_nomem(err);
		rs_synth_free(s);
		errno = -ret;
		return NULL;
	}
	rs_exponential_init(&s->exponential);
	rs_zipf_init(&s->zipf, s->layout.pages, (uint32_t)p->zipf);
	s->ways = 1 + s->layout.nr_slots - s->layout.nr_primary;
	for (s->mask = 1; s->mask < s->layout.pages; s->mask *= 2)
		;
	s->mask--;
	s->scramble = rs_random_fork(p->seed, FORK_SCRAMBLE, 0) | 1;
	init_vms(s);
	init_vcpus(s);
	init_invalidators(s);
	init_queue(s);
	return s;
}

static int name_vcpu(struct rs_synth *s, size_t i, struct rs_whos *whos)
{
	struct vcpu *v = &s->vcpus[i];
	char comm[32];

	snprintf(comm, sizeof(comm), "CPU %" PRIu32 "/KVM", v->index);
	return rs_whos_add(whos, &(struct rs_who){ .pid = (uint32_t)(FIRST_PID + i), .comm = comm },
			   &v->who);
}

static int name_invalidator(struct rs_synth *s, size_t i, struct rs_whos *whos)
{
	char comm[] = "invalidator", reason[64];
	const struct rs_who who = { .pid = (uint32_t)(FIRST_PID + i),
				    .comm = comm,
				    .reason = reason };

	snprintf(reason, sizeof(reason), "%s", s->p.scenario);
	return rs_whos_add(whos, &who, &s->invalidators[i - s->nr_vcpus].who);
}

int rs_synth_name(struct rs_synth *s, struct rs_whos *whos)
{
	int rc = 0;

	for (size_t i = 0; i < s->nr_actors && !rc; i++)
		rc = i < s->nr_vcpus ? name_vcpu(s, i, whos) : name_invalidator(s, i, whos);
	return rc;
}

void rs_synth_free(struct rs_synth *s)
{
	if (!s)
		return;
	rs_layout_free(&s->layout);
	for (size_t i = 0; s->vms && i < s->p.vms; i++)
		free(s->vms[i].converted);
	free(s->vms);
	free(s->vcpus);
	free(s->invalidators);
	free(s->time);
	free(s->winner);
	free(s);
}
