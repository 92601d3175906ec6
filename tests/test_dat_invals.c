// SPDX-License-Identifier: GPL-2.0-only
/*
 * Invalidations: which events of a task make one, where it begins and ends, and whose it is.
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

/* Where the end is not a function of its own (6.1), it lies between entry and return. */
static void test_end_without_its_own_probe(void **state)
{
	struct dat *d = dat_new(7, 0, 4, HVA_KERNEL);

	dat_without(d, RS_PROBE_INVAL_END_LOCKED);
	for (size_t i = 0; i < NR_PLAIN; i++) {
		if (plain[i].kind == RS_PROBE_INVAL_END_LOCKED)
			continue;
		dat_at(d, 0, plain[i].task % 4, plain[i].task);
		dat_put(d, plain[i].time, plain[i].kind, plain[i].f, 16);
	}
	expect(d, PLAIN_SLOT_TEXT PLAIN_FAULT_TEXT PLAIN_WALK_TEXT "1300 1 inval_end id=1\n"
								   "#@ level full\n");
}

/* No memslot was hit: it never was in progress. */
static void test_no_hit(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		WALK(1100, RECLAIM, 0),
		END(1130, RECLAIM, KVM, HVA + 0x1000, HVA + 0x2000, 0, 1, 1, 2),
		LOCKED(1140, RECLAIM, KVM, 0, 1, 1, 2),
		ENDED(1150, RECLAIM),
		START(1200, RECLAIM, KVM, HVA + 0x90000, HVA + 0x91000, 1, 0, 1, 2),
		STARTED(1210, RECLAIM),
		END(1220, RECLAIM, KVM, HVA + 0x90000, HVA + 0x91000, 1, 0, 1, 2),
		ENDED(1230, RECLAIM),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOT0_TEXT WALK_TEXT(
			    1110, 1,
			    0) "1140 1 inval_end id=1\n"
			       "1200 1 inval_begin id=2 hva=0x7f0000090000-0x7f0000091000 walk=1\n"
			       "1220 1 inval_end id=2\n"
			       "#@ level full\n");
}

/* Nothing tells of the end but the lock: a call that hit nothing ends where its walk does. */
static void test_no_hit_and_no_end(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		WALK(1100, RECLAIM, 0),
		LOCKED(1140, RECLAIM, KVM, 0, 1, 1, 2),
		START(1200, RECLAIM, KVM, HVA + 0x90000, HVA + 0x91000, 1, 0, 1, 2),
		STARTED(1210, RECLAIM),
		START(1300, RECLAIM, KVM, HVA + 0x92000, HVA + 0x93000, 1, 0, 1, 2),
		STARTED(1310, RECLAIM),
	};
	struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);

	dat_without(d, RS_PROBE_INVAL_END);
	dat_without(d, RS_PROBE_INVAL_ENDED);
	put_all(d, puts, NR(puts));
	expect(d, SLOT0_TEXT WALK_TEXT(
			  1110, 1,
			  0) "1140 1 inval_end id=1\n"
			     "1200 1 inval_begin id=2 hva=0x7f0000090000-0x7f0000091000 walk=1\n"
			     "1210 1 inval_end id=2\n"
			     "1300 1 inval_begin id=3 hva=0x7f0000092000-0x7f0000093000 walk=1\n"
			     "1310 1 inval_end id=3\n"
			     "#@ level partial\n");
}

/* One inside another of the same task: last in, first out. */
static void test_nested(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		START(1100, RECLAIM, KVM, HVA, HVA + 0x20000, 0, 0, NO_RANGE),
		SLOT(1110, RECLAIM, KVM, 0, 0, 0x20, 0, 1, 0, 0x20),
		STARTED(1120, RECLAIM),
		START(1130, RECLAIM, KVM, HVA + 0x4000, HVA + 0x5000, 0, 1, 0, 0x20),
		SLOT(1140, RECLAIM, KVM, 0, 4, 5, 0, 2, 0, 0x20),
		STARTED(1150, RECLAIM),
		END(1160, RECLAIM, KVM, HVA + 0x4000, HVA + 0x5000, 0, 2, 0, 0x20),
		LOCKED(1170, RECLAIM, KVM, 0, 2, 0, 0x20),
		ENDED(1180, RECLAIM),
		END(1190, RECLAIM, KVM, HVA, HVA + 0x20000, 1, 1, 0, 0x20),
		LOCKED(1200, RECLAIM, KVM, 1, 1, 0, 0x20),
		ENDED(1210, RECLAIM),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOT0_TEXT "1110 1 inval_begin id=1 hva=0x7f0000000000-0x7f0000020000 walk=1\n"
			       "#@ state 1110 1 seq=0 in_progress=1 start=0x0 end=0x20\n"
			       "1110 1 inval_slot id=1 slot=0 gfn=0x0-0x20\n"
			       "1140 1 inval_begin id=2 hva=0x7f0000004000-0x7f0000005000 walk=1\n"
			       "#@ state 1140 1 seq=0 in_progress=2 start=0x0 end=0x20\n"
			       "1140 1 inval_slot id=2 slot=0 gfn=0x4-0x5\n"
			       "1170 1 inval_end id=2\n"
			       "1200 1 inval_end id=1\n"
			       "#@ level full\n");
}

