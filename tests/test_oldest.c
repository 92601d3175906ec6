// SPDX-License-Identifier: GPL-2.0-only
/* Which outstanding invalidation began first, of many: against looking at each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "replay/model/firsts.h"
#include "replay/model/oldest.h"
#include "tests/common/trace_file.h"

#define ROUNDS 30000
#define MOST 120 /* outstanding at once */
#define IDS 6
#define PAGES 256 /* of host memory */
#define BASE 0x7f0000000000ULL

static uint64_t random_number(void)
{
	static uint64_t state;

	return test_random(&state);
}

static uint32_t random_below(uint32_t n)
{
	return (uint32_t)(random_number() % n);
}

/* ---- ranges ---- */

#define RANGES 400

static struct rs_range ranges[RANGES]; /* by number - 1; empty: it is gone */

static bool is_gone(const void *arg, uint64_t number, uint32_t tag)
{
	assert_int_equal(tag, number % 7);
	return ranges[number - 1].start >= ranges[number - 1].end;
}

/* Of any length, at any place: a few bits of both, so that they meet. */
static struct rs_range any_range(void)
{
	const uint64_t at = random_number() >> random_below(64);
	const uint64_t length = random_number() >> random_below(64);

	return (struct rs_range){ at, at > UINT64_MAX - length ? UINT64_MAX : at + length };
}

static void test_ranges(void **state)
{
	struct rs_firsts f = { 0 };
	uint32_t tag;

	for (uint64_t n = 1; n <= RANGES; n++) {
		ranges[n - 1] = any_range();
		assert_in_range(rs_firsts_add(&f, 1, ranges[n - 1], n, n % 7), 0, 126);
		/* Of another set nothing is found. */
		assert_true(rs_firsts_add(&f, 0, (struct rs_range){ 0, UINT64_MAX }, n, 9) > 0);
	}
	for (uint32_t i = 0; i < 20 * RANGES; i++) {
		const struct rs_range any = ranges[random_below(RANGES)];
		const uint64_t x = random_below(2) ? any.start : any.end - random_below(2);
		uint64_t first = 0;

		for (uint64_t n = 1; n <= RANGES && !first; n++)
			if (rs_range_has(&ranges[n - 1], x))
				first = n;
		assert_int_equal(rs_firsts_find(&f, 1, x, is_gone, NULL, &tag), first);
		if (first && i % 20 == 0)
			ranges[first - 1] = (struct rs_range){ 0, 0 };
	}
	rs_firsts_clear(&f);
	assert_int_equal(rs_firsts_find(&f, 1, 0, is_gone, NULL, &tag), 0);
	rs_firsts_free(&f);
}

/* ---- invalidations ---- */

struct table {
	struct rs_vm *vm;
	struct rs_invals *t;
	struct rs_oldest *o;
	uint64_t ids; /* given out */
};

static void change_memslot(struct table *s)
{
	const uint32_t id = random_below(IDS);
	const uint64_t npages = random_below(5) ? 1 + random_below(PAGES / 2) : 0;

	if (rs_vm_set_memslot(s->vm, (uint8_t)random_below(2), id, random_below(4 * PAGES), npages,
			      BASE + RS_PAGE_SIZE * random_below(PAGES / 2), 0) != RS_VM_CHANGED)
		return;
	assert_int_equal(rs_vm_update(s->vm), 0);
	assert_int_equal(rs_invals_memslots_changed(s->t), 0);
	rs_oldest_drop(s->o);
}

static void begin(struct table *s)
{
	struct rs_event e = { .type = RS_EV_INVAL_BEGIN, .inval.id = ++s->ids };
	const uint64_t start = random_below(PAGES), end = start + 1 + random_below(PAGES / 4);
	struct rs_inval *inv;

	if (random_below(4) == 0) {
		e.flags |= RS_F_GFN;
		e.inval.start = 4 * start;
		e.inval.end = 4 * end;
	} else {
		/* Some hit no memslot. */
		e.inval.start = BASE + RS_PAGE_SIZE * start;
		e.inval.end = BASE + RS_PAGE_SIZE * end;
	}
	if (random_below(2))
		e.flags |= RS_F_WALK;
	if (random_below(3) == 0)
		rs_event_set_filter(&e, 1 + random_below(RS_KIND_BOTH));
	inv = rs_invals_begin(s->t, &e, s->ids);
	assert_non_null(inv);
	assert_int_equal(rs_oldest_note(s->o, inv), 0);
}

static struct rs_inval *any_inval(const struct table *s)
{
	const struct rs_inval *inv = rs_invals_get(s->t, random_below(rs_invals_nr(s->t)));

