/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_TOP_H
#define RS_ANALYSIS_TOP_H

#include <stdio.h>

#include "analysis/write/layout.h"
#include "replay/algorithm.h"
#include "replay/closed/closed.h"
#include "replay/replay.h"
#include "traces/who.h"

/*
 * Who, why, where: the rejections of a replay, added up by what they are put down to (blame,
 * docs/model.md). One object takes what the observer of one replay sees.
 */
enum rs_top_key {
	RS_TOP_ALGORITHM,
	RS_TOP_VM,
	RS_TOP_TASK,
	RS_TOP_REASON,
	RS_TOP_CAUSE,
	RS_TOP_VCPU,
	RS_TOP_MEMSLOT,
	RS_TOP_GFN,
	RS_NR_TOP_KEYS
};

/* "algorithm", "task" ...; NULL if out of range. */
const char *rs_top_key_name(unsigned int key);

/* Of the closed loop, with one kind of arrivals. */
struct rs_top_stall {
	uint64_t retries;
	unsigned __int128 stall_ns;
};

struct rs_top_row {
	char *key[RS_NR_TOP_KEYS]; /* as text, cleaned; NULL where it is not asked for */
	uint64_t rejected, needless, missed;
	struct rs_top_stall stall, other; /* as asked for; with the other arrivals */
};

struct rs_top_table {
	unsigned int keys; /* bits of enum rs_top_key */
	bool closed;	   /* there are retries and stall */
	bool color;	   /* text: what is wrong stands out; the caller's to set */
	/* How the figures were made; the last two of the closed loop: NULL if nothing was
	 * simulated. */
	const char *version, *arrivals;
	bool precheck;
	struct rs_top_row *rows; /* the most rejected first; of the closed loop the most stall */
	size_t nr_rows;
	/* The sums, of each algorithm by itself: without other keys than that, if it is asked for.
	 */
	struct rs_top_row *all;
	size_t nr_all;
};

struct rs_top;

/* So many groups are told apart; what more there are is one group, "(others)". */
#define RS_TOP_MAX_GROUPS (1U << 18)
/*
 * By @keys (bits), for a replay with the algorithms @algos (as in struct rs_replay_opts) and
 * RS_REPLAY_TRUTH, CAUSES and BLAME; @closed: and for its closed loop. NULL with errno and @err
 * set.
 */
struct rs_top *rs_top_new(const char *algos, unsigned int keys, bool closed, struct rs_error *err);
/* What that replay must be given; as long as @t lives. */
const struct rs_observer *rs_top_observer(struct rs_top *t);
/* What the closed loop of the same list tells, as in struct rs_closed_opts. */
void rs_top_stalled(void *arg, const struct rs_stalled *s);
/* What was counted; @whos has whom the events named. 0 or -ENOMEM. */
int rs_top_finish(struct rs_top *t, const struct rs_whos *whos, struct rs_top_table *table);
/* The sums of the algorithm of @row. Never NULL. */
const struct rs_top_row *rs_top_all_of(const struct rs_top_table *t, const struct rs_top_row *row);
/* Adds the figures of @row. */
void rs_top_add(struct rs_top_row *to, const struct rs_top_row *row);
void rs_top_table_free(struct rs_top_table *table);
void rs_top_free(struct rs_top *t);

/* The first @limit rows (0: all). 0, -ENOMEM, or -EIO if @f has failed. */
int rs_top_write_text(FILE *f, const struct rs_top_table *t, size_t limit);
int rs_top_write_csv(FILE *f, const struct rs_top_table *t, size_t limit);
int rs_top_write_json(FILE *f, const struct rs_top_table *t, size_t limit);

/* The same, without the closed loop, as a table of @p, whose error tells. */
void rs_top_write_page(struct rs_page *p, const struct rs_top_table *t, size_t limit);

#endif
