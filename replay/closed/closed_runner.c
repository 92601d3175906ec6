// SPDX-License-Identifier: GPL-2.0-only
/* The vCPUs of a simulation. What one does changes nothing for another. */
#include "replay/closed/closed_sim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/inline.h"

/* ---- which vCPU acts next ---- */

static void heap_up(struct sim *s, struct turn t)
{
	size_t i = s->nr_heap++;

	for (; i && t.at_ns < s->heap[(i - 1) / 2].at_ns; i = (i - 1) / 2)
		s->heap[i] = s->heap[(i - 1) / 2];
	s->heap[i] = t;
}

/* @t takes the place of the first. */
static void heap_down(struct sim *s, struct turn t)
{
	size_t i = 0, c;

	while ((c = 2 * i + 1) < s->nr_heap) {
		if (c + 1 < s->nr_heap && s->heap[c + 1].at_ns < s->heap[c].at_ns)
			c++;
		if (s->heap[c].at_ns >= t.at_ns)
			break;
		s->heap[i] = s->heap[c];
		i = c;
	}
	s->heap[i] = t;
}

/* ---- runners come and go ---- */

/* What its set has counted. */
static inline struct set_sum *sum_of(struct sim *s, struct runner *r)
{
	return r->sum = sums_of(&s->sums, r->sum, r->set);
}

static size_t size_of(const struct sim *s)
{
	return sizeof(struct runner) + s->nr_algos * sizeof(uint64_t);
}

/* All zero; there is room for it among the open ones. NULL: no memory, and s->failed. */
static struct runner *new_runner(struct sim *s)
{
	struct runner *r = s->unused;

	if (r) {
		s->unused = r->twin;
		memset(r, 0, sizeof(*r));
		return r;
	}
	r = calloc(1, size_of(s));
	s->nr_runners++;
	if (!r || RS_ROOM(s->open, s->max_open, s->nr_runners)) {
		free(r);
		s->failed = -ENOMEM;
		return NULL;
	}
	return r;
}

static void end_runner(struct sim *s, struct runner *r)
{
	struct runner **at = &s->runners[r->vcpu];

	while (*at != r)
		at = &(*at)->twin;
	*at = r->twin;
	rs_stream_reader_close(&r->reader);
	r->set = 0;
	r->twin = s->unused;
	s->unused = r;
}

static void open_fault(struct sim *s, struct runner *r)
{
	r->f.open = true;
	r->f.seat = told_seat(s->vm, r->vcpu, r->set);
	r->place = (uint32_t)s->nr_open;
	s->open[s->nr_open++] = r;
}

static void close_fault(struct sim *s, struct runner *r)
{
	struct runner *last = s->open[--s->nr_open];

	r->f.open = false;
	s->open[r->place] = last;
	last->place = r->place;
}

/*
 * The casts of @set, not all that @r has, go on by themselves from here. NULL: no memory, and
 * s->failed.
 */
static struct runner *split(struct sim *s, struct runner *r, uint64_t set)
{
	struct runner *other = new_runner(s);

	if (!other)
		return NULL;
	memcpy(other, r, size_of(s));
	rs_stream_reader_copy(&other->reader, &r->reader);
	other->set = set;
	r->set &= ~set;
	r->twin = other;
	if (other->f.open)
		open_fault(s, other);
	return other;
}

/* Whether nothing tells them apart any more: @a is about to begin an attempt, and @b the same. */
static inline bool alike(const struct runner *a, const struct runner *b)
{
	return a->at_ns == b->at_ns && b->phase == PHASE_BEGINS && a->fault == b->fault &&
	       a->start_ns == b->start_ns && a->retries == b->retries && a->attempt == b->attempt &&
	       a->beyond == b->beyond;
}

/*
 * Those behind @r in its list that are like it are one with it: of one algorithm, for which stall
 * is told, what started at the same time has done the same since, and was told the same.
 */
static void join(struct sim *s, struct runner *r)
{
	struct runner *next;

	if (r->phase != PHASE_BEGINS)
		return;
	for (struct runner *o = r->twin; o; o = next) {
		next = o->twin;
		if (!alike(r, o))
			continue;
		r->set |= o->set;
		end_runner(s, o);
	}
}

/* ---- what was recorded ---- */

/* The vCPU's next attempt; NULL: there is none, or s->failed. */
static inline const unsigned char *next_attempt(struct sim *s, struct runner *r)
{
	const unsigned char *from = rs_stream_next(&r->reader);

	if (!from && r->reader.failed)
		s->failed = r->reader.failed;
	return from;
}

/* Whether the chain has another attempt: what was not to be tried again was its last. */
static bool chain_goes_on(struct sim *s, struct runner *r)
{
	const unsigned char *from = r->recorded.retry ? next_attempt(s, r) : NULL;

	return from && !attempt_is_first(from);
}

