// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/plot/plot_collect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

struct rs_plot_collect {
	struct rs_plot_collect_opts opts;
	struct rs_observer first, second;
	struct rs_plot_vm **vms;
	size_t nr_vms;
	uint64_t *values; /* of all tracks, for one call */
	int failed;
};

static struct rs_plot_vm *find_vm(const struct rs_plot_collect *c, uint32_t vm)
{
	for (size_t i = 0; i < c->nr_vms; i++)
		if (c->vms[i]->vm == vm)
			return c->vms[i];
	return NULL;
}

static void free_vm(struct rs_plot_vm *v)
{
	if (!v)
		return;
	rs_series_free(v->series);
	rs_map_free(v->map);
	rs_gfn_axis_free(&v->axis);
	free(v);
}

static struct rs_plot_vm *add_vm(struct rs_plot_collect *c, const struct rs_view *view)
{
	struct rs_plot_vm *v;

	if (RS_ROOM_FOR_ONE(c->vms, c->nr_vms))
		return NULL;
	v = calloc(1, sizeof(*v));
	if (!v)
		return NULL;
	v->vm = view->vm;
	if (c->opts.series) {
		v->series = rs_series_new(view->nr_algos + 1);
		if (!v->series) {
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
	struct rs_plot_vm *v;

	if (!wanted(c, view->vm))
		return;
	v = find_vm(c, view->vm);
	if (!v)
		v = add_vm(c, view);
	if (!v || (c->opts.map && add_memslots(v, view))) {
		c->failed = -ENOMEM;
		return;
	}
	if (v->series)
		set_series(c, v, view);
}

static void second_view(void *arg, const struct rs_view *view)
{
	struct rs_plot_collect *c = arg;
	struct rs_plot_vm *v = wanted(c, view->vm) ? find_vm(c, view->vm) : NULL;

	if (v && v->map && rs_map_view(v->map, view))
		c->failed = -ENOMEM;
}

static void second_judged(void *arg, const struct rs_judged *fault)
{
	struct rs_plot_collect *c = arg;
	struct rs_plot_vm *v = wanted(c, fault->vm) ? find_vm(c, fault->vm) : NULL;

	if (v && v->map)
		rs_map_judged(v->map, fault, 0);
}

struct rs_plot_collect *rs_plot_collect_new(const struct rs_plot_collect_opts *opts)
{
	struct rs_plot_collect *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->opts = *opts;
	c->first = (struct rs_observer){ .arg = c, .view = first_view };
	c->second = (struct rs_observer){ .arg = c, .view = second_view, .judged = second_judged };
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
	const struct rs_plot_vm *x = *(struct rs_plot_vm *const *)a;
	const struct rs_plot_vm *y = *(struct rs_plot_vm *const *)b;

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
		struct rs_plot_vm *v = find_vm(c, r->vms[i].vm);

		if (v)
			v->checked = r->vms[i].checked;
	}
	if (c->nr_vms > RS_PLOT_MAX_VMS)
		keep_busiest(c);
	for (size_t i = 0; i < r->nr_vms && !c->failed; i++) {
		const struct rs_vm_result *res = &r->vms[i];
		struct rs_plot_vm *v = find_vm(c, res->vm);

		if (v && v->series)
			rs_series_finish(v->series, res->end_ns);
		if (v && c->opts.map)
			c->failed = make_map(v, res->begin_ns, res->end_ns);
	}
	return c->failed;
}

int rs_plot_collect_second_done(struct rs_plot_collect *c, const struct rs_result *r)
{
	for (size_t i = 0; i < r->nr_vms && !c->failed; i++) {
		struct rs_plot_vm *v = find_vm(c, r->vms[i].vm);

		if (v && v->map)
			rs_map_finish(v->map, r->vms[i].end_ns + 1);
	}
	return c->failed;
}

const struct rs_plot_vm *rs_plot_collect_vm(const struct rs_plot_collect *c, uint32_t vm)
{
	return find_vm(c, vm);
}
