// SPDX-License-Identifier: GPL-2.0-only
#include "traces/text/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "traces/source.h"

#define BUF_SIZE (4 * RS_TEXT_MAX_LINE)
#define BATCH 1024

struct text {
	struct rs_source *src;
	struct rs_trace_meta *meta;
	char *buf;
	size_t pos, len; /* what of @buf is not yet parsed */
	bool at_end;	 /* nothing comes after what is in @buf */
	uint64_t number; /* of the line parsed last */
	uint32_t reason; /* of the fault_end that must come next */
	bool started;	 /* an event was read */
	size_t nr;	 /* of evs[] that are to be returned */
	int failed;	 /* what ended the reading, said after the events before it */
	struct rs_error err;
	struct rs_text_who who; /* of the line that is being parsed */
	struct rs_event evs[BATCH];
};

static bool probe(const unsigned char *head, size_t len)
{
	size_t n = strlen(RS_TEXT_MAGIC);

	return len && !memcmp(head, RS_TEXT_MAGIC, len < n ? len : n);
}

/* Moves what is left to the front and reads on behind it. */
static int fill(struct text *t, struct rs_error *err)
{
	ssize_t n;

	memmove(t->buf, t->buf + t->pos, t->len - t->pos);
	t->len -= t->pos;
	t->pos = 0;
	n = rs_source_read(t->src, t->buf + t->len, BUF_SIZE - t->len, err);
	if (n < 0)
		return n;
	t->len += n;
	t->at_end = !n;
	return 0;
}

static int check_bytes(struct rs_text_line *l)
{
	const char *nul = memchr(l->line, '\0', l->end - l->line);

	if (nul)
		return rs_text_error(l, nul, "a NUL byte: this is no text");
	if (l->end > l->line && l->end[-1] == '\r')
		return rs_text_error(l, l->end - 1,
				     "a carriage return: lines end with a newline alone");
	return 0;
}

static int set_line(struct text *t, struct rs_text_line *l, size_t len)
{
	l->line = t->buf + t->pos;
	l->p = l->line;
	l->end = l->line + len;
	l->number = ++t->number;
	t->pos += len;
	if (len <= RS_TEXT_MAX_LINE)
		return check_bytes(l);
	return rs_text_error(l, l->line + RS_TEXT_MAX_LINE, "the line is longer than %d bytes",
			     RS_TEXT_MAX_LINE);
}

/* The next line. 1: there is one; 0: the end. */
static int next_line(struct text *t, struct rs_text_line *l)
{
	for (;;) {
		size_t left = t->len - t->pos;
		char *start = t->buf + t->pos;
		char *newline = left ? memchr(start, '\n', left) : NULL;
		int rc;

		if (newline) {
			rc = set_line(t, l, newline - start);
			t->pos++;
			return rc ? rc : 1;
		}
		if (left && (t->at_end || left > RS_TEXT_MAX_LINE)) {
			rc = set_line(t, l, left);
			return rc ? rc : 1;
		}
		if (t->at_end)
			return 0;
		rc = fill(t, l->err);
		if (rc)
			return rc;
	}
}

static int parse_header(struct rs_text_line *l)
{
	size_t n = strlen(RS_TEXT_MAGIC);
	const char *version = l->line + n + 1;

	if (l->end - l->line == (ptrdiff_t)strlen(RS_TEXT_HEADER) &&
	    !memcmp(l->line, RS_TEXT_HEADER, strlen(RS_TEXT_HEADER)))
		return 0;
	if (version < l->end && version[-1] == ' ' && *version != '1')
		return rs_text_expected(l, version, "version 1 of the text form");
	return rs_text_error(l, l->line, "the first line must be '" RS_TEXT_HEADER "'");
}

/* A state is no event: it stands in a note. */
static bool is_event(unsigned int type)
{
	return type != RS_EV_NONE && type != RS_EV_STATE;
}

static int no_event(struct rs_text_line *l)
{
	unsigned int last = RS_NR_EVENT_TYPES - 1;
	char names[256] = "";
	size_t len = 0;

	while (!is_event(last))
		last--;
	for (unsigned int i = 0; i <= last; i++)
		if (is_event(i))
			len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s",
						!len	    ? ""
						: i == last ? " or "
							    : ", ",
						rs_event_name(i));
	return rs_text_expected(l, l->p, names);
}

static int event_type(struct rs_text_line *l, uint8_t *type)
{
	size_t len = rs_text_word(l, l->p);

	for (unsigned int i = 0; i < RS_NR_EVENT_TYPES; i++) {
		const char *name = is_event(i) ? rs_event_name(i) : NULL;

		if (name && strlen(name) == len && !memcmp(name, l->p, len)) {
			*type = i;
			l->p += len;
			return rs_text_separator(l);
		}
	}
	return no_event(l);
}

