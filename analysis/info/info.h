/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_INFO_INFO_H
#define RS_ANALYSIS_INFO_INFO_H

#include <stddef.h>
#include <stdint.h>

#include "analysis/report/report.h"
#include "traces/event.h"
#include "traces/who.h"

/*
 * What is in a trace, besides what a replay says of it: events by type, and
 * the memslots over time with those of them that share host pages.
 */

/* Where an invalidation comes from: of guest frames its reason says it. */
enum rs_origin {
	RS_ORIGIN_NOTIFIER,
	RS_ORIGIN_GUEST_MEMFD,
	RS_ORIGIN_ATTRIBUTES,
	RS_ORIGIN_ZAP,
	RS_ORIGIN_UNKNOWN, /* of guest frames, for another reason or none */
	RS_NR_ORIGINS
};

/* "notifier", "guest_memfd", "attributes", "zap", "unknown". */
extern const char *const rs_origin_names[RS_NR_ORIGINS];

/* From when until when; to the VM's last event if it was still there. */
struct rs_stay {
	uint64_t from_ns, until_ns;
};

/* A memslot at one place; it may have gone and come back there. */
struct rs_placement {
	uint64_t gfn, npages, hva;
	uint32_t id, flags; /* KVM_MEM_*, when last set */
	uint8_t as;
	bool present;	       /* at the end */
	struct rs_stay *stays; /* in order, never empty */
	size_t nr_stays, max_stays;
};

/* Two placements that map the same host pages at the same time, as different frames. */
struct rs_alias_pair {
	size_t a, b; /* placements, a below b by host address, then by order of appearance */
	uint64_t gfn_a, gfn_b; /* where the first shared page is in each */
	uint64_t npages;       /* shared */
};

/* The pairs with most pages are kept; more are counted only. */
#define RS_MAX_ALIAS_PAIRS 1000

struct rs_vm_inventory {
	uint32_t vm;
	uint64_t begin_ns, end_ns;
	uint64_t events[RS_NR_EVENT_TYPES];
	uint64_t origins[RS_NR_ORIGINS]; /* invalidations by where they come from */
	uint64_t memslot_changes;	 /* after which something was other than before */
	struct rs_placement *placements; /* in order of first appearance */
	size_t nr_placements;
	struct rs_alias_pair *aliases; /* by pages, most first */
	size_t nr_aliases;
	uint64_t alias_pairs;	   /* all of them */
	uint64_t same_frame_pairs; /* that share pages as the same frames of two address spaces */
};

struct rs_inventory {
	struct rs_vm_inventory *vms; /* by number */
	size_t nr_vms;
};

struct rs_inventory_builder;

/* NULL without memory. */
struct rs_inventory_builder *rs_inventory_new(void);
/* Events in order; those of other VMs than @vm are left out if it is not NULL. 0 or -ENOMEM. */
int rs_inventory_feed(struct rs_inventory_builder *b, const struct rs_event *evs, size_t n,
		      const uint32_t *vm);
/*
 * What was found, for rs_inventory_free(); @whos has whom the events named. NULL with errno:
 * without memory, or E2BIG if there are more pairs of memslots that came and went than the
 * budget allows to look at. @b is freed in either case.
 */
struct rs_inventory *rs_inventory_finish(struct rs_inventory_builder *b,
					 const struct rs_whos *whos);
/* Both accept NULL. */
void rs_inventory_abort(struct rs_inventory_builder *b);
void rs_inventory_free(struct rs_inventory *inv);

/*
 * Both write what is in @inv, and of @rep the trace, its losses, anomalies and
 * the agreement of the recorded state with the model. 0, -ENOMEM, or -EIO if
 * the stream has failed.
 */
int rs_inventory_write_text(FILE *f, const struct rs_report *rep, const struct rs_inventory *inv);
int rs_inventory_write_json(FILE *f, const struct rs_report *rep, const struct rs_inventory *inv);

#endif
