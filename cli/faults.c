// SPDX-License-Identifier: GPL-2.0-only
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "analysis/faults/faults.h"
#include "base/array.h"
#include "base/parse.h"
#include "cli/cli.h"
#include "cli/color.h"
#include "cli/output.h"
#include "cli/piece.h"
#include "cli/watch.h"

enum {
	OPT_ALGO = 0x100,
	OPT_CAUSE,
	OPT_VCPU,
	OPT_GFN,
	OPT_REJECTED,
	OPT_MISSED,
	OPT_DISAGREE,
	OPT_SORT,
	OPT_LIMIT,
	OPT_AROUND,
	OPT_FORMAT
};

#define FORMATS "text|csv|json"
static const struct rs_faults_format *const formats[] = { &rs_faults_text, &rs_faults_csv,
							  &rs_faults_json };

#define ORDERS "time|stall|retries"
#define SHOWN 20	  /* rows where they are sorted, if nothing is said */
#define MAX_AROUND 10000U /* events */
#define ROWS_AT_ONCE 4096 /* are kept in memory before they are written */

struct faults_args {
	struct rs_watch watch;
	const char *output;
	struct rs_faults_opts opts;
	bool limited;
	uint64_t around; /* events; 0: none are shown */
	const struct rs_faults_format *format;
	bool color; /* of what is wrong */
	bool own;   /* it is the traced kernel's algorithm that judges: it should not differ */
	struct rs_faults *faults;
	struct rs_faults_table *table;
	struct rs_output out;
	unsigned int nr_undrained; /* rows */
	int failed;
	/* With --around: what is shown, and what is seen around it. */
	struct rs_fault_row *rows;
	size_t nr_rows;
	struct rs_around *seen;
};

static const struct argp_option options[] = {
	{ "algo", OPT_ALGO, "NAME", 0, "who judges (the traced kernel's algorithm, else gfn)", 0 },
	{ "rejected", OPT_REJECTED, NULL, 0, "only faults that it rejects at least once", 0 },
	{ "missed", OPT_MISSED, NULL, 0, "only faults that it should have rejected and did not",
	  0 },
	{ "disagree", OPT_DISAGREE, NULL, 0, "only faults that the traced kernel decided otherwise",
	  0 },
	{ "cause", OPT_CAUSE, "NAME,...", 0,
	  "only faults with such a rejection: a cause, necessary or missed", 0 },
	{ "vcpu", OPT_VCPU, "N", 0, "only faults of this vCPU", 0 },
	{ "gfn", OPT_GFN, "N[-N]", 0, "only faults at this frame, or from the first up to the last",
	  0 },
	{ "sort", OPT_SORT, ORDERS, 0, "as they end, or the most stalled or retried first (time)",
	  0 },
	{ "limit", OPT_LIMIT, "N", 0, "rows at most (sorted 20, with --around 1, else all); 0: all",
	  0 },
	{ "around", OPT_AROUND, "N", 0,
	  "of each tell what happened: N events before, at the begin and end of, and after it", 0 },
	{ "format", OPT_FORMAT, FORMATS, 0, "how to print them (text)", 0 },
	{ "output", 'o', "FILE", 0, "write to FILE, which appears when it is complete", 0 },
	{ 0 },
};

static uint64_t parse_number(const struct argp_state *state, const char *option, const char *arg,
			     uint64_t max)
{
	uint64_t n = 0;

	if (rs_parse_u64(arg, &n) || n > max)
		rs_cli_usage(state, "%s: a number up to %llu expected, not '%s'", option,
			     (unsigned long long)max, arg);
	return n;
}

