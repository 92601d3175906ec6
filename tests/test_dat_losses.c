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

#include "tests/common/compare_import.h"
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
	expect(d, PLAIN_SLOT_TEXT PLAIN_FAULT_TEXT "1150 1 lost count=12\n"
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

/*
 * A recording in pieces: what comes between its marks is chance and left out, but for memslots;
 * and nothing was lost.
 */
static void test_seams(void **state)
{
	struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);

	put_all(d, plain, 7);
	dat_at(d, 0, MAKER % 4, MAKER);
	dat_marker(d, 1200, "retryscope-fact seam pause\n");
	put_all(d, &(const struct put)FAULT(1300, VCPU0, KVM, 0, 0x111ULL), 1);
	put_all(d, &(const struct put)CREATE(1400, KVM, 1, 0x200, 0x40, HVA + 0x200000), 1);
	put_all(d, &(const struct put)FAULTED(1500, VCPU0, 5), 1);
	dat_at(d, 0, MAKER % 4, MAKER);
	dat_marker(d, 2000, "retryscope-fact seam resume\n");
	put_all(d, &(const struct put)FAULTED(2100, VCPU1, 5), 1);
	put_all(d, &(const struct put)FAULT(2200, VCPU0, KVM, 0, 0x112ULL), 1);
	put_all(d, &(const struct put)FAULTED(2300, VCPU0, 5), 1);
	expect(d, PLAIN_SLOT_TEXT PLAIN_FAULT_TEXT
	       "1200 1 lost count=0 pause=1\n"
	       "1400 1 memslot as=0 id=1 gfn=0x200 npages=0x40 hva=0x7f0000200000 flags=0\n"
	       "2000 1 lost count=0 resume=1\n"
	       "2200 1 fault_begin vcpu=0 gfn=0x112\n"
	       "2300 1 fault_end vcpu=0\n"
	       "#@ level full\n");
}

/* All of @puts in its pieces: a pause before each time that begins another thousand of ns. */
static struct dat *in_pieces(const char *release, const struct put *puts, size_t n)
{
	struct dat *d = dat_new(7, 0, 4, release);

	for (size_t i = 0; i < n; i++) {
		const uint64_t time = puts[i].time;

		if (i && time / 1000 > puts[i - 1].time / 1000) {
			dat_at(d, 0, 0, OTHER);
			dat_marker(d, puts[i - 1].time + 1, "retryscope-fact seam pause\n");
			dat_marker(d, time - time % 1000, "retryscope-fact seam resume\n");
		}
		put_all(d, &puts[i], 1);
	}
	return d;
}

/*
 * What a seam cuts is no anomaly: a call whose end comes in the pause, one whose end comes in the
 * next piece, one whose begin was in the pause, a walk and a fault of which the rest is recorded.
 */
static void test_cut_by_a_seam(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		WALK(1100, RECLAIM, 0),
		WALK(1200, OTHER, 0),
		FAULT(1300, VCPU1, KVM, 1, 5ULL),
		BEGIN(1310, VCPU1, KVM, 1, 5ULL, 0, 0, NO_RANGE),
		/* The end of one, and a call whose begin was not seen behind another. */
		END(2100, OTHER, KVM, HVA + 0x1000, HVA + 0x2000, 7, 1, 1, 2),
		LOCKED(2110, OTHER, KVM, 7, 1, 1, 2),
		ENDED(2120, OTHER),
		WALK(2200, RECLAIM, 8),
		LEFT(2300, RECLAIM, 8),
		END(2400, RECLAIM, KVM, HVA + 0x5000, HVA + 0x6000, 9, 1, 5, 6),
		LOCKED(2410, RECLAIM, KVM, 9, 1, 5, 6),
		ENDED(2420, RECLAIM),
		CHECK(2500, VCPU0, KVM, 0, 5ULL, 9, 10, 0, NO_RANGE),
		VERDICT(2510, VCPU0, 1),
		LOOKED_UP(2520, VCPU1, 0),
		CHECK(2530, VCPU1, KVM, 1, 5ULL, 9, 10, 0, NO_RANGE),
		VERDICT(2540, VCPU1, 1),
		SLOT(2600, MAKER, KVM, 0, 1, 2, 10, 0, 1, 2, RS_KIND_SHARED),
	};

	expect(in_pieces(GFN_KERNEL, puts, NR(puts)),
	       SLOT0_TEXT WALK_TEXT(1110, 1, 0)
		       WALK_TEXT(1210, 2, 0) "1311 1 lost count=0 pause=1\n"
					     "2000 1 lost count=0 resume=1\n"
					     "2110 1 inval_end id=3\n" WALK_TEXT(
						     2210, 4, 8) "2310 1 inval_end id=4\n"
								 "2410 1 inval_end id=5\n"
								 "#@ level full\n");
}

