// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/timeline/trace_event.h"

#include <inttypes.h>

#include "analysis/write/json_exact.h"

/* Viewers read numbers as doubles. */
#define MAX_EXACT (1ULL << 53)

void trace_events_begin(struct trace_events *t)
{
	fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[", t->f);
	t->nr = 0;
}

void trace_events_end_list(struct trace_events *t)
{
	fputs("\n]", t->f);
	t->no_member = false;
}

void trace_events_end(struct trace_events *t)
{
	fputs("}\n", t->f);
}

static void put_key(struct trace_events *t, const char *key)
{
	if (!t->no_member)
		fputc(',', t->f);
	t->no_member = false;
	rs_json_put_text(t->f, key);
	fputc(':', t->f);
}

void trace_event_begin(struct trace_events *t, const char *phase, uint32_t pid, uint32_t tid)
{
	fprintf(t->f, "%s\n{\"ph\":\"%s\",\"pid\":%" PRIu32, t->nr++ ? "," : "", phase, pid);
	if (tid)
		fprintf(t->f, ",\"tid\":%" PRIu32, tid);
	t->no_member = false;
}

void trace_event_end(struct trace_events *t)
{
	fputc('}', t->f);
}

void trace_event_text(struct trace_events *t, const char *key, const char *text)
{
	put_key(t, key);
	rs_json_put_text(t->f, text);
}

void trace_event_number(struct trace_events *t, const char *key, uint64_t number)
{
	const char *quote = number > MAX_EXACT ? "\"" : "";

	put_key(t, key);
	fprintf(t->f, "%s%" PRIu64 "%s", quote, number, quote);
}

void trace_event_true(struct trace_events *t, const char *key)
{
	put_key(t, key);
	fputs("true", t->f);
}

void trace_event_time(struct trace_events *t, const char *key, uint64_t ns)
{
	put_key(t, key);
	fprintf(t->f, "%" PRIu64 ".%03" PRIu64, ns / 1000, ns % 1000);
}

void trace_event_open(struct trace_events *t, const char *key)
{
	put_key(t, key);
	fputc('{', t->f);
	t->no_member = true;
}

void trace_event_close(struct trace_events *t)
{
	fputc('}', t->f);
	t->no_member = false;
}
