// SPDX-License-Identifier: GPL-2.0-only
#include "traces/who.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

struct wanted {
	const struct rs_whos *whos;
	const struct rs_who *who;
};

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool is_who(const void *arg, uint32_t i)
{
	const struct wanted *w = arg;
	const struct rs_who *a = &w->whos->list[i], *b = w->who;

	return a->pid == b->pid && same_text(a->comm, b->comm) && same_text(a->reason, b->reason);
}

static uint64_t hash_of(const struct rs_who *who)
{
	uint64_t hash = rs_hash_number(who->pid);

	if (who->comm)
		hash = rs_hash_number(hash ^ rs_hash_string(who->comm));
	if (who->reason)
		hash = rs_hash_number(hash + rs_hash_string(who->reason));
	return hash;
}

static void free_who(struct rs_who *who)
{
	free((char *)who->comm);
	free((char *)who->reason);
}

static int append(struct rs_whos *whos, const struct rs_who *who, uint64_t hash)
{
	struct rs_who copy = {
		.pid = who->pid,
		.comm = who->comm ? strdup(who->comm) : NULL,
		.reason = who->reason ? strdup(who->reason) : NULL,
	};

	if (!copy.comm != !who->comm || !copy.reason != !who->reason ||
	    RS_ROOM_FOR_ONE(whos->list, whos->nr) ||
	    rs_hash_add(&whos->by_value, hash, (uint32_t)whos->nr)) {
		free_who(&copy);
		return -ENOMEM;
	}
	whos->list[whos->nr++] = copy;
	return 0;
}

int rs_whos_add(struct rs_whos *whos, const struct rs_who *who, uint32_t *number)
{
	const struct wanted w = { whos, who };
	uint64_t hash;
	uint32_t i;

	*number = 0;
	if (!who->pid && !who->comm && !who->reason)
		return 0;
	hash = hash_of(who);
	i = rs_hash_find(&whos->by_value, hash, is_who, &w);
	if (i == RS_HASH_NONE) {
		i = (uint32_t)whos->nr;
		if (i == RS_MAX_WHO)
			return 0;
		if (append(whos, who, hash))
			return -ENOMEM;
	}
	*number = i + 1;
	return 0;
}

const struct rs_who *rs_whos_get(const struct rs_whos *whos, uint32_t number)
{
	static const struct rs_who nobody;

	return number && number <= whos->nr ? &whos->list[number - 1] : &nobody;
}

int rs_whos_copy(struct rs_whos *to, const struct rs_whos *from)
{
	int rc = 0;

	for (size_t i = 0; i < from->nr && !rc; i++) {
		uint32_t number;

		rc = rs_whos_add(to, &from->list[i], &number);
	}
	return rc;
}

void rs_whos_free(struct rs_whos *whos)
{
	for (size_t i = 0; i < whos->nr; i++)
		free_who(&whos->list[i]);
	free(whos->list);
	rs_hash_free(&whos->by_value);
	memset(whos, 0, sizeof(*whos));
}
