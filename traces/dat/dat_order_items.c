// SPDX-License-Identifier: GPL-2.0-only
/* The order's items: a ring that holds those which may still be asked for by their tickets. */
#include <stdlib.h>

#include "base/array.h"
#include "traces/dat/dat_order_internal.h"

/* So many items are not in memory at once: 128 GiB. Their distance is an int32_t. */
#define MAX_ITEMS (1U << 30)

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

int rs_dat_order_push(uint64_t **list, size_t *nr, size_t *room, uint64_t ticket)
{
	if (RS_ROOM(*list, *room, *nr + 1))
		return -ENOMEM;
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
	i->next_slot = RS_DAT_NO_TICKET;
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

struct rs_dat_item *rs_dat_order_put_own(struct rs_dat_order *o, enum rs_dat_item_type type,
					 const struct rs_event *ev, uint64_t *ticket)
{
	struct rs_dat_item *i = put(o, type, ev, false, ticket);

	if (i)
		i->placed = true;
	return i;
}

bool rs_dat_order_has_memslot(const struct rs_dat_order *o, uint8_t as, uint32_t id)
{
	return rs_dat_slots_will_have(o->slots, as, id);
}

struct rs_dat_item *rs_dat_order_item(struct rs_dat_order *o, uint64_t ticket)
{
	return ticket >= o->swept && ticket < o->tail ? at(o, ticket) : NULL;
}
