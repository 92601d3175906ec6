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

#include "tests/common/compare_import.h"
#include "tests/common/puts.h"
#include "tests/common/random_recording.h"
#include "traces/dat/dat_order.h"

/*
 * The fault's begin is recorded after the end, but had read the number before
 * it: it belongs in front of it. The check saw the end: it stays behind.
 */
static void test_order_by_number(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		WALK(1100, RECLAIM, 0),
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
		    SLOT0_TEXT WALK_TEXT(
			    1110, 1, 0) "1141 1 fault_begin vcpu=0 gfn=0x5\n"
					"1142 1 inval_end id=1\n"
					"#@ state 1170 1 seq=1 in_progress=0 start=0x1 end=0x2\n"
					"1170 1 fault_check vcpu=0 result=retry\n"
					"#@ level full\n");
}

/* At the same time: the smaller VM's first, whichever CPU it was recorded on. */
static void test_vms_at_the_same_time(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		CREATE(1010, KVM2, 0, 0, 0x40, HVA),
		P(1100, MAKER, MEMSLOT, KVM2, 0, 0, 0, 0, 0, 0x100, 1, HVA + 0x100000, 1, 0, 0),
		P(1100, VCPU0, MEMSLOT, KVM, 0, 0, 0, 0, 0, 0x100, 1, HVA + 0x100000, 1, 0, 0),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOT0_TEXT
		    "1010 2 memslot as=0 id=0 gfn=0x0 npages=0x40 hva=0x7f0000000000 flags=0\n"
		    "1100 1 memslot as=0 id=1 gfn=0x100 npages=0x1 hva=0x7f0000100000 flags=0\n"
		    "1100 2 memslot as=0 id=1 gfn=0x100 npages=0x1 hva=0x7f0000100000 flags=0\n"
		    "#@ level full\n");
}

/*
 * A fault is dropped for a range that is raised already and whose walk is recorded later;
 * another's walk comes before, whose range ends just before the fault's page: it is not
 * the reason, the one behind it is.
 */
static void test_reason_is_behind_another_walk(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		START(1100, RECLAIM, KVM, HVA + 0x1000, HVA + 0x3000, 0, 0, NO_RANGE),
		START(1110, OTHER, KVM, HVA + 0x3000, HVA + 0x4000, 0, 0, NO_RANGE),
		FAULT(1200, VCPU0, KVM, 0, 3ULL),
		BEGIN(1210, VCPU0, KVM, 0, 3ULL, 0, 2, 1, 4),
		LOOKED_UP(1220, VCPU0, 1),
		FAULTED(1230, VCPU0, 1),
		SLOT(1240, RECLAIM, KVM, 0, 1, 3, 0, 1, 1, 3),
		STARTED(1250, RECLAIM),
		SLOT(1260, OTHER, KVM, 0, 3, 4, 0, 2, 1, 4),
		STARTED(1270, OTHER),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOT0_TEXT "1209 1 fault_begin vcpu=0 gfn=0x3\n"
			       "1210 1 inval_begin id=1 hva=0x7f0000001000-0x7f0000003000 walk=1\n"
			       "#@ state 1210 1 seq=0 in_progress=1 start=0x1 end=0x3\n"
			       "1210 1 inval_slot id=1 slot=0 gfn=0x1-0x3\n"
			       "1210 1 inval_begin id=2 hva=0x7f0000003000-0x7f0000004000 walk=1\n"
			       "#@ state 1210 1 seq=0 in_progress=2 start=0x1 end=0x4\n"
			       "1210 1 inval_slot id=2 slot=0 gfn=0x3-0x4\n"
			       "1210 1 fault_check vcpu=0 result=retry lockless=1\n"
			       "#@ level full\n");
}

/*
 * The same, and another vCPU decides under the lock before the walk is recorded, with what was
 * before: the reason is what the walk hits, and not that it begins.
 */
static void test_reason_is_what_is_hit(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		FAULT(1100, VCPU1, KVM, 1, 9ULL),
		BEGIN(1110, VCPU1, KVM, 1, 9ULL, 0, 0, NO_RANGE),
		LOOKED_UP(1120, VCPU1, 0),
		START(1130, RECLAIM, KVM, HVA + 0x3000, HVA + 0x4000, 0, 0, NO_RANGE),
		FAULT(1200, VCPU0, KVM, 0, 3ULL),
		BEGIN(1210, VCPU0, KVM, 0, 3ULL, 0, 1, 3, 4),
		CHECK(1220, VCPU1, KVM, 1, 9ULL, 0, 0, 0, NO_RANGE),
		VERDICT(1230, VCPU1, 0),
		LOOKED_UP(1240, VCPU0, 1),
		FAULTED(1250, VCPU0, 1),
		SLOT(1260, RECLAIM, KVM, 0, 3, 4, 0, 1, 3, 4),
		STARTED(1270, RECLAIM),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOT0_TEXT "1110 1 fault_begin vcpu=1 gfn=0x9\n"
			       "1210 1 fault_begin vcpu=0 gfn=0x3\n"
			       "#@ state 1220 1 seq=0 in_progress=0 start=0x0 end=0x0\n"
			       "1220 1 fault_check vcpu=1 result=ok\n"
			       "1260 1 inval_begin id=1 hva=0x7f0000003000-0x7f0000004000 walk=1\n"
			       "#@ state 1260 1 seq=0 in_progress=1 start=0x3 end=0x4\n"
			       "1260 1 inval_slot id=1 slot=0 gfn=0x3-0x4\n"
			       "1260 1 fault_check vcpu=0 result=retry lockless=1\n"
			       "#@ level full\n");
}

