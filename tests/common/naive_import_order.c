// SPDX-License-Identifier: GPL-2.0-only
/* The order of one VM's events: docs/import.md, 2, 5 and 6. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/common/naive_import_internal.h"

#define NONE SIZE_MAX
#define AHEAD_NS 50000000ULL
#define COMMIT_NS 500000000ULL
#define REMIND_NS 5000000ULL
#define MAX_COMMITS 64
#define MAX_AWAY 4096
#define MAX_BACK 64
#define MAX_SLOTS 1024

struct list {
	size_t *v;
	size_t nr;
};

struct memslot {
	unsigned int as;
	uint32_t id, flags;
	uint64_t gfn, npages, hva;
};

struct memslots {
	struct memslot m[MAX_SLOTS];
	size_t nr;
};

struct order {
	struct n_import *n;
	struct n_vm *vm;
	/* The epochs so far; of each its items in order, and its end. */
	struct epoch {
		struct list items;
		size_t end;
	} * epochs;
	size_t room_epochs;
	int64_t now;
	uint64_t base;
	bool based;
	struct list open;  /* ends entered and not placed */
	struct list early; /* decisions without the lock that wait for a reason */
	struct list ahead; /* faults without a memslot whose epoch is to come */
	struct list left_out;
	struct n_state cur;
	unsigned int losing;
	bool loose, unsure, reminded;
	bool paused; /* what was last lost was lost to a pause */
	uint64_t reminded_ns;
	struct memslots slots;
	struct list commits; /* [first_commit, nr): not in effect */
	size_t first_commit;
	struct call {
		size_t from, to;
	} * calls;	       /* between which items each call's hits are, by its id */
	struct memslot before; /* what the last commit replaced */
	uint64_t before_ns;
	bool has_before;
	size_t used_learned;
	bool asked, had_memslots; /* for what is learned; there were some in effect */
	uint64_t now_ns;	  /* of the item whose turn it is */
	int64_t *of;		  /* each item's epoch, -1: none */
	size_t *vcpu_before;	  /* each item's vCPU's item before */
	size_t room_of, room_before;
	size_t vcpu_last[65536];
};

static struct n_item *at(struct order *o, size_t i)
{
	return &o->vm->items[i];
}

static void add(struct list *l, size_t i)
{
	*N_GROW(l->v, l->nr) = i;
}

static void take_out(struct list *l, size_t nth)
{
	memmove(&l->v[nth], &l->v[nth + 1], (l->nr - nth - 1) * sizeof(*l->v));
	l->nr--;
}

static void note_unless_lost(struct order *o, const char *name)
{
	if (!o->losing && !o->loose)
		n_note(o->n, name);
}

/* ---- memslots ---- */

static struct memslot *find_id(struct memslots *s, unsigned int as, uint32_t id)
{
	for (size_t i = 0; i < s->nr; i++)
		if (s->m[i].as == as && s->m[i].id == id)
			return &s->m[i];
	return NULL;
}

static struct memslot *find_gfn(struct memslots *s, unsigned int as, uint64_t gfn)
{
	for (size_t i = 0; i < s->nr; i++)
		if (s->m[i].as == as && gfn >= s->m[i].gfn && gfn - s->m[i].gfn < s->m[i].npages)
			return &s->m[i];
	return NULL;
}

/* What is not possible changes nothing. */
static void set(struct memslots *s, const struct memslot *m)
{
	struct memslot *old = find_id(s, m->as, m->id);
	__uint128_t frames = m->npages;

	if (!m->npages) {
		if (old)
			*old = s->m[--s->nr];
		return;
	}
	if (m->hva % 4096 || (__uint128_t)m->gfn + m->npages > UINT64_MAX ||
	    (__uint128_t)m->hva + (__uint128_t)m->npages * 4096 > UINT64_MAX)
		return;
	for (size_t i = 0; i < s->nr; i++) {
		const struct memslot *x = &s->m[i];

		if (x == old)
			continue;
		frames += x->npages;
		if (x->as == m->as && x->gfn < m->gfn + m->npages && m->gfn < x->gfn + x->npages)
			return;
	}
	if (frames > INT64_MAX)
		return;
	if (!old) {
		assert(s->nr < MAX_SLOTS);
		old = &s->m[s->nr++];
	}
	*old = *m;
}

