// SPDX-License-Identifier: GPL-2.0-only
#include "tests/common/skip.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SKIPPED 77

/* Of the sanitizer, if it is there. It looks for leaks at exit, which _exit() passes by. */
__attribute__((weak)) void __lsan_do_leak_check(void); /* NOLINT(bugprone-reserved-identifier) */

static unsigned int nr_skipped;

void test_note_skip(const char *name, const char *why)
{
	fprintf(stderr, "SKIPPED: %s: %s\n", name, why);
	nr_skipped++;
}

/* cmocka's exit code is the number of cases that failed, which is not to look like a skip. */
static void at_exit(int status, void *arg)
{
	if (status != SKIPPED && (status || !nr_skipped))
		return;
	fflush(NULL);
	if (__lsan_do_leak_check)
		__lsan_do_leak_check();
	_exit(status ? 1 : SKIPPED);
}

/* Called last of all but the sanitizer: what tests leave to atexit() was registered later. */
__attribute__((constructor)) static void watch_exit(void)
{
	on_exit(at_exit, NULL);
}
