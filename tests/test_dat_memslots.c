// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memslots: when they come and go, and what is learned of them.
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

/* A memslot is moved, its flags change, it is deleted, and comes back. */
static void test_memslot_changes(void **state)
{
	static const struct put puts[] = {
		CREATE(1000, KVM, 2, 0x100, 0x10, HVA),
		P(1100, MAKER, MEMSLOT, KVM, 2, 0x100, 0x10, 2, 0, 0x200, 0x10, HVA, 2, 0, 0),
		P(1200, MAKER, MEMSLOT, KVM, 3, 0x200, 0x10, 2, 0, 0x200, 0x10, HVA, 2, 0, 1),
		P(1300, MAKER, MEMSLOT, KVM, 1, 0x200, 0x10, 2, 0, 0, 0, 0, 0, 0, 0),
		CREATE(1400, KVM, 2, 0x300, 0x20, HVA + 0x50000),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    "1000 1 memslot as=0 id=2 gfn=0x100 npages=0x10 hva=0x7f0000000000 flags=0\n"
		    "1100 1 memslot as=0 id=2 gfn=0x200 npages=0x10 hva=0x7f0000000000 flags=0\n"
		    "1200 1 memslot as=0 id=2 gfn=0x200 npages=0x10 hva=0x7f0000000000 flags=1\n"
		    "1300 1 memslot as=0 id=2 gfn=0x0 npages=0x0 hva=0x0 flags=0\n"
		    "1400 1 memslot as=0 id=2 gfn=0x300 npages=0x20 hva=0x7f0000050000 flags=0\n"
		    "#@ level full\n");
}

/*
 * Memslot 1 goes after a notifier call was entered and before it looks at the
 * memslots; in between a fault still finds it. It comes back later, which must not
 * be taken for the reason.
 */
static void test_memslot_goes_during_an_entry(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		CREATE(1010, KVM, 1, 0x100, 0x40, HVA + 0x100000),
		CREATE(1020, KVM, 2, 0x200, 0x40, HVA + 0x100000),
		START(1100, RECLAIM, KVM, HVA + 0x101000, HVA + 0x102000, 0, 0, NO_RANGE),
		FAULT(1110, VCPU0, KVM, 0, 0x110ULL),
		P(1120, VCPU0, FAULT_BEGIN, KVM, 0, 0x110, 0, 1, 0, 0, 0, NO_RANGE),
		SLOT(1130, RECLAIM, KVM, 2, 0x201, 0x202, 0, 1, 0x201, 0x202),
		STARTED(1140, RECLAIM),
		LOOKED_UP(1150, VCPU0, 0),
		CHECK(1160, VCPU0, KVM, 0, 0x110ULL, 0, 0, 1, 0x201, 0x202),
		VERDICT(1170, VCPU0, 0),
		FAULTED(1180, VCPU0, 5),
		END(1200, RECLAIM, KVM, HVA + 0x101000, HVA + 0x102000, 0, 1, 0x201, 0x202),
		LOCKED(1210, RECLAIM, KVM, 0, 1, 0x201, 0x202),
		ENDED(1220, RECLAIM),
		P(1300, MAKER, MEMSLOT, KVM, 1, 0x100, 0x40, 1, 0, 0, 0, 0, 0, 0, 0),
		CREATE(1400, KVM, 1, 0x100, 0x40, HVA + 0x100000),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOT0_TEXT
		    "1010 1 memslot as=0 id=1 gfn=0x100 npages=0x40 hva=0x7f0000100000 flags=0\n"
		    "1020 1 memslot as=0 id=2 gfn=0x200 npages=0x40 hva=0x7f0000100000 flags=0\n"
		    "1120 1 fault_begin vcpu=0 gfn=0x110\n"
		    "1130 1 memslot as=0 id=1 gfn=0x0 npages=0x0 hva=0x0 flags=0\n"
		    "1130 1 inval_begin id=1 hva=0x7f0000101000-0x7f0000102000 walk=1\n"
		    "#@ state 1130 1 seq=0 in_progress=1 start=0x201 end=0x202\n"
		    "1130 1 inval_slot id=1 slot=2 gfn=0x201-0x202\n"
		    "#@ state 1160 1 seq=0 in_progress=1 start=0x201 end=0x202\n"
		    "1160 1 fault_check vcpu=0 result=ok\n"
		    "1210 1 inval_end id=1\n"
		    "1400 1 memslot as=0 id=1 gfn=0x100 npages=0x40 hva=0x7f0000100000 flags=0\n"
		    "#@ level full\n");
}

