/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_FTRACE_FTRACE_FIELDS_H
#define RS_TRACES_FTRACE_FTRACE_FIELDS_H

#include "traces/dat/probe_events.h"
#include "traces/ftrace/ftrace_line.h"

/* The events that are of use, numbered behind the probes. */
enum rs_ftrace_kind {
	RS_FTRACE_PAGE_FAULT = RS_NR_PROBE_EVENTS,
	RS_FTRACE_UNMAP_HVA,
	RS_FTRACE_ENTRY,
	RS_FTRACE_ASYNC_TRY,
	RS_FTRACE_ASYNC_NOT_PRESENT,
	RS_FTRACE_ASYNC_REPEATED,
	RS_FTRACE_MARKER,
	RS_FTRACE_NR_KINDS,
};

#define RS_FTRACE_MAX_FIELDS 13

/* The event's name, and its system: "retryscope" of our probes. */
const char *rs_ftrace_kind_name(unsigned int kind);
const char *rs_ftrace_kind_system(unsigned int kind);
/* Field @i of it; NULL behind the last. */
const char *rs_ftrace_field_name(unsigned int kind, unsigned int i);
/* The fields, a bit each, that some kernels do not have. */
uint32_t rs_ftrace_optional(unsigned int kind);
/* All of them. */
uint32_t rs_ftrace_all(unsigned int kind);

/* The kind of event that is in the line; RS_FTRACE_NR_KINDS if it is of no use. */
unsigned int rs_ftrace_kind_of(const struct rs_ftrace_line *l);
/*
 * The numbers that are printed of an event of kind @kind, by field. Returns which there
 * are, a bit for each; what is no number, or too large for one, is not.
 */
uint32_t rs_ftrace_fields(unsigned int kind, struct rs_ftrace_piece rest,
			  uint64_t v[RS_FTRACE_MAX_FIELDS]);
/* What a marker says for us, "retryscope-fact ..."; empty if it does not. */
struct rs_ftrace_piece rs_ftrace_marker(const struct rs_ftrace_line *l);

#endif
