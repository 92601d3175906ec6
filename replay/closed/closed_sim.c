// SPDX-License-Identifier: GPL-2.0-only
/* Some algorithms in one VM, against the recorded invalidations. */
#include "replay/closed/closed_sim.h"

#include <errno.h>
#include <stdlib.h>

#include "replay/model/blame.h"

static int memslots_changed(struct sim *s)
{
	if (rs_vm_update(s->memslots) || rs_invals_memslots_changed(s->invals))
		return -ENOMEM;
	if (s->telling)
		rs_blames_memslots_changed(rs_tell_blames(s->telling));
	return rs_algos_memslots_changed(s->algos, s->nr_algos);
}

static int apply_memslot(struct sim *s, const struct rs_event *e)
{
	enum rs_vm_change change =
		rs_vm_set_memslot(s->memslots, e->as, e->memslot.id, e->memslot.gfn,
				  e->memslot.npages, e->memslot.hva, e->memslot.flags);

	if (change == RS_VM_NOMEM)
		return -ENOMEM;
	return change == RS_VM_CHANGED && rs_invals_nr(s->invals) ? memslots_changed(s) : 0;
}

static int apply_begin(struct sim *s, const struct rs_event *e)
{
	const struct rs_inval *inv;

	if (rs_vm_update(s->memslots))
		return -ENOMEM;
	inv = rs_invals_begin(s->invals, e, e->time_ns);
	if (!inv)
		return -ENOMEM;
	if (s->telling && rs_blames_begin(rs_tell_blames(s->telling), inv))
		return -ENOMEM;
	sums_begin(&s->sums, e->inval.id);
	return rs_calls_begin(&s->calls, inv, 0,
			      inv->hit ? s->calls.nr_begin : s->calls.sees_begin);
}

static int apply_slot(struct sim *s, const struct rs_event *e)
{
	struct rs_inval *inv = rs_invals_find(s->invals, e->inval.id);
	uint32_t handle = rs_vm_find_id(s->memslots, e->as, e->inval.slot);
	const struct rs_hit *hit;
	bool first;

	if (rs_vm_update(s->memslots))
		return -ENOMEM;
	hit = rs_invals_slot(s->invals, inv, handle,
			     (struct rs_range){ e->inval.start, e->inval.end }, &first);
	if (!hit ||
	    (first && rs_calls_begin(&s->calls, inv, s->calls.sees_begin, s->calls.nr_begin)))
		return -ENOMEM;
	if (s->telling && rs_blames_slot(rs_tell_blames(s->telling), inv, hit, first))
		return -ENOMEM;
	return rs_calls_slot(&s->calls, inv, hit);
}

/* @inv ends: what becomes of the faults that are open may be its doing. */
static void tell_end(struct sim *s, const struct rs_inval *inv, uint64_t now)
{
	struct rs_blames *blames = rs_tell_blames(s->telling);

	rs_blames_end(blames, inv, now);
	for (size_t i = 0; i < s->nr_open; i++)
		rs_blames_end_during(blames, inv, &s->open[i]->f);
}

static void apply_end(struct sim *s, const struct rs_event *e)
{
	struct rs_inval *inv = rs_invals_find(s->invals, e->inval.id);

	for (size_t i = 0; i < s->nr_open; i++)
		rs_fault_mark(&s->open[i]->f, inv);
	if (s->telling)
		tell_end(s, inv, e->time_ns);
	rs_calls_end(&s->calls, inv);
	rs_invals_end(s->invals, inv);
	sums_end(&s->sums, e->inval.id);
}

static void apply_lost(struct sim *s)
{
	rs_invals_drop(s->invals);
	if (s->telling)
		rs_blames_drop(rs_tell_blames(s->telling));
	rs_algos_drop(s->algos, s->nr_algos);
	sums_drop(&s->sums);
}

static int apply(struct sim *s, const struct rs_event *e)
{
	switch (e->type) {
	case RS_EV_MEMSLOT:
		return apply_memslot(s, e);
	case RS_EV_INVAL_BEGIN:
		return apply_begin(s, e);
	case RS_EV_INVAL_SLOT:
		return apply_slot(s, e);
	case RS_EV_INVAL_END:
		apply_end(s, e);
		return 0;
	default:
		apply_lost(s);
		return 0;
	}
}

