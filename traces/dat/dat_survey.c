// SPDX-License-Identifier: GPL-2.0-only
#include "traces/dat/dat_survey.h"

#include <stddef.h>

/* So many tasks' latest notifier calls are remembered; they are few at a time. */
#define NR_CALLS 64

struct call {
	uint32_t pid;
	uint64_t mn;
};

int rs_dat_survey(struct rs_dat_survey *s, struct rs_dat_merge *merge,
		  const struct rs_dat_probes *probes, struct rs_error *err)
{
	struct call calls[NR_CALLS] = { 0 };
	const struct rs_dat_record *r;
	struct rs_dat_probe e;
	int ret;

	s->mn_offset = 0;
	while ((ret = rs_dat_merge_next(merge, &r, err)) > 0) {
		struct call *c;

		ret = rs_dat_probe_decode(probes, r, &e, err);
		if (ret)
			return ret;
		c = &calls[e.pid % NR_CALLS];
		if (e.kind == RS_PROBE_INVAL_START) {
			*c = (struct call){ e.pid, rs_dat_value(&e, RS_DAT_F_MN) };
		} else if (e.kind == RS_PROBE_INVAL_SLOT && c->mn && c->pid == e.pid) {
			s->mn_offset = c->mn - rs_dat_value(&e, RS_DAT_F_KVM);
			return 0;
		} else if ((e.kind == RS_PROBE_INVAL_STARTED || e.kind == RS_PROBE_INVAL_END ||
			    e.kind == RS_PROBE_INVAL_ENDED) &&
			   c->pid == e.pid) {
			c->mn = 0;
		}
	}
	return ret;
}
