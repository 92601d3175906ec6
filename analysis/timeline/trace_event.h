/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_TIMELINE_TRACE_EVENT_H
#define RS_ANALYSIS_TIMELINE_TRACE_EVENT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/*
 * The Trace Event Format, event by event: JSON that is written as it comes, with nothing kept.
 * An event is begun, gets its members, and is ended. What fails stays with @f.
 */
struct trace_events {
	FILE *f;	/* may be another one after each event */
	uint64_t nr;	/* events so far */
	bool no_member; /* the object that is open has none so far */
};

/* What stands before all events, and behind them; members of the document go in between. */
void trace_events_begin(struct trace_events *t);
void trace_events_end_list(struct trace_events *t);
void trace_events_end(struct trace_events *t);

/* An event of phase @phase ("X", "B" ...) of thread @tid in process @pid. */
void trace_event_begin(struct trace_events *t, const char *phase, uint32_t pid, uint32_t tid);
void trace_event_end(struct trace_events *t);

/* The member @key: a text, which is foreign; a number; true; a time, in us. */
void trace_event_text(struct trace_events *t, const char *key, const char *text);
void trace_event_number(struct trace_events *t, const char *key, uint64_t number);
void trace_event_true(struct trace_events *t, const char *key);
void trace_event_time(struct trace_events *t, const char *key, uint64_t ns);
/* An object as the member @key: what follows is in it until it is closed. */
void trace_event_open(struct trace_events *t, const char *key);
void trace_event_close(struct trace_events *t);

#endif
