// SPDX-License-Identifier: GPL-2.0-only
/* Aliased frames of memslots that change, against counting page by page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "traces/guest/stretches.h"
#include "traces/guest/vm.h"

#define PAGES 48 /* host pages in use */
#define IDS 12
#define SPACES 3
#define ROUNDS 50000
#define BASE 0x7f0000000000ULL

static uint32_t random_below(uint32_t n)
{
	static uint64_t x = 88172645463325252ULL;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)(x >> 20) % n;
}

/* How many of the frames on a host page there are, all together; 0 if they have one gfn. */
static uint64_t aliased_on(const struct rs_vm *vm, uint64_t hva)
{
	uint64_t frames = 0, gfn = 0;
	bool differ = false;

	for (uint32_t h = 0; h < rs_vm_nr_handles(vm); h++) {
		const struct rs_memslot *s = rs_vm_memslot(vm, h);
		uint64_t at = (hva - s->hva) >> RS_PAGE_SHIFT;

		if (!s->present || hva < s->hva || at >= s->npages)
			continue;
		differ |= frames && s->gfn + at != gfn;
		gfn = s->gfn + at;
		frames++;
	}
	return differ ? frames : 0;
}

static void test_aliased_frames(void **state)
{
	struct rs_vm *vm = rs_vm_new();
	unsigned int changed = 0;

	assert_non_null(vm);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint64_t npages = random_below(4) ? random_below(9) + 1 : 0;
		uint64_t page = random_below(PAGES - 9), frames = 0;
		/* The same distance often, so that address spaces share frames. */
		uint64_t gfn = random_below(2) ? page : random_below(4 * PAGES);
		enum rs_vm_change change =
			rs_vm_set_memslot(vm, (uint8_t)random_below(SPACES), random_below(IDS), gfn,
					  npages, BASE + (page << RS_PAGE_SHIFT), 0);

		assert_int_not_equal(change, RS_VM_NOMEM);
		changed += change == RS_VM_CHANGED;
		for (page = 0; page < PAGES; page++)
			frames += aliased_on(vm, BASE + (page << RS_PAGE_SHIFT));
		assert_int_equal(rs_vm_aliased_frames(vm), frames);
	}
	assert_true(changed > ROUNDS / 4);
	rs_vm_free(vm);
}

/* Memslots that come and go at ever new addresses leave nothing behind. */
static void test_forgotten_stretches(void **state)
{
	struct rs_stretches t = { 0 };

	for (uint64_t page = 1; page < 100000; page++) {
		assert_int_equal(rs_stretches_cut(&t, page), 0);
		assert_int_equal(rs_stretches_cut(&t, page + 7), 0);
		rs_stretches_add(&t, page, page + 7, 1, 1);
		assert_int_equal(rs_stretches_unaliased(&t), 7);
		rs_stretches_add(&t, page, page + 7, -1, -1);
		rs_stretches_join(&t, page);
		rs_stretches_join(&t, page + 7);
		assert_int_equal(rs_stretches_unaliased(&t), 0);
	}
	assert_in_range(t.nr, 1, 3);
	rs_stretches_free(&t);
}

/* 32,764 memslots over the same pages, KVM's limit: what each costs must not grow with them. */
static void test_many_on_the_same_pages(void **state)
{
	struct rs_vm *vm = rs_vm_new();

	assert_non_null(vm);
	for (uint32_t id = 0; id < 32764; id++)
		assert_int_equal(rs_vm_set_memslot(vm, 0, id, 16 * (uint64_t)id, 16, BASE, 0),
				 RS_VM_CHANGED);
	assert_int_equal(rs_vm_aliased_frames(vm), 16 * 32764);
	for (uint32_t id = 0; id < 32763; id++)
		assert_int_equal(rs_vm_set_memslot(vm, 0, id, 0, 0, 0, 0), RS_VM_CHANGED);
	assert_int_equal(rs_vm_aliased_frames(vm), 0);
	assert_int_equal(rs_vm_frames(vm), 16);
	rs_vm_free(vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_aliased_frames),
		cmocka_unit_test(test_forgotten_stretches),
		cmocka_unit_test(test_many_on_the_same_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