/* What a seam has not cut is one: a task that began a fault since is in nothing else. */
static void test_not_cut_by_a_seam(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		WALK(1100, RECLAIM, 0),
		/* This one has no end, and was begun in this piece. */
		START(2100, RECLAIM, KVM, HVA + 0x5000, HVA + 0x6000, 7, 0, NO_RANGE),
		WALK(2200, OTHER, 7),
		LEFT(2300, OTHER, 7),
		END(2400, RECLAIM, KVM, HVA + 0x1000, HVA + 0x2000, 8, 1, 1, 2),
		LOCKED(2410, RECLAIM, KVM, 8, 1, 1, 2),
		ENDED(2420, RECLAIM),
		FAULT(2500, VCPU0, KVM, 0, 5ULL),
		BEGIN(2510, VCPU0, KVM, 0, 5ULL, 9, 0, NO_RANGE),
		CHECK(2520, VCPU0, KVM, 0, 5ULL, 9, 9, 0, NO_RANGE),
		VERDICT(2530, VCPU0, 0),
		FAULTED(2540, VCPU0, 5),
		CHECK(2600, VCPU0, KVM, 0, 5ULL, 9, 9, 0, NO_RANGE),
		END(2700, VCPU0, KVM, HVA + 0x5000, HVA + 0x6000, 9, 1, 5, 6),
		LOCKED(2710, VCPU0, KVM, 9, 1, 5, 6),
		ENDED(2720, VCPU0),
		WALK(2800, OTHER, 10),
		SLOT(2840, OTHER, KVM, 0, 1, 2, 10, 1, 1, 2),
		LEFT(2850, OTHER, 10),
	};
	static const char *const odd[] = { "inval-without-end", "check-without-fault",
					   "end-without-start", "slot-without-start" };
	struct test_trace t = { 0 };

	read_back(&t, in_pieces(GFN_KERNEL, puts, NR(puts)));
	assert_int_equal(t.meta.nr_anomalies, NR(odd));
	for (size_t i = 0; i < NR(odd); i++)
		assert_int_equal(count_anomaly(&t, odd[i]), 1);
	test_trace_free(&t);
}

/*
 * Nor is a walk in the next piece that of a call that was cut: it would tell the notifier's
 * place in struct kvm wrongly.
 */
static void test_walk_behind_a_seam(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		CREATE(1010, KVM2, 0, 0, 0x40, HVA),
		START(1100, RECLAIM, KVM2, HVA + 0x1000, HVA + 0x2000, 0, 0, NO_RANGE),
		SLOT(2100, RECLAIM, KVM, 0, 1, 2, 3, 1, 1, 2, RS_KIND_SHARED),
		LOCKED(2110, RECLAIM, KVM, 3, 1, 1, 2),
		WALK(2200, OTHER, 4),
		LEFT(2300, OTHER, 4),
	};

	expect(in_pieces(GFN_KERNEL, puts, NR(puts)), SLOT0_TEXT
	       "1010 2 memslot as=0 id=0 gfn=0x0 npages=0x40 hva=0x7f0000000000 flags=0\n"
	       "1101 1 lost count=0 pause=1\n"
	       "1101 2 lost count=0 pause=1\n"
	       "2000 1 lost count=0 resume=1\n"
	       "2000 2 lost count=0 resume=1\n"
	       "2100 1 inval_begin id=1 gfn=0x1-0x2 walk=1 filter=shared\n"
	       "#@ state 2100 1 seq=3 in_progress=1 start=0x1 end=0x2\n"
	       "2100 1 inval_slot id=1 slot=0 gfn=0x1-0x2\n"
	       "2110 1 inval_end id=1\n" WALK_TEXT(2210, 2, 4) "2310 1 inval_end id=2\n"
							       "#@ level full\n");
}

