// SPDX-License-Identifier: GPL-2.0-only
#include "capture/workload/workload_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How often the main thread looks whether it is time to stop. */
#define POLL_NS 20000000ULL

struct host {
	const struct rs_workload_options *opts;
	const struct rs_workload_plan *plan;
	struct rs_workload_memory mem, file; /* anonymous, and the guest_memfd's */
	struct rs_guest *vm;
	uint32_t index;
	atomic_bool quit;
	struct rs_workload_result *result;
};

struct worker {
	struct host *host;
	uint32_t random;
	pthread_t thread;
	uint64_t done[RS_NR_WORKLOAD_OPS], refused[RS_NR_WORKLOAD_OPS];
};

uint64_t rs_workload_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

void rs_workload_sleep(uint64_t ns, const atomic_bool *quit)
{
	while (ns && !atomic_load(quit)) {
		uint64_t part = ns < POLL_NS ? ns : POLL_NS;
		struct timespec ts = { .tv_nsec = (long)part };

		nanosleep(&ts, NULL);
		ns -= part;
	}
}

static void *invalidator_main(void *arg)
{
	struct worker *w = arg;
	const struct rs_workload_options *opts = w->host->opts;
	uint64_t gap_ns = opts->rate ? 1000000000ULL / opts->rate : 0;

	while (!atomic_load(&w->host->quit)) {
		struct rs_workload_choice c = rs_workload_choose(opts, &w->random);

		const struct rs_workload_memory *mem =
			c.guest_memfd ? &w->host->file : &w->host->mem;

		if (rs_workload_invalidate(mem, c.op, c.first, c.npages))
			w->refused[c.op]++;
		else
			w->done[c.op]++;
		rs_workload_sleep(gap_ns, &w->host->quit);
	}
	return NULL;
}

static int churn_once(struct host *h, const struct rs_workload_slot *slot, enum rs_churn_op op,
		      uint64_t gap_ns)
{
	int ret = -EINVAL;

	switch (op) {
	case RS_CHURN_DELETE:
		ret = rs_guest_set_slot(h->vm, slot, slot->gfn, 0, false);
		break;
	case RS_CHURN_MOVE:
		ret = rs_guest_set_slot(h->vm, slot, h->plan->spare_gfn, 0, true);
		break;
	case RS_CHURN_FLAGS:
		ret = rs_guest_set_slot(h->vm, slot, slot->gfn, RS_VM_SLOT_LOG_DIRTY, true);
		break;
	case RS_NR_CHURN_OPS:
		break;
	}
	if (ret)
		return ret;
	rs_workload_sleep(gap_ns / 2, &h->quit);
	return rs_guest_set_slot(h->vm, slot, slot->gfn, 0, true);
}

/* Changes one memslot at a time, and always back: all are there again at the end. */
static void *churn_main(void *arg)
{
	struct host *h = arg;
	uint64_t gap_ns = 1000000000ULL / h->opts->churn_rate;
	struct rs_workload_options choice = { .ops = h->opts->churn_ops,
					      .range_min = 1,
					      .range_max = 1,
					      .pages = h->plan->nr_slots - 1 };
	uint32_t random = rs_workload_seed(h->opts->seed, h->index, UINT16_MAX);

	while (!atomic_load(&h->quit)) {
		struct rs_workload_choice c = rs_workload_choose(&choice, &random);
		enum rs_churn_op op = (enum rs_churn_op)c.op;

		if (!churn_once(h, &h->plan->slots[1 + c.first], op, gap_ns))
			h->result->churned[op]++;
		rs_workload_sleep(gap_ns / 2, &h->quit);
	}
	return NULL;
}

static bool time_to_stop(const struct host *h, const volatile sig_atomic_t *stop, uint64_t begin_ns)
{
	if (*stop || rs_guest_failed(h->vm))
		return true;
	return h->opts->duration_ns && rs_workload_now_ns() - begin_ns >= h->opts->duration_ns;
}

static void wait_until_over(struct host *h, const volatile sig_atomic_t *stop)
{
	uint64_t begin_ns = rs_workload_now_ns();

	while (!time_to_stop(h, stop, begin_ns))
		rs_workload_sleep(POLL_NS, &h->quit);
	h->result->elapsed_ns = rs_workload_now_ns() - begin_ns;
}

static void join_workers(struct host *h, struct worker *workers, uint32_t count)
{
	atomic_store(&h->quit, true);
	for (uint32_t i = 0; i < count; i++) {
		pthread_join(workers[i].thread, NULL);
		for (unsigned int op = 0; op < RS_NR_WORKLOAD_OPS; op++) {
			h->result->invalidations[op] += workers[i].done[op];
			h->result->refused[op] += workers[i].refused[op];
		}
	}
}

