// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/plot/plot_collect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

/* A VM as it is being collected. */
struct vm {
	struct rs_plot_vm out;
	struct rs_plot_epoch epoch; /* that @open one */
	bool open;
	uint64_t pending; /* faults needlessly rejected since the last view, whose state is next */
	uint64_t excess;  /* frames blocked beyond what is really being invalidated */
	uint64_t excess_ns;  /* since then */
	uint64_t longest_ns; /* attempt of a fault */
};

struct rs_plot_collect {
	struct rs_plot_collect_opts opts;
	struct rs_observer first, second, third;
	struct vm **vms;
	size_t nr_vms;
	uint64_t *values; /* of all tracks, for one call */
	bool lost;	  /* events, or the recording paused */
	int failed;
};

static struct vm *find_vm(const struct rs_plot_collect *c, uint32_t vm)
{
	for (size_t i = 0; i < c->nr_vms; i++)
		if (c->vms[i]->out.vm == vm)
			return c->vms[i];
	return NULL;
}

static void free_vm(struct vm *v)
{
	if (!v)
		return;
	rs_series_free(v->out.series);
	rs_map_free(v->out.map);
	rs_map_free(v->out.zoom);
	rs_gfn_axis_free(&v->out.axis);
	free(v);
}

static struct vm *add_vm(struct rs_plot_collect *c, const struct rs_view *view)
{
	struct vm *v;

	if (RS_ROOM_FOR_ONE(c->vms, c->nr_vms))
		return NULL;
	v = calloc(1, sizeof(*v));
	if (!v)
		return NULL;
	v->out.vm = view->vm;
	if (c->opts.series) {
		v->out.series = rs_series_new(view->nr_algos + 1);
		if (!v->out.series) {
			free_vm(v);
			return NULL;
		}
	}
	return c->vms[c->nr_vms++] = v;
}

static bool wanted(const struct rs_plot_collect *c, uint32_t vm)
{
	return !c->failed && (!c->opts.one_vm || vm == c->opts.vm);
}

/* NULL if it is not wanted, or was not met in the first replay. */
static struct vm *find_wanted(const struct rs_plot_collect *c, uint32_t vm)
{
	return wanted(c, vm) ? find_vm(c, vm) : NULL;
}

static int add_memslots(struct rs_plot_vm *v, const struct rs_view *view)
{
	for (size_t i = 0; view->memslots && i < view->nr_memslots; i++)
		if (rs_gfn_axis_add(&v->axis, view->memslots[i].gfn_start,
				    view->memslots[i].gfn_end))
			return -ENOMEM;
	return 0;
}

static void set_series(struct rs_plot_collect *c, struct rs_plot_vm *v, const struct rs_view *view)
{
	if (!c->values)
		c->values = calloc(view->nr_algos + 1, sizeof(*c->values));
	if (!c->values) {
		c->failed = -ENOMEM;
		return;
	}
	memcpy(c->values, view->blocked, view->nr_algos * sizeof(*c->values));
	c->values[view->nr_algos] = view->frames;
	rs_series_set(v->series, view->time_ns, c->values);
}

static void first_view(void *arg, const struct rs_view *view)
{
	struct rs_plot_collect *c = arg;
	struct vm *v;

	if (!wanted(c, view->vm))
		return;
	v = find_vm(c, view->vm);
	if (!v)
		v = add_vm(c, view);
	if (!v || (c->opts.map && add_memslots(&v->out, view))) {
		c->failed = -ENOMEM;
		return;
	}
	if (v->out.series)
		set_series(c, &v->out, view);
}

static void first_applied(void *arg, const struct rs_event *e, uint64_t time_ns)
{
	struct rs_plot_collect *c = arg;

	c->lost |= e->type == RS_EV_LOST;
}

static bool is_worse(const struct rs_plot_epoch *a, const struct rs_plot_epoch *b)
{
	if (a->needless != b->needless)
		return a->needless > b->needless;
	return a->needless_area > b->needless_area;
}

/* What was blocked was so up to @time_ns. */
static void add_area(struct vm *v, uint64_t time_ns)
{
	v->epoch.needless_area += (unsigned __int128)v->excess * (time_ns - v->excess_ns);
	v->excess_ns = time_ns;
}

