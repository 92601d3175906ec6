// SPDX-License-Identifier: GPL-2.0-only
#include "base/budget.h"

#include <errno.h>

static uint64_t base = RS_BUDGET_BASE;

void rs_budget_set_base(uint64_t bytes)
{
	base = bytes;
}

uint64_t rs_budget_base(void)
{
	return base;
}

uint64_t rs_budget_of(uint64_t size)
{
	uint64_t all;

	if (__builtin_mul_overflow(size, RS_BUDGET_PER_BYTE, &all) ||
	    __builtin_add_overflow(all, base, &all))
		return UINT64_MAX;
	return all;
}

void rs_budget_init(struct rs_budget *b, uint64_t size)
{
	b->left = rs_budget_of(size);
}

bool rs_budget_take(struct rs_budget *b, uint64_t bytes)
{
	uint64_t left = __atomic_load_n(&b->left, __ATOMIC_RELAXED);

	do {
		if (bytes > left)
			return false;
	} while (!__atomic_compare_exchange_n(&b->left, &left, left - bytes, true, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	return true;
}

void rs_budget_give(struct rs_budget *b, uint64_t bytes)
{
	__atomic_add_fetch(&b->left, bytes, __ATOMIC_RELAXED);
}

int rs_budget_met(struct rs_error *err, const char *what)
{
	return rs_error_set(err, RS_ERR_INPUT, E2BIG,
			    "%s would take more than the budget of an input of this size; "
			    "--budget raises it",
			    what);
}
