// SPDX-License-Identifier: GPL-2.0-only
/* All simulations, on several threads. */
#include "replay/closed/closed_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/parallel.h"

/* With fewer algorithms a simulation does little but what each must. */
#define LEAST_ALGOS 6

/* Some algorithms in one VM. */
struct job {
	struct vm *vm;
	struct plan plan;
	struct cast casts[MAX_CASTS];
	size_t nr;
	struct rs_limits limits;
};

struct jobs {
	const struct rs_closed *c;
	struct job *v;
	size_t nr;
	int (*run)(const struct rs_closed *c, struct job *j);
	size_t next;	  /* atomic */
	int failed;	  /* atomic: 0, or the negative errno of one that failed */
	const char *over; /* what was more than the limits of the first such job, or NULL */
};

static void *work(void *arg)
{
	struct jobs *jobs = arg;
	size_t i;
	int ret;

	while ((i = __atomic_fetch_add(&jobs->next, 1, __ATOMIC_RELAXED)) < jobs->nr) {
		ret = jobs->run(jobs->c, &jobs->v[i]);
		if (ret)
			__atomic_store_n(&jobs->failed, ret, __ATOMIC_RELAXED);
	}
	return NULL;
}

static int run_jobs(struct jobs *jobs, int (*run)(const struct rs_closed *c, struct job *j))
{
	jobs->run = run;
	jobs->next = 0;
	rs_parallel(jobs->c->opts.stalled ? 1 : jobs->c->opts.jobs, work, jobs);
	for (size_t i = 0; i < jobs->nr && !jobs->over; i++)
		jobs->over = jobs->v[i].limits.over;
	return jobs->failed;
}

static int measure(const struct rs_closed *c, struct job *j)
{
	return rs_closed_measure(c, j->vm);
}

static int simulate(const struct rs_closed *c, struct job *j)
{
	rs_limits_init(&j->limits, NULL, NULL, NULL);
	return rs_closed_simulate(c, j->vm, &j->plan, &j->limits, j->casts, j->nr);
}

/* ---- what there is to do ---- */

static bool precheck_of(const struct rs_closed *c)
{
	if (c->opts.precheck == RS_PRECHECK_TRACED)
		return c->has_lockless;
	return c->opts.precheck == RS_PRECHECK_ON;
}

/* The recorded gap, at least 1 ns; 1 us where nothing says otherwise. */
static uint64_t gap_of(const struct vm *vm, uint64_t asked)
{
	uint64_t gap = asked ? asked : vm->gaps.nr ? vm->gap_ns : 1000;

	return gap ? gap : 1;
}

/* Jobs for so many of a VM's algorithms: neighbours in the list cost alike. */
static size_t nr_groups(const struct rs_closed *c, size_t nr_vms)
{
	const size_t threads = rs_parallel_threads(c->opts.jobs);
	/* One has the check as well. */
	const size_t least = c->nr_specs * (c->opts.both ? 2 : 1) / MAX_CASTS + 1;
	size_t nr = nr_vms ? (threads + nr_vms - 1) / nr_vms : 1;

	if (c->opts.stalled)
		return c->nr_specs;
	if (nr > c->nr_specs / LEAST_ALGOS)
		nr = c->nr_specs / LEAST_ALGOS;
	return nr < least ? least : nr;
}

static void add_cast(struct job *j, const struct rs_algo_spec *spec, bool think,
		     struct rs_closed_algo *out)
{
	j->casts[j->nr++] = (struct cast){ spec, think, out };
}

/* Jobs with that plan, for all of a VM's algorithms in turn: the first one. */
static struct job *add_jobs(struct jobs *jobs, struct vm *vm, const struct plan *plan,
			    size_t groups)
{
	struct job *first = &jobs->v[jobs->nr];

	for (size_t i = 0; i < groups; i++) {
		first[i].vm = vm;
		first[i].plan = *plan;
		first[i].plan.algo = i;
	}
	jobs->nr += groups;
	return first;
}

static int add_algo(struct job *j, const struct rs_algo_spec *spec, bool think,
		    struct rs_closed_algo **out)
{
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return -ENOMEM;
	add_cast(j, spec, think, *out);
	return 0;
}

/* The traced kernel's algorithm as it was, with others if they are simulated just so. */
static void plan_check(const struct rs_closed *c, struct jobs *jobs, struct job *others,
		       struct rs_closed_algo *out)
{
	const struct plan plan = { .precheck = c->has_lockless, .gap_ns = gap_of(others->vm, 0) };
	struct job *j = others;

	if (plan.precheck != others->plan.precheck || plan.gap_ns != others->plan.gap_ns ||
	    others->plan.told)
		j = add_jobs(jobs, others->vm, &plan, 1);
	add_cast(j, c->check, false, out);
}

static int plan_vm(const struct rs_closed *c, struct vm *vm, struct rs_vm_result *res,
		   struct rs_closed_algo *check, struct jobs *jobs, size_t groups)
{
	const bool think = c->opts.think;
	const struct plan plan = { .precheck = precheck_of(c),
				   .gap_ns = gap_of(vm, c->opts.retry_gap_ns),
				   .told = c->opts.stalled };
	struct job *j = add_jobs(jobs, vm, &plan, groups);

