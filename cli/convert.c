// SPDX-License-Identifier: GPL-2.0-only
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/timeline/timeline.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "cli/piece.h"
#include "cli/watch.h"

enum { OPT_TO = 0x100, OPT_RAW, OPT_REPAIR, OPT_ALGO };

#define FORMS "text|binary|trace-event"
enum { TO_TEXT, TO_BINARY, TO_TRACE_EVENT };

#define EVENTS_AT_ONCE 8192 /* their timeline is kept in memory before it is written */

struct convert_args {
	struct rs_watch watch; /* for a form of trace, its input alone */
	unsigned int to;
	bool raw;
	const char *output;
	struct rs_writer *writer;
	struct rs_timeline *timeline;
	struct rs_output out;
	size_t nr_kept; /* events of which the timeline is in memory */
};

static const struct argp_option options[] = {
	{ "to", OPT_TO, FORMS, 0,
	  "the form to write (text); trace-event: a timeline, for Perfetto and other viewers", 0 },
	{ "algo", OPT_ALGO, "LIST", 0,
	  "in a timeline: whose verdicts, separated by commas (the traced kernel's, else gfn)", 0 },
	{ "raw", OPT_RAW, NULL, 0,
	  "binary without compression: six to nine times the size, and nothing to decompress", 0 },
	{ "repair", OPT_REPAIR, NULL, 0,
	  "of a damaged or unfinished binary trace keep what is whole before the damage", 0 },
	{ "output", 'o', "FILE", 0, "write to FILE, which appears when it is complete", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct convert_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->watch.input.piece;
		state->child_inputs[1] = &a->watch.input;
		return 0;
	case OPT_TO:
		a->to = rs_cli_choice(state, "--to", FORMS, arg);
		return 0;
	case OPT_ALGO:
		rs_input_check_algos(state, arg);
		a->watch.algos = arg;
		return 0;
	case OPT_RAW:
		a->raw = true;
		return 0;
	case OPT_REPAIR:
		a->watch.input.reader.repair = true;
		return 0;
	case ARGP_KEY_END:
		if (a->raw && a->to != TO_BINARY)
			rs_cli_usage(state, "--raw: only with --to binary");
		if (a->watch.algos && a->to != TO_TRACE_EVENT)
			rs_cli_usage(state, "--algo: only with --to trace-event");
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
	.doc = "Write a trace in another form, or a piece of it.\v" RS_INPUT_DOC
	       " A piece starts with the memslots and the invalidations in "
	       "progress, so that every fault in it is judged as it is in the whole.",
	.children = rs_piece_children,
};

/* ---- a form of trace ---- */

static int start(void *arg, const struct rs_trace_meta *meta, struct rs_error *err)
{
	struct convert_args *a = arg;

	return rs_writer_begin(a->writer, meta, err);
}

static int events(void *arg, const struct rs_event *evs, size_t n, struct rs_error *err)
{
	struct convert_args *a = arg;

	return rs_writer_put(a->writer, evs, n, err);
}

static int write_trace(struct convert_args *a, struct rs_error *err)
{
	const struct rs_input_sink sink = { .arg = a, .start = start, .events = events };
	const enum rs_form form = a->raw	       ? RS_FORM_BINARY_RAW
				  : a->to == TO_BINARY ? RS_FORM_BINARY
						       : RS_FORM_TEXT;
	struct rs_reader *reader;
	int rc = -1;

	a->writer = rs_writer_open(a->output, form, err);
	if (!a->writer)
		return rc;
	rs_writer_set_jobs(a->writer, a->watch.input.reader.jobs);
	reader = rs_input_read(&a->watch.input, &sink, err);
	if (reader) {
		rc = rs_writer_finish(a->writer, rs_reader_meta(reader), err);
		a->writer = NULL;
	}
	rs_writer_abort(a->writer);
	rs_reader_close(reader);
	return rc;
}

/* ---- a timeline ---- */

static int start_timeline(void *arg, const struct rs_trace_meta *meta, struct rs_replay_opts *opts,
			  struct rs_error *err)
{
	struct convert_args *a = arg;

	a->timeline = rs_timeline_new(opts->algos, meta, a->out.f, err);
	if (!a->timeline)
		return -errno;
	opts->flags = RS_REPLAY_ALL | RS_REPLAY_BLAME;
	opts->observer = rs_timeline_observer(a->timeline);
	return 0;
}

/* What the last events came to may go before the next ones: at the end there is more of it. */
static int feed_timeline(void *arg, struct rs_replay *engine, const struct rs_event *evs, size_t n,
			 struct rs_error *err)
{
	struct convert_args *a = arg;
	int rc = 0;

	if (a->nr_kept >= EVENTS_AT_ONCE) {
		a->nr_kept = 0;
		rc = rs_output_drain(&a->out, err);
	}
	a->nr_kept += n;
	return rc ? rc : rs_timeline_feed(a->timeline, engine, evs, n, a->out.f, err);
}

static int write_timeline(struct convert_args *a, struct rs_error *err)
{
	struct rs_reader *reader;
	int rc = rs_output_open(&a->out, a->output, err);

	if (rc)
		return rc;
	a->watch.arg = a;
	a->watch.start = start_timeline;
	a->watch.feed = feed_timeline;
	reader = rs_watch_run(&a->watch, err);
	rc = reader ? rs_timeline_finish(a->timeline, RS_VERSION, a->out.f, err) : -1;
	if (!rc)
		rc = rs_output_finish(&a->out, err);
	else
		rs_output_abort(&a->out);
	rs_timeline_free(a->timeline);
	rs_reader_close(reader);
	return rc;
}

int rs_cmd_convert(int argc, char **argv)
{
	struct convert_args a = { .output = "-" };
	struct rs_error err = { .offset = -1 };
	int rc;

	rs_cli_parse(&argp, argc, argv, 0, &a);
	if (a.to == TO_BINARY && !strcmp(a.output, "-") && isatty(STDOUT_FILENO)) {
		fputs("retryscope: the binary form is not written to a terminal; see -o\n", stderr);
		return RS_EXIT_USAGE;
	}
	a.watch.input.piece.one_vm = a.watch.input.vm_text;
	a.watch.input.piece.vm = a.watch.input.vm;
	rc = a.to == TO_TRACE_EVENT ? write_timeline(&a, &err) : write_trace(&a, &err);
	return rc ? rs_cli_report(&err) : RS_EXIT_OK;
}
