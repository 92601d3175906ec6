/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_CAPTURE_SESSION_INTERNAL_H
#define RS_CAPTURE_SESSION_INTERNAL_H

#include "capture/session.h"
#include "capture/state.h"
#include "capture/vms.h"
#include "capture/trace_cmd.h"

/* What session.c, session_poll.c and cleanup.c share. */
struct rs_session {
	struct rs_session_opts opts;
	struct rs_folder folder; /* of trace-cmd, beside the output */
	char group[32];
	char *trace_cmd;
	struct rs_host *host;
	struct rs_types *types;
	struct rs_plan *plan;
	struct rs_state state;
	struct rs_tracing *tracing;
	struct rs_trace_cmd *writer;
	struct rs_capture_facts facts;
	struct rs_vm_list vms;
	int pidfd; /* of opts.pid; -1: none */

	struct rs_session_stats stats;
	struct rs_cpu_stats *cpus;
	uint64_t misses[RS_NR_PROBE_EVENTS];
	uint64_t start_ns, sample_ns, scan_ns, scan_cost_ns;
	bool paused;
	uint64_t seam_ns;  /* the end of the last one, or the start */
	uint64_t piece_ns; /* when the probes of the last piece began to be put in, or the start */
	uint64_t paid_ns;  /* from there to the last seam */
};

/* The disk must have this much more than what trace-cmd still has to write. */
#define RS_SPACE_RESERVE (16ULL << 20)

/*
 * When the process began, in clock ticks since boot, by which it is told from a later
 * one of the same number; 0: there is none.
 */
unsigned long long rs_process_start(const struct rs_host *h, pid_t pid);
/* CLOCK_MONOTONIC. */
uint64_t rs_monotonic_ns(void);
/* Reads what the kernel counts into s->stats. */
void rs_session_sample(struct rs_session *s);
/* Sets the size of the buffers, by the memory that is free and maybe a measured rate. */
int rs_session_size_buffer(struct rs_session *s, struct rs_error *err);

#endif
