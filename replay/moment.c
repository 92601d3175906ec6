// SPDX-License-Identifier: GPL-2.0-only
#include "replay/moment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

/* With more VMs an engine would have too much to do at each moment. */
#define MAX_VMS 256
/* Events of memslots that are kept: more than any VM has memslots. */
#define MAX_MEMSLOTS 65536

void rs_moment_free(struct rs_moment *m)
{
	free(m->vms);
	free(m->memslots);
	memset(m, 0, sizeof(*m));
}

static void give_up(struct rs_follower *f)
{
	rs_follower_free(f);
	f->given_up = true;
}

static int keep_memslot(struct rs_follower *f, const struct rs_event *ev)
{
	struct rs_moment *at = &f->at;

	if (RS_ROOM_ZEROED(at->memslots, at->max_memslots, at->nr_memslots + 1))
		return -ENOMEM;
	at->memslots[at->nr_memslots++] = *ev;
	return 0;
}

static uint64_t later(uint64_t x, uint64_t y)
{
	return x > y ? x : y;
}

/* The first event of a VM, @ev. */
static int add_vm(struct rs_follower *f, struct rs_pending_vm *v, const struct rs_event *ev)
{
	struct rs_moment *at = &f->at;

	if (RS_ROOM_ZEROED(at->vms, at->max_vms, at->nr_vms + 1))
		return -ENOMEM;
	at->vms[at->nr_vms++] = (struct rs_moment_vm){ .vm = v->number,
						       .begin_ns = later(at->now_ns, ev->time_ns) };
	v->place = at->nr_vms;
	return 0;
}

/*
 * The first of the @n events and those after it that are of the same VM, @v. What
 * changes with each is kept in registers.
 */
static ssize_t note_run(struct rs_follower *f, struct rs_pending_vm *v, const struct rs_event *evs,
			size_t n, size_t from)
{
	uint64_t now_ns = f->at.now_ns, nr = f->pending.nr, events = 0;
	const uint32_t number = v->number;
	size_t i = 0;
	int rc = 0;

	while (i < n && evs[i].vm == number && evs[i].type != RS_EV_LOST) {
		const struct rs_event *ev = &evs[i++];

		if (ev->type != RS_EV_STATE) {
			events++;
			now_ns = later(now_ns, ev->time_ns);
		}
		rc = rs_pending_step(&f->pending, v, ev, &nr);
		if (ev->type == RS_EV_MEMSLOT && !rc)
			rc = keep_memslot(f, ev);
		if (rc || (!nr && i > from))
			break;
	}
	f->pending.nr = nr;
	f->at.events += events;
	f->at.now_ns = now_ns;
	if (events)
		f->at.vms[v->place - 1].end_ns = now_ns;
	return rc ? rc : (ssize_t)i;
}

/* Events of the first one's VM: all in a row, but of recorded states before any event one. */
static ssize_t note_vm(struct rs_follower *f, const struct rs_event *evs, size_t n, size_t from)
{
	struct rs_pending_vm *v = f->pending.last;

	if (!v || v->number != evs->vm)
		v = rs_pending_find_vm(&f->pending, evs->vm);
	if (!v)
		return -ENOMEM;
	if (v->place)
		return note_run(f, v, evs, n, from);
	if (evs->type == RS_EV_STATE)
		return note_run(f, v, evs, 1, from);
	return add_vm(f, v, evs) ? -ENOMEM : note_run(f, v, evs, n, from);
}

/* An event of another VM than that which is followed. */
static void pass(struct rs_moment *at, const struct rs_event *ev)
{
	if (ev->type == RS_EV_STATE)
		return;
	at->events++;
	at->now_ns = later(at->now_ns, ev->time_ns);
}

static bool is_loss(const struct rs_follower *f, const struct rs_event *ev)
{
	return ev->type == RS_EV_LOST && (!f->one_vm || ev->vm == f->vm);
}

/* Some of the @n events, of which the first is not a loss. */
static ssize_t note_some(struct rs_follower *f, const struct rs_event *evs, size_t n, size_t from)
{
	if (f->given_up)
		return 1;
	if (!f->at.events && evs->type != RS_EV_STATE)
		f->at.begin_ns = evs->time_ns;
	if (!f->one_vm || evs->vm == f->vm)
		return note_vm(f, evs, n, from);
	pass(&f->at, evs);
	return 1;
}

static bool is_too_much(const struct rs_follower *f)
{
	return f->at.nr_vms > MAX_VMS || f->at.nr_memslots > MAX_MEMSLOTS;
}

ssize_t rs_follower_note(struct rs_follower *f, const struct rs_event *evs, size_t n, size_t from)
{
	size_t i = 0;

	while (i < n && !is_loss(f, &evs[i])) {
		ssize_t some = note_some(f, evs + i, n - i, from > i ? from - i : 0);

		if (some < 0)
			return some;
		i += (size_t)some;
		if (i > from && rs_follower_idle(f))
			return (ssize_t)i;
	}
	if (is_too_much(f))
		give_up(f);
	return (ssize_t)i;
}

bool rs_follower_idle(const struct rs_follower *f)
{
	return !f->given_up && rs_pending_none(&f->pending);
}

uint64_t rs_follower_memslots(const struct rs_follower *f)
{
	return f->first_memslot + f->at.nr_memslots;
}

void rs_follower_forget(struct rs_follower *f, uint64_t until)
{
	struct rs_moment *at = &f->at;
	size_t n = until > f->first_memslot ? (size_t)(until - f->first_memslot) : 0;

	if (!n || f->given_up)
		return;
	at->nr_memslots -= n;
	memmove(at->memslots, at->memslots + n, at->nr_memslots * sizeof(*at->memslots));
	f->first_memslot = until;
}

int rs_follower_moment(const struct rs_follower *f, uint64_t known, struct rs_moment *m)
{
	const struct rs_moment *at = &f->at;
	size_t skip = (size_t)(known - f->first_memslot), n = at->nr_memslots - skip;

	if (RS_ROOM_ZEROED(m->vms, m->max_vms, at->nr_vms) ||
	    RS_ROOM_ZEROED(m->memslots, m->max_memslots, n))
		return -ENOMEM;
	m->begin_ns = at->begin_ns;
	m->now_ns = at->now_ns;
	m->events = at->events;
	m->nr_vms = at->nr_vms;
	m->nr_memslots = n;
	if (at->nr_vms)
		memcpy(m->vms, at->vms, at->nr_vms * sizeof(*m->vms));
	if (n)
		memcpy(m->memslots, at->memslots + skip, n * sizeof(*m->memslots));
	return 0;
}

void rs_follower_free(struct rs_follower *f)
{
	rs_pending_free(&f->pending);
	rs_moment_free(&f->at);
}