/* ---- a fault comes and goes ---- */

static void begins_at(struct runner *r, uint64_t at_ns)
{
	r->phase = PHASE_BEGINS;
	r->at_ns = at_ns;
}

static inline void start_fault(struct sim *s, struct runner *r, uint64_t start)
{
	r->fault++;
	r->gfn = r->recorded.gfn;
	r->as = r->recorded.as;
	r->start_ns = start;
	r->shift_ns = start - r->recorded.begin_ns;
	r->retries = 0;
	r->attempt = 0;
	r->beyond = false;
	if (s->telling)
		rs_tell_arrival(s->telling, r->vcpu, r->set, &r->recorded, start);
	begins_at(r, start);
}

/* When the fault of @first arrives, the one before it being done then instead of @was_done. */
static inline uint64_t arrival(const struct attempt *first, uint64_t was_done, uint64_t done_ns,
			       bool thinks)
{
	if (thinks)
		return later(done_ns, first->begin_ns - was_done);
	return first->begin_ns < done_ns ? done_ns : first->begin_ns;
}

/* The next recorded one arrives, the one before it, if there is one, being done. Else @r is over.
 */
static inline void arrive(struct sim *s, struct runner *r, uint64_t done_ns)
{
	const uint64_t was_done = r->recorded.check_ns;
	uint64_t start, thought;
	struct runner *other;

	if (!next_attempt(s, r)) {
		end_runner(s, r);
		return;
	}
	attempt_get(&r->reader, &r->recorded);
	/* A first one has none before it. */
	start = arrival(&r->recorded, was_done, done_ns, false);
	thought = arrival(&r->recorded, was_done, done_ns, r->fault);
	if (thought != start && r->set & s->thinkers) {
		if (r->set & ~s->thinkers) {
			other = split(s, r, r->set & ~s->thinkers);
			if (!other)
				return;
			start_fault(s, other, start);
		}
		start = thought;
	}
	start_fault(s, r, start);
}

static inline void finish_fault(struct sim *s, struct runner *r, uint64_t done_ns, bool starved)
{
	struct set_sum *of = sum_of(s, r);

	for (; chain_goes_on(s, r); r->attempt++)
		attempt_get(&r->reader, &r->recorded);
	of->sum.starved += starved;
	of->sum.as_recorded += !starved && done_ns == r->recorded.check_ns &&
			       r->retries == r->attempt + r->recorded.retry;
	sums_fault(&s->sums, of, r->retries, done_ns - r->start_ns);
	if (s->telling)
		rs_tell_end(s->telling, r->vcpu, r->set, done_ns, starved);
	arrive(s, r, done_ns);
}

static void try_again(struct sim *s, struct runner *r, uint64_t now)
{
	uint64_t at;

	r->retries++;
	sums_retries(&s->sums, sum_of(s, r), 1);
	if (chain_goes_on(s, r)) {
		attempt_get(&r->reader, &r->recorded);
		r->attempt++;
		at = r->recorded.begin_ns + r->shift_ns;
	} else {
		r->beyond = true;
		at = later(now, s->plan.gap_ns);
	}
	at = at < now ? now : at;
	if (at > s->end_ns || at == UINT64_MAX)
		finish_fault(s, r, now > s->end_ns ? now : s->end_ns, true);
	else
		begins_at(r, at);
}

/* ---- attempts ---- */

static bool slot_gone(const struct sim *s, const struct rs_fault *f)
{
	return f->handle == RS_NO_SLOT || rs_fault_obsolete(f, s->memslots);
}

/* Which of its casts reject, for any of the reasons @why. */
static uint64_t rejecting(const struct sim *s, const struct runner *r, unsigned int why)
{
	uint64_t set = 0;

	if (slot_gone(s, &r->f))
		return 0;
	for (uint64_t left = r->set, same; left; left &= ~same) {
		const unsigned int i = s->algo_of[__builtin_ctzll(left)];
		const struct rs_algo *a = &s->algos[i];

		same = s->who[i];
		if (a->ops->rejects(a->state, &r->f, r->snapshots[i]) & why)
			set |= same;
	}
	return set & r->set;
}

/* The present attempt is rejected, and @n that are alike, if whose doing that is is asked. */
static void tell_rejection(struct sim *s, const struct runner *r, uint64_t n)
{
	const struct rs_algo *a = s->algos;

	if (s->telling)
		rs_tell_rejection(s->telling, r->vcpu, r->set, &r->f,
				  a->ops->rejects(a->state, &r->f, r->snapshots[0]), n);
}

