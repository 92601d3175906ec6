/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_FAULTS_H
#define RS_ANALYSIS_FAULTS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "replay/replay.h"
#include "traces/who.h"

/*
 * Single faults of a replay, one by one. A fault is what docs/model.md folds: the attempts of
 * a vCPU at a page, all but the last tried again by the kernel that was traced.
 */

/* The causes of needless rejections, and what else there is to be said of an attempt. */
enum { RS_FAULT_NECESSARY = RS_NR_CAUSES, RS_FAULT_MISSED, RS_NR_FAULT_CAUSES };

/* Which of these an algorithm's verdict is, as struct rs_judged has it; 0 is that it missed. */
unsigned int rs_fault_cause(uint8_t verdict);
/* "alias", "necessary", "missed" ...; NULL if out of range. */
const char *rs_fault_cause_name(unsigned int cause);

struct rs_fault_row {
	uint64_t number;     /* counts all faults of the replay, from 1 on, as they end */
	uint64_t begin_ns;   /* of the first attempt */
	uint64_t decided_ns; /* of the first attempt: its check */
	uint64_t last_ns;    /* of the last attempt: its begin */
	uint64_t done_ns;    /* of the last attempt: its check */
	uint64_t last;	     /* the number of that check in the stream */
	uint64_t gfn;
	uint32_t vm, vcpu, slot;
	uint32_t who; /* its thread */
	uint8_t as;
	bool private;
	uint8_t result; /* of the last attempt, recorded: enum rs_result_code */
	uint64_t attempts;
	uint64_t retried;		     /* of them, by the kernel that was traced */
	uint64_t rejected, needless, missed; /* by the algorithm */
	uint64_t differ;		     /* it decides otherwise than was recorded */
	unsigned int causes;		     /* bits of those that there are */
	/*
	 * Of the invalidations that its attempts are put down to (docs/model.md, Blame) the one
	 * that had been going on for longest when it was, and the cause by which it is blamed.
	 */
	unsigned int cause;
	struct rs_blame blame;
	uint64_t blame_ns; /* for how long it had been going on then */
};

/*
 * How long it was tried again: from the check of the first attempt to the begin of the last
 * one, or to its check if that was retried as well. 0 of one attempt.
 */
uint64_t rs_fault_stall(const struct rs_fault_row *row);

enum rs_fault_order { RS_FAULTS_BY_TIME, RS_FAULTS_BY_STALL, RS_FAULTS_BY_RETRIES };

struct rs_faults_opts {
	/* Only faults with attempts that are rejected; missed; decided otherwise than recorded. */
	bool rejected, missed, differ;
	unsigned int causes; /* only faults with one of these (bits); 0: any */
	bool one_vcpu, one_gfn;
	uint32_t vcpu;
	uint64_t gfn_start, gfn_end; /* half open */
	enum rs_fault_order order;
	uint64_t limit; /* so many, the longest or most retried; 0: all */
	/*
	 * By time: called for each as it ends, up to the limit. Else for each in order, by
	 * rs_faults_finish().
	 */
	void (*row)(void *arg, const struct rs_fault_row *row);
	void *arg;
};

struct rs_faults;

/* NULL with errno and @err set. @opts is copied. */
struct rs_faults *rs_faults_new(const struct rs_faults_opts *opts, struct rs_error *err);
/* What the replay with that algorithm, TRUTH, CAUSES and BLAME must be given. */
const struct rs_observer *rs_faults_observer(struct rs_faults *f);
/* The stream has ended. 0 or -ENOMEM: then, or before, memory had failed. */
int rs_faults_finish(struct rs_faults *f);
/* How many there were, and how many of them were asked for, whatever the limit. */
uint64_t rs_faults_seen(const struct rs_faults *f);
uint64_t rs_faults_found(const struct rs_faults *f);
void rs_faults_free(struct rs_faults *f);

/* The three forms that there are of a table of faults. */
struct rs_faults_format;
extern const struct rs_faults_format rs_faults_text, rs_faults_csv, rs_faults_json;

/*
 * A table that is being written. The stream is named each time and may be another one then: rows
 * are handed to it many at once, in order.
 */
struct rs_faults_table;

/* Writes what stands before all rows. @whos, which may grow, is kept. NULL: no memory. */
struct rs_faults_table *rs_faults_table_new(const struct rs_faults_format *format, FILE *f,
					    const char *algo, const struct rs_whos *whos);
/* The next row; @wrong: as text it stands out on a terminal. 0 or -ENOMEM. */
int rs_faults_table_row(struct rs_faults_table *t, FILE *f, const struct rs_fault_row *row,
			bool wrong);
/* What stands behind all rows, of @seen faults of which @found were asked for. */
void rs_faults_table_end(struct rs_faults_table *t, FILE *f, uint64_t found, uint64_t seen);
void rs_faults_table_free(struct rs_faults_table *t);

/*
 * What happened around some faults: of each VM's events those that came before, while
 * and after each. A second replay of the same stream with the algorithm alone is looked on
 * event by event. Memory is that of the rows and events asked for.
 */
struct rs_around;

/* Copies @rows, which were found in a first replay. NULL: no memory. */
struct rs_around *rs_around_new(const char *algo, const struct rs_fault_row *rows, size_t nr,
				unsigned int events);
/* As rs_replay_feed(), to @r, and looks on. */
int rs_around_feed(struct rs_around *a, struct rs_replay *r, const struct rs_event *evs, size_t n,
		   struct rs_error *err);
/* What there is to be said of the @i-th of the rows. */
void rs_around_write(FILE *f, const struct rs_around *a, size_t i, const struct rs_whos *whos);
void rs_around_free(struct rs_around *a);

#endif
