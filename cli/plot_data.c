// SPDX-License-Identifier: GPL-2.0-only
#include "cli/plot_data.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

/* One replay of the input, or of a piece of it. */
struct pass {
	const struct plot_request *req;
	struct plot_data *data;
	struct rs_input input; /* under the name to open it by */
	struct rs_replay_opts opts;
	struct rs_closed_opts closed;
	bool simulate;		      /* the closed loop */
	struct rs_closed *simulation; /* NULL: open loop */
	struct rs_replay *engine;
};

static int start(void *arg, const struct rs_trace_meta *meta, struct rs_error *err)
{
	struct pass *p = arg;

	p->opts.kernel_algo = rs_input_kernel_algo(&p->input);
	p->closed.kernel_algo = p->opts.kernel_algo;
	if (p->simulate) {
		p->simulation = rs_closed_new(&p->closed, err);
		if (!p->simulation)
			return -errno;
		p->opts.observer = rs_closed_observer(p->simulation);
	}
	p->engine = rs_replay_new(&p->opts, err);
	return p->engine ? 0 : -errno;
}

static int events(void *arg, const struct rs_event *evs, size_t n, struct rs_error *err)
{
	struct pass *p = arg;

	return rs_replay_feed(p->engine, evs, n, err);
}

static int note_kernel(struct plot_data *d, const char *kernel, struct rs_error *err)
{
	if (d->kernel || !kernel)
		return 0;
	d->kernel = strdup(kernel);
	return d->kernel ? 0 : rs_error_nomem(err);
}

static struct rs_result *run_pass(struct pass *p, struct rs_error *err)
{
	const struct rs_input_sink sink = { .arg = p, .start = start, .events = events };
	struct rs_result *r = NULL;
	struct rs_reader *reader;

	reader = rs_input_read(&p->input, &sink, err);
	p->data->first_ns = p->input.first_ns;
	if (reader && !note_kernel(p->data, rs_reader_meta(reader)->kernel, err))
		r = rs_replay_finish(p->engine, err);
	if (r && p->simulation && rs_closed_finish(p->simulation, r, err)) {
		rs_result_free(r);
		r = NULL;
	}
	rs_reader_close(reader);
	rs_closed_free(p->simulation);
	p->simulation = NULL;
	rs_replay_free(p->engine);
	p->engine = NULL;
	return r;
}

/*
 * Whose range the map shows: that of the first algorithm chosen that keeps one. "": there is
 * none.
 */
static void choose_map_algo(struct plot_data *d, const struct plot_request *req)
{
	const char *list = req->map_algo ? req->map_algo : req->algos;
	size_t len;

	if (!list || !strcmp(list, "all"))
		list = "gfn";
	for (; *list; list += len + (list[len] == ',')) {
		len = strcspn(list, ",");
		snprintf(d->map_algo, sizeof(d->map_algo), "%.*s", (int)len, list);
		if (rs_algo_has_range(d->map_algo))
			return;
	}
	d->map_algo[0] = '\0';
}

/* Only for the map, whose axes are known by now. */
static int map_pass(struct pass *p, const struct rs_observer *observer,
		    int (*done)(struct rs_plot_collect *c, const struct rs_result *r),
		    struct rs_error *err)
{
	struct rs_result *r;
	int rc;

	p->opts.algos = p->data->map_algo;
	p->opts.observer = observer;
	r = run_pass(p, err);
	if (!r)
		return -EINVAL;
	rc = done(p->data->collect, r);
	rs_result_free(r);
	return rc ? rs_error_nomem(err) : 0;
}

/* Of what is read, which is of all that is in @r, no more than from @from_ns up to @until_ns. */
static void narrow(struct rs_cut_opts *piece, const struct rs_result *r, uint64_t from_ns,
		   uint64_t until_ns)
{
	if (from_ns > r->begin_ns) {
		piece->from = piece->from_absolute = true;
		piece->from_ns = from_ns;
	}
	if (until_ns <= r->end_ns) {
		piece->until = piece->until_absolute = true;
		piece->until_ns = until_ns;
	}
}

/* The whole, then the worst epoch. */
static int map_passes(struct pass *p, struct rs_error *err)
{
	struct rs_plot_collect *c = p->data->collect;
	const struct rs_cut_opts piece = p->input.piece;
	uint64_t from_ns, until_ns;
	int rc;

	p->opts.flags = RS_REPLAY_ALL;
	rc = map_pass(p, rs_plot_collect_second(c), rs_plot_collect_second_done, err);
	if (rc || !rs_plot_collect_zooms(c, &from_ns, &until_ns))
		return rc;
	narrow(&p->input.piece, p->data->result, from_ns, until_ns);
	rc = map_pass(p, rs_plot_collect_third(c), rs_plot_collect_third_done, err);
	p->input.piece = piece;
	if (rc || !p->input.left_out)
		return rc;
	return map_pass(p, rs_plot_collect_third(c), rs_plot_collect_third_done, err);
}

/* Both kinds of arrivals, one after the other. */
static int closed_passes(struct pass *p, struct rs_error *err)
{
	const struct plot_request *req = p->req;
	struct plot_data *d = p->data;

	p->opts.algos = req->algos;
	p->opts.observer = NULL;
	p->simulate = true;
	p->closed.algos = req->algos;
	p->closed.jobs = req->input.reader.jobs;
	p->closed.precheck = req->precheck;
	p->closed.retry_gap_ns = req->retry_gap_ns;
	rs_result_free(d->result);
	d->result = run_pass(p, err);
	p->closed.think = true;
	d->think = d->result ? run_pass(p, err) : NULL;
	if (!d->think)
		return -EINVAL;
	return rs_result_sum_vms(d->think, &d->think_sum) ? rs_error_nomem(err) : 0;
}

