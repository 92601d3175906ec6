// SPDX-License-Identifier: GPL-2.0-only
#include "replay/sweep.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/parallel.h"

uint64_t rs_sweep_cells(const struct rs_sweep_opts *opts)
{
	uint64_t n = 1;

	for (size_t i = 0; i < opts->nr_axes; i++)
		if (__builtin_mul_overflow(n, (uint64_t)opts->axes[i].nr, &n))
			return 0;
	return n;
}

const char *rs_sweep_value(const struct rs_sweep_opts *opts, uint64_t cell, size_t axis)
{
	for (size_t i = opts->nr_axes - 1; i > axis; i--)
		cell /= opts->axes[i].nr;
	return opts->axes[axis].values[cell % opts->axes[axis].nr];
}

/* The scenario comes first, because it sets what the others then change. */
int rs_sweep_params(const struct rs_sweep_opts *opts, uint64_t cell, struct rs_synth_params *p,
		    struct rs_error *err)
{
	*p = opts->base;
	for (int scenario = 1; scenario >= 0; scenario--) {
		for (size_t i = 0; i < opts->nr_axes; i++) {
			const char *key = opts->axes[i].key;
			int ret;

			if ((strcmp(key, "scenario") == 0) != scenario)
				continue;
			ret = rs_synth_set(p, key, rs_sweep_value(opts, cell, i), err);
			if (ret)
				return ret;
		}
	}
	return 0;
}

static int feed(struct rs_synth *synth, struct rs_replay *engine, struct rs_error *err)
{
	const struct rs_event *evs;
	size_t n;

	while ((n = rs_synth_next(synth, &evs))) {
		int ret = rs_replay_feed(engine, evs, n, err);

		if (ret)
			return ret;
	}
	return 0;
}

static struct rs_result *replay(const struct rs_sweep_opts *opts, struct rs_synth *synth,
				struct rs_closed *closed, struct rs_error *err)
{
	const struct rs_replay_opts ropts = {
		.algos = opts->algos,
		.flags = RS_REPLAY_ALL,
		.observer = closed ? rs_closed_observer(closed) : NULL,
	};
	struct rs_replay *engine = rs_replay_new(&ropts, err);
	struct rs_result *res = NULL;

	if (engine && !feed(synth, engine, err))
		res = rs_replay_finish(engine, err);
	rs_replay_free(engine);
	if (res && closed && rs_closed_finish(closed, res, err)) {
		rs_result_free(res);
		res = NULL;
	}
	return res;
}

static struct rs_result *run_cell(const struct rs_sweep_opts *opts, uint64_t cell,
				  struct rs_error *err)
{
	const struct rs_closed_opts copts = { .algos = opts->algos,
					      .precheck = opts->precheck,
					      .think = opts->think,
					      .retry_gap_ns = opts->retry_gap_ns,
					      .jobs = 1 };
	struct rs_synth_params p;
	struct rs_synth *synth;
	struct rs_closed *closed = NULL;
	struct rs_result *res = NULL;

	if (rs_sweep_params(opts, cell, &p, err))
		return NULL;
	synth = rs_synth_new(&p, err);
	if (synth && opts->closed)
		closed = rs_closed_new(&copts, err);
	if (synth && (closed || !opts->closed))
		res = replay(opts, synth, closed, err);
	rs_closed_free(closed);
	rs_synth_free(synth);
	return res;
}

struct sweep {
	const struct rs_sweep_opts *opts;
	const struct rs_sweep_hooks *hooks;
	uint64_t nr_cells;
	uint64_t next; /* atomic */
	bool failed;   /* atomic */
	pthread_mutex_t lock;
	struct rs_error *err;
	int ret;
};

/* The first failure is the one that is told. */
static void fail(struct sweep *s, int ret, const struct rs_error *err)
{
	pthread_mutex_lock(&s->lock);
	if (!s->ret) {
		s->ret = ret;
		if (s->err)
			*s->err = *err;
	}
	pthread_mutex_unlock(&s->lock);
	__atomic_store_n(&s->failed, true, __ATOMIC_RELAXED);
}

static int hand_over(struct sweep *s, uint64_t cell, const struct rs_result *res,
		     struct rs_error *err)
{
	struct rs_sweep_cell c = { .cell = cell, .events = res->events, .nr_algos = res->nr_algos };
	struct rs_vm_result sum;
	int ret;

