// SPDX-License-Identifier: GPL-2.0-only
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/report.h"
#include "cli/cli.h"
#include "cli/command.h"
#include "cli/output.h"
#include "replay/replay.h"
#include "traces/trace.h"

enum { OPT_ASSUME = 0x100, OPT_MEMSLOTS, OPT_KERNEL_ALGO, OPT_DISTRIBUTIONS };

struct replay_args {
	const char *path;
	const struct rs_report_format *format;
	const char *algos;
	const char *kernel_algo;
	const char *output;
	const char *assume_text, *vm_text;
	bool strict, distributions;
	uint32_t vm;
	struct rs_reader_opts reader;
};

static const struct argp_option options[] = {
	{ "format", 'f', "FORMAT", 0, "text (default), mail, json or csv", 0 },
	{ "algo", 'a', "NAME[,NAME...]", 0,
	  "algorithms, or 'all' (default " RS_ALGOS_DEFAULT "); `retryscope help algorithms` "
	  "lists them",
	  0 },
	{ "loop", 'l', "LOOP", 0, "open: each recorded fault is judged once (default)", 0 },
	{ "vm", 'v', "N", 0, "judge only VM number N", 0 },
	{ "jobs", 'j', "N", 0, "threads to use (default: one per CPU); the result is the same", 0 },
	{ "strict", 's', NULL, 0, "the first anomaly of the trace is an error", 0 },
	{ "output", 'o', "FILE", 0, "write to FILE, which appears when it is complete", 0 },
	{ "kernel-algo", OPT_KERNEL_ALGO, "NAME", 0,
	  "the algorithm of the traced kernel, if its release does not tell (backports)", 0 },
	{ "assume-duration", OPT_ASSUME, "TIME", 0,
	  "how long invalidations last, for a trace that has only their begin", 0 },
	{ "memslots", OPT_MEMSLOTS, "FILE", 0,
	  "memslot lines of the text form, for a trace that has none", 0 },
	{ "distributions", OPT_DISTRIBUTIONS, NULL, 0, "JSON: add whole distributions", 0 },
	{ 0 },
};

static void check_algos(struct argp_state *state, const char *algos)
{
	struct rs_error err = { 0 };
	struct rs_replay_opts opts = { .algos = algos };
	struct rs_replay *engine = rs_replay_new(&opts, &err);

	if (!engine)
		argp_error(state, "%s", err.text);
	rs_replay_free(engine);
}

static uint32_t parse_u32(struct argp_state *state, const char *what, const char *arg)
{
	uint64_t v;

	if (rs_cli_parse_u64(arg, &v) || v > UINT32_MAX)
		argp_error(state, "%s: a number expected, not '%s'", what, arg);
	return (uint32_t)v;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct replay_args *a = state->input;

	switch (key) {
	case 'f':
		a->format = rs_report_format_find(arg);
		if (!a->format)
			argp_error(state, "--format: text, mail, json or csv expected, not '%s'",
				   arg);
		return 0;
	case 'a':
		check_algos(state, arg);
		a->algos = arg;
		return 0;
	case 'l':
		if (strcmp(arg, "open"))
			argp_error(state, "--loop: open expected, not '%s'", arg);
		return 0;
	case 'v':
		a->vm_text = arg;
		a->vm = parse_u32(state, "--vm", arg);
		return 0;
	case 'j':
		a->reader.jobs = parse_u32(state, "--jobs", arg);
		return 0;
	case 's':
		a->strict = true;
		return 0;
	case 'o':
		a->output = arg;
		return 0;
	case OPT_KERNEL_ALGO:
		check_algos(state, arg);
		a->kernel_algo = arg;
		return 0;
	case OPT_ASSUME:
		if (rs_cli_parse_time(arg, &a->reader.assume_duration_ns) ||
		    !a->reader.assume_duration_ns)
			argp_error(state, "--assume-duration: a time like 50us expected, not '%s'",
				   arg);
		a->assume_text = arg;
		return 0;
	case OPT_MEMSLOTS:
		a->reader.memslots_path = arg;
		return 0;
	case OPT_DISTRIBUTIONS:
		a->distributions = true;
		return 0;
	case ARGP_KEY_ARG:
		if (a->path)
			argp_error(state, "only one FILE expected, not also '%s'", arg);
		a->path = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "FILE expected");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "FILE",
	.doc = "Judge every fault of a trace with every chosen algorithm.\v"
	       "FILE is a trace.dat, the text form or the binary form, compressed or not; "
	       "- is standard input.",
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
	rs_command_option(f, "--algo", a->algos);
	rs_command_option(f, "--vm", a->vm_text);
	rs_command_option(f, "--kernel-algo", a->kernel_algo);
	rs_command_option(f, "--assume-duration", a->assume_text);
	rs_command_option(f, "--memslots", a->reader.memslots_path);
	if (a->strict)
		rs_command_word(f, "--strict");
	if (strcmp(a->format->name, "text"))
		rs_command_option(f, "--format", a->format->name);
	if (a->distributions)
		rs_command_word(f, "--distributions");
	rs_command_word(f, a->path);
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}

