// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "replay/cut/cut_internal.h"
#include "replay/model/model.h"

/* So much history of one VM is kept before what has ended is dropped from it. */
#define MAX_LOG (1U << 20)
#define NO_BEGIN SIZE_MAX

struct rs_cut *rs_cut_new(const struct rs_cut_opts *opts, struct rs_error *err)
{
	struct rs_cut *c = calloc(1, sizeof(*c));

	if (!c) {
		errno = -rs_error_nomem(err);
		return NULL;
	}
	c->opts = *opts;
	/* Without a start, the piece is there from the first event on. */
	c->in_piece = !opts->from;
	return c;
}

static void free_vm(struct cut_vm *v)
{
	rs_vm_free(v->slots);
	rs_idset_free(&v->outstanding);
	free(v->log);
	free(v);
}

void rs_cut_free(struct rs_cut *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->nr_vms; i++)
		free_vm(c->vms[i]);
	free(c->vms);
	free(c->out);
	free(c);
}

/* ---- output ---- */

static int emit(struct rs_cut *c, const struct rs_event *ev)
{
	if (RS_ROOM(c->out, c->max_out, c->nr_out + 1))
		return -ENOMEM;
	c->out[c->nr_out++] = *ev;
	return 0;
}

static int emit_at(struct rs_cut *c, const struct rs_event *ev, uint64_t time_ns)
{
	struct rs_event moved = *ev;

	moved.time_ns = time_ns;
	return emit(c, &moved);
}

/* ---- a VM ---- */

static struct cut_vm *new_vm(struct rs_cut *c, uint32_t number)
{
	struct cut_vm *v;
	size_t at;

	if (RS_ROOM_FOR_ONE(c->vms, c->nr_vms))
		return NULL;
	v = calloc(1, sizeof(*v));
	if (!v)
		return NULL;
	v->number = number;
	v->log_limit = MAX_LOG;
	v->slots = rs_vm_new();
	if (!v->slots) {
		free(v);
		return NULL;
	}
	at = c->nr_vms++;
	for (; at && c->vms[at - 1]->number > number; at--)
		c->vms[at] = c->vms[at - 1];
	c->vms[at] = v;
	return v;
}

static struct cut_vm *find_vm(struct rs_cut *c, uint32_t number)
{
	for (size_t i = 0; i < c->nr_vms; i++)
		if (c->vms[i]->number == number)
			return c->vms[i];
	return new_vm(c, number);
}

static bool take_open(struct cut_vm *v, uint32_t vcpu)
{
	uint64_t bit = 1ULL << vcpu % 64;
	bool open = v->open[vcpu / 64] & bit;

	v->open[vcpu / 64] &= ~bit;
	return open;
}

static int set_memslot(struct cut_vm *v, const struct rs_event *ev)
{
	if (rs_memslot_problem(ev) != RS_ANOM_NONE)
		return 0;
	if (rs_vm_set_memslot(v->slots, ev->as, ev->memslot.id, ev->memslot.gfn, ev->memslot.npages,
			      ev->memslot.hva, ev->memslot.flags) == RS_VM_NOMEM)
		return -ENOMEM;
	return 0;
}

/* ---- the log: what happened since nothing was in progress ---- */

/* Nothing is in progress: what remains of the log is its memslots. */
static int clear_log(struct cut_vm *v)
{
	int rc = 0;

	for (size_t i = 0; i < v->nr_log && !rc; i++)
		if (v->log[i].begin == NO_BEGIN)
			rc = set_memslot(v, &v->log[i].ev);
	v->nr_log = 0;
	v->log_limit = MAX_LOG;
	v->left_out = 0;
	return rc;
}

int rs_cut_forget_pending(struct rs_cut *c)
{
	int rc = 0;

	for (size_t i = 0; i < c->nr_vms && !rc; i++) {
		struct cut_vm *v = c->vms[i];

		rs_idset_clear(&v->outstanding);
		memset(v->open, 0, sizeof(v->open));
		v->has_state = false;
		rc = clear_log(v);
	}
	return rc;
}

