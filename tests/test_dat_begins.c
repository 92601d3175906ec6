// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recordings of a VM that was there before, which begin in the middle of everything:
 * docs/import.md, 2, 5 and 6. tests/check/begins.sh has the same of real ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/common/puts.h"

#define MS 1000000ULL
/* A fault through memslot 0: its begin sees @seq and @now, its check 20 ns later @seq2 and @now2.
 */
#define TRIES(t, task, vcpu, gfn, seq, now, seq2, now2, retry, ...)                          \
	BEGIN(t, task, KVM, vcpu, gfn, seq, now, __VA_ARGS__), LOOKED_UP((t) + 10, task, 0), \
		CHECK((t) + 20, task, KVM, vcpu, gfn, seq, seq2, now2, __VA_ARGS__),         \
		VERDICT((t) + 30, task, retry)
#define LEARNED_TEXT(t, npages) \
#t " 1 memslot as=0 id=0 gfn=0x5 npages=" #npages " hva=0x7f0000005000 flags=0\n"
#define RANGE HVA + 0x5000, HVA + 0x6000
#define RANGE_TEXT "start=0x7f0000005000 end=0x7f0000006000"

/* An hva kernel inlines what an end does under the lock. */
static struct dat *dat_of_hva(void)
{
	struct dat *d = dat_new(7, 0, 4, HVA_KERNEL);

	dat_without(d, RS_PROBE_INVAL_END_LOCKED);
	return d;
}

static void expect_of_hva(const struct put *puts, size_t n, const char *expected)
{
	struct dat *d = dat_of_hva();

	put_all(d, puts, n);
	expect(d, expected);
}

/*
 * A call entered before hits its memslots after nothing was in progress: of the hva range nobody
 * knows its addresses. What is in progress is not known until nothing is.
 */
static void test_walk_of_a_call_from_before(void **state)
{
	static const struct put puts[] = {
		TRIES(1100, VCPU0, 0, 5ULL, 7, 0, 7, 0, 0, RANGE),
		SLOT(1200, RECLAIM, KVM, 0, 5, 6, 7, 1, RANGE, RS_KIND_SHARED),
		STARTED(1210, RECLAIM),
		TRIES(1300, VCPU0, 0, 5ULL, 7, 1, 7, 1, 1, RANGE),
		END(1400, RECLAIM, KVM, HVA + 0x5000, HVA + 0x6000, 7, 1, RANGE),
		ENDED(1410, RECLAIM),
		TRIES(1500, VCPU0, 0, 5ULL, 8, 0, 8, 0, 0, RANGE),
	};

	expect_of_hva(puts, NR(puts),
		      LEARNED_TEXT(1100, 0x1) "1100 1 fault_begin vcpu=0 gfn=0x5\n"
					      "#@ state 1120 1 seq=7 in_progress=0 " RANGE_TEXT "\n"
					      "1120 1 fault_check vcpu=0 result=ok\n"
					      "1200 1 lost count=unknown\n"
					      "1300 1 fault_begin vcpu=0 gfn=0x5\n"
					      "#@ state 1320 1 seq=7 in_progress=1 " RANGE_TEXT "\n"
					      "1320 1 fault_check vcpu=0 result=retry\n"
					      "1400 1 inval_end id=1\n"
					      "1500 1 fault_begin vcpu=0 gfn=0x5\n"
					      "#@ state 1520 1 seq=8 in_progress=0 " RANGE_TEXT "\n"
					      "1520 1 fault_check vcpu=0 result=ok\n"
					      "#@ level full\n"
					      "#@ anomaly slot-without-start 1\n"
					      "#@ anomaly end-without-start 1\n"
					      "#@ anomaly memslots-learned 1\n");
}

/*
 * The end of a call from before is entered long before it happens: what was said of that is too
 * long ago where it is placed.
 */