/* One of the marks was lost: the stream has a loss there, and it is said. */
static void test_half_a_seam(void **state)
{
	for (int resume = 0; resume < 2; resume++) {
		struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);

		put_all(d, plain, 7);
		dat_at(d, 0, MAKER % 4, MAKER);
		if (!resume)
			dat_marker(d, 1200, "retryscope-fact seam pause\n");
		dat_marker(d, 1300,
			   resume ? "retryscope-fact seam resume\n"
				  : "retryscope-fact seam pause\n");
		expect(d, resume ? PLAIN_SLOT_TEXT PLAIN_FAULT_TEXT "1300 1 lost count=0\n"
								    "#@ level full\n"
								    "#@ anomaly seam-incomplete 1\n"
				 : PLAIN_SLOT_TEXT PLAIN_FAULT_TEXT
				  "1200 1 lost count=0 pause=1\n"
				  "1300 1 lost count=0\n"
				  "#@ level full\n"
				  "#@ anomaly seam-incomplete 1\n");
	}
}

/* A fault that was dropped without the lock before the loss stays: it is decided. */
static void test_loss_behind_a_decision(void **state)
{
	static const struct put before[] = {
		SLOT0,
		WALK(1010, RECLAIM, 0),
		FAULT(1100, VCPU0, KVM, 0, 1ULL),
		BEGIN(1110, VCPU0, KVM, 0, 1ULL, 0, 1, 1, 2),
		LOOKED_UP(1120, VCPU0, 1),
		/* This one has not come to its decision: it is left out. */
		FAULT(1130, VCPU1, KVM, 1, 1ULL),
		BEGIN(1140, VCPU1, KVM, 1, 1ULL, 0, 1, 1, 2),
	};
	static const struct put after[] = {
		FAULT(1300, VCPU0, KVM, 0, 3ULL),
		FAULTED(1310, VCPU0, 5),
		LOOKED_UP(1320, VCPU1, 1),
		FAULTED(1330, VCPU1, 1),
	};
	struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);

	put_all(d, before, NR(before));
	dat_at(d, 0, VCPU0 % 4, VCPU0);
	dat_lose(d, 5);
	put_all(d, after, NR(after));
	expect(d, SLOT0_TEXT WALK_TEXT(1020, 1,
				       0) "1110 1 fault_begin vcpu=0 gfn=0x1\n"
					  "1110 1 fault_check vcpu=0 result=retry lockless=1\n"
					  "1120 1 lost count=5\n"
					  "1300 1 lost count=0\n"
					  "1300 1 fault_begin vcpu=0 gfn=0x3\n"
					  "1310 1 fault_end vcpu=0\n"
					  "#@ level full\n");
}

/* Several VMs: whose events they were is not known, and the count is said once for the trace. */
static void test_loss_with_two_vms(void **state)
{
	static const struct put before[] = { SLOT0, CREATE(1010, KVM2, 0, 0, 0x40, HVA) };
	struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);
	struct test_trace t = { 0 };

	put_all(d, before, NR(before));
	dat_at(d, 0, MAKER % 4, MAKER);
	dat_lose(d, 5);
	/* A page with nothing of use behind it is lost as well, and both are one loss. */
	DAT_PUT(d, 1500, RS_PROBE_INVAL_STARTED, 0);
	dat_lose(d, 7);
	put_all(d, &(const struct put)CREATE(2000, KVM, 1, 0x100, 0x40, HVA + 0x100000), 1);
	read_back(&t, d);
	assert_int_equal(t.rc, 0);
	assert_int_equal(t.meta.lost, 12);
	assert_int_equal(count_anomaly(&t, "lost-unknown-number"), 0);
	for (size_t i = 0; i < t.nr; i++)
		if (t.evs[i].type == RS_EV_LOST)
			assert_true(t.evs[i].lost.count == 0 ||
				    t.evs[i].lost.count == RS_LOST_UNKNOWN);
	test_trace_free(&t);
}

