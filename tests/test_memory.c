// SPDX-License-Identifier: GPL-2.0-only
/* What a layout says of ranges, against a look at each host page and each frame. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "analysis/memory/memory.h"
#include "tests/common/random_stream.h"

#define HVA 0x7f0000000000ULL
#define PAGES 24
#define GFNS 64
#define SPACES 2

/* Host page + 1 of each frame; 0: there is none. */
struct naive {
	unsigned int page[SPACES][GFNS];
};

static void set(struct rs_vm *vm, struct naive *n, unsigned int as, unsigned int id,
		unsigned int gfn, unsigned int npages, unsigned int page)
{
	for (unsigned int i = 0; i < npages; i++)
		if (n->page[as][gfn + i])
			return;
	assert_int_equal(
		rs_vm_set_memslot(vm, (uint8_t)as, id, gfn, npages, HVA + page * RS_PAGE_SIZE, 0),
		RS_VM_CHANGED);
	for (unsigned int i = 0; i < npages; i++)
		n->page[as][gfn + i] = page + i + 1;
}

static uint64_t frames_in(const struct naive *n, unsigned int start, unsigned int end)
{
	uint64_t frames = 0;

	for (unsigned int as = 0; as < SPACES; as++)
		for (unsigned int gfn = start; gfn < end; gfn++)
			frames += n->page[as][gfn] != 0;
	return frames;
}

static void naive_survey(const struct naive *n, struct rs_memory *m)
{
	uint64_t ranges = 0, frames = 0;

	for (unsigned int page = 1; page <= PAGES; page++) {
		unsigned int low = GFNS, high = 0, mapped = 0;

		for (unsigned int as = 0; as < SPACES; as++)
			for (unsigned int gfn = 0; gfn < GFNS; gfn++) {
				if (n->page[as][gfn] != page)
					continue;
				mapped++;
				low = gfn < low ? gfn : low;
				high = gfn + 1 > high ? gfn + 1 : high;
			}
		if (!mapped)
			continue;
		m->pages++;
		m->frames += mapped;
		m->aliased_pages += high - low > 1;
		m->aliased_frames += high - low > 1 ? mapped : 0;
		ranges += high - low;
		frames += frames_in(n, low, high);
		if (high - low > m->widest.end - m->widest.start) {
			m->widest = (struct rs_range){ low, high };
			m->widest_frames = frames_in(n, low, high);
		}
	}
	if (!m->pages)
		return;
	m->mean_range = (double)ranges / (double)m->pages;
	m->mean_frames = (double)frames / (double)m->pages;
	m->widening = (double)frames / (double)m->frames;
}

static void assert_same(const struct rs_memory *a, const struct rs_memory *b)
{
	assert_int_equal(a->frames, b->frames);
	assert_int_equal(a->pages, b->pages);
	assert_int_equal(a->aliased_pages, b->aliased_pages);
	assert_int_equal(a->aliased_frames, b->aliased_frames);
	assert_int_equal(a->widest.start, b->widest.start);
	assert_int_equal(a->widest.end, b->widest.end);
	assert_int_equal(a->widest_frames, b->widest_frames);
	assert_true(a->mean_range == b->mean_range);
	assert_true(a->mean_frames == b->mean_frames);
	assert_true(a->widening == b->widening);
}

static void test_random(void **state)
{
	struct stream_rng rng = { 7 };

	(void)state;
	for (unsigned int round = 0; round < 3000; round++) {
		struct rs_vm *vm = rs_vm_new();
		struct naive n = { 0 };
		struct rs_memory got, want = { 0 };
		const unsigned int slots = (unsigned int)stream_below(&rng, 12);

		assert_non_null(vm);
		for (unsigned int i = 0; i < slots; i++) {
			const unsigned int npages = 1 + (unsigned int)stream_below(&rng, 8);

			set(vm, &n, (unsigned int)stream_below(&rng, SPACES), i,
			    (unsigned int)stream_below(&rng, GFNS - npages), npages,
			    (unsigned int)stream_below(&rng, PAGES - npages));
		}
		naive_survey(&n, &want);
		assert_int_equal(rs_memory_survey(vm, &got), 0);
		assert_int_equal(got.memslots, rs_vm_nr_memslots(vm));
		assert_int_equal(got.aliased_frames, rs_vm_aliased_frames(vm));
		assert_same(&got, &want);
		rs_vm_free(vm);
	}
}

/* Numbers that only fit when they are added up in 128 bits. */
static void test_far_apart(void **state)
{
	struct rs_vm *vm = rs_vm_new();
	struct rs_memory m;

	(void)state;
	assert_non_null(vm);
	assert_int_equal(rs_vm_set_memslot(vm, 0, 0, 0, 4, HVA, 0), RS_VM_CHANGED);
	assert_int_equal(rs_vm_set_memslot(vm, 0, 1, UINT64_MAX - 4, 4, HVA, 0), RS_VM_CHANGED);
	assert_int_equal(rs_memory_survey(vm, &m), 0);
	assert_int_equal(m.widest.start, 0);
	assert_int_equal(m.widest.end, UINT64_MAX - 3);
	/* Of page i: the frames from i on of the first memslot, up to i of the second. */
	assert_int_equal(m.widest_frames, 5);
	assert_true(m.mean_frames == 5);
	assert_int_equal(m.aliased_frames, 8);
	rs_vm_free(vm);
}

static void test_nothing(void **state)
{
	struct rs_vm *vm = rs_vm_new();
	struct rs_memory m, none = { 0 };

	(void)state;
	assert_non_null(vm);
	assert_int_equal(rs_memory_survey(vm, &m), 0);
	assert_same(&m, &none);
	rs_vm_free(vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_far_apart),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
