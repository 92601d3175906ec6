// SPDX-License-Identifier: GPL-2.0-only
#include "capture/session_internal.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/*
 * trace-cmd takes as long as the machine is slow or busy to set itself up: it is
 * waited for as long as it uses any CPU time.
 */
#define START_STALL_NS 60000000000ULL
#define START_LONG_NS 5000000000ULL
#define START_PAUSE_US 10000
/* A buffer this small could lose events to the markers if they came at once. */
#define SMALL_BUFFER (256ULL << 10)
#define SMALL_BUFFER_PAUSE_US 5000
/* The kernel takes a filter of up to a page. */
#define MAX_FILTER 3500

static int check_tracing(const struct rs_host *h, struct rs_error *err)
{
	if (!h->kvm)
		return rs_error_set(err, RS_ERR_HOST, ENODEV,
				    "KVM is not loaded: modprobe kvm_amd or kvm_intel");
	if (!h->tracefs)
		return rs_error_set(err, RS_ERR_HOST, ENODEV,
				    "tracefs is not mounted: mount -t tracefs nodev "
				    "/sys/kernel/tracing");
	if (h->tracing != RS_ACCESS_OK || h->kprobes == RS_ACCESS_DENIED)
		return rs_error_set(err, RS_ERR_HOST, EACCES,
				    "no permission for %s: recording takes root", h->tracefs);
	return 0;
}

static int check_host(struct rs_session *s, struct rs_error *err)
{
	int ret;

	s->host = rs_host_open(s->opts.root, err);
	if (!s->host)
		return -errno;
	ret = check_tracing(s->host, err);
	if (ret)
		return ret;
	s->trace_cmd = rs_trace_cmd_find(s->host);
	if (!s->trace_cmd)
		return rs_error_set(err, RS_ERR_HOST, ENOENT,
				    "trace-cmd is not installed, which writes the trace");
	if (!s->opts.pid)
		return 0;
	s->pidfd = (int)syscall(SYS_pidfd_open, s->opts.pid, 0);
	if (s->pidfd < 0)
		return rs_error_set(err, RS_ERR_HOST, errno, "process %d: %s", (int)s->opts.pid,
				    strerror(errno));
	return 0;
}

static int output_error(const struct rs_session *s, int errnum, struct rs_error *err)
{
	int ret = rs_error_set(err, RS_ERR_OUTPUT, errnum, "cannot write it: %s", strerror(errnum));

	rs_error_set_file(err, s->opts.output);
	return ret;
}

/* Nothing is made yet: first the note must say what will be. */
static int check_output(struct rs_session *s, struct rs_error *err)
{
	struct stat st;
	int ret;

	if (!stat(s->opts.output, &st) && !S_ISREG(st.st_mode))
		return output_error(s, S_ISDIR(st.st_mode) ? EISDIR : ENOTSUP, err);
	ret = rs_folder_open_dir(&s->folder, s->opts.output, getpid());
	if (ret)
		return output_error(s, -ret, err);
	if (rs_folder_free_space(&s->folder) >= RS_SPACE_RESERVE)
		return 0;
	rs_error_set(err, RS_ERR_OUTPUT, ENOSPC,
		     "too little space left on the device: at least %llu MiB are needed",
		     RS_SPACE_RESERVE >> 20);
	rs_error_set_file(err, s->opts.output);
	return -ENOSPC;
}

static int check_level(const struct rs_session *s, struct rs_error *err)
{
	const char *why = s->plan->level_reason ? s->plan->level_reason : "";

	if (s->plan->level >= s->opts.min_level)
		return 0;
	for (unsigned int ev = 0; ev < RS_NR_PROBE_EVENTS && !*why; ev++)
		if (s->plan->probes[ev].state != RS_POINT_THERE && !rs_points[ev].optional &&
		    s->plan->probes[ev].reason)
			why = s->plan->probes[ev].reason;
	return rs_error_set(
		err, RS_ERR_HOST, ENOTSUP,
		"this host can record level %s only, not %s%s%s (--min-level takes less)",
		rs_level_name(s->plan->level), rs_level_name(s->opts.min_level), *why ? ": " : "",
		why);
}

