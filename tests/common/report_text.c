// SPDX-License-Identifier: GPL-2.0-only
#include "tests/common/report_text.h"

#include <stdio.h>
#include <stdlib.h>

#include "analysis/report/report.h"

char *report_text(struct rs_result *r)
{
	struct rs_trace_meta meta = { 0 };
	struct rs_report rep = { .result = r,
				 .meta = &meta,
				 .path = "a",
				 .form = "text",
				 .version = "1",
				 .command = "c",
				 .distributions = true };
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!r || !f || rs_report_format_find("json")->write(f, &rep))
		abort();
	fclose(f);
	rs_result_free(r);
	return text;
}
