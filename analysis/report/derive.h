/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_REPORT_DERIVE_H
#define RS_ANALYSIS_REPORT_DERIVE_H

#include "replay/figures.h"
#include "traces/trace.h"

/* Figures that follow from a result, for all formats alike. Those without a base are NAN. */

/* Of all VMs: 0 if the result has no algorithm of that name, else 1 + its index. */
size_t rs_algo_find(const struct rs_result *r, const char *name);

/* The algorithm called @name of this VM, or NULL. */
const struct rs_algo_result *rs_vm_algo(const struct rs_result *r, const struct rs_vm_result *v,
					const char *name);
/* The VM of that number, or NULL. */
const struct rs_vm_result *rs_vm_result_find(const struct rs_result *r, uint32_t vm);

/* Lost events: the recorder's figure and the stream's tell the same loss. */
uint64_t rs_lost_events(const struct rs_result *r, const struct rs_trace_meta *m);

struct rs_anomaly_count {
	const char *name;
	uint64_t count;
};
/* All anomalies, of the import and of the stream. */
uint64_t rs_anomalies(const struct rs_result *r, const struct rs_trace_meta *m);

/*
 * Anomalies of the import and of the stream in one list: those of the stream
 * first, zero or not, in the order of enum rs_anomaly, each with what the
 * import adds under the same name; then the import's own. The caller frees the
 * array, not the names. NULL: no memory.
 */
struct rs_anomaly_count *rs_anomalies_list(const struct rs_result *r, const struct rs_trace_meta *m,
					   size_t *nr);

#endif
