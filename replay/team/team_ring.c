// SPDX-License-Identifier: GPL-2.0-only
/* The threads of a team: each takes a batch for the engine that is furthest behind. */
#include <errno.h>
#include <stdlib.h>

#include "replay/team/team_internal.h"

/* So many batches may what is in a thread's caches be ahead of what is furthest behind. */
#define AHEAD 2
/* The threads have numbers from 1 on; the caller has this one. */
#define CALLER 0

struct batch *rs_team_batch(const struct rs_team *t)
{
	return &t->ring[t->filled % t->nr_ring];
}

/* Past the batches that are for other lanes. Needs the lock. */
static uint64_t next_batch(const struct rs_team *t, struct engine *e)
{
	while (e->lane != RS_TEAM_EVERY && e->next < t->filled &&
	       t->ring[e->next % t->nr_ring].lane != e->lane)
		e->next++;
	return e->next;
}

/*
 * The engine that is furthest behind of those that nobody is at; NULL: there is no
 * work. What @me was at last is in the caches of its CPU: that first, if it is not
 * far ahead of the other.
 */
static struct engine *pick(const struct rs_team *t, uint32_t me)
{
	struct engine *best = NULL, *mine = NULL;

	for (size_t i = 0; i < t->nr_engines; i++) {
		struct engine *e = &t->engines[i];

		if (e->busy || next_batch(t, e) >= t->filled)
			continue;
		if (!best || e->next < best->next)
			best = e;
		if (e->thread == me && (!mine || e->next < mine->next))
			mine = e;
	}
	return mine && mine->next <= best->next + AHEAD ? mine : best;
}

static int replay_batch(const struct rs_team *t, const struct engine *e, struct rs_error *err)
{
	const struct batch *b = &t->ring[e->next % t->nr_ring];
	const struct share *s = &b->shares[e->part];

	if (t->max_parts > 1)
		return rs_replay_feed_some(e->replay, s->evs, s->before, b->first, s->n, err);
	if (b->cut && e->lane == b->lane && rs_replay_seek(e->replay, &b->from))
		return rs_error_nomem(err);
	return rs_replay_feed(e->replay, s->evs, s->n, err);
}

/* Called and left with the lock held. */
static void take_batch(struct rs_team *t, struct engine *e, uint32_t me)
{
	struct rs_error err = { 0 };
	int rc;

	e->busy = true;
	e->thread = me;
	pthread_mutex_unlock(&t->lock);
	rc = replay_batch(t, e, &err);
	pthread_mutex_lock(&t->lock);
	if (rc && !t->failed) {
		t->failed = rc;
		t->why = err;
	}
	e->next++;
	e->busy = false;
	pthread_cond_broadcast(&t->changed);
}

static void work_or_wait(struct rs_team *t, uint32_t me)
{
	struct engine *e = pick(t, me);

	if (e)
		take_batch(t, e, me);
	else
		pthread_cond_wait(&t->changed, &t->lock);
}

static void *work(void *arg)
{
	struct rs_team *t = arg;
	uint32_t me;

	pthread_mutex_lock(&t->lock);
	me = ++t->started_threads;
	while (!t->stop)
		work_or_wait(t, me);
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

int rs_team_start(struct rs_team *t, struct rs_error *err)
{
	t->threads = calloc(t->jobs, sizeof(*t->threads));
	if (!t->threads)
		return rs_error_nomem(err);
	while (t->nr_threads + 1 < t->jobs &&
	       !pthread_create(&t->threads[t->nr_threads], NULL, work, t))
		t->nr_threads++;
	return 0;
}

void rs_team_stop(struct rs_team *t)
{
	pthread_mutex_lock(&t->lock);
	t->stop = true;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
	while (t->nr_threads)
		pthread_join(t->threads[--t->nr_threads], NULL);
}

static bool is_behind(const struct rs_team *t, uint64_t want)
{
	for (size_t i = 0; i < t->nr_engines; i++) {
		struct engine *e = &t->engines[i];

		if ((e->busy ? e->next : next_batch(t, e)) < want)
			return true;
	}
	return false;
}

/* All batches but the last @left. */
static int catch_up(struct rs_team *t, uint64_t left, struct rs_error *err)
{
	uint64_t want = t->filled > left ? t->filled - left : 0;
	int failed;

	pthread_mutex_lock(&t->lock);
	while (is_behind(t, want))
		work_or_wait(t, CALLER);
	failed = t->failed;
	pthread_mutex_unlock(&t->lock);
	if (failed && err)
		*err = t->why;
	return failed;
}

int rs_team_catch_up(struct rs_team *t, struct rs_error *err)
{
	return catch_up(t, 0, err);
}

int rs_team_hand_on(struct rs_team *t, struct rs_error *err)
{
	struct batch *b;
	int rc;

	pthread_mutex_lock(&t->lock);
	t->filled++;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
	rc = catch_up(t, t->nr_ring - 1, err); /* the next place in the ring must be free */
	b = rs_team_batch(t);
	for (size_t i = 0; i < t->max_parts; i++)
		b->shares[i].n = 0;
	b->n = 0;
	b->events = 0;
	b->first = t->events;
	b->cut = false;
	b->lane = t->lane;
	return rc;
}
