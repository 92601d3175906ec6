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
#include "cli/rewrite.h"
#include "cli/watch.h"
#include "traces/cpu_files.h"

enum { OPT_TO = 0x100, OPT_RAW, OPT_REPAIR, OPT_ALGO, OPT_ANONYMOUS };

#define FORMS "text|binary|trace-event"
enum { TO_TEXT, TO_BINARY, TO_TRACE_EVENT };

#define EVENTS_AT_ONCE 8192 /* their timeline is kept in memory before it is written */

struct convert_args {
	struct rs_watch watch; /* for a form of trace, its input alone */
	unsigned int to;
	bool raw, anonymous;
	const char *output;
	struct rs_timeline *timeline;
	struct rs_output out;
	size_t nr_kept; /* events of which the timeline is in memory */
	struct rs_cpu_files cpu_files;
	const char *also; /* the first of them that was named */
};

static const struct argp_option options[] = {
	{ "to", OPT_TO, FORMS, 0,
	  "the form to write (text); trace-event: a timeline, for Perfetto and other viewers", 0 },
	{ "algo", OPT_ALGO, "LIST", 0,
	  "in a timeline: whose verdicts, separated by commas (the traced kernel's, else gfn)", 0 },
	{ "raw", OPT_RAW, NULL, 0,
	  "binary without compression: six to nine times the size, and nothing to decompress", 0 },
	{ "anonymous", OPT_ANONYMOUS, NULL, 0,
	  "without names of hosts and tasks, process ids and host addresses; replay gives the same",
	  0 },
	{ "repair", OPT_REPAIR, NULL, 0,
	  "keep what is whole of a trace that is damaged or was not finished", 0 },
	{ "output", 'o', "FILE", 0, "write to FILE, which appears when it is complete", 0 },
	{ 0 },
};

/* What follows the trace.dat is what a killed trace-cmd left for it. */
static error_t parse_file(struct argp_state *state, struct convert_args *a, const char *arg)
{
	struct rs_error err;

	if (!a->watch.input.path)
		return ARGP_ERR_UNKNOWN;
	if (!a->also)
		a->also = arg;
	if (rs_cpu_files_add(&a->cpu_files, arg, &err))
		rs_cli_no_memory();
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct convert_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		rs_piece_inputs(state, &a->watch.input);
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
	case OPT_ANONYMOUS:
		a->anonymous = true;
		return 0;
	case OPT_REPAIR:
		a->watch.input.reader.repair = true;
		return 0;
	case ARGP_KEY_ARG:
		return parse_file(state, a, arg);
	case ARGP_KEY_END:
		if (a->also && !a->watch.input.reader.repair)
			rs_cli_usage(state, "only one FILE expected, not also '%s'", a->also);
		if (a->raw && a->to != TO_BINARY)
			rs_cli_usage(state, "--raw: only with --to binary");
		if (a->anonymous && a->to == TO_TRACE_EVENT)
			rs_cli_usage(state, "--anonymous: only with --to text or binary");
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
	.args_doc = "FILE [CPUFILE...]",
	.doc = "Write a trace in another form, or a piece of it.\v" RS_INPUT_DOC
	       " A piece starts with the memslots and the invalidations in "
	       "progress, so that every fault in it is judged as it is in the whole.",
	.children = rs_piece_children,
};

/* ---- what is repaired ---- */

/* The files of CPUs beside the file, if none were named. */
static int find_cpu_files(struct convert_args *a, struct rs_error *err)
{
	struct rs_reader_opts *opts = &a->watch.input.reader;
	const char *path = a->watch.input.path;
	int rc = 0;

	if (opts->repair && !a->also && strcmp(path, "-"))
		rc = rs_cpu_files_find(&a->cpu_files, path, err);
	if (rc)
		rs_error_set_file(err, path);
	if (rc || !a->cpu_files.nr)
		return rc;
	if (!a->also && access(path, F_OK)) {
		rc = rs_error_set(err, RS_ERR_INPUT, ENOENT,
				  "is not there, and %s has pages without the formats of their "
				  "events: make it by 'trace-cmd restore -c -o FILE' on that "
				  "host, before the probes are removed or it is started anew",
				  a->cpu_files.paths[0]);
		rs_error_set_file(err, path);
		return rc;
	}
	opts->cpu_files = (const char *const *)a->cpu_files.paths;
	opts->nr_cpu_files = a->cpu_files.nr;
	return 0;
}

/* That there is less than there was is said wherever the output goes. */
static void say_damage(const struct convert_args *a, const struct rs_reader *reader)
{
	const struct rs_error *damage = rs_reader_damage(reader);
	char text[1024];

	if (a->cpu_files.nr)
		rs_cli_say("%s: its pages are those of %zu files, as %s", a->watch.input.path,
			   a->cpu_files.nr, a->cpu_files.paths[0]);
	if (damage)
		rs_cli_say("%s; what is whole was kept",
			   rs_error_format(damage, text, sizeof(text)));
}

/* ---- a form of trace ---- */

static int write_trace(struct convert_args *a, struct rs_error *err)
{
	const enum rs_form form = a->raw	       ? RS_FORM_BINARY_RAW
				  : a->to == TO_BINARY ? RS_FORM_BINARY
						       : RS_FORM_TEXT;
	struct rs_reader *reader = NULL;
	int rc = rewrite_trace(&a->watch.input, a->output, form, a->anonymous, &reader, err);

	if (!rc)
		say_damage(a, reader);
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
	if (!rc)
		say_damage(a, reader);
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
	rc = find_cpu_files(&a, &err);
	if (!rc)
		rc = a.to == TO_TRACE_EVENT ? write_timeline(&a, &err) : write_trace(&a, &err);
	rs_cpu_files_free(&a.cpu_files);
	return rc ? rs_cli_report(&err) : RS_EXIT_OK;
}