static int make_plan(struct rs_session *s, struct rs_error *err)
{
	struct rs_plan_opts opts = { .withheld = s->opts.withheld,
				     .parts_withheld = s->opts.parts_withheld,
				     .vm_pid = s->opts.pid };

	/* Without types the level is lower, and check_level() has the last word. */
	s->types = rs_types_load(s->host, NULL);
	s->plan = rs_plan_make(s->host, s->types, &opts);
	if (!s->plan)
		return rs_error_nomem(err);
	if (check_level(s, err))
		return -ENOTSUP;
	if (s->opts.pid && !s->plan->probes[RS_PROBE_INVAL_START].has_pid)
		return rs_error_set(err, RS_ERR_HOST, ENOTSUP,
				    "this host does not tell which process a VM is of: record "
				    "without --pid");
	return 0;
}

/* The note of a killed recorder that had our pid goes first. */
static int claim(struct rs_session *s, struct rs_error *err)
{
	struct rs_cleanup_result result;
	int ret = rs_state_create(&s->state, s->host, err);

	if (ret == -EEXIST) {
		rs_state_close(&s->state);
		ret = rs_session_cleanup(s->opts.root, &result, err);
		free(result.remarks);
		if (!ret)
			ret = rs_state_create(&s->state, s->host, err);
	}
	if (ret)
		return ret;
	snprintf(s->group, sizeof(s->group), RS_PROBE_GROUP "_%d", (int)getpid());
	ret = rs_state_set_folder(&s->state, &s->folder, err);
	return ret ? ret : rs_state_set_group(&s->state, s->group, err);
}

static int make_folder(struct rs_session *s, struct rs_error *err)
{
	int ret = rs_folder_make(&s->folder);

	return ret ? output_error(s, -ret, err)
		   : rs_state_set_folder_id(&s->state, &s->folder, err);
}

static int make_tracing(struct rs_session *s, struct rs_error *err)
{
	s->tracing = rs_tracing_create(s->host, s->plan, s->group, s->opts.clock, err);
	if (!s->tracing)
		return -errno;
	s->stats.nr_cpus = rs_tracing_nr_cpus(s->tracing);
	s->cpus = calloc(s->stats.nr_cpus, sizeof(*s->cpus));
	if (!s->cpus)
		return rs_error_nomem(err);
	s->stats.cpus = s->cpus;
	s->stats.misses = s->misses;
	if (check_level(s, err))
		return -ENOTSUP;
	return rs_session_size_buffer(s, err);
}

static size_t add_to_filter(char *filter, size_t len, int task)
{
	return len +
	       (size_t)snprintf(filter + len, MAX_FILTER - len, "%spid==%d", len ? "||" : "", task);
}

/* A VM is known by the thread that made it: any of the process may have been that. */
static char *vm_filter(const struct rs_host *h, pid_t pid)
{
	char path[512], *filter = calloc(1, MAX_FILTER);
	size_t len = filter ? add_to_filter(filter, 0, pid) : 0;
	struct dirent *entry;
	DIR *d;

	snprintf(path, sizeof(path), "%s/proc/%d/task", h->root, (int)pid);
	d = filter ? opendir(path) : NULL;
	while (d && (entry = readdir(d)) && len + 32 < MAX_FILTER) {
		int task = atoi(entry->d_name);

		if (task > 0 && task != pid)
			len = add_to_filter(filter, len, task);
	}
	if (d)
		closedir(d);
	return filter;
}

static int note_writer(struct rs_session *s, struct rs_error *err)
{
	const pid_t pgid = rs_trace_cmd_pgid(s->writer);

	return rs_state_set_writer(&s->state, pgid, rs_process_start(s->host, pgid), err);
}

static int start_writer(struct rs_session *s, struct rs_error *err)
{
	char *filter = s->opts.pid ? vm_filter(s->host, s->opts.pid) : NULL;
	struct rs_trace_cmd_opts opts = {
		.instance = s->group,
		.clock = s->opts.clock,
		.folder = s->folder.fd,
		.event_args = rs_tracing_event_args(s->plan, s->group, filter),
	};

	if (opts.event_args && (filter || !s->opts.pid))
		s->writer = rs_trace_cmd_start(s->trace_cmd, &opts, err);
	else
		errno = -rs_error_nomem(err);
	free(filter);
	rs_tracing_free_args(opts.event_args);
	return s->writer ? note_writer(s, err) : -errno;
}

struct wait {
	uint64_t begin_ns, cpu_ns, progress_ns;
	bool told;
};

