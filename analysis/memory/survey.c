// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/memory/memory.h"

/*
 * Host pages are walked from one edge of a memslot to the next: between two edges each page
 * is mapped by the same memslots, so that its frames are as far apart as the next one's.
 */
struct edge {
	uint64_t page;
	uint32_t rank; /* of the memslot's distance */
	bool begins;
};

/* Sums over one kind of ends of memslots, sorted by gfn: how many, their sum and squares. */
struct ends {
	uint64_t *gfn;
	unsigned __int128 *sum, *squares; /* of the first i */
	size_t nr;
};

struct survey {
	const struct rs_memslot **slots; /* by distance */
	size_t nr;
	struct edge *edges;
	struct ends starts, stops;
	/* A tree over the ranks, heap-shaped: how many of them map the page. */
	uint32_t *tree;
	size_t leaves;
};

static uint64_t distance(const struct rs_memslot *s)
{
	return s->gfn - (s->hva >> RS_PAGE_SHIFT);
}

/* Of two memslots that map a page the one that is first here has the lower gfn there. */
static int compare_distance(const void *a, const void *b)
{
	const struct rs_memslot *s = *(const struct rs_memslot *const *)a;
	const struct rs_memslot *t = *(const struct rs_memslot *const *)b;
	const __int128 x = (__int128)s->gfn - (s->hva >> RS_PAGE_SHIFT);
	const __int128 y = (__int128)t->gfn - (t->hva >> RS_PAGE_SHIFT);

	return x < y ? -1 : x > y;
}

static int compare_edges(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	return x->page < y->page ? -1 : x->page > y->page;
}

