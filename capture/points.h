/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_CAPTURE_POINTS_H
#define RS_CAPTURE_POINTS_H

#include <stdbool.h>
#include <stddef.h>

#include "traces/dat/probe_events.h"

/*
 * Where each event of traces/dat/probe_events.h is probed, and from what its fields are
 * read: alternatives for the kernels that name things differently, tried in
 * order, the symbol table and BTF deciding. Data alone; capture/plan.h turns it
 * into probe definitions.
 *
 * A field's path starts with the name of a parameter of the function and goes
 * on with members as in C: "->" through a pointer, "." inside a structure.
 * "PARAM@STRUCT.MEMBER" is the STRUCT that holds what PARAM points to as its
 * MEMBER. "RETURN" is the function's value.
 */
enum rs_part {
	RS_PART_MEMSLOTS,      /* which memslots there are, and their changes */
	RS_PART_INVALIDATIONS, /* begin and end of each, and what it hits */
	RS_PART_FAULTS,	       /* begin and end of each fault */
	RS_PART_LOOKUPS,       /* what a fault's lookup returned: retries without the lock */
	RS_PART_DECISIONS,     /* what was decided under the lock */
	RS_PART_STATE,	       /* the kernel's own count, sequence and range */
	RS_NR_PARTS,
};

enum rs_paging_need { RS_NEED_ANY, RS_NEED_TDP, RS_NEED_SHADOW };

struct rs_point_function {
	const char *name;
	enum rs_paging_need paging;
	bool other_name; /* than the one that docs/capture.md uses */
	/* Take it only with that many parameters; 0: any. With others it is another event's, or
	 * the kernel inlines it where it matters. */
	unsigned int nr_params;
};

#define RS_MAX_PATHS 3
struct rs_point_field {
	const char *name;
	char format; /* of the trace's text: 'x' hexadecimal, 'u' and 's' decimal */
	bool optional;
	const char *paths[RS_MAX_PATHS];
};

#define RS_MAX_FUNCTIONS 4
#define RS_MAX_FIELDS 12
struct rs_point {
	enum rs_part part;
	bool on_return;
	bool optional; /* a capture without it is still full */
	struct rs_point_function functions[RS_MAX_FUNCTIONS];
	struct rs_point_field fields[RS_MAX_FIELDS];
	const char *kvm;	    /* path prefix to struct kvm's members; NULL: not reachable */
	bool has_state;		    /* STATE is among its fields */
	struct rs_point_field last; /* comes after STATE: what not every kernel has; or none */
};

/* Indexed by enum rs_probe_event. */
extern const struct rs_point rs_points[RS_NR_PROBE_EVENTS];

#define RS_NR_STATE_FIELDS 4
/* The members of STATE, to be appended to rs_point.kvm. */
extern const struct rs_point_field rs_state_fields[RS_NR_STATE_FIELDS];

/* The process that made the VM, to be appended to rs_point.kvm: what --pid filters by. */
extern const struct rs_point_field rs_vm_pid_field;

/* "memslots", "invalidations" ... */
const char *rs_part_name(enum rs_part part);
/* What a trace without it does not tell: the end of a sentence that the part's name begins. */
const char *rs_part_without(enum rs_part part);
/* "memslot", "inval_start" ... */
const char *rs_probe_event_name(enum rs_probe_event ev);

#endif
