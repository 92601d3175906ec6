// SPDX-License-Identifier: GPL-2.0-only
#include "replay/cost.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "replay/algorithm.h"
#include "replay/hist.h"

#define BATCH 256 /* operations between two looks at the clock */
#define MAX_ROUNDS 101
#define NR_FAULTS 1024 /* a power of two */
#define GUEST_HVA 0x7f0000000000ULL

/* One invalidation that is kept ready: what begin() and slot() are shown. */
struct ready {
	struct rs_inval inv;
	struct rs_range range;
};

struct rig {
	struct rs_vm *vm;
	struct rs_invals *invals;
	struct rs_algo algo;
	struct rs_cost_setting set;
	struct ready *ready; /* outstanding + BATCH of them; the first are in progress */
	uint32_t nr_ready;
	struct rs_fault faults[NR_FAULTS];
	uint64_t random;
	uint64_t slot_pages;
};

const char *rs_cost_op_name(unsigned int op)
{
	static const char *const names[RS_NR_COST_OPS] = { "begin", "slot", "end", "check" };

	return op < RS_NR_COST_OPS ? names[op] : NULL;
}

static uint64_t next_random(struct rig *r)
{
	r->random ^= r->random << 13;
	r->random ^= r->random >> 7;
	r->random ^= r->random << 17;
	return r->random;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

/* Memslots side by side, and each of @aliases maps all of it again, 16 TiB further on. */
static int add_memslots(struct rig *r)
{
	uint64_t pages = r->slot_pages * r->set.memslots;

	for (uint32_t i = 0; i < r->set.memslots; i++)
		if (rs_vm_set_memslot(r->vm, 0, i, i * r->slot_pages, r->slot_pages,
				      GUEST_HVA + ((i * r->slot_pages) << RS_PAGE_SHIFT),
				      0) != RS_VM_CHANGED)
			return -ENOMEM;
	for (uint32_t i = 1; i <= r->set.aliases; i++)
		if (rs_vm_set_memslot(r->vm, 0, r->set.memslots + i, (uint64_t)i << 32, pages,
				      GUEST_HVA, 0) != RS_VM_CHANGED)
			return -ENOMEM;
	return rs_vm_update(r->vm);
}

static int add_hit(void *arg, uint32_t handle)
{
	struct ready *x = arg;

	x->inv.hits[x->inv.nr_hits++].handle = handle;
	return 0;
}

/* An invalidation of random pages with the memslots that it hits. */
static int make_ready(struct rig *r, struct ready *x)
{
	uint64_t pages = r->slot_pages * r->set.memslots;
	uint64_t span = pages - (r->set.pages < pages ? r->set.pages : pages) + 1;
	uint64_t page = next_random(r) % span;

	x->range.start = GUEST_HVA + (page << RS_PAGE_SHIFT);
	x->range.end = x->range.start + ((uint64_t)r->set.pages << RS_PAGE_SHIFT);
	x->inv = (struct rs_inval){ .range = x->range, .walk = true, .hit = true };
	x->inv.max_hits = r->set.pages / (uint32_t)r->slot_pages + 2 + r->set.aliases;
	x->inv.hits = calloc(x->inv.max_hits, sizeof(*x->inv.hits));
	if (!x->inv.hits)
		return -ENOMEM;
	rs_vm_for_each_hva(r->vm, x->range.start, x->range.end, add_hit, x);
	for (uint32_t i = 0; i < x->inv.nr_hits; i++) {
		struct rs_hit *h = &x->inv.hits[i];

		rs_memslot_gfns_of_hvas(rs_vm_memslot(r->vm, h->handle), x->range.start,
					x->range.end, &h->gfns);
		rs_range_widen(&x->inv.span, h->gfns.start, h->gfns.end);
	}
	return 0;
}

static void make_fault(struct rig *r, struct rs_fault *f)
{
	uint64_t page = next_random(r) % (r->slot_pages * r->set.memslots);
	uint64_t alias = next_random(r) % (r->set.aliases + 1);

	rs_fault_begin(f, r->vm, 0, 0, (alias << 32) + page, 0);
}

static int begin_all(struct rig *r, struct ready *x)
{
	int ret = rs_algo_begin(&r->algo, &x->inv);

	for (uint32_t i = 0; !ret && i < x->inv.nr_hits; i++)
		ret = rs_algo_slot(&r->algo, &x->inv, &x->inv.hits[i]);
	return ret;
}

static void rig_free(struct rig *r)
{
	if (!r)
		return;
	if (r->algo.ops)
		rs_algo_destroy(&r->algo);
	for (uint32_t i = 0; r->ready && i < r->nr_ready; i++)
		free(r->ready[i].inv.hits);
	free(r->ready);
	rs_invals_free(r->invals);
	rs_vm_free(r->vm);
	free(r);
}

static int rig_fill(struct rig *r, const struct rs_algo_spec *spec)
{
	struct rs_algo_env env;

	r->vm = rs_vm_new();
	r->invals = r->vm ? rs_invals_new(r->vm, RS_INVALS_TRUTH) : NULL;
	r->nr_ready = r->set.outstanding + BATCH;
	r->ready = calloc(r->nr_ready, sizeof(*r->ready));
	if (!r->invals || !r->ready || add_memslots(r))
		return -ENOMEM;
	for (uint32_t i = 0; i < r->nr_ready; i++)
		if (make_ready(r, &r->ready[i]))
			return -ENOMEM;
	for (uint32_t i = 0; i < NR_FAULTS; i++)
		make_fault(r, &r->faults[i]);
	env = (struct rs_algo_env){ r->vm, r->invals, true };
	return rs_algo_init(&r->algo, spec, &env);
}

static bool setting_sound(const struct rs_cost_setting *s)
{
	return s->memslots && s->memslots <= 32764 && s->aliases <= 1024 && s->outstanding &&
	       s->outstanding <= 1000000 && s->pages && s->pages <= 1U << 20;
}

static struct rig *rig_new(const char *algo, const struct rs_cost_setting *set,
			   struct rs_error *err)
{
	struct rs_algo_spec *spec;
	struct rig *r;
	size_t n;

	if (!setting_sound(set)) {
		rs_error_set(err, RS_ERR_USAGE, EINVAL,
			     "memslots, aliases, outstanding or pages "
			     "out of range");
		return NULL;
	}
	if (rs_algo_parse(algo, &spec, &n, err))
		return NULL;
	r = calloc(1, sizeof(*r));
	if (r) {
		r->set = *set;
		r->random = set->seed * 0x9e3779b97f4a7c15ULL + 1;
		/* 64 GiB or so of guest, whatever the number of memslots. */
		r->slot_pages = (1ULL << 24) / set->memslots;
		if (rig_fill(r, spec)) {
			rig_free(r);
			r = NULL;
		}
	}
	free(spec);
	if (!r)
		rs_error_set(err, RS_ERR_SYSTEM, ENOMEM, "out of memory");
	return r;
}

/* ---- one thread ---- */

struct clocks {
	struct rs_hist ticks[RS_NR_COST_OPS]; /* of one step each, with the look at the clock */
	uint64_t steps[RS_NR_COST_OPS], ops[RS_NR_COST_OPS];
};

/* What the kernel took the CPU away from is no cost: the mean without the slowest hundredth. */
static double trimmed_mean(const struct rs_hist *h)
{
	uint64_t value, weight, left = h->weight - h->weight / 100;
	double sum = 0, n = (double)left;
	size_t pos = 0;

	while (left && rs_hist_next(h, &pos, &value, &weight)) {
		weight = weight < left ? weight : left;
		sum += (double)value * (double)weight;
		left -= weight;
	}
	return n > 0 ? sum / n : 0;
}

/*
 * A clock that costs less than what it times: the cycle counter where there is
 * one. What a look at it costs is measured and taken off.
 */
static inline uint64_t ticks(void)
{
#if defined(__x86_64__)
	unsigned int cpu;

	return __builtin_ia32_rdtscp(&cpu);
#else
	return now_ns();
#endif
}

struct tick_rate {
	double ns_per_tick;
	double look; /* ticks between two looks with nothing between them */
};

static struct tick_rate calibrate(void)
{
	struct rs_hist looks = { 0 };
	uint64_t ns = now_ns(), t0 = ticks();
	struct tick_rate rate;

	for (int i = 0; i < 20000; i++) {
		uint64_t t = ticks();

		rs_hist_add(&looks, ticks() - t, 1);
	}
	while (now_ns() - ns < 2000000)
		;
	rate.ns_per_tick = (double)(now_ns() - ns) / (double)(ticks() - t0);
	rate.look = trimmed_mean(&looks);
	rs_hist_free(&looks);
	return rate;
}

/*
 * With @outstanding in progress, one more begins, walks and ends, again and
 * again: each step is timed by itself, so that no other is in progress.
 */
static int time_batch(struct rig *r, struct clocks *c)
{
	struct ready *x = r->ready + r->set.outstanding;

	for (uint32_t i = 0; i < BATCH; i++, x++) {
		uint64_t t0 = ticks(), t1, t2, t3;
		int ret = rs_algo_begin(&r->algo, &x->inv);

		t1 = ticks();
		for (uint32_t k = 0; !ret && k < x->inv.nr_hits; k++)
			ret = rs_algo_slot(&r->algo, &x->inv, &x->inv.hits[k]);
		t2 = ticks();
		rs_algo_end(&r->algo, &x->inv);
		t3 = ticks();
		if (ret)
			return ret;
		rs_hist_add(&c->ticks[RS_COST_BEGIN], t1 - t0, 1);
		rs_hist_add(&c->ticks[RS_COST_SLOT], t2 - t1, 1);
		rs_hist_add(&c->ticks[RS_COST_END], t3 - t2, 1);
		c->ops[RS_COST_SLOT] += x->inv.nr_hits;
	}
	for (int op = RS_COST_BEGIN; op <= RS_COST_END; op++)
		c->steps[op] += BATCH;
	c->ops[RS_COST_BEGIN] += BATCH;
	c->ops[RS_COST_END] += BATCH;
	return 0;
}

static unsigned int check(const struct rig *r, uint32_t i, uint64_t token)
{
	return r->algo.ops->rejects(r->algo.state, &r->faults[i % NR_FAULTS], token);
}

/* Checks are timed together: nothing comes between them. */
static void time_checks(struct rig *r, struct clocks *c)
{
	uint64_t token = rs_algo_snapshot(&r->algo), t0 = ticks();
	unsigned int any = 0;

	for (uint32_t i = 0; i < 4 * BATCH; i++)
		any += check(r, i, token);
	__asm__ volatile("" : : "r"(any));
	rs_hist_add(&c->ticks[RS_COST_CHECK], ticks() - t0, 1);
	c->steps[RS_COST_CHECK]++;
	c->ops[RS_COST_CHECK] += 4 * BATCH;
}

/* Mean time of one operation: of a step, less the look at the clock, by the operations in it. */
static double mean_ns(const struct clocks *c, unsigned int op, const struct tick_rate *rate)
{
	double step = trimmed_mean(&c->ticks[op]) - rate->look;

	if (!c->ops[op] || step < 0)
		return 0;
	return step * rate->ns_per_tick * (double)c->steps[op] / (double)c->ops[op];
}

static int cmp_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void summarise(struct rs_cost *cost, unsigned int op, double *means, unsigned int n)
{
	qsort(means, n, sizeof(*means), cmp_double);
	cost->min_ns[op] = means[0];
	cost->median_ns[op] = n % 2 ? means[n / 2] : (means[n / 2 - 1] + means[n / 2]) / 2;
	cost->max_ns[op] = means[n - 1];
}

static size_t bytes_of(const struct rig *r)
{
	return r->algo.ops->bytes ? r->algo.ops->bytes(r->algo.state) : r->algo.ops->fixed_bytes;
}

static int start_outstanding(struct rig *r)
{
	for (uint32_t i = 0; i < r->set.outstanding; i++)
		if (begin_all(r, &r->ready[i]))
			return -ENOMEM;
	return 0;
}

static int one_round(struct rig *r, uint64_t round_ns, struct clocks *c)
{
	uint64_t until = now_ns() + round_ns;

	do {
		if (time_batch(r, c))
			return -ENOMEM;
		time_checks(r, c);
	} while (now_ns() < until);
	return 0;
}

int rs_cost_measure(const char *algo, const struct rs_cost_setting *setting, unsigned int rounds,
		    uint64_t round_ns, struct rs_cost *cost, struct rs_error *err)
{
	double means[RS_NR_COST_OPS][MAX_ROUNDS];
	struct tick_rate rate = calibrate();
	struct rig *r = rig_new(algo, setting, err);
	int ret = 0;

	if (!r)
		return -EINVAL;
	memset(cost, 0, sizeof(*cost));
	rounds = !rounds ? 1 : rounds > MAX_ROUNDS ? MAX_ROUNDS : rounds;
	cost->rest_bytes = bytes_of(r);
	ret = start_outstanding(r);
	cost->peak_bytes = bytes_of(r);
	for (unsigned int i = 0; i < rounds && !ret; i++) {
		struct clocks c = { 0 };

		ret = one_round(r, round_ns, &c);
		for (unsigned int op = 0; op < RS_NR_COST_OPS; op++) {
			means[op][i] = mean_ns(&c, op, &rate);
			cost->ops[op] += c.ops[op];
			rs_hist_free(&c.ticks[op]);
		}
	}
	for (unsigned int op = 0; op < RS_NR_COST_OPS && !ret; op++)
		summarise(cost, op, means[op], rounds);
	rig_free(r);
	return ret ? rs_error_set(err, RS_ERR_SYSTEM, -ret, "out of memory") : 0;
}

int rs_cost_repeat(const char *algo, const struct rs_cost_setting *setting, enum rs_cost_op op,
		   uint64_t ops, struct rs_error *err)
{
	struct rig *r = rig_new(algo, setting, err);
	unsigned int any = 0;
	uint64_t token;
	int ret;

	if (!r)
		return -EINVAL;
	ret = start_outstanding(r);
	token = rs_algo_snapshot(&r->algo);
	for (uint64_t i = 0; i < ops && !ret; i++) {
		struct ready *x = &r->ready[r->set.outstanding + i % BATCH];

		if (op == RS_COST_CHECK) {
			any += check(r, (uint32_t)i, token);
			continue;
		}
		ret = op == RS_COST_SLOT ? begin_all(r, x) : rs_algo_begin(&r->algo, &x->inv);
		rs_algo_end(&r->algo, &x->inv);
	}
	__asm__ volatile("" : : "r"(any));
	rig_free(r);
	return ret ? rs_error_set(err, RS_ERR_SYSTEM, -ret, "out of memory") : 0;
}

/* ---- several threads ---- */

/*
 * A fair reader-writer lock: who comes first goes first, readers that come in a
 * row together. Like the kernel's queued one in that, a ticket lock inside.
 */
struct fair_lock {
	uint32_t next;	/* the next ticket */
	uint32_t read;	/* whose turn it is to read ... */
	uint32_t write; /* ... and to write */
};

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#endif
}

