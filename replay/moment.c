// SPDX-License-Identifier: GPL-2.0-only
#include "replay/moment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

/* Room for @n members in *@array, of which there is room for *@max. */
static int make_room(void *array, size_t *max, size_t n, size_t size)
{
	void **p = array, *bigger;
	size_t room = *max ? *max : 4;

	while (room < n)
		room *= 2;
	if (room == *max)
		return 0;
	bigger = reallocarray(*p, room, size);
	if (!bigger)
		return -ENOMEM;
	*p = bigger;
	*max = room;
	return 0;
}

static void give_up(struct rs_follower *f)
{
	rs_follower_free(f);
	f->given_up = true;
}

static int add_vm(struct rs_follower *f, uint32_t number)
{
	struct rs_moment *at = &f->at;
	struct rs_idset_entry *e;

	if (make_room(&at->vms, &at->max_vms, at->nr_vms + 1, sizeof(*at->vms)))
		return -ENOMEM;
	e = rs_idset_add(&f->places, number, 0);
	if (!e)
		return -ENOMEM;
	e->at = f->last = at->nr_vms;
	at->vms[at->nr_vms++] = (struct rs_moment_vm){ .vm = number, .begin_ns = at->now_ns };
	return 0;
}

/* Makes the VM the last one. */
static int find_vm(struct rs_follower *f, uint32_t number)
{
	const struct rs_idset_entry *e;

	if (f->last < f->at.nr_vms && f->at.vms[f->last].vm == number)
		return 0;
	e = rs_idset_find(&f->places, number, 0);
	if (!e)
		return add_vm(f, number);
	f->last = e->at;
	return 0;
}

static int keep_memslot(struct rs_follower *f, const struct rs_event *ev)
{
	struct rs_moment *at = &f->at;

	if (make_room(&at->memslots, &at->max_memslots, at->nr_memslots + 1, sizeof(*at->memslots)))
		return -ENOMEM;
	at->memslots[at->nr_memslots++] = *ev;
	return 0;
}

static void tell_time(struct rs_moment *at, uint64_t time_ns)
{
	if (!at->events++)
		at->begin_ns = time_ns;
	if (time_ns > at->now_ns)
		at->now_ns = time_ns;
}

int rs_follower_note(struct rs_follower *f, const struct rs_event *ev)
{
	if (f->given_up)
		return 0;
	if (ev->type != RS_EV_STATE)
		tell_time(&f->at, ev->time_ns);
	if (f->one_vm && ev->vm != f->vm)
		return 0;
	if (rs_pending_note(&f->pending, ev, 1))
		return -ENOMEM;
	if (ev->type == RS_EV_STATE)
		return 0;
	if (find_vm(f, ev->vm))
		return -ENOMEM;
	f->at.vms[f->last].end_ns = f->at.now_ns;
	if (ev->type == RS_EV_MEMSLOT && keep_memslot(f, ev))
		return -ENOMEM;
	if (f->at.nr_vms > MAX_VMS || f->at.nr_memslots > MAX_MEMSLOTS)
		give_up(f);
	return 0;
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

	if (make_room(&m->vms, &m->max_vms, at->nr_vms, sizeof(*m->vms)) ||
	    make_room(&m->memslots, &m->max_memslots, n, sizeof(*m->memslots)))
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
	memset(&f->pending, 0, sizeof(f->pending));
	rs_idset_free(&f->places);
	rs_moment_free(&f->at);
}
