// SPDX-License-Identifier: GPL-2.0-only
/*
 * A recording for each anomaly that the import counts, with what comes of it.
 * retryscope-info(1) lists them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/common/puts.h"

#define MS 1000000ULL
/* An invalidation of the frames [1, 2) at @t, and its end at @t + 4, both at sequence @seq. */
#define HIT(t, seq)                                                           \
	START(t, RECLAIM, KVM, HVA + 0x1000, HVA + 0x2000, seq, 0, NO_RANGE), \
		SLOT((t) + 1, RECLAIM, KVM, 0, 1, 2, seq, 1, 1, 2), STARTED((t) + 2, RECLAIM)
#define LEAVE(t, seq)                                                   \
	END(t, RECLAIM, KVM, HVA + 0x1000, HVA + 0x2000, seq, 1, 1, 2), \
		LOCKED((t) + 1, RECLAIM, KVM, seq, 1, 1, 2), ENDED((t) + 2, RECLAIM)
/* A fault of frame 5, decided: it had read @fault_seq, and @seq was under the lock. */
#define DECIDED(t, task, vcpu, fault_seq, seq, ret)                             \
	FAULT(t, task, KVM, vcpu, 5ULL),                                        \
		BEGIN((t) + 1, task, KVM, vcpu, 5ULL, fault_seq, 0, 1, 2),      \
		LOOKED_UP((t) + 2, task, 0),                                    \
		CHECK((t) + 3, task, KVM, vcpu, 5ULL, fault_seq, seq, 0, 1, 2), \
		VERDICT((t) + 4, task, ret), FAULTED((t) + 5, task, 5)

static void test_recorded_twice(void **state)
{
	struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);
	unsigned int second = dat_add_buffer(d, "second");

	/* The second buffer has the task's fault a second time, and an event of its own. */
	put_all(d, plain, NR_PLAIN);
	for (size_t i = 1; i < 7; i++) {
		dat_at(d, second, 1, plain[i].task);
		dat_put(d, plain[i].time + 1, plain[i].kind, plain[i].f, 16);
	}
	dat_at(d, second, 1, MAKER + 100);
	dat_put(d, 2000, RS_PROBE_MEMSLOT,
		(const uint64_t[]){ KVM, 0, 0, 0, 0, 0, 0x200, 1, HVA, 9, 0, 0 }, 12);
	expect(d, PLAIN_SLOT_TEXT PLAIN_FAULT_TEXT PLAIN_WALK_TEXT
	       "1310 1 inval_end id=1\n"
	       "2000 1 memslot as=0 id=9 gfn=0x200 npages=0x1 hva=0x7f0000000000 flags=0\n"
	       "#@ level full\n"
	       "#@ anomaly recorded-twice 6\n");
}

static void test_memslot_number_too_large(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		P(1010, MAKER, MEMSLOT, KVM, 0, 0, 0, 0, 0, 0x200, 1, HVA, 1, 256, 0),
		/* An id is a signed number of 16 bits in the record: -1 is what is meant. */
		P(1020, MAKER, MEMSLOT, KVM, 1, 0, 1, 0xffff, 0, 0, 0, 0, 0, 0, 0),
		P(1030, MAKER, MEMSLOT, KVM, 0, 0, 0, 0, 0, 0x300, 1, HVA + 0x80000, 2, 255, 0),
		START(1100, RECLAIM, KVM, HVA + 0x1000, HVA + 0x2000, 0, 0, NO_RANGE),
		P(1101, RECLAIM, INVAL_SLOT, KVM, 300, 0, 1, 2, 0, 1, 1, 2),
		SLOT(1102, RECLAIM, KVM, 0, 1, 2, 0, 1, 1, 2),
		STARTED(1103, RECLAIM),
		LEAVE(1200, 0),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOT0_TEXT
		    "1030 1 memslot as=255 id=2 gfn=0x300 npages=0x1 hva=0x7f0000080000 "
		    "flags=0\n" WALK_TEXT(1102, 1, 0) "1201 1 inval_end id=1\n"
						      "#@ level full\n"
						      "#@ anomaly memslot-number-too-large 3\n");
}

