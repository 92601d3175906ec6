// SPDX-License-Identifier: GPL-2.0-only
/*
 * What-if: up to N gfn ranges per VM, kept apart and in order. One that finds
 * no place makes the two closest ones merge. All lapse together.
 */
#include <stdlib.h>
#include <string.h>

#include "replay/algorithms/algorithms.h"

struct piece {
	struct rs_range range;
	uint64_t frames;
};

struct multi {
	struct rs_words words; /* its range is not used */
	uint32_t n, nr;
	bool no_width;
	uint64_t blocked;
	struct piece *pieces; /* n + 1 */
};

static int multi_init(void *state, const struct rs_algo_env *env, uint64_t param)
{
	struct multi *m = state;

	m->n = (uint32_t)param;
	m->no_width = env->no_width;
	m->pieces = malloc(((size_t)m->n + 1) * sizeof(*m->pieces));
	return m->pieces ? rs_words_init(&m->words, env, param) : -ENOMEM;
}

static void multi_destroy(void *state)
{
	struct multi *m = state;

	free(m->pieces);
}

/* Replaces pieces [from, to) by one that covers @r. */
static void replace(struct multi *m, uint32_t from, uint32_t to, struct rs_range r)
{
	uint64_t frames = m->no_width ? 0 : rs_vm_frames_of_gfns(m->words.vm, r.start, r.end);

	for (uint32_t i = from; i < to; i++)
		m->blocked -= m->pieces[i].frames;
	memmove(&m->pieces[from + 1], &m->pieces[to], (m->nr - to) * sizeof(*m->pieces));
	m->pieces[from] = (struct piece){ r, frames };
	m->nr = m->nr - (to - from) + 1;
	m->blocked += frames;
}

static void merge_closest(struct multi *m)
{
	uint64_t least = UINT64_MAX;
	uint32_t at = 0;
	struct rs_range r;

	for (uint32_t i = 0; i + 1 < m->nr; i++) {
		uint64_t gap = m->pieces[i + 1].range.start - m->pieces[i].range.end;

		if (gap < least) {
			least = gap;
			at = i;
		}
	}
	r = m->pieces[at].range;
	r.end = m->pieces[at + 1].range.end;
	replace(m, at, at + 2, r);
}

static void add(struct multi *m, struct rs_range r)
{
	uint32_t from = 0, to;

	if (r.start >= r.end)
		return;
	while (from < m->nr && m->pieces[from].range.end < r.start)
		from++;
	for (to = from; to < m->nr && m->pieces[to].range.start <= r.end; to++)
		rs_range_widen(&r, m->pieces[to].range.start, m->pieces[to].range.end);
	replace(m, from, to, r);
	if (m->nr > m->n)
		merge_closest(m);
}

static int multi_begin(void *state, const struct rs_inval *inv)
{
	struct multi *m = state;

	if (!m->words.in_progress++) {
		m->nr = 0;
		m->blocked = 0;
	}
	if (inv->walk)
		return 0;
	if (inv->gfn)
		add(m, inv->range);
	for (uint32_t i = 0; i < inv->nr_hits; i++)
		add(m, inv->hits[i].gfns);
	return 0;
}

static int multi_slot(void *state, const struct rs_inval *inv, const struct rs_hit *hit)
{
	add(state, hit->gfns);
	return 0;
}

static unsigned int multi_rejects(const void *state, const struct rs_fault *f, uint64_t snapshot)
{
	const struct multi *m = state;
	unsigned int range = 0;

	for (uint32_t i = 0; m->words.in_progress && i < m->nr && !range; i++)
		range = rs_range_has(&m->pieces[i].range, f->gfn);
	return (range ? RS_REJECT_RANGE : 0) | rs_words_seq(&m->words, snapshot);
}

static uint64_t multi_blocked(void *state)
{
	const struct multi *m = state;

	return m->words.in_progress ? m->blocked : 0;
}

static int multi_memslots_changed(void *state)
{
	struct multi *m = state;

	m->blocked = 0;
	for (uint32_t i = 0; i < m->nr; i++) {
		struct piece *p = &m->pieces[i];

		p->frames = rs_vm_frames_of_gfns(m->words.vm, p->range.start, p->range.end);
		m->blocked += p->frames;
	}
	return 0;
}

static size_t multi_bytes(const void *state)
{
	const struct multi *m = state;

	return 24 + 16 * (size_t)m->n;
}

const struct rs_algo_ops rs_algo_gfn_multi = {
	.name = "gfn-multi:N",
	.kernels = "what-if",
	.summary = "up to N gfn ranges; when full, the two closest are merged",
	.space = RS_SPACE_GFN,
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
	.snapshot = rs_words_snapshot,
	.rejects = multi_rejects,
	.blocked = multi_blocked,
	.memslots_changed = multi_memslots_changed,
	.bytes = multi_bytes,
};
