// SPDX-License-Identifier: GPL-2.0-only
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/faults/faults.h"
#include "analysis/html/html.h"
#include "base/array.h"
#include "base/textbuf.h"
#include "cli/cli.h"
#include "cli/command.h"
#include "cli/document.h"
#include "cli/judge.h"
#include "cli/output.h"
#include "cli/plot_draw.h"
#include "cli/watch.h"

enum { OPT_ALGO = 0x100 };

#define NR_MOMENTS 3U
#define AROUND 12U /* events before, at the begin and end of, and after each */
/* What pictures may have of a page: what is left is more than all else takes. */
#define ROOM_FOR_PICTURES (RS_HTML_MAX_SIZE / 4 * 3)

static const struct {
	unsigned int keys;
	const char *title;
} tops[] = {
	{ 1U << RS_TOP_TASK | 1U << RS_TOP_REASON, "By task and reason" },
	{ 1U << RS_TOP_CAUSE, "By cause" },
	{ 1U << RS_TOP_VCPU, "By vCPU" },
	{ 1U << RS_TOP_MEMSLOT, "By memslot" },
	{ 1U << RS_TOP_GFN, "By guest frame" },
};
#define NR_TOPS (sizeof(tops) / sizeof(tops[0]))

struct report_args {
	struct judge judge; /* its input as the user names it */
	const char *output;
	struct document in;
	char judge_name[64]; /* who judges what is put down to somebody */
	/* Of one replay, the lists and the worst faults; of the next, what happened around these.
	 */
	struct rs_observer observers[1 + NR_TOPS];
	struct rs_top *tops[NR_TOPS];
	struct rs_faults *faults;
	struct rs_fault_row rows[NR_MOMENTS];
	size_t nr_rows;
	struct rs_around *around;
	/* What the page is made of. */
	struct rs_html html;
	struct rs_html_top lists[NR_TOPS];
	struct rs_html_moment moments[NR_MOMENTS];
	struct rs_html_picture *pictures;
	size_t nr_pictures;
	bool no_gnuplot;
};

