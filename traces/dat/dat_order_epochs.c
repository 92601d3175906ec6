// SPDX-License-Identifier: GPL-2.0-only
#include "traces/dat/dat_order_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

/*
 * As long as it is not known what is in progress, the model is told so again
 * within this time: it takes its word back 10 ms after the last time.
 */
#define REMIND_NS 5000000ULL

/* A vCPU's items without a number that may go back before an end. */
#define MAX_BACK 64

static bool of_vcpu(const struct rs_dat_item *i)
{
	return i->ev.type == RS_EV_FAULT_BEGIN || i->ev.type == RS_EV_FAULT_CHECK ||
	       i->ev.type == RS_EV_FAULT_END;
}

/* Item @i, whose ticket is @ticket, becomes the last of @epoch. */
static inline void link_tail(struct rs_dat_order *o, uint64_t epoch, struct rs_dat_item *i,
			     uint64_t ticket)
{
	struct epoch *e = epoch_at(o, epoch);

	i->epoch = epoch;
	i->next = i->prev = 0;
	if (e->tail == RS_DAT_NO_TICKET) {
		e->head = ticket;
	} else {
		i->prev = (int32_t)(e->tail - ticket);
		at(o, e->tail)->next = -i->prev;
	}
	e->tail = ticket;
}

static void unlink_item(struct rs_dat_order *o, const struct rs_dat_item *i, uint64_t ticket)
{
	const uint64_t next = next_of(i, ticket);
	const uint64_t prev = i->prev ? ticket + (uint64_t)i->prev : RS_DAT_NO_TICKET;
	const int32_t apart = i->next && i->prev ? i->next - i->prev : 0;
	struct epoch *e = epoch_at(o, i->epoch);

	if (prev == RS_DAT_NO_TICKET)
		e->head = next;
	else
		at(o, prev)->next = apart;
	if (next == RS_DAT_NO_TICKET)
		e->tail = prev;
	else
		at(o, next)->prev = -apart;
}

static RS_SELDOM int grow_vcpus(struct rs_dat_order *o, size_t vcpu)
{
	const size_t n = vcpu + 16;

	if (RS_RESIZE(o->vcpu_last, n))
		return -ENOMEM;
	for (size_t i = o->nr_vcpus; i < n; i++)
		o->vcpu_last[i] = RS_DAT_NO_TICKET;
	o->nr_vcpus = n;
	return 0;
}

/* Whether the item is in an epoch after @epoch, and not yet handed out. */
static bool waits_after(struct rs_dat_order *o, uint64_t ticket, uint64_t epoch)
{
	return ticket != RS_DAT_NO_TICKET && ticket >= o->items.first &&
	       at(o, ticket)->type != RS_DAT_NONE && at(o, ticket)->epoch > epoch;
}

/*
 * A vCPU's items keep their order. Its time may have put an item without a number
 * behind an end that, as the number of the vCPU's next item says, had not
 * happened by then: it goes back to that epoch.
 */
static RS_SELDOM int keep_vcpu_order(struct rs_dat_order *o, const struct rs_dat_item *i,
				     uint64_t *epoch)
{
	uint64_t back[MAX_BACK], last = o->vcpu_last[i->ev.fault.vcpu];
	size_t n = 0;

	for (uint64_t t = last; n < MAX_BACK && waits_after(o, t, *epoch); n++) {
		if (at(o, t)->seq != RS_DAT_NO_SEQ || i->seq == RS_DAT_NO_SEQ)
			break;
		back[n] = t;
		t = at(o, t)->vcpu_prev;
	}
	while (n--) {
		struct rs_dat_item *t = at(o, back[n]);

		unlink_item(o, t, back[n]);
		link_tail(o, *epoch, t, back[n]);
	}
	if (!waits_after(o, last, *epoch))
		return 0;
	*epoch = at(o, last)->epoch;
	return i->seq == RS_DAT_NO_SEQ ? 0 : note_unless_lost(o, "order-conflict");
}

/* An item of a vCPU is about to be appended to @epoch. */
static inline int follow_vcpu(struct rs_dat_order *o, struct rs_dat_item *i, uint64_t ticket,
			      uint64_t *epoch)
{
	int ret = 0;

	if (i->ev.fault.vcpu >= o->nr_vcpus)
		ret = grow_vcpus(o, i->ev.fault.vcpu);
	if (!ret && waits_after(o, o->vcpu_last[i->ev.fault.vcpu], *epoch))
		ret = keep_vcpu_order(o, i, epoch);
	if (ret)
		return ret;
	i->vcpu_prev = o->vcpu_last[i->ev.fault.vcpu];
	o->vcpu_last[i->ev.fault.vcpu] = ticket;
	return 0;
}

/* An epoch that is over, or too far ahead: the item goes elsewhere. */
static RS_SELDOM int move_epoch(struct rs_dat_order *o, uint64_t *epoch)
{
	const bool late = *epoch < o->emitting;

	*epoch = late ? o->emitting : o->now;
	return note_unless_lost(o, late ? "order-late" : "order-conflict");
}

