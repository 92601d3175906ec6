// SPDX-License-Identifier: GPL-2.0-only
/* The rounds of a bench: algorithms take turns, so that drift hits all of them alike. */
#include "cli/bench_run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

/* Tells how far it is; fails once interrupted. */
static int tell(struct rs_progress *p, uint64_t done, uint64_t total, struct rs_error *err)
{
	if (!rs_progress_update(p, done, total))
		return 0;
	return rs_error_set(err, RS_ERR_INTR, EINTR, "interrupted");
}

static int open_rigs(const struct bench_order *o, const struct rs_cost_setting *set,
		     struct rs_cost_rig **rigs, struct rs_error *err)
{
	for (size_t i = 0; i < o->nr_specs; i++) {
		rigs[i] = rs_cost_open(&o->specs[i], set, err);
		if (!rigs[i])
			return -errno;
	}
	return 0;
}

static void close_rigs(struct rs_cost_rig **rigs, size_t n)
{
	for (size_t i = 0; rigs && i < n; i++)
		rs_cost_close(rigs[i]);
	free(rigs);
}

/* ---- one operation at a time ---- */

/* The figures of one algorithm, round by round. */
struct rounds {
	double part_ns[RS_COST_CHECK][BENCH_MAX_ROUNDS];
	double inval_ns[BENCH_MAX_ROUNDS], check_ns[BENCH_MAX_ROUNDS];
};

struct costs_run {
	const struct bench_order *o;
	struct rs_bench *b;
	struct rs_tick_rate rate;
	struct rs_counter counter;
	struct rounds *rounds; /* one per algorithm */
	struct rs_progress progress;
	char no_counter[512];
};

static int one_turn(struct costs_run *c, struct rs_cost_rig *rig, struct rounds *r, uint32_t round,
		    struct rs_error *err)
{
	struct rs_cost_times times;

	if (rs_cost_round(rig, c->o->round_ns, &c->rate, &times))
		return rs_error_nomem(err);
	for (unsigned int op = 0; op < RS_COST_CHECK; op++)
		r->part_ns[op][round] = times.part_ns[op];
	r->inval_ns[round] = times.inval_ns;
	r->check_ns[round] = times.check_ns;
	return 0;
}

static int finish_cost(struct costs_run *c, struct rs_cost_rig *rig, size_t algo,
		       const struct rs_cost_setting *set, struct rs_error *err)
{
	struct rs_bench_cost *cost = &c->b->costs[c->b->nr_costs++];
	struct rounds *r = &c->rounds[algo];

	cost->algorithm = c->o->specs[algo].name;
	cost->set = *set;
	cost->rest_bytes = rs_cost_rest_bytes(rig);
	cost->peak_bytes = rs_cost_peak_bytes(rig);
	for (unsigned int op = 0; op < RS_COST_CHECK; op++)
		cost->part_ns[op] = rs_spread_of(r->part_ns[op], c->o->rounds);
	cost->inval_ns = rs_spread_of(r->inval_ns, c->o->rounds);
	cost->check_ns = rs_spread_of(r->check_ns, c->o->rounds);
	if (!c->b->no_counter && rs_cost_count(rig, &c->counter, cost->instructions))
		return rs_error_nomem(err);
	return 0;
}

static int run_setting(struct costs_run *c, const struct rs_cost_setting *set, size_t nr_settings,
		       struct rs_error *err)
{
	size_t n = c->o->nr_specs, done = c->b->nr_costs * c->o->rounds;
	size_t total = nr_settings * n * c->o->rounds;
	struct rs_cost_rig **rigs = calloc(n, sizeof(*rigs));
	int ret = rigs ? open_rigs(c->o, set, rigs, err) : rs_error_nomem(err);

	for (uint32_t round = 0; round < c->o->rounds; round++) {
		for (size_t i = 0; i < n && !ret; i++) {
			ret = one_turn(c, rigs[i], &c->rounds[i], round, err);
			if (!ret)
				ret = tell(&c->progress, done++, total, err);
		}
	}
	for (size_t i = 0; i < n && !ret; i++)
		ret = finish_cost(c, rigs[i], i, set, err);
	close_rigs(rigs, n);
	return ret;
}

static int run_settings(struct costs_run *c, struct rs_error *err)
{
	const struct bench_order *o = c->o;
	struct rs_cost_setting base = { .pages = o->pages, .seed = o->seed }, set;
	size_t n = 1;
	int ret;

	for (unsigned int axis = 0; axis < RS_NR_BENCH_AXES; axis++) {
		*rs_bench_axis_of(&base, axis) = o->axes[axis].v[0];
		n += o->axes[axis].n - 1;
	}
	c->b->costs = calloc(n * o->nr_specs, sizeof(*c->b->costs));
	if (!c->b->costs)
		return rs_error_nomem(err);
	ret = run_setting(c, &base, n, err);
	for (unsigned int axis = 0; axis < RS_NR_BENCH_AXES; axis++) {
		for (size_t i = 1; i < o->axes[axis].n && !ret; i++) {
			set = base;
			*rs_bench_axis_of(&set, axis) = o->axes[axis].v[i];
			ret = run_setting(c, &set, n, err);
		}
	}
	return ret;
}

