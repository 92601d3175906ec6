// SPDX-License-Identifier: GPL-2.0-only
#include "replay/team.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "replay/algorithm.h"
#include "traces/parallel.h"

#define BATCH 8192
/* Batches that are there at once: so far may the engines drift apart. */
#define RING 4
/* With fewer algorithms an engine does little but what each engine must. */
#define LEAST_ALGOS 3
/* VMs of lower numbers are shared out evenly, the others by their numbers. */
#define MAX_VMS 256

/* What of a batch goes to the engines of some VMs. */
struct share {
	struct rs_event *evs;
	uint32_t *before; /* events of the batch before it */
	size_t n;
};

struct batch {
	struct share *shares; /* nr_parts */
	uint64_t first;	      /* events of the stream before it */
	size_t n;	      /* records */
	uint32_t events;
};

struct engine {
	struct rs_replay *replay; /* NULL: another took its VMs */
	char *algos;
	size_t group, part; /* of the algorithms, of the VMs */
	uint64_t next;	    /* its next batch */
	bool busy;
};

struct rs_team {
	struct rs_replay_opts opts;
	unsigned int jobs;
	size_t max_batch;
	struct rs_replay *alone; /* until the split */
	struct rs_event *staged; /* as long as they are less than a batch */
	size_t nr_staged;

	struct batch ring[RING];
	uint64_t filled;	/* batches that the engines may have */
	struct engine *engines; /* group by group, in each part by part */
	size_t nr_engines, nr_groups, nr_algos, max_parts;
	size_t nr_parts; /* 1 once the VMs are together again */
	uint8_t part_of[MAX_VMS];

	/* Of the stream, where no engine sees all of it. */
	bool started;
	uint64_t begin_ns, now, events, backwards;

	pthread_t *threads;
	size_t nr_threads;
	pthread_mutex_t lock; /* of filled, stop, failed and the engines' next and busy */
	pthread_cond_t changed;
	bool stop, failed;
};

static int no_memory(struct rs_error *err)
{
	return rs_error_set(err, RS_ERR_SYSTEM, ENOMEM, "out of memory");
}

struct rs_team *rs_team_new(const struct rs_replay_opts *opts, unsigned int jobs, size_t batch,
			    struct rs_error *err)
{
	struct rs_team *t = calloc(1, sizeof(*t));

	if (!t) {
		errno = -no_memory(err);
		return NULL;
	}
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->changed, NULL);
	t->opts = *opts;
	t->jobs = opts->strict || opts->observer ? 1 : rs_parallel_threads(jobs);
	t->max_batch = batch ? batch : BATCH;
	t->alone = rs_replay_new(opts, err);
	if (t->alone)
		return t;
	rs_team_free(t);
	return NULL;
}

static void stop_threads(struct rs_team *t)
{
	pthread_mutex_lock(&t->lock);
	t->stop = true;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
	while (t->nr_threads)
		pthread_join(t->threads[--t->nr_threads], NULL);
}

static void free_engine(struct engine *e)
{
	rs_replay_free(e->replay);
	free(e->algos);
	e->replay = NULL;
	e->algos = NULL;
}

static void free_batch(struct batch *b, size_t nr_parts)
{
	for (size_t i = 0; b->shares && i < nr_parts; i++) {
		free(b->shares[i].evs);
		free(b->shares[i].before);
	}
	free(b->shares);
}

