// SPDX-License-Identifier: GPL-2.0-only
/*
 * Invalidations that come through no notifier, and private faults: docs/import.md, 3 and 4.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "replay/replay.h"
#include "tests/common/puts.h"

/* seq, in_progress, range_start, range_end follow. */
#define OWN_BEGIN(t, task, kvm, ...) P(t, task, INVAL_BEGIN, kvm, __VA_ARGS__)
#define RANGE_ADD(t, task, kvm, from, to, ...) \
	P(t, task, INVAL_RANGE_ADD, kvm, from, to, __VA_ARGS__)
#define ZAP_BEGIN(t, task, kvm, from, to, ...) P(t, task, ZAP_BEGIN, kvm, from, to, __VA_ARGS__)
#define ZAP_END(t, task, kvm, from, to, ...) P(t, task, ZAP_END, kvm, from, to, __VA_ARGS__)
#define PRIVATE 1
#define SLOTS SLOT0, CREATE(1001, KVM, 1, 0x1000, 0x40, HVA + 0x100000)
#define SLOTS_TEXT \
	SLOT0_TEXT \
	"1001 1 memslot as=0 id=1 gfn=0x1000 npages=0x40 hva=0x7f0000100000 flags=0\n"

enum { SHARED_ONLY = 1, PRIVATE_ONLY = 2 };

/*
 * A hole in a guest_memfd, and the truncation's own notifier call inside: that call's end is
 * the call's, the next is the hole's. A fault between is judged with the hole in progress.
 */
static void test_punch_with_a_call_inside(void **state)
{
	static const struct put puts[] = {
		SLOTS,
		OWN_BEGIN(1100, OTHER, KVM, 7, 0, 1, 2),
		SLOT(1110, OTHER, KVM, 0, 4, 8, 7, 1, 4, 8, PRIVATE_ONLY),
		SLOT(1120, OTHER, KVM, 1, 0x1004, 0x1008, 7, 1, 4, 0x1008, PRIVATE_ONLY),
		START(1200, OTHER, KVM, HVA + 0x4000, HVA + 0x5000, 7, 1, 4, 0x1008),
		SLOT(1210, OTHER, KVM, 0, 4, 5, 7, 2, 4, 0x1008, SHARED_ONLY),
		STARTED(1220, OTHER),
		END(1230, OTHER, KVM, HVA + 0x4000, HVA + 0x5000, 7, 2, 4, 0x1008),
		LOCKED(1240, OTHER, KVM, 7, 2, 4, 0x1008),
		ENDED(1250, OTHER),
		FAULT(1300, VCPU0, KVM, 0, 5ULL),
		P(1310, VCPU0, FAULT_BEGIN, KVM, 0, 5, 0, 0, 0x20004, 8, 1, 4, 0x1008, PRIVATE),
		LOOKED_UP(1320, VCPU0, 1),
		FAULTED(1330, VCPU0, 1),
		LOCKED(1400, OTHER, KVM, 8, 1, 4, 0x1008),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOTS_TEXT "1100 1 inval_begin id=1 gfn=0x4-0x1008 walk=1 filter=private\n"
			       "#@ state 1110 1 seq=7 in_progress=1 start=0x4 end=0x8\n"
			       "1110 1 inval_slot id=1 slot=0 gfn=0x4-0x8\n"
			       "#@ state 1120 1 seq=7 in_progress=1 start=0x4 end=0x1008\n"
			       "1120 1 inval_slot id=1 slot=1 gfn=0x1004-0x1008\n"
			       "1210 1 inval_begin id=2 hva=0x7f0000004000-0x7f0000005000 walk=1\n"
			       "#@ state 1210 1 seq=7 in_progress=2 start=0x4 end=0x1008\n"
			       "1210 1 inval_slot id=2 slot=0 gfn=0x4-0x5\n"
			       "1240 1 inval_end id=2\n"
			       "1310 1 fault_begin vcpu=0 gfn=0x5 private=1\n"
			       "1310 1 fault_check vcpu=0 result=retry lockless=1\n"
			       "1400 1 inval_end id=1\n"
			       "#@ level full\n");
}

/* The same as a recorder without a probe of the begin has it: the first hit is the begin. */
static void test_begin_not_recorded(void **state)
{
	static const struct put puts[] = {
		SLOTS,
		SLOT(1110, OTHER, KVM, 0, 4, 8, 7, 1, 4, 8, SHARED_ONLY),
		SLOT(1120, OTHER, KVM, 1, 0x1004, 0x1008, 7, 1, 4, 0x1008, SHARED_ONLY),
		LOCKED(1400, OTHER, KVM, 7, 1, 4, 0x1008),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOTS_TEXT "1110 1 inval_begin id=1 gfn=0x4-0x1008 walk=1 filter=shared\n"
			       "#@ state 1110 1 seq=7 in_progress=1 start=0x4 end=0x8\n"
			       "1110 1 inval_slot id=1 slot=0 gfn=0x4-0x8\n"
			       "#@ state 1120 1 seq=7 in_progress=1 start=0x4 end=0x1008\n"
			       "1120 1 inval_slot id=1 slot=1 gfn=0x1004-0x1008\n"
			       "1400 1 inval_end id=1\n"
			       "#@ level full\n");
}

