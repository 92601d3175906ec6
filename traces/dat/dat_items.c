// SPDX-License-Identifier: GPL-2.0-only
#include "traces/dat/dat_items.h"

#include <errno.h>
#include <stdlib.h>

#include "base/inline.h"

/* So many items are not in memory at once: 128 GiB. Their distance is an int32_t. */
#define MAX_ITEMS (1U << 30)

int rs_dat_items_init(struct rs_dat_items *items)
{
	items->mask = 1023;
	items->v = calloc(items->mask + 1, sizeof(*items->v));
	return items->v ? 0 : -ENOMEM;
}

void rs_dat_items_free(struct rs_dat_items *items)
{
	free(items->v);
}

RS_SELDOM int rs_dat_items_grow(struct rs_dat_items *items)
{
	const uint64_t mask = 2 * items->mask + 1;
	struct rs_dat_item *v = mask < MAX_ITEMS ? malloc((mask + 1) * sizeof(*v)) : NULL;

	if (!v)
		return -ENOMEM;
	for (uint64_t t = items->first; t < items->tail; t++)
		v[t & mask] = *rs_dat_items_at(items, t);
	free(items->v);
	items->v = v;
	items->mask = mask;
	return 0;
}
