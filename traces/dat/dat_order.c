// SPDX-License-Identifier: GPL-2.0-only
#include "traces/dat/dat_order_internal.h"

#include <stdlib.h>
#include <string.h>

/* How long a pending item is waited for. */
#define MAX_PENDING_NS 2000000000ULL

struct rs_dat_order *rs_dat_order_new(struct rs_trace_meta *meta, uint32_t vm, bool by_time,
				      const struct rs_dat_learner *learner)
{
	struct rs_dat_order *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->meta = meta;
	o->vm = vm;
	o->by_time = by_time;
	o->learner = *learner;
	o->unsure = true;
	o->epoch_mask = 2 * MAX_AHEAD - 1;
	o->epochs = calloc(o->epoch_mask + 1, sizeof(*o->epochs));
	o->slots = rs_dat_slots_new();
	if (rs_dat_items_init(&o->items) || !o->epochs || !o->slots) {
		rs_dat_order_free(o);
		return NULL;
	}
	for (uint64_t i = 0; i <= o->epoch_mask; i++)
		clear_epoch(&o->epochs[i]);
	return o;
}

void rs_dat_order_free(struct rs_dat_order *o)
{
	if (!o)
		return;
	rs_dat_items_free(&o->items);
	free(o->epochs);
	free(o->open);
	free(o->deferred);
	free(o->vcpu_last);
	rs_dat_slots_free(o->slots);
	free(o->hits);
	free(o->dropped);
	free(o->learned);
	free(o);
}

/* ---- one item after the other ---- */

/*
 * A begin of which only the end was recorded: of frames that KVM zapped on its own account, under
 * the lock. As long as it is not known what was in progress when the recording of a VM that was
 * there before began, it may as well be the end of that.
 */
static bool is_cut(const struct rs_dat_order *o, const struct rs_dat_item *i)
{
	return i->type == RS_DAT_BEGIN && i->maybe && o->unsure &&
	       (o->asked || rs_dat_slots_had_none(o->slots));
}

/*
 * Whether nothing is in progress, or nothing but what begins just then. Of a walk over frames
 * that was not seen from its begin more is in the range than it hits from here on; all there
 * is, if the range is one of host addresses.
 */
static bool is_idle(const struct rs_dat_item *i)
{
	if (i->type != RS_DAT_BEGIN || !(i->ev.flags & RS_F_GFN) || i->state.end == UINT64_MAX)
		return i->state.in_progress == (i->type == RS_DAT_BEGIN);
	return i->state.in_progress == 1 && i->state.start >= i->ev.inval.start &&
	       i->state.end <= i->ev.inval.end;
}

/*
 * What is in progress is known from the moment on at which nothing is, or nothing
 * but what begins just then. Before, at the begin of the recording and after a
 * loss, there may be invalidations that were not seen to begin, and in the ranges
 * others that have ended since.
 */
static int look(struct rs_dat_order *o, const struct rs_dat_item *i)
{
	if (!o->gaps && is_idle(i))
		o->unsure = false;
	return rs_dat_order_remind(o, i->ev.time_ns);
}

static int sweep_locked(struct rs_dat_order *o, uint64_t ticket)
{
	uint64_t epoch;
	int ret;

	if (is_cut(o, at(o, ticket))) {
		at(o, ticket)->type = RS_DAT_NONE;
		return 0;
	}
	ret = rs_dat_order_observe(o, at(o, ticket)->state.seq, at(o, ticket)->ev.time_ns, &epoch);
	if (!ret)
		ret = look(o, at(o, ticket));
	o->cur = at(o, ticket)->state;
	if (!ret)
		ret = rs_dat_order_append(o, epoch, ticket);
	/* What a call of the notifier hits comes next, and gives the reason. */
	if (at(o, ticket)->type == RS_DAT_BEGIN && !(at(o, ticket)->ev.flags & RS_F_GFN))
		return ret;
	return ret ? ret : rs_dat_order_release_deferred(o, RS_DAT_RELEASE_REASON);
}