	res->closed = (struct rs_closed_vm){
		.precheck = plan.precheck,
		.arrivals = think ? "think" : "recorded",
		.retry_gap_ns = plan.gap_ns,
		.retry_gap_assumed = !c->opts.retry_gap_ns && !vm->gaps.nr,
		.logical_faults = vm->logical_faults,
		.recorded_retries = vm->retries,
		.clean_attempt_ns = vm->clean_ns,
		.precheck_ns = vm->precheck_ns,
	};
	for (size_t i = 0; i < c->nr_specs; i++) {
		struct rs_algo_result *a = &res->algos[i];
		struct job *of = &j[i % groups];

		/* In the order of TOLD_ASKED, TOLD_OTHER. */
		if (add_algo(of, &c->specs[i], think, &a->closed) ||
		    (c->opts.both && add_algo(of, &c->specs[i], !think, &a->other)))
			return -ENOMEM;
	}
	if (c->check)
		plan_check(c, jobs, &j[groups - 1], check);
	return 0;
}

static int do_all(struct rs_closed *c, struct rs_result *res, struct rs_closed_algo *checks,
		  struct jobs *jobs, size_t groups)
{
	int ret = 0;

	for (size_t i = 0; i < res->nr_vms; i++)
		if (!rs_closed_vm(c, res->vms[i].vm))
			return -ENOMEM;
	for (size_t i = 0; i < res->nr_vms; i++)
		jobs->v[jobs->nr++].vm = rs_closed_find_vm(c, res->vms[i].vm);
	ret = run_jobs(jobs, measure);
	jobs->nr = 0;
	for (size_t i = 0; i < res->nr_vms && !ret; i++)
		ret = plan_vm(c, rs_closed_find_vm(c, res->vms[i].vm), &res->vms[i], &checks[i],
			      jobs, groups);
	return ret ? ret : run_jobs(jobs, simulate);
}

/* Why the simulations failed: a limit, no memory, or what was stored cannot be read. */
static int say_why(const struct jobs *jobs, int ret, struct rs_error *err)
{
	if (jobs->over)
		return rs_budget_met(err, jobs->over);
	if (ret == -ENOMEM)
		return rs_error_nomem(err);
	return rs_error_set(err, RS_ERR_SYSTEM, -ret, "cannot read a temporary file: %s",
			    strerror(-ret));
}

static int simulate_all(struct rs_closed *c, struct rs_result *res, struct rs_closed_algo *checks,
			struct rs_error *err)
{
	const size_t groups = nr_groups(c, res->nr_vms);
	struct jobs jobs = { .c = c };
	int ret = -ENOMEM;

	/* For each VM one more, for the check. */
	jobs.v = calloc(res->nr_vms * (groups + 1) + 1, sizeof(*jobs.v));
	if (jobs.v)
		ret = do_all(c, res, checks, &jobs, groups);
	if (ret)
		ret = say_why(&jobs, ret, err);
	free(jobs.v);
	return ret;
}

int rs_closed_finish(struct rs_closed *c, struct rs_result *res, struct rs_error *err)
{
	struct rs_closed_algo *checks;
	int ret;

	if (c->failed) {
		if (err)
			*err = c->why;
		return c->failed;
	}
	c->end_ns = res->end_ns;
	checks = calloc(res->nr_vms + 1, sizeof(*checks));
	ret = checks ? simulate_all(c, res, checks, err) : rs_error_nomem(err);
	for (size_t i = 0; checks && i < res->nr_vms; i++) {
		struct rs_closed_vm *v = &res->vms[i].closed;

		v->checked = c->check;
		v->check_as_recorded = checks[i].as_recorded;
		v->check_retries = checks[i].retries;
		rs_closed_algo_clear(&checks[i]);
	}
	free(checks);
	if (!ret && rs_result_lacks(res))
		ret = rs_error_nomem(err);
	res->closed = !ret;
	return ret;
}

struct rs_closed *rs_closed_new(const struct rs_closed_opts *opts, struct rs_error *err)
{
	struct rs_closed *c = calloc(1, sizeof(*c));
	size_t n;
	int ret;

	if (!c) {
		rs_error_nomem(err);
		errno = ENOMEM;
		return NULL;
	}
	c->opts = *opts;
	c->why.offset = -1;
	rs_closed_observe(c);
	c->spool = rs_spool_new(opts->keep);
	ret = c->spool ? rs_algo_parse(opts->algos, &c->specs, &c->nr_specs, err)
		       : rs_error_nomem(err);
	if (!ret && opts->kernel_algo)
		ret = rs_algo_parse(opts->kernel_algo, &c->check, &n, err);
	if (ret) {
		rs_closed_free(c);
		errno = -ret;
		return NULL;
	}
	return c;
}

const struct rs_observer *rs_closed_observer(struct rs_closed *c)
{
	return &c->observer;
}

void rs_closed_free(struct rs_closed *c)
{
	if (!c)
		return;
	rs_closed_free_records(c);
	free(c->specs);
	free(c->check);
	free(c);
}
