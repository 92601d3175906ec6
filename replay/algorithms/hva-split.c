// SPDX-License-Identifier: GPL-2.0-only
/*
 * As in v6 of the series: the hva range for what has host addresses, and a
 * count of its own for what has none, which rejects everything.
 */
#include "replay/algorithms/algorithms.h"

struct split {
	struct rs_words words; /* of hva invalidations; its seq counts both */
	uint64_t gfns;	       /* gfn invalidations in progress */
};

static int split_begin(void *state, const struct rs_inval *inv)
{
	struct split *s = state;

	if (inv->gfn) {
		s->gfns++;
		return 0;
	}
	rs_words_begin(&s->words);
	rs_range_widen(&s->words.range, inv->range.start, inv->range.end);
	return 0;
}

static void split_end(void *state, const struct rs_inval *inv)
{
	struct split *s = state;

	if (inv->gfn) {
		s->gfns--;
		s->words.seq++;
		return;
	}
	rs_words_end(&s->words);
}

static void split_drop(void *state)
{
	struct split *s = state;

	s->gfns = 0;
	rs_words_drop(&s->words);
}

static unsigned int split_rejects(const void *state, const struct rs_fault *f, uint64_t snapshot)
{
	const struct split *s = state;

	return rs_words_rejects_hva(&s->words, f, snapshot) | (s->gfns ? RS_REJECT_RANGE : 0);
}

static uint64_t split_blocked(void *state)
{
	struct split *s = state;

	return s->gfns ? rs_vm_frames(s->words.vm) : rs_words_blocked_hva(&s->words);
}

static const struct rs_algo_ops hva_split = {
	.info = {
		.name = "hva-split",
		.kernels = "posted as v6, never merged",
		.summary = "one hva range; a gfn invalidation in progress rejects everything",
	},
	.place = 60,
	.in_all = RS_ALGO_ITSELF,
	.flags = RS_ALGO_SEQ_FIRST,
	.state_size = sizeof(struct split),
	.init = rs_words_init,
	.begin = split_begin,
	.end = split_end,
	.drop = split_drop,
	.rejects = split_rejects,
	.explain = rs_words_explain_hva,
	.blocked = split_blocked,
	.fixed_bytes = 40,
};

RS_ALGORITHMS(&hva_split);