int rs_dat_order_append(struct rs_dat_order *o, uint64_t epoch, uint64_t ticket)
{
	struct rs_dat_item *i = at(o, ticket);
	int ret = 0;

	if (epoch < o->emitting || epoch > o->now + MAX_AHEAD)
		ret = move_epoch(o, &epoch);
	if (!ret && of_vcpu(i))
		ret = follow_vcpu(o, i, ticket, &epoch);
	if (!ret)
		link_tail(o, epoch, i, ticket);
	return ret;
}

static int grow_epochs(struct rs_dat_order *o)
{
	const uint64_t mask = 2 * o->epoch_mask + 1;
	struct epoch *epochs = malloc((mask + 1) * sizeof(*epochs));

	if (!epochs)
		return -ENOMEM;
	for (uint64_t i = 0; i <= mask; i++)
		clear_epoch(&epochs[i]);
	for (uint64_t i = 0; i <= o->epoch_mask; i++)
		epochs[(o->emitting + i) & mask] = *epoch_at(o, o->emitting + i);
	free(o->epochs);
	o->epochs = epochs;
	o->epoch_mask = mask;
	return 0;
}

/* What has its place in the present epoch already: faults that were recorded before they began. */
static RS_SELDOM int begin_ahead(struct rs_dat_order *o)
{
	uint64_t t = epoch_at(o, o->now)->head;
	int ret = 0;

	while (!ret && t != RS_DAT_NO_TICKET) {
		ret = rs_dat_order_end_unfound(o, t);
		t = next_of(at(o, t), t);
	}
	return ret;
}

static int next_epoch(struct rs_dat_order *o)
{
	int ret = 0;

	o->now++;
	if (o->now + MAX_AHEAD + 2 - o->emitting > o->epoch_mask)
		ret = grow_epochs(o);
	if (!ret && epoch_at(o, o->now)->head != RS_DAT_NO_TICKET)
		ret = begin_ahead(o);
	return ret;
}

int rs_dat_order_append_own(struct rs_dat_order *o, enum rs_dat_item_type type, struct rs_event ev)
{
	uint64_t ticket;

	ev.vm = o->vm;
	if (!rs_dat_order_put_own(o, type, &ev, &ticket))
		return -ENOMEM;
	return rs_dat_order_append(o, o->now, ticket);
}

int rs_dat_order_append_lost(struct rs_dat_order *o, uint64_t time_ns, uint64_t count)
{
	return rs_dat_order_append_own(o, RS_DAT_GAP_MARK,
				       (struct rs_event){
					       .time_ns = time_ns,
					       .type = RS_EV_LOST,
					       .flags = !count && o->paused ? RS_F_RESUME : 0,
					       .lost.count = count,
				       });
}

RS_SELDOM int rs_dat_order_remind_unsure(struct rs_dat_order *o, uint64_t time_ns, uint64_t now_ns)
{
	/* At the begin nobody knows how much happened before. */
	const uint64_t count = o->reminded ? 0 : RS_LOST_UNKNOWN;

	if (o->reminded && now_ns < o->reminded_ns + REMIND_NS)
		return 0;
	o->reminded = true;
	o->reminded_ns = time_ns;
	return rs_dat_order_append_lost(o, time_ns, count);
}

/* ---- decisions made without the lock ---- */

bool rs_dat_order_has_reason(struct rs_dat_order *o, const struct rs_dat_item *i)
{
	const int64_t ends = (int64_t)(o->now - rs_dat_order_epoch_of(o, i->state.seq));

	if (i->seq == RS_DAT_NO_SEQ && ends > 0)
		return true;
	return ends >= 0 && o->cur.in_progress &&
	       (o->no_range || (i->page >= o->cur.start && i->page < o->cur.end));
}

uint64_t rs_dat_order_early_epoch(struct rs_dat_order *o, const struct rs_dat_item *i)
{
	const uint64_t epoch = i->seq == RS_DAT_NO_SEQ ? o->now : rs_dat_order_epoch_of(o, i->seq);

	return (int64_t)(epoch - o->now) < 0 ? epoch : o->now;
}

int rs_dat_order_release_some(struct rs_dat_order *o, enum rs_dat_release which)
{
	size_t kept = 0;
	int ret = 0;

	for (size_t n = 0; n < o->nr_deferred; n++) {
		const uint64_t ticket = o->deferred[n];
		const struct rs_dat_item *i = at(o, ticket);

		if (!ret && (which == RS_DAT_RELEASE_ALL || rs_dat_order_has_reason(o, i) ||
			     (which == RS_DAT_RELEASE_EPOCH && i->seq != RS_DAT_NO_SEQ &&
			      rs_dat_order_epoch_of(o, i->seq) == o->now)))
			ret = rs_dat_order_append(o, o->now, ticket);
		else
			o->deferred[kept++] = ticket;
	}
	o->nr_deferred = kept;
	return ret;
}