/* The ends of so many are missed that they are given up: nothing waits for them then. */
static void test_nested_too_deep(void **state)
{
	struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);
	static const struct put before[] = { CREATE(1000, KVM, 3, 0x100, 0x40, HVA + 0x100000) };
	static const struct put fault[] = {
		FAULT(2100, VCPU0, KVM, 0, 0x110ULL),
		BEGIN(2110, VCPU0, KVM, 0, 0x110ULL, 6, 0, NO_RANGE),
		LOOKED_UP(2120, VCPU0, 0),
		CHECK(2130, VCPU0, KVM, 0, 0x110ULL, 6, 6, 0, NO_RANGE),
		VERDICT(2140, VCPU0, 0),
		FAULTED(2150, VCPU0, 5),
	};

	put_all(d, before, NR(before));
	for (uint64_t i = 0; i < 64; i++) {
		const struct put start = START(1100 + i, RECLAIM, KVM, HVA + i * 0x1000,
					       HVA + (i + 1) * 0x1000, 5, 0, NO_RANGE);

		put_all(d, &start, 1);
	}
	put_all(d, plain + 7, NR_PLAIN - 7);
	put_all(d, fault, NR(fault));
	expect(d,
	       PLAIN_SLOT_TEXT "1210 1 inval_begin id=65 hva=0x7f0000102000-0x7f0000104000 walk=1\n"
			       "#@ state 1210 1 seq=5 in_progress=1 start=0x102 end=0x104\n"
			       "1210 1 inval_slot id=65 slot=3 gfn=0x102-0x104\n"
			       "1310 1 inval_end id=65\n"
			       "2110 1 fault_begin vcpu=0 gfn=0x110\n"
			       "#@ state 2130 1 seq=6 in_progress=0 start=0x0 end=0x0\n"
			       "2130 1 fault_check vcpu=0 result=ok\n"
			       "#@ level full\n"
			       "#@ anomaly inval-nested-too-deep 1\n");
}

/* Two VMs, told apart by their struct kvm; the second has no memslot 0. */
static void test_two_vms(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		CREATE(1010, KVM2, 1, 0x80, 0x40, HVA + 0x80000),
		WALK(1100, RECLAIM, 0),
		START(1130, RECLAIM, KVM2, HVA + 0x81000, HVA + 0x82000, 9, 0, NO_RANGE),
		SLOT(1140, RECLAIM, KVM2, 1, 0x81, 0x82, 9, 1, 0x81, 0x82),
		STARTED(1150, RECLAIM),
		FAULT(1200, VCPU0, KVM, 0, 1ULL),
		BEGIN(1210, VCPU0, KVM, 0, 1ULL, 0, 1, 1, 2),
		FAULT(1205, VCPU1, KVM2, 0, 0x90ULL),
		BEGIN(1215, VCPU1, KVM2, 0, 0x90ULL, 9, 1, 0x81, 0x82),
		LOOKED_UP(1220, VCPU0, 1),
		LOOKED_UP(1225, VCPU1, 0),
		CHECK(1230, VCPU1, KVM2, 0, 0x90ULL, 9, 9, 1, 0x81, 0x82),
		VERDICT(1235, VCPU1, 0),
		FAULTED(1240, VCPU0, 1),
		FAULTED(1245, VCPU1, 5),
		END(1300, RECLAIM, KVM2, HVA + 0x81000, HVA + 0x82000, 9, 1, 0x81, 0x82),
		LOCKED(1310, RECLAIM, KVM2, 9, 1, 0x81, 0x82),
		ENDED(1320, RECLAIM),
		END(1330, RECLAIM, KVM, HVA + 0x1000, HVA + 0x2000, 0, 1, 1, 2),
		LOCKED(1340, RECLAIM, KVM, 0, 1, 1, 2),
		ENDED(1350, RECLAIM),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOT0_TEXT
		    "1010 2 memslot as=0 id=1 gfn=0x80 npages=0x40 hva=0x7f0000080000 "
		    "flags=0\n" WALK_TEXT(
			    1110, 1,
			    0) "1140 2 inval_begin id=1 hva=0x7f0000081000-0x7f0000082000 walk=1\n"
			       "#@ state 1140 2 seq=9 in_progress=1 start=0x81 end=0x82\n"
			       "1140 2 inval_slot id=1 slot=1 gfn=0x81-0x82\n"
			       "1210 1 fault_begin vcpu=0 gfn=0x1\n"
			       "1210 1 fault_check vcpu=0 result=retry lockless=1\n"
			       "1215 2 fault_begin vcpu=0 gfn=0x90\n"
			       "#@ state 1230 2 seq=9 in_progress=1 start=0x81 end=0x82\n"
			       "1230 2 fault_check vcpu=0 result=ok\n"
			       "1310 2 inval_end id=1\n"
			       "1340 1 inval_end id=1\n"
			       "#@ level full\n");
}

