// SPDX-License-Identifier: GPL-2.0-only
/* The costs of one thread: time, instructions, and loops for a profiler. */
#include "replay/cost/cost.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "replay/cost/cost_rig.h"
#include "replay/cost/priced.h"

#define CHECKS (4 * RS_COST_BATCH) /* that are timed together */

const char *rs_cost_op_name(unsigned int op)
{
	static const char *const names[RS_NR_COST_OPS] = { "begin", "slot", "end", "check" };

	return op < RS_NR_COST_OPS ? names[op] : NULL;
}

int rs_cost_algos(const char *list, struct rs_algo_spec **specs, size_t *n, struct rs_error *err)
{
	bool all = list && !strcmp(list, "all");
	char *own = list ? NULL : rs_algo_list(RS_ALGOS_PRICE, true);
	size_t kept = 0;
	int ret;

	if (!list && !own)
		return rs_error_nomem(err);
	ret = rs_algo_parse(list ? list : own, specs, n, err);
	free(own);
	if (ret)
		return ret;
	for (size_t i = 0; i < *n; i++)
		if (!((*specs)[i].ops->flags & RS_ALGO_BOUND))
			(*specs)[kept++] = (*specs)[i];
	if (kept == *n || all) {
		*n = kept;
		return 0;
	}
	free(*specs);
	return rs_error_set(err, RS_ERR_USAGE, EINVAL,
			    "exact is a bound that no kernel could run: it has no price");
}

/* ---- time ---- */

/* Ticks of steps, each with the look at the clock, and how many operations they were. */
struct clock {
	struct rs_hist ticks;
	uint64_t ops;
};

struct clocks {
	struct clock parts[RS_COST_CHECK], invals, checks;
};

static void note(struct clock *c, uint64_t ticks, uint64_t ops)
{
	rs_hist_add(&c->ticks, ticks, 1);
	c->ops += ops;
}

/* One more begins, walks and ends, again and again: each step is timed by itself. */
static int time_parts(struct rs_cost_rig *r, struct clocks *c)
{
	const struct rs_inval *inv = rs_cost_spare(r);

	for (uint32_t i = 0; i < RS_COST_BATCH; i++, inv++) {
		uint64_t t0 = rs_ticks(), t1, t2, t3;
		int ret = rs_algo_begin(&r->algo, inv);

		t1 = rs_ticks();
		for (uint32_t k = 0; !ret && k < inv->nr_hits; k++)
			ret = rs_algo_slot(&r->algo, inv, &inv->hits[k]);
		t2 = rs_ticks();
		rs_algo_end(&r->algo, inv);
		t3 = rs_ticks();
		if (ret)
			return ret;
		note(&c->parts[RS_COST_BEGIN], t1 - t0, 1);
		note(&c->parts[RS_COST_SLOT], t2 - t1, inv->nr_hits);
		note(&c->parts[RS_COST_END], t3 - t2, 1);
	}
	return 0;
}

/* The same without looks between. */
static int time_invals(struct rs_cost_rig *r, struct clocks *c)
{
	const struct rs_inval *inv = rs_cost_spare(r);
	uint64_t t0 = rs_ticks();

	for (uint32_t i = 0; i < RS_COST_BATCH; i++, inv++) {
		if (rs_cost_begin_all(r, inv))
			return -ENOMEM;
		rs_algo_end(&r->algo, inv);
	}
	note(&c->invals, rs_ticks() - t0, RS_COST_BATCH);
	return 0;
}

/* What a fault read at its begin, after which as many ended as the setting says. */
static int snapshot_before_ends(struct rs_cost_rig *r, uint64_t *snapshot)
{
	*snapshot = rs_algo_snapshot(&r->algo);
	for (uint32_t i = 0; i < r->set.ended; i++) {
		const struct rs_inval *inv = rs_cost_spare(r) + i % RS_COST_BATCH;

		if (rs_cost_begin_all(r, inv))
			return -ENOMEM;
		rs_algo_end(&r->algo, inv);
	}
	return 0;
}

/* Checks are timed together: nothing comes between them. */
static int time_checks(struct rs_cost_rig *r, struct clocks *c)
{
	unsigned int any = 0;
	uint64_t snapshot, t0;

	if (snapshot_before_ends(r, &snapshot))
		return -ENOMEM;
	t0 = rs_ticks();
	for (uint32_t i = 0; i < CHECKS; i++)
		any += rs_cost_check(r, i, snapshot);
	__asm__ volatile("" : : "r"(any));
	note(&c->checks, rs_ticks() - t0, CHECKS);
	return 0;
}

