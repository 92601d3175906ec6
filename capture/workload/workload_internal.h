/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_CAPTURE_WORKLOAD_WORKLOAD_INTERNAL_H
#define RS_CAPTURE_WORKLOAD_WORKLOAD_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "capture/workload/workload.h"

#define RS_PAGE_SIZE 4096ULL
#define RS_HUGE_PAGE_PAGES 512ULL

/* The memory that invalidators work on: known to be page aligned and private to the VM. */
struct rs_workload_memory {
	unsigned char *base; /* NULL: there is none */
	uint64_t pages;
	enum rs_workload_thp thp;
	int fd; /* of the guest_memfd that it is, which it owns; -1: it is anonymous */
};

/* Maps @pages of memory, aligned for huge pages. 0 or a negative errno. */
int rs_workload_memory_map(struct rs_workload_memory *mem, uint64_t pages,
			   enum rs_workload_thp thp);
/* Maps the guest_memfd @fd with @pages; owns it from then on, also on failure. */
int rs_workload_memory_map_file(struct rs_workload_memory *mem, int fd, uint64_t pages);
/* Nothing happens where nothing is mapped. */
void rs_workload_memory_unmap(struct rs_workload_memory *mem);

/* Does @op to @npages pages from @first on; 0 or a negative errno. */
int rs_workload_invalidate(const struct rs_workload_memory *mem, enum rs_workload_op op,
			   uint64_t first, uint64_t npages);

/* A range and an operation, chosen by *@random from what @opts allow. */
struct rs_workload_choice {
	enum rs_workload_op op;
	bool guest_memfd; /* of the two memories */
	uint64_t first, npages;
};

/* The choice; all ranges and operations that are allowed are equally likely. */
struct rs_workload_choice rs_workload_choose(const struct rs_workload_options *opts,
					     uint32_t *random);

/*
 * Sums @name over the binary statistics that can be read from @fd, as KVM_GET_STATS_FD gives it.
 * 0, -ENOENT if it has no such counter, -EINVAL if it is not well-formed, or of read().
 */
int rs_workload_stat_read(int fd, const char *name, uint64_t *value);

/* A VM's file descriptor and memslots; see workload_kvm.c. */
struct rs_guest;

/*
 * Opens /dev/kvm, creates the VM with the memslots of @plan over @mem and its vCPUs, ready to run.
 * Where @opts want a guest_memfd, it is created and mapped as @file, for the caller to unmap.
 * NULL with @err set on failure.
 */
struct rs_guest *rs_guest_create(const struct rs_workload_options *opts,
				 const struct rs_workload_plan *plan,
				 const struct rs_workload_memory *mem,
				 struct rs_workload_memory *file, uint32_t index,
				 struct rs_error *err);
void rs_guest_destroy(struct rs_guest *vm);

/* Starts a thread for each vCPU; and ends them. 0 or a negative errno with @err set. */
int rs_guest_start(struct rs_guest *vm, struct rs_error *err);
/* 0, or the error of a vCPU that could not go on, with @err set. */
int rs_guest_stop(struct rs_guest *vm, struct rs_error *err);
/* A vCPU gave up: the run can end. */
bool rs_guest_failed(const struct rs_guest *vm);

/* Sets slot @slot as planned with @flags, at @gfn; @present false deletes it. 0 or -errno. */
int rs_guest_set_slot(struct rs_guest *vm, const struct rs_workload_slot *slot, uint64_t gfn,
		      uint32_t flags, bool present);
#define RS_VM_SLOT_LOG_DIRTY 1U

/* Adds what the vCPUs did and what KVM counted to @result; after rs_guest_stop(). */
void rs_guest_collect(struct rs_guest *vm, struct rs_workload_result *result);

/* Sleeps @ns, but not longer than until *@quit. */
void rs_workload_sleep(uint64_t ns, const atomic_bool *quit);
uint64_t rs_workload_now_ns(void);

#endif
