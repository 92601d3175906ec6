// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/faults/faults.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/write/task.h"
#include "analysis/write/units.h"
#include "base/array.h"
#include "base/clean.h"
#include "base/table.h"

#define NS_PER_S 1000000000

/* An event, and the VM after it. */
struct moment {
	struct rs_event ev;
	struct rs_look look;
};

/* The last ones of a row of moments: so many as there is room for. */
struct ring {
	struct moment *at;
	unsigned int room;
	uint64_t nr; /* in all */
};

struct place {
	struct rs_fault_row row;
	enum { AHEAD, DURING, BEHIND, PAST } state;
	struct ring before, last;
	struct moment *first, *after; /* room for @events of the object each */
	uint64_t nr_first, nr_after;
	uint64_t own, others; /* events of faults while it lasted: of its vCPU, of others */
	bool ended;	      /* the one that is blamed, at @end_ns */
	uint64_t end_ns;
};

struct watched {
	uint32_t vm;
	struct ring latest;
};

struct rs_around {
	char *algo;
	unsigned int events;
	struct place *places;
	size_t nr;
	struct place **by_begin; /* in the order in which they begin */
	size_t next;		 /* of @by_begin: those before it have begun, or never will */
	struct place **active;
	size_t nr_active;
	struct watched *vms;
	size_t nr_vms;
	struct rs_hash by_vm; /* of @vms */
};

static int new_ring(struct ring *r, unsigned int room)
{
	r->at = calloc(room, sizeof(*r->at));
	r->room = room;
	return r->at ? 0 : -ENOMEM;
}

static void push(struct ring *r, const struct moment *m)
{
	r->at[r->nr++ % r->room] = *m;
}

static uint64_t kept_of(const struct ring *r)
{
	return r->nr < r->room ? r->nr : r->room;
}

/* The @i-th of those that are kept, the oldest first. */
static const struct moment *get(const struct ring *r, uint64_t i)
{
	return &r->at[(r->nr - kept_of(r) + i) % r->room];
}

static struct watched *watched_of(const struct rs_around *a, uint32_t vm)
{
	const uint32_t i = rs_hash_find(&a->by_vm, rs_hash_number(vm), NULL, NULL);

	return i == RS_HASH_NONE ? NULL : &a->vms[i];
}

static int watch(struct rs_around *a, uint32_t vm)
{
	struct watched *w;

	if (watched_of(a, vm))
		return 0;
	if (RS_ROOM_FOR_ONE(a->vms, a->nr_vms) ||
	    rs_hash_add(&a->by_vm, rs_hash_number(vm), (uint32_t)a->nr_vms))
		return -ENOMEM;
	w = &a->vms[a->nr_vms++];
	*w = (struct watched){ .vm = vm };
	return new_ring(&w->latest, a->events);
}

static int new_place(struct rs_around *a, size_t i, const struct rs_fault_row *row)
{
	struct place *p = &a->places[i];

	p->row = *row;
	a->by_begin[i] = p;
	p->first = calloc(a->events, sizeof(*p->first));
	p->after = calloc(a->events, sizeof(*p->after));
	if (!p->first || !p->after)
		return -ENOMEM;
	return new_ring(&p->before, a->events) || new_ring(&p->last, a->events) || watch(a, row->vm)
		       ? -ENOMEM
		       : 0;
}

static int by_begin(const void *a, const void *b)
{
	const struct place *const *x = a, *const *y = b;

	return ((*x)->row.begin_ns > (*y)->row.begin_ns) -
	       ((*x)->row.begin_ns < (*y)->row.begin_ns);
}

struct rs_around *rs_around_new(const char *algo, const struct rs_fault_row *rows, size_t nr,
				unsigned int events)
{
	struct rs_around *a = calloc(1, sizeof(*a));
	int rc = 0;

	if (!a)
		return NULL;
	a->algo = strdup(algo);
	a->events = events;
	a->places = calloc(nr + 1, sizeof(*a->places));
	a->by_begin = calloc(nr + 1, sizeof(*a->by_begin));
	a->active = calloc(nr + 1, sizeof(*a->active));
	if (!a->algo || !a->places || !a->by_begin || !a->active)
		rc = -ENOMEM;
	a->nr = rc ? 0 : nr;
	for (size_t i = 0; !rc && i < nr; i++)
		rc = new_place(a, i, &rows[i]);
	if (rc) {
		rs_around_free(a);
		return NULL;
	}
	qsort(a->by_begin, nr, sizeof(struct place *), by_begin);
	return a;
}