static int learn_nothing(void *arg, struct rs_event **list, size_t *n)
{
	*list = NULL;
	*n = 0;
	return 0;
}

/*
 * Events up to a time are with the reader. A fault's that comes out at just that time
 * stays there, though something else follows at it: not a nanosecond earlier.
 */
static void test_not_before_what_is_handed_out(void **state)
{
	const struct rs_dat_learner learner = { .learn = learn_nothing };
	struct rs_trace_meta meta = { 0 };
	struct rs_dat_order *o = rs_dat_order_new(&meta, 1, true, &learner);
	struct rs_event memslot = { .time_ns = 10, .vm = 1, .type = RS_EV_MEMSLOT };
	struct rs_event fault = { .vm = 1, .type = RS_EV_FAULT_END };
	struct rs_dat_events out = { 0 };
	uint64_t until;

	assert_non_null(o);
	memslot.memslot.npages = 1;
	assert_non_null(rs_dat_order_put(o, RS_DAT_MEMSLOT, &memslot, false, NULL));
	assert_int_equal(rs_dat_order_advance(o, 100000000, &until), 0);
	assert_int_equal(until, 50000000);
	assert_int_equal(rs_dat_order_take(o, until, &out), 0);
	assert_int_equal(out.nr, 1);
	fault.time_ns = until - 10;
	memslot.time_ns = until;
	assert_non_null(rs_dat_order_put(o, RS_DAT_PLAIN, &fault, false, NULL));
	assert_non_null(rs_dat_order_put(o, RS_DAT_MEMSLOT, &memslot, false, NULL));
	assert_int_equal(rs_dat_order_advance(o, UINT64_MAX, &until), 0);
	assert_int_equal(rs_dat_order_take(o, UINT64_MAX, &out), 0);
	assert_int_equal(out.nr, 3);
	assert_int_equal(out.ev[1].time_ns, 50000000);
	assert_int_equal(out.ev[2].time_ns, 50000000);
	rs_dat_order_free(o);
	rs_meta_free(&meta);
	free(out.ev);
}

/* The ends in front of the decision at @seq; each must follow its begin, of all frames. */
static void check_missing_ends(const struct test_trace *t, uint64_t seq)
{
	uint64_t ends = 0;

	for (size_t i = 0; i < t->nr; i++) {
		const struct rs_event *ev = &t->evs[i];

		if (ev->type == RS_EV_INVAL_END) {
			assert_int_equal(ev[-1].type, RS_EV_INVAL_BEGIN);
			assert_int_equal(ev[-1].inval.id, ev->inval.id);
			assert_int_equal(ev[-1].inval.start, 0);
			assert_int_equal(ev[-1].inval.end, 1ULL << 52);
			ends++;
		}
		if (ev->type == RS_EV_STATE && ev->state.seq == seq) {
			assert_int_equal(ends, seq);
			return;
		}
	}
	fail_msg("there is no decision at %llu", (unsigned long long)seq);
}

/* As many ends as may be missing at once, twice within what is kept: each is told. */
static void test_missing_ends(void **state)
{
	static const uint64_t seqs[] = { 0, 4096, 8192 };
	struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);
	struct test_trace t;
	unsigned char *bytes;
	size_t size;

	put_all(d, &(const struct put)SLOT0, 1);
	for (size_t i = 0; i < NR(seqs); i++) {
		const uint64_t time = 1100 + 100 * i;
		const struct put fault[] = {
			FAULT(time, VCPU0, KVM, 0, 5ULL),
			BEGIN(time + 1, VCPU0, KVM, 0, 5ULL, seqs[i], 0, NO_RANGE),
			LOOKED_UP(time + 2, VCPU0, 0),
			CHECK(time + 3, VCPU0, KVM, 0, 5ULL, seqs[i], seqs[i], 0, NO_RANGE),
			VERDICT(time + 4, VCPU0, 0),
			FAULTED(time + 5, VCPU0, 5),
		};

		put_all(d, fault, NR(fault));
	}
	bytes = dat_finish(d, &size);
	assert_true(compare_import("missing ends", bytes, size));
	test_trace_parse(&t, bytes, size);
	assert_int_equal(t.rc, 0);
	assert_int_equal(count_anomaly(&t, "end-not-recorded"), 8192);
	assert_int_equal(t.meta.nr_anomalies, 1);
	for (size_t i = 0; i < NR(seqs); i++)
		check_missing_ends(&t, seqs[i]);
	test_trace_free(&t);
	free(bytes);
}

/* What is handed out in many pieces is what would be in one: some seconds of plain life. */
static void test_in_pieces(void **state)
{
	for (uint64_t seed = 1; seed < 4; seed++) {
		size_t size;
		unsigned char *bytes =
			random_recording(seed, RECORDING_SKEWS | RECORDING_CUT, 60000, &size);

		assert_true(compare_import("in pieces", bytes, size));
		free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_by_number),
		cmocka_unit_test(test_vms_at_the_same_time),
		cmocka_unit_test(test_reason_is_behind_another_walk),
		cmocka_unit_test(test_reason_is_what_is_hit),
		cmocka_unit_test(test_not_before_what_is_handed_out),
		cmocka_unit_test(test_missing_ends),
		cmocka_unit_test(test_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