static int run(struct sim *s)
{
	struct rs_stream_reader events;
	struct rs_event e = { 0 };

	runners_start(s);
	rs_stream_read(&events, s->c->spool, &s->vm->events);
	while (!s->failed && event_get(&events, &e)) {
		runners_run_before(s, e.time_ns);
		if (apply(s, &e))
			s->failed = -ENOMEM;
	}
	rs_stream_reader_close(&events);
	if (events.failed)
		s->failed = events.failed;
	if (!s->failed && rs_vm_update(s->memslots))
		s->failed = -ENOMEM;
	runners_run(s, UINT64_MAX);
	if (s->limits->over || (s->telling && rs_tell_failed(s->telling)))
		s->failed = -ENOMEM;
	return s->failed ? s->failed : sums_finish(&s->sums);
}

/* The place of that algorithm; of one that there is not yet, behind the others. */
static size_t find_algo(const struct sim *s, const struct rs_algo_spec *spec)
{
	size_t i = 0;

	while (i < s->nr_algos &&
	       (s->algos[i].ops != spec->ops || s->algos[i].param != spec->param))
		i++;
	return i;
}

/* What an algorithm keeps depends on no fault: casts of the same one share it. */
static int init_algos(struct sim *s, const struct cast *casts, size_t nr)
{
	const struct rs_algo_env env = { s->memslots, s->invals, true };

	for (; s->nr_casts < nr; s->nr_casts++) {
		const struct cast *cast = &casts[s->nr_casts];
		const size_t i = find_algo(s, cast->spec);

		if (i == s->nr_algos && rs_algo_init(&s->algos[i], cast->spec, &env))
			return -ENOMEM;
		s->nr_algos += i == s->nr_algos;
		s->algo_of[s->nr_casts] = (uint8_t)i;
		s->who[i] |= 1ULL << s->nr_casts;
		s->thinkers |= (uint64_t)cast->think << s->nr_casts;
	}
	return rs_calls_init(&s->calls, s->algos, s->nr_algos);
}

static void sim_free(struct sim *s)
{
	runners_free(s);
	sums_free(&s->sums);
	rs_tell_free(s->telling);
	rs_calls_free(&s->calls);
	for (size_t i = 0; s->algos && s->algos[i].ops; i++)
		rs_algo_destroy(&s->algos[i]);
	free(s->algos);
	rs_invals_free(s->invals);
	rs_vm_free(s->memslots);
}

/* 0 or -ENOMEM. */
static int sim_init(struct sim *s, const struct cast *casts, size_t nr)
{
	const uint32_t nr_vcpus = s->vm->nr_vcpus + 1;
	const unsigned int flags =
		s->plan.told ? RS_INVALS_ASKED | RS_INVALS_CAUSES : RS_INVALS_ASKED;

	s->memslots = rs_vm_new();
	s->invals = s->memslots ? rs_invals_new(s->memslots, flags, s->limits) : NULL;
	s->algos = calloc(nr + 1, sizeof(*s->algos));
	s->runners = calloc(nr_vcpus, sizeof(struct runner *));
	s->heap = calloc(nr_vcpus, sizeof(*s->heap));
	sums_init(&s->sums, casts, nr, s->vm->clean_ns);
	if (!s->invals || !s->algos || !s->runners || !s->heap || init_algos(s, casts, nr))
		return -ENOMEM;
	if (s->plan.told)
		s->telling = rs_tell_new(s->c, s->vm, &s->plan, s->invals, s->algos);
	return s->plan.told && !s->telling ? -ENOMEM : 0;
}

int rs_closed_simulate(const struct rs_closed *c, const struct vm *vm, const struct plan *plan,
		       struct rs_limits *limits, const struct cast *casts, size_t nr)
{
	struct sim s = { .c = c, .vm = vm, .plan = *plan, .end_ns = c->end_ns, .limits = limits };
	int ret = sim_init(&s, casts, nr);

	if (!ret)
		ret = run(&s);
	sim_free(&s);
	return ret;
}