/* The walk says other frames of the memslot than the ones known; the fault goes through another. */
static void test_memslots_unexplained(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		CREATE(1010, KVM, 1, 0x100, 0x40, HVA + 0x100000),
		START(1100, RECLAIM, KVM, HVA + 0x1000, HVA + 0x2000, 0, 0, NO_RANGE),
		SLOT(1110, RECLAIM, KVM, 0, 1, 3, 0, 1, 1, 2),
		STARTED(1120, RECLAIM),
		LEAVE(1200, 0),
		FAULT(1300, VCPU0, KVM, 0, 5ULL),
		P(1310, VCPU0, FAULT_BEGIN, KVM, 0, 5, 0, 1, 0, 1, 0, 1, 2),
		LOOKED_UP(1320, VCPU0, 2),
		FAULTED(1330, VCPU0, 2),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOT0_TEXT
		    "1010 1 memslot as=0 id=1 gfn=0x100 npages=0x40 hva=0x7f0000100000 flags=0\n"
		    "1110 1 inval_begin id=1 hva=0x7f0000001000-0x7f0000002000 walk=1\n"
		    "#@ state 1110 1 seq=0 in_progress=1 start=0x1 end=0x2\n"
		    "1110 1 inval_slot id=1 slot=0 gfn=0x1-0x3\n"
		    "1201 1 inval_end id=1\n"
		    "1310 1 fault_begin vcpu=0 gfn=0x5\n"
		    "1330 1 fault_end vcpu=0\n"
		    "#@ level full\n"
		    "#@ anomaly memslots-unexplained 2\n");
}

/* Left out with its end; the next, beside the memslot, is not. */
static void test_miss_overlaps_memslot(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		HIT(1100, 0),
		LEAVE(1110, 0),
		START(1200, RECLAIM, KVM, HVA + 0x3000, HVA + 0x4000, 1, 0, 1, 2),
		STARTED(1210, RECLAIM),
		START(1220, RECLAIM, KVM, HVA + 0x40000, HVA + 0x41000, 1, 0, 1, 2),
		STARTED(1230, RECLAIM),
		END(1240, RECLAIM, KVM, HVA + 0x40000, HVA + 0x41000, 1, 0, 1, 2),
		ENDED(1250, RECLAIM),
		END(1260, RECLAIM, KVM, HVA + 0x3000, HVA + 0x4000, 1, 0, 1, 2),
		ENDED(1270, RECLAIM),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOT0_TEXT WALK_TEXT(
			    1101, 1,
			    0) "1111 1 inval_end id=1\n"
			       "1220 1 inval_begin id=3 hva=0x7f0000040000-0x7f0000041000 walk=1\n"
			       "1240 1 inval_end id=3\n"
			       "#@ level full\n"
			       "#@ anomaly miss-overlaps-memslot 1\n");
}

/* No walk tells where a notifier is in its VM: with one VM it is that one's, with two nobody's. */
static void test_inval_of_unknown_vm(void **state)
{
	static const struct put puts[] = {
		START(900, RECLAIM, KVM, HVA + 0x80000, HVA + 0x81000, 0, 0, NO_RANGE),
		STARTED(910, RECLAIM),
		END(920, RECLAIM, KVM, HVA + 0x80000, HVA + 0x81000, 0, 0, NO_RANGE),
		ENDED(930, RECLAIM),
		SLOT0,
		START(1100, RECLAIM, KVM, HVA + 0x80000, HVA + 0x81000, 0, 0, NO_RANGE),
		STARTED(1110, RECLAIM),
		END(1120, RECLAIM, KVM, HVA + 0x80000, HVA + 0x81000, 0, 0, NO_RANGE),
		ENDED(1130, RECLAIM),
		CREATE(1200, KVM2, 0, 0, 0x40, HVA),
		START(1300, RECLAIM, KVM, HVA + 0x80000, HVA + 0x81000, 0, 0, NO_RANGE),
		STARTED(1310, RECLAIM),
		END(1320, RECLAIM, KVM, HVA + 0x80000, HVA + 0x81000, 0, 0, NO_RANGE),
		ENDED(1330, RECLAIM),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOT0_TEXT
		    "1100 1 inval_begin id=1 hva=0x7f0000080000-0x7f0000081000 walk=1\n"
		    "1120 1 inval_end id=1\n"
		    "1200 2 memslot as=0 id=0 gfn=0x0 npages=0x40 hva=0x7f0000000000 flags=0\n"
		    "#@ level full\n"
		    "#@ anomaly inval-of-unknown-vm 2\n");
}

