/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_CPU_FILES_H
#define RS_TRACES_CPU_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/*
 * While trace-cmd records, the pages of each CPU are in a file of its own beside the trace.dat to
 * be: NAME.cpuN, or NAME.INSTANCE.cpuN. One that is killed leaves these, and no NAME.
 */
struct rs_cpu_files {
	char **paths; /* an instance's stand together, by the CPU */
	size_t nr;
};

/* Whether @path is named so; then the first *@len of it tell the ring buffer, and *@cpu the CPU. */
bool rs_cpu_file_is(const char *path, size_t *len, uint32_t *cpu);
/* Adds a copy of @path. 0 or -ENOMEM with @err set. */
int rs_cpu_files_add(struct rs_cpu_files *files, const char *path, struct rs_error *err);
/* Adds those that there are beside the trace.dat @path. 0 or negative errno with @err set. */
int rs_cpu_files_find(struct rs_cpu_files *files, const char *path, struct rs_error *err);
void rs_cpu_files_free(struct rs_cpu_files *files);

#endif