/* Memory attributes say the range of each memslot, and then hit it: that is a walk as well. */
static void test_attributes(void **state)
{
	static const struct put puts[] = {
		SLOTS,
		OWN_BEGIN(1100, OTHER, KVM, 7, 0, 1, 2),
		RANGE_ADD(1105, OTHER, KVM, 4, 8, 7, 1, UINT64_MAX, UINT64_MAX),
		SLOT(1110, OTHER, KVM, 0, 4, 8, 7, 1, 4, 8, SHARED_ONLY),
		RANGE_ADD(1115, OTHER, KVM, 0x1004, 0x1008, 7, 1, 4, 8),
		SLOT(1120, OTHER, KVM, 1, 0x1004, 0x1008, 7, 1, 4, 0x1008, PRIVATE_ONLY),
		LOCKED(1400, OTHER, KVM, 7, 1, 4, 0x1008),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOTS_TEXT "1100 1 inval_begin id=1 gfn=0x4-0x1008 walk=1\n"
			       "#@ state 1110 1 seq=7 in_progress=1 start=0x4 end=0x8\n"
			       "1110 1 inval_slot id=1 slot=0 gfn=0x4-0x8\n"
			       "#@ state 1120 1 seq=7 in_progress=1 start=0x4 end=0x1008\n"
			       "1120 1 inval_slot id=1 slot=1 gfn=0x1004-0x1008\n"
			       "1400 1 inval_end id=1\n"
			       "#@ level full\n");
}

/* What is recorded is what was in memory: a range of no frames, or of none that are, is none. */
static void test_ranges_that_say_nothing(void **state)
{
	static const struct put puts[] = {
		SLOTS,
		OWN_BEGIN(1100, OTHER, KVM, 7, 0, 1, 2),
		RANGE_ADD(1105, OTHER, KVM, 8, 8, 7, 1, UINT64_MAX, UINT64_MAX),
		RANGE_ADD(1106, OTHER, KVM, 0x30, 0x20, 7, 1, UINT64_MAX, UINT64_MAX),
		RANGE_ADD(1107, OTHER, KVM, 1ULL << 52, UINT64_MAX, 7, 1, UINT64_MAX, UINT64_MAX),
		RANGE_ADD(1108, OTHER, KVM, 4, 6, 7, 1, UINT64_MAX, UINT64_MAX),
		SLOT(1110, OTHER, KVM, 0, 5, 8, 7, 1, 4, 8, SHARED_ONLY),
		LOCKED(1400, OTHER, KVM, 7, 1, 4, 8),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOTS_TEXT "1100 1 inval_begin id=1 gfn=0x4-0x8 walk=1 filter=shared\n"
			       "#@ state 1110 1 seq=7 in_progress=1 start=0x4 end=0x8\n"
			       "1110 1 inval_slot id=1 slot=0 gfn=0x4-0x8\n"
			       "1400 1 inval_end id=1\n"
			       "#@ level full\n");
}

/*
 * They block the huge pages at both ends of what changes, if these could be such, and unmap
 * what changes alone: the walk covers both.
 */
static void test_attributes_of_huge_pages(void **state)
{
	static const struct put puts[] = {
		CREATE(1000, KVM, 0, 0, 0x1000, HVA),
		OWN_BEGIN(1100, OTHER, KVM, 7, 0, 1, 2),
		RANGE_ADD(1105, OTHER, KVM, 0, 0x200, 7, 1, 0x1f0, 0x410),
		RANGE_ADD(1106, OTHER, KVM, 0x400, 0x600, 7, 1, 0, 0x410),
		SLOT(1110, OTHER, KVM, 0, 0x1f0, 0x410, 7, 1, 0, 0x600, SHARED_ONLY),
		LOCKED(1400, OTHER, KVM, 7, 1, 0, 0x600),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    "1000 1 memslot as=0 id=0 gfn=0x0 npages=0x1000 hva=0x7f0000000000 flags=0\n"
		    "1100 1 inval_begin id=1 gfn=0x0-0x600 walk=1 filter=shared\n"
		    "#@ state 1110 1 seq=7 in_progress=1 start=0x0 end=0x600\n"
		    "1110 1 inval_slot id=1 slot=0 gfn=0x0-0x600\n"
		    "1400 1 inval_end id=1\n"
		    "#@ level full\n");
}

/*
 * A memslot that goes away is unmapped where user space asked for that, in the same function:
 * no invalidation, whatever is in progress meanwhile.
 */
static void test_memslot_goes_away(void **state)
{
	static const struct put puts[] = {
		SLOTS,
		OWN_BEGIN(1100, OTHER, KVM, 7, 0, 1, 2),
		SLOT(1110, OTHER, KVM, 1, 0x1000, 0x1008, 7, 1, 0x1000, 0x1008, SHARED_ONLY),
		SLOT(1200, MAKER, KVM, 0, 0, 0x40, 7, 1, 0x1000, 0x1008, 3),
		P(1210, MAKER, MEMSLOT, KVM, 1, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0),
		LOCKED(1400, OTHER, KVM, 7, 1, 0x1000, 0x1008),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOTS_TEXT "1100 1 inval_begin id=1 gfn=0x1000-0x1008 walk=1 filter=shared\n"
			       "#@ state 1110 1 seq=7 in_progress=1 start=0x1000 end=0x1008\n"
			       "1110 1 inval_slot id=1 slot=1 gfn=0x1000-0x1008\n"
			       "1210 1 memslot as=0 id=0 gfn=0x0 npages=0x0 hva=0x0 flags=0\n"
			       "1400 1 inval_end id=1\n"
			       "#@ level full\n");
}

