/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_COST_PRICED_H
#define RS_REPLAY_COST_PRICED_H

#include "replay/algorithm.h"

/*
 * The four operations of an algorithm that a kernel would do under mmu_lock,
 * each called from a function of its own that the compiler leaves alone: a
 * profiler's calls from rs_priced_OP are those of the operation, and nothing
 * else is. A function that the algorithm does not have costs nothing.
 */
int rs_priced_begin(struct rs_algo *a, const struct rs_inval *inv);
int rs_priced_slot(struct rs_algo *a, const struct rs_inval *inv, const struct rs_hit *hit);
void rs_priced_end(struct rs_algo *a, const struct rs_inval *inv);
unsigned int rs_priced_check(const struct rs_algo *a, const struct rs_fault *f, uint64_t snapshot);

#endif
