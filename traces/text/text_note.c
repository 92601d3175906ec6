// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "traces/text/text.h"

/*
 * The lines that start with "#@": what is known of a trace besides its events.
 * Texts run to the end of the line; in them \\ and \xHH stand for a backslash
 * and for a byte that a line cannot hold.
 */
/* All that is left of the line, for the caller to free; *@to is set on success only. */
static int text(struct rs_text_line *l, char **to)
{
	char *text = malloc(l->end - l->p + 1), *q = text;
	int rc = 0;

	if (!text)
		return rs_error_nomem(l->err);
	while (l->p < l->end && !rc) {
		char c = *l->p++;

		if (c == '\\')
			rc = rs_text_unescape(l, false, &c);
		*q++ = c;
	}
	*q = '\0';
	if (rc)
		free(text);
	else
		*to = text;
	return rc;
}

/* The one blank between a word and the text behind it. */
static void skip_one_blank(struct rs_text_line *l)
{
	if (l->p < l->end && (*l->p == ' ' || *l->p == '\t'))
		l->p++;
}

static int some_text(struct rs_text_line *l, const char *what, char **to)
{
	skip_one_blank(l);
	return l->p == l->end ? rs_text_expected(l, l->p, what) : text(l, to);
}

/* A fact's key or an anomaly's name, for the caller to free. */
static int name(struct rs_text_line *l, const char *what, char **to)
{
	const char *start;

	rs_text_skip_blanks(l);
	start = l->p;
	while (l->p < l->end && *l->p != ' ' && *l->p != '\t')
		l->p++;
	*to = strndup(start, l->p - start);
	if (!*to)
		return rs_error_nomem(l->err);
	if (rs_meta_is_name(*to))
		return 0;
	free(*to);
	return rs_text_expected(l, start, what);
}

static int number(struct rs_text_line *l, const char *what, uint64_t max, uint64_t *value)
{
	rs_text_skip_blanks(l);
	return rs_text_number(l, what, max, value);
}

struct note {
	struct rs_trace_meta *meta;
	struct rs_event *ev;
	uint32_t *reason;
	bool started;
};

static int note_kernel(struct rs_text_line *l, struct note *n)
{
	char *release;
	int rc;

	if (n->started)
		return rs_text_error(l, l->p, "the kernel must be named before the first event");
	if (n->meta->kernel)
		return rs_text_error(l, l->p, "kernel is given twice");
	rc = some_text(l, "a kernel release", &release);
	if (rc)
		return rc;
	rc = rs_meta_set_kernel(n->meta, release);
	free(release);
	return rc ? rs_error_nomem(l->err) : 0;
}

static int note_level(struct rs_text_line *l, struct note *n)
{
	char *level;
	int rc;

	if (n->meta->level)
		return rs_text_error(l, l->p, "level is given twice");
	rc = some_text(l, "a level", &level);
	if (rc)
		return rc;
	rc = rs_meta_set_level(n->meta, level);
	free(level);
	return rc ? rs_error_nomem(l->err) : 0;
}

static int note_fact(struct rs_text_line *l, struct note *n)
{
	const char *at = l->p + 1;
	char *key, *value;
	int rc = name(l, "a key of [a-z0-9_.-]", &key);

	if (rc)
		return rc;
	if (rs_meta_fact(n->meta, key))
		rc = rs_text_error(l, at, "fact %s is given twice", key);
	skip_one_blank(l);
	if (!rc)
		rc = text(l, &value);
	if (!rc) {
		if (rs_meta_add_fact(n->meta, key, value))
			rc = rs_error_nomem(l->err);
		free(value);
	}
	free(key);
	return rc;
}

static bool starts_with(const struct rs_text_line *l, const char *word)
{
	size_t len = strlen(word);

	return (size_t)(l->end - l->p) >= len && !memcmp(l->p, word, len);
}

static int vm_keys(struct rs_text_line *l, uint64_t *pid, char **command)
{
	int rc = rs_text_separator(l);

	if (!rc && starts_with(l, "pid=")) {
		l->p += strlen("pid=");
		rc = rs_text_number(l, "a process id", INT64_MAX, pid);
		if (!rc)
			rc = rs_text_separator(l);
	}
	if (!rc && starts_with(l, "command=")) {
		l->p += strlen("command=");
		return text(l, command);
	}
	if (!rc && l->p < l->end)
		rc = rs_text_expected(l, l->p, *pid ? "command=" : "pid= or command=");
	return rc;
}

