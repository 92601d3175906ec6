// SPDX-License-Identifier: GPL-2.0-only
#include "traces/dat/dat_order_internal.h"

#include <stdlib.h>

#include "base/array.h"

/* Ids of invalidations that were never recorded; far from those of the others. */
#define UNSEEN_ID (1ULL << 63)

static RS_SELDOM int grow_events(struct rs_dat_events *list)
{
	/* So many at least: few VMs have less. */
	return RS_ROOM(list->ev, list->room, list->room ? list->room + 1 : 4096);
}

int rs_dat_events_add(struct rs_dat_events *list, const struct rs_event *ev)
{
	if (list->nr == list->room && grow_events(list))
		return -ENOMEM;
	list->ev[list->nr++] = *ev;
	return 0;
}

/* An item becomes two events at most. */
static inline int make_room(struct rs_dat_events *out)
{
	return out->room - out->nr < 2 ? grow_events(out) : 0;
}

/* There is room. */
static inline void emit(struct rs_dat_order *o, struct rs_dat_events *out,
			const struct rs_event *ev)
{
	struct rs_event *to = &out->ev[out->nr++];

	*to = *ev;
	if (to->time_ns < o->last_out)
		to->time_ns = o->last_out;
	o->last_out = to->time_ns;
}

/* What the kernel's own words were at @i, made where it is to stay. */
static inline void emit_state(struct rs_dat_order *o, struct rs_dat_events *out,
			      const struct rs_dat_item *i)
{
	struct rs_event *to = &out->ev[out->nr++];

	if (i->ev.time_ns > o->last_out)
		o->last_out = i->ev.time_ns;
	to->time_ns = o->last_out;
	to->vm = i->ev.vm;
	to->type = RS_EV_STATE;
	to->flags = to->result = to->as = 0;
	to->state.in_progress = (uint32_t)i->state.in_progress;
	to->state.unused = 0;
	to->state.seq = i->state.seq;
	to->state.start = i->state.start;
	to->state.end = i->state.end;
}

static inline bool of_fault(const struct rs_event *ev)
{
	return ev->type == RS_EV_FAULT_BEGIN || ev->type == RS_EV_FAULT_CHECK ||
	       ev->type == RS_EV_FAULT_END || ev->type == RS_EV_STATE;
}

/*
 * The order is exact, the times are not: a fault's event gets the same one as what
 * follows it when that was recorded early. Whoever goes by time alone (a simulation
 * does) must still see the fault first, so it is told one nanosecond earlier.
 */
static void put_faults_first(struct rs_dat_order *o, struct rs_dat_events *out, uint64_t time_ns)
{
	size_t n = out->nr;

	while (n > o->out_start && out->ev[n - 1].time_ns == time_ns && of_fault(&out->ev[n - 1]))
		n--;
	if ((n > o->out_start ? out->ev[n - 1].time_ns : o->before_ns) >= time_ns ||
	    time_ns <= o->handed_out)
		return;
	for (; n < out->nr; n++)
		out->ev[n].time_ns = time_ns - 1;
}

static inline void separate_faults(struct rs_dat_order *o, struct rs_dat_events *out,
				   uint64_t next_ns)
{
	const uint64_t time_ns = next_ns < o->last_out ? o->last_out : next_ns;
	const struct rs_event *last = out->ev + out->nr - 1;

	if (out->nr > o->out_start && last->time_ns == time_ns && of_fault(last))
		put_faults_first(o, out, time_ns);
}

/* There is room. */
static inline void emit_item(struct rs_dat_order *o, struct rs_dat_events *out,
			     const struct rs_dat_item *i)
{
	if (!of_fault(&i->ev))
		separate_faults(o, out, i->ev.time_ns);
	if (i->type == RS_DAT_SLOT || (i->type == RS_DAT_CHECK && i->ev.type == RS_EV_FAULT_CHECK))
		emit_state(o, out, i);
	emit(o, out, &i->ev);
}

/*
 * The sequence number grew and no notifier's end says why: KVM zapped frames on
 * its own account, from begin to end under the lock. Which ones is not recorded.
 */
static RS_SELDOM int emit_unseen(struct rs_dat_order *o, struct rs_dat_events *out)
{
	struct rs_event ev = {
		.time_ns = o->last_out,
		.vm = o->vm,
		.type = RS_EV_INVAL_BEGIN,
		.flags = RS_F_GFN,
		.inval.id = UNSEEN_ID + o->unseen++,
		.inval.end = RS_DAT_ALL_GFNS,
	};

	separate_faults(o, out, ev.time_ns);
	emit(o, out, &ev);
	ev.type = RS_EV_INVAL_END;
	ev.flags = 0;
	ev.inval.end = 0;
	emit(o, out, &ev);
	return note(o, "end-not-recorded");
}

/* Takes the items of the epoch up to @until_ns. */
static int take_items(struct rs_dat_order *o, struct epoch *e, uint64_t until_ns,
		      struct rs_dat_events *out)
{
	while (e->head != RS_DAT_NO_TICKET) {
		struct rs_dat_item *i = at(o, e->head);

		if (i->ev.time_ns > until_ns)
			break;
		if (make_room(out))
			return -ENOMEM;
		emit_item(o, out, i);
		i->type = RS_DAT_NONE;
		e->head = next_of(i, e->head);
		if (i->next)
			at(o, e->head)->prev = 0;
		else
			e->tail = RS_DAT_NO_TICKET;
	}
	return 0;
}

/* 1 if the epoch was closed. */
static int take_end(struct rs_dat_order *o, struct epoch *e, uint64_t until_ns,
		    struct rs_dat_events *out)
{
	int ret = 0;

	if (e->head != RS_DAT_NO_TICKET || o->emitting == o->now)
		return 0;
	if (make_room(out))
		return -ENOMEM;
	if (e->end == RS_DAT_NO_TICKET) {
		ret = emit_unseen(o, out);
	} else {
		struct rs_dat_item *i = at(o, e->end);

		if (i->ev.time_ns > until_ns)
			return 0;
		separate_faults(o, out, i->ev.time_ns);
		emit(o, out, &i->ev);
		i->type = RS_DAT_NONE;
	}
	clear_epoch(e);
	o->emitting++;
	return ret ? ret : 1;
}

/* Items that are done make room for others, once those before them are. */
static void drop_done(struct rs_dat_order *o)
{
	uint64_t first = o->items.first;

	while (first < o->items.swept && at(o, first)->type == RS_DAT_NONE)
		first++;
	o->items.first = first;
}

int rs_dat_order_take(struct rs_dat_order *o, uint64_t until_ns, struct rs_dat_events *out)
{
	int ret;

	o->out_start = out->nr;
	do {
		struct epoch *e = epoch_at(o, o->emitting);

		ret = take_items(o, e, until_ns, out);
		if (!ret)
			ret = take_end(o, e, until_ns, out);
	} while (ret > 0);
	drop_done(o);
	/* What is put in later must not come out before what is settled. */
	if (until_ns != UINT64_MAX && o->last_out < until_ns)
		o->last_out = until_ns;
	o->handed_out = o->last_out;
	if (out->nr > o->out_start)
		o->before_ns = out->ev[out->nr - 1].time_ns;
	return ret;
}
