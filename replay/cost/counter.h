/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_COST_COUNTER_H
#define RS_REPLAY_COST_COUNTER_H

#include <stdint.h>

#include "base/error.h"

/* Instructions that this thread runs in user space, counted by the CPU. */
struct rs_counter {
	int fd;
	double look; /* instructions between two looks with nothing between them */
};

/* 0, or negative errno with @err set: many virtual machines have no such counter. */
int rs_counter_open(struct rs_counter *c, struct rs_error *err);
void rs_counter_close(struct rs_counter *c);
/* Since it was opened. */
uint64_t rs_counter_read(const struct rs_counter *c);

#endif