static int sweep_end(struct rs_dat_order *o, uint64_t ticket)
{
	const struct rs_dat_item *i = at(o, ticket);
	uint64_t epoch;
	int ret;

	if (i->seq == RS_DAT_NO_SEQ)
		return rs_dat_order_push(&o->open, &o->nr_open, &o->room_open, ticket);
	ret = rs_dat_order_observe(o, i->seq, i->ev.time_ns, &epoch);
	if (ret || epoch == o->now)
		return ret ? ret : rs_dat_order_place_end(o, ticket);
	if (epoch >= o->emitting && epoch_at(o, epoch)->end == RS_DAT_NO_TICKET) {
		epoch_at(o, epoch)->end = ticket;
		return 0;
	}
	at(o, ticket)->type = RS_DAT_NONE;
	return note_unless_lost(o, "order-conflict");
}

/*
 * A pause may be long: what was in progress has ended in it, and by how much the kernel has
 * counted on is not to be told from what was recorded before.
 */
static void start_anew(struct rs_dat_order *o)
{
	for (size_t n = 0; n < o->nr_open; n++)
		at(o, o->open[n])->type = RS_DAT_NONE;
	o->nr_open = 0;
	o->based = false;
}

/* Recordings are interrupted, or go on again: between, no number can be relied on. */
static int sweep_gap(struct rs_dat_order *o, uint64_t ticket)
{
	const struct rs_dat_item *i = at(o, ticket);

	if (i->type == RS_DAT_GAP_BEGIN_MARK)
		o->gaps++;
	else if (i->type == RS_DAT_GAP_END_MARK && o->gaps)
		o->gaps--;
	o->loose = o->unsure = o->reminded = true;
	o->reminded_ns = i->ev.time_ns;
	o->paused = i->ev.flags != 0;
	if (o->paused)
		start_anew(o);
	return rs_dat_order_append(o, o->now, ticket);
}

/* Nothing was lost, and yet what is in progress is not all known. */
static int sweep_doubt(struct rs_dat_order *o, struct rs_dat_item *i)
{
	i->type = RS_DAT_NONE;
	o->unsure = true;
	return rs_dat_order_remind(o, i->ev.time_ns);
}

static int sweep_end_until(struct rs_dat_order *o, struct rs_dat_item *i)
{
	const uint64_t end = i->end;

	i->type = RS_DAT_NONE;
	for (size_t n = 0; n < o->nr_open; n++) {
		if (o->open[n] != end || at(o, end)->maybe)
			continue;
		memmove(&o->open[n], &o->open[n + 1], (o->nr_open - n - 1) * sizeof(*o->open));
		o->nr_open--;
		return rs_dat_order_place_end(o, end);
	}
	return 0;
}

/*
 * The first number of all, or after a loss, is that of a fault, which can have read it long after
 * it was recorded: then what was recorded next under the lock has an earlier one.
 */
static int base_on_fault(struct rs_dat_order *o, uint64_t ticket)
{
	uint64_t seq = at(o, ticket)->seq;

	for (uint64_t t = ticket + 1; t < o->items.tail; t++) {
		const struct rs_dat_item *i = at(o, t);

		if (i->type != RS_DAT_BEGIN && i->type != RS_DAT_SLOT && i->type != RS_DAT_CHECK)
			continue;
		if ((int64_t)(i->state.seq - seq) < 0)
			seq = i->state.seq;
		break;
	}
	if (o->loose)
		return rs_dat_order_renumber(o, seq);
	rs_dat_order_rebase(o, seq);
	return 0;
}

static int sweep_fault_begin(struct rs_dat_order *o, uint64_t ticket)
{
	const struct rs_dat_item *i;
	uint64_t epoch = o->now;
	int ret = rs_dat_order_check_fault(o, ticket);

	i = at(o, ticket);
	if (!ret)
		ret = rs_dat_order_release_vcpu(o, i->ev.fault.vcpu);
	if (!ret && i->seq != RS_DAT_NO_SEQ && !o->by_time) {
		if (!o->based || o->loose)
			ret = base_on_fault(o, ticket);
		i = at(o, ticket);
		epoch = rs_dat_order_epoch_of(o, i->seq);
		/* It saw a number that only an end already entered can have made. */
		while (!ret && (int64_t)(epoch - o->now) > 0 && o->nr_open)
			ret = rs_dat_order_place_open_end(o);
		if ((int64_t)epoch < 0)
			epoch = o->now;
	}
	return ret ? ret : rs_dat_order_append(o, epoch, ticket);
}