int rs_dat_order_release_vcpu(struct rs_dat_order *o, uint32_t vcpu)
{
	size_t kept = 0;
	int ret = 0;

	for (size_t n = 0; n < o->nr_deferred; n++) {
		const uint64_t ticket = o->deferred[n];
		const struct rs_dat_item *i = at(o, ticket);

		if (!ret && i->ev.fault.vcpu == vcpu)
			ret = rs_dat_order_append(o, rs_dat_order_early_epoch(o, i), ticket);
		else
			o->deferred[kept++] = ticket;
	}
	o->nr_deferred = kept;
	return ret;
}

/* ---- ends ---- */

/*
 * An end may be placed long after it was entered, behind what was recorded since: how long ago
 * the model was reminded counts from there.
 */
static uint64_t swept_ns(struct rs_dat_order *o)
{
	return o->items.swept < o->items.tail ? at(o, o->items.swept)->ev.time_ns : UINT64_MAX;
}

int rs_dat_order_place_end(struct rs_dat_order *o, uint64_t ticket)
{
	int ret = rs_dat_order_release_deferred(o, RS_DAT_RELEASE_EPOCH);

	/* Of one that began unseen, perhaps: it ends in the middle of faults. */
	if (!ret && o->unsure)
		ret = rs_dat_order_remind_unsure(o, at(o, ticket)->ev.time_ns, swept_ns(o));
	epoch_at(o, o->now)->end = ticket;
	if (o->cur.in_progress)
		o->cur.in_progress--;
	if (!ret)
		ret = next_epoch(o);
	return ret ? ret : rs_dat_order_release_deferred(o, RS_DAT_RELEASE_REASON);
}

int rs_dat_order_place_open_end(struct rs_dat_order *o)
{
	size_t best = 0;
	uint64_t ticket;

	for (size_t n = 1; n < o->nr_open; n++)
		if (at(o, o->open[n])->until_ns < at(o, o->open[best])->until_ns)
			best = n;
	ticket = o->open[best];
	memmove(&o->open[best], &o->open[best + 1], (o->nr_open - best - 1) * sizeof(*o->open));
	o->nr_open--;
	return rs_dat_order_place_end(o, ticket);
}

/* An epoch whose end nobody recorded. */
static int skip_end(struct rs_dat_order *o)
{
	int ret = rs_dat_order_release_deferred(o, RS_DAT_RELEASE_EPOCH);

	if (!ret)
		ret = next_epoch(o);
	return ret ? ret : rs_dat_order_release_deferred(o, RS_DAT_RELEASE_REASON);
}

void rs_dat_order_drop_maybe(struct rs_dat_order *o, uint64_t time_ns)
{
	size_t kept = 0;

	for (size_t n = 0; n < o->nr_open; n++) {
		struct rs_dat_item *i = at(o, o->open[n]);

		if (i->maybe && i->until_ns <= time_ns)
			i->type = RS_DAT_NONE;
		else
			o->open[kept++] = o->open[n];
	}
	o->nr_open = kept;
}

void rs_dat_order_drop_stale_maybe(struct rs_dat_order *o, uint64_t now_ns)
{
	const size_t nr = o->nr_open;

	rs_dat_order_drop_maybe(o, now_ns > WINDOW_NS ? now_ns - WINDOW_NS : 0);
	o->loose |= o->nr_open < nr;
}

/*
 * Of the ends that were entered nobody knows whether they have happened by then. If they have not,
 * and are taken for it, one will be missing, which is noticed; the other way round all numbers
 * from here on were wrong by one.
 */
RS_SELDOM int rs_dat_order_renumber(struct rs_dat_order *o, uint64_t seq)
{
	int ret = 0;

	rs_dat_order_drop_maybe(o, UINT64_MAX);
	while (!ret && o->nr_open)
		ret = rs_dat_order_place_open_end(o);
	rs_dat_order_rebase(o, seq);
	o->loose = o->gaps;
	return ret;
}

RS_SELDOM int rs_dat_order_catch_up(struct rs_dat_order *o, uint64_t seq, uint64_t time_ns,
				    uint64_t *epoch)
{
	int64_t missing;
	int ret = 0;

	if (o->loose)
		ret = rs_dat_order_renumber(o, seq);
	*epoch = rs_dat_order_epoch_of(o, seq);
	while (!ret && (int64_t)(*epoch - o->now) > 0 && o->nr_open)
		ret = rs_dat_order_place_open_end(o);
	rs_dat_order_drop_maybe(o, time_ns);
	missing = (int64_t)(*epoch - o->now);
	if (missing < -(int64_t)MAX_AHEAD || missing > (int64_t)MAX_AHEAD) {
		rs_dat_order_rebase(o, seq);
		*epoch = o->now;
		ret = ret ? ret : rs_dat_order_append_lost(o, time_ns, RS_LOST_UNKNOWN);
		return ret ? ret : note(o, "sequence-jump");
	}
	if (!ret && (int64_t)(*epoch - o->emitting) < 0) {
		rs_dat_order_rebase(o, seq);
		*epoch = o->now;
		ret = note_unless_lost(o, "sequence-behind");
	}
	for (; !ret && missing > 0; missing--)
		ret = skip_end(o);
	return ret;
}
