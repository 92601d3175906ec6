// SPDX-License-Identifier: GPL-2.0-only
/* Precision against price on one trace. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bench_run.h"
#include "cli/cli.h"

/* ---- the trace ---- */

static int start(void *arg, const struct rs_trace_meta *meta, struct rs_error *err)
{
	return 0;
}

static int feed(void *arg, const struct rs_event *evs, size_t n, struct rs_error *err)
{
	return rs_tape_feed(arg, evs, n, err);
}

struct rs_tape *bench_read_trace(struct bench_order *o, struct rs_result **res,
				 struct rs_error *err)
{
	char *own = o->algos ? NULL : rs_algo_list(RS_ALGOS_PRICE, true);
	struct rs_tape *t = rs_tape_new(o->algos ? o->algos : own, err);
	const struct rs_input_sink sink = { .arg = t, .start = start, .events = feed };
	struct rs_reader *reader = t ? rs_input_read(&o->input, &sink, err) : NULL;

	free(own);
	*res = reader ? rs_tape_finish(t, err) : NULL;
	if (reader)
		rs_reader_close(reader);
	if (*res)
		return t;
	rs_tape_free(t);
	return NULL;
}

/* ---- instructions, from a file of lines "ALGORITHM NUMBER" ---- */

static int take_line(struct rs_bench *b, const char *line, uint64_t number, const char *path,
		     struct rs_error *err)
{
	char name[64], rest;
	double value;

	if (line[0] == '#' || line[strspn(line, " \t\n")] == '\0')
		return 0;
	if (sscanf(line, "%63s %lf %c", name, &value, &rest) != 2 || !(value >= 0) ||
	    !isfinite(value)) {
		rs_error_set(err, RS_ERR_INPUT, EINVAL, "an algorithm and a number expected");
		rs_error_set_file(err, path);
		err->line = number;
		return -EINVAL;
	}
	for (size_t i = 0; i < b->nr_prices; i++)
		if (!strcmp(b->prices[i].algorithm, name))
			b->prices[i].instructions = value;
	return 0;
}

static int read_instructions(struct rs_bench *b, const char *path, struct rs_error *err)
{
	FILE *f = fopen(path, "r");
	uint64_t number = 0;
	char line[256];
	int ret = 0;

	if (!f) {
		rs_error_set(err, RS_ERR_INPUT, errno, "%s", strerror(errno));
		rs_error_set_file(err, path);
		return -EINVAL;
	}
	while (!ret && fgets(line, sizeof(line), f))
		ret = take_line(b, line, ++number, path, err);
	fclose(f);
	return ret;
}

/* ---- rounds ---- */

static void count_decisions(struct rs_bench_price *p, const struct rs_result *res)
{
	for (size_t v = 0; v < res->nr_vms; v++) {
		const struct rs_vm_result *vm = &res->vms[v];

		p->checked += vm->checked;
		p->necessary += vm->necessary;
		for (size_t i = 0; i < res->nr_algos; i++) {
			if (strcmp(vm->algos[i].name, p->algorithm) != 0)
				continue;
			p->rejected += vm->algos[i].rejected;
			p->spurious += vm->algos[i].spurious;
			p->missed += vm->algos[i].missed;
		}
	}
}

struct trace_run {
	const struct bench_order *o;
	struct rs_bench *b;
	const struct rs_tape *tape;
	struct rs_tick_rate rate;
	struct rs_counter counter;
	uint64_t ops;
	double (*ns)[BENCH_MAX_ROUNDS]; /* of one operation; one row per algorithm */
	double (*instructions)[BENCH_MAX_ROUNDS];
};

static int one_turn(struct trace_run *t, size_t algo, uint32_t round, struct rs_error *err)
{
	const struct rs_counter *counter = t->b->no_counter ? NULL : &t->counter;
	double ops = (double)t->ops;
	struct rs_tape_run run;

	if (rs_tape_play(t->tape, &t->o->specs[algo], &t->rate, counter, &run))
		return rs_error_nomem(err);
	t->ns[algo][round] = run.ns > 0 ? run.ns / ops : 0;
	t->instructions[algo][round] = run.instructions / ops;
	return 0;
}

static int run_rounds(struct trace_run *t, struct rs_error *err)
{
	const struct bench_order *o = t->o;
	uint64_t done = 0, total = o->rounds * o->nr_specs;
	struct rs_progress progress;
	int ret = 0;

	rs_progress_init(&progress, "bench");
	for (uint32_t round = 0; round < o->rounds && !ret; round++) {
		for (size_t i = 0; i < o->nr_specs && !ret; i++) {
			ret = one_turn(t, i, round, err);
			if (!ret && rs_progress_update(&progress, done++, total))
				ret = rs_error_set(err, RS_ERR_INTR, EINTR, "interrupted");
		}
	}
	rs_progress_end(&progress);
	return ret;
}

static int finish_prices(struct trace_run *t, const struct rs_result *res, struct rs_error *err)
{
	for (size_t i = 0; i < t->o->nr_specs; i++) {
		struct rs_bench_price *p = &t->b->prices[t->b->nr_prices++];

		p->algorithm = t->o->specs[i].name;
		p->ns = rs_spread_of(t->ns[i], t->o->rounds);
		p->instructions = (double)NAN;
		if (!t->b->no_counter)
			p->instructions = rs_spread_of(t->instructions[i], t->o->rounds).median;
		count_decisions(p, res);
		if (rs_tape_peak_bytes(t->tape, &t->o->specs[i], &p->peak_bytes))
			return rs_error_nomem(err);
	}
	return t->o->instructions ? read_instructions(t->b, t->o->instructions, err) : 0;
}

static int price_trace(struct trace_run *t, const struct rs_result *res, struct rs_error *err)
{
	size_t n = t->o->nr_specs;
	int ret;

	t->b->prices = calloc(n, sizeof(*t->b->prices));
	t->ns = calloc(n, sizeof(*t->ns));
	t->instructions = calloc(n, sizeof(*t->instructions));
	if (!t->b->prices || !t->ns || !t->instructions)
		return rs_error_nomem(err);
	rs_tape_mix(t->tape, t->b->mix);
	for (unsigned int op = 0; op < RS_NR_COST_OPS; op++)
		t->ops += t->b->mix[op];
	if (!t->ops)
		return rs_error_set(err, RS_ERR_INPUT, ENODATA,
				    "no invalidation and no judged fault: nothing to measure");
	if (rs_counter_open(&t->counter, err)) {
		t->b->no_counter = strdup(err->text);
		*err = (struct rs_error){ .offset = -1 };
	}
	ret = run_rounds(t, err);
	return ret ? ret : finish_prices(t, res, err);
}

int bench_run_trace(struct bench_order *o, struct rs_bench *b, struct rs_error *err)
{
	struct trace_run t = { .o = o, .b = b, .rate = rs_tick_rate_measure() };
	struct rs_result *res;
	struct rs_tape *tape = bench_read_trace(o, &res, err);
	int ret;

	if (!tape)
		return -EINVAL;
	t.tape = tape;
	t.counter.fd = -1;
	b->trace = strcmp(o->input.path, "-") ? o->input.path : "standard input";
	ret = price_trace(&t, res, err);
	if (ret && err->kind == RS_ERR_INPUT && !err->file[0])
		rs_cli_name_input(err, o->input.path);
	rs_counter_close(&t.counter);
	free(t.ns);
	free(t.instructions);
	rs_result_free(res);
	rs_tape_free(tape);
	return ret;
}
