// SPDX-License-Identifier: GPL-2.0-only
#include "traces/dat/dat_survey.h"

#include <stddef.h>
#include <string.h>

/* So many tasks' latest notifier calls are remembered; they are few at a time. */
#define NR_CALLS 64

/* So many hits are looked at until one tells what the range holds. */
#define MAX_HITS 1000

struct call {
	uint32_t pid;
	uint64_t mn, start, end;
};

static bool covers(const struct rs_dat_probe *e, uint64_t start, uint64_t end)
{
	return start < end && V(e, RANGE_START) <= start && V(e, RANGE_END) >= end;
}

/*
 * The range is widened before the walk, so it covers what is hit: its frames or the call's host
 * addresses. One that covers both tells nothing; without a call it has to be just the frames.
 */
static void look_at_range(struct rs_dat_survey *s, const struct call *c,
			  const struct rs_dat_probe *e)
{
	const uint64_t gfn = V(e, GFN_START), end = V(e, GFN_END);
	bool gfns, hvas;

	if (!V(e, IN_PROGRESS))
		return;
	if (!c) {
		if (gfn < end && V(e, RANGE_START) == gfn && V(e, RANGE_END) == end)
			s->range = RS_DAT_RANGE_GFN;
		return;
	}
	gfns = covers(e, gfn, end);
	hvas = covers(e, c->start, c->end);
	if (gfns != hvas)
		s->range = gfns ? RS_DAT_RANGE_GFN : RS_DAT_RANGE_HVA;
}

/* Those that scripts/lab.d/kvm/rs_retry.c knows; "kernel" is what the kernel had before. */
static const char *const told[] = { "global", "hva", "gfn", "hfn-recent:2.1.8" };

/* A text of the recorder, which is written before anything happens. */
static void look_at_fact(struct rs_dat_survey *s, const char *text, size_t size)
{
	static const char fact[] = RS_FACT_MARKER " " RS_FACT_RETRY_ALGO " ";
	const size_t len = sizeof(fact) - 1, end = strnlen(text, size);

	if (end < len || memcmp(text, fact, len))
		return;
	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
		const size_t n = strlen(told[i]);

		if (end >= len + n && !memcmp(text + len, told[i], n) &&
		    (end == len + n || text[len + n] == '\n'))
			s->told = told[i];
	}
}

int rs_dat_survey(struct rs_dat_survey *s, struct rs_dat_merge *merge,
		  const struct rs_dat_probes *probes, struct rs_error *err)
{
	struct call calls[NR_CALLS] = { 0 };
	const struct rs_dat_record *r;
	struct rs_dat_probe e;
	unsigned int hits = 0;
	int ret;

	*s = (struct rs_dat_survey){ 0 };
	while ((ret = rs_dat_merge_next(merge, &r, err)) > 0) {
		struct call *c;

		ret = rs_dat_probe_decode(probes, r, &e, err);
		if (ret)
			return ret;
		c = &calls[e.pid % NR_CALLS];
		if (e.kind == RS_DAT_MARKER) {
			look_at_fact(s, e.text, e.text_size);
		} else if (e.kind == RS_PROBE_INVAL_START) {
			*c = (struct call){ e.pid, V(&e, MN), V(&e, START), V(&e, END) };
		} else if (e.kind == RS_PROBE_INVAL_SLOT) {
			const bool in_call = c->mn && c->pid == e.pid;

			if (in_call && !s->mn_offset)
				s->mn_offset = c->mn - V(&e, KVM);
			if (!s->range && hits++ < MAX_HITS)
				look_at_range(s, in_call ? c : NULL, &e);
			if (s->mn_offset && (s->range || hits >= MAX_HITS))
				return 0;
		} else if ((e.kind == RS_PROBE_INVAL_STARTED || e.kind == RS_PROBE_INVAL_END ||
			    e.kind == RS_PROBE_INVAL_ENDED) &&
			   c->pid == e.pid) {
			c->mn = 0;
		}
	}
	return ret;
}