/*
 * The VM ran before the recording, with nothing but a guest_memfd: no commit and no call tells
 * of its memslots. The frames are those of its holes and faults, the host address is made up.
 */
static void test_memslots_without_any_address(void **state)
{
	static const struct put puts[] = {
		OWN_BEGIN(1100, OTHER, KVM, 7, 0, 1, 2),
		SLOT(1110, OTHER, KVM, 1, 0x104, 0x108, 7, 1, 0x104, 0x108, SHARED_ONLY),
		SLOT(1120, OTHER, KVM, 2, 0x204, 0x208, 7, 1, 0x104, 0x208, SHARED_ONLY),
		LOCKED(1200, OTHER, KVM, 7, 1, 0x104, 0x208),
		FAULT(1300, VCPU0, KVM, 0, 0x102ULL),
		P(1310, VCPU0, FAULT_BEGIN, KVM, 0, 0x102, 0, 1, 0x20004, 8, 0, 0x104, 0x208),
		LOOKED_UP(1320, VCPU0, 0),
		P(1330, VCPU0, FAULT_CHECK, KVM, 0, 0x102, 0, 8, 8, 0, 0x104, 0x208),
		VERDICT(1340, VCPU0, 0),
		FAULTED(1350, VCPU0, 5),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    "1100 1 inval_begin id=1 gfn=0x104-0x208 walk=1 filter=shared\n"
		    "1110 1 memslot as=0 id=1 gfn=0x102 npages=0x6 hva=0x4000000000102000 flags=0\n"
		    "1110 1 memslot as=0 id=2 gfn=0x204 npages=0x4 hva=0x4000000000204000 flags=0\n"
		    "#@ state 1110 1 seq=7 in_progress=1 start=0x104 end=0x108\n"
		    "1110 1 inval_slot id=1 slot=1 gfn=0x104-0x108\n"
		    "#@ state 1120 1 seq=7 in_progress=1 start=0x104 end=0x208\n"
		    "1120 1 inval_slot id=1 slot=2 gfn=0x204-0x208\n"
		    "1200 1 inval_end id=1\n"
		    "1310 1 fault_begin vcpu=0 gfn=0x102\n"
		    "#@ state 1330 1 seq=8 in_progress=0 start=0x104 end=0x208\n"
		    "1330 1 fault_check vcpu=0 result=ok\n"
		    "#@ level full\n"
		    "#@ anomaly memslots-learned 2\n");
}

/* A notifier call says where one of them is: that is its address, whatever came first. */
static void test_memslots_address_comes_later(void **state)
{
	static const struct put puts[] = {
		OWN_BEGIN(1100, OTHER, KVM, 7, 0, 1, 2),
		SLOT(1110, OTHER, KVM, 1, 0x104, 0x108, 7, 1, 0x104, 0x108, SHARED_ONLY),
		LOCKED(1200, OTHER, KVM, 7, 1, 0x104, 0x108),
		START(1300, RECLAIM, KVM, HVA + 0x2000, HVA + 0x3000, 8, 0, 0x104, 0x108),
		SLOT(1310, RECLAIM, KVM, 1, 0x102, 0x103, 8, 1, 0x102, 0x103, SHARED_ONLY),
		STARTED(1320, RECLAIM),
		END(1330, RECLAIM, KVM, HVA + 0x2000, HVA + 0x3000, 8, 1, 0x102, 0x103),
		LOCKED(1340, RECLAIM, KVM, 8, 1, 0x102, 0x103),
		ENDED(1350, RECLAIM),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    "1100 1 inval_begin id=1 gfn=0x104-0x108 walk=1 filter=shared\n"
		    "1110 1 memslot as=0 id=1 gfn=0x102 npages=0x6 hva=0x7f0000002000 flags=0\n"
		    "#@ state 1110 1 seq=7 in_progress=1 start=0x104 end=0x108\n"
		    "1110 1 inval_slot id=1 slot=1 gfn=0x104-0x108\n"
		    "1200 1 inval_end id=1\n"
		    "1310 1 inval_begin id=2 hva=0x7f0000002000-0x7f0000003000 walk=1\n"
		    "#@ state 1310 1 seq=8 in_progress=1 start=0x102 end=0x103\n"
		    "1310 1 inval_slot id=2 slot=1 gfn=0x102-0x103\n"
		    "1340 1 inval_end id=2\n"
		    "#@ level full\n"
		    "#@ anomaly memslots-learned 1\n");
}

/* A hole meets a memslot before its commit is recorded: it is there by then. */
static void test_hole_before_the_commit(void **state)
{
	static const struct put puts[] = {
		CREATE(1000, KVM, 0, 0, 0x40, HVA),
		OWN_BEGIN(1100, OTHER, KVM, 7, 0, 1, 2),
		SLOT(1110, OTHER, KVM, 1, 0x1004, 0x1008, 7, 1, 0x1004, 0x1008, SHARED_ONLY),
		LOCKED(1200, OTHER, KVM, 7, 1, 0x1004, 0x1008),
		CREATE(1300, KVM, 1, 0x1000, 0x40, HVA + 0x100000),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    "1000 1 memslot as=0 id=0 gfn=0x0 npages=0x40 hva=0x7f0000000000 flags=0\n"
		    "1100 1 inval_begin id=1 gfn=0x1004-0x1008 walk=1 filter=shared\n"
		    "1110 1 memslot as=0 id=1 gfn=0x1000 npages=0x40 hva=0x7f0000100000 flags=0\n"
		    "#@ state 1110 1 seq=7 in_progress=1 start=0x1004 end=0x1008\n"
		    "1110 1 inval_slot id=1 slot=1 gfn=0x1004-0x1008\n"
		    "1200 1 inval_end id=1\n"
		    "#@ level full\n");
}