/* While a CPU loses events the others' go on: that nothing is sure is said every 5 ms. */
static void test_long_loss(void **state)
{
	struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);

	put_all(d, &(const struct put)SLOT0, 1);
	put_all(d, &(const struct put)FAULTED(1000, VCPU1, 5), 1);
	dat_at(d, 0, VCPU1 % 4, VCPU1);
	dat_lose(d, 5);
	put_all(d, &(const struct put)FAULTED(5001000, RECLAIM, 5), 1);
	put_all(d, &(const struct put)FAULTED(5001001, RECLAIM, 5), 1);
	put_all(d, &(const struct put)FAULTED(5001002, RECLAIM, 5), 1);
	put_all(d, &(const struct put)FAULTED(9000000, VCPU1, 5), 1);
	expect(d, SLOT0_TEXT "1000 1 lost count=5\n"
			     "5001001 1 lost count=0\n"
			     "9000000 1 lost count=0\n"
			     "#@ level full\n");
}

/* What is lost at the end of a CPU's recording has no end: nothing comes behind it. */
static void test_loss_at_the_end(void **state)
{
	struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);

	put_all(d, &(const struct put)SLOT0, 1);
	put_all(d, &(const struct put)FAULTED(1100, VCPU1, 5), 1);
	dat_at(d, 0, VCPU1 % 4, VCPU1);
	dat_lose(d, 5);
	dat_stamp(d, 1300);
	expect(d, SLOT0_TEXT "1100 1 lost count=5\n"
			     "#@ level full\n");
}

/* Pages with nothing of use between their losses: it is one loss of all of them. */
static void test_losses_add_up(void **state)
{
	for (int unknown = 0; unknown < 2; unknown++) {
		struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);

		put_all(d, &(const struct put)SLOT0, 1);
		dat_lose(d, unknown ? UINT64_MAX : 5);
		dat_stamp(d, 1500);
		dat_lose(d, 7);
		put_all(d, &(const struct put)FAULTED(2000, MAKER, 5), 1);
		expect(d, unknown ? "1000 1 memslot as=0 id=0 gfn=0x0 npages=0x40 "
				    "hva=0x7f0000000000 flags=0\n"
				    "1000 1 lost count=unknown\n"
				    "2000 1 lost count=0\n"
				    "#@ level full\n"
				    "#@ anomaly lost-unknown-number 1\n"
				  : "1000 1 memslot as=0 id=0 gfn=0x0 npages=0x40 "
				    "hva=0x7f0000000000 flags=0\n"
				    "1000 1 lost count=12\n"
				    "2000 1 lost count=0\n"
				    "#@ level full\n");
	}
}

/* @n events are lost of a CPU that says nothing else, between @from and @to. */
static void lose_beside(struct dat *d, uint64_t from, uint64_t to, uint64_t n)
{
	dat_at(d, 0, VCPU1 % 4, VCPU1);
	DAT_PUT(d, from, RS_PROBE_FAULT_END, 5);
	dat_lose(d, n);
	DAT_PUT(d, to, RS_PROBE_FAULT_END, 5);
}

/*
 * The return from an end is among what was lost. A fault that then begins at the next
 * sequence, with another invalidation of the same range in progress, is behind that end.
 */
