// SPDX-License-Identifier: GPL-2.0-only
#include "traces/dat/dat_pair_internal.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/inline.h"

/* More notifier calls of one task inside each other have lost their ends. */
#define MAX_NESTED 64

static struct rs_dat_inval *innermost(struct rs_dat_task *t)
{
	return t->nr_invals ? &t->invals[t->nr_invals - 1] : NULL;
}

/* Its end has happened by now, but when exactly was not recorded. */
static int put_end_until(struct rs_dat_inval *v, struct rs_dat_item *end,
			 const struct rs_dat_probe *e)
{
	struct rs_dat_item *i;

	end->until_ns = e->time;
	end->pending = false;
	end->maybe = !v->hit;
	i = rs_dat_put(v->vm, e->time, RS_DAT_END_UNTIL, RS_EV_NONE, false, NULL);
	if (!i)
		return -ENOMEM;
	i->end = v->end_ticket;
	return 0;
}

/* The innermost invalidation has left the notifier. */
static int leave_inval(struct rs_dat_pair *p, struct rs_dat_task *t, const struct rs_dat_probe *e)
{
	const bool locked = rs_dat_has(p->probes, RS_PROBE_INVAL_END_LOCKED);
	struct rs_dat_inval *v = innermost(t);
	struct rs_dat_item *i;

	t->nr_invals--;
	if (!v->vm)
		return 0;
	if (v->locked_end) {
		v->vm->is_ending = false;
		return 0;
	}
	i = rs_dat_items_find(v->vm->items, v->end_ticket);
	if (p->by_time) {
		rs_dat_settle(v->vm, v->end_ticket, RS_DAT_PLAIN);
		return 0;
	}
	if (i && (v->hit || (v->maybe && !locked)))
		return put_end_until(v, i, e);
	rs_dat_settle(v->vm, v->end_ticket, v->maybe ? RS_DAT_NONE : RS_DAT_MISS_END);
	return 0;
}

int rs_dat_leave_ended(struct rs_dat_pair *p, struct rs_dat_task *t, const struct rs_dat_probe *e)
{
	struct rs_dat_inval *v = innermost(t);

	return v && v->ending ? leave_inval(p, t, e) : 0;
}

static struct rs_dat_inval *push_inval(struct rs_dat_pair *p, struct rs_dat_task *t,
				       const struct rs_dat_probe *e)
{
	struct rs_dat_inval *v;

	if (RS_ROOM(t->invals, t->room_invals, t->nr_invals + 1))
		return NULL;
	v = &t->invals[t->nr_invals++];
	*v = (struct rs_dat_inval){
		.mn = V(e, MN),
		.start = V(e, START),
		.end = V(e, END),
		.enter = RS_DAT_NO_TICKET,
		.last_slot = RS_DAT_NO_TICKET,
		.end_ticket = RS_DAT_NO_TICKET,
	};
	/* Of a call that is met at its end the reason is not recorded, nor is its begin told. */
	if (rs_dat_who(p, t, rs_dat_why(e->has & 1U << RS_DAT_F_REASON, V(e, REASON)), &v->who))
		return NULL;
	if (p->mn_offset) {
		v->vm = rs_dat_find_vm(p, v->mn - p->mn_offset, e);
		if (!v->vm)
			return NULL;
		v->id = v->vm->next_id++;
	} else if (p->nr_vms == 1) {
		v->vm = p->vms[0];
		v->id = v->vm->next_id++;
	}
	return v;
}

/* Nothing more will be known of it: what is pending of it is not waited for. */
static void abandon(const struct rs_dat_inval *v)
{
	if (!v->vm)
		return;
	if (!v->started)
		rs_dat_settle(v->vm, v->enter, v->hit ? RS_DAT_ENTER : RS_DAT_NONE);
	if (v->ending && !v->locked_end)
		rs_dat_settle(v->vm, v->end_ticket, RS_DAT_NONE);
}