/*
 * Without a host address in the check, zeros at the begin may be memslot 0, or none: where
 * another is, it has gone, and its commit comes after. What has no memslot is never stale. The
 * guest_memfd still has it, until that commit is over: a hole hits it.
 */
static void test_memslot_went(void **state)
{
	static const struct put puts[] = {
		SLOTS,
		FAULT(1100, VCPU0, KVM, 0, 0x1002ULL),
		BEGIN(1110, VCPU0, KVM, 0, 0x1002ULL, 7, 0, 1, 2),
		LOOKED_UP(1120, VCPU0, 0),
		P(1130, VCPU0, FAULT_CHECK, KVM, 0, 0x1002, 0, 7, 7, 0, 1, 2),
		VERDICT(1140, VCPU0, 0),
		FAULTED(1150, VCPU0, 5),
		OWN_BEGIN(1160, OTHER, KVM, 7, 0, 1, 2),
		SLOT(1170, OTHER, KVM, 1, 0x1000, 0x1010, 7, 1, 0x1000, 0x1010, SHARED_ONLY),
		LOCKED(1180, OTHER, KVM, 7, 1, 0x1000, 0x1010),
		P(1200, MAKER, MEMSLOT, KVM, 1, 0x1000, 0x40, 1, 0, 0, 0, 0, 0, 0, 0),
		FAULT(1300, VCPU0, KVM, 0, 2ULL),
		BEGIN(1310, VCPU0, KVM, 0, 2ULL, 8, 0, 0x1000, 0x1010),
		LOOKED_UP(1320, VCPU0, 0),
		P(1330, VCPU0, FAULT_CHECK, KVM, 0, 2, 0, 8, 8, 0, 0x1000, 0x1010),
		VERDICT(1340, VCPU0, 0),
		FAULTED(1350, VCPU0, 5),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOTS_TEXT "1110 1 fault_begin vcpu=0 gfn=0x1002\n"
			       "1130 1 fault_end vcpu=0\n"
			       "1160 1 inval_begin id=1 gfn=0x1000-0x1010 walk=1 filter=shared\n"
			       "#@ state 1170 1 seq=7 in_progress=1 start=0x1000 end=0x1010\n"
			       "1170 1 inval_slot id=1 slot=1 gfn=0x1000-0x1010\n"
			       "1180 1 inval_end id=1\n"
			       "1200 1 memslot as=0 id=1 gfn=0x0 npages=0x0 hva=0x0 flags=0\n"
			       "1310 1 fault_begin vcpu=0 gfn=0x2\n"
			       "#@ state 1330 1 seq=8 in_progress=0 start=0x1000 end=0x1010\n"
			       "1330 1 fault_check vcpu=0 result=ok\n"
			       "#@ level full\n"
			       "#@ anomaly memslot-after-look-up 1\n");
}

/*
 * The other way round: a hole meets a memslot that is about to come, and a fault later still
 * finds none.
 */
static void test_memslot_comes(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		OWN_BEGIN(1060, OTHER, KVM, 7, 0, 1, 2),
		SLOT(1070, OTHER, KVM, 1, 0x1000, 0x1010, 7, 1, 0x1000, 0x1010, SHARED_ONLY),
		FAULT(1090, VCPU0, KVM, 0, 0x1002ULL),
		BEGIN(1110, VCPU0, KVM, 0, 0x1002ULL, 7, 1, 0x1003, 0x1010),
		LOOKED_UP(1120, VCPU0, 0),
		P(1130, VCPU0, FAULT_CHECK, KVM, 0, 0x1002, 0, 7, 7, 1, 0x1000, 0x1010),
		VERDICT(1140, VCPU0, 0),
		FAULTED(1150, VCPU0, 5),
		LOCKED(1180, OTHER, KVM, 7, 1, 0x1000, 0x1010),
		CREATE(1200, KVM, 1, 0x1000, 0x40, HVA + 0x100000),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOT0_TEXT
		    "1060 1 inval_begin id=1 gfn=0x1000-0x1010 walk=1 filter=shared\n"
		    "1070 1 memslot as=0 id=1 gfn=0x1000 npages=0x40 hva=0x7f0000100000 flags=0\n"
		    "#@ state 1070 1 seq=7 in_progress=1 start=0x1000 end=0x1010\n"
		    "1070 1 inval_slot id=1 slot=1 gfn=0x1000-0x1010\n"
		    "1110 1 fault_begin vcpu=0 gfn=0x1002\n"
		    "1130 1 fault_end vcpu=0\n"
		    "1180 1 inval_end id=1\n"
		    "#@ level full\n"
		    "#@ anomaly memslot-after-look-up 1\n");
}

