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

/*
 * A fact that is a place: all but memslots that comes between a pause and a resume was recorded by
 * chance, while probes were taken out or put in one after the other.
 */
#define RS_FACT_SEAM "seam"
#define RS_SEAM_PAUSE "pause"
#define RS_SEAM_RESUME "resume"

/* The algorithm that a KVM was told to have. */
#define RS_FACT_RETRY_ALGO "kvm.retry_algo"
/* What a look-up returns for a fault that is to be tried again. */
#define RS_FACT_RET_PF_RETRY "enum.ret_pf_retry"

#define RS_STATE_FIELDS "seq", "in_progress", "range_start", "range_end"

/*
 * The invalidations of a notifier are inval_start to inval_ended. Those that come through
 * no notifier (a hole in a guest_memfd, kvm_zap_gfn_range(), memory attributes) are
 * inval_begin, inval_slot or inval_range_add for what they hit, inval_end_locked; where
 * begin and end take a range, which is before 6.8, zap_begin to zap_end. Where the kernel
 * does not inline them into its notifiers, these events come inside the notifiers' as well.
 * "filter" is enum kvm_gfn_range_filter, "private" whether a fault is on private memory,
 * "pid" the process that made the VM (kvm->userspace_pid); not every kernel has them.
 *
 * X(SYMBOL, event name, fields...) */
#define RS_PROBE_EVENTS(X)                                                                         \
	X(MEMSLOT, "memslot", "kvm", "change", "old_gfn", "old_npages", "old_id", "old_as", "gfn", \
	  "npages", "hva", "id", "as", "flags", "pid")                                             \
	X(INVAL_START, "inval_start", "mn", "start", "end", "reason", RS_STATE_FIELDS)             \
	X(INVAL_SLOT, "inval_slot", "kvm", "as", "id", "gfn_start", "gfn_end", RS_STATE_FIELDS,    \
	  "filter")                                                                                \
	X(INVAL_STARTED, "inval_started", NULL)                                                    \
	X(INVAL_END, "inval_end", "mn", "start", "end", RS_STATE_FIELDS)                           \
	X(INVAL_END_LOCKED, "inval_end_locked", "kvm", RS_STATE_FIELDS)                            \
	X(INVAL_ENDED, "inval_ended", NULL)                                                        \
	X(FAULT, "fault", "kvm", "vcpu", "addr", "error")                                          \
	X(FAULT_BEGIN, "fault_begin", "kvm", "vcpu", "gfn", "as", "id", "flags", RS_STATE_FIELDS,  \
	  "private")                                                                               \
	X(FAULT_LOOKED_UP, "fault_looked_up", "ret")                                               \
	X(FAULT_CHECK, "fault_check", "kvm", "vcpu", "gfn", "hva", "fault_seq", RS_STATE_FIELDS,   \
	  "private")                                                                               \
	X(FAULT_VERDICT, "fault_verdict", "ret")                                                   \
	X(FAULT_END, "fault_end", "ret")                                                           \
	X(INVAL_BEGIN, "inval_begin", "kvm", RS_STATE_FIELDS)                                      \
	X(INVAL_RANGE_ADD, "inval_range_add", "kvm", "start", "end", RS_STATE_FIELDS)              \
	X(ZAP_BEGIN, "zap_begin", "kvm", "start", "end", RS_STATE_FIELDS)                          \
	X(ZAP_END, "zap_end", "kvm", "start", "end", RS_STATE_FIELDS)

#define RS_PROBE_ENUM(sym, ...) RS_PROBE_##sym,
enum rs_probe_event { RS_PROBE_EVENTS(RS_PROBE_ENUM) RS_NR_PROBE_EVENTS };
#undef RS_PROBE_ENUM

/* The tracepoints that are recorded besides. */
#define RS_TRACEPOINTS                                                                 \
	"kvm:kvm_page_fault", "kvm:kvm_unmap_hva_range", "kvm:kvm_try_async_get_page", \
		"kvm:kvm_async_pf_not_present", "kvm:kvm_async_pf_ready",              \
		"kvm:kvm_async_pf_repeated_fault"

#endif
