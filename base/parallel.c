// SPDX-License-Identifier: GPL-2.0-only
#include "base/parallel.h"

#include <pthread.h>
#include <unistd.h>

#define MAX_THREADS 256

unsigned int rs_parallel_threads(unsigned int asked)
{
	if (!asked) {
		long cpus = sysconf(_SC_NPROCESSORS_ONLN);

		asked = cpus < 1 ? 1 : (unsigned int)cpus;
	}
	return asked < MAX_THREADS ? asked : MAX_THREADS;
}

void rs_parallel(unsigned int threads, void *(*work)(void *arg), void *arg)
{
	pthread_t others[MAX_THREADS - 1];
	unsigned int started = 0;

	threads = rs_parallel_threads(threads);
	while (started + 1 < threads && !pthread_create(&others[started], NULL, work, arg))
		started++;
	work(arg);
	while (started)
		pthread_join(others[--started], NULL);
}
