// SPDX-License-Identifier: GPL-2.0-only
/*
 * The order by sequence numbers.
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

/*
 * The fault's begin is recorded after the end, but had read the number before
 * it: it belongs in front of it. The check saw the end: it stays behind.
 */
static void test_order_by_number(void **state)
{
	static const struct put puts[] = {
		CREATE(1000, KVM, 0, 0, 0x40, HVA),
		START(1100, RECLAIM, KVM, HVA + 0x1000, HVA + 0x2000, 0, 0, NO_RANGE),
		SLOT(1110, RECLAIM, KVM, 0, 1, 2, 0, 1, 1, 2),
		STARTED(1120, RECLAIM),
		END(1130, RECLAIM, KVM, HVA + 0x1000, HVA + 0x2000, 0, 1, 1, 2),
		LOCKED(1140, RECLAIM, KVM, 0, 1, 1, 2),
		FAULT(1141, VCPU0, KVM, 0, 5ULL),
		BEGIN(1142, VCPU0, KVM, 0, 5ULL, 0, 1, 1, 2),
		ENDED(1150, RECLAIM),
		LOOKED_UP(1160, VCPU0, 0),
		CHECK(1170, VCPU0, KVM, 0, 5ULL, 0, 1, 0, 1, 2),
		VERDICT(1180, VCPU0, 1),
		FAULTED(1190, VCPU0, 1),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    "1000 1 memslot as=0 id=0 gfn=0x0 npages=0x40 hva=0x7f0000000000 flags=0\n"
		    "1110 1 inval_begin id=1 hva=0x7f0000001000-0x7f0000002000 walk=1\n"
		    "#@ state 1110 1 seq=0 in_progress=1 start=0x1 end=0x2\n"
		    "1110 1 inval_slot id=1 slot=0 gfn=0x1-0x2\n"
		    "1141 1 fault_begin vcpu=0 gfn=0x5\n"
		    "1142 1 inval_end id=1\n"
		    "#@ state 1170 1 seq=1 in_progress=0 start=0x1 end=0x2\n"
		    "1170 1 fault_check vcpu=0 result=retry\n"
		    "#@ level full\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_by_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
