// SPDX-License-Identifier: GPL-2.0-only
#include "replay/team/team.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "replay/team/team_internal.h"
#include "base/parallel.h"

#define BATCH 8192

struct rs_team *rs_team_new(const struct rs_replay_opts *opts, unsigned int jobs, size_t batch,
			    struct rs_error *err)
{
	struct rs_team *t = calloc(1, sizeof(*t));

	if (!t) {
		errno = -rs_error_nomem(err);
		return NULL;
	}
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->changed, NULL);
	t->opts = *opts;
	t->jobs = opts->strict || opts->observer ? 1 : rs_parallel_threads(jobs);
	t->max_batch = batch ? batch : BATCH;
	rs_limits_init(&t->limits, NULL, NULL, NULL);
	t->alone = rs_replay_new(opts, err);
	if (t->alone)
		return t;
	rs_team_free(t);
	return NULL;
}

static void free_batch(struct batch *b, size_t nr_parts)
{
	for (size_t i = 0; b->shares && i < nr_parts; i++) {
		free(b->shares[i].evs);
		free(b->shares[i].before);
	}
	free(b->shares);
	rs_moment_free(&b->from);
}

void rs_team_free(struct rs_team *t)
{
	if (!t)
		return;
	rs_team_stop(t);
	for (size_t i = 0; i < t->nr_engines; i++)
		rs_team_free_engine(&t->engines[i]);
	for (size_t i = 0; t->ring && i < t->nr_ring; i++)
		free_batch(&t->ring[i], t->max_parts);
	rs_follower_free(&t->follower);
	rs_replay_free(t->alone);
	free(t->ring);
	free(t->staged);
	free(t->engines);
	free(t->threads);
	pthread_cond_destroy(&t->changed);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

uint64_t rs_team_cuts(const struct rs_team *t)
{
	return t->cuts;
}

/* ---- a batch for the engines of each part of the VMs ---- */

/* As the engine would, so that each engine gets the time at which its events happen. */
static void tell_time(struct rs_team *t, struct rs_event *ev)
{
	if (!t->started) {
		t->started = true;
		t->begin_ns = ev->time_ns;
		t->now = ev->time_ns;
	}
	t->backwards += ev->time_ns < t->now;
	if (ev->time_ns < t->now)
		ev->time_ns = t->now;
	t->now = ev->time_ns;
}

static void deal(struct rs_team *t, struct batch *b, const struct rs_event *ev)
{
	size_t part = ev->vm < RS_TEAM_VMS ? t->part_of[ev->vm] : ev->vm % t->nr_parts;
	struct share *s = &b->shares[part];

	s->evs[s->n] = *ev;
	s->before[s->n] = b->events;
	if (ev->type != RS_EV_STATE) {
		tell_time(t, &s->evs[s->n]);
		b->events++;
		t->events++;
	}
	s->n++;
	b->n++;
}

static size_t deal_some(struct rs_team *t, struct batch *b, const struct rs_event *evs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (evs[i].type == RS_EV_LOST && t->nr_parts > 1)
			return i;
		deal(t, b, &evs[i]);
	}
	return n;
}

/* ---- a batch for all engines, or for those of a lane ---- */

static void copy(struct batch *b, const struct rs_event *evs, size_t n)
{
	struct share *all = &b->shares[0];

	memcpy(all->evs + all->n, evs, n * sizeof(*evs));
	all->n += n;
	b->n += n;
}

/* Where nothing is pending, and the batch is nearly full, the stream is cut. */
static size_t least_of_cut(const struct rs_team *t)
{
	return t->max_batch - t->max_batch / 4;
}

static bool is_cut(const struct rs_team *t, const struct batch *b)
{
	return b->n >= least_of_cut(t) && rs_follower_idle(&t->follower);
}

/* Up to a cut, or a loss. Returns how many, or -ENOMEM. */
static ssize_t follow_some(struct rs_team *t, struct batch *b, const struct rs_event *evs, size_t n)
{
	size_t least = least_of_cut(t);
	ssize_t some = rs_follower_note(&t->follower, evs, n, least > b->n ? least - b->n - 1 : 0);

	if (some > 0)
		copy(b, evs, (size_t)some);
	return some;
}

