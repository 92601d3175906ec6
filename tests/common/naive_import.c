// SPDX-License-Identifier: GPL-2.0-only
/* What is learned of memslots, and what the parts share: docs/import.md, 2. */
#include "tests/common/naive_import.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/common/naive_import_internal.h"

void *n_grow(void *list, size_t nr, size_t size)
{
	if (nr & (nr - 1))
		return list;
	list = realloc(list, 2 * (nr ? nr : 1) * size);
	assert(list);
	return list;
}

/* Twice what is needed: where each realloc() copies, as with sanitizers, few are affordable. */
void *n_room(void *list, size_t *room, size_t need, size_t size)
{
	if (need <= *room)
		return list;
	*room = 2 * need;
	list = realloc(list, *room * size);
	assert(list);
	return list;
}

void n_note(struct n_import *n, const char *name)
{
	struct naive_import *to = n->to;
	size_t i = 0;

	while (i < to->nr_anomalies && strcmp(to->anomalies[i].name, name))
		i++;
	assert(i < sizeof(to->anomalies) / sizeof(to->anomalies[0]));
	if (i == to->nr_anomalies)
		to->anomalies[to->nr_anomalies++].name = name;
	to->anomalies[i].count++;
}

bool n_is_memslot(uint64_t as, uint64_t id)
{
	return as <= 255 && id <= 0x7fffffff;
}

bool n_is_no_hva(uint64_t hva)
{
	return hva >= 1ULL << 63;
}

bool n_is_flags(uint64_t flags)
{
	return !(flags & ~0xf00ffULL);
}

/* ---- memslots that no commit made ---- */

#define BEFORE_COMMIT_NS 500000000ULL

/* A memslot by its place as the pass has it: what the last commit made it, or its latest use. */
struct slot {
	uint64_t kvm;
	unsigned int as, id;
	bool committed, seen, has_use;
	uint64_t gfn, end, distance;
	size_t use;
	/* Faults that say that its memory is a guest_memfd's: how many, the first, all frames. */
	size_t nr_said;
	uint64_t said_first, said[2];
};

struct task {
	unsigned int pid;
	uint64_t start, end, kvm;
	bool in_fault, has_file;
	unsigned int as, id;
};

struct pass {
	struct n_import *n;
	struct slot *slots;
	size_t nr_slots;
	struct task *tasks;
	size_t nr_tasks;
};

static struct slot *slot_at(struct pass *p, uint64_t kvm, unsigned int as, unsigned int id)
{
	for (size_t i = 0; i < p->nr_slots; i++)
		if (p->slots[i].kvm == kvm && p->slots[i].as == as && p->slots[i].id == id)
			return &p->slots[i];
	*N_GROW(p->slots, p->nr_slots) = (struct slot){ .kvm = kvm, .as = as, .id = id };
	return &p->slots[p->nr_slots - 1];
}

static struct task *task_at(struct pass *p, unsigned int pid)
{
	for (size_t i = 0; i < p->nr_tasks; i++)
		if (p->tasks[i].pid == pid)
			return &p->tasks[i];
	*N_GROW(p->tasks, p->nr_tasks) = (struct task){ .pid = pid };
	return &p->tasks[p->nr_tasks - 1];
}

static bool is_between(uint64_t distance, uint64_t one, uint64_t other)
{
	return distance - one <= other - one;
}

/* What @x says of its distance, when frames [gfn, end) are of the same memslot. */
static struct n_learned beside(struct n_learned x, uint64_t gfn, uint64_t end)
{
	const uint64_t one = x.one, other = x.other;

	if (gfn < x.gfn)
		x.other = one; /* its begin is not the memslot's */
	if (end > x.end)
		x.one = other;
	return x;
}