/* ---- the second replay ---- */

static bool is_of_fault(const struct rs_event *ev)
{
	return ev->type == RS_EV_FAULT_BEGIN || ev->type == RS_EV_FAULT_CHECK ||
	       ev->type == RS_EV_FAULT_END;
}

static bool begins(const struct place *p, const struct rs_event *ev)
{
	return p->state == AHEAD && ev->type == RS_EV_FAULT_BEGIN && ev->vm == p->row.vm &&
	       ev->fault.vcpu == p->row.vcpu && ev->fault.gfn == p->row.gfn;
}

/* Of several faults like it that begin in the same nanosecond the last one is it. */
static void begin(struct rs_around *a, struct place *p, const struct ring *latest)
{
	memcpy(p->before.at, latest->at, latest->room * sizeof(*latest->at));
	p->before.nr = latest->nr;
	p->state = DURING;
	a->active[a->nr_active++] = p;
}

static void during(const struct rs_around *a, struct place *p, const struct moment *m)
{
	if (is_of_fault(&m->ev)) {
		if (m->ev.fault.vcpu == p->row.vcpu)
			p->own++;
		else
			p->others++;
	} else if (p->nr_first < a->events) {
		p->first[p->nr_first++] = *m;
	} else {
		push(&p->last, m);
	}
	if (m->look.event >= p->row.last)
		p->state = BEHIND;
}

static void behind(const struct rs_around *a, struct place *p, const struct moment *m)
{
	if (p->nr_after < a->events)
		p->after[p->nr_after++] = *m;
	/* How long the one that is blamed went on stays to be seen. */
	if (p->nr_after == a->events && (p->ended || !p->row.blame.by.number))
		p->state = PAST;
}

static void look_on(const struct rs_around *a, struct place *p, const struct moment *m)
{
	if (m->ev.type == RS_EV_INVAL_END && m->ev.inval.id == p->row.blame.by.id && !p->ended) {
		p->ended = true;
		p->end_ns = m->look.time_ns;
	}
	if (p->state == DURING)
		during(a, p, m);
	else
		behind(a, p, m);
}

static void find_begun(struct rs_around *a, const struct moment *m, const struct ring *latest)
{
	while (a->next < a->nr && (a->by_begin[a->next]->state != AHEAD ||
				   a->by_begin[a->next]->row.begin_ns < m->look.time_ns))
		a->next++;
	for (size_t i = a->next; i < a->nr && a->by_begin[i]->row.begin_ns == m->look.time_ns; i++)
		if (begins(a->by_begin[i], &m->ev))
			begin(a, a->by_begin[i], latest);
}

/* @ev is the event that @r was fed last. */
static int look_at(struct rs_around *a, const struct rs_replay *r, const struct rs_event *ev)
{
	struct watched *w = ev->type == RS_EV_STATE ? NULL : watched_of(a, ev->vm);
	struct moment m = { .ev = *ev };
	size_t kept = 0;

	if (!w || !rs_replay_look(r, ev->vm, 0, &m.look))
		return 0;
	find_begun(a, &m, &w->latest);
	for (size_t i = 0; i < a->nr_active; i++) {
		struct place *p = a->active[i];

		if (p->row.vm == ev->vm)
			look_on(a, p, &m);
		if (p->state != PAST)
			a->active[kept++] = p;
	}
	a->nr_active = kept;
	push(&w->latest, &m);
	return 0;
}

int rs_around_feed(struct rs_around *a, struct rs_replay *r, const struct rs_event *evs, size_t n,
		   struct rs_error *err)
{
	int rc = 0;

