// SPDX-License-Identifier: GPL-2.0-only
/*
 * What-if: up to N gfn ranges per VM, kept apart and in order. One that finds
 * no place makes the two closest ones merge. All lapse together.
 */
#include <stdlib.h>

#include "replay/algorithms/algorithms.h"

struct multi {
	struct rs_words words; /* its range is not used */
	uint32_t n;
	struct rs_pieces *gfns;
};

static int multi_init(void *state, const struct rs_algo_env *env, uint64_t param)
{
	struct multi *m = state;

	m->n = (uint32_t)param;
	m->gfns = calloc(1, rs_pieces_size(m->n));
	return m->gfns ? rs_words_init(&m->words, env, param) : -ENOMEM;
}

static void multi_destroy(void *state)
{
	struct multi *m = state;

	free(m->gfns);
}

static int multi_begin(void *state, const struct rs_inval *inv)
{
	struct multi *m = state;

	if (!m->words.kvm.in_progress++)
		m->gfns->nr = 0;
	if (inv->walk)
		return 0;
	if (inv->gfn)
		rs_pieces_add(m->gfns, m->n, inv->range.start, inv->range.end);
	for (uint32_t i = 0; i < inv->nr_hits; i++)
		rs_pieces_add(m->gfns, m->n, inv->hits[i].gfns.start, inv->hits[i].gfns.end);
	return 0;
}

static int multi_slot(void *state, const struct rs_inval *inv, const struct rs_hit *hit)
{
	struct multi *m = state;

	rs_pieces_add(m->gfns, m->n, hit->gfns.start, hit->gfns.end);
	return 0;
}

static unsigned int multi_rejects(const void *state, const struct rs_fault *f, uint64_t snapshot)
{
	const struct multi *m = state;
	bool range = m->words.kvm.in_progress && rs_pieces_have(m->gfns, f->gfn);

	return (range ? RS_REJECT_RANGE : 0) | rs_bounded_seq(&m->words.kvm, snapshot);
}

static uint64_t multi_blocked(void *state)
{
	const struct multi *m = state;
	const struct rs_range *v = m->gfns->v, *end = v + m->gfns->nr;
	uint64_t frames = 0;

	if (!m->words.kvm.in_progress)
		return 0;
	for (; v < end; v++)
		frames += rs_vm_frames_of_gfns(m->words.vm, v->start, v->end);
	return frames;
}

static size_t multi_bytes(const void *state)
{
	const struct multi *m = state;

	return 24 + 16 * (size_t)m->n;
}

static const struct rs_algo_ops gfn_multi = {
	.info = {
		.name = "gfn-multi:N",
		.kernels = "what-if",
		.summary = "up to N gfn ranges; when full, the two closest are merged",
	},
	.place = 80,
	.in_all = "2,4,8",
	.in_price = "4",
	.flags = RS_ALGO_SEQ_FIRST,
	.state_size = sizeof(struct multi),
	.min_param = 1,
	.max_param = 65536,
	.init = multi_init,
	.destroy = multi_destroy,
	.begin = multi_begin,
	.slot = multi_slot,
	.end = rs_words_finish,
	.drop = rs_words_drop,
	.rejects = multi_rejects,
	.explain = rs_words_explain_gfn,
	.blocked = multi_blocked,
	.bytes = multi_bytes,
};

RS_ALGORITHMS(&gfn_multi);
