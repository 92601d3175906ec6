/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_FTRACE_FTRACE_LINES_H
#define RS_TRACES_FTRACE_FTRACE_LINES_H

#include <stdbool.h>

#include "traces/ftrace/ftrace_line.h"
#include "traces/source.h"

/* So much of a line is seen; no event has as much. */
#define RS_FTRACE_MAX_LINE (64U << 10)

/* The lines of a source, from where it stands. */
struct rs_ftrace_lines {
	struct rs_source *src;
	char *buf;
	size_t pos, len;
	bool at_end;
	bool cut; /* the line read last does not end, or is longer than what was seen of it */
};

/* 0 or -ENOMEM. */
int rs_ftrace_lines_init(struct rs_ftrace_lines *l, struct rs_source *src);
/* From the source's first line. 0 or negative errno with @err set. */
int rs_ftrace_lines_rewind(struct rs_ftrace_lines *l, struct rs_error *err);
/* 1 with the next line, without its end; 0 behind the last; negative errno with @err set. */
int rs_ftrace_lines_next(struct rs_ftrace_lines *l, struct rs_ftrace_piece *line,
			 struct rs_error *err);
void rs_ftrace_lines_free(struct rs_ftrace_lines *l);

#endif
