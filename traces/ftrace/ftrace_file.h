/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_FTRACE_FTRACE_FILE_H
#define RS_TRACES_FTRACE_FTRACE_FILE_H

#include "traces/ftrace/ftrace_fields.h"
#include "traces/ftrace/ftrace_pages.h"

/* Recorders' groups that are told apart. */
#define RS_FTRACE_GROUPS 8

/* All that a trace.dat has before its pages. */
struct rs_ftrace_head {
	/* Of our probes: perf says them, and trace-cmd which buffer. */
	char groups[RS_FTRACE_GROUPS][64];
	unsigned int nr_groups;
	/* Events that are there, and the fields of each. */
	bool seen[RS_FTRACE_GROUPS][RS_FTRACE_NR_KINDS];
	uint32_t have[RS_FTRACE_GROUPS][RS_FTRACE_NR_KINDS];
	char release[128];    /* of the kernel; empty: not known */
	bool cycles;	      /* times are of a TSC */
	const char *commands; /* "PID COMM\n" each; may be NULL */
};

/* The number of an event in the file, and so in its records. */
unsigned int rs_ftrace_file_id(unsigned int group, unsigned int kind);

/*
 * Writes the head to @fd, for the rows of @p as they were counted, and says in them where
 * each is to be. 0 or negative errno with @err set.
 */
int rs_ftrace_file_write(const struct rs_ftrace_head *h, struct rs_ftrace_pages *p, int fd,
			 struct rs_error *err);

#endif
