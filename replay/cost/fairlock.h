/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_COST_FAIRLOCK_H
#define RS_REPLAY_COST_FAIRLOCK_H

#include <stdatomic.h>
#include <stdint.h>

/*
 * A fair reader-writer lock: who comes first goes first, and readers that come
 * in a row go together. mmu_lock is like that where KVM has it as a rwlock (the
 * kernel's are queued): a notifier gets in although vCPUs keep coming. To
 * measure with, not to sleep on: it spins, and gives the CPU away now and then
 * in case there are more threads than CPUs. All zero is unlocked.
 *
 * It is a ticket lock with two counters of whose turn it is. A reader that gets
 * in lets the next ticket read at once; a ticket may write when all before it
 * have unlocked. So read - write is the number of readers inside.
 *
 * What must be ordered by it, and what is not
 *
 * Every unlock releases into the counter that the next owner acquires from, so
 * that begin, slot, end and check see whole states, each after the other.
 *
 * A kernel's fault has two more accesses, both outside of the lock:
 *
 * 1. The load of seq at its begin. It needs acquire (smp_rmb() behind it): were
 *    the lookup of the page done first, the fault could find the old page, and
 *    then load the seq that the end of its invalidation has left. Nothing would
 *    reject it. With the order kept a fault whose seq is current at its check
 *    has looked up after the last end before it; what began since is still in
 *    progress and has its range tested, or begins later and zaps what was mapped.
 *
 * 2. The pre-check: in_progress, the range and seq are read without the lock, to
 *    drop early what would be dropped later. Start and end of a range may then
 *    be of two states: one widened and one not, or one of them still of the time
 *    before the range was set anew. What comes of it is one of two errors.
 *    - It rejects what the locked check would accept: the vCPU faults again. This
 *      is harmless if it cannot go on forever, which takes in_progress and seq
 *      loaded afresh each time (READ_ONCE()), the range not.
 *    - It accepts what the locked check will reject: a lookup is done in vain, and
 *      the locked check, which alone decides, rejects it.
 *    So the pre-check needs no order to be right, only to be precise: an end that
 *    stores seq before it lowers in_progress (smp_wmb()), against a pre-check that
 *    loads in_progress before seq (smp_rmb()), leaves no moment at which neither
 *    tells of it. The acceptance of a pre-check must never be used instead of the
 *    locked check.
 *
 * With more ranges there is one more condition: no number that a pre-check reads
 * may lead it out of its array. hfn-recent has constant limits, and an index
 * taken modulo one of them. For precision its end stores the range into the ring
 * first, then seq, and gives the live entry free last.
 */
struct rs_fairlock {
	_Atomic uint32_t next;	/* the next ticket */
	_Atomic uint32_t read;	/* whose turn it is to read ... */
	_Atomic uint32_t write; /* ... and to write */
};

/* Any number of readers hold it together. */
void rs_fairlock_read_lock(struct rs_fairlock *l);
void rs_fairlock_read_unlock(struct rs_fairlock *l);
/* One writer holds it alone. */
void rs_fairlock_write_lock(struct rs_fairlock *l);
void rs_fairlock_write_unlock(struct rs_fairlock *l);

#endif
