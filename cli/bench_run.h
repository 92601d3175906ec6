/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_CLI_BENCH_RUN_H
#define RS_CLI_BENCH_RUN_H

#include "analysis/bench/bench.h"
#include "analysis/plot/figure.h"
#include "cli/input.h"
#include "replay/cost/tape.h"

#define BENCH_MAX_VALUES 10
#define BENCH_MAX_ROUNDS 101

/* The values of an option that takes a list. */
struct bench_list {
	uint32_t v[BENCH_MAX_VALUES];
	size_t n;
};

/* What the user orders. */
struct bench_order {
	const char *algos; /* as given; NULL: RS_ALGOS_PRICE */
	struct rs_algo_spec *specs;
	size_t nr_specs;
	struct bench_list axes[RS_NR_BENCH_AXES]; /* the first value holds while others vary */
	struct bench_list threads;		  /* in all */
	uint32_t notifiers, pages, seed, rounds;
	uint64_t round_ns;
	struct rs_input input;	  /* its path: the trace, or NULL */
	const char *instructions; /* a file of what they are on the trace, or NULL */
};

/* Each fills in its part of @b, whose texts belong to @o. 0, or negative errno with @err set. */
int bench_run_costs(const struct bench_order *o, struct rs_bench *b, struct rs_error *err);
int bench_run_contention(const struct bench_order *o, struct rs_bench *b, struct rs_error *err);
int bench_run_trace(struct bench_order *o, struct rs_bench *b, struct rs_error *err);
/* Frees what these three allocated. */
void bench_free(struct rs_bench *b);

/* Reads the order's trace onto a new tape; *@res is what the algorithms did. NULL with @err set. */
struct rs_tape *bench_read_trace(struct bench_order *o, struct rs_result **res,
				 struct rs_error *err);

/* Draws the prices. 0, or negative errno with @err set; then there is no picture. */
int bench_plot(const struct rs_bench *b, const char *path, struct rs_error *err);

#endif