/* kvm_zap_gfn_range(): from 6.8 on a range without a walk, before with both in its begin. */
static void test_zap(void **state)
{
	static const struct put puts[] = {
		SLOTS,
		OWN_BEGIN(1100, OTHER, KVM, 7, 0, 1, 2),
		RANGE_ADD(1110, OTHER, KVM, 0x10, 0x20, 7, 1, UINT64_MAX, UINT64_MAX),
		LOCKED(1400, OTHER, KVM, 7, 1, 0x10, 0x20),
	};
	static const struct put old[] = {
		SLOTS,
		ZAP_BEGIN(1100, OTHER, KVM, 0, UINT64_MAX, 7, 0, 1, 2),
		ZAP_END(1400, OTHER, KVM, 0, UINT64_MAX, 7, 1, 0, UINT64_MAX),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOTS_TEXT "1100 1 inval_begin id=1 gfn=0x10-0x20\n"
			       "1400 1 inval_end id=1\n"
			       "#@ level full\n");
	expect_puts(HVA_KERNEL, old, NR(old),
		    SLOTS_TEXT "1100 1 inval_begin id=1 gfn=0x0-0x10000000000000\n"
			       "1400 1 inval_end id=1\n"
			       "#@ level full\n");
}

/* Nothing says what it hit: then it is all frames. */
static void test_without_any_range(void **state)
{
	static const struct put puts[] = {
		SLOTS,
		OWN_BEGIN(1100, OTHER, KVM, 7, 0, 1, 2),
		LOCKED(1400, OTHER, KVM, 7, 1, 1, 2),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOTS_TEXT "1100 1 inval_begin id=1 gfn=0x0-0x10000000000000\n"
			       "1400 1 inval_end id=1\n"
			       "#@ level full\n");
}

/* Two VMs of one process, a hole in each: an end is that of its VM, in any order. */
static void test_two_vms(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		CREATE(1001, KVM2, 0, 0, 0x40, HVA + 0x100000),
		OWN_BEGIN(1100, OTHER, KVM, 7, 0, 1, 2),
		SLOT(1110, OTHER, KVM, 0, 4, 8, 7, 1, 4, 8, SHARED_ONLY),
		OWN_BEGIN(1200, OTHER, KVM2, 3, 0, 1, 2),
		SLOT(1210, OTHER, KVM2, 0, 5, 6, 3, 1, 5, 6, SHARED_ONLY),
		LOCKED(1300, OTHER, KVM, 7, 1, 4, 8),
		LOCKED(1400, OTHER, KVM2, 3, 1, 5, 6),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOT0_TEXT
		    "1001 2 memslot as=0 id=0 gfn=0x0 npages=0x40 hva=0x7f0000100000 flags=0\n"
		    "1100 1 inval_begin id=1 gfn=0x4-0x8 walk=1 filter=shared\n"
		    "#@ state 1110 1 seq=7 in_progress=1 start=0x4 end=0x8\n"
		    "1110 1 inval_slot id=1 slot=0 gfn=0x4-0x8\n"
		    "1200 2 inval_begin id=1 gfn=0x5-0x6 walk=1 filter=shared\n"
		    "#@ state 1210 2 seq=3 in_progress=1 start=0x5 end=0x6\n"
		    "1210 2 inval_slot id=1 slot=0 gfn=0x5-0x6\n"
		    "1300 1 inval_end id=1\n"
		    "1400 2 inval_end id=1\n"
		    "#@ level full\n");
}

/* Where the begin is not inlined into the notifiers, it comes inside their calls: it is theirs. */
static void test_begin_of_a_notifier(void **state)
{
	static const struct put puts[] = {
		SLOTS,
		START(1100, RECLAIM, KVM, HVA + 0x1000, HVA + 0x2000, 7, 0, 1, 2),
		OWN_BEGIN(1105, RECLAIM, KVM, 7, 0, 1, 2),
		RANGE_ADD(1107, RECLAIM, KVM, 1, 2, 7, 1, UINT64_MAX, UINT64_MAX),
		SLOT(1110, RECLAIM, KVM, 0, 1, 2, 7, 1, 1, 2, SHARED_ONLY),
		STARTED(1120, RECLAIM),
		LEFT(1130, RECLAIM, 7),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOTS_TEXT WALK_TEXT(1110, 1, 7) "1140 1 inval_end id=1\n"
						     "#@ level full\n");
}

/* What began outside of any call was a call whose start is missing, as its end says. */
static void test_a_call_without_its_start(void **state)
{
	static const struct put puts[] = {
		SLOTS,
		WALK(1100, RECLAIM, 7),
		LEFT(1130, RECLAIM, 7),
		SLOT(1210, OTHER, KVM, 0, 3, 4, 8, 1, 3, 4, SHARED_ONLY),
		STARTED(1220, OTHER),
		END(1230, OTHER, KVM, HVA + 0x3000, HVA + 0x4000, 8, 1, 3, 4),
		LOCKED(1240, OTHER, KVM, 8, 1, 3, 4),
		ENDED(1250, OTHER),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOTS_TEXT WALK_TEXT(
			    1110, 1, 7) "1140 1 inval_end id=1\n"
					"1210 1 inval_begin id=2 gfn=0x3-0x4 walk=1 filter=shared\n"
					"#@ state 1210 1 seq=8 in_progress=1 start=0x3 end=0x4\n"
					"1210 1 inval_slot id=2 slot=0 gfn=0x3-0x4\n"
					"1240 1 inval_end id=2\n"
					"#@ level full\n"
					"#@ anomaly end-without-start 1\n");
}

