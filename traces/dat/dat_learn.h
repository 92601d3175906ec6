/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_DAT_DAT_LEARN_H
#define RS_TRACES_DAT_DAT_LEARN_H

#include "traces/event.h"
#include "traces/dat/dat_probe.h"

/*
 * The memslots of VMs that ran before the recording: no commit tells them, but
 * faults and notifiers do, bit by bit. One pass over the whole trace finds for each
 * memslot the hull of what was used of it, with one distance between frames and
 * host addresses; another distance is another memslot in its place.
 */
struct rs_dat_learned;

/* NULL with @err set if there is no memory or the trace is damaged.
 * @jobs: threads, the caller's included; 0: one per CPU. */
struct rs_dat_learned *rs_dat_learn(const struct rs_dat_file *f, const struct rs_dat_probes *probes,
				    unsigned int jobs, struct rs_error *err);
void rs_dat_learned_free(struct rs_dat_learned *l);
/*
 * Those of the VM at @kvm: a list of @n memslot events for the caller to free,
 * each with the time from which on it was there (0: always), by that time.
 * 0 or -ENOMEM.
 */
int rs_dat_learned_list(const struct rs_dat_learned *l, uint64_t kvm, struct rs_event **list,
			size_t *n);

#endif
