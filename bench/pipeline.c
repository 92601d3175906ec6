// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long import and replay take, against what must be done at least. All ways
 * are run in turn, several rounds, in processor time: medians, with their range.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event-parse.h>
#include <kbuffer.h>
#include <trace-cmd.h>

#include "bench/growth.h"
#include "bench/tile.h"
#include "bench/ways.h"
#include "replay/replay.h"
#include "traces/trace.h"
#include "traces/dat/dat_file.h"

/* ---- import ---- */

static int64_t ring_events; /* found by the bare walk: what all ways are counted in */

static int64_t convert(const char *path, enum rs_form form)
{
	struct rs_error err;
	struct rs_reader *r = rs_reader_open(path, NULL, &err);
	struct rs_writer *w = r ? rs_writer_open("/dev/null", form, &err) : NULL;
	const struct rs_event *evs;
	ssize_t n;
	int rc;

	if (!w)
		return fail(path, &err);
	rc = rs_writer_begin(w, rs_reader_meta(r), &err);
	while (!rc && (n = rs_reader_next(r, &evs, &err)) > 0)
		rc = rs_writer_put(w, evs, (size_t)n, &err);
	if (rc || n < 0 || rs_writer_finish(w, rs_reader_meta(r), &err))
		return fail(path, &err);
	rs_reader_close(r);
	return ring_events;
}

static int64_t import_raw(const char *path)
{
	return convert(path, RS_FORM_BINARY_RAW);
}

static int64_t import_zstd(const char *path)
{
	return convert(path, RS_FORM_BINARY);
}

static int64_t import_only(const char *path)
{
	struct rs_error err;
	struct rs_reader *r = rs_reader_open(path, NULL, &err);
	const struct rs_event *evs;
	ssize_t n = 1;

	while (r && (n = rs_reader_next(r, &evs, &err)) > 0)
		;
	if (!r || n < 0)
		return fail(path, &err);
	rs_reader_close(r);
	return ring_events;
}

static int64_t trace_cmd_report(const char *path)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (freopen("/dev/null", "w", stdout) && freopen("/dev/null", "w", stderr))
			execlp("trace-cmd", "trace-cmd", "report", path, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status)
		return fail("trace-cmd report", NULL);
	return ring_events;
}

static int count(struct tracecmd_input *handle, struct tep_record *record, int cpu, void *data)
{
	++*(int64_t *)data;
	return 0;
}

static int64_t iterate(const char *path)
{
	struct tracecmd_input *handle = tracecmd_open(path, 0);
	int64_t n = 0;

	if (!handle)
		return fail(path, NULL);
	tracecmd_iterate_events(handle, NULL, 0, count, &n);
	tracecmd_close(handle);
	return n;
}

static int64_t walk_cpu(const struct rs_dat_file *f, const struct rs_dat_buffer *b, uint32_t cpu,
			struct kbuffer *kbuf, unsigned char *page)
{
	unsigned long long ts, sum = 0;
	int64_t n = 0;

	for (uint64_t at = 0; at < b->cpus[cpu].size; at += b->page_size) {
		if (rs_dat_file_read(f, b->cpus[cpu].offset + at, page, b->page_size, NULL))
			break;
		kbuffer_load_subbuffer(kbuf, page);
		for (void *ev = kbuffer_read_event(kbuf, &ts); ev;
		     ev = kbuffer_next_event(kbuf, &ts)) {
			sum += ts;
			n++;
		}
	}
	return sum ? n : 0;
}

static bool want_none(const char *system, const char *text)
{
	return false;
}

static int64_t kbuffer_walk(const char *path)
{
	struct kbuffer *kbuf = kbuffer_alloc(KBUFFER_LSIZE_8, KBUFFER_ENDIAN_LITTLE);
	int fd = open(path, O_RDONLY);
	struct rs_dat_file f;
	struct rs_error err;
	int64_t n = 0;

	if (fd < 0 || !kbuf || rs_dat_file_open(&f, fd, want_none, NULL, &err))
		return fail(path, fd < 0 ? NULL : &err);
	for (size_t i = 0; i < f.nr_buffers; i++) {
		struct rs_dat_buffer *b = &f.buffers[i];
		unsigned char *page = malloc(b->page_size);

		for (uint32_t cpu = 0; page && !b->compressed && cpu < b->nr_cpus; cpu++)
			n += walk_cpu(&f, b, cpu, kbuf, page);
		free(page);
	}
	rs_dat_file_close(&f);
	close(fd);
	kbuffer_free(kbuf);
	return n;
}