/* Its end counts under the lock, whatever it was that it ends. */
static void test_end_without_start(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		HIT(1100, 0),
		LEAVE(1110, 0),
		END(1200, OTHER, KVM, HVA + 0x5000, HVA + 0x6000, 1, 1, 5, 6),
		LOCKED(1210, OTHER, KVM, 1, 1, 5, 6),
		ENDED(1220, OTHER),
		DECIDED(1300, VCPU0, 0, 2, 2, 0),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOT0_TEXT WALK_TEXT(
			    1101, 1, 0) "1111 1 inval_end id=1\n"
					"1210 1 inval_end id=2\n"
					"1301 1 fault_begin vcpu=0 gfn=0x5\n"
					"#@ state 1303 1 seq=2 in_progress=0 start=0x1 end=0x2\n"
					"1303 1 fault_check vcpu=0 result=ok\n"
					"#@ level full\n"
					"#@ anomaly end-without-start 1\n");
}

/*
 * The same on a kernel without the end's own probe: the sequence tells whether it counted.
 * The first is followed by a number that is one larger, the second by one that is not.
 */
static void test_end_without_start_may_not_count(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		START(1100, RECLAIM, KVM, HVA + 0x1000, HVA + 0x2000, 0, 0, NO_RANGE),
		SLOT(1101, RECLAIM, KVM, 0, 1, 2, 0, 1, HVA + 0x1000, HVA + 0x2000),
		STARTED(1102, RECLAIM),
		END(1110, RECLAIM, KVM, HVA + 0x1000, HVA + 0x2000, 0, 1, 0, 0),
		ENDED(1112, RECLAIM),
		END(1200, OTHER, KVM, HVA + 0x5000, HVA + 0x6000, 1, 1, 5, 6),
		ENDED(1220, OTHER),
		DECIDED(1300, VCPU0, 0, 2, 2, 0),
		END(1400, OTHER, KVM, HVA + 0x5000, HVA + 0x6000, 1, 1, 5, 6),
		ENDED(1420, OTHER),
		DECIDED(1500, VCPU0, 0, 2, 2, 0),
	};
	struct dat *d = dat_new(7, 0, 4, HVA_KERNEL);

	dat_without(d, RS_PROBE_INVAL_END_LOCKED);
	put_all(d, puts, NR(puts));
	expect(d, SLOT0_TEXT
	       "1101 1 inval_begin id=1 hva=0x7f0000001000-0x7f0000002000 walk=1\n"
	       "#@ state 1101 1 seq=0 in_progress=1 start=0x7f0000001000 end=0x7f0000002000\n"
	       "1101 1 inval_slot id=1 slot=0 gfn=0x1-0x2\n"
	       "1110 1 inval_end id=1\n"
	       "1200 1 inval_end id=2\n"
	       "1301 1 fault_begin vcpu=0 gfn=0x5\n"
	       "#@ state 1303 1 seq=2 in_progress=0 start=0x1 end=0x2\n"
	       "1303 1 fault_check vcpu=0 result=ok\n"
	       "1501 1 fault_begin vcpu=0 gfn=0x5\n"
	       "#@ state 1503 1 seq=2 in_progress=0 start=0x1 end=0x2\n"
	       "1503 1 fault_check vcpu=0 result=ok\n"
	       "#@ level full\n"
	       "#@ anomaly end-without-start 2\n");
}

/*
 * With nothing in progress in no call, in one of another VM; behind the walk: left out. Only the
 * last says that something is in progress, which from there on is not known.
 */
static void test_slot_without_start(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		CREATE(1010, KVM2, 0, 0, 0x40, HVA),
		HIT(1100, 0),
		LEAVE(1110, 0),
		SLOT(1200, OTHER, KVM, 0, 1, 2, 1, 0, 1, 2, RS_KIND_SHARED),
		START(1300, RECLAIM, KVM, HVA + 0x1000, HVA + 0x2000, 1, 0, 1, 2),
		SLOT(1310, RECLAIM, KVM2, 0, 1, 2, 1, 0, 1, 2, RS_KIND_SHARED),
		SLOT(1320, RECLAIM, KVM, 0, 1, 2, 1, 1, 1, 2),
		STARTED(1330, RECLAIM),
		SLOT(1340, RECLAIM, KVM, 0, 1, 2, 1, 1, 1, 2),
		LEAVE(1350, 1),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOT0_TEXT
		    "1010 2 memslot as=0 id=0 gfn=0x0 npages=0x40 hva=0x7f0000000000 "
		    "flags=0\n" WALK_TEXT(1101, 1, 0) "1111 1 inval_end id=1\n" WALK_TEXT(
			    1320, 2, 1) "1340 1 lost count=unknown\n"
					"1351 1 inval_end id=2\n"
					"#@ level full\n"
					"#@ anomaly slot-without-start 3\n");
}

