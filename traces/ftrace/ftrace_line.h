/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_FTRACE_FTRACE_LINE_H
#define RS_TRACES_FTRACE_FTRACE_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A piece of a line, which is not terminated. */
struct rs_ftrace_piece {
	const char *p;
	size_t len;
};

struct rs_ftrace_line {
	struct rs_ftrace_piece buffer; /* trace-cmd's, of an instance; else empty */
	struct rs_ftrace_piece comm;   /* of the task; may be anything */
	struct rs_ftrace_piece system; /* "kvm"; empty if it is not said, as by ftrace */
	struct rs_ftrace_piece event;  /* "kvm_page_fault" */
	struct rs_ftrace_piece rest;   /* what is printed of it */
	uint32_t pid, cpu;	       /* @pid is the task's own, which ftrace calls so */
	uint64_t time;		       /* in ns; as it stands there if @unit_ns is 0 */
	uint32_t unit_ns;	       /* that it is printed in: 1, 1000 ...; 0: it has no unit */
};

/* An event printed by ftrace, trace-cmd or perf. False if the line is none. */
bool rs_ftrace_line_parse(const char *p, size_t len, struct rs_ftrace_line *to);

/* Whether an event of KVM or of a recorder's probe is in a line, whatever stands before it. */
bool rs_ftrace_line_is_bare(struct rs_ftrace_piece line);

#define RS_FTRACE_ANY_CPU UINT32_MAX

/*
 * A line that says that events were lost there: *@n of them, UINT64_MAX if it is not
 * said how many, before the next of *@cpu (RS_FTRACE_ANY_CPU: not said). False if it does not.
 */
bool rs_ftrace_line_lost(const char *p, size_t len, uint32_t *cpu, uint64_t *n);

/* A decimal number at *@p, before @end, which *@p is then behind. False if there is none. */
bool rs_ftrace_number(const char **p, const char *end, uint64_t *to);
/* Whether the piece is @word. */
bool rs_ftrace_is(struct rs_ftrace_piece piece, const char *word);
/* Whether @word stands at @p. */
bool rs_ftrace_starts(const char *p, const char *end, const char *word);

#endif
