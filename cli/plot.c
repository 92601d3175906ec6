// SPDX-License-Identifier: GPL-2.0-only
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/folders.h"
#include "cli/cli.h"
#include "cli/loop.h"
#include "cli/near.h"
#include "cli/output.h"
#include "cli/picture.h"
#include "cli/piece.h"
#include "cli/plot_draw.h"

/* In the order of enum rs_figure_format. */
#define FORMATS "svg|png|pdf|dumb"

enum { OPT_KEEP = 0x100, OPT_LOOP, OPT_WHERE, OPT_X };

static const struct argp_option options[] = {
	{ "what", 'w', "PLOT[,PLOT...]", 0, "which plots (default: all)", 0 },
	{ "format", 'f', FORMATS, 0,
	  "default: by the output's name, else svg; dumb is plain text for a mail", 0 },
	{ "output", 'o', "FILE", 0, "draw the one plot to FILE", 0 },
	{ "output-dir", 'd', "DIR", 0,
	  "draw to DIR/TRACE-PLOT.svg ...; DIR is made if missing (default: the current folder; "
	  "plain text: standard output)",
	  0 },
	{ "algo", 'a', "NAME[,NAME...]", 0, "algorithms to show (default: those that suit)", 0 },
	{ "loop", OPT_LOOP, RS_CLI_LOOPS, 0,
	  "closed: draw stall and retries of a trace too; their names in --what imply it", 0 },
	{ "where", OPT_WHERE, "KEY=VALUE[,VALUE...]", 0,
	  "of a sweep, only rows with one of these values; may be repeated", 0 },
	{ "x", OPT_X, "KEY", 0,
	  "of a sweep, the parameter on the x axis (the one with most values)", 0 },
	{ "keep-data", OPT_KEEP, NULL, 0, "keep gnuplot's scripts and data beside the pictures",
	  0 },
	{ 0 },
};

static void no_plot(struct argp_state *state, const char *name, size_t len)
{
	const struct rs_plot_type *type;
	struct rs_near near;

	rs_near_init(&near, name, len);
	for (size_t i = 0; (type = rs_plot_type(i)); i++)
		rs_near_try(&near, type->name, strlen(type->name));
	rs_cli_usage(state, "--what: no plot '%.*s'%s", (int)len, name,
		     rs_near_hint(&near, "; all draws every one, and --help names them"));
}

static void parse_what(struct argp_state *state, const char *list, struct plot_order *a)
{
	a->all = !strcmp(list, "all");
	a->nr_what = 0;
	for (const char *p = list; !a->all; p++) {
		size_t len = strcspn(p, ",");
		char name[32];

		snprintf(name, sizeof(name), "%.*s", (int)len, p);
		if (a->nr_what == PLOT_MAX_WHAT || !rs_plot_find(name))
			no_plot(state, p, len);
		a->what[a->nr_what++] = rs_plot_find(name);
		p += len;
		if (!*p)
			break;
	}
}

/* By the output's suffix, unless it is given; a device has none. */
static void choose_format(struct argp_state *state, struct plot_order *a)
{
	const char *slash = a->output ? strrchr(a->output, '/') : NULL;
	const char *name = slash ? slash + 1 : a->output;

	if (a->format_given || !name || !strchr(name, '.'))
		return;
	if (!picture_format(name, &a->format))
		rs_cli_usage(state,
			     "--output: FILE.svg, .png, .pdf or .txt expected, not '%s', or "
			     "--format",
			     a->output);
}

static void check_args(struct argp_state *state, struct plot_order *a)
{
	choose_format(state, a);
	if (a->output && a->output_dir)
		rs_cli_usage(state, "--output and --output-dir exclude each other");
	if (a->output && a->nr_what != 1)
		rs_cli_usage(state, "--output takes one plot: choose it with --what");
	if (a->keep_data && a->output && !strcmp(a->output, "-"))
		rs_cli_usage(state, "--keep-data needs a file or folder to keep it beside");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct plot_order *a = state->input;

	switch (key) {
	case 'w':
		parse_what(state, arg, a);
		return 0;
	case 'f':
		a->format = rs_cli_choice(state, "--format", FORMATS, arg);
		a->format_given = true;
		return 0;
	case 'o':
		a->output = arg;
		return 0;
	case 'd':
		a->output_dir = arg;
		return 0;
	case OPT_LOOP:
		a->req.closed = rs_cli_choice(state, "--loop", RS_CLI_LOOPS, arg);
		return 0;
	case OPT_WHERE:
		if (a->req.nr_where == PLOT_MAX_WHERE)
			rs_cli_usage(state, "--where: at most %d times", PLOT_MAX_WHERE);
		a->req.where[a->req.nr_where++] = arg;
		return 0;
	case OPT_X:
		a->x = arg;
		return 0;
	case OPT_KEEP:
		a->keep_data = true;
		return 0;
	case 'a':
		rs_input_check_algos(state, arg);
		a->req.algos = arg;
		return 0;
	case ARGP_KEY_INIT:
		rs_piece_inputs(state, &a->req.input);
		return 0;
	case ARGP_KEY_END:
		check_args(state, a);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static void put_plots(FILE *f)
{
	fputs("The plots are:\n", f);
	for (size_t i = 0; rs_plot_type(i); i++)
		fprintf(f, "  %-14s %s\n", rs_plot_type(i)->name, rs_plot_type(i)->summary);
}

/* The plots there are, behind the options. */
static char *help_filter(int key, const char *text, void *input)
{
	return key == ARGP_KEY_HELP_POST_DOC ? rs_cli_help_before(text, put_plots) : (char *)text;
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "FILE",
	.doc = "Draw pictures of a trace, of a report that `replay --format json` wrote, of the "
	       "table of a sweep, or of what bench measured.\v"
	       "A report has no course over time: of it, only rejected and (with replay's "
	       "--distributions) widening can be drawn. - is standard input.",
	.help_filter = help_filter,
	.children = rs_piece_children,
};

/* Before anything is read: a picture needs a place. */
static int check_place(const struct plot_order *a, struct rs_error *err)
{
	if (a->output || (a->format == RS_FIGURE_DUMB && !a->output_dir))
		return rs_output_check(a->output, err);
	return rs_folders_check(a->output_dir ? a->output_dir : ".", err);
}

static int run(struct plot_order *a, struct rs_error *err)
{
	struct plot_data data;
	int rc = check_place(a, err);

	if (!rc)
		rc = plot_data_load(&data, &a->req, err);
	if (rc)
		return rc;
	rc = plot_draw(a, &data, NULL, err);
	plot_data_free(&data);
	return rc;
}

/* "all", and the needs of what is asked for. */
static void settle(struct plot_order *a)
{
	for (size_t i = 0; a->all && rs_plot_type(i); i++)
		a->what[a->nr_what++] = rs_plot_type(i);
	a->req.nothing_else = true;
	for (size_t i = 0; i < a->nr_what; i++) {
		a->req.nothing_else &= rs_plot_is_per_vm(a->what[i]);
		a->req.series |= a->what[i]->need == RS_PLOT_SERIES;
		a->req.map |= a->what[i]->need == RS_PLOT_MAP;
		a->req.closed |= !a->all && a->what[i]->need == RS_PLOT_CLOSED;
	}
}

int rs_cmd_plot(int argc, char **argv)
{
	struct plot_order a = { .all = true };
	struct rs_error err = { .offset = -1 };

	rs_cli_parse(&argp, argc, argv, 0, &a);
	settle(&a);
	return run(&a, &err) ? rs_cli_report(&err) : RS_EXIT_OK;
}
