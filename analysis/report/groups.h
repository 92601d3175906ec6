/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_REPORT_GROUPS_H
#define RS_ANALYSIS_REPORT_GROUPS_H

#include <stddef.h>
#include <stdio.h>

#include "base/error.h"

/*
 * Which host belongs to which group, as a user's file says it: lines "HOST GROUP", blanks
 * between them; HOST may be a pattern of the shell. A line with a HOST alone, or with a GROUP
 * "-", puts it into none, and what is behind a third blank is not read, nor are empty lines and
 * those that begin with #. The first line that fits a host counts.
 */
struct rs_groups {
	struct rs_groups_line {
		char *pattern, *group; /* the latter within the former */
	} * lines;
	size_t nr;
};

/* Reads @f to its end; @g is all zero. 0 or negative errno with @err set: no memory, or it cannot
 * be read. rs_groups_free() in any case. */
int rs_groups_read(FILE *f, struct rs_groups *g, struct rs_error *err);
/*
 * The group of what is called @host, or stored in @path (without its folder, as it is and
 * without its last ending); both may be NULL. NULL: none. It lives as long as @g.
 */
const char *rs_groups_of(const struct rs_groups *g, const char *host, const char *path);
void rs_groups_free(struct rs_groups *g);

#endif
