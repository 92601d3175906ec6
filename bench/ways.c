// SPDX-License-Identifier: GPL-2.0-only
#include "bench/ways.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int64_t fail(const char *what, const struct rs_error *err)
{
	fprintf(stderr, "bench: %s: %s\n", what, err ? err->text : strerror(errno));
	return -1;
}

double processor_seconds(void)
{
	struct timespec ts;
	struct rusage ru;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	getrusage(RUSAGE_CHILDREN, &ru);
	return (double)(ts.tv_sec + ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
	       (double)ts.tv_nsec * 1e-9 +
	       (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) * 1e-6;
}

static int cmp_double(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

double elapsed_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

int run_ways(struct way *ways, size_t n, const char *path, unsigned int rounds,
	     double (*clock)(void))
{
	for (unsigned int round = 0; round < rounds; round++) {
		for (size_t i = 0; i < n; i++) {
			double start = clock();

			ways[i].events = ways[i].run(path);
			if (ways[i].events < 0)
				return -1;
			ways[i].rounds = rounds;
			ways[i].seconds[round] = clock() - start;
		}
	}
	for (size_t i = 0; i < n; i++)
		qsort(ways[i].seconds, rounds, sizeof(double), cmp_double);
	return 0;
}

static double median(const struct way *w)
{
	return w->seconds[w->rounds / 2];
}

void print_ways(const struct way *ways, size_t n)
{
	double base = median(&ways[n - 1]);
	struct rusage ru;

	printf("  %-34s %10s %8s %17s %7s %7s\n", "", "each", "ns", "(range)", "10^6/s", "ratio");
	for (size_t i = 0; i < n; i++) {
		const struct way *w = &ways[i];
		double scale = 1e9 / (double)w->events;

		printf("  %-34s %10" PRId64 " %8.1f (%6.1f -%7.1f) %7.1f %7.2f\n", w->name,
		       w->events, median(w) * scale, w->seconds[0] * scale,
		       w->seconds[w->rounds - 1] * scale, 1e3 / (median(w) * scale),
		       median(w) / base);
	}
	getrusage(RUSAGE_SELF, &ru);
	printf("  peak memory %.1f MiB, mapped files included\n", (double)ru.ru_maxrss / 1024);
}

int run_command(const char *what, char **command)
{
	struct rusage ru;
	pid_t pid = fork();
	int status;

	if (!pid) {
		execvp(command[0], command);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &ru) < 0)
		return (int)fail(what, NULL);
	fprintf(stderr, "%-44s %9.2f %9.1f", what,
		(double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
			(double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6,
		(double)ru.ru_maxrss / 1024);
	if (WIFSIGNALED(status))
		fprintf(stderr, "  killed by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status))
		fprintf(stderr, "  exit code %d", WEXITSTATUS(status));
	fputc('\n', stderr);
	return status != 0;
}