/* Some of the @n events into the batch; returns how many, or -ENOMEM. */
static ssize_t add(struct rs_team *t, struct batch *b, const struct rs_event *evs, size_t n)
{
	size_t some = t->max_batch - b->n < n ? t->max_batch - b->n : n;

	if (t->cutting)
		return follow_some(t, b, evs, some);
	if (t->max_parts > 1)
		return (ssize_t)deal_some(t, b, evs, some);
	copy(b, evs, some);
	return (ssize_t)some;
}

/* ---- the stream ---- */

/* The memslots' events that all lanes know, or will know when they have had their batches. */
static void forget_memslots(struct rs_team *t)
{
	uint64_t known = rs_follower_memslots(&t->follower);

	for (size_t i = 0; i < t->nr_lanes; i++)
		if (i != t->lane && t->engines[i].memslots < known)
			known = t->engines[i].memslots;
	rs_follower_forget(&t->follower, known);
}

/* The batch goes to its lane, and what follows to the next one. */
static int cut(struct rs_team *t, struct rs_error *err)
{
	struct batch *b;
	int rc;

	t->engines[t->lane].memslots = rs_follower_memslots(&t->follower);
	t->lane = (uint32_t)((t->lane + 1) % t->nr_lanes);
	rc = rs_team_hand_on(t, err);
	if (rc)
		return rc;
	b = rs_team_batch(t);
	b->cut = true;
	t->cuts++;
	if (rs_follower_moment(&t->follower, t->engines[t->lane].memslots, &b->from))
		return rs_error_nomem(err);
	forget_memslots(t);
	return 0;
}

/* A loss is next: all that was before it is done, then there is one engine for what follows. */
static int meet(struct rs_team *t, struct rs_error *err)
{
	int rc = rs_team_hand_on(t, err);

	if (!rc)
		rc = rs_team_catch_up(t, err);
	return rc ? rc : rs_team_gather(t, err);
}

/* After the batch got what it could take of the events; @more: there are others. */
static int go_on(struct rs_team *t, const struct batch *b, bool more, struct rs_error *err)
{
	if (t->cutting && is_cut(t, b))
		return cut(t, err);
	if (b->n == t->max_batch)
		return rs_team_hand_on(t, err);
	return more ? meet(t, err) : 0;
}

static int feed(struct rs_team *t, const struct rs_event *evs, size_t n, struct rs_error *err)
{
	while (n) {
		struct batch *b = rs_team_batch(t);
		ssize_t some = add(t, b, evs, n);
		int rc;

		if (some < 0)
			return rs_error_nomem(err);
		evs += some;
		n -= (size_t)some;
		rc = go_on(t, b, n, err);
		if (rc)
			return rc;
	}
	return 0;
}

/* There is more than one batch of it: from now on it is shared out. */
static int split(struct rs_team *t, struct rs_error *err)
{
	int rc = rs_team_plan(t, err);

	if (!rc)
		rc = rs_team_start(t, err);
	return rc ? rc : feed(t, t->staged, t->nr_staged, err);
}

static int stage(struct rs_team *t, const struct rs_event *evs, size_t n, struct rs_error *err)
{
	if (!t->staged)
		t->staged = malloc(t->max_batch * sizeof(*t->staged));
	if (!t->staged)
		return rs_error_nomem(err);
	memcpy(t->staged + t->nr_staged, evs, n * sizeof(*evs));
	t->nr_staged += n;
	return t->nr_staged == t->max_batch ? split(t, err) : 0;
}

int rs_team_feed(struct rs_team *t, const struct rs_event *evs, size_t n, struct rs_error *err)
{
	size_t room = t->max_batch - t->nr_staged, some = n < room ? n : room;
	int rc;

	if (t->jobs == 1)
		return rs_replay_feed(t->alone, evs, n, err);
	if (t->engines)
		return feed(t, evs, n, err);
	rc = stage(t, evs, some, err);
	return rc || some == n ? rc : feed(t, evs + some, n - some, err);
}

struct rs_result *rs_team_finish(struct rs_team *t, struct rs_error *err)
{
	int rc;

	if (!t->engines) {
		rc = rs_replay_feed(t->alone, t->staged, t->nr_staged, err);
		errno = -rc;
		return rc ? NULL : rs_replay_finish(t->alone, err);
	}
	rc = meet(t, err);
	if (!rc)
		return rs_team_join(t, err);
	errno = -rc;
	return NULL;
}