/*
 * The count and the range are raised before the memslot's walk is recorded; a task
 * that is preempted in between leaves a long time in which faults are dropped for
 * a reason not yet recorded. Finds it behind @ticket: the memslot that gives the
 * reason, if nothing else under the lock comes before. *@to is behind it.
 * WAIT: it may still be recorded.
 */
static int find_reason(struct rs_dat_order *o, uint64_t ticket, uint64_t *to)
{
	const struct rs_dat_item *early = at(o, ticket);
	const uint64_t page = early->page;

	*to = RS_DAT_NO_TICKET;
	for (uint64_t t = ticket + 1; t < o->items.tail; t++) {
		const struct rs_dat_item *i = at(o, t);

		if (i->ev.time_ns > early->ev.time_ns + WINDOW_NS || i->type == RS_DAT_CHECK ||
		    i->type == RS_DAT_END)
			return 0;
		if (i->type != RS_DAT_SLOT)
			continue;
		if (rs_dat_order_epoch_of(o, i->state.seq) != o->now)
			return 0;
		if (!o->no_range && (page < i->state.start || page >= i->state.end))
			continue;
		*to = t + 1;
		return 0;
	}
	return o->recorded_ns < early->ev.time_ns + WINDOW_NS ? WAIT : 0;
}

/* Puts what was recorded under the lock behind @ticket, up to @to, in order now. */
static int bring_locked(struct rs_dat_order *o, uint64_t ticket, uint64_t to)
{
	const uint64_t time_ns = at(o, ticket)->ev.time_ns;
	int ret = 0;

	for (uint64_t t = ticket + 1; t < to && !ret; t++) {
		struct rs_dat_item *i = at(o, t);

		if (i->placed || (i->type != RS_DAT_BEGIN && i->type != RS_DAT_SLOT))
			continue;
		if (time_ns < i->ev.time_ns)
			i->ev.time_ns = time_ns;
		i->placed = true;
		ret = sweep_locked(o, t);
	}
	return ret;
}

/*
 * Whether the first that was recorded under the lock behind @ticket says that nothing
 * was in progress before. WAIT: it may still be recorded.
 */
static int was_idle(struct rs_dat_order *o, uint64_t ticket, bool *idle)
{
	*idle = false;
	for (uint64_t t = ticket + 1; t < o->items.tail; t++) {
		const struct rs_dat_item *i = at(o, t);

		if (i->type == RS_DAT_END)
			return 0;
		if (i->type != RS_DAT_BEGIN && i->type != RS_DAT_SLOT && i->type != RS_DAT_CHECK)
			continue;
		*idle = !is_cut(o, i) && is_idle(i);
		return 0;
	}
	return o->recorded_ns < at(o, ticket)->ev.time_ns + WINDOW_NS ? WAIT : 0;
}

/* A vCPU can spin without the lock for long, with nothing under the lock meanwhile. */
static int doubt_early(struct rs_dat_order *o, uint64_t ticket)
{
	bool idle = false;
	int ret = o->unsure && !o->reminded ? was_idle(o, ticket, &idle) : 0;

	return ret || idle ? ret : rs_dat_order_remind(o, at(o, ticket)->ev.time_ns);
}

static int sweep_early(struct rs_dat_order *o, uint64_t ticket)
{
	int ret = doubt_early(o, ticket);
	const struct rs_dat_item *i = at(o, ticket);
	const uint64_t epoch = rs_dat_order_early_epoch(o, i);
	uint64_t to;

	if (ret || epoch != o->now)
		return ret ? ret : rs_dat_order_append(o, epoch, ticket);
	if (!rs_dat_order_has_reason(o, i) &&
	    (int64_t)(rs_dat_order_epoch_of(o, i->state.seq) - o->now) <= 0) {
		ret = find_reason(o, ticket, &to);
		if (!ret && to != RS_DAT_NO_TICKET)
			ret = bring_locked(o, ticket, to);
		if (ret)
			return ret;
	}
	if (!rs_dat_order_has_reason(o, i))
		return rs_dat_order_push(&o->deferred, &o->nr_deferred, &o->room_deferred, ticket);
	return rs_dat_order_append(o, o->now, ticket);
}