/* How long the attempt takes: as recorded, or as long as most. */
static uint64_t duration(const struct sim *s, const struct runner *r, bool before_lookup)
{
	if (!r->beyond && r->recorded.before_lookup == before_lookup)
		return r->recorded.check_ns - r->recorded.begin_ns;
	return before_lookup ? s->vm->precheck_ns : s->vm->clean_ns;
}

/*
 * Until the next recorded event nothing changes: an attempt beyond the recorded ones that
 * begins @now, takes @took and is rejected is followed by others just like it, of which so
 * many begin before that event as well, each *@period after the one before.
 */
static uint64_t rounds_alike(const struct sim *s, uint64_t now, uint64_t took, uint64_t *period)
{
	uint64_t last = s->last_ns < s->end_ns ? s->last_ns : s->end_ns;

	last -= last == UINT64_MAX; /* nothing begins then */
	if (__builtin_add_overflow(took, s->plan.gap_ns, period) || last < now)
		return 0;
	return (last - now) / *period;
}

static void decides_at(struct runner *r, uint64_t now, uint64_t took)
{
	r->f.begin_ns = now;
	r->phase = PHASE_DECIDES;
	r->at_ns = later(now, took);
}

/* An attempt beyond the recorded ones, and those of its rejected casts that are alike. */
static void begin_beyond(struct sim *s, struct runner *r, uint64_t now, uint64_t took)
{
	uint64_t period, rejected;
	const uint64_t n = rounds_alike(s, now, took, &period);
	struct runner *other;

	rejected = !n ? 0 : r->rejected ? r->set : rejecting(s, r, ~0U);
	if (rejected && rejected != r->set) {
		other = split(s, r, r->set & ~rejected);
		if (!other)
			return;
		decides_at(other, now, took);
	}
	if (rejected) {
		r->retries += n;
		sums_retries(&s->sums, sum_of(s, r), n);
		tell_rejection(s, r, n);
		now += n * period;
		r->f.begin_ns = now;
		if (s->telling)
			rs_tell_attempt(s->telling, r->vcpu, r->set, now);
	}
	decides_at(r, now, took);
}

/* @r, some or all of those whose attempt begins @now, knows whether it is rejected already. */
static void begin_rest(struct sim *s, struct runner *r, uint64_t now)
{
	const uint64_t took = duration(s, r, r->rejected);

	if (r->beyond)
		begin_beyond(s, r, now, took);
	else
		decides_at(r, now, took);
	if (r->rejected)
		tell_rejection(s, r, 1);
}

static void begin_attempt(struct sim *s, struct runner *r)
{
	const uint64_t now = r->at_ns;
	struct runner *other;
	uint64_t rejected;

	rs_fault_begin(&r->f, s->memslots, r->vcpu, r->as, r->gfn,
		       r->recorded.private ? RS_KIND_PRIVATE : RS_KIND_SHARED, now);
	open_fault(s, r);
	rs_calls_snapshot(&s->calls, r->snapshots, s->nr_algos);
	if (s->telling)
		rs_tell_attempt(s->telling, r->vcpu, r->set, now);
	rejected = s->plan.precheck ? rejecting(s, r, RS_REJECT_RANGE) : 0;
	r->rejected = rejected == r->set;
	if (rejected && !r->rejected) {
		other = split(s, r, rejected);
		if (!other)
			return;
		other->rejected = true;
		begin_rest(s, other, now);
	}
	begin_rest(s, r, now);
}

static void decide(struct sim *s, struct runner *r)
{
	const uint64_t now = r->at_ns;
	const uint64_t rejected = r->rejected ? r->set : rejecting(s, r, ~0U);
	struct runner *other;

	if (rejected && !r->rejected)
		tell_rejection(s, r, 1);
	close_fault(s, r);
	if (rejected == r->set) {
		try_again(s, r, now);
		return;
	}
	if (rejected) {
		other = split(s, r, rejected);
		if (!other)
			return;
		try_again(s, other, now);
	}
	finish_fault(s, r, now, false);
}

/* ---- all of them ---- */

static bool is_due(const struct sim *s, const struct runner *r)
{
	return r->set && r->at_ns <= s->last_ns;
}

/* Whether nothing is in progress from its begin to its decision: then nobody rejects it. */
static bool is_undisturbed(const struct sim *s, const struct runner *r, uint64_t took)
{
	return s->is_quiet && took <= s->last_ns - r->at_ns;
}

/*
 * Faults of one attempt each that nothing disturbs, as most are: so many of them as are followed
 * by another one in the same chunk, with nothing to be asked of any algorithm. @told: of one that
 * takes longer than a clean attempt somebody is told. false: there is none.
 */
