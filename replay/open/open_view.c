// SPDX-License-Identifier: GPL-2.0-only
#include "replay/open/open_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

static int push_covered(struct rs_covered **list, size_t *n, size_t *max, uint8_t as,
			struct rs_range gfns)
{
	if (RS_ROOM(*list, *max, *n + 1))
		return -ENOMEM;
	(*list)[(*n)++] = (struct rs_covered){ gfns.start, gfns.end, as };
	return 0;
}

struct collect {
	struct rs_replay *r;
	struct vm_run *v;
	const struct rs_inval *inv;
	struct rs_range range;
};

static bool is_of_hvas(const struct rs_algo_ops *ops)
{
	return !strncmp(ops->info.name, "hva", 3);
}

static int collect_memslot(void *arg, uint32_t handle)
{
	struct collect *c = arg;
	const struct rs_memslot *s = rs_vm_memslot(c->v->vm, handle);
	struct rs_range gfns = { s->gfn, s->gfn + s->npages };

	return push_covered(&c->r->memslots, &c->r->nr_memslots, &c->r->max_memslots, s->as, gfns);
}

static int collect_covered(void *arg, uint8_t as, const struct rs_memslot *s, struct rs_range gfns)
{
	struct collect *c = arg;

	return push_covered(&c->r->covered, &c->r->nr_covered, &c->r->max_covered, as, gfns);
}

/* A gfn invalidation's range, clipped to this memslot. */
static int collect_clipped(void *arg, uint32_t handle)
{
	struct collect *c = arg;
	const struct rs_memslot *s = rs_vm_memslot(c->v->vm, handle);

	return collect_covered(arg, s->as, s, rs_memslot_clip(s, c->inv->range));
}

/* Of a range of host addresses, the frames that this memslot has there. */
static int collect_range(void *arg, uint32_t handle)
{
	struct collect *c = arg;
	struct rs_replay *r = c->r;
	const struct rs_memslot *s = rs_vm_memslot(c->v->vm, handle);
	struct rs_range gfns;

	if (!rs_memslot_gfns_of_hvas(s, c->range.start, c->range.end, &gfns))
		return 0;
	return push_covered(&r->ranges, &r->nr_ranges, &r->max_ranges, s->as, gfns);
}

static int collect_ranges(struct collect *c)
{
	struct rs_replay *r = c->r;
	const struct rs_algo *a = &c->v->algos[0];
	struct rs_state_words words;

	r->nr_ranges = 0;
	if (!algo_has_range(a->ops))
		return 0;
	a->ops->words(a->state, &words);
	if (!words.in_progress || words.range_start >= words.range_end)
		return 0;
	c->range = (struct rs_range){ words.range_start, words.range_end };
	if (is_of_hvas(a->ops))
		return rs_vm_for_each_hva(c->v->vm, c->range.start, c->range.end, collect_range, c);
	return push_covered(&r->ranges, &r->nr_ranges, &r->max_ranges, 0, c->range);
}

static int collect_view(struct rs_replay *r, struct vm_run *v)
{
	struct collect c = { .r = r, .v = v };
	int ret = collect_ranges(&c);

	r->nr_covered = 0;
	r->nr_memslots = 0;
	for (uint32_t i = 0; i < rs_invals_nr(v->invals) && !ret; i++) {
		c.inv = rs_invals_get(v->invals, i);
		if (c.inv->gfn && !c.inv->walk)
			ret = rs_vm_for_each_gfn(v->vm, c.inv->range.start, c.inv->range.end,
						 collect_clipped, &c);
		else
			ret = rs_inval_for_each_covered(v->invals, c.inv, collect_covered, &c);
	}
	if (!ret && v->view_memslots)
		ret = rs_vm_for_each_gfn(v->vm, 0, UINT64_MAX, collect_memslot, &c);
	return ret;
}