static void wait_turn(const uint32_t *turn, uint32_t ticket)
{
	unsigned int spins = 0;

	while (__atomic_load_n(turn, __ATOMIC_ACQUIRE) != ticket) {
		relax();
		/* More threads than CPUs: the one whose turn it is must get to run. */
		if (++spins % 1024 == 0)
			sched_yield();
	}
}

static void read_lock(struct fair_lock *l)
{
	uint32_t ticket = __atomic_fetch_add(&l->next, 1, __ATOMIC_RELAXED);

	wait_turn(&l->read, ticket);
	__atomic_store_n(&l->read, ticket + 1, __ATOMIC_RELEASE);
}

static void read_unlock(struct fair_lock *l)
{
	__atomic_fetch_add(&l->write, 1, __ATOMIC_RELEASE);
}

static void write_lock(struct fair_lock *l)
{
	wait_turn(&l->write, __atomic_fetch_add(&l->next, 1, __ATOMIC_RELAXED));
}

static void write_unlock(struct fair_lock *l)
{
	__atomic_fetch_add(&l->write, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&l->read, 1, __ATOMIC_RELEASE);
}

struct contenders {
	struct rig *rig;
	struct fair_lock lock;
	bool go, stop;				     /* atomic */
	uint64_t checks, begins, check_ns, write_ns; /* atomic sums */
	int ret;
	uint32_t next_ready; /* atomic: each notifier has its own of the batch */
};

