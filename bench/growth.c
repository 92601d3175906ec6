// SPDX-License-Identifier: GPL-2.0-only
/*
 * How time and memory grow: with the length of a trace, with the threads, with
 * the invalidations that are outstanding and with the memslots.
 */
#include "bench/growth.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/tile.h"
#include "bench/ways.h"
#include "replay/replay.h"
#include "replay/team/team.h"
#include "traces/synth/synth.h"
#include "traces/trace.h"

static struct rs_synth *new_synth(const char *events, const char *vms)
{
	struct rs_synth_params p;
	struct rs_error err;
	struct rs_synth *s = NULL;

	rs_synth_defaults(&p);
	if (!rs_synth_set(&p, "events", events, &err) && !rs_synth_set(&p, "vms", vms, &err))
		s = rs_synth_new(&p, &err);
	if (!s)
		fail("synth", &err);
	return s;
}

/* ---- the length of a trace ---- */

static const struct rs_replay_opts counts = { .algos = "gfn" };
static const struct rs_replay_opts everything = { .algos = "all", .flags = RS_REPLAY_ALL };

/* What the process has besides mapped files, in MiB. */
static double own_memory(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	unsigned long kib = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "RssAnon: %lu kB", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return (double)kib / 1024;
}

struct run {
	int64_t events;
	double memory;
};

static int64_t finish(struct rs_replay *engine, int rc, struct rs_error *err, struct run *run)
{
	struct rs_result *res = rc ? NULL : rs_replay_finish(engine, err);

	run->memory = own_memory();
	run->events = res ? (int64_t)res->events : fail("replay", err);
	rs_result_free(res);
	rs_replay_free(engine);
	return run->events;
}

static int64_t streamed(const char *events, const struct rs_replay_opts *opts, struct run *run)
{
	struct rs_error err;
	struct rs_synth *s = new_synth(events, "1");
	struct rs_replay *engine = s ? rs_replay_new(opts, &err) : NULL;
	const struct rs_event *evs;
	size_t n;
	int rc = 0;

	while (engine && !rc && (n = rs_synth_next(s, &evs)))
		rc = rs_replay_feed(engine, evs, n, &err);
	rs_synth_free(s);
	return engine ? finish(engine, rc, &err, run) : -1;
}

static int64_t from_file(const char *path, const struct rs_replay_opts *opts, struct run *run)
{
	struct rs_error err;
	struct rs_reader *r = rs_reader_open(path, NULL, &err);
	struct rs_replay *engine = r ? rs_replay_new(opts, &err) : NULL;
	const struct rs_event *evs;
	ssize_t n = -1;

	while (engine && (n = rs_reader_next(r, &evs, &err)) > 0)
		if (rs_replay_feed(engine, evs, (size_t)n, &err))
			break;
	rs_reader_close(r);
	return engine ? finish(engine, n != 0, &err, run) : fail(path, &err);
}

static int64_t write_synth(const char *events, const char *path, enum rs_form form, struct run *run)
{
	struct rs_error err;
	struct rs_synth *s = new_synth(events, "1");
	struct rs_writer *w = s ? rs_writer_open(path, form, &err) : NULL;
	const struct rs_event *evs;
	size_t n;
	int rc = -1;

	run->events = 0;
	while (w && (n = rs_synth_next(s, &evs))) {
		run->events += (int64_t)n;
		rc = rs_writer_put(w, evs, n, &err);
		if (rc)
			break;
	}
	run->memory = own_memory();
	rs_synth_free(s);
	if (rc)
		rs_writer_abort(w);
	else
		rc = rs_writer_finish(w, NULL, &err);
	return rc ? fail(path, &err) : run->events;
}

enum {
	STREAM_COUNTS,
	STREAM_ALL,
	WRITE,
	FILE_COUNTS,
	FILE_ALL,
	WRITE_RAW,
	RAW_COUNTS,
	RAW_ALL,
	NR_STEPS
};

static const char *const steps[NR_STEPS] = {
	"synth, gfn, counts only",    "synth, all algorithms, everything",
	"synth to the binary form",   "its file, gfn, counts only",
	"its file, all, everything",  "synth to the binary form, raw",
	"its file, gfn, counts only", "its file, all, everything",
};