/* Not yet: whether to go on waiting. */
static int wait_on(struct rs_session *s, struct wait *w, struct rs_error *err)
{
	const uint64_t now = rs_monotonic_ns(), cpu_ns = rs_trace_cmd_cpu_ns(s->writer);
	const uint64_t stall_ns = s->opts.stall_ns ? s->opts.stall_ns : START_STALL_NS;

	if (s->opts.interrupted && *s->opts.interrupted)
		return rs_error_set(err, RS_ERR_INTR, EINTR,
				    "interrupted before it began to record");
	if (cpu_ns > w->cpu_ns) {
		w->cpu_ns = cpu_ns;
		w->progress_ns = now;
	}
	if (now - w->progress_ns > stall_ns)
		return rs_error_set(err, RS_ERR_SYSTEM, ETIMEDOUT,
				    "trace-cmd did not begin to record: it hangs since %" PRIu64
				    " s",
				    (uint64_t)((now - w->progress_ns) / 1000000000));
	if (!w->told && s->opts.waiting && now - w->begin_ns > START_LONG_NS) {
		w->told = true;
		s->opts.waiting();
	}
	return 0;
}

static int wait_for_tracing(struct rs_session *s, struct rs_error *err)
{
	struct wait w = { .begin_ns = rs_monotonic_ns() };
	int ret = 0;

	w.progress_ns = w.begin_ns;
	while (!ret && !rs_tracing_is_on(s->tracing)) {
		ret = rs_trace_cmd_check(s->writer, err);
		if (!ret)
			ret = wait_on(s, &w, err);
		if (!ret)
			usleep(START_PAUSE_US);
	}
	s->start_ns = s->sample_ns = s->seam_ns = s->piece_ns = rs_monotonic_ns();
	s->stats.pieces = 1;
	return ret;
}

/* By the wall clock, for whoever wants to find the host's logs, and by the trace's. */
static int set_time(struct rs_session *s, const char *when)
{
	char key[32], text[64];
	time_t now = time(NULL);
	struct tm tm;

	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	snprintf(key, sizeof(key), "%s.time", when);
	if (rs_facts_set(&s->facts, key, "%s", text))
		return -ENOMEM;
	snprintf(key, sizeof(key), "%s.mono_ns", when);
	return rs_facts_set(&s->facts, key, "%" PRIu64, rs_monotonic_ns());
}

static int mark(struct rs_session *s, struct rs_error *err)
{
	unsigned int pause = s->stats.buffer_bytes < SMALL_BUFFER ? SMALL_BUFFER_PAUSE_US : 0;

	return rs_tracing_mark(s->tracing, &s->facts, pause, err);
}

static int mark_begin(struct rs_session *s, struct rs_error *err)
{
	struct rs_capture_facts *f = &s->facts;

	if (rs_vms_scan(&s->vms, s->host, s->opts.pid) || rs_facts_add_host(f, s->host) ||
	    rs_facts_add_plan(f, s->plan, s->types, s->group) ||
	    rs_facts_set(f, "clock", "%s", s->opts.clock) ||
	    (s->opts.pid && rs_facts_set(f, "filter.pid", "%d", (int)s->opts.pid)) ||
	    (s->opts.period_ns &&
	     rs_facts_set(f, "sample", "%" PRIu64 " ns of every %" PRIu64 " ns", s->opts.piece_ns,
			  s->opts.period_ns)) ||
	    set_time(s, "start") || rs_vms_add_facts(&s->vms, f))
		return rs_error_nomem(err);
	s->stats.nr_vms = (unsigned int)s->vms.nr;
	return mark(s, err);
}

struct rs_session *rs_session_start(const struct rs_session_opts *opts, struct rs_error *err)
{
	static int (*const steps[])(struct rs_session *, struct rs_error *) = {
		check_host,   check_output,	claim,	    make_folder, make_plan, make_tracing,
		start_writer, wait_for_tracing, mark_begin,
	};
	struct rs_session *s = calloc(1, sizeof(*s));
	int ret = s ? 0 : rs_error_nomem(err);

	if (s) {
		s->opts = *opts;
		s->opts.clock = opts->clock ? opts->clock : "mono";
		s->pidfd = -1;
		s->state = RS_STATE_NONE;
		s->folder = RS_FOLDER_NONE;
	}
	for (size_t i = 0; !ret && i < sizeof(steps) / sizeof(steps[0]); i++)
		ret = steps[i](s, err);
	if (!ret)
		return s;
	rs_session_close(s, NULL);
	errno = -ret;
	return NULL;
}

