// SPDX-License-Identifier: GPL-2.0-only
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/top/top.h"
#include "base/parse.h"
#include "cli/cli.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/piece.h"
#include "replay/cut/cut.h"

enum { OPT_BY = 0x100, OPT_ALGO, OPT_LIMIT, OPT_FORMAT };

typedef int top_writer(FILE *f, const struct rs_top_table *t, size_t limit);

#define FORMATS "text|csv|json"
static top_writer *const writers[] = { rs_top_write_text, rs_top_write_csv, rs_top_write_json };

struct top_args {
	struct rs_input input;
	struct rs_cut_opts cut_opts;
	const char *algos, *output;
	unsigned int keys;
	uint64_t limit;
	top_writer *write;
	struct rs_cut *cut; /* NULL: the whole trace */
	struct rs_top *top;
	struct rs_replay *engine;
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

static unsigned int parse_keys(const struct argp_state *state, const char *arg)
{
	unsigned int keys = 0;

	for (const char *p = arg;; p++) {
		const size_t len = strcspn(p, ",");
		unsigned int k = 0;

		while (k < RS_NR_TOP_KEYS && (strlen(rs_top_key_name(k)) != len ||
					      memcmp(rs_top_key_name(k), p, len) != 0))
			k++;
		if (k == RS_NR_TOP_KEYS)
			rs_cli_usage(state,
				     "--by: algorithm, vm, task, reason, cause, vcpu, memslot or "
				     "gfn expected, not '%.*s'",
				     (int)len, p);
		keys |= 1U << k;
		p += len;
		if (!*p)
			return keys;
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct top_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->cut_opts;
		state->child_inputs[1] = &a->input;
		return 0;
	case OPT_BY:
		a->keys = parse_keys(state, arg);
		return 0;
	case OPT_ALGO:
		rs_input_check_algos(state, arg);
		a->algos = arg;
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
	.doc = "Tell whose doing rejections are, and where: by task, reason, cause, vCPU, memslot "
	       "or frame.\v"
	       "FILE is a trace.dat, the text form or the binary form, compressed or not; "
	       "- is standard input.",
	.children = rs_piece_children,
};

static bool is_one(const char *algos)
{
	return !strchr(algos, ',') && strcmp(algos, "all") != 0;
}

static int start(void *arg, const struct rs_trace_meta *meta, struct rs_error *err)
{
	struct top_args *a = arg;
	const char *kernel = rs_input_kernel_algo(&a->input);
	const char *algos = a->algos ? a->algos : kernel ? kernel : "gfn";
	struct rs_replay_opts opts = { .algos = algos,
				       .flags =
					       RS_REPLAY_TRUTH | RS_REPLAY_CAUSES | RS_REPLAY_BLAME,
				       .one_vm = a->input.vm_text,
				       .vm = a->input.vm };

	/* Rejections of different algorithms are no sum of anything. */
	if (!is_one(algos))
		a->keys |= 1U << RS_TOP_ALGORITHM;
	a->top = rs_top_new(algos, a->keys, err);
	if (!a->top)
		return -errno;
	opts.observer = rs_top_observer(a->top);
	a->engine = rs_replay_new(&opts, err);
	return a->engine ? 0 : -errno;
}

static int feed(struct top_args *a, const struct rs_event *evs, ssize_t n, struct rs_error *err)
{
	return n < 0 ? (int)n : rs_replay_feed(a->engine, evs, (size_t)n, err);
}

static int events(void *arg, const struct rs_event *evs, size_t n, struct rs_error *err)
{
	struct top_args *a = arg;
	ssize_t kept = (ssize_t)n;

	if (a->cut)
		kept = rs_cut_feed(a->cut, evs, n, &evs, err);
	return feed(a, evs, kept, err);
}

static int write_table(struct top_args *a, const struct rs_trace_meta *meta, struct rs_error *err)
{
	struct rs_top_table table;
	struct rs_output out;
	int rc = rs_top_finish(a->top, &meta->whos, &table);

	if (rc)
		rs_error_nomem(err);
	else
		rc = rs_output_open(&out, a->output, err);
	if (!rc)
		rc = rs_output_end(&out, a->write(out.f, &table, a->limit), err);
	rs_top_table_free(&table);
	return rc;
}

static int finish(struct top_args *a, struct rs_reader *reader, struct rs_error *err)
{
	const struct rs_event *evs = NULL;
	ssize_t n = a->cut ? rs_cut_finish(a->cut, &evs, err) : 0;
	int rc = feed(a, evs, n, err);
	struct rs_result *r;

	if (rc) {
		rs_error_set_file(err, a->input.path);
		return rc;
	}
	r = rs_replay_finish(a->engine, err);
	if (!r)
		return -errno;
	rc = rs_input_check_vm(&a->input, r->nr_vms, err);
	rs_result_free(r);
	return rc ? rc : write_table(a, rs_reader_meta(reader), err);
}

static int run(struct top_args *a, struct rs_error *err)
{
	const struct rs_input_sink sink = { .arg = a, .start = start, .events = events };
	struct rs_reader *reader = NULL;
	int rc = -1;

	if (a->cut_opts.from || a->cut_opts.until) {
		a->cut = rs_cut_new(&a->cut_opts, err);
		if (!a->cut)
			return rc;
	}
	reader = rs_input_read(&a->input, &sink, err);
	if (reader)
		rc = finish(a, reader, err);
	rs_reader_close(reader);
	rs_replay_free(a->engine);
	rs_top_free(a->top);
	rs_cut_free(a->cut);
	return rc;
}

int rs_cmd_top(int argc, char **argv)
{
	struct top_args a = { .keys = 1U << RS_TOP_TASK, .limit = 20, .write = rs_top_write_text };
	struct rs_error err = { .offset = -1 };
	int rc;

	rs_cli_parse(&argp, argc, argv, 0, &a);
	rc = rs_output_check(a.output, &err);
	if (!rc)
		rc = run(&a, &err);
	return rc ? rs_cli_report(&err) : RS_EXIT_OK;
}
