/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_REPORT_REPORT_FORMATS_H
#define RS_ANALYSIS_REPORT_REPORT_FORMATS_H

#include "analysis/report/report.h"

/* The formats, one a file; report.c has them in a table. */
extern const struct rs_report_format rs_report_text;
extern const struct rs_report_format rs_report_mail;
extern const struct rs_report_format rs_report_json;
extern const struct rs_report_format rs_report_csv;

#endif
