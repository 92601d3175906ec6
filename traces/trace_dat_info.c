// SPDX-License-Identifier: GPL-2.0-only
#include "traces/trace_dat_info.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "Linux node RELEASE machine": the release, of a copy of the option. */
static int add_kernel(const struct rs_dat_file *f, struct rs_trace_meta *meta)
{
	char release[128];
	size_t pos = 0;
	const struct rs_dat_option *o = rs_dat_file_option(f, RS_DAT_OPT_UNAME, &pos);

	if (!o || sscanf(o->data, "%*s %*s %127s", release) != 1)
		return 0;
	return rs_meta_set_kernel(meta, release);
}

/* Which clock of "local global [mono] ..." is in brackets. */
static int add_clock(const struct rs_dat_file *f, struct rs_trace_meta *meta)
{
	char clock[64];
	size_t pos = 0;
	const struct rs_dat_option *o;
	const char *open;

	for (size_t i = 0; i < f->nr_buffers; i++)
		if (f->buffers[i].clock && f->buffers[i].clock[0])
			return rs_meta_add_fact(meta, "clock", f->buffers[i].clock);
	o = rs_dat_file_option(f, RS_DAT_OPT_TRACECLOCK, &pos);
	open = o ? strchr(o->data, '[') : NULL;
	if (!open || sscanf(open, "[%63[^]]]", clock) != 1)
		return 0;
	return rs_meta_add_fact(meta, "clock", clock);
}

static int add_number(struct rs_trace_meta *meta, const char *key, uint64_t n)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, n);
	return rs_meta_add_fact(meta, key, text);
}

/* The first line of an option. */
static int add_option_line(const struct rs_dat_file *f, struct rs_trace_meta *meta, uint16_t id,
			   const char *key)
{
	char line[256];
	size_t pos = 0;
	const struct rs_dat_option *o = rs_dat_file_option(f, id, &pos);

	if (!o || sscanf(o->data, "%255[^\n]", line) != 1)
		return 0;
	return rs_meta_add_fact(meta, key, line);
}

static uint64_t stat_of(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

/* What each CPU's ring buffer said of itself at the end of the recording. */
static int add_cpu_stats(const struct rs_dat_file *f, struct rs_trace_meta *meta)
{
	uint64_t overrun = 0, dropped = 0;
	const struct rs_dat_option *o;
	size_t pos = 0, n = 0;
	int ret;

	while ((o = rs_dat_file_option(f, RS_DAT_OPT_CPUSTAT, &pos))) {
		overrun += stat_of(o->data, "\noverrun: ") + stat_of(o->data, "commit overrun: ");
		dropped += stat_of(o->data, "dropped events: ");
		n++;
	}
	if (!n)
		return 0;
	ret = add_number(meta, "ring-buffer.overrun", overrun);
	return ret ? ret : add_number(meta, "ring-buffer.dropped", dropped);
}

/* The events that a full capture has and this one lacks. */
static int add_level(const struct rs_dat_probes *probes, struct rs_trace_meta *meta)
{
	char missing[512] = "";
	bool any = false;
	int ret;

	for (unsigned int i = 0; i < RS_NR_PROBE_EVENTS; i++) {
		const size_t len = strlen(missing);

		any |= rs_dat_has(probes, i);
		/* Only some kernels have a function of its own for it. */
		if (!rs_dat_has(probes, i) && i != RS_PROBE_INVAL_END_LOCKED)
			snprintf(missing + len, sizeof(missing) - len, "%s%s", len ? " " : "",
				 rs_dat_kind_name(i));
	}
	if (!any)
		return rs_meta_set_level(meta, "tracepoints");
	ret = rs_meta_set_level(meta, missing[0] ? "partial" : "full");
	if (!ret && missing[0])
		ret = rs_meta_add_fact(meta, "events.missing", missing);
	return ret;
}

int rs_dat_info(const struct rs_dat_file *f, const struct rs_dat_probes *probes,
		struct rs_trace_meta *meta)
{
	int ret = add_kernel(f, meta);

	if (!ret)
		ret = add_level(probes, meta);
	if (!ret)
		ret = add_number(meta, "trace.dat.version", f->version);
	if (!ret)
		ret = add_option_line(f, meta, RS_DAT_OPT_VERSION, "trace-cmd");
	if (!ret)
		ret = add_clock(f, meta);
	if (!ret)
		ret = add_number(meta, "page-size", f->page_size);
	if (!ret)
		ret = add_number(meta, "buffers", f->nr_buffers);
	if (!ret)
		ret = add_number(meta, "cpus", f->nr_buffers ? f->buffers[0].nr_cpus : 0);
	return ret ? ret : add_cpu_stats(f, meta);
}

bool rs_dat_command(const struct rs_dat_file *f, uint32_t pid, char *to, size_t size)
{
	const char *line = f->cmdlines;

	while (line && *line) {
		char *rest;
		const unsigned long got = strtoul(line, &rest, 10);
		const char *end = strchr(line, '\n');
		const size_t len = end ? (size_t)(end - rest) : strlen(rest);

		if (got == pid && *rest == ' ' && rest < line + strlen(line)) {
			snprintf(to, size, "%.*s", (int)(len - 1), rest + 1);
			return true;
		}
		line = end ? end + 1 : NULL;
	}
	return false;
}