static int compare_u64(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* ---- which memslots map the page ---- */

static void map(struct survey *s, uint32_t rank, bool begins)
{
	for (size_t i = s->leaves + rank; i; i /= 2)
		s->tree[i] += begins ? 1 : -1U;
}

/* The lowest (@highest: the highest) rank that maps the page, of which there is one. */
static const struct rs_memslot *extreme(const struct survey *s, bool highest)
{
	size_t i = 1;

	while (i < s->leaves) {
		i *= 2;
		i += highest ? s->tree[i + 1] > 0 : !s->tree[i];
	}
	return s->slots[i - s->leaves];
}

/* ---- the guest's frames in a range ---- */

static int sum_ends(struct ends *e, size_t nr)
{
	e->nr = nr;
	e->sum = calloc(nr + 1, sizeof(*e->sum));
	e->squares = calloc(nr + 1, sizeof(*e->squares));
	if (!e->sum || !e->squares)
		return -ENOMEM;
	qsort(e->gfn, nr, sizeof(*e->gfn), compare_u64);
	for (size_t i = 0; i < nr; i++) {
		e->sum[i + 1] = e->sum[i] + e->gfn[i];
		e->squares[i + 1] = e->squares[i] + (unsigned __int128)e->gfn[i] * e->gfn[i];
	}
	return 0;
}

static size_t ends_below(const struct ends *e, unsigned __int128 x)
{
	size_t low = 0, high = e->nr;

	while (low < high) {
		const size_t mid = low + (high - low) / 2;

		if (e->gfn[mid] < x)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* The sum of (x - e)^2 - (x - e) over the ends e below @x, modulo 2^128. */
static unsigned __int128 twice_triangles(const struct ends *e, unsigned __int128 x)
{
	const size_t n = ends_below(e, x);

	return n * x * x - 2 * x * e->sum[n] + e->squares[n] - (n * x - e->sum[n]);
}

/*
 * Twice the sum, over all y below @x, of the frames with a gfn below y. A memslot adds up to
 * a triangle as long as y is in it, and from its end on as much for each y.
 */
static unsigned __int128 twice_frames_below(const struct survey *s, unsigned __int128 x)
{
	return twice_triangles(&s->starts, x) - twice_triangles(&s->stops, x);
}

static uint64_t frames_below(const struct ends *e, uint64_t x)
{
	const size_t n = ends_below(e, x);

	return n * x - (uint64_t)e->sum[n];
}

static uint64_t frames_in(const struct survey *s, uint64_t start, uint64_t end)
{
	return frames_below(&s->starts, end) - frames_below(&s->stops, end) -
	       (frames_below(&s->starts, start) - frames_below(&s->stops, start));
}

/* ---- the walk ---- */

struct sums {
	unsigned __int128 range, frames; /* over all pages: of the range, of frames in it */
};

/* @n host pages from @page on, that the same @mapped memslots map. */
static void stretch(const struct survey *s, struct rs_memory *m, struct sums *sums, uint64_t page,
		    uint64_t n, uint32_t mapped)
{
	const uint64_t low = page + distance(extreme(s, false));
	const uint64_t high = page + distance(extreme(s, true)) + 1;
	const unsigned __int128 below_last = (unsigned __int128)high + n; /* 2^64, it may be */
	const unsigned __int128 twice =
		twice_frames_below(s, below_last) - twice_frames_below(s, high) -
		(twice_frames_below(s, low + n) - twice_frames_below(s, low));

	m->pages += n;
	sums->range += (unsigned __int128)n * (high - low);
	sums->frames += twice / 2;
	if (high - low > 1) {
		m->aliased_pages += n;
		m->aliased_frames += n * mapped;
	}
	if (high - low > m->widest.end - m->widest.start) {
		m->widest = (struct rs_range){ low, high };
		m->widest_frames = frames_in(s, low, high);
	}
}

static void walk(struct survey *s, struct rs_memory *m)
{
	struct sums sums = { 0 };
	uint32_t mapped = 0;

	for (size_t i = 0; i < 2 * s->nr; i++) {
		const struct edge *e = &s->edges[i];

		if (mapped && e->page > s->edges[i - 1].page)
			stretch(s, m, &sums, s->edges[i - 1].page, e->page - s->edges[i - 1].page,
				mapped);
		map(s, e->rank, e->begins);
		mapped += e->begins ? 1 : -1U;
	}
	if (!m->pages)
		return;
	m->mean_range = (double)sums.range / (double)m->pages;
	m->mean_frames = (double)sums.frames / (double)m->pages;
	m->widening = (double)sums.frames / (double)m->frames;
}

static void take_slots(struct survey *s, const struct rs_vm *vm, struct rs_memory *m)
{
	for (uint32_t i = 0; i < rs_vm_nr_handles(vm); i++)
		if (rs_vm_memslot(vm, i)->present)
			s->slots[s->nr++] = rs_vm_memslot(vm, i);
	if (s->nr)
		qsort(s->slots, s->nr, sizeof(*s->slots), compare_distance);
	for (size_t i = 0; i < s->nr; i++) {
		const struct rs_memslot *slot = s->slots[i];
		const uint64_t page = slot->hva >> RS_PAGE_SHIFT;

		s->edges[2 * i] = (struct edge){ page, (uint32_t)i, true };
		s->edges[2 * i + 1] = (struct edge){ page + slot->npages, (uint32_t)i, false };
		s->starts.gfn[i] = slot->gfn;
		s->stops.gfn[i] = slot->gfn + slot->npages;
		m->frames += slot->npages;
	}
	m->memslots = (uint32_t)s->nr;
	if (s->nr)
		qsort(s->edges, 2 * s->nr, sizeof(*s->edges), compare_edges);
}

int rs_memory_survey(const struct rs_vm *vm, struct rs_memory *m)
{
	const size_t n = rs_vm_nr_memslots(vm);
	struct survey s = { .leaves = 1 };
	int rc = -ENOMEM;

	memset(m, 0, sizeof(*m));
	while (s.leaves < n)
		s.leaves *= 2;
	s.slots = calloc(n + 1, sizeof(*s.slots));
	s.edges = calloc(n + 1, 2 * sizeof(*s.edges));
	s.tree = calloc(s.leaves, 2 * sizeof(*s.tree));
	s.starts.gfn = calloc(n + 1, sizeof(*s.starts.gfn));
	s.stops.gfn = calloc(n + 1, sizeof(*s.stops.gfn));
	if (s.slots && s.edges && s.tree && s.starts.gfn && s.stops.gfn) {
		take_slots(&s, vm, m);
		rc = sum_ends(&s.starts, s.nr);
		if (!rc)
			rc = sum_ends(&s.stops, s.nr);
		if (!rc)
			walk(&s, m);
	}
	free(s.slots);
	free(s.edges);
	free(s.tree);
	free(s.starts.gfn);
	free(s.starts.sum);
	free(s.starts.squares);
	free(s.stops.gfn);
	free(s.stops.sum);
	free(s.stops.squares);
	return rc;
}