	for (unsigned int i = 0; i < RS_NR_ANOMALIES; i++)
		c.anomalies += res->anomalies[i];
	if (rs_result_sum_vms(res, &sum))
		return rs_error_nomem(err);
	c.sum = &sum;
	pthread_mutex_lock(&s->lock);
	ret = s->ret ? s->ret : s->hooks->done(s->hooks->arg, &c, err);
	pthread_mutex_unlock(&s->lock);
	rs_vm_result_free(&sum, res->nr_algos);
	return ret;
}

/* Says which cell it was: the parameters may be sound one by one, and not together. */
static void name_cell(const struct rs_sweep_opts *opts, uint64_t cell, struct rs_error *err)
{
	char text[sizeof(err->text)];
	size_t n = 0;

	snprintf(text, sizeof(text), "%s", err->text);
	n = (size_t)snprintf(err->text, sizeof(err->text), "cell %" PRIu64 " (", cell);
	for (size_t i = 0; i < opts->nr_axes && n < sizeof(err->text); i++)
		n += (size_t)snprintf(err->text + n, sizeof(err->text) - n, "%s%s=%s", i ? " " : "",
				      opts->axes[i].key, rs_sweep_value(opts, cell, i));
	if (n < sizeof(err->text))
		snprintf(err->text + n, sizeof(err->text) - n, "): %.400s", text);
}

/* Whether there is such a trace. 0 or negative errno with @err set. */
static int check_cell(const struct rs_sweep_opts *opts, uint64_t cell, struct rs_error *err)
{
	struct rs_synth_params p;
	int ret = rs_sweep_params(opts, cell, &p, err);

	if (!ret)
		ret = rs_synth_check(&p, err);
	if (ret)
		name_cell(opts, cell, err);
	return ret;
}

int rs_sweep_check(const struct rs_sweep_opts *opts, const struct rs_sweep_hooks *hooks,
		   struct rs_error *err)
{
	const struct rs_sweep_axis *last = opts->nr_axes ? &opts->axes[opts->nr_axes - 1] : NULL;
	/* What fits together does not depend on the seed. */
	const uint64_t step = last && !strcmp(last->key, "seed") ? last->nr : 1;
	const uint64_t nr = rs_sweep_cells(opts);
	int ret = 0;

	for (uint64_t cell = 0; cell < nr && !ret; cell += step) {
		if (hooks->stop && hooks->stop(hooks->arg))
			return rs_error_set(err, RS_ERR_INTR, EINTR, "interrupted");
		ret = check_cell(opts, cell, err);
	}
	return ret;
}

static void do_cell(struct sweep *s, uint64_t cell)
{
	struct rs_error err = { .offset = -1 };
	struct rs_result *res;
	int ret;

	if (s->hooks->stop && s->hooks->stop(s->hooks->arg)) {
		fail(s, rs_error_set(&err, RS_ERR_INTR, EINTR, "interrupted"), &err);
		return;
	}
	if (s->hooks->skip && s->hooks->skip(s->hooks->arg, cell))
		return;
	res = run_cell(s->opts, cell, &err);
	if (!res)
		name_cell(s->opts, cell, &err);
	ret = res ? hand_over(s, cell, res, &err) : -EINVAL;
	rs_result_free(res);
	if (ret)
		fail(s, ret, &err);
}

static void *work(void *arg)
{
	struct sweep *s = arg;
	uint64_t cell;

	while (!__atomic_load_n(&s->failed, __ATOMIC_RELAXED)) {
		cell = __atomic_fetch_add(&s->next, 1, __ATOMIC_RELAXED);
		if (cell >= s->nr_cells)
			break;
		do_cell(s, cell);
	}
	return NULL;
}

int rs_sweep_run(const struct rs_sweep_opts *opts, unsigned int jobs,
		 const struct rs_sweep_hooks *hooks, struct rs_error *err)
{
	struct sweep s = {
		.opts = opts, .hooks = hooks, .err = err, .nr_cells = rs_sweep_cells(opts)
	};

	pthread_mutex_init(&s.lock, NULL);
	rs_parallel(jobs, work, &s);
	pthread_mutex_destroy(&s.lock);
	return s.ret;
}