static struct memslot of_event(const struct rs_event *ev)
{
	return (struct memslot){ ev->as,	  ev->memslot.id,     ev->memslot.flags,
				 ev->memslot.gfn, ev->memslot.npages, ev->memslot.hva };
}

/* What was seen of the memslots: all that a call hit in a range, or one that a fault went through.
 */
struct seen {
	bool by_fault;
	uint64_t time;
	uint64_t start, end, id; /* of the call */
	const struct n_item *fault;
	const struct rs_event *hit; /* without a call */
};

static bool call_agrees(struct order *o, struct memslots *s, const struct seen *e)
{
	const struct call *c = &o->calls[e->id];
	size_t hits = 0, overlaps = 0;

	for (size_t i = c->from; i < c->to; i++)
		hits += at(o, i)->ev.type == RS_EV_INVAL_SLOT && at(o, i)->ev.inval.id == e->id;
	for (size_t k = 0; k < s->nr; k++) {
		const struct memslot *m = &s->m[k];
		const uint64_t m_end = m->hva + m->npages * 4096;
		const uint64_t from = e->start > m->hva ? e->start : m->hva;
		const uint64_t to = e->end < m_end ? e->end : m_end;
		bool hit = false;

		if (from >= to)
			continue;
		overlaps++;
		for (size_t i = c->from; i < c->to; i++) {
			const struct rs_event *ev = &at(o, i)->ev;

			hit |= ev->type == RS_EV_INVAL_SLOT && ev->inval.id == e->id &&
			       ev->as == m->as && ev->inval.slot == m->id &&
			       ev->inval.start == m->gfn + (from - m->hva) / 4096 &&
			       ev->inval.end == m->gfn + (to - m->hva + 4095) / 4096;
		}
		if (!hit)
			return false;
	}
	return overlaps == hits;
}

static bool agrees(struct order *o, struct memslots *s, const struct seen *e)
{
	const struct n_item *f = e->fault;
	const struct memslot *m;

	if (e->hit) {
		for (size_t k = 0; k < s->nr; k++)
			if (s->m[k].as == e->hit->as && s->m[k].id == e->hit->inval.slot)
				return e->hit->inval.start >= s->m[k].gfn &&
				       e->hit->inval.end <= s->m[k].gfn + s->m[k].npages;
		return false;
	}
	if (!e->by_fault)
		return call_agrees(o, s, e);
	m = find_gfn(s, f->ev.as, f->ev.fault.gfn);
	if (n_is_no_hva(f->hva))
		return !m;
	if (f->hva)
		return m && m->hva + (f->ev.fault.gfn - m->gfn) * 4096 == f->hva;
	return !f->has_id || (m && m->id == f->id);
}

/* The nth commit from now on that is not in effect; NONE if there is none. */
static size_t commit(const struct order *o, size_t nth)
{
	const size_t i = o->first_commit + nth;

	return i < o->commits.nr ? o->commits.v[i] : NONE;
}

/* How many commits make it agree; NONE if no number of them does. */
static size_t explain(struct order *o, const struct seen *e)
{
	static struct memslots trial;

	if (agrees(o, &o->slots, e))
		return 0;
	trial = o->slots;
	if (o->has_before && (e->hit || (e->by_fault && e->fault->since <= o->before_ns))) {
		set(&trial, &o->before);
		if (agrees(o, &trial, e))
			return 0;
		trial = o->slots;
	}
	for (size_t i = 0; i < MAX_COMMITS; i++) {
		const size_t c = commit(o, i);
		struct memslot m;

		if (c == NONE || at(o, c)->ev.time_ns > e->time + COMMIT_NS)
			return NONE;
		m = of_event(&at(o, c)->ev);
		set(&trial, &m);
		if (agrees(o, &trial, e))
			return i + 1;
	}
	return NONE;
}

static void append(struct order *o, int64_t epoch, size_t i);

static void append_own(struct order *o, enum n_type type, struct rs_event ev)
{
	struct n_item *i = N_GROW(o->vm->items, o->vm->nr);

	ev.vm = o->vm->number;
	*i = (struct n_item){ .type = type, .ev = ev, .placed = true };
	append(o, o->now, o->vm->nr - 1);
}

