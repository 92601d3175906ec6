/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_CLI_JUDGE_H
#define RS_CLI_JUDGE_H

#include "analysis/report/report.h"
#include "base/sha256.h"
#include "cli/input.h"
#include "cli/loop.h"
#include "replay/replay.h"
#include "replay/team/team.h"

/* A trace replayed by every algorithm, as replay does it: how, and what it takes meanwhile. */
struct judge {
	struct rs_input input;
	const char *algos;  /* NULL: the default ones */
	unsigned int flags; /* RS_REPLAY_* */
	bool strict;
	struct rs_loop loop;
	struct rs_team *team;
	struct rs_closed *simulation;
};

/*
 * Reads all of the input. The result, for the caller to free, and the reader at the end of the
 * trace for rs_reader_close(); NULL with @err set, and then *@reader may be one, or NULL.
 */
struct rs_result *judge_run(struct judge *j, struct rs_reader **reader, struct rs_error *err);
/* The closed loop, if it is asked for, into @r. 0, or negative errno with @err set. */
int judge_simulate(struct judge *j, struct rs_result *r, struct rs_error *err);
/* A report of @r, of what was read to the end of @reader; nothing of it is owned. */
struct rs_report judge_report(const struct judge *j, const struct rs_reader *reader,
			      const struct rs_result *r);
/*
 * Size and SHA-256 of the report's file, which is at @path, into it; the text is @sum. What can
 * be read only once has neither. 0, or negative errno with @err set.
 */
int judge_sum(struct rs_report *rep, const char *path, char sum[RS_SHA256_TEXT],
	      struct rs_error *err);
/* Frees what judge_run() made. */
void judge_end(struct judge *j);

#endif
