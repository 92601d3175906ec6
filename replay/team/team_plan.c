// SPDX-License-Identifier: GPL-2.0-only
/* Who does what in a team. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "replay/algorithm.h"
#include "replay/team/team_internal.h"

/* Batches for engines that see the same ones, or of each lane. */
#define RING 4
#define LANE_BATCHES 4
/* With fewer algorithms an engine does little but what each engine must. */
#define LEAST_ALGOS 3

/* Gives each VM seen so far a part, in turn; returns how many VMs there are. */
static size_t number_vms(struct rs_team *t)
{
	bool seen[RS_TEAM_VMS] = { false };
	size_t nr = 0;

	for (size_t i = 0; i < t->nr_staged; i++) {
		uint32_t vm = t->staged[i].vm;

		if (vm >= RS_TEAM_VMS || seen[vm])
			continue;
		seen[vm] = true;
		t->part_of[vm] = (uint8_t)nr++;
	}
	return nr ? nr : 1;
}

/*
 * Whether nothing was pending at some moment of the latter half of what is staged, and
 * no events were lost before: after a loss a stream is not split over time.
 */
static int look_for_idle(struct rs_team *t, bool *idle)
{
	struct rs_follower f = { .one_vm = t->opts.one_vm, .vm = t->opts.vm };
	ssize_t n = rs_follower_note(&f, t->staged, t->nr_staged, t->nr_staged / 2);

	*idle = n > (ssize_t)(t->nr_staged / 2) && rs_follower_idle(&f);
	rs_follower_free(&f);
	return n < 0 ? -ENOMEM : 0;
}

/* Each VM to itself if there are enough of them, else the algorithms are split as well. */
static void split_vms(struct rs_team *t, size_t nr_vms)
{
	size_t most = 2 * (size_t)t->jobs;

	t->nr_parts = nr_vms < most ? nr_vms : most;
	t->max_parts = t->nr_parts;
	for (size_t i = 0; i < RS_TEAM_VMS; i++)
		t->part_of[i] = (uint8_t)(t->part_of[i] % t->nr_parts);
	t->nr_groups = (t->jobs + t->nr_parts - 1) / t->nr_parts;
	if (t->nr_groups > t->nr_algos / LEAST_ALGOS)
		t->nr_groups = t->nr_algos / LEAST_ALGOS;
	if (!t->nr_groups)
		t->nr_groups = 1;
	t->nr_ring = RING;
}

static void split_time(struct rs_team *t)
{
	t->nr_parts = t->max_parts = t->nr_groups = 1;
	t->nr_lanes = t->jobs;
	t->nr_ring = t->nr_lanes * LANE_BATCHES;
	t->cutting = true;
	t->follower.one_vm = t->opts.one_vm;
	t->follower.vm = t->opts.vm;
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

	*e = (struct engine){ .group = group, .part = part, .lane = RS_TEAM_EVERY };
	e->algos = group_algos(specs, t->nr_algos, group, t->nr_groups);
	if (!e->algos)
		return rs_error_nomem(err);
	opts.algos = e->algos;
	/* Each group has all VMs; questions are of one algorithm each. */
	opts.kept = group ? NULL : t->limits.kept;
	opts.hits = group ? NULL : t->limits.hits;
	opts.looks = t->limits.looks;
	if (group)
		opts.kernel_algo = NULL; /* what is found with it is found once */
	e->replay = rs_replay_new(&opts, err);
	return e->replay ? 0 : -errno;
}

void rs_team_free_engine(struct engine *e)
{
	rs_replay_free(e->replay);
	free(e->algos);
	e->replay = NULL;
	e->algos = NULL;
}

static int new_engines(struct rs_team *t, const struct rs_algo_spec *specs, struct rs_error *err)
{
	int rc = 0;

	t->engines = calloc(t->nr_groups * t->nr_parts, sizeof(*t->engines));
	if (!t->engines)
		return rs_error_nomem(err);
	for (size_t g = 0; g < t->nr_groups; g++)
		for (size_t p = 0; p < t->nr_parts && !rc; p++)
			rc = new_engine(t, specs, g, p, err);
	return rc;
}

/*
 * The traced kernel's algorithm alone, for all of the stream: its sequence count
 * is compared with the recorded one, and what it got wrong is listed in order.
 */
static int new_witness(struct rs_team *t, struct rs_error *err)
{
	struct engine *e = &t->engines[t->nr_engines++];
	struct rs_replay_opts opts = t->opts;

	*e = (struct engine){ .lane = RS_TEAM_EVERY };
	opts.algos = opts.kernel_algo;
	/* "exact" knows what is necessary by the truth alone. */
	opts.flags = strcmp(opts.kernel_algo, "exact") ? 0 : opts.flags & RS_REPLAY_TRUTH;
	e->replay = rs_replay_new(&opts, err);
	return e->replay ? 0 : -errno;
}

static int new_lanes(struct rs_team *t, struct rs_error *err)
{
	struct rs_replay_opts opts = t->opts;

	t->engines = calloc(t->nr_lanes + 1, sizeof(*t->engines));
	if (!t->engines)
		return rs_error_nomem(err);
	opts.kernel_algo = NULL;
	/* What there is at a time each lane has by itself. */
	opts.hits = t->limits.hits;
	opts.looks = t->limits.looks;
	for (uint32_t i = 0; i < t->nr_lanes; i++) {
		struct engine *e = &t->engines[t->nr_engines++];

		*e = (struct engine){ .lane = i };
		e->replay = rs_replay_new(&opts, err);
		if (!e->replay)
			return -errno;
	}
	return t->opts.kernel_algo ? new_witness(t, err) : 0;
}

static int new_batch(const struct rs_team *t, struct batch *b)
{
	b->shares = calloc(t->max_parts, sizeof(*b->shares));
	if (!b->shares)
		return -ENOMEM;
	for (size_t i = 0; i < t->max_parts; i++) {
		struct share *s = &b->shares[i];

		s->evs = malloc(t->max_batch * sizeof(*s->evs));
		if (t->max_parts > 1)
			s->before = malloc(t->max_batch * sizeof(*s->before));
		if (!s->evs || (t->max_parts > 1 && !s->before))
			return -ENOMEM;
	}
	return 0;
}

static int new_ring(struct rs_team *t, struct rs_error *err)
{
	t->ring = calloc(t->nr_ring, sizeof(*t->ring));
	if (!t->ring)
		return rs_error_nomem(err);
	for (size_t i = 0; i < t->nr_ring; i++)
		if (new_batch(t, &t->ring[i]))
			return rs_error_nomem(err);
	return 0;
}

int rs_team_plan(struct rs_team *t, struct rs_error *err)
{
	size_t nr_vms = t->opts.one_vm ? 1 : number_vms(t);
	struct rs_algo_spec *specs;
	int rc = rs_algo_parse(t->opts.algos, &specs, &t->nr_algos, err);
	bool idle = false;

	if (rc)
		return rc;
	if (nr_vms < t->jobs && look_for_idle(t, &idle)) {
		free(specs);
		return rs_error_nomem(err);
	}
	if (idle)
		split_time(t);
	else
		split_vms(t, nr_vms);
	rc = idle ? new_lanes(t, err) : new_engines(t, specs, err);
	free(specs);
	return rc ? rc : new_ring(t, err);
}
