/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_WRITE_TASK_H
#define RS_ANALYSIS_WRITE_TASK_H

#include <stddef.h>

#include "traces/who.h"

/*
 * Who and why, as text that is cleaned (base/clean.h), into @buf of @size bytes, always
 * terminated: "ksmd-39", what is known of it, or "(not known)".
 */
void rs_format_task(char *buf, size_t size, const struct rs_who *who);
/* "clear", or "(not known)". */
void rs_format_reason(char *buf, size_t size, const struct rs_who *who);

#endif