/* Tells of the begin of @v at @e. NULL if there is no memory. */
static inline struct rs_dat_item *put_begin(const struct rs_dat_inval *v,
					    const struct rs_dat_probe *e,
					    enum rs_dat_item_type type, bool pending,
					    uint64_t *ticket)
{
	struct rs_dat_item *i =
		rs_dat_put(v->vm, e->time, type, RS_EV_INVAL_BEGIN, pending, ticket);

	if (!i)
		return NULL;
	i->ev.flags = RS_F_WALK;
	i->ev.inval.who = v->who;
	i->ev.inval.id = v->id;
	i->ev.inval.start = v->start;
	i->ev.inval.end = v->end;
	return i;
}

int rs_dat_on_inval_start(struct rs_dat_pair *p, struct rs_dat_task *t,
			  const struct rs_dat_probe *e)
{
	struct rs_dat_inval *v;
	struct rs_dat_item *i;
	int ret = rs_dat_leave_ended(p, t, e);

	if (ret)
		return ret;
	if (t->nr_owns)
		rs_dat_settle_owns(t);
	if (t->nr_invals == MAX_NESTED) {
		/* Their ends were all missed. */
		while (t->nr_invals)
			abandon(&t->invals[--t->nr_invals]);
		ret = rs_dat_note(p, "inval-nested-too-deep");
		if (ret)
			return ret;
	}
	v = push_inval(p, t, e);
	if (!v)
		return -ENOMEM;
	if (!v->vm)
		return rs_dat_note(p, "inval-of-unknown-vm");
	v->started = p->by_time;
	i = put_begin(v, e, p->by_time ? RS_DAT_PLAIN : RS_DAT_MISS_BEGIN, !p->by_time, &v->enter);
	if (!i)
		return -ENOMEM;
	if (p->by_time)
		i->ev.flags = 0;
	return 0;
}

/*
 * The first memslot that it hits. The memslots are those of now, rather than those of
 * its entry: KVM keeps them as they are only from somewhere in between.
 */
static int hit_first(struct rs_dat_inval *v, const struct rs_dat_probe *e)
{
	struct rs_dat_item *i;

	rs_dat_settle(v->vm, v->enter, RS_DAT_NONE);
	if (!put_begin(v, e, RS_DAT_ENTER, true, &v->enter))
		return -ENOMEM;
	v->last_slot = v->enter;
	i = put_begin(v, e, RS_DAT_BEGIN, false, NULL);
	if (!i)
		return -ENOMEM;
	i->seq = V(e, SEQ);
	i->state = rs_dat_state_of(e);
	v->hit = true;
	return 0;
}

/* Whether what @e hits is of the walk of the innermost call. */
static bool is_walking(const struct rs_dat_inval *v, const struct rs_dat_probe *e)
{
	return v && !v->ending && !v->started && v->vm && v->vm->kvm == V(e, KVM);
}

int rs_dat_on_inval_slot(struct rs_dat_pair *p, struct rs_dat_task *t, const struct rs_dat_probe *e)
{
	struct rs_dat_inval *v;
	struct rs_dat_item *i;
	uint64_t ticket;
	int ret = rs_dat_leave_ended(p, t, e);

	if (ret)
		return ret;
	if (!rs_dat_is_memslot(V(e, AS), V(e, ID)))
		return rs_dat_note(p, "memslot-number-too-large");
	v = innermost(t);
	if (!is_walking(v, e))
		return rs_dat_on_own_slot(p, t, e);
	if (!v->hit) {
		ret = hit_first(v, e);
		if (ret)
			return ret;
	}
	i = rs_dat_put_slot(v->vm, v->id, e, &ticket);
	if (!i)
		return -ENOMEM;
	i = rs_dat_items_find(v->vm->items, v->last_slot);
	if (i)
		i->next_slot = ticket;
	v->last_slot = ticket;
	return 0;
}

