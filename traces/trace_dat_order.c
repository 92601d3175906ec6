// SPDX-License-Identifier: GPL-2.0-only
#include "traces/trace_dat_order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * How far the order lags behind the recording: an item that belongs to an
 * earlier epoch than its time says is expected within this time.
 */
#define WINDOW_NS 50000000ULL
/* So many items may wait for a pending one; then that is taken as it stands. */
#define MAX_WAITING (1U << 19)
/* How many epochs a number may be ahead of the ends seen. */
#define MAX_AHEAD (1U << 12)
/* Guest frames that no guest has: an invalidation of all memory. */
#define ALL_GFNS (1ULL << 52)
/* Ids of invalidations that were never recorded; far from those of the others. */
#define UNSEEN_ID (1ULL << 63)

struct epoch {
	uint64_t head, tail; /* its items, by ticket */
	uint64_t end;	     /* of the end that closes it */
};

struct rs_dat_order {
	struct rs_trace_meta *meta;

	struct rs_dat_item *items; /* ring; a ticket counts up for ever */
	uint64_t mask, first, swept, tail;

	struct epoch *epochs;
	uint64_t epoch_mask, emitting, now; /* epochs, counted from 0 */
	uint64_t base;			    /* the kernel's number of epoch 0 */
	bool based, loose;

	uint64_t *open; /* ends that have been entered and not placed */
	size_t nr_open, room_open;
	uint64_t *deferred; /* early decisions whose reason is not yet there */
	size_t nr_deferred, room_deferred;

	struct rs_dat_state cur; /* at the last observation or end */
	uint64_t *vcpu_epoch;	 /* of each vCPU's last item, plus 1 */
	size_t nr_vcpus;

	uint64_t settled, last_out, unseen;
};

static int note(struct rs_dat_order *o, const char *anomaly)
{
	return rs_meta_add_anomaly(o->meta, anomaly, 1);
}

static struct rs_dat_item *at(struct rs_dat_order *o, uint64_t ticket)
{
	return &o->items[ticket & o->mask];
}

static struct epoch *epoch_at(struct rs_dat_order *o, uint64_t n)
{
	return &o->epochs[n & o->epoch_mask];
}

static void clear_epoch(struct epoch *e)
{
	*e = (struct epoch){ RS_DAT_NO_TICKET, RS_DAT_NO_TICKET, RS_DAT_NO_TICKET };
}