/*
 * The fault's begin was recorded before there was a memslot, and after there is one it reads
 * the sequence: there it has its place.
 */
static void test_memslot_comes_before_the_begin(void **state)
{
	static const struct put puts[] = {
		CREATE(1000, KVM, 1, 0x200, 0x40, HVA + 0x100000),
		FAULT(1050, VCPU0, KVM, 0, 0x110ULL),
		BEGIN(1060, VCPU0, KVM, 0, 0x110ULL, 0, 0, NO_RANGE),
		START(1100, RECLAIM, KVM, HVA + 0x110000, HVA + 0x111000, 0, 0, NO_RANGE),
		SLOT(1110, RECLAIM, KVM, 1, 0x210, 0x211, 0, 1, 0x210, 0x211),
		STARTED(1120, RECLAIM),
		CREATE(1130, KVM, 0, 0x100, 0x40, HVA + 0x200000),
		END(1140, RECLAIM, KVM, HVA + 0x110000, HVA + 0x111000, 0, 1, 0x210, 0x211),
		ENDED(1150, RECLAIM),
		LOOKED_UP(1160, VCPU0, 0),
		P(1170, VCPU0, FAULT_CHECK, KVM, 0, 0x110, 0xffff8df7c0000000, 1, 1, 0, 0x210,
		  0x211),
		VERDICT(1175, VCPU0, 0),
		FAULTED(1180, VCPU0, 5),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    "1000 1 memslot as=0 id=1 gfn=0x200 npages=0x40 hva=0x7f0000100000 flags=0\n"
		    "1110 1 inval_begin id=1 hva=0x7f0000110000-0x7f0000111000 walk=1\n"
		    "#@ state 1110 1 seq=0 in_progress=1 start=0x210 end=0x211\n"
		    "1110 1 inval_slot id=1 slot=1 gfn=0x210-0x211\n"
		    "1130 1 memslot as=0 id=0 gfn=0x100 npages=0x40 hva=0x7f0000200000 flags=0\n"
		    "1140 1 inval_end id=1\n"
		    "1140 1 fault_begin vcpu=0 gfn=0x110\n"
		    "1170 1 fault_end vcpu=0\n"
		    "#@ level full\n"
		    "#@ anomaly memslot-after-look-up 1\n");
}

/*
 * Faults look for a memslot that is made just then, and go on without one: their
 * checks have a host address of the kernel's own, and ask for no range. One is tried
 * again nevertheless, for its root is obsolete. The next finds the memslot, and is asked.
 */