/* The turn of @i, which is @ticket, has come. */
static int sweep_item(struct rs_dat_order *o, struct rs_dat_item *i, uint64_t ticket)
{
	if (i->placed)
		return 0;
	if (o->by_time && i->type != RS_DAT_FAULT_BEGIN && i->type != RS_DAT_MEMSLOT &&
	    i->type != RS_DAT_NONE)
		return rs_dat_order_append(o, o->now, ticket);
	switch (i->type) {
	case RS_DAT_NONE:
		return 0;
	case RS_DAT_ENTER:
		return rs_dat_order_sweep_enter(o, ticket);
	case RS_DAT_MISS_BEGIN:
		return rs_dat_order_sweep_miss(o, ticket);
	case RS_DAT_MISS_END:
		return rs_dat_order_sweep_miss_end(o, ticket);
	case RS_DAT_HIT:
		return rs_dat_order_sweep_hit(o, ticket);
	case RS_DAT_MEMSLOT:
		return rs_dat_order_sweep_memslot(o, ticket);
	case RS_DAT_BEGIN:
	case RS_DAT_SLOT:
	case RS_DAT_CHECK:
		return sweep_locked(o, ticket);
	case RS_DAT_END:
		return sweep_end(o, ticket);
	case RS_DAT_END_UNTIL:
		return sweep_end_until(o, i);
	case RS_DAT_FAULT_BEGIN:
		return sweep_fault_begin(o, ticket);
	case RS_DAT_CHECK_EARLY:
		return sweep_early(o, ticket);
	case RS_DAT_GAP_BEGIN_MARK:
	case RS_DAT_GAP_MARK:
	case RS_DAT_GAP_END_MARK:
		return sweep_gap(o, ticket);
	case RS_DAT_DOUBT:
		return sweep_doubt(o, i);
	default:
		return rs_dat_order_append(o, o->now, ticket);
	}
}

/* The earliest time of what was swept and has no place yet, at most @horizon. */
static uint64_t earliest_waiting(struct rs_dat_order *o, uint64_t horizon)
{
	for (size_t n = 0; n < o->nr_open; n++)
		if (at(o, o->open[n])->ev.time_ns < horizon)
			horizon = at(o, o->open[n])->ev.time_ns;
	for (size_t n = 0; n < o->nr_deferred; n++)
		if (at(o, o->deferred[n])->ev.time_ns < horizon)
			horizon = at(o, o->deferred[n])->ev.time_ns;
	return horizon;
}

static bool waited_enough(const struct rs_dat_order *o, const struct rs_dat_item *i)
{
	return o->items.tail - o->items.swept >= MAX_WAITING ||
	       o->recorded_ns > i->ev.time_ns + MAX_PENDING_NS;
}

/* Takes a pending item as it stands; a notifier call that nothing is known of is left out. */
static int give_up(struct rs_dat_order *o, struct rs_dat_item *i)
{
	i->pending = false;
	if (i->type == RS_DAT_MISS_BEGIN)
		i->type = RS_DAT_NONE;
	/* A begin through no notifier knows all of its walk by now. */
	return i->type == RS_DAT_BEGIN ? 0 : note(o, "waited-too-long");
}

int rs_dat_order_advance(struct rs_dat_order *o, uint64_t now_ns, uint64_t *settled_ns)
{
	uint64_t horizon = now_ns;
	int ret = 0;

	o->recorded_ns = now_ns;
	while (o->items.swept < o->items.tail && !ret) {
		struct rs_dat_item *i = at(o, o->items.swept);

		if (i->pending) {
			horizon = i->ev.time_ns;
			if (!waited_enough(o, i))
				break;
			ret = give_up(o, i);
		}
		if (!ret)
			ret = sweep_item(o, i, o->items.swept);
		if (ret == WAIT) {
			horizon = i->ev.time_ns;
			ret = 0;
			break;
		}
		o->items.swept++;
	}
	rs_dat_order_drop_stale_maybe(o, horizon);
	while (!ret && now_ns == UINT64_MAX && o->nr_open)
		ret = rs_dat_order_place_open_end(o);
	if (!ret && now_ns == UINT64_MAX)
		ret = rs_dat_order_release_deferred(o, RS_DAT_RELEASE_ALL);
	horizon = earliest_waiting(o, horizon);
	if (now_ns == UINT64_MAX)
		o->settled = UINT64_MAX;
	else if (horizon > WINDOW_NS && horizon - WINDOW_NS > o->settled)
		o->settled = horizon - WINDOW_NS;
	*settled_ns = o->settled;
	return ret;
}
