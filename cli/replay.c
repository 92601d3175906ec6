// SPDX-License-Identifier: GPL-2.0-only
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/report/derive.h"
#include "analysis/report/report.h"
#include "base/textbuf.h"
#include "cli/cli.h"
#include "cli/color.h"
#include "cli/command.h"
#include "cli/judge.h"
#include "cli/output.h"
#include "replay/algorithm.h"

enum {
	OPT_FORMAT = 0x100,
	OPT_ALGO,
	OPT_STRICT,
	OPT_DISTRIBUTIONS,
	OPT_COUNTS,
};

struct replay_args {
	const struct rs_report_format *format;
	const char *algos;
	char *counted; /* what "all" or nothing stands for with --counts */
	const char *output;
	bool distributions, counts;
	struct judge judge;
};

static const struct argp_option options[] = {
	{ "format", OPT_FORMAT, RS_REPORT_FORMAT_NAMES, 0, "how to report (text)", 0 },
	{ "algo", OPT_ALGO, "LIST", 0,
	  "algorithms: names separated by commas, or all (%s); "
	  "`retryscope help algorithms` lists them",
	  0 },
	{ "counts", OPT_COUNTS, NULL, 0,
	  "only how many faults each algorithm rejects: neither which of them were needless, nor "
	  "what was blocked; takes the least time",
	  0 },
	{ "strict", OPT_STRICT, NULL, 0, "the first anomaly of the trace is an error", 0 },
	{ "output", 'o', "FILE", 0, "write to FILE, which appears when it is complete", 0 },
	{ "distributions", OPT_DISTRIBUTIONS, NULL, 0, "JSON: add the whole distributions", 0 },
	{ 0 },
};

static bool has_bound(const char *list)
{
	struct rs_algo_spec *specs;
	bool has = false;
	size_t n;

	if (rs_algo_parse(list, &specs, &n, NULL))
		return false;
	for (size_t i = 0; i < n; i++)
		has |= (specs[i].ops->flags & RS_ALGO_BOUND) != 0;
	free(specs);
	return has;
}