/* A begin while the task is in one already: the end of that was lost. */
static void test_end_is_missing(void **state)
{
	static const struct put puts[] = {
		SLOTS,
		OWN_BEGIN(1100, OTHER, KVM, 7, 0, 1, 2),
		SLOT(1110, OTHER, KVM, 0, 4, 8, 7, 1, 4, 8, SHARED_ONLY),
		OWN_BEGIN(1200, OTHER, KVM, 8, 0, 4, 8),
		SLOT(1210, OTHER, KVM, 0, 5, 6, 8, 1, 5, 6, SHARED_ONLY),
		LOCKED(1300, OTHER, KVM, 8, 1, 5, 6),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOTS_TEXT
		    "1100 1 inval_begin id=1 gfn=0x4-0x8 walk=1 filter=shared\n"
		    "#@ state 1110 1 seq=7 in_progress=1 start=0x4 end=0x8\n"
		    "1110 1 inval_slot id=1 slot=0 gfn=0x4-0x8\n"
		    "1110 1 inval_begin id=9223372036854775808 gfn=0x0-0x10000000000000\n"
		    "1110 1 inval_end id=9223372036854775808\n"
		    "1200 1 inval_begin id=2 gfn=0x5-0x6 walk=1 filter=shared\n"
		    "#@ state 1210 1 seq=8 in_progress=1 start=0x5 end=0x6\n"
		    "1210 1 inval_slot id=2 slot=0 gfn=0x5-0x6\n"
		    "1300 1 inval_end id=2\n"
		    "#@ level full\n"
		    "#@ anomaly inval-without-end 1\n"
		    "#@ anomaly end-not-recorded 1\n");
}

/*
 * The hole's end has raised the sequence and not yet lowered the count: a look-up there is
 * before the end. Once one has seen the lower count, the same words are another begin's.
 */
static void test_half_an_end(void **state)
{
	static const struct put puts[] = {
		SLOTS,
		OWN_BEGIN(1100, OTHER, KVM, 7, 0, 1, 2),
		SLOT(1110, OTHER, KVM, 0, 4, 8, 7, 1, 4, 8, SHARED_ONLY),
		LOCKED(1200, OTHER, KVM, 7, 1, 4, 8),
		BEGIN(1210, VCPU0, KVM, 0, 5ULL, 8, 1, 4, 8),
		LOOKED_UP(1220, VCPU0, 1),
		FAULTED(1230, VCPU0, 1),
		BEGIN(1300, VCPU0, KVM, 0, 0x20ULL, 8, 0, 4, 8),
		LOOKED_UP(1310, VCPU0, 0),
		CHECK(1320, VCPU0, KVM, 0, 0x20ULL, 8, 8, 0, 4, 8),
		VERDICT(1330, VCPU0, 0),
		FAULTED(1340, VCPU0, 5),
		BEGIN(1400, VCPU0, KVM, 0, 5ULL, 8, 1, 4, 8),
		LOOKED_UP(1410, VCPU0, 1),
		FAULTED(1420, VCPU0, 1),
		SLOT(1430, OTHER, KVM, 0, 4, 8, 8, 1, 4, 8, SHARED_ONLY),
		LOCKED(1500, OTHER, KVM, 8, 1, 4, 8),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOTS_TEXT "1100 1 inval_begin id=1 gfn=0x4-0x8 walk=1 filter=shared\n"
			       "#@ state 1110 1 seq=7 in_progress=1 start=0x4 end=0x8\n"
			       "1110 1 inval_slot id=1 slot=0 gfn=0x4-0x8\n"
			       "1209 1 fault_begin vcpu=0 gfn=0x5\n"
			       "1209 1 fault_check vcpu=0 result=retry lockless=1\n"
			       "1210 1 inval_end id=1\n"
			       "1300 1 fault_begin vcpu=0 gfn=0x20\n"
			       "#@ state 1320 1 seq=8 in_progress=0 start=0x4 end=0x8\n"
			       "1320 1 fault_check vcpu=0 result=ok\n"
			       "1399 1 fault_begin vcpu=0 gfn=0x5\n"
			       "1400 1 inval_begin id=2 gfn=0x4-0x8 walk=1 filter=shared\n"
			       "#@ state 1400 1 seq=8 in_progress=1 start=0x4 end=0x8\n"
			       "1400 1 inval_slot id=2 slot=0 gfn=0x4-0x8\n"
			       "1400 1 fault_check vcpu=0 result=retry lockless=1\n"
			       "1500 1 inval_end id=2\n"
			       "#@ level full\n");
}

/* What is read of these as recorded on @release, if the user says @kernel_algo. */
static void read_on(struct test_trace *t, const char *release, const char *kernel_algo,
		    const struct put *puts, size_t n)
{
	const struct rs_reader_opts opts = { .kernel_algo = kernel_algo };
	struct dat *d = dat_new(7, 0, 4, release);

	put_all(d, puts, n);
	read_back_with(t, d, &opts);
	assert_string_equal(t->message, "");
}

/*
 * A backport, and a piece without a release: what the range holds is read off the recorded
 * state, so a retry before the look-up is the test without the lock. The user's word goes first.
 */
