// SPDX-License-Identifier: GPL-2.0-only
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/report/fleet.h"
#include "analysis/report/groups.h"
#include "analysis/report/report_read.h"
#include "cli/cli.h"
#include "cli/color.h"
#include "cli/command.h"
#include "cli/files.h"
#include "cli/output.h"
#include "cli/version.h"
#include "base/textbuf.h"

enum { OPT_FORMAT = 0x100, OPT_BY, OPT_ALGO, OPT_GROUPS };

struct merge_args {
	const struct rs_report_format *format;
	enum rs_fleet_by by;
	const char *by_text; /* NULL: nobody asked */
	const char *algo, *groups_path, *output;
	struct rs_groups groups;
	struct rs_files files;
};

static const struct argp_option options[] = {
	{ "format", OPT_FORMAT, RS_REPORT_FORMAT_NAMES, 0, "how to report the sum (json)", 0 },
	{ "by", OPT_BY, RS_FLEET_BYS, 0,
	  "list all of these side by side, those that stand out first (host)", 0 },
	{ "algo", OPT_ALGO, "NAME", 0,
	  "the algorithm of that list (the one that each traced kernel runs)", 0 },
	{ "groups", OPT_GROUPS, "FILE", 0,
	  "lines HOST GROUP: which host is in which group; HOST may be a pattern", 0 },
	{ "output", 'o', "FILE", 0, "write to FILE, which appears when it is complete", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct merge_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->files;
		return 0;
	case OPT_FORMAT:
		rs_cli_choice(state, "--format", RS_REPORT_FORMAT_NAMES, arg);
		a->format = rs_report_format_find(arg);
		return 0;
	case OPT_BY:
		a->by = rs_cli_choice(state, "--by", RS_FLEET_BYS, arg);
		a->by_text = arg;
		return 0;
	case OPT_ALGO:
		a->algo = arg;
		return 0;
	case OPT_GROUPS:
		a->groups_path = arg;
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
	.args_doc = "FILE...",
	.children = rs_files_children,
	.doc = "Add up JSON reports of many traces, of many hosts, into one.\v"
	       "FILE is what `retryscope replay --format json` or this verb wrote; - is standard "
	       "input. Quantiles need reports made with --distributions.",
};

/* 0 if fopen() gave @f, else the error. */
static int check_open(const FILE *f, struct rs_error *err)
{
	return f ? 0
		 : rs_error_set(err, errno == ENOMEM ? RS_ERR_SYSTEM : RS_ERR_INPUT, errno,
				"cannot be opened: %s", strerror(errno));
}

static int read_report(const char *path, struct rs_report_data *d, struct rs_error *err)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "r") : stdin;
	int rc = check_open(f, err);

	if (!rc)
		rc = rs_report_read(f, d, err);
	if (f && f != stdin)
		fclose(f);
	if (rc)
		rs_cli_name_input(err, path);
	return rc;
}

/* In JSON without the reports, so that those that are sums themselves make no difference. */
static char *command_line(const struct merge_args *a)
{
	const bool json = !strcmp(a->format->name, "json");
	char *text = NULL;
	size_t size;
	FILE *f = rs_textbuf_open(&text, &size);

	if (!f)
		return NULL;
	fputs("retryscope merge", f);
	if (!json)
		rs_command_option(f, "--format", a->format->name);
	rs_command_option(f, "--by", a->by_text);
	rs_command_option(f, "--algo", a->algo);
	rs_command_option(f, "--groups", json ? NULL : a->groups_path);
	for (size_t i = 0; !json && i < a->files.nr; i++)
		rs_command_file(f, a->files.paths[i]);
	return rs_command_end(f, &text);
}

static int write_sum(const struct merge_args *a, struct rs_report *report, struct rs_error *err)
{
	struct rs_fleet *fleet = NULL;
	char *command = command_line(a);
	struct rs_output out;
	int rc = 0;

	if (a->algo && report->result->nr_vms)
		rc = rs_cli_check_has_algo(report->result, "the reports have", a->algo,
					   strlen(a->algo), err);
	if (!rc)
		fleet = rs_fleet_new(report, a->by, a->algo, err);
	if (!rc)
		rc = fleet ? rs_output_open(&out, a->output, err) : -1;
	if (!rc) {
		fleet->asked = a->by_text;
		report->version = RS_VERSION;
		report->commit = rs_cli_commit;
		report->command = command;
		report->color = rs_color_of(a->output);
		report->fleet = fleet;
		rc = command ? a->format->write(out.f, report) : -ENOMEM;
		rc = rs_output_end(&out, rc, err);
	}
	free(command);
	rs_fleet_free(fleet);
	return rc;
}

static int add_report(struct rs_report_sum *sum, const char *path, struct rs_error *err)
{
	struct rs_report_data d;
	int rc = read_report(path, &d, err);

	if (rc)
		return rc;
	rc = rs_report_sum_add(sum, &d, err);
	if (rc)
		rs_cli_name_input(err, path);
	rs_report_data_free(&d);
	return rc;
}

static int read_groups(const char *path, struct rs_groups *groups, struct rs_error *err)
{
	FILE *f = fopen(path, "r");
	int rc = check_open(f, err);

	if (!rc)
		rc = rs_groups_read(f, groups, err);
	if (f)
		fclose(f);
	if (rc)
		rs_cli_name_input(err, path);
	return rc;
}

/* One report at a time, so that memory does not grow with their number but for what is listed. */
static int run(struct merge_args *a, struct rs_error *err)
{
	struct rs_report_sum *sum = rs_report_sum_new();
	struct rs_report *report = NULL;
	int rc = sum ? 0 : rs_error_nomem(err);

	if (!rc && a->groups_path)
		rc = read_groups(a->groups_path, &a->groups, err);

	for (size_t i = 0; !rc && i < a->files.nr; i++) {
		rc = add_report(sum, a->files.paths[i], err);
		/* A read that it ended is no failure of the report's. */
		if (rs_cli_interrupted)
			rc = rs_error_set(err, RS_ERR_INTR, EINTR, "interrupted");
	}
	if (!rc)
		rc = rs_report_sum_group(sum, &a->groups, err);
	if (!rc)
		report = rs_report_sum_finish(sum, err);
	rc = report ? write_sum(a, report, err) : -1;
	rs_report_sum_free(sum);
	rs_groups_free(&a->groups);
	return rc;
}

int rs_cmd_merge(int argc, char **argv)
{
	struct merge_args a = { .format = rs_report_format_find("json") };
	struct rs_error err = { .offset = -1 };

	rs_cli_parse(&argp, argc, argv, 0, &a);
	return rs_output_check(a.output, &err) || run(&a, &err) ? rs_cli_report(&err) : RS_EXIT_OK;
}