/* Each event of an ended invalidation gets its mark. */
static void mark_ended(struct cut_vm *v)
{
	for (size_t i = 0; i < v->nr_log; i++)
		if (v->log[i].begin != NO_BEGIN)
			v->log[i].ended = v->log[v->log[i].begin].ended;
}

/*
 * An invalidation that never ends would make the log grow for good: those that
 * have ended are dropped, and counted.
 */
static void thin_log(struct cut_vm *v)
{
	size_t n = 0;

	mark_ended(v);
	for (size_t i = 0; i < v->nr_log; i++) {
		struct logged l = v->log[i];
		struct rs_idset_entry *e;

		if (l.ended) {
			v->left_out += l.begin == i;
			continue;
		}
		if (l.begin != NO_BEGIN) {
			e = rs_idset_find(&v->outstanding, v->number, l.ev.inval.id);
			if (l.begin == i)
				e->at = n;
			l.begin = e->at;
		}
		v->log[n++] = l;
	}
	v->nr_log = n;
	v->log_limit = 2 * n > MAX_LOG ? 2 * n : MAX_LOG;
}

static int log_event(struct cut_vm *v, const struct rs_event *ev, size_t begin)
{
	if (RS_ROOM(v->log, v->max_log, v->nr_log + 1))
		return -ENOMEM;
	v->log[v->nr_log++] = (struct logged){ .ev = *ev, .begin = begin };
	return 0;
}

/* ---- before the piece ---- */

static int begin_before(struct rs_cut *c, struct cut_vm *v, const struct rs_event *ev)
{
	struct rs_idset_entry *e;

	if (rs_begin_problem(ev) != RS_ANOM_NONE ||
	    rs_idset_find(&v->outstanding, v->number, ev->inval.id))
		return 0;
	if (v->nr_log >= v->log_limit)
		thin_log(v);
	e = rs_idset_add(&v->outstanding, v->number, ev->inval.id);
	if (!e)
		return -ENOMEM;
	e->begin_ns = c->now;
	e->at = v->nr_log;
	return log_event(v, ev, v->nr_log);
}

static int slot_before(struct cut_vm *v, const struct rs_event *ev)
{
	const struct rs_idset_entry *e = rs_idset_find(&v->outstanding, v->number, ev->inval.id);

	return e ? log_event(v, ev, e->at) : 0;
}

static int end_before(struct rs_cut *c, struct cut_vm *v, const struct rs_event *ev)
{
	struct rs_idset_entry *e = rs_idset_find(&v->outstanding, v->number, ev->inval.id);
	size_t begin;

	if (!e) {
		if (v->dark)
			v->quiet_ns = c->now;
		return 0;
	}
	if (c->now - e->begin_ns > c->longest_ns)
		c->longest_ns = c->now - e->begin_ns;
	begin = e->at;
	rs_idset_remove(&v->outstanding, e);
	if (!v->outstanding.nr)
		return clear_log(v);
	v->log[begin].ended = true;
	return log_event(v, ev, begin);
}

static int lost_before(struct rs_cut *c, struct cut_vm *v, const struct rs_event *ev)
{
	v->seam = ev->flags != 0;
	v->paused = ev->flags & RS_F_PAUSE || (v->paused && !(ev->flags & RS_F_RESUME));
	rs_idset_clear(&v->outstanding);
	memset(v->open, 0, sizeof(v->open));
	v->dark = true;
	v->quiet_ns = c->now;
	return clear_log(v);
}

