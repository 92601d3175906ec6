// SPDX-License-Identifier: GPL-2.0-only
#include "traces/dat/dat_learn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "traces/dat/dat_info.h"
#include "traces/event.h"

#define CHANGE_DELETE 1
#define CHANGE_FLAGS 3
/* A memslot used so shortly before its commit is that of the commit. */
#define COMMIT_NS 500000000ULL
/*
 * Where a memslot is put of which nothing tells the host address: no process has such ones,
 * and no two memslots of an address space get the same.
 */
#define NOWHERE (1ULL << 62)
#define NOWHERE_SHIFT 54
#define NOWHERE_GFNS (1ULL << (NOWHERE_SHIFT - RS_PAGE_SHIFT))
/* Tasks whose latest call or fault is remembered; few do something at a time. */
#define NR_TASKS 1024U

/* None if both are the same. */
struct gfns {
	uint64_t start, end;
};

/* Frames of a memslot, and from where to where its distance may be: hva - gfn in bytes. */
struct frames {
	uint64_t gfn, gfn_end;
	uint64_t low, high; /* the same if it is certain */
	bool nowhere;	    /* any: they are made up, none was seen */
};

/* A memslot as far as it is known from its use. */
struct use {
	uint64_t kvm, from_ns, first_ns; /* there from, seen first */
	struct frames frames;
	struct gfns sure; /* without those that were only said */
	uint32_t id;
	uint8_t as;
	bool dead;  /* a commit explains it */
	bool plain; /* it has host memory and no guest_memfd */
};

/* The memslot that (kvm, as, id) is at this point of the pass. */
struct slot {
	uint64_t kvm;
	uint32_t id;
	uint8_t as;
	bool used, committed, seen;
	uint64_t gfn, gfn_end, distance; /* of a committed one */
	size_t use;			 /* else: index of its use, plus 1; 0: none */
	/*
	 * Frames of faults that seem to have gone through it to a guest_memfd. They may be what
	 * was in memory where there is no memslot.
	 */
	struct gfns said;
	uint64_t said_ns, nr_said;
};

struct task {
	uint32_t pid;
	uint64_t start, end; /* of its notifier call */
	uint64_t kvm;	     /* of its fault */
	uint32_t id;
	uint8_t as;
	bool in_fault, guest_memfd;
};

struct rs_dat_learned {
	struct use *uses;
	size_t nr_uses, room_uses;
	struct slot *slots; /* open addressing */
	size_t nr_slots, mask;
	struct task tasks[NR_TASKS];
	struct rs_dat_seams seams;
};

void rs_dat_learned_free(struct rs_dat_learned *l)
{
	if (!l)
		return;
	free(l->uses);
	free(l->slots);
	free(l);
}

/* ---- slots ---- */

static struct slot *slot_place(struct slot *slots, size_t mask, uint64_t kvm, uint8_t as,
			       uint32_t id)
{
	size_t i =
		((kvm >> 6) * 0x9e3779b97f4a7c15ULL + ((uint64_t)as << 32 | id) * 0xff51afd7ULL) &
		mask;

	while (slots[i].used && (slots[i].kvm != kvm || slots[i].as != as || slots[i].id != id))
		i = (i + 1) & mask;
	return &slots[i];
}

static int grow_slots(struct rs_dat_learned *l)
{
	const size_t mask = l->slots ? 2 * l->mask + 1 : 255;
	struct slot *slots = calloc(mask + 1, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; l->slots && i <= l->mask; i++)
		if (l->slots[i].used)
			*slot_place(slots, mask, l->slots[i].kvm, l->slots[i].as, l->slots[i].id) =
				l->slots[i];
	free(l->slots);
	l->slots = slots;
	l->mask = mask;
	return 0;
}

static struct slot *find_slot(struct rs_dat_learned *l, uint64_t kvm, uint8_t as, uint32_t id)
{
	struct slot *s;

	if ((!l->slots || l->nr_slots > l->mask / 2) && grow_slots(l))
		return NULL;
	s = slot_place(l->slots, l->mask, kvm, as, id);
	if (!s->used) {
		*s = (struct slot){ .kvm = kvm, .as = as, .id = id, .used = true };
		l->nr_slots++;
	}
	return s;
}

/* That which @e names. */
static struct slot *slot_of(struct rs_dat_learned *l, const struct rs_dat_probe *e)
{
	return find_slot(l, V(e, KVM), (uint8_t)V(e, AS), (uint32_t)V(e, ID));
}