	for (size_t i = 0; i < n && !rc; i++) {
		rc = rs_replay_feed(r, &evs[i], 1, err);
		if (!rc && look_at(a, r, &evs[i]))
			rc = rs_error_nomem(err);
	}
	return rc;
}

/* ---- what is said ---- */

static void put_time(FILE *f, uint64_t ns)
{
	fprintf(f, "%" PRIu64 ".%09" PRIu64, ns / NS_PER_S, ns % NS_PER_S);
}

static void put_range(FILE *f, bool gfn, uint64_t start, uint64_t end)
{
	fprintf(f, "%s 0x%" PRIx64 "-0x%" PRIx64, gfn ? "gfn" : "hva", start, end);
}

static void put_task(FILE *f, const struct rs_whos *whos, uint32_t number)
{
	char text[160];

	rs_format_task(text, sizeof(text), rs_whos_get(whos, number));
	fputs(text, f);
}

static void put_who(FILE *f, const struct rs_whos *whos, uint32_t number)
{
	char text[160];

	put_task(f, whos, number);
	rs_format_reason(text, sizeof(text), rs_whos_get(whos, number));
	fprintf(f, " (%s)", text);
}

static void put_inval_begin(FILE *f, const struct rs_event *ev, const struct rs_whos *whos)
{
	fprintf(f, "id=%" PRIu64 " ", ev->inval.id);
	put_range(f, ev->flags & RS_F_GFN, ev->inval.start, ev->inval.end);
	fputs(" by ", f);
	put_who(f, whos, ev->inval.who);
}

static void put_details(FILE *f, const struct rs_event *ev, const struct rs_whos *whos)
{
	switch (ev->type) {
	case RS_EV_MEMSLOT:
		fprintf(f, "%u:%" PRIu32 " gfn 0x%" PRIx64 " pages %" PRIu64 " hva 0x%" PRIx64,
			ev->as, ev->memslot.id, ev->memslot.gfn, ev->memslot.npages,
			ev->memslot.hva);
		break;
	case RS_EV_INVAL_BEGIN:
		put_inval_begin(f, ev, whos);
		break;
	case RS_EV_INVAL_SLOT:
		fprintf(f, "id=%" PRIu64 " memslot %u:%" PRIu32 " ", ev->inval.id, ev->as,
			ev->inval.slot);
		put_range(f, true, ev->inval.start, ev->inval.end);
		break;
	case RS_EV_INVAL_END:
		fprintf(f, "id=%" PRIu64, ev->inval.id);
		break;
	case RS_EV_FAULT_BEGIN:
		fprintf(f, "vcpu %" PRIu32 " gfn 0x%" PRIx64, ev->fault.vcpu, ev->fault.gfn);
		break;
	case RS_EV_FAULT_CHECK:
		fprintf(f, "vcpu %" PRIu32 " %s%s", ev->fault.vcpu, rs_result_name(ev->result),
			ev->flags & RS_F_LOCKLESS ? ", without the lock" : "");
		break;
	case RS_EV_FAULT_END:
		fprintf(f, "vcpu %" PRIu32 " %s", ev->fault.vcpu,
			rs_end_reason_name(ev->fault.reason));
		break;
	default: /* RS_EV_LOST */
		if (ev->flags)
			fputs(rs_lost_name(ev), f);
		else if (ev->lost.count == RS_LOST_UNKNOWN)
			fputs("an unknown number", f);
		else
			fprintf(f, "%" PRIu64, ev->lost.count);
	}
}

/* After an event: how many are in progress, and the range that comes of it. */
static void put_moment(FILE *f, const struct moment *m, const struct rs_whos *whos)
{
	fputs("    ", f);
	put_time(f, m->look.time_ns);
	fprintf(f, "  %3zu ", m->look.outstanding);
	if (m->look.has_range && m->look.start < m->look.end)
		put_range(f, m->look.gfn, m->look.start, m->look.end);
	else
		fputc('-', f);
	fprintf(f, "  %s ", rs_event_name(m->ev.type));
	put_details(f, &m->ev, whos);
	fputc('\n', f);
}

static void put_ring(FILE *f, const struct ring *r, const struct rs_whos *whos)
{
	for (uint64_t i = 0; i < kept_of(r); i++)
		put_moment(f, get(r, i), whos);
}

