// SPDX-License-Identifier: GPL-2.0-only
#include "tests/common/random_recording.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tests/common/dat.h"
#include "tests/common/trace_file.h"

#define NR_SLOTS 6
#define NR_CPUS 4
#define MAX_DEPTH 4
#define MAX_TASKS 16
#define HOST 0x7f0000000000ULL
#define SLOT_IS_GOING (1U << 16)
#define NO_HVA 0xffff8df7c0000000ULL

struct slot {
	bool present;
	unsigned int as, id, flags;
	uint64_t gfn, npages, hva;
};

struct vm {
	uint64_t kvm, seq, in_progress, start, end;
	struct slot slots[NR_SLOTS];
	unsigned int active; /* notifier calls: the memslots stay as they are */
	int locked_by;	     /* a task, or -1 */
	bool ran_before;
};

/* A range, of which the VMs of a process are told one after the other. */
struct call {
	uint64_t start, end;
	unsigned int vm; /* which is told */
	enum {
		START,
		COUNT,
		LOCK,
		WALK,
		STARTED,
		INSIDE,
		END,
		END_LOCK,
		END_SEQ,
		END_COUNT,
		ENDED,
	} step;
	bool hit[2];
	unsigned int walked;
};

/* An invalidation through no notifier. */
struct own {
	enum { PUNCH, ATTRIBUTES, ZAP, OLD_ZAP } what;
	enum { NO_OWN, OWN_LOCK, OWN_WALK, OWN_INSIDE, OWN_END_LOCK, OWN_SEQ, OWN_COUNT } step;
	unsigned int vm, walked, filter;
	uint64_t gfn, end;
};

struct task {
	enum { NOTIFIER, VCPU, MAKER } what;
	unsigned int pid, cpu, first_vm, nr_vms, vcpu;
	unsigned int step;
	/* of a notifier call */
	struct call calls[MAX_DEPTH];
	unsigned int depth;
	struct own own;
	bool private;
	/* of a fault */
	uint64_t gfn, hva, seq;
	struct slot slot;
	uint64_t seen_hva;
	/* of a change */
	struct slot old, new;
	unsigned int which, change;
};

struct sim {
	uint64_t random, now, last[NR_CPUS];
	uint64_t skew[NR_CPUS];
	unsigned int how;
	bool gfn_kernel, by_count;
	int retry;
	struct dat *d;
	unsigned int second; /* buffer */
	bool without[DAT_NR_KINDS];
	bool quiet; /* not yet recorded */
	enum { PIECE, PAUSING, PAUSE, RESUMING } phase;
	unsigned int losing[NR_CPUS], lost[NR_CPUS];
	struct vm vms[3];
	unsigned int nr_vms;
	struct task tasks[MAX_TASKS];
	unsigned int nr_tasks;
};

static uint64_t below(struct sim *s, uint64_t n)
{
	return test_random(&s->random) % n;
}

static bool one_in(struct sim *s, uint64_t n)
{
	return !below(s, n);
}

/* ---- recording ---- */

static uint64_t stamp(struct sim *s, unsigned int cpu)
{
	uint64_t time = s->now + s->skew[cpu];

	if ((s->how & (RECORDING_BACK | RECORDING_COPIES)) == RECORDING_BACK && one_in(s, 40) &&
	    time > 5000) {
		time -= below(s, 5000);
		dat_at(s->d, 0, cpu, 1);
		if (one_in(s, 2))
			dat_end_page(s->d);
		else
			dat_stamp(s->d, time);
		s->last[cpu] = time;
	}
	if (time < s->last[cpu])
		time = s->last[cpu];
	return s->last[cpu] = time;
}

static bool is_lost(struct sim *s, unsigned int cpu)
{
	if (!(s->how & RECORDING_LOSSES))
		return false;
	if (!s->losing[cpu] && one_in(s, 60)) {
		s->losing[cpu] = 1 + (unsigned int)below(s, 25);
		s->lost[cpu] = 0;
	}
	if (!s->losing[cpu])
		return false;
	s->lost[cpu]++;
	if (--s->losing[cpu])
		return true;
	dat_at(s->d, 0, cpu, 1);
	dat_lose(s->d, one_in(s, 3) ? UINT64_MAX : s->lost[cpu]);
	return true;
}