static void test_memslot_comes_after_a_look_up(void **state)
{
#define NONE_CHECK(t, task, vcpu) \
	P(t, task, FAULT_CHECK, KVM, vcpu, 0x110, 0xffff8df7c0000000, 0, 0, 1, 0x110, 0x211)
	static const struct put puts[] = {
		CREATE(1000, KVM, 1, 0x200, 0x40, HVA + 0x100000),
		START(1100, RECLAIM, KVM, HVA + 0x110000, HVA + 0x111000, 0, 0, NO_RANGE),
		SLOT(1110, RECLAIM, KVM, 1, 0x210, 0x211, 0, 1, 0x110, 0x211),
		STARTED(1120, RECLAIM),
		FAULT(1200, VCPU0, KVM, 0, 0x110ULL),
		FAULT(1205, VCPU1, KVM, 1, 0x110ULL),
		CREATE(1210, KVM, 0, 0x100, 0x40, HVA + 0x100000),
		BEGIN(1220, VCPU0, KVM, 0, 0x110ULL, 0, 1, 0x220, 0x221),
		BEGIN(1225, VCPU1, KVM, 1, 0x110ULL, 0, 1, 0x220, 0x221),
		LOOKED_UP(1230, VCPU0, 0),
		LOOKED_UP(1235, VCPU1, 0),
		NONE_CHECK(1240, VCPU0, 0),
		VERDICT(1241, VCPU0, 0),
		NONE_CHECK(1250, VCPU1, 1),
		VERDICT(1251, VCPU1, 1),
		FAULTED(1260, VCPU0, 5),
		FAULTED(1265, VCPU1, 0),
		FAULT(1300, VCPU0, KVM, 0, 0x110ULL),
		BEGIN(1310, VCPU0, KVM, 0, 0x110ULL, 0, 1, 0x220, 0x221),
		LOOKED_UP(1320, VCPU0, 0),
		P(1330, VCPU0, FAULT_CHECK, KVM, 0, 0x110, HVA + 0x110000, 0, 0, 1, 0x110, 0x211),
		VERDICT(1340, VCPU0, 1),
		FAULTED(1350, VCPU0, 0),
	};
#undef NONE_CHECK

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    "1000 1 memslot as=0 id=1 gfn=0x200 npages=0x40 hva=0x7f0000100000 flags=0\n"
		    "1110 1 inval_begin id=1 hva=0x7f0000110000-0x7f0000111000 walk=1\n"
		    "#@ state 1110 1 seq=0 in_progress=1 start=0x110 end=0x211\n"
		    "1110 1 inval_slot id=1 slot=1 gfn=0x210-0x211\n"
		    "1210 1 memslot as=0 id=0 gfn=0x100 npages=0x40 hva=0x7f0000100000 flags=0\n"
		    "1220 1 fault_begin vcpu=0 gfn=0x110\n"
		    "1225 1 fault_begin vcpu=1 gfn=0x110\n"
		    "1240 1 fault_end vcpu=0\n"
		    "#@ reason root_obsolete\n"
		    "1250 1 fault_end vcpu=1\n"
		    "1310 1 fault_begin vcpu=0 gfn=0x110\n"
		    "#@ state 1330 1 seq=0 in_progress=1 start=0x110 end=0x211\n"
		    "1330 1 fault_check vcpu=0 result=retry\n"
		    "#@ level full\n"
		    "#@ anomaly memslot-after-look-up 2\n");
}

/* A fault in memslot 5, which was there before, and an invalidation that reaches it. */
/* clang-format off */
#define MET_BY_FAULT(gfn) \
	FAULT(1100, VCPU0, KVM, 0, gfn), \
	P(1110, VCPU0, FAULT_BEGIN, KVM, 0, gfn, 0, 5, 0, 40, 0, NO_RANGE), \
	LOOKED_UP(1120, VCPU0, 0), \
	CHECK(1130, VCPU0, KVM, 0, gfn, 40, 40, 0, NO_RANGE), \
	VERDICT(1140, VCPU0, 0), \
	FAULTED(1150, VCPU0, 5)
#define MET_BY_INVAL(from_hva, to_hva, from, to) \
	START(1200, RECLAIM, KVM, from_hva, to_hva, 40, 0, NO_RANGE), \
	SLOT(1210, RECLAIM, KVM, 5, from, to, 40, 1, from, to), \
	STARTED(1220, RECLAIM), \
	END(1300, RECLAIM, KVM, from_hva, to_hva, 40, 1, from, to), \
	LOCKED(1310, RECLAIM, KVM, 40, 1, from, to), \
	ENDED(1320, RECLAIM)
