// SPDX-License-Identifier: GPL-2.0-only
/* Memslots whose commits are recorded late: what is seen meanwhile tells which are in effect. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "traces/dat/dat_slots.h"

#define HVA 0x7f0000000000

static struct rs_dat_slots *s;

static int make(void **state)
{
	s = rs_dat_slots_new();
	return s ? 0 : -1;
}

static int destroy(void **state)
{
	rs_dat_slots_free(s);
	return 0;
}

static struct rs_event memslot(uint8_t as, uint32_t id, uint64_t gfn, uint64_t npages)
{
	return (struct rs_event){ .type = RS_EV_MEMSLOT,
				  .as = as,
				  .memslot.id = id,
				  .memslot.gfn = gfn,
				  .memslot.npages = npages,
				  .memslot.hva = HVA + (gfn << 12) };
}

static void commit(uint8_t as, uint32_t id, uint64_t gfn, uint64_t npages)
{
	const struct rs_event m = memslot(as, id, gfn, npages);

	assert_int_equal(rs_dat_slots_commit(s, &m, 7), 0);
}

static void commit_now(uint8_t as, uint32_t id, uint64_t gfn, uint64_t npages)
{
	commit(as, id, gfn, npages);
	assert_int_equal(rs_dat_slots_apply(s, 0), 0);
}

/* A memslot of the other address space has the same id, and is another. */
static void test_will_have(void **state)
{
	commit(0, 1, 0, 16);
	assert_true(rs_dat_slots_will_have(s, 0, 1));
	assert_false(rs_dat_slots_will_have(s, 1, 1));
	assert_false(rs_dat_slots_will_have(s, 0, 2));
	commit(1, 1, 0, 0);
	assert_true(rs_dat_slots_will_have(s, 0, 1));
	commit(0, 1, 0, 0);
	assert_false(rs_dat_slots_will_have(s, 0, 1));
	commit(0, 1, 32, 16);
	assert_true(rs_dat_slots_will_have(s, 0, 1));
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(rs_dat_slots_apply(s, 0), 0);
	assert_true(rs_dat_slots_will_have(s, 0, 1));
	assert_int_equal(rs_dat_slots_apply(s, 0), 0);
	assert_true(rs_dat_slots_will_have(s, 0, 1));
}

/* What is learned is there, but no commit has said so until one does. */
static void test_learned(void **state)
{
	const struct rs_event m = memslot(0, 2, 0, 16);

	assert_int_equal(rs_dat_slots_learn(s, &m), 0);
	assert_int_equal(rs_dat_slots_hva(s, 0, 3), HVA + 0x3000);
	assert_false(rs_dat_slots_will_have(s, 0, 2));
	commit(0, 2, 0, 16);
	assert_true(rs_dat_slots_will_have(s, 0, 2));
	assert_int_equal(rs_dat_slots_apply(s, 0), 0);
	assert_true(rs_dat_slots_will_have(s, 0, 2));
}

/* How many commits must have taken effect for a notifier call that hit just this. */
static size_t wanted_for(uint64_t start, uint64_t end, const struct rs_dat_hit *hits, size_t nr)
{
	const struct rs_dat_evidence e = { .by = RS_DAT_SEEN_NOTIFIER,
					   .start = HVA + (start << 12),
					   .end = HVA + (end << 12),
					   .hits = hits,
					   .nr_hits = nr };
	size_t n;

	assert_int_equal(rs_dat_slots_explain(s, &e, 0, &n), 0);
	return n;
}

/* Each memslot that a notifier's range overlaps must have been hit, in that part, and no other. */
static void test_notifier(void **state)
{
	const struct rs_dat_hit both[] = { { 4, 8, 1, 0 }, { 4, 8, 1, 1 } };
	const struct rs_dat_hit begins[] = { { 5, 8, 1, 0 } }, ends[] = { { 4, 7, 1, 0 } },
				beyond[] = { { 4, 9, 1, 0 } };

	assert_int_equal(wanted_for(4, 8, NULL, 0), 0);
	assert_int_equal(wanted_for(4, 8, both, 1), RS_DAT_SLOTS_NEVER);
	commit_now(0, 1, 0, 16);
	assert_int_equal(wanted_for(4, 8, NULL, 0), RS_DAT_SLOTS_NEVER);
	assert_int_equal(wanted_for(16, 20, NULL, 0), 0);
	assert_int_equal(wanted_for(4, 8, both, 1), 0);
	assert_int_equal(wanted_for(4, 8, begins, 1), RS_DAT_SLOTS_NEVER);
	assert_int_equal(wanted_for(4, 8, ends, 1), RS_DAT_SLOTS_NEVER);
	assert_int_equal(wanted_for(4, 8, beyond, 1), RS_DAT_SLOTS_NEVER);
	assert_int_equal(wanted_for(4, 8, both, 2), RS_DAT_SLOTS_NEVER);
	commit(1, 1, 0, 16);
	assert_int_equal(wanted_for(4, 8, both, 2), 1);
	assert_int_equal(wanted_for(4, 8, both, 1), 0);
	assert_int_equal(rs_dat_slots_apply(s, 0), 0);
	assert_int_equal(wanted_for(4, 8, both, 2), 0);
	assert_int_equal(wanted_for(4, 8, both, 1), RS_DAT_SLOTS_NEVER);
}

/* A commit that is recorded too long afterwards explains nothing. */
static void test_too_late(void **state)
{
	const struct rs_dat_hit hit = { 4, 8, 1, 0 };
	struct rs_event m = memslot(0, 1, 0, 16);

	m.time_ns = RS_DAT_COMMIT_NS;
	assert_int_equal(rs_dat_slots_commit(s, &m, 7), 0);
	assert_int_equal(wanted_for(4, 8, &hit, 1), 1);
	assert_int_equal(rs_dat_slots_apply(s, 0), 0);
	m = memslot(0, 1, 0, 0);
	m.time_ns = RS_DAT_COMMIT_NS + 1;
	assert_int_equal(rs_dat_slots_commit(s, &m, 8), 0);
	assert_int_equal(wanted_for(4, 8, NULL, 0), RS_DAT_SLOTS_NEVER);
}

/* A fault through a memslot, or through none. */
static void test_fault(void **state)
{
	struct rs_dat_evidence e = { .by = RS_DAT_SEEN_FAULT, .gfn = 5, .since_ns = 1 };
	size_t n;

	commit_now(0, 3, 0, 16);
	e.has_id = true;
	e.id = 3;
	assert_int_equal(rs_dat_slots_explain(s, &e, 1, &n), 0);
	assert_int_equal(n, 0);
	e.as = 1;
	assert_int_equal(rs_dat_slots_explain(s, &e, 1, &n), 0);
	assert_int_equal(n, RS_DAT_SLOTS_NEVER);
	e.as = 0;
	e.id = 4;
	assert_int_equal(rs_dat_slots_explain(s, &e, 1, &n), 0);
	assert_int_equal(n, RS_DAT_SLOTS_NEVER);
	e.id = 3;
	e.hva = HVA + 0x5000;
	assert_int_equal(rs_dat_slots_explain(s, &e, 1, &n), 0);
	assert_int_equal(n, 0);
	e.hva = HVA + 0x6000;
	assert_int_equal(rs_dat_slots_explain(s, &e, 1, &n), 0);
	assert_int_equal(n, RS_DAT_SLOTS_NEVER);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, destroy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_will_have), TEST(test_learned), TEST(test_notifier),
		TEST(test_too_late),  TEST(test_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
