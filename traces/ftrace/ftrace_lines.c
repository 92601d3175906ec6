// SPDX-License-Identifier: GPL-2.0-only
#include "traces/ftrace/ftrace_lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUF_SIZE (4 * RS_FTRACE_MAX_LINE)

int rs_ftrace_lines_init(struct rs_ftrace_lines *l, struct rs_source *src)
{
	*l = (struct rs_ftrace_lines){ .src = src, .buf = malloc(BUF_SIZE) };
	return l->buf ? 0 : -ENOMEM;
}

void rs_ftrace_lines_free(struct rs_ftrace_lines *l)
{
	free(l->buf);
	l->buf = NULL;
}

int rs_ftrace_lines_rewind(struct rs_ftrace_lines *l, struct rs_error *err)
{
	l->pos = l->len = 0;
	l->at_end = false;
	return rs_source_rewind(l->src, err);
}

/* What is left goes to the front, and more comes behind it. */
static int refill(struct rs_ftrace_lines *l, struct rs_error *err)
{
	ssize_t n;

	l->len -= l->pos;
	memmove(l->buf, l->buf + l->pos, l->len);
	l->pos = 0;
	n = rs_source_read(l->src, l->buf + l->len, BUF_SIZE - l->len, err);
	if (n < 0)
		return (int)n;
	l->at_end = !n;
	l->len += (size_t)n;
	return 0;
}

/* The end of the line whose first bytes were taken. */
static int skip_rest(struct rs_ftrace_lines *l, struct rs_error *err)
{
	for (;;) {
		const char *end = memchr(l->buf + l->pos, '\n', l->len - l->pos);
		int ret;

		if (end || l->at_end) {
			l->pos = end ? (size_t)(end + 1 - l->buf) : l->len;
			return 0;
		}
		l->pos = l->len;
		ret = refill(l, err);
		if (ret)
			return ret;
	}
}

int rs_ftrace_lines_next(struct rs_ftrace_lines *l, struct rs_ftrace_piece *line,
			 struct rs_error *err)
{
	const char *end = NULL;
	int ret = 0;

	if (l->cut) {
		l->cut = false;
		ret = skip_rest(l, err);
	}
	while (!ret && !l->at_end && l->len - l->pos < RS_FTRACE_MAX_LINE) {
		if (l->len > l->pos && memchr(l->buf + l->pos, '\n', l->len - l->pos))
			break;
		ret = refill(l, err);
	}
	if (ret || l->pos == l->len)
		return ret;
	line->p = l->buf + l->pos;
	line->len = l->len - l->pos;
	if (line->len > RS_FTRACE_MAX_LINE)
		line->len = RS_FTRACE_MAX_LINE;
	end = memchr(line->p, '\n', line->len);
	l->cut = !end;
	if (end)
		line->len = (size_t)(end - line->p);
	l->pos += line->len + !!end;
	if (line->len && line->p[line->len - 1] == '\r')
		line->len--;
	return 1;
}