static struct rs_replay *new_engine(const struct replay_args *a, const struct rs_reader *reader,
				    struct rs_error *err)
{
	const char *kernel = rs_reader_meta(reader)->kernel;
	struct rs_replay_opts opts = {
		.algos = a->algos,
		.flags = RS_REPLAY_ALL,
		.kernel_algo = a->kernel_algo ? a->kernel_algo : rs_kernel_algorithm(kernel),
		.strict = a->strict,
		.one_vm = a->vm_text,
		.vm = a->vm,
	};

	return rs_replay_new(&opts, err);
}

/* Errors of the stream name no file of their own. */
static struct rs_result *failed(struct rs_replay *engine, const struct replay_args *a,
				struct rs_error *err)
{
	if (!err->file[0] && err->kind == RS_ERR_INPUT)
		snprintf(err->file, sizeof(err->file), "%s", a->path);
	rs_replay_free(engine);
	return NULL;
}

static struct rs_result *replay(const struct replay_args *a, struct rs_reader *reader,
				struct rs_error *err)
{
	struct rs_replay *engine = NULL;
	const struct rs_event *evs;
	ssize_t n;

	/* What the kernel was is known at the latest with the first events. */
	n = rs_reader_next(reader, &evs, err);
	if (n >= 0)
		engine = new_engine(a, reader, err);
	if (!engine)
		return failed(NULL, a, err);
	for (; n > 0; n = rs_reader_next(reader, &evs, err)) {
		if (rs_replay_feed(engine, evs, (size_t)n, err))
			return failed(engine, a, err);
		if (rs_cli_interrupted) {
			rs_error_set(err, RS_ERR_INTR, EINTR, "interrupted");
			return failed(engine, a, err);
		}
	}
	if (n < 0)
		return failed(engine, a, err);
	return rs_replay_finish(engine, err);
}

/* With --vm: is there anything of that VM? */
static int check_vm(const struct replay_args *a, const struct rs_result *r, struct rs_error *err)
{
	if (!a->vm_text || r->nr_vms)
		return 0;
	rs_error_set(err, RS_ERR_USAGE, ENOENT, "no VM number %s in the trace", a->vm_text);
	snprintf(err->file, sizeof(err->file), "%s", a->path);
	return -ENOENT;
}

static int write_report(const struct replay_args *a, const struct rs_reader *reader,
			const struct rs_result *r, struct rs_error *err)
{
	char *command = command_line(a);
	struct rs_report rep = {
		.result = r,
		.meta = rs_reader_meta(reader),
		.path = a->path,
		.form = rs_form_name(rs_reader_form(reader)),
		.version = RS_VERSION,
		.command = command,
		.distributions = a->distributions,
	};
	struct rs_output out;
	int rc;

	rc = rs_output_open(&out, a->output, err);
	if (rc) {
		free(command);
		return rc;
	}
	rc = command ? a->format->write(out.f, &rep) : -ENOMEM;
	free(command);
	if (rc == -ENOMEM) {
		rs_output_abort(&out);
		return rs_error_set(err, RS_ERR_SYSTEM, ENOMEM, "no memory for the report");
	}
	return rs_output_finish(&out, err);
}

static int run(struct replay_args *a, struct rs_error *err)
{
	struct rs_progress progress;
	struct rs_reader *reader;
	struct rs_result *r;
	int rc = -1;

	rs_progress_init(&progress, a->path);
	a->reader.progress = rs_progress_update;
	a->reader.progress_arg = &progress;
	reader = rs_reader_open(a->path, &a->reader, err);
	r = reader ? replay(a, reader, err) : NULL;
	rs_progress_end(&progress);
	if (r && !check_vm(a, r, err))
		rc = write_report(a, reader, r, err);
	rs_result_free(r);
	rs_reader_close(reader);
	return rc;
}

int rs_cmd_replay(int argc, char **argv)
{
	struct replay_args a = { .format = rs_report_format_find("text") };
	struct rs_error err = { .offset = -1 };

	argp_parse(&argp, argc, argv, 0, NULL, &a);
	rs_cli_catch_signals();
	return run(&a, &err) ? rs_cli_report(&err) : RS_EXIT_OK;
}
