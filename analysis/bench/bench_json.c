// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <math.h>

#include "analysis/bench/bench.h"
#include "analysis/write/json_build.h"
#include "analysis/write/json_exact.h"

/* Every builder returns a new reference, or NULL without memory. */
#define SCHEMA "retryscope-bench/1"

static json_t *spread(const struct rs_spread *s)
{
	return RS_JSON({ "median", rs_json_number(s->median) }, { "min", rs_json_number(s->min) },
		       { "max", rs_json_number(s->max) });
}

static json_t *times(const struct rs_bench_cost *c)
{
	json_t *o = RS_JSON({ "invalidation", spread(&c->inval_ns) },
			    { "check", spread(&c->check_ns) });

	for (unsigned int op = 0; op < RS_COST_CHECK; op++)
		o = rs_json_with(o, rs_cost_op_name(op), spread(&c->part_ns[op]));
	return o;
}

static json_t *instructions(const struct rs_bench_cost *c)
{
	json_t *o = json_object();

	for (unsigned int op = 0; op < RS_NR_COST_OPS; op++)
		o = rs_json_with(o, rs_cost_op_name(op), rs_json_number(c->instructions[op]));
	return o;
}

static json_t *costs(const struct rs_bench *b)
{
	json_t *list = json_array();

	for (size_t i = 0; i < b->nr_costs; i++) {
		const struct rs_bench_cost *c = &b->costs[i];

		list = rs_json_append(
			list,
			RS_JSON({ "algorithm", rs_json_text(c->algorithm) },
				{ "outstanding", rs_json_u64(c->set.outstanding) },
				{ "memslots", rs_json_u64(c->set.memslots) },
				{ "aliases", rs_json_u64(c->set.aliases) },
				{ "ended", rs_json_u64(c->set.ended) },
				{ "pages", rs_json_u64(c->set.pages) },
				{ "bytes_at_rest", rs_json_u64(c->rest_bytes) },
				{ "bytes_at_peak", rs_json_u64(c->peak_bytes) }, { "ns", times(c) },
				{ "instructions", b->no_counter ? json_null() : instructions(c) }));
	}
	return list;
}

static json_t *contention(const struct rs_bench *b)
{
	static const char *const names[RS_NR_BENCH_FIGURES] = {
		"checks_per_s",	 "begins_per_s",  "check_wait_ns", "check_wait_p99_ns",
		"check_held_ns", "write_wait_ns", "write_held_ns",
	};
	json_t *list = json_array();

	for (size_t i = 0; i < b->nr_contention; i++) {
		const struct rs_bench_contention *c = &b->contention[i];
		json_t *o = RS_JSON({ "algorithm", rs_json_text(c->algorithm) },
				    { "vcpus", rs_json_u64(c->vcpus) },
				    { "notifiers", rs_json_u64(c->notifiers) });

		for (unsigned int k = 0; k < RS_NR_BENCH_FIGURES; k++)
			o = rs_json_with(o, names[k], spread(&c->figures[k]));
		list = rs_json_append(list, o);
	}
	return list;
}

static double at_least(double price)
{
	return price > RS_BENCH_LEAST_PRICE ? price : RS_BENCH_LEAST_PRICE;
}

static json_t *price(const struct rs_bench_price *p, const char *unit, const struct rs_spread *s)
{
	return RS_JSON(
		{ "algorithm", rs_json_text(p->algorithm) }, { "unit", rs_json_text(unit) },
		{ "median", rs_json_number(at_least(s->median)) },
		{ "min", rs_json_number(at_least(s->min)) },
		{ "max", rs_json_number(at_least(s->max)) }, { "checked", rs_json_u64(p->checked) },
		{ "rejected", rs_json_u64(p->rejected) },
		{ "necessary", rs_json_u64(p->necessary) },
		{ "spurious", rs_json_u64(p->spurious) }, { "missed", rs_json_u64(p->missed) },
		{ "bytes_at_peak", rs_json_u64(p->peak_bytes) });
}

/* By instructions first, where they are known: those are repeatable. */
static json_t *prices(const struct rs_bench *b)
{
	json_t *list = json_array();

	for (size_t i = 0; i < b->nr_prices; i++) {
		const struct rs_bench_price *p = &b->prices[i];
		struct rs_spread s = { p->instructions, p->instructions, p->instructions };

		if (!isnan(p->instructions))
			list = rs_json_append(list, price(p, RS_BENCH_UNIT_INSTRUCTIONS, &s));
	}
	for (size_t i = 0; i < b->nr_prices; i++)
		list = rs_json_append(list,
				      price(&b->prices[i], RS_BENCH_UNIT_NS, &b->prices[i].ns));
	return list;
}

static json_t *mix(const struct rs_bench *b)
{
	static const char *const names[RS_NR_COST_OPS] = { "begins", "slots", "ends", "checks" };
	json_t *o = json_object();

	for (unsigned int op = 0; op < RS_NR_COST_OPS; op++)
		o = rs_json_with(o, names[op], rs_json_u64(b->mix[op]));
	return o;
}

int rs_bench_json(FILE *f, const struct rs_bench *b)
{
	json_t *root = RS_JSON({ "schema", rs_json_text(SCHEMA) },
			       { "tool", RS_JSON({ "version", rs_json_text(RS_VERSION) }) },
			       { "command", rs_json_text(b->command) },
			       { "rounds", rs_json_u64(b->rounds) },
			       { "no_counter", rs_json_text(b->no_counter) });
	int ret;

	if (b->nr_costs)
		root = rs_json_with(root, "costs", costs(b));
	if (b->nr_contention)
		root = rs_json_with(root, "contention", contention(b));
	if (b->trace) {
		root = rs_json_with(root, "trace", rs_json_text(b->trace));
		root = rs_json_with(root, "operations", mix(b));
		root = rs_json_with(root, "price", prices(b));
	}
	if (!root)
		return -ENOMEM;
	ret = rs_json_write(f, root);
	json_decref(root);
	return ret;
}
