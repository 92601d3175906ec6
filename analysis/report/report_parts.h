/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_REPORT_REPORT_PARTS_H
#define RS_ANALYSIS_REPORT_REPORT_PARTS_H

#include "analysis/write/layout.h"
#include "analysis/report/report.h"

/*
 * The parts of a report for humans; text and mail put them together in their
 * own order and width. Each begins where the last one ended and ends its last
 * line; none writes a blank line around itself. @v is a VM of the result or the
 * sum of all.
 */

/* "VM 1 (pid 12, qemu): 13,350 faults were checked; 1,140 of them (8.5 %) had to be retried." */
void rs_part_headline(struct rs_page *p, const struct rs_report *rep, const struct rs_vm_result *v,
		      const char *who);
/* What limits the trust in all the rest: losses, assumptions, anomalies. Returns false if none. */
bool rs_part_cautions(struct rs_page *p, const struct rs_report *rep);
/* A line per algorithm: rejected, needlessly, missed, share of the guest blocked. */
void rs_part_answer(struct rs_page *p, const struct rs_report *rep, const struct rs_vm_result *v);
/* In words: which algorithm would have been wrong, and why. Returns false if none. */
bool rs_part_missed(struct rs_page *p, const struct rs_report *rep, const struct rs_vm_result *v);
/* Is there something for rs_part_causes()? */
bool rs_part_has_causes(const struct rs_report *rep, const struct rs_vm_result *v);
/* A line per algorithm: its needless rejections by cause. */
void rs_part_causes(struct rs_page *p, const struct rs_report *rep, const struct rs_vm_result *v);
/* A line per algorithm: how much of the guest it blocked. */
void rs_part_width(struct rs_page *p, const struct rs_report *rep, const struct rs_vm_result *v);
/* The closed loop's figures; only if the result has them. */
void rs_part_closed(struct rs_page *p, const struct rs_report *rep, const struct rs_vm_result *v);
/* The last three that there is something for, with a blank line between them. */
void rs_part_tables(struct rs_page *p, const struct rs_report *rep, const struct rs_vm_result *v);
/* In words: how the model and the traced kernel agree, and where not. */
void rs_part_agreement(struct rs_page *p, const struct rs_report *rep,
		       const struct rs_vm_result *v);
/* Invalidations, memslots, private memory, and the faults that were not checked. */
void rs_part_contents(struct rs_page *p, const struct rs_vm_result *v);
/* The reports that a merged one was added up from. */
void rs_part_sources(struct rs_page *p, const struct rs_report *rep);

/* Of the mail: how it was found, what to keep in mind, and how to do it again. */
void rs_part_method(struct rs_page *p, const struct rs_report *rep);
void rs_part_limits(struct rs_page *p, const struct rs_report *rep);
void rs_part_reproduction(struct rs_page *p, const struct rs_report *rep);
/*
 * The answer in two sentences: what gfn costs against hva (else the first two), which way that is
 * off, what the guest has aliased. Returns false if there is no answer.
 */
bool rs_part_sentences(struct rs_page *p, const struct rs_report *rep,
		       const struct rs_vm_result *v);
/* A paragraph for each: what it keeps, which kernels run it. */
void rs_part_algorithms(struct rs_page *p, const struct rs_report *rep);
/* The host, in one sentence. */
void rs_part_host(struct rs_page *p, const struct rs_trace_meta *m);

/*
 * All VMs together: @put writes the only one, or the sum of several, which it is told the name
 * of. Where there is none it says that.
 */
void rs_part_whole(struct rs_page *p, const struct rs_report *rep,
		   void (*put)(struct rs_page *p, const void *arg, const struct rs_vm_result *v,
			       const char *who),
		   const void *arg);

/* "VM 1 (pid 12, qemu-system-x86)" into @buf; returns it. */
char *rs_part_vm_name(const struct rs_report *rep, uint32_t vm, char *buf, size_t size);
/* "the kernel 6.1.0 (which runs hva)" into @buf; returns it. */
char *rs_part_kernel_name(const struct rs_report *rep, char *buf, size_t size);

#endif