static int start_thread(pthread_t *thread, void *(*func)(void *), void *arg, struct rs_error *err)
{
	int ret = pthread_create(thread, NULL, func, arg);

	return ret ? rs_error_set(err, RS_ERR_SYSTEM, ret, "no thread: %s", strerror(ret)) : 0;
}

static int run_workers(struct host *h, struct worker *workers, const volatile sig_atomic_t *stop,
		       struct rs_error *err)
{
	pthread_t churn;
	uint32_t started = 0;
	int ret = 0, churn_ret = -1;

	for (; started < h->opts->invalidators; started++) {
		struct worker *w = &workers[started];

		w->host = h;
		w->random = rs_workload_seed(h->opts->seed, h->index, UINT16_MAX + 1 + started);
		ret = start_thread(&w->thread, invalidator_main, w, err);
		if (ret)
			break;
	}
	if (!ret && h->opts->churn_rate)
		ret = churn_ret = start_thread(&churn, churn_main, h, err);
	if (!ret)
		wait_until_over(h, stop);
	join_workers(h, workers, started);
	if (!churn_ret)
		pthread_join(churn, NULL);
	return ret;
}

static int run_threads(struct host *h, const volatile sig_atomic_t *stop, struct rs_error *err)
{
	struct worker *workers = calloc(h->opts->invalidators + 1, sizeof(*workers));
	int ret, stopped;

	if (!workers)
		return rs_error_nomem(err);
	ret = rs_guest_start(h->vm, err);
	if (!ret) {
		ret = run_workers(h, workers, stop, err);
		stopped = rs_guest_stop(h->vm, ret ? NULL : err);
		ret = ret ? ret : stopped;
		rs_guest_collect(h->vm, h->result);
	}
	free(workers);
	return ret;
}

static int run_vm(const struct rs_workload_options *opts, const struct rs_workload_plan *plan,
		  uint32_t index, const volatile sig_atomic_t *stop,
		  struct rs_workload_result *result, struct rs_error *err)
{
	struct host h = { .opts = opts, .plan = plan, .index = index, .result = result };
	int ret = 0;

	if (opts->backing != RS_WORKLOAD_GUEST_MEMFD)
		ret = rs_workload_memory_map(&h.mem, opts->pages, opts->thp);
	*result = (struct rs_workload_result){ .pid = getpid() };
	if (ret)
		return rs_error_set(err, RS_ERR_HOST, -ret, "no memory of %llu pages%s: %s",
				    (unsigned long long)opts->pages,
				    opts->thp == RS_THP_ON ? " in huge pages" : "", strerror(-ret));
	h.vm = rs_guest_create(opts, plan, &h.mem, &h.file, index, err);
	ret = h.vm ? run_threads(&h, stop, err) : -errno;
	rs_guest_destroy(h.vm);
	rs_workload_memory_unmap(&h.mem);
	rs_workload_memory_unmap(&h.file);
	return ret;
}

/* What a VM's process leaves for the one that started it. */
struct outcome {
	struct rs_workload_result result;
	struct rs_error err;
	int ret;
};

static int start_processes(const struct rs_workload_options *opts,
			   const struct rs_workload_plan *plan, const volatile sig_atomic_t *stop,
			   struct outcome *outcomes, pid_t *pids, struct rs_error *err)
{
	for (uint32_t i = 0; i < opts->vms; i++) {
		struct outcome *o = &outcomes[i];

		o->ret = -ECHILD;
		rs_error_set(&o->err, RS_ERR_SYSTEM, 0, "the process of VM %u was killed", i);
		pids[i] = fork();
		if (pids[i] < 0)
			return rs_error_set(err, RS_ERR_SYSTEM, errno, "no process for VM %u: %s",
					    i, strerror(errno));
		if (!pids[i]) {
			o->ret = run_vm(opts, plan, i, stop, &o->result, &o->err);
			_exit(0);
		}
	}
	return 0;
}

/* Passes a stop on to the others: a signal may have reached only this process. */
static void wait_for_process(pid_t pid, const pid_t *pids, uint32_t count,
			     const volatile sig_atomic_t *stop)
{
	bool told = false;

	while (waitpid(pid, NULL, WNOHANG) == 0) {
		struct timespec ts = { .tv_nsec = (long)POLL_NS };

		nanosleep(&ts, NULL);
		if (!*stop || told)
			continue;
		for (uint32_t i = 0; i < count; i++)
			if (pids[i] > 0)
				kill(pids[i], SIGTERM);
		told = true;
	}
}

