// SPDX-License-Identifier: GPL-2.0-only
#include "traces/dat/dat_order_internal.h"

void rs_dat_order_evidence_of(const struct rs_dat_item *i, struct rs_dat_evidence *e)
{
	*e = (struct rs_dat_evidence){
		.by = RS_DAT_SEEN_FAULT,
		.gfn = i->ev.fault.gfn,
		.as = i->ev.as,
		.since_ns = i->through.since_ns,
		.hva = i->through.hva,
		.id = i->through.id,
		.has_id = i->through.has_id,
	};
}

int rs_dat_order_end_unfound(struct rs_dat_order *o, uint64_t ticket)
{
	struct rs_dat_item *i = at(o, ticket), *check;
	struct rs_dat_evidence e;

	if (i->type != RS_DAT_FAULT_BEGIN || i->check == RS_DAT_NO_TICKET ||
	    i->check < o->items.first)
		return 0;
	rs_dat_order_evidence_of(i, &e);
	if (!rs_dat_slots_have_one(o->slots, &e))
		return 0;
	check = at(o, i->check);
	check->ev.fault.reason =
		check->ev.result == RS_RES_RETRY || (check->ev.type == RS_EV_FAULT_END &&
						     check->ev.fault.reason == RS_END_ROOT_OBSOLETE)
			? RS_END_ROOT_OBSOLETE
			: RS_END_PLAIN;
	check->ev.type = RS_EV_FAULT_END;
	check->ev.result = 0;
	i->check = RS_DAT_NO_TICKET;
	return note(o, "memslot-after-look-up");
}
