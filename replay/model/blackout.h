/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_MODEL_BLACKOUT_H
#define RS_REPLAY_MODEL_BLACKOUT_H

#include <stdbool.h>
#include <stdint.h>

/* After events were lost: at least this long without an orphan end. */
#define RS_MIN_BLACKOUT_NS 10000000ULL

/*
 * Whether a VM that lost events may be judged again at @now_ns: since @quiet_ns, the loss or
 * the last end without a begin, more time passed than the longest invalidation of the stream
 * so far took.
 */
static inline bool rs_blackout_over(uint64_t now_ns, uint64_t quiet_ns, uint64_t longest_ns)
{
	return now_ns - quiet_ns >
	       (longest_ns > RS_MIN_BLACKOUT_NS ? longest_ns : RS_MIN_BLACKOUT_NS);
}

#endif