static void end_epoch(struct vm *v, uint64_t time_ns)
{
	add_area(v, time_ns);
	v->epoch.end_ns = time_ns;
	v->open = false;
	if (is_worse(&v->epoch, &v->out.worst))
		v->out.worst = v->epoch;
}

/* Faults are judged before the view of the state that they meet. */
static void follow_epoch(struct vm *v, const struct rs_view *view)
{
	const bool any = view->in_progress != 0;

	if (v->open && any)
		add_area(v, view->time_ns);
	else if (v->open)
		end_epoch(v, view->time_ns);
	else if (any)
		v->epoch = (struct rs_plot_epoch){ .begin_ns = view->time_ns };
	v->open = any;
	if (any)
		v->epoch.needless += v->pending;
	v->pending = 0;
	v->excess_ns = view->time_ns;
	v->excess =
		view->blocked[0] > view->exact_blocked ? view->blocked[0] - view->exact_blocked : 0;
}

static void second_view(void *arg, const struct rs_view *view)
{
	struct rs_plot_collect *c = arg;
	struct vm *v = find_wanted(c, view->vm);

	if (!v || !v->out.map)
		return;
	if (rs_map_view(v->out.map, view))
		c->failed = -ENOMEM;
	follow_epoch(v, view);
}

static void second_judged(void *arg, const struct rs_judged *fault)
{
	struct rs_plot_collect *c = arg;
	struct vm *v = find_wanted(c, fault->vm);

	if (v && v->out.map) {
		rs_map_judged(v->out.map, fault, 0);
		if (fault->time_ns - fault->begin_ns > v->longest_ns)
			v->longest_ns = fault->time_ns - fault->begin_ns;
		v->pending += !fault->necessary && fault->rejected[0] &&
			      fault->rejected[0] != 1 + RS_CAUSE_SEQ;
	}
}

static void third_view(void *arg, const struct rs_view *view)
{
	struct rs_plot_collect *c = arg;
	struct vm *v = find_wanted(c, view->vm);

	if (v && v->out.zoom && rs_map_view(v->out.zoom, view))
		c->failed = -ENOMEM;
}

static void third_judged(void *arg, const struct rs_judged *fault)
{
	struct rs_plot_collect *c = arg;
	struct vm *v = find_wanted(c, fault->vm);

	if (v && v->out.zoom)
		rs_map_judged(v->out.zoom, fault, 0);
}

struct rs_plot_collect *rs_plot_collect_new(const struct rs_plot_collect_opts *opts)
{
	struct rs_plot_collect *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->opts = *opts;
	c->first = (struct rs_observer){ .arg = c, .view = first_view, .applied = first_applied };
	c->second = (struct rs_observer){ .arg = c, .view = second_view, .judged = second_judged };
	c->third = (struct rs_observer){ .arg = c, .view = third_view, .judged = third_judged };
	return c;
}

void rs_plot_collect_free(struct rs_plot_collect *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->nr_vms; i++)
		free_vm(c->vms[i]);
	free(c->vms);
	free(c->values);
	free(c);
}

const struct rs_observer *rs_plot_collect_first(struct rs_plot_collect *c)
{
	return &c->first;
}

const struct rs_observer *rs_plot_collect_second(struct rs_plot_collect *c)
{
	return &c->second;
}

const struct rs_observer *rs_plot_collect_third(struct rs_plot_collect *c)
{
	for (size_t i = 0; i < c->nr_vms; i++)
		if (c->vms[i]->out.zoom)
			rs_map_clear(c->vms[i]->out.zoom);
	return &c->third;
}

/* To just after the last event, so that this belongs to it. */
static int make_map(struct rs_plot_vm *v, uint64_t begin_ns, uint64_t end_ns)
{
	rs_gfn_axis_lay_out(&v->axis, RS_MAP_ROWS);
	if (!v->axis.nr_rows || begin_ns == end_ns)
		return 0;
	v->map = rs_map_new(&v->axis, begin_ns, end_ns + 1, RS_MAP_COLS);
	return v->map ? 0 : -ENOMEM;
}

static int by_checked(const void *a, const void *b)
{
	const struct rs_plot_vm *x = &(*(struct vm *const *)a)->out;
	const struct rs_plot_vm *y = &(*(struct vm *const *)b)->out;

	if (x->checked != y->checked)
		return x->checked > y->checked ? -1 : 1;
	return x->vm < y->vm ? -1 : x->vm > y->vm;
}

