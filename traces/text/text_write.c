// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "base/outfile.h"
#include "traces/text/text.h"

#define BUF_SIZE (256U << 10)
#define MAX_EVENT 256 /* no event's line, with its notes but without who did it, is longer */

struct text_writer {
	int fd;
	size_t len;
	uint64_t nr_events; /* put so far, for errors */
	const struct rs_whos *whos;
	int failed; /* the first failed write: nothing is written after it */
	struct rs_error err;
	char buf[BUF_SIZE];
};

static void flush(struct text_writer *w)
{
	if (!w->failed)
		w->failed = rs_write_all(w->fd, w->buf, w->len, &w->err);
	w->len = 0;
}

/* For MAX_EVENT bytes more. */
static void make_room(struct text_writer *w)
{
	if (w->len > sizeof(w->buf) - MAX_EVENT)
		flush(w);
}

static int result(const struct text_writer *w, struct rs_error *err)
{
	if (w->failed && err)
		*err = w->err;
	return w->failed;
}

static void put_str(struct text_writer *w, const char *s)
{
	size_t n = strlen(s);

	memcpy(w->buf + w->len, s, n);
	w->len += n;
}

static void put_base(struct text_writer *w, uint64_t v, unsigned int base)
{
	char digits[20];
	size_t n = 0;

	do {
		digits[n++] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	while (n)
		w->buf[w->len++] = digits[--n];
}

static void put_dec(struct text_writer *w, const char *key, uint64_t v)
{
	put_str(w, key);
	put_base(w, v, 10);
}

static void put_hex(struct text_writer *w, const char *key, uint64_t v)
{
	put_str(w, key);
	put_str(w, "0x");
	put_base(w, v, 16);
}

static void put_range(struct text_writer *w, const char *key, uint64_t start, uint64_t end)
{
	put_hex(w, key, start);
	put_hex(w, "-", end);
}

/* What is left out means 0. */
static void put_nonzero(struct text_writer *w, const char *key, uint64_t v)
{
	if (v)
		put_dec(w, key, v);
}

static void put_memslot(struct text_writer *w, const struct rs_event *ev)
{
	put_dec(w, " as=", ev->as);
	put_dec(w, " id=", ev->memslot.id);
	put_hex(w, " gfn=", ev->memslot.gfn);
	put_hex(w, " npages=", ev->memslot.npages);
	put_hex(w, " hva=", ev->memslot.hva);
	put_dec(w, " flags=", ev->memslot.flags);
}

static void put_inval_begin(struct text_writer *w, const struct rs_event *ev)
{
	put_dec(w, " id=", ev->inval.id);
	put_range(w, ev->flags & RS_F_GFN ? " gfn=" : " hva=", ev->inval.start, ev->inval.end);
	put_nonzero(w, " walk=", !!(ev->flags & RS_F_WALK));
	if (ev->flags & (RS_F_SHARED | RS_F_PRIVATE)) {
		put_str(w, " filter=");
		put_str(w, rs_filter_name(rs_flags_filter(ev->flags)));
	}
}

static void put_inval_slot(struct text_writer *w, const struct rs_event *ev)
{
	put_dec(w, " id=", ev->inval.id);
	put_nonzero(w, " as=", ev->as);
	put_dec(w, " slot=", ev->inval.slot);
	put_range(w, " gfn=", ev->inval.start, ev->inval.end);
}

static void put_inval_end(struct text_writer *w, const struct rs_event *ev)
{
	put_dec(w, " id=", ev->inval.id);
}

static void put_fault_begin(struct text_writer *w, const struct rs_event *ev)
{
	put_dec(w, " vcpu=", ev->fault.vcpu);
	put_hex(w, " gfn=", ev->fault.gfn);
	put_nonzero(w, " as=", ev->as);
	put_nonzero(w, " private=", !!(ev->flags & RS_F_PRIVATE));
}

static void put_fault_check(struct text_writer *w, const struct rs_event *ev)
{
	put_dec(w, " vcpu=", ev->fault.vcpu);
	put_str(w, " result=");
	put_str(w, rs_result_name(ev->result));
	put_nonzero(w, " lockless=", !!(ev->flags & RS_F_LOCKLESS));
}

static void put_fault_end(struct text_writer *w, const struct rs_event *ev)
{
	put_dec(w, " vcpu=", ev->fault.vcpu);
}

static void put_lost(struct text_writer *w, const struct rs_event *ev)
{
	if (ev->lost.count == RS_LOST_UNKNOWN)
		put_str(w, " count=unknown");
	else
		put_dec(w, " count=", ev->lost.count);
	put_nonzero(w, " pause=", !!(ev->flags & RS_F_PAUSE));
	put_nonzero(w, " resume=", !!(ev->flags & RS_F_RESUME));
}

static void put_state(struct text_writer *w, const struct rs_event *ev)
{
	put_dec(w, " seq=", ev->state.seq);
	put_dec(w, " in_progress=", ev->state.in_progress);
	put_hex(w, " start=", ev->state.start);
	put_hex(w, " end=", ev->state.end);
}

static void (*const put_keys[RS_NR_EVENT_TYPES])(struct text_writer *w,
						 const struct rs_event *ev) = {
	[RS_EV_MEMSLOT] = put_memslot,
	[RS_EV_INVAL_BEGIN] = put_inval_begin,
	[RS_EV_INVAL_SLOT] = put_inval_slot,
	[RS_EV_INVAL_END] = put_inval_end,
	[RS_EV_FAULT_BEGIN] = put_fault_begin,
	[RS_EV_FAULT_CHECK] = put_fault_check,
	[RS_EV_FAULT_END] = put_fault_end,
	[RS_EV_LOST] = put_lost,
	[RS_EV_STATE] = put_state,
};

static void put_byte(struct text_writer *w, unsigned char c)
{
	put_str(w, c < 0x10 ? "\\x0" : "\\x");
	put_base(w, c, 16);
}

/* Any bytes: those of what would not be seen, or not on one line, are escaped. */
static void put_escaped(struct text_writer *w, const char *s, bool quoted)
{
	uint32_t c;

	while (*s) {
		size_t len = rs_utf8_next(s, &c);
		bool printable = rs_is_printable(c);

		for (make_room(w); len; len--, s++) {
			if (*s == '\\')
				put_str(w, "\\\\");
			else if (quoted && *s == '"')
				put_str(w, "\\\"");
			else if (printable)
				w->buf[w->len++] = *s;
			else
				put_byte(w, *s);
		}
	}
}

static void put_text(struct text_writer *w, const char *s)
{
	put_escaped(w, s, false);
}

static void put_quoted(struct text_writer *w, const char *key, const char *s)
{
	put_str(w, key);
	put_str(w, "\"");
	put_escaped(w, s, true);
	put_str(w, "\"");
	make_room(w);
}

static void put_who(struct text_writer *w, const struct rs_who *who)
{
	make_room(w);
	put_nonzero(w, " pid=", who->pid);
	if (who->comm)
		put_quoted(w, " comm=", who->comm);
	if (!who->reason)
		return;
	if (rs_meta_is_name(who->reason) && strlen(who->reason) < MAX_EVENT / 2) {
		put_str(w, " reason=");
		put_str(w, who->reason);
	} else {
		put_quoted(w, " reason=", who->reason);
	}
	make_room(w);
}

static void put_event(struct text_writer *w, const struct rs_event *ev)
{
	if (ev->type == RS_EV_FAULT_END && ev->fault.reason) {
		put_str(w, "#@ reason ");
		put_str(w, rs_end_reason_name(ev->fault.reason));
		put_str(w, "\n");
	}
	if (ev->type == RS_EV_STATE)
		put_str(w, "#@ state ");
	put_base(w, ev->time_ns, 10);
	put_dec(w, " ", ev->vm);
	if (ev->type != RS_EV_STATE) {
		put_str(w, " ");
		put_str(w, rs_event_name(ev->type));
	}
	put_keys[ev->type](w, ev);
	if (rs_event_who(ev))
		put_who(w, rs_whos_get(w->whos, rs_event_who(ev)));
	put_str(w, "\n");
}

int rs_text_put(void *state, const struct rs_event *evs, size_t n, struct rs_error *err)
{
	struct text_writer *w = state;

	for (size_t i = 0; i < n; i++, w->nr_events++) {
		const char *problem = rs_event_problem(&evs[i]);

		if (!problem && rs_event_who(&evs[i]) > w->whos->nr)
			problem = "nobody knows who did it";
		if (problem)
			return rs_error_set(err, RS_ERR_INPUT, EINVAL,
					    "event %" PRIu64 " cannot be written: %s", w->nr_events,
					    problem);
		make_room(w);
		put_event(w, &evs[i]);
	}
	return result(w, err);
}

/* "#@ WORD" and, unless NULL, blanks with NAME and TEXT behind it. */
static void put_note(struct text_writer *w, const char *word, const char *name, const char *text)
{
	make_room(w);
	put_str(w, "#@ ");
	put_str(w, word);
	if (name) {
		put_str(w, " ");
		put_text(w, name);
	}
	if (text) {
		put_str(w, " ");
		put_text(w, text);
	}
	make_room(w);
}

static void put_vm(struct text_writer *w, const struct rs_vm_info *v)
{
	put_note(w, "vm", NULL, NULL);
	put_dec(w, " ", v->vm);
	if (v->pid > 0)
		put_dec(w, " pid=", v->pid);
	if (v->command) {
		put_str(w, " command=");
		put_text(w, v->command);
		make_room(w);
	}
	put_str(w, "\n");
}

static void put_count(struct text_writer *w, const char *word, const char *name, uint64_t count)
{
	put_note(w, word, name, NULL);
	put_dec(w, " ", count);
	put_str(w, "\n");
}

static void put_line(struct text_writer *w, const char *word, const char *name, const char *text)
{
	put_note(w, word, name, text);
	put_str(w, "\n");
}

/* What is asked for before the first event. */
static bool is_told_first(const char *key)
{
	return !strcmp(key, RS_FACT_KERNEL_ALGO) || !strcmp(key, RS_FACT_KERNEL_ALGO_BY);
}

static void put_meta(struct text_writer *w, const struct rs_trace_meta *m)
{
	if (m->level && m->level[0])
		put_line(w, "level", NULL, m->level);
	for (size_t i = 0; i < m->nr_facts; i++)
		if (!is_told_first(m->facts[i].key))
			put_line(w, "fact", m->facts[i].key, m->facts[i].value);
	for (size_t i = 0; i < m->nr_vms; i++)
		put_vm(w, &m->vms[i]);
	for (size_t i = 0; i < m->nr_assumptions; i++)
		if (m->assumptions[i][0])
			put_line(w, "assume", NULL, m->assumptions[i]);
	for (size_t i = 0; i < m->nr_anomalies; i++)
		put_count(w, "anomaly", m->anomalies[i].name, m->anomalies[i].count);
	if (m->lost)
		put_count(w, "lost", NULL, m->lost);
}

int rs_text_begin(void *state, const struct rs_trace_meta *meta, struct rs_error *err)
{
	struct text_writer *w = state;

	w->whos = &meta->whos;
	if (meta->kernel && meta->kernel[0])
		put_line(w, "kernel", NULL, meta->kernel);
	for (size_t i = 0; i < meta->nr_facts; i++)
		if (is_told_first(meta->facts[i].key))
			put_line(w, "fact", meta->facts[i].key, meta->facts[i].value);
	return result(w, err);
}

int rs_text_finish(void *state, const struct rs_trace_meta *meta, struct rs_error *err)
{
	struct text_writer *w = state;

	put_meta(w, meta);
	flush(w);
	return result(w, err);
}

void *rs_text_create(int fd, struct rs_error *err)
{
	struct text_writer *w = malloc(sizeof(*w));

	if (!w) {
		errno = -rs_error_nomem(err);
		return NULL;
	}
	memset(w, 0, offsetof(struct text_writer, buf));
	w->fd = fd;
	put_str(w, RS_TEXT_HEADER "\n");
	return w;
}

void rs_text_discard(void *state)
{
	free(state);
}