/* clang-format on */

/*
 * The VM ran before: its memslot is known from what a check (gfn and hva) and an
 * invalidation (gfn, hva and id) say of it, as far as they do.
 */
static void test_learned_memslots(void **state)
{
	static const struct put puts[] = {
		MET_BY_FAULT(0x10ULL),
		MET_BY_INVAL(HVA + 0x12000, HVA + 0x14000, 0x12, 0x14),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    "1110 1 memslot as=0 id=5 gfn=0x10 npages=0x4 hva=0x7f0000010000 flags=0\n"
		    "1110 1 fault_begin vcpu=0 gfn=0x10\n"
		    "#@ state 1130 1 seq=40 in_progress=0 start=0x0 end=0x0\n"
		    "1130 1 fault_check vcpu=0 result=ok\n"
		    "1210 1 inval_begin id=1 hva=0x7f0000012000-0x7f0000014000 walk=1\n"
		    "#@ state 1210 1 seq=40 in_progress=1 start=0x12 end=0x14\n"
		    "1210 1 inval_slot id=1 slot=5 gfn=0x12-0x14\n"
		    "1310 1 inval_end id=1\n"
		    "#@ level full\n"
		    "#@ anomaly memslots-learned 1\n");
}

/*
 * A walk's range is that of whole pages, and the memslot may cut it at its begin: then
 * its end tells the distance, as the check before does.
 */
static void test_learned_from_a_walk_that_is_cut(void **state)
{
	static const struct put puts[] = {
		MET_BY_FAULT(0x11ULL),
		MET_BY_INVAL(HVA + 0x8000, HVA + 0x12200, 0x10, 0x13),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    "1110 1 memslot as=0 id=5 gfn=0x10 npages=0x3 hva=0x7f0000010000 flags=0\n"
		    "1110 1 fault_begin vcpu=0 gfn=0x11\n"
		    "#@ state 1130 1 seq=40 in_progress=0 start=0x0 end=0x0\n"
		    "1130 1 fault_check vcpu=0 result=ok\n"
		    "1210 1 inval_begin id=1 hva=0x7f0000008000-0x7f0000012200 walk=1\n"
		    "#@ state 1210 1 seq=40 in_progress=1 start=0x10 end=0x13\n"
		    "1210 1 inval_slot id=1 slot=5 gfn=0x10-0x13\n"
		    "1310 1 inval_end id=1\n"
		    "#@ level full\n"
		    "#@ anomaly memslots-learned 1\n");
}

/* Two walks that the memslot cuts at its begin, of 4 frames from 0x10 on; no check says it. */
static void test_learned_from_walks_that_are_cut(void **state)
{
	static const struct {
		uint64_t start, end, from, to; /* what the second one hits */
		const char *memslots;
	} cases[] = {
		/* It goes on behind what the first hit: it was not cut at its end. */
		{ 0x4000, 0x16000, 0x10, 0x16, "gfn=0x10 npages=0x6 hva=0x7f0000010000" },
		{ 0x13000, 0x15000, 0x13, 0x15, "gfn=0x10 npages=0x5 hva=0x7f0000010000" },
		/* Both have the same frames, and another range: what fits both is between. */
		{ 0x10000, 0x18000, 0x10, 0x14, "gfn=0x10 npages=0x4 hva=0x7f0000010000" },
		/* It begins before: it was cut at its end, if at any. */
		{ 0x7000, 0x9000, 0xf, 0x11, "gfn=0xf npages=0x5 hva=0x7f0000007000" },
	};

	for (size_t i = 0; i < NR(cases); i++) {
		const struct put puts[] = {
			START(1100, RECLAIM, KVM, HVA + 0x8000, HVA + 0x14000, 39, 0, NO_RANGE),
			SLOT(1110, RECLAIM, KVM, 5, 0x10, 0x14, 39, 1, 0x10, 0x14),
			STARTED(1120, RECLAIM),
			END(1150, RECLAIM, KVM, HVA + 0x8000, HVA + 0x14000, 39, 1, 0x10, 0x14),
			LOCKED(1160, RECLAIM, KVM, 39, 1, 0x10, 0x14),
			ENDED(1170, RECLAIM),
			MET_BY_INVAL(HVA + cases[i].start, HVA + cases[i].end, cases[i].from,
				     cases[i].to),
		};
		struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);
		struct test_trace t = { 0 };
		char memslot[64];

		put_all(d, puts, NR(puts));
		read_back(&t, d);
		assert_int_equal(t.evs[0].type, RS_EV_MEMSLOT);
		snprintf(memslot, sizeof(memslot), "gfn=0x%lx npages=0x%lx hva=0x%lx",
			 (unsigned long)t.evs[0].memslot.gfn,
			 (unsigned long)t.evs[0].memslot.npages,
			 (unsigned long)t.evs[0].memslot.hva);
		assert_string_equal(memslot, cases[i].memslots);
		assert_int_equal(count_anomaly(&t, "memslots-learned"), 1);
		assert_int_equal(count_anomaly(&t, "memslots-unexplained"), 0);
		test_trace_free(&t);
	}
}