/* KVM's own: of frames, from begin to end at one time. */
static void test_zap_without_notifier(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		LOCKED(1100, OTHER, KVM, 7, 1, 0x10, 0x18),
		DECIDED(1200, VCPU0, 0, 8, 8, 0),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOT0_TEXT "1100 1 inval_begin id=1 gfn=0x10-0x18\n"
			       "1100 1 inval_end id=1\n"
			       "1201 1 fault_begin vcpu=0 gfn=0x5\n"
			       "#@ state 1203 1 seq=8 in_progress=0 start=0x1 end=0x2\n"
			       "1203 1 fault_check vcpu=0 result=ok\n"
			       "#@ level full\n"
			       "#@ anomaly zap-without-notifier 1\n");
}

/* Right behind a loss its begin may be among what was lost; a second later it is not. */
static void test_zap_after_a_loss(void **state)
{
	static const struct put after[] = {
		FAULT(2000, VCPU1, KVM, 1, 9ULL),
		FAULTED(2010, VCPU1, 5),
		LOCKED(2100, OTHER, KVM, 7, 1, 0x10, 0x18),
		DECIDED(2200, VCPU0, 0, 8, 8, 0),
		LOCKED(2000 + 1000 * MS, OTHER, KVM, 8, 1, 0x10, 0x18),
	};
	struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);

	put_all(d,
		(const struct put[]){ SLOT0, FAULT(1100, VCPU1, KVM, 1, 9ULL),
				      FAULTED(1110, VCPU1, 5) },
		3);
	dat_at(d, 0, VCPU1 % 4, VCPU1);
	dat_lose(d, 3);
	put_all(d, after, NR(after));
	expect(d, SLOT0_TEXT "1100 1 fault_begin vcpu=1 gfn=0x9\n"
			     "1109 1 fault_end vcpu=1\n"
			     "1110 1 lost count=3\n"
			     "2000 1 lost count=0\n"
			     "2000 1 fault_begin vcpu=1 gfn=0x9\n"
			     "2010 1 fault_end vcpu=1\n"
			     "2100 1 inval_end id=1\n"
			     "2201 1 fault_begin vcpu=0 gfn=0x5\n"
			     "#@ state 2203 1 seq=8 in_progress=0 start=0x1 end=0x2\n"
			     "2203 1 fault_check vcpu=0 result=ok\n"
			     "1000002000 1 inval_begin id=2 gfn=0x10-0x18\n"
			     "1000002000 1 inval_end id=2\n"
			     "#@ level full\n"
			     "#@ anomaly zap-without-notifier 1\n");
}

/* Two ends are missing between the checks. */
static void test_end_not_recorded(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		DECIDED(1100, VCPU0, 0, 7, 7, 0),
		FAULT(1200, VCPU0, KVM, 0, 5ULL),
		BEGIN(1201, VCPU0, KVM, 0, 5ULL, 7, 0, 1, 2),
		LOOKED_UP(1202, VCPU0, 0),
		CHECK(1203, VCPU0, KVM, 0, 5ULL, 7, 9, 0, 1, 2),
		VERDICT(1204, VCPU0, 1),
		FAULTED(1205, VCPU0, 1),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOT0_TEXT
		    "1101 1 fault_begin vcpu=0 gfn=0x5\n"
		    "#@ state 1103 1 seq=7 in_progress=0 start=0x1 end=0x2\n"
		    "1103 1 fault_check vcpu=0 result=ok\n"
		    "1200 1 fault_begin vcpu=0 gfn=0x5\n"
		    "1201 1 inval_begin id=9223372036854775808 gfn=0x0-0x10000000000000\n"
		    "1201 1 inval_end id=9223372036854775808\n"
		    "1201 1 inval_begin id=9223372036854775809 gfn=0x0-0x10000000000000\n"
		    "1201 1 inval_end id=9223372036854775809\n"
		    "#@ state 1203 1 seq=9 in_progress=0 start=0x1 end=0x2\n"
		    "1203 1 fault_check vcpu=0 result=retry\n"
		    "#@ level full\n"
		    "#@ anomaly end-not-recorded 2\n");
}

