// SPDX-License-Identifier: GPL-2.0-only
#include "replay/calls.h"

#include <stdlib.h>

static const uint64_t no_seq;

/* Those that see all invalidations, or the others. */
static void add_calls(struct rs_calls *c, const struct rs_algo *algos, size_t n, bool sees_all)
{
	for (const struct rs_algo *a = algos; a < algos + n; a++) {
		if (!(a->ops->flags & RS_ALGO_SEES_ALL) == sees_all)
			continue;
		if (a->ops->begin)
			c->begin[c->nr_begin++] = (struct rs_call_begin){ a->ops->begin, a->state };
		if (a->ops->slot)
			c->slot[c->nr_slot++] = (struct rs_call_slot){ a->ops->slot, a->state };
		if (a->ops->end)
			c->end[c->nr_end++] = (struct rs_call_end){ a->ops->end, a->state };
	}
}

int rs_calls_init(struct rs_calls *c, const struct rs_algo *algos, size_t n)
{
	c->begin = calloc(n, sizeof(*c->begin));
	c->slot = calloc(n, sizeof(*c->slot));
	c->end = calloc(n, sizeof(*c->end));
	c->blocked = calloc(n, sizeof(*c->blocked));
	c->seq = calloc(n, sizeof(*c->seq));
	if (!c->begin || !c->slot || !c->end || !c->blocked || !c->seq)
		return -ENOMEM;
	add_calls(c, algos, n, true);
	c->sees_begin = c->nr_begin;
	c->sees_end = c->nr_end;
	add_calls(c, algos, n, false);
	for (size_t i = 0; i < n; i++) {
		const struct rs_algo *a = &algos[i];

		c->blocked[i] = (struct rs_call_blocked){ a->ops->blocked, a->state };
		c->seq[i] = a->ops->flags & RS_ALGO_SEQ_FIRST ? a->state : &no_seq;
	}
	return 0;
}

void rs_calls_free(struct rs_calls *c)
{
	free(c->begin);
	free(c->slot);
	free(c->end);
	free(c->blocked);
	free(c->seq);
}
