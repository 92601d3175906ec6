// SPDX-License-Identifier: GPL-2.0-only
/*
 * What-if: the words of gfn twice, for shared and for private faults. An invalidation is in
 * those that it concerns, and a fault looks at those of its kind. The words of gfn itself are
 * kept beside them: a fault has their sequence, and captures are held against them.
 */
#include "replay/algorithms/algorithms.h"

struct split {
	struct rs_words all;				 /* first: RS_ALGO_SEQ_FIRST */
	struct rs_bounded_half halves[RS_BOUNDED_KINDS]; /* of shared, of private mappings */
};

static int split_begin(void *state, const struct rs_inval *inv)
{
	struct split *s = state;

	rs_bounded_begin(&s->all.kvm);
	rs_words_add_span(&s->all, inv);
	rs_bounded_split_begin(s->halves, inv->filter);
	if (!inv->walk && inv->span.start < inv->span.end)
		rs_bounded_split_add(s->halves, inv->filter, inv->span.start, inv->span.end);
	return 0;
}

static int split_slot(void *state, const struct rs_inval *inv, const struct rs_hit *hit)
{
	struct split *s = state;

	rs_bounded_add(&s->all.kvm, hit->gfns.start, hit->gfns.end);
	rs_bounded_split_add(s->halves, inv->filter, hit->gfns.start, hit->gfns.end);
	return 0;
}

static void split_end(void *state, const struct rs_inval *inv)
{
	struct split *s = state;

	rs_bounded_split_end(&s->all.kvm, s->halves, inv->filter);
}

static void split_drop(void *state)
{
	struct split *s = state;

	rs_words_drop(&s->all);
	s->halves[0].in_progress = s->halves[1].in_progress = 0;
}

static unsigned int split_rejects(const void *state, const struct rs_fault *f, uint64_t snapshot)
{
	const struct split *s = state;

	return rs_bounded_split_rejects(s->halves, rs_fault_is_private(f), f->gfn, snapshot);
}

static void split_explain(const void *state, const struct rs_fault *f, struct rs_reason *why)
{
	const struct split *s = state;

	why->cause = rs_invals_cause_gfn(s->all.invals, f, f->kind);
	why->space = RS_SPACE_GFN;
	why->kinds = f->kind;
}

static uint64_t frames(const struct split *s, struct rs_range r)
{
	return r.start < r.end ? rs_vm_frames_of_gfns(s->all.vm, r.start, r.end) : 0;
}

/* A frame that is blocked for both kinds counts once. */
static uint64_t split_blocked(void *state)
{
	const struct split *s = state;
	struct rs_range r[2] = { { 0, 0 }, { 0, 0 } }, both;

	for (unsigned int i = 0; i < 2; i++)
		if (s->halves[i].in_progress)
			r[i] = s->halves[i].range;
	both.start = r[0].start > r[1].start ? r[0].start : r[1].start;
	both.end = r[0].end < r[1].end ? r[0].end : r[1].end;
	return frames(s, r[0]) + frames(s, r[1]) - frames(s, both);
}

static const struct rs_algo_ops gfn_split = {
	.info = {
		.name = "gfn-split",
		.kernels = "what-if",
		.summary = "one gfn range for shared faults and one for private ones",
	},
	.place = 65,
	.in_all = RS_ALGO_ITSELF,
	.flags = RS_ALGO_SEQ_FIRST | RS_ALGO_SPLIT,
	.state_size = sizeof(struct split),
	.init = rs_words_init,
	.begin = split_begin,
	.slot = split_slot,
	.end = split_end,
	.drop = split_drop,
	.rejects = split_rejects,
	.explain = split_explain,
	.blocked = split_blocked,
	.words = rs_words_get,
	.fixed_bytes = 72,
};

RS_ALGORITHMS(&gfn_split);
