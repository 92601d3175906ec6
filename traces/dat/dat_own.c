// SPDX-License-Identifier: GPL-2.0-only
/*
 * Invalidations that come through no notifier: a hole in a guest_memfd, memory attributes,
 * kvm_zap_gfn_range(). They have guest frames and no host addresses.
 */
#include "traces/dat/dat_pair_internal.h"

#include "base/array.h"
#include "base/inline.h"

/* After a gap, so long may pass until the end of what began before it. */
#define AFTER_GAP_NS 1000000000ULL

/* What is recorded is what was in memory: a range of frames that no guest has says nothing. */
static void widen(struct rs_dat_gfns *r, uint64_t start, uint64_t end)
{
	if (start >= end || start >= RS_DAT_ALL_GFNS)
		return;
	if (end > RS_DAT_ALL_GFNS)
		end = RS_DAT_ALL_GFNS;
	if (r->start >= r->end) {
		*r = (struct rs_dat_gfns){ start, end };
		return;
	}
	r->start = start < r->start ? start : r->start;
	r->end = end > r->end ? end : r->end;
}

bool rs_dat_in_call(const struct rs_dat_task *t, uint64_t kvm)
{
	for (size_t n = 0; n < t->nr_invals; n++)
		if (t->invals[n].vm && t->invals[n].vm->kvm == kvm)
			return true;
	return false;
}

/*
 * An end without a notifier call: KVM zaps guest frames on its own account, from
 * begin to end under the lock. With nothing else in progress the recorded range is
 * that of the frames. But where events were lost, the call may be among them.
 */
RS_SELDOM int rs_dat_put_own_end(struct rs_dat_pair *p, const struct rs_dat_probe *e)
{
	const bool cut = p->gaps || (p->gap_end_ns && e->time < p->gap_end_ns + AFTER_GAP_NS);
	struct rs_dat_vm *vm = rs_dat_find_vm(p, V(e, KVM), e);
	struct rs_dat_item *i;
	uint32_t who;
	uint64_t id;

	if (!vm || rs_dat_names_of(p->ops->names, e->pid, RS_DAT_WHY_ZAP, &who))
		return -ENOMEM;
	id = vm->next_id++;
	i = cut ? NULL : rs_dat_put(vm, e->time, RS_DAT_BEGIN, RS_EV_INVAL_BEGIN, false, NULL);
	if (!i && !cut)
		return -ENOMEM;
	if (i) {
		i->ev.flags = RS_F_GFN;
		i->ev.inval.who = who;
		i->ev.inval.id = id;
		i->ev.inval.start = e->kind == RS_PROBE_ZAP_END ? V(e, START) : V(e, RANGE_START);
		i->ev.inval.end = e->kind == RS_PROBE_ZAP_END ? V(e, END) : V(e, RANGE_END);
		i->seq = V(e, SEQ);
		i->state = rs_dat_state_of(e);
		i->maybe = true;
	}
	i = rs_dat_put(vm, e->time, RS_DAT_END, RS_EV_INVAL_END, false, NULL);
	if (!i)
		return -ENOMEM;
	i->ev.inval.id = id;
	i->seq = V(e, SEQ);
	return cut ? 0 : rs_dat_note(p, "zap-without-notifier");
}

static unsigned int filter_of(const struct rs_dat_probe *e)
{
	const uint64_t filter = V(e, FILTER);

	return filter && filter <= RS_KIND_BOTH ? (unsigned int)filter : RS_KIND_BOTH;
}

static struct rs_dat_own *find_own(struct rs_dat_task *t, uint64_t kvm)
{
	for (size_t n = t->nr_owns; n--;)
		if (t->owns[n].vm->kvm == kvm)
			return &t->owns[n];
	return NULL;
}

static void remove_own(struct rs_dat_task *t, struct rs_dat_own *o)
{
	memmove(o, o + 1, (size_t)(t->owns + t->nr_owns - (o + 1)) * sizeof(*o));
	t->nr_owns--;
}

static bool can_end(const struct rs_dat_pair *p)
{
	return rs_dat_has(p->probes, RS_PROBE_INVAL_END_LOCKED) ||
	       rs_dat_has(p->probes, RS_PROBE_ZAP_END);
}

/* Whether KVM has invalidations whose begin need not be recorded to know them: from 6.8 on. */
static bool may_be_late(const struct rs_dat_pair *p)
{
	return can_end(p) && (p->gfn_kernel || p->unknown_space);
}

/* What its begin says, as far as it is known. */
static struct rs_dat_item *describe(const struct rs_dat_own *o)
{
	struct rs_dat_item *i = rs_dat_items_find(o->vm->items, o->begin);
	const struct rs_dat_gfns *r = o->walks ? &o->hit : &o->said;

	if (!i)
		return NULL;
	i->ev.flags = RS_F_GFN | (o->walks ? RS_F_WALK : 0);
	i->ev.inval.start = r->start < r->end ? r->start : 0;
	i->ev.inval.end = r->start < r->end ? r->end : RS_DAT_ALL_GFNS;
	rs_event_set_filter(&i->ev, o->walks ? o->filter : RS_KIND_BOTH);
	return i;
}