int rs_open_tell_view(struct rs_replay *r, struct vm_run *v)
{
	struct rs_view view = { .time_ns = v->width_ns, .vm = v->number, .nr_algos = r->nr_listed };

	if (rs_vm_update(v->vm) || collect_view(r, v))
		return -ENOMEM;
	for (size_t i = 0; r->opts.flags & RS_REPLAY_WIDTH && i < r->nr_listed; i++)
		r->view_blocked[i] = v->algos[i].ops->blocked(v->algos[i].state);
	view.blocked = r->view_blocked;
	view.exact_blocked = rs_invals_covered_frames(v->invals);
	view.frames = rs_vm_frames(v->vm);
	view.in_progress = rs_invals_nr_hit(v->invals);
	view.ranges = r->ranges;
	view.nr_ranges = r->nr_ranges;
	view.covered = r->covered;
	view.nr_covered = r->nr_covered;
	view.memslots = v->view_memslots ? r->memslots : NULL;
	view.nr_memslots = r->nr_memslots;
	for (const struct rs_observer *o = r->opts.observer; o; o = o->next)
		if (o->view)
			o->view(o->arg, &view);
	v->view_due = false;
	v->view_memslots = false;
	return 0;
}

void rs_open_tell_applied(const struct rs_replay *r, const struct rs_event *e)
{
	for (const struct rs_observer *o = r->opts.observer; o; o = o->next)
		if (o->applied)
			o->applied(o->arg, e, r->now);
}

void rs_open_tell_unjudged(const struct rs_replay *r, const struct vm_run *v, uint32_t vcpu)
{
	for (const struct rs_observer *o = r->opts.observer; o; o = o->next)
		if (o->unjudged)
			o->unjudged(o->arg, v->number, vcpu);
}

static void tell_judged(const struct rs_replay *r, const struct vm_run *v, const struct rs_fault *f,
			const struct rs_event *e, bool necessary, size_t first)
{
	struct rs_judged j = { .event = r->events - 1,
			       .begin_ns = f->begin_ns,
			       .time_ns = r->now,
			       .gfn = f->gfn,
			       .vm = v->number,
			       .vcpu = f->vcpu,
			       .as = f->as,
			       .lockless = e->flags & RS_F_LOCKLESS,
			       .private = rs_fault_is_private(f),
			       .necessary = necessary,
			       .result = e->result,
			       .rejected = r->verdicts + first,
			       .blame = r->blame ? r->blame + first : NULL,
			       .slot = rs_vm_memslot(v->vm, f->handle)->id,
			       .who = v->blames ? rs_blames_thread(v->blames, f->seat) : 0 };

	for (const struct rs_observer *o = r->opts.observer; o; o = o->next)
		if (o->judged)
			o->judged(o->arg, &j);
}

void rs_open_tell_judged(const struct rs_replay *r, const struct vm_run *v,
			 const struct rs_fault *f, const struct rs_event *e, bool necessary)
{
	tell_judged(r, v, f, e, necessary, 0);
}

void rs_open_tell_accepted(const struct rs_replay *r, const struct vm_run *v,
			   const struct rs_fault *f, const struct rs_event *e)
{
	tell_judged(r, v, f, e, false, r->nr_listed);
}

bool rs_replay_look(const struct rs_replay *r, uint32_t vm, size_t algo, struct rs_look *look)
{
	const uint32_t i = rs_hash_find(&r->by_number, rs_hash_number(vm), NULL, NULL);
	const struct rs_algo *a = i == RS_HASH_NONE ? NULL : &r->vms[i]->algos[algo];
	struct rs_state_words words;

	if (!a)
		return false;
	*look = (struct rs_look){ .time_ns = r->now,
				  .event = r->events - 1,
				  .outstanding = rs_invals_nr_hit(r->vms[i]->invals) };
	if (!algo_has_range(a->ops))
		return true;
	a->ops->words(a->state, &words);
	look->has_range = true;
	look->gfn = !is_of_hvas(a->ops);
	look->start = words.in_progress ? words.range_start : 0;
	look->end = words.in_progress ? words.range_end : 0;
	return true;
}