/* 65535 is the last one. */
static void test_vcpu_too_large(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		FAULT(1100, VCPU0, KVM, 65536, 5ULL),
		FAULTED(1110, VCPU0, 5),
		FAULT(1200, VCPU0, KVM, 65535, 5ULL),
		FAULTED(1210, VCPU0, 5),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOT0_TEXT "1200 1 fault_begin vcpu=65535 gfn=0x5\n"
			       "1210 1 fault_end vcpu=65535\n"
			       "#@ level full\n"
			       "#@ anomaly vcpu-too-large 1\n");
}

/* In no fault; in one of another VM; a second time in one that was decided. */
static void test_check_without_fault(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		CHECK(1100, VCPU0, KVM, 0, 5ULL, 0, 0, 0, NO_RANGE),
		VERDICT(1110, VCPU0, 1),
		FAULT(1200, VCPU0, KVM, 0, 5ULL),
		BEGIN(1210, VCPU0, KVM, 0, 5ULL, 0, 0, NO_RANGE),
		CHECK(1220, VCPU0, KVM2, 0, 5ULL, 0, 0, 0, NO_RANGE),
		CHECK(1230, VCPU0, KVM, 0, 5ULL, 0, 0, 0, NO_RANGE),
		VERDICT(1240, VCPU0, 0),
		CHECK(1250, VCPU0, KVM, 0, 5ULL, 0, 0, 0, NO_RANGE),
		VERDICT(1260, VCPU0, 1),
		FAULTED(1270, VCPU0, 5),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOT0_TEXT "1210 1 fault_begin vcpu=0 gfn=0x5\n"
			       "#@ state 1230 1 seq=0 in_progress=0 start=0x0 end=0x0\n"
			       "1230 1 fault_check vcpu=0 result=ok\n"
			       "#@ level full\n"
			       "#@ anomaly check-without-fault 3\n");
}

/* A kernel of the hva range has no test before the look-up. */
static void test_retry_unexplained(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		FAULT(1100, VCPU0, KVM, 0, 5ULL),
		BEGIN(1110, VCPU0, KVM, 0, 5ULL, 0, 0, NO_RANGE),
		LOOKED_UP(1120, VCPU0, 1),
		FAULTED(1130, VCPU0, 1),
	};

	expect_puts(HVA_KERNEL, puts, NR(puts),
		    SLOT0_TEXT "1110 1 fault_begin vcpu=0 gfn=0x5\n"
			       "1120 1 fault_end vcpu=0\n"
			       "#@ level full\n"
			       "#@ anomaly retry-unexplained 1\n");
}

/* A fault that does not end for seconds; what came behind it comes out all the same. */
static void test_waited_too_long(void **state)
{
	static const struct put before[] = { SLOT0, FAULT(1100, VCPU0, KVM, 0, 5ULL) };
	static const struct put after[] = { DECIDED(3000 * MS, VCPU1, 1, 0, 0, 0) };
	struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);

	put_all(d, before, NR(before));
	put_nothing(d, 2000, 2999 * MS);
	put_nothing(d, 2999 * MS, 3000 * MS);
	put_all(d, after, NR(after));
	expect(d, SLOT0_TEXT "1100 1 fault_begin vcpu=0 gfn=0x5\n"
			     "3000000001 1 fault_begin vcpu=1 gfn=0x5\n"
			     "#@ state 3000000003 1 seq=0 in_progress=0 start=0x1 end=0x2\n"
			     "3000000003 1 fault_check vcpu=1 result=ok\n"
			     "#@ level full\n"
			     "#@ anomaly waited-too-long 1\n");
}

