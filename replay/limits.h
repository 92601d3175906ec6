/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_LIMITS_H
#define RS_REPLAY_LIMITS_H

#include "base/budget.h"

/*
 * What a replay may take besides what every event takes: docs/security.md, Budgets. Each is
 * taken from a budget, its own or one that others take from, too.
 */
struct rs_limits {
	struct rs_budget *kept;	 /* bytes of VMs, memslots, vCPUs and what is outstanding */
	struct rs_budget *hits;	 /* memslots that events hit, beyond what is free of each */
	struct rs_budget *looks; /* host pages that questions about faults look at, likewise */
	const char *over;	 /* what took more than there is; NULL: nothing did */
	struct rs_budget own[3];
};

/* Of hits and of looks so many are free for each event, and not taken. */
#define RS_HITS_FREE 64
/* How much there is of either: the budget's base by that many bytes. */
#define RS_BYTES_PER_HIT 64
#define RS_BYTES_PER_LOOK 1

/* What is to be taken for an event of @n hits or looks. */
static inline uint64_t rs_hits_beyond_free(uint64_t n)
{
	return n > RS_HITS_FREE ? n - RS_HITS_FREE : 0;
}

/*
 * @l takes from these, which threads may share, where they are not NULL, and else from whole
 * ones of its own.
 */
void rs_limits_init(struct rs_limits *l, struct rs_budget *kept, struct rs_budget *hits,
		    struct rs_budget *looks);
/* Takes @bytes for @what, a string that stays; false if there are not as many. */
bool rs_limits_keep(struct rs_limits *l, uint64_t bytes, const char *what);
void rs_limits_give(struct rs_limits *l, uint64_t bytes);
/* Takes @n hits, or looks, of those that are not free; false if there are not as many. */
bool rs_limits_hit(struct rs_limits *l, uint64_t n);
bool rs_limits_look(struct rs_limits *l, uint64_t n);
/* Says in @err (may be NULL) what failed: a limit, if one was met, else memory. Its errno. */
int rs_limits_failed(const struct rs_limits *l, struct rs_error *err);

#endif