static int add_losses(struct rs_session *s)
{
	int ret = 0;

	for (unsigned int cpu = 0; !ret && cpu < s->stats.nr_cpus; cpu++) {
		const struct rs_cpu_stats *c = &s->cpus[cpu];
		char key[32];

		snprintf(key, sizeof(key), "lost.cpu%u", cpu);
		ret = rs_facts_set(&s->facts, key,
				   "overrun=%" PRIu64 " commit_overrun=%" PRIu64
				   " dropped=%" PRIu64,
				   c->overrun, c->commit_overrun, c->dropped);
	}
	return ret;
}

static int add_misses(struct rs_session *s)
{
	int ret = 0;

	for (unsigned int ev = 0; !ret && ev < RS_NR_PROBE_EVENTS; ev++) {
		char key[64];

		if (!s->misses[ev])
			continue;
		snprintf(key, sizeof(key), "miss.%s", rs_probe_event_name(ev));
		ret = rs_facts_set(&s->facts, key, "%" PRIu64, s->misses[ev]);
	}
	return ret;
}

/*
 * Everything once more, with how it ended: what was marked at the beginning
 * may have been overwritten. The losses come last, they may have grown.
 */
static int mark_end(struct rs_session *s, struct rs_error *err)
{
	struct rs_capture_facts *f = &s->facts;
	int ret;

	if (rs_vms_scan(&s->vms, s->host, s->opts.pid) || rs_vms_add_facts(&s->vms, f) ||
	    set_time(s, "end") ||
	    rs_facts_set(f, "end.buffer_bytes", "%" PRIu64, s->stats.buffer_bytes) ||
	    add_misses(s) || add_losses(s))
		return rs_error_nomem(err);
	s->stats.nr_vms = (unsigned int)s->vms.nr;
	ret = mark(s, err);
	if (ret)
		return ret;
	rs_session_sample(s);
	rs_facts_free(f);
	if (add_losses(s))
		return rs_error_nomem(err);
	return mark(s, err);
}

/* The file gets its name; the folder goes when the session is closed. */
static int publish(struct rs_session *s, struct rs_error *err)
{
	int ret = rs_folder_is_whole(&s->folder)
			  ? rs_folder_publish(&s->folder, &s->stats.file_bytes)
			  : -EIO;

	return ret ? output_error(s, -ret, err) : 0;
}

int rs_session_finish(struct rs_session *s, struct rs_error *err)
{
	int ret = rs_tracing_stop_events(s->tracing, err);

	if (ret)
		return ret;
	if (!s->paused)
		s->stats.recorded_ns += rs_monotonic_ns() - s->seam_ns;
	rs_session_sample(s);
	if (rs_tracing_misses(s->tracing, s->misses))
		memset(s->misses, 0, sizeof(s->misses));
	ret = mark_end(s, err);
	if (!ret)
		ret = rs_trace_cmd_finish(s->writer, err);
	if (ret && err && err->kind == RS_ERR_OUTPUT)
		rs_error_set_file(err, s->opts.output);
	return ret ? ret : publish(s, err);
}

int rs_session_close(struct rs_session *s, struct rs_error *err)
{
	int ret;

	if (!s)
		return 0;
	rs_trace_cmd_free(s->writer);
	ret = rs_tracing_destroy(s->tracing, err);
	if (s->folder.fd >= 0)
		rs_folder_remove(&s->folder);
	/* What could not be removed stays noted, for --cleanup. */
	if (ret)
		rs_state_close(&s->state);
	else
		rs_state_remove(&s->state);
	if (s->pidfd >= 0)
		close(s->pidfd);
	rs_facts_free(&s->facts);
	rs_vms_free(&s->vms);
	rs_plan_free(s->plan);
	rs_types_free(s->types);
	rs_host_close(s->host);
	free(s->cpus);
	free(s->trace_cmd);
	rs_folder_close(&s->folder);
	free(s);
	return ret;
}

const struct rs_session_stats *rs_session_stats(const struct rs_session *s)
{
	return &s->stats;
}

const struct rs_plan *rs_session_plan(const struct rs_session *s)
{
	return s->plan;
}
