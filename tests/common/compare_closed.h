/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TESTS_COMPARE_CLOSED_H
#define RS_TESTS_COMPARE_CLOSED_H

#include <stdio.h>

#include "replay/closed/closed.h"
#include "tests/common/naive_closed.h"
#include "tests/common/random_stream.h"

/* The engine's closed loop of a stream. Aborts where it refuses; free with rs_result_free(). */
struct rs_result *closed_engine_run(const struct stream *s, const struct rs_closed_opts *opts);
/* The naive one with the same options. */
struct naive_closed *closed_naive_run(const struct stream *s, const struct rs_closed_opts *opts);

/*
 * Compares the two, distributions value by value. Returns whether all is equal;
 * the first few differences are written to @f, one line each (NULL: none).
 */
bool compare_closed(const struct naive_closed *n, const struct rs_result *e, FILE *f);

#endif
