// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/write/layout.h"
#include "cli/cli.h"

void rs_cli_list_algorithms(void)
{
	struct rs_page p = { .f = stdout, .width = 80 };
	const struct rs_algo_info *a;

	rs_para(&p, 0, 0,
		"What --algo takes, separated by commas (capital letters stand for numbers), with "
		"the kernels that run it, and what it keeps:");
	rs_blank_line(&p);
	for (size_t i = 0; (a = rs_algo_info(i)); i++) {
		rs_para(&p, 2, 2, "%s (%s)", a->name, a->kernels);
		rs_para(&p, 6, 6, "%s", a->summary);
	}
}

char *rs_cli_put_algos(const char *text, enum rs_algo_list which)
{
	const char *at = strstr(text, "%s");
	char *list = at ? rs_algo_list(which, true) : NULL, *out;

	if (!list)
		return (char *)text;
	if (asprintf(&out, "%.*s%s%s", (int)(at - text), text, list, at + 2) < 0)
		out = (char *)text;
	free(list);
	return out;
}
