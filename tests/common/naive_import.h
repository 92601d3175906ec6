/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TESTS_NAIVE_IMPORT_H
#define TESTS_NAIVE_IMPORT_H

#include "traces/event.h"

/*
 * The import of a trace.dat of our probes in the plainest way, after docs/import.md:
 * everything is in memory, nothing is waited for, lists are searched from end to end.
 * It shares no code with traces/dat. What of the rules is about a stream (what is
 * handed out how late) is not here: it has the whole recording before it begins.
 */
struct naive_import {
	struct rs_event *evs;
	size_t nr;
	struct naive_anomaly {
		const char *name;
		uint64_t count;
	} anomalies[64];
	size_t nr_anomalies;
	uint64_t lost;
	uint32_t nr_vms;
	/* Who did it, in the order of the events. */
	struct naive_who {
		unsigned int pid;
		const char *reason; /* NULL: none */
	} * whos;
	size_t nr_whos;
};

/* @bytes: the file. It must be sound; whatever is wrong with it is asserted. */
void naive_import(struct naive_import *to, const unsigned char *bytes, size_t size);
void naive_import_free(struct naive_import *n);

#endif
