// SPDX-License-Identifier: GPL-2.0-only
#include "replay/result.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "replay/figures.h"

#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define MIN(a, b) ((a) < (b) ? (a) : (b))

static int add_closed(struct rs_closed_algo **to, const struct rs_closed_algo *from)
{
	bool first = !*to;

	if (!from)
		return 0;
	if (first)
		*to = calloc(1, sizeof(**to));
	return *to ? rs_figures_add(RS_OF_CLOSED_ALGO, *to, from, first) : -ENOMEM;
}

static int add_algo(struct rs_algo_result *to, const struct rs_algo_result *from)
{
	bool first = !to->name;
	int err;

	if (first)
		to->name = strdup(from->name);
	if (!to->name)
		return -ENOMEM;
	err = rs_figures_add(RS_OF_ALGO, to, from, first);
	if (!err)
		err = add_closed(&to->closed, from->closed);
	return err ? err : add_closed(&to->other, from->other);
}

/* Needs the maxima of @to to be up to date. */
static void add_times(struct rs_vm_result *to, const struct rs_vm_result *from)
{
	to->end_ns += rs_vm_duration_ns(from);
	/* The recording paused for all of them at once: how much pieces of their sum scatter is not
	 * known. */
	to->paused_ns = to->pieces = 0;
	rs_vm_result_mean(to);
}

/* All but its times. */
static int add_found(struct rs_vm_result *to, const struct rs_vm_result *from, size_t nr_algos)
{
	bool first = !to->algos;
	int err;

	if (first)
		to->algos = calloc(nr_algos ? nr_algos : 1, sizeof(*to->algos));
	if (!to->algos)
		return -ENOMEM;
	err = rs_figures_add(RS_OF_VM, to, from, first);
	err |= rs_figures_add(RS_OF_CLOSED_VM, &to->closed, &from->closed, first);
	for (size_t i = 0; i < nr_algos; i++)
		err |= add_algo(&to->algos[i], &from->algos[i]);
	return err ? -ENOMEM : 0;
}

int rs_vm_result_add(struct rs_vm_result *to, const struct rs_vm_result *from, size_t nr_algos)
{
	int err = add_found(to, from, nr_algos);

	if (!err)
		add_times(to, from);
	return err;
}

void rs_vm_result_mean(struct rs_vm_result *v)
{
	double ns = (double)rs_vm_duration_ns(v);

	v->mean_frames = ns > 0 ? (double)v->frames_page_ns / ns : (double)v->frames;
}

int rs_result_sum_vms(const struct rs_result *r, struct rs_vm_result *to)
{
	memset(to, 0, sizeof(*to));
	for (size_t i = 0; i < r->nr_vms; i++) {
		if (rs_vm_result_add(to, &r->vms[i], r->nr_algos)) {
			rs_vm_result_free(to, r->nr_algos);
			memset(to, 0, sizeof(*to));
			return -ENOMEM;
		}
	}
	return 0;
}

/* ---- parts of one stream ---- */

/* The VM of that number; a new one, all zero but for its times, where @r has none. NULL: no memory.
 */
static struct rs_vm_result *vm_like(struct rs_result *r, const struct rs_vm_result *like)
{
	struct rs_vm_result *vms;
	size_t i = 0;

	while (i < r->nr_vms && r->vms[i].vm < like->vm)
		i++;
	if (i < r->nr_vms && r->vms[i].vm == like->vm)
		return &r->vms[i];
	/* The others were made by whoever made @r, in one piece. */
	if (RS_RESIZE(r->vms, r->nr_vms + 1))
		return NULL;
	vms = r->vms;
	memmove(vms + i + 1, vms + i, (r->nr_vms++ - i) * sizeof(*vms));
	vms[i] = (struct rs_vm_result){ .vm = like->vm,
					.begin_ns = like->begin_ns,
					.end_ns = like->end_ns };
	return &vms[i];
}

static int join_vm(struct rs_result *r, const struct rs_vm_result *from)
{
	struct rs_vm_result *to = vm_like(r, from);

	if (!to || add_found(to, from, r->nr_algos))
		return -ENOMEM;
	to->begin_ns = MIN(to->begin_ns, from->begin_ns);
	to->end_ns = MAX(to->end_ns, from->end_ns);
	rs_vm_result_mean(to);
	return 0;
}

int rs_result_join(struct rs_result *to, const struct rs_result *from)
{
	int err = 0;

	to->events = MAX(to->events, from->events);
	to->end_ns = MAX(to->end_ns, from->end_ns);
	to->lost += from->lost;
	to->lost_marks += from->lost_marks;
	for (unsigned int i = 0; i < RS_NR_ANOMALIES; i++)
		to->anomalies[i] += from->anomalies[i];
	for (size_t i = 0; i < from->nr_vms && !err; i++)
		err = join_vm(to, &from->vms[i]);
	return err;
}
