/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_CAPTURE_WORKLOAD_WORKLOAD_H
#define RS_CAPTURE_WORKLOAD_WORKLOAD_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/*
 * A KVM guest of our own: vCPUs that touch pseudo-random pages of memory which
 * several memslots map, while threads of the host invalidate parts of it. The
 * guest runs 32-bit code without paging, so all of it lies below 4 GiB.
 */

/* What an invalidating thread does to a range; one bit each in @ops. */
#define RS_WORKLOAD_OPS(X)                                                                    \
	X(DONTNEED, "dontneed", "madvise(MADV_DONTNEED): the pages are dropped")              \
	X(FREE, "free", "madvise(MADV_FREE): dropped when memory is short")                   \
	X(MPROTECT, "mprotect", "read-only, and writable again")                              \
	X(PAGEOUT, "pageout", "madvise(MADV_PAGEOUT): to swap, if there is any")              \
	X(REMAP, "remap", "mmap() of new memory over it")                                     \
	X(COLLAPSE, "collapse", "madvise(MADV_COLLAPSE): the 2 MiB around it as a huge page") \
	X(FORK, "fork", "fork(): all memory is made copy-on-write")                           \
	X(PUNCH, "punch", "fallocate(): a hole in the guest_memfd")                           \
	X(POPULATE, "populate", "madvise(MADV_POPULATE_WRITE): the process maps the pages")

/* What a churning thread does to a memslot; one bit each in @churn_ops. */
#define RS_WORKLOAD_CHURN_OPS(X)                                        \
	X(DELETE, "delete", "the memslot is deleted and created again") \
	X(MOVE, "move", "the memslot is moved away and back")           \
	X(FLAGS, "flags", "dirty logging is switched on and off")

#define RS_WORKLOAD_ENUM(sym, name, text) RS_WORKLOAD_##sym,
#define RS_CHURN_ENUM(sym, name, text) RS_CHURN_##sym,
enum rs_workload_op { RS_WORKLOAD_OPS(RS_WORKLOAD_ENUM) RS_NR_WORKLOAD_OPS };
#define RS_WORKLOAD_ALL_OPS ((1U << RS_NR_WORKLOAD_OPS) - 1)
enum rs_churn_op { RS_WORKLOAD_CHURN_OPS(RS_CHURN_ENUM) RS_NR_CHURN_OPS };
#undef RS_WORKLOAD_ENUM
#undef RS_CHURN_ENUM

enum rs_workload_thp { RS_THP_OFF, RS_THP_ON, RS_THP_HOST };

/*
 * What the guest's memory is. A page of a guest_memfd can be in one memslot only, so there
 * what else would be aliases are areas over which the file's pages are dealt out, memslot by
 * memslot: neighbours in the file are far apart in the guest. Mixed is both, each as large.
 */
enum rs_workload_backing {
	RS_WORKLOAD_ANONYMOUS,
	RS_WORKLOAD_GUEST_MEMFD,
	RS_WORKLOAD_MIXED,
};

struct rs_workload_options {
	uint32_t vms;
	bool one_process; /* all VMs; else each has one of its own, unless there is one */
	enum rs_workload_backing backing;
	uint32_t vcpus;		       /* of each VM */
	uint64_t pages;		       /* host pages that the guest touches */
	uint32_t aliases;	       /* further memslots that map all of them */
	uint32_t partial;	       /* further memslots that map a part of them */
	uint64_t alias_distance_pages; /* between the frames of two aliases */
	uint32_t memslots;	       /* into how many each whole mapping is cut */
	uint32_t invalidators;	       /* threads of each VM */
	uint32_t ops;		       /* bits of enum rs_workload_op */
	uint64_t range_min, range_max; /* pages of one invalidation */
	uint64_t rate;		       /* invalidations a second and thread; 0: no limit */
	uint64_t churn_rate;	       /* memslot changes a second; 0: none */
	uint32_t churn_ops;	       /* bits of enum rs_churn_op */
	enum rs_workload_thp thp;      /* RS_THP_HOST: leave it to the host's setting */
	uint32_t write_percent;	       /* of the guest's accesses */
	uint64_t duration_ns;	       /* 0: until stopped */
	uint64_t seed;
};

/* Sets the defaults: the scenario "alias3". */
void rs_workload_defaults(struct rs_workload_options *opts);

struct rs_workload_scenario {
	const char *name;
	const char *summary;
	void (*apply)(struct rs_workload_options *opts);
};

/* The named scenarios, ended by one with a NULL name. Static. */
extern const struct rs_workload_scenario rs_workload_scenarios[];

