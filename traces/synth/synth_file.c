// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "traces/guest/vm.h"
#include "traces/synth/synth_layout.h"
#include "traces/trace.h"

/*
 * The memory of a real guest: the memslots outside of SMM that the first VM of a file has at
 * its end. Host pages are numbered by address, without what nobody maps.
 */
struct memory {
	struct rs_vm *vm;
	uint32_t number;
	bool found;
};

static int take_event(void *arg, const struct rs_event *ev, struct rs_error *err)
{
	struct memory *m = arg;

	if (ev->type != RS_EV_MEMSLOT || !rs_vm_takes(ev) || (m->found && ev->vm != m->number))
		return 0;
	m->found = true;
	m->number = ev->vm;
	if (rs_vm_set_memslot(m->vm, ev->as, ev->memslot.id, ev->memslot.gfn, ev->memslot.npages,
			      ev->memslot.hva, ev->memslot.flags) == RS_VM_NOMEM)
		return rs_error_nomem(err);
	return 0;
}

static int compare_hva(const void *a, const void *b)
{
	const struct rs_memslot *s = a, *t = b;

	if (s->hva != t->hva)
		return s->hva < t->hva ? -1 : 1;
	return s->gfn < t->gfn ? -1 : s->gfn > t->gfn;
}

/* The largest first; of those as large the first by host address. */
static int compare_size(const void *a, const void *b)
{
	const struct rs_synth_slot *s = a, *t = b;

	if (s->npages != t->npages)
		return s->npages > t->npages ? -1 : 1;
	if (s->page != t->page)
		return s->page < t->page ? -1 : 1;
	return s->gfn < t->gfn ? -1 : s->gfn > t->gfn;
}

static void insert(struct rs_synth_slot *slots, size_t nr, size_t at, struct rs_synth_slot s)
{
	memmove(&slots[at + 1], &slots[at], (nr - at) * sizeof(s));
	slots[at] = s;
}

/* Memslots @from, by host address, as slots of numbered pages; and the pieces of these. */
static void number_pages(struct rs_layout *l, const struct rs_memslot *from, size_t n)
{
	uint64_t end = 0; /* of the piece, as a host page */

	for (size_t i = 0; i < n; i++) {
		const uint64_t page = from[i].hva >> RS_PAGE_SHIFT;
		struct rs_synth_piece *piece;

		if (!l->nr_pieces || page > end) {
			l->pieces[l->nr_pieces++] =
				(struct rs_synth_piece){ l->pages, 0, from[i].hva };
			end = page;
		}
		piece = &l->pieces[l->nr_pieces - 1];
		l->slots[l->nr_slots++] =
			(struct rs_synth_slot){ piece->page +
							(page - (piece->hva >> RS_PAGE_SHIFT)),
						from[i].npages, from[i].gfn };
		if (page + from[i].npages > end) {
			l->pages += page + from[i].npages - end;
			end = page + from[i].npages;
			piece->npages = l->pages - piece->page;
		}
	}
	l->ram_pages = l->pages;
}

/*
 * The primary ones: the largest, and what does not overlap them, and so on. They go to the
 * front, by page, the others behind them, by size.
 */
static int sort_out(struct rs_layout *l, struct rs_error *err)
{
	struct rs_synth_slot *others = calloc(l->nr_slots, sizeof(*others));
	size_t nr_others = 0;

	if (!others)
		return rs_error_nomem(err);
	qsort(l->slots, l->nr_slots, sizeof(*l->slots), compare_size);
	for (size_t i = 0; i < l->nr_slots; i++) {
		const struct rs_synth_slot s = l->slots[i];
		const size_t at = rs_layout_find(l->slots, 0, l->nr_primary, s.page);

		if (at < l->nr_primary && l->slots[at].page < s.page + s.npages) {
			others[nr_others++] = s;
			continue;
		}
		insert(l->slots, l->nr_primary++, at, s);
	}
	memcpy(l->slots + l->nr_primary, others, nr_others * sizeof(*others));
	free(others);
	return 0;
}

/* Of slot @s what no run has yet makes runs. */
static int fill_gaps(struct rs_layout *l, struct rs_synth_slot s, size_t *max, struct rs_error *err)
{
	const uint64_t end = s.page + s.npages, apart = s.gfn - s.page;
	size_t at = rs_layout_find(l->runs, 0, l->nr_runs, s.page);

	while (s.page < end) {
		const bool last = at == l->nr_runs || l->runs[at].page >= end;
		const uint64_t to = last ? end : l->runs[at].page;

		if (s.page < to) {
			if (RS_ROOM(l->runs, *max, l->nr_runs + 1))
				return rs_error_nomem(err);
			s.npages = to - s.page;
			s.gfn = s.page + apart;
			insert(l->runs, l->nr_runs++, at++, s);
		}
		if (last)
			break;
		s.page = l->runs[at].page + l->runs[at].npages;
		at++;
	}
	return 0;
}

/*
 * Each page through one slot: a primary one, and of what none of them maps through the first
 * other one that does. So there is no page that nothing maps.
 */
static int make_runs(struct rs_layout *l, struct rs_error *err)
{
	size_t max = 0, nr = 0;

	for (size_t i = 0; i < l->nr_slots; i++)
		if (fill_gaps(l, l->slots[i], &max, err))
			return -ENOMEM;
	for (size_t i = 0; i < l->nr_runs; i++) {
		struct rs_synth_slot *last = nr ? &l->runs[nr - 1] : NULL;

		if (last && last->page + last->npages == l->runs[i].page &&
		    last->gfn + last->npages == l->runs[i].gfn)
			last->npages += l->runs[i].npages;
		else
			l->runs[nr++] = l->runs[i];
	}
	l->nr_runs = nr;
	return 0;
}

static int take_slots(struct rs_layout *l, const struct rs_vm *vm, struct rs_error *err)
{
	const size_t max = (size_t)rs_vm_nr_memslots(vm) + 1;
	struct rs_memslot *slots = calloc(max, sizeof(*slots));
	size_t n = 0;

	l->slots = calloc(max, sizeof(*l->slots));
	l->pieces = calloc(max, sizeof(*l->pieces));
	if (!slots || !l->slots || !l->pieces) {
		free(slots);
		return rs_error_nomem(err);
	}
	for (uint32_t i = 0; i < rs_vm_nr_handles(vm); i++)
		if (rs_vm_memslot(vm, i)->present && !rs_vm_memslot(vm, i)->as)
			slots[n++] = *rs_vm_memslot(vm, i);
	if (n)
		qsort(slots, n, sizeof(*slots), compare_hva);
	number_pages(l, slots, n);
	free(slots);
	if (!n)
		return rs_error_set(err, RS_ERR_INPUT, ENODATA, "no memslot in it");
	return sort_out(l, err) ? -ENOMEM : make_runs(l, err);
}

int rs_layout_from_file(struct rs_layout *l, const char *path, struct rs_error *err)
{
	struct memory m = { .vm = rs_vm_new() };
	int rc = m.vm ? rs_reader_each(path, take_event, &m, err) : rs_error_nomem(err);

	if (!rc)
		rc = take_slots(l, m.vm, err);
	if (rc && err && err->kind == RS_ERR_INPUT && !err->file[0])
		rs_error_set_file(err, path);
	rs_vm_free(m.vm);
	return rc;
}
