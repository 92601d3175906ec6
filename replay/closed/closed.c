// SPDX-License-Identifier: GPL-2.0-only
/* All simulations, on several threads. */
#include "replay/closed/closed_internal.h"

#include <errno.h>
#include <stdlib.h>

#include "base/parallel.h"

struct job {
	const struct vm *vm;
	struct plan plan;
	struct rs_closed_algo *out;
	int ret;
};

struct jobs {
	const struct rs_closed *c;
	struct job *v;
	size_t nr;
	size_t next; /* atomic */
};

static void *work(void *arg)
{
	struct jobs *jobs = arg;
	size_t i;

	while ((i = __atomic_fetch_add(&jobs->next, 1, __ATOMIC_RELAXED)) < jobs->nr) {
		struct job *j = &jobs->v[i];

		j->ret = rs_closed_simulate(jobs->c, j->vm, &j->plan, j->out);
	}
	return NULL;
}

static int run_jobs(struct jobs *jobs, unsigned int threads)
{
	rs_parallel(threads, work, jobs);
	for (size_t i = 0; i < jobs->nr; i++)
		if (jobs->v[i].ret)
			return jobs->v[i].ret;
	return 0;
}

static bool precheck_of(const struct rs_closed *c)
{
	if (c->opts.precheck == RS_PRECHECK_TRACED)
		return c->has_lockless;
	return c->opts.precheck == RS_PRECHECK_ON;
}

/* The recorded gap, at least 1 ns; 1 us where nothing says otherwise. */
static uint64_t gap_of(const struct vm *vm, uint64_t asked)
{
	uint64_t gap = asked ? asked : vm->has_gap ? vm->gap_ns : 1000;

	return gap ? gap : 1;
}

static int plan_algo(const struct vm *vm, struct plan plan, struct rs_closed_algo **out,
		     struct jobs *jobs)
{
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return -ENOMEM;
	jobs->v[jobs->nr++] = (struct job){ vm, plan, *out, 0 };
	return 0;
}

static int plan_vm(struct rs_closed *c, struct vm *vm, struct rs_vm_result *res, struct jobs *jobs)
{
	struct plan plan = { .precheck = precheck_of(c),
			     .think = c->opts.think,
			     .gap_ns = gap_of(vm, c->opts.retry_gap_ns),
			     .told = c->opts.stalled };
	struct plan plan_other = { .precheck = plan.precheck,
				   .think = !plan.think,
				   .gap_ns = plan.gap_ns };

	res->closed =
		(struct rs_closed_vm){ .precheck = plan.precheck,
				       .arrivals = plan.think ? "think" : "recorded",
				       .retry_gap_ns = plan.gap_ns,
				       .retry_gap_assumed = !c->opts.retry_gap_ns && !vm->has_gap,
				       .logical_faults = vm->logical_faults,
				       .recorded_retries = vm->retries,
				       .clean_attempt_ns = vm->clean_ns,
				       .precheck_ns = vm->precheck_ns };
	for (size_t i = 0; i < c->nr_specs; i++) {
		plan.spec = &c->specs[i];
		plan.algo = i;
		if (plan_algo(vm, plan, &res->algos[i].closed, jobs))
			return -ENOMEM;
		plan_other.spec = plan.spec;
		if (c->opts.both && plan_algo(vm, plan_other, &res->algos[i].other, jobs))
			return -ENOMEM;
	}
	return 0;
}

/* The traced kernel's algorithm as it was: the figures go to @out. */
static void plan_check(struct rs_closed *c, struct vm *vm, struct rs_closed_algo *out,
		       struct jobs *jobs)
{
	struct plan plan = { .spec = c->check,
			     .precheck = c->has_lockless,
			     .gap_ns = gap_of(vm, 0) };

	jobs->v[jobs->nr++] = (struct job){ vm, plan, out, 0 };
}

static int simulate_all(struct rs_closed *c, struct rs_result *res, struct rs_closed_algo *checks)
{
	struct jobs jobs = { .c = c };
	int ret = 0;

	jobs.v = calloc(res->nr_vms * (2 * c->nr_specs + 1) + 1, sizeof(*jobs.v));
	if (!jobs.v)
		return -ENOMEM;
	for (size_t i = 0; i < res->nr_vms && !ret; i++) {
		struct vm *vm = rs_closed_vm(c, res->vms[i].vm);

		ret = vm ? rs_closed_measure(vm) : -ENOMEM;
	}
	for (size_t i = 0; i < res->nr_vms && !ret; i++) {
		struct vm *vm = rs_closed_find_vm(c, res->vms[i].vm);

		ret = plan_vm(c, vm, &res->vms[i], &jobs);
		if (c->check)
			plan_check(c, vm, &checks[i], &jobs);
	}
	if (!ret)
		ret = run_jobs(&jobs, c->opts.stalled ? 1 : c->opts.jobs);
	free(jobs.v);
	return ret;
}

int rs_closed_finish(struct rs_closed *c, struct rs_result *res, struct rs_error *err)
{
	struct rs_closed_algo *checks = calloc(res->nr_vms + 1, sizeof(*checks));
	int ret = -ENOMEM;

	c->end_ns = res->end_ns;
	if (checks && !c->failed)
		ret = simulate_all(c, res, checks);
	for (size_t i = 0; checks && i < res->nr_vms; i++) {
		struct rs_closed_vm *v = &res->vms[i].closed;

		v->checked = c->check;
		v->check_as_recorded = checks[i].as_recorded;
		v->check_retries = checks[i].retries;
		rs_closed_algo_clear(&checks[i]);
	}
	free(checks);
	if (!ret && rs_result_lacks(res))
		ret = -ENOMEM;
	if (ret)
		return rs_error_nomem(err);
	res->closed = true;
	return 0;
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
	rs_closed_observe(c);
	ret = rs_algo_parse(opts->algos, &c->specs, &c->nr_specs, err);
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
