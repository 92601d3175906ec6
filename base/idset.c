// SPDX-License-Identifier: GPL-2.0-only
#include "base/idset.h"

#include <stdlib.h>
#include <string.h>

static size_t home(const struct rs_idset *s, uint32_t vm, uint64_t id)
{
	return ((id + ((uint64_t)vm << 40)) * 0x9e3779b97f4a7c15ULL >> 32) & (s->size - 1);
}

struct rs_idset_entry *rs_idset_find(const struct rs_idset *s, uint32_t vm, uint64_t id)
{
	if (!s->nr)
		return NULL;
	for (size_t i = home(s, vm, id); s->table[i].order; i = (i + 1) & (s->size - 1))
		if (s->table[i].id == id && s->table[i].vm == vm)
			return &s->table[i];
	return NULL;
}

static struct rs_idset_entry *free_place(const struct rs_idset *s, uint32_t vm, uint64_t id)
{
	size_t i = home(s, vm, id);

	while (s->table[i].order)
		i = (i + 1) & (s->size - 1);
	return &s->table[i];
}

static int grow(struct rs_idset *s)
{
	struct rs_idset bigger = *s;

	bigger.size = s->size ? 2 * s->size : 16;
	bigger.table = calloc(bigger.size, sizeof(*bigger.table));
	if (!bigger.table)
		return -1;
	for (size_t i = 0; i < s->size; i++)
		if (s->table[i].order)
			*free_place(&bigger, s->table[i].vm, s->table[i].id) = s->table[i];
	free(s->table);
	*s = bigger;
	return 0;
}

struct rs_idset_entry *rs_idset_add(struct rs_idset *s, uint32_t vm, uint64_t id)
{
	struct rs_idset_entry *e;

	if (2 * (s->nr + 1) > s->size && grow(s))
		return NULL;
	e = free_place(s, vm, id);
	memset(e, 0, sizeof(*e));
	e->vm = vm;
	e->id = id;
	e->order = ++s->next_order;
	s->nr++;
	return e;
}

/* What probed past the place that becomes free moves up to it. */
void rs_idset_remove(struct rs_idset *s, struct rs_idset_entry *e)
{
	size_t mask = s->size - 1, hole = (size_t)(e - s->table);

	for (size_t i = (hole + 1) & mask; s->table[i].order; i = (i + 1) & mask) {
		size_t from = home(s, s->table[i].vm, s->table[i].id);

		if (((i - from) & mask) < ((i - hole) & mask))
			continue;
		s->table[hole] = s->table[i];
		hole = i;
	}
	s->table[hole].order = 0;
	s->nr--;
}

void rs_idset_clear(struct rs_idset *s)
{
	if (s->nr)
		memset(s->table, 0, s->size * sizeof(*s->table));
	s->nr = 0;
}

void rs_idset_remove_vm(struct rs_idset *s, uint32_t vm)
{
	size_t i = 0;

	/* What moves up to a place that became free is looked at there. */
	while (s->nr && i < s->size) {
		if (s->table[i].order && s->table[i].vm == vm)
			rs_idset_remove(s, &s->table[i]);
		else
			i++;
	}
}

static int cmp_order(const void *a, const void *b)
{
	const struct rs_idset_entry *x = a, *y = b;

	return (x->order > y->order) - (x->order < y->order);
}

struct rs_idset_entry *rs_idset_sorted(const struct rs_idset *s)
{
	struct rs_idset_entry *all = s->nr ? malloc(s->nr * sizeof(*all)) : NULL;
	size_t n = 0;

	if (!all)
		return NULL;
	for (size_t i = 0; i < s->size; i++)
		if (s->table[i].order)
			all[n++] = s->table[i];
	qsort(all, n, sizeof(*all), cmp_order);
	return all;
}

void rs_idset_free(struct rs_idset *s)
{
	free(s->table);
	memset(s, 0, sizeof(*s));
}
