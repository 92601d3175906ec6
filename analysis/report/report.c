// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/report/report.h"

#include <string.h>

#define DECLARE(name) extern const struct rs_report_format rs_report_##name;
RS_REPORT_FORMATS(DECLARE)

#define ADDRESS(name) &rs_report_##name,
static const struct rs_report_format *const formats[] = { RS_REPORT_FORMATS(ADDRESS) };

#define NR_FORMATS (sizeof(formats) / sizeof(formats[0]))

const struct rs_report_format *rs_report_format(size_t i)
{
	return i < NR_FORMATS ? formats[i] : NULL;
}

const struct rs_report_format *rs_report_format_find(const char *name)
{
	for (size_t i = 0; i < NR_FORMATS; i++)
		if (!strcmp(formats[i]->name, name))
			return formats[i];
	return NULL;
}
