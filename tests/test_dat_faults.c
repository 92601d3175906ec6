// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults: when they begin, who decided them and why they end.
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

/* A test without the lock says retry: at the begin if the state there does, else at the look-up. */
static void test_lockless(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		WALK(1100, RECLAIM, 0),
		FAULT(1200, VCPU0, KVM, 0, 1ULL),
		BEGIN(1210, VCPU0, KVM, 0, 1ULL, 0, 1, 1, 2),
		LOOKED_UP(1220, VCPU0, 1),
		FAULTED(1230, VCPU0, 1),
		LEFT(1300, RECLAIM, 0),
		FAULT(1400, VCPU0, KVM, 0, 3ULL),
		BEGIN(1410, VCPU0, KVM, 0, 3ULL, 1, 0, 1, 2),
		START(1420, RECLAIM, KVM, HVA + 0x3000, HVA + 0x4000, 1, 0, 1, 2),
		SLOT(1430, RECLAIM, KVM, 0, 3, 4, 1, 1, 3, 4),
		LOOKED_UP(1440, VCPU0, 1),
		FAULTED(1450, VCPU0, 1),
		STARTED(1460, RECLAIM),
		END(1500, RECLAIM, KVM, HVA + 0x3000, HVA + 0x4000, 1, 1, 3, 4),
		LOCKED(1510, RECLAIM, KVM, 1, 1, 3, 4),
		ENDED(1520, RECLAIM),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOT0_TEXT WALK_TEXT(
			    1110, 1,
			    0) "1210 1 fault_begin vcpu=0 gfn=0x1\n"
			       "1210 1 fault_check vcpu=0 result=retry lockless=1\n"
			       "1310 1 inval_end id=1\n"
			       "1410 1 fault_begin vcpu=0 gfn=0x3\n"
			       "1430 1 inval_begin id=2 hva=0x7f0000003000-0x7f0000004000 walk=1\n"
			       "#@ state 1430 1 seq=1 in_progress=1 start=0x3 end=0x4\n"
			       "1430 1 inval_slot id=2 slot=0 gfn=0x3-0x4\n"
			       "1440 1 fault_check vcpu=0 result=retry lockless=1\n"
			       "1510 1 inval_end id=2\n"
			       "#@ level full\n");
}

/*
 * The task that ends an invalidation is stopped when it has raised the sequence, and
 * has not lowered the count yet: a fault is dropped for it, before the end as the
 * model has it. The next is not dropped, and begins with the sequence that it saw.
 */
static void test_lockless_at_half_an_end(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		WALK(1100, RECLAIM, 0),
		END(1200, RECLAIM, KVM, HVA + 0x1000, HVA + 0x2000, 0, 1, 1, 2),
		LOCKED(1210, RECLAIM, KVM, 0, 1, 1, 2),
		FAULT(1300, VCPU0, KVM, 0, 1ULL),
		BEGIN(1310, VCPU0, KVM, 0, 1ULL, 1, 1, 1, 2),
		LOOKED_UP(1320, VCPU0, 1),
		FAULTED(1330, VCPU0, 1),
		FAULT(1340, VCPU1, KVM, 1, 5ULL),
		BEGIN(1350, VCPU1, KVM, 1, 5ULL, 1, 1, 1, 2),
		LOOKED_UP(1360, VCPU1, 0),
		ENDED(1400, RECLAIM),
		CHECK(1410, VCPU1, KVM, 1, 5ULL, 1, 1, 0, 1, 2),
		VERDICT(1420, VCPU1, 0),
		FAULTED(1430, VCPU1, 5),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOT0_TEXT WALK_TEXT(
			    1110, 1, 0) "1309 1 fault_begin vcpu=0 gfn=0x1\n"
					"1309 1 fault_check vcpu=0 result=retry lockless=1\n"
					"1310 1 inval_end id=1\n"
					"1350 1 fault_begin vcpu=1 gfn=0x5\n"
					"#@ state 1410 1 seq=1 in_progress=0 start=0x1 end=0x2\n"
					"1410 1 fault_check vcpu=1 result=ok\n"
					"#@ level full\n");
}

