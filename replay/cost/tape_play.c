// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "replay/cost/priced.h"
#include "replay/cost/tape_ops.h"

#define BATCH 1024 /* operations between two looks at the clock */
#define PLAYS 5	   /* of which each batch's least counts: the CPU was taken from the others */

/* ---- an algorithm that does nothing: what the loop itself takes ---- */

static int no_begin(void *state, const struct rs_inval *inv)
{
	return 0;
}

static int no_slot(void *state, const struct rs_inval *inv, const struct rs_hit *hit)
{
	return 0;
}

static void no_end(void *state, const struct rs_inval *inv)
{
}

static unsigned int no_check(const void *state, const struct rs_fault *f, uint64_t snapshot)
{
	return 0;
}

static const struct rs_algo_ops nothing = {
	.info = { .name = "nothing" },
	.flags = RS_ALGO_SEQ_FIRST,
	.state_size = sizeof(uint64_t),
	.begin = no_begin,
	.slot = no_slot,
	.end = no_end,
	.rejects = no_check,
};

/* ---- one VM's tape through one algorithm ---- */

struct player {
	const struct rs_tape_vm *v;
	struct rs_vm *vm;
	struct rs_invals *invals;
	struct rs_algo algo;
	uint64_t *snapshots; /* by fault */
	uint64_t rejected;
	bool sees_all;
	bool watch; /* the bytes of state */
	size_t peak_bytes;
};

static void player_free(struct player *p)
{
	if (p->algo.ops)
		rs_algo_destroy(&p->algo);
	free(p->snapshots);
	rs_invals_free(p->invals);
	rs_vm_free(p->vm);
}

static int player_init(struct player *p, const struct rs_tape_vm *v,
		       const struct rs_algo_spec *spec, bool watch)
{
	struct rs_algo_env env;

	*p = (struct player){ .v = v, .watch = watch };
	p->vm = rs_vm_new();
	p->invals = p->vm ? rs_invals_new(p->vm, 0, NULL) : NULL;
	p->snapshots = calloc(v->faults.n + 1, sizeof(*p->snapshots));
	env = (struct rs_algo_env){ p->vm, p->invals, true };
	if (p->invals && p->snapshots && !rs_algo_init(&p->algo, spec, &env)) {
		p->sees_all = spec->ops->flags & RS_ALGO_SEES_ALL;
		return 0;
	}
	player_free(p);
	return -ENOMEM;
}

static int set_memslot(const struct player *p, const struct rs_event *e)
{
	enum rs_vm_change change =
		rs_vm_set_memslot(p->vm, e->as, e->memslot.id, e->memslot.gfn, e->memslot.npages,
				  e->memslot.hva, e->memslot.flags);

	return change == RS_VM_NOMEM ? -ENOMEM : 0;
}

/* The memslots that change before operation @i, which is no memslot. */
static int set_memslots(const struct player *p, size_t *i)
{
	size_t from = *i;

	for (; *i < p->v->ops.n && p->v->ops.v[*i].kind == RS_TAPE_MEMSLOT; (*i)++)
		if (set_memslot(p, &p->v->memslots.v[p->v->ops.v[*i].a]))
			return -ENOMEM;
	return *i == from ? 0 : rs_vm_update(p->vm);
}

static int play_inval(struct player *p, const struct rs_tape_op *op)
{
	const struct rs_inval *inv = &p->v->invals.v[op->a];
	bool silent = op->kind == RS_TAPE_BEGIN_SILENT || op->kind == RS_TAPE_END_SILENT;

	if ((silent && !p->sees_all) || (op->kind == RS_TAPE_BEGIN_LATE && p->sees_all))
		return 0;
	if (op->kind == RS_TAPE_SLOT)
		return rs_priced_slot(&p->algo, inv, &inv->hits[op->b]);
	if (op->kind != RS_TAPE_END && op->kind != RS_TAPE_END_SILENT)
		return rs_priced_begin(&p->algo, inv);
	rs_priced_end(&p->algo, inv);
	return 0;
}

static int play_op(struct player *p, const struct rs_tape_op *op)
{
	switch (op->kind) {
	case RS_TAPE_SNAPSHOT:
		p->snapshots[op->a] = rs_algo_snapshot(&p->algo);
		return 0;
	case RS_TAPE_CHECK:
		p->rejected +=
			rs_priced_check(&p->algo, &p->v->faults.v[op->a], p->snapshots[op->a]) != 0;
		return 0;
	case RS_TAPE_DROP:
		rs_algos_drop(&p->algo, 1);
		return 0;
	default:
		return play_inval(p, op);
	}
}

static void see_bytes(struct player *p)
{
	const struct rs_algo_ops *ops = p->algo.ops;
	size_t bytes = ops->bytes ? ops->bytes(p->algo.state) : ops->fixed_bytes;

	if (bytes > p->peak_bytes)
		p->peak_bytes = bytes;
}

