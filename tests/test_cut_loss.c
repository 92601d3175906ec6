// SPDX-License-Identifier: GPL-2.0-only
/* What a piece must know of what lies before it: how long it was dark, what was too much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "replay/cut/cut.h"
#include "replay/replay.h"
#include "tests/common/trace_file.h"

#define MS 1000000ULL

static struct rs_event lost(uint64_t time_ns)
{
	struct rs_event ev = { .time_ns = time_ns, .vm = 1, .type = RS_EV_LOST };

	ev.lost.count = 1;
	return ev;
}

static struct rs_event inval(uint64_t time_ns, unsigned int type, uint64_t id)
{
	struct rs_event ev = { .time_ns = time_ns, .vm = 1, .type = (uint8_t)type };

	ev.inval.id = id;
	if (type == RS_EV_INVAL_BEGIN) {
		ev.inval.start = 0x1000;
		ev.inval.end = 0x2000;
	}
	return ev;
}

/* Whether the piece from @from_ns on begins in the dark. */
static bool dark(const struct rs_event *evs, size_t n, uint64_t from_ns)
{
	const struct rs_cut_opts opts = { .from = true, .from_absolute = true, .from_ns = from_ns };
	struct rs_error err = { 0 };
	struct rs_cut *c = rs_cut_new(&opts, &err);
	const struct rs_event *out;
	bool is_dark = false;
	ssize_t nr;

	assert_non_null(c);
	nr = rs_cut_feed(c, evs, n, &out, &err);
	assert_true(nr >= 0);
	for (ssize_t i = 0; i < nr; i++)
		is_dark |= out[i].type == RS_EV_LOST;
	nr = rs_cut_finish(c, &out, &err);
	assert_true(nr >= 0);
	for (ssize_t i = 0; i < nr; i++)
		is_dark |= out[i].type == RS_EV_LOST;
	rs_cut_free(c);
	return is_dark;
}

/*
 * The longest invalidation took 30 ms, and it was followed by one of 1 ms and by a
 * loss at 40 ms: until 70 ms nothing may be judged. It need not be the last one, and
 * without one that long it is 10 ms.
 */
static void test_longest(void **state)
{
	const struct rs_event long_one[] = {
		inval(0, RS_EV_INVAL_BEGIN, 1),
		inval(30 * MS, RS_EV_INVAL_END, 1),
		inval(31 * MS, RS_EV_INVAL_BEGIN, 2),
		inval(32 * MS, RS_EV_INVAL_END, 2),
		lost(40 * MS),
		inval(200 * MS, RS_EV_INVAL_BEGIN, 3),
	};
	const struct rs_event short_one[] = {
		inval(0, RS_EV_INVAL_BEGIN, 1),
		inval(5 * MS, RS_EV_INVAL_END, 1),
		lost(40 * MS),
		inval(200 * MS, RS_EV_INVAL_BEGIN, 3),
	};

	const struct rs_event orphan[] = {
		lost(40 * MS),
		inval(49 * MS, RS_EV_INVAL_END, 9),
		inval(200 * MS, RS_EV_INVAL_BEGIN, 3),
	};

	assert_true(dark(long_one, 6, 45 * MS));
	assert_true(dark(long_one, 6, 60 * MS));
	assert_true(dark(long_one, 6, 70 * MS));
	assert_false(dark(long_one, 6, 70 * MS + 1));
	assert_true(dark(short_one, 4, 50 * MS));
	assert_false(dark(short_one, 4, 50 * MS + 1));
	/* An end without a begin is of one that was in progress while it was dark. */
	assert_true(dark(orphan, 3, 59 * MS));
	assert_false(dark(orphan, 3, 59 * MS + 1));
}

/* Once faults are judged again nothing that comes later makes it dark again, but a loss. */
static void test_light(void **state)
{
	struct rs_event longer[] = {
		inval(0, RS_EV_INVAL_BEGIN, 1),	       lost(40 * MS),
		inval(41 * MS, RS_EV_INVAL_BEGIN, 2),  inval(42 * MS, RS_EV_INVAL_END, 2),
		inval(60 * MS, RS_EV_INVAL_BEGIN, 3),  inval(100 * MS, RS_EV_INVAL_END, 1),
		inval(200 * MS, RS_EV_INVAL_BEGIN, 4),
	};
	const struct rs_event orphan[] = {
		lost(40 * MS),
		inval(60 * MS, RS_EV_INVAL_BEGIN, 1),
		inval(61 * MS, RS_EV_INVAL_END, 9),
		inval(200 * MS, RS_EV_INVAL_BEGIN, 3),
	};

	/* An orphan's end while it is light is one more anomaly. */
	assert_true(dark(orphan, 4, 50 * MS));
	assert_false(dark(orphan, 4, 62 * MS));
	/* Of another VM, so that the loss is not its own. */
	longer[0].vm = longer[5].vm = 2;
	assert_true(dark(longer, 7, 50 * MS));
	assert_false(dark(longer, 7, 110 * MS));
}