static void wait_go(const struct contenders *c)
{
	while (!__atomic_load_n(&c->go, __ATOMIC_ACQUIRE))
		sched_yield();
}

static bool stopped(const struct contenders *c)
{
	return __atomic_load_n(&c->stop, __ATOMIC_RELAXED);
}

static void add_to(uint64_t *sum, uint64_t n)
{
	__atomic_fetch_add(sum, n, __ATOMIC_RELAXED);
}

/* Looks at the clock for one check in 64: a look costs more than a check. */
static void *vcpu_thread(void *arg)
{
	struct contenders *c = arg;
	uint64_t checks = 0, timed = 0, held = 0;
	unsigned int any = 0;

	wait_go(c);
	for (uint32_t i = 0; !stopped(c); i++) {
		uint64_t token, t0 = 0;

		read_lock(&c->lock);
		token = rs_algo_snapshot(&c->rig->algo);
		if (i % 64 == 0)
			t0 = now_ns();
		any += check(c->rig, i, token);
		if (i % 64 == 0) {
			held += now_ns() - t0;
			timed++;
		}
		read_unlock(&c->lock);
		checks++;
	}
	__asm__ volatile("" : : "r"(any));
	add_to(&c->checks, checks);
	add_to(&c->check_ns, timed ? held * checks / timed : 0);
	return NULL;
}

