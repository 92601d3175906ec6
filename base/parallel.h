/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_BASE_PARALLEL_H
#define RS_BASE_PARALLEL_H

/* How many threads are meant: 0 stands for one per CPU, and there is a limit. */
unsigned int rs_parallel_threads(unsigned int asked);
/*
 * Runs @work(@arg) on rs_parallel_threads(@threads) threads, of which the caller is
 * one, and returns when all have. With fewer threads to be had it runs on those.
 * What there is to do they share out among themselves.
 */
void rs_parallel(unsigned int threads, void *(*work)(void *arg), void *arg);

#endif
