/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TESTS_SKIP_H
#define TESTS_SKIP_H

/*
 * Leaves a test case that cannot run here, as cmocka's skip() does, but says why;
 * and the program then exits with 77 if nothing failed, so that ctest shows it as
 * skipped and not as passed.
 */
#define test_skip(why)                         \
	do {                                   \
		test_note_skip(__func__, why); \
		skip();                        \
	} while (0)

void test_note_skip(const char *name, const char *why);

#endif