RS_LOOP_PART bool run_undisturbed(struct sim *s, struct runner *r, bool told)
{
	const bool thinks = r->set & s->thinkers, records = r->set & ~s->thinkers;
	struct set_sum *of = sum_of(s, r);
	const unsigned char *present = NULL, *next = r->reader.at;
	uint64_t at = r->at_ns, last_ns = 0, faults = 0;
	struct attempt a = r->recorded, b;

	while (next < r->reader.end && !a.before_lookup && !a.retry && at <= s->last_ns &&
	       a.check_ns - a.begin_ns <= s->last_ns - at) {
		const uint64_t took = a.check_ns - a.begin_ns, done = at + took;
		const unsigned char *end;
		uint64_t start;

		b = a;
		end = attempt_take(next, &b);
		start = arrival(&b, a.check_ns, done, thinks);
		if (thinks && records && start != arrival(&b, a.check_ns, done, false))
			break;
		of->sum.as_recorded += done == a.check_ns;
		sums_fault(&s->sums, of, 0, took);
		if (told && took > s->vm->clean_ns) {
			rs_tell_arrival(s->telling, r->vcpu, r->set, &a, at);
			rs_tell_end(s->telling, r->vcpu, r->set, done, false);
		}
		faults++;
		last_ns = a.check_ns;
		present = next;
		next = end;
		a = b;
		at = start;
	}
	if (!faults)
		return false;
	/* What its record has beside times was not looked at so far. */
	r->recorded.check_ns = last_ns;
	r->reader.at = attempt_take(present, &r->recorded);
	r->fault += faults - 1;
	start_fault(s, r, at);
	return true;
}

static void finish_undisturbed(struct sim *s, struct runner *r, uint64_t took)
{
	if (!r->attempt && !r->beyond &&
	    (s->telling ? run_undisturbed(s, r, true) : run_undisturbed(s, r, false)))
		return;
	if (s->telling)
		rs_tell_attempt(s->telling, r->vcpu, r->set, r->at_ns);
	finish_fault(s, r, later(r->at_ns, took), false);
}

static void run(struct sim *s, struct runner *r)
{
	while (is_due(s, r) && !s->failed) {
		const uint64_t took = duration(s, r, false);

		if (r->phase == PHASE_DECIDES)
			decide(s, r);
		else if (!is_undisturbed(s, r, took))
			begin_attempt(s, r);
		else
			finish_undisturbed(s, r, took);
	}
}

/* All of a vCPU; what is split off of one stands behind it, and what is over is gone. */
static void run_vcpu(struct sim *s, uint32_t vcpu)
{
	struct runner **at = &s->runners[vcpu], *r;

	while ((r = *at)) {
		run(s, r);
		if (*at == r)
			at = &r->twin;
	}
	for (r = s->runners[vcpu]; r; r = r->twin)
		join(s, r);
}

/* When one of a vCPU's runners, of which there are some, acts next. */
static uint64_t next_of(const struct sim *s, uint32_t vcpu)
{
	uint64_t next_ns = UINT64_MAX;

	for (const struct runner *r = s->runners[vcpu]; r; r = r->twin)
		next_ns = r->at_ns < next_ns ? r->at_ns : next_ns;
	return next_ns;
}

void runners_run(struct sim *s, uint64_t last_ns)
{
	s->last_ns = last_ns;
	s->is_quiet = !rs_invals_nr(s->invals);
	while (s->nr_heap && s->heap[0].at_ns <= last_ns && !s->failed) {
		const uint32_t vcpu = s->heap[0].vcpu;

		run_vcpu(s, vcpu);
		heap_down(s, s->runners[vcpu] ? (struct turn){ next_of(s, vcpu), vcpu }
					      : s->heap[--s->nr_heap]);
	}
}

void runners_start(struct sim *s)
{
	for (uint32_t i = 0; i < s->vm->nr_vcpus && !s->failed; i++) {
		const struct vcpu *v = &s->vm->vcpus[i];
		struct runner *r = v->attempts.tail ? new_runner(s) : NULL;

		if (!r)
			continue;
		r->vcpu = i;
		r->set = UINT64_MAX >> (MAX_CASTS - s->nr_casts);
		r->sum = sums_find(&s->sums, r->set);
		s->runners[i] = r;
		rs_stream_read(&r->reader, s->c->spool, &v->attempts);
		arrive(s, r, 0);
		if (r->set)
			heap_up(s, (struct turn){ r->at_ns, i });
	}
}

void runners_free(struct sim *s)
{
	for (uint32_t i = 0; s->runners && i < s->vm->nr_vcpus; i++)
		while (s->runners[i])
			end_runner(s, s->runners[i]);
	while (s->unused) {
		struct runner *next = s->unused->twin;

		free(s->unused);
		s->unused = next;
	}
	free(s->runners);
	free(s->heap);
	free(s->open);
}