/* A call that has hit nothing by then is left out: it may yet hit something. */
static void test_waited_too_long_for_a_call(void **state)
{
	static const struct put before[] = {
		SLOT0,
		HIT(1100, 0),
		LEAVE(1110, 0),
		START(1200, RECLAIM, KVM, HVA + 0x80000, HVA + 0x81000, 1, 0, 1, 2),
	};
	static const struct put after[] = { DECIDED(3000 * MS, VCPU1, 1, 1, 1, 0) };
	struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);

	put_all(d, before, NR(before));
	put_nothing(d, 2000, 2999 * MS);
	put_nothing(d, 2999 * MS, 3000 * MS);
	put_all(d, after, NR(after));
	expect(d,
	       SLOT0_TEXT WALK_TEXT(
		       1101, 1, 0) "1111 1 inval_end id=1\n"
				   "3000000001 1 fault_begin vcpu=1 gfn=0x5\n"
				   "#@ state 3000000003 1 seq=1 in_progress=0 start=0x1 end=0x2\n"
				   "3000000003 1 fault_check vcpu=1 result=ok\n"
				   "#@ level full\n"
				   "#@ anomaly waited-too-long 1\n");
}

/* The fault had read the number of an epoch that was handed out long ago. */
static void test_order_late(void **state)
{
	static const struct put before[] = { SLOT0, HIT(1100, 0), LEAVE(1110, 0),
					     DECIDED(1200, VCPU0, 0, 1, 1, 0) };
	static const struct put after[] = { DECIDED(300 * MS, VCPU1, 1, 0, 1, 1) };
	struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);

	put_all(d, before, NR(before));
	put_nothing(d, 2000, 200 * MS);
	put_all(d, after, NR(after));
	expect(d, SLOT0_TEXT WALK_TEXT(
			  1101, 1, 0) "1111 1 inval_end id=1\n"
				      "1201 1 fault_begin vcpu=0 gfn=0x5\n"
				      "#@ state 1203 1 seq=1 in_progress=0 start=0x1 end=0x2\n"
				      "1203 1 fault_check vcpu=0 result=ok\n"
				      "300000001 1 fault_begin vcpu=1 gfn=0x5\n"
				      "#@ state 300000003 1 seq=1 in_progress=0 start=0x1 end=0x2\n"
				      "300000003 1 fault_check vcpu=1 result=retry\n"
				      "#@ level full\n"
				      "#@ anomaly order-late 1\n");
}

/* Two ends of one number: the second is left out, and the numbers go on behind the first. */
static void test_order_conflict_of_ends(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		HIT(1100, 0),
		START(1105, OTHER, KVM, HVA + 0x1000, HVA + 0x2000, 0, 1, 1, 2),
		SLOT(1106, OTHER, KVM, 0, 1, 2, 0, 2, 1, 2),
		STARTED(1107, OTHER),
		LEAVE(1110, 0),
		END(1120, OTHER, KVM, HVA + 0x1000, HVA + 0x2000, 0, 1, 1, 2),
		LOCKED(1121, OTHER, KVM, 0, 1, 1, 2),
		ENDED(1122, OTHER),
		DECIDED(1200, VCPU0, 0, 1, 1, 0),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOT0_TEXT WALK_TEXT(
			    1101, 1,
			    0) "1106 1 inval_begin id=2 hva=0x7f0000001000-0x7f0000002000 walk=1\n"
			       "#@ state 1106 1 seq=0 in_progress=2 start=0x1 end=0x2\n"
			       "1106 1 inval_slot id=2 slot=0 gfn=0x1-0x2\n"
			       "1111 1 inval_end id=1\n"
			       "1201 1 fault_begin vcpu=0 gfn=0x5\n"
			       "#@ state 1203 1 seq=1 in_progress=0 start=0x1 end=0x2\n"
			       "1203 1 fault_check vcpu=0 result=ok\n"
			       "#@ level full\n"
			       "#@ anomaly order-conflict 1\n");
}

/* A vCPU's second fault has read a number from before its first one's check: it stays behind. */
static void test_order_conflict_of_a_vcpu(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		HIT(1100, 0),
		LEAVE(1110, 0),
		DECIDED(1200, VCPU0, 0, 1, 1, 0),
		DECIDED(1300, VCPU0, 0, 0, 1, 1),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOT0_TEXT WALK_TEXT(
			    1101, 1, 0) "1111 1 inval_end id=1\n"
					"1201 1 fault_begin vcpu=0 gfn=0x5\n"
					"#@ state 1203 1 seq=1 in_progress=0 start=0x1 end=0x2\n"
					"1203 1 fault_check vcpu=0 result=ok\n"
					"1301 1 fault_begin vcpu=0 gfn=0x5\n"
					"#@ state 1303 1 seq=1 in_progress=0 start=0x1 end=0x2\n"
					"1303 1 fault_check vcpu=0 result=retry\n"
					"#@ level full\n"
					"#@ anomaly order-conflict 1\n");
}

