// SPDX-License-Identifier: GPL-2.0-only
/* Which blocks of an indexed trace a piece needs. */
#include <errno.h>

#include "replay/cut/cut_internal.h"

/*
 * The last block before which nothing is pending and behind which all of the
 * piece lies. 0: all must be read, because there is none, or because after a
 * loss it matters how long the invalidations before it were.
 */
static size_t find_resume(const struct rs_cut *c, const struct rs_block *blocks, size_t nr)
{
	size_t resume = 0;

	for (size_t i = 0; i < nr; i++) {
		if (blocks[i].idle)
			resume = i;
		if (blocks[i].lost)
			return 0;
		if (blocks[i].max_ns >= c->opts.from_ns)
			break;
	}
	return resume;
}

static bool needs(const struct rs_cut *c, const struct rs_block *b)
{
	if (c->opts.one_vm && !(b->vms & 1U << c->opts.vm % 32))
		return false;
	return b->memslots || !c->memslots_only;
}

/* Whether there is such a VM must be seen before anything is passed over. */
static bool starts_skipping(const struct rs_cut *c, size_t next)
{
	return !c->memslots_only && next < c->resume && (c->vm_seen || !c->opts.one_vm);
}

int rs_cut_next_block(struct rs_cut *c, const struct rs_block *blocks, size_t nr, size_t *next)
{
	if (c->past_piece) {
		*next = nr;
		return 0;
	}
	if (!c->planned && c->opts.from)
		c->resume = find_resume(c, blocks, nr);
	c->planned = true;
	if (starts_skipping(c, *next)) {
		if (rs_cut_forget_pending(c))
			return -ENOMEM;
		c->memslots_only = true;
	}
	for (; *next < nr; ++*next) {
		if (*next >= c->resume)
			c->memslots_only = false;
		if (needs(c, &blocks[*next]))
			break;
	}
	return 0;
}
