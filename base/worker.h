/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_BASE_WORKER_H
#define RS_BASE_WORKER_H

#include <stdbool.h>

/*
 * A thread beside the caller's that does what the caller will want done: it reads
 * ahead, or writes behind. The works are done in the order in which they are
 * queued; one that has not begun when the caller waits for it is done by the
 * caller. So the caller waits only for what is being done, and what a work gives
 * is the same whichever thread did it.
 *
 * All calls are made by one thread. Without a worker (NULL) the caller does each
 * work when it flushes it.
 */
struct rs_work {
	/* @beside: on the worker's thread; so each can have a workspace of its own. */
	void (*run)(struct rs_work *work, bool beside);
	/* The worker's: */
	struct rs_work *next;
	enum { RS_WORK_DONE, RS_WORK_QUEUED, RS_WORK_RUNNING } state;
};

struct rs_worker;

/* NULL if @jobs (0: one per CPU) allows one thread only, or no other is to be had. */
struct rs_worker *rs_worker_new(unsigned int jobs);
/* @work, which is done (or zeroed), will be done. */
void rs_worker_queue(struct rs_worker *w, struct rs_work *work);
/* Returns when @work is done, at once if it is not queued. */
void rs_worker_flush(struct rs_worker *w, struct rs_work *work);
/* As rs_worker_flush(), but work that has not begun is not done. */
void rs_worker_cancel(struct rs_worker *w, struct rs_work *work);
/* Ends the thread; all work must be flushed or cancelled. */
void rs_worker_free(struct rs_worker *w);

#endif
