// SPDX-License-Identifier: GPL-2.0-only
#include "replay/parallel.h"

#include <pthread.h>
#include <unistd.h>

#define MAX_THREADS 256

void rs_parallel(unsigned int threads, void *(*work)(void *arg), void *arg)
{
	pthread_t others[MAX_THREADS - 1];
	unsigned int started = 0;

	if (!threads)
		threads = (unsigned int)sysconf(_SC_NPROCESSORS_ONLN);
	if (threads > MAX_THREADS)
		threads = MAX_THREADS;
	while (started + 1 < threads && !pthread_create(&others[started], NULL, work, arg))
		started++;
	work(arg);
	while (started)
		pthread_join(others[--started], NULL);
}