static int parse_event(struct rs_text_line *l, struct rs_event *ev)
{
	uint64_t vm;
	int rc = rs_text_number(l, "a time in ns", UINT64_MAX, &ev->time_ns);

	if (!rc)
		rc = rs_text_separator(l);
	if (!rc)
		rc = rs_text_number(l, "a VM's number", UINT32_MAX, &vm);
	if (!rc)
		rc = rs_text_separator(l);
	if (!rc)
		rc = event_type(l, &ev->type);
	if (rc)
		return rc;
	ev->vm = vm;
	return rs_text_keys(l, ev);
}

/* Who did it has a number from its first event on; of a table that is full that is not kept. */
static int take_who(struct text *t, struct rs_event *ev)
{
	const struct rs_who *said = &t->who.said;

	if (!t->who.given || !rs_event_has_who(ev->type))
		return 0;
	if (rs_whos_add(&t->meta->whos, said, &ev->raw.half[1]))
		return rs_error_nomem(&t->err);
	if (ev->raw.half[1] || !(said->pid || said->comm || said->reason))
		return 0;
	return rs_meta_add_anomaly(t->meta, "who-not-kept", 1) ? rs_error_nomem(&t->err) : 0;
}

/* The event that @l follows "#@ reason" must be a fault's end. */
static int take_reason(struct text *t, struct rs_text_line *l, struct rs_event *ev)
{
	if (!t->reason)
		return 0;
	if (ev->type != RS_EV_FAULT_END)
		return rs_text_error(l, l->line, "a fault_end expected after '#@ reason'");
	ev->fault.reason = t->reason;
	t->reason = 0;
	return 0;
}

/* One line into @ev, whose type stays RS_EV_NONE if there is no event on it. */
static int parse_line(struct text *t, struct rs_text_line *l, struct rs_event *ev)
{
	int rc;

	memset(ev, 0, sizeof(*ev));
	t->who.said = (struct rs_who){ 0 };
	t->who.given = 0;
	t->who.used = 0;
	if (l->p < l->end && *l->p == '#') {
		if (l->end - l->p < 2 || l->p[1] != '@')
			return 0;
		l->p += 2;
		rc = rs_text_note(l, t->meta, t->started, ev, &t->reason);
	} else {
		rs_text_skip_blanks(l);
		if (l->p == l->end)
			return 0;
		rc = parse_event(l, ev);
		if (!rc)
			rc = take_who(t, ev);
	}
	return rc || !ev->type ? rc : take_reason(t, l, ev);
}

static int end_of_input(struct text *t, struct rs_text_line *l)
{
	if (!t->reason)
		return 0;
	l->line = t->buf;
	l->number = t->number + 1;
	return rs_text_error(l, l->line, "a fault_end expected after '#@ reason', not the end");
}

/* Parses until there are @want events, the input ends or something is wrong. */
static void fill_batch(struct text *t, size_t want)
{
	struct rs_text_line l = { .err = &t->err, .who = &t->who };

	while (t->nr < want && !t->failed) {
		struct rs_event *ev = &t->evs[t->nr];
		int rc = next_line(t, &l);

		if (!rc) {
			t->failed = end_of_input(t, &l);
			break;
		}
		t->failed = rc < 0 ? rc : parse_line(t, &l, ev);
		if (!t->failed && ev->type != RS_EV_NONE) {
			t->started = true;
			t->nr++;
		}
	}
}

static ssize_t next(void *state, const struct rs_event **evs, struct rs_error *err)
{
	struct text *t = state;
	size_t n;

	fill_batch(t, BATCH);
	n = t->nr;
	t->nr = 0;
	*evs = t->evs;
	if (n || !t->failed)
		return n;
	if (err)
		*err = t->err;
	return t->failed;
}

static void close_text(void *state)
{
	struct text *t = state;

	free(t->buf);
	free(t);
}

static int read_header(struct text *t)
{
	struct rs_text_line l = { .err = &t->err, .who = &t->who };
	int rc = next_line(t, &l);

	return rc < 0 ? rc : parse_header(&l);
}

static void *open_text(struct rs_source *src, const struct rs_reader_opts *opts,
		       struct rs_trace_meta *meta, struct rs_error *err)
{
	struct text *t = calloc(1, sizeof(*t));
	int rc;

	if (t)
		t->buf = malloc(BUF_SIZE);
	if (!t || !t->buf) {
		free(t);
		errno = -rs_error_nomem(err);
		return NULL;
	}
	t->src = src;
	t->meta = meta;
	rc = read_header(t);
	/* Up to the first event, before which the kernel is named. */
	if (!rc) {
		fill_batch(t, 1);
		return t;
	}
	if (err)
		*err = t->err;
	close_text(t);
	errno = -rc;
	return NULL;
}

const struct rs_form_ops rs_text_ops = {
	.form = RS_FORM_TEXT,
	.probe = probe,
	.open = open_text,
	.next = next,
	.close = close_text,
	.create = rs_text_create,
	.begin = rs_text_begin,
	.put = rs_text_put,
	.finish = rs_text_finish,
	.discard = rs_text_discard,
};
