/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_DAT_DAT_ITEMS_H
#define RS_TRACES_DAT_DAT_ITEMS_H

#include <stdbool.h>
#include <stdint.h>

#include "traces/event.h"

/*
 * What the order of a VM's events (dat_order.h) is made of. An item is found by its ticket,
 * which counts up for ever, as long as it is in the ring.
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
	RS_DAT_DOUBT,	       /* of a call that began unseen: it is in progress */
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
	bool maybe;	    /* END: perhaps that of an invalidation that hit nothing; */
			    /* BEGIN: perhaps of one that was in progress before */
	int32_t next, prev; /* in its epoch: tickets from its own one on, 0: none */
	uint64_t epoch;	    /* where it is in the order ... */
	uint64_t vcpu_prev; /* ... and its vCPU's item before */
};

_Static_assert(sizeof(struct rs_dat_item) == 128, "two cache lines; found by a shift");

/* A ring; all by ticket. */
struct rs_dat_items {
	struct rs_dat_item *v;
	uint64_t mask;
	uint64_t first, tail; /* those that there are */
	uint64_t swept;	      /* those before it have been put in order */
};

/* All zero, and freed by rs_dat_items_free(). 0 or -ENOMEM. */
int rs_dat_items_init(struct rs_dat_items *items);
void rs_dat_items_free(struct rs_dat_items *items);
/* Room for more. 0 or -ENOMEM. */
int rs_dat_items_grow(struct rs_dat_items *items);

/* One that there is. */
static inline struct rs_dat_item *rs_dat_items_at(const struct rs_dat_items *items, uint64_t ticket)
{
	return &items->v[ticket & items->mask];
}

/* NULL if it has been put in order already, or there never was one. */
static inline struct rs_dat_item *rs_dat_items_find(const struct rs_dat_items *items,
						    uint64_t ticket)
{
	return ticket >= items->swept && ticket < items->tail ? rs_dat_items_at(items, ticket)
							      : NULL;
}

/*
 * A new one and, where @ticket is not NULL, its ticket; valid until the next is added. NULL:
 * no memory. Its event, all of it, is for the caller to set. One is added for nearly every
 * record of a trace: as a call it took 1 % more instructions of an import.
 */
static inline struct rs_dat_item *rs_dat_items_add(struct rs_dat_items *items,
						   enum rs_dat_item_type type, bool pending,
						   uint64_t *ticket)
{
	struct rs_dat_item *i;

	if (items->tail - items->first > items->mask && rs_dat_items_grow(items))
		return NULL;
	if (ticket)
		*ticket = items->tail;
	i = rs_dat_items_at(items, items->tail++);
	/* One by one: what the order alone uses is set when it is. */
	i->seq = RS_DAT_NO_SEQ;
	i->next_slot = RS_DAT_NO_TICKET;
	i->state = (struct rs_dat_state){ 0 };
	i->type = (uint8_t)type;
	i->pending = pending;
	i->placed = false;
	i->maybe = false;
	return i;
}

#endif
