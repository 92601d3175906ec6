// SPDX-License-Identifier: GPL-2.0-only
#include "cli/plot_draw.h"

#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/plot/plot_sweep.h"
#include "base/array.h"
#include "base/clean.h"
#include "base/parse.h"
#include "base/temp.h"
#include "cli/cli.h"
#include "cli/output.h"

/* What is being drawn, and where to. */
struct plotting {
	const struct plot_order *order;
	const struct plot_data *data;
	const struct plot_taker *taker; /* who gets the pictures; NULL: they go where is ordered */
	const char *source;		/* the input's name without its folders */
	char prefix[64];		/* of what is drawn: that name, and a dash; or nothing */
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

	if (named && (p->data->kind != DOCUMENT_REPORT || !strcmp(named, "all")))
		list = NULL;
	for (size_t i = 0; vm->algos && i < p->data->result->nr_algos; i++)
		if (!list || rs_list_has(list, vm->algos[i].name))
			shown[n++] = i;
	return n;
}

static int remember_output(struct plotting *p, const char *name, struct rs_error *err)
{
	if (RS_ROOM_FOR_ONE(p->outputs, p->nr_outputs))
		return rs_error_nomem(err);
	p->outputs[p->nr_outputs] = strdup(name);
	return p->outputs[p->nr_outputs++] ? 0 : rs_error_nomem(err);
}

