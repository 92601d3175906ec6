/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TESTS_DAT_H
#define TESTS_DAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "traces/dat/probe_events.h"

/*
 * Makes a trace.dat of hand-written probe events, so that a test can have any
 * order of times and numbers, losses and damage. Everything asserts that the
 * system plays along.
 */
struct dat;

enum {
	DAT_ZSTD = 0x1, /* sections and pages compressed by zstd (version 7 only), */
	DAT_BIG_ENDIAN = 0x2,
	DAT_FAULT_SEQ_U32 = 0x8,  /* fault_check has 32 bits of fault_seq, */
	DAT_FAULT_SEQ_S32 = 0x10, /* or these with a sign */
	DAT_ZLIB = 0x20,	  /* or by zlib */
	DAT_COMMIT_4 = 0x4,	  /* the commit word of a page has 4 bytes, as of a 32 bit kernel */
};

/* Tracepoints and markers, as kinds behind the probe events. */
enum {
	DAT_PAGE_FAULT = RS_NR_PROBE_EVENTS, /* vcpu_id, fault_address */
	DAT_UNMAP_HVA,			     /* start, end */
	DAT_ASYNC_TRY,			     /* gva, gfn */
	DAT_ASYNC_NOT_PRESENT,		     /* token, gva */
	DAT_ASYNC_REPEATED,		     /* gva, gfn */
	DAT_ENTRY,			     /* vcpu_id */
	DAT_MARKER,			     /* see dat_marker() */
	DAT_NR_KINDS,
};

/* @version is 6 or 7; @release the kernel's, NULL for none. All events' formats are in it. */
struct dat *dat_new(unsigned int version, unsigned int flags, unsigned int cpus,
		    const char *release);
/* The file's clock, if not "mono"; it must stay. */
void dat_set_clock(struct dat *d, const char *clock);
/* That of one ring buffer, in version 7. */
void dat_set_buffer_clock(struct dat *d, unsigned int buffer, const char *clock);
/* Options: the factors of a TSC; a text (DAT_OPT_CPUSTAT: what a CPU's ring buffer counted). */
enum { DAT_OPT_CPUSTAT = 2 };
void dat_add_tsc2nsec(struct dat *d, uint32_t mult, uint32_t shift, uint64_t offset);
void dat_add_option(struct dat *d, unsigned int id, const char *text);
/* Leaves the format of an event out of the file. */
void dat_without(struct dat *d, unsigned int kind);
/* Only the formats of tracepoints. */
void dat_without_probes(struct dat *d);
/* The probe events' group, if not "retryscope". */
void dat_set_group(struct dat *d, const char *group);
/* A second ring buffer, and those to come: its number. 0 is the top one. */
unsigned int dat_add_buffer(struct dat *d, const char *name);
/* "PID COMM" among the saved command lines. */
void dat_add_command(struct dat *d, unsigned int pid, const char *comm);

/* All that follows goes into this buffer and CPU, and comes from this task. */
void dat_at(struct dat *d, unsigned int buffer, unsigned int cpu, unsigned int pid);
/* An event with its fields in the order of traces/dat/probe_events.h, as uint64_t each. */
void dat_put(struct dat *d, uint64_t time_ns, unsigned int kind, const uint64_t *fields, size_t n);
#define DAT_PUT(d, time_ns, kind, ...)                                        \
	dat_put(d, time_ns, kind, (const uint64_t[]){ 0, ##__VA_ARGS__ } + 1, \
		sizeof((const uint64_t[]){ 0, ##__VA_ARGS__ }) / 8 - 1)
void dat_marker(struct dat *d, uint64_t time_ns, const char *text);
/* Events were lost here, on the present CPU; @n of them, ~0: it is not known how many. */
void dat_lose(struct dat *d, uint64_t n);

/* The next event of the present CPU starts a page: it may then have an earlier time. */
void dat_end_page(struct dat *d);
/* An entry of the present CPU that says which time it is, and may say an earlier one. */
void dat_stamp(struct dat *d, uint64_t time_ns);
/* An event that was discarded: its room and its time are left. */
void dat_discard(struct dat *d, uint64_t time_ns, unsigned int words);

/* The file's bytes, for the caller to free. Frees @d. */
unsigned char *dat_finish(struct dat *d, size_t *size);

#endif
