/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_TEXT_TEXT_H
#define RS_TRACES_TEXT_TEXT_H

#include "traces/trace.h"

/*
 * The text form: one event a line, retryscope-text(5). Here is what its reader
 * and its writer share.
 */
#define RS_TEXT_MAGIC "retryscope-events"
#define RS_TEXT_HEADER RS_TEXT_MAGIC " 1"
#define RS_TEXT_MAX_LINE 65536

/* The form as traces/forms.h wants it. */
extern const struct rs_form_ops rs_text_ops;

/* The writer's functions, for the table in text.c. */
void *rs_text_create(int fd, struct rs_error *err);
int rs_text_begin(void *state, const struct rs_trace_meta *meta, struct rs_error *err);
int rs_text_put(void *state, const struct rs_event *evs, size_t n, struct rs_error *err);
int rs_text_finish(void *state, const struct rs_trace_meta *meta, struct rs_error *err);
void rs_text_discard(void *state);

/* What pid=, comm= and reason= said on a line; its texts are in @room. */
struct rs_text_who {
	struct rs_who said;
	unsigned int given; /* a bit for each of the three */
	size_t used;
	char room[RS_TEXT_MAX_LINE + 2];
};

/*
 * One line being parsed: [p, end) is what is left of [line, end), which has no
 * newline. The functions below return 0, or -EINVAL with @err naming line and
 * column of what they did not expect; -ENOMEM.
 */
struct rs_text_line {
	const char *line, *p, *end;
	uint64_t number;
	struct rs_error *err; /* never NULL */
	struct rs_text_who *who;
};

/* "EXPECTED expected, not 'TOKEN'" at @at. Always -EINVAL. */
int rs_text_expected(struct rs_text_line *l, const char *at, const char *expected);
/* Any text as the error at @at. Always -EINVAL. */
int rs_text_error(struct rs_text_line *l, const char *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Blanks are spaces and tabs. */
void rs_text_skip_blanks(struct rs_text_line *l);
/* A decimal or 0x number up to @max, called @what in errors; leaves @l behind it. */
int rs_text_number(struct rs_text_line *l, const char *what, uint64_t max, uint64_t *value);
/* The end, or blanks before something else. */
int rs_text_separator(struct rs_text_line *l);
/* Nothing but blanks may be left. */
int rs_text_line_end(struct rs_text_line *l);
/* The length of the word at @p: up to the next blank, '=' or the end. */
size_t rs_text_word(const struct rs_text_line *l, const char *p);

/* Parses "key=value ..." up to the end of the line into @ev, whose type is set, and @l->who. */
int rs_text_keys(struct rs_text_line *l, struct rs_event *ev);

/*
 * The rest of an escape at @l, behind the backslash, into *@c: "\\\\", "\\xHH" (but no NUL) and,
 * within quotes, "\\\"".
 */
int rs_text_unescape(struct rs_text_line *l, bool quoted, char *c);
/* If a key of who did it stands at @l: reads it with its value and returns true, with *@rc set. */
bool rs_text_who(struct rs_text_line *l, int *rc);

/*
 * A line that starts with "#@", behind these two characters; @started: events
 * came before it. Of the events, a "state" is stored in @ev (its type stays
 * RS_EV_NONE otherwise), and a "reason" in *@reason.
 */
int rs_text_note(struct rs_text_line *l, struct rs_trace_meta *meta, bool started,
		 struct rs_event *ev, uint32_t *reason);

#endif
