/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_CAPTURE_TRACE_CMD_H
#define RS_CAPTURE_TRACE_CMD_H

#include <stdint.h>
#include <sys/types.h>

#include "capture/folder.h"
#include "capture/host.h"

/*
 * trace-cmd as the writer of a trace.dat: a child in a process group of its
 * own, so that a terminal's Ctrl-C does not reach it before its time. If this
 * process dies, it is told to finish.
 */
struct rs_trace_cmd;

struct rs_trace_cmd_opts {
	const char *instance; /* exists already */
	const char *clock;
	int folder;	   /* a descriptor of where it writes */
	char **event_args; /* -e EVENT [-f FILTER] ... NULL */
};

/* The path of trace-cmd in $PATH or where systems have it, to be freed. NULL: none. */
char *rs_trace_cmd_find(const struct rs_host *h);

/* Starts it. NULL with errno and @err. */
struct rs_trace_cmd *rs_trace_cmd_start(const char *program, const struct rs_trace_cmd_opts *opts,
					struct rs_error *err);
/* Its process group. */
pid_t rs_trace_cmd_pgid(const struct rs_trace_cmd *w);
/* 0: it runs; negative errno with @err: it has ended, which nobody asked for. */
int rs_trace_cmd_check(struct rs_trace_cmd *w, struct rs_error *err);
/* CPU time that it has used, in ns; it grows as long as it gets on with its work. */
uint64_t rs_trace_cmd_cpu_ns(const struct rs_trace_cmd *w);
/* Tells it to finish, and waits until the file is written. 0, or negative errno with @err. */
int rs_trace_cmd_finish(struct rs_trace_cmd *w, struct rs_error *err);
/* Kills all of it that still runs, and frees. NULL is allowed. */
void rs_trace_cmd_free(struct rs_trace_cmd *w);

#endif