static int before_piece(struct rs_cut *c, struct cut_vm *v, const struct rs_event *ev)
{
	v->has_state = false;
	if (v->paused && ev->type != RS_EV_MEMSLOT && ev->type != RS_EV_LOST &&
	    ev->type != RS_EV_STATE) {
		v->paused = false;
		v->quiet_ns = c->now;
	}
	/* As the replay sees it: at an event, by the longest one until then. */
	if (v->dark && !v->paused && ev->type != RS_EV_STATE &&
	    rs_blackout_over(c->now, v->quiet_ns, c->longest_ns))
		v->dark = false;
	switch (ev->type) {
	case RS_EV_STATE:
		v->state = *ev;
		v->has_state = true;
		return 0;
	case RS_EV_MEMSLOT:
		return v->nr_log ? log_event(v, ev, NO_BEGIN) : set_memslot(v, ev);
	case RS_EV_INVAL_BEGIN:
		return begin_before(c, v, ev);
	case RS_EV_INVAL_SLOT:
		return slot_before(v, ev);
	case RS_EV_INVAL_END:
		return end_before(c, v, ev);
	case RS_EV_FAULT_BEGIN:
		v->open[ev->fault.vcpu / 64] |= 1ULL << ev->fault.vcpu % 64;
		return 0;
	case RS_EV_FAULT_CHECK:
	case RS_EV_FAULT_END:
		take_open(v, ev->fault.vcpu);
		return 0;
	case RS_EV_LOST:
		return lost_before(c, v, ev);
	}
	return 0;
}

/* ---- the start of the piece ---- */

static int cmp_added(const void *a, const void *b)
{
	const struct rs_memslot *const *x = a, *const *y = b;

	return ((*x)->added > (*y)->added) - ((*x)->added < (*y)->added);
}

/* The memslots in the order of their creation, which can decide between two. */
static int emit_memslots(struct rs_cut *c, const struct cut_vm *v)
{
	uint32_t nr = 0, handles = rs_vm_nr_handles(v->slots);
	const struct rs_memslot **slots = malloc((handles + 1) * sizeof(struct rs_memslot *));
	int rc = 0;

	if (!slots)
		return -ENOMEM;
	for (uint32_t h = 0; h < handles; h++)
		if (rs_vm_memslot(v->slots, h)->present)
			slots[nr++] = rs_vm_memslot(v->slots, h);
	qsort(slots, nr, sizeof(struct rs_memslot *), cmp_added);
	for (uint32_t i = 0; i < nr && !rc; i++) {
		const struct rs_memslot *s = slots[i];
		struct rs_event ev = { .time_ns = c->opts.from_ns,
				       .vm = v->number,
				       .type = RS_EV_MEMSLOT,
				       .as = s->as,
				       .memslot.id = s->id,
				       .memslot.flags = s->flags,
				       .memslot.gfn = s->gfn,
				       .memslot.npages = s->npages,
				       .memslot.hva = s->hva };

		rc = emit(c, &ev);
	}
	free(slots);
	return rc;
}

/* A loss that replay would not yet have got over is said again; what was lost is counted before. */
static int emit_lost(struct rs_cut *c, struct cut_vm *v)
{
	struct rs_event ev = { .time_ns = c->opts.from_ns, .vm = v->number, .type = RS_EV_LOST };

	if (!v->paused &&
	    (!v->dark || rs_blackout_over(c->opts.from_ns, v->quiet_ns, c->longest_ns)))
		return 0;
	if (v->seam) {
		ev.flags = RS_F_PAUSE;
		if (!v->paused && emit(c, &ev))
			return -ENOMEM;
		ev.flags = v->paused ? RS_F_PAUSE : RS_F_RESUME;
	}
	return emit(c, &ev);
}

static int emit_log(struct rs_cut *c, const struct cut_vm *v)
{
	int rc = 0;

	for (size_t i = 0; i < v->nr_log && !rc; i++)
		rc = emit_at(c, &v->log[i].ev, c->opts.from_ns);
	return rc;
}

static int start_piece(struct rs_cut *c)
{
	int rc = 0;

	c->in_piece = true;
	for (size_t i = 0; i < c->nr_vms && !rc; i++) {
		rc = emit_memslots(c, c->vms[i]);
		if (!rc)
			rc = emit_lost(c, c->vms[i]);
		if (!rc)
			rc = emit_log(c, c->vms[i]);
	}
	return rc;
}