void rs_team_free(struct rs_team *t)
{
	if (!t)
		return;
	stop_threads(t);
	for (size_t i = 0; i < t->nr_engines; i++)
		free_engine(&t->engines[i]);
	for (size_t i = 0; i < RING; i++)
		free_batch(&t->ring[i], t->max_parts);
	rs_replay_free(t->alone);
	free(t->staged);
	free(t->engines);
	free(t->threads);
	pthread_cond_destroy(&t->changed);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* ---- who does what ---- */

/* Gives each VM seen so far a part, in turn; returns how many VMs there are. */
static size_t number_vms(struct rs_team *t)
{
	bool seen[MAX_VMS] = { false };
	size_t nr = 0;

	for (size_t i = 0; i < t->nr_staged; i++) {
		uint32_t vm = t->staged[i].vm;

		if (vm >= MAX_VMS || seen[vm])
			continue;
		seen[vm] = true;
		t->part_of[vm] = (uint8_t)nr++;
	}
	return nr ? nr : 1;
}

/* Every nr_groups-th algorithm from @group on: neighbours in the list cost alike. */
static char *group_algos(const struct rs_algo_spec *specs, size_t nr, size_t group, size_t groups)
{
	char *list = calloc(nr, sizeof(specs->name)), *at = list;

	for (size_t i = group; list && i < nr; i += groups) {
		if (at != list)
			*at++ = ',';
		at = stpcpy(at, specs[i].name);
	}
	return list;
}

static int new_engine(struct rs_team *t, const struct rs_algo_spec *specs, size_t group,
		      size_t part, struct rs_error *err)
{
	struct engine *e = &t->engines[t->nr_engines++];
	struct rs_replay_opts opts = t->opts;

	*e = (struct engine){ .group = group, .part = part };
	e->algos = group_algos(specs, t->nr_algos, group, t->nr_groups);
	if (!e->algos)
		return no_memory(err);
	opts.algos = e->algos;
	if (group)
		opts.kernel_algo = NULL; /* what is found with it is found once */
	e->replay = rs_replay_new(&opts, err);
	return e->replay ? 0 : -errno;
}

/* Each VM to itself if there are enough of them, else the algorithms are split as well. */
static void size_up(struct rs_team *t)
{
	size_t most = 2 * (size_t)t->jobs, nr_vms = t->opts.one_vm ? 1 : number_vms(t);

	t->nr_parts = nr_vms < most ? nr_vms : most;
	t->max_parts = t->nr_parts;
	for (size_t i = 0; i < MAX_VMS; i++)
		t->part_of[i] = (uint8_t)(t->part_of[i] % t->nr_parts);
	t->nr_groups = (t->jobs + t->nr_parts - 1) / t->nr_parts;
	if (t->nr_groups > t->nr_algos / LEAST_ALGOS)
		t->nr_groups = t->nr_algos / LEAST_ALGOS;
	if (!t->nr_groups)
		t->nr_groups = 1;
}

static int make_batch(struct rs_team *t, struct batch *b)
{
	b->shares = calloc(t->max_parts, sizeof(*b->shares));
	if (!b->shares)
		return -ENOMEM;
	for (size_t i = 0; i < t->max_parts; i++) {
		struct share *s = &b->shares[i];

		s->evs = malloc(t->max_batch * sizeof(*s->evs));
		s->before = malloc(t->max_batch * sizeof(*s->before));
		if (!s->evs || !s->before)
			return -ENOMEM;
	}
	return 0;
}

static int make_engines(struct rs_team *t, struct rs_error *err)
{
	struct rs_algo_spec *specs;
	int rc = rs_algo_parse(t->opts.algos, &specs, &t->nr_algos, err);

	if (rc)
		return rc;
	size_up(t);
	t->engines = calloc(t->nr_groups * t->nr_parts, sizeof(*t->engines));
	if (!t->engines)
		rc = no_memory(err);
	for (size_t g = 0; g < t->nr_groups; g++)
		for (size_t p = 0; p < t->nr_parts && !rc; p++)
			rc = new_engine(t, specs, g, p, err);
	free(specs);
	for (size_t i = 0; i < RING && !rc; i++)
		rc = make_batch(t, &t->ring[i]) ? no_memory(err) : 0;
	return rc;
}

/* ---- the work: an engine takes a batch ---- */

/* The engine that is furthest behind of those that nobody is at; NULL: there is no work. */
static struct engine *pick(struct rs_team *t)
{
	struct engine *best = NULL;

	for (size_t i = 0; i < t->nr_engines; i++) {
		struct engine *e = &t->engines[i];

		if (!e->busy && e->next < t->filled && (!best || e->next < best->next))
			best = e;
	}
	return best;
}

/* Called and left with the lock held. */
static void take_batch(struct rs_team *t, struct engine *e)
{
	const struct batch *b = &t->ring[e->next % RING];
	const struct share *s = &b->shares[e->part];
	int rc;

	e->busy = true;
	pthread_mutex_unlock(&t->lock);
	if (t->max_parts > 1)
		rc = rs_replay_feed_some(e->replay, s->evs, s->before, b->first, s->n, NULL);
	else
		rc = rs_replay_feed(e->replay, s->evs, s->n, NULL);
	pthread_mutex_lock(&t->lock);
	t->failed |= rc != 0;
	e->next++;
	e->busy = false;
	pthread_cond_broadcast(&t->changed);
}

static void work_or_wait(struct rs_team *t)
{
	struct engine *e = pick(t);

	if (e)
		take_batch(t, e);
	else
		pthread_cond_wait(&t->changed, &t->lock);
}

static void *work(void *arg)
{
	struct rs_team *t = arg;

	pthread_mutex_lock(&t->lock);
	while (!t->stop)
		work_or_wait(t);
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

/* With fewer threads to be had it works with those. */
static int start_threads(struct rs_team *t, struct rs_error *err)
{
	t->threads = calloc(t->jobs, sizeof(*t->threads));
	if (!t->threads)
		return no_memory(err);
	while (t->nr_threads + 1 < t->jobs &&
	       !pthread_create(&t->threads[t->nr_threads], NULL, work, t))
		t->nr_threads++;
	return 0;
}

static bool is_behind(const struct rs_team *t, uint64_t want)
{
	for (size_t i = 0; i < t->nr_engines; i++)
		if (t->engines[i].next < want)
			return true;
	return false;
}

/* Until all engines have had all batches but the last @left; the caller works, too. */
static int catch_up(struct rs_team *t, uint64_t left, struct rs_error *err)
{
	uint64_t want = t->filled > left ? t->filled - left : 0;
	bool failed;

	pthread_mutex_lock(&t->lock);
	while (is_behind(t, want))
		work_or_wait(t);
	failed = t->failed;
	pthread_mutex_unlock(&t->lock);
	return failed ? no_memory(err) : 0;
}

/* ---- the stream ---- */

/* The engines that share the VMs are made one, the first of each group. */
static int gather(struct rs_team *t, struct rs_error *err)
{
	struct engine *e = t->engines;
	int rc = 0;

	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < t->nr_engines && !rc; i++) {
		if (!e[i].part || !e[i].replay)
			continue;
		rc = rs_replay_take(e[i - e[i].part].replay, e[i].replay);
		free_engine(&e[i]);
		e[i].next = UINT64_MAX; /* it has had all that will come */
	}
	t->nr_parts = 1;
	memset(t->part_of, 0, sizeof(t->part_of));
	pthread_mutex_unlock(&t->lock);
	return rc ? no_memory(err) : 0;
}

/* What there is of the batch goes to the engines, and another one is started. */
static int hand_on(struct rs_team *t, struct rs_error *err)
{
	struct batch *b;
	int rc;

	pthread_mutex_lock(&t->lock);
	t->filled++;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
	rc = catch_up(t, RING - 1, err); /* the next place in the ring must be free */
	b = &t->ring[t->filled % RING];
	for (size_t i = 0; i < t->max_parts; i++)
		b->shares[i].n = 0;
	b->n = 0;
	b->events = 0;
	b->first = t->events;
	return rc;
}

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
	size_t part = ev->vm < MAX_VMS ? t->part_of[ev->vm] : ev->vm % t->nr_parts;
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

/* Some of the @n events into the batch; returns how many. */
static size_t add(struct rs_team *t, struct batch *b, const struct rs_event *evs, size_t n)
{
	size_t some = t->max_batch - b->n < n ? t->max_batch - b->n : n;
	struct share *all = &b->shares[0];

	if (t->max_parts == 1) {
		memcpy(all->evs + all->n, evs, some * sizeof(*evs));
		all->n += some;
		b->n += some;
		return some;
	}
	for (size_t i = 0; i < some; i++) {
		if (evs[i].type == RS_EV_LOST && t->nr_parts > 1)
			return i;
		deal(t, b, &evs[i]);
	}
	return some;
}

/* A loss is next: all that was before it is done, then the VMs are brought together. */
static int meet(struct rs_team *t, struct rs_error *err)
{
	int rc = hand_on(t, err);

	if (!rc)
		rc = catch_up(t, 0, err);
	return rc ? rc : gather(t, err);
}

static int feed(struct rs_team *t, const struct rs_event *evs, size_t n, struct rs_error *err)
{
	while (n) {
		struct batch *b = &t->ring[t->filled % RING];
		size_t some = add(t, b, evs, n);
		int rc = 0;

		evs += some;
		n -= some;
		if (b->n == t->max_batch)
			rc = hand_on(t, err);
		else if (n)
			rc = meet(t, err);
		if (rc)
			return rc;
	}
	return 0;
}

/* There is more than one batch of it: from now on it is shared out. */
static int split(struct rs_team *t, struct rs_error *err)
{
	int rc = make_engines(t, err);

	if (!rc)
		rc = start_threads(t, err);
	return rc ? rc : feed(t, t->staged, t->nr_staged, err);
}

static int stage(struct rs_team *t, const struct rs_event *evs, size_t n, struct rs_error *err)
{
	if (!t->staged)
		t->staged = malloc(t->max_batch * sizeof(*t->staged));
	if (!t->staged)
		return no_memory(err);
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

/* ---- the end ---- */

/* The algorithms of each group's VM go to their places in the list. */
static void join_vm(const struct rs_team *t, struct rs_vm_result *to, struct rs_algo_result *all,
		    struct rs_vm_result *from, size_t group)
{
	for (size_t i = group, k = 0; i < t->nr_algos; i += t->nr_groups)
		all[i] = from->algos[k++];
	free(from->algos);
	from->algos = NULL;
	if (!group)
		to->algos = all;
}

/* All groups saw the same VMs: what is not of an algorithm is good in the first. */
static int join_groups(const struct rs_team *t, struct rs_result **groups)
{
	struct rs_result *to = groups[0];

	for (size_t v = 0; v < to->nr_vms; v++) {
		struct rs_algo_result *all = calloc(t->nr_algos, sizeof(*all));

		if (!all)
			return -ENOMEM;
		for (size_t g = 0; g < t->nr_groups; g++)
			join_vm(t, &to->vms[v], all, &groups[g]->vms[v], g);
	}
	to->nr_algos = t->nr_algos;
	return 0;
}

static void tell_stream(const struct rs_team *t, struct rs_result *res)
{
	res->events = t->events;
	res->begin_ns = t->begin_ns;
	res->end_ns = t->now;
	res->anomalies[RS_ANOM_TIME_BACKWARDS] = t->backwards;
}

static struct rs_result *finish_engines(struct rs_team *t, struct rs_error *err)
{
	struct rs_result **groups = calloc(t->nr_groups, sizeof(*groups)), *res = NULL;
	size_t n = 0, stride = t->nr_engines / t->nr_groups;

	while (groups && n < t->nr_groups) {
		groups[n] = rs_replay_finish(t->engines[n * stride].replay, err);
		if (!groups[n])
			break;
		n++;
	}
	if (n == t->nr_groups && !join_groups(t, groups)) {
		res = groups[0];
		groups[0] = NULL;
		if (t->max_parts > 1)
			tell_stream(t, res);
	}
	while (n--)
		rs_result_free(groups[n]);
	free(groups);
	if (!res)
		errno = -no_memory(err);
	return res;
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
		return finish_engines(t, err);
	errno = -rc;
	return NULL;
}
