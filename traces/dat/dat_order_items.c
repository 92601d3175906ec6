// SPDX-License-Identifier: GPL-2.0-only
/* Items that come with an event of their own, and lists of tickets. */
#include <stdlib.h>

#include "base/array.h"
#include "traces/dat/dat_order_internal.h"

int rs_dat_order_push(uint64_t **list, size_t *nr, size_t *room, uint64_t ticket)
{
	if (RS_ROOM(*list, *room, *nr + 1))
		return -ENOMEM;
	(*list)[(*nr)++] = ticket;
	return 0;
}

struct rs_dat_items *rs_dat_order_items(struct rs_dat_order *o)
{
	return &o->items;
}

static struct rs_dat_item *put(struct rs_dat_order *o, enum rs_dat_item_type type,
			       const struct rs_event *ev, bool pending, uint64_t *ticket)
{
	struct rs_dat_item *i = rs_dat_items_add(&o->items, type, pending, ticket);

	if (i)
		i->ev = *ev;
	return i;
}

struct rs_dat_item *rs_dat_order_put(struct rs_dat_order *o, enum rs_dat_item_type type,
				     const struct rs_event *ev, bool pending, uint64_t *ticket)
{
	if (type == RS_DAT_MEMSLOT && rs_dat_slots_commit(o->slots, ev, o->items.tail))
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

void rs_dat_order_set_no_range(struct rs_dat_order *o)
{
	o->no_range = true;
}

uint64_t rs_dat_order_hva(const struct rs_dat_order *o, uint8_t as, uint64_t gfn)
{
	return rs_dat_slots_hva(o->slots, as, gfn);
}
