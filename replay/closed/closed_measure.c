// SPDX-License-Identifier: GPL-2.0-only
/*
 * Medians of what was recorded. Where one is not in the window that was counted, what was
 * recorded is gone through again, once for each 12 bits of it.
 */
#include "replay/closed/closed_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "replay/closed/closed_tape.h"

static int cmp(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t rank_of(const struct median *m)
{
	return m->nr ? (m->nr - 1) / 2 : 0; /* the lower one */
}

/* Around the median of the first ones. */
static void open_window(struct median *m)
{
	uint64_t first[MEDIAN_FIRST], middle;

	memcpy(first, m->cells, sizeof(first));
	memset(m->cells, 0, MEDIAN_WINDOW * sizeof(*m->cells));
	qsort(first, MEDIAN_FIRST, sizeof(*first), cmp);
	middle = first[rank_of(m)];
	m->low = middle > MEDIAN_WINDOW / 2 ? middle - MEDIAN_WINDOW / 2 : 0;
	for (size_t i = 0; i < MEDIAN_FIRST; i++)
		median_count(m, first[i]);
}

int median_add_first(struct median *m, uint64_t value)
{
	if (!m->cells)
		m->cells = calloc(MEDIAN_WINDOW, sizeof(*m->cells));
	if (!m->cells)
		return -ENOMEM;
	m->cells[m->nr++] = value;
	if (m->nr == MEDIAN_FIRST)
		open_window(m);
	return 0;
}

bool median_find(struct median *m, uint64_t *value)
{
	uint64_t rank = rank_of(m);

	*value = 0;
	if (m->nr && m->nr < MEDIAN_FIRST) {
		qsort(m->cells, m->nr, sizeof(*m->cells), cmp);
		*value = m->cells[rank];
	}
	if (m->nr < MEDIAN_FIRST)
		return true;
	if (rank < m->below)
		return false;
	rank -= m->below;
	for (size_t i = 0; i < MEDIAN_WINDOW; rank -= m->cells[i++])
		if (rank < m->cells[i]) {
			*value = m->low + i;
			return true;
		}
	return false;
}

#define PART_BITS 12

/* The lower median is the value of rank @rank among those of [start, start + 2^bits). */
struct search {
	uint64_t start, rank;
	unsigned int bits;
	uint64_t parts[1U << PART_BITS]; /* how many values are in each part of the range */
};

static unsigned int part_shift(const struct search *s)
{
	return s->bits > PART_BITS ? s->bits - PART_BITS : 0;
}

/* @s is all zero. What is found already is not searched for. */
static void search_start(struct search *s, struct median *m)
{
	if (median_find(m, &s->start))
		return;
	s->rank = rank_of(m);
	s->start = 0;
	s->bits = 64 - (unsigned int)__builtin_clzll(m->max | 1);
}

static void search_note(struct search *s, uint64_t value)
{
	const uint64_t from = value - s->start;

	if (s->bits && (s->bits == 64 || !(from >> s->bits)))
		s->parts[from >> part_shift(s)]++;
}

/* All values were noted. */
static void search_narrow(struct search *s)
{
	const unsigned int shift = part_shift(s);
	size_t part = 0;

	if (!s->bits)
		return;
	while (s->rank >= s->parts[part])
		s->rank -= s->parts[part++];
	s->start += (uint64_t)part << shift;
	s->bits = shift;
	memset(s->parts, 0, sizeof(s->parts));
}

struct searches {
	struct search before, after, gaps;
};

static int note_all(const struct rs_closed *c, const struct vcpu *v, struct searches *s)
{
	struct rs_stream_reader r;
	struct attempt a = { 0 };
	uint64_t last_ns = 0;

	rs_stream_read(&r, c->spool, &v->attempts);
	while (attempt_get(&r, &a)) {
		search_note(a.before_lookup ? &s->before : &s->after, a.check_ns - a.begin_ns);
		if (!a.first)
			search_note(&s->gaps, a.begin_ns - last_ns);
		last_ns = a.check_ns;
	}
	rs_stream_reader_close(&r);
	return r.failed;
}

static int search_all(const struct rs_closed *c, struct vm *vm, struct searches *s)
{
	int rc = 0;

	search_start(&s->before, &vm->before);
	search_start(&s->after, &vm->after);
	search_start(&s->gaps, &vm->gaps);
	while (!rc && (s->before.bits || s->after.bits || s->gaps.bits)) {
		for (uint32_t i = 0; i < vm->nr_vcpus && !rc; i++)
			rc = note_all(c, &vm->vcpus[i], s);
		if (rc)
			break;
		search_narrow(&s->before);
		search_narrow(&s->after);
		search_narrow(&s->gaps);
	}
	return rc;
}

int rs_closed_measure(const struct rs_closed *c, struct vm *vm)
{
	struct searches *s = calloc(1, sizeof(*s));
	int rc = -ENOMEM;

	if (s)
		rc = search_all(c, vm, s);
	if (!rc) {
		vm->precheck_ns = s->before.start;
		vm->clean_ns = s->after.start;
		vm->gap_ns = s->gaps.start;
	}
	free(s);
	return rc;
}