/* ---- within the piece ---- */

/* Whether it decides or ends a fault that began before the piece. */
static bool of_earlier_fault(struct cut_vm *v, const struct rs_event *ev)
{
	switch (ev->type) {
	case RS_EV_FAULT_BEGIN:
		take_open(v, ev->fault.vcpu);
		return false;
	case RS_EV_FAULT_CHECK:
	case RS_EV_FAULT_END:
		return take_open(v, ev->fault.vcpu);
	case RS_EV_LOST:
		memset(v->open, 0, sizeof(v->open));
		return false;
	}
	return false;
}

/* What must be ended where the piece ends. */
static int track_outstanding(struct cut_vm *v, const struct rs_event *ev)
{
	struct rs_idset_entry *e;

	switch (ev->type) {
	case RS_EV_INVAL_BEGIN:
		if (rs_begin_problem(ev) != RS_ANOM_NONE ||
		    rs_idset_find(&v->outstanding, v->number, ev->inval.id))
			return 0;
		return rs_idset_add(&v->outstanding, v->number, ev->inval.id) ? 0 : -ENOMEM;
	case RS_EV_INVAL_END:
		e = rs_idset_find(&v->outstanding, v->number, ev->inval.id);
		if (e)
			rs_idset_remove(&v->outstanding, e);
		return 0;
	case RS_EV_LOST:
		rs_idset_clear(&v->outstanding);
		return 0;
	}
	return 0;
}

static int within_piece(struct rs_cut *c, struct cut_vm *v, const struct rs_event *ev)
{
	bool has_state = v->has_state, drop;
	int rc;

	v->has_state = ev->type == RS_EV_STATE;
	if (v->has_state) {
		/* Two in a row: the first belongs to nothing, and that is not for us to repair. */
		rc = has_state ? emit(c, &v->state) : 0;
		v->state = *ev;
		return rc;
	}
	drop = of_earlier_fault(v, ev);
	rc = track_outstanding(v, ev);
	if (rc || drop)
		return rc;
	rc = has_state ? emit(c, &v->state) : 0;
	return rc ? rc : emit(c, ev);
}

/* ---- the end of the piece ---- */

static int end_piece(struct rs_cut *c)
{
	int rc = 0;

	c->past_piece = true;
	for (size_t i = 0; i < c->nr_vms && !rc; i++) {
		struct cut_vm *v = c->vms[i];
		struct rs_idset_entry *all = rs_idset_sorted(&v->outstanding);

		if (!all && v->outstanding.nr)
			return -ENOMEM;
		for (size_t k = 0; k < v->outstanding.nr && !rc; k++) {
			struct rs_event ev = { .time_ns = c->opts.until_ns,
					       .vm = v->number,
					       .type = RS_EV_INVAL_END,
					       .inval.id = all[k].id };

			rc = emit(c, &ev);
		}
		free(all);
	}
	return rc;
}

/* ---- the stream ---- */

static uint64_t absolute(uint64_t base_ns, uint64_t ns)
{
	return ns > UINT64_MAX - base_ns ? UINT64_MAX : base_ns + ns;
}

static int first_event(struct rs_cut *c, uint64_t base_ns, struct rs_error *err)
{
	struct rs_cut_opts *o = &c->opts;

	c->started_stream = true;
	if (o->from && !o->from_absolute)
		o->from_ns = absolute(base_ns, o->from_ns);
	if (o->until && !o->until_absolute)
		o->until_ns = absolute(base_ns, o->until_ns);
	if (!o->until || o->until_ns > (o->from ? o->from_ns : base_ns))
		return 0;
	return rs_error_set(err, RS_ERR_USAGE, EINVAL, "nothing is left: --until is not after %s",
			    o->from ? "--from" : "the trace's first event");
}

