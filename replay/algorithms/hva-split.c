// SPDX-License-Identifier: GPL-2.0-only
/*
 * As sketched in the review of v6 (17 June 2022): the hva range for shared memory, and a
 * sequence count of its own for private memory, at which private faults look and at nothing
 * else. An invalidation of private memory raises it once, at its begin; one of both is in
 * progress for shared faults, and counts for private ones at its begin and its end.
 */
#include "replay/algorithms/algorithms.h"

/*
 * Two sequence counts in the one word that a fault keeps, of shared and of private mappings.
 * They wrap, as a fault cannot be under way for so long that it would be seen.
 */
union two_seqs {
	uint64_t both;
	uint32_t of[RS_BOUNDED_KINDS];
};

static void raise_seqs(union two_seqs *s, unsigned int kinds)
{
	s->of[0] += kinds & 1;
	s->of[1] += kinds >> 1 & 1;
}

struct split {
	union two_seqs seqs;	/* first: RS_ALGO_SEQ_FIRST */
	struct rs_words shared; /* its own count is not used */
};

static int split_init(void *state, const struct rs_algo_env *env, uint64_t param)
{
	struct split *s = state;

	return rs_words_init(&s->shared, env, param);
}

static int split_begin(void *state, const struct rs_inval *inv)
{
	struct split *s = state;

	if (inv->filter & RS_KIND_PRIVATE)
		raise_seqs(&s->seqs, RS_KIND_PRIVATE);
	if (inv->filter & RS_KIND_SHARED)
		rs_words_begin_hva(&s->shared, inv);
	return 0;
}

static void split_end(void *state, const struct rs_inval *inv)
{
	struct split *s = state;

	if (inv->filter == RS_KIND_PRIVATE)
		return;
	rs_words_finish(&s->shared, inv);
	raise_seqs(&s->seqs, inv->filter);
}

static void split_drop(void *state)
{
	struct split *s = state;

	rs_words_drop(&s->shared);
}

static unsigned int split_rejects(const void *state, const struct rs_fault *f, uint64_t snapshot)
{
	const struct split *s = state;
	const union two_seqs then = { .both = snapshot };
	const unsigned int i = rs_fault_is_private(f);
	const unsigned int seq = s->seqs.of[i] != then.of[i] ? RS_REJECT_SEQ : 0;

	if (i)
		return seq;
	return (s->shared.kvm.in_progress && rs_range_has(&s->shared.kvm.range, f->hva)
			? RS_REJECT_RANGE
			: 0) |
	       seq;
}

static void split_explain(const void *state, const struct rs_fault *f, struct rs_reason *why)
{
	const struct split *s = state;

	why->cause = rs_invals_cause_hva(s->shared.invals, f, RS_KIND_SHARED, false);
	why->space = RS_SPACE_HVA;
	why->kinds = RS_KIND_SHARED;
}

static uint64_t split_blocked(void *state)
{
	struct split *s = state;

	return rs_words_blocked_hva(&s->shared);
}

static const struct rs_algo_ops hva_split = {
	.info = {
		.name = "hva-split",
		.kernels = "sketched for v6, never merged",
		.summary = "one hva range for shared faults; private ones have a count of their own",
		.misses = RS_MISSES_ONE_STEP,
	},
	.place = 60,
	.in_all = RS_ALGO_ITSELF,
	.flags = RS_ALGO_SEQ_FIRST | RS_ALGO_SPLIT | RS_ALGO_ONE_STEP,
	.state_size = sizeof(struct split),
	.init = split_init,
	.begin = split_begin,
	.end = split_end,
	.drop = split_drop,
	.rejects = split_rejects,
	.explain = split_explain,
	.blocked = split_blocked,
	.fixed_bytes = 40,
};

RS_ALGORITHMS(&hva_split);
