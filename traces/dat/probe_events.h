/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_DAT_PROBE_EVENTS_H
#define RS_TRACES_DAT_PROBE_EVENTS_H

/*
 * The one table of names that the recorder creates and the importer looks up:
 * the dynamic events of group "retryscope" and their fields. Header only, so
 * that traces/ needs nothing else of capture/. docs/capture.md says where each
 * is probed; STATE is the four words of struct kvm.
 */
#define RS_PROBE_GROUP "retryscope"
/* What is known besides stands in the trace as markers "retryscope-fact KEY VALUE". */
#define RS_FACT_MARKER "retryscope-fact"

#define RS_STATE_FIELDS "seq", "in_progress", "range_start", "range_end"

/* X(SYMBOL, event name, fields...) */
#define RS_PROBE_EVENTS(X)                                                                         \
	X(MEMSLOT, "memslot", "kvm", "change", "old_gfn", "old_npages", "old_id", "old_as", "gfn", \
	  "npages", "hva", "id", "as", "flags")                                                    \
	X(INVAL_START, "inval_start", "mn", "start", "end", "reason", RS_STATE_FIELDS)             \
	X(INVAL_SLOT, "inval_slot", "kvm", "as", "id", "gfn_start", "gfn_end", RS_STATE_FIELDS)    \
	X(INVAL_STARTED, "inval_started", NULL)                                                    \
	X(INVAL_END, "inval_end", "mn", "start", "end", RS_STATE_FIELDS)                           \
	X(INVAL_END_LOCKED, "inval_end_locked", "kvm", RS_STATE_FIELDS)                            \
	X(INVAL_ENDED, "inval_ended", NULL)                                                        \
	X(FAULT, "fault", "kvm", "vcpu", "addr", "error")                                          \
	X(FAULT_BEGIN, "fault_begin", "kvm", "vcpu", "gfn", "as", "id", "flags", RS_STATE_FIELDS)  \
	X(FAULT_LOOKED_UP, "fault_looked_up", "ret")                                               \
	X(FAULT_CHECK, "fault_check", "kvm", "vcpu", "gfn", "hva", "fault_seq", RS_STATE_FIELDS)   \
	X(FAULT_VERDICT, "fault_verdict", "ret")                                                   \
	X(FAULT_END, "fault_end", "ret")

#define RS_PROBE_ENUM(sym, ...) RS_PROBE_##sym,
enum rs_probe_event { RS_PROBE_EVENTS(RS_PROBE_ENUM) RS_NR_PROBE_EVENTS };
#undef RS_PROBE_ENUM

/* The tracepoints that are recorded besides. */
#define RS_TRACEPOINTS                                                                 \
	"kvm:kvm_page_fault", "kvm:kvm_unmap_hva_range", "kvm:kvm_try_async_get_page", \
		"kvm:kvm_async_pf_not_present", "kvm:kvm_async_pf_ready",              \
		"kvm:kvm_async_pf_repeated_fault"

#endif
