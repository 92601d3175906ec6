/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_BASE_TABLE_H
#define RS_BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The one hash table: where in its owner's list something is, by what it is known by. The
 * list has the things themselves, the table their numbers in it. All zero is an empty one.
 * Nothing goes through it from place to place, so that the order of hashes, which differs
 * from process to process, is nowhere seen.
 */
struct rs_hash {
	struct rs_hash_place {
		uint64_t hash;
		uint32_t n; /* number + 1; 0: free */
	} * places;
	size_t size, nr; /* @size is 0 or a power of two */
};

#define RS_HASH_NONE UINT32_MAX

/* Different numbers have different hashes. */
uint64_t rs_hash_number(uint64_t number);
uint64_t rs_hash_string(const char *s);

/*
 * The number of what has that hash and, unless @is is NULL, is it by @is(@arg, number);
 * RS_HASH_NONE if there is none.
 */
uint32_t rs_hash_find(const struct rs_hash *t, uint64_t hash,
		      bool (*is)(const void *arg, uint32_t n), const void *arg);
/* Adds @n, below RS_HASH_NONE, which is not there. 0 or -ENOMEM. */
int rs_hash_add(struct rs_hash *t, uint64_t hash, uint32_t n);
/* Leaves it empty. */
void rs_hash_free(struct rs_hash *t);

#endif