static void test_algorithm_of_the_recording(void **state)
{
	static const struct put puts[] = {
		SLOTS,
		START(1100, RECLAIM, KVM, HVA + 0x4000, HVA + 0x8000, 7, 0, 1, 2),
		SLOT(1110, RECLAIM, KVM, 0, 4, 8, 7, 1, 4, 8),
		STARTED(1120, RECLAIM),
		BEGIN(1210, VCPU0, KVM, 0, 5ULL, 7, 1, 4, 8),
		LOOKED_UP(1220, VCPU0, 1),
		FAULTED(1230, VCPU0, 1),
		END(1300, RECLAIM, KVM, HVA + 0x4000, HVA + 0x8000, 7, 1, 4, 8),
		LOCKED(1310, RECLAIM, KVM, 7, 1, 4, 8),
		ENDED(1320, RECLAIM),
	};
	static const char *const releases[] = { "6.6.84-amd64-desktop-hwe", NULL, "6.12.1" };

	for (size_t i = 0; i < 3; i++) {
		struct test_trace t;

		for (int as_hva = 0; as_hva < 2; as_hva++) {
			read_on(&t, releases[i], as_hva ? "hva" : NULL, puts, NR(puts));
			assert_string_equal(rs_meta_kernel_algo(&t.meta), as_hva ? "hva" : "gfn");
			assert_int_equal(count_anomaly(&t, "retry-unexplained"), as_hva);
			test_trace_free(&t);
		}
	}
}

/*
 * Of what the recording began in the middle of there is no hit. A fault of a frame in the range
 * that came back from its look-up tells as well, if nothing else can have sent it back: no
 * other frame, nothing in progress, a memslot on its way out, an async page fault.
 */
static void test_algorithm_by_a_retry_before_the_look_up(void **state)
{
	static const struct {
		uint64_t gfn, in_progress, start, end, flags;
		bool async;
		int ret;
		const char *algo;
	} cases[] = {
		{ 5, 1, 4, 8, 0, false, 1, "gfn" },
		{ 5, 1, 4, 8, 0, false, 0, "hva" },
		{ 9, 1, 4, 8, 0, false, 1, "hva" },
		{ 5, 0, 4, 8, 0, false, 1, "hva" },
		{ 5, 1, 4, 8, 1 << 16, false, 1, "hva" },
		{ 5, 1, 4, 8, 0, true, 1, "hva" },
		{ 5, 1, HVA + 0x4000, HVA + 0x8000, 0, false, 1, "hva" },
	};

	for (size_t i = 0; i < NR(cases); i++) {
		const uint64_t start = cases[i].start, end = cases[i].end;
		const struct put puts[] = {
			SLOTS,
			P(1210, VCPU0, FAULT_BEGIN, KVM, 0, cases[i].gfn, 0, 0, cases[i].flags, 7,
			  cases[i].in_progress, start, end),
			{ 1215,
			  cases[i].async ? VCPU0 : RECLAIM,
			  cases[i].async ? DAT_ASYNC_NOT_PRESENT : RS_PROBE_INVAL_STARTED,
			  { 7, 0x5000 } },
			LOOKED_UP(1220, VCPU0, cases[i].ret),
			FAULTED(1230, VCPU0, 1),
		};
		struct test_trace t;

		read_on(&t, "6.6.84", NULL, puts, NR(puts));
		assert_string_equal(rs_meta_kernel_algo(&t.meta), cases[i].algo);
		test_trace_free(&t);
	}
}

/* What a recording of these is read as whose KVM was told to have that algorithm. */
static void read_told(struct test_trace *t, const char *algo, const struct put *puts, size_t n)
{
	struct dat *d = dat_new(7, 0, 4, "6.12.1");
	char fact[64];

	snprintf(fact, sizeof(fact), "retryscope-fact kvm.retry_algo %s", algo);
	dat_at(d, 0, 0, VCPU0);
	dat_marker(d, 10, fact);
	put_all(d, puts, n);
	read_back(t, d);
	assert_string_equal(t->message, "");
}

/*
 * A KVM in which the algorithm can be chosen says which: neither its release nor the words that
 * it keeps, of which an algorithm may leave the range empty, tell. Others' names tell nothing.
 */
static void test_algorithm_that_was_told(void **state)
{
	static const struct {
		const char *fact, *algo;
		uint64_t start, end;
	} cases[] = {
		{ "hva", "hva", HVA + 0x4000, HVA + 0x8000 },
		{ "hva\n", "hva", HVA + 0x4000, HVA + 0x8000 },
		{ "gfn", "gfn", 4, 8 },
		{ "global", "global", 0, 0 },
		{ "hfn-recent:2.1.8", "hfn-recent:2.1.8", 0, 0 },
		{ "kernel", "gfn", 4, 8 },
		{ "hvas", "gfn", 4, 8 },
		{ "hv", "gfn", 4, 8 },
	};

	for (size_t i = 0; i < NR(cases); i++) {
		const uint64_t start = cases[i].start, end = cases[i].end;
		const struct put puts[] = {
			SLOTS,
			START(1100, RECLAIM, KVM, HVA + 0x4000, HVA + 0x8000, 7, 0, 1, 2),
			SLOT(1110, RECLAIM, KVM, 0, 4, 8, 7, 1, start, end),
			STARTED(1120, RECLAIM),
			BEGIN(1210, VCPU0, KVM, 0, 5ULL, 7, 1, start, end),
			LOOKED_UP(1220, VCPU0, 1),
			FAULTED(1230, VCPU0, 1),
			END(1300, RECLAIM, KVM, HVA + 0x4000, HVA + 0x8000, 7, 1, start, end),
			LOCKED(1310, RECLAIM, KVM, 7, 1, start, end),
			ENDED(1320, RECLAIM),
		};
		struct test_trace t;

		read_told(&t, cases[i].fact, puts, NR(puts));
		assert_string_equal(rs_meta_kernel_algo(&t.meta), cases[i].algo);
		assert_int_equal(count_anomaly(&t, "retry-unexplained"), 0);
		test_trace_free(&t);
	}
}