static void test_end_of_a_call_from_before(void **state)
{
	static const struct put puts[] = {
		TRIES(1100, VCPU0, 0, 5ULL, 7, 1, 7, 1, 1, RANGE),
		END(1200, RECLAIM, KVM, HVA + 0x5000, HVA + 0x6000, 7, 1, RANGE),
		BEGIN(10 * MS, VCPU0, KVM, 0, 5ULL, 7, 1, RANGE),
		LOOKED_UP(10 * MS + 10, VCPU0, 0),
		ENDED(11 * MS, RECLAIM),
		CHECK(12 * MS, VCPU0, KVM, 0, 5ULL, 7, 8, 0, RANGE),
		VERDICT(12 * MS + 10, VCPU0, 1),
	};

	expect_of_hva(puts, NR(puts),
		      LEARNED_TEXT(1100, 0x1) "1100 1 fault_begin vcpu=0 gfn=0x5\n"
					      "1120 1 lost count=unknown\n"
					      "#@ state 1120 1 seq=7 in_progress=1 " RANGE_TEXT "\n"
					      "1120 1 fault_check vcpu=0 result=retry\n"
					      "9999999 1 fault_begin vcpu=0 gfn=0x5\n"
					      "10000000 1 lost count=0\n"
					      "10000000 1 inval_end id=1\n"
					      "#@ state 12000000 1 seq=8 in_progress=0 " RANGE_TEXT
					      "\n"
					      "12000000 1 fault_check vcpu=0 result=retry\n"
					      "#@ level full\n"
					      "#@ anomaly end-without-start 1\n"
					      "#@ anomaly memslots-learned 1\n");
}

/* How far was read tells nothing of whether it happened: a fault is waited for meanwhile. */
static void test_end_is_kept_while_a_fault_is_waited_for(void **state)
{
	static const struct put before[] = {
		TRIES(900, VCPU1, 1, 5ULL, 7, 1, 7, 1, 1, RANGE),
		END(1000, RECLAIM, KVM, HVA + 0x5000, HVA + 0x6000, 7, 1, RANGE),
		ENDED(1010, RECLAIM),
		BEGIN(1100, VCPU0, KVM, 0, 5ULL, 7, 0, RANGE),
		LOOKED_UP(1110, VCPU0, 0),
	};
	static const struct put after[] = {
		CHECK(300 * MS, VCPU0, KVM, 0, 5ULL, 7, 8, 0, RANGE),
		VERDICT(300 * MS + 10, VCPU0, 1),
	};
	struct dat *d = dat_of_hva();

	put_all(d, before, NR(before));
	put_nothing(d, 2000, 200 * MS);
	put_all(d, after, NR(after));
	expect(d, LEARNED_TEXT(900, 0x1) "900 1 fault_begin vcpu=1 gfn=0x5\n"
					 "920 1 lost count=unknown\n"
					 "#@ state 920 1 seq=7 in_progress=1 " RANGE_TEXT "\n"
					 "920 1 fault_check vcpu=1 result=retry\n"
					 "1099 1 fault_begin vcpu=0 gfn=0x5\n"
					 "1100 1 lost count=0\n"
					 "1100 1 inval_end id=1\n"
					 "#@ state 300000000 1 seq=8 in_progress=0 " RANGE_TEXT "\n"
					 "300000000 1 fault_check vcpu=0 result=retry\n"
					 "#@ level full\n"
					 "#@ anomaly end-without-start 1\n"
					 "#@ anomaly memslots-learned 1\n");
}

/* The same as an end under the lock of no call: it need not have begun just then. */
static void test_end_under_the_lock_of_a_call_from_before(void **state)
{
	static const struct put puts[] = {
		BEGIN(1100, VCPU0, KVM, 0, 5ULL, 7, 1, 1, 8),
		LOOKED_UP(1110, VCPU0, 1),
		FAULTED(1120, VCPU0, 1),
		LOCKED(1200, RECLAIM, KVM, 7, 1, 1, 8),
		TRIES(1300, VCPU0, 0, 5ULL, 8, 0, 8, 0, 0, 1, 8),
		LOCKED(1400, RECLAIM, KVM, 8, 1, 1, 8),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    "1099 1 fault_begin vcpu=0 gfn=0x5\n"
		    "1100 1 lost count=unknown\n"
		    "1100 1 fault_check vcpu=0 result=retry lockless=1\n"
		    "1200 1 inval_end id=1\n" LEARNED_TEXT(
			    1300, 0x1) "1300 1 fault_begin vcpu=0 gfn=0x5\n"
				       "#@ state 1320 1 seq=8 in_progress=0 start=0x1 end=0x8\n"
				       "1320 1 fault_check vcpu=0 result=ok\n"
				       "1400 1 inval_begin id=2 gfn=0x1-0x8\n"
				       "1400 1 inval_end id=2\n"
				       "#@ level full\n"
				       "#@ anomaly zap-without-notifier 2\n"
				       "#@ anomaly memslots-learned 1\n");
}