static void test_loss_of_an_ends_return(void **state)
{
	static const struct put before[] = {
		SLOT0,
		WALK(1010, RECLAIM, 0),
		END(1040, RECLAIM, KVM, HVA + 0x1000, HVA + 0x2000, 0, 1, 1, 2),
		LOCKED(1050, RECLAIM, KVM, 0, 1, 1, 2),
	};
	static const struct put after[] = {
		WALK(1100, OTHER, 1),
		FAULT(1200, VCPU0, KVM, 0, 1ULL),
		BEGIN(1210, VCPU0, KVM, 0, 1ULL, 1, 1, 1, 2),
		LOOKED_UP(1220, VCPU0, 1),
		FAULTED(1230, VCPU0, 1),
	};
	struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);

	put_all(d, before, NR(before));
	lose_beside(d, 1055, 1060, 1);
	put_all(d, after, NR(after));
	expect(d,
	       SLOT0_TEXT WALK_TEXT(
		       1020, 1, 0) "1050 1 inval_end id=1\n"
				   "1055 1 lost count=1\n"
				   "1060 1 lost count=0\n" WALK_TEXT(
					   1110, 2,
					   1) "1210 1 fault_begin vcpu=0 gfn=0x1\n"
					      "1210 1 fault_check vcpu=0 result=retry lockless=1\n"
					      "#@ level full\n");
}

static const char cpu_stat[] = "CPU: 1\nentries: 0\noverrun: 0\ncommit overrun: 2\nbytes: 0\n"
			       "oldest event ts: 0.0\nnow ts: 1.0\ndropped events: 5\n"
			       "read events: 13\n";

/*
 * An end was lost. A fault that begins behind the loss has read the number behind it, and so has
 * its check, which comes before the next invalidation.
 */
static void test_fault_behind_a_lost_end(void **state)
{
	static const struct put before[] = { SLOT0, WALK(1100, RECLAIM, 7) };
	static const struct put behind[] = {
		BEGIN(1400, VCPU0, KVM, 0, 5ULL, 8, 0, 1, 2),
		LOOKED_UP(1410, VCPU0, 0),
		CHECK(1420, VCPU0, KVM, 0, 5ULL, 8, 8, 0, 1, 2),
		VERDICT(1430, VCPU0, 0),
		WALK(1500, OTHER, 8),
		LEFT(1600, OTHER, 8),
	};
	struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);

	put_all(d, before, NR(before));
	dat_at(d, 0, RECLAIM % 4, RECLAIM);
	dat_lose(d, 3);
	DAT_PUT(d, 1300, DAT_PAGE_FAULT, 0, 0x1000);
	put_all(d, behind, NR(behind));
	expect(d,
	       SLOT0_TEXT WALK_TEXT(1110, 1, 7) "1120 1 lost count=3\n"
						"1300 1 lost count=0\n"
						"1400 1 fault_begin vcpu=0 gfn=0x5\n"
						"#@ state 1420 1 seq=8 in_progress=0 "
						"start=0x1 end=0x2\n"
						"1420 1 fault_check vcpu=0 result=ok\n" WALK_TEXT(
							1510, 2, 8) "1610 1 inval_end id=2\n"
								    "#@ level full\n");
}

/* Events of a CPU that says nothing else are lost while an end under way has no number yet. */
static void test_loss_during_an_end(void **state)
{
	static const struct put before[] = {
		SLOT0,
		WALK(1100, RECLAIM, 7),
		END(1200, RECLAIM, KVM, HVA + 0x1000, HVA + 0x2000, 7, 1, 1, 2),
	};
	static const struct put behind[] = {
		BEGIN(1220, VCPU0, KVM, 0, 5ULL, 8, 0, 1, 2),
		LOOKED_UP(1225, VCPU0, 0),
		CHECK(1230, VCPU0, KVM, 0, 5ULL, 8, 8, 0, 1, 2),
		VERDICT(1240, VCPU0, 0),
		ENDED(1300, RECLAIM),
		WALK(1400, OTHER, 8),
		END(1500, OTHER, KVM, HVA + 0x1000, HVA + 0x2000, 8, 1, 1, 2),
		ENDED(1510, OTHER),
		BEGIN(1600, VCPU0, KVM, 0, 5ULL, 9, 0, 1, 2),
		LOOKED_UP(1610, VCPU0, 0),
		CHECK(1620, VCPU0, KVM, 0, 5ULL, 9, 9, 0, 1, 2),
		VERDICT(1630, VCPU0, 0),
	};
	struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);

	dat_without(d, RS_PROBE_INVAL_END_LOCKED);
	put_all(d, before, NR(before));
	lose_beside(d, 1205, 1210, 3);
	put_all(d, behind, NR(behind));
	expect(d, SLOT0_TEXT WALK_TEXT(
			  1110, 1,
			  7) "1205 1 lost count=3\n"
			     "1210 1 lost count=0\n"
			     "1210 1 inval_end id=1\n"
			     "1220 1 fault_begin vcpu=0 gfn=0x5\n"
			     "#@ state 1230 1 seq=8 in_progress=0 start=0x1 end=0x2\n"
			     "1230 1 fault_check vcpu=0 result=ok\n" WALK_TEXT(
				     1410, 2,
				     8) "1500 1 inval_end id=2\n"
					"1600 1 fault_begin vcpu=0 gfn=0x5\n"
					"#@ state 1620 1 seq=9 in_progress=0 start=0x1 end=0x2\n"
					"1620 1 fault_check vcpu=0 result=ok\n"
					"#@ level full\n");
}

