// SPDX-License-Identifier: GPL-2.0-only
#include "traces/dat/dat_survey.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "traces/dat/dat_info.h"
#include "traces/dat/retry_algos.h"

/* So many tasks' latest notifier calls and faults are remembered; they are few at a time. */
#define NR_TASKS 64

/* So many hits are looked at until one tells what the range holds. */
#define MAX_HITS 1000

struct task {
	uint32_t pid;
	uint64_t mn, start, end; /* of its notifier call; mn 0: it is in none */
	/* In a fault of a frame in the recorded range, which nothing else is known to send back. */
	bool covered;
};

struct look {
	struct rs_dat_survey *s;
	struct task tasks[NR_TASKS];
	long long retry; /* what a look-up returns for it */
	struct rs_dat_seams seams;
	unsigned int hits;
	bool early; /* a fault of a frame in the range came back from its look-up */
};

static bool covers(const struct rs_dat_probe *e, uint64_t start, uint64_t end)
{
	return start < end && V(e, RANGE_START) <= start && V(e, RANGE_END) >= end;
}

/*
 * The range is widened before the walk, so it covers what is hit: its frames or the call's host
 * addresses. One that covers both tells nothing; without a call it has to be just the frames.
 */
static void look_at_range(struct rs_dat_survey *s, const struct task *t,
			  const struct rs_dat_probe *e)
{
	const uint64_t gfn = V(e, GFN_START), end = V(e, GFN_END);
	bool gfns, hvas;

	if (!V(e, IN_PROGRESS))
		return;
	if (!t->mn) {
		if (gfn < end && V(e, RANGE_START) == gfn && V(e, RANGE_END) == end)
			s->range = RS_DAT_RANGE_GFN;
		return;
	}
	gfns = covers(e, gfn, end);
	hvas = covers(e, t->start, t->end);
	if (gfns != hvas)
		s->range = gfns ? RS_DAT_RANGE_GFN : RS_DAT_RANGE_HVA;
}

static void look_at_hit(struct look *l, const struct task *t, const struct rs_dat_probe *e)
{
	if (t->mn && !l->s->mn_offset)
		l->s->mn_offset = t->mn - V(e, KVM);
	if (!l->s->range && l->hits++ < MAX_HITS)
		look_at_range(l->s, t, e);
}

#define NAME(sym, name) name,
static const char *const told[] = { RS_RETRY_ALGOS(NAME) };
#undef NAME

/* The recorder's facts are written before anything happens. */
static void look_at_fact(struct look *l, const struct rs_dat_probe *e)
{
	char key[RS_DAT_FACT_SIZE];
	const char *value = rs_dat_info_fact(e->text, e->text_size, key);

	if (!value)
		return;
	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		if (!strcmp(key, RS_FACT_RETRY_ALGO) && !strcmp(value, told[i]))
			l->s->told = told[i];
	if (!strcmp(key, RS_FACT_RET_PF_RETRY))
		l->retry = strtoll(value, NULL, 10);
}

/* False: what was to be found is found. */
static bool look_at(struct look *l, const struct rs_dat_probe *e)
{
	const enum rs_dat_seam seam = rs_dat_seam_at(&l->seams, e);
	struct task *t;

	if (seam == RS_DAT_CHANCE)
		return true;
	/* A gap or a pause, in which anybody may have done anything. */
	if (e->kind >= RS_DAT_NR_KINDS || seam == RS_DAT_SEAM) {
		memset(l->tasks, 0, sizeof(l->tasks));
		return true;
	}
	t = &l->tasks[e->pid % NR_TASKS];
	if (t->pid != e->pid)
		*t = (struct task){ .pid = e->pid };
	switch (e->kind) {
	case RS_DAT_MARKER:
		look_at_fact(l, e);
		break;
	case RS_PROBE_INVAL_START:
		t->mn = V(e, MN);
		t->start = V(e, START);
		t->end = V(e, END);
		break;
	case RS_PROBE_INVAL_SLOT:
		look_at_hit(l, t, e);
		return !l->s->mn_offset || !(l->s->range || l->s->told);
	case RS_PROBE_INVAL_STARTED:
	case RS_PROBE_INVAL_END:
	case RS_PROBE_INVAL_ENDED:
		t->mn = 0;
		break;
	case RS_PROBE_FAULT_BEGIN:
		t->covered = V(e, IN_PROGRESS) && !(V(e, FLAGS) & RS_DAT_SLOT_INVALID) &&
			     covers(e, V(e, GFN), V(e, GFN) + 1);
		break;
	case RS_DAT_TP_ASYNC_TRY:
	case RS_DAT_TP_ASYNC_NOT_PRESENT:
	case RS_DAT_TP_ASYNC_REPEATED:
		t->covered = false;
		break;
	case RS_PROBE_FAULT_LOOKED_UP:
		l->early |= t->covered && (int64_t)V(e, RET) == l->retry;
		t->covered = false;
		break;
	default:
		break;
	}
	return true;
}

int rs_dat_survey(struct rs_dat_survey *s, struct rs_dat_merge *merge,
		  const struct rs_dat_probes *probes, struct rs_error *err)
{
	struct look l = { .s = s, .retry = 1 };
	const struct rs_dat_record *r;
	struct rs_dat_probe e;
	int ret;

	*s = (struct rs_dat_survey){ 0 };
	while ((ret = rs_dat_merge_next(merge, &r, err)) > 0) {
		ret = rs_dat_probe_decode(probes, r, &e, err);
		if (ret || !look_at(&l, &e))
			break;
	}
	/* Kernels of the hva range ask nothing before the look-up. */
	if (!s->range && l.early)
		s->range = RS_DAT_RANGE_GFN;
	return ret;
}
