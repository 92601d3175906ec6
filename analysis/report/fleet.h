/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_REPORT_FLEET_H
#define RS_ANALYSIS_REPORT_FLEET_H

#include <jansson.h>

#include "analysis/report/report.h"
#include "analysis/write/csv.h"
#include "analysis/write/layout.h"
#include "base/error.h"

/*
 * The reports of a sum side by side: what each host, kernel, VM or group of hosts has, and
 * which of them stand out from the others.
 */

enum rs_fleet_by { RS_FLEET_HOST, RS_FLEET_KERNEL, RS_FLEET_VM, RS_FLEET_GROUP };
#define RS_FLEET_BYS "host|kernel|vm|group" /* in their order */

enum rs_fleet_figure_id {
	RS_FLEET_REJECTED, /* of the faults checked */
	RS_FLEET_NEEDLESS,
	RS_FLEET_ALIAS,	  /* of the faults checked, those rejected for an alias alone */
	RS_FLEET_ALIASED, /* of the frames */
	RS_FLEET_STALL,	  /* mean, in ns */
	RS_FLEET_LOST,	  /* of the events that there were */
	RS_FLEET_FIGURES,
};

/* So many units must tell a figure for one to stand out in it, and so far: in spreads. */
#define RS_FLEET_ENOUGH 5
#define RS_FLEET_FAR 3.5

struct rs_fleet_unit {
	char *name;
	char *key; /* what tells it from others */
	uint64_t traces, vms, events, lost, checked, frames, aliased_frames;
	/* Of the algorithm that was asked for, over the faults that it is known for. */
	uint64_t judged;
	struct rs_report_doing doing;
	double values[RS_FLEET_FIGURES]; /* NAN: not known */
	/* How many spreads each is away from the median, 0 if that is not to be told from chance.
	 */
	double away[RS_FLEET_FIGURES];
	double most; /* of those, without sign */
};

struct rs_fleet {
	enum rs_fleet_by by;
	const char *algo; /* NULL: the one that each traced kernel runs */
	bool asked;	  /* the user wants it: all of it, and in CSV; false at first */
	bool closed;
	bool known;		     /* what the algorithm did, of one trace at least */
	struct rs_fleet_unit *units; /* those that stand out most come first */
	size_t nr;
	double median[RS_FLEET_FIGURES], mad[RS_FLEET_FIGURES]; /* NAN: too few */
};

/* "rejected", "needless" ...: of JSON and CSV. */
const char *rs_fleet_figure_name(unsigned int figure);
/* "host" ... */
const char *rs_fleet_by_name(enum rs_fleet_by by);

/*
 * Of the sum @rep, whose texts it needs as long as it is there, as @algo, which stays, would have
 * done; NULL: as each traced kernel's own. For rs_fleet_free(). NULL with @err set: no memory,
 * or no such algorithm in the sum.
 */
struct rs_fleet *rs_fleet_new(const struct rs_report *rep, enum rs_fleet_by by, const char *algo,
			      struct rs_error *err);
void rs_fleet_free(struct rs_fleet *fleet);

/* A new reference; NULL: no memory. */
json_t *rs_fleet_json(const struct rs_fleet *fleet);
/* A part of a report for humans, as those of report_parts.h. */
void rs_fleet_table(struct rs_page *p, const struct rs_fleet *fleet);
/* A row for each unit; @run is of the sum. 0 or -EIO. */
int rs_fleet_csv(FILE *f, const struct rs_fleet *fleet, const struct rs_csv_run *run);

#endif
