// SPDX-License-Identifier: GPL-2.0-only
/* Up to 5.11: no range, so whatever is in progress rejects every fault. */
#include "replay/algorithms/algorithms.h"

static int global_begin(void *state, const struct rs_inval *inv)
{
	struct rs_words *w = state;

	rs_bounded_begin(&w->kvm);
	return 0;
}

static unsigned int global_rejects(const void *state, const struct rs_fault *f, uint64_t snapshot)
{
	const struct rs_words *w = state;

	return rs_bounded_rejects_any(&w->kvm, snapshot);
}

static void global_explain(const void *state, const struct rs_fault *f, struct rs_reason *why)
{
	why->cause = RS_CAUSE_CONCURRENT;
}

static uint64_t global_blocked(void *state)
{
	const struct rs_words *w = state;

	return w->kvm.in_progress ? rs_vm_frames(w->vm) : 0;
}

static const struct rs_algo_ops global = {
	.info = {
		.name = "global",
		.kernels = "up to 5.11",
		.summary = "anything in progress rejects every fault",
		.colour = "#000000",
		.merged = true,
	},
	.place = 10,
	.in_all = RS_ALGO_ITSELF,
	.in_default = RS_ALGO_ITSELF,
	.in_price = RS_ALGO_ITSELF,
	.flags = RS_ALGO_SEQ_FIRST | RS_ALGO_NO_RANGE,
	.state_size = sizeof(struct rs_words),
	.init = rs_words_init,
	.begin = global_begin,
	.end = rs_words_finish,
	.drop = rs_words_drop,
	.rejects = global_rejects,
	.explain = global_explain,
	.blocked = global_blocked,
	.words = rs_words_get,
	.fixed_bytes = 16,
};

RS_ALGORITHMS(&global);
