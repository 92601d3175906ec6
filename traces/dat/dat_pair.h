/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_DAT_DAT_PAIR_H
#define RS_TRACES_DAT_DAT_PAIR_H

#include "traces/dat/dat_names.h"
#include "traces/dat/dat_order.h"
#include "traces/dat/dat_probe.h"

/*
 * From single probe events to what they are part of: each task's faults and
 * (nested) invalidations, and the VM that they belong to.
 */
struct rs_dat_vm {
	uint64_t kvm; /* its address in the traced kernel */
	bool gone;    /* another VM has its address now */
	uint32_t number;
	uint32_t pid; /* of its process, or of a task of that, as far as was seen: */
	enum {
		RS_DAT_PID_SEEN,     /* the task in which it was seen first */
		RS_DAT_PID_VCPU,     /* the first that ran a vCPU of it */
		RS_DAT_PID_MEMSLOTS, /* the first that made a memslot */
		RS_DAT_PID_KVM,	     /* as KVM says: the one that made the VM */
	} pid_from;
	uint64_t next_id;
	struct rs_dat_order *order;
	struct rs_dat_items *items; /* the order's */
	const struct rs_dat_pair_ops *ops;
	bool is_ending; /* a task is at an end, which was recorded under the lock */
	/*
	 * What it was then: the sequence is raised first and the count lowered then, and
	 * between the two a test without the lock still finds the range, beside the new
	 * sequence.
	 */
	struct rs_dat_state ending;
};

struct rs_dat_pair;

/* What is asked of others. */
struct rs_dat_pair_ops {
	void *arg;
	/* The memslots of the VM at @kvm that no commit made: see struct rs_dat_learner. */
	int (*learn)(void *arg, uint64_t kvm, struct rs_event **list, size_t *n);
	struct rs_dat_names *names;
};

/*
 * @probes says what the trace has; @mn_offset is that of the notifier in a VM's
 * struct (0: not known), @algo the traced kernel's algorithm (NULL: not known), @told
 * whether that was chosen in a KVM which can have any. NULL if there is no memory.
 */
struct rs_dat_pair *rs_dat_pair_new(const struct rs_dat_probes *probes, uint64_t mn_offset,
				    const char *algo, bool told, const struct rs_dat_pair_ops *ops,
				    struct rs_trace_meta *meta);
void rs_dat_pair_free(struct rs_dat_pair *p);
/* The next probe event, in order of time. 0 or -ENOMEM. */
int rs_dat_pair_put(struct rs_dat_pair *p, const struct rs_dat_probe *probe);
/* The recording pauses here, or goes on; between, only memslots come. 0 or -ENOMEM. */
int rs_dat_pair_seam(struct rs_dat_pair *p, bool pause, uint64_t time_ns);
/* What the traced kernel calls RET_PF_RETRY, if not 1. */
void rs_dat_pair_set_retry(struct rs_dat_pair *p, int64_t ret);
/* No more will come: what is unfinished stays so. 0 or -ENOMEM. */
int rs_dat_pair_finish(struct rs_dat_pair *p);
size_t rs_dat_pair_nr_vms(const struct rs_dat_pair *p);
struct rs_dat_vm *rs_dat_pair_vm(struct rs_dat_pair *p, size_t i);

#endif
