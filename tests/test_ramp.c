// SPDX-License-Identifier: GPL-2.0-only
/* How many frames lie in a range (traces/ramp, and a VM's own), against counting one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/common/random_stream.h"
#include "traces/guest/ramp.h"
#include "traces/guest/vm.h"

#define PAGES 40
#define MAX_RANGES 12
#define BASE 0x7f0000000000ULL

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* @n random ranges in units of 1 << @shift, and how many cover each page. */
static void random_ranges(struct stream_rng *rng, uint32_t n, unsigned int shift, uint64_t *starts,
			  uint64_t *ends, uint64_t *cover)
{
	for (uint32_t i = 0; i < PAGES; i++)
		cover[i] = 0;
	for (uint32_t i = 0; i < n; i++) {
		uint64_t start = stream_below(rng, PAGES - 1);
		uint64_t end = start + 1 + stream_below(rng, PAGES - start);

		starts[i] = start << shift;
		ends[i] = end << shift;
		for (uint64_t p = start; p < end && p < PAGES; p++)
			cover[p]++;
	}
	qsort(starts, n, sizeof(*starts), by_value);
	qsort(ends, n, sizeof(*ends), by_value);
}

static void check_below(const struct rs_ramp *r, uint64_t start, uint64_t end,
			const uint64_t *cover)
{
	struct rs_range below = rs_ramp_below(r, start, end), sum = { 0, 0 };

	for (uint64_t i = 0; start < end && i < end; i++) {
		sum.start += i < start ? cover[i] : 0;
		sum.end += cover[i];
	}
	assert_int_equal(below.start, sum.start);
	assert_int_equal(below.end, sum.end);
}

static void test_ramp(void **state)
{
	struct stream_rng rng = { 1 };
	struct rs_ramp ramp = { 0 };
	uint64_t starts[MAX_RANGES], ends[MAX_RANGES], cover[PAGES];

	for (int round = 0; round < 500; round++) {
		uint32_t n = (uint32_t)stream_below(&rng, MAX_RANGES + 1);
		unsigned int shift = round % 2 ? RS_PAGE_SHIFT : 0;

		random_ranges(&rng, n, shift, starts, ends, cover);
		assert_int_equal(rs_ramp_make(&ramp, starts, ends, n, shift), 0);
		/* Each twice: once found out, once remembered. */
		for (uint64_t start = 0; start < PAGES; start++)
			for (uint64_t end = 0; end < PAGES; end++)
				for (int again = 0; again < 2; again++)
					check_below(&ramp, start, end, cover);
	}
	rs_ramp_free(&ramp);
}

static uint64_t between(const struct rs_ramp *r, uint64_t start, uint64_t end)
{
	struct rs_range below = rs_ramp_below(r, start, end);

	return below.end - below.start;
}

/* Neighbours make one straight line, however many they are; and so do the last pages there are. */
static void test_straight(void **state)
{
	uint64_t starts[1000], ends[1000];
	struct rs_ramp ramp = { 0 };

	for (uint64_t i = 0; i < 1000; i++) {
		starts[i] = UINT64_MAX - 10 * (1000 - i);
		ends[i] = starts[i] + 10;
	}
	assert_int_equal(rs_ramp_make(&ramp, starts, ends, 1000, 0), 0);
	assert_in_range(ramp.nr, 1, 3);
	assert_int_equal(between(&ramp, 0, UINT64_MAX), 10000);
	assert_int_equal(between(&ramp, UINT64_MAX - 1, UINT64_MAX), 1);
	assert_int_equal(between(&ramp, 0, starts[0] + 7), 7);
	rs_ramp_free(&ramp);
}

/* Frames of the address spaces before @as, and of @as those below @gfn. */
static uint64_t naive_below(const struct rs_vm *vm, uint8_t as, uint64_t gfn)
{
	uint64_t n = 0;

	for (uint32_t h = 0; h < rs_vm_nr_handles(vm); h++) {
		const struct rs_memslot *s = rs_vm_memslot(vm, h);

		if (!s->present || s->as > as || (s->as == as && s->gfn >= gfn))
			continue;
		n += s->as < as || gfn - s->gfn > s->npages ? s->npages : gfn - s->gfn;
	}
	return n;
}

/* Frames with a gfn, or with a host address, in the range. */
static uint64_t naive_frames(const struct rs_vm *vm, uint64_t start, uint64_t end, bool hva)
{
	uint64_t n = 0;

	for (uint32_t h = 0; h < rs_vm_nr_handles(vm); h++) {
		const struct rs_memslot *s = rs_vm_memslot(vm, h);

		for (uint64_t i = 0; s->present && i < s->npages; i++) {
			uint64_t x = hva ? s->hva + (i << RS_PAGE_SHIFT) : s->gfn + i;

			n += x >= start && x < end;
		}
	}
	return n;
}

static void check_frames(const struct rs_vm *vm, struct stream_rng *rng)
{
	uint8_t as = (uint8_t)stream_below(rng, 3);
	bool any = naive_below(vm, as, UINT64_MAX) != naive_below(vm, as, 0);

	for (int i = 0; i < 20; i++) {
		uint64_t start = stream_below(rng, PAGES), end = stream_below(rng, PAGES);
		struct rs_range f = rs_vm_fold(vm, as, start, end);

		assert_int_equal(rs_vm_frames_of_gfns(vm, start, end),
				 naive_frames(vm, start, end, false));
		assert_int_equal(f.start, any && start < end ? naive_below(vm, as, start) : 0);
		assert_int_equal(f.end, any && start < end ? naive_below(vm, as, end) : 0);
		start = BASE + (start << RS_PAGE_SHIFT);
		end = BASE + (end << RS_PAGE_SHIFT);
		assert_int_equal(rs_vm_frames_of_hvas(vm, start, end),
				 naive_frames(vm, start, end, true));
	}
	assert_int_equal(rs_vm_frames_of_gfns(vm, 0, UINT64_MAX), rs_vm_frames(vm));
	assert_int_equal(rs_vm_frames_of_hvas(vm, 0, UINT64_MAX), rs_vm_frames(vm));
}

static void test_frames_of_vm(void **state)
{
	struct rs_vm *vm = rs_vm_new();
	struct stream_rng rng = { 2 };

	assert_non_null(vm);
	for (int round = 0; round < 5000; round++) {
		uint64_t npages = stream_below(&rng, 4) ? stream_below(&rng, 9) + 1 : 0;

		assert_int_equal(rs_vm_update(vm), 0);
		check_frames(vm, &rng);
		rs_vm_set_memslot(vm, (uint8_t)stream_below(&rng, 3),
				  (uint32_t)stream_below(&rng, 6), stream_below(&rng, PAGES - 10),
				  npages, BASE + (stream_below(&rng, PAGES - 10) << RS_PAGE_SHIFT),
				  0);
	}
	rs_vm_free(vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ramp),
		cmocka_unit_test(test_straight),
		cmocka_unit_test(test_frames_of_vm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
