// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's side of test_kvm_retry: compiled as rs_retry.c is, with a made-up kernel. */
#include <stdlib.h>

#include "tests/kernel/fake.h"
#include "tests/kernel/kernel.h"

const void *current;
uint64_t fake_now;

struct fake_kvm {
	struct kvm kvm;
};

int fake_match(const char *const *names, size_t n, const char *text)
{
	const size_t len = strcspn(text, "\n");

	for (size_t i = 0; i < n; i++)
		if (strlen(names[i]) == len && !memcmp(names[i], text, len))
			return (int)i;
	return -EINVAL;
}

struct fake_kvm *fake_kvm_new(const char *algo, const struct fake_slot *slots)
{
	struct fake_kvm *k;

	if (fake_param_retry_algo->set(algo, NULL))
		return NULL;
	k = calloc(1, sizeof(*k));
	if (!k)
		return NULL;
	for (unsigned int i = 0; i < FAKE_NR_SLOTS; i++)
		k->kvm.slots[i] =
			(struct kvm_memory_slot){ slots[i].gfn, slots[i].npages, slots[i].hva };
	rs_retry_init(&k->kvm);
	return k;
}

void fake_kvm_free(struct fake_kvm *k)
{
	free(k);
}

bool fake_begin(struct fake_kvm *k, const void *task, uint64_t start, uint64_t end)
{
	bool ours;

	current = task;
	rs_retry_say(&k->kvm, start, end);
	ours = rs_retry_begin(&k->kvm);
	rs_retry_say(&k->kvm, 0, 0);
	return ours;
}

bool fake_add(struct fake_kvm *k, const void *task, unsigned int slot, uint64_t gfn, uint64_t to,
	      unsigned int kinds, uint64_t start, uint64_t end)
{
	current = task;
	return rs_retry_add(&k->kvm, &k->kvm.slots[slot], gfn, to, kinds,
			    (struct rs_retry_key){ start, end });
}

bool fake_add_gfns(struct fake_kvm *k, const void *task, uint64_t gfn, uint64_t to)
{
	current = task;
	return rs_retry_add_gfns(&k->kvm, gfn, to);
}

bool fake_end(struct fake_kvm *k, const void *task, uint64_t start, uint64_t end)
{
	bool ours;

	current = task;
	rs_retry_say(&k->kvm, start, end);
	ours = rs_retry_end(&k->kvm);
	rs_retry_say(&k->kvm, 0, 0);
	return ours;
}

bool fake_rejects(struct fake_kvm *k, unsigned int slot, uint64_t gfn, bool is_private,
		  uint64_t seq)
{
	return rs_retry_rejects(&k->kvm, &k->kvm.slots[slot], gfn, is_private, seq);
}

uint64_t fake_seq(const struct fake_kvm *k)
{
	return k->kvm.mmu_invalidate_seq;
}

uint64_t fake_in_progress(const struct fake_kvm *k)
{
	return (uint64_t)k->kvm.mmu_invalidate_in_progress;
}

uint64_t fake_range_start(const struct fake_kvm *k)
{
	return k->kvm.mmu_invalidate_range_start;
}

const char *fake_param(void)
{
	static char text[64];

	fake_param_retry_algo->get(text, NULL);
	return text;
}

const char *fake_hold(bool write, uint64_t ns)
{
	static char text[128];
	const uint64_t since = rs_held_since();

	fake_now = since + ns - 5;
	rs_held_until_now(write ? RS_HELD_WRITE : RS_HELD_READ, since);
	fake_param_retry_held->get(text, NULL);
	return text;
}

void fake_forget(void)
{
	fake_param_retry_held->set("0", NULL);
}
