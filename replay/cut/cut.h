/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_CUT_CUT_H
#define RS_REPLAY_CUT_CUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "traces/event.h"
#include "traces/trace.h"

/*
 * A piece of an event stream that replays as the piece does within the whole:
 * every fault in it is judged the same by every algorithm.
 *
 * It has the events from the first at or after @from_ns on, up to the first at
 * or after @until_ns. Before them come, all at the time @from_ns: the memslots;
 * then, VM by VM, what happened since none of its invalidations was in
 * progress, which is what widened the ranges that are still in use. Faults that
 * began before are left out with their decision. At the end the invalidations
 * still in progress are ended at @until_ns; nothing is judged after that.
 */
struct rs_cut_opts {
	bool from, until;	    /* which of the times below are given */
	uint64_t from_ns, until_ns; /* since the stream's first event, or absolute */
	bool from_absolute, until_absolute;
	bool one_vm; /* only @vm */
	uint32_t vm;
};

struct rs_cut;

/* NULL with errno and @err set: ENOMEM. @opts is copied. */
struct rs_cut *rs_cut_new(const struct rs_cut_opts *opts, struct rs_error *err);
/*
 * Takes the next @n events of the stream and gives what of the piece follows in
 * *@out, which is valid as long as @evs and until the next call; returns how many. -ENOMEM, or
 * -EINVAL (RS_ERR_USAGE) if @until_ns turns out not to be after @from_ns.
 */
ssize_t rs_cut_feed(struct rs_cut *c, const struct rs_event *evs, size_t n,
		    const struct rs_event **out, struct rs_error *err);
/*
 * For a trace with an index, once the events of its first block were fed: moves
 * *@next on to the block whose events are to be fed next; @nr: no more. What is
 * passed over makes no difference to the piece. Once asked, it must be asked
 * after each block. 0 or -ENOMEM.
 */
int rs_cut_next_block(struct rs_cut *c, const struct rs_block *blocks, size_t nr, size_t *next);
/*
 * The stream is over: the same for the last events of the piece. -ENOENT
 * (RS_ERR_USAGE) if the stream has no event at or after @from_ns, or none of @vm.
 */
ssize_t rs_cut_finish(struct rs_cut *c, const struct rs_event **out, struct rs_error *err);
/* After that: whether ranges in the piece are narrower than in the whole, as its metadata say. */
bool rs_cut_left_out(const struct rs_cut *c);
/*
 * The stream's metadata @meta becomes that of the piece: without the other VMs, and with
 * facts cut.from_ns and cut.until_ns. 0 or -ENOMEM. After rs_cut_finish().
 */
int rs_cut_note(const struct rs_cut *c, struct rs_trace_meta *meta);
void rs_cut_free(struct rs_cut *c);

#endif