/* Retries that no notifier has a part in, and faults that end without a decision. */
static void test_other_ends(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		/* The memslot is on its way out: bit 16. */
		FAULT(1100, VCPU0, KVM, 0, 1ULL),
		P(1110, VCPU0, FAULT_BEGIN, KVM, 0, 1, 0, 0, 0x10000, 0, 0, NO_RANGE),
		LOOKED_UP(1120, VCPU0, 1),
		FAULTED(1130, VCPU0, 1),
		/* An async page fault was set up. */
		FAULT(1200, VCPU0, KVM, 0, 2ULL),
		BEGIN(1210, VCPU0, KVM, 0, 2ULL, 0, 0, NO_RANGE),
		{ 1212, VCPU0, DAT_ASYNC_TRY, { 0x2000, 2 } },
		{ 1214, VCPU0, DAT_ASYNC_NOT_PRESENT, { 7, 0x2000 } },
		LOOKED_UP(1220, VCPU0, 1),
		FAULTED(1230, VCPU0, 1),
		/* The verdict is retry, but nothing was in progress or had ended: the root. */
		FAULT(1300, VCPU0, KVM, 0, 3ULL),
		BEGIN(1310, VCPU0, KVM, 0, 3ULL, 0, 0, NO_RANGE),
		LOOKED_UP(1320, VCPU0, 0),
		CHECK(1330, VCPU0, KVM, 0, 3ULL, 0, 0, 0, NO_RANGE),
		VERDICT(1340, VCPU0, 1),
		FAULTED(1350, VCPU0, 1),
		/* MMIO, say. */
		FAULT(1400, VCPU0, KVM, 0, 4ULL),
		BEGIN(1410, VCPU0, KVM, 0, 4ULL, 0, 0, NO_RANGE),
		LOOKED_UP(1420, VCPU0, 2),
		FAULTED(1430, VCPU0, 2),
		/* The fast path: no look-up at all. */
		FAULT(1500, VCPU0, KVM, 0, 5ULL),
		FAULTED(1510, VCPU0, 5),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOT0_TEXT "1110 1 fault_begin vcpu=0 gfn=0x1\n"
			       "#@ reason slot_invalid\n"
			       "1120 1 fault_end vcpu=0\n"
			       "1210 1 fault_begin vcpu=0 gfn=0x2\n"
			       "#@ reason async\n"
			       "1220 1 fault_end vcpu=0\n"
			       "1310 1 fault_begin vcpu=0 gfn=0x3\n"
			       "#@ reason root_obsolete\n"
			       "1330 1 fault_end vcpu=0\n"
			       "1410 1 fault_begin vcpu=0 gfn=0x4\n"
			       "1430 1 fault_end vcpu=0\n"
			       "1500 1 fault_begin vcpu=0 gfn=0x5\n"
			       "1510 1 fault_end vcpu=0\n"
			       "#@ level full\n");
}

/* The bit of the memslot that is on its way out is not KVM's answer on a kernel of the hva range.
 */
static void test_hva_kernel(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		START(1100, RECLAIM, KVM, HVA + 0x1000, HVA + 0x2000, 0, 0, NO_RANGE),
		SLOT(1110, RECLAIM, KVM, 0, 1, 2, 0, 1, HVA + 0x1000, HVA + 0x2000),
		STARTED(1120, RECLAIM),
		FAULT(1200, VCPU0, KVM, 0, 1ULL),
		BEGIN(1210, VCPU0, KVM, 0, 1ULL, 0, 1, HVA + 0x1000, HVA + 0x2000),
		LOOKED_UP(1220, VCPU0, 0),
		CHECK(1230, VCPU0, KVM, 0, 1ULL, 0, 0, 1, HVA + 0x1000, HVA + 0x2000),
		VERDICT(1240, VCPU0, 1),
		FAULTED(1250, VCPU0, 1),
		END(1300, RECLAIM, KVM, HVA + 0x1000, HVA + 0x2000, 0, 1, HVA + 0x1000,
		    HVA + 0x2000),
		ENDED(1320, RECLAIM),
	};
	struct dat *d = dat_new(7, 0, 4, HVA_KERNEL);

	dat_without(d, RS_PROBE_INVAL_END_LOCKED);
	put_all(d, puts, NR(puts));
	expect(d, SLOT0_TEXT
	       "1110 1 inval_begin id=1 hva=0x7f0000001000-0x7f0000002000 walk=1\n"
	       "#@ state 1110 1 seq=0 in_progress=1 start=0x7f0000001000 end=0x7f0000002000\n"
	       "1110 1 inval_slot id=1 slot=0 gfn=0x1-0x2\n"
	       "1210 1 fault_begin vcpu=0 gfn=0x1\n"
	       "#@ state 1230 1 seq=0 in_progress=1 start=0x7f0000001000 end=0x7f0000002000\n"
	       "1230 1 fault_check vcpu=0 result=retry\n"
	       "1300 1 inval_end id=1\n"
	       "#@ level full\n");
}