bool rs_dat_task_covers(const struct rs_dat_task *t, const struct rs_dat_vm *vm, uint64_t gfn,
			uint64_t hva)
{
	for (size_t i = 0; i < t->nr_invals; i++) {
		const struct rs_dat_inval *v = &t->invals[i];

		if (v->vm == vm && v->hit && !v->locked_end && hva >= v->start && hva < v->end)
			return true;
	}
	for (size_t i = 0; i < t->nr_owns; i++) {
		const struct rs_dat_own *o = &t->owns[i];

		if (o->vm == vm && ((gfn >= o->hit.start && gfn < o->hit.end) ||
				    (gfn >= o->said.start && gfn < o->said.end)))
			return true;
	}
	return false;
}

static void finish_start(struct rs_dat_inval *v)
{
	if (v->vm && !v->started &&
	    !rs_dat_settle(v->vm, v->enter, v->hit ? RS_DAT_ENTER : RS_DAT_MISS_BEGIN))
		v->maybe |= !v->hit;
	v->started = true;
}

/* The end of an invalidation is entered; without a probe of its return it has also happened. */
static int begin_end(struct rs_dat_pair *p, struct rs_dat_task *t, const struct rs_dat_probe *e)
{
	struct rs_dat_inval *v = innermost(t);
	struct rs_dat_item *i;

	finish_start(v);
	v->ending = true;
	if (!v->vm)
		return 0;
	i = rs_dat_put(v->vm, e->time, RS_DAT_END, RS_EV_INVAL_END, true, &v->end_ticket);
	if (!i)
		return -ENOMEM;
	i->ev.inval.id = v->id;
	if (rs_dat_has(p->probes, RS_PROBE_INVAL_ENDED) ||
	    (v->hit && rs_dat_has(p->probes, RS_PROBE_INVAL_END_LOCKED)))
		return 0;
	return leave_inval(p, t, e);
}

/*
 * The walk is over. Where neither the entry to the end nor the return from it is
 * recorded, what hit nothing ends here: no lock tells when.
 */
int rs_dat_on_inval_started(struct rs_dat_pair *p, struct rs_dat_task *t,
			    const struct rs_dat_probe *e)
{
	struct rs_dat_inval *v = innermost(t);

	if (!v)
		return 0;
	finish_start(v);
	if (v->hit || rs_dat_has(p->probes, RS_PROBE_INVAL_END) ||
	    rs_dat_has(p->probes, RS_PROBE_INVAL_ENDED))
		return 0;
	return begin_end(p, t, e);
}

/* The innermost call of the same notifier and range; NULL if there is none. */
static struct rs_dat_inval *find_call(struct rs_dat_task *t, const struct rs_dat_probe *e)
{
	for (size_t n = t->nr_invals; n--;)
		if (t->invals[n].mn == V(e, MN) && t->invals[n].start == V(e, START) &&
		    t->invals[n].end == V(e, END))
			return &t->invals[n];
	return NULL;
}

/*
 * The calls that were begun inside @of (NULL: any) and have no end: it was lost. The
 * VMs of one process are told of a range one after the other, of its end in the same
 * order, so calls of other notifiers for the same range are still to end.
 */
static int drop_lost(struct rs_dat_pair *p, struct rs_dat_task *t, const struct rs_dat_inval *of,
		     const struct rs_dat_probe *e)
{
	const size_t first = of ? (size_t)(of - t->invals) + 1 : 0;
	size_t kept = first;
	int ret = 0;

	for (size_t n = first; n < t->nr_invals; n++) {
		struct rs_dat_inval *v = &t->invals[n];

		if (v->mn != V(e, MN) && (!of || (v->start == of->start && v->end == of->end))) {
			t->invals[kept++] = *v;
			continue;
		}
		ret = ret ? ret : rs_dat_note(p, "inval-without-end");
		finish_start(v);
	}
	t->nr_invals = kept;
	return ret;
}

/* What is done to the innermost call from here on is done to @v. */
static void make_innermost(struct rs_dat_task *t, struct rs_dat_inval *v)
{
	struct rs_dat_inval *last = innermost(t);
	struct rs_dat_inval call;

	if (v == last)
		return;
	call = *v;
	memmove(v, v + 1, (size_t)(last - v) * sizeof(*v));
	*last = call;
}