static struct use *add_use(struct rs_dat_learned *l, struct slot *s, uint64_t time_ns)
{
	if (RS_ROOM(l->uses, l->room_uses, l->nr_uses + 1))
		return NULL;
	l->uses[l->nr_uses] =
		(struct use){ .kvm = s->kvm, .first_ns = time_ns, .as = s->as, .id = s->id };
	/* The first that is seen of it: it was always there. */
	l->uses[l->nr_uses].from_ns = s->seen ? time_ns : 0;
	s->use = l->nr_uses + 1;
	return &l->uses[l->nr_uses++];
}

/* ---- what was seen ---- */

static bool may_be(const struct frames *f, uint64_t distance)
{
	return f->nowhere || distance - f->low <= f->high - f->low;
}

/*
 * A memslot that has frames before those of a walk did not cut its range at the begin, one that
 * has some behind them not at the end. False: neither, and yet the range is longer.
 */
static bool narrow(struct frames *f, const struct frames *by)
{
	const bool begins = by->gfn < f->gfn;
	const bool ends = by->gfn_end > f->gfn_end;

	if (begins && ends && f->low != f->high)
		return false;
	if (begins)
		f->high = f->low;
	else if (ends)
		f->low = f->high;
	return true;
}

/* False: they are not of one memslot. Else @f becomes what both say. */
static bool join(struct frames *f, struct frames o)
{
	struct frames both = *f;

	if (!narrow(&both, &o) || !narrow(&o, f))
		return false;
	if (both.nowhere)
		both = o;
	else if (!may_be(&both, o.low) && !may_be(&o, both.low))
		return false;
	if (!o.nowhere && may_be(&both, o.low))
		both.low = o.low;
	if (!o.nowhere && may_be(&both, o.high))
		both.high = o.high;
	both.gfn = o.gfn < f->gfn ? o.gfn : f->gfn;
	both.gfn_end = o.gfn_end > f->gfn_end ? o.gfn_end : f->gfn_end;
	*f = both;
	return true;
}

static void widen(struct gfns *to, uint64_t gfn, uint64_t gfn_end)
{
	const bool none = to->start == to->end;

	if (none || gfn < to->start)
		to->start = gfn;
	if (none || gfn_end > to->end)
		to->end = gfn_end;
}

/* @s is NULL if there was no memory for it. */
static int see(struct rs_dat_learned *l, struct slot *s, uint64_t time_ns, const struct frames *o)
{
	if (!s)
		return -ENOMEM;
	if (s->committed && may_be(o, s->distance) && o->gfn >= s->gfn && o->gfn_end <= s->gfn_end)
		return 0;
	s->committed = false;
	if (!s->use || !join(&l->uses[s->use - 1].frames, *o)) {
		struct use *u = add_use(l, s, time_ns);

		if (!u)
			return -ENOMEM;
		u->frames = *o;
	}
	s->seen = true;
	widen(&l->uses[s->use - 1].sure, o->gfn, o->gfn_end);
	return 0;
}

/* One fault alone may have seen anything, and no two memslots have a frame both. */
static bool is_said(const struct rs_dat_learned *l, const struct slot *s)
{
	if (s->use ? l->uses[s->use - 1].plain : s->nr_said < 2)
		return false;
	for (size_t i = 0; i < l->nr_uses; i++) {
		const struct use *u = &l->uses[i];

		if (u->kvm == s->kvm && u->as == s->as && u->id != s->id && !u->dead &&
		    u->sure.start < s->said.end && s->said.start < u->sure.end)
			return false;
	}
	return true;
}

/* What was said of it becomes its frames, or is forgotten. */
static int take_said(struct rs_dat_learned *l, struct slot *s)
{
	const uint64_t distance = NOWHERE + ((uint64_t)s->as << NOWHERE_SHIFT);
	const struct frames o = { s->said.start, s->said.end, distance, distance, true };
	const bool is = s->nr_said && is_said(l, s);
	struct use *u;

	s->nr_said = 0;
	s->said = (struct gfns){ 0 };
	if (!is)
		return 0;
	if (s->use) {
		join(&l->uses[s->use - 1].frames, o);
		return 0;
	}
	u = add_use(l, s, s->said_ns);
	if (!u)
		return -ENOMEM;
	u->frames = o;
	s->seen = true;
	return 0;
}

static int take_all_said(struct rs_dat_learned *l)
{
	int ret = 0;

	for (size_t i = 0; l->slots && i <= l->mask && !ret; i++)
		if (l->slots[i].used)
			ret = take_said(l, &l->slots[i]);
	return ret;
}

