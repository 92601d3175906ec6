// SPDX-License-Identifier: GPL-2.0-only
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "cli/output.h"
#include "cli/piece.h"
#include "cli/plot_data.h"

enum { OPT_KEEP = 0x100 };

#define MAX_WHAT 16

struct plot_args {
	struct plot_request req;
	const struct rs_plot_type *what[MAX_WHAT];
	size_t nr_what;
	bool all; /* what can be drawn, that is */
	enum rs_figure_format format;
	bool format_given;
	const char *output, *output_dir;
	bool keep_data;
};

static const struct argp_option options[] = {
	{ "what", 'w', "PLOT[,PLOT...]", 0, "which plots (default: all)", 0 },
	{ "format", 'f', "svg|png|pdf|dumb", 0,
	  "default: by the output's name, else svg; dumb is plain text for a mail", 0 },
	{ "output", 'o', "FILE", 0, "draw the one plot to FILE", 0 },
	{ "output-dir", 'd', "DIR", 0,
	  "draw to DIR/PLOT.svg ... (default: the current folder; plain text: standard output)",
	  0 },
	{ "algo", 'a', "NAME[,NAME...]", 0, "algorithms to show (default: those that suit)", 0 },
	{ "keep-data", OPT_KEEP, NULL, 0, "keep gnuplot's scripts and data beside the pictures",
	  0 },
	{ 0 },
};

static void parse_what(struct argp_state *state, const char *list, struct plot_args *a)
{
	a->all = !strcmp(list, "all");
	a->nr_what = 0;
	for (const char *p = list; !a->all; p++) {
		size_t len = strcspn(p, ",");
		char name[32];

		snprintf(name, sizeof(name), "%.*s", (int)len, p);
		if (a->nr_what == MAX_WHAT || !rs_plot_find(name))
			argp_error(state, "--what: no plot '%.*s'; all draws every one", (int)len,
				   p);
		a->what[a->nr_what++] = rs_plot_find(name);
		p += len;
		if (!*p)
			break;
	}
}

static void parse_format(struct argp_state *state, const char *arg, struct plot_args *a)
{
	for (unsigned int f = 0; f < RS_FIGURE_NR_FORMATS; f++) {
		if (strcmp(arg, rs_figure_format_name(f)))
			continue;
		a->format = f;
		a->format_given = true;
		return;
	}
	argp_error(state, "--format: svg, png, pdf or dumb expected, not '%s'", arg);
}

static void check_args(struct argp_state *state, const struct plot_args *a)
{
	if (a->output && a->output_dir)
		argp_error(state, "--output and --output-dir exclude each other");
	if (a->output && a->nr_what != 1)
		argp_error(state, "--output takes one plot: choose it with --what");
	if (a->keep_data && a->output && !strcmp(a->output, "-"))
		argp_error(state, "--keep-data needs a file or folder to keep it beside");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct plot_args *a = state->input;

	switch (key) {
	case 'w':
		parse_what(state, arg, a);
		return 0;
	case 'f':
		parse_format(state, arg, a);
		return 0;
	case 'o':
		a->output = arg;
		return 0;
	case 'd':
		a->output_dir = arg;
		return 0;
	case OPT_KEEP:
		a->keep_data = true;
		return 0;
	case 'a':
		rs_input_check_algos(state, arg);
		a->req.algos = arg;
		return 0;
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->req.piece;
		state->child_inputs[1] = &a->req.input;
		return 0;
	case ARGP_KEY_END:
		check_args(state, a);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* The plots there are, behind the options. */
static char *help_filter(int key, const char *text, void *input)
{
	char *out = NULL;
	size_t size;
	FILE *f;

	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)text;
	f = open_memstream(&out, &size);
	if (!f)
		return (char *)text;
	fputs("The plots are:\n", f);
	for (size_t i = 0; rs_plot_type(i); i++)
		fprintf(f, "  %-9s %s\n", rs_plot_type(i)->name, rs_plot_type(i)->summary);
	fprintf(f, "\n%s", text);
	return fclose(f) ? (char *)text : out;
}

static const struct argp_child children[] = { { &rs_piece_argp, 0, NULL, 0 },
					      { &rs_input_argp, 0, NULL, 0 },
					      { 0 } };

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "FILE",
	.doc = "Draw pictures of a trace, or of a report that `replay --format json` wrote.\v"
	       "A report has no course over time: of it, only rejected and (with replay's "
	       "--distributions) widening can be drawn. - is standard input.",
	.help_filter = help_filter,
	.children = children,
};