static void append_lost(struct order *o, uint64_t time, uint64_t count)
{
	append_own(o, N_LOST,
		   (struct rs_event){
			   .time_ns = time,
			   .type = RS_EV_LOST,
			   .flags = o->paused && !count ? RS_F_RESUME : 0,
			   .lost.count = count,
		   });
}

static void apply(struct order *o, size_t nr, uint64_t time)
{
	while (nr--) {
		const size_t c = commit(o, 0);
		const struct memslot m = of_event(&at(o, c)->ev);
		const struct memslot *old = find_id(&o->slots, m.as, m.id);

		o->before = old ? *old : (struct memslot){ .as = m.as, .id = m.id };
		o->before_ns = time;
		o->has_before = true;
		set(&o->slots, &m);
		o->had_memslots |= o->slots.nr > 0;
		if (time < at(o, c)->ev.time_ns)
			at(o, c)->ev.time_ns = time;
		at(o, c)->placed = true;
		o->first_commit++;
		append(o, o->now, c);
	}
}

/* Those that were there by @there. */
static void add_learned(struct order *o, uint64_t there, uint64_t time)
{
	o->asked = true;
	for (; o->used_learned < o->n->nr_learned; o->used_learned++) {
		const struct n_learned *l = &o->n->learned[o->used_learned];
		const struct memslot m = { l->as,  l->id,	    0,
					   l->gfn, l->end - l->gfn, l->one + l->gfn * 4096 };

		if (l->kvm != o->vm->kvm || l->dead)
			continue;
		if (l->from > there)
			return;
		set(&o->slots, &m);
		o->had_memslots |= o->slots.nr > 0;
		append_own(o, N_LOST,
			   (struct rs_event){
				   .time_ns = time,
				   .type = RS_EV_MEMSLOT,
				   .as = (uint8_t)m.as,
				   .memslot.id = m.id,
				   .memslot.gfn = m.gfn,
				   .memslot.npages = m.npages,
				   .memslot.hva = m.hva,
			   });
		n_note(o->n, "memslots-learned");
	}
}

/* The memslots become those that were seen; false if that cannot be. */
static bool make_agree(struct order *o, const struct seen *e)
{
	size_t commits = explain(o, e);

	if (commits && !o->asked && !o->had_memslots) {
		add_learned(o, 0, e->time);
		commits = explain(o, e);
	}
	if (commits == NONE) {
		add_learned(o, e->time, e->time);
		commits = explain(o, e);
	}
	if (commits == NONE)
		return false;
	apply(o, commits, e->time);
	return true;
}

static bool make_call_agree(struct order *o, const struct n_item *i)
{
	const struct seen e = {
		.time = i->ev.time_ns,
		.start = i->ev.inval.start,
		.end = i->ev.inval.end,
		.id = i->ev.inval.id,
	};

	return make_agree(o, &e);
}

/* ---- epochs ---- */

static int64_t epoch_of(struct order *o, uint64_t seq)
{
	if (!o->based) {
		o->based = true;
		o->base = seq - (uint64_t)o->now;
	}
	return (int64_t)(seq - o->base);
}

static void rebase(struct order *o, uint64_t seq)
{
	o->based = true;
	o->base = seq - (uint64_t)o->now;
}

static bool of_vcpu(const struct rs_event *ev)
{
	return ev->type == RS_EV_FAULT_BEGIN || ev->type == RS_EV_FAULT_CHECK ||
	       ev->type == RS_EV_FAULT_END;
}

static void link_last(struct order *o, int64_t epoch, size_t i)
{
	add(&o->epochs[epoch].items, i);
	o->of[i] = epoch;
}

static void unlink_item(struct order *o, size_t i)
{
	struct list *l = &o->epochs[o->of[i]].items;
	size_t nth = 0;

	while (l->v[nth] != i)
		nth++;
	take_out(l, nth);
}

