/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_BASE_ARRAY_H
#define RS_BASE_ARRAY_H

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/*
 * Room for @n members of @size bytes in *@array, which has room for *@max and doubles;
 * what is new is zero. 0 or -ENOMEM: then nothing is changed.
 */
static inline int rs_make_room(void *array, size_t *max, size_t n, size_t size)
{
	size_t more = *max ? *max : 16;
	void **p = array;
	char *bigger;

	if (n <= *max)
		return 0;
	while (more < n)
		more *= 2;
	bigger = reallocarray(*p, more, size);
	if (!bigger)
		return -ENOMEM;
	memset(bigger + *max * size, 0, (more - *max) * size);
	*p = bigger;
	*max = more;
	return 0;
}

#endif