/* A fault's number is 4,096 ahead at most: then it waits for that epoch, else it goes by time. */
static void test_order_conflict_far_ahead(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		DECIDED(1100, VCPU0, 0, 1, 1, 0),
		FAULT(1200, VCPU0, KVM, 0, 5ULL),
		BEGIN(1210, VCPU0, KVM, 0, 5ULL, 4098, 0, 1, 2),
		LOOKED_UP(1220, VCPU0, 2),
		FAULTED(1230, VCPU0, 2),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOT0_TEXT "1101 1 fault_begin vcpu=0 gfn=0x5\n"
			       "#@ state 1103 1 seq=1 in_progress=0 start=0x1 end=0x2\n"
			       "1103 1 fault_check vcpu=0 result=ok\n"
			       "1210 1 fault_begin vcpu=0 gfn=0x5\n"
			       "1230 1 fault_end vcpu=0\n"
			       "#@ level full\n"
			       "#@ anomaly order-conflict 1\n");
}

/* 4,096 ends are missing at most; more, and it is a loss. So it is backwards. */
static void test_sequence_jump(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		DECIDED(1100, VCPU0, 0, 10000, 10000, 0),
		DECIDED(1200, VCPU1, 1, 14097, 14097, 0),
		DECIDED(1300, VCPU0, 0, 20000, 20000, 0),
		DECIDED(1400, VCPU1, 1, 10000, 10000, 0),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOT0_TEXT "1101 1 fault_begin vcpu=0 gfn=0x5\n"
			       "#@ state 1103 1 seq=10000 in_progress=0 start=0x1 end=0x2\n"
			       "1103 1 fault_check vcpu=0 result=ok\n"
			       "1201 1 fault_begin vcpu=1 gfn=0x5\n"
			       "1203 1 lost count=unknown\n"
			       "#@ state 1203 1 seq=14097 in_progress=0 start=0x1 end=0x2\n"
			       "1203 1 fault_check vcpu=1 result=ok\n"
			       "1301 1 fault_begin vcpu=0 gfn=0x5\n"
			       "1303 1 lost count=unknown\n"
			       "#@ state 1303 1 seq=20000 in_progress=0 start=0x1 end=0x2\n"
			       "1303 1 fault_check vcpu=0 result=ok\n"
			       "1401 1 fault_begin vcpu=1 gfn=0x5\n"
			       "1403 1 lost count=unknown\n"
			       "#@ state 1403 1 seq=10000 in_progress=0 start=0x1 end=0x2\n"
			       "1403 1 fault_check vcpu=1 result=ok\n"
			       "#@ level full\n"
			       "#@ anomaly order-conflict 2\n"
			       "#@ anomaly sequence-jump 3\n");
}

/* Under the lock fewer ends are said to have happened than were handed out. */
static void test_sequence_behind(void **state)
{
	static const struct put before[] = { SLOT0, HIT(1100, 7), LEAVE(1110, 7),
					     DECIDED(1200, VCPU0, 0, 8, 8, 0) };
	static const struct put after[] = { DECIDED(300 * MS, VCPU1, 1, 7, 7, 0) };
	struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);
	struct test_trace t = { 0 };

	put_all(d, before, NR(before));
	put_nothing(d, 2000, 200 * MS);
	put_all(d, after, NR(after));
	read_back(&t, d);
	assert_int_equal(t.rc, 0);
	assert_int_equal(count_anomaly(&t, "sequence-behind"), 1);
	/* The decision is still that of its fault, in its place. */
	assert_int_equal(t.evs[t.nr - 1].type, RS_EV_FAULT_CHECK);
	assert_int_equal(t.evs[t.nr - 1].result, RS_RES_OK);
	test_trace_free(&t);
}

