/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_CAPTURE_FACTS_H
#define RS_CAPTURE_FACTS_H

#include <stddef.h>
#include <stdint.h>

#include "traces/dat/probe_events.h"
#include "capture/plan.h"

/*
 * What is stored with a capture besides its events: keys of [A-Za-z0-9_.-],
 * values of one line, in order. In the trace.dat they are markers
 * (RS_FACT_MARKER); a key that comes again replaces its value.
 */
struct rs_capture_fact {
	char *key, *value;
};

struct rs_capture_facts {
	struct rs_capture_fact *list;
	size_t nr;
};

/* Sets @key, with a format; control characters become blanks. 0 or -ENOMEM. */
int rs_facts_set(struct rs_capture_facts *f, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void rs_facts_free(struct rs_capture_facts *f);

/* Kernel, configuration, memory management settings ... of @h. 0 or -ENOMEM. */
int rs_facts_add_host(struct rs_capture_facts *f, const struct rs_host *h);
/* The level, each probe's definition in @group or why it is missing, enumerators. 0 or -ENOMEM. */
int rs_facts_add_plan(struct rs_capture_facts *f, const struct rs_plan *p,
		      const struct rs_types *types, const char *group);

#endif