static void put_blamed(FILE *f, const struct place *p, const struct rs_whos *whos)
{
	const struct rs_blamed *by = &p->row.blame.by, *widened = &p->row.blame.widened;
	char held[32];

	fprintf(f, "  %s: ", rs_fault_cause_name(p->row.cause));
	if (!by->number) {
		fputs("nobody is known to blame\n", f);
		return;
	}
	put_who(f, whos, by->who);
	fprintf(f, ", invalidation %" PRIu64 " of ", by->id);
	put_range(f, by->gfn, by->start, by->end);
	fputs(", from ", f);
	put_time(f, by->begin_ns);
	if (p->ended) {
		rs_format_time((double)(p->end_ns - by->begin_ns), held, sizeof(held));
		fputs(" to ", f);
		put_time(f, p->end_ns);
		fprintf(f, " (%s)\n", held);
	} else {
		fputs(" on\n", f);
	}
	if (!widened->number)
		return;
	fputs("  the range was widened over the page by ", f);
	put_who(f, whos, widened->who);
	fprintf(f, ", invalidation %" PRIu64 " of ", widened->id);
	put_range(f, widened->gfn, widened->start, widened->end);
	fputc('\n', f);
}

static void put_place(FILE *f, const struct place *p, const char *algo, const struct rs_whos *whos)
{
	const struct rs_fault_row *row = &p->row;
	char takes[32], stall[32];

	rs_format_time((double)(row->done_ns - row->begin_ns), takes, sizeof(takes));
	rs_format_time((double)rs_fault_stall(row), stall, sizeof(stall));
	fprintf(f, "\nvcpu %" PRIu32 " of VM %" PRIu32 ", thread ", row->vcpu, row->vm);
	put_task(f, whos, row->who);
	fprintf(f, ", at gfn 0x%" PRIx64 " of memslot %u:%" PRIu32 ": takes %s, stalled for %s\n",
		row->gfn, row->as, row->slot, takes, stall);
	fprintf(f, "  %" PRIu64 " attempts, %" PRIu64 " retried; ", row->attempts, row->retried);
	rs_clean_put(f, algo);
	fprintf(f, " rejects %" PRIu64 " of them, %" PRIu64 " needlessly, and misses %" PRIu64 "\n",
		row->rejected, row->needless, row->missed);
	if (row->causes)
		put_blamed(f, p, whos);
	fputs("  before it (time, invalidations in progress, range after the event, event):\n", f);
	put_ring(f, &p->before, whos);
	fputs("  it begins at ", f);
	put_time(f, row->begin_ns);
	fputs("; while it lasted:\n", f);
	for (uint64_t i = 0; i < p->nr_first; i++)
		put_moment(f, &p->first[i], whos);
	if (p->last.nr > kept_of(&p->last))
		fprintf(f, "    ... %" PRIu64 " events ...\n", p->last.nr - kept_of(&p->last));
	put_ring(f, &p->last, whos);
	fprintf(f, "    and %" PRIu64 " events of its vCPU's faults, %" PRIu64 " of other vCPUs'\n",
		p->own, p->others);
	fputs("  it is decided at ", f);
	put_time(f, row->done_ns);
	fprintf(f, ": %s; then:\n", rs_result_name(row->result));
	for (uint64_t i = 0; i < p->nr_after; i++)
		put_moment(f, &p->after[i], whos);
}

void rs_around_write(FILE *f, const struct rs_around *a, size_t i, const struct rs_whos *whos)
{
	put_place(f, &a->places[i], a->algo, whos);
}

void rs_around_free(struct rs_around *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->nr; i++) {
		free(a->places[i].before.at);
		free(a->places[i].last.at);
		free(a->places[i].first);
		free(a->places[i].after);
	}
	for (size_t i = 0; i < a->nr_vms; i++)
		free(a->vms[i].latest.at);
	free(a->algo);
	free(a->places);
	free(a->by_begin);
	free(a->active);
	free(a->vms);
	rs_hash_free(&a->by_vm);
	free(a);
}
