/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_DAT_DAT_ORDER_INTERNAL_H
#define RS_TRACES_DAT_DAT_ORDER_INTERNAL_H

#include <errno.h>

#include "base/inline.h"
#include "traces/dat/dat_order.h"
#include "traces/dat/dat_slots.h"

/* What the parts of the order share: its items one by one, their epochs, the memslots. */

/*
 * How far the order lags behind the recording: an item that belongs to an
 * earlier epoch than its time says is expected within this time.
 */
#define WINDOW_NS 50000000ULL
/* So many items may wait for a pending one; then that is taken as it stands. */
#define MAX_WAITING (1U << 19)
/* How many epochs a number may be ahead of the ends seen. */
#define MAX_AHEAD (1U << 12)

/* Of what an item needs: it may still be recorded. */
#define WAIT 1

struct epoch {
	uint64_t head, tail; /* its items, by ticket */
	uint64_t end;	     /* of the end that closes it */
};

struct rs_dat_order {
	struct rs_trace_meta *meta;
	uint32_t vm;
	bool by_time, no_range;
	struct rs_dat_learner learner;
	struct rs_event *learned; /* [used, nr): not yet in effect */
	size_t nr_learned, used_learned;
	bool asked;

	struct rs_dat_items items;

	struct epoch *epochs;
	uint64_t epoch_mask, emitting, now; /* epochs, counted from 0 */
	uint64_t base;			    /* the kernel's number of epoch 0 */
	bool based;
	unsigned int gaps; /* recordings of CPUs that are interrupted now */
	bool loose;	   /* some were since the last observation */
	bool unsure;	   /* what is in progress is not known ... */
	bool reminded;	   /* ... and the model was told so, last at this time */
	uint64_t reminded_ns;
	bool paused; /* the last interruption was wanted */

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

static inline int note(struct rs_dat_order *o, const char *anomaly)
{
	return rs_meta_add_anomaly(o->meta, anomaly, 1);
}

/* What is no wonder where events were lost, and said by that already. */
static inline int note_unless_lost(struct rs_dat_order *o, const char *anomaly)
{
	return o->gaps || o->loose ? 0 : note(o, anomaly);
}

static inline struct rs_dat_item *at(struct rs_dat_order *o, uint64_t ticket)
{
	return rs_dat_items_at(&o->items, ticket);
}

/* The item behind @i, whose ticket is @ticket, in its epoch; or RS_DAT_NO_TICKET. */
static inline uint64_t next_of(const struct rs_dat_item *i, uint64_t ticket)
{
	return i->next ? ticket + (uint64_t)i->next : RS_DAT_NO_TICKET;
}

static inline struct epoch *epoch_at(struct rs_dat_order *o, uint64_t n)
{
	return &o->epochs[n & o->epoch_mask];
}

static inline void clear_epoch(struct epoch *e)
{
	*e = (struct epoch){ RS_DAT_NO_TICKET, RS_DAT_NO_TICKET, RS_DAT_NO_TICKET };
}

/* ---- items ---- */

/* A new item at the end of the ring, of an event that was not recorded; NULL: no memory. */
struct rs_dat_item *rs_dat_order_put_own(struct rs_dat_order *o, enum rs_dat_item_type type,
					 const struct rs_event *ev, uint64_t *ticket);
/* A list of tickets that grows. 0 or -ENOMEM. */
int rs_dat_order_push(uint64_t **list, size_t *nr, size_t *room, uint64_t ticket);

/* ---- epochs ---- */

/* Puts an item in order, last in @epoch or where its vCPU's items require. 0 or -ENOMEM. */
int rs_dat_order_append(struct rs_dat_order *o, uint64_t epoch, uint64_t ticket);
/* An event that was not recorded, in the order now. */
int rs_dat_order_append_own(struct rs_dat_order *o, enum rs_dat_item_type type, struct rs_event ev);
/* What is outstanding is not known: the model has to start anew. */
int rs_dat_order_append_lost(struct rs_dat_order *o, uint64_t time_ns, uint64_t count);

/* Does so, unless it did within 5 ms before @now_ns. 0 or -ENOMEM. */
int rs_dat_order_remind_unsure(struct rs_dat_order *o, uint64_t time_ns, uint64_t now_ns);

/*
 * What comes next, at @time_ns, tells nothing of what is in progress: as long as that
 * is not known, the model must not rely on what it has seen.
 */
static inline int rs_dat_order_remind(struct rs_dat_order *o, uint64_t time_ns)
{
	return o->unsure ? rs_dat_order_remind_unsure(o, time_ns, time_ns) : 0;
}

/*
 * Whether there is a reason by now to reject the fault: what was last seen under
 * the lock covers its page, or an end has come since it began. The count and the
 * range are raised just before the memslot's walk is recorded, so the reason can
 * come a moment after the decision.
 */
bool rs_dat_order_has_reason(struct rs_dat_order *o, const struct rs_dat_item *i);
/* Where a decision belongs that has no reason of its own. */
uint64_t rs_dat_order_early_epoch(struct rs_dat_order *o, const struct rs_dat_item *i);

enum rs_dat_release { RS_DAT_RELEASE_REASON, RS_DAT_RELEASE_EPOCH, RS_DAT_RELEASE_ALL };

/*
 * Appends those deferred that have their reason now, those that belong to this
 * epoch, which is about to end, or all.
 */
int rs_dat_order_release_some(struct rs_dat_order *o, enum rs_dat_release which);
/* Appends those of @vcpu: it has gone on. */
int rs_dat_order_release_vcpu(struct rs_dat_order *o, uint32_t vcpu);

static inline int rs_dat_order_release_deferred(struct rs_dat_order *o, enum rs_dat_release which)
{
	return o->nr_deferred ? rs_dat_order_release_some(o, which) : 0;
}

/* The end @ticket closes the present epoch. */
int rs_dat_order_place_end(struct rs_dat_order *o, uint64_t ticket);
/* Of the ends that may have happened: the one that must have happened first. */
int rs_dat_order_place_open_end(struct rs_dat_order *o);
/* Leaves out those ends that may not have been any, and by what was seen were not. */
void rs_dat_order_drop_maybe(struct rs_dat_order *o, uint64_t time_ns);
/* Nothing was seen for long that tells whether they were: the next number decides. */
void rs_dat_order_drop_stale_maybe(struct rs_dat_order *o, uint64_t now_ns);

/* The numbers start anew: what was known of them is of no use. */
static inline void rs_dat_order_rebase(struct rs_dat_order *o, uint64_t seq)
{
	o->based = true;
	o->base = seq - o->now;
}

/* Behind a loss: the number is @seq now, and all ends before have happened. 0 or -ENOMEM. */
int rs_dat_order_renumber(struct rs_dat_order *o, uint64_t seq);

/* The number of the epoch @seq of the kernel; the first one seen sets the base. */
static inline uint64_t rs_dat_order_epoch_of(struct rs_dat_order *o, uint64_t seq)
{
	if (!o->based) {
		o->based = true;
		o->base = seq - o->now;
	}
	return seq - o->base;
}

/* The kernel was at @seq under the lock, so all ends before have happened. */
int rs_dat_order_catch_up(struct rs_dat_order *o, uint64_t seq, uint64_t time_ns, uint64_t *epoch);

/* The same with less to do where they are those seen, as they mostly are. */
static inline int rs_dat_order_observe(struct rs_dat_order *o, uint64_t seq, uint64_t time_ns,
				       uint64_t *epoch)
{
	if (o->loose || o->gaps || !o->based || seq - o->base != o->now)
		return rs_dat_order_catch_up(o, seq, time_ns, epoch);
	*epoch = o->now;
	if (o->nr_open)
		rs_dat_order_drop_maybe(o, time_ns);
	return 0;
}

/* ---- memslots: 0, -ENOMEM, or WAIT ---- */

/* The turn of an item has come: a commit, a notifier call, a fault that begins. */
int rs_dat_order_sweep_memslot(struct rs_dat_order *o, uint64_t ticket);
int rs_dat_order_sweep_enter(struct rs_dat_order *o, uint64_t ticket);
int rs_dat_order_sweep_hit(struct rs_dat_order *o, uint64_t ticket);
int rs_dat_order_sweep_miss(struct rs_dat_order *o, uint64_t ticket);
int rs_dat_order_sweep_miss_end(struct rs_dat_order *o, uint64_t ticket);
int rs_dat_order_check_fault(struct rs_dat_order *o, uint64_t ticket);

/* ---- faults that found no memslot ---- */

/* What the begin @i of a fault tells of memslots. */
void rs_dat_order_evidence_of(const struct rs_dat_item *i, struct rs_dat_evidence *e);
/*
 * If @ticket is the begin of a fault that found no memslot where one has been made since, or
 * is about to go: the kernel asked for no range, and the model, which looks the memslot up at
 * the begin, would. Its check is left without a decision; the verdict may still be to come.
 * 0 or -ENOMEM.
 */
int rs_dat_order_end_unfound(struct rs_dat_order *o, uint64_t ticket);

#endif