/* Another distance is another memslot in its place, from the moment on at which it is seen. */
static void test_learned_in_its_place(void **state)
{
	static const struct put puts[] = {
		MET_BY_FAULT(0x10ULL),
		MET_BY_INVAL(HVA + 0x92000, HVA + 0x94000, 0x12, 0x14),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    "1110 1 memslot as=0 id=5 gfn=0x10 npages=0x1 hva=0x7f0000010000 flags=0\n"
		    "1110 1 fault_begin vcpu=0 gfn=0x10\n"
		    "#@ state 1130 1 seq=40 in_progress=0 start=0x0 end=0x0\n"
		    "1130 1 fault_check vcpu=0 result=ok\n"
		    "1210 1 memslot as=0 id=5 gfn=0x12 npages=0x2 hva=0x7f0000092000 flags=0\n"
		    "1210 1 inval_begin id=1 hva=0x7f0000092000-0x7f0000094000 walk=1\n"
		    "#@ state 1210 1 seq=40 in_progress=1 start=0x12 end=0x14\n"
		    "1210 1 inval_slot id=1 slot=5 gfn=0x12-0x14\n"
		    "1310 1 inval_end id=1\n"
		    "#@ level full\n"
		    "#@ anomaly memslots-learned 2\n");
}

/*
 * A memslot with frames on both sides of a walk's would not have cut it: the walk of more pages
 * than it hits is of another memslot in its place, which cuts it at its end.
 */
static void test_learned_around_a_walk_that_is_cut(void **state)
{
	static const struct put puts[] = {
		START(1100, RECLAIM, KVM, HVA + 0xe000, HVA + 0x16000, 39, 0, NO_RANGE),
		SLOT(1110, RECLAIM, KVM, 5, 0xe, 0x16, 39, 1, 0xe, 0x16),
		STARTED(1120, RECLAIM),
		END(1150, RECLAIM, KVM, HVA + 0xe000, HVA + 0x16000, 39, 1, 0xe, 0x16),
		LOCKED(1160, RECLAIM, KVM, 39, 1, 0xe, 0x16),
		ENDED(1170, RECLAIM),
		MET_BY_INVAL(HVA + 0x8000, HVA + 0x14000, 0x10, 0x14),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    "1110 1 memslot as=0 id=5 gfn=0xe npages=0x8 hva=0x7f000000e000 flags=0\n"
		    "1110 1 inval_begin id=1 hva=0x7f000000e000-0x7f0000016000 walk=1\n"
		    "#@ state 1110 1 seq=39 in_progress=1 start=0xe end=0x16\n"
		    "1110 1 inval_slot id=1 slot=5 gfn=0xe-0x16\n"
		    "1160 1 inval_end id=1\n"
		    "1210 1 memslot as=0 id=5 gfn=0x10 npages=0x4 hva=0x7f0000008000 flags=0\n"
		    "1210 1 inval_begin id=2 hva=0x7f0000008000-0x7f0000014000 walk=1\n"
		    "#@ state 1210 1 seq=40 in_progress=1 start=0x10 end=0x14\n"
		    "1210 1 inval_slot id=2 slot=5 gfn=0x10-0x14\n"
		    "1310 1 inval_end id=2\n"
		    "#@ level full\n"
		    "#@ anomaly memslots-learned 2\n");
}