/* Whether both can be one memslot: then *u becomes that. */
static bool is_one(struct n_learned *u, const struct n_learned *seen)
{
	struct n_learned x = beside(*u, seen->gfn, seen->end);
	struct n_learned y = beside(*seen, u->gfn, u->end);

	if ((int64_t)(x.other - x.one) < 0 || (int64_t)(y.other - y.one) < 0)
		return false;
	if (!x.known || !y.known) {
		u->one = x.known ? x.one : y.one;
		u->other = x.known ? x.other : y.other;
	} else if (is_between(y.one, x.one, x.other)) {
		u->one = y.one;
		u->other = is_between(y.other, x.one, x.other) ? y.other : x.other;
	} else if (is_between(x.one, y.one, y.other)) {
		u->one = x.one;
		u->other = is_between(x.other, y.one, y.other) ? x.other : y.other;
	} else {
		return false;
	}
	u->known = x.known || y.known;
	u->gfn = seen->gfn < u->gfn ? seen->gfn : u->gfn;
	u->end = seen->end > u->end ? seen->end : u->end;
	return true;
}

/* Frames [gfn, end) of a memslot are in use, at a distance from their host addresses between two.
 */
static void see(struct pass *p, struct slot *s, uint64_t time, uint64_t gfn, uint64_t end,
		uint64_t one, uint64_t other, bool known)
{
	struct n_learned *u;
	const struct n_learned seen = {
		.kvm = s->kvm,
		.from = s->seen ? time : 0,
		.first = time,
		.sure = { gfn, end },
		.gfn = gfn,
		.end = end,
		.one = one,
		.other = other,
		.known = known,
		.as = s->as,
		.id = s->id,
	};

	if (s->committed && (!known || is_between(s->distance, one, other)) && gfn >= s->gfn &&
	    end <= s->end)
		return;
	s->committed = false;
	s->seen = true;
	if (s->has_use && is_one(&p->n->learned[s->use], &seen)) {
		u = &p->n->learned[s->use];
		u->sure[0] = gfn < u->sure[0] ? gfn : u->sure[0];
		u->sure[1] = end > u->sure[1] ? end : u->sure[1];
		return;
	}
	*N_GROW(p->n->learned, p->n->nr_learned) = seen; /* another in its place */
	s->use = p->n->nr_learned - 1;
	s->has_use = true;
}

/* What faults said of it counts, if nothing speaks against it. */
static void believe(struct pass *p, struct slot *s)
{
	const uint64_t nowhere = (1ULL << 62) + ((uint64_t)s->as << 54);
	struct n_learned *u = s->has_use ? &p->n->learned[s->use] : NULL;
	struct n_learned x = {
		.kvm = s->kvm,
		.from = s->seen ? s->said_first : 0,
		.first = s->said_first,
		.gfn = s->said[0],
		.end = s->said[1],
		.one = nowhere,
		.other = nowhere,
		.as = s->as,
		.id = s->id,
	};
	bool wrong = u ? u->has_no_file : s->nr_said < 2;

	for (size_t i = 0; i < p->n->nr_learned; i++) {
		const struct n_learned *o = &p->n->learned[i];

		if (o->kvm == s->kvm && o->as == s->as && o->id != s->id && !o->dead &&
		    o->sure[0] < x.end && x.gfn < o->sure[1])
			wrong = true;
	}
	wrong |= !s->nr_said;
	s->nr_said = 0;
	if (wrong)
		return;
	if (u) {
		is_one(u, &x);
		return;
	}
	*N_GROW(p->n->learned, p->n->nr_learned) = x;
	s->use = p->n->nr_learned - 1;
	s->has_use = s->seen = true;
}

/* A fault says that its memslot's memory is a guest_memfd's. */
static void see_said(struct slot *s, const struct n_record *r)
{
	if (s->committed || r->gfn >= 1ULL << 42)
		return;
	if (!s->nr_said++) {
		s->said_first = r->time;
		s->said[0] = r->gfn;
		s->said[1] = r->gfn + 1;
	}
	if (r->gfn < s->said[0])
		s->said[0] = r->gfn;
	if (r->gfn + 1 > s->said[1])
		s->said[1] = r->gfn + 1;
}