/* What is being drawn, and where to. */
struct plotting {
	const struct plot_args *args;
	const struct plot_data *data;
	const char *source; /* the input's name without its folders */
	struct rs_workdir dir;
	char **outputs; /* the pictures' names, in the order drawn */
	size_t nr_outputs;
};

static int stop(void *arg)
{
	return rs_cli_interrupted;
}

static int no_memory(struct rs_error *err)
{
	return rs_error_set(err, RS_ERR_SYSTEM, ENOMEM, "out of memory");
}

static bool has_name(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = list; (p = strstr(p, name)); p += n)
		if ((p == list || p[-1] == ',') && (!p[n] || p[n] == ','))
			return true;
	return false;
}

/* Which algorithms a plot shows: those that the user named, else those it is made for. */
static size_t choose_algos(const struct plotting *p, const struct rs_plot_type *type,
			   const struct rs_vm_result *vm, size_t *shown)
{
	const char *list = p->args->req.algos ? NULL : type->algos;
	size_t n = 0;

	for (size_t i = 0; vm->algos && i < p->data->result->nr_algos; i++)
		if (!list || has_name(list, vm->algos[i].name))
			shown[n++] = i;
	return n;
}

static int remember_output(struct plotting *p, const char *name, struct rs_error *err)
{
	char **outputs = realloc(p->outputs, (p->nr_outputs + 1) * sizeof(*outputs));

	if (!outputs)
		return no_memory(err);
	p->outputs = outputs;
	outputs[p->nr_outputs] = strdup(name);
	return outputs[p->nr_outputs++] ? 0 : no_memory(err);
}

static int draw(struct plotting *p, const struct rs_plot_type *type, const struct rs_plot_input *in,
		const char *name, struct rs_error *err)
{
	char output[192], stem[160];
	struct rs_figure fig;
	int rc;

	snprintf(stem, sizeof(stem), "%s", name);
	snprintf(output, sizeof(output), "%s.%s", name, rs_figure_suffix(p->args->format));
	rc = rs_figure_begin(&fig, &p->dir, stem, output, p->args->format, err);
	if (rc)
		return rc;
	type->draw(&fig, in);
	rc = rs_figure_draw(&fig, stop, NULL, err);
	return rc ? rc : remember_output(p, output, err);
}

/* One picture: of @vm, or of the sum of all VMs if that is NULL. */
static int draw_input(struct plotting *p, const struct rs_plot_type *type,
		      const struct rs_vm_result *vm, struct rs_error *err)
{
	const struct rs_result *r = p->data->result;
	const struct rs_plot_vm *collected =
		vm ? rs_plot_collect_vm(p->data->collect, vm->vm) : NULL;
	struct rs_plot_input in = {
		.source = p->source,
		.kernel = p->data->kernel,
		.vm = vm	       ? vm
		      : r->nr_vms == 1 ? &r->vms[0]
				       : &p->data->sum,
		.nr_summed = vm ? 1 : r->nr_vms,
		.nr_algos = r->nr_algos,
		.origin_ns = p->data->first_ns,
		.series = collected ? collected->series : NULL,
		.map = collected ? collected->map : NULL,
	};
	size_t *shown = calloc(r->nr_algos + 1, sizeof(*shown));
	char name[64];
	int rc;

	if (!shown)
		return no_memory(err);
	in.shown = shown;
	in.nr_shown = choose_algos(p, type, in.vm, shown);
	if (vm && r->nr_vms > 1)
		snprintf(name, sizeof(name), "%s-vm%" PRIu32, type->name, vm->vm);
	else
		snprintf(name, sizeof(name), "%s", type->name);
	rc = draw(p, type, &in, name, err);
	free(shown);
	return rc;
}

