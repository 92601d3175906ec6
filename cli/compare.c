// SPDX-License-Identifier: GPL-2.0-only
#include <argp.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/compare/compare.h"
#include "base/textbuf.h"
#include "cli/cli.h"
#include "cli/color.h"
#include "cli/command.h"
#include "cli/document.h"
#include "cli/judge.h"
#include "cli/loop.h"
#include "cli/output.h"
#include "cli/picture.h"

#define KERNEL "kernel" /* what a traced kernel ran, among the algorithms */

enum { OPT_FORMAT = 0x100, OPT_NAMES, OPT_ALGO, OPT_FIGURES, OPT_LOOP, OPT_ARRIVALS, OPT_PLOT };

struct compare_args {
	const struct rs_compare_format *format;
	const char *names, *algos, *figures, *loop, *arrivals, *output, *plot;
	char *replayed; /* those of @algos that are to be replayed */
	bool open_loop, think;
	unsigned int jobs;
	char base_name[64], new_name[64];
	char **paths[RS_COMPARE_SIDES]; /* those of argv */
	size_t nr[RS_COMPARE_SIDES];
};

static const struct argp_option options[] = {
	{ "format", OPT_FORMAT, RS_COMPARE_FORMAT_NAMES, 0, "how to report (text)", 0 },
	{ "names", OPT_NAMES, "BASE,NEW", 0, "what to call the groups (base,new)", 0 },
	{ "algo", OPT_ALGO, "LIST", 0,
	  "algorithms to compare: names separated by commas, or all (those that all runs have); "
	  "kernel is the one that each traced kernel ran",
	  0 },
	{ "figure", OPT_FIGURES, "LIST", 0, "figures to compare (all)", 0 },
	{ "loop", OPT_LOOP, RS_CLI_LOOPS, 0, "how to replay captures (closed)", 0 },
	{ "arrivals", OPT_ARRIVALS, RS_CLI_ARRIVALS, 0,
	  "how faults arrive in the closed loop of captures (recorded)", 0 },
	{ "plot", OPT_PLOT, "FILE", 0,
	  "draw the ratios and their intervals to FILE.svg, .png, .pdf or .txt", 0 },
	{ "output", 'o', "FILE", 0, "write to FILE, which appears when it is complete", 0 },
	{ "jobs", 'j', "N", 0, "threads to use, without effect on the result (one per CPU)", 0 },
	{ 0 },
};

static void parse_names(struct argp_state *state, struct compare_args *a, const char *arg)
{
	size_t len = strcspn(arg, ",");

	if (!len || !arg[len] || !arg[len + 1] || strchr(arg + len + 1, ',') ||
	    len >= sizeof(a->base_name) || strlen(arg + len + 1) >= sizeof(a->new_name))
		rs_cli_usage(state, "--names: two short names expected, not '%s'", arg);
	a->names = arg;
	snprintf(a->base_name, sizeof(a->base_name), "%.*s", (int)len, arg);
	snprintf(a->new_name, sizeof(a->new_name), "%s", arg + len + 1);
}

/* Those but the kernel's are replayed: it is no name that replay knows, and in any replay. */
static void parse_algos(struct argp_state *state, struct compare_args *a, const char *arg)
{
	char *to;

	free(a->replayed);
	a->replayed = to = strdup(arg);
	a->algos = arg;
	if (!to)
		rs_cli_no_memory();
	for (const char *p = arg;; p++) {
		size_t len = strcspn(p, ",");

		if (!len)
			rs_input_check_algos(state, "");
		if (len != strlen(KERNEL) || strncmp(p, KERNEL, len) != 0) {
			if (to != a->replayed)
				*to++ = ',';
			memmove(to, p, len);
			to += len;
		}
		p += len;
		if (!*p)
			break;
	}
	*to = '\0';
	if (a->replayed[0])
		rs_input_check_algos(state, a->replayed);
}

static void check_args(struct argp_state *state, const struct compare_args *a)
{
	if (!a->nr[RS_COMPARE_BASE] || !a->nr[RS_COMPARE_NEW])
		rs_cli_usage(state, "FILE... -- FILE... expected: two groups of runs");
	if (a->open_loop && a->arrivals)
		rs_cli_usage(state, "--arrivals needs --loop closed");
}

static const char *figure_name(unsigned int i)
{
	return rs_compare_figure(i)->name;
}