#define HIT(t, kvm, from, to, seq, n)                                                 \
	START(t, RECLAIM, kvm, HVA + (from)*4096, HVA + (to)*4096, seq, n, NO_RANGE), \
		SLOT((t) + 1, RECLAIM, kvm, 0, from, to, seq, (n) + 1, 0, 0x40),      \
		STARTED((t) + 2, RECLAIM)
#define LEAVE(t, kvm, from, to, seq, n)                                            \
	END(t, RECLAIM, kvm, HVA + (from)*4096, HVA + (to)*4096, seq, n, 0, 0x40), \
		LOCKED((t) + 1, RECLAIM, kvm, seq, n, 0, 0x40), ENDED((t) + 2, RECLAIM)

static const char two_vms_of_one_process[] =
	SLOT0_TEXT "1010 2 memslot as=0 id=0 gfn=0x0 npages=0x40 hva=0x7f0000000000 flags=0\n"
		   "1101 1 inval_begin id=1 hva=0x7f0000000000-0x7f0000008000 walk=1\n"
		   "#@ state 1101 1 seq=0 in_progress=1 start=0x0 end=0x40\n"
		   "1101 1 inval_slot id=1 slot=0 gfn=0x0-0x8\n"
		   "1111 2 inval_begin id=1 hva=0x7f0000000000-0x7f0000008000 walk=1\n"
		   "#@ state 1111 2 seq=9 in_progress=1 start=0x0 end=0x40\n"
		   "1111 2 inval_slot id=1 slot=0 gfn=0x0-0x8\n"
		   "1121 1 inval_begin id=2 hva=0x7f0000002000-0x7f0000003000 walk=1\n"
		   "#@ state 1121 1 seq=0 in_progress=2 start=0x0 end=0x40\n"
		   "1121 1 inval_slot id=2 slot=0 gfn=0x2-0x3\n"
		   "1131 2 inval_begin id=2 hva=0x7f0000002000-0x7f0000003000 walk=1\n"
		   "#@ state 1131 2 seq=9 in_progress=2 start=0x0 end=0x40\n"
		   "1131 2 inval_slot id=2 slot=0 gfn=0x2-0x3\n";

/* The same begins with other ends. */
static void expect_ends(const struct put *ends, size_t n, const char *ends_text)
{
	static const struct put begins[] = {
		SLOT0,
		CREATE(1010, KVM2, 0, 0, 0x40, HVA),
		HIT(1100, KVM, 0ULL, 8ULL, 0, 0),
		HIT(1110, KVM2, 0ULL, 8ULL, 9, 0),
		HIT(1120, KVM, 2ULL, 3ULL, 0, 1),
		HIT(1130, KVM2, 2ULL, 3ULL, 9, 1),
	};
	struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);
	char expected[4096];

	put_all(d, begins, NR(begins));
	put_all(d, ends, n);
	snprintf(expected, sizeof(expected), "%s%s", two_vms_of_one_process, ends_text);
	expect(d, expected);
}

/* VMs of one process: the kernel goes through its notifiers in the same turn at the end. */
static void test_vms_of_one_process(void **state)
{
	static const struct put ends[] = {
		LEAVE(1200, KVM, 2ULL, 3ULL, 0, 2),
		LEAVE(1210, KVM2, 2ULL, 3ULL, 9, 2),
		LEAVE(1220, KVM, 0ULL, 8ULL, 1, 1),
		LEAVE(1230, KVM2, 0ULL, 8ULL, 10, 1),
	};

	expect_ends(ends, NR(ends),
		    "1201 1 inval_end id=2\n1211 2 inval_end id=2\n"
		    "1221 1 inval_end id=1\n1231 2 inval_end id=1\n#@ level full\n");
}

/*
 * The end of one that was nested in both is missing for the second VM: it must have
 * come before the outer one's, and the second VM's outer call is not it.
 */
static void test_vms_of_one_process_lack_an_end(void **state)
{
	static const struct put ends[] = {
		LEAVE(1200, KVM, 2ULL, 3ULL, 0, 2),
		LEAVE(1220, KVM, 0ULL, 8ULL, 1, 1),
		LEAVE(1230, KVM2, 0ULL, 8ULL, 9, 2),
	};

	expect_ends(ends, NR(ends),
		    "1201 1 inval_end id=2\n1221 1 inval_end id=1\n1231 2 inval_end id=1\n"
		    "#@ level full\n#@ anomaly inval-without-end 1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_end_without_its_own_probe),
		cmocka_unit_test(test_no_hit),
		cmocka_unit_test(test_no_hit_and_no_end),
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_nested_too_deep),
		cmocka_unit_test(test_two_vms),
		cmocka_unit_test(test_vms_of_one_process),
		cmocka_unit_test(test_vms_of_one_process_lack_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