/* Counts go without the truth, and a bound such as exact is that. */
static void check_counts(struct argp_state *state, struct replay_args *a)
{
	if (a->judge.loop.closed)
		rs_cli_usage(state, "--counts is of the open loop");
	if (a->distributions)
		rs_cli_usage(state, "--counts has no distributions");
	if (!a->algos || !strcmp(a->algos, "all")) {
		a->counted = rs_algo_list(a->algos ? RS_ALGOS_ALL : RS_ALGOS_DEFAULT, false);
		if (!a->counted)
			rs_cli_no_memory();
	} else if (has_bound(a->algos)) {
		rs_cli_usage(state, "--counts: exact is what must be retried, which is not worked "
				    "out");
	}
	if (a->judge.input.kernel_algo && has_bound(a->judge.input.kernel_algo))
		rs_cli_usage(state, "--counts: exact is no kernel's");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct replay_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		rs_loop_inputs(state, &a->judge.input, &a->judge.loop);
		return 0;
	case OPT_FORMAT:
		rs_cli_choice(state, "--format", RS_REPORT_FORMAT_NAMES, arg);
		a->format = rs_report_format_find(arg);
		return 0;
	case OPT_ALGO:
		rs_input_check_algos(state, arg);
		a->algos = arg;
		return 0;
	case OPT_STRICT:
		a->judge.strict = true;
		return 0;
	case 'o':
		a->output = arg;
		return 0;
	case OPT_COUNTS:
		a->counts = true;
		return 0;
	case OPT_DISTRIBUTIONS:
		a->distributions = true;
		return 0;
	case ARGP_KEY_END:
		if (a->format->closed && !a->judge.loop.given && !a->counts)
			a->judge.loop.closed = true;
		a->judge.loop.opts.both = a->format->both;
		if (a->counts)
			check_counts(state, a);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* The algorithms that are taken if none are named. */
static char *help_filter(int key, const char *text, void *input)
{
	return key == OPT_ALGO ? rs_cli_put_algos(text, RS_ALGOS_DEFAULT) : (char *)text;
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.help_filter = help_filter,
	.args_doc = "FILE",
	.doc = "Judge every fault of a trace with every chosen algorithm.\v" RS_INPUT_DOC,
	.children = rs_loop_children,
};

/* The command that makes this report again, wherever it was written to; for the caller to free. */
static char *command_line(const struct replay_args *a)
{
	char *text = NULL;
	size_t size;
	FILE *f = rs_textbuf_open(&text, &size);

	if (!f)
		return NULL;
	fputs("retryscope replay", f);
	if (strcmp(a->format->name, "text"))
		rs_command_option(f, "--format", a->format->name);
	rs_command_option(f, "--algo", a->algos);
	rs_loop_command(f, &a->judge.loop);
	if (a->counts)
		rs_command_word(f, "--counts");
	if (a->judge.strict)
		rs_command_word(f, "--strict");
	if (a->distributions)
		rs_command_word(f, "--distributions");
	rs_input_command(f, &a->judge.input);
	return rs_command_end(f, &text);
}

static int write_report(const struct replay_args *a, const struct rs_reader *reader,
			const struct rs_result *r, struct rs_error *err)
{
	char *command = command_line(a);
	char sha256[RS_SHA256_TEXT];
	struct rs_report rep = judge_report(&a->judge, reader, r);
	struct rs_output out;
	int rc = 0;

	rep.command = command;
	rep.distributions = a->distributions;
	rep.color = rs_color_of(a->output);
	if (a->format->file)
		rc = judge_sum(&rep, rep.path, sha256, err);
	if (!rc)
		rc = rs_output_open(&out, a->output, err);
	if (!rc) {
		rc = command ? a->format->write(out.f, &rep) : -ENOMEM;
		rc = rs_output_end(&out, rc, err);
	}
	free(command);
	return rc;
}

/* The engine stops at the first anomaly of the stream; here are those of its end, and the import's.
 */
static int check_strict(const struct replay_args *a, const struct rs_reader *reader,
			const struct rs_result *r, struct rs_error *err)
{
	struct rs_anomaly_count *list;
	size_t nr = 0, i = 0;
	int rc = 0;

	if (!a->judge.strict)
		return 0;
	list = rs_anomalies_list(r, rs_reader_meta(reader), &nr);
	if (!list)
		return rs_error_nomem(err);
	while (i < nr && !list[i].count)
		i++;
	if (i < nr) {
		rc = rs_error_set(err, RS_ERR_INPUT, EINVAL, "anomaly %s", list[i].name);
		rs_error_set_file(err, a->judge.input.path);
	}
	free(list);
	return rc;
}

static int run(struct replay_args *a, struct rs_error *err)
{
	struct rs_reader *reader;
	struct rs_result *r;
	int rc = -1;

	a->judge.algos = a->counted ? a->counted : a->algos;
	a->judge.flags = a->counts ? 0 : RS_REPLAY_ALL;
	a->judge.input.reader.identity = a->format->identity;
	r = judge_run(&a->judge, &reader, err);
	if (r && !check_strict(a, reader, r, err))
		rc = judge_simulate(&a->judge, r, err);
	if (r)
		r->counts_only = a->counts;
	if (r && !rc)
		rc = write_report(a, reader, r, err);
	rs_result_free(r);
	rs_reader_close(reader);
	judge_end(&a->judge);
	free(a->counted);
	return rc;
}

int rs_cmd_replay(int argc, char **argv)
{
	struct replay_args a = { .format = rs_report_format_find("text") };
	struct rs_error err = { .offset = -1 };

	rs_cli_parse(&argp, argc, argv, 0, &a);
	return rs_output_check(a.output, &err) || run(&a, &err) ? rs_cli_report(&err) : RS_EXIT_OK;
}