/* Which block comes after the first, of four; each has nothing pending at its start. */
static size_t second_with(int lost_block, int busy_block, int memslot_block, uint64_t from_ns)
{
	const struct rs_cut_opts opts = { .from = true, .from_absolute = true, .from_ns = from_ns };
	struct rs_error err = { 0 };
	struct rs_cut *c = rs_cut_new(&opts, &err);
	const struct rs_event evs[] = { inval(0, RS_EV_INVAL_BEGIN, 1),
					inval(1, RS_EV_INVAL_END, 1) };
	struct rs_block blocks[4];
	const struct rs_event *out;
	size_t next = 1;

	assert_non_null(c);
	for (int i = 0; i < 4; i++)
		blocks[i] = (struct rs_block){ .min_ns = 100 * (unsigned int)i,
					       .max_ns = 100 * (unsigned int)i + 99,
					       .vms = 1U << 1,
					       .lost = i == lost_block,
					       .memslots = i == memslot_block,
					       .idle = i != busy_block };
	assert_int_equal(rs_cut_feed(c, evs, 2, &out, &err), 0);
	assert_int_equal(rs_cut_next_block(c, blocks, 4, &next), 0);
	rs_cut_free(c);
	return next;
}

static size_t second_block(int lost_block, int busy_block, uint64_t from_ns)
{
	return second_with(lost_block, busy_block, -1, from_ns);
}

/* After a loss it matters how long invalidations were: nothing before it is passed over. */
static void test_blocks(void **state)
{
	assert_int_equal(second_block(-1, -1, 350), 3);
	assert_int_equal(second_block(-1, 3, 350), 2);
	/* Memslots are those of all that lies before. */
	assert_int_equal(second_with(-1, -1, 1, 350), 1);
	assert_int_equal(second_with(-1, -1, 2, 350), 2);
	assert_int_equal(second_block(-1, -1, 250), 2);
	/* The last event of block 2 is in the piece, what comes after it is not before. */
	assert_int_equal(second_block(-1, -1, 299), 2);
	assert_int_equal(second_block(-1, -1, 300), 3);
	assert_int_equal(second_block(0, -1, 350), 1);
	assert_int_equal(second_block(1, -1, 350), 1);
	assert_int_equal(second_block(2, -1, 350), 1);
	/* It is after the piece has begun. */
	assert_int_equal(second_block(3, -1, 250), 2);
}

/*
 * Beside one that never ends, so many begin and end that they are no longer kept. Each
 * is counted once, not its begin and its end.
 */
static void test_left_out(void **state)
{
	enum { PAIRS = 600000, ENDED = 524287 };
	const struct rs_cut_opts opts = { .from = true,
					  .from_absolute = true,
					  .from_ns = 10 * PAIRS };
	struct rs_event *evs = calloc(2 * PAIRS + 2, sizeof(*evs));
	const struct rs_trace_meta whole = { 0 };
	struct rs_trace_meta meta = { 0 };
	struct rs_error err = { 0 };
	struct rs_cut *c = rs_cut_new(&opts, &err);
	const struct rs_event *out;
	unsigned long long left_out = 0;
	size_t n = 0;

	assert_non_null(evs);
	assert_non_null(c);
	evs[n++] = inval(0, RS_EV_INVAL_BEGIN, 0);
	for (uint64_t i = 1; i <= PAIRS; i++) {
		evs[n++] = inval(i, RS_EV_INVAL_BEGIN, i);
		evs[n++] = inval(i, RS_EV_INVAL_END, i);
	}
	evs[n++] = inval(10 * PAIRS + 1, RS_EV_INVAL_BEGIN, 1);
	assert_true(rs_cut_feed(c, evs, n, &out, &err) >= 0);
	assert_true(rs_cut_finish(c, &out, &err) >= 0);
	assert_int_equal(rs_meta_copy(&meta, &whole), 0);
	assert_int_equal(rs_cut_note(c, &meta), 0);
	assert_int_equal(meta.nr_assumptions, 1);
	assert_int_equal(
		sscanf(meta.assumptions[0], "at the cut, %llu invalidations of VM 1", &left_out),
		1);
	/* The log has room for 2^20 events, of which the first is the one that stays. */
	assert_in_range(left_out, ENDED, ENDED + 1);
	rs_meta_free(&meta);
	rs_cut_free(c);
	free(evs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_light),
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