static int draw(struct plotting *p, const struct rs_plot_type *type, const struct rs_plot_input *in,
		const char *name, struct rs_error *err)
{
	char output[192], stem[160];
	struct rs_figure fig;
	int rc;

	snprintf(stem, sizeof(stem), "%s%s", p->prefix, name);
	snprintf(output, sizeof(output), "%s.%s", stem, rs_figure_suffix(p->order->format));
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
		.zoom = collected ? collected->zoom : NULL,
		.worst = collected ? &collected->worst : NULL,
		.map_algo = p->data->map_algo,
	};
	size_t *shown = calloc(r->nr_algos + 1, sizeof(*shown));
	char name[64];
	int rc;

	if (!shown)
		return rs_error_nomem(err);
	in.shown = shown;
	in.nr_shown = choose_algos(p, type, in.vm, shown);
	if (!in.nr_shown && r->nr_algos && p->data->kind == DOCUMENT_REPORT &&
	    p->order->req.algos) {
		free(shown);
		rs_cli_check_has_algo(r, "the report has", p->order->req.algos,
				      strcspn(p->order->req.algos, ","), err);
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
	if (p->data->kind != DOCUMENT_REPORT)
		return type->need == RS_PLOT_MAP && !p->data->map_algo[0]
			       ? "none of these algorithms keeps one range"
			       : NULL;
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

static int refuse(const struct plotting *p, const struct rs_plot_type *type, const char *why,
		  struct rs_error *err)
{
	rs_error_set(err, RS_ERR_USAGE, EINVAL, "no plot '%s': %s", type->name, why);
	return unusable(p, err);
}

/* ---- of tables ---- */

/* More panels would be too low to be read. */
#define MAX_PANELS 8
/* gnuplot's work grows with the square of the places on the x axis: thrice as many take 10 s. */
#define MAX_PLACES 20000

static void choose_sweep_algos(const struct plotting *p, struct rs_sweep_view *v)
{
	const struct rs_sweep_data *d = v->data;
	const char *named = p->order->req.algos;

	for (size_t row = 0; row < d->nr_rows && v->nr_algos < RS_SWEEP_MAX_ALGOS; row++) {
		const char *name = rs_sweep_field(d, row, d->algorithm);
		size_t i = 0;

		while (i < v->nr_algos && strcmp(v->algos[i], name))
			i++;
		if (i == v->nr_algos &&
		    (!named || !strcmp(named, "all") || rs_list_has(named, name)))
			v->algos[v->nr_algos++] = name;
	}
}

static bool has_algo(const struct rs_sweep_view *v, const char *name)
{
	for (size_t i = 0; i < v->nr_algos; i++)
		if (!strcmp(v->algos[i], name))
			return true;
	return false;
}

/* Why this table cannot be drawn so; NULL if it can. */
static const char *sweep_obstacle(const struct rs_sweep_view *v, const struct rs_plot_type *type)
{
	const struct rs_sweep_data *d = v->data;

	if (!v->nr_algos)
		return "the table has none of the algorithms";
	if (type->need == RS_PLOT_SWEEP_CLOSED &&
	    rs_sweep_column(d, "stall_total_ns") == d->nr_columns)
		return "the table is of the open loop; make it with sweep's --loop closed";
	if (type->need == RS_PLOT_SWEEP_PAIR && v->axes.other == d->nr_columns)
		return "it takes two parameters that are varied";
	if (type->need == RS_PLOT_SWEEP_PAIR && (!has_algo(v, "gfn") || !has_algo(v, "hva")))
		return "it takes the algorithms gfn and hva";
	return NULL;
}

/* Whether the axis @column has few enough values to be drawn, and else what to do: @instead. */
static int check_axis(struct plotting *p, const struct rs_sweep_view *v, size_t column, size_t most,
		      const char *instead, struct rs_error *err)
{
	struct rs_sweep_values values;
	int rc = 0;

	if (column == v->data->nr_columns)
		return 0;
	if (rs_sweep_values_get(v->data, column, &values))
		return rs_error_nomem(err);
	if (values.nr > most) {
		rs_error_set(err, RS_ERR_USAGE, EINVAL,
			     "%s has %zu values: choose at most %zu with --where%s",
			     v->data->columns[column], values.nr, most, instead);
		rc = unusable(p, err);
	}
	rs_sweep_values_free(&values);
	return rc;
}

static int draw_sweep(struct plotting *p, const struct rs_plot_type *type, struct rs_error *err)
{
	struct rs_sweep_view v = { .source = p->source, .data = &p->data->sweep };
	const struct rs_plot_input in = { .source = p->source, .sweep = &v };
	const char *why;

	if (rs_sweep_axes_get(v.data, p->order->x, &v.axes, err))
		return unusable(p, err);
	choose_sweep_algos(p, &v);
	why = sweep_obstacle(&v, type);
	if (why && p->order->all) {
		rs_cli_say("no plot '%s': %s", type->name, why);
		return 0;
	}
	if (why)
		return refuse(p, type, why, err);
	if (check_axis(p, &v, v.axes.x, MAX_PLACES, "", err) ||
	    check_axis(p, &v, v.axes.other,
		       type->need == RS_PLOT_SWEEP_PAIR ? MAX_PLACES : MAX_PANELS,
		       ", or put it on the x axis with --x", err))
		return -EINVAL;
	return draw(p, type, &in, type->name, err);
}

/* One picture of each unit. */
static int draw_prices(struct plotting *p, const struct rs_plot_type *type, struct rs_error *err)
{
	const struct rs_price_data *d = &p->data->price;
	int rc = 0;

	if (p->order->output && d->nr_groups > 1) {
		rs_error_set(err, RS_ERR_USAGE, EINVAL,
			     "there are prices in %zu units: draw all with --output-dir",
			     d->nr_groups);
		return unusable(p, err);
	}
	for (size_t i = 0; i < d->nr_groups && !rc; i++) {
		struct rs_plot_input in = { .source = d->trace ? d->trace : p->source,
					    .price = &d->groups[i] };
		char name[64];

		snprintf(name, sizeof(name), "%s", type->name);
		if (d->nr_groups > 1)
			snprintf(name, sizeof(name), "%s-%zu", type->name, i + 1);
		rc = draw(p, type, &in, name, err);
	}
	return rc;
}

static bool is_of_sweep(const struct rs_plot_type *type)
{
	return type->need == RS_PLOT_SWEEP || type->need == RS_PLOT_SWEEP_CLOSED ||
	       type->need == RS_PLOT_SWEEP_PAIR;
}

/* What this plot would need instead of the input; NULL if it is of the right kind. */
static const char *mismatch(const struct plotting *p, const struct rs_plot_type *type)
{
	if (is_of_sweep(type))
		return p->data->kind == DOCUMENT_SWEEP ? NULL : "it is of the table of a sweep";
	if (type->need == RS_PLOT_PRICE)
		return p->data->kind == DOCUMENT_BENCH ? NULL : "it is of what bench measures";
	if (p->data->kind == DOCUMENT_SWEEP || p->data->kind == DOCUMENT_BENCH)
		return "it is of a trace or a report";
	return NULL;
}

static int draw_type(struct plotting *p, const struct rs_plot_type *type, struct rs_error *err)
{
	const char *why = mismatch(p, type);

	if (why)
		return p->order->all ? 0 : refuse(p, type, why, err);
	if (is_of_sweep(type))
		return draw_sweep(p, type, err);
	if (type->need == RS_PLOT_PRICE)
		return draw_prices(p, type, err);
	/* Of a trace it is drawn if it is asked for, since it takes its time. */
	if (type->need == RS_PLOT_CLOSED && !p->data->result->closed &&
	    p->data->kind == DOCUMENT_TRACE)
		return 0;
	why = obstacle(p, type);
	if (why && !p->order->all)
		return refuse(p, type, why, err);
	if (why) {
		rs_cli_say("no plot '%s': %s", type->name, why);
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

static int deliver_to_stream(struct plotting *p, size_t nr, struct rs_error *err)
{
	struct rs_output out;
	int rc = rs_output_open(&out, p->order->output, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < nr && !rc; i++) {
		if (i)
			fputs("\n\n", out.f);
		rc = rs_workdir_copy(&p->dir, p->outputs[i], out.f, err);
	}
	if (!rc)
		return rs_output_finish(&out, err);
	rs_output_abort(&out);
	return rc;
}

/* Adds the names of the data that a picture is drawn from to those of the pictures. */
static int add_data(struct plotting *p, const char *suffix, struct rs_error *err)
{
	size_t n;
	char **names = rs_workdir_list(&p->dir, suffix, &n);
	int rc = names ? 0 : rs_error_nomem(err);

	for (size_t i = 0; names && i < n; i++) {
		if (!rc)
			rc = remember_output(p, names[i], err);
		free(names[i]);
	}
	free(names);
	return rc;
}

/* Everything is there before the first file gets its name. */
static int deliver_to_dir(struct plotting *p, const char *to, size_t from, struct rs_error *err)
{
	return rs_workdir_deliver(&p->dir, (const char *const *)p->outputs + from,
				  p->nr_outputs - from, to, err);
}

/* Plain text without a place of its own goes to standard output. */
static bool is_stream(const struct plot_order *a)
{
	return a->output || (a->format == RS_FIGURE_DUMB && !a->output_dir);
}

static int deliver(struct plotting *p, const char *home, struct rs_error *err)
{
	const bool stream = is_stream(p->order);
	const size_t nr_pictures = p->nr_outputs;
	int rc = 0;

	if (p->order->keep_data)
		rc = add_data(p, ".dat", err);
	if (!rc && p->order->keep_data)
		rc = add_data(p, ".gp", err);
	if (!rc && (!stream || p->order->keep_data))
		rc = deliver_to_dir(p, home, stream ? nr_pictures : 0, err);
	if (!rc && stream)
		return deliver_to_stream(p, nr_pictures, err);
	for (size_t i = 0; i < nr_pictures && !rc; i++) {
		rs_clean_put(stdout, home);
		printf("/%s\n", p->outputs[i]);
	}
	return rc;
}

static int hand_over(struct plotting *p, struct rs_error *err)
{
	int rc = 0;

	for (size_t i = 0; i < p->nr_outputs && !rc; i++)
		rc = p->taker->take(p->taker->arg, &p->dir, p->outputs[i], err);
	return rc;
}

static int plot_in(struct plotting *p, const char *home, struct rs_error *err)
{
	int rc = rs_workdir_open(&p->dir, rs_temp_dir(), err);

	if (rc)
		return rc;
	rc = draw_all(p, err);
	if (!rc)
		rc = p->taker ? hand_over(p, err) : deliver(p, home, err);
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

/* Where the last of @name's suffixes begins that say nothing but the form; NULL: it has none. */
static char *find_suffix(char *name)
{
	static const char *const suffixes[] = { ".dat", ".txt", ".bin", ".json",
						".csv", ".zst", ".gz" };
	char *dot = strrchr(name, '.');

	for (size_t i = 0; dot && dot > name && i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		if (!strcmp(dot, suffixes[i]))
			return dot;
	return NULL;
}

/* Pictures of several inputs go into one folder: letters, digits and a few more tell them apart. */
static void set_prefix(struct plotting *p)
{
	static const char taken[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789._+-";
	char *suffix;

	snprintf(p->prefix, sizeof(p->prefix) - 1, "%s", p->source);
	while ((suffix = find_suffix(p->prefix)))
		*suffix = '\0';
	for (char *c = p->prefix; *c; c++)
		if (!strchr(taken, *c) || (c == p->prefix && strchr(".-", *c)))
			*c = '_';
	strcat(p->prefix, "-");
}

int plot_draw(const struct plot_order *order, const struct plot_data *data,
	      const struct plot_taker *taker, struct rs_error *err)
{
	struct plotting p = { .order = order, .data = data, .taker = taker };
	char *source = strdup(data->kind == DOCUMENT_REPORT && data->report.report.path
				      ? data->report.report.path
				      : order->req.input.path);
	char *output = strdup(order->output ? order->output : "");
	const char *home = order->output_dir ? order->output_dir : ".";
	int rc = -ENOMEM;

	if (data->kind != DOCUMENT_SWEEP && (order->x || order->req.nr_where)) {
		rs_error_set(err, RS_ERR_USAGE, EINVAL,
			     "--x and --where are of the table of a sweep");
		rc = unusable(&p, err);
	} else if (source && output) {
		p.source = strcmp(source, "-") ? basename(source) : "standard input";
		/* Who takes them gives them names. */
		if (!taker && strcmp(source, "-"))
			set_prefix(&p);
		rc = plot_in(&p, order->output ? dirname(output) : home, err);
	} else {
		rs_error_nomem(err);
	}
	if (!rc && data->kind == DOCUMENT_TRACE)
		note_left_out(&p);
	for (size_t i = 0; i < p.nr_outputs; i++)
		free(p.outputs[i]);
	free(p.outputs);
	free(source);
	free(output);
	return rc;
}
