/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TESTS_REPORT_TEXT_H
#define RS_TESTS_REPORT_TEXT_H

#include "replay/result.h"

/*
 * All that can be reported of @r, which is freed, as JSON with whole distributions; for the
 * caller to free. Aborts where there is no result.
 */
char *report_text(struct rs_result *r);

#endif