/* Where an item of a vCPU goes, behind those of it before. */
static int64_t behind_vcpu(struct order *o, int64_t epoch, size_t i)
{
	const size_t last = o->vcpu_last[at(o, i)->ev.fault.vcpu];
	size_t back[MAX_BACK], nr = 0;

	for (size_t k = last; k != NONE && o->of[k] > epoch && nr < MAX_BACK;
	     k = o->vcpu_before[k]) {
		if (at(o, k)->has_seq || !at(o, i)->has_seq)
			break;
		back[nr++] = k;
	}
	while (nr--) {
		unlink_item(o, back[nr]);
		link_last(o, epoch, back[nr]);
	}
	if (last == NONE || o->of[last] <= epoch)
		return epoch;
	if (at(o, i)->has_seq)
		note_unless_lost(o, "order-conflict");
	return o->of[last];
}

static void append(struct order *o, int64_t epoch, size_t i)
{
	/* The lists beside the items grow with them. */
	o->of = n_room(o->of, &o->room_of, o->vm->nr, sizeof(*o->of));
	o->vcpu_before =
		n_room(o->vcpu_before, &o->room_before, o->vm->nr, sizeof(*o->vcpu_before));
	if (epoch < 0 || epoch > o->now + MAX_AWAY) {
		epoch = o->now;
		note_unless_lost(o, "order-conflict");
	}
	while (epoch > o->now + MAX_AWAY)
		epoch--;
	if (of_vcpu(&at(o, i)->ev)) {
		const uint32_t vcpu = at(o, i)->ev.fault.vcpu;

		epoch = behind_vcpu(o, epoch, i);
		o->vcpu_before[i] = o->vcpu_last[vcpu];
		o->vcpu_last[vcpu] = i;
	}
	link_last(o, epoch, i);
}

/* ---- decisions without the lock ---- */

static bool has_reason(struct order *o, const struct n_item *i)
{
	const int64_t ends = o->now - epoch_of(o, i->state.seq);

	if (!i->has_seq && ends > 0)
		return true;
	return ends >= 0 && o->cur.in_progress && i->page >= o->cur.start && i->page < o->cur.end;
}

/* Where one goes that has no reason. */
static int64_t own_epoch(struct order *o, const struct n_item *i)
{
	const int64_t epoch = i->has_seq ? epoch_of(o, i->seq) : o->now;

	return epoch < o->now ? epoch : o->now;
}

enum when { HAS_REASON, EPOCH_ENDS, AT_LAST };

static void release(struct order *o, enum when when)
{
	for (size_t n = 0; n < o->early.nr;) {
		const size_t i = o->early.v[n];
		const bool ends = at(o, i)->has_seq && epoch_of(o, at(o, i)->seq) == o->now;

		if (when == AT_LAST || has_reason(o, at(o, i)) || (when == EPOCH_ENDS && ends)) {
			take_out(&o->early, n);
			append(o, o->now, i);
		} else {
			n++;
		}
	}
}

static void release_vcpu(struct order *o, uint32_t vcpu)
{
	for (size_t n = 0; n < o->early.nr;) {
		const size_t i = o->early.v[n];

		if (at(o, i)->ev.fault.vcpu == vcpu) {
			take_out(&o->early, n);
			append(o, own_epoch(o, at(o, i)), i);
		} else {
			n++;
		}
	}
}

/* ---- ends ---- */

/* Unless it was done less than 5 ms before @now. */
static void remind_at(struct order *o, uint64_t time, uint64_t now)
{
	if (!o->unsure || (o->reminded && now < o->reminded_ns + REMIND_NS))
		return;
	append_lost(o, time, o->reminded ? 0 : UINT64_MAX);
	o->reminded = true;
	o->reminded_ns = time;
}

static void remind(struct order *o, uint64_t time)
{
	remind_at(o, time, time);
}

/* There was no memslot for @fault; if there is one now, it ends without a decision. */
static void end_if_memslot(struct order *o, struct n_item *fault)
{
	const struct memslot *m = find_gfn(&o->slots, fault->ev.as, fault->ev.fault.gfn);

	if (fault->no_memslot && m && (n_is_no_hva(fault->hva) || m->id)) {
		struct rs_event *check = &at(o, fault->other)->ev;
		const bool retry = check->result == RS_RES_RETRY || check->fault.reason;

		check->type = RS_EV_FAULT_END;
		check->result = 0;
		check->fault.reason = retry ? RS_END_ROOT_OBSOLETE : RS_END_PLAIN;
		fault->no_memslot = false;
		n_note(o->n, "memslot-after-look-up");
	}
}