static void see_commit(struct pass *p, const struct n_record *r)
{
	const bool gone = r->change == 1;
	struct slot *s = slot_at(p, r->kvm, (uint8_t)(gone ? r->old_as : r->as),
				 (uint32_t)(gone ? r->old_id : r->id));
	struct n_learned *u;

	if (r->change != 3)
		believe(p, s);
	u = s->has_use ? &p->n->learned[s->use] : NULL;
	s->seen = true;
	if (r->change == 3)
		return;
	s->committed = !gone;
	s->has_use = false;
	s->gfn = r->gfn;
	s->end = r->gfn + r->npages;
	s->distance = r->hva - r->gfn * 4096;
	if (!gone && u && (!u->known || is_between(s->distance, u->one, u->other)) &&
	    u->gfn >= s->gfn && u->end <= s->end && r->time - u->first < BEFORE_COMMIT_NS)
		u->dead = true; /* used from when it became active on */
}

/* Frames [gfn, end) of the record's memslot are in use, and nothing tells where they are. */
static void see_frames(struct pass *p, const struct n_record *r, uint64_t gfn, uint64_t end)
{
	const uint64_t nowhere = (1ULL << 62) + (r->as << 54);

	if (gfn < end && end <= 1ULL << 42 && n_is_memslot(r->as, r->id))
		see(p, slot_at(p, r->kvm, (unsigned int)r->as, (unsigned int)r->id), r->time, gfn,
		    end, nowhere, nowhere, false);
}

static void see_record(struct pass *p, const struct n_record *r)
{
	struct task *t = task_at(p, r->pid);

	if (r->kind == N_PAUSE || r->kind == N_RESUME)
		p->nr_tasks = 0; /* whatever they were in */
	if (r->kind == RS_PROBE_MEMSLOT)
		see_commit(p, r);
	if (r->kind == RS_PROBE_INVAL_START) {
		t->start = r->start / 4096 * 4096;
		t->end = (r->end + 4095) / 4096 * 4096;
	}
	if (r->kind == RS_PROBE_FAULT_BEGIN) {
		t->kvm = r->kvm;
		t->as = (unsigned int)r->as;
		t->id = (unsigned int)r->id;
		t->in_fault = n_is_memslot(r->as, r->id) && n_is_flags(r->flags) &&
			      !(r->flags & N_SLOT_IS_GOING);
		t->has_file = r->flags & N_SLOT_HAS_FILE;
		if (t->in_fault && t->has_file)
			see_said(slot_at(p, r->kvm, t->as, t->id), r);
	}
	if (r->kind == RS_PROBE_INVAL_STARTED || r->kind == RS_PROBE_INVAL_END ||
	    r->kind == RS_PROBE_INVAL_ENDED)
		t->start = t->end = 0;
	if (r->kind == RS_PROBE_INVAL_SLOT && t->start >= t->end)
		see_frames(p, r, r->gfn_start, r->gfn_end);
	if (r->kind == RS_PROBE_INVAL_SLOT && t->start < t->end && r->gfn_start < r->gfn_end &&
	    (int64_t)(t->end - t->start - (r->gfn_end - r->gfn_start) * 4096) >= 0 &&
	    n_is_memslot(r->as, r->id))
		see(p, slot_at(p, r->kvm, (unsigned int)r->as, (unsigned int)r->id), r->time,
		    r->gfn_start, r->gfn_end, t->start - r->gfn_start * 4096,
		    t->end - r->gfn_end * 4096, true);
	if (r->kind == RS_PROBE_FAULT_CHECK && t->in_fault && r->hva && !n_is_no_hva(r->hva) &&
	    t->kvm == r->kvm) {
		struct slot *s = slot_at(p, r->kvm, t->as, t->id);

		see(p, s, r->time, r->gfn, r->gfn + 1, r->hva - r->gfn * 4096,
		    r->hva - r->gfn * 4096, true);
		if (s->has_use && !t->has_file)
			p->n->learned[s->use].has_no_file = true;
	}
}

