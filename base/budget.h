/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_BASE_BUDGET_H
#define RS_BASE_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/*
 * How much may be made of an input: what its bytes, or those that were read of it so
 * far, allow beside a base that is free. What an input says of itself (sizes, counts)
 * is taken from a budget before it is believed. Threads may share one.
 */
struct rs_budget {
	uint64_t left;
};

/* Bytes that any input may take, and for each of its own bytes as many more. */
#define RS_BUDGET_BASE (256ULL << 20)
#define RS_BUDGET_PER_BYTE 64

/* The base of all budgets that begin from now on, instead of RS_BUDGET_BASE. */
void rs_budget_set_base(uint64_t bytes);
uint64_t rs_budget_base(void);

/* The budget of an input of @size bytes. */
void rs_budget_init(struct rs_budget *b, uint64_t size);
/* What @size bytes allow in all; at most UINT64_MAX. */
uint64_t rs_budget_of(uint64_t size);
/* Takes @bytes; false, and nothing is taken, if there are not as many left. */
bool rs_budget_take(struct rs_budget *b, uint64_t bytes);
void rs_budget_give(struct rs_budget *b, uint64_t bytes);
/* Says in @err (may be NULL) that there is not enough left for @what; returns -E2BIG. */
int rs_budget_met(struct rs_error *err, const char *what);

#endif