static unsigned int nr_figures(void)
{
	unsigned int n = 0;

	while (rs_compare_figure(n))
		n++;
	return n;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct compare_args *a = state->input;

	switch (key) {
	case OPT_FORMAT:
		rs_cli_choice(state, "--format", RS_COMPARE_FORMAT_NAMES, arg);
		a->format = rs_compare_format_find(arg);
		return 0;
	case OPT_NAMES:
		parse_names(state, a, arg);
		return 0;
	case OPT_ALGO:
		parse_algos(state, a, arg);
		return 0;
	case OPT_FIGURES:
		a->figures = arg;
		rs_cli_names(state, "--figure", figure_name, nr_figures(),
			     "names that --help lists", arg);
		return 0;
	case OPT_LOOP:
		a->open_loop = !rs_cli_choice(state, "--loop", RS_CLI_LOOPS, arg);
		a->loop = arg;
		return 0;
	case OPT_ARRIVALS:
		a->think = rs_cli_choice(state, "--arrivals", RS_CLI_ARRIVALS, arg);
		a->arrivals = arg;
		return 0;
	case OPT_PLOT:
		a->plot = picture_path(state, arg);
		return 0;
	case 'o':
		a->output = arg;
		return 0;
	case 'j':
		a->jobs = rs_cli_jobs(state, arg);
		return 0;
	case ARGP_KEY_ARGS:
		a->paths[RS_COMPARE_BASE] = state->argv + state->next;
		a->nr[RS_COMPARE_BASE] = (size_t)(state->argc - state->next);
		return 0;
	case ARGP_KEY_END:
		check_args(state, a);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static void put_figures(FILE *f)
{
	fputs("The figures are:\n", f);
	for (size_t i = 0; rs_compare_figure(i); i++)
		fprintf(f, "  %-25s %s\n", rs_compare_figure(i)->name, rs_compare_figure(i)->title);
}

static char *help_filter(int key, const char *text, void *input)
{
	return key == ARGP_KEY_HELP_POST_DOC ? rs_cli_help_before(text, put_figures) : (char *)text;
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.help_filter = help_filter,
	.args_doc = "BASE... -- NEW...",
	.doc = "Compare two groups of runs: for each algorithm and figure how many times the one "
	       "is "
	       "the other, and whether chance alone would do.\v"
	       "BASE and NEW are captures, or reports that `replay --format json` made; take at "
	       "least four of each.",
};

static char *command_line(const struct compare_args *a)
{
	char *text = NULL;
	size_t size;
	FILE *f = rs_textbuf_open(&text, &size);

	if (!f)
		return NULL;
	fputs("retryscope compare", f);
	if (strcmp(a->format->name, "text"))
		rs_command_option(f, "--format", a->format->name);
	rs_command_option(f, "--names", a->names);
	rs_command_option(f, "--algo", a->algos);
	rs_command_option(f, "--figure", a->figures);
	rs_command_option(f, "--loop", a->loop);
	rs_command_option(f, "--arrivals", a->arrivals);
	for (unsigned int side = 0; side < RS_COMPARE_SIDES; side++) {
		if (side)
			rs_command_word(f, "--");
		for (size_t i = 0; i < a->nr[side]; i++)
			rs_command_file(f, a->paths[side][i]);
	}
	return rs_command_end(f, &text);
}

/* ---- runs ---- */

static int replay_capture(const struct compare_args *a, const char *path, const char *name,
			  struct rs_report_data *d, struct judge *j, struct rs_reader **reader,
			  struct rs_error *err)
{
	int rc;

	j->input.path = path;
	j->input.reader.jobs = a->jobs;
	j->input.reader.also = "a report (JSON)";
	j->input.reader.identity = true;
	j->algos = a->replayed && a->replayed[0] ? a->replayed : NULL;
	j->flags = RS_REPLAY_ALL;
	j->loop.closed = j->loop.opts.both = !a->open_loop;
	j->loop.opts.think = a->think;
	d->result = judge_run(j, reader, err);
	rc = d->result ? judge_simulate(j, d->result, err) : -EINVAL;
	if (!rc && rs_meta_copy(&d->meta, rs_reader_meta(*reader)))
		rc = rs_error_nomem(err);
	d->report.result = d->result;
	d->report.meta = &d->meta;
	d->report.path = name;
	return rc;
}

static int add_capture(struct rs_compare *c, const struct compare_args *a,
		       enum rs_compare_side side, const char *path, const char *name,
		       struct rs_error *err)
{
	struct judge j = { 0 };
	struct rs_report_data d = { 0 };
	struct rs_reader *reader = NULL;
	int rc = replay_capture(a, path, name, &d, &j, &reader, err);

	if (!rc)
		rc = rs_compare_add(c, side, name, &d, err);
	rs_report_data_free(&d);
	rs_reader_close(reader);
	judge_end(&j);
	return rc;
}

static int add_report(struct rs_compare *c, enum rs_compare_side side, const char *path,
		      const char *name, struct rs_error *err)
{
	FILE *f = fopen(path, "r");
	struct rs_report_data d;
	int rc;

	if (!f)
		return document_error(err, name, errno);
	rc = rs_report_read(f, &d, err);
	fclose(f);
	if (rc)
		return rc;
	rc = rs_compare_add(c, side, name, &d, err);
	rs_report_data_free(&d);
	return rc;
}

static int add_run(struct rs_compare *c, const struct compare_args *a, enum rs_compare_side side,
		   const char *name, struct rs_error *err)
{
	struct document in;
	int rc = document_open(&in, name, err);

	if (rc)
		return rc;
	rc = in.kind == DOCUMENT_TRACE ? add_capture(c, a, side, in.path, name, err)
				       : add_report(c, side, in.path, name, err);
	document_close(&in);
	/* The copy of a pipe has no name that the user knows. */
	if (rc && (!err->file[0] || !strcmp(err->file, in.path)))
		rs_cli_name_input(err, name);
	return rc;
}

static int add_runs(struct rs_compare *c, const struct compare_args *a, struct rs_error *err)
{
	int rc = 0;

	for (unsigned int side = 0; side < RS_COMPARE_SIDES; side++)
		for (size_t i = 0; !rc && i < a->nr[side]; i++)
			rc = add_run(c, a, side, a->paths[side][i], err);
	/* A read that it ended is no failure of the report's. */
	if (rs_cli_interrupted)
		rc = rs_error_set(err, RS_ERR_INTR, EINTR, "interrupted");
	return rc;
}

static void draw(struct rs_figure *fig, void *arg)
{
	rs_compare_draw(fig, arg);
}

static int write_result(const struct compare_args *a, struct rs_compare *c, struct rs_error *err)
{
	char *command = command_line(a);
	struct rs_output out;
	int rc = 0;

	if (rs_color_of(a->output))
		rs_compare_use_color(c);
	if (a->plot)
		rc = picture_draw(a->plot, "compare", draw, c, err);
	if (!rc)
		rc = rs_output_open(&out, a->output, err);
	if (!rc) {
		rc = command ? a->format->write(out.f, c, command) : -ENOMEM;
		rc = rs_output_end(&out, rc, err);
	}
	free(command);
	return rc;
}

static int run(const struct compare_args *a, struct rs_error *err)
{
	struct rs_compare *c = rs_compare_new(a->base_name, a->new_name, a->algos, a->figures);
	int rc = c ? add_runs(c, a, err) : rs_error_nomem(err);

	if (!rc)
		rc = rs_compare_finish(c, err);
	if (!rc)
		rc = write_result(a, c, err);
	rs_compare_free(c);
	return rc;
}

/* Where the second group begins; @argc: there is none. */
static int find_dashes(int argc, char **argv)
{
	int i = 1;

	while (i < argc && strcmp(argv[i], "--"))
		i++;
	return i;
}

int rs_cmd_compare(int argc, char **argv)
{
	struct compare_args a = { .format = rs_compare_format_find("text"),
				  .base_name = "base",
				  .new_name = "new" };
	struct rs_error err = { .offset = -1 };
	int dashes = find_dashes(argc, argv), rc;

	if (dashes < argc) {
		a.paths[RS_COMPARE_NEW] = argv + dashes + 1;
		a.nr[RS_COMPARE_NEW] = (size_t)(argc - dashes - 1);
	}
	rs_cli_parse(&argp, dashes, argv, 0, &a);
	rc = rs_output_check(a.output, &err);
	if (!rc && a.plot)
		rc = rs_output_check(a.plot, &err);
	if (!rc)
		rc = run(&a, &err);
	free(a.replayed);
	return rc ? rs_cli_report(&err) : RS_EXIT_OK;
}
