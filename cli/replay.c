// SPDX-License-Identifier: GPL-2.0-only
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/report.h"
#include "cli/cli.h"
#include "cli/command.h"
#include "cli/input.h"
#include "cli/output.h"
#include "replay/replay.h"

enum { OPT_FORMAT = 0x100, OPT_ALGO, OPT_LOOP, OPT_STRICT, OPT_DISTRIBUTIONS };

struct replay_args {
	struct rs_input input;
	const struct rs_report_format *format;
	const char *algos;
	const char *output;
	bool strict, distributions;
	struct rs_replay *engine;
};

static const struct argp_option options[] = {
	{ "format", OPT_FORMAT, "text|mail|json|csv", 0, "how to report (text)", 0 },
	{ "algo", OPT_ALGO, "LIST", 0,
	  "algorithms: names separated by commas, or all (" RS_ALGOS_DEFAULT "); "
	  "`retryscope help algorithms` lists them",
	  0 },
	{ "loop", OPT_LOOP, "open", 0, "judge each recorded fault once (open)", 0 },
	{ "strict", OPT_STRICT, NULL, 0, "the first anomaly of the trace is an error", 0 },
	{ "output", 'o', "FILE", 0, "write to FILE, which appears when it is complete", 0 },
	{ "distributions", OPT_DISTRIBUTIONS, NULL, 0, "JSON: add the whole distributions", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct replay_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->input;
		return 0;
	case OPT_FORMAT:
		a->format = rs_report_format_find(arg);
		if (!a->format)
			argp_error(state, "--format: text, mail, json or csv expected, not '%s'",
				   arg);
		return 0;
	case OPT_ALGO:
		rs_input_check_algos(state, arg);
		a->algos = arg;
		return 0;
	case OPT_LOOP:
		if (strcmp(arg, "open"))
			argp_error(state, "--loop: open expected, not '%s'", arg);
		return 0;
	case OPT_STRICT:
		a->strict = true;
		return 0;
	case 'o':
		a->output = arg;
		return 0;
	case OPT_DISTRIBUTIONS:
		a->distributions = true;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_child children[] = { { &rs_input_argp, 0, NULL, 0 }, { 0 } };

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "FILE",
	.doc = "Judge every fault of a trace with every chosen algorithm.\v"
	       "FILE is a trace.dat, the text form or the binary form, compressed or not; "
	       "- is standard input.",
	.children = children,
};

/* The command that makes this report again, wherever it was written to; for the caller to free. */
static char *command_line(const struct replay_args *a)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	fputs("retryscope replay", f);
	if (strcmp(a->format->name, "text"))
		rs_command_option(f, "--format", a->format->name);
	rs_command_option(f, "--algo", a->algos);
	if (a->strict)
		rs_command_word(f, "--strict");
	if (a->distributions)
		rs_command_word(f, "--distributions");
	rs_input_command(f, &a->input);
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}

static int start(void *arg, const struct rs_trace_meta *meta, struct rs_error *err)
{
	struct replay_args *a = arg;
	struct rs_replay_opts opts = {
		.algos = a->algos,
		.flags = RS_REPLAY_ALL,
		.kernel_algo = rs_input_kernel_algo(&a->input, meta),
		.strict = a->strict,
		.one_vm = a->input.vm_text,
		.vm = a->input.vm,
	};

	a->engine = rs_replay_new(&opts, err);
	return a->engine ? 0 : -errno;
}

static int events(void *arg, const struct rs_event *evs, size_t n, struct rs_error *err)
{
	struct replay_args *a = arg;

	return rs_replay_feed(a->engine, evs, n, err);
}

static int write_report(const struct replay_args *a, const struct rs_reader *reader,
			const struct rs_result *r, struct rs_error *err)
{
	char *command = command_line(a);
	struct rs_report rep = {
		.result = r,
		.meta = rs_reader_meta(reader),
		.path = a->input.path,
		.form = rs_form_name(rs_reader_form(reader)),
		.version = RS_VERSION,
		.command = command,
		.distributions = a->distributions,
	};
	struct rs_output out;
	int rc;

	rc = rs_output_open(&out, a->output, err);
	if (!rc) {
		rc = command ? a->format->write(out.f, &rep) : -ENOMEM;
		rc = rs_output_end(&out, rc, err);
	}
	free(command);
	return rc;
}

static int run(struct replay_args *a, struct rs_error *err)
{
	const struct rs_input_sink sink = { .arg = a, .start = start, .events = events };
	struct rs_reader *reader = rs_input_read(&a->input, &sink, err);
	struct rs_result *r = reader ? rs_replay_finish(a->engine, err) : NULL;
	int rc = -1;

	if (r && !rs_input_check_vm(&a->input, r->nr_vms, err))
		rc = write_report(a, reader, r, err);
	rs_result_free(r);
	rs_reader_close(reader);
	rs_replay_free(a->engine);
	return rc;
}

int rs_cmd_replay(int argc, char **argv)
{
	struct replay_args a = { .format = rs_report_format_find("text") };
	struct rs_error err = { .offset = -1 };

	argp_parse(&argp, argc, argv, 0, NULL, &a);
	return run(&a, &err) ? rs_cli_report(&err) : RS_EXIT_OK;
}
