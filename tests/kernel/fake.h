/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TESTS_KERNEL_FAKE_H
#define RS_TESTS_KERNEL_FAKE_H

#include <stdbool.h>
#include <stdint.h>

/* The kernel's side of a test, for those who are compiled as the model is. */
#define FAKE_NR_SLOTS 4

struct fake_slot {
	uint64_t gfn, npages, hva; /* hva in bytes */
};

struct fake_kvm;

/* A VM with FAKE_NR_SLOTS memslots of @slots, and @algo chosen; NULL if that is not known. */
struct fake_kvm *fake_kvm_new(const char *algo, const struct fake_slot *slots);
void fake_kvm_free(struct fake_kvm *k);
/* The calls of KVM, by @task, about host addresses [@start, @end) or, both 0, about gfns. */
bool fake_begin(struct fake_kvm *k, const void *task, uint64_t start, uint64_t end);
bool fake_add(struct fake_kvm *k, const void *task, unsigned int slot, uint64_t gfn, uint64_t to,
	      unsigned int kinds, uint64_t start, uint64_t end);
bool fake_add_gfns(struct fake_kvm *k, const void *task, uint64_t gfn, uint64_t to);
bool fake_end(struct fake_kvm *k, const void *task, uint64_t start, uint64_t end);
bool fake_rejects(struct fake_kvm *k, unsigned int slot, uint64_t gfn, bool is_private,
		  uint64_t seq);
uint64_t fake_seq(const struct fake_kvm *k);
uint64_t fake_in_progress(const struct fake_kvm *k);
uint64_t fake_range_start(const struct fake_kvm *k);
/* What the parameter says; the text is valid until the next call. */
const char *fake_param(void);
/* mmu_lock was held for @ns, for write or for read; what the other parameter says then. */
const char *fake_hold(bool write, uint64_t ns);
/* That is written to. */
void fake_forget(void);

#endif
