/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_BENCH_GROWTH_H
#define RS_BENCH_GROWTH_H

/* How time and memory grow. Each prints a table, and returns an exit code. */
/* With the length of a synthetic trace, up to so many events. */
int bench_scale(const char *most);
/* With the threads that replay the trace. */
int bench_jobs(const char *trace);
/* With the invalidations that are outstanding, and with the memslots. */
int bench_growth(void);

#endif