static void next_epoch(struct order *o, size_t end)
{
	release(o, EPOCH_ENDS);
	if (end != NONE) {
		remind_at(o, at(o, end)->ev.time_ns, o->now_ns);
		o->epochs[o->now].end = end;
		if (o->cur.in_progress)
			o->cur.in_progress--;
	}
	o->now++;
	o->epochs = n_room(o->epochs, &o->room_epochs, (size_t)(o->now + MAX_AWAY + 2),
			   sizeof(*o->epochs));
	o->epochs[o->now + MAX_AWAY + 1] = (struct epoch){ .end = NONE };
	for (size_t n = 0; n < o->ahead.nr;) {
		if (o->of[o->ahead.v[n]] == o->now) {
			end_if_memslot(o, at(o, o->ahead.v[n]));
			take_out(&o->ahead, n);
		} else {
			n++;
		}
	}
	release(o, HAS_REASON);
}

static void place_open(struct order *o)
{
	size_t best = 0, i;

	for (size_t n = 1; n < o->open.nr; n++)
		if (at(o, o->open.v[n])->until < at(o, o->open.v[best])->until)
			best = n;
	i = o->open.v[best];
	take_out(&o->open, best);
	next_epoch(o, i);
}

/* Those ends that may not have been any, and by what was seen were not. */
static void drop_maybe(struct order *o, uint64_t time)
{
	for (size_t n = 0; n < o->open.nr;) {
		if (at(o, o->open.v[n])->maybe && at(o, o->open.v[n])->until <= time)
			take_out(&o->open, n);
		else
			n++;
	}
}

/* After a loss: what was entered before has happened. */
static void renumber(struct order *o, uint64_t seq)
{
	drop_maybe(o, UINT64_MAX);
	while (o->open.nr)
		place_open(o);
	rebase(o, seq);
	o->loose = o->losing;
}

/* @seq was the number under the lock: all ends before it have happened. */
static int64_t observe(struct order *o, uint64_t seq, uint64_t time)
{
	int64_t epoch;

	if (o->loose)
		renumber(o, seq);
	epoch = epoch_of(o, seq);
	while (epoch > o->now && o->open.nr)
		place_open(o);
	drop_maybe(o, time);
	if (epoch > o->now + MAX_AWAY || epoch < o->now - MAX_AWAY) {
		rebase(o, seq);
		append_lost(o, time, UINT64_MAX);
		n_note(o->n, "sequence-jump");
		return o->now;
	}
	if (epoch < 0) {
		rebase(o, seq);
		note_unless_lost(o, "sequence-behind");
		return o->now;
	}
	while (epoch > o->now)
		next_epoch(o, NONE);
	return epoch;
}

/* ---- one item after the other ---- */

static bool is_locked(const struct n_item *i)
{
	return i->type == N_BEGIN || i->type == N_SLOT || i->type == N_CHECK;
}

/* An end of which nobody knows whether it began just then, or before the recording. */
static bool is_cut(const struct order *o, const struct n_item *i)
{
	return i->type == N_BEGIN && i->maybe && o->unsure && (o->asked || !o->had_memslots);
}

static bool says_idle(const struct order *o, const struct n_item *i)
{
	if (is_cut(o, i))
		return false;
	if (i->type != N_BEGIN)
		return i->state.in_progress == 0;
	/* Of a walk whose begin was not seen the range has more than is hit from here on. */
	if (i->ev.flags & RS_F_GFN && i->state.end != UINT64_MAX &&
	    (i->state.start < i->ev.inval.start || i->state.end > i->ev.inval.end))
		return false;
	return i->state.in_progress == 1;
}

static void take_locked(struct order *o, size_t i)
{
	int64_t epoch;

	if (is_cut(o, at(o, i)))
		return;
	epoch = observe(o, at(o, i)->state.seq, at(o, i)->ev.time_ns);
	if (!o->losing && says_idle(o, at(o, i)))
		o->unsure = false;
	remind(o, at(o, i)->ev.time_ns);
	o->cur = at(o, i)->state;
	append(o, epoch, i);
	/* It hits something next, by which the wait is over. */
	if (at(o, i)->type != N_BEGIN || (at(o, i)->ev.flags & RS_F_GFN))
		release(o, HAS_REASON);
}

