/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_RETRY_H
#define RS_RETRY_H

/*
 * In a kernel's tree, included by its kvm_host.h: KVM asks here which faults are to be tried
 * again, and the module's parameter retry_algo says by which algorithm. What an algorithm keeps
 * and does is replay/bounded.h of the model.
 */
#include <linux/types.h>

#include "replay/bounded.h"

/* hfn-recent:2.1.8, which the model proposes. */
#define RS_RETRY_LIVE 2
#define RS_RETRY_RANGES 1
#define RS_RETRY_DONE 8
#define RS_RETRY_ROOM RS_BOUNDED_RECENT_ROOM(RS_RETRY_LIVE, RS_RETRY_RANGES, RS_RETRY_DONE)

/* Invalidations of gfns whose kind gfn-split keeps at a time. */
#define RS_SPLIT_OWNERS 4

/* The host addresses that a notifier's call is about; 0, 0: it is about gfns. */
struct rs_retry_key {
	u64 start, end;
};

struct rs_split_owner {
	const void *who;
	unsigned int kinds;  /* 0: not said yet */
	unsigned int joined; /* begun by it meanwhile, of both kinds */
};

/* Of each VM; the four words are KVM's own. */
struct rs_retry {
	int algo;		 /* 0: KVM's own; as the parameter said when the VM was made */
	struct rs_retry_key key; /* of the begin or end under way; under mmu_lock */
	struct rs_bounded_recent recent;
	struct rs_bounded_owner owner[RS_RETRY_LIVE];
	unsigned int joined[RS_RETRY_LIVE]; /* begun by an owner that was in already */
	u64 room[(RS_RETRY_ROOM + 7) / 8];
	struct rs_bounded_half halves[RS_BOUNDED_KINDS];
	struct rs_split_owner split_owner[RS_SPLIT_OWNERS];
	u64 held_since; /* mmu_lock, for write */
};

struct kvm;
struct kvm_memory_slot;

/* Of a new VM: the algorithm that the parameter says now. */
void rs_retry_init(struct kvm *kvm);
/* What the begin or end to come is about, until the next call; under mmu_lock for write. */
void rs_retry_say(struct kvm *kvm, u64 start, u64 end);
/* False: KVM is to do it in its own way. Under mmu_lock for write. */
bool rs_retry_begin(struct kvm *kvm);
/*
 * The gfns [start, end) of a memslot that is hit, for who began it with @key; of a bit in @kinds
 * for each kind of mapping, 0: not said.
 */
bool rs_retry_add(struct kvm *kvm, const struct kvm_memory_slot *slot, u64 start, u64 end,
		  unsigned int kinds, struct rs_retry_key key);
/* Frames of any memslots, of what is about gfns. */
bool rs_retry_add_gfns(struct kvm *kvm, u64 start, u64 end);
/* The task that began it ends it. */
bool rs_retry_end(struct kvm *kvm);
/* Whether the fault is to be tried again. Without mmu_lock it may be wrong either way. */
bool rs_retry_rejects(struct kvm *kvm, const struct kvm_memory_slot *slot, u64 gfn, bool is_private,
		      unsigned long seq);

/* How long mmu_lock is held: for write by whatever KVM_MMU_LOCK() is for, for read by faults. */
enum rs_held { RS_HELD_WRITE, RS_HELD_READ, RS_HELD_KINDS };
u64 rs_held_since(void);
void rs_held_until_now(enum rs_held kind, u64 since);

#define rs_write_lock(kvm)                                    \
	do {                                                  \
		write_lock(&(kvm)->mmu_lock);                 \
		(kvm)->rs_retry.held_since = rs_held_since(); \
	} while (0)
#define rs_write_unlock(kvm)                                                  \
	do {                                                                  \
		rs_held_until_now(RS_HELD_WRITE, (kvm)->rs_retry.held_since); \
		write_unlock(&(kvm)->mmu_lock);                               \
	} while (0)
#define rs_read_lock(kvm, since)             \
	do {                                 \
		read_lock(&(kvm)->mmu_lock); \
		(since) = rs_held_since();   \
	} while (0)
#define rs_read_unlock(kvm, since)                      \
	do {                                            \
		rs_held_until_now(RS_HELD_READ, since); \
		read_unlock(&(kvm)->mmu_lock);          \
	} while (0)

/* In place of what KVM asks and calls itself. */
#define rs_retry_locked(fault, kvm, seq, gfn)                                          \
	((kvm)->rs_retry.algo                                                          \
		 ? rs_retry_rejects(kvm, (fault)->slot, gfn, (fault)->is_private, seq) \
		 : mmu_invalidate_retry_gfn(kvm, seq, gfn))
#define rs_retry_unlocked(fault, kvm, seq, gfn)                                        \
	((kvm)->rs_retry.algo                                                          \
		 ? rs_retry_rejects(kvm, (fault)->slot, gfn, (fault)->is_private, seq) \
		 : mmu_invalidate_retry_gfn_unsafe(kvm, seq, gfn))
#define rs_retry_on_lock(kvm, range)                             \
	do {                                                     \
		rs_retry_say(kvm, (range)->start, (range)->end); \
		(range)->on_lock(kvm);                           \
		rs_retry_say(kvm, 0, 0);                         \
	} while (0)
/* Who asks without a fault, and so without an address that could be compared. */
#define rs_retry_any(kvm, seq) \
	((kvm)->mmu_invalidate_in_progress || (kvm)->mmu_invalidate_seq != (seq))

#endif