/* Up to the next change of memslots, which is no part of the price, but not many. */
static int play_batch(struct player *p, size_t *i)
{
	size_t end = *i + BATCH < p->v->ops.n ? *i + BATCH : p->v->ops.n;
	int ret = 0;

	for (; !ret && *i < end && p->v->ops.v[*i].kind != RS_TAPE_MEMSLOT; (*i)++) {
		ret = play_op(p, &p->v->ops.v[*i]);
		if (p->watch)
			see_bytes(p);
	}
	return ret;
}

struct meter {
	const struct rs_counter *counter; /* or NULL */
	uint64_t *least; /* ticks of each batch, in the play where it took least; or NULL */
	size_t nr;	 /* batches of the play so far */
	uint64_t instructions, rejected;
	size_t peak_bytes;
};

static int measure_batch(struct player *p, size_t *i, struct meter *m)
{
	uint64_t count = m->counter ? rs_counter_read(m->counter) : 0;
	uint64_t t0 = rs_ticks(), ticks;
	int ret = play_batch(p, i);

	ticks = rs_ticks() - t0;
	if (m->counter)
		m->instructions += rs_counter_read(m->counter) - count;
	if (m->least && ticks < m->least[m->nr])
		m->least[m->nr] = ticks;
	m->nr++;
	return ret;
}

static int play_vm(const struct rs_tape_vm *v, const struct rs_algo_spec *spec, bool watch,
		   struct meter *m)
{
	struct player p;
	int ret = player_init(&p, v, spec, watch);

	if (ret)
		return ret;
	for (size_t i = 0; !ret && i < v->ops.n;) {
		ret = set_memslots(&p, &i);
		if (!ret)
			ret = measure_batch(&p, &i, m);
	}
	m->rejected += p.rejected;
	if (p.peak_bytes > m->peak_bytes)
		m->peak_bytes = p.peak_bytes;
	player_free(&p);
	return ret;
}

static int play_all(const struct rs_tape *t, const struct rs_algo_spec *spec, bool watch,
		    struct meter *m)
{
	int ret = 0;

	m->nr = 0;
	m->instructions = m->rejected = 0;
	for (size_t i = 0; i < t->nr_vms && !ret; i++)
		ret = play_vm(t->vms[i], spec, watch, m);
	return ret;
}

/* At most: one that a change of memslots cuts short makes one more. */
static size_t max_batches(const struct rs_tape *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->nr_vms; i++)
		n += t->vms[i]->ops.n / BATCH + t->vms[i]->memslots.n + 2;
	return n;
}

static int meter_init(struct meter *m, const struct rs_tape *t, const struct rs_counter *counter)
{
	size_t n = max_batches(t);

	*m = (struct meter){ .counter = counter };
	m->least = calloc(n + 1, sizeof(*m->least));
	if (!m->least)
		return -ENOMEM;
	memset(m->least, 0xff, n * sizeof(*m->least));
	return 0;
}

static double sum_of_least(const struct meter *m)
{
	double sum = 0;

	for (size_t i = 0; i < m->nr; i++)
		sum += (double)m->least[i];
	return sum;
}

int rs_tape_play(const struct rs_tape *t, const struct rs_algo_spec *spec,
		 const struct rs_tick_rate *rate, const struct rs_counter *counter,
		 struct rs_tape_run *run)
{
	const struct rs_algo_spec loop_alone = { .ops = &nothing };
	struct meter m, loop;
	int ret = meter_init(&m, t, counter);

	if (meter_init(&loop, t, counter))
		ret = -ENOMEM;
	for (int i = 0; i < PLAYS && !ret; i++) {
		ret = play_all(t, &loop_alone, false, &loop);
		if (!ret)
			ret = play_all(t, spec, false, &m);
	}
	if (!ret) {
		run->ns = (sum_of_least(&m) - sum_of_least(&loop)) * rate->ns_per_tick;
		run->instructions =
			counter ? (double)m.instructions - (double)loop.instructions : (double)NAN;
		run->rejected = m.rejected;
	}
	free(m.least);
	free(loop.least);
	return ret;
}

int rs_tape_peak_bytes(const struct rs_tape *t, const struct rs_algo_spec *spec, size_t *bytes)
{
	struct meter m = { 0 };
	int ret = play_all(t, spec, true, &m);

	*bytes = m.peak_bytes;
	return ret;
}

int rs_tape_repeat(const struct rs_tape *t, const struct rs_algo_spec *spec, uint64_t times)
{
	struct meter m = { 0 };
	int ret = 0;

	for (uint64_t i = 0; i < times && !ret; i++)
		ret = play_all(t, spec, false, &m);
	return ret;
}
