// SPDX-License-Identifier: GPL-2.0-only
/* 6.8 on (8569992d64b8): one range of guest frames, made from every memslot hit. */
#include "replay/algorithms/algorithms.h"

static int gfn_begin(void *state, const struct rs_inval *inv)
{
	struct rs_words *w = state;

	rs_bounded_begin(&w->kvm);
	rs_words_add_span(w, inv);
	return 0;
}

static int gfn_slot(void *state, const struct rs_inval *inv, const struct rs_hit *hit)
{
	struct rs_words *w = state;

	rs_bounded_add(&w->kvm, hit->gfns.start, hit->gfns.end);
	return 0;
}

static const struct rs_algo_ops gfn = {
	.info = {
		.name = "gfn",
		.kernels = "6.8 on",
		.summary = "one gfn range, made from every memslot hit",
		.colour = "#d55e00",
		.merged = true,
	},
	.place = 50,
	.in_all = RS_ALGO_ITSELF,
	.in_default = RS_ALGO_ITSELF,
	.in_price = RS_ALGO_ITSELF,
	.flags = RS_ALGO_SEQ_FIRST,
	.state_size = sizeof(struct rs_words),
	.init = rs_words_init,
	.begin = gfn_begin,
	.slot = gfn_slot,
	.end = rs_words_finish,
	.drop = rs_words_drop,
	.rejects = rs_words_rejects_gfn,
	.explain = rs_words_explain_one_gfn,
	.blocked = rs_words_blocked_gfn,
	.words = rs_words_get,
	.fixed_bytes = 32,
};

RS_ALGORITHMS(&gfn);
