/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_BASE_ARRAY_H
#define RS_BASE_ARRAY_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The one way in which an array grows: to twice its room at least, so that appending
 * one by one costs the same for each. All return 0 or -ENOMEM; then nothing is changed.
 * An array is freed with free().
 *
 *	if (RS_ROOM(l->v, l->max, l->nr + 1))
 *		return -ENOMEM;
 *	l->v[l->nr++] = x;
 */

/* Room for @n members in @array, which has room for @max (size_t); what is new is not set. */
#define RS_ROOM(array, max, n) rs_array_room(&(array), &(max), n, sizeof(*(array)), false)
/* The same, and what is new is zero. */
#define RS_ROOM_ZEROED(array, max, n) rs_array_room(&(array), &(max), n, sizeof(*(array)), true)
/*
 * Room for one member more in @array, which has @nr: for lists that do not note how
 * much room they have, and only ever get it by this.
 */
#define RS_ROOM_FOR_ONE(array, nr) rs_array_room_for_one(&(array), nr, sizeof(*(array)))
/* Room for just @n members in @array: for several that share one size, which the caller picks. */
#define RS_RESIZE(array, n) rs_array_resize(&(array), n, sizeof(*(array)))

/* What the macros call: @array is the address of a pointer to members of @size bytes. */
int rs_array_resize(void *array, size_t n, size_t size);
int rs_array_grow(void *array, size_t *max, size_t n, size_t size, bool zeroed);

static inline int rs_array_room(void *array, size_t *max, size_t n, size_t size, bool zeroed)
{
	return n <= *max ? 0 : rs_array_grow(array, max, n, size, zeroed);
}

static inline int rs_array_room_for_one(void *array, size_t nr, size_t size)
{
	/* It has room for the next power of two. */
	return nr & (nr - 1) ? 0 : rs_array_resize(array, nr ? 2 * nr : 1, size);
}

#endif
