// SPDX-License-Identifier: GPL-2.0-only
#include "capture/session_internal.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

#define SAMPLE_NS 1000000000ULL
/* Looking for VMs must not take more than this share of the time. */
#define SCAN_SHARE 50

uint64_t rs_monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

uint64_t rs_session_elapsed_ns(const struct rs_session *s)
{
	return rs_monotonic_ns() - s->start_ns;
}

static uint64_t cpu_events(const struct rs_cpu_stats *c)
{
	return c->entries + c->read;
}

void rs_session_sample(struct rs_session *s)
{
	struct rs_session_stats *stats = &s->stats;
	uint64_t now = rs_monotonic_ns(), before = stats->events, in_buffers = 0;
	uint64_t elapsed = now - s->sample_ns;

	rs_tracing_stats(s->tracing, s->cpus);
	stats->events = stats->lost = 0;
	for (unsigned int cpu = 0; cpu < stats->nr_cpus; cpu++) {
		const struct rs_cpu_stats *c = &s->cpus[cpu];

		stats->events += cpu_events(c);
		stats->lost += c->overrun + c->commit_overrun + c->dropped;
		in_buffers += c->bytes;
	}
	stats->elapsed_ns = now - s->start_ns;
	stats->bytes = in_buffers + rs_folder_temp_bytes(&s->folder);
	if (elapsed)
		stats->events_per_s = stats->events > before ? (double)(stats->events - before) *
								       1e9 / (double)elapsed
							     : 0;
	s->sample_ns = now;
}

static int scan_vms(struct rs_session *s, struct rs_error *err)
{
	uint64_t begin = rs_monotonic_ns();

	if (begin - s->scan_ns < SAMPLE_NS || begin - s->scan_ns < s->scan_cost_ns * SCAN_SHARE)
		return 0;
	if (rs_vms_scan(&s->vms, s->host, s->opts.pid))
		return rs_error_nomem(err);
	s->stats.nr_vms = (unsigned int)s->vms.nr;
	s->scan_ns = rs_monotonic_ns();
	s->scan_cost_ns = s->scan_ns - begin;
	return 0;
}

static bool process_ended(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return pidfd >= 0 && poll(&p, 1, 0) == 1;
}

/*
 * In the end trace-cmd copies its files of one CPU each into the output, and
 * what is in the buffers besides: that must still fit.
 */
static bool space_is_short(const struct rs_session *s)
{
	uint64_t in_files = rs_folder_temp_bytes(&s->folder);
	uint64_t in_buffers = s->stats.bytes > in_files ? s->stats.bytes - in_files : 0;

	return rs_folder_free_space(&s->folder) < in_files + 2 * in_buffers + RS_SPACE_RESERVE;
}

/*
 * What the host pays for a piece is the time from the first of its probes that is put in to the
 * last that is taken out, which the kernel takes its time for: the share of that is to be the one
 * asked for, so that switching that takes long makes the pause longer.
 */
static bool pause_is_over(const struct rs_session *s, uint64_t now)
{
	const uint64_t since_ns = now - s->piece_ns;

	return since_ns >= s->opts.period_ns &&
	       (double)since_ns * (double)s->opts.piece_ns >=
		       (double)s->paid_ns * (double)s->opts.period_ns;
}

/* A recording in pieces pauses or goes on where it is time. */
static int turn(struct rs_session *s, struct rs_error *err)
{
	const uint64_t now = rs_monotonic_ns();
	const bool pause = !s->paused && s->opts.period_ns && now - s->seam_ns >= s->opts.piece_ns;
	int ret;

	if (!pause && !(s->paused && pause_is_over(s, now)))
		return 0;
	ret = rs_tracing_seam(s->tracing, s->plan, pause, err);
	if (pause) {
		s->stats.recorded_ns += now - s->seam_ns;
	} else {
		s->piece_ns = now;
		s->stats.pieces++;
	}
	s->seam_ns = rs_monotonic_ns();
	s->stats.switched_ns += s->seam_ns - now;
	s->paid_ns = s->seam_ns - s->piece_ns;
	s->paused = pause;
	return ret;
}

int rs_session_poll(struct rs_session *s, struct rs_error *err)
{
	int ret = rs_trace_cmd_check(s->writer, err);

	if (!ret)
		ret = turn(s, err);
	if (!ret)
		ret = scan_vms(s, err);
	if (ret)
		return ret;
	if (rs_monotonic_ns() - s->sample_ns >= SAMPLE_NS)
		rs_session_sample(s);
	if (process_ended(s->pidfd))
		return RS_SESSION_VM_ENDED;
	if (space_is_short(s))
		return RS_SESSION_NO_SPACE;
	if (s->opts.max_bytes && s->stats.bytes >= s->opts.max_bytes)
		return RS_SESSION_MAX_SIZE;
	return RS_SESSION_RUNS;
}