#define DELETE(t, id, gfn, npages) \
	P(t, MAKER, MEMSLOT, KVM, 1, gfn, npages, id, 0, 0, 0, 0, 0, 0, 0)

/* A memslot from before goes, and is made again where it was: that is not what the fault saw. */
static void test_memslot_from_before_is_made_again(void **state)
{
	static const struct put puts[] = {
		TRIES(1100, VCPU0, 0, 5ULL, 7, 0, 7, 0, 0, NO_RANGE),
		DELETE(1200, 0, 0, 0x40),
		CREATE(1300, KVM, 0, 0, 0x40, HVA),
	};

	expect_puts(
		GFN_KERNEL, puts, NR(puts),
		LEARNED_TEXT(1100,
			     0x1) "1100 1 fault_begin vcpu=0 gfn=0x5\n"
				  "#@ state 1120 1 seq=7 in_progress=0 start=0x0 end=0x0\n"
				  "1120 1 fault_check vcpu=0 result=ok\n"
				  "1200 1 memslot as=0 id=0 gfn=0x0 npages=0x0 hva=0x0 flags=0\n"
				  "1300 1 memslot as=0 id=0 gfn=0x0 npages=0x40 hva=0x7f0000000000 "
				  "flags=0\n"
				  "#@ level full\n"
				  "#@ anomaly memslots-learned 1\n");
}

/* Memslot 1 is made, and used a moment before that is recorded: it was not there before. */
static void test_memslot_is_made_in_a_vm_from_before(void **state)
{
	static const struct put puts[] = {
		TRIES(1100, VCPU0, 0, 5ULL, 7, 0, 7, 0, 0, NO_RANGE),
		P(1200, VCPU0, FAULT_BEGIN, KVM, 0, 0x25, 0, 1, 0, 7, 0, NO_RANGE),
		LOOKED_UP(1210, VCPU0, 0),
		CHECK(1220, VCPU0, KVM, 0, 0x25ULL, 7, 7, 0, NO_RANGE),
		VERDICT(1230, VCPU0, 0),
		CREATE(1300, KVM, 1, 0x20, 0x10, HVA + 0x20000),
	};

	expect_puts(
		GFN_KERNEL, puts, NR(puts),
		LEARNED_TEXT(1100, 0x1) "1100 1 fault_begin vcpu=0 gfn=0x5\n"
					"#@ state 1120 1 seq=7 in_progress=0 start=0x0 end=0x0\n"
					"1120 1 fault_check vcpu=0 result=ok\n"
					"1200 1 memslot as=0 id=1 gfn=0x20 npages=0x10 "
					"hva=0x7f0000020000 flags=0\n"
					"1200 1 fault_begin vcpu=0 gfn=0x25\n"
					"#@ state 1220 1 seq=7 in_progress=0 start=0x0 end=0x0\n"
					"1220 1 fault_check vcpu=0 result=ok\n"
					"#@ level full\n"
					"#@ anomaly memslots-learned 1\n");
}

#define HAS_FILE 4
/* A fault of which the check has no host address: through memslot @id with a guest_memfd? */
#define SAYS_FILE(t, gfn, id)                                                             \
	P(t, VCPU0, FAULT_BEGIN, KVM, 0, gfn, 0, id, HAS_FILE, 7, 0, NO_RANGE),           \
		LOOKED_UP((t) + 10, VCPU0, 0),                                            \
		P((t) + 20, VCPU0, FAULT_CHECK, KVM, 0, gfn, 0xffff888000000000, 7, 7, 0, \
		  NO_RANGE),                                                              \
		VERDICT((t) + 30, VCPU0, 0)

