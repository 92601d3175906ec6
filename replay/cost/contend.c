// SPDX-License-Identifier: GPL-2.0-only
/* The costs under contention: vCPUs that check against notifiers that begin and end. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "replay/cost/cost_rig.h"
#include "replay/cost/fairlock.h"

#define TIMED_EVERY 16 /* checks: a look at the clock costs more than one */

struct arena {
	struct rs_cost_rig *rig;
	struct rs_fairlock lock;
	atomic_bool go, stop;
	atomic_int ret;
};

/* What one thread does and finds; each writes its own alone. */
struct contender {
	struct arena *arena;
	const struct rs_inval *inv; /* NULL: a vCPU */
	pthread_t thread;
	uint64_t done; /* checks, or begins */
	struct rs_hist wait, held;
};

static bool stopped(struct arena *a)
{
	return atomic_load_explicit(&a->stop, memory_order_relaxed);
}

static void wait_go(struct arena *a)
{
	while (!atomic_load_explicit(&a->go, memory_order_acquire))
		sched_yield();
}

static void note(struct contender *c, uint64_t wanted, uint64_t got, uint64_t left)
{
	rs_hist_add(&c->wait, got - wanted, 1);
	rs_hist_add(&c->held, left - got, 1);
}

static void check_until_stopped(struct contender *c)
{
	struct arena *a = c->arena;
	uint64_t snapshot = 0, wanted = 0, got = 0, left = 0;
	unsigned int any = 0;

	/* Once at least: on a busy host the time may be over before a thread gets to run. */
	for (uint64_t i = 0; !i || !stopped(a); i++) {
		bool timed = i % TIMED_EVERY == 0;

		if (timed)
			wanted = rs_ticks();
		rs_fairlock_read_lock(&a->lock);
		if (timed)
			got = rs_ticks();
		any += rs_cost_check(a->rig, i, snapshot);
		if (timed)
			left = rs_ticks();
		snapshot = rs_algo_snapshot(&a->rig->algo);
		rs_fairlock_read_unlock(&a->lock);
		if (timed)
			note(c, wanted, got, left);
		c->done++;
	}
	__asm__ volatile("" : : "r"(any));
}

/* One write: a begin with its slots, or an end. */
static void write_once(struct contender *c, bool begin)
{
	struct arena *a = c->arena;
	uint64_t wanted = rs_ticks(), got, left;

	rs_fairlock_write_lock(&a->lock);
	got = rs_ticks();
	if (!begin)
		rs_algo_end(&a->rig->algo, c->inv);
	else if (rs_cost_begin_all(a->rig, c->inv))
		atomic_store(&a->ret, -ENOMEM);
	left = rs_ticks();
	rs_fairlock_write_unlock(&a->lock);
	note(c, wanted, got, left);
}

static void *run_contender(void *arg)
{
	struct contender *c = arg;

	wait_go(c->arena);
	if (!c->inv)
		check_until_stopped(c);
	while (c->inv && (!c->done || !stopped(c->arena))) {
		write_once(c, true);
		write_once(c, false);
		c->done++;
	}
	return NULL;
}

static int run_all(struct arena *a, struct contender *c, unsigned int n, uint64_t ns,
		   double *seconds)
{
	struct timespec ts = { (time_t)(ns / 1000000000ULL), (long)(ns % 1000000000ULL) };
	unsigned int started = 0;
	uint64_t t0;
	int ret = 0;

	while (started < n && !ret) {
		ret = pthread_create(&c[started].thread, NULL, run_contender, &c[started]);
		started += !ret;
	}
	if (ret)
		a->stop = true;
	t0 = rs_now_ns();
	a->go = true;
	if (!ret)
		nanosleep(&ts, NULL);
	a->stop = true;
	*seconds = (double)(rs_now_ns() - t0) / 1e9;
	while (started)
		pthread_join(c[--started].thread, NULL);
	return ret ? -ret : a->ret;
}

static double in_ns(double ticks, const struct rs_tick_rate *rate)
{
	return ticks > rate->look ? (ticks - rate->look) * rate->ns_per_tick : 0;
}

/* Of all threads of a kind together. */
struct group {
	uint64_t done;
	struct rs_hist wait, held;
};

static void sum_up(struct group *g, struct contender *c, unsigned int n)
{
	memset(g, 0, sizeof(*g));
	for (unsigned int i = 0; i < n; i++) {
		g->done += c[i].done;
		rs_hist_merge(&g->wait, &c[i].wait);
		rs_hist_merge(&g->held, &c[i].held);
		rs_hist_free(&c[i].wait);
		rs_hist_free(&c[i].held);
	}
}

static void tell(struct rs_contention *out, struct group *reads, struct group *writes,
		 double seconds, const struct rs_tick_rate *rate)
{
	*out = (struct rs_contention){
		.checks_per_s = (double)reads->done / seconds,
		.begins_per_s = (double)writes->done / seconds,
		.check_wait_ns = in_ns(rs_hist_trimmed_mean(&reads->wait), rate),
		.check_wait_p99_ns = in_ns((double)rs_hist_quantile(&reads->wait, 0.99), rate),
		.check_held_ns = in_ns(rs_hist_trimmed_mean(&reads->held), rate),
		.write_wait_ns = in_ns(rs_hist_trimmed_mean(&writes->wait), rate),
		.write_held_ns = in_ns(rs_hist_trimmed_mean(&writes->held), rate),
	};
	rs_hist_free(&reads->wait);
	rs_hist_free(&reads->held);
	rs_hist_free(&writes->wait);
	rs_hist_free(&writes->held);
}

int rs_cost_contend(struct rs_cost_rig *rig, unsigned int vcpus, unsigned int notifiers,
		    uint64_t ns, const struct rs_tick_rate *rate, struct rs_contention *out,
		    struct rs_error *err)
{
	struct arena a = { .rig = rig };
	struct group reads, writes;
	struct contender *c;
	double seconds;
	int ret;

	if (!vcpus || vcpus > RS_COST_MAX_THREADS || notifiers > RS_COST_MAX_THREADS)
		return rs_error_set(err, RS_ERR_USAGE, EINVAL, "1 to %d threads of a kind",
				    RS_COST_MAX_THREADS);
	c = calloc(vcpus + notifiers, sizeof(*c));
	if (!c)
		return rs_error_nomem(err);
	for (unsigned int i = 0; i < vcpus + notifiers; i++) {
		c[i].arena = &a;
		c[i].inv = i < vcpus ? NULL : rs_cost_spare(rig) + (i - vcpus);
	}
	ret = run_all(&a, c, vcpus + notifiers, ns, &seconds);
	sum_up(&reads, c, vcpus);
	sum_up(&writes, c + vcpus, notifiers);
	tell(out, &reads, &writes, seconds, rate);
	free(c);
	return ret ? rs_error_set(err, RS_ERR_SYSTEM, -ret, "%s", strerror(-ret)) : 0;
}
