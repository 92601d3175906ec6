// SPDX-License-Identifier: GPL-2.0-only
/*
 * What-if: the gfn ranges of exactly the outstanding invalidations, each
 * removed at its end. No hull anywhere; only the sequence count is coarse.
 */
#include "replay/algorithms/algorithms.h"

struct list {
	struct rs_words words; /* its range is not used */
	struct rs_spans gfns;
	struct rs_spans folded; /* the same without the gaps between memslots, for the frames */
	uint64_t nr;		/* ranges held */
	bool no_width;
};

static int list_init(void *state, const struct rs_algo_env *env, uint64_t param)
{
	struct list *l = state;

	l->no_width = env->no_width;
	return rs_words_init(&l->words, env, param);
}

static void list_destroy(void *state)
{
	struct list *l = state;

	rs_spans_free(&l->gfns);
	rs_spans_free(&l->folded);
}

static int fold_in(struct list *l, struct rs_range r)
{
	if (l->no_width)
		return 0;
	r = rs_vm_fold_all(l->words.vm, r.start, r.end);
	return rs_spans_add(&l->folded, r.start, r.end);
}

static void fold_out(struct list *l, struct rs_range r)
{
	if (l->no_width)
		return;
	r = rs_vm_fold_all(l->words.vm, r.start, r.end);
	rs_spans_remove(&l->folded, r.start, r.end);
}

static int hold(struct list *l, struct rs_range r)
{
	l->nr++;
	return rs_spans_add(&l->gfns, r.start, r.end) || fold_in(l, r) ? -ENOMEM : 0;
}

static void let_go(struct list *l, struct rs_range r)
{
	l->nr--;
	rs_spans_remove(&l->gfns, r.start, r.end);
	fold_out(l, r);
}

static int list_begin(void *state, const struct rs_inval *inv)
{
	struct list *l = state;

	l->words.kvm.in_progress++;
	if (inv->walk)
		return 0;
	if (inv->gfn)
		return hold(l, inv->range);
	for (uint32_t i = 0; i < inv->nr_hits; i++)
		if (hold(l, inv->hits[i].gfns))
			return -ENOMEM;
	return 0;
}

static int list_slot(void *state, const struct rs_inval *inv, const struct rs_hit *hit)
{
	return hold(state, hit->gfns);
}

static void list_end(void *state, const struct rs_inval *inv)
{
	struct list *l = state;

	rs_bounded_end(&l->words.kvm);
	if (inv->gfn && !inv->walk)
		let_go(l, inv->range);
	for (uint32_t i = 0; i < inv->nr_hits; i++)
		let_go(l, inv->hits[i].gfns);
}

static void list_drop(void *state)
{
	struct list *l = state;

	rs_words_drop(&l->words);
	rs_spans_clear(&l->gfns);
	rs_spans_clear(&l->folded);
	l->nr = 0;
}

static unsigned int list_rejects(const void *state, const struct rs_fault *f, uint64_t snapshot)
{
	const struct list *l = state;
	bool range = l->words.kvm.in_progress && rs_spans_cover(&l->gfns, f->gfn);

	return (range ? RS_REJECT_RANGE : 0) | rs_bounded_seq(&l->words.kvm, snapshot);
}

static uint64_t list_blocked(void *state)
{
	const struct list *l = state;

	return l->words.kvm.in_progress ? rs_spans_length(&l->folded) : 0;
}

static int list_memslots_changed(void *state)
{
	struct list *l = state;

	rs_spans_clear(&l->folded);
	for (uint32_t i = 0; i < rs_invals_nr(l->words.invals); i++) {
		const struct rs_inval *inv = rs_invals_get(l->words.invals, i);

		if (inv->gfn && !inv->walk && fold_in(l, inv->range))
			return -ENOMEM;
		for (uint32_t j = 0; j < inv->nr_hits; j++)
			if (fold_in(l, inv->hits[j].gfns))
				return -ENOMEM;
	}
	return 0;
}

static size_t list_bytes(const void *state)
{
	const struct list *l = state;

	return 24 + 32 * l->nr;
}

static const struct rs_algo_ops gfn_list = {
	.info = {
		.name = "gfn-list",
		.kernels = "what-if",
		.summary = "the gfn ranges of exactly the outstanding invalidations, each dropped at its "
			   "end",
		.colour = "#56b4e9",
	},
	.place = 90,
	.in_all = RS_ALGO_ITSELF,
	.in_default = RS_ALGO_ITSELF,
	.in_price = RS_ALGO_ITSELF,
	.flags = RS_ALGO_SEQ_FIRST,
	.state_size = sizeof(struct list),
	.init = list_init,
	.destroy = list_destroy,
	.begin = list_begin,
	.slot = list_slot,
	.end = list_end,
	.drop = list_drop,
	.rejects = list_rejects,
	.explain = rs_words_explain_gfn,
	.blocked = list_blocked,
	.memslots_changed = list_memslots_changed,
	.bytes = list_bytes,
};

RS_ALGORITHMS(&gfn_list);
