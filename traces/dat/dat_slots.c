// SPDX-License-Identifier: GPL-2.0-only
#include "traces/dat/dat_slots.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/inline.h"
#include "traces/dat/dat_probe.h"

/* So few are sorted by insertion: mostly it is one or two. */
#define FEW_HITS 16
/* Commits that one piece of evidence may bring forward. */
#define MAX_FORWARD 64

struct commit {
	struct rs_event memslot;
	uint64_t ticket;
};

struct rs_dat_slots {
	struct rs_vm *vm;
	struct commit *commits; /* [first, nr): not yet in effect */
	size_t first, nr, room;
	struct rs_event before_last; /* what the last one replaced, and when */
	bool *learned;		     /* by handle: no commit made it what it is */
	size_t room_learned;
};

struct rs_dat_slots *rs_dat_slots_new(void)
{
	struct rs_dat_slots *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->vm = rs_vm_new();
	if (s->vm)
		return s;
	free(s);
	return NULL;
}

void rs_dat_slots_free(struct rs_dat_slots *s)
{
	if (!s)
		return;
	rs_vm_free(s->vm);
	free(s->commits);
	free(s->learned);
	free(s);
}

int rs_dat_slots_commit(struct rs_dat_slots *s, const struct rs_event *memslot, uint64_t ticket)
{
	if (s->first && s->nr == s->room) {
		memmove(s->commits, s->commits + s->first,
			(s->nr - s->first) * sizeof(*s->commits));
		s->nr -= s->first;
		s->first = 0;
	}
	if (RS_ROOM(s->commits, s->room, s->nr + 1))
		return -ENOMEM;
	s->commits[s->nr++] = (struct commit){ *memslot, ticket };
	return 0;
}

bool rs_dat_slots_next(const struct rs_dat_slots *s, uint64_t *ticket)
{
	if (s->first == s->nr)
		return false;
	*ticket = s->commits[s->first].ticket;
	return true;
}

bool rs_dat_slots_will_have(const struct rs_dat_slots *s, uint8_t as, uint32_t id)
{
	const size_t most = s->nr - s->first < MAX_FORWARD ? s->nr - s->first : MAX_FORWARD;
	uint32_t handle;

	for (size_t n = s->nr; n > s->nr - most; n--) {
		const struct rs_event *m = &s->commits[n - 1].memslot;

		if (m->as == as && m->memslot.id == id)
			return m->memslot.npages;
	}
	handle = rs_vm_find_id(s->vm, as, id);
	return handle != RS_NO_SLOT && !s->learned[handle];
}

bool rs_dat_slots_had_none(const struct rs_dat_slots *s)
{
	return !s->room_learned;
}

bool rs_dat_slots_have_one(const struct rs_dat_slots *s, const struct rs_dat_evidence *e)
{
	const uint32_t handle = rs_vm_find_gfn(s->vm, e->as, e->gfn);

	return handle != RS_NO_SLOT &&
	       (rs_dat_is_no_hva(e->hva) || rs_vm_memslot(s->vm, handle)->id);
}

uint64_t rs_dat_slots_hva(const struct rs_dat_slots *s, uint8_t as, uint64_t gfn)
{
	const uint32_t handle = rs_vm_find_gfn(s->vm, as, gfn);
	const struct rs_memslot *m = handle == RS_NO_SLOT ? NULL : rs_vm_memslot(s->vm, handle);

	return m ? m->hva + ((gfn - m->gfn) << RS_PAGE_SHIFT) : 0;
}

/* What a trace says may be ill-formed: then the table stays as it is. */
static int set(struct rs_dat_slots *s, const struct rs_event *m)
{
	if (m->memslot.npages && !rs_vm_takes(m))
		return 0;
	return rs_vm_set_memslot(s->vm, m->as, m->memslot.id, m->memslot.gfn, m->memslot.npages,
				 m->memslot.hva, m->memslot.flags) == RS_VM_NOMEM
		       ? -ENOMEM
		       : 0;
}

/* The same for good, and from where it is known. */
static int set_from(struct rs_dat_slots *s, const struct rs_event *m, bool learned)
{
	int ret = set(s, m);
	const uint32_t handle = rs_vm_find_id(s->vm, m->as, m->memslot.id);

	if (ret || handle == RS_NO_SLOT)
		return ret;
	if (RS_ROOM_ZEROED(s->learned, s->room_learned, (size_t)handle + 1))
		return -ENOMEM;
	s->learned[handle] = learned;
	return 0;
}

int rs_dat_slots_learn(struct rs_dat_slots *s, const struct rs_event *memslot)
{
	return set_from(s, memslot, true);
}

/* ---- does the table agree with what was seen? ---- */

