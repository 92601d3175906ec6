/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_CLI_NEAR_H
#define RS_CLI_NEAR_H

#include <stddef.h>

/* Looks for the name that was meant by a word that is none. */
struct rs_near {
	const char *word; /* not owned */
	size_t len;
	unsigned int distance; /* of the nearest name so far */
	char hint[80];
};

/* @word has @len bytes, and need not end there. */
void rs_near_init(struct rs_near *n, const char *word, size_t len);
/*
 * For each name that there is, which has @len bytes: of equally near ones the first wins. If
 * the word is one, something else is wrong, and no name is near.
 */
void rs_near_try(struct rs_near *n, const char *name, size_t len);
/* "; did you mean 'NAME'?", which lives as long as @n; @otherwise if no name is near. */
const char *rs_near_hint(const struct rs_near *n, const char *otherwise);

#endif