static void parse_gfns(const struct argp_state *state, const char *arg, struct rs_faults_opts *o)
{
	const size_t len = strcspn(arg, "-");
	char first[32];
	int rc;

	snprintf(first, sizeof(first), "%.*s", (int)len, arg);
	rc = len < sizeof(first) ? rs_parse_u64(first, &o->gfn_start) : -EINVAL;
	o->gfn_end = o->gfn_start;
	if (!rc && arg[len])
		rc = rs_parse_u64(arg + len + 1, &o->gfn_end);
	if (rc || o->gfn_end < o->gfn_start || o->gfn_end == UINT64_MAX)
		rs_cli_usage(state, "--gfn: a frame or FIRST-LAST expected, not '%s'", arg);
	o->gfn_end++;
	o->one_gfn = true;
}

/* What is not there is for whoever opens it to say. */
static bool is_read_once(const char *path)
{
	struct stat st;

	return !strcmp(path, "-") || (!stat(path, &st) && !S_ISREG(st.st_mode));
}

static void check_args(struct argp_state *state, struct faults_args *a)
{
	if (a->watch.algos && (strchr(a->watch.algos, ',') || !strcmp(a->watch.algos, "all")))
		rs_cli_usage(state, "--algo: one algorithm expected, not '%s'", a->watch.algos);
	if (a->around && a->format != &rs_faults_text)
		rs_cli_usage(state, "--around is told as text");
	if (a->around && a->watch.input.path && is_read_once(a->watch.input.path))
		rs_cli_usage(state, "--around reads FILE twice: it must be a regular file");
	if (!a->limited)
		a->opts.limit = a->around ? 1 : a->opts.order != RS_FAULTS_BY_TIME ? SHOWN : 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct faults_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		rs_piece_inputs(state, &a->watch.input);
		return 0;
	case OPT_ALGO:
		rs_input_check_algos(state, arg);
		a->watch.algos = arg;
		return 0;
	case OPT_CAUSE:
		a->opts.causes =
			rs_cli_names(state, "--cause", rs_fault_cause_name, RS_NR_FAULT_CAUSES,
				     "a cause as in the report, necessary or missed", arg);
		return 0;
	case OPT_VCPU:
		a->opts.vcpu = (uint32_t)parse_number(state, "--vcpu", arg, UINT32_MAX);
		a->opts.one_vcpu = true;
		return 0;
	case OPT_GFN:
		parse_gfns(state, arg, &a->opts);
		return 0;
	case OPT_REJECTED:
		a->opts.rejected = true;
		return 0;
	case OPT_MISSED:
		a->opts.missed = true;
		return 0;
	case OPT_DISAGREE:
		a->opts.differ = true;
		return 0;
	case OPT_SORT:
		a->opts.order = rs_cli_choice(state, "--sort", ORDERS, arg);
		return 0;
	case OPT_LIMIT:
		a->opts.limit = parse_number(state, "--limit", arg, UINT64_MAX);
		a->limited = true;
		return 0;
	case OPT_AROUND:
		a->around = parse_number(state, "--around", arg, MAX_AROUND);
		return 0;
	case OPT_FORMAT:
		a->format = formats[rs_cli_choice(state, "--format", FORMATS, arg)];
		return 0;
	case 'o':
		a->output = arg;
		return 0;
	case ARGP_KEY_END:
		check_args(state, a);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "FILE",
	.doc = "Show single faults: how often each was tried, what an algorithm says of it, and "
	       "whose doing that is.\v" RS_INPUT_DOC,
	.children = rs_piece_children,
};

/* ---- the rows ---- */

static int keep_row(struct faults_args *a, const struct rs_fault_row *row)
{
	if (RS_ROOM_FOR_ONE(a->rows, a->nr_rows))
		return -ENOMEM;
	a->rows[a->nr_rows++] = *row;
	return 0;
}

static void on_row(void *arg, const struct rs_fault_row *row)
{
	struct faults_args *a = arg;

	if (!a->failed && a->around)
		a->failed = keep_row(a, row);
	if (!a->failed)
		a->failed =
			rs_faults_table_row(a->table, a->out.f, row,
					    a->color && (row->missed || (a->own && row->differ)));
	a->nr_undrained++;
}

