/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_BENCH_WAYS_H
#define RS_BENCH_WAYS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Ways to do the same, run in turn and compared by the time that they take. */
#define MAX_ROUNDS 5

struct way {
	const char *name;
	/* Returns how many events it went through, or -1. */
	int64_t (*run)(const char *path);
	int64_t events;
	unsigned int rounds;
	double seconds[MAX_ROUNDS];
};

/* Says on standard error what failed, by @err or else by errno; returns -1. */
int64_t fail(const char *what, const struct rs_error *err);
/* Of this process and of its children that have ended. */
double processor_seconds(void);
/* Since some time in the past. */
double elapsed_seconds(void);
/* Each way in each round by @clock, then the times in rising order. 0, or -1 if one failed. */
int run_ways(struct way *ways, size_t n, const char *path, unsigned int rounds,
	     double (*clock)(void));
/* Medians and their range, each way against the last, which is the least that can be done. */
void print_ways(const struct way *ways, size_t n);
/*
 * Runs @command, a NULL-terminated list, and says on standard error, as @what, the processor
 * time that it took and its peak memory. 0, or not if it failed.
 */
int run_command(const char *what, char **command);

#endif
