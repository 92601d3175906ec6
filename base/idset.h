/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_BASE_IDSET_H
#define RS_BASE_IDSET_H

#include <stddef.h>
#include <stdint.h>

/* Outstanding invalidations by VM and id: a small hash table. */
struct rs_idset_entry {
	uint64_t id;
	uint32_t vm;
	uint64_t order; /* rises with each one added; 0: the place is free */
	uint64_t begin_ns;
	size_t at; /* the owner's */
};

struct rs_idset {
	struct rs_idset_entry *table;
	size_t size, nr; /* @size is 0 or a power of two */
	uint64_t next_order;
};

/* NULL if it is not there. Valid until the next change. */
struct rs_idset_entry *rs_idset_find(const struct rs_idset *s, uint32_t vm, uint64_t id);
/* It must not be there. NULL if there is no memory. */
struct rs_idset_entry *rs_idset_add(struct rs_idset *s, uint32_t vm, uint64_t id);
void rs_idset_remove(struct rs_idset *s, struct rs_idset_entry *e);
void rs_idset_clear(struct rs_idset *s);
/* Removes all of @vm. */
void rs_idset_remove_vm(struct rs_idset *s, uint32_t vm);
/*
 * All entries in the order in which they were added, for the caller to free;
 * NULL if there are none or no memory.
 */
struct rs_idset_entry *rs_idset_sorted(const struct rs_idset *s);
void rs_idset_free(struct rs_idset *s);

#endif