static int hit_cmp(const void *a, const void *b)
{
	const struct rs_dat_hit *x = a, *y = b;

	if (x->as != y->as)
		return x->as < y->as ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

void rs_dat_hits_sort(struct rs_dat_hit *hits, size_t n)
{
	if (n > FEW_HITS) {
		qsort(hits, n, sizeof(*hits), hit_cmp);
		return;
	}
	for (size_t i = 1; i < n; i++) {
		const struct rs_dat_hit h = hits[i];
		size_t to = i;

		for (; to && hit_cmp(&h, &hits[to - 1]) < 0; to--)
			hits[to] = hits[to - 1];
		hits[to] = h;
	}
}

struct walk {
	const struct rs_dat_slots *s;
	const struct rs_dat_evidence *e;
	size_t found;
};

/* A memslot that the notifier's range overlaps: was it hit, and where it should be? */
static int check_overlap(void *arg, uint32_t handle)
{
	struct walk *w = arg;
	const struct rs_memslot *m = rs_vm_memslot(w->s->vm, handle);
	const struct rs_dat_hit *h;
	struct rs_range gfns;

	if (!rs_memslot_gfns_of_hvas(m, w->e->start, w->e->end, &gfns))
		return 0;
	if (!w->e->nr_hits)
		return -1;
	h = bsearch(&(struct rs_dat_hit){ .as = m->as, .id = m->id }, w->e->hits, w->e->nr_hits,
		    sizeof(*h), hit_cmp);
	if (!h || h->gfn_start != gfns.start || h->gfn_end != gfns.end)
		return -1;
	w->found++;
	return 0;
}

static bool notifier_agrees(const struct rs_dat_slots *s, const struct rs_dat_evidence *e)
{
	struct walk w = { s, e, 0 };

	return rs_vm_for_each_hva(s->vm, e->start, e->end, check_overlap, &w) >= 0 &&
	       w.found == e->nr_hits;
}

static bool hit_agrees(const struct rs_dat_slots *s, const struct rs_dat_hit *h)
{
	const uint32_t handle = rs_vm_find_id(s->vm, h->as, h->id);
	const struct rs_memslot *m = handle == RS_NO_SLOT ? NULL : rs_vm_memslot(s->vm, handle);

	return m && h->gfn_start >= m->gfn && h->gfn_end <= m->gfn + m->npages;
}

static bool fault_agrees(const struct rs_dat_slots *s, const struct rs_dat_evidence *e)
{
	const uint32_t handle = rs_vm_find_gfn(s->vm, e->as, e->gfn);
	const struct rs_memslot *m = handle == RS_NO_SLOT ? NULL : rs_vm_memslot(s->vm, handle);

	if (rs_dat_is_no_hva(e->hva))
		return !m;
	if (e->hva)
		return m && m->hva + ((e->gfn - m->gfn) << RS_PAGE_SHIFT) == e->hva;
	return !e->has_id || (m && m->id == e->id);
}

static int agrees(struct rs_dat_slots *s, const struct rs_dat_evidence *e, bool *yes)
{
	if (e->by == RS_DAT_SEEN_FAULT) {
		*yes = fault_agrees(s, e);
		return 0;
	}
	if (e->by == RS_DAT_SEEN_HIT) {
		*yes = hit_agrees(s, e->hits);
		return 0;
	}
	if (rs_vm_update(s->vm))
		return -ENOMEM;
	*yes = notifier_agrees(s, e);
	return 0;
}

/* The memslot that @m replaces, so that it can be put back. */
static struct rs_event present(const struct rs_dat_slots *s, const struct rs_event *m)
{
	const uint32_t handle = rs_vm_find_id(s->vm, m->as, m->memslot.id);
	struct rs_event old = { .as = m->as, .memslot.id = m->memslot.id };

	if (handle != RS_NO_SLOT) {
		const struct rs_memslot *slot = rs_vm_memslot(s->vm, handle);

		old.memslot.gfn = slot->gfn;
		old.memslot.npages = slot->npages;
		old.memslot.hva = slot->hva;
		old.memslot.flags = slot->flags;
	}
	return old;
}

int rs_dat_slots_apply(struct rs_dat_slots *s, uint64_t time_ns)
{
	const struct rs_event *m = &s->commits[s->first++].memslot;

	s->before_last = present(s, m);
	s->before_last.time_ns = time_ns;
	return set_from(s, m, false);
}

/* Whether @e may be of the memslots before the last commit took effect, which is at @time_ns. */
static bool may_be_before(const struct rs_dat_evidence *e, uint64_t time_ns)
{
	switch (e->by) {
	case RS_DAT_SEEN_NOTIFIER:
		return false;
	case RS_DAT_SEEN_HIT:
		/* A guest_memfd knows a memslot from before its commit until that is over. */
		return true;
	case RS_DAT_SEEN_FAULT:
		break;
	}
	return e->since_ns <= time_ns;
}

/* Whether the memslots before the last commit took effect agree with @e, which may be of these. */
static int agreed_before(struct rs_dat_slots *s, const struct rs_dat_evidence *e, bool *yes)
{
	struct rs_event now;
	int ret;

	*yes = false;
	if (!may_be_before(e, s->before_last.time_ns))
		return 0;
	now = present(s, &s->before_last);
	ret = set(s, &s->before_last);
	if (!ret)
		ret = agrees(s, e, yes);
	return ret ? ret : set(s, &now);
}

/* The same where the memslots of now do not agree. */
static RS_SELDOM int explain_otherwise(struct rs_dat_slots *s, const struct rs_dat_evidence *e,
				       uint64_t time_ns, size_t *n)
{
	struct rs_event undo[MAX_FORWARD];
	size_t tried = 0;
	bool yes;
	int ret = agreed_before(s, e, &yes);

	while (!ret && !yes && tried < MAX_FORWARD && s->first + tried < s->nr) {
		const struct rs_event *m = &s->commits[s->first + tried].memslot;

		if (m->time_ns > time_ns + RS_DAT_COMMIT_NS)
			break;
		undo[tried++] = present(s, m);
		ret = set(s, m);
		if (!ret)
			ret = agrees(s, e, &yes);
	}
	*n = yes ? tried : RS_DAT_SLOTS_NEVER;
	while (!ret && tried)
		ret = set(s, &undo[--tried]);
	return ret;
}

int rs_dat_slots_explain(struct rs_dat_slots *s, const struct rs_dat_evidence *e, uint64_t time_ns,
			 size_t *n)
{
	bool yes;
	int ret = agrees(s, e, &yes);

	*n = 0;
	return ret || yes ? ret : explain_otherwise(s, e, time_ns, n);
}