struct rs_dat_order *rs_dat_order_new(struct rs_trace_meta *meta)
{
	struct rs_dat_order *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->meta = meta;
	o->mask = 1023;
	o->epoch_mask = 2 * MAX_AHEAD - 1;
	o->items = calloc(o->mask + 1, sizeof(*o->items));
	o->epochs = calloc(o->epoch_mask + 1, sizeof(*o->epochs));
	if (!o->items || !o->epochs) {
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
	free(o->items);
	free(o->epochs);
	free(o->open);
	free(o->deferred);
	free(o->vcpu_epoch);
	free(o);
}

static int grow_items(struct rs_dat_order *o)
{
	const uint64_t mask = 2 * o->mask + 1;
	struct rs_dat_item *items = malloc((mask + 1) * sizeof(*items));

	if (!items)
		return -ENOMEM;
	for (uint64_t t = o->first; t < o->tail; t++)
		items[t & mask] = o->items[t & o->mask];
	free(o->items);
	o->items = items;
	o->mask = mask;
	return 0;
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

static int push(uint64_t **list, size_t *nr, size_t *room, uint64_t ticket)
{
	if (*nr == *room) {
		size_t more = *room ? 2 * *room : 16;
		uint64_t *bigger = realloc(*list, more * sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		*list = bigger;
		*room = more;
	}
	(*list)[(*nr)++] = ticket;
	return 0;
}

struct rs_dat_item *rs_dat_order_put(struct rs_dat_order *o, enum rs_dat_item_type type,
				     const struct rs_event *ev, bool pending, uint64_t *ticket)
{
	struct rs_dat_item *i;

	if (o->tail - o->first > o->mask && grow_items(o))
		return NULL;
	if (ticket)
		*ticket = o->tail;
	i = at(o, o->tail++);
	*i = (struct rs_dat_item){
		.seq = RS_DAT_NO_SEQ,
		.ev = *ev,
		.next = RS_DAT_NO_TICKET,
		.type = (uint8_t)type,
		.pending = pending,
	};
	return i;
}

struct rs_dat_item *rs_dat_order_item(struct rs_dat_order *o, uint64_t ticket)
{
	return ticket >= o->swept && ticket < o->tail ? at(o, ticket) : NULL;
}

/* ---- which epoch ---- */

static bool of_vcpu(const struct rs_dat_item *i)
{
	return i->type == RS_DAT_FAULT_BEGIN || i->type == RS_DAT_CHECK ||
	       i->type == RS_DAT_CHECK_EARLY || i->type == RS_DAT_FAULT_END;
}

/* A vCPU's items keep their order: not before the epoch of its last one. */
static int keep_vcpu_order(struct rs_dat_order *o, const struct rs_dat_item *i, uint64_t *epoch)
{
	const size_t vcpu = i->ev.index;
	int ret = 0;

	if (vcpu >= o->nr_vcpus) {
		size_t n = vcpu + 16;
		uint64_t *bigger = realloc(o->vcpu_epoch, n * sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		memset(bigger + o->nr_vcpus, 0, (n - o->nr_vcpus) * sizeof(*bigger));
		o->vcpu_epoch = bigger;
		o->nr_vcpus = n;
	}
	if (*epoch + 1 < o->vcpu_epoch[vcpu]) {
		*epoch = o->vcpu_epoch[vcpu] - 1;
		if (i->seq != RS_DAT_NO_SEQ)
			ret = note(o, "order-conflict");
	}
	o->vcpu_epoch[vcpu] = *epoch + 1;
	return ret;
}

static int append(struct rs_dat_order *o, uint64_t epoch, uint64_t ticket)
{
	struct rs_dat_item *i = at(o, ticket);
	struct epoch *e;
	int ret = 0;

	if (epoch < o->emitting) {
		epoch = o->emitting;
		ret = note(o, "order-late");
	} else if (epoch > o->now + MAX_AHEAD) {
		epoch = o->now;
		ret = note(o, "order-conflict");
	}
	if (!ret && of_vcpu(i))
		ret = keep_vcpu_order(o, i, &epoch);
	if (ret)
		return ret;
	e = epoch_at(o, epoch);
	i->next = RS_DAT_NO_TICKET;
	if (e->tail == RS_DAT_NO_TICKET)
		e->head = ticket;
	else
		at(o, e->tail)->next = ticket;
	e->tail = ticket;
	return 0;
}

static int next_epoch(struct rs_dat_order *o)
{
	o->now++;
	if (o->now + MAX_AHEAD + 2 - o->emitting > o->epoch_mask)
		return grow_epochs(o);
	return 0;
}

/* ---- decisions made without the lock ---- */

/* Whether what was last seen under the lock has the reason for rejecting this. */
static bool has_reason(const struct rs_dat_order *o, const struct rs_dat_item *i)
{
	return o->cur.in_progress && i->until >= o->cur.start && i->until < o->cur.end;
}

/* Appends those deferred that have their reason now, or all (@vcpu: only its). */
static int release_deferred(struct rs_dat_order *o, bool all, int64_t vcpu)
{
	size_t kept = 0;
	int ret = 0;

	for (size_t n = 0; n < o->nr_deferred; n++) {
		const uint64_t ticket = o->deferred[n];
		const struct rs_dat_item *i = at(o, ticket);

		if (!ret && (all || has_reason(o, i) || (int64_t)i->ev.index == vcpu))
			ret = append(o, o->now, ticket);
		else
			o->deferred[kept++] = ticket;
	}
	o->nr_deferred = kept;
	return ret;
}

/* ---- ends ---- */

/* The end @ticket closes the present epoch. */
static int place_end(struct rs_dat_order *o, uint64_t ticket)
{
	int ret = release_deferred(o, true, -1);

	epoch_at(o, o->now)->end = ticket;
	if (o->cur.in_progress)
		o->cur.in_progress--;
	return ret ? ret : next_epoch(o);
}

/* Of the ends that may have happened: the one that must have happened first. */
static int place_open_end(struct rs_dat_order *o)
{
	size_t best = 0;
	uint64_t ticket;

	for (size_t n = 1; n < o->nr_open; n++)
		if (at(o, o->open[n])->until < at(o, o->open[best])->until)
			best = n;
	ticket = o->open[best];
	memmove(&o->open[best], &o->open[best + 1], (o->nr_open - best - 1) * sizeof(*o->open));
	o->nr_open--;
	return place_end(o, ticket);
}

/* An epoch whose end nobody recorded. */
static int skip_end(struct rs_dat_order *o)
{
	int ret = release_deferred(o, true, -1);

	return ret ? ret : next_epoch(o);
}

/* The number of the epoch @seq of the kernel; the first one seen sets the base. */
static uint64_t epoch_of(struct rs_dat_order *o, uint64_t seq)
{
	if (!o->based) {
		o->based = true;
		o->base = seq - o->now;
	}
	return seq - o->base;
}

/* The kernel was at @seq under the lock, so all ends before have happened. */
static int observe(struct rs_dat_order *o, uint64_t seq, uint64_t *epoch)
{
	int64_t missing;
	int ret = 0;

	*epoch = epoch_of(o, seq);
	while (!ret && (int64_t)(*epoch - o->now) > 0 && o->nr_open)
		ret = place_open_end(o);
	missing = (int64_t)(*epoch - o->now);
	if (missing < -(int64_t)MAX_AHEAD || missing > (int64_t)MAX_AHEAD) {
		/* The numbers start anew, or jump: what is known of them is of no use. */
		o->base = seq - o->now;
		*epoch = o->now;
		return note(o, "sequence-jump");
	}
	for (; !ret && missing > 0; missing--)
		ret = skip_end(o);
	return ret;
}

/* ---- one item after the other ---- */

static int sweep_locked(struct rs_dat_order *o, uint64_t ticket)
{
	const struct rs_dat_state state = at(o, ticket)->state;
	uint64_t epoch;
	int ret = observe(o, state.seq, &epoch);

	if (!ret)
		ret = append(o, epoch, ticket);
	o->cur = state;
	return ret ? ret : release_deferred(o, false, -1);
}

static int sweep_end(struct rs_dat_order *o, uint64_t ticket)
{
	const struct rs_dat_item *i = at(o, ticket);
	uint64_t epoch;
	int ret;

	if (i->seq == RS_DAT_NO_SEQ)
		return push(&o->open, &o->nr_open, &o->room_open, ticket);
	ret = observe(o, i->seq, &epoch);
	if (ret || epoch == o->now)
		return ret ? ret : place_end(o, ticket);
	if (epoch >= o->emitting && epoch_at(o, epoch)->end == RS_DAT_NO_TICKET)
		epoch_at(o, epoch)->end = ticket;
	else
		ret = note(o, "order-conflict");
	return ret;
}

static int sweep_end_until(struct rs_dat_order *o, uint64_t end)
{
	int ret = 0;

	for (size_t n = 0; n < o->nr_open && !ret; n++) {
		if (o->open[n] != end)
			continue;
		memmove(&o->open[n], &o->open[n + 1], (o->nr_open - n - 1) * sizeof(*o->open));
		o->nr_open--;
		return place_end(o, end);
	}
	return ret;
}

static int sweep_fault_begin(struct rs_dat_order *o, uint64_t ticket)
{
	const struct rs_dat_item *i = at(o, ticket);
	uint64_t epoch = o->now;
	int ret = release_deferred(o, false, i->ev.index);

	if (!ret && i->seq != RS_DAT_NO_SEQ) {
		epoch = epoch_of(o, i->seq);
		/* It saw a number that only an end already entered can have made. */
		while (!ret && (int64_t)(epoch - o->now) > 0 && o->nr_open)
			ret = place_open_end(o);
		if ((int64_t)epoch < 0)
			epoch = o->now;
	}
	return ret ? ret : append(o, epoch, ticket);
}

static int sweep_early(struct rs_dat_order *o, uint64_t ticket)
{
	const struct rs_dat_item *i = at(o, ticket);
	uint64_t epoch;

	if (i->seq == RS_DAT_NO_SEQ)
		return append(o, o->now, ticket);
	epoch = epoch_of(o, i->seq);
	if (epoch == o->now && !has_reason(o, i))
		return push(&o->deferred, &o->nr_deferred, &o->room_deferred, ticket);
	return append(o, (int64_t)epoch < 0 ? o->now : epoch, ticket);
}

static int sweep_item(struct rs_dat_order *o, uint64_t ticket)
{
	const struct rs_dat_item *i = at(o, ticket);

	switch (i->type) {
	case RS_DAT_NONE:
	case RS_DAT_ENTER:
	case RS_DAT_LEAVE:
		return 0;
	case RS_DAT_BEGIN:
		if (i->seq == RS_DAT_NO_SEQ)
			return append(o, o->now, ticket);
		/* fall through */
	case RS_DAT_SLOT:
	case RS_DAT_CHECK:
		return sweep_locked(o, ticket);
	case RS_DAT_END:
		return sweep_end(o, ticket);
	case RS_DAT_END_UNTIL:
		return sweep_end_until(o, i->until);
	case RS_DAT_FAULT_BEGIN:
		return sweep_fault_begin(o, ticket);
	case RS_DAT_CHECK_EARLY:
		return sweep_early(o, ticket);
	case RS_DAT_LOST:
		o->loose = true;
		/* fall through */
	default:
		return append(o, o->now, ticket);
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

int rs_dat_order_advance(struct rs_dat_order *o, uint64_t now_ns, uint64_t *settled_ns)
{
	uint64_t horizon = now_ns;
	int ret = 0;

	while (o->swept < o->tail && !ret) {
		struct rs_dat_item *i = at(o, o->swept);

		if (i->pending && now_ns != UINT64_MAX) {
			horizon = i->ev.time_ns;
			if (o->tail - o->swept < MAX_WAITING)
				break;
			ret = note(o, "window-overflow");
			i->pending = false;
		}
		if (!ret)
			ret = sweep_item(o, o->swept);
		o->swept++;
	}
	while (!ret && now_ns == UINT64_MAX && o->nr_open)
		ret = place_open_end(o);
	if (!ret && now_ns == UINT64_MAX)
		ret = release_deferred(o, true, -1);
	horizon = earliest_waiting(o, horizon);
	if (now_ns == UINT64_MAX)
		o->settled = UINT64_MAX;
	else if (horizon > WINDOW_NS && horizon - WINDOW_NS > o->settled)
		o->settled = horizon - WINDOW_NS;
	*settled_ns = o->settled;
	return ret;
}

/* ---- out ---- */

static int emit(struct rs_dat_order *o, struct rs_dat_events *out, struct rs_event ev)
{
	if (ev.time_ns < o->last_out)
		ev.time_ns = o->last_out;
	o->last_out = ev.time_ns;
	if (out->nr == out->room) {
		size_t room = out->room ? 2 * out->room : 4096;
		struct rs_event *bigger = realloc(out->ev, room * sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		out->ev = bigger;
		out->room = room;
	}
	out->ev[out->nr++] = ev;
	return 0;
}

static int emit_item(struct rs_dat_order *o, struct rs_dat_events *out, const struct rs_dat_item *i)
{
	struct rs_event state = {
		.time_ns = i->ev.time_ns,
		.vm = i->ev.vm,
		.type = RS_EV_STATE,
		.index = (uint32_t)i->state.in_progress,
		.a = i->state.seq,
		.b = i->state.start,
		.c = i->state.end,
	};
	int ret = 0;

	if (i->type == RS_DAT_SLOT || (i->type == RS_DAT_CHECK && i->ev.type == RS_EV_FAULT_CHECK))
		ret = emit(o, out, state);
	return ret ? ret : emit(o, out, i->ev);
}

/*
 * The sequence number grew and no notifier's end says why: KVM zapped frames on
 * its own account, from begin to end under the lock. Which ones is not recorded.
 */
static int emit_unseen(struct rs_dat_order *o, struct rs_dat_events *out, uint32_t vm)
{
	struct rs_event ev = {
		.time_ns = o->last_out,
		.vm = vm,
		.type = RS_EV_INVAL_BEGIN,
		.flags = RS_F_GFN,
		.a = UNSEEN_ID + o->unseen++,
		.c = ALL_GFNS,
	};
	int ret = note(o, "end-not-recorded");

	if (!ret)
		ret = emit(o, out, ev);
	ev.type = RS_EV_INVAL_END;
	ev.flags = 0;
	ev.c = 0;
	return ret ? ret : emit(o, out, ev);
}

static void drop_done(struct rs_dat_order *o, struct rs_dat_item *i)
{
	i->type = RS_DAT_NONE;
	i->seq = 0;
	while (o->first < o->swept) {
		const struct rs_dat_item *f = at(o, o->first);

		if (f->type != RS_DAT_NONE && f->type != RS_DAT_ENTER && f->type != RS_DAT_LEAVE &&
		    f->type != RS_DAT_END_UNTIL)
			break;
		o->first++;
	}
}

/* 1 if the next item of the epoch was taken, 0 if there is none yet. */
static int take_item(struct rs_dat_order *o, struct epoch *e, uint64_t until_ns,
		     struct rs_dat_events *out)
{
	struct rs_dat_item *i;
	int ret;

	if (e->head == RS_DAT_NO_TICKET)
		return 0;
	i = at(o, e->head);
	if (i->ev.time_ns > until_ns)
		return 0;
	ret = emit_item(o, out, i);
	e->head = i->next;
	if (e->head == RS_DAT_NO_TICKET)
		e->tail = RS_DAT_NO_TICKET;
	drop_done(o, i);
	return ret ? ret : 1;
}

/* 1 if the epoch was closed. */
static int take_end(struct rs_dat_order *o, struct epoch *e, uint64_t until_ns,
		    struct rs_dat_events *out)
{
	struct rs_dat_item *i;
	int ret;

	if (e->head != RS_DAT_NO_TICKET || o->emitting == o->now)
		return 0;
	if (e->end == RS_DAT_NO_TICKET) {
		ret = o->loose ? 0 : emit_unseen(o, out, out->nr ? out->ev[out->nr - 1].vm : 1);
	} else {
		i = at(o, e->end);
		if (i->ev.time_ns > until_ns)
			return 0;
		ret = emit(o, out, i->ev);
		o->loose = false;
		drop_done(o, i);
	}
	clear_epoch(e);
	o->emitting++;
	return ret ? ret : 1;
}

int rs_dat_order_take(struct rs_dat_order *o, uint64_t until_ns, struct rs_dat_events *out)
{
	int ret;

	do {
		struct epoch *e = epoch_at(o, o->emitting);

		ret = take_item(o, e, until_ns, out);
		if (!ret)
			ret = take_end(o, e, until_ns, out);
	} while (ret > 0);
	/* What is put in later must not come out before what is settled. */
	if (until_ns != UINT64_MAX && o->last_out < until_ns)
		o->last_out = until_ns;
	return ret;
}