/* The fault's copy of the number was an int, and came back sign extended: noted, not believed. */
static void test_sign_extended(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		FAULT(1100, VCPU0, KVM, 0, 1ULL),
		BEGIN(1110, VCPU0, KVM, 0, 1ULL, 0x80000005, 0, NO_RANGE),
		LOOKED_UP(1120, VCPU0, 0),
		CHECK(1130, VCPU0, KVM, 0, 1ULL, 0xffffffff80000005, 0x80000005, 0, NO_RANGE),
		VERDICT(1140, VCPU0, 1),
		FAULTED(1150, VCPU0, 1),
	};
	struct dat *d = dat_new(7, 0, 4, HVA_KERNEL);

	put_all(d, puts, NR(puts));
	expect(d, SLOT0_TEXT "1110 1 fault_begin vcpu=0 gfn=0x1\n"
			     "#@ state 1130 1 seq=2147483653 in_progress=0 start=0x0 end=0x0\n"
			     "1130 1 fault_check vcpu=0 result=retry\n"
			     "#@ level full\n"
			     "#@ anomaly fault-seq-sign-extended 1\n");
}

/* A fault of frame @gfn with the number @seq from its begin to its check, nothing in progress. */
#define UNDISTURBED(t, gfn, copy, seq, ret)                                                  \
	FAULT(t, VCPU0, KVM, 0, gfn), BEGIN((t) + 10, VCPU0, KVM, 0, gfn, seq, 0, NO_RANGE), \
		LOOKED_UP((t) + 20, VCPU0, 0),                                               \
		CHECK((t) + 30, VCPU0, KVM, 0, gfn, copy, seq, 0, NO_RANGE),                 \
		VERDICT((t) + 40, VCPU0, ret), FAULTED((t) + 50, VCPU0, ret)

/*
 * The same of a recorder that takes the copy for a u32: then it equals the number, but the
 * kernel compared something else.
 */
static void test_sign_extended_as_u32(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		UNDISTURBED(1100, 1ULL, 0x7fffffff, 0x7fffffff, 0),
		UNDISTURBED(1200, 2ULL, 0x7fffffff, 0x7fffffff, 1), /* its root is obsolete */
		/* An end that no probe of this trace has. */
		P(1300, RECLAIM, INVAL_END_LOCKED, KVM, 0x7fffffff, 1, 1, 2),
		UNDISTURBED(1400, 3ULL, 0x80000000, 0x80000000, 1),
		UNDISTURBED(1500, 3ULL, 0x80000000, 0x80000000, 1),
	};
	const unsigned int widths[] = { DAT_FAULT_SEQ_U32, DAT_FAULT_SEQ_S32 };

	for (size_t i = 0; i < NR(widths); i++) {
		struct dat *d = dat_new(7, widths[i], 4, HVA_KERNEL);
		struct test_trace t;
		size_t size, retries = 0, obsolete = 0;
		unsigned char *bytes;

		put_all(d, puts, NR(puts));
		bytes = dat_finish(d, &size);
		assert_true(compare_import("narrow copies", bytes, size));
		test_trace_read(&t, test_write_file("narrow.dat", bytes, size));
		assert_int_equal(t.rc, 0);
		for (size_t k = 0; k < t.nr; k++) {
			retries += t.evs[k].type == RS_EV_FAULT_CHECK &&
				   t.evs[k].result == RS_RES_RETRY;
			obsolete += t.evs[k].type == RS_EV_FAULT_END &&
				    t.evs[k].fault.reason == RS_END_ROOT_OBSOLETE;
		}
		assert_int_equal(count_anomaly(&t, "fault-seq-sign-extended"), 2);
		assert_int_equal(retries, 2);
		assert_int_equal(obsolete, 1);
		test_trace_free(&t);
		free(bytes);
	}
}

