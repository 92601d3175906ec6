// SPDX-License-Identifier: GPL-2.0-only
#include "traces/trace_dat_order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "traces/seldom.h"
#include "traces/trace_dat_slots.h"

/*
 * How far the order lags behind the recording: an item that belongs to an
 * earlier epoch than its time says is expected within this time.
 */
#define WINDOW_NS 50000000ULL
/* So many items may wait for a pending one; then that is taken as it stands. */
#define MAX_WAITING (1U << 19)
/* And so long. */
#define MAX_PENDING_NS 2000000000ULL
/* How long after a memslot was used its commit is waited for. */
#define COMMIT_NS 500000000ULL
/* So many items are not in memory at once: 128 GiB. Their distance is an int32_t. */
#define MAX_ITEMS (1U << 30)
/* How many epochs a number may be ahead of the ends seen. */
#define MAX_AHEAD (1U << 12)
/* Guest frames that no guest has: an invalidation of all memory. */
#define ALL_GFNS (1ULL << 52)
/* Ids of invalidations that were never recorded; far from those of the others. */
#define UNSEEN_ID (1ULL << 63)

/*
 * As long as it is not known what is in progress, the model is told so again
 * within this time: it takes its word back 10 ms after the last time.
 */
#define REMIND_NS 5000000ULL

/* A vCPU's items without a number that may go back before an end. */
#define MAX_BACK 64
#define WAIT 1

struct epoch {
	uint64_t head, tail; /* its items, by ticket */
	uint64_t end;	     /* of the end that closes it */
};

struct rs_dat_order {
	struct rs_trace_meta *meta;
	uint32_t vm;
	bool by_time;
	struct rs_dat_learner learner;
	struct rs_event *learned; /* [used, nr): not yet in effect */
	size_t nr_learned, used_learned;
	bool asked;

	struct rs_dat_item *items; /* ring; a ticket counts up for ever */
	uint64_t mask, first, swept, tail;

	struct epoch *epochs;
	uint64_t epoch_mask, emitting, now; /* epochs, counted from 0 */
	uint64_t base;			    /* the kernel's number of epoch 0 */
	bool based;
	unsigned int gaps; /* recordings of CPUs that are interrupted now */
	bool loose;	   /* some were since the last observation */
	bool unsure;	   /* what is in progress is not known ... */
	bool reminded;	   /* ... and the model was told so, last at this time */
	uint64_t reminded_ns;

	uint64_t *open; /* ends that have been entered and not placed */
	size_t nr_open, room_open;
	uint64_t *deferred; /* early decisions whose reason is not yet there */
	size_t nr_deferred, room_deferred;

	struct rs_dat_state cur; /* at the last observation or end */
	uint64_t *vcpu_last;	 /* each vCPU's last item in the order */
	size_t nr_vcpus;

	struct rs_dat_slots *slots;
	struct rs_dat_hit *hits; /* of one notifier call */
	size_t room_hits;
	uint64_t *dropped; /* ids of calls that were left out */
	size_t nr_dropped, room_dropped;

	uint64_t recorded_ns; /* how far the recording has been read */
	uint64_t settled, last_out, unseen;
	uint64_t handed_out; /* times up to here are with the reader */
	size_t out_start;    /* of this call's events */
	uint64_t before_ns;  /* the time of the event before them */
};

static int note(struct rs_dat_order *o, const char *anomaly)
{
	return rs_meta_add_anomaly(o->meta, anomaly, 1);
}