static void *notifier_thread(void *arg)
{
	struct contenders *c = arg;
	struct ready *x = c->rig->ready + c->rig->set.outstanding +
			  __atomic_fetch_add(&c->next_ready, 1, __ATOMIC_RELAXED);
	uint64_t begins = 0, held = 0, t0;

	wait_go(c);
	while (!stopped(c)) {
		write_lock(&c->lock);
		t0 = now_ns();
		if (begin_all(c->rig, x))
			__atomic_store_n(&c->ret, -ENOMEM, __ATOMIC_RELAXED);
		held += now_ns() - t0;
		write_unlock(&c->lock);
		write_lock(&c->lock);
		t0 = now_ns();
		rs_algo_end(&c->rig->algo, &x->inv);
		held += now_ns() - t0;
		write_unlock(&c->lock);
		begins++;
	}
	add_to(&c->begins, begins);
	add_to(&c->write_ns, held);
	return NULL;
}

static int run_threads(struct contenders *c, unsigned int vcpus, unsigned int notifiers,
		       uint64_t ns)
{
	struct timespec ts = { (time_t)(ns / 1000000000ULL), (long)(ns % 1000000000ULL) };
	pthread_t threads[2 * BATCH];
	unsigned int n = 0;
	int ret = 0;

	for (unsigned int i = 0; i < vcpus + notifiers && !ret; i++) {
		ret = pthread_create(&threads[n], NULL, i < vcpus ? vcpu_thread : notifier_thread,
				     c);
		n += !ret;
	}
	if (ret)
		__atomic_store_n(&c->stop, true, __ATOMIC_RELAXED);
	__atomic_store_n(&c->go, true, __ATOMIC_RELEASE);
	if (!ret)
		nanosleep(&ts, NULL);
	__atomic_store_n(&c->stop, true, __ATOMIC_RELAXED);
	while (n)
		pthread_join(threads[--n], NULL);
	return ret ? -ret : c->ret;
}

