/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_REPORT_REPORT_JSON_H
#define RS_ANALYSIS_REPORT_REPORT_JSON_H

#include <jansson.h>

#include "analysis/report/report.h"
#include "replay/figures.h"

/* Parts of the JSON report that other documents have too. New references; NULL: no memory. */

/* The object "trace". */
json_t *rs_report_json_trace(const struct rs_report *rep);
/*
 * Of a VM: invalidations, faults, and how the model agrees with the traced
 * kernel: state, agreement (of the kernel's own algorithm, null if it is not
 * known), disagreements, mismatches.
 */
json_t *rs_report_json_checks(const struct rs_report *rep, const struct rs_vm_result *v);

/*
 * What is written and read of a struct rs_report_source: figures of it, of its parts, and of
 * what an algorithm did there, without and with the closed loop's; the last has no key.
 */
extern const struct rs_figure_row rs_source_rows[], rs_part_rows[], rs_doing_rows[],
	rs_stall_rows[];

#endif
