/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TESTS_CASES_H
#define TESTS_CASES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A hand-worked case: a trace as text whose comments say what is expected. */
struct case_file {
	const char *path;
	size_t line; /* that is looked at */
	size_t expectations, failures;
};

/* Something of the present line is not as it must be: says so, and goes on. */
void case_fail(struct case_file *c, const char *what);
void case_expect(struct case_file *c, const char *key, uint64_t found, uint64_t expected);

/*
 * Runs @also and then @test for each .txt in @dir, whose path is its initial
 * state, as one group. Returns main()'s exit code; a failure if there is no case.
 */
int cases_run(const char *group, const char *dir, CMUnitTestFunction test,
	      const struct CMUnitTest *also, size_t nr_also);

#endif
