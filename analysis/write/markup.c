// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/write/markup.h"

#include <stdbool.h>
#include <string.h>

#include "base/clean.h"

static void put(FILE *f, const char *text, bool lines)
{
	static const char markup[] = "&<>\"'";
	uint32_t c;

	for (size_t len; *text; text += len) {
		char one[8] = "";

		len = rs_utf8_next(text, &c);
		if (strchr(markup, *text)) {
			fprintf(f, "&#%d;", *text);
		} else if (lines && *text == '\n') {
			fputc('\n', f);
		} else {
			memcpy(one, text, len);
			rs_clean_put(f, one);
		}
	}
}

void rs_html_put(FILE *f, const char *text)
{
	put(f, text, false);
}

void rs_html_put_lines(FILE *f, const char *text)
{
	put(f, text, true);
}