/* A copy that is a u32 only in the recording: a fault that passed says so, of those before too. */
static void test_u32_that_is_none(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		UNDISTURBED(1100, 1ULL, 0x80000005, 0x80000006, 1),
		UNDISTURBED(1200, 2ULL, 0x80000006, 0x80000006, 0),
		UNDISTURBED(1300, 3ULL, 0x80000006, 0x80000006, 1),
	};
	struct dat *d = dat_new(7, DAT_FAULT_SEQ_U32, 4, HVA_KERNEL);
	struct test_trace t;

	put_all(d, puts, NR(puts));
	read_back(&t, d);
	assert_int_equal(t.rc, 0);
	assert_int_equal(count_anomaly(&t, "fault-seq-sign-extended"), 0);
	assert_int_equal(t.evs[t.nr - 1].type, RS_EV_FAULT_END);
	assert_int_equal(t.evs[t.nr - 1].fault.reason, RS_END_ROOT_OBSOLETE);
	test_trace_free(&t);
}

/*
 * An async page fault that is tried is one only if it also is set up, which says so; or
 * is waited for already. Without the event that says it, the try is taken for it.
 */
static void test_async(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		WALK(1010, RECLAIM, 0),
		FAULT(1100, VCPU0, KVM, 0, 1ULL),
		BEGIN(1110, VCPU0, KVM, 0, 1ULL, 0, 1, 1, 2),
		{ 1120, VCPU0, DAT_ASYNC_TRY, { 0x1000, 1 } },
		LOOKED_UP(1130, VCPU0, 1),
		FAULTED(1140, VCPU0, 1),
		FAULT(1200, VCPU0, KVM, 0, 2ULL),
		BEGIN(1210, VCPU0, KVM, 0, 2ULL, 0, 1, 1, 2),
		{ 1220, VCPU0, DAT_ASYNC_REPEATED, { 0x2000, 2 } },
		LOOKED_UP(1230, VCPU0, 1),
		FAULTED(1240, VCPU0, 1),
	};
	static const char before[] =
		SLOT0_TEXT WALK_TEXT(1020, 1, 0) "1110 1 fault_begin vcpu=0 gfn=0x1\n";
	static const char *const first[] = {
		"1110 1 fault_check vcpu=0 result=retry lockless=1\n",
		"#@ reason async\n1130 1 fault_end vcpu=0\n",
	};

	for (int without = 0; without < 2; without++) {
		struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);
		char expected[1024];

		if (without)
			dat_without(d, DAT_ASYNC_NOT_PRESENT);
		put_all(d, puts, NR(puts));
		snprintf(expected, sizeof(expected), "%s%s%s", before, first[without],
			 "1210 1 fault_begin vcpu=0 gfn=0x2\n"
			 "#@ reason async\n"
			 "1230 1 fault_end vcpu=0\n"
			 "#@ level full\n");
		expect(d, expected);
	}
}

/* Kernels before the ranges: anything in progress is a reason to retry, wherever it is. */
static void test_kernel_without_a_range(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		FAULT(1100, VCPU0, KVM, 0, 5ULL),
		BEGIN(1110, VCPU0, KVM, 0, 5ULL, 0, 1, NO_RANGE),
		LOOKED_UP(1120, VCPU0, 0),
		CHECK(1130, VCPU0, KVM, 0, 5ULL, 0, 0, 1, NO_RANGE),
		VERDICT(1140, VCPU0, 1),
		FAULTED(1150, VCPU0, 1),
		FAULT(1200, VCPU0, KVM, 0, 5ULL),
		BEGIN(1210, VCPU0, KVM, 0, 5ULL, 0, 0, NO_RANGE),
		LOOKED_UP(1220, VCPU0, 0),
		CHECK(1230, VCPU0, KVM, 0, 5ULL, 0, 0, 0, NO_RANGE),
		VERDICT(1240, VCPU0, 1),
		FAULTED(1250, VCPU0, 1),
	};

	expect_puts("5.10.1", puts, NR(puts),
		    SLOT0_TEXT "1110 1 fault_begin vcpu=0 gfn=0x5\n"
			       "1130 1 lost count=unknown\n"
			       "#@ state 1130 1 seq=0 in_progress=1 start=0x0 end=0x0\n"
			       "1130 1 fault_check vcpu=0 result=retry\n"
			       "1210 1 fault_begin vcpu=0 gfn=0x5\n"
			       "#@ reason root_obsolete\n"
			       "1230 1 fault_end vcpu=0\n"
			       "#@ level full\n");
}

