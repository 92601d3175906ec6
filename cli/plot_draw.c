// SPDX-License-Identifier: GPL-2.0-only
#include "cli/plot_draw.h"

#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/output.h"

/* What is being drawn, and where to. */
struct plotting {
	const struct plot_order *order;
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

/* The input does not go with what is ordered of it. */
static int unusable(const struct plotting *p, struct rs_error *err)
{
	rs_error_set_file(err, p->order->req.input.path);
	return -EINVAL;
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

/*
 * Which algorithms a plot shows: those that the user named, else those it is
 * made for. Of a trace no others than named were replayed.
 */
static size_t choose_algos(const struct plotting *p, const struct rs_plot_type *type,
			   const struct rs_vm_result *vm, size_t *shown)
{
	const char *named = p->order->req.algos;
	const char *list = named ? named : type->algos;
	size_t n = 0;

	if (named && (!p->data->is_report || !strcmp(named, "all")))
		list = NULL;
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
	snprintf(output, sizeof(output), "%s.%s", name, rs_figure_suffix(p->order->format));
	rc = rs_figure_begin(&fig, &p->dir, stem, output, p->order->format, err);
	if (rc)
		return rc;
	type->draw(&fig, in);
	rc = rs_figure_draw(&fig, stop, NULL, err);
	return rc ? rc : remember_output(p, output, err);
}

/* How many VMs the sum is of. */
static size_t nr_vms(const struct plot_data *d)
{
	const struct rs_report *rep = &d->report.report;
	size_t n = 0;

	for (size_t i = 0; i < rep->nr_sources; i++)
		n += rep->sources[i].vms;
	return rep->nr_sources ? n : d->result->nr_vms;
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
		.nr_traces = p->data->report.report.nr_sources,
		.nr_summed = vm ? 1 : nr_vms(p->data),
		.nr_algos = r->nr_algos,
		.think = p->data->think ? &p->data->think_sum : NULL,
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
	if (!in.nr_shown && r->nr_algos && p->data->is_report && p->order->req.algos) {
		free(shown);
		rs_error_set(err, RS_ERR_USAGE, EINVAL, "the report has no algorithm %s",
			     p->order->req.algos);
		return unusable(p, err);
	}
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
	if (type->need == RS_PLOT_CLOSED && !p->data->result->closed)
		return "the report is of the open loop; make it with replay's --loop closed";
	if (rs_plot_is_per_vm(type))
		return "a report has no course over time; give the trace itself";
	if ((type->need == RS_PLOT_DISTRIBUTIONS || type->need == RS_PLOT_CLOSED) &&
	    !p->data->report.report.distributions)
		return "the report has no distributions; make it with replay's --distributions";
	return NULL;
}

static int draw_per_vm(struct plotting *p, const struct rs_plot_type *type, struct rs_error *err)
{
	const struct rs_result *r = p->data->result;
	int rc = 0;

	if (!r->nr_vms)
		return draw_input(p, type, NULL, err);
	if (p->order->output && r->nr_vms > 1) {
		rs_error_set(err, RS_ERR_USAGE, EINVAL,
			     "there are %zu VMs: choose one with --vm, or draw all with "
			     "--output-dir",
			     r->nr_vms);
		return unusable(p, err);
	}
	for (size_t i = 0; i < r->nr_vms && !rc; i++)
		if (r->nr_vms <= RS_PLOT_MAX_VMS ||
		    rs_plot_collect_vm(p->data->collect, r->vms[i].vm))
			rc = draw_input(p, type, &r->vms[i], err);
	return rc;
}

static int draw_type(struct plotting *p, const struct rs_plot_type *type, struct rs_error *err)
{
	const char *why = obstacle(p, type);

	/* Of a trace it is drawn if it is asked for, since it takes its time. */
	if (type->need == RS_PLOT_CLOSED && !p->data->result->closed && !p->data->is_report)
		return 0;
	if (why && !p->order->all) {
		rs_error_set(err, RS_ERR_USAGE, EINVAL, "no plot '%s': %s", type->name, why);
		return unusable(p, err);
	}
	if (why) {
		fprintf(stderr, "retryscope: no plot '%s': %s\n", type->name, why);
		return 0;
	}
	return rs_plot_is_per_vm(type) ? draw_per_vm(p, type, err) : draw_input(p, type, NULL, err);
}

static int draw_all(struct plotting *p, struct rs_error *err)
{
	int rc = 0;

	for (size_t i = 0; i < p->order->nr_what && !rc; i++)
		rc = draw_type(p, p->order->what[i], err);
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
	int rc = rs_output_open(&out, p->order->output, err);

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
static bool is_stream(const struct plot_order *a)
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
	bool stream = is_stream(p->order);
	bool keep = p->order->keep_data;
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

	for (size_t i = 0; i < p->order->nr_what; i++) {
		if (!rs_plot_is_per_vm(p->order->what[i]) || n <= RS_PLOT_MAX_VMS)
			continue;
		fprintf(stderr,
			"retryscope: %zu VMs: %s is drawn of the %d with the most faults; --vm "
			"chooses another\n",
			n, p->order->what[i]->name, RS_PLOT_MAX_VMS);
	}
}

int plot_draw(const struct plot_order *order, const struct plot_data *data, struct rs_error *err)
{
	struct plotting p = { .order = order, .data = data };
	char *source = strdup(data->is_report && data->report.report.path ? data->report.report.path
									  : order->req.input.path);
	char *output = strdup(order->output ? order->output : "");
	const char *home = order->output_dir ? order->output_dir : ".";
	int rc = -ENOMEM;

	if (source && output) {
		p.source = strcmp(source, "-") ? basename(source) : "standard input";
		rc = plot_in(&p, order->output ? dirname(output) : home, err);
	} else {
		no_memory(err);
	}
	if (!rc && !data->is_report)
		note_left_out(&p);
	for (size_t i = 0; i < p.nr_outputs; i++)
		free(p.outputs[i]);
	free(p.outputs);
	free(source);
	free(output);
	return rc;
}
