/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_FTRACE_FTRACE_H
#define RS_TRACES_FTRACE_FTRACE_H

#include "traces/trace.h"

/*
 * What ftrace and perf print: the files trace and trace_pipe of tracefs, "trace-cmd report",
 * "perf script". Read only. The text becomes a trace.dat in an unnamed temporary file, which
 * the import of those reads: so there is one set of rules for what events mean.
 */
extern const struct rs_form_ops rs_ftrace_ops;

/*
 * Of an input that is no trace: what is missing, if it is a text with events of KVM or of the
 * recorder's probes, and what prints that; else NULL.
 */
const char *rs_ftrace_lacks(const unsigned char *head, size_t len);

#endif