/*
 * A memslot is used before its commit is recorded. Up to 500 ms later that is why, and it
 * was made then; later it is not, and what was used is not known to be the same.
 */
static void test_commit_is_recorded_late(void **state)
{
	for (int late = 0; late < 2; late++) {
		const uint64_t commit = 1110 + 500000000 + (uint64_t)late;
		const struct put puts[] = {
			CREATE(1000, KVM, 1, 0x200, 0x40, HVA + 0x200000),
			WALK(1100, RECLAIM, 0),
			LEFT(1200, RECLAIM, 0),
			CREATE(commit, KVM, 0, 0, 0x40, HVA),
		};
		struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);
		struct test_trace t = { 0 };

		put_all(d, puts, NR(puts));
		read_back(&t, d);
		assert_int_equal(t.rc, 0);
		assert_int_equal(t.evs[1].type, RS_EV_MEMSLOT);
		assert_int_equal(t.evs[1].time_ns, 1110);
		/* Learned is only what was used of it. */
		assert_int_equal(t.evs[1].memslot.npages, late ? 1 : 0x40);
		assert_int_equal(count_anomaly(&t, "memslots-learned"), late);
		assert_int_equal(t.evs[t.nr - 1].type, late ? RS_EV_MEMSLOT : RS_EV_INVAL_END);
		test_trace_free(&t);
	}
}

/* The root is obsolete, of a fault that found no memslot: that is kept as its reason. */
static void test_no_memslot_and_an_obsolete_root(void **state)
{
	static const struct put puts[] = {
		CREATE(1000, KVM, 0, 0x100, 0x40, HVA + 0x100000),
		FAULT(1100, VCPU0, KVM, 0, 0x110ULL),
		BEGIN(1110, VCPU0, KVM, 0, 0x110ULL, 0, 0, NO_RANGE),
		LOOKED_UP(1120, VCPU0, 0),
		P(1130, VCPU0, FAULT_CHECK, KVM, 0, 0x110, 0xffff8df7c0000000, 0, 0, 0, NO_RANGE),
		VERDICT(1140, VCPU0, 1),
		FAULTED(1150, VCPU0, 1),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    "1000 1 memslot as=0 id=0 gfn=0x100 npages=0x40 hva=0x7f0000100000 flags=0\n"
		    "1110 1 fault_begin vcpu=0 gfn=0x110\n"
		    "#@ reason root_obsolete\n"
		    "1130 1 fault_end vcpu=0\n"
		    "#@ level full\n"
		    "#@ anomaly memslot-after-look-up 1\n"
		    "#@ anomaly memslots-unexplained 1\n");
}

/*
 * The verdict on a fault that found no memslot comes so late that all before it was already
 * put in order: that it is no decision was said then, and why is what the verdict says.
 */
