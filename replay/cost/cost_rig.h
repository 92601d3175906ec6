/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_COST_COST_RIG_H
#define RS_REPLAY_COST_COST_RIG_H

#include "replay/cost/cost.h"

/* For the files that measure costs; others see replay/cost/cost.h. */

#define RS_COST_BATCH 256   /* invalidations that are kept ready */
#define RS_COST_FAULTS 1024 /* a power of two */

struct rs_cost_rig {
	struct rs_vm *vm;
	struct rs_invals *invals;
	struct rs_algo algo;
	struct rs_cost_setting set;
	struct rs_inval *ready; /* outstanding + RS_COST_BATCH; the first are in progress */
	uint32_t nr_ready;
	struct rs_fault faults[RS_COST_FAULTS];
	uint64_t random;
	uint64_t slot_pages;
	size_t rest_bytes, peak_bytes;
};

/* Those that are not in progress. */
static inline struct rs_inval *rs_cost_spare(struct rs_cost_rig *r)
{
	return r->ready + r->set.outstanding;
}

/* Begins @inv and shows it its slots. 0 or -ENOMEM. */
int rs_cost_begin_all(struct rs_cost_rig *r, const struct rs_inval *inv);

/* RS_REJECT_* of fault @i, modulo how many there are. */
static inline unsigned int rs_cost_check(const struct rs_cost_rig *r, uint64_t i, uint64_t snapshot)
{
	return r->algo.ops->rejects(r->algo.state, &r->faults[i % RS_COST_FAULTS], snapshot);
}

#endif