/* What a ring that is full does not take leaves no mark in the pages: it is lost all the same. */
static void test_dropped(void **state)
{
	for (unsigned int version = 6; version < 8; version++) {
		struct dat *d = dat_new(version, 0, 4, GFN_KERNEL);
		struct test_trace t;
		unsigned char *bytes;
		size_t size;

		dat_add_option(d, DAT_OPT_CPUSTAT, cpu_stat);
		dat_add_option(d, DAT_OPT_CPUSTAT, cpu_stat);
		put_all(d, plain, 7);
		dat_at(d, 0, VCPU0 % 4, VCPU0);
		dat_lose(d, 12);
		put_all(d, &(const struct put)FAULT(1800, VCPU0, KVM, 0, 0x111ULL), 1);
		put_all(d, &(const struct put)FAULTED(1810, VCPU0, 5), 1);
		bytes = dat_finish(d, &size);
		assert_true(compare_import("dropped", bytes, size));
		test_trace_read(&t, test_write_file("dropped.dat", bytes, size));
		assert_int_equal(t.rc, 0);
		assert_int_equal(t.meta.lost, 12 + 14);
		assert_int_equal(count_anomaly(&t, "lost-at-unknown-place"), 14);
		test_trace_free(&t);
		free(bytes);
	}
}

/* Our recorder says it as well, of the same buffers: once is enough. */
static void test_dropped_by_the_facts(void **state)
{
	static const char fact[] =
		"retryscope-fact lost.cpu0 overrun=3 commit_overrun=1 dropped=20";

	for (int both = 0; both < 2; both++) {
		struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);
		struct test_trace t;

		if (both)
			dat_add_option(d, DAT_OPT_CPUSTAT, cpu_stat);
		put_all(d, plain, NR_PLAIN);
		dat_at(d, 0, OTHER % 4, OTHER);
		dat_marker(d, 2000, fact);
		read_back(&t, d);
		assert_int_equal(t.rc, 0);
		assert_string_equal(rs_meta_fact(&t.meta, "lost.cpu0"),
				    "overrun=3 commit_overrun=1 dropped=20");
		assert_int_equal(t.meta.lost, 21);
		assert_int_equal(count_anomaly(&t, "lost-at-unknown-place"), 21);
		test_trace_free(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_losses),
		cmocka_unit_test(test_seams),
		cmocka_unit_test(test_half_a_seam),
		cmocka_unit_test(test_cut_by_a_seam),
		cmocka_unit_test(test_not_cut_by_a_seam),
		cmocka_unit_test(test_walk_behind_a_seam),
		cmocka_unit_test(test_loss_behind_a_decision),
		cmocka_unit_test(test_loss_with_two_vms),
		cmocka_unit_test(test_long_loss),
		cmocka_unit_test(test_loss_at_the_end),
		cmocka_unit_test(test_losses_add_up),
		cmocka_unit_test(test_loss_of_an_ends_return),
		cmocka_unit_test(test_fault_behind_a_lost_end),
		cmocka_unit_test(test_loss_during_an_end),
		cmocka_unit_test(test_dropped),
		cmocka_unit_test(test_dropped_by_the_facts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
