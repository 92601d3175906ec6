// SPDX-License-Identifier: GPL-2.0-only
/* Which frames of a memslot an invalidation hits, page by page and where it begins or ends in one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "traces/guest/vm.h"

#define HVA 0x7f0000000000ULL
#define PAGE 0x1000ULL

static void test_gfns_of_hvas(void **state)
{
	const struct rs_memslot slot = { .gfn = 0x100, .npages = 4, .hva = HVA, .present = true };
	/* clang-format off */
	static const struct {
		uint64_t start, end; /* behind HVA - PAGE */
		uint64_t first, last; /* last is behind it; 0: nothing */
	} cases[] = {
		{ 0, PAGE, 0, 0 },
		{ 0, PAGE + 1, 0x100, 0x101 },
		{ 0, 2 * PAGE, 0x100, 0x101 },
		{ PAGE, 2 * PAGE, 0x100, 0x101 },
		{ PAGE, 2 * PAGE - 1, 0x100, 0x101 },
		{ PAGE, 2 * PAGE + 1, 0x100, 0x102 },
		{ PAGE + 1, PAGE + 2, 0x100, 0x101 },
		{ 2 * PAGE - 1, 2 * PAGE, 0x100, 0x101 },
		{ 2 * PAGE - 1, 2 * PAGE + 1, 0x100, 0x102 },
		{ 2 * PAGE, 2 * PAGE, 0, 0 },
		{ 4 * PAGE, 5 * PAGE, 0x103, 0x104 },
		{ 4 * PAGE, 9 * PAGE, 0x103, 0x104 },
		{ 5 * PAGE - 1, 9 * PAGE, 0x103, 0x104 },
		{ 5 * PAGE, 9 * PAGE, 0, 0 },
		{ 0, 9 * PAGE, 0x100, 0x104 },
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rs_range gfns = { 0, 0 };
		bool hit = rs_memslot_gfns_of_hvas(&slot, HVA - PAGE + cases[i].start,
						   HVA - PAGE + cases[i].end, &gfns);

		if (hit != (cases[i].last != 0) || gfns.start != cases[i].first ||
		    gfns.end != cases[i].last)
			fail_msg("%#llx to %#llx: frames %#llx to %#llx, not %#llx to %#llx",
				 (unsigned long long)cases[i].start,
				 (unsigned long long)cases[i].end, (unsigned long long)gfns.start,
				 (unsigned long long)gfns.end, (unsigned long long)cases[i].first,
				 (unsigned long long)cases[i].last);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_gfns_of_hvas) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