/* A fault of the frame went to a guest_memfd, as it seems: it has no host address. */
static int see_said(struct rs_dat_learned *l, const struct rs_dat_probe *e)
{
	const uint64_t gfn = V(e, GFN);
	struct slot *s = slot_of(l, e);

	if (!s)
		return -ENOMEM;
	if (s->committed || gfn >= NOWHERE_GFNS)
		return 0;
	if (!s->nr_said++)
		s->said_ns = e->time;
	widen(&s->said, gfn, gfn + 1);
	return 0;
}

static int see_commit(struct rs_dat_learned *l, const struct rs_dat_probe *e)
{
	const bool gone = V(e, CHANGE) == CHANGE_DELETE;
	struct slot *s = find_slot(l, V(e, KVM), (uint8_t)(gone ? V(e, OLD_AS) : V(e, AS)),
				   (uint32_t)(gone ? V(e, OLD_ID) : V(e, ID)));
	struct use *u;

	if (!s)
		return -ENOMEM;
	if (V(e, CHANGE) == CHANGE_FLAGS) {
		s->seen = true;
		return 0;
	}
	if (take_said(l, s))
		return -ENOMEM;
	s->seen = true;
	u = s->use ? &l->uses[s->use - 1] : NULL;
	s->gfn = V(e, GFN);
	s->gfn_end = V(e, GFN) + V(e, NPAGES);
	s->distance = V(e, HVA) - (V(e, GFN) << RS_PAGE_SHIFT);
	s->committed = !gone;
	s->use = 0;
	/* Used from when it became active, a little before this commit. */
	if (!gone && u && may_be(&u->frames, s->distance) && u->frames.gfn >= s->gfn &&
	    u->frames.gfn_end <= s->gfn_end && e->time - u->first_ns < COMMIT_NS)
		u->dead = true;
	return 0;
}

static int see_walk(struct rs_dat_learned *l, const struct task *t, const struct rs_dat_probe *e)
{
	const uint64_t start = t->start & ~(RS_PAGE_SIZE - 1);
	const uint64_t end = (t->end + RS_PAGE_SIZE - 1) & ~(RS_PAGE_SIZE - 1);
	/*
	 * A memslot that the range does not lie in altogether cuts it: at one end, then it is
	 * one of the two, or at both, then it is between.
	 */
	const struct frames o = {
		.gfn = V(e, GFN_START),
		.gfn_end = V(e, GFN_END),
		.low = start - (V(e, GFN_START) << RS_PAGE_SHIFT),
		.high = end - (V(e, GFN_END) << RS_PAGE_SHIFT),
	};

	if (o.gfn >= o.gfn_end || (int64_t)(o.high - o.low) < 0 ||
	    !rs_dat_is_memslot(V(e, AS), V(e, ID)))
		return 0;
	return see(l, slot_of(l, e), e->time, &o);
}

static int see_check(struct rs_dat_learned *l, const struct task *t, const struct rs_dat_probe *e)
{
	const uint64_t distance = V(e, HVA) - (V(e, GFN) << RS_PAGE_SHIFT);
	const struct frames o = {
		.gfn = V(e, GFN),
		.gfn_end = V(e, GFN) + 1,
		.low = distance,
		.high = distance,
	};
	struct slot *s;

	if (!t->in_fault || !V(e, HVA) || rs_dat_is_no_hva(V(e, HVA)) || t->kvm != V(e, KVM))
		return 0;
	s = find_slot(l, t->kvm, t->as, t->id);
	if (see(l, s, e->time, &o))
		return -ENOMEM;
	if (s->use && !t->guest_memfd)
		l->uses[s->use - 1].plain = true;
	return 0;
}

/* Frames of a memslot of which no host address is seen here. */
static int see_frames(struct rs_dat_learned *l, const struct rs_dat_probe *e, uint64_t gfn,
		      uint64_t gfn_end)
{
	const uint64_t distance = NOWHERE + (V(e, AS) << NOWHERE_SHIFT);
	const struct frames o = { gfn, gfn_end, distance, distance, true };

	if (gfn >= gfn_end || gfn_end > NOWHERE_GFNS || !rs_dat_is_memslot(V(e, AS), V(e, ID)))
		return 0;
	return see(l, slot_of(l, e), e->time, &o);
}

