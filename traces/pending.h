/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_PENDING_H
#define RS_TRACES_PENDING_H

#include <stdbool.h>

#include "traces/event.h"
#include "traces/idset.h"

/*
 * What of a stream waits for a later event: invalidations for their end, faults
 * for their check, a recorded state for the event that it belongs to. Where
 * nothing does, the stream can be taken up with its memslots alone.
 */
struct rs_pending_vm;

struct rs_pending {
	struct rs_idset invals;
	struct rs_idset places; /* of the VMs in vms[] */
	struct rs_pending_vm **vms;
	size_t nr_vms;
	struct rs_pending_vm *last;
	uint64_t nr; /* faults and states */
};

/* Takes the next @n events, which are well-formed. @p starts as all zero. 0 or -ENOMEM. */
int rs_pending_note(struct rs_pending *p, const struct rs_event *evs, size_t n);
bool rs_pending_none(const struct rs_pending *p);
void rs_pending_free(struct rs_pending *p);

#endif