/* Where probes are being switched it is chance what is recorded. */
static bool is_switched_off(struct sim *s, unsigned int kind)
{
	if (s->phase == PIECE || kind == RS_PROBE_MEMSLOT)
		return false;
	return s->phase == PAUSE || one_in(s, 2);
}

static void next_phase(struct sim *s)
{
	const bool lost = one_in(s, 20);

	s->phase = (s->phase + 1) % (RESUMING + 1);
	if (s->phase == PAUSE || s->phase == RESUMING || lost)
		return;
	dat_at(s->d, 0, 0, 1);
	dat_marker(s->d, stamp(s, 0),
		   s->phase == PIECE ? "retryscope-fact seam resume\n"
				     : "retryscope-fact seam pause\n");
}

static void record(struct sim *s, struct task *t, unsigned int kind, const uint64_t *fields,
		   size_t n)
{
	uint64_t time;

	s->now += 1 + below(s, 30);
	if (is_switched_off(s, kind))
		return;
	if (s->quiet || s->without[kind] || is_lost(s, t->cpu))
		return;
	if (s->how & RECORDING_MISSES && one_in(s, 50))
		return;
	time = stamp(s, t->cpu);
	dat_at(s->d, 0, t->cpu, t->pid);
	if (!(s->how & RECORDING_COPIES)) {
		dat_put(s->d, time, kind, fields, n);
		return;
	}
	/* The first of a task's kind may be either. */
	if (one_in(s, 2))
		dat_put(s->d, time, kind, fields, n);
	dat_at(s->d, s->second, t->cpu, t->pid);
	dat_put(s->d, time, kind, fields, n);
}

