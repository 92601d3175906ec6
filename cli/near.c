// SPDX-License-Identifier: GPL-2.0-only
#include "cli/near.h"

#include <stdio.h>
#include <string.h>

#define MAX_LEN 47
#define FAR 3U

/* With two slips hardly anything is left of a shorter word. */
#define LONG_WORD 5

static unsigned int min(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/*
 * How many letters of @a have to be added, left out, replaced, or exchanged with their
 * neighbour, to make @b of it; both are at most MAX_LEN long.
 */
static unsigned int distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned int rows[3][MAX_LEN + 1];

	for (unsigned int k = 0; k <= b_len; k++)
		rows[0][k] = k;
	for (unsigned int i = 1; i <= a_len; i++) {
		unsigned int *row = rows[i % 3];
		const unsigned int *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t k = 1; k <= b_len; k++) {
			row[k] = min(min(last[k], row[k - 1]) + 1,
				     last[k - 1] + (a[i - 1] != b[k - 1]));
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
				row[k] = min(row[k], before[k - 2] + 1);
		}
	}
	return rows[a_len % 3][b_len];
}

void rs_near_init(struct rs_near *n, const char *word, size_t len)
{
	n->word = word;
	n->len = len;
	n->distance = len < LONG_WORD ? FAR - 1 : FAR;
	n->hint[0] = '\0';
}

void rs_near_try(struct rs_near *n, const char *name, size_t len)
{
	unsigned int d;

	if (n->len > MAX_LEN || len > MAX_LEN || !n->len)
		return;
	d = distance(n->word, n->len, name, len);
	if (d >= n->distance)
		return;
	n->distance = d;
	n->hint[0] = '\0';
	if (d)
		snprintf(n->hint, sizeof(n->hint), "; did you mean '%.*s'?", (int)len, name);
}

const char *rs_near_hint(const struct rs_near *n, const char *otherwise)
{
	return n->hint[0] ? n->hint : otherwise;
}
