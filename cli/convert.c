// SPDX-License-Identifier: GPL-2.0-only
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/input.h"
#include "cli/piece.h"

enum { OPT_TO = 0x100, OPT_RAW, OPT_REPAIR };

struct convert_args {
	struct rs_input input;
	enum rs_form form;
	bool raw;
	const char *output;
	struct rs_writer *writer;
};

static const struct argp_option options[] = {
	{ "to", OPT_TO, "text|binary", 0, "the form to write (text)", 0 },
	{ "raw", OPT_RAW, NULL, 0,
	  "binary without compression: six to nine times the size, and nothing to decompress", 0 },
	{ "repair", OPT_REPAIR, NULL, 0,
	  "of a damaged or unfinished binary trace keep what is whole before the damage", 0 },
	{ "output", 'o', "FILE", 0, "write to FILE, which appears when it is complete", 0 },
	{ 0 },
};

static enum rs_form parse_form(struct argp_state *state, const char *arg)
{
	if (!strcmp(arg, "text"))
		return RS_FORM_TEXT;
	if (!strcmp(arg, "binary"))
		return RS_FORM_BINARY;
	rs_cli_usage(state, "--to: text or binary expected, not '%s'", arg);
	return RS_FORM_UNKNOWN;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct convert_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->input.piece;
		state->child_inputs[1] = &a->input;
		return 0;
	case OPT_TO:
		a->form = parse_form(state, arg);
		return 0;
	case OPT_RAW:
		a->raw = true;
		return 0;
	case OPT_REPAIR:
		a->input.reader.repair = true;
		return 0;
	case ARGP_KEY_END:
		if (a->raw && a->form != RS_FORM_BINARY)
			rs_cli_usage(state, "--raw: only with --to binary");
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

static int run(struct convert_args *a, struct rs_error *err)
{
	const struct rs_input_sink sink = { .arg = a, .start = start, .events = events };
	struct rs_reader *reader;
	int rc = -1;

	a->input.piece.one_vm = a->input.vm_text;
	a->input.piece.vm = a->input.vm;
	a->writer = rs_writer_open(a->output, a->raw ? RS_FORM_BINARY_RAW : a->form, err);
	if (!a->writer)
		return rc;
	rs_writer_set_jobs(a->writer, a->input.reader.jobs);
	reader = rs_input_read(&a->input, &sink, err);
	if (reader) {
		rc = rs_writer_finish(a->writer, rs_reader_meta(reader), err);
		a->writer = NULL;
	}
	rs_writer_abort(a->writer);
	rs_reader_close(reader);
	return rc;
}

int rs_cmd_convert(int argc, char **argv)
{
	struct convert_args a = { .form = RS_FORM_TEXT, .output = "-" };
	struct rs_error err = { .offset = -1 };

	rs_cli_parse(&argp, argc, argv, 0, &a);
	if (a.form == RS_FORM_BINARY && !strcmp(a.output, "-") && isatty(STDOUT_FILENO)) {
		fputs("retryscope: the binary form is not written to a terminal; see -o\n", stderr);
		return RS_EXIT_USAGE;
	}
	return run(&a, &err) ? rs_cli_report(&err) : RS_EXIT_OK;
}