/* Of tracepoints alone: the tasks of a vCPU are counted as they change. */
static void test_vcpu_of_several_tasks(void **state)
{
	static const char memslots[] = "retryscope-events 1\n"
				       "0 1 memslot id=0 gfn=0x0 npages=0x100 hva=0x7f0000000000\n";
	char *path = strdup(test_write_file("memslots", memslots, strlen(memslots)));
	const struct rs_reader_opts opts = { .assume_duration_ns = 100, .memslots_path = path };
	struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);
	struct test_trace t = { 0 };

	dat_without_probes(d);
	put_all(d, &(const struct put){ 900, RECLAIM, DAT_UNMAP_HVA, { HVA, HVA + 0x1000 } }, 1);
	for (unsigned int i = 0; i < 5; i++) {
		dat_at(d, 0, 0, i < 3 ? VCPU0 : VCPU1);
		DAT_PUT(d, 1000 + i, DAT_PAGE_FAULT, 2, 0x1000);
	}
	read_back_with(&t, d, &opts);
	assert_int_equal(t.rc, 0);
	assert_int_equal(count_anomaly(&t, "vcpu-of-several-tasks"), 1);
	test_trace_free(&t);
	free(path);
}

/* ---- */

/* Each in one of the tests above, or where it stands. */
static const char *const tested[] = {
	"binary-truncated",	   /* test_binary */
	"who-not-kept",		   /* test_who */
	"time-backwards",	   /* test_dat_forms */
	"lost-unknown-number",	   /* test_dat_losses */
	"lost-at-unknown-place",   /* test_dat_losses */
	"memslots-learned",	   /* test_dat_memslots */
	"memslot-after-look-up",   /* test_dat_memslots */
	"dat-damaged",		   /* test_dat_repair */
	"inval-nested-too-deep",   /* test_dat_invals */
	"inval-without-end",	   /* test_dat_invals */
	"fault-seq-sign-extended", /* test_dat_faults */
	"seam-incomplete",	   /* test_dat_losses */
	"recorded-twice",
	"memslot-number-too-large",
	"memslots-unexplained",
	"miss-overlaps-memslot",
	"inval-of-unknown-vm",
	"end-without-start",
	"slot-without-start",
	"zap-without-notifier",
	"end-not-recorded",
	"vcpu-too-large",
	"check-without-fault",
	"retry-unexplained",
	"waited-too-long",
	"order-late",
	"order-conflict",
	"sequence-jump",
	"sequence-behind",
	"vcpu-of-several-tasks",
};

/* Whoever adds one to the man page tests it here. */
static void test_all_are_here(void **state)
{
	size_t size, nr = 0;
	char *page = test_read_file("../docs/man/retryscope-info.1.scd", &size);
	char *line = strstr(page, "## Found by the import");

	assert_non_null(line);
	while ((line = strchr(line, '\n') + 1) && strncmp(line, "## ", 3)) {
		const size_t len = strcspn(line + 1, "_");
		size_t i = 0;

		if (line[0] != '_' || line[len + 2] != '\n')
			continue;
		while (i < NR(tested) &&
		       (strlen(tested[i]) != len || strncmp(tested[i], line + 1, len)))
			i++;
		if (i == NR(tested))
			fail_msg("no test has the anomaly %.*s", (int)len, line + 1);
		nr++;
	}
	assert_int_equal(nr, NR(tested));
	free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recorded_twice),
		cmocka_unit_test(test_memslot_number_too_large),
		cmocka_unit_test(test_memslots_unexplained),
		cmocka_unit_test(test_miss_overlaps_memslot),
		cmocka_unit_test(test_inval_of_unknown_vm),
		cmocka_unit_test(test_end_without_start),
		cmocka_unit_test(test_end_without_start_may_not_count),
		cmocka_unit_test(test_slot_without_start),
		cmocka_unit_test(test_zap_without_notifier),
		cmocka_unit_test(test_zap_after_a_loss),
		cmocka_unit_test(test_end_not_recorded),
		cmocka_unit_test(test_vcpu_too_large),
		cmocka_unit_test(test_check_without_fault),
		cmocka_unit_test(test_retry_unexplained),
		cmocka_unit_test(test_waited_too_long),
		cmocka_unit_test(test_waited_too_long_for_a_call),
		cmocka_unit_test(test_order_late),
		cmocka_unit_test(test_order_conflict_of_ends),
		cmocka_unit_test(test_order_conflict_of_a_vcpu),
		cmocka_unit_test(test_order_conflict_far_ahead),
		cmocka_unit_test(test_sequence_jump),
		cmocka_unit_test(test_sequence_behind),
		cmocka_unit_test(test_vcpu_of_several_tasks),
		cmocka_unit_test(test_all_are_here),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