static int see_event(struct rs_dat_learned *l, const struct rs_dat_probe *e)
{
	struct task *t = &l->tasks[e->pid % NR_TASKS];

	if (e->kind == RS_PROBE_MEMSLOT)
		return see_commit(l, e);
	if (t->pid != e->pid)
		*t = (struct task){ .pid = e->pid };
	if (e->kind == RS_PROBE_INVAL_START) {
		t->start = V(e, START);
		t->end = V(e, END);
	} else if (e->kind == RS_PROBE_INVAL_STARTED || e->kind == RS_PROBE_INVAL_END ||
		   e->kind == RS_PROBE_INVAL_ENDED) {
		t->start = t->end = 0; /* a walk behind it is no notifier's */
	} else if (e->kind == RS_PROBE_FAULT_BEGIN) {
		t->kvm = V(e, KVM);
		t->as = (uint8_t)V(e, AS);
		t->id = (uint32_t)V(e, ID);
		t->in_fault = rs_dat_is_memslot(V(e, AS), V(e, ID)) &&
			      !(V(e, FLAGS) & ~(uint64_t)RS_DAT_SLOT_FLAGS) &&
			      !(V(e, FLAGS) & RS_DAT_SLOT_INVALID);
		t->guest_memfd = V(e, FLAGS) & RS_DAT_SLOT_GUEST_MEMFD;
		return t->in_fault && t->guest_memfd ? see_said(l, e) : 0;
	}
	if (e->kind == RS_PROBE_INVAL_SLOT && t->start < t->end)
		return see_walk(l, t, e);
	if (e->kind == RS_PROBE_INVAL_SLOT)
		return see_frames(l, e, V(e, GFN_START), V(e, GFN_END));
	return e->kind == RS_PROBE_FAULT_CHECK ? see_check(l, t, e) : 0;
}

/* The next one of the recording, or of none of its pieces. */
static int take_event(struct rs_dat_learned *l, const struct rs_dat_probe *e)
{
	const enum rs_dat_seam seam = rs_dat_seam_at(&l->seams, e);

	if (seam == RS_DAT_SEAM)
		memset(l->tasks, 0, sizeof(l->tasks));
	return seam || e->kind >= RS_DAT_NR_KINDS ? 0 : see_event(l, e);
}

static int pass(struct rs_dat_learned *l, struct rs_dat_merge *m,
		const struct rs_dat_probes *probes, struct rs_error *err)
{
	const struct rs_dat_record *r;
	struct rs_dat_probe e;
	int ret;

	while ((ret = rs_dat_merge_next(m, &r, err)) > 0) {
		ret = rs_dat_probe_decode(probes, r, &e, err);
		if (ret)
			return ret;
		if (take_event(l, &e))
			return rs_error_nomem(err);
	}
	return ret;
}

struct rs_dat_learned *rs_dat_learn(const struct rs_dat_file *f, const struct rs_dat_probes *probes,
				    unsigned int jobs, struct rs_error *err)
{
	struct rs_dat_learned *l = calloc(1, sizeof(*l));
	struct rs_dat_merge *m;
	int ret = -1;

	if (!l) {
		rs_error_nomem(err);
		return NULL;
	}
	m = rs_dat_merge_new(f, &probes->layout, jobs, err);
	if (m)
		ret = pass(l, m, probes, err);
	rs_dat_merge_free(m);
	if (!ret && take_all_said(l))
		ret = rs_error_nomem(err);
	if (!ret)
		return l;
	rs_dat_learned_free(l);
	return NULL;
}

/* ---- the list ---- */

static int by_time(const void *a, const void *b)
{
	const struct rs_event *x = a, *y = b;

	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	if (x->as != y->as)
		return x->as < y->as ? -1 : 1;
	return x->memslot.id < y->memslot.id ? -1 : x->memslot.id > y->memslot.id;
}

int rs_dat_learned_list(const struct rs_dat_learned *l, uint64_t kvm, struct rs_event **list,
			size_t *n)
{
	*n = 0;
	*list = calloc(l->nr_uses ? l->nr_uses : 1, sizeof(**list));
	if (!*list)
		return -ENOMEM;
	for (size_t i = 0; i < l->nr_uses; i++) {
		const struct use *u = &l->uses[i];

		if (u->kvm != kvm || u->dead)
			continue;
		(*list)[(*n)++] = (struct rs_event){
			.time_ns = u->from_ns,
			.type = RS_EV_MEMSLOT,
			.as = u->as,
			.memslot.id = u->id,
			.memslot.gfn = u->frames.gfn,
			.memslot.npages = u->frames.gfn_end - u->frames.gfn,
			.memslot.hva = u->frames.low + (u->frames.gfn << RS_PAGE_SHIFT),
		};
	}
	if (*n)
		qsort(*list, *n, sizeof(**list), by_time);
	return 0;
}
