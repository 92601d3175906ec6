// SPDX-License-Identifier: GPL-2.0-only
/*
 * Losses: what was lost is said where it was lost, and nothing is made up.
 * docs/import.md has the rules.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/common/puts.h"

/* What is lost is said where it was lost. */
static void test_losses(void **state)
{
	struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);

	put_all(d, plain, 7);
	dat_at(d, 0, VCPU0 % 4, VCPU0);
	dat_lose(d, 12);
	put_all(d, &(const struct put)FAULT(1800, VCPU0, KVM, 0, 0x111ULL), 1);
	put_all(d, &(const struct put)FAULTED(1810, VCPU0, 5), 1);
	dat_at(d, 0, VCPU0 % 4, VCPU0);
	dat_lose(d, UINT64_MAX);
	put_all(d, &(const struct put)FAULT(1900, VCPU0, KVM, 0, 0x112ULL), 1);
	put_all(d, &(const struct put)FAULTED(1910, VCPU0, 5), 1);
	expect(d, "1000 1 memslot as=0 id=3 gfn=0x100 npages=0x40 hva=0x7f0000100000 flags=0\n"
		  "1110 1 fault_begin vcpu=0 gfn=0x110\n"
		  "#@ state 1130 1 seq=5 in_progress=0 start=0x0 end=0x0\n"
		  "1130 1 fault_check vcpu=0 result=ok\n"
		  "1150 1 lost count=12\n"
		  "1800 1 lost count=0\n"
		  "1800 1 fault_begin vcpu=0 gfn=0x111\n"
		  "1809 1 fault_end vcpu=0\n"
		  "1810 1 lost count=unknown\n"
		  "1900 1 lost count=0\n"
		  "1900 1 fault_begin vcpu=0 gfn=0x112\n"
		  "1910 1 fault_end vcpu=0\n"
		  "#@ level full\n"
		  "#@ anomaly lost-unknown-number 1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_losses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