/* The memslots that are learned of @puts, each with its frames. */
static char *learned_of(const struct put *puts, size_t n)
{
	struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);
	struct test_trace t = { 0 };
	static char text[512];
	size_t len = 0;

	put_all(d, puts, n);
	read_back(&t, d);
	text[0] = '\0';
	for (size_t i = 0; i < t.nr; i++)
		if (t.evs[i].type == RS_EV_MEMSLOT)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%u:%lx+%lx ",
						t.evs[i].memslot.id,
						(unsigned long)t.evs[i].memslot.gfn,
						(unsigned long)t.evs[i].memslot.npages);
	test_trace_free(&t);
	return text;
}

/* Where there is no memslot, what is recorded of one is what was in memory. */
static void test_guest_memfd_that_is_none(void **state)
{
	/* Memslot 0 has no guest_memfd, as a check with a host address says, before or behind. */
	static const struct put plain_before[] = {
		TRIES(1100, VCPU0, 0, 5ULL, 7, 0, 7, 0, 0, NO_RANGE),
		SAYS_FILE(1200, 0x4000, 0),
		SAYS_FILE(1300, 0x5000, 0),
	};
	static const struct put plain_behind[] = {
		SAYS_FILE(1100, 0x4000, 0),
		SAYS_FILE(1200, 0x5000, 0),
		TRIES(1300, VCPU0, 0, 5ULL, 7, 0, 7, 0, 0, NO_RANGE),
	};
	/* Memslot 3 is told by one fault, by two, by two around memslot 0's frame. */
	static const struct put once[] = {
		TRIES(1100, VCPU0, 0, 5ULL, 7, 0, 7, 0, 0, NO_RANGE),
		SAYS_FILE(1200, 0x4000, 3),
	};
	static const struct put twice[] = {
		TRIES(1100, VCPU0, 0, 5ULL, 7, 0, 7, 0, 0, NO_RANGE),
		SAYS_FILE(1200, 0x4002, 3),
		SAYS_FILE(1300, 0x4000, 3),
	};
	static const struct put around[] = {
		SAYS_FILE(1100, 0x4, 3),
		SAYS_FILE(1200, 0x4000, 3),
		TRIES(1300, VCPU0, 0, 5ULL, 7, 0, 7, 0, 0, NO_RANGE),
	};

	assert_string_equal(learned_of(plain_before, NR(plain_before)), "0:5+1 ");
	assert_string_equal(learned_of(plain_behind, NR(plain_behind)), "0:5+1 ");
	assert_string_equal(learned_of(once, NR(once)), "0:5+1 ");
	assert_string_equal(learned_of(twice, NR(twice)), "0:5+1 3:4000+3 ");
	assert_string_equal(learned_of(around, NR(around)), "0:5+1 ");
}

/* The first event of a CPU is there twice: no VM is made twice by that. */
static void test_first_event_twice(void **state)
{
	static const struct put puts[] = {
		SLOT0,
		SLOT0,
		CREATE(1100, KVM, 1, 0x100, 0x40, HVA + 0x100000),
		CREATE(1100, KVM, 2, 0x200, 0x40, HVA + 0x200000),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    SLOT0_TEXT
		    "1100 1 memslot as=0 id=1 gfn=0x100 npages=0x40 hva=0x7f0000100000 flags=0\n"
		    "1100 1 memslot as=0 id=2 gfn=0x200 npages=0x40 hva=0x7f0000200000 flags=0\n"
		    "#@ level full\n"
		    "#@ anomaly recorded-twice 1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk_of_a_call_from_before),
		cmocka_unit_test(test_end_of_a_call_from_before),
		cmocka_unit_test(test_end_is_kept_while_a_fault_is_waited_for),
		cmocka_unit_test(test_end_under_the_lock_of_a_call_from_before),
		cmocka_unit_test(test_memslot_from_before_is_made_again),
		cmocka_unit_test(test_memslot_is_made_in_a_vm_from_before),
		cmocka_unit_test(test_guest_memfd_that_is_none),
		cmocka_unit_test(test_first_event_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
