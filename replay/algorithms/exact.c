// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lower bound: rejects what is necessary and nothing else. No kernel could
 * afford it: it remembers every invalidation that ended since a fault began.
 */
#include "replay/algorithms/algorithms.h"

struct exact {
	struct rs_invals *invals;
};

static int exact_init(void *state, const struct rs_algo_env *env, uint64_t param)
{
	struct exact *e = state;

	e->invals = env->invals;
	return 0;
}

static unsigned int exact_rejects(const void *state, const struct rs_fault *f, uint64_t snapshot)
{
	const struct exact *e = state;

	return f->necessary || rs_invals_cover(e->invals, f, f->kind) ? RS_REJECT_RANGE : 0;
}

static uint64_t exact_blocked(void *state)
{
	const struct exact *e = state;

	return rs_invals_covered_frames(e->invals);
}

static size_t exact_bytes(const void *state)
{
	const struct exact *e = state;

	return 24 + 32 * (size_t)rs_invals_nr_hit(e->invals);
}

static const struct rs_algo_ops exact = {
	.info = {
		.name = "exact",
		.kernels = "lower bound",
		.summary = "rejects exactly the faults that must be retried",
		.colour = "#009e73",
	},
	.place = 120,
	.in_all = RS_ALGO_ITSELF,
	.in_default = RS_ALGO_ITSELF,
	.flags = RS_ALGO_BOUND,
	.state_size = sizeof(struct exact),
	.init = exact_init,
	.rejects = exact_rejects,
	.blocked = exact_blocked,
	.bytes = exact_bytes,
};

RS_ALGORITHMS(&exact);