static int start(void *arg, const struct rs_trace_meta *meta, struct rs_replay_opts *opts,
		 struct rs_error *err)
{
	struct faults_args *a = arg;

	a->opts.arg = a;
	a->opts.row = on_row;
	a->faults = rs_faults_new(&a->opts, err);
	if (!a->faults)
		return -errno;
	opts->flags = RS_REPLAY_TRUTH | RS_REPLAY_CAUSES | RS_REPLAY_BLAME;
	opts->observer = rs_faults_observer(a->faults);
	a->color = rs_color_of(a->output);
	a->own = opts->kernel_algo && !strcmp(opts->algos, opts->kernel_algo);
	a->table = rs_faults_table_new(a->format, a->out.f, opts->algos, &meta->whos);
	return a->table ? 0 : rs_error_nomem(err);
}

static int feed(void *arg, struct rs_replay *engine, const struct rs_event *evs, size_t n,
		struct rs_error *err)
{
	struct faults_args *a = arg;
	int rc = rs_replay_feed(engine, evs, n, err);

	if (!rc && a->failed)
		rc = rs_error_nomem(err);
	if (!rc && a->nr_undrained >= ROWS_AT_ONCE) {
		a->nr_undrained = 0;
		rc = rs_output_drain(&a->out, err);
	}
	return rc;
}

/* ---- what happened around them ---- */

/* Nobody looks on, and nothing is judged: the range of the algorithm is asked for. */
static int start_again(void *arg, const struct rs_trace_meta *meta, struct rs_replay_opts *opts,
		       struct rs_error *err)
{
	struct faults_args *a = arg;

	a->seen = rs_around_new(opts->algos, a->rows, a->nr_rows, (unsigned int)a->around);
	if (!a->seen)
		return rs_error_nomem(err);
	opts->flags = RS_REPLAY_TRUTH;
	return 0;
}

static int feed_again(void *arg, struct rs_replay *engine, const struct rs_event *evs, size_t n,
		      struct rs_error *err)
{
	struct faults_args *a = arg;

	return rs_around_feed(a->seen, engine, evs, n, err);
}

static int look_around(struct faults_args *a, struct rs_error *err)
{
	struct rs_reader *reader;

	a->watch.start = start_again;
	a->watch.feed = feed_again;
	reader = rs_watch_run(&a->watch, err);
	if (!reader)
		return -1;
	for (size_t i = 0; i < a->nr_rows; i++)
		rs_around_write(a->out.f, a->seen, i, &rs_reader_meta(reader)->whos);
	rs_reader_close(reader);
	return 0;
}

static int run(struct faults_args *a, struct rs_error *err)
{
	struct rs_reader *reader = rs_watch_run(&a->watch, err);
	int rc = reader ? 0 : -1;

	if (!rc && (rs_faults_finish(a->faults) || a->failed))
		rc = rs_error_nomem(err);
	if (!rc)
		rs_faults_table_end(a->table, a->out.f, rs_faults_found(a->faults),
				    rs_faults_seen(a->faults));
	rs_reader_close(reader);
	if (!rc && a->nr_rows)
		rc = look_around(a, err);
	return rc;
}

int rs_cmd_faults(int argc, char **argv)
{
	struct faults_args a = { .format = &rs_faults_text };
	struct rs_error err = { .offset = -1 };
	int rc;

	a.watch.arg = &a;
	a.watch.start = start;
	a.watch.feed = feed;
	rs_cli_parse(&argp, argc, argv, 0, &a);
	rc = rs_output_open(&a.out, a.output, &err);
	if (!rc)
		rc = run(&a, &err);
	if (!rc)
		rc = rs_output_finish(&a.out, &err);
	else
		rs_output_abort(&a.out);
	rs_faults_free(a.faults);
	rs_faults_table_free(a.table);
	rs_around_free(a.seen);
	free(a.rows);
	return rc ? rs_cli_report(&err) : RS_EXIT_OK;
}
