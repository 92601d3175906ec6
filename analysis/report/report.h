/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_REPORT_REPORT_H
#define RS_ANALYSIS_REPORT_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "replay/result.h"
#include "traces/trace.h"

/*
 * A report is what a replay found, what was replayed, and how to do it again.
 * It is written in one of several formats; what each has in it is in
 * retryscope-replay(1). The bytes depend on the report alone: not on the
 * machine, the locale or the time.
 */

/* What an algorithm did to a VM of one of the reports that a merged one was added up from. */
struct rs_report_doing {
	uint64_t rejected, spurious;
	uint64_t alias; /* of @spurious: for an alias alone */
	uint64_t stalls;
	unsigned __int128 stall_ns; /* of the closed loop */
};

/* A VM of such a report. */
struct rs_report_part {
	uint32_t vm;
	int64_t pid;	     /* 0: not known */
	const char *command; /* NULL: not known */
	uint64_t checked, frames, aliased_frames;
	struct rs_report_doing *doings; /* of each algorithm of the result */
};

/* One of the reports that a merged one was added up from. */
struct rs_report_source {
	const char *path;
	const char *form;	 /* NULL: not known */
	const char *kernel;	 /* NULL: not known */
	const char *kernel_algo; /* NULL: not known */
	const char *identity;	 /* of the trace; NULL: not known */
	const char *host;	 /* its name; NULL: not known */
	const char *boot_id;	 /* of the host, which has another one after each boot; or NULL */
	const char *group;	 /* that the user put it into; NULL: none */
	bool one_vm;		 /* only @vm was judged */
	uint32_t vm;
	uint64_t vms, events, begin_ns, end_ns, lost, checked;
	struct rs_agreement locked, lockless; /* of @kernel_algo */
	uint64_t state_compared, state_equal;
	struct rs_report_part *parts; /* @nr_parts: none in a sum of before there were any */
	size_t nr_parts, nr_doings;   /* the latter of each part */
};

struct rs_fleet;

struct rs_report {
	const struct rs_result *result;
	const struct rs_trace_meta *meta;
	const char *path;    /* of the trace */
	const char *form;    /* "trace.dat", "text", "binary"; NULL: several, or not known */
	const char *version; /* of the tool */
	const char *commit;  /* that it was built of; NULL or "": not known */
	/* Of the file at @path; NULL: not worked out. */
	const char *sha256;
	uint64_t size;
	const char *command; /* that makes this report again; NULL: not known */
	bool color;	     /* text: what is wrong stands out */
	bool distributions;  /* JSON: the whole histograms too */
	bool one_vm;	     /* only @vm of the trace was judged */
	uint32_t vm;
	const struct rs_report_source *sources; /* of a merged report, else NULL */
	size_t nr_sources;
	const struct rs_fleet *fleet; /* of a merged report: fleet.h; may be NULL */
};

/* The formats there are, one a file, which has it as rs_report_NAME. */
#define RS_REPORT_FORMATS(X) X(text) X(mail) X(json) X(csv)
#define RS_REPORT_FORMAT_BAR(name) "|" #name
/* "text|mail|json|csv" */
#define RS_REPORT_FORMAT_NAMES (&RS_REPORT_FORMATS(RS_REPORT_FORMAT_BAR)[1])

struct rs_report_format {
	const char *name;
	const char *summary;
	bool identity; /* it tells the trace's, if the metadata have it */
	bool file;     /* it tells the file's size and SHA-256, if the report has them */
	bool closed;   /* it wants the closed loop, if nothing else is asked for */
	bool both;     /* of that, it shows both arrivals, if the result has them */
	/*
	 * 0, or negative errno: -ENOMEM, or -EIO if the stream has failed. A
	 * stream that buffers can still fail when it is flushed.
	 */
	int (*write)(FILE *f, const struct rs_report *report);
};

/* NULL past the end, or if there is no such format. */
const struct rs_report_format *rs_report_format(size_t i);
const struct rs_report_format *rs_report_format_find(const char *name);

#endif
