/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_DAT_DAT_INFO_H
#define RS_TRACES_DAT_DAT_INFO_H

#include "traces/trace.h"
#include "traces/dat/dat_comms.h"
#include "traces/dat/dat_probe.h"

/*
 * What the file says of the host and the recording, into @meta; @of_text: and not of itself.
 * 0 or -ENOMEM.
 */
int rs_dat_info(const struct rs_dat_file *f, const struct rs_dat_probes *probes, bool of_text,
		struct rs_trace_meta *meta);
/*
 * What each CPU's ring buffer dropped where no page says so (it was full and not to overwrite
 * anything, or was interrupted too often), once all of the recorder's facts are known: a loss
 * of which the place is not known, into @meta. 0 or -ENOMEM.
 */
int rs_dat_info_unmarked(const struct rs_dat_file *f, struct rs_trace_meta *meta);
/*
 * A text that user space wrote into the trace: takes it into @meta if it is a fact
 * of our recorder. 0 or -ENOMEM.
 */
int rs_dat_info_marker(const char *text, size_t size, struct rs_trace_meta *meta);
/*
 * Says in @meta to which process task @tid of VM @vm belongs, and its command, as
 * far as the recorder's facts and the saved command lines tell. 0 or -ENOMEM.
 */
int rs_dat_info_vm(const struct rs_dat_comms *comms, uint32_t vm, uint32_t tid,
		   struct rs_trace_meta *meta);
#endif