static int load_trace(struct plot_data *d, const struct plot_request *req, const char *path,
		      struct rs_error *err)
{
	struct rs_plot_collect_opts collect = { .series = req->series,
						.zoom = !req->no_zoom,
						.one_vm = req->input.vm_text,
						.vm = req->input.vm };
	struct pass p = { .req = req, .data = d, .input = req->input };
	int rc = 0;

	p.input.path = path;
	p.input.reader.also = "a report (JSON), what bench measured (JSON), or the table of a "
			      "sweep (CSV or JSON)";
	p.opts = (struct rs_replay_opts){ .algos = req->algos,
					  .flags = RS_REPLAY_ALL,
					  .one_vm = req->input.vm_text,
					  .vm = req->input.vm };
	choose_map_algo(d, req);
	collect.map = req->map && d->map_algo[0];
	d->collect = rs_plot_collect_new(&collect);
	if (!d->collect)
		return rs_error_nomem(err);
	/* To find the axes of the map takes no more than the memslots. */
	if (collect.map && !collect.series && req->nothing_else) {
		p.opts.algos = d->map_algo;
		p.opts.flags = 0;
	}
	if (collect.series || collect.map)
		p.opts.observer = rs_plot_collect_first(d->collect);
	if (p.opts.observer || !req->closed) {
		d->result = run_pass(&p, err);
		if (!d->result)
			return -EINVAL;
	}
	if (d->result && rs_plot_collect_first_done(d->collect, d->result))
		return rs_error_nomem(err);
	if (collect.map)
		rc = map_passes(&p, err);
	return !rc && req->closed ? closed_passes(&p, err) : rc;
}

/* All but a trace is read from a stream. */
static int load_document(struct plot_data *d, const char *path, struct rs_error *err)
{
	FILE *f = fopen(path, "r");
	int rc;

	if (!f)
		return document_error(err, path, errno);
	if (d->kind == DOCUMENT_SWEEP)
		rc = rs_sweep_read(f, &d->sweep, err);
	else if (d->kind == DOCUMENT_BENCH)
		rc = rs_price_read(f, &d->price, err);
	else
		rc = rs_report_read(f, &d->report, err);
	fclose(f);
	if (rc)
		rs_cli_name_input(err, path);
	return rc;
}

static int keep_rows(struct plot_data *d, const struct plot_request *req, struct rs_error *err)
{
	int rc = 0;

	for (size_t i = 0; i < req->nr_where && !rc; i++)
		rc = rs_sweep_where(&d->sweep, req->where[i], err);
	if (rc)
		rs_cli_name_input(err, req->input.path);
	return rc;
}

/* With --vm, only that one is left of a report. */
static void keep_vm(struct rs_result *r, const struct rs_input *input)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->nr_vms; i++) {
		if (input->vm_text && r->vms[i].vm != input->vm)
			rs_vm_result_free(&r->vms[i], r->nr_algos);
		else
			r->vms[kept++] = r->vms[i];
	}
	r->nr_vms = kept;
}

static int load_result(struct plot_data *d, const struct plot_request *req, const char *path,
		       struct rs_error *err)
{
	int rc = d->kind == DOCUMENT_TRACE ? load_trace(d, req, path, err)
					   : load_document(d, path, err);

	if (!rc && d->kind == DOCUMENT_REPORT) {
		d->result = d->report.result;
		d->kernel = d->report.meta.kernel;
		keep_vm(d->result, &req->input);
	}
	if (!rc)
		rc = rs_input_check_vm(&req->input, d->result->nr_vms, err);
	return !rc && rs_result_sum_vms(d->result, &d->sum) ? rs_error_nomem(err) : rc;
}

static int load(struct plot_data *d, const struct plot_request *req, const struct document *in,
		struct rs_error *err)
{
	int rc;

	if (d->kind == DOCUMENT_SWEEP || d->kind == DOCUMENT_BENCH)
		rc = load_document(d, in->path, err);
	else
		rc = load_result(d, req, in->path, err);
	if (!rc && d->kind == DOCUMENT_SWEEP)
		rc = keep_rows(d, req, err);
	/* The copy of a pipe has no name that the user knows. */
	if (rc && !strcmp(err->file, in->path))
		rs_cli_name_input(err, req->input.path);
	return rc;
}

int plot_data_load(struct plot_data *d, const struct plot_request *req, struct rs_error *err)
{
	struct document in;
	int rc;

	memset(d, 0, sizeof(*d));
	rc = document_open(&in, req->input.path, err);
	if (rc)
		return rc;
	d->kind = in.kind;
	rc = load(d, req, &in, err);
	document_close(&in);
	if (rc)
		plot_data_free(d);
	return rc;
}

void plot_data_free(struct plot_data *d)
{
	if (d->result)
		rs_vm_result_free(&d->sum, d->result->nr_algos);
	rs_sweep_data_free(&d->sweep);
	rs_price_free(&d->price);
	if (d->kind == DOCUMENT_REPORT) {
		rs_report_data_free(&d->report);
	} else {
		if (d->think)
			rs_vm_result_free(&d->think_sum, d->think->nr_algos);
		rs_result_free(d->think);
		rs_result_free(d->result);
		free((char *)d->kernel);
	}
	rs_plot_collect_free(d->collect);
	memset(d, 0, sizeof(*d));
}
