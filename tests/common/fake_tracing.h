/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TESTS_FAKE_TRACING_H
#define RS_TESTS_FAKE_TRACING_H

#include <sys/types.h>

#include "tests/common/fake_host.h"

/*
 * What a recorder needs of a host beside its types: a trace-cmd, which is a shell
 * script, and the files that the kernel puts into a new tracing instance. They are
 * plain files; a program removes them as a kernel does if it has
 * tests/preload/fake_tracefs.c loaded.
 */
#define FAKE_TRACING "/sys/kernel/tracing"

/* Records until SIGINT, then writes its arguments and the markers as trace.dat. */
extern const char fake_trace_cmd_good[];
/* Says "it broke" and ends with 3 as soon as it records. */
extern const char fake_trace_cmd_dying[];
/* Finds no space when it is told to end. */
extern const char fake_trace_cmd_full[];
/* Never begins to record. */
extern const char fake_trace_cmd_hanging[];

void fake_trace_cmd_set(const struct fake_host *fh, const char *script);
/* The instance of a recorder with that pid. */
void fake_instance_make(const struct fake_host *fh, pid_t pid);
/* A file of it. */
void fake_instance_write(const struct fake_host *fh, pid_t pid, const char *name, const char *text);

#endif
