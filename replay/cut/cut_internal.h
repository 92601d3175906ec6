/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_CUT_CUT_INTERNAL_H
#define RS_REPLAY_CUT_CUT_INTERNAL_H

#include "replay/cut/cut.h"
#include "base/idset.h"
#include "traces/guest/vm.h"

/* What replay/cut/cut.c and replay/cut/cut_index.c share. */

/* An event since the VM had no invalidation in progress. */
struct logged {
	struct rs_event ev;
	size_t begin; /* index of its invalidation's begin; NO_BEGIN: a memslot */
	bool ended;   /* of a begin: the end is in the log too */
};

struct cut_vm {
	uint32_t number;
	struct rs_vm *slots; /* the memslots at the start of the log */
	struct logged *log;
	size_t nr_log, max_log, log_limit;
	uint64_t left_out; /* ended invalidations that the log had no room for */
	struct rs_idset outstanding;
	uint64_t open[(RS_MAX_VCPU + 1) / 64]; /* vCPUs whose fault began before the piece */
	struct rs_event state;		       /* belongs to the VM's next event */
	bool has_state;
	bool dark;	   /* after a loss: what is outstanding is not known */
	bool paused, seam; /* the recording is; the loss was that it paused */
	uint64_t quiet_ns;
};

struct rs_cut {
	struct rs_cut_opts opts; /* times made absolute at the first event */
	bool started_stream, in_piece, past_piece, vm_seen;
	uint64_t now, longest_ns;
	struct cut_vm **vms; /* by number */
	size_t nr_vms;
	struct rs_event *out;
	size_t nr_out, max_out;
	/* With an index: up to block @resume only memslots matter. */
	bool planned, memslots_only;
	size_t resume;
};

/* Nothing is pending any more, however it came to its end. 0 or -ENOMEM. */
int rs_cut_forget_pending(struct rs_cut *c);

#endif