static int by_time(const void *a, const void *b)
{
	const struct n_learned *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	if (x->as != y->as)
		return x->as < y->as ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

void n_learn(struct n_import *n)
{
	struct pass p = { .n = n };

	for (size_t i = 0; i < n->file.nr; i++)
		see_record(&p, &n->file.records[i]);
	for (size_t i = 0; i < p.nr_slots; i++)
		believe(&p, &p.slots[i]);
	if (n->nr_learned)
		qsort(n->learned, n->nr_learned, sizeof(*n->learned), by_time);
	free(p.slots);
	free(p.tasks);
}

/* ---- */

/* By time, of equal times the smaller VM's first; of each VM they are in order already. */
static void merge_vms(struct naive_import *to, const size_t *starts, uint32_t nr_vms)
{
	struct rs_event *evs = malloc((to->nr + 1) * sizeof(*evs));
	size_t at[64];

	assert(evs);
	memcpy(at, starts, sizeof(at));
	for (size_t k = 0; k < to->nr; k++) {
		uint32_t best = UINT32_MAX;

		for (uint32_t v = 0; v < nr_vms; v++)
			if (at[v] < (v + 1 < nr_vms ? starts[v + 1] : to->nr) &&
			    (best == UINT32_MAX ||
			     to->evs[at[v]].time_ns < to->evs[at[best]].time_ns))
				best = v;
		evs[k] = to->evs[at[best]++];
	}
	free(to->evs);
	to->evs = evs;
}

static const char *reason_of(unsigned int why)
{
	switch (why) {
	case N_FAULT:
	case N_OTHER:
		return NULL;
	case N_GFN:
		return "gfn";
	case N_GUEST_MEMFD:
		return "guest_memfd";
	case N_ATTRIBUTES:
		return "attributes";
	case N_ZAP:
		return "zap";
	}
	return (const char *const[]){
		"unmap",      "clear",	 "protection_vma", "protection_page",
		"soft_dirty", "release", "migrate",	   "exclusive"
	}[why - N_NOTIFIER];
}

/* Numbers those who did it as they come. */
static void number_whos(struct naive_import *to)
{
	uint32_t *said = NULL;

	for (size_t i = 0; i < to->nr; i++) {
		struct rs_event *ev = &to->evs[i];
		uint32_t *who = &ev->raw.half[1];
		size_t n = 0;

		if ((ev->type != RS_EV_INVAL_BEGIN && ev->type != RS_EV_FAULT_BEGIN) || !*who)
			continue;
		while (n < to->nr_whos && said[n] != *who)
			n++;
		if (n == to->nr_whos) {
			said = realloc(said, (n + 1) * sizeof(*said));
			to->whos = realloc(to->whos, (n + 1) * sizeof(*to->whos));
			assert(said && to->whos);
			said[n] = *who;
			to->whos[n] =
				(struct naive_who){ (*who - 1) / 16, reason_of((*who - 1) % 16) };
			to->nr_whos++;
		}
		*who = (uint32_t)n + 1;
	}
	free(said);
}

void naive_import(struct naive_import *to, const unsigned char *bytes, size_t size)
{
	struct n_import *n = calloc(1, sizeof(*n));
	size_t starts[64] = { 0 };

	assert(n);
	*to = (struct naive_import){ 0 };
	n->to = to;
	n_read_file(&n->file, bytes, size);
	n->by_time = !n->file.present[RS_PROBE_INVAL_SLOT];
	n_learn(n);
	n_pair(n);
	for (uint32_t v = 0; v < to->nr_vms; v++) {
		starts[v] = to->nr;
		n_order(n, &n->vms[v]);
		free(n->vms[v].items);
	}
	merge_vms(to, starts, to->nr_vms);
	number_whos(to);
	for (size_t i = 0; i < n->file.nr; i++)
		free(n->file.records[i].text);
	free(n->file.records);
	free(n->learned);
	free(n);
}

void naive_import_free(struct naive_import *n)
{
	free(n->evs);
	free(n->whos);
	*n = (struct naive_import){ 0 };
}
