// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/common/compare_closed.h"

#define MAX_REPORTED 20

struct diff {
	FILE *f;
	size_t found;
	uint32_t vm;
	const char *algo;
};

static void equal(struct diff *d, const char *what, uint64_t naive, uint64_t engine)
{
	if (naive == engine)
		return;
	if (d->f && d->found < MAX_REPORTED)
		fprintf(d->f, "vm %u %s %s: naive %" PRIu64 ", engine %" PRIu64 "\n", d->vm,
			d->algo, what, naive, engine);
	d->found++;
}

struct rs_result *closed_engine_run(const struct stream *s, const struct rs_closed_opts *opts)
{
	struct rs_error err = { 0 };
	struct rs_closed *c = rs_closed_new(opts, &err);
	struct rs_replay_opts ropts = { .algos = opts->algos, .kernel_algo = opts->kernel_algo };
	struct rs_result *res = NULL;
	struct rs_replay *r;

	if (!c)
		goto refused;
	ropts.observer = rs_closed_observer(c);
	r = rs_replay_new(&ropts, &err);
	if (!r || rs_replay_feed(r, s->v, s->n, &err))
		goto refused;
	res = rs_replay_finish(r, &err);
	rs_replay_free(r);
	if (!res || rs_closed_finish(c, res, &err))
		goto refused;
	rs_closed_free(c);
	return res;
refused:
	fprintf(stderr, "the engine refuses: %s\n", err.text);
	abort();
}

struct naive_closed *closed_naive_run(const struct stream *s, const struct rs_closed_opts *opts)
{
	struct naive_closed_opts nopts = { .algos = opts->algos,
					   .think = opts->think,
					   .retry_gap_ns = opts->retry_gap_ns };

	nopts.precheck = opts->precheck == RS_PRECHECK_ON    ? NAIVE_PRECHECK_ON
			 : opts->precheck == RS_PRECHECK_OFF ? NAIVE_PRECHECK_OFF
							     : NAIVE_PRECHECK_TRACED;
	return naive_closed_run(s->v, s->n, &nopts);
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Each of the @n values is in a bucket that starts less than 1 % below it. */
static void equal_values(struct diff *d, const char *what, uint64_t *v, size_t n,
			 const struct rs_hist *h)
{
	unsigned __int128 total = 0;
	uint64_t value, weight;
	size_t pos = 0, i = 0;

	qsort(v, n, sizeof(*v), by_value);
	for (size_t k = 0; k < n; k++)
		total += v[k];
	equal(d, what, n, h->weight);
	equal(d, what, total >> 64, h->total >> 64);
	equal(d, what, total, h->total);
	if (!n || n != h->weight)
		return;
	equal(d, what, v[0], h->min);
	equal(d, what, v[n - 1], h->max);
	while (rs_hist_next(h, &pos, &value, &weight)) {
		for (; weight; weight--, i++)
			if (i >= n || v[i] < value || v[i] - value > v[i] / 128)
				equal(d, what, i < n ? v[i] : 0, value);
	}
}

static void equal_algo(struct diff *d, const struct naive_closed *n,
		       const struct naive_closed_vm *vm, size_t algo,
		       const struct rs_closed_algo *e)
{
	uint64_t *v = malloc((3 * n->nr_faults + 1) * sizeof(*v));
	uint64_t *service = v + n->nr_faults, *stall = service + n->nr_faults;
	uint64_t retries = 0, as_recorded = 0, starved = 0;
	size_t nr = 0;

	if (!v)
		abort();
	for (size_t i = 0; i < n->nr_faults; i++) {
		const struct naive_simulated *s = &n->faults[i].algos[algo];

		if (n->faults[i].vm != d->vm)
			continue;
		v[nr] = s->retries;
		service[nr] = s->service_ns;
		stall[nr++] = s->stall_ns;
		retries += s->retries;
		as_recorded += s->as_recorded;
		starved += s->starved;
	}
	equal(d, "retries", retries, e->retries);
	equal(d, "as_recorded", as_recorded, e->as_recorded);
	equal(d, "starved", starved, e->starved);
	equal_values(d, "retries_per_fault", v, nr, &e->retries_per_fault);
	equal_values(d, "service_ns", service, nr, &e->service_ns);
	equal_values(d, "stall_ns", stall, nr, &e->stall_ns);
	equal_values(d, "retries_per_inval", vm->retries_of + algo * vm->nr_invals, vm->nr_invals,
		     &e->retries_per_inval);
	free(v);
}

static void equal_vm(struct diff *d, const struct naive_closed *n, const struct naive_closed_vm *vm,
		     const struct rs_vm_result *e)
{
	uint64_t faults = 0, retries = 0, refaults = 0;

	for (size_t i = 0; i < n->nr_faults; i++) {
		if (n->faults[i].vm != vm->vm)
			continue;
		faults++;
		retries += n->faults[i].retries;
		refaults += n->faults[i].attempts - 1;
	}
	equal(d, "precheck", vm->precheck, e->closed.precheck);
	equal(d, "retry_gap_ns", vm->retry_gap_ns, e->closed.retry_gap_ns);
	equal(d, "retry_gap_assumed", vm->retry_gap_assumed, e->closed.retry_gap_assumed);
	equal(d, "clean_attempt_ns", vm->clean_ns, e->closed.clean_attempt_ns);
	equal(d, "logical_faults", faults, e->closed.logical_faults);
	equal(d, "recorded_retries", retries, e->closed.recorded_retries);
	/* The sum rule. */
	equal(d, "checked less refaults", e->checked - refaults, e->closed.logical_faults);
}

bool compare_closed(const struct naive_closed *n, const struct rs_result *e, FILE *f)
{
	struct diff d = { .f = f, .algo = "" };

	equal(&d, "VMs", n->nr_vms, e->nr_vms);
	equal(&d, "algorithms", n->nr_algos, e->nr_algos);
	for (size_t i = 0; !d.found && i < n->nr_vms; i++) {
		const struct naive_closed_vm *vm = &n->vms[i];
		const struct rs_vm_result *v = e->vms;

		while (v < e->vms + e->nr_vms - 1 && v->vm != vm->vm)
			v++;
		d.vm = vm->vm;
		d.algo = "";
		equal_vm(&d, n, vm, v);
		for (size_t a = 0; a < n->nr_algos; a++) {
			d.algo = v->algos[a].name;
			equal_algo(&d, n, vm, a, v->algos[a].closed);
		}
	}
	return !d.found;
}
