/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_FTRACE_FTRACE_TASKS_H
#define RS_TRACES_FTRACE_FTRACE_TASKS_H

#include "base/budget.h"
#include "base/table.h"
#include "traces/ftrace/ftrace_line.h"

/* The names of tasks, by their numbers. */
struct rs_ftrace_tasks {
	struct rs_ftrace_task {
		uint32_t pid;
		char comm[32];
	} * list;
	size_t nr, room;
	struct rs_hash by_pid;
	struct rs_budget budget;
	char *text;
};

/* Empty; an input of so many bytes may have as many tasks as its budget has room for. */
void rs_ftrace_tasks_init(struct rs_ftrace_tasks *t, uint64_t input_bytes);
/* The name that a task has first counts. 0 or negative errno with @err set. */
int rs_ftrace_tasks_add(struct rs_ftrace_tasks *t, uint32_t pid, struct rs_ftrace_piece comm,
			struct rs_error *err);
/* "PID COMM\n" for each that has a name, as a trace.dat has them; NULL if there is no memory. */
const char *rs_ftrace_tasks_text(struct rs_ftrace_tasks *t);
void rs_ftrace_tasks_free(struct rs_ftrace_tasks *t);

#endif
