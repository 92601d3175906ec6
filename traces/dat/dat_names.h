/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_DAT_DAT_NAMES_H
#define RS_TRACES_DAT_DAT_NAMES_H

#include "traces/dat/dat_comms.h"
#include "traces/trace.h"

/*
 * Who does what in a trace.dat. What the import makes of its records has numbers of a table of
 * its own, in the order in which they were recorded; the events that come out of it have those
 * of the trace's table, in the order of the events.
 */
struct rs_dat_names {
	struct rs_dat_comms comms;
	struct rs_trace_meta *meta;
	struct rs_whos recorded;
	uint32_t *told; /* by the number in @recorded, that in @meta; 0: none so far */
	size_t max_told;
};

/* Why: a fault, or an invalidation for a reason of enum mmu_notifier_event, or ... */
enum rs_dat_why {
	RS_DAT_WHY_FAULT,
	RS_DAT_WHY_NOTIFIER,
	RS_DAT_WHY_OTHER = RS_DAT_WHY_NOTIFIER + 8, /* ... none that is known here */
	RS_DAT_WHY_GFN,				    /* ... through no notifier, and ... */
	RS_DAT_WHY_GUEST_MEMFD,			    /* ... of a file: a hole, or its end */
	RS_DAT_WHY_ATTRIBUTES,			    /* ... memory becomes private or shared */
	RS_DAT_WHY_ZAP,				    /* ... kvm_zap_gfn_range() */
	RS_DAT_NR_WHYS
};

/* What the kernel's number of a reason stands for; @known: it was recorded. */
enum rs_dat_why rs_dat_why(bool known, uint64_t reason);

/* @n is all zero; @cmdlines is the file's. 0 or -ENOMEM. */
int rs_dat_names_init(struct rs_dat_names *n, const char *cmdlines, struct rs_trace_meta *meta);
void rs_dat_names_free(struct rs_dat_names *n);
/* From the first event on again. */
void rs_dat_names_rewind(struct rs_dat_names *n);
/* The number of task @pid that does something for that reason. 0 or -ENOMEM. */
int rs_dat_names_of(struct rs_dat_names *n, uint32_t pid, enum rs_dat_why why, uint32_t *who);
/* Gives @evs, which come next, the numbers of the trace's table. 0 or -ENOMEM. */
int rs_dat_names_tell(struct rs_dat_names *n, struct rs_event *evs, size_t nr);

#endif
