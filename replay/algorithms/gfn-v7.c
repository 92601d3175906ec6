// SPDX-License-Identifier: GPL-2.0-only
/*
 * The gfn range as first posted (v7 series, July 2022): only the first memslot
 * that an invalidation hits goes in, so that faults through its aliases get
 * through. Wrong, and here to be shown as such.
 */
#include "replay/algorithms/algorithms.h"

/* In the order of the kernel's walk: the lowest hva, ties by age. */
static const struct rs_hit *first_hit(const struct rs_vm *vm, const struct rs_inval *inv)
{
	const struct rs_hit *first = &inv->hits[0];

	for (uint32_t i = 1; i < inv->nr_hits; i++) {
		const struct rs_memslot *a = rs_vm_memslot(vm, inv->hits[i].handle);
		const struct rs_memslot *b = rs_vm_memslot(vm, first->handle);

		if (a->hva < b->hva || (a->hva == b->hva && a->added < b->added))
			first = &inv->hits[i];
	}
	return first;
}

static int v7_begin(void *state, const struct rs_inval *inv)
{
	struct rs_words *w = state;
	const struct rs_hit *first;

	rs_bounded_begin(&w->kvm);
	if (inv->gfn) {
		rs_words_add_span(w, inv);
	} else if (inv->nr_hits && !inv->walk) {
		first = first_hit(w->vm, inv);
		rs_bounded_add(&w->kvm, first->gfns.start, first->gfns.end);
	}
	return 0;
}

static int v7_slot(void *state, const struct rs_inval *inv, const struct rs_hit *hit)
{
	struct rs_words *w = state;

	if (hit == inv->hits)
		rs_bounded_add(&w->kvm, hit->gfns.start, hit->gfns.end);
	return 0;
}

static const struct rs_algo_ops gfn_v7 = {
	.info = {
		.name = "gfn-v7",
		.kernels = "posted, never merged",
		.summary = "one gfn range, made from the first memslot hit only (lowest hva, then the "
			   "oldest): misses aliases",
		.colour = "#cc79a7",
	},
	.place = 40,
	.in_all = RS_ALGO_ITSELF,
	.in_default = RS_ALGO_ITSELF,
	.in_price = RS_ALGO_ITSELF,
	.flags = RS_ALGO_SEQ_FIRST,
	.state_size = sizeof(struct rs_words),
	.init = rs_words_init,
	.begin = v7_begin,
	.slot = v7_slot,
	.end = rs_words_finish,
	.drop = rs_words_drop,
	.rejects = rs_words_rejects_gfn,
	.explain = rs_words_explain_gfn,
	.blocked = rs_words_blocked_gfn,
	.words = rs_words_get,
	.fixed_bytes = 32,
};

RS_ALGORITHMS(&gfn_v7);
