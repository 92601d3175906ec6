// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/html/html_svg.h"

#include <stdbool.h>
#include <string.h>

/* Behind one of these a name of the picture begins. */
static size_t before_name(const char *at, size_t left)
{
	static const char *const heads[] = { " id='",	 " id=\"", "href='#",
					     "href=\"#", "url(#",  "url('#" };

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		const size_t len = strlen(heads[i]);

		if (left >= len && !memcmp(at, heads[i], len))
			return len;
	}
	return 0;
}

void rs_html_put_svg(FILE *f, const char *svg, size_t size, size_t number)
{
	const char *end = svg + size, *at = memmem(svg, size, "<svg", 4);
	bool in_tag = false;

	for (; at && at < end; at++) {
		const size_t len = in_tag ? before_name(at, (size_t)(end - at)) : 0;

		if (*at == '<' || *at == '>')
			in_tag = *at == '<';
		if (!len) {
			fputc(*at, f);
			continue;
		}
		fwrite(at, 1, len, f);
		fprintf(f, "p%zu-", number);
		at += len - 1;
	}
}