static int feed_one(struct rs_cut *c, const struct rs_event *ev)
{
	const struct rs_cut_opts *o = &c->opts;
	struct cut_vm *v;
	int rc;

	if (o->one_vm && ev->vm != o->vm)
		return 0;
	c->vm_seen = true;
	if (c->past_piece)
		return 0;
	if (!o->from && !o->until)
		return emit(c, ev);
	if (!c->in_piece && ev->time_ns >= o->from_ns) {
		rc = start_piece(c);
		if (rc)
			return rc;
	}
	if (c->in_piece && o->until && ev->time_ns >= o->until_ns)
		return end_piece(c);
	if (ev->time_ns > c->now)
		c->now = ev->time_ns;
	if (c->memslots_only && ev->type != RS_EV_MEMSLOT)
		return 0;
	v = find_vm(c, ev->vm);
	if (!v)
		return -ENOMEM;
	return c->in_piece ? within_piece(c, v, ev) : before_piece(c, v, ev);
}

ssize_t rs_cut_feed(struct rs_cut *c, const struct rs_event *evs, size_t n,
		    const struct rs_event **out, struct rs_error *err)
{
	int rc = n && !c->started_stream ? first_event(c, evs[0].time_ns, err) : 0;

	if (rc)
		return rc;
	if (!c->opts.from && !c->opts.until && !c->opts.one_vm) {
		*out = evs;
		return (ssize_t)n;
	}
	c->nr_out = 0;
	for (size_t i = 0; i < n; i++)
		if (feed_one(c, &evs[i]))
			return rs_error_nomem(err);
	*out = c->out;
	return (ssize_t)c->nr_out;
}

/* States whose event did not come are kept: the stream is so. */
static int emit_states(struct rs_cut *c)
{
	int rc = 0;

	for (size_t i = 0; i < c->nr_vms && !rc; i++)
		if (c->vms[i]->has_state)
			rc = emit(c, &c->vms[i]->state);
	return rc;
}

ssize_t rs_cut_finish(struct rs_cut *c, const struct rs_event **out, struct rs_error *err)
{
	if (c->opts.one_vm && !c->vm_seen)
		return rs_error_set(err, RS_ERR_USAGE, ENOENT, "no VM %" PRIu32 " in the trace",
				    c->opts.vm);
	if (!c->in_piece)
		return rs_error_set(err, RS_ERR_USAGE, ENOENT,
				    "nothing is left: the trace ends before --from");
	c->nr_out = 0;
	if (!c->past_piece && emit_states(c))
		return rs_error_nomem(err);
	*out = c->out;
	return (ssize_t)c->nr_out;
}

/* ---- metadata ---- */

bool rs_cut_left_out(const struct rs_cut *c)
{
	for (size_t i = 0; i < c->nr_vms; i++)
		if (c->vms[i]->left_out)
			return true;
	return false;
}

static int add_time_fact(struct rs_trace_meta *meta, const char *key, uint64_t ns)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, ns);
	return rs_meta_add_fact(meta, key, text);
}

static int say_left_out(const struct rs_cut *c, struct rs_trace_meta *meta)
{
	char text[160];
	int rc = 0;

	for (size_t i = 0; i < c->nr_vms && !rc; i++) {
		if (!c->vms[i]->left_out)
			continue;
		snprintf(text, sizeof(text),
			 "at the cut, %" PRIu64 " invalidations of VM %" PRIu32
			 " that had ended beside one that had not did not widen ranges",
			 c->vms[i]->left_out, c->vms[i]->number);
		rc = rs_meta_add_assumption(meta, text);
	}
	return rc;
}

int rs_cut_note(const struct rs_cut *c, struct rs_trace_meta *meta)
{
	int rc = 0;

	if (c->opts.one_vm)
		rs_meta_keep_vm(meta, c->opts.vm);
	if (c->opts.from)
		rc = add_time_fact(meta, "cut.from_ns", c->opts.from_ns);
	if (!rc && c->opts.until)
		rc = add_time_fact(meta, "cut.until_ns", c->opts.until_ns);
	return rc ? rc : say_left_out(c, meta);
}
