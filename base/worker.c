// SPDX-License-Identifier: GPL-2.0-only
#include "base/worker.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/parallel.h"

struct rs_worker {
	pthread_t thread;
	pthread_mutex_t lock; /* of all below and of the works' next and state */
	pthread_cond_t queued, done;
	struct rs_work *first, **last;
	bool stop;
};

static struct rs_work *take_first(struct rs_worker *w)
{
	struct rs_work *work = w->first;

	if (!work)
		return NULL;
	w->first = work->next;
	if (!w->first)
		w->last = &w->first;
	work->state = RS_WORK_RUNNING;
	return work;
}

static void *work_on(void *arg)
{
	struct rs_worker *w = arg;
	struct rs_work *work;

	pthread_mutex_lock(&w->lock);
	while (!w->stop) {
		work = take_first(w);
		if (!work) {
			pthread_cond_wait(&w->queued, &w->lock);
			continue;
		}
		pthread_mutex_unlock(&w->lock);
		work->run(work, true);
		pthread_mutex_lock(&w->lock);
		work->state = RS_WORK_DONE;
		pthread_cond_signal(&w->done);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

struct rs_worker *rs_worker_new(unsigned int jobs)
{
	struct rs_worker *w = rs_parallel_threads(jobs) > 1 ? calloc(1, sizeof(*w)) : NULL;

	if (!w)
		return NULL;
	w->last = &w->first;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->queued, NULL);
	pthread_cond_init(&w->done, NULL);
	if (!pthread_create(&w->thread, NULL, work_on, w))
		return w;
	pthread_cond_destroy(&w->done);
	pthread_cond_destroy(&w->queued);
	pthread_mutex_destroy(&w->lock);
	free(w);
	return NULL;
}

void rs_worker_queue(struct rs_worker *w, struct rs_work *work)
{
	if (!w) {
		work->state = RS_WORK_QUEUED;
		return;
	}
	pthread_mutex_lock(&w->lock);
	work->state = RS_WORK_QUEUED;
	work->next = NULL;
	*w->last = work;
	w->last = &work->next;
	pthread_cond_signal(&w->queued);
	pthread_mutex_unlock(&w->lock);
}

static void unlink_work(struct rs_worker *w, struct rs_work *work)
{
	struct rs_work **at = &w->first;

	while (*at != work)
		at = &(*at)->next;
	*at = work->next;
	if (!*at)
		w->last = at;
}

/* Takes @work from the queue, or waits for its end. Whether it had not begun. */
static bool withdraw(struct rs_worker *w, struct rs_work *work)
{
	bool queued;

	if (!w) {
		queued = work->state == RS_WORK_QUEUED;
		work->state = RS_WORK_DONE;
		return queued;
	}
	pthread_mutex_lock(&w->lock);
	queued = work->state == RS_WORK_QUEUED;
	if (queued) {
		unlink_work(w, work);
		work->state = RS_WORK_DONE;
	}
	while (work->state == RS_WORK_RUNNING)
		pthread_cond_wait(&w->done, &w->lock);
	pthread_mutex_unlock(&w->lock);
	return queued;
}

void rs_worker_flush(struct rs_worker *w, struct rs_work *work)
{
	if (withdraw(w, work))
		work->run(work, false);
}

void rs_worker_cancel(struct rs_worker *w, struct rs_work *work)
{
	withdraw(w, work);
}

void rs_worker_free(struct rs_worker *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->queued);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	pthread_cond_destroy(&w->done);
	pthread_cond_destroy(&w->queued);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