static void keep_busiest(struct rs_plot_collect *c)
{
	if (c->nr_vms)
		qsort(c->vms, c->nr_vms, sizeof(*c->vms), by_checked);
	while (c->nr_vms > RS_PLOT_MAX_VMS)
		free_vm(c->vms[--c->nr_vms]);
}

int rs_plot_collect_first_done(struct rs_plot_collect *c, const struct rs_result *r)
{
	for (size_t i = 0; i < r->nr_vms; i++) {
		struct vm *v = find_vm(c, r->vms[i].vm);

		if (v)
			v->out.checked = r->vms[i].checked;
	}
	if (c->nr_vms > RS_PLOT_MAX_VMS)
		keep_busiest(c);
	for (size_t i = 0; i < r->nr_vms && !c->failed; i++) {
		const struct rs_vm_result *res = &r->vms[i];
		struct vm *v = find_vm(c, res->vm);

		if (v && v->out.series)
			rs_series_finish(v->out.series, res->end_ns);
		if (v && c->opts.map)
			c->failed = make_map(&v->out, res->begin_ns, res->end_ns);
	}
	return c->failed;
}

/* Of the worst epoch, and of a tenth of it on both sides. */
static int make_zoom(struct rs_plot_vm *v, uint64_t begin_ns, uint64_t end_ns)
{
	const uint64_t margin = (v->worst.end_ns - v->worst.begin_ns) / 10 + 1;
	const uint64_t begin =
		v->worst.begin_ns - begin_ns > margin ? v->worst.begin_ns - margin : begin_ns;
	const uint64_t end = end_ns - v->worst.end_ns > margin ? v->worst.end_ns + margin : end_ns;

	if ((!v->worst.needless && !v->worst.needless_area) ||
	    end - begin > (end_ns - begin_ns) / 2)
		return 0;
	v->zoom = rs_map_new(&v->axis, begin, end, RS_MAP_COLS);
	return v->zoom ? 0 : -ENOMEM;
}

int rs_plot_collect_second_done(struct rs_plot_collect *c, const struct rs_result *r)
{
	for (size_t i = 0; i < r->nr_vms && !c->failed; i++) {
		const struct rs_vm_result *res = &r->vms[i];
		struct vm *v = find_vm(c, res->vm);

		if (!v || !v->out.map)
			continue;
		rs_map_finish(v->out.map, res->end_ns + 1);
		if (v->open)
			end_epoch(v, res->end_ns);
		if (c->opts.zoom)
			c->failed = make_zoom(&v->out, res->begin_ns, res->end_ns + 1);
	}
	return c->failed;
}

/* Where a VM's last event in the piece is says nothing: its state lasted up to the map's end. */
int rs_plot_collect_third_done(struct rs_plot_collect *c, const struct rs_result *r)
{
	for (size_t i = 0; i < c->nr_vms && !c->failed; i++) {
		struct rs_map *zoom = c->vms[i]->out.zoom;

		if (zoom)
			rs_map_finish(zoom, rs_map_col_ns(zoom, rs_map_nr_cols(zoom)));
	}
	return c->failed;
}

bool rs_plot_collect_zooms(const struct rs_plot_collect *c, uint64_t *from_ns, uint64_t *until_ns)
{
	*from_ns = UINT64_MAX;
	*until_ns = 0;
	for (size_t i = 0; i < c->nr_vms; i++) {
		const struct rs_map *zoom = c->vms[i]->out.zoom;
		const uint64_t longest_ns = c->vms[i]->longest_ns;
		uint64_t begin_ns, end_ns;

		if (!zoom)
			continue;
		begin_ns = rs_map_col_ns(zoom, 0);
		begin_ns -= longest_ns < begin_ns ? longest_ns : begin_ns;
		end_ns = rs_map_col_ns(zoom, rs_map_nr_cols(zoom));
		*from_ns = begin_ns < *from_ns ? begin_ns : *from_ns;
		*until_ns = end_ns > *until_ns ? end_ns : *until_ns;
	}
	/* When a VM is judged again after a loss is a matter of all that was before. */
	if (c->lost)
		*from_ns = 0;
	return *until_ns != 0;
}

const struct rs_plot_vm *rs_plot_collect_vm(const struct rs_plot_collect *c, uint32_t vm)
{
	const struct vm *v = find_vm(c, vm);

	return v ? &v->out : NULL;
}
