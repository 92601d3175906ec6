// SPDX-License-Identifier: GPL-2.0-only
/*
 * Medians of what was recorded. Its histograms say in which of their buckets each is; for
 * where in that, what was recorded is gone through again, once for a bucket of up to
 * 4096 values.
 */
#include "replay/closed/closed_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "replay/closed/closed_tape.h"

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

/* @s is all zero. In the bucket of @h that has the median; of nothing it is 0. */
static void search_start(struct search *s, const struct rs_hist *h)
{
	uint64_t value, weight;
	size_t pos = 0;

	s->rank = h->weight ? (h->weight - 1) / 2 : 0;
	while (rs_hist_next(h, &pos, &value, &weight)) {
		s->start = value;
		if (s->rank < weight)
			break;
		s->rank -= weight;
	}
	if (s->start >> (RS_HIST_BITS + 1))
		s->bits = 63 - RS_HIST_BITS - (unsigned int)__builtin_clzll(s->start);
}

static void search_note(struct search *s, uint64_t value)
{
	const uint64_t from = value - s->start;

	if (s->bits && !(from >> s->bits))
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

static int search_all(const struct rs_closed *c, const struct vm *vm, struct searches *s)
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

	if (s && !vm->before.dropped && !vm->after.dropped && !vm->gaps.dropped)
		rc = search_all(c, vm, s);
	if (!rc) {
		vm->precheck_ns = s->before.start;
		vm->clean_ns = s->after.start;
		vm->gap_ns = s->gaps.start;
	}
	free(s);
	return rc;
}
