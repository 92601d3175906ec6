// SPDX-License-Identifier: GPL-2.0-only
/*
 * As posted in v6 of the series (May 2022): the hva range for shared memory. A private
 * fault asks the global question. An invalidation of private memory is one step under
 * mmu_lock, which raises the sequence count: between that and the end of the truncation
 * nothing keeps a private page from being mapped again. v6 relied on the page lock that its
 * look-ups held; those of the guest_memfd that was merged hold none.
 */
#include "replay/algorithms/algorithms.h"

static int v6_begin(void *state, const struct rs_inval *inv)
{
	struct rs_words *w = state;

	if (inv->filter == RS_KIND_PRIVATE)
		w->kvm.seq++;
	else
		rs_words_begin_hva(w, inv);
	return 0;
}

static void v6_end(void *state, const struct rs_inval *inv)
{
	if (inv->filter != RS_KIND_PRIVATE)
		rs_words_finish(state, inv);
}

static void v6_explain(const void *state, const struct rs_fault *f, struct rs_reason *why)
{
	const struct rs_words *w = state;

	why->cause = rs_invals_cause_hva(w->invals, f, RS_KIND_SHARED, false);
	why->space = RS_SPACE_HVA;
	why->kinds = RS_KIND_SHARED;
}

static const struct rs_algo_ops hva_v6 = {
	.info = {
		.name = "hva-v6",
		.kernels = "posted as v6, never merged",
		.summary = "one hva range; private faults ask whether anything is in progress",
		.misses = RS_MISSES_ONE_STEP,
	},
	.place = 55,
	.in_all = RS_ALGO_ITSELF,
	.flags = RS_ALGO_SEQ_FIRST | RS_ALGO_ONE_STEP,
	.state_size = sizeof(struct rs_words),
	.init = rs_words_init,
	.begin = v6_begin,
	.end = v6_end,
	.drop = rs_words_drop,
	.rejects = rs_words_rejects_hva,
	.explain = v6_explain,
	.blocked = rs_words_blocked_hva,
	.fixed_bytes = 32,
};

RS_ALGORITHMS(&hva_v6);
