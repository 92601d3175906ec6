// SPDX-License-Identifier: GPL-2.0-only
/*
 * One range of host virtual addresses. 5.12 (4a42d848db95) counted every
 * notifier call; from 5.15 (071064f14d87) on only those that hit a memslot.
 * What has no host address must block everything.
 */
#include "replay/algorithms/algorithms.h"

static int hva_begin(void *state, const struct rs_inval *inv)
{
	rs_words_begin_hva(state, inv);
	return 0;
}

static void hva_5_12_explain(const void *state, const struct rs_fault *f, struct rs_reason *why)
{
	const struct rs_words *w = state;

	why->cause = rs_invals_cause_hva(w->invals, f, RS_KIND_BOTH, true);
	why->space = RS_SPACE_HVA;
	why->one_range = true;
}

static const struct rs_algo_ops hva_5_12 = {
	.info = {
		.name = "hva-5.12",
		.kernels = "5.12 - 5.14",
		.summary = "one hva range, widened also by calls that hit no memslot",
		.merged = true,
	},
	.place = 20,
	.in_all = RS_ALGO_ITSELF,
	.flags = RS_ALGO_SEES_ALL | RS_ALGO_SEQ_FIRST,
	.state_size = sizeof(struct rs_words),
	.init = rs_words_init,
	.begin = hva_begin,
	.end = rs_words_finish,
	.drop = rs_words_drop,
	.rejects = rs_words_rejects_hva,
	.explain = hva_5_12_explain,
	.blocked = rs_words_blocked_hva,
	.words = rs_words_get,
	.fixed_bytes = 32,
};

static const struct rs_algo_ops hva = {
	.info = {
		.name = "hva",
		.kernels = "5.15 - 6.7",
		.summary = "one hva range; an invalidation of gfns makes it all addresses",
		.colour = "#0072b2",
		.merged = true,
	},
	.place = 30,
	.in_all = RS_ALGO_ITSELF,
	.in_default = RS_ALGO_ITSELF,
	.in_price = RS_ALGO_ITSELF,
	.flags = RS_ALGO_SEQ_FIRST,
	.state_size = sizeof(struct rs_words),
	.init = rs_words_init,
	.begin = hva_begin,
	.end = rs_words_finish,
	.drop = rs_words_drop,
	.rejects = rs_words_rejects_hva,
	.explain = rs_words_explain_hva,
	.blocked = rs_words_blocked_hva,
	.words = rs_words_get,
	.fixed_bytes = 32,
};

RS_ALGORITHMS(&hva_5_12, &hva);