static int bench_import(const char *path)
{
	struct way ways[] = {
		{ .name = "trace-cmd report >/dev/null", .run = trace_cmd_report },
		{ .name = "tracecmd_iterate_events, counting", .run = iterate },
		{ .name = "import into compressed binary", .run = import_zstd },
		{ .name = "import into raw binary", .run = import_raw },
		{ .name = "import alone", .run = import_only },
		{ .name = "bare kbuffer walk", .run = kbuffer_walk },
	};
	size_t n = sizeof(ways) / sizeof(ways[0]);

	ring_events = kbuffer_walk(path);
	if (ring_events <= 0) {
		fprintf(stderr, "bench: %s: an uncompressed trace.dat with events is needed\n",
			path);
		return 1;
	}
	if (run_ways(ways, n, path, MAX_ROUNDS, processor_seconds))
		return 1;
	printf("import of %s, processor time, ratio to the bare walk\n", path);
	print_ways(ways, n);
	return 0;
}

/* The time until it is done, with as many threads as it takes; @path as it was recorded. */
static int bench_elapsed(const char *path)
{
	struct way ways[] = {
		{ .name = "trace-cmd report >/dev/null", .run = trace_cmd_report },
		{ .name = "tracecmd_iterate_events, counting", .run = iterate },
		{ .name = "import into raw binary", .run = import_raw },
		{ .name = "import into compressed binary", .run = import_zstd },
	};
	size_t n = sizeof(ways) / sizeof(ways[0]);

	ring_events = iterate(path);
	if (ring_events <= 0 || run_ways(ways, n, path, MAX_ROUNDS, elapsed_seconds))
		return 1;
	printf("import of %s, elapsed time, %ld CPUs, ratio to the last\n", path,
	       sysconf(_SC_NPROCESSORS_ONLN));
	print_ways(ways, n);
	return 0;
}

/* ---- replay ---- */

static volatile uint64_t sink;

/* The records of a trace, fed to an engine, or only read and checked. */
static int64_t walk_file(const char *path, const struct rs_replay_opts *opts)
{
	struct rs_error err;
	struct rs_reader *r = rs_reader_open(path, NULL, &err);
	struct rs_replay *engine = opts ? rs_replay_new(opts, &err) : NULL;
	const struct rs_event *evs;
	int64_t total = 0;
	ssize_t n = -1;

	while (r && (engine || !opts) && (n = rs_reader_next(r, &evs, &err)) > 0) {
		total += n;
		if (engine && rs_replay_feed(engine, evs, (size_t)n, &err))
			break;
	}
	if (n)
		return fail(path, &err);
	if (engine)
		rs_result_free(rs_replay_finish(engine, &err));
	rs_replay_free(engine);
	rs_reader_close(r);
	return total;
}

static int64_t replay_counts(const char *path)
{
	const struct rs_replay_opts opts = { .algos = "gfn" };

	return walk_file(path, &opts);
}

static int64_t replay_default(const char *path)
{
	const struct rs_replay_opts opts = { .flags = RS_REPLAY_ALL };

	return walk_file(path, &opts);
}

static int64_t replay_all(const char *path)
{
	const struct rs_replay_opts opts = { .algos = "all", .flags = RS_REPLAY_ALL };

	return walk_file(path, &opts);
}

static int64_t read_checked(const char *path)
{
	return walk_file(path, NULL);
}

/* The same records: in the compressed form, and as the engine sees them. */
static char compressed[64], flat[64];
static int64_t nr_tiled;

static int64_t read_compressed(const char *path)
{
	return walk_file(compressed, NULL);
}

/* Maps @path and sums its words, whatever they are. */
static int64_t bare_pass(const char *path)
{
	int fd = open(path, O_RDONLY);
	const uint64_t *words = MAP_FAILED;
	uint64_t sum = 0;
	struct stat st;

	if (fd >= 0 && !fstat(fd, &st))
		words = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (words == MAP_FAILED)
		return fail(path, NULL);
	for (size_t i = 0; i < (size_t)st.st_size / sizeof(*words); i++)
		sum += words[i];
	munmap((void *)words, (size_t)st.st_size);
	close(fd);
	sink = sum;
	return nr_tiled;
}

static int64_t bare_flat(const char *path)
{
	return bare_pass(flat);
}

static int bench_replay(const char *path, const char *events)
{
	struct way ways[] = {
		{ .name = "replay, all algorithms, everything", .run = replay_all },
		{ .name = "replay, default, everything", .run = replay_default },
		{ .name = "replay, gfn, counts only", .run = replay_counts },
		{ .name = "read, decompress and check", .run = read_compressed },
		{ .name = "read, map and check", .run = read_checked },
		{ .name = "sum of the records, 48 bytes each", .run = bare_flat },
		{ .name = "sum of the file's bytes", .run = bare_pass },
	};
	size_t n = sizeof(ways) / sizeof(ways[0]);
	char name[] = "/var/tmp/retryscope-bench.XXXXXX";
	struct tiles t = { .raw = name, .compressed = compressed, .flat = flat };
	int fd = mkstemp(name), rc;

	if (fd < 0)
		return (int)fail(name, NULL);
	close(fd);
	snprintf(compressed, sizeof(compressed), "%s.zst", name);
	snprintf(flat, sizeof(flat), "%s.flat", name);
	rc = make_tiles(path, &t, strtoull(events, NULL, 0));
	nr_tiled = t.records;
	if (!rc)
		rc = run_ways(ways, n, name, strlen(events) > 8 ? 3 : MAX_ROUNDS,
			      processor_seconds);
	if (!rc) {
		printf("replay of %s tiled, processor time, ratio to the last; each is a record,\n"
		       "and %.1f %% of the records are events of the model\n",
		       path, 100.0 * (double)t.events / (double)t.records);
		print_ways(ways, n);
	}
	unlink(name);
	unlink(compressed);
	unlink(flat);
	return rc ? 1 : 0;
}