/* The scenario of that name, or NULL. */
const struct rs_workload_scenario *rs_workload_scenario_find(const char *name);

/* The name and a description of an operation; NULL if @op is none. */
const char *rs_workload_op_name(unsigned int op, const char **text);
const char *rs_churn_op_name(unsigned int op, const char **text);

/*
 * One memslot: [gfn, gfn + npages) maps @npages host pages from @host_page of the memory on,
 * which is anonymous or that of the guest_memfd.
 */
struct rs_workload_slot {
	uint32_t id;
	bool guest_memfd;
	uint64_t gfn, npages, host_page;
};

/*
 * Where everything lies. Frame 0 is left out, so that a NULL pointer of the guest is no memory;
 * code, one control page for each vCPU and the table of touched pages form slot 0.
 */
struct rs_workload_plan {
	struct rs_workload_slot *slots; /* [0]: code and tables, then what is touched */
	uint32_t nr_slots;
	uint64_t nr_touched; /* guest frames in slots 1.. */
	uint64_t spare_gfn;  /* where churn may move a slot to */
};

#define RS_WORKLOAD_CODE_GFN 1ULL
#define RS_WORKLOAD_CONTROL_GFN 2ULL

/* Frame of the table: after the control page of the last vCPU. */
uint64_t rs_workload_table_gfn(const struct rs_workload_options *opts);

/*
 * Checks @opts and computes the plan, to be freed with rs_workload_plan_free(). 0, or -EINVAL
 * (they contradict each other or do not fit 4 GiB of guest memory) or -ENOMEM with @err set.
 */
int rs_workload_plan_make(const struct rs_workload_options *opts, struct rs_workload_plan *plan,
			  struct rs_error *err);
void rs_workload_plan_free(struct rs_workload_plan *plan);

/* Writes the guest physical address of each touched page: @table has room for nr_touched. */
void rs_workload_plan_table(const struct rs_workload_plan *plan, uint32_t *table);

/*
 * The guest's code, position independent, and its registers:
 *   ebx address of the table, ecx entries in it, edi state of the generator (not 0),
 *   ebp share of writes in 2^-32, esi address of a 32-bit count of accesses still to make.
 * It halts each time the count reaches 0 and goes on if entered again. Returns the code's size.
 */
size_t rs_workload_guest_code(const void **code);

/* One step of the generator that the guest code uses (xorshift). */
static inline uint32_t rs_workload_random(uint32_t *state)
{
	uint32_t x = *state;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	*state = x;
	return x;
}

/* A seed for thread @index of VM @vm, never 0; the same on every machine. */
uint32_t rs_workload_seed(uint64_t seed, uint32_t vm, uint32_t index);

/* What KVM counted for all vCPUs of a VM; a count that this kernel has not is UINT64_MAX. */
#define RS_WORKLOAD_STATS(X) \
	X(pf_taken)          \
	X(pf_fixed)          \
	X(pf_emulate)        \
	X(pf_spurious)       \
	X(pf_fast)           \
	X(pf_mmio_spte_created)

#define RS_WORKLOAD_STAT_FIELD(name) uint64_t name;
struct rs_workload_stats {
	RS_WORKLOAD_STATS(RS_WORKLOAD_STAT_FIELD)
};
#undef RS_WORKLOAD_STAT_FIELD

struct rs_workload_result {
	int pid;
	uint64_t elapsed_ns;
	/* Where the process had the anonymous memory, the guest_memfd and slot 0; 0: nowhere. */
	uint64_t memory_hva, guest_memfd_hva, code_hva;
	uint64_t accesses; /* that the guest made */
	uint64_t mmio;	   /* of these to frames without a memslot, at that moment */
	uint64_t unmapped; /* runs that ended since host memory was read-only just then */
	uint64_t invalidations[RS_NR_WORKLOAD_OPS];
	uint64_t refused[RS_NR_WORKLOAD_OPS]; /* the host said no (no swap, no memory, ...) */
	uint64_t churned[RS_NR_CHURN_OPS];
	struct rs_workload_stats stats;
};

/*
 * Runs the VMs until @opts->duration_ns are over or @stop becomes non-zero, then removes them.
 * @results has room for @opts->vms. Blocks; one such call at a time and process. 0 also when it
 * was stopped, else a negative errno with @err set: RS_ERR_USAGE, RS_ERR_HOST without KVM.
 */
int rs_workload_run(const struct rs_workload_options *opts, const volatile sig_atomic_t *stop,
		    struct rs_workload_result *results, struct rs_error *err);

#endif
