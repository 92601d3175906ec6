// SPDX-License-Identifier: GPL-2.0-only
/*
 * What-if: one gfn range per memslot. Aliases no longer widen each other's
 * range; all lapse together. State grows with the memslots.
 */
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "replay/algorithms/algorithms.h"

struct per_slot {
	struct rs_range range;
	uint64_t epoch; /* the range is of this one */
};

struct slots {
	struct rs_words words;	 /* its range is not used */
	uint64_t epoch;		 /* rises when in_progress does from 0 */
	struct per_slot *ranges; /* by handle */
	uint32_t max;
	uint32_t *touched; /* handles with a range of this epoch */
	uint32_t nr_touched;
	uint64_t blocked;
	bool no_width;
};

static int slots_init(void *state, const struct rs_algo_env *env, uint64_t param)
{
	struct slots *s = state;

	s->epoch = 1;
	s->no_width = env->no_width;
	return rs_words_init(&s->words, env, param);
}

static void slots_destroy(void *state)
{
	struct slots *s = state;

	free(s->ranges);
	free(s->touched);
}

static int make_room(struct slots *s)
{
	uint32_t max = s->max ? s->max : 16;

	while (max < rs_vm_nr_handles(s->words.vm))
		max *= 2;
	if (max == s->max)
		return 0;
	if (RS_RESIZE(s->ranges, max) || RS_RESIZE(s->touched, max))
		return -ENOMEM;
	memset(s->ranges + s->max, 0, (max - s->max) * sizeof(*s->ranges));
	s->max = max;
	return 0;
}

/* Frames of memslot @handle in its range: the memslot may have changed since. */
static uint64_t frames_in(const struct slots *s, uint32_t handle)
{
	const struct rs_memslot *m = rs_vm_memslot(s->words.vm, handle);
	struct rs_range r = rs_memslot_clip(m, s->ranges[handle].range);

	return m->present && r.start < r.end ? r.end - r.start : 0;
}

static int add(struct slots *s, uint32_t handle, struct rs_range gfns)
{
	struct per_slot *p;

	if (handle >= s->max && make_room(s))
		return -ENOMEM;
	p = &s->ranges[handle];
	if (p->epoch != s->epoch) {
		p->epoch = s->epoch;
		p->range = (struct rs_range){ 0, 0 };
		s->touched[s->nr_touched++] = handle;
	} else if (!s->no_width) {
		s->blocked -= frames_in(s, handle);
	}
	rs_range_widen(&p->range, gfns.start, gfns.end);
	if (!s->no_width)
		s->blocked += frames_in(s, handle);
	return 0;
}

struct gfn_add {
	struct slots *s;
	struct rs_range range;
};

static int add_overlap(void *arg, uint32_t handle)
{
	const struct gfn_add *a = arg;
	const struct rs_memslot *m = rs_vm_memslot(a->s->words.vm, handle);

	return add(a->s, handle, rs_memslot_clip(m, a->range));
}

static void lapse(struct slots *s)
{
	s->epoch++;
	s->nr_touched = 0;
	s->blocked = 0;
}

static int slots_begin(void *state, const struct rs_inval *inv)
{
	struct slots *s = state;
	struct gfn_add a = { s, inv->range };

	if (!s->words.kvm.in_progress++)
		lapse(s);
	if (inv->walk)
		return 0;
	if (inv->gfn)
		return rs_vm_for_each_gfn(s->words.vm, a.range.start, a.range.end, add_overlap, &a);
	for (uint32_t i = 0; i < inv->nr_hits; i++)
		if (add(s, inv->hits[i].handle, inv->hits[i].gfns))
			return -ENOMEM;
	return 0;
}

static int slots_slot(void *state, const struct rs_inval *inv, const struct rs_hit *hit)
{
	return add(state, hit->handle, hit->gfns);
}

static unsigned int slots_rejects(const void *state, const struct rs_fault *f, uint64_t snapshot)
{
	const struct slots *s = state;
	unsigned int range = s->words.kvm.in_progress && f->handle < s->max &&
			     s->ranges[f->handle].epoch == s->epoch &&
			     rs_range_has(&s->ranges[f->handle].range, f->gfn);

	return (range ? RS_REJECT_RANGE : 0) | rs_bounded_seq(&s->words.kvm, snapshot);
}

static uint64_t slots_blocked(void *state)
{
	const struct slots *s = state;

	return s->words.kvm.in_progress ? s->blocked : 0;
}

static int slots_memslots_changed(void *state)
{
	struct slots *s = state;

	s->blocked = 0;
	for (uint32_t i = 0; i < s->nr_touched; i++)
		s->blocked += frames_in(s, s->touched[i]);
	return 0;
}

/* Count, sequence and epoch; in each memslot its range and the epoch that it is of. */
static size_t slots_bytes(const void *state)
{
	const struct slots *s = state;

	return 24 + 24 * (size_t)rs_vm_nr_memslots(s->words.vm);
}

static const struct rs_algo_ops gfn_slot = {
	.info = {
		.name = "gfn-slot",
		.kernels = "what-if",
		.summary = "one gfn range per memslot",
		.colour = "#e69f00",
	},
	.place = 70,
	.in_all = RS_ALGO_ITSELF,
	.in_price = RS_ALGO_ITSELF,
	.flags = RS_ALGO_SEQ_FIRST,
	.state_size = sizeof(struct slots),
	.init = slots_init,
	.destroy = slots_destroy,
	.begin = slots_begin,
	.slot = slots_slot,
	.end = rs_words_finish,
	.drop = rs_words_drop,
	.rejects = slots_rejects,
	.explain = rs_words_explain_gfn,
	.blocked = slots_blocked,
	.memslots_changed = slots_memslots_changed,
	.bytes = slots_bytes,
};

RS_ALGORITHMS(&gfn_slot);