/* What is no wonder where events were lost, and said by that already. */
static int note_unless_lost(struct rs_dat_order *o, const char *anomaly)
{
	return o->gaps || o->loose ? 0 : note(o, anomaly);
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
	o->mask = 1023;
	o->epoch_mask = 2 * MAX_AHEAD - 1;
	o->items = calloc(o->mask + 1, sizeof(*o->items));
	o->epochs = calloc(o->epoch_mask + 1, sizeof(*o->epochs));
	o->slots = rs_dat_slots_new();
	if (!o->items || !o->epochs || !o->slots) {
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
	free(o->vcpu_last);
	rs_dat_slots_free(o->slots);
	free(o->hits);
	free(o->dropped);
	free(o->learned);
	free(o);
}

static RS_SELDOM int grow_items(struct rs_dat_order *o)
{
	const uint64_t mask = 2 * o->mask + 1;
	struct rs_dat_item *items = mask < MAX_ITEMS ? malloc((mask + 1) * sizeof(*items)) : NULL;

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

/* A new item at the end of the ring; NULL if there is no memory. */
static inline struct rs_dat_item *put(struct rs_dat_order *o, enum rs_dat_item_type type,
				      const struct rs_event *ev, bool pending, uint64_t *ticket)
{
	struct rs_dat_item *i;

	if (o->tail - o->first > o->mask && grow_items(o))
		return NULL;
	if (ticket)
		*ticket = o->tail;
	i = at(o, o->tail++);
	/* One by one: what the order alone uses is set when it is. */
	i->ev = *ev;
	i->seq = RS_DAT_NO_SEQ;
	i->until = RS_DAT_NO_TICKET;
	i->state = (struct rs_dat_state){ 0 };
	i->type = (uint8_t)type;
	i->pending = pending;
	i->placed = false;
	i->maybe = false;
	return i;
}

struct rs_dat_item *rs_dat_order_put(struct rs_dat_order *o, enum rs_dat_item_type type,
				     const struct rs_event *ev, bool pending, uint64_t *ticket)
{
	if (type == RS_DAT_MEMSLOT && rs_dat_slots_commit(o->slots, ev, o->tail))
		return NULL;
	return put(o, type, ev, pending, ticket);
}

bool rs_dat_order_has_memslot(const struct rs_dat_order *o, uint8_t as, uint32_t id)
{
	return rs_dat_slots_will_have(o->slots, as, id);
}

struct rs_dat_item *rs_dat_order_item(struct rs_dat_order *o, uint64_t ticket)
{
	return ticket >= o->swept && ticket < o->tail ? at(o, ticket) : NULL;
}

/* ---- which epoch ---- */

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
	const uint64_t next = i->next ? ticket + (uint64_t)i->next : RS_DAT_NO_TICKET;
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
	uint64_t *bigger = realloc(o->vcpu_last, n * sizeof(*bigger));

	if (!bigger)
		return -ENOMEM;
	for (size_t i = o->nr_vcpus; i < n; i++)
		bigger[i] = RS_DAT_NO_TICKET;
	o->vcpu_last = bigger;
	o->nr_vcpus = n;
	return 0;
}

/* Whether the item is in an epoch after @epoch, and not yet handed out. */
static bool waits_after(struct rs_dat_order *o, uint64_t ticket, uint64_t epoch)
{
	return ticket != RS_DAT_NO_TICKET && ticket >= o->first &&
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
	uint64_t back[MAX_BACK], last = o->vcpu_last[i->ev.index];
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

	if (i->ev.index >= o->nr_vcpus)
		ret = grow_vcpus(o, i->ev.index);
	if (!ret && waits_after(o, o->vcpu_last[i->ev.index], *epoch))
		ret = keep_vcpu_order(o, i, epoch);
	if (ret)
		return ret;
	i->vcpu_prev = o->vcpu_last[i->ev.index];
	o->vcpu_last[i->ev.index] = ticket;
	return 0;
}

/* An epoch that is over, or too far ahead: the item goes elsewhere. */
static RS_SELDOM int move_epoch(struct rs_dat_order *o, uint64_t *epoch)
{
	const bool late = *epoch < o->emitting;

	*epoch = late ? o->emitting : o->now;
	return note_unless_lost(o, late ? "order-late" : "order-conflict");
}

static inline int append(struct rs_dat_order *o, uint64_t epoch, uint64_t ticket)
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

static int next_epoch(struct rs_dat_order *o)
{
	o->now++;
	if (o->now + MAX_AHEAD + 2 - o->emitting > o->epoch_mask)
		return grow_epochs(o);
	return 0;
}

/* An event that was not recorded, in the order now. */
static int append_own(struct rs_dat_order *o, enum rs_dat_item_type type, struct rs_event ev)
{
	struct rs_dat_item *i;
	uint64_t ticket;

	ev.vm = o->vm;
	i = put(o, type, &ev, false, &ticket);
	if (!i)
		return -ENOMEM;
	i->placed = true;
	return append(o, o->now, ticket);
}

/* What is outstanding is not known: the model has to start anew. */
static int append_lost(struct rs_dat_order *o, uint64_t time_ns, uint64_t count)
{
	return append_own(o, RS_DAT_GAP_MARK,
			  (struct rs_event){
				  .time_ns = time_ns,
				  .type = RS_EV_LOST,
				  .a = count,
			  });
}

/* ---- decisions made without the lock ---- */

/* The number of the epoch @seq of the kernel; the first one seen sets the base. */
static uint64_t epoch_of(struct rs_dat_order *o, uint64_t seq)
{
	if (!o->based) {
		o->based = true;
		o->base = seq - o->now;
	}
	return seq - o->base;
}

/*
 * Whether there is a reason by now to reject the fault: what was last seen under
 * the lock covers its page, or an end has come since it began. The count and the
 * range are raised just before the memslot's walk is recorded, so the reason can
 * come a moment after the decision.
 */
static bool has_reason(struct rs_dat_order *o, const struct rs_dat_item *i)
{
	const int64_t ends = (int64_t)(o->now - epoch_of(o, i->state.seq));

	if (i->seq == RS_DAT_NO_SEQ && ends > 0)
		return true;
	return ends >= 0 && o->cur.in_progress && i->until >= o->cur.start && i->until < o->cur.end;
}

/* Where a decision belongs that has no reason of its own. */
static uint64_t early_epoch(struct rs_dat_order *o, const struct rs_dat_item *i)
{
	const uint64_t epoch = i->seq == RS_DAT_NO_SEQ ? o->now : epoch_of(o, i->seq);

	return (int64_t)(epoch - o->now) < 0 ? epoch : o->now;
}

enum release { RELEASE_REASON, RELEASE_EPOCH, RELEASE_ALL };

/*
 * Appends those deferred that have their reason now, those that belong to this
 * epoch, which is about to end, or all.
 */
static int release_some(struct rs_dat_order *o, enum release which)
{
	size_t kept = 0;
	int ret = 0;

	for (size_t n = 0; n < o->nr_deferred; n++) {
		const uint64_t ticket = o->deferred[n];
		const struct rs_dat_item *i = at(o, ticket);

		if (!ret && (which == RELEASE_ALL || has_reason(o, i) ||
			     (which == RELEASE_EPOCH && i->seq != RS_DAT_NO_SEQ &&
			      epoch_of(o, i->seq) == o->now)))
			ret = append(o, o->now, ticket);
		else
			o->deferred[kept++] = ticket;
	}
	o->nr_deferred = kept;
	return ret;
}

static inline int release_deferred(struct rs_dat_order *o, enum release which)
{
	return o->nr_deferred ? release_some(o, which) : 0;
}

/* Appends those of @vcpu: it has gone on. */
static int release_vcpu(struct rs_dat_order *o, uint32_t vcpu)
{
	size_t kept = 0;
	int ret = 0;

	for (size_t n = 0; n < o->nr_deferred; n++) {
		const uint64_t ticket = o->deferred[n];
		const struct rs_dat_item *i = at(o, ticket);

		if (!ret && i->ev.index == vcpu)
			ret = append(o, early_epoch(o, i), ticket);
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
	int ret = release_deferred(o, RELEASE_EPOCH);

	epoch_at(o, o->now)->end = ticket;
	if (o->cur.in_progress)
		o->cur.in_progress--;
	if (!ret)
		ret = next_epoch(o);
	return ret ? ret : release_deferred(o, RELEASE_REASON);
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
	int ret = release_deferred(o, RELEASE_EPOCH);

	if (!ret)
		ret = next_epoch(o);
	return ret ? ret : release_deferred(o, RELEASE_REASON);
}

/* The numbers start anew: what was known of them is of no use. */
static void rebase(struct rs_dat_order *o, uint64_t seq)
{
	o->based = true;
	o->base = seq - o->now;
}

/* Leaves out those ends that may not have been any, and by what was seen were not. */
static void drop_maybe(struct rs_dat_order *o, uint64_t time_ns)
{
	size_t kept = 0;

	for (size_t n = 0; n < o->nr_open; n++) {
		struct rs_dat_item *i = at(o, o->open[n]);

		if (i->maybe && i->until <= time_ns)
			i->type = RS_DAT_NONE;
		else
			o->open[kept++] = o->open[n];
	}
	o->nr_open = kept;
}

/* Nothing was seen for long that tells whether they were: the next number decides. */
static void drop_stale_maybe(struct rs_dat_order *o, uint64_t now_ns)
{
	const size_t nr = o->nr_open;

	drop_maybe(o, now_ns > WINDOW_NS ? now_ns - WINDOW_NS : 0);
	o->loose |= o->nr_open < nr;
}

/* The kernel was at @seq under the lock, so all ends before have happened. */
static RS_SELDOM int catch_up(struct rs_dat_order *o, uint64_t seq, uint64_t time_ns,
			      uint64_t *epoch)
{
	int64_t missing;
	int ret = 0;

	if (o->loose) {
		drop_maybe(o, time_ns);
		rebase(o, seq);
	}
	o->loose = o->gaps;
	*epoch = epoch_of(o, seq);
	while (!ret && (int64_t)(*epoch - o->now) > 0 && o->nr_open)
		ret = place_open_end(o);
	drop_maybe(o, time_ns);
	missing = (int64_t)(*epoch - o->now);
	if (missing < -(int64_t)MAX_AHEAD || missing > (int64_t)MAX_AHEAD) {
		rebase(o, seq);
		*epoch = o->now;
		ret = ret ? ret : append_lost(o, time_ns, RS_LOST_UNKNOWN);
		return ret ? ret : note(o, "sequence-jump");
	}
	if (!ret && (int64_t)(*epoch - o->emitting) < 0) {
		rebase(o, seq);
		*epoch = o->now;
		ret = note_unless_lost(o, "sequence-behind");
	}
	for (; !ret && missing > 0; missing--)
		ret = skip_end(o);
	return ret;
}

/* The same with less to do where they are those seen, as they mostly are. */
static inline int observe(struct rs_dat_order *o, uint64_t seq, uint64_t time_ns, uint64_t *epoch)
{
	if (o->loose || o->gaps || !o->based || seq - o->base != o->now)
		return catch_up(o, seq, time_ns, epoch);
	*epoch = o->now;
	if (o->nr_open)
		drop_maybe(o, time_ns);
	return 0;
}

/* ---- memslots ---- */

/* The oldest @n commits not yet in effect took effect at @time_ns. */
static int apply_commits(struct rs_dat_order *o, size_t n, uint64_t time_ns)
{
	uint64_t ticket;
	int ret = 0;

	while (!ret && n-- && rs_dat_slots_next(o->slots, &ticket)) {
		struct rs_dat_item *i = at(o, ticket);

		ret = rs_dat_slots_apply(o->slots, time_ns);
		if (time_ns < i->ev.time_ns)
			i->ev.time_ns = time_ns;
		i->placed = true;
		if (!ret)
			ret = append(o, o->now, ticket);
	}
	return ret;
}

/* The commit's turn has come: unless it was brought forward, it takes effect now. */
static int sweep_memslot(struct rs_dat_order *o, uint64_t ticket)
{
	return apply_commits(o, 1, at(o, ticket)->ev.time_ns);
}

static int append_learned(struct rs_dat_order *o, struct rs_event memslot, uint64_t time_ns)
{
	int ret = rs_dat_slots_learn(o->slots, &memslot);

	memslot.time_ns = time_ns;
	if (!ret)
		ret = append_own(o, RS_DAT_MEMSLOT, memslot);
	return ret ? ret : note(o, "memslots-learned");
}

/*
 * No commit explains what was seen at @time_ns: the memslot was there before the
 * recording, or its commit was lost. Then it is known from its use alone.
 */
static int learn(struct rs_dat_order *o, uint64_t time_ns)
{
	int ret = 0;

	if (!o->asked) {
		o->asked = true;
		ret = o->learner.learn(o->learner.arg, &o->learned, &o->nr_learned);
	}
	while (!ret && o->used_learned < o->nr_learned &&
	       o->learned[o->used_learned].time_ns <= time_ns)
		ret = append_learned(o, o->learned[o->used_learned++], time_ns);
	return ret;
}

/*
 * Of the memslots not yet in effect those are that @e, seen at @time_ns, needs. If there
 * are none: WAIT, as they may still come, or they are learned.
 */
static RS_SELDOM int make_explained(struct rs_dat_order *o, const struct rs_dat_evidence *e,
				    uint64_t time_ns, size_t n, bool *explained)
{
	int ret = 0;

	if (n == RS_DAT_SLOTS_NEVER) {
		if (o->recorded_ns < time_ns + COMMIT_NS && o->tail - o->swept < MAX_WAITING)
			return WAIT;
		ret = learn(o, time_ns);
		if (!ret)
			ret = rs_dat_slots_explain(o->slots, e, &n);
	}
	*explained = n != RS_DAT_SLOTS_NEVER;
	return ret || !*explained ? ret : apply_commits(o, n, time_ns);
}

/*
 * Lets those commits take effect that @e, seen at @time_ns, says were in effect.
 * WAIT: the one that explains it may still come. Sets *@explained if all is well.
 */
static inline int bring_forward(struct rs_dat_order *o, const struct rs_dat_evidence *e,
				uint64_t time_ns, bool *explained)
{
	size_t n;
	int ret = rs_dat_slots_explain(o->slots, e, &n);

	*explained = n != RS_DAT_SLOTS_NEVER;
	return ret || !n ? ret : make_explained(o, e, time_ns, n, explained);
}

static int add_hit(struct rs_dat_order *o, size_t n, const struct rs_event *slot)
{
	if (n == o->room_hits) {
		size_t room = n ? 2 * n : 16;
		struct rs_dat_hit *bigger = realloc(o->hits, room * sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		o->hits = bigger;
		o->room_hits = room;
	}
	o->hits[n] = (struct rs_dat_hit){ slot->b, slot->c, slot->index, slot->as };
	return 0;
}

/* A notifier call is entered: the memslots are those that it found. */
static int check_call(struct rs_dat_order *o, uint64_t ticket, bool *explained)
{
	const struct rs_dat_item *i = at(o, ticket);
	const uint64_t time_ns = i->ev.time_ns;
	struct rs_dat_evidence e = {
		.by = RS_DAT_SEEN_NOTIFIER,
		.start = i->ev.b,
		.end = i->ev.c,
	};

	for (uint64_t t = i->until; t != RS_DAT_NO_TICKET; t = at(o, t)->until)
		if (add_hit(o, e.nr_hits++, &at(o, t)->ev))
			return -ENOMEM;
	rs_dat_hits_sort(o->hits, e.nr_hits);
	e.hits = o->hits;
	return bring_forward(o, &e, time_ns, explained);
}

static int sweep_enter(struct rs_dat_order *o, uint64_t ticket)
{
	bool explained = true;
	int ret = check_call(o, ticket, &explained);

	if (ret)
		return ret;
	at(o, ticket)->type = RS_DAT_NONE;
	return explained ? 0 : note_unless_lost(o, "memslots-unexplained");
}

/*
 * An invalidation that hit nothing though a memslot is where it was: in the model
 * it would be a hit, so it is left out.
 */
static int sweep_miss(struct rs_dat_order *o, uint64_t ticket)
{
	bool explained = true;
	int ret = check_call(o, ticket, &explained);

	if (ret)
		return ret;
	if (explained)
		return append(o, o->now, ticket);
	at(o, ticket)->type = RS_DAT_NONE;
	ret = push(&o->dropped, &o->nr_dropped, &o->room_dropped, at(o, ticket)->ev.a);
	return ret ? ret : note_unless_lost(o, "miss-overlaps-memslot");
}

static int sweep_miss_end(struct rs_dat_order *o, uint64_t ticket)
{
	struct rs_dat_item *i = at(o, ticket);

	for (size_t n = 0; n < o->nr_dropped; n++) {
		if (o->dropped[n] != i->ev.a)
			continue;
		i->type = RS_DAT_NONE;
		o->dropped[n] = o->dropped[--o->nr_dropped];
		return 0;
	}
	return append(o, o->now, ticket);
}

/* A fault begins: the memslots are those that it found. */
static int check_fault(struct rs_dat_order *o, uint64_t ticket)
{
	struct rs_dat_item *i = at(o, ticket);
	const struct rs_dat_evidence e = {
		.by = RS_DAT_SEEN_FAULT,
		.gfn = i->ev.a,
		.as = i->ev.as,
		.since_ns = i->through.since_ns,
		.hva = i->through.hva,
		.id = i->through.id,
		.has_id = i->through.has_id,
	};
	bool explained;
	int ret = bring_forward(o, &e, i->ev.time_ns, &explained);

	return ret || explained ? ret : note_unless_lost(o, "memslots-unexplained");
}

/* ---- one item after the other ---- */

/* What comes next tells nothing of what is in progress: the model must not rely on it. */
static RS_SELDOM int remind_unsure(struct rs_dat_order *o, uint64_t time_ns)
{
	/* At the begin nobody knows how much happened before. */
	const uint64_t count = o->reminded ? 0 : RS_LOST_UNKNOWN;

	if (o->reminded && time_ns < o->reminded_ns + REMIND_NS)
		return 0;
	o->reminded = true;
	o->reminded_ns = time_ns;
	return append_lost(o, time_ns, count);
}

static inline int remind(struct rs_dat_order *o, uint64_t time_ns)
{
	return o->unsure ? remind_unsure(o, time_ns) : 0;
}

/*
 * What is in progress is known from the moment on at which nothing is, or nothing
 * but what begins just then. Before, at the begin of the recording and after a
 * loss, there may be invalidations that were not seen to begin, and in the ranges
 * others that have ended since.
 */
static int look(struct rs_dat_order *o, const struct rs_dat_item *i)
{
	if (!o->gaps && i->state.in_progress == (i->type == RS_DAT_BEGIN))
		o->unsure = false;
	return remind(o, i->ev.time_ns);
}

static int sweep_locked(struct rs_dat_order *o, uint64_t ticket)
{
	uint64_t epoch;
	int ret = observe(o, at(o, ticket)->state.seq, at(o, ticket)->ev.time_ns, &epoch);

	if (!ret)
		ret = look(o, at(o, ticket));
	o->cur = at(o, ticket)->state;
	if (!ret)
		ret = append(o, epoch, ticket);
	return ret ? ret : release_deferred(o, RELEASE_REASON);
}

static int sweep_end(struct rs_dat_order *o, uint64_t ticket)
{
	const struct rs_dat_item *i = at(o, ticket);
	uint64_t epoch;
	int ret;

	if (i->seq == RS_DAT_NO_SEQ)
		return push(&o->open, &o->nr_open, &o->room_open, ticket);
	ret = observe(o, i->seq, i->ev.time_ns, &epoch);
	if (ret || epoch == o->now)
		return ret ? ret : place_end(o, ticket);
	if (epoch >= o->emitting && epoch_at(o, epoch)->end == RS_DAT_NO_TICKET) {
		epoch_at(o, epoch)->end = ticket;
		return 0;
	}
	at(o, ticket)->type = RS_DAT_NONE;
	return note_unless_lost(o, "order-conflict");
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
	return append(o, o->now, ticket);
}

static int sweep_end_until(struct rs_dat_order *o, struct rs_dat_item *i)
{
	const uint64_t end = i->until;

	i->type = RS_DAT_NONE;
	for (size_t n = 0; n < o->nr_open; n++) {
		if (o->open[n] != end || at(o, end)->maybe)
			continue;
		memmove(&o->open[n], &o->open[n + 1], (o->nr_open - n - 1) * sizeof(*o->open));
		o->nr_open--;
		return place_end(o, end);
	}
	return 0;
}

/*
 * The first number of all is that of a fault, which can have read it long after it
 * was recorded: then what was recorded next under the lock has an earlier one.
 */
static void base_on_fault(struct rs_dat_order *o, uint64_t ticket)
{
	uint64_t seq = at(o, ticket)->seq;

	for (uint64_t t = ticket + 1; t < o->tail; t++) {
		const struct rs_dat_item *i = at(o, t);

		if (i->type != RS_DAT_BEGIN && i->type != RS_DAT_SLOT && i->type != RS_DAT_CHECK)
			continue;
		if ((int64_t)(i->state.seq - seq) < 0)
			seq = i->state.seq;
		break;
	}
	rebase(o, seq);
}

static int sweep_fault_begin(struct rs_dat_order *o, uint64_t ticket)
{
	const struct rs_dat_item *i;
	uint64_t epoch = o->now;
	int ret = check_fault(o, ticket);

	i = at(o, ticket);
	if (!ret)
		ret = release_vcpu(o, i->ev.index);
	if (!ret && i->seq != RS_DAT_NO_SEQ && !o->by_time) {
		if (!o->based)
			base_on_fault(o, ticket);
		epoch = epoch_of(o, i->seq);
		/* It saw a number that only an end already entered can have made. */
		while (!ret && (int64_t)(epoch - o->now) > 0 && o->nr_open)
			ret = place_open_end(o);
		if ((int64_t)epoch < 0)
			epoch = o->now;
	}
	return ret ? ret : append(o, epoch, ticket);
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
	const uint64_t page = early->until;

	*to = RS_DAT_NO_TICKET;
	for (uint64_t t = ticket + 1; t < o->tail; t++) {
		const struct rs_dat_item *i = at(o, t);

		if (i->ev.time_ns > early->ev.time_ns + WINDOW_NS || i->type == RS_DAT_CHECK ||
		    i->type == RS_DAT_END)
			return 0;
		if (i->type != RS_DAT_SLOT)
			continue;
		if (epoch_of(o, i->state.seq) != o->now)
			return 0;
		if (page < i->state.start || page >= i->state.end)
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
	for (uint64_t t = ticket + 1; t < o->tail; t++) {
		const struct rs_dat_item *i = at(o, t);

		if (i->type == RS_DAT_END)
			return 0;
		if (i->type != RS_DAT_BEGIN && i->type != RS_DAT_SLOT && i->type != RS_DAT_CHECK)
			continue;
		*idle = i->state.in_progress == (i->type == RS_DAT_BEGIN);
		return 0;
	}
	return o->recorded_ns < at(o, ticket)->ev.time_ns + WINDOW_NS ? WAIT : 0;
}

/* A vCPU can spin without the lock for long, with nothing under the lock meanwhile. */
static int doubt_early(struct rs_dat_order *o, uint64_t ticket)
{
	bool idle = false;
	int ret = o->unsure && !o->reminded ? was_idle(o, ticket, &idle) : 0;

	return ret || idle ? ret : remind(o, at(o, ticket)->ev.time_ns);
}

static int sweep_early(struct rs_dat_order *o, uint64_t ticket)
{
	int ret = doubt_early(o, ticket);
	const struct rs_dat_item *i = at(o, ticket);
	const uint64_t epoch = early_epoch(o, i);
	uint64_t to;

	if (ret || epoch != o->now)
		return ret ? ret : append(o, epoch, ticket);
	if (!has_reason(o, i) && (int64_t)(epoch_of(o, i->state.seq) - o->now) <= 0) {
		ret = find_reason(o, ticket, &to);
		if (!ret && to != RS_DAT_NO_TICKET)
			ret = bring_locked(o, ticket, to);
		if (ret)
			return ret;
	}
	if (!has_reason(o, i))
		return push(&o->deferred, &o->nr_deferred, &o->room_deferred, ticket);
	return append(o, o->now, ticket);
}

static int sweep_item(struct rs_dat_order *o, uint64_t ticket)
{
	const struct rs_dat_item *i = at(o, ticket);

	if (i->placed)
		return 0;
	if (o->by_time && i->type != RS_DAT_FAULT_BEGIN && i->type != RS_DAT_MEMSLOT &&
	    i->type != RS_DAT_NONE)
		return append(o, o->now, ticket);
	switch (i->type) {
	case RS_DAT_NONE:
		return 0;
	case RS_DAT_ENTER:
		return sweep_enter(o, ticket);
	case RS_DAT_MISS_BEGIN:
		return sweep_miss(o, ticket);
	case RS_DAT_MISS_END:
		return sweep_miss_end(o, ticket);
	case RS_DAT_MEMSLOT:
		return sweep_memslot(o, ticket);
	case RS_DAT_BEGIN:
	case RS_DAT_SLOT:
	case RS_DAT_CHECK:
		return sweep_locked(o, ticket);
	case RS_DAT_END:
		return sweep_end(o, ticket);
	case RS_DAT_END_UNTIL:
		return sweep_end_until(o, at(o, ticket));
	case RS_DAT_FAULT_BEGIN:
		return sweep_fault_begin(o, ticket);
	case RS_DAT_CHECK_EARLY:
		return sweep_early(o, ticket);
	case RS_DAT_GAP_BEGIN_MARK:
	case RS_DAT_GAP_MARK:
	case RS_DAT_GAP_END_MARK:
		return sweep_gap(o, ticket);
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

static bool waited_enough(const struct rs_dat_order *o, const struct rs_dat_item *i)
{
	return o->tail - o->swept >= MAX_WAITING || o->recorded_ns > i->ev.time_ns + MAX_PENDING_NS;
}

/* Takes a pending item as it stands; a notifier call that nothing is known of is left out. */
static int give_up(struct rs_dat_order *o, struct rs_dat_item *i)
{
	i->pending = false;
	if (i->type == RS_DAT_MISS_BEGIN)
		i->type = RS_DAT_NONE;
	return note(o, "waited-too-long");
}

int rs_dat_order_advance(struct rs_dat_order *o, uint64_t now_ns, uint64_t *settled_ns)
{
	uint64_t horizon = now_ns;
	int ret = 0;

	o->recorded_ns = now_ns;
	while (o->swept < o->tail && !ret) {
		struct rs_dat_item *i = at(o, o->swept);

		if (i->pending) {
			horizon = i->ev.time_ns;
			if (!waited_enough(o, i))
				break;
			ret = give_up(o, i);
		}
		if (!ret)
			ret = sweep_item(o, o->swept);
		if (ret == WAIT) {
			horizon = i->ev.time_ns;
			ret = 0;
			break;
		}
		o->swept++;
	}
	drop_stale_maybe(o, now_ns);
	while (!ret && now_ns == UINT64_MAX && o->nr_open)
		ret = place_open_end(o);
	if (!ret && now_ns == UINT64_MAX)
		ret = release_deferred(o, RELEASE_ALL);
	horizon = earliest_waiting(o, horizon);
	if (now_ns == UINT64_MAX)
		o->settled = UINT64_MAX;
	else if (horizon > WINDOW_NS && horizon - WINDOW_NS > o->settled)
		o->settled = horizon - WINDOW_NS;
	*settled_ns = o->settled;
	return ret;
}

/* ---- out ---- */

static RS_SELDOM int grow_events(struct rs_dat_events *list)
{
	size_t room = list->room ? 2 * list->room : 4096;
	struct rs_event *bigger = realloc(list->ev, room * sizeof(*bigger));

	if (!bigger)
		return -ENOMEM;
	list->ev = bigger;
	list->room = room;
	return 0;
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
	to->index = (uint32_t)i->state.in_progress;
	to->arg = 0;
	to->a = i->state.seq;
	to->b = i->state.start;
	to->c = i->state.end;
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
		.a = UNSEEN_ID + o->unseen++,
		.c = ALL_GFNS,
	};

	separate_faults(o, out, ev.time_ns);
	emit(o, out, &ev);
	ev.type = RS_EV_INVAL_END;
	ev.flags = 0;
	ev.c = 0;
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
		e->head = i->next ? e->head + (uint64_t)i->next : RS_DAT_NO_TICKET;
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
	while (o->first < o->swept && at(o, o->first)->type == RS_DAT_NONE)
		o->first++;
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
