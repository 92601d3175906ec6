/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_MODEL_REASON_H
#define RS_REPLAY_MODEL_REASON_H

#include "replay/algorithm.h"
#include "replay/model/inval_table.h"

/*
 * The one cause of a needless rejection of @f by @a, for @why (RS_REJECT_*), and what the
 * algorithm says of it.
 */
RS_LOOP_PART void rs_reason_find(struct rs_invals *invals, const struct rs_algo *a,
				 const struct rs_fault *f, unsigned int why,
				 struct rs_reason *reason)
{
	*reason = (struct rs_reason){ .cause = RS_CAUSE_SEQ, .kinds = RS_KIND_BOTH };
	/* Before kinds differ, whatever is outstanding concerns shared faults, and all are that. */
	if (invals->kinds_differ && !(a->ops->flags & RS_ALGO_SPLIT) &&
	    rs_invals_other_kind(invals, f))
		reason->cause = RS_CAUSE_KIND;
	else if (why & RS_REJECT_RANGE)
		a->ops->explain(a->state, f, reason);
}

#endif