static int64_t do_step(int step, const char *events, const char *path, struct run *run)
{
	switch (step) {
	case STREAM_COUNTS:
		return streamed(events, &counts, run);
	case STREAM_ALL:
		return streamed(events, &everything, run);
	case WRITE:
		return write_synth(events, path, RS_FORM_BINARY, run);
	case WRITE_RAW:
		return write_synth(events, path, RS_FORM_BINARY_RAW, run);
	case FILE_COUNTS:
	case RAW_COUNTS:
		return from_file(path, &counts, run);
	default:
		return from_file(path, &everything, run);
	}
}

/* In a process of its own, so that its memory is its own; prints a line. */
static int child_step(int step, const char *events, const char *path)
{
	struct run run = { 0 };
	double start;
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		start = processor_seconds();
		if (do_step(step, events, path, &run) < 0)
			_exit(1);
		printf("  %-34s %11" PRId64 " %9.1f %14.1f\n", steps[step], run.events,
		       (processor_seconds() - start) * 1e9 / (double)run.events, run.memory);
		fflush(stdout);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status)
		return (int)fail(steps[step], NULL);
	return 0;
}

static int scale_to(const char *events)
{
	char name[] = "/var/tmp/retryscope-bench.XXXXXX";
	int fd = mkstemp(name), rc = 0;

	if (fd < 0)
		return (int)fail(name, NULL);
	close(fd);
	for (int i = 0; i < NR_STEPS && !rc; i++)
		rc = child_step(i, events, name);
	unlink(name);
	return rc;
}

int bench_scale(const char *most)
{
	uint64_t limit = strtoull(most, NULL, 0);
	char events[24];

	printf("a synthetic trace, processor time, memory besides mapped files\n"
	       "  %-34s %11s %9s %14s\n",
	       "", "events", "ns/event", "MiB");
	for (uint64_t n = 100000; n <= limit; n *= 10) {
		snprintf(events, sizeof(events), "%" PRIu64, n);
		if (scale_to(events))
			return 1;
	}
	return 0;
}

/* ---- threads ---- */

static double team_seconds(const char *path, const struct rs_replay_opts *opts, unsigned int jobs)
{
	struct rs_error err;
	struct rs_reader *r = rs_reader_open(path, NULL, &err);
	struct rs_team *t = r ? rs_team_new(opts, jobs, 0, &err) : NULL;
	const struct rs_event *evs;
	struct rs_result *res = NULL;
	double start = elapsed_seconds();
	ssize_t n = -1;

	while (t && (n = rs_reader_next(r, &evs, &err)) > 0)
		if (rs_team_feed(t, evs, (size_t)n, &err))
			break;
	if (!n)
		res = rs_team_finish(t, &err);
	start = elapsed_seconds() - start;
	if (!res)
		fail(path, &err);
	rs_result_free(res);
	rs_team_free(t);
	rs_reader_close(r);
	return res ? start : -1;
}

