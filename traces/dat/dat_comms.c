// SPDX-License-Identifier: GPL-2.0-only
#include "traces/dat/dat_comms.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

static int by_pid(const void *a, const void *b)
{
	const struct rs_dat_comm *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

/* One line, of which the newline is a NUL now. */
static int add(struct rs_dat_comms *c, char *line)
{
	char *rest;
	const unsigned long pid = strtoul(line, &rest, 10);

	if (!isdigit((unsigned char)*line) || *rest != ' ' || !rest[1] || pid > UINT32_MAX ||
	    strlen(rest + 1) > RS_MAX_WHO_TEXT)
		return 0;
	if (RS_ROOM_FOR_ONE(c->list, c->nr))
		return -ENOMEM;
	c->list[c->nr++] = (struct rs_dat_comm){ (uint32_t)pid, rest + 1 };
	return 0;
}

static void drop_repeated(struct rs_dat_comms *c)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->nr; i++)
		if (!kept || c->list[kept - 1].pid != c->list[i].pid)
			c->list[kept++] = c->list[i];
	c->nr = kept;
}

int rs_dat_comms_init(struct rs_dat_comms *c, const char *cmdlines)
{
	char *line, *next;
	int rc = 0;

	memset(c, 0, sizeof(*c));
	if (!cmdlines)
		return 0;
	c->text = strdup(cmdlines);
	if (!c->text)
		return -ENOMEM;
	for (line = c->text; line && !rc; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		rc = add(c, line);
	}
	if (rc || !c->nr)
		return rc;
	qsort(c->list, c->nr, sizeof(*c->list), by_pid);
	drop_repeated(c);
	return 0;
}

char *rs_dat_comms_find(const struct rs_dat_comms *c, uint32_t pid)
{
	size_t low = 0, high = c->nr;

	while (low < high) {
		const size_t mid = low + (high - low) / 2;

		if (c->list[mid].pid < pid)
			low = mid + 1;
		else
			high = mid;
	}
	return low < c->nr && c->list[low].pid == pid ? c->list[low].name : NULL;
}

void rs_dat_comms_free(struct rs_dat_comms *c)
{
	free(c->list);
	free(c->text);
	memset(c, 0, sizeof(*c));
}
