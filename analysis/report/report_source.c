// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/report/report_source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/report/derive.h"

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

struct rs_report_source rs_report_source_of(const struct rs_report_data *d)
{
	const struct rs_result *r = d->result;
	struct rs_report_source s = {
		.path = d->report.path,
		.form = d->report.form,
		.kernel = d->meta.kernel,
		.kernel_algo = r->kernel_algo,
		.identity = d->meta.identity[0] ? d->meta.identity : NULL,
		.host = rs_meta_fact(&d->meta, RS_FACT_HOST),
		.boot_id = rs_meta_fact(&d->meta, RS_FACT_BOOT_ID),
		.one_vm = d->report.one_vm,
		.vm = d->report.vm,
		.vms = r->nr_vms,
		.events = r->events,
		.begin_ns = r->begin_ns,
		.end_ns = r->end_ns,
		.lost = r->lost,
	};

	for (size_t i = 0; i < r->nr_vms; i++) {
		const struct rs_vm_result *v = &r->vms[i];
		const struct rs_algo_result *own = rs_vm_algo(r, v, r->kernel_algo);

		s.checked += v->checked;
		s.state_compared += v->state_compared;
		s.state_equal += v->state_equal;
		if (!own)
			continue;
		s.locked.known += own->locked.known;
		s.locked.same += own->locked.same;
		s.lockless.known += own->lockless.known;
		s.lockless.same += own->lockless.same;
	}
	return s;
}

/* ---- parts ---- */

int rs_report_parts_new(struct rs_report_source *s, size_t nr_parts, size_t nr_doings)
{
	struct rs_report_doing *doings = NULL;

	s->parts = NULL;
	s->nr_parts = 0;
	s->nr_doings = nr_doings;
	if (!nr_parts)
		return 0;
	s->parts = calloc(nr_parts, sizeof(*s->parts));
	doings = calloc(nr_parts * nr_doings + 1, sizeof(*doings));
	if (!s->parts || !doings) {
		free(s->parts);
		free(doings);
		s->parts = NULL;
		return -ENOMEM;
	}
	for (size_t i = 0; i < nr_parts; i++)
		s->parts[i].doings = &doings[i * nr_doings];
	s->nr_parts = nr_parts;
	return 0;
}

void rs_report_parts_free(struct rs_report_source *s)
{
	if (s->nr_parts)
		free(s->parts[0].doings);
	free(s->parts);
	s->parts = NULL;
	s->nr_parts = 0;
}

static struct rs_report_doing doing_of(const struct rs_algo_result *a)
{
	return (struct rs_report_doing){
		.rejected = a->rejected,
		.spurious = a->spurious,
		.alias = a->causes[RS_CAUSE_ALIAS],
		.stalls = a->closed ? a->closed->stall_ns.weight : 0,
		.stall_ns = a->closed ? a->closed->stall_ns.total : 0,
	};
}

int rs_report_parts_of(struct rs_report_source *s, const struct rs_report_data *d)
{
	const struct rs_result *r = d->result;

	if (rs_report_parts_new(s, r->nr_vms, r->nr_algos))
		return -ENOMEM;
	for (size_t i = 0; i < r->nr_vms; i++) {
		const struct rs_vm_result *v = &r->vms[i];
		const struct rs_vm_info *info = rs_meta_vm(&d->meta, v->vm);
		struct rs_report_part *part = &s->parts[i];

		part->vm = v->vm;
		part->pid = info ? info->pid : 0;
		part->command = info ? info->command : NULL;
		part->checked = v->checked;
		part->frames = v->frames;
		part->aliased_frames = v->aliased_frames;
		for (size_t k = 0; k < r->nr_algos; k++)
			part->doings[k] = doing_of(&v->algos[k]);
	}
	return 0;
}

/* ---- the same ---- */

/*
 * Two traces do not begin and end at the same ns with as many events. Of those that have none
 * the path is all there is.
 */
static bool same_figures(const struct rs_report_source *a, const struct rs_report_source *b)
{
	return a->events == b->events && a->begin_ns == b->begin_ns && a->end_ns == b->end_ns &&
	       a->checked == b->checked && same_text(a->kernel, b->kernel) &&
	       (a->events || same_text(a->path, b->path));
}

bool rs_report_same_source(const struct rs_report_source *a, const struct rs_report_source *b)
{
	if (a->one_vm && b->one_vm && a->vm != b->vm)
		return false;
	return a->identity && b->identity ? !strcmp(a->identity, b->identity) : same_figures(a, b);
}

static int by_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) : !b - !a;
}

static int by_number(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

int rs_report_source_order(const void *pa, const void *pb)
{
	const struct rs_report_source *a = pa, *b = pb;
	const int orders[] = {
		by_text(a->path, b->path),	   by_text(a->identity, b->identity),
		by_number(a->one_vm, b->one_vm),   by_number(a->vm, b->vm),
		by_text(a->kernel, b->kernel),	   by_number(a->begin_ns, b->begin_ns),
		by_number(a->end_ns, b->end_ns),   by_number(a->events, b->events),
		by_number(a->checked, b->checked),
	};

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
		if (orders[i])
			return orders[i];
	return 0;
}

/* ---- copies ---- */

static char *copy(const char *text, bool *failed)
{
	char *to = text ? strdup(text) : NULL;

	*failed |= text && !to;
	return to;
}

static bool copy_parts(struct rs_report_source *to, const struct rs_report_source *from)
{
	bool failed = rs_report_parts_new(to, from->nr_parts, from->nr_doings);

	for (size_t i = 0; i < to->nr_parts; i++) {
		struct rs_report_doing *doings = to->parts[i].doings;

		memcpy(doings, from->parts[i].doings, from->nr_doings * sizeof(*doings));
		to->parts[i] = from->parts[i];
		to->parts[i].doings = doings;
		to->parts[i].command = copy(from->parts[i].command, &failed);
	}
	return failed;
}

int rs_report_source_copy(struct rs_report_source *to, const struct rs_report_source *from)
{
	bool failed;

	*to = *from;
	failed = copy_parts(to, from);
	to->path = copy(from->path, &failed);
	to->form = copy(from->form, &failed);
	to->kernel = copy(from->kernel, &failed);
	to->kernel_algo = copy(from->kernel_algo, &failed);
	to->identity = copy(from->identity, &failed);
	to->host = copy(from->host, &failed);
	to->boot_id = copy(from->boot_id, &failed);
	to->group = copy(from->group, &failed);
	if (failed)
		rs_report_source_clear(to);
	return failed ? -ENOMEM : 0;
}

void rs_report_source_clear(struct rs_report_source *s)
{
	for (size_t i = 0; i < s->nr_parts; i++)
		free((char *)s->parts[i].command);
	rs_report_parts_free(s);
	free((char *)s->path);
	free((char *)s->form);
	free((char *)s->kernel);
	free((char *)s->kernel_algo);
	free((char *)s->identity);
	free((char *)s->host);
	free((char *)s->boot_id);
	free((char *)s->group);
	memset(s, 0, sizeof(*s));
}
