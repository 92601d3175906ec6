// SPDX-License-Identifier: GPL-2.0-only
/* One of many: engines of a team that become one, and one result of all. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "replay/team/team_internal.h"

/* The engines that share the VMs are made one, the first of each group. */
static int gather_vms(struct rs_team *t)
{
	struct engine *e = t->engines;
	int rc = 0;

	for (size_t i = 0; i < t->nr_engines && !rc; i++) {
		if (!e[i].part || !e[i].replay)
			continue;
		rc = rs_replay_take(e[i - e[i].part].replay, e[i].replay);
		rs_team_free_engine(&e[i]);
		e[i].next = UINT64_MAX; /* it has had all that will come */
	}
	t->nr_parts = 1;
	memset(t->part_of, 0, sizeof(t->part_of));
	return rc;
}

/* The lane that has the events now keeps them. */
static void gather_time(struct rs_team *t)
{
	for (size_t i = 0; i < t->nr_lanes; i++)
		rs_replay_learn(t->engines[t->lane].replay, t->engines[i].replay);
	t->cutting = false;
	rs_follower_free(&t->follower);
}

int rs_team_gather(struct rs_team *t, struct rs_error *err)
{
	int rc = 0;

	pthread_mutex_lock(&t->lock);
	if (t->cutting)
		gather_time(t);
	else if (!t->nr_lanes)
		rc = gather_vms(t);
	pthread_mutex_unlock(&t->lock);
	return rc ? rs_error_nomem(err) : 0;
}

/* ---- results: of groups of algorithms ---- */

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

/* ---- results: of parts of the stream ---- */

/* What only the engine that saw all of the stream can tell of a VM. */
static void join_witness_vm(struct rs_vm_result *to, struct rs_vm_result *from)
{
	to->state_compared = from->state_compared;
	to->state_equal = from->state_equal;
	to->disagreements = from->disagreements;
	to->nr_disagreements = from->nr_disagreements;
	to->mismatches = from->mismatches;
	to->nr_mismatches = from->nr_mismatches;
	from->disagreements = NULL;
	from->mismatches = NULL;
}

/* Both saw the same VMs. */
static void join_witness(struct rs_result *to, struct rs_result *from)
{
	to->kernel_algo = from->kernel_algo;
	from->kernel_algo = NULL;
	to->anomalies[RS_ANOM_STATE_UNEQUAL] = from->anomalies[RS_ANOM_STATE_UNEQUAL];
	for (size_t v = 0; v < to->nr_vms; v++)
		join_witness_vm(&to->vms[v], &from->vms[v]);
}

static int join_time(const struct rs_team *t, struct rs_result **parts, size_t n)
{
	int rc = 0;

	for (size_t i = 1; i < t->nr_lanes && !rc; i++)
		rc = rs_result_join(parts[0], parts[i]);
	if (!rc && n > t->nr_lanes)
		join_witness(parts[0], parts[n - 1]);
	return rc;
}

/* ---- of all ---- */

static int join(const struct rs_team *t, struct rs_result **parts, size_t n)
{
	int rc = t->nr_lanes ? join_time(t, parts, n) : join_groups(t, parts);

	if (!rc && t->max_parts > 1)
		tell_stream(t, parts[0]);
	return rc;
}

struct rs_result *rs_team_join(struct rs_team *t, struct rs_error *err)
{
	size_t n = 0, stride = t->nr_lanes ? 1 : t->nr_engines / t->nr_groups;
	size_t want = t->nr_engines / stride;
	struct rs_result **parts = calloc(want, sizeof(*parts)), *res = NULL;

	while (parts && n < want) {
		parts[n] = rs_replay_finish(t->engines[n * stride].replay, err);
		if (!parts[n])
			break;
		n++;
	}
	if (n == want && !join(t, parts, n)) {
		res = parts[0];
		parts[0] = NULL;
	}
	while (n--)
		rs_result_free(parts[n]);
	free(parts);
	if (!res) {
		errno = -rs_error_nomem(err);
		return NULL;
	}
	/* Of a stream that was cut each engine counted those that it saw. */
	if (res->nr_vms > rs_budget_base() / RS_VM_COST) {
		rs_result_free(res);
		errno = -rs_budget_met(err, "its VMs");
		return NULL;
	}
	return res;
}
