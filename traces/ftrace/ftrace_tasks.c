// SPDX-License-Identifier: GPL-2.0-only
#include "traces/ftrace/ftrace_tasks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/textbuf.h"

void rs_ftrace_tasks_init(struct rs_ftrace_tasks *t, uint64_t input_bytes)
{
	rs_budget_init(&t->budget, input_bytes);
}

int rs_ftrace_tasks_add(struct rs_ftrace_tasks *t, uint32_t pid, struct rs_ftrace_piece comm,
			struct rs_error *err)
{
	const uint64_t hash = rs_hash_number(pid);
	struct rs_ftrace_task *task;

	/* Most lines are of the task of the line before. */
	if (t->nr && t->list[t->nr - 1].pid == pid)
		return 0;
	if (rs_hash_find(&t->by_pid, hash, NULL, NULL) != RS_HASH_NONE)
		return 0;
	if (t->nr >= RS_HASH_NONE - 1 || !rs_budget_take(&t->budget, 4 * sizeof(*task)))
		return rs_budget_met(err, "the names of its tasks");
	if (RS_ROOM(t->list, t->room, t->nr + 1) || rs_hash_add(&t->by_pid, hash, (uint32_t)t->nr))
		return rs_error_nomem(err);
	task = &t->list[t->nr++];
	*task = (struct rs_ftrace_task){ .pid = pid };
	for (size_t i = 0; i < comm.len && i + 1 < sizeof(task->comm); i++)
		task->comm[i] = comm.p[i] ? comm.p[i] : '?';
	return 0;
}

const char *rs_ftrace_tasks_text(struct rs_ftrace_tasks *t)
{
	size_t size;
	FILE *f = rs_textbuf_open(&t->text, &size);

	if (!f)
		return NULL;
	for (size_t i = 0; i < t->nr; i++)
		if (t->list[i].comm[0] && strcmp(t->list[i].comm, "<...>"))
			fprintf(f, "%" PRIu32 " %s\n", t->list[i].pid, t->list[i].comm);
	fclose(f);
	return t->text;
}

void rs_ftrace_tasks_free(struct rs_ftrace_tasks *t)
{
	free(t->list);
	free(t->text);
	rs_hash_free(&t->by_pid);
}
