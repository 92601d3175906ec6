/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_CALLS_H
#define RS_REPLAY_CALLS_H

#include "replay/algorithm.h"

/*
 * The functions that the algorithms at work in one VM have for an event, function by
 * function: one pass over what is to be called, and nothing to be asked of each.
 * Those that see all invalidations come first.
 */
struct rs_call_begin {
	int (*fn)(void *state, const struct rs_inval *inv);
	void *state;
};

struct rs_call_slot {
	int (*fn)(void *state, const struct rs_inval *inv, const struct rs_hit *hit);
	void *state;
};

struct rs_call_end {
	void (*fn)(void *state, const struct rs_inval *inv);
	void *state;
};

struct rs_call_blocked {
	uint64_t (*fn)(void *state);
	void *state;
};

struct rs_calls {
	struct rs_call_begin *begin;
	struct rs_call_slot *slot;
	struct rs_call_end *end;
	/* Of each algorithm, in their own order: what it blocks, and what a fault keeps of it. */
	struct rs_call_blocked *blocked;
	const uint64_t **seq;
	size_t nr_begin, nr_slot, nr_end;
	size_t sees_begin, sees_end; /* of begin and end: those that see all */
};

/* Of @n algorithms, which must outlive it. 0, or -ENOMEM: then it is to be freed all the same. */
int rs_calls_init(struct rs_calls *c, const struct rs_algo *algos, size_t n);
void rs_calls_free(struct rs_calls *c);

/* @inv begins, for those from number @from on. 0 or -ENOMEM. */
static inline int rs_calls_begin(const struct rs_calls *c, const struct rs_inval *inv, size_t from,
				 size_t to)
{
	const struct rs_call_begin *end = c->begin + to;

	for (const struct rs_call_begin *k = c->begin + from; k < end; k++)
		if (k->fn(k->state, inv))
			return -ENOMEM;
	return 0;
}

static inline int rs_calls_slot(const struct rs_calls *c, const struct rs_inval *inv,
				const struct rs_hit *hit)
{
	const struct rs_call_slot *end = c->slot + c->nr_slot;

	for (const struct rs_call_slot *k = c->slot; k < end; k++)
		if (k->fn(k->state, inv, hit))
			return -ENOMEM;
	return 0;
}

static inline void rs_calls_end(const struct rs_calls *c, const struct rs_inval *inv)
{
	const struct rs_call_end *end = c->end + (inv->hit ? c->nr_end : c->sees_end);

	for (const struct rs_call_end *k = c->end; k < end; k++)
		k->fn(k->state, inv);
}

/* Of the first @n algorithms. */
static inline void rs_calls_snapshot(const struct rs_calls *c, uint64_t *snapshots, size_t n)
{
	for (size_t i = 0; i < n; i++)
		snapshots[i] = *c->seq[i];
}

#endif