static const char *listed;

static int64_t replay_listed(const char *path)
{
	const struct rs_replay_opts opts = { .algos = listed, .flags = RS_REPLAY_ALL };

	return walk_file(path, &opts);
}

/*
 * One way once, of a raw file: for a profiler, or to count instructions. What is no way is a
 * list of algorithms, so that builds that have not the same ones can be held against each
 * other.
 */
static int bench_pass(const char *way, const char *path)
{
	int64_t (*run)(const char *path) = replay_listed;
	static const struct {
		const char *name;
		int64_t (*run)(const char *path);
	} ways[] = { { "all", replay_all },
		     { "default", replay_default },
		     { "counts", replay_counts },
		     { "read", read_checked } };
	int64_t n;

	listed = way;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (!strcmp(way, ways[i].name))
			run = ways[i].run;
	n = run(path);
	if (n >= 0)
		printf("%s of %s: %" PRId64 " records\n", way, path, n);
	return n < 0;
}

/* ---- size ---- */

/* Bytes of the binary form for each event of the model, and for each record. */
static int bench_size(const char *path)
{
	char name[] = "/var/tmp/retryscope-bench.XXXXXX";
	struct rs_error err;
	struct rs_reader *r = rs_reader_open(path, NULL, &err);
	struct rs_writer *w = NULL;
	const struct rs_event *evs;
	uint64_t events = 0, records = 0;
	ssize_t n = -1;
	struct stat st;
	int fd = mkstemp(name), rc = -1;

	if (r && fd >= 0)
		w = rs_writer_open(name, RS_FORM_BINARY, &err);
	if (w && !rs_writer_begin(w, rs_reader_meta(r), &err)) {
		while ((n = rs_reader_next(r, &evs, &err)) > 0 &&
		       !rs_writer_put(w, evs, (size_t)n, &err)) {
			records += (uint64_t)n;
			for (ssize_t i = 0; i < n; i++)
				events += evs[i].type != RS_EV_STATE;
		}
	}
	if (w && !n)
		rc = rs_writer_finish(w, rs_reader_meta(r), &err);
	else
		rs_writer_abort(w);
	rs_reader_close(r);
	if (!rc && !stat(name, &st) && events)
		printf("  %-34s %10" PRIu64 " %9.1f %14.1f\n", strrchr(path, '/') + 1, events,
		       (double)st.st_size / (double)events, (double)st.st_size / (double)records);
	close(fd);
	unlink(name);
	return rc ? (int)fail(path, &err) : 0;
}

static int bench_sizes(char **paths, int n)
{
	int rc = 0;

	printf("size of the compressed binary form, in bytes\n"
	       "  %-34s %10s %9s %14s\n",
	       "", "events", "an event", "a record");
	for (int i = 0; i < n && !rc; i++)
		rc = bench_size(paths[i]);
	return rc ? 1 : 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (argc == 3 && !strcmp(what, "import"))
		return bench_import(argv[2]);
	if (argc == 3 && !strcmp(what, "elapsed"))
		return bench_elapsed(argv[2]);
	if (argc == 4 && !strcmp(what, "replay"))
		return bench_replay(argv[2], argv[3]);
	if (argc == 5 && !strcmp(what, "tile"))
		return bench_tile(argv[2], argv[3], argv[4]);
	if (argc == 4 && !strcmp(what, "requests"))
		return bench_requests(argv[2], argv[3]);
	if (argc == 4 && !strcmp(what, "pass"))
		return bench_pass(argv[2], argv[3]);
	if (argc == 3 && !strcmp(what, "scale"))
		return bench_scale(argv[2]);
	if (argc == 3 && !strcmp(what, "jobs"))
		return bench_jobs(argv[2]);
	if (argc == 2 && !strcmp(what, "growth"))
		return bench_growth();
	if (argc > 2 && !strcmp(what, "size"))
		return bench_sizes(argv + 2, argc - 2);
	if (argc > 3 && !strcmp(what, "spent"))
		return run_command(argv[2], argv + 3);
	fputs("usage: bench_pipeline import TRACE.dat | elapsed TRACE.dat |\n"
	      "                      replay TRACE EVENTS | scale EVENTS | jobs TRACE |\n"
	      "                      growth |\n"
	      "                      size TRACE... |\n"
	      "                      spent NAME COMMAND... |\n"
	      "                      tile TRACE EVENTS FILE | requests TRACE FILE |\n"
	      "                      pass all|default|counts|read|ALGORITHMS FILE\n",
	      stderr);
	return 2;
}
