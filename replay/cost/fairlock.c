// SPDX-License-Identifier: GPL-2.0-only
#include "replay/cost/fairlock.h"

#include <sched.h>

#define SPINS 1024 /* before the CPU is given away */

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#endif
}

static void wait_turn(const _Atomic uint32_t *turn, uint32_t ticket)
{
	unsigned int spins = 0;

	while (atomic_load_explicit(turn, memory_order_acquire) != ticket) {
		relax();
		if (++spins % SPINS == 0)
			sched_yield();
	}
}

/* The tickets only put threads in a row; they hand nothing over. */
static uint32_t take_ticket(struct rs_fairlock *l)
{
	return atomic_fetch_add_explicit(&l->next, 1, memory_order_relaxed);
}

void rs_fairlock_read_lock(struct rs_fairlock *l)
{
	uint32_t ticket = take_ticket(l);

	wait_turn(&l->read, ticket);
	/* Release: passes on what the last writer released to this reader. */
	atomic_store_explicit(&l->read, ticket + 1, memory_order_release);
}

void rs_fairlock_read_unlock(struct rs_fairlock *l)
{
	atomic_fetch_add_explicit(&l->write, 1, memory_order_release);
}

void rs_fairlock_write_lock(struct rs_fairlock *l)
{
	wait_turn(&l->write, take_ticket(l));
}

/* The next ticket may be a writer's or a reader's: both counters hand over. */
void rs_fairlock_write_unlock(struct rs_fairlock *l)
{
	atomic_fetch_add_explicit(&l->write, 1, memory_order_release);
	atomic_fetch_add_explicit(&l->read, 1, memory_order_release);
}
