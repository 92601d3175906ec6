// SPDX-License-Identifier: GPL-2.0-only
#include "traces/dat/dat_clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "traces/trace.h"
#include "traces/dat/dat_bytes.h"
#include "traces/dat/dat_file.h"

/* The kernel's name, and trace-cmd's for it beside its factors. */
#define TSC "x86-tsc"
#define TSC_OF_CMD "tsc2nsec"

/* Of mult, shift and offset. The offset is that of another clock: trace-cmd adds none, either. */
#define TSC2NSEC_BYTES 16

/* The clocks of Linux that are not in ns and that nothing converts. */
static const struct {
	const char *name, *counts;
} odd_clocks[] = {
	{ "counter", "events" },
	{ "uptime", "ticks of the scheduler" },
	{ "ppc-tb", "ticks of the time base" },
	{ "s390-tod", "units of the TOD clock" },
};

/* The one in brackets of "local global [mono] ...", of all buffers that do not say their own. */
static const char *common_clock(const struct rs_dat_file *f, char *to, size_t size)
{
	char fmt[16];
	size_t pos = 0;
	const struct rs_dat_option *o = rs_dat_file_option(f, RS_DAT_OPT_TRACECLOCK, &pos);
	const char *open = o ? strchr(o->data, '[') : NULL;

	snprintf(fmt, sizeof(fmt), "[%%%zu[^]]]", size - 1);
	return open && sscanf(open, fmt, to) == 1 ? to : "";
}

static bool has_pages(const struct rs_dat_buffer *b)
{
	for (uint32_t i = 0; i < b->nr_cpus; i++)
		if (rs_dat_cpu_is_used(&b->cpus[i]))
			return true;
	return false;
}

static int refuse_odd(const char *clock, struct rs_error *err)
{
	for (size_t i = 0; i < sizeof(odd_clocks) / sizeof(odd_clocks[0]); i++)
		if (!strcmp(clock, odd_clocks[i].name))
			return rs_error_set(err, RS_ERR_INPUT, EINVAL,
					    "trace.dat: its clock '%s' counts %s, not ns: no times "
					    "can be made of it. Record with --clock mono "
					    "(trace-cmd record -C mono)",
					    clock, odd_clocks[i].counts);
	return 0;
}

/* Whether all times are of a TSC. */
static int find_clock(const struct rs_dat_file *f, bool *tsc, struct rs_error *err)
{
	char name[64];
	const char *common = common_clock(f, name, sizeof(name)), *other = NULL;
	int ret = 0;

	*tsc = false;
	for (size_t i = 0; i < f->nr_buffers && !ret; i++) {
		const struct rs_dat_buffer *b = &f->buffers[i];
		const char *clock = b->clock && b->clock[0] ? b->clock : common;

		if (!has_pages(b))
			continue;
		if (!strcmp(clock, TSC) || !strcmp(clock, TSC_OF_CMD))
			*tsc = true;
		else
			other = clock;
		ret = refuse_odd(clock, err);
	}
	if (!ret && *tsc && other)
		ret = rs_error_set(err, RS_ERR_INPUT, EINVAL,
				   "trace.dat: one ring buffer has the clock " TSC
				   ", another '%s': "
				   "there is no order between them",
				   other);
	return ret;
}

/* The factors that trace-cmd took from the kernel; 0 and nothing set if there are none. */
static int take_factors(struct rs_dat_clock *c, const struct rs_dat_file *f, struct rs_error *err)
{
	size_t pos = 0;
	const struct rs_dat_option *o = rs_dat_file_option(f, RS_DAT_OPT_TSC2NSEC, &pos);
	uint64_t shift;

	if (!o || o->size < TSC2NSEC_BYTES)
		return 0;
	c->mult = rs_dat_uint(o->data, 4, f->swap);
	shift = rs_dat_uint(o->data + 4, 4, f->swap);
	if (shift >= 64)
		return rs_error_set(err, RS_ERR_INPUT, EINVAL,
				    "trace.dat: the option TSC2NSEC: a shift by %" PRIu64
				    ": it is damaged",
				    shift);
	c->shift = (unsigned int)shift;
	return 0;
}

static int say_factors(const struct rs_dat_clock *c, struct rs_trace_meta *meta)
{
	char text[128];

	snprintf(text, sizeof(text), "cycles * %" PRIu64 " / 2^%u, as the file says", c->mult,
		 c->shift);
	return rs_meta_add_fact(meta, "clock.ns", text);
}

/* What says the clock may be what was cut off. */
static int say_lost(const struct rs_dat_file *f, struct rs_trace_meta *meta)
{
	char name[64];

	if (!f->clock_lost || *common_clock(f, name, sizeof(name)))
		return 0;
	return rs_meta_add_assumption(meta, "The trace's times are assumed to be ns: what says "
					    "its clock was lost.");
}

static int say_assumption(uint64_t khz, struct rs_trace_meta *meta)
{
	char text[160];

	snprintf(text, sizeof(text),
		 "The TSC is assumed to run at %" PRIu64 " kHz: the trace's times are its cycles.",
		 khz);
	return rs_meta_add_assumption(meta, text);
}

int rs_dat_clock_init(struct rs_dat_clock *c, const struct rs_dat_file *f, uint64_t assume_khz,
		      struct rs_trace_meta *meta, struct rs_error *err)
{
	bool tsc;
	int ret = find_clock(f, &tsc, err);

	*c = (struct rs_dat_clock){ 0 };
	if (!ret && say_lost(f, meta))
		ret = rs_error_nomem(err);
	if (ret || !tsc)
		return ret;
	c->cycles = true;
	ret = take_factors(c, f, err);
	if (ret)
		return ret;
	if (c->mult)
		return say_factors(c, meta) ? rs_error_nomem(err) : 0;
	c->khz = assume_khz;
	if (assume_khz)
		return say_assumption(assume_khz, meta) ? rs_error_nomem(err) : 0;
	return rs_error_set(err, RS_ERR_INPUT, EINVAL,
			    "trace.dat: its clock " TSC " counts cycles, and the file does not say "
			    "how many are a ns: give --assume-tsc-khz N (the traced host's dmesg "
			    "has it: 'tsc: Refined TSC clocksource calibration'), or record with "
			    "trace-cmd's -C tsc2nsec");
}

uint64_t rs_dat_clock_convert(const struct rs_dat_clock *c, uint64_t time)
{
	unsigned __int128 ns;

	if (c->mult)
		ns = (unsigned __int128)time * c->mult >> c->shift;
	else /* without a division of 128 bits; what is left of the cycles is less than khz */
		ns = (unsigned __int128)(time / c->khz) * 1000000 +
		     time % c->khz * 1000000 / c->khz;
	return ns > UINT64_MAX ? UINT64_MAX : (uint64_t)ns;
}