static int note_vm(struct rs_text_line *l, struct note *n)
{
	uint64_t vm, pid = 0;
	char *command = NULL;
	int rc = number(l, "a VM's number", UINT32_MAX, &vm);

	if (!rc)
		rc = vm_keys(l, &pid, &command);
	if (!rc && rs_meta_add_vm(n->meta, vm, pid, command))
		rc = rs_error_nomem(l->err);
	free(command);
	return rc;
}

static int note_assume(struct rs_text_line *l, struct note *n)
{
	char *sentence;
	int rc = some_text(l, "a sentence", &sentence);

	if (rc)
		return rc;
	rc = rs_meta_add_assumption(n->meta, sentence);
	free(sentence);
	return rc ? rs_error_nomem(l->err) : 0;
}

static int note_anomaly(struct rs_text_line *l, struct note *n)
{
	uint64_t count;
	char *anomaly;
	int rc = name(l, "an anomaly's name of [a-z0-9_.-]", &anomaly);

	if (rc)
		return rc;
	rc = number(l, "a count", UINT64_MAX, &count);
	if (!rc)
		rc = rs_text_line_end(l);
	if (!rc && rs_meta_add_anomaly(n->meta, anomaly, count))
		rc = rs_error_nomem(l->err);
	free(anomaly);
	return rc;
}

static int note_lost(struct rs_text_line *l, struct note *n)
{
	int rc;

	if (n->meta->lost)
		return rs_text_error(l, l->p, "lost is given twice");
	rc = number(l, "a count", UINT64_MAX, &n->meta->lost);
	return rc ? rc : rs_text_line_end(l);
}

static int note_state(struct rs_text_line *l, struct note *n)
{
	uint64_t vm;
	int rc = number(l, "a time in ns", UINT64_MAX, &n->ev->time_ns);

	if (!rc)
		rc = rs_text_separator(l);
	if (!rc)
		rc = rs_text_number(l, "a VM's number", UINT32_MAX, &vm);
	if (!rc)
		rc = rs_text_separator(l);
	if (rc)
		return rc;
	n->ev->vm = vm;
	n->ev->type = RS_EV_STATE;
	return rs_text_keys(l, n->ev);
}

static int note_reason(struct rs_text_line *l, struct note *n)
{
	size_t len;
	int rc = rs_text_separator(l);

	if (rc)
		return rc;
	len = rs_text_word(l, l->p);
	for (unsigned int i = RS_END_PLAIN + 1; i < RS_NR_END_REASONS; i++) {
		const char *reason = rs_end_reason_name(i);

		if (strlen(reason) != len || memcmp(reason, l->p, len))
			continue;
		if (*n->reason)
			return rs_text_error(l, l->p, "reason is given twice");
		*n->reason = i;
		l->p += len;
		return rs_text_line_end(l);
	}
	return rs_text_expected(l, l->p, "slot_invalid, async or root_obsolete");
}

static const struct note_type {
	const char *word;
	int (*parse)(struct rs_text_line *l, struct note *n);
} note_types[] = {
	{ "state", note_state },   { "reason", note_reason },	{ "kernel", note_kernel },
	{ "level", note_level },   { "fact", note_fact },	{ "vm", note_vm },
	{ "assume", note_assume }, { "anomaly", note_anomaly }, { "lost", note_lost },
};

#define NR_NOTE_TYPES (sizeof(note_types) / sizeof(note_types[0]))

int rs_text_note(struct rs_text_line *l, struct rs_trace_meta *meta, bool started,
		 struct rs_event *ev, uint32_t *reason)
{
	struct note n = { meta, ev, reason, started };
	size_t len;

	if (l->p < l->end && rs_text_separator(l))
		return -EINVAL;
	len = rs_text_word(l, l->p);
	for (size_t i = 0; i < NR_NOTE_TYPES; i++) {
		const char *word = note_types[i].word;

		if (strlen(word) != len || memcmp(word, l->p, len))
			continue;
		l->p += len;
		return note_types[i].parse(l, &n);
	}
	return rs_text_expected(l, l->p,
				"kernel, level, fact, vm, assume, anomaly, lost, state or reason");
}
