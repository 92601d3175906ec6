// SPDX-License-Identifier: GPL-2.0-only
#include "replay/cost/counter.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOOKS 64

int rs_counter_open(struct rs_counter *c, struct rs_error *err)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_HW_INSTRUCTIONS,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};
	uint64_t least = UINT64_MAX;

	c->fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (c->fd < 0)
		return rs_error_set(err, RS_ERR_HOST, errno, "no counter of instructions: %s",
				    strerror(errno));
	/* The least: an interrupt can only add. */
	for (int i = 0; i < LOOKS; i++) {
		uint64_t from = rs_counter_read(c), n = rs_counter_read(c) - from;

		least = n < least ? n : least;
	}
	c->look = (double)least;
	return 0;
}

void rs_counter_close(struct rs_counter *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

uint64_t rs_counter_read(const struct rs_counter *c)
{
	uint64_t n = 0;

	return read(c->fd, &n, sizeof(n)) == (ssize_t)sizeof(n) ? n : 0;
}