static void take_end(struct order *o, size_t i)
{
	int64_t epoch;

	if (!at(o, i)->has_seq) {
		add(&o->open, i);
		return;
	}
	epoch = observe(o, at(o, i)->seq, at(o, i)->ev.time_ns);
	if (epoch == o->now)
		next_epoch(o, i);
	else if (o->epochs[epoch].end == NONE)
		o->epochs[epoch].end = i;
	else
		note_unless_lost(o, "order-conflict");
}

static void take_end_until(struct order *o, size_t i)
{
	for (size_t n = 0; n < o->open.nr; n++)
		if (o->open.v[n] == at(o, i)->other && !at(o, o->open.v[n])->maybe) {
			const size_t end = o->open.v[n];

			take_out(&o->open, n);
			next_epoch(o, end);
			return;
		}
}

static void take_loss(struct order *o, size_t i)
{
	if (at(o, i)->type == N_LOST_BEGIN)
		o->losing++;
	if (at(o, i)->type == N_LOST_END && o->losing)
		o->losing--;
	o->loose = o->unsure = o->reminded = true;
	o->reminded_ns = at(o, i)->ev.time_ns;
	o->paused = at(o, i)->ev.flags;
	if (o->paused) {
		o->open.nr = 0;
		o->based = false;
	}
	append(o, o->now, i);
}

/* The first number of all: that of the fault, or a smaller one that is next under the lock. */
static void base_on_fault(struct order *o, size_t i)
{
	uint64_t seq = at(o, i)->seq;

	for (size_t k = i + 1; k < o->vm->nr; k++)
		if (is_locked(at(o, k))) {
			if ((int64_t)(at(o, k)->state.seq - seq) < 0)
				seq = at(o, k)->state.seq;
			break;
		}
	if (o->loose)
		renumber(o, seq);
	else
		rebase(o, seq);
}

static void check_memslot(struct order *o, size_t i)
{
	const struct n_item fault = *at(o, i);
	const struct seen e = { .by_fault = true, .time = fault.ev.time_ns, .fault = &fault };
	const bool explained = make_agree(o, &e);

	end_if_memslot(o, at(o, i));
	if (!explained)
		note_unless_lost(o, "memslots-unexplained");
}

static void take_fault_begin(struct order *o, size_t i)
{
	int64_t epoch = o->now;

	check_memslot(o, i);
	release_vcpu(o, at(o, i)->ev.fault.vcpu);
	epoch = o->now;
	if (at(o, i)->has_seq && !o->n->by_time) {
		if (!o->based || o->loose)
			base_on_fault(o, i);
		epoch = epoch_of(o, at(o, i)->seq);
		while (epoch > o->now && o->open.nr)
			place_open(o);
		if (epoch < 0)
			epoch = o->now;
		if (epoch > o->now && at(o, i)->no_memslot)
			add(&o->ahead, i);
	}
	append(o, epoch, i);
}

/* Whether the next under the lock behind @i says that nothing was in progress before it. */
static bool was_idle(struct order *o, size_t i)
{
	for (size_t k = i + 1; k < o->vm->nr && at(o, k)->type != N_END; k++)
		if (is_locked(at(o, k)))
			return says_idle(o, at(o, k));
	return false;
}

/* The hit behind @i that is its reason, with nothing else under the lock before; or NONE. */
static size_t find_reason(struct order *o, size_t i)
{
	for (size_t k = i + 1; k < o->vm->nr; k++) {
		const struct n_item *x = at(o, k);

		if (x->ev.time_ns > at(o, i)->ev.time_ns + AHEAD_NS || x->type == N_CHECK ||
		    x->type == N_END)
			break;
		if (x->type != N_SLOT)
			continue;
		if (epoch_of(o, x->state.seq) != o->now)
			break;
		if (at(o, i)->page >= x->state.start && at(o, i)->page < x->state.end)
			return k;
	}
	return NONE;
}

