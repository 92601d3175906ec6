/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_DAT_DAT_JOIN_H
#define RS_TRACES_DAT_DAT_JOIN_H

#include "traces/dat/dat_file.h"
#include "traces/source.h"

/*
 * Puts the files of CPUs that a killed trace-cmd left (traces/cpu_files.h: pages
 * and nothing else) behind the trace.dat @src, which becomes an unnamed file of both, and says in
 * @r where they are. @paths must stay. 0, or negative errno with @err set; rs_dat_join_free() in
 * any case.
 */
int rs_dat_join(struct rs_source *src, const char *const *paths, size_t nr, struct rs_dat_repair *r,
		struct rs_error *err);
void rs_dat_join_free(struct rs_dat_repair *r);

#endif