int rs_dat_on_inval_end(struct rs_dat_pair *p, struct rs_dat_task *t, const struct rs_dat_probe *e)
{
	struct rs_dat_inval *v;
	int ret = rs_dat_leave_ended(p, t, e);

	if (ret)
		return ret;
	/* Within one notifier last in, first out. */
	v = find_call(t, e);
	ret = drop_lost(p, t, v, e);
	if (ret)
		return ret;
	if (v) {
		make_innermost(t, v);
	} else {
		ret = rs_dat_note_unless_cut(p, t, "end-without-start");
		v = ret ? NULL : push_inval(p, t, e);
		if (!v)
			return -ENOMEM;
		v->hit = rs_dat_adopt_own(t, v->vm, &v->id);
		v->maybe = !v->hit;
	}
	return begin_end(p, t, e);
}

/* Left: either its end was entered before, or the probe of that is not in this trace. */
int rs_dat_on_inval_ended(struct rs_dat_pair *p, struct rs_dat_task *t,
			  const struct rs_dat_probe *e)
{
	struct rs_dat_inval *v = innermost(t);
	int ret = 0;

	if (v && !v->ending && !rs_dat_has(p->probes, RS_PROBE_INVAL_END))
		ret = begin_end(p, t, e);
	return ret ? ret : rs_dat_leave_ended(p, t, e);
}

static bool is_calls_end(const struct rs_dat_inval *v, uint64_t kvm)
{
	return v && v->ending && v->vm && v->vm->kvm == kvm && !v->locked_end;
}

int rs_dat_on_inval_end_locked(struct rs_dat_pair *p, struct rs_dat_task *t,
			       const struct rs_dat_probe *e)
{
	struct rs_dat_inval *v = innermost(t);
	struct rs_dat_item *i;

	if (v && !v->ending && v->hit && !rs_dat_has(p->probes, RS_PROBE_INVAL_END)) {
		finish_start(v);
		v->ending = true;
	}
	if (!is_calls_end(v, V(e, KVM)) || (!v->hit && !v->maybe && rs_dat_has_own(t, V(e, KVM))))
		return rs_dat_has_own(t, V(e, KVM)) ? rs_dat_end_own(t, e)
						    : rs_dat_put_own_end(p, e);
	rs_dat_settle(v->vm, v->end_ticket, RS_DAT_NONE);
	v->hit = true;
	v->locked_end = true;
	i = rs_dat_put(v->vm, e->time, RS_DAT_END, RS_EV_INVAL_END, false, NULL);
	if (!i)
		return -ENOMEM;
	i->ev.inval.id = v->id;
	i->seq = V(e, SEQ);
	v->vm->ending = rs_dat_state_of(e);
	v->vm->is_ending = true;
	return rs_dat_has(p->probes, RS_PROBE_INVAL_ENDED) ? 0 : leave_inval(p, t, e);
}

/* Of an invalidation of which events may be missing, only the end may still be told. */
static void cut_inval(struct rs_dat_inval *v)
{
	if (!v->vm)
		return;
	if (v->locked_end)
		v->vm->is_ending = false;
	if (!v->started) {
		rs_dat_settle(v->vm, v->enter, RS_DAT_NONE);
		v->maybe |= !v->hit;
	}
	v->started = true;
}

void rs_dat_cut_invals(struct rs_dat_task *t)
{
	for (size_t n = 0; n < t->nr_invals; n++)
		cut_inval(&t->invals[n]);
	rs_dat_drop_owns(t);
}

void rs_dat_forget_invals(struct rs_dat_task *t)
{
	rs_dat_cut_invals(t);
	rs_dat_finish_invals(t);
	t->nr_invals = 0;
}

void rs_dat_finish_invals(struct rs_dat_task *t)
{
	for (size_t n = 0; n < t->nr_invals; n++)
		abandon(&t->invals[n]);
	rs_dat_drop_owns(t);
}