static void take_early(struct order *o, size_t i)
{
	int64_t epoch;
	size_t reason;

	if (!(o->unsure && !o->reminded && was_idle(o, i)))
		remind(o, at(o, i)->ev.time_ns);
	epoch = own_epoch(o, at(o, i));
	if (epoch != o->now) {
		append(o, epoch, i);
		return;
	}
	reason = !has_reason(o, at(o, i)) && epoch_of(o, at(o, i)->state.seq) <= o->now
			 ? find_reason(o, i)
			 : NONE;
	for (size_t k = i + 1; reason != NONE && k <= reason; k++) {
		struct n_item *x = at(o, k);

		if (x->placed || (x->type != N_BEGIN && x->type != N_SLOT))
			continue;
		if (x->ev.time_ns > at(o, i)->ev.time_ns)
			x->ev.time_ns = at(o, i)->ev.time_ns;
		x->placed = true;
		take_locked(o, k);
	}
	if (has_reason(o, at(o, i)))
		append(o, o->now, i);
	else
		add(&o->early, i);
}

static void take_miss(struct order *o, size_t i)
{
	const struct n_item call = *at(o, i);

	if (make_call_agree(o, &call)) {
		append(o, o->now, i);
		return;
	}
	add(&o->left_out, (size_t)call.ev.inval.id);
	note_unless_lost(o, "miss-overlaps-memslot");
}

static void take_miss_end(struct order *o, size_t i)
{
	for (size_t n = 0; n < o->left_out.nr; n++)
		if (o->left_out.v[n] == at(o, i)->ev.inval.id)
			return;
	append(o, o->now, i);
}

static void take_item(struct order *o, size_t i)
{
	const enum n_type type = at(o, i)->type;
	struct n_item copy;

	if (at(o, i)->placed || type == N_NONE)
		return;
	if (o->n->by_time && type != N_FAULT_BEGIN && type != N_MEMSLOT) {
		append(o, o->now, i);
		return;
	}
	switch (type) {
	case N_ENTER:
		copy = *at(o, i);
		if (!make_call_agree(o, &copy))
			note_unless_lost(o, "memslots-unexplained");
		break;
	case N_HIT:
		copy = *at(o, i);
		if (!make_agree(o, &(struct seen){ .time = copy.ev.time_ns, .hit = &copy.ev }))
			note_unless_lost(o, "memslots-unexplained");
		break;
	case N_MISS:
		take_miss(o, i);
		break;
	case N_MISS_END:
		take_miss_end(o, i);
		break;
	case N_MEMSLOT:
		apply(o, 1, at(o, i)->ev.time_ns);
		break;
	case N_BEGIN:
	case N_SLOT:
	case N_CHECK:
		take_locked(o, i);
		break;
	case N_END:
		take_end(o, i);
		break;
	case N_END_UNTIL:
		take_end_until(o, i);
		break;
	case N_FAULT_BEGIN:
		take_fault_begin(o, i);
		break;
	case N_EARLY:
		take_early(o, i);
		break;
	case N_DOUBT:
		o->unsure = true;
		remind(o, at(o, i)->ev.time_ns);
		break;
	case N_LOST_BEGIN:
	case N_LOST:
	case N_LOST_END:
		take_loss(o, i);
		break;
	default:
		append(o, o->now, i);
		break;
	}
}

/* ---- out ---- */

struct out {
	struct naive_import *to;
	size_t first;
	uint64_t last;
};

static void emit(struct out *out, struct rs_event ev)
{
	if (ev.time_ns < out->last)
		ev.time_ns = out->last;
	out->last = ev.time_ns;
	*N_GROW(out->to->evs, out->to->nr) = ev;
}

/* What is no fault's comes at @time: those of faults with the same time come before it. */
static void separate(struct out *out, uint64_t time)
{
	struct rs_event *evs = out->to->evs;
	size_t n = out->to->nr;

	if (time < out->last)
		time = out->last;
	while (n > out->first && evs[n - 1].time_ns == time &&
	       (of_vcpu(&evs[n - 1]) || evs[n - 1].type == RS_EV_STATE))
		n--;
	if (!time || (n > out->first && evs[n - 1].time_ns == time))
		return;
	for (; n < out->to->nr; n++)
		evs[n].time_ns = time - 1;
}