	return rs_invals_find(s->t, inv->id);
}

static void walk(struct table *s)
{
	struct rs_inval *inv = any_inval(s);
	const uint32_t nr = rs_vm_nr_handles(s->vm);
	const uint32_t handle = nr ? random_below(nr) : 0;
	const struct rs_memslot *m;
	struct rs_range r;
	bool first;

	if (!nr || !inv->walk || !rs_vm_memslot(s->vm, handle)->present)
		return;
	m = rs_vm_memslot(s->vm, handle);
	r.start = m->gfn + random_below((uint32_t)m->npages);
	r.end = r.start + 1 + random_below((uint32_t)(m->gfn + m->npages - r.start));
	assert_non_null(rs_invals_slot(s->t, inv, handle, r, &first));
	assert_int_equal(rs_oldest_note(s->o, inv), 0);
}

static void end(struct table *s)
{
	struct rs_inval *inv = any_inval(s);

	rs_oldest_end(s->o, inv);
	rs_invals_end(s->t, inv);
}

static void step(struct table *s)
{
	const uint32_t what = random_below(100), nr = rs_invals_nr(s->t);

	if (what == 0) {
		change_memslot(s);
	} else if (what == 1 && random_below(10) == 0) {
		rs_invals_drop(s->t);
		rs_oldest_drop(s->o);
	} else if (!nr || (what < 45 && nr < MOST)) {
		begin(s);
	} else if (what < 70) {
		walk(s);
	} else {
		end(s);
	}
}

/* What oldest.h says of each. */
static bool is_among(const struct rs_inval *inv, enum rs_among among, const struct rs_fault *f)
{
	switch (among) {
	case RS_AMONG_ALL:
		return true;
	case RS_AMONG_HIT:
		return inv->hit;
	case RS_AMONG_NO_HVA:
		return inv->gfn;
	case RS_AMONG_HVAS:
		return inv->hit && !inv->gfn && f->hva >= inv->range.start &&
		       f->hva < inv->range.end;
	case RS_AMONG_SPANS:
		return f->gfn >= inv->span.start && f->gfn < inv->span.end;
	case RS_AMONG_PRIMARY:
		return f->gfn >= inv->primary.start && f->gfn < inv->primary.end;
	default:
		return rs_inval_covers(inv, f);
	}
}

static uint64_t first_of(const struct rs_invals *t, enum rs_among among, const struct rs_fault *f,
			 unsigned int kinds)
{
	uint64_t first = 0;

	for (uint32_t i = 0; i < rs_invals_nr(t); i++) {
		const struct rs_inval *inv = rs_invals_get(t, i);

		if ((inv->filter & kinds) && is_among(inv, among, f) &&
		    (!first || inv->number < first))
			first = inv->number;
	}
	return first;
}

/* How often one was found, so that it is seen whether anything was asked. */
static uint64_t found[RS_NR_AMONG];

static void ask(struct table *s)
{
	struct rs_fault f = { .handle = RS_NO_SLOT };
	const struct rs_inval *inv;

	rs_fault_begin(&f, s->vm, 0, (uint8_t)random_below(2), random_below(4 * PAGES),
		       RS_KIND_SHARED, 0);
	if (f.handle == RS_NO_SLOT)
		return;
	for (enum rs_among among = 0; among < RS_NR_AMONG; among++)
		for (unsigned int kinds = RS_KIND_SHARED; kinds <= RS_KIND_BOTH; kinds++) {
			assert_int_equal(rs_oldest_find(s->o, among, &f, kinds, &inv), 0);
			assert_int_equal(inv ? inv->number : 0, first_of(s->t, among, &f, kinds));
			found[among] += inv && rs_invals_nr(s->t) > MOST / 2;
		}
}

static void test_invalidations(void **state)
{
	struct table s = { .vm = rs_vm_new() };

	s.t = rs_invals_new(s.vm, RS_INVALS_TRUTH | RS_INVALS_CAUSES, NULL);
	assert_non_null(s.t);
	s.o = rs_oldest_new(s.t);
	assert_non_null(s.o);
	for (unsigned int i = 0; i < 20; i++)
		change_memslot(&s);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		/* Long stretches without a question, too. */
		step(&s);
		if (i / 4096 % 2 == 0 && random_below(4) == 0)
			ask(&s);
	}
	for (unsigned int i = 0; i < RS_NR_AMONG; i++)
		assert_in_range(found[i], 100, UINT64_MAX);
	rs_oldest_free(s.o);
	rs_invals_free(s.t);
	rs_vm_free(s.vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_invalidations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
