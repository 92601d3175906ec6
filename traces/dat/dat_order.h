/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_DAT_DAT_ORDER_H
#define RS_TRACES_DAT_DAT_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "traces/dat/dat_items.h"
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

/* Its items, to which others are added; see rs_dat_items_add(). All but MEMSLOT. */
struct rs_dat_items *rs_dat_order_items(struct rs_dat_order *o);
/* A new item of @ev and its ticket; NULL if there is no memory. Valid until the next call. */
struct rs_dat_item *rs_dat_order_put(struct rs_dat_order *o, enum rs_dat_item_type type,
				     const struct rs_event *ev, bool pending, uint64_t *ticket);
/* Whether memslot (as, id) is there, as far as the commits put in so far say. */
bool rs_dat_order_has_memslot(const struct rs_dat_order *o, uint8_t as, uint32_t id);
/* What a range says of a page means nothing: whatever is in progress may be a reason. */
void rs_dat_order_set_no_range(struct rs_dat_order *o);
/* The host address of a frame, by the memslots in effect so far; 0: no such memslot. */
uint64_t rs_dat_order_hva(const struct rs_dat_order *o, uint8_t as, uint64_t gfn);

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
