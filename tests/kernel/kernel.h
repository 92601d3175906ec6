/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TESTS_KERNEL_H
#define RS_TESTS_KERNEL_H

/* As much of a kernel as scripts/lab.d/kvm/rs_retry.c asks of one, made up for tests. */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tests/kernel/fake.h"

typedef uint32_t u32;
typedef uint64_t u64;
typedef u64 gfn_t;

#define U64_MAX UINT64_MAX
#define PAGE_SHIFT 12
#define READ_ONCE(x) (x)
#define WRITE_ONCE(x, v) ((x) = (v))
#define BUILD_BUG_ON(bad) _Static_assert(!(bad), #bad)
#define MODULE_PARM_DESC(name, text) _Static_assert(sizeof(text), "")
#define smp_wmb() ((void)0)
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define sysfs_emit sprintf
#define sysfs_match_string(names, text) fake_match(names, sizeof(names) / sizeof(*(names)), text)

typedef struct {
	int64_t n;
} atomic64_t;

#define atomic64_add(by, to) ((void)((to)->n += (int64_t)(by)))
#define atomic64_inc(to) ((void)(to)->n++)
#define atomic64_set(to, by) ((void)((to)->n = (by)))
#define atomic64_read(of) ((of)->n)
#define ktime_get_ns() (fake_now += 5)

struct kernel_param {
	int unused;
};

struct kernel_param_ops {
	int (*set)(const char *text, const struct kernel_param *kp);
	int (*get)(char *to, const struct kernel_param *kp);
};

#define module_param_cb(name, ops, arg, mode) \
	const struct kernel_param_ops *const fake_param_##name = (ops)

extern const struct kernel_param_ops *const fake_param_retry_algo, *const fake_param_retry_held;
extern uint64_t fake_now;
extern const void *current; /* the task */

int fake_match(const char *const *names, size_t n, const char *text);

#include "scripts/lab.d/kvm/rs_retry.h"

struct kvm_memory_slot {
	gfn_t base_gfn;
	unsigned long npages, userspace_addr;
};

struct kvm {
	struct kvm_memory_slot slots[FAKE_NR_SLOTS];
	unsigned long mmu_invalidate_seq;
	long mmu_invalidate_in_progress;
	gfn_t mmu_invalidate_range_start;
	gfn_t mmu_invalidate_range_end;
	struct rs_retry rs_retry;
};

struct kvm_memslot_iter {
	const struct kvm_memory_slot *slot;
};

#define kvm_arch_nr_memslot_as_ids(kvm) 1
/* NOLINTNEXTLINE(bugprone-reserved-identifier): the name is the kernel's */
#define __kvm_memslots(kvm, as) ((kvm)->slots)
#define kvm_for_each_memslot_in_gfn_range(iter, all, start, end)                         \
	for ((iter)->slot = (all); (iter)->slot < (all) + FAKE_NR_SLOTS; (iter)->slot++) \
		if ((iter)->slot->base_gfn < (end) &&                                    \
		    (iter)->slot->base_gfn + (iter)->slot->npages > (start))

#endif