static int cmp_double(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int print_jobs(const char *what, const char *path, const struct rs_replay_opts *opts)
{
	double ratios[MAX_ROUNDS], work[MAX_ROUNDS], first = 0;

	for (unsigned int i = 0; i < MAX_ROUNDS; i++) {
		double at = processor_seconds(), one = team_seconds(path, opts, 1);
		double between = processor_seconds(), two = team_seconds(path, opts, 2);

		if (one < 0 || two < 0)
			return -1;
		ratios[i] = one / two;
		work[i] = 2 * (between - at) / (processor_seconds() - between);
		first = one;
	}
	qsort(ratios, MAX_ROUNDS, sizeof(ratios[0]), cmp_double);
	qsort(work, MAX_ROUNDS, sizeof(work[0]), cmp_double);
	printf("  %-34s %10.2f s %10.2f (%.2f - %.2f) %10.2f\n", what, first,
	       ratios[MAX_ROUNDS / 2], ratios[0], ratios[MAX_ROUNDS - 1], work[MAX_ROUNDS / 2]);
	return 0;
}

/* Families with many parameters, four in a list of the others. */
static const char *many_algos(void)
{
	static char list[1024] = "global,hva,gfn,exact";

	if (!strchr(list, ':'))
		for (int i = 1; i <= 36; i++)
			sprintf(list + strlen(list), ",gfn-multi:%d", i);
	return list;
}

static int print_all_jobs(const char *of, const char *path)
{
	const struct rs_replay_opts standard = { .flags = RS_REPLAY_ALL };
	const struct rs_replay_opts many = { .algos = many_algos(), .flags = RS_REPLAY_ALL };
	char what[64];
	int rc;

	snprintf(what, sizeof(what), "%s, default algorithms", of);
	rc = print_jobs(what, path, &standard);
	snprintf(what, sizeof(what), "%s, all algorithms", of);
	rc = rc ? rc : print_jobs(what, path, &everything);
	snprintf(what, sizeof(what), "%s, 40 algorithms", of);
	return rc ? rc : print_jobs(what, path, &many);
}

static int synthetic_jobs(const char *path, const char *vms)
{
	struct rs_synth *s = new_synth("5000000", vms);
	struct rs_error err;
	struct rs_writer *w = s ? rs_writer_open(path, RS_FORM_BINARY, &err) : NULL;
	const struct rs_event *evs;
	size_t n;
	int rc = w ? 0 : -1;

	while (!rc && (n = rs_synth_next(s, &evs)))
		rc = rs_writer_put(w, evs, n, &err);
	rs_synth_free(s);
	if (rc || rs_writer_finish(w, NULL, &err))
		return (int)fail(path, &err);
	return print_all_jobs(*vms == '1' ? "synthetic, 1 VM" : "synthetic, 2 VMs", path);
}

/* Each event once more, for another VM. */
static int put_twice(struct rs_writer *w, const struct rs_event *evs, size_t n,
		     struct rs_error *err)
{
	int rc = 0;

	for (size_t i = 0; i < n && !rc; i++) {
		struct rs_event both[2] = { evs[i], evs[i] };

		both[1].vm++;
		rc = rs_writer_put(w, both, 2, err);
	}
	return rc;
}

static int double_vms(const char *from, const char *to)
{
	struct rs_error err;
	struct rs_reader *r = rs_reader_open(from, NULL, &err);
	struct rs_writer *w = r ? rs_writer_open(to, RS_FORM_BINARY, &err) : NULL;
	const struct rs_event *evs;
	int rc = w ? 0 : -1;
	ssize_t n;

	while (!rc && (n = rs_reader_next(r, &evs, &err)))
		rc = n < 0 ? (int)n : put_twice(w, evs, (size_t)n, &err);
	if (!rc)
		rc = rs_writer_finish(w, NULL, &err);
	else if (w)
		rs_writer_abort(w);
	rs_reader_close(r);
	return rc ? (int)fail(to, &err) : 0;
}

static int capture_jobs(const char *trace, const char *path)
{
	char twice[64];
	int rc = bench_tile(trace, "2500000", path);

	snprintf(twice, sizeof(twice), "%s.twice", path);
	rc = rc ? rc : print_all_jobs("capture, 1 VM", path);
	rc = rc ? rc : double_vms(path, twice);
	rc = rc ? rc : print_all_jobs("capture, 2 VMs", twice);
	unlink(twice);
	return rc;
}

int bench_jobs(const char *trace)
{
	char name[] = "/var/tmp/retryscope-bench.XXXXXX";
	int fd = mkstemp(name), rc;

	if (fd < 0)
		return (int)fail(name, NULL);
	close(fd);
	printf("5,000,000 synthetic events, and 2,500,000 records of the capture for each VM:\n"
	       "elapsed time, how much faster two threads are (with two idle CPUs), and how much\n"
	       "faster they can be by the processor time they take\n"
	       "  %-34s %12s %24s %10s\n",
	       "", "one thread", "two threads", "can be");
	rc = synthetic_jobs(name, "1");
	rc = rc ? rc : synthetic_jobs(name, "2");
	rc = rc ? rc : capture_jobs(trace, name);
	unlink(name);
	return rc ? 1 : 0;
}

/* ---- outstanding invalidations, memslots ---- */

#define CYCLES 20000
#define FRAMES (1ULL << 20)
#define HVA 0x7f0000000000ULL

struct list {
	struct rs_event *v;
	size_t n;
	uint64_t random;
};

static uint64_t below(struct list *l, uint64_t n)
{
	l->random = l->random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (l->random >> 32) % n;
}

static void put(struct list *l, struct rs_event ev)
{
	ev.time_ns = 100 * l->n;
	ev.vm = 1;
	l->v[l->n++] = ev;
}

static void begin_page(struct list *l, uint64_t id)
{
	uint64_t hva = HVA + below(l, FRAMES) * RS_PAGE_SIZE;

	put(l, (struct rs_event){ .type = RS_EV_INVAL_BEGIN,
				  .inval.id = id,
				  .inval.start = hva,
				  .inval.end = hva + RS_PAGE_SIZE });
}

/* @outstanding stay so; the oldest of those besides @kept ends when a new one begins. */
static struct list make_list(uint64_t slots, uint64_t outstanding, uint64_t kept)
{
	struct list l = { .v = calloc(slots + outstanding + 4 * CYCLES, sizeof(*l.v)) };
	uint64_t id = 0, pages = FRAMES / slots;

	for (uint64_t i = 0; l.v && i < slots; i++)
		put(&l, (struct rs_event){ .type = RS_EV_MEMSLOT,
					   .memslot.id = (uint32_t)i,
					   .memslot.gfn = 2 * i * pages,
					   .memslot.npages = pages,
					   .memslot.hva = HVA + i * pages * RS_PAGE_SIZE });
	while (l.v && id < outstanding)
		begin_page(&l, id++);
	for (int i = 0; l.v && i < CYCLES; i++, id++) {
		begin_page(&l, id);
		put(&l, (struct rs_event){ .type = RS_EV_FAULT_BEGIN,
					   .fault.gfn = 2 * below(&l, slots) * pages +
							below(&l, pages) });
		put(&l, (struct rs_event){ .type = RS_EV_FAULT_CHECK });
		put(&l, (struct rs_event){ .type = RS_EV_INVAL_END,
					   .inval.id = id - outstanding + kept });
	}
	return l;
}

/* Time for an event of the cycles; what comes before them is not counted. */
static double cycle_ns(const struct list *l, const struct rs_replay_opts *opts)
{
	struct rs_error err;
	struct rs_replay *engine = rs_replay_new(opts, &err);
	size_t before = l->n - 4 * CYCLES;
	double start;
	int rc = engine ? rs_replay_feed(engine, l->v, before, &err) : -1;

	start = processor_seconds();
	if (!rc)
		rc = rs_replay_feed(engine, l->v + before, 4 * CYCLES, &err);
	start = processor_seconds() - start;
	rs_replay_free(engine);
	return rc ? (double)fail("replay", &err) : start * 1e9 / (4 * CYCLES);
}

static int print_growth(const char *what, uint64_t n, struct list l)
{
	const struct rs_replay_opts standard = { .flags = RS_REPLAY_ALL };

	if (!l.v)
		return (int)fail(what, NULL);
	printf("  %-28s %8" PRIu64 " %12.0f %12.0f %12.0f\n", what, n, cycle_ns(&l, &counts),
	       cycle_ns(&l, &standard), cycle_ns(&l, &everything));
	free(l.v);
	return 0;
}

int bench_growth(void)
{
	static const uint64_t outstanding[] = { 1, 10, 100, 1000, 10000 };
	static const uint64_t slots[] = { 1, 10, 100, 1000, 10000, 32764 };
	int rc;

	printf("growth, ns per event, processor time\n"
	       "  %-28s %8s %12s %12s %12s\n",
	       "", "", "gfn, counts", "default", "all");
	rc = print_growth("none outstanding for good", 0, make_list(1, 0, 0));
	if (!rc)
		rc = print_growth("one that never ends", 1, make_list(1, 1, 1));
	for (size_t i = 0; !rc && i < sizeof(outstanding) / sizeof(outstanding[0]); i++)
		rc = print_growth("outstanding", outstanding[i], make_list(1, outstanding[i], 0));
	for (size_t i = 0; !rc && i < sizeof(slots) / sizeof(slots[0]); i++)
		rc = print_growth("memslots", slots[i], make_list(slots[i], 1, 0));
	return rc ? 1 : 0;
}