/*
 * Only memory attributes say a range and hit memslots as well; a range alone is
 * kvm_zap_gfn_range()'s.
 */
static enum rs_dat_why why_of(const struct rs_dat_own *o)
{
	if (o->walks)
		return o->adds ? RS_DAT_WHY_ATTRIBUTES : RS_DAT_WHY_GUEST_MEMFD;
	return o->adds ? RS_DAT_WHY_ZAP : RS_DAT_WHY_GFN;
}

/* Something more is known of @o, which @t is in. 0 or -ENOMEM. */
static int tell(struct rs_dat_pair *p, struct rs_dat_task *t, const struct rs_dat_own *o)
{
	struct rs_dat_item *i = describe(o);

	return i ? rs_dat_who(p, t, why_of(o), &i->ev.inval.who) : 0;
}

/* Its walk is over. */
static void settle_own(const struct rs_dat_own *o)
{
	struct rs_dat_item *i = describe(o);

	if (i)
		i->pending = false;
}

RS_SELDOM void rs_dat_settle_owns(struct rs_dat_task *t)
{
	for (size_t n = 0; n < t->nr_owns; n++)
		settle_own(&t->owns[n]);
}

void rs_dat_drop_owns(struct rs_dat_task *t)
{
	rs_dat_settle_owns(t);
	t->nr_owns = 0;
}

/* Begins one at @e, after which the kernel's words were @state. NULL if there is no memory. */
static struct rs_dat_own *begin_own(struct rs_dat_pair *p, struct rs_dat_task *t,
				    struct rs_dat_vm *vm, const struct rs_dat_probe *e,
				    const struct rs_dat_state *state)
{
	struct rs_dat_own *o;
	struct rs_dat_item *i;
	uint32_t who;

	if (RS_ROOM(t->owns, t->room_owns, t->nr_owns + 1))
		return NULL;
	o = &t->owns[t->nr_owns];
	*o = (struct rs_dat_own){ .vm = vm, .id = vm->next_id++ };
	if (rs_dat_who(p, t, RS_DAT_WHY_GFN, &who))
		return NULL;
	i = rs_dat_put(vm, e->time, RS_DAT_BEGIN, RS_EV_INVAL_BEGIN, true, &o->begin);
	if (!i)
		return NULL;
	i->ev.flags = RS_F_GFN;
	i->ev.inval.who = who;
	i->ev.inval.id = o->id;
	i->ev.inval.end = RS_DAT_ALL_GFNS;
	i->seq = state->seq;
	i->state = *state;
	rs_dat_locked(vm, state->seq);
	t->nr_owns++;
	return o;
}

/* The state after the begin of which @e is the entry. */
static struct rs_dat_state raised(const struct rs_dat_probe *e)
{
	struct rs_dat_state s = rs_dat_state_of(e);

	if (!s.in_progress++)
		s.start = s.end = UINT64_MAX;
	return s;
}

/*
 * Where a task outside of the VM's notifier calls enters the begin. One that it is in
 * already has lost its end. *@to is NULL where the event tells nothing.
 */
static int enter_own(struct rs_dat_pair *p, struct rs_dat_task *t, const struct rs_dat_probe *e,
		     struct rs_dat_own **to)
{
	struct rs_dat_state state = raised(e);
	struct rs_dat_own *o;
	struct rs_dat_vm *vm;
	int ret = 0;

	*to = NULL;
	if (!can_end(p) || rs_dat_in_call(t, V(e, KVM)))
		return 0;
	o = find_own(t, V(e, KVM));
	if (o) {
		settle_own(o);
		remove_own(t, o);
		ret = rs_dat_note(p, "inval-without-end");
	}
	vm = ret ? NULL : rs_dat_find_vm(p, V(e, KVM), e);
	*to = vm ? begin_own(p, t, vm, e, &state) : NULL;
	return *to ? 0 : -ENOMEM;
}

int rs_dat_on_inval_begin(struct rs_dat_pair *p, struct rs_dat_task *t,
			  const struct rs_dat_probe *e)
{
	struct rs_dat_own *o;

	return enter_own(p, t, e, &o);
}

/*
 * KVM unmaps a memslot that goes away, if user space asked for that instead of all pages, and
 * this is no invalidation: nothing begins or ends. Of all walks it alone is for both kinds.
 */
static bool is_memslots_end(const struct rs_dat_probe *e)
{
	const uint64_t filter = V(e, FILTER);

	return e->kind == RS_PROBE_INVAL_SLOT && e->at[RS_DAT_F_FILTER].mask &&
	       filter != RS_KIND_SHARED && filter != RS_KIND_PRIVATE;
}

/*
 * A hit of a call that was not seen to begin: from which address to which it is, nobody
 * said. All that is known is that it is in progress.
 */