/* Why @type cannot be drawn of this input; NULL if it can. */
static const char *obstacle(const struct plotting *p, const struct rs_plot_type *type)
{
	if (!p->data->is_report)
		return NULL;
	if (rs_plot_is_per_vm(type))
		return "a report has no course over time; give the trace itself";
	if (type->need == RS_PLOT_DISTRIBUTIONS && !p->data->has_distributions)
		return "the report has no distributions; make it with replay's --distributions";
	return NULL;
}

static int draw_per_vm(struct plotting *p, const struct rs_plot_type *type, struct rs_error *err)
{
	const struct rs_result *r = p->data->result;
	int rc = 0;

	if (!r->nr_vms)
		return draw_input(p, type, NULL, err);
	if (p->args->output && r->nr_vms > 1)
		return rs_error_set(err, RS_ERR_USAGE, EINVAL,
				    "there are %zu VMs: choose one with --vm, or draw all of them "
				    "with --output-dir",
				    r->nr_vms);
	for (size_t i = 0; i < r->nr_vms && !rc; i++)
		if (r->nr_vms <= RS_PLOT_MAX_VMS ||
		    rs_plot_collect_vm(p->data->collect, r->vms[i].vm))
			rc = draw_input(p, type, &r->vms[i], err);
	return rc;
}

static int draw_type(struct plotting *p, const struct rs_plot_type *type, struct rs_error *err)
{
	const char *why = obstacle(p, type);

	if (why && !p->args->all)
		return rs_error_set(err, RS_ERR_USAGE, EINVAL, "no plot '%s': %s", type->name, why);
	if (why) {
		fprintf(stderr, "retryscope: no plot '%s': %s\n", type->name, why);
		return 0;
	}
	return rs_plot_is_per_vm(type) ? draw_per_vm(p, type, err) : draw_input(p, type, NULL, err);
}

static int draw_all(struct plotting *p, struct rs_error *err)
{
	int rc = 0;

	for (size_t i = 0; i < p->args->nr_what && !rc; i++)
		rc = draw_type(p, p->args->what[i], err);
	return rc;
}

/* Adds a picture to a stream. */
static int copy_picture(struct plotting *p, const char *name, FILE *to, struct rs_error *err)
{
	FILE *from = rs_workdir_fopen(&p->dir, name, "r");
	char buf[65536];
	size_t n;

	if (!from)
		return rs_error_set(err, RS_ERR_SYSTEM, errno, "%s: %s", name, strerror(errno));
	while ((n = fread(buf, 1, sizeof(buf), from)) > 0)
		fwrite(buf, 1, n, to);
	fclose(from);
	return 0;
}

static int deliver_to_stream(struct plotting *p, struct rs_error *err)
{
	struct rs_output out;
	int rc = rs_output_open(&out, p->args->output, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < p->nr_outputs && !rc; i++) {
		if (i)
			fputs("\n\n", out.f);
		rc = copy_picture(p, p->outputs[i], out.f, err);
	}
	if (!rc)
		return rs_output_finish(&out, err);
	rs_output_abort(&out);
	return rc;
}

static int deliver_to_dir(struct plotting *p, const char *to, struct rs_error *err)
{
	int rc = 0;

	for (size_t i = 0; i < p->nr_outputs && !rc; i++) {
		rc = rs_workdir_deliver(&p->dir, p->outputs[i], to, err);
		if (!rc)
			printf("%s/%s\n", to, p->outputs[i]);
	}
	return rc;
}