static const struct argp_option options[] = {
	{ "algo", OPT_ALGO, "LIST", 0,
	  "of a trace: algorithms, names separated by commas, or all (as replay)", 0 },
	{ "output", 'o', "FILE", 0, "write to FILE, which appears when it is complete", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct report_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		rs_loop_inputs(state, &a->judge.input, &a->judge.loop);
		/* As of a mail, the answer is for how long faults stall. */
		a->judge.loop.closed = a->judge.loop.opts.both = true;
		return 0;
	case OPT_ALGO:
		rs_input_check_algos(state, arg);
		a->judge.algos = arg;
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
	.doc = "Write one page of HTML about a trace, or about a report that `replay --format "
	       "json` "
	       "wrote: to be sent, and read from the disk.\v"
	       "Of a report there are neither lists of whose doing it is nor moments.",
	.children = rs_loop_children,
};

/* The input under the name to open it by. */
static struct rs_input input_of(const struct report_args *a)
{
	struct rs_input in = a->judge.input;

	in.path = a->in.path;
	return in;
}

/* ---- whose doing it is, and the worst faults ---- */

static void take_row(void *arg, const struct rs_fault_row *row)
{
	struct report_args *a = arg;

	if (rs_fault_stall(row))
		a->rows[a->nr_rows++] = *row;
}

static int start(void *arg, const struct rs_trace_meta *meta, struct rs_replay_opts *opts,
		 struct rs_error *err)
{
	struct report_args *a = arg;
	const struct rs_faults_opts worst = {
		.order = RS_FAULTS_BY_STALL, .limit = NR_MOMENTS, .row = take_row, .arg = a
	};

	snprintf(a->judge_name, sizeof(a->judge_name), "%s", opts->algos);
	a->faults = rs_faults_new(&worst, err);
	if (!a->faults)
		return -errno;
	a->observers[0] = *rs_faults_observer(a->faults);
	for (size_t i = 0; i < NR_TOPS; i++) {
		a->tops[i] = rs_top_new(opts->algos, tops[i].keys, false, err);
		if (!a->tops[i])
			return -errno;
		a->observers[1 + i] = *rs_top_observer(a->tops[i]);
		a->observers[i].next = &a->observers[1 + i];
	}
	opts->flags = RS_REPLAY_TRUTH | RS_REPLAY_CAUSES | RS_REPLAY_BLAME;
	opts->observer = a->observers;
	return 0;
}

static int find_doing(struct report_args *a, struct rs_error *err)
{
	struct rs_watch watch = { .input = input_of(a), .arg = a, .start = start };
	struct rs_reader *reader = rs_watch_run(&watch, err);
	int rc = reader ? rs_faults_finish(a->faults) : -1;

	if (reader && rc)
		rs_error_nomem(err);
	for (size_t i = 0; !rc && i < NR_TOPS; i++) {
		a->lists[i].title = tops[i].title;
		rc = rs_top_finish(a->tops[i], &rs_reader_meta(reader)->whos, &a->lists[i].table);
		a->html.nr_tops = i + 1;
		if (rc)
			rs_error_nomem(err);
	}
	rs_reader_close(reader);
	return rc;
}

static int start_around(void *arg, const struct rs_trace_meta *meta, struct rs_replay_opts *opts,
			struct rs_error *err)
{
	struct report_args *a = arg;

	a->around = rs_around_new(opts->algos, a->rows, a->nr_rows, AROUND);
	opts->flags = RS_REPLAY_TRUTH;
	return a->around ? 0 : rs_error_nomem(err);
}

static int feed_around(void *arg, struct rs_replay *engine, const struct rs_event *evs, size_t n,
		       struct rs_error *err)
{
	struct report_args *a = arg;

	return rs_around_feed(a->around, engine, evs, n, err);
}

static int look_around(struct report_args *a, struct rs_error *err)
{
	struct rs_watch watch = {
		.input = input_of(a), .arg = a, .start = start_around, .feed = feed_around
	};
	struct rs_reader *reader = rs_watch_run(&watch, err);
	int rc = reader ? 0 : -1;

	for (size_t i = 0; !rc && i < a->nr_rows; i++) {
		size_t size;
		FILE *f = rs_textbuf_open(&a->moments[i].text, &size);

		if (f)
			rs_around_write(f, a->around, i, &rs_reader_meta(reader)->whos);
		if (!f || fclose(f))
			rc = rs_error_nomem(err);
		else
			a->html.nr_moments = i + 1;
	}
	rs_reader_close(reader);
	return rc;
}

/* ---- pictures ---- */

/* The first of the pictures that are drawn, or all of them. */
struct album {
	struct rs_html_picture *pictures;
	size_t nr;
};

static int take(void *arg, const struct rs_workdir *dir, const char *name, struct rs_error *err)
{
	struct album *album = arg;
	struct rs_html_picture *p;
	char stem[64];
	FILE *f;
	int rc;

	if (RS_ROOM_FOR_ONE(album->pictures, album->nr))
		return rs_error_nomem(err);
	p = &album->pictures[album->nr++];
	/* "map-vm2.svg" is of the plot map. */
	snprintf(stem, sizeof(stem), "%.*s", (int)strcspn(name, "-."), name);
	*p = (struct rs_html_picture){ .title = rs_plot_find(stem)->summary };
	f = rs_textbuf_open(&p->svg, &p->size);
	rc = f ? rs_workdir_copy(dir, name, f, err) : rs_error_nomem(err);
	return f && fclose(f) && !rc ? rs_error_nomem(err) : rc;
}

/* Without gnuplot there is a page all the same. */
static int draw(struct report_args *a, const struct plot_order *order, const struct plot_data *data,
		struct album *album, struct rs_error *err)
{
	const struct plot_taker taker = { take, album };
	int rc;

	if (a->no_gnuplot)
		return 0;
	rc = plot_draw(order, data, &taker, err);
	if (!rc || err->kind != RS_ERR_HOST)
		return rc;
	rs_cli_say("no pictures: %s", err->text);
	a->no_gnuplot = true;
	*err = (struct rs_error){ .offset = -1 };
	return 0;
}

static void add_plot(struct plot_order *order, const char *name)
{
	order->what[order->nr_what++] = rs_plot_find(name);
}

static int draw_pictures(struct report_args *a, const struct plot_order *order,
			 const struct plot_data *data, struct rs_error *err)
{
	struct album album = { 0 };
	int rc = draw(a, order, data, &album, err);

	a->pictures = album.pictures;
	a->nr_pictures = album.nr;
	return rc;
}

/* Maps show what judges the faults of the moments, if that keeps one range. */
static const char *map_algo(const struct report_args *a)
{
	return rs_algo_has_range(a->judge_name) ? a->judge_name : "gfn";
}

static int draw_trace(struct report_args *a, struct rs_error *err)
{
	struct plot_order order = { .req = { .input = input_of(a),
					     .algos = a->judge.algos,
					     .series = true,
					     .map = true,
					     .map_algo = map_algo(a),
					     .closed = a->judge.loop.closed,
					     .precheck = a->judge.loop.opts.precheck,
					     .retry_gap_ns = a->judge.loop.opts.retry_gap_ns } };
	struct plot_data data;
	int rc;

	add_plot(&order, "rejected");
	add_plot(&order, "blocked");
	add_plot(&order, "widening");
	if (order.req.closed) {
		add_plot(&order, "stall");
		add_plot(&order, "retries");
	}
	add_plot(&order, "map");
	rc = plot_data_load(&data, &order.req, err);
	if (rc)
		return rc;
	rc = draw_pictures(a, &order, &data, err);
	plot_data_free(&data);
	return rc;
}

/* The map of its VM while the fault lasted, and a quarter of that before and after. */
static int draw_moment(struct report_args *a, size_t i, struct rs_error *err)
{
	const struct rs_fault_row *row = &a->rows[i];
	const uint64_t margin = (row->done_ns - row->begin_ns) / 4 + 1;
	struct plot_order order = { .req = { .input = input_of(a),
					     .map = true,
					     .map_algo = map_algo(a),
					     .no_zoom = true } };
	struct rs_cut_opts *piece = &order.req.input.piece;
	struct album album = { 0 };
	struct plot_data data;
	char vm[16];
	int rc;

	snprintf(vm, sizeof(vm), "%u", row->vm);
	order.req.input.vm_text = vm;
	order.req.input.vm = row->vm;
	piece->from = piece->from_absolute = piece->until = piece->until_absolute = true;
	piece->from_ns = row->begin_ns > margin ? row->begin_ns - margin : 0;
	piece->until_ns = row->done_ns + margin;
	add_plot(&order, "map");
	rc = plot_data_load(&data, &order.req, err);
	if (rc)
		return rc;
	rc = draw(a, &order, &data, &album, err);
	if (album.nr)
		a->moments[i].picture = album.pictures[0];
	free(album.pictures);
	plot_data_free(&data);
	return rc;
}

/* What of @p there is room for: the first that are asked get it. */
static void make_room(const struct report_args *a, struct rs_html_picture *p, size_t *left)
{
	if (!p->title)
		p->title = rs_plot_find("map")->summary;
	p->instead = a->no_gnuplot ? "gnuplot is not installed"
				   : "too large for this page; `retryscope plot` draws it";
	if (p->size <= *left) {
		*left -= p->size;
		return;
	}
	free(p->svg);
	p->svg = NULL;
}

static void share_room(struct report_args *a)
{
	size_t left = ROOM_FOR_PICTURES;

	if (a->nr_pictures)
		make_room(a, &a->pictures[0], &left);
	for (size_t i = 0; i < a->html.nr_moments; i++)
		make_room(a, &a->moments[i].picture, &left);
	for (size_t i = 1; i < a->nr_pictures; i++)
		make_room(a, &a->pictures[i], &left);
}

/* ---- the page ---- */

static int write_page(struct report_args *a, const struct rs_report *rep, struct rs_error *err)
{
	struct rs_output out;
	int rc = rs_output_open(&out, a->output, err);

	share_room(a);
	a->html.report = rep;
	a->html.judge = a->judge_name;
	a->html.pictures = a->pictures;
	a->html.nr_pictures = a->nr_pictures;
	a->html.tops = a->lists;
	a->html.moments = a->moments;
	return rc ? rc : rs_output_end(&out, rs_html_write(out.f, &a->html), err);
}

static char *command_line(const struct report_args *a)
{
	char *text = NULL;
	size_t size;
	FILE *f = rs_textbuf_open(&text, &size);

	if (!f)
		return NULL;
	fputs("retryscope report", f);
	rs_command_option(f, "--algo", a->judge.algos);
	rs_loop_command(f, &a->judge.loop);
	rs_input_command(f, &a->judge.input);
	return rs_command_end(f, &text);
}

static int write_trace(struct report_args *a, const struct rs_reader *reader,
		       const struct rs_result *r, struct rs_error *err)
{
	char *command = command_line(a);
	struct rs_report rep = judge_report(&a->judge, reader, r);
	char sha256[RS_SHA256_TEXT];
	int rc = command ? judge_sum(&rep, a->in.path, sha256, err) : rs_error_nomem(err);

	rep.command = command;
	if (!rc)
		rc = write_page(a, &rep, err);
	free(command);
	return rc;
}

static int of_trace(struct report_args *a, struct rs_error *err)
{
	struct judge j = a->judge;
	struct rs_reader *reader;
	struct rs_result *r;
	int rc = -1;

	j.input = input_of(a);
	j.flags = RS_REPLAY_ALL;
	j.input.reader.identity = true;
	r = judge_run(&j, &reader, err);
	if (r)
		rc = judge_simulate(&j, r, err);
	if (!rc && r->nr_vms)
		rc = find_doing(a, err);
	if (!rc && a->nr_rows)
		rc = look_around(a, err);
	if (!rc && r->nr_vms)
		rc = draw_trace(a, err);
	for (size_t i = 0; !rc && i < a->html.nr_moments; i++)
		rc = draw_moment(a, i, err);
	if (!rc)
		rc = write_trace(a, reader, r, err);
	rs_result_free(r);
	rs_reader_close(reader);
	judge_end(&j);
	return rc;
}

static int of_report(struct report_args *a, struct rs_error *err)
{
	struct plot_order order = { .req = { .input = input_of(a) } };
	struct plot_data data;
	int rc = plot_data_load(&data, &order.req, err);

	if (rc)
		return rc;
	a->html.missing = "This page was made of a report in JSON, which has no course over time: "
			  "one made of the trace also says whose doing it is, and shows the worst "
			  "moments.";
	order.req.input.path = a->judge.input.path;
	if (!data.result->counts_only)
		add_plot(&order, "rejected");
	if (data.report.report.distributions)
		add_plot(&order, "widening");
	if (data.report.report.distributions && data.result->closed) {
		add_plot(&order, "stall");
		add_plot(&order, "retries");
	}
	rc = draw_pictures(a, &order, &data, err);
	if (!rc)
		rc = write_page(a, &data.report.report, err);
	plot_data_free(&data);
	return rc;
}

static int run(struct report_args *a, struct rs_error *err)
{
	const char *path = a->judge.input.path;
	int rc = document_open(&a->in, path, err);

	if (rc)
		return rc;
	if (a->in.kind == DOCUMENT_TRACE) {
		rc = of_trace(a, err);
	} else if (a->in.kind == DOCUMENT_REPORT) {
		rc = of_report(a, err);
	} else {
		rc = rs_error_set(err, RS_ERR_INPUT, EINVAL, "neither a trace nor a report");
		rs_error_set_file(err, a->in.path);
	}
	/* The copy of a pipe has no name that the user knows. */
	if (rc && !strcmp(err->file, a->in.path))
		rs_cli_name_input(err, path);
	document_close(&a->in);
	return rc;
}

static void free_all(struct report_args *a)
{
	for (size_t i = 0; i < NR_TOPS; i++)
		rs_top_free(a->tops[i]);
	for (size_t i = 0; i < a->html.nr_tops; i++)
		rs_top_table_free(&a->lists[i].table);
	for (size_t i = 0; i < NR_MOMENTS; i++) {
		free(a->moments[i].text);
		free(a->moments[i].picture.svg);
	}
	for (size_t i = 0; i < a->nr_pictures; i++)
		free(a->pictures[i].svg);
	free(a->pictures);
	rs_faults_free(a->faults);
	rs_around_free(a->around);
}

int rs_cmd_report(int argc, char **argv)
{
	struct report_args a = { .in = { .fd = -1 } };
	struct rs_error err = { .offset = -1 };
	int rc;

	rs_cli_parse(&argp, argc, argv, 0, &a);
	rc = rs_output_check(a.output, &err);
	if (!rc)
		rc = run(&a, &err);
	free_all(&a);
	return rc ? rs_cli_report(&err) : RS_EXIT_OK;
}
