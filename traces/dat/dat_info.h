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
/* Room for any fact that a recorder stores. */
#define RS_DAT_FACT_SIZE 4096
/*
 * The value of a fact of our recorder, if @text, which user space wrote into the trace, is one;
 * it stands in @fact behind the key, which is in lower case. NULL: it is none.
 */
const char *rs_dat_info_fact(const char *text, size_t size, char fact[RS_DAT_FACT_SIZE]);
/* Takes such a text into @meta if it is a fact. 0 or -ENOMEM. */
int rs_dat_info_marker(const char *text, size_t size, struct rs_trace_meta *meta);
/* Where a recording in pieces is. */
struct rs_dat_seams {
	bool paused;
	bool half; /* the last seam lacks its other half: its mark was lost */
};

enum rs_dat_seam {
	RS_DAT_NO_SEAM,
	RS_DAT_SEAM,   /* here it pauses or goes on: nobody is known to be still in anything */
	RS_DAT_CHANCE, /* recorded while probes were taken out or put in: to be left out */
};

/* The same of a text that user space wrote. */
enum rs_dat_seam rs_dat_seam_of_marker(struct rs_dat_seams *s, const struct rs_dat_probe *e);

/* What @e, the next one, is to a recording in pieces. */
static inline enum rs_dat_seam rs_dat_seam_at(struct rs_dat_seams *s, const struct rs_dat_probe *e)
{
	if (e->kind == RS_DAT_MARKER)
		return rs_dat_seam_of_marker(s, e);
	return s->paused && e->kind < RS_DAT_NR_KINDS && e->kind != RS_PROBE_MEMSLOT
		       ? RS_DAT_CHANCE
		       : RS_DAT_NO_SEAM;
}
/*
 * Says in @meta to which process task @tid of VM @vm belongs, and its command, as
 * far as the recorder's facts and the saved command lines tell. 0 or -ENOMEM.
 */
int rs_dat_info_vm(const struct rs_dat_comms *comms, uint32_t vm, uint32_t tid,
		   struct rs_trace_meta *meta);
#endif