/* Plain text without a place of its own goes to standard output. */
static bool is_stream(const struct plot_args *a)
{
	return a->output || (a->format == RS_FIGURE_DUMB && !a->output_dir);
}

static int keep_data(struct plotting *p, const char *to, struct rs_error *err)
{
	int rc = rs_workdir_deliver_all(&p->dir, ".dat", to, err);

	return rc ? rc : rs_workdir_deliver_all(&p->dir, ".gp", to, err);
}

/* Draws in a folder from which files can be renamed to where they are kept. */
static int plot_in(struct plotting *p, const char *home, struct rs_error *err)
{
	bool stream = is_stream(p->args);
	bool keep = p->args->keep_data;
	const char *temp = getenv("TMPDIR");
	int rc;

	rc = rs_workdir_open(&p->dir, !stream || keep ? home : temp && *temp ? temp : "/tmp", err);
	if (rc)
		return rc;
	rc = draw_all(p, err);
	if (!rc && keep)
		rc = keep_data(p, home, err);
	if (!rc)
		rc = stream ? deliver_to_stream(p, err) : deliver_to_dir(p, home, err);
	rs_workdir_close(&p->dir);
	return rc;
}

static void note_left_out(const struct plotting *p)
{
	size_t n = p->data->result->nr_vms;

	for (size_t i = 0; i < p->args->nr_what; i++) {
		if (!rs_plot_is_per_vm(p->args->what[i]) || n <= RS_PLOT_MAX_VMS)
			continue;
		fprintf(stderr,
			"retryscope: %zu VMs: %s is drawn of the %d with the most faults; --vm "
			"chooses another\n",
			n, p->args->what[i]->name, RS_PLOT_MAX_VMS);
	}
}

static int plot(const struct plot_args *a, const struct plot_data *data, struct rs_error *err)
{
	char *path = strdup(a->req.input.path), *output = strdup(a->output ? a->output : "");
	struct plotting p = { .args = a, .data = data };
	int rc;

	if (path && output) {
		p.source = strcmp(path, "-") ? basename(path) : "standard input";
		rc = plot_in(&p,
			     a->output_dir ? a->output_dir
			     : a->output   ? dirname(output)
					   : ".",
			     err);
	} else {
		rc = no_memory(err);
	}
	if (!rc && !data->is_report)
		note_left_out(&p);
	for (size_t i = 0; i < p.nr_outputs; i++)
		free(p.outputs[i]);
	free(p.outputs);
	free(path);
	free(output);
	return rc;
}

static int run(struct plot_args *a, struct rs_error *err)
{
	struct plot_data data;
	int rc = plot_data_load(&data, &a->req, err);

	if (rc)
		return rc;
	rc = plot(a, &data, err);
	plot_data_free(&data);
	return rc;
}

/* "all", and the needs of what is asked for. */
static void settle(struct plot_args *a)
{
	const char *dot = a->output ? strrchr(a->output, '.') : NULL;

	for (size_t i = 0; a->all && rs_plot_type(i); i++)
		a->what[a->nr_what++] = rs_plot_type(i);
	for (size_t i = 0; i < a->nr_what; i++) {
		a->req.series |= a->what[i]->need == RS_PLOT_SERIES;
		a->req.map |= a->what[i]->need == RS_PLOT_MAP;
	}
	for (unsigned int f = 0; dot && !a->format_given && f < RS_FIGURE_NR_FORMATS; f++)
		if (!strcmp(dot + 1, rs_figure_suffix(f)))
			a->format = f;
}

int rs_cmd_plot(int argc, char **argv)
{
	struct plot_args a = { .all = true };
	struct rs_error err = { .offset = -1 };

	argp_parse(&argp, argc, argv, 0, NULL, &a);
	settle(&a);
	rs_cli_catch_signals();
	return run(&a, &err) ? rs_cli_report(&err) : RS_EXIT_OK;
}
