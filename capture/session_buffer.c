// SPDX-License-Identifier: GPL-2.0-only
#include "capture/session_internal.h"

#include <stdlib.h>
#include <string.h>

/*
 * Some kernels stop tracing while a buffer changes its size, and what happens
 * meanwhile is lost without a trace. So the size is found before the recording
 * begins, and stays.
 */
#define LEAST_BUFFER (256ULL << 10)
#define USUAL_BUFFER (16ULL << 20)
#define MEMORY_SHARE 10	 /* of what is available, for all buffers together: 1 in that many */
#define BUFFER_SECONDS 4 /* the busiest CPU's buffer lasts that long without a reader */
#define EVENT_BYTES 96	 /* as long as none was seen */
#define MEASURE_US 1000000

static uint64_t available_memory(const struct rs_host *h)
{
	char *text = rs_host_read(h, "/proc/meminfo"), *at;
	unsigned long long kb = 0;

	at = text ? strstr(text, "MemAvailable:") : NULL;
	if (at)
		kb = strtoull(at + strlen("MemAvailable:"), NULL, 10);
	free(text);
	return kb * 1024;
}

/* Bytes a second that the busiest CPU writes, lost or not. */
static int measure_rate(struct rs_session *s, uint64_t *rate, struct rs_error *err)
{
	int ret = rs_tracing_measure(s->tracing, s->plan, MEASURE_US, s->cpus, err);

	*rate = 0;
	for (unsigned int cpu = 0; !ret && cpu < s->stats.nr_cpus; cpu++) {
		const struct rs_cpu_stats *c = &s->cpus[cpu];
		uint64_t size = c->entries ? c->bytes / c->entries + 1 : EVENT_BYTES;
		uint64_t bytes = (c->entries + c->overrun + c->dropped) * size;

		if (bytes > *rate)
			*rate = bytes;
	}
	return ret;
}

static int automatic_size(struct rs_session *s, uint64_t *bytes, struct rs_error *err)
{
	uint64_t limit = available_memory(s->host) / MEMORY_SHARE / s->stats.nr_cpus, rate = 0;
	int ret = 0;

	if (limit < LEAST_BUFFER)
		limit = LEAST_BUFFER;
	*bytes = USUAL_BUFFER;
	if (s->opts.measure)
		ret = measure_rate(s, &rate, err);
	if (rate * BUFFER_SECONDS > *bytes)
		*bytes = rate * BUFFER_SECONDS;
	if (*bytes > limit)
		*bytes = limit;
	return ret;
}

int rs_session_size_buffer(struct rs_session *s, struct rs_error *err)
{
	uint64_t bytes = s->opts.buffer_bytes;
	int ret = bytes ? 0 : automatic_size(s, &bytes, err);

	if (!ret)
		ret = rs_tracing_set_buffer(s->tracing, bytes, err);
	if (!ret)
		s->stats.buffer_bytes = rs_tracing_buffer(s->tracing);
	return ret;
}
