/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_SYNTH_SYNTH_H
#define RS_TRACES_SYNTH_SYNTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "traces/event.h"
#include "traces/who.h"

/*
 * Synthetic traces: a guest whose vCPUs fault, and invalidators that change
 * the host's page tables meanwhile, as a stream that is made while it is read.
 * The same parameters give the same bytes on every machine. docs/synth.md has
 * the scenarios and where each default comes from.
 */
#define RS_SYNTH_MAX_SLOTS 32764 /* as many as KVM has for user space on x86 */
#define RS_SYNTH_VALUE 272	 /* bytes that the text of any parameter has room in */

enum rs_synth_layout {
	RS_LAYOUT_FLAT,
	RS_LAYOUT_PC,
	RS_LAYOUT_Q35,
	RS_LAYOUT_MANY,
	RS_LAYOUT_DIMMS,
	RS_LAYOUT_FILE,
};
enum rs_synth_pick { RS_PICK_SCAN, RS_PICK_RANDOM, RS_PICK_HOT };
enum rs_synth_space { RS_SYNTH_HVA, RS_SYNTH_GFN };
/* Which mappings an invalidation concerns: all that its space can say, or fewer. */
enum rs_synth_concerns {
	RS_CONCERNS_ALL,
	RS_CONCERNS_SHARED,
	RS_CONCERNS_PRIVATE,
	RS_CONCERNS_GIVEN_UP,
};

/* Sizes in bytes, shares in millionths. Read freely; change with rs_synth_set(). */
struct rs_synth_params {
	const char *scenario; /* static */
	uint64_t given;	      /* bit i: rs_synth_param(i) was set, so a scenario leaves it */
	uint64_t seed;
	uint64_t events;  /* start nothing new after so many; 0: no limit */
	uint64_t time_ns; /* start nothing new after this time; 0: no limit */

	uint64_t vms, vcpus;
	uint64_t guest_size;
	uint64_t layout;	 /* enum rs_synth_layout */
	char layout_file[256];	 /* of RS_LAYOUT_FILE: a trace, or `info mtree -f` */
	uint64_t slots;		 /* of RS_LAYOUT_MANY and RS_LAYOUT_DIMMS */
	uint64_t vga;		 /* 0 or 1 */
	uint64_t aliases;	 /* further memslots that map the aliased memory */
	uint64_t alias_distance; /* from one to the next */
	uint64_t alias_share;	 /* how much of the guest's memory is aliased */
	uint64_t alias_part;	 /* how much of that each alias maps */
	uint64_t private_share;	 /* how much of the guest's memory is private */

	uint64_t fault_rate; /* per second and vCPU */
	uint64_t fault_ns;   /* mean time from fault_begin to fault_check */
	uint64_t zipf;	     /* exponent in thousandths */
	uint64_t refault;    /* share of the faults on what was invalidated lately */
	uint64_t ended;	     /* share of the faults that end without a check */

	uint64_t invalidators; /* how many at once, at most */
	uint64_t space;	       /* enum rs_synth_space */
	uint64_t concerns;     /* enum rs_synth_concerns */
	uint64_t convert;      /* 0 or 1: each makes private memory of shared, or the reverse */
	uint64_t discard;      /* 0 or 1: what a conversion gives up is invalidated once more */
	uint64_t inval_size;
	uint64_t pick;	    /* enum rs_synth_pick */
	uint64_t skip;	    /* RS_PICK_SCAN: mean distance from the end of one to the next */
	uint64_t repeat;    /* how often each range is invalidated in a row */
	uint64_t nested;    /* size of an invalidation inside of each; 0: none */
	uint64_t miss;	    /* share that lies outside of the guest's memory */
	uint64_t burst;	    /* ranges in a row */
	uint64_t gap_ns;    /* mean time between those of a burst */
	uint64_t period_ns; /* mean time between bursts */
	uint64_t inval_ns;  /* mean time that an invalidation takes, */
	uint64_t page_ns;   /* and for each page in it */
	uint64_t walk;	    /* 0 or 1: tell each memslot hit by an event */
	uint64_t walk_ns;   /* from one to the next */
};

/* The defaults, with the scenario "ksm". */
void rs_synth_defaults(struct rs_synth_params *p);
/*
 * Sets the parameter @key, as listed by rs_synth_param(), from text. The key
 * "scenario" sets what the scenario defines and was not set before. 0, or
 * -EINVAL with @err set (RS_ERR_USAGE; the text names the key and what it takes).
 */
int rs_synth_set(struct rs_synth_params *p, const char *key, const char *text,
		 struct rs_error *err);
/*
 * Writes the value of @key, as rs_synth_set() takes it, into @buf. 0, or
 * -EINVAL if there is no such key.
 */
int rs_synth_get(const struct rs_synth_params *p, const char *key, char *buf, size_t size);

/* Whether @key was set by itself, and not by a scenario. */
bool rs_synth_is_given(const struct rs_synth_params *p, const char *key);

/* For help texts. */
struct rs_synth_param_info {
	const char *key;
	const char *takes; /* "size", "time", "on|off" ... */
	const char *summary;
};
/* The @i-th parameter, from 0. Static data; NULL past the end. */
const struct rs_synth_param_info *rs_synth_param(size_t i);

struct rs_synth_scenario_info {
	const char *name;
	const char *summary;
	/* Why hva or gfn then reject without need, if nothing is aliased: "seq,stale". */
	const char *causes;
};
/* The @i-th scenario, from 0. Static data; NULL past the end. */
const struct rs_synth_scenario_info *rs_synth_scenario(size_t i);

struct rs_synth;

/*
 * A stream with these parameters; @p is copied. Its memory grows with vCPUs,
 * invalidators and memslots (with convert: a bit for each page too), never with events. NULL with
 * errno and @err set: EINVAL if they do not fit together (RS_ERR_USAGE: memslots that would
 * overlap, ...), ENOMEM.
 */
struct rs_synth *rs_synth_new(const struct rs_synth_params *p, struct rs_error *err);
/* 0, or the error of rs_synth_new(), without what that takes: do they fit together? */
int rs_synth_check(const struct rs_synth_params *p, struct rs_error *err);
/*
 * The next events: *@evs points to as many as returned, valid until the next
 * call. 0: the end. Cannot fail.
 */
size_t rs_synth_next(struct rs_synth *s, const struct rs_event **evs);
/*
 * To be called before the first event: from then on events say who did it, by their numbers in
 * @whos, to which they are added. Each vCPU and each invalidator is a task, and the scenario is
 * the reason. 0 or -ENOMEM.
 */
int rs_synth_name(struct rs_synth *s, struct rs_whos *whos);
/* NULL is fine. */
void rs_synth_free(struct rs_synth *s);

#endif
