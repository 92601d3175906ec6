/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TESTS_COMPARE_H
#define RS_TESTS_COMPARE_H

#include <stdio.h>

#include "replay/replay.h"
#include "tests/common/naive.h"
#include "tests/common/random_stream.h"

/* What the engine made of a stream, with each verdict as its observer got it. */
struct engine_run {
	struct rs_result *res;
	struct naive_judged *judged;
	size_t nr_judged;
};

/*
 * Replays with the engine, fed in pieces of @piece events (0: all at once);
 * @kernel_algo is what the STATE records are compared with (may be NULL). Aborts
 * where the engine refuses. Free with engine_free().
 */
struct engine_run engine_run(const struct stream *s, const char *algos, size_t piece,
			     const char *kernel_algo);
void engine_free(struct engine_run *e);

/* The VM of that number in the engine's result; NULL if it has none. */
const struct rs_vm_result *engine_vm(const struct rs_result *r, uint32_t vm);

/*
 * Compares every figure and every verdict. Returns whether all are equal;
 * the first few differences are written to @f, one line each (NULL: none).
 */
bool compare_results(const struct naive_result *n, const struct engine_run *e, FILE *f);

/* Both on one stream. */
bool compare_stream(const struct stream *s, const char *algos, FILE *f);

#endif