/* Mean time of one operation: of a step, less the look at the clock, by the operations in it. */
static double mean_of(struct clock *c, const struct rs_tick_rate *rate)
{
	double step = rs_hist_trimmed_mean(&c->ticks) - rate->look;
	double steps = (double)c->ticks.weight;

	rs_hist_free(&c->ticks);
	return c->ops && step > 0 ? step * rate->ns_per_tick * steps / (double)c->ops : 0;
}

int rs_cost_round(struct rs_cost_rig *r, uint64_t ns, const struct rs_tick_rate *rate,
		  struct rs_cost_times *times)
{
	uint64_t until = rs_now_ns() + ns;
	struct clocks c = { 0 };
	int ret;

	do {
		ret = time_parts(r, &c);
		if (!ret)
			ret = time_invals(r, &c);
		if (!ret)
			ret = time_checks(r, &c);
	} while (!ret && rs_now_ns() < until);
	for (unsigned int op = 0; op < RS_COST_CHECK; op++)
		times->part_ns[op] = mean_of(&c.parts[op], rate);
	times->inval_ns = mean_of(&c.invals, rate);
	times->check_ns = mean_of(&c.checks, rate);
	return ret;
}

/* ---- instructions ---- */

static int count_batch(struct rs_cost_rig *r, const struct rs_counter *counter,
		       double sum[RS_NR_COST_OPS], double steps[RS_NR_COST_OPS])
{
	const struct rs_inval *inv = rs_cost_spare(r);

	for (uint32_t i = 0; i < RS_COST_BATCH; i++, inv++) {
		uint64_t n0 = rs_counter_read(counter), n1, n2, n3;
		int ret = rs_algo_begin(&r->algo, inv);

		n1 = rs_counter_read(counter);
		for (uint32_t k = 0; !ret && k < inv->nr_hits; k++)
			ret = rs_algo_slot(&r->algo, inv, &inv->hits[k]);
		n2 = rs_counter_read(counter);
		rs_algo_end(&r->algo, inv);
		n3 = rs_counter_read(counter);
		if (ret)
			return ret;
		sum[RS_COST_BEGIN] += (double)(n1 - n0) - counter->look;
		sum[RS_COST_SLOT] += (double)(n2 - n1) - counter->look;
		sum[RS_COST_END] += (double)(n3 - n2) - counter->look;
		steps[RS_COST_SLOT] += inv->nr_hits;
	}
	steps[RS_COST_BEGIN] = steps[RS_COST_END] = RS_COST_BATCH;
	return 0;
}

int rs_cost_count(struct rs_cost_rig *r, const struct rs_counter *counter,
		  double instructions[RS_NR_COST_OPS])
{
	double steps[RS_NR_COST_OPS] = { 0, 0, 0, CHECKS };
	unsigned int any = 0;
	uint64_t snapshot, n0;

	memset(instructions, 0, RS_NR_COST_OPS * sizeof(*instructions));
	if (count_batch(r, counter, instructions, steps) || snapshot_before_ends(r, &snapshot))
		return -ENOMEM;
	n0 = rs_counter_read(counter);
	for (uint32_t i = 0; i < CHECKS; i++)
		any += rs_cost_check(r, i, snapshot);
	__asm__ volatile("" : : "r"(any));
	instructions[RS_COST_CHECK] = (double)(rs_counter_read(counter) - n0) - counter->look;
	for (unsigned int op = 0; op < RS_NR_COST_OPS; op++)
		instructions[op] = steps[op] ? instructions[op] / steps[op] : 0;
	return 0;
}

static int cycle(struct rs_cost_rig *r, const struct rs_inval *inv)
{
	int ret = rs_priced_begin(&r->algo, inv);

	for (uint32_t k = 0; !ret && k < inv->nr_hits; k++)
		ret = rs_priced_slot(&r->algo, inv, &inv->hits[k]);
	if (!ret)
		rs_priced_end(&r->algo, inv);
	return ret;
}

int rs_cost_repeat(struct rs_cost_rig *r, uint64_t cycles, uint64_t checks)
{
	unsigned int any = 0;
	uint64_t snapshot;

	for (uint64_t i = 0; i < cycles; i++)
		if (cycle(r, rs_cost_spare(r) + i % RS_COST_BATCH))
			return -ENOMEM;
	if (snapshot_before_ends(r, &snapshot))
		return -ENOMEM;
	for (uint64_t i = 0; i < checks; i++)
		any += rs_priced_check(&r->algo, &r->faults[i % RS_COST_FAULTS], snapshot);
	__asm__ volatile("" : : "r"(any));
	return 0;
}