static void test_late_verdict_without_a_memslot(void **state)
{
	for (unsigned int retry = 0; retry < 2; retry++) {
		const struct put before[] = {
			CREATE(1000, KVM, 0, 0x100, 0x40, HVA + 0x100000),
			FAULT(1100, VCPU0, KVM, 0, 0x110ULL),
			BEGIN(1110, VCPU0, KVM, 0, 0x110ULL, 0, 0, NO_RANGE),
			LOOKED_UP(1120, VCPU0, 0),
			P(1130, VCPU0, FAULT_CHECK, KVM, 0, 0x110, 0xffff8df7c0000000, 0, 0, 0,
			  NO_RANGE),
		};
		/* More than are read at once, of a task with nothing to end. */
		const struct put other = FAULTED(600000000, OTHER, 5);
		const struct put after[] = {
			VERDICT(600000001, VCPU0, retry),
			FAULTED(600000002, VCPU0, 1),
		};
		struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);

		put_all(d, before, NR(before));
		for (unsigned int i = 0; i < 20000; i++)
			put_all(d, &other, 1);
		put_all(d, after, NR(after));
		expect(d, retry ? "1000 1 memslot as=0 id=0 gfn=0x100 npages=0x40 "
				  "hva=0x7f0000100000 flags=0\n"
				  "1110 1 fault_begin vcpu=0 gfn=0x110\n"
				  "#@ reason root_obsolete\n"
				  "1130 1 fault_end vcpu=0\n"
				  "#@ level full\n"
				  "#@ anomaly memslot-after-look-up 1\n"
				  "#@ anomaly memslots-unexplained 1\n"
				: "1000 1 memslot as=0 id=0 gfn=0x100 npages=0x40 "
				  "hva=0x7f0000100000 flags=0\n"
				  "1110 1 fault_begin vcpu=0 gfn=0x110\n"
				  "1130 1 fault_end vcpu=0\n"
				  "#@ level full\n"
				  "#@ anomaly memslot-after-look-up 1\n"
				  "#@ anomaly memslots-unexplained 1\n");
	}
}

/* The address of a VM that has gone is another's now: it makes a memslot that is there. */
static void test_another_vm_at_the_same_address(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		CREATE(1100, KVM, 1, 0x100, 0x40, HVA + 0x100000),
		P(1200, MAKER, MEMSLOT, KVM, 1, 0x100, 0x40, 1, 0, 0, 0, 0, 0, 0, 0),
		CREATE(1300, KVM, 1, 0x100, 0x40, HVA + 0x100000),
		CREATE(1400, KVM, 0, 0, 0x20, HVA),
		FAULT(1500, VCPU0, KVM, 0, 1ULL),
		FAULTED(1510, VCPU0, 5),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOT0_TEXT
		    "1100 1 memslot as=0 id=1 gfn=0x100 npages=0x40 hva=0x7f0000100000 flags=0\n"
		    "1200 1 memslot as=0 id=1 gfn=0x0 npages=0x0 hva=0x0 flags=0\n"
		    "1300 1 memslot as=0 id=1 gfn=0x100 npages=0x40 hva=0x7f0000100000 flags=0\n"
		    "1400 2 memslot as=0 id=0 gfn=0x0 npages=0x20 hva=0x7f0000000000 flags=0\n"
		    "1500 2 fault_begin vcpu=0 gfn=0x1\n"
		    "1510 2 fault_end vcpu=0\n"
		    "#@ level full\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memslot_changes),
		cmocka_unit_test(test_memslot_goes_during_an_entry),
		cmocka_unit_test(test_memslot_comes_before_the_begin),
		cmocka_unit_test(test_memslot_comes_after_a_look_up),
		cmocka_unit_test(test_learned_memslots),
		cmocka_unit_test(test_learned_from_a_walk_that_is_cut),
		cmocka_unit_test(test_learned_from_walks_that_are_cut),
		cmocka_unit_test(test_learned_in_its_place),
		cmocka_unit_test(test_learned_around_a_walk_that_is_cut),
		cmocka_unit_test(test_commit_is_recorded_late),
		cmocka_unit_test(test_no_memslot_and_an_obsolete_root),
		cmocka_unit_test(test_late_verdict_without_a_memslot),
		cmocka_unit_test(test_another_vm_at_the_same_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