int rs_cost_contend(const char *algo, const struct rs_cost_setting *setting, unsigned int vcpus,
		    unsigned int notifiers, uint64_t ns, struct rs_contention *out,
		    struct rs_error *err)
{
	struct contenders c = { 0 };
	uint64_t t0;
	double s;
	int ret;

	if (vcpus > BATCH || notifiers > BATCH)
		return rs_error_set(err, RS_ERR_USAGE, EINVAL, "more than %d threads", BATCH);
	c.rig = rig_new(algo, setting, err);
	if (!c.rig)
		return -EINVAL;
	ret = start_outstanding(c.rig);
	t0 = now_ns();
	if (!ret)
		ret = run_threads(&c, vcpus, notifiers, ns);
	s = (double)(now_ns() - t0) / 1e9;
	rig_free(c.rig);
	if (ret)
		return rs_error_set(err, RS_ERR_SYSTEM, -ret, "%s", strerror(-ret));
	*out = (struct rs_contention){
		.vcpus = vcpus,
		.notifiers = notifiers,
		.checks_per_s = (double)c.checks / s,
		.begins_per_s = (double)c.begins / s,
		.check_held_ns = c.checks ? (double)c.check_ns / (double)c.checks : 0,
		.write_held_ns = c.begins ? (double)c.write_ns / (2.0 * (double)c.begins) : 0
	};
	return 0;
}
