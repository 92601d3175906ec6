// SPDX-License-Identifier: GPL-2.0-only
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/top/top.h"
#include "base/parse.h"
#include "cli/cli.h"
#include "cli/color.h"
#include "cli/loop.h"
#include "cli/output.h"
#include "cli/watch.h"

enum { OPT_BY = 0x100, OPT_ALGO, OPT_LIMIT, OPT_FORMAT };

typedef int top_writer(FILE *f, const struct rs_top_table *t, size_t limit);

#define FORMATS "text|csv|json"
static top_writer *const writers[] = { rs_top_write_text, rs_top_write_csv, rs_top_write_json };

struct top_args {
	struct rs_watch watch;
	const char *output;
	unsigned int keys;
	uint64_t limit;
	top_writer *write;
	struct rs_loop loop;
	struct rs_top *top;
	struct rs_closed *simulation; /* NULL: open loop */
	const char *arrivals;	      /* of the simulation, as it was done */
	bool precheck;
	struct rs_observer table; /* that of @top, and behind it the simulation's */
};

static const struct argp_option options[] = {
	{ "by", OPT_BY, "KEY,...", 0,
	  "add up by these: algorithm, vm, task, reason, cause, vcpu, memslot, gfn (task)", 0 },
	{ "algo", OPT_ALGO, "LIST", 0,
	  "whose rejections, separated by commas (the traced kernel's, else gfn); of several each "
	  "by itself",
	  0 },
	{ "limit", OPT_LIMIT, "N", 0, "rows at most (20); 0: all", 0 },
	{ "format", OPT_FORMAT, FORMATS, 0, "how to print the table (text)", 0 },
	{ "output", 'o', "FILE", 0, "write to FILE, which appears when it is complete", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct top_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		rs_loop_inputs(state, &a->watch.input, &a->loop);
		return 0;
	case OPT_BY:
		a->keys = rs_cli_names(state, "--by", rs_top_key_name, RS_NR_TOP_KEYS,
				       "algorithm, vm, task, reason, cause, vcpu, memslot or gfn",
				       arg);
		return 0;
	case OPT_ALGO:
		rs_input_check_algos(state, arg);
		a->watch.algos = arg;
		return 0;
	case OPT_LIMIT:
		if (rs_parse_u64(arg, &a->limit))
			rs_cli_usage(state, "--limit: a number expected, not '%s'", arg);
		return 0;
	case OPT_FORMAT:
		a->write = writers[rs_cli_choice(state, "--format", FORMATS, arg)];
		return 0;
	case 'o':
		a->output = arg;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "FILE",
	.doc = "Tell whose doing rejections are, and with --loop closed the stall of faults, and "
	       "where: by task, reason, cause, vCPU, memslot or frame.\v" RS_INPUT_DOC,
	.children = rs_loop_children,
};

static bool is_one(const char *algos)
{
	return !strchr(algos, ',') && strcmp(algos, "all") != 0;
}

/* ---- the closed loop ---- */

static int start_closed(struct top_args *a, struct rs_replay_opts *opts, struct rs_error *err)
{
	a->loop.opts.algos = opts->algos;
	a->loop.opts.both = true;
	a->loop.opts.stalled = rs_top_stalled;
	a->loop.opts.arg = a->top;
	a->simulation = rs_closed_new(&a->loop.opts, err);
	if (!a->simulation)
		return -errno;
	a->table = *rs_top_observer(a->top);
	a->table.next = rs_closed_observer(a->simulation);
	opts->observer = &a->table;
	return 0;
}

static int finish(void *arg, struct rs_result *r, struct rs_error *err)
{
	struct top_args *a = arg;
	int rc = a->simulation ? rs_closed_finish(a->simulation, r, err) : 0;

	for (size_t i = 0; !rc && i < r->nr_vms; i++) {
		a->arrivals = r->vms[i].closed.arrivals;
		a->precheck |= r->vms[i].closed.precheck;
	}
	return rc;
}

/* ---- all of it ---- */

static int start(void *arg, const struct rs_trace_meta *meta, struct rs_replay_opts *opts,
		 struct rs_error *err)
{
	struct top_args *a = arg;

	/* Rejections of different algorithms are no sum of anything. */
	if (!is_one(opts->algos))
		a->keys |= 1U << RS_TOP_ALGORITHM;
	a->top = rs_top_new(opts->algos, a->keys, a->loop.closed, err);
	if (!a->top)
		return -errno;
	opts->flags = RS_REPLAY_TRUTH | RS_REPLAY_CAUSES | RS_REPLAY_BLAME;
	opts->observer = rs_top_observer(a->top);
	return a->loop.closed ? start_closed(a, opts, err) : 0;
}

static int write_table(struct top_args *a, const struct rs_trace_meta *meta, struct rs_error *err)
{
	struct rs_top_table table;
	struct rs_output out;
	int rc = rs_top_finish(a->top, &meta->whos, &table);

	table.color = rs_color_of(a->output);
	table.version = RS_VERSION;
	table.arrivals = a->arrivals;
	table.precheck = a->precheck;
	if (rc)
		rs_error_nomem(err);
	else
		rc = rs_output_open(&out, a->output, err);
	if (!rc)
		rc = rs_output_end(&out, a->write(out.f, &table, a->limit), err);
	rs_top_table_free(&table);
	return rc;
}

static int run(struct top_args *a, struct rs_error *err)
{
	struct rs_reader *reader = rs_watch_run(&a->watch, err);
	int rc = reader ? write_table(a, rs_reader_meta(reader), err) : -1;

	rs_reader_close(reader);
	rs_top_free(a->top);
	rs_closed_free(a->simulation);
	return rc;
}

int rs_cmd_top(int argc, char **argv)
{
	struct top_args a = { .keys = 1U << RS_TOP_TASK, .limit = 20, .write = rs_top_write_text };
	struct rs_error err = { .offset = -1 };
	int rc;

	a.watch.arg = &a;
	a.watch.start = start;
	a.watch.finish = finish;
	rs_cli_parse(&argp, argc, argv, 0, &a);
	rc = rs_output_check(a.output, &err);
	if (!rc)
		rc = run(&a, &err);
	return rc ? rs_cli_report(&err) : RS_EXIT_OK;
}
