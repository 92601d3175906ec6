/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_CAPTURE_PLAN_H
#define RS_CAPTURE_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/host.h"
#include "capture/points.h"
#include "capture/types.h"

/* What a capture on a host would contain, and the probes that it takes. */
enum rs_level {
	RS_LEVEL_NONE,	      /* no kvm, not even its tracepoints */
	RS_LEVEL_TRACEPOINTS, /* no probe at all */
	RS_LEVEL_PARTIAL,     /* some parts: see rs_plan.parts */
	RS_LEVEL_FULL,	      /* every decision and the kernel's state */
};

/* Calls of a probed function that may be under way at once; more are missed, and counted. */
#define RS_RETURN_PROBE_INSTANCES 64

enum rs_point_state {
	RS_POINT_THERE,
	RS_POINT_INLINED,  /* the kernel has no such function to probe */
	RS_POINT_REFUSED,  /* it has, but takes no probe there, or its types are not known */
	RS_POINT_WITHHELD, /* the user does not want it */
	RS_POINT_UNKNOWN,  /* the symbol table cannot be read */
};

struct rs_planned_probe {
	enum rs_point_state state;
	const char *function; /* the one chosen; NULL unless THERE */
	bool renamed;	      /* it has another name than on most kernels */
	char *target;	      /* what the probe is put on: the function, maybe "MODULE:FUNCTION" */
	char *fetch;	      /* fetch arguments, maybe ""; NULL unless THERE */
	char *lacking;	      /* names of fields that cannot be read; NULL: none */
	char *reason;	      /* one clause, why it is not THERE; NULL if it is */
	bool state_complete;  /* all of STATE can be read, or there is none to read */
	bool fields_complete; /* all other fields that are not optional */
	bool has_pid;	      /* rs_vm_pid_field is among them */
};

struct rs_planned_tracepoint {
	const char *name; /* "kvm:kvm_page_fault" */
	bool there;
};

#define RS_NR_TRACEPOINTS 6
struct rs_plan {
	struct rs_planned_probe probes[RS_NR_PROBE_EVENTS];
	struct rs_planned_tracepoint tracepoints[RS_NR_TRACEPOINTS];
	bool parts[RS_NR_PARTS];
	enum rs_level level; /* as far as could be looked */
	/*
	 * What could not be looked at may make it another one: then this is the highest that it
	 * can be, and @level_reason why that is not known. Else at_most is the level, and there may
	 * be a reason for it that is none of a single probe.
	 */
	bool level_known;
	enum rs_level at_most;
	const char *level_reason; /* one clause; NULL: none */
	/* Invalidations that come through no notifier, and so without a host address, can be told:
	 * their begin and end; and which are of private memory, and which faults are. */
	bool gfn_invals, private_kinds;
};

struct rs_plan_opts {
	uint64_t withheld; /* bits (1 << enum rs_probe_event) to leave out */
	/* Bits (1 << enum rs_part) to leave out, with the tracepoints that are not needed then. */
	unsigned int parts_withheld;
	bool vm_pid; /* entry probes fetch rs_vm_pid_field too, to filter by */
};

/*
 * Looks for every probe point of rs_points on @h. @types may be NULL: then no
 * probe that has fields is possible. @opts may be NULL. Returns NULL with errno
 * if there is no memory.
 */
struct rs_plan *rs_plan_make(const struct rs_host *h, const struct rs_types *types,
			     const struct rs_plan_opts *opts);
void rs_plan_free(struct rs_plan *p);

/* The kernel did not take a probe after all; the level is what remains. 0 or -ENOMEM. */
int rs_plan_refuse(struct rs_plan *p, enum rs_probe_event ev, const char *reason);

/*
 * The line that defines an event, as the kernel's dynamic_events takes it, to
 * be freed. NULL with errno: ENOENT if the probe is not THERE, ENOMEM.
 */
char *rs_plan_definition(const struct rs_plan *p, enum rs_probe_event ev, const char *group);

/* "none", "tracepoints", "partial", "full". */
const char *rs_level_name(enum rs_level level);
/* "there", "inlined", "refused", "withheld", "unknown". */
const char *rs_point_state_name(enum rs_point_state state);

#endif
