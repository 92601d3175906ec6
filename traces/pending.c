// SPDX-License-Identifier: GPL-2.0-only
#include "traces/pending.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

static struct rs_pending_vm *new_vm(struct rs_pending *p, uint32_t number)
{
	struct rs_idset_entry *e;
	struct rs_pending_vm *v;

	if (RS_ROOM_FOR_ONE(p->vms, p->nr_vms))
		return NULL;
	v = calloc(1, sizeof(*v));
	e = v ? rs_idset_add(&p->places, number, 0) : NULL;
	if (!e) {
		free(v);
		return NULL;
	}
	v->number = number;
	e->at = p->nr_vms;
	p->vms[p->nr_vms++] = v;
	return v;
}

struct rs_pending_vm *rs_pending_find_vm(struct rs_pending *p, uint32_t number)
{
	const struct rs_idset_entry *e = rs_idset_find(&p->places, number, 0);

	p->last = e ? p->vms[e->at] : new_vm(p, number);
	return p->last;
}

/* It is not among the few. */
int rs_pending_begin_many(struct rs_pending *p, struct rs_pending_vm *v, uint64_t id)
{
	if (rs_idset_find(&p->many, v->number, id))
		return 0;
	if (v->nr_few < RS_PENDING_FEW)
		v->few[v->nr_few++] = id;
	else if (!rs_idset_add(&p->many, v->number, id))
		return -ENOMEM;
	return 1;
}

int rs_pending_end_many(struct rs_pending *p, const struct rs_pending_vm *v, uint64_t id)
{
	struct rs_idset_entry *e = rs_idset_find(&p->many, v->number, id);

	if (!e)
		return 0;
	rs_idset_remove(&p->many, e);
	return 1;
}

uint64_t rs_pending_lose(struct rs_pending *p, struct rs_pending_vm *v)
{
	uint64_t n = p->many.nr + v->nr_few;

	rs_idset_remove_vm(&p->many, v->number);
	n -= p->many.nr;
	v->nr_few = 0;
	for (size_t i = 0; i < sizeof(v->open) / sizeof(v->open[0]); i++)
		n += (uint64_t)__builtin_popcountll(v->open[i]);
	memset(v->open, 0, sizeof(v->open));
	return n;
}

/* From now on there is always something: 8 KiB for each VM would be too much. */
static int give_up(struct rs_pending *p)
{
	if (!p->given_up) {
		rs_pending_free(p);
		p->given_up = true;
	}
	p->nr = 1;
	return 0;
}

int rs_pending_note(struct rs_pending *p, const struct rs_event *evs, size_t n)
{
	struct rs_pending_vm *v = p->last;
	uint64_t nr = p->nr;
	int rc = 0;

	for (size_t i = 0; i < n && !rc; i++) {
		if (p->given_up || p->nr_vms > RS_PENDING_VMS)
			return give_up(p);
		if (!v || v->number != evs[i].vm)
			v = rs_pending_find_vm(p, evs[i].vm);
		rc = v ? rs_pending_step(p, v, &evs[i], &nr) : -ENOMEM;
	}
	p->nr = nr;
	return rc;
}

void rs_pending_free(struct rs_pending *p)
{
	for (size_t i = 0; i < p->nr_vms; i++)
		free(p->vms[i]);
	free(p->vms);
	rs_idset_free(&p->many);
	rs_idset_free(&p->places);
	memset(p, 0, sizeof(*p));
}
