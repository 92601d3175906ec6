/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_BENCH_BENCH_H
#define RS_ANALYSIS_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "replay/cost/cost.h"

/* What a bench found: plain data, and what is printed of it. Texts are the caller's. */

/* One algorithm in one setting. */
struct rs_bench_cost {
	const char *algorithm;
	struct rs_cost_setting set;
	struct rs_spread part_ns[RS_COST_CHECK]; /* begin, slot, end: see struct rs_cost_times */
	struct rs_spread inval_ns, check_ns;
	double instructions[RS_NR_COST_OPS]; /* NAN: not counted */
	size_t rest_bytes, peak_bytes;
};

/* One setting of several; which figure of it is varied. */
enum rs_bench_axis {
	RS_BENCH_OUTSTANDING,
	RS_BENCH_MEMSLOTS,
	RS_BENCH_ALIASES,
	RS_BENCH_ENDED,
	RS_NR_BENCH_AXES,
};
/* "outstanding", "memslots", "aliases", "ended"; NULL if out of range. */
const char *rs_bench_axis_name(unsigned int axis);
/* That figure of a setting. */
uint32_t *rs_bench_axis_of(struct rs_cost_setting *set, unsigned int axis);

enum rs_bench_figure {
	RS_BENCH_CHECKS_PER_S,
	RS_BENCH_BEGINS_PER_S,
	RS_BENCH_CHECK_WAIT,
	RS_BENCH_CHECK_WAIT_P99,
	RS_BENCH_CHECK_HELD,
	RS_BENCH_WRITE_WAIT,
	RS_BENCH_WRITE_HELD,
	RS_NR_BENCH_FIGURES,
};

/* One algorithm with so many threads. */
struct rs_bench_contention {
	const char *algorithm;
	unsigned int vcpus, notifiers;
	struct rs_spread figures[RS_NR_BENCH_FIGURES];
};

/* One algorithm on one trace. */
struct rs_bench_price {
	const char *algorithm;
	struct rs_spread ns; /* of one operation of the trace's mix */
	double instructions; /* likewise; NAN: not known */
	uint64_t checked, rejected, necessary, spurious, missed;
	size_t peak_bytes;
};

struct rs_bench {
	const char *command;
	unsigned int rounds;
	const char *no_counter; /* why instructions were not counted; NULL: they were */
	/* Algorithm by algorithm in the base setting, then setting by setting the others. */
	struct rs_bench_cost *costs;
	size_t nr_algos, nr_costs;
	struct rs_bench_contention *contention;
	size_t nr_contention;
	const char *trace; /* NULL: none */
	uint64_t mix[RS_NR_COST_OPS];
	struct rs_bench_price *prices;
	size_t nr_prices;
};

/* The least price that is told: one of 0 has no place on a logarithmic axis. */
#define RS_BENCH_LEAST_PRICE 0.01
#define RS_BENCH_UNIT_NS "ns per operation, under the lock"
#define RS_BENCH_UNIT_INSTRUCTIONS "instructions per operation, under the lock"
/* Whether there are prices, and all of them are known in instructions. */
bool rs_bench_counted(const struct rs_bench *b);

/* Each writes what there is. 0, -ENOMEM, or -EIO if @f has failed. */
int rs_bench_text(FILE *f, const struct rs_bench *b);
/* Schema "retryscope-bench/1". */
int rs_bench_json(FILE *f, const struct rs_bench *b);

#endif
