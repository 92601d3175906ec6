// SPDX-License-Identifier: GPL-2.0-only
/* Who did it: pid=, comm= and reason=, which may stand on any event. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "traces/text/text.h"

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *d = c ? strchr(digits, c) : NULL;

	return d ? (int)(d - digits) : -1;
}

int rs_text_unescape(struct rs_text_line *l, bool quoted, char *c)
{
	int hi, lo;

	if (l->p < l->end && (*l->p == '\\' || (quoted && *l->p == '"'))) {
		*c = *l->p++;
		return 0;
	}
	hi = l->end - l->p >= 3 && *l->p == 'x' ? hex_digit(l->p[1]) : -1;
	lo = hi < 0 ? -1 : hex_digit(l->p[2]);
	if (lo < 0 || !(hi | lo))
		return rs_text_error(l, l->p - 1, "\\\\%s or \\xHH expected",
				     quoted ? ", \\\"" : "");
	*c = (char)(hi << 4 | lo);
	l->p += 3;
	return 0;
}

static bool ends_text(const struct rs_text_line *l, bool quoted)
{
	return quoted ? *l->p == '"' : *l->p == ' ' || *l->p == '\t';
}

/* A text within quotes, or one without blanks, as a string in the room. */
static int text(struct rs_text_line *l, const char **to)
{
	const bool quoted = l->p < l->end && *l->p == '"';
	const char *start = l->p;
	char *q = l->who->room + l->who->used;

	*to = q;
	l->p += quoted;
	while (l->p < l->end && !ends_text(l, quoted)) {
		*q = *l->p++;
		if (*q == '\\' && rs_text_unescape(l, quoted, q))
			return -EINVAL;
		q++;
	}
	*q++ = '\0';
	l->who->used = (size_t)(q - l->who->room);
	if (quoted && l->p == l->end)
		return rs_text_expected(l, l->p, "'\"'");
	if (q - *to > (ptrdiff_t)RS_MAX_WHO_TEXT + 1)
		return rs_text_expected(l, start, "a text of at most 4096 bytes");
	l->p += quoted;
	return l->p > start ? 0 : rs_text_expected(l, l->p, "a word or a text in '\"'");
}

static int value(struct rs_text_line *l, unsigned int key)
{
	uint64_t pid;
	int rc;

	if (key)
		return text(l, key == 1 ? &l->who->said.comm : &l->who->said.reason);
	rc = rs_text_number(l, "a process id", UINT32_MAX, &pid);
	if (!rc)
		l->who->said.pid = (uint32_t)pid;
	return rc;
}

bool rs_text_who(struct rs_text_line *l, int *rc)
{
	static const char *const names[] = { "pid", "comm", "reason" };
	const size_t len = rs_text_word(l, l->p);
	const char *start = l->p;
	unsigned int key = 0;

	while (key < 3 && (strlen(names[key]) != len || memcmp(names[key], l->p, len) != 0))
		key++;
	if (key == 3)
		return false;
	l->p += len;
	if (l->who->given & 1U << key)
		*rc = rs_text_error(l, start, "%s= is given twice", names[key]);
	else if (l->p == l->end || *l->p != '=')
		*rc = rs_text_expected(l, l->p, "'='");
	else
		*rc = 0;
	if (*rc)
		return true;
	l->who->given |= 1U << key;
	l->p++;
	*rc = value(l, key);
	if (!*rc)
		*rc = rs_text_separator(l);
	return true;
}
