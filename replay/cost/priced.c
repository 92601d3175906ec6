// SPDX-License-Identifier: GPL-2.0-only
#include "replay/cost/priced.h"

#if defined(__clang__)
#define LEFT_ALONE __attribute__((noinline))
#else
#define LEFT_ALONE __attribute__((noipa))
#endif

/* What comes behind a call keeps it from becoming a jump, which a profiler would not see. */
#define BEHIND_CALL __asm__ volatile("" : : : "memory")

LEFT_ALONE int rs_priced_begin(struct rs_algo *a, const struct rs_inval *inv)
{
	int ret = a->ops->begin ? a->ops->begin(a->state, inv) : 0;

	BEHIND_CALL;
	return ret;
}

LEFT_ALONE int rs_priced_slot(struct rs_algo *a, const struct rs_inval *inv,
			      const struct rs_hit *hit)
{
	int ret = a->ops->slot ? a->ops->slot(a->state, inv, hit) : 0;

	BEHIND_CALL;
	return ret;
}

LEFT_ALONE void rs_priced_end(struct rs_algo *a, const struct rs_inval *inv)
{
	if (a->ops->end)
		a->ops->end(a->state, inv);
	BEHIND_CALL;
}

LEFT_ALONE unsigned int rs_priced_check(const struct rs_algo *a, const struct rs_fault *f,
					uint64_t snapshot)
{
	unsigned int why = a->ops->rejects(a->state, f, snapshot);

	BEHIND_CALL;
	return why;
}
