// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "analysis/write/layout.h"
#include "cli/cli.h"
#include "replay/replay.h"

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