static int gather(const struct rs_workload_options *opts, struct outcome *outcomes, pid_t *pids,
		  const volatile sig_atomic_t *stop, struct rs_workload_result *results,
		  struct rs_error *err)
{
	int ret = 0;

	for (uint32_t i = 0; i < opts->vms; i++) {
		if (pids[i] <= 0)
			continue;
		wait_for_process(pids[i], pids, opts->vms, stop);
		pids[i] = 0;
		results[i] = outcomes[i].result;
		if (outcomes[i].ret && !ret) {
			ret = outcomes[i].ret;
			if (err)
				*err = outcomes[i].err;
		}
	}
	return ret;
}

static int run_processes(const struct rs_workload_options *opts,
			 const struct rs_workload_plan *plan, const volatile sig_atomic_t *stop,
			 struct rs_workload_result *results, struct rs_error *err)
{
	size_t size = opts->vms * sizeof(struct outcome);
	struct outcome *outcomes =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t *pids = calloc(opts->vms, sizeof(*pids));
	static const sig_atomic_t now = 1;
	int ret = -ENOMEM, gathered;

	if (outcomes == MAP_FAILED || !pids) {
		rs_error_set(err, RS_ERR_SYSTEM, ENOMEM, "no memory for %u VMs", opts->vms);
	} else {
		ret = start_processes(opts, plan, stop, outcomes, pids, err);
		gathered =
			gather(opts, outcomes, pids, ret ? &now : stop, results, ret ? NULL : err);
		ret = ret ? ret : gathered;
	}
	free(pids);
	if (outcomes != MAP_FAILED)
		munmap(outcomes, size);
	return ret;
}

/* A VM that shares the process with others. */
struct vm_thread {
	const struct rs_workload_options *opts;
	const struct rs_workload_plan *plan;
	const volatile sig_atomic_t *stop;
	uint32_t index;
	pthread_t thread;
	atomic_bool ended;
	struct outcome outcome;
};

static void *vm_main(void *arg)
{
	struct vm_thread *t = arg;

	t->outcome.ret =
		run_vm(t->opts, t->plan, t->index, t->stop, &t->outcome.result, &t->outcome.err);
	atomic_store(&t->ended, true);
	return NULL;
}

/* A stop reaches all of them, and so does the failure of one. */
static void watch_threads(struct vm_thread *threads, uint32_t count,
			  const volatile sig_atomic_t *stop, volatile sig_atomic_t *halt)
{
	for (uint32_t ended = 0; ended < count;) {
		struct timespec ts = { .tv_nsec = (long)POLL_NS };

		nanosleep(&ts, NULL);
		ended = 0;
		if (*stop)
			*halt = 1;
		for (uint32_t i = 0; i < count; i++) {
			if (!atomic_load(&threads[i].ended))
				continue;
			ended++;
			if (threads[i].outcome.ret)
				*halt = 1;
		}
	}
}

static int run_one_process(const struct rs_workload_options *opts,
			   const struct rs_workload_plan *plan, const volatile sig_atomic_t *stop,
			   struct rs_workload_result *results, struct rs_error *err)
{
	struct vm_thread *threads = calloc(opts->vms, sizeof(*threads));
	volatile sig_atomic_t halt = 0;
	uint32_t started = 0;
	int ret = 0;

	if (!threads)
		return rs_error_set(err, RS_ERR_SYSTEM, ENOMEM, "no memory for %u VMs", opts->vms);
	for (; started < opts->vms && !ret; started += !ret) {
		struct vm_thread *t = &threads[started];

		*t = (struct vm_thread){
			.opts = opts, .plan = plan, .stop = &halt, .index = started
		};
		ret = start_thread(&t->thread, vm_main, t, err);
	}
	if (ret)
		halt = 1;
	watch_threads(threads, started, stop, &halt);
	for (uint32_t i = 0; i < started; i++) {
		pthread_join(threads[i].thread, NULL);
		results[i] = threads[i].outcome.result;
		if (!threads[i].outcome.ret || ret)
			continue;
		ret = threads[i].outcome.ret;
		if (err)
			*err = threads[i].outcome.err;
	}
	free(threads);
	return ret;
}

int rs_workload_run(const struct rs_workload_options *opts, const volatile sig_atomic_t *stop,
		    struct rs_workload_result *results, struct rs_error *err)
{
	struct rs_workload_plan plan;
	int ret = rs_workload_plan_make(opts, &plan, err);

	if (ret)
		return ret;
	if (opts->vms == 1)
		ret = run_vm(opts, &plan, 0, stop, results, err);
	else if (opts->one_process)
		ret = run_one_process(opts, &plan, stop, results, err);
	else
		ret = run_processes(opts, &plan, stop, results, err);
	rs_workload_plan_free(&plan);
	return ret;
}
