/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_ANON_ANON_H
#define RS_TRACES_ANON_ANON_H

#include "base/error.h"
#include "traces/trace.h"

/*
 * A trace without what tells whose it is: names of the host and of its boot, names and numbers
 * of tasks, and addresses of the host's processes are others then, or gone. What was equal is
 * equal still; host addresses keep their order and their distances, all being moved by the
 * same, unknown number of pages. So every figure of a replay is as it was.
 *
 * What stays: the kernel's release, times, guest frame numbers, numbers of VMs, vCPUs and
 * memslots, and those facts that are a kernel's settings.
 */
struct rs_anon;

/* NULL with @err set: no memory. For rs_anon_free(). */
struct rs_anon *rs_anon_new(struct rs_error *err);
/*
 * Before the events: @meta, of the reader, is asked for whom they name as long as there are any.
 * @kernel_algo, which stays, tells in what the recorded states' ranges are; NULL: not known, and
 * such states are left out. 0 or negative errno with @err set.
 */
int rs_anon_begin(struct rs_anon *a, const struct rs_trace_meta *meta, const char *kernel_algo,
		  struct rs_error *err);
/*
 * The next @n events into *@out, at most as many, valid until the next call; returns how many.
 * Negative errno with @err set: no memory, or an address that no process can have.
 */
ssize_t rs_anon_feed(struct rs_anon *a, const struct rs_event *evs, size_t n,
		     const struct rs_event **out, struct rs_error *err);
/* At the end: the rest of what is to be told of the trace. 0 or negative errno with @err set. */
int rs_anon_finish(struct rs_anon *a, struct rs_error *err);
/* What may be told of it: complete after rs_anon_finish(), and as good as @a lives. */
const struct rs_trace_meta *rs_anon_meta(const struct rs_anon *a);
/* NULL is fine. */
void rs_anon_free(struct rs_anon *a);

#endif