#define RECORD(s, t, kind, ...)                                        \
	record(s, t, kind, (const uint64_t[]){ 0, ##__VA_ARGS__ } + 1, \
	       sizeof((const uint64_t[]){ 0, ##__VA_ARGS__ }) / sizeof(uint64_t) - 1)
#define STATE(v) (v)->seq, (v)->in_progress, (v)->start, (v)->end
#define MN(v) ((v)->kvm + 0x40)

/* ---- the kernel ---- */

static bool overlap(const struct slot *m, uint64_t start, uint64_t end, uint64_t *gfn,
		    uint64_t *gfn_end)
{
	const uint64_t m_end = m->hva + m->npages * 4096;
	const uint64_t from = start > m->hva ? start : m->hva, to = end < m_end ? end : m_end;

	if (!m->present || from >= to)
		return false;
	*gfn = m->gfn + (from - m->hva) / 4096;
	*gfn_end = m->gfn + (to - m->hva + 4095) / 4096;
	return true;
}

static const struct slot *find(const struct vm *v, unsigned int as, uint64_t gfn)
{
	for (unsigned int i = 0; i < NR_SLOTS; i++)
		if (v->slots[i].present && v->slots[i].as == as && gfn >= v->slots[i].gfn &&
		    gfn < v->slots[i].gfn + v->slots[i].npages)
			return &v->slots[i];
	return NULL;
}

static bool lock(struct sim *s, struct vm *v, struct task *t)
{
	if (v->locked_by >= 0)
		return false;
	v->locked_by = (int)(t - s->tasks);
	return true;
}

static void widen(struct vm *v, uint64_t start, uint64_t end)
{
	if (v->in_progress == 1 && v->start == v->end) {
		v->start = start;
		v->end = end;
		return;
	}
	v->start = start < v->start ? start : v->start;
	v->end = end > v->end ? end : v->end;
}

/* Some range of the memory of a VM of the process; not always whole pages. */
static void choose_range(struct sim *s, struct task *t, struct call *c)
{
	const struct vm *v = &s->vms[t->first_vm + below(s, t->nr_vms)];
	const struct slot *m = &v->slots[below(s, NR_SLOTS)];
	const uint64_t page = m->present ? below(s, m->npages + 3) : below(s, 0x800);

	c->start = (m->present ? m->hva : HOST) + page * 4096 - (one_in(s, 4) && page ? 8192 : 0);
	c->end = c->start + (1 + below(s, one_in(s, 6) ? 200 : 4)) * 4096;
	if (one_in(s, 12)) {
		c->start += 512;
		c->end -= one_in(s, 2) ? 1024 : 0;
	}
}

static void step_call(struct sim *s, struct task *t)
{
	struct call *c = &t->calls[t->depth - 1];
	struct vm *v = &s->vms[t->first_vm + c->vm];
	uint64_t gfn, gfn_end;

	switch (c->step) {
	case START:
		RECORD(s, t, RS_PROBE_INVAL_START, MN(v), c->start, c->end, below(s, 8), STATE(v));
		break;
	case COUNT:
		v->active++;
		c->hit[c->vm] = false;
		for (unsigned int i = 0; i < NR_SLOTS; i++)
			c->hit[c->vm] |= overlap(&v->slots[i], c->start, c->end, &gfn, &gfn_end);
		c->walked = 0;
		if (!c->hit[c->vm]) {
			c->step = STARTED;
			return;
		}
		break;
	case LOCK:
		if (!lock(s, v, t))
			return;
		if (!v->in_progress++)
			v->start = v->end = 0;
		for (unsigned int i = 0; i < NR_SLOTS && s->gfn_kernel; i++)
			if (overlap(&v->slots[i], c->start, c->end, &gfn, &gfn_end))
				widen(v, gfn, gfn_end);
		if (!s->gfn_kernel)
			widen(v, c->start, c->end);
		break;
	case WALK:
		for (; c->walked < NR_SLOTS; c->walked++) {
			const struct slot *m = &v->slots[c->walked];

			if (!overlap(m, c->start, c->end, &gfn, &gfn_end))
				continue;
			RECORD(s, t, RS_PROBE_INVAL_SLOT, v->kvm, m->as, m->id, gfn, gfn_end,
			       STATE(v), 1);
		}
		v->locked_by = -1;
		break;
	case STARTED:
		RECORD(s, t, RS_PROBE_INVAL_STARTED);
		if (++c->vm < t->nr_vms) {
			c->step = START;
			return;
		}
		c->vm = 0;
		break;
	case INSIDE:
		if (t->depth < MAX_DEPTH && one_in(s, 4)) {
			t->calls[t->depth] = (struct call){ .start = c->start, .end = c->end };
			if (one_in(s, 3))
				choose_range(s, t, &t->calls[t->depth]);
			t->depth++;
			return;
		}
		if (one_in(s, 3))
			return;
		break;
	case END:
		RECORD(s, t, RS_PROBE_INVAL_END, MN(v), c->start, c->end, STATE(v));
		if (!c->hit[c->vm]) {
			c->step = ENDED;
			return;
		}
		break;
	case END_LOCK:
		if (!lock(s, v, t))
			return;
		RECORD(s, t, RS_PROBE_INVAL_END_LOCKED, v->kvm, STATE(v));
		break;
	case END_SEQ:
		v->seq++;
		break;
	case END_COUNT:
		v->in_progress--;
		v->locked_by = -1;
		break;
	case ENDED:
		RECORD(s, t, RS_PROBE_INVAL_ENDED);
		v->active--;
		if (++c->vm < t->nr_vms)
			c->step = END;
		else
			t->depth--;
		return;
	}
	c->step++;
}

/* KVM zaps frames on its own account. */
static void zap(struct sim *s, struct task *t)
{
	struct vm *v = &s->vms[t->first_vm];

	if (v->locked_by >= 0)
		return;
	if (!v->in_progress++)
		v->start = v->end = 0;
	widen(v, 0x10, 0x20);
	RECORD(s, t, RS_PROBE_INVAL_END_LOCKED, v->kvm, STATE(v));
	v->seq++;
	v->in_progress--;
}

static void begin_own(struct sim *s, struct task *t)
{
	struct own *o = &t->own;

	*o = (struct own){
		.what = s->gfn_kernel ? (unsigned int)below(s, 3) : OLD_ZAP,
		.step = OWN_LOCK,
		.vm = t->first_vm + (unsigned int)below(s, t->nr_vms),
		.filter = (unsigned int)below(s, 4),
		.gfn = below(s, 8) * 0x100 + below(s, 4),
	};
	o->end = o->gfn + 1 + below(s, one_in(s, 3) ? 0x400 : 0x40);
}

static void lock_own(struct sim *s, struct task *t, struct vm *v)
{
	struct own *o = &t->own;

	if (!lock(s, v, t))
		return;
	o->step = OWN_WALK;
	if (o->walked)
		return;
	if (o->what == OLD_ZAP)
		RECORD(s, t, RS_PROBE_ZAP_BEGIN, v->kvm, 0, UINT64_MAX, STATE(v));
	else
		RECORD(s, t, RS_PROBE_INVAL_BEGIN, v->kvm, STATE(v));
	if (!v->in_progress++)
		v->start = v->end = 0;
	if (o->what == ZAP)
		RECORD(s, t, RS_PROBE_INVAL_RANGE_ADD, v->kvm, o->gfn, o->end, STATE(v));
	if (o->what == ZAP)
		widen(v, o->gfn, o->end);
	if (o->what == OLD_ZAP)
		widen(v, 0, UINT64_MAX);
}

/* One memslot; the lock may be yielded behind it. */
static void walk_own(struct sim *s, struct task *t, struct vm *v)
{
	struct own *o = &t->own;
	const struct slot *m = &v->slots[o->walked];
	const uint64_t m_end = m->gfn + m->npages;
	const uint64_t gfn = o->gfn > m->gfn ? o->gfn : m->gfn;
	const uint64_t end = o->end < m_end ? o->end : m_end;

	if (m->present && gfn < end && o->what <= ATTRIBUTES) {
		if (o->what == ATTRIBUTES)
			RECORD(s, t, RS_PROBE_INVAL_RANGE_ADD, v->kvm, gfn, end, STATE(v));
		widen(v, gfn, end);
		RECORD(s, t, RS_PROBE_INVAL_SLOT, v->kvm, m->as, m->id, gfn, end, STATE(v),
		       o->filter);
	}
	if (++o->walked == NR_SLOTS)
		o->step = OWN_INSIDE;
	else if (one_in(s, 8))
		o->step = OWN_LOCK;
	if (o->step != OWN_WALK)
		v->locked_by = -1;
}

static void step_own(struct sim *s, struct task *t)
{
	struct own *o = &t->own;
	struct vm *v = &s->vms[o->vm];

	switch (o->step) {
	case OWN_LOCK:
		lock_own(s, t, v);
		return;
	case OWN_WALK:
		walk_own(s, t, v);
		return;
	case OWN_INSIDE:
		/* The truncation's own call, of the same memory or none of the VM's. */
		if (o->what == PUNCH && one_in(s, 3)) {
			t->calls[0] = (struct call){ 0 };
			choose_range(s, t, &t->calls[0]);
			t->depth = 1;
		}
		if (one_in(s, 3))
			return;
		break;
	case OWN_END_LOCK:
		if (!lock(s, v, t))
			return;
		if (o->what == OLD_ZAP)
			RECORD(s, t, RS_PROBE_ZAP_END, v->kvm, 0, UINT64_MAX, STATE(v));
		else
			RECORD(s, t, RS_PROBE_INVAL_END_LOCKED, v->kvm, STATE(v));
		break;
	case OWN_SEQ:
		v->seq++;
		break;
	default:
		v->in_progress--;
		v->locked_by = -1;
		o->step = NO_OWN;
		return;
	}
	o->step++;
}

static void step_notifier(struct sim *s, struct task *t)
{
	if (t->depth) {
		step_call(s, t);
	} else if (t->own.step) {
		step_own(s, t);
	} else if (one_in(s, 10)) {
		begin_own(s, t);
	} else if (one_in(s, 40)) {
		zap(s, t);
	} else if (one_in(s, 3)) {
		t->calls[0] = (struct call){ 0 };
		choose_range(s, t, &t->calls[0]);
		t->depth = 1;
	}
}

static bool is_in_range(const struct vm *v, uint64_t at)
{
	return v->in_progress && at >= v->start && at < v->end;
}

static void fault_is_over(struct sim *s, struct task *t, int ret)
{
	RECORD(s, t, RS_PROBE_FAULT_END, (uint64_t)(int64_t)ret);
	t->step = 0;
}

static void begin_fault(struct sim *s, struct task *t, struct vm *v)
{
	const unsigned int as = one_in(s, 8);
	const struct slot *m = &v->slots[below(s, NR_SLOTS)];

	t->gfn = m->present ? m->gfn + below(s, m->npages) : below(s, 0x1000);
	if (one_in(s, 3))
		t->gfn = below(s, 0x20);
	RECORD(s, t, RS_PROBE_FAULT, v->kvm, t->vcpu, t->gfn * 4096 + below(s, 4096), 4);
	if (one_in(s, 8)) {
		fault_is_over(s, t, 5);
		return;
	}
	m = find(v, as, t->gfn);
	t->private = one_in(s, 6);
	t->slot = m ? *m : (struct slot){ 0 };
	t->hva = m ? m->hva + (t->gfn - m->gfn) * 4096 : NO_HVA;
	t->step = 1;
}

static void look_up(struct sim *s, struct task *t, struct vm *v)
{
	const bool covered = s->gfn_kernel && is_in_range(v, t->gfn);
	const bool garbage = !t->slot.present && one_in(s, 3);

	RECORD(s, t, RS_PROBE_FAULT_BEGIN, v->kvm, t->vcpu, t->gfn, garbage ? 0x1234 : t->slot.as,
	       garbage ? 0xdead : t->slot.id, garbage ? 0xdeadbeef : t->slot.flags, STATE(v),
	       t->private);
	t->seq = v->seq;
	t->step = 2;
	if (t->slot.flags & SLOT_IS_GOING || (covered && t->slot.present)) {
		t->step = 4;
	} else if (one_in(s, 12)) {
		RECORD(s, t, DAT_ASYNC_TRY, t->gfn * 4096, t->gfn);
		if (one_in(s, 2))
			RECORD(s, t, one_in(s, 2) ? DAT_ASYNC_NOT_PRESENT : DAT_ASYNC_REPEATED, 7,
			       t->gfn * 4096);
		t->step = one_in(s, 2) ? 4 : 2;
	} else if (one_in(s, 20)) {
		RECORD(s, t, RS_PROBE_FAULT_LOOKED_UP, 2);
		fault_is_over(s, t, 2);
	}
}

static void check(struct sim *s, struct task *t, struct vm *v)
{
	const bool sign = s->how & RECORDING_ODD && t->seq >> 31;
	uint64_t seen = sign ? (uint64_t)(int64_t)(int32_t)t->seq : t->seq;
	bool stale;

	if (v->locked_by >= 0)
		return;
	if (!t->slot.present && s->how & RECORDING_ODD && one_in(s, 4))
		seen = 0;
	RECORD(s, t, RS_PROBE_FAULT_CHECK, v->kvm, t->vcpu, t->gfn, t->hva, seen, STATE(v),
	       t->private);
	stale = t->slot.present &&
		(v->seq != seen ||
		 (s->by_count ? v->in_progress : is_in_range(v, s->gfn_kernel ? t->gfn : t->hva)));
	if (one_in(s, 30))
		stale = true; /* the root is obsolete */
	RECORD(s, t, RS_PROBE_FAULT_VERDICT, stale);
	fault_is_over(s, t, stale ? s->retry : 5);
}

static void step_vcpu(struct sim *s, struct task *t)
{
	struct vm *v = &s->vms[t->first_vm];

	switch (t->step) {
	case 0:
		begin_fault(s, t, v);
		break;
	case 1:
		look_up(s, t, v);
		break;
	case 2:
		if (s->gfn_kernel && t->slot.present &&
		    (v->seq != t->seq || is_in_range(v, t->gfn)) && one_in(s, 2)) {
			t->step = 4;
			break;
		}
		RECORD(s, t, RS_PROBE_FAULT_LOOKED_UP, 0);
		t->step = 3;
		break;
	case 3:
		check(s, t, v);
		break;
	default:
		RECORD(s, t, RS_PROBE_FAULT_LOOKED_UP, (uint64_t)(int64_t)s->retry);
		fault_is_over(s, t, s->retry);
		break;
	}
}

/* A new place for memslot @which that overlaps no other of its address space. */
static bool choose_place(struct sim *s, const struct vm *v, unsigned int which, struct slot *m)
{
	*m = (struct slot){ .present = true, .as = which == NR_SLOTS - 1, .id = which };
	m->gfn = below(s, 8) * 0x100 + below(s, 4);
	m->npages = 1 + below(s, 0x40);
	m->hva = HOST + below(s, 4) * 0x40000 + below(s, 8) * 4096;
	m->flags = (unsigned int)below(s, 3) + (one_in(s, 4) ? 0x20004 : 0);
	for (unsigned int i = 0; i < NR_SLOTS; i++) {
		const struct slot *x = &v->slots[i];

		if (i != which && x->present && x->as == m->as && x->gfn < m->gfn + m->npages &&
		    m->gfn < x->gfn + x->npages)
			return false;
	}
	return true;
}

static void commit(struct sim *s, struct task *t, const struct vm *v)
{
	const struct slot *o = &t->old, *n = &t->new;
	const bool gone = t->change == 1;

	RECORD(s, t, RS_PROBE_MEMSLOT, v->kvm, t->change, o->present ? o->gfn : 0,
	       o->present ? o->npages : 0, o->present ? o->id : 0, o->present ? o->as : 0,
	       gone ? 0 : n->gfn, gone ? 0 : n->npages, gone ? 0 : n->hva, gone ? 0 : n->id,
	       gone ? 0 : n->as, gone ? 0 : n->flags);
}

static void step_maker(struct sim *s, struct task *t)
{
	struct vm *v = &s->vms[t->first_vm];
	struct slot *m;

	switch (t->step) {
	case 0:
		if (!one_in(s, 6))
			break;
		t->which = (unsigned int)below(s, NR_SLOTS);
		m = &v->slots[t->which];
		t->old = *m;
		t->change = !m->present ? 0 : 1 + (unsigned int)below(s, 3);
		if (t->change == 1) {
			t->new = (struct slot){ 0 };
		} else if (t->change == 3) {
			t->new = *m;
			t->new.flags ^= 1;
		} else if (!choose_place(s, v, t->which, &t->new)) {
			break;
		} else if (t->change == 2) {
			t->new.npages = m->npages;
			t->new.hva = m->hva;
			for (unsigned int i = 0; i < NR_SLOTS; i++) {
				const struct slot *x = &v->slots[i];

				if (i != t->which && x->present && x->as == m->as &&
				    x->gfn < t->new.gfn + t->new.npages &&
				    t->new.gfn < x->gfn + x->npages)
					return;
			}
		}
		t->step = t->change == 1 || t->change == 2 ? 1 : 2;
		break;
	case 1:
		v->slots[t->which].flags |= SLOT_IS_GOING;
		t->step = 2;
		break;
	case 2:
		if (v->active)
			break;
		v->slots[t->which] = t->new;
		t->step = 3;
		break;
	default:
		if (one_in(s, 2))
			break;
		commit(s, t, v);
		t->step = 0;
		break;
	}
}

/* What no kernel records. */
static void odd(struct sim *s, struct task *t)
{
	struct vm *v = &s->vms[t->first_vm];

	switch (below(s, 5)) {
	case 0:
		RECORD(s, t, RS_PROBE_FAULT, v->kvm, 70000, 0x1000, 4);
		break;
	case 1:
		RECORD(s, t, RS_PROBE_MEMSLOT, v->kvm, 0, 0, 0, 0, 0, 1, 1, HOST, 7, 300, 0);
		break;
	case 2:
		RECORD(s, t, RS_PROBE_INVAL_SLOT, v->kvm, 300, 1, 0, 1, STATE(v));
		break;
	case 3:
		if (one_in(s, 4) && v->locked_by < 0)
			v->seq += one_in(s, 2) ? 5000 : one_in(s, 2) ? 2 : (uint64_t)-2;
		break;
	default:
		RECORD(s, t, RS_PROBE_INVAL_END, MN(v), HOST, HOST + 0x1000, STATE(v));
		break;
	}
}

/* ---- */

static struct task *add_task(struct sim *s, unsigned int what, unsigned int vm, unsigned int nr_vms,
			     unsigned int vcpu)
{
	struct task *t = &s->tasks[s->nr_tasks];

	assert(s->nr_tasks < MAX_TASKS);
	*t = (struct task){
		.what = what,
		.pid = 100 + s->nr_tasks,
		.cpu = s->nr_tasks % NR_CPUS,
		.first_vm = vm,
		.nr_vms = nr_vms,
		.vcpu = vcpu,
	};
	s->nr_tasks++;
	return t;
}

static void leave_probes_out(struct sim *s)
{
	static const unsigned int often[] = {
		RS_PROBE_INVAL_SLOT,
		RS_PROBE_INVAL_STARTED,
		RS_PROBE_INVAL_END,
		RS_PROBE_INVAL_ENDED,
		RS_PROBE_FAULT,
		RS_PROBE_FAULT_BEGIN,
		RS_PROBE_FAULT_LOOKED_UP,
		RS_PROBE_FAULT_CHECK,
		RS_PROBE_FAULT_VERDICT,
		RS_PROBE_FAULT_END,
		RS_PROBE_MEMSLOT,
		DAT_ASYNC_NOT_PRESENT,
		DAT_ASYNC_TRY,
		RS_PROBE_INVAL_END_LOCKED,
		RS_PROBE_INVAL_BEGIN,
		RS_PROBE_INVAL_RANGE_ADD,
		RS_PROBE_ZAP_BEGIN,
		RS_PROBE_ZAP_END,
	};

	for (unsigned int n = 1 + (unsigned int)below(s, 3); n--;)
		s->without[often[below(s, sizeof(often) / sizeof(often[0]))]] = true;
	/* Without these there is nothing to import. */
	if (s->without[RS_PROBE_FAULT] && s->without[RS_PROBE_FAULT_BEGIN])
		s->without[RS_PROBE_FAULT_CHECK] = false;
	if (s->without[RS_PROBE_INVAL_ENDED])
		s->without[RS_PROBE_INVAL_END] = false;
}

static void set_up(struct sim *s)
{
	static const char *const releases[] = { "6.12.1", "6.1.1",  "6.12.1",
						"5.10.1", "5.14.0", NULL };
	const unsigned int kernel = (unsigned int)below(s, 6);
	static const unsigned int shapes[] = { 0, DAT_BIG_ENDIAN, DAT_ZSTD, DAT_COMMIT_4 };

	s->gfn_kernel = kernel == 0 || kernel == 2;
	s->by_count = kernel == 3;
	s->retry = one_in(s, 4) ? 3 : 1;
	s->d = dat_new(7, shapes[below(s, 4)], NR_CPUS, releases[kernel]);
	s->now = one_in(s, 20) ? 1 : 1000000 + below(s, 1ULL << 40);
	s->nr_vms = 1 + (unsigned int)below(s, 3);
	s->quiet = s->how & RECORDING_LATE;
	if (s->how & RECORDING_COPIES)
		s->second = dat_add_buffer(s->d, "second");
	if (s->how & RECORDING_SKEWS)
		for (unsigned int i = 0; i < NR_CPUS; i++)
			s->skew[i] = below(s, 200);
	if (s->how & RECORDING_PARTIAL)
		leave_probes_out(s);
	if (!s->gfn_kernel && one_in(s, 4) == 0)
		s->without[RS_PROBE_INVAL_END_LOCKED] = true;
	s->without[s->gfn_kernel ? RS_PROBE_ZAP_BEGIN : RS_PROBE_INVAL_BEGIN] = true;
	s->without[s->gfn_kernel ? RS_PROBE_ZAP_END : RS_PROBE_INVAL_RANGE_ADD] = true;
	for (unsigned int i = 0; i < DAT_NR_KINDS; i++)
		if (s->without[i])
			dat_without(s->d, i);
	dat_at(s->d, 0, 0, 1);
	if (s->retry != 1)
		dat_marker(s->d, s->now, "retryscope-fact enum.RET_PF_RETRY 3\n");
	s->last[0] = s->now;
}

static void add_vms(struct sim *s)
{
	/* The first two are of one process. */
	const bool together = s->nr_vms > 1 && one_in(s, 2);

	for (unsigned int i = 0; i < s->nr_vms; i++) {
		struct vm *v = &s->vms[i];

		v->kvm = 0xffffc90000100000 + i * 0x200000ULL;
		v->locked_by = -1;
		v->seq = one_in(s, 3) ? 0x80000000 - below(s, 20) : below(s, 1000);
		if (one_in(s, 8))
			v->seq = 0x100000000 - below(s, 20);
		for (unsigned int k = 0; k < 3; k++)
			add_task(s, k == 2 ? MAKER : VCPU, i, 1, k);
		if (!together || !i || i == 2)
			for (unsigned int k = 0; k < 2; k++)
				add_task(s, NOTIFIER, i, together && !i ? 2 : 1, 0);
	}
}

/* Whether a change of memslots took effect and is not recorded yet: that does not take long. */
static bool commits_are_due(const struct sim *s)
{
	for (unsigned int i = 0; i < s->nr_tasks; i++)
		if (s->tasks[i].what == MAKER && s->tasks[i].step == 3)
			return true;
	return false;
}

unsigned char *random_recording(uint64_t seed, unsigned int how, unsigned int steps, size_t *size)
{
	struct sim s = { .random = seed, .how = how };
	const unsigned int begin = how & RECORDING_LATE ? steps / 3 : 0;

	set_up(&s);
	add_vms(&s);
	for (unsigned int n = 0; n < steps + begin; n++) {
		struct task *t = &s.tasks[below(&s, s.nr_tasks)];

		s.quiet = n < begin;
		if (how & RECORDING_PIECES && one_in(&s, 40))
			next_phase(&s);
		if (one_in(&s, 200))
			s.now += below(&s, 8000000);
		if (one_in(&s, 2000) && (how & RECORDING_ODD || !commits_are_due(&s)))
			s.now += below(&s, 700000000);
		if (how & RECORDING_ODD && one_in(&s, 100))
			odd(&s, t);
		else if (t->what == NOTIFIER)
			step_notifier(&s, t);
		else if (t->what == VCPU)
			step_vcpu(&s, t);
		else
			step_maker(&s, t);
	}
	/* Unless it is cut, what is going on comes to its end. */
	for (unsigned int n = 0; n < 4000 && !(how & RECORDING_CUT); n++) {
		struct task *t = &s.tasks[below(&s, s.nr_tasks)];

		if (t->what == NOTIFIER && t->depth)
			step_call(&s, t);
		else if (t->what == NOTIFIER && t->own.step)
			step_own(&s, t);
		else if (t->what == VCPU && t->step)
			step_vcpu(&s, t);
		else if (t->what == MAKER && t->step)
			step_maker(&s, t);
	}
	return dat_finish(s.d, size);
}
