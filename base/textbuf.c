// SPDX-License-Identifier: GPL-2.0-only
#include "base/textbuf.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 4096

struct textbuf {
	char **text;
	size_t *size;
	char *bytes;
	size_t nr, room; /* one byte more than @nr is always free once there is room */
	bool failed;
};

static ssize_t put(void *cookie, const char *from, size_t n)
{
	struct textbuf *b = cookie;
	size_t room = b->room ? b->room : FIRST_ROOM;
	char *bytes;

	while (room - b->nr <= n && room <= SIZE_MAX / 2)
		room *= 2;
	if (room != b->room) {
		bytes = room - b->nr > n ? realloc(b->bytes, room) : NULL;
		if (!bytes) {
			b->failed = true;
			errno = ENOMEM;
			return 0; /* what fopencookie() wants for an error */
		}
		b->bytes = bytes;
		b->room = room;
	}
	memcpy(b->bytes + b->nr, from, n);
	b->nr += n;
	return (ssize_t)n;
}

static int finish(void *cookie)
{
	struct textbuf *b = cookie;
	int rc = 0;

	if (!b->failed && !b->bytes)
		b->bytes = malloc(1);
	if (b->failed || !b->bytes) {
		free(b->bytes);
		errno = ENOMEM;
		rc = -1;
	} else {
		b->bytes[b->nr] = '\0';
		*b->text = b->bytes;
		*b->size = b->nr;
	}
	free(b);
	return rc;
}

FILE *rs_textbuf_open(char **text, size_t *size)
{
	const cookie_io_functions_t io = { .write = put, .close = finish };
	struct textbuf *b = calloc(1, sizeof(*b));
	FILE *f = b ? fopencookie(b, "w", io) : NULL;

	*text = NULL;
	*size = 0;
	if (!f) {
		free(b);
		errno = ENOMEM;
		return NULL;
	}
	b->text = text;
	b->size = size;
	return f;
}
