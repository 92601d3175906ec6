/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_CAPTURE_TRACING_H
#define RS_CAPTURE_TRACING_H

#include <stdint.h>

#include "capture/facts.h"
#include "capture/plan.h"

/*
 * What a recorder has in the kernel: the probes of one group, and a tracing
 * instance of the same name. Nothing else of tracing is touched.
 */
struct rs_tracing;

struct rs_cpu_stats {
	uint64_t entries;	 /* in the buffer, not yet read */
	uint64_t bytes;		 /* of these */
	uint64_t read;		 /* taken out by the reader */
	uint64_t overrun;	 /* lost: overwritten before they were read */
	uint64_t commit_overrun; /* lost: nested too deep */
	uint64_t dropped;	 /* lost: the buffer was full */
};

/*
 * Makes the probes of @plan in @group, and the instance, its tracing off. A
 * probe that the kernel refuses becomes REFUSED in @plan. NULL with errno and
 * @err; nothing is left then.
 */
struct rs_tracing *rs_tracing_create(const struct rs_host *h, struct rs_plan *plan,
				     const char *group, const char *clock, struct rs_error *err);
/* Removes all of it. 0, or a negative errno with @err if something stayed. */
int rs_tracing_destroy(struct rs_tracing *t, struct rs_error *err);

/*
 * The same by name alone, for what a killed recorder left. The group must be
 * one of ours; what is not there is no error.
 */
int rs_tracing_remove(const struct rs_host *h, const char *group, struct rs_error *err);

/* Per CPU buffer size in bytes, rounded up to KiB; 0 if not known. */
int rs_tracing_set_buffer(struct rs_tracing *t, uint64_t bytes, struct rs_error *err);
uint64_t rs_tracing_buffer(const struct rs_tracing *t);

/*
 * Lets the events of @plan happen for @usec, and counts them: @stats, one per
 * CPU. They are thrown away. 0, or negative errno with @err.
 */
int rs_tracing_measure(struct rs_tracing *t, const struct rs_plan *plan, unsigned int usec,
		       struct rs_cpu_stats *stats, struct rs_error *err);

/* Whether tracing is on; the writer turns it on. */
bool rs_tracing_is_on(const struct rs_tracing *t);
/*
 * A seam of a recording in pieces: takes the events of @plan out (@pause), all but memslots, or
 * puts them in again, and marks where. A host pays nothing for an event that is out. 0 or
 * negative errno with @err.
 */
int rs_tracing_seam(struct rs_tracing *t, const struct rs_plan *plan, bool pause,
		    struct rs_error *err);
/* No more events from now on; markers still work. */
int rs_tracing_stop_events(struct rs_tracing *t, struct rs_error *err);

/* All that the host could have: of those that are not online there is nothing. */
unsigned int rs_tracing_nr_cpus(const struct rs_tracing *t);
/* Fills @stats, one per CPU; a CPU that is not there stays 0. */
void rs_tracing_stats(const struct rs_tracing *t, struct rs_cpu_stats *stats);
/* The returns and entries that the probes missed; by event. 0 or negative errno. */
int rs_tracing_misses(const struct rs_tracing *t, uint64_t misses[RS_NR_PROBE_EVENTS]);

/* Writes each fact as a marker, with a pause after each. 0 or negative errno with @err. */
int rs_tracing_mark(struct rs_tracing *t, const struct rs_capture_facts *facts,
		    unsigned int pause_us, struct rs_error *err);

/*
 * The -e and -f arguments for trace-cmd, NULL at the end; @filter (may be
 * NULL) for the events that have the VM's pid. Free each and the array with
 * rs_tracing_free_args(). NULL: no memory.
 */
char **rs_tracing_event_args(const struct rs_plan *plan, const char *group, const char *filter);
void rs_tracing_free_args(char **args);

#endif