/* What a look-up returns for "again" is what the kernel's own enum says. */
static void test_number_of_retry(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		WALK(1010, RECLAIM, 0),
		FAULT(1100, VCPU0, KVM, 0, 1ULL),
		BEGIN(1110, VCPU0, KVM, 0, 1ULL, 0, 1, 1, 2),
		LOOKED_UP(1120, VCPU0, 1),
		FAULTED(1130, VCPU0, 1),
		FAULT(1200, VCPU0, KVM, 0, 1ULL),
		BEGIN(1210, VCPU0, KVM, 0, 1ULL, 0, 1, 1, 2),
		LOOKED_UP(1220, VCPU0, 4),
		FAULTED(1230, VCPU0, 4),
	};
	struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);

	dat_at(d, 0, 0, MAKER);
	dat_marker(d, 10, "retryscope-fact enum.RET_PF_RETRY 4\n");
	put_all(d, puts, NR(puts));
	expect(d, SLOT0_TEXT WALK_TEXT(1020, 1,
				       0) "1110 1 fault_begin vcpu=0 gfn=0x1\n"
					  "1130 1 fault_end vcpu=0\n"
					  "1210 1 fault_begin vcpu=0 gfn=0x1\n"
					  "1210 1 fault_check vcpu=0 result=retry lockless=1\n"
					  "#@ level full\n");
}

/* The return of the look-up was missed; the check shows that the fault was not dropped there. */
static void test_check_after_a_missed_look_up(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		WALK(1010, RECLAIM, 0),
		FAULT(1100, VCPU0, KVM, 0, 1ULL),
		BEGIN(1110, VCPU0, KVM, 0, 1ULL, 0, 1, 1, 2),
		CHECK(1120, VCPU0, KVM, 0, 1ULL, 0, 0, 1, 1, 2),
		VERDICT(1130, VCPU0, 1),
		FAULTED(1140, VCPU0, 1),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOT0_TEXT WALK_TEXT(
			    1020, 1, 0) "1110 1 fault_begin vcpu=0 gfn=0x1\n"
					"#@ state 1120 1 seq=0 in_progress=1 start=0x1 end=0x2\n"
					"1120 1 fault_check vcpu=0 result=retry\n"
					"#@ level full\n");
}

/* The recording ends, or loses something, before the end of a fault that was decided. */
static void test_decided_but_not_ended(void **state)
{
	static const unsigned int without[] = { RS_PROBE_FAULT_BEGIN, RS_PROBE_FAULT_END };

	for (size_t i = 0; i < NR(without); i++) {
		struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);

		dat_without(d, without[i]);
		put_all_but(d, plain, 6, without[i]);
		expect(d, i ? "1000 1 memslot as=0 id=3 gfn=0x100 npages=0x40 hva=0x7f0000100000 "
			      "flags=0\n" PLAIN_FAULT_TEXT "#@ level partial\n"
			    : "1000 1 memslot as=0 id=3 gfn=0x100 npages=0x40 hva=0x7f0000100000 "
			      "flags=0\n"
			      "1100 1 fault_begin vcpu=0 gfn=0x110\n"
			      "#@ state 1130 1 seq=5 in_progress=0 start=0x0 end=0x0\n"
			      "1130 1 fault_check vcpu=0 result=ok\n"
			      "#@ level partial\n");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lockless),
		cmocka_unit_test(test_lockless_at_half_an_end),
		cmocka_unit_test(test_other_ends),
		cmocka_unit_test(test_hva_kernel),
		cmocka_unit_test(test_sign_extended),
		cmocka_unit_test(test_sign_extended_as_u32),
		cmocka_unit_test(test_u32_that_is_none),
		cmocka_unit_test(test_async),
		cmocka_unit_test(test_kernel_without_a_range),
		cmocka_unit_test(test_number_of_retry),
		cmocka_unit_test(test_check_after_a_missed_look_up),
		cmocka_unit_test(test_decided_but_not_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
