/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_DAT_DAT_SURVEY_H
#define RS_TRACES_DAT_DAT_SURVEY_H

#include "traces/dat/dat_probe.h"

/* What must be known of a trace before its first event can be told. */
struct rs_dat_survey {
	uint64_t mn_offset; /* of a VM's notifier in its struct; 0: no invalidation hit anything */
	/* What the kernel's range holds, by what was recorded of it. */
	enum { RS_DAT_RANGE_UNKNOWN, RS_DAT_RANGE_GFN, RS_DAT_RANGE_HVA } range;
	/* The algorithm that a KVM made for it was told to have; NULL: it is not such a KVM. */
	const char *told;
};

/* Reads as much of @merge as it needs. Negative errno with @err set if that is damaged. */
int rs_dat_survey(struct rs_dat_survey *s, struct rs_dat_merge *merge,
		  const struct rs_dat_probes *probes, struct rs_error *err);

#endif