static const char *why_no_counter(struct rs_error *err)
{
	char *text = strdup(err->text);

	memset(err, 0, sizeof(*err));
	err->offset = -1;
	return text;
}

int bench_run_costs(const struct bench_order *o, struct rs_bench *b, struct rs_error *err)
{
	struct costs_run c = { .o = o, .b = b, .rate = rs_tick_rate_measure() };
	int ret;

	b->nr_algos = o->nr_specs;
	if (rs_counter_open(&c.counter, err))
		b->no_counter = why_no_counter(err);
	c.rounds = calloc(o->nr_specs, sizeof(*c.rounds));
	rs_progress_init(&c.progress, "bench");
	ret = c.rounds ? run_settings(&c, err) : rs_error_nomem(err);
	rs_progress_end(&c.progress);
	rs_counter_close(&c.counter);
	free(c.rounds);
	return ret;
}

/* ---- contention ---- */

static void keep_figures(double (*to)[BENCH_MAX_ROUNDS], const struct rs_contention *c,
			 uint32_t round)
{
	to[RS_BENCH_CHECKS_PER_S][round] = c->checks_per_s;
	to[RS_BENCH_BEGINS_PER_S][round] = c->begins_per_s;
	to[RS_BENCH_CHECK_WAIT][round] = c->check_wait_ns;
	to[RS_BENCH_CHECK_WAIT_P99][round] = c->check_wait_p99_ns;
	to[RS_BENCH_CHECK_HELD][round] = c->check_held_ns;
	to[RS_BENCH_WRITE_WAIT][round] = c->write_wait_ns;
	to[RS_BENCH_WRITE_HELD][round] = c->write_held_ns;
}

struct contention_run {
	const struct bench_order *o;
	struct rs_bench *b;
	struct rs_tick_rate rate;
	struct rs_cost_rig **rigs;
	double (*rounds)[RS_NR_BENCH_FIGURES][BENCH_MAX_ROUNDS]; /* one per algorithm */
	struct rs_progress progress;
};

/* One thread alone checks; of more, some are notifiers. */
static unsigned int notifiers_of(const struct bench_order *o, unsigned int threads)
{
	return threads > o->notifiers ? o->notifiers : threads - 1;
}

static int run_threads(struct contention_run *c, unsigned int threads, struct rs_error *err)
{
	const struct bench_order *o = c->o;
	unsigned int notifiers = notifiers_of(o, threads);
	uint64_t done = c->b->nr_contention * o->rounds;
	uint64_t total = o->threads.n * o->nr_specs * o->rounds;
	struct rs_contention one;
	int ret = 0;

	for (uint32_t round = 0; round < o->rounds && !ret; round++) {
		for (size_t i = 0; i < o->nr_specs && !ret; i++) {
			ret = rs_cost_contend(c->rigs[i], threads - notifiers, notifiers,
					      o->round_ns, &c->rate, &one, err);
			keep_figures(c->rounds[i], &one, round);
			if (!ret)
				ret = tell(&c->progress, done++, total, err);
		}
	}
	for (size_t i = 0; i < o->nr_specs && !ret; i++) {
		struct rs_bench_contention *to = &c->b->contention[c->b->nr_contention++];

		to->algorithm = o->specs[i].name;
		to->vcpus = threads - notifiers;
		to->notifiers = notifiers;
		for (unsigned int k = 0; k < RS_NR_BENCH_FIGURES; k++)
			to->figures[k] = rs_spread_of(c->rounds[i][k], o->rounds);
	}
	return ret;
}

int bench_run_contention(const struct bench_order *o, struct rs_bench *b, struct rs_error *err)
{
	struct contention_run c = { .o = o, .b = b, .rate = rs_tick_rate_measure() };
	struct rs_cost_setting set = { .pages = o->pages, .seed = o->seed };
	int ret;

	for (unsigned int axis = 0; axis < RS_NR_BENCH_AXES; axis++)
		*rs_bench_axis_of(&set, axis) = o->axes[axis].v[0];
	c.rigs = calloc(o->nr_specs, sizeof(*c.rigs));
	c.rounds = calloc(o->nr_specs, sizeof(*c.rounds));
	b->contention = calloc(o->nr_specs * o->threads.n, sizeof(*b->contention));
	ret = c.rigs && c.rounds && b->contention ? open_rigs(o, &set, c.rigs, err)
						  : rs_error_nomem(err);
	rs_progress_init(&c.progress, "bench");
	for (size_t i = 0; i < o->threads.n && !ret; i++)
		ret = run_threads(&c, o->threads.v[i], err);
	rs_progress_end(&c.progress);
	close_rigs(c.rigs, o->nr_specs);
	free(c.rounds);
	return ret;
}

void bench_free(struct rs_bench *b)
{
	free((char *)b->no_counter);
	free(b->costs);
	free(b->contention);
	free(b->prices);
}
