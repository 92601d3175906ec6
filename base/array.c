// SPDX-License-Identifier: GPL-2.0-only
#include "base/array.h"

#include <stdlib.h>
#include <string.h>

int rs_array_resize(void *array, size_t n, size_t size)
{
	void *old, *bigger;

	memcpy(&old, array, sizeof(old));
	bigger = reallocarray(old, n ? n : 1, size);
	if (!bigger)
		return -ENOMEM;
	memcpy(array, &bigger, sizeof(bigger));
	return 0;
}

int rs_array_grow(void *array, size_t *max, size_t n, size_t size, bool zeroed)
{
	const size_t more = 2 * *max > n ? 2 * *max : n;
	char *bigger;

	if (rs_array_resize(array, more, size))
		return -ENOMEM;
	memcpy(&bigger, array, sizeof(bigger));
	if (zeroed)
		memset(bigger + *max * size, 0, (more - *max) * size);
	*max = more;
	return 0;
}