/*
 * What hfn-recent keeps of a hole in a guest_memfd is in no word: a fault is refused before it
 * is looked up where the hole is, and only there, as the walk says.
 */
static void test_hole_that_no_word_has(void **state)
{
	static const struct put puts[] = {
		SLOTS,
		OWN_BEGIN(1100, OTHER, KVM, 7, 0, 0, 0),
		SLOT(1110, OTHER, KVM, 0, 4, 8, 7, 1, 0, 0, SHARED_ONLY),
		BEGIN(1210, VCPU0, KVM, 0, 5ULL, 7, 1, 0, 0),
		LOOKED_UP(1220, VCPU0, 1),
		FAULTED(1230, VCPU0, 1),
		BEGIN(1240, VCPU1, KVM, 1, 9ULL, 7, 1, 0, 0),
		LOOKED_UP(1250, VCPU1, 0),
		CHECK(1260, VCPU1, KVM, 1, 9ULL, 7, 7, 1, 0, 0),
		VERDICT(1270, VCPU1, 0),
		FAULTED(1280, VCPU1, 0),
		LOCKED(1400, OTHER, KVM, 7, 1, 0, 0),
	};
	struct test_trace t;
	char *lines;

	read_told(&t, "hfn-recent:2.1.8", puts, NR(puts));
	lines = lines_of(&t);
	assert_non_null(strstr(lines, "1210 1 fault_check vcpu=0 result=retry lockless=1\n"));
	assert_non_null(strstr(lines, "1260 1 fault_check vcpu=1 result=ok\n"));
	assert_int_equal(count_anomaly(&t, "retry-unexplained"), 0);
	free(lines);
	test_trace_free(&t);
}

/* Real captures: every decision and every word of the state is the kernel's. */
static void test_samples(void **state)
{
	static const char *const names[] = { "7.3-gmem", "6.18-gmem-mixed", "7.3-gmem-two-vms" };

	for (size_t i = 0; i < NR(names); i++) {
		struct rs_replay_opts opts = { .algos = "gfn,exact", .kernel_algo = "gfn" };
		struct rs_error err = { 0 };
		struct rs_replay *replay = rs_replay_new(&opts, &err);
		struct rs_result *r;
		struct test_trace t;
		char path[256];

		snprintf(path, sizeof(path), TRACE_SAMPLES "/%s.dat", names[i]);
		test_trace_read(&t, path);
		assert_int_equal(t.meta.nr_anomalies, 0);
		assert_int_equal(t.meta.lost, 0);
		assert_int_equal(rs_replay_feed(replay, t.evs, t.nr, &err), 0);
		r = rs_replay_finish(replay, &err);
		assert_non_null(r);
		for (unsigned int a = 0; a < RS_NR_ANOMALIES; a++)
			assert_int_equal(r->anomalies[a], 0);
		for (size_t v = 0; v < r->nr_vms; v++) {
			const struct rs_vm_result *vm = &r->vms[v];

			assert_true(vm->algos[0].locked.known > 500);
			assert_int_equal(vm->algos[0].locked.same, vm->algos[0].locked.known);
			assert_int_equal(vm->algos[0].lockless.same, vm->algos[0].lockless.known);
			assert_true(vm->state_compared > 900);
			assert_int_equal(vm->state_equal, vm->state_compared);
		}
		rs_result_free(r);
		rs_replay_free(replay);
		test_trace_free(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_punch_with_a_call_inside),
		cmocka_unit_test(test_begin_not_recorded),
		cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_ranges_that_say_nothing),
		cmocka_unit_test(test_attributes_of_huge_pages),
		cmocka_unit_test(test_memslot_goes_away),
		cmocka_unit_test(test_memslots_without_any_address),
		cmocka_unit_test(test_memslots_address_comes_later),
		cmocka_unit_test(test_hole_before_the_commit),
		cmocka_unit_test(test_memslot_went),
		cmocka_unit_test(test_memslot_comes),
		cmocka_unit_test(test_zap),
		cmocka_unit_test(test_without_any_range),
		cmocka_unit_test(test_two_vms),
		cmocka_unit_test(test_begin_of_a_notifier),
		cmocka_unit_test(test_a_call_without_its_start),
		cmocka_unit_test(test_end_is_missing),
		cmocka_unit_test(test_half_an_end),
		cmocka_unit_test(test_algorithm_of_the_recording),
		cmocka_unit_test(test_algorithm_by_a_retry_before_the_look_up),
		cmocka_unit_test(test_algorithm_that_was_told),
		cmocka_unit_test(test_hole_that_no_word_has),
		cmocka_unit_test(test_samples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
