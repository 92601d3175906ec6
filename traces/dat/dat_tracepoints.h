/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_DAT_DAT_TRACEPOINTS_H
#define RS_TRACES_DAT_DAT_TRACEPOINTS_H

#include "traces/trace.h"
#include "traces/dat/dat_names.h"
#include "traces/dat/dat_order.h"
#include "traces/dat/dat_probe.h"

/*
 * A trace with KVM's tracepoints alone: faults, and the starts of invalidations.
 * It has no end of an invalidation, no decision, no memslot and no VM, so it can
 * be replayed only on assumptions, which the caller makes and @meta repeats.
 */
struct rs_dat_tp;

/*
 * NULL with errno and @err set: assumptions are missing (the text says which), the
 * file of memslots is ill-formed, or there is nothing to replay. @names gives numbers to who
 * does what.
 */
struct rs_dat_tp *rs_dat_tp_new(const struct rs_dat_probes *probes,
				const struct rs_reader_opts *opts, struct rs_dat_names *names,
				struct rs_trace_meta *meta, struct rs_error *err);
/* Starts anew, for a second pass. */
void rs_dat_tp_rewind(struct rs_dat_tp *tp);
/* Appends what the next probe event tells to @out. 0 or -ENOMEM. */
int rs_dat_tp_put(struct rs_dat_tp *tp, const struct rs_dat_probe *e, struct rs_dat_events *out);
/* The recording pauses here, or goes on: appends that. 0 or -ENOMEM. */
int rs_dat_tp_seam(struct rs_dat_tp *tp, bool pause, uint64_t time_ns, struct rs_dat_events *out);
/* Appends the ends that are still to come. 0 or -ENOMEM. */
int rs_dat_tp_finish(struct rs_dat_tp *tp, struct rs_dat_events *out);
void rs_dat_tp_free(struct rs_dat_tp *tp);

#endif