static int put_doubt(struct rs_dat_pair *p, const struct rs_dat_probe *e)
{
	struct rs_dat_vm *vm = rs_dat_find_vm(p, V(e, KVM), e);

	return vm && rs_dat_put(vm, e->time, RS_DAT_DOUBT, RS_EV_NONE, false, NULL) ? 0 : -ENOMEM;
}

/* Without an event of its begin: it began before, as the recorded state says. */
static int own_in_progress(struct rs_dat_pair *p, struct rs_dat_task *t,
			   const struct rs_dat_probe *e, struct rs_dat_own **to)
{
	const struct rs_dat_state state = rs_dat_state_of(e);
	const bool in_call = rs_dat_in_call(t, V(e, KVM));
	struct rs_dat_vm *vm;
	int ret;

	*to = find_own(t, V(e, KVM));
	if (*to || (is_memslots_end(e) && !in_call))
		return 0;
	if (in_call || !state.in_progress || !may_be_late(p)) {
		ret = in_call ? rs_dat_note(p, "slot-without-start")
			      : rs_dat_note_unless_cut(p, t, "slot-without-start");
		return !ret && state.in_progress ? put_doubt(p, e) : ret;
	}
	vm = rs_dat_find_vm(p, V(e, KVM), e);
	*to = vm ? begin_own(p, t, vm, e, &state) : NULL;
	if (!*to)
		return -ENOMEM;
	(*to)->late = true;
	return 0;
}

/*
 * What was said since the last hit is of this memslot: memory attributes block the huge pages
 * at either end of what they change, which is all that they unmap.
 */
RS_SELDOM int rs_dat_on_own_slot(struct rs_dat_pair *p, struct rs_dat_task *t,
				 const struct rs_dat_probe *e)
{
	struct rs_dat_own *o;
	struct rs_dat_item *i;
	int ret = own_in_progress(p, t, e, &o);

	if (ret || !o)
		return ret;
	if (!rs_dat_put_hit(o->vm, RS_DAT_HIT, e, NULL))
		return -ENOMEM;
	i = rs_dat_put_slot(o->vm, o->id, e, NULL);
	if (!i)
		return -ENOMEM;
	if (o->added.start < o->added.end) {
		widen(&o->added, i->ev.inval.start, i->ev.inval.end);
		i->ev.inval.start = o->added.start;
		i->ev.inval.end = o->added.end;
		o->added = (struct rs_dat_gfns){ 0 };
	}
	o->walks = true;
	o->filter |= filter_of(e);
	widen(&o->hit, i->ev.inval.start, i->ev.inval.end);
	return tell(p, t, o);
}

int rs_dat_on_range_add(struct rs_dat_pair *p, struct rs_dat_task *t, const struct rs_dat_probe *e)
{
	struct rs_dat_own *o;
	int ret;

	if (rs_dat_in_call(t, V(e, KVM)))
		return 0;
	ret = own_in_progress(p, t, e, &o);
	if (ret || !o)
		return ret;
	widen(&o->said, V(e, START), V(e, END));
	widen(&o->added, V(e, START), V(e, END));
	o->adds = true;
	return tell(p, t, o);
}

int rs_dat_on_zap_begin(struct rs_dat_pair *p, struct rs_dat_task *t, const struct rs_dat_probe *e)
{
	struct rs_dat_own *o;
	int ret = enter_own(p, t, e, &o);

	if (ret || !o)
		return ret;
	widen(&o->said, V(e, START), V(e, END));
	o->adds = true;
	ret = tell(p, t, o);
	settle_own(o);
	return ret;
}

bool rs_dat_has_own(struct rs_dat_task *t, uint64_t kvm)
{
	return t->nr_owns && find_own(t, kvm);
}

RS_SELDOM int rs_dat_end_own(struct rs_dat_task *t, const struct rs_dat_probe *e)
{
	struct rs_dat_own *o = find_own(t, V(e, KVM));
	struct rs_dat_vm *vm = o->vm;
	const uint64_t id = o->id;
	struct rs_dat_item *i;

	settle_own(o);
	remove_own(t, o);
	i = rs_dat_put(vm, e->time, RS_DAT_END, RS_EV_INVAL_END, false, NULL);
	if (!i)
		return -ENOMEM;
	i->ev.inval.id = id;
	i->seq = V(e, SEQ);
	/* Until the next of this VM takes the lock. */
	vm->ending = rs_dat_state_of(e);
	vm->is_ending = true;
	return 0;
}

int rs_dat_on_zap_end(struct rs_dat_pair *p, struct rs_dat_task *t, const struct rs_dat_probe *e)
{
	if (rs_dat_has_own(t, V(e, KVM)))
		return rs_dat_end_own(t, e);
	return rs_dat_in_call(t, V(e, KVM)) ? 0 : rs_dat_put_own_end(p, e);
}

RS_SELDOM bool rs_dat_adopt_own(struct rs_dat_task *t, const struct rs_dat_vm *vm, uint64_t *id)
{
	struct rs_dat_own *o = vm && t->nr_owns ? find_own(t, vm->kvm) : NULL;

	if (!o || !o->late)
		return false;
	settle_own(o);
	*id = o->id;
	remove_own(t, o);
	return true;
}
