/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_DAT_DAT_ORDER_H
#define RS_TRACES_DAT_DAT_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "traces/event.h"
#include "traces/trace.h"

/*
 * The order of one VM's events. What the recorder saw comes in, item by item, in
 * the order of time; what the model wants comes out in the order in which it
 * happened.
 *
 * Every end of an invalidation makes the kernel's sequence number one larger, so
 * the ends divide a VM's life into epochs, and an item that carries a sequence
 * number says itself to which epoch it belongs, whatever its time says. Within
 * an epoch, and for what carries no number, the time decides; the end comes last
 * in its epoch.
 *
 * An item whose meaning is decided later (a fault's epoch is known only at its
 * check) is put in as pending and completed through its ticket. Nothing behind a
 * pending item is put in order.
 */
enum rs_dat_item_type {
	RS_DAT_NONE,	   /* came to nothing */
	RS_DAT_ENTER,	   /* a notifier call is entered that hits memslots */
	RS_DAT_MISS_BEGIN, /* one that hits none is entered, and left */
	RS_DAT_MISS_END,
	RS_DAT_HIT, /* a memslot that is hit by none: where an INVAL_SLOT says */
	RS_DAT_BEGIN,
	RS_DAT_SLOT,	  /* has a state: an observation under the lock */
	RS_DAT_END,	  /* seq known: exactly here; else at some time until @until_ns */
	RS_DAT_END_UNTIL, /* by now the end whose ticket is @end has happened */
	RS_DAT_FAULT_BEGIN,
	RS_DAT_CHECK,	    /* has a state: an observation under the lock */
	RS_DAT_CHECK_EARLY, /* a decision made without the lock */
	RS_DAT_PLAIN,	    /* has its time alone */
	RS_DAT_MEMSLOT,
	RS_DAT_GAP_BEGIN_MARK, /* events were lost from here on, ... */
	RS_DAT_GAP_MARK,       /* ... here as well, ... */
	RS_DAT_GAP_END_MARK,   /* ... up to here */
};

#define RS_DAT_NO_SEQ UINT64_MAX
#define RS_DAT_NO_TICKET UINT64_MAX
/* Guest frames up to here are all: no guest has those behind it. */
#define RS_DAT_ALL_GFNS (1ULL << 52)

struct rs_dat_state {
	uint64_t seq, in_progress, start, end;
};

/* Through which memslot a fault went, as far as known. */
struct rs_dat_through {
	uint64_t since_ns; /* looked up at some time from here on */
	uint64_t hva;	   /* 0: not known */
	uint32_t id;
	bool has_id;
};

struct rs_dat_item {
	struct rs_event ev;	    /* its time is the item's */
	uint64_t seq;		    /* the number of its epoch, or RS_DAT_NO_SEQ */
	union {			    /* RS_DAT_NO_TICKET where nothing was set */
		uint64_t until_ns;  /* END: the time by which it has happened */
		uint64_t end;	    /* END_UNTIL: the end's ticket */
		uint64_t next_slot; /* ENTER, SLOT: the ticket of the call's next SLOT */
		uint64_t page;	    /* CHECK, CHECK_EARLY: gfn or hva, as in its state */
		uint64_t check;	    /* FAULT_BEGIN: the CHECK's ticket, if it found no memslot */
	};
	union {
		struct rs_dat_state state;     /* BEGIN, SLOT, CHECK; CHECK_EARLY: at its begin */
		struct rs_dat_through through; /* FAULT_BEGIN */
	};
	uint8_t type;
	bool pending;
	/* Used by the order alone, as all that follows. */
	bool placed;	    /* in the order before its turn came */
	bool maybe;	    /* END: perhaps that of an invalidation that hit nothing */
	int32_t next, prev; /* in its epoch: tickets from its own one on, 0: none */
	uint64_t epoch;	    /* where it is in the order ... */
	uint64_t vcpu_prev; /* ... and its vCPU's item before */
};

_Static_assert(sizeof(struct rs_dat_item) == 128, "two cache lines; found by a shift");

/*
 * The memslots that a VM had and that no commit in the trace made: the @n of @list
 * (the order's to free), each from its time on. 0 or -ENOMEM.
 */
struct rs_dat_learner {
	void *arg;
	int (*learn)(void *arg, struct rs_event **list, size_t *n);
};

struct rs_dat_order;

/*
 * For VM @vm; @meta gets the anomalies. With @by_time the numbers are of no use,
 * because not all invalidations are known. NULL if there is no memory.
 */
struct rs_dat_order *rs_dat_order_new(struct rs_trace_meta *meta, uint32_t vm, bool by_time,
				      const struct rs_dat_learner *learner);
void rs_dat_order_free(struct rs_dat_order *o);

/* A new item and its ticket; NULL if there is no memory. Valid until the next call. */
struct rs_dat_item *rs_dat_order_put(struct rs_dat_order *o, enum rs_dat_item_type type,
				     const struct rs_event *ev, bool pending, uint64_t *ticket);
/* Whether memslot (as, id) is there, as far as the commits put in so far say. */
bool rs_dat_order_has_memslot(const struct rs_dat_order *o, uint8_t as, uint32_t id);
/* The item of a ticket; NULL if it has been put in order already. */
struct rs_dat_item *rs_dat_order_item(struct rs_dat_order *o, uint64_t ticket);

/*
 * Puts in order what can be: recorded time has come to @now_ns, which is
 * UINT64_MAX at the end of the trace. Returns up to which time the order is
 * settled.
 */
int rs_dat_order_advance(struct rs_dat_order *o, uint64_t now_ns, uint64_t *settled_ns);
/* A list of events that grows; @ev is freed by its owner. */
struct rs_dat_events {
	struct rs_event *ev;
	size_t nr, room;
};
/* Appends @ev. 0 or -ENOMEM. */
int rs_dat_events_add(struct rs_dat_events *list, const struct rs_event *ev);

/* Appends the model's events up to @until_ns, at most what is settled, to @out. 0 or -ENOMEM. */
int rs_dat_order_take(struct rs_dat_order *o, uint64_t until_ns, struct rs_dat_events *out);

#endif