static void emit_item(struct out *out, const struct n_item *i)
{
	if (!of_vcpu(&i->ev))
		separate(out, i->ev.time_ns);
	if (i->type == N_SLOT || (i->type == N_CHECK && i->ev.type == RS_EV_FAULT_CHECK))
		emit(out, (struct rs_event){
				  .time_ns = i->ev.time_ns,
				  .vm = i->ev.vm,
				  .type = RS_EV_STATE,
				  .state.in_progress = (uint32_t)i->state.in_progress,
				  .state.seq = i->state.seq,
				  .state.start = i->state.start,
				  .state.end = i->state.end,
			  });
	emit(out, i->ev);
}

/* An end that nobody recorded: of all frames. */
static void emit_unseen(struct order *o, struct out *out, uint64_t id)
{
	struct rs_event ev = {
		.time_ns = out->last,
		.vm = o->vm->number,
		.type = RS_EV_INVAL_BEGIN,
		.flags = RS_F_GFN,
		.inval.id = id,
		.inval.end = 1ULL << 52,
	};

	separate(out, out->last);
	emit(out, ev);
	ev.type = RS_EV_INVAL_END;
	ev.flags = 0;
	ev.inval.end = 0;
	emit(out, ev);
	n_note(o->n, "end-not-recorded");
}

static void hand_out(struct order *o)
{
	struct out out = { .to = o->n->to, .first = o->n->to->nr };
	uint64_t unseen = 1ULL << 63;

	/* A fault may belong to an epoch that never began: then it is not in the trace. */
	for (int64_t e = 0; e <= o->now; e++) {
		const struct epoch *epoch = &o->epochs[e];

		for (size_t n = 0; n < epoch->items.nr; n++)
			emit_item(&out, at(o, epoch->items.v[n]));
		if (e == o->now)
			break;
		if (epoch->end == NONE) {
			emit_unseen(o, &out, unseen++);
		} else {
			separate(&out, at(o, epoch->end)->ev.time_ns);
			emit(&out, at(o, epoch->end)->ev);
		}
	}
}

void n_order(struct n_import *n, struct n_vm *vm)
{
	struct order *o = calloc(1, sizeof(*o));
	const size_t nr = vm->nr; /* what is added on the way is in its place at once */
	size_t open;

	assert(o);
	o->n = n;
	o->vm = vm;
	o->unsure = true;
	memset(o->vcpu_last, 0xff, sizeof(o->vcpu_last));
	o->epochs = n_room(NULL, &o->room_epochs, MAX_AWAY + 2, sizeof(*o->epochs));
	for (size_t i = 0; i < MAX_AWAY + 2; i++)
		o->epochs[i] = (struct epoch){ .end = NONE };
	o->calls = calloc(vm->next_id + 1, sizeof(*o->calls));
	assert(o->calls);
	for (size_t i = 0; i < nr; i++) {
		const struct n_item *x = &vm->items[i];

		if (x->type == N_MEMSLOT)
			add(&o->commits, i);
		if (x->ev.type != RS_EV_INVAL_SLOT)
			continue;
		if (!o->calls[x->ev.inval.id].to)
			o->calls[x->ev.inval.id].from = i;
		o->calls[x->ev.inval.id].to = i + 1;
	}
	for (size_t i = 0; i < nr; i++) {
		o->now_ns = at(o, i)->ev.time_ns;
		take_item(o, i);
	}
	o->now_ns = UINT64_MAX;
	open = o->open.nr;
	drop_maybe(o, UINT64_MAX - AHEAD_NS);
	o->loose |= o->open.nr < open;
	while (o->open.nr)
		place_open(o);
	release(o, AT_LAST);
	hand_out(o);
	for (int64_t e = 0; e < o->now + MAX_AWAY + 2; e++)
		free(o->epochs[e].items.v);
	free(o->epochs);
	free(o->commits.v);
	free(o->calls);
	free(o->open.v);
	free(o->early.v);
	free(o->ahead.v);
	free(o->left_out.v);
	free(o->of);
	free(o->vcpu_before);
	free(o);
}
