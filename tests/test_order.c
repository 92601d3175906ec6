// SPDX-License-Identifier: GPL-2.0-only
/* The order of a VM's events: epochs by number, and when it is not known what is in progress. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "traces/dat/dat_order.h"

#define MS 1000000ULL
#define VM 1

struct fixture {
	struct rs_trace_meta meta;
	struct rs_dat_order *order;
	struct rs_dat_events out;
};

static int no_memslots(void *arg, struct rs_event **list, size_t *n)
{
	*list = NULL;
	*n = 0;
	return 0;
}

static int make(void **state)
{
	static const struct rs_dat_learner learner = { .learn = no_memslots };
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->order = rs_dat_order_new(&f->meta, VM, false, &learner);
	assert_non_null(f->order);
	*state = f;
	return 0;
}

static int unmake(void **state)
{
	struct fixture *f = *state;

	rs_dat_order_free(f->order);
	rs_meta_free(&f->meta);
	free(f->out.ev);
	free(f);
	return 0;
}

/* Something under the lock at @ms, where the kernel's count is @in_progress, its number @seq. */
static struct rs_dat_item *put(struct fixture *f, enum rs_dat_item_type type, uint64_t ms,
			       uint64_t in_progress, uint64_t seq)
{
	const bool begin = type == RS_DAT_BEGIN;
	const struct rs_event ev = {
		.time_ns = ms * MS,
		.vm = VM,
		.type = begin ? RS_EV_INVAL_BEGIN : RS_EV_FAULT_CHECK,
		.inval.id = begin ? ms : 0,
		.inval.start = 0x1000,
		.inval.end = 0x2000,
	};
	struct rs_dat_item *i = rs_dat_order_put(f->order, type, &ev, false, NULL);

	assert_non_null(i);
	i->seq = seq;
	i->state = (struct rs_dat_state){ seq, in_progress, 0x1000, 0x2000 };
	return i;
}

/* The first hit of a walk over the frames 0x1000 to 0x2000, alone in progress. */
static void put_walk(struct fixture *f, uint64_t ms, uint64_t range_start, uint64_t range_end)
{
	struct rs_dat_item *i = put(f, RS_DAT_BEGIN, ms, 1, 100);

	i->ev.flags = RS_F_GFN;
	i->state.start = range_start;
	i->state.end = range_end;
}

/* The invalidation that began at @begin_ms ends. */
static void put_end(struct fixture *f, uint64_t ms, uint64_t begin_ms, uint64_t seq)
{
	const struct rs_event ev = {
		.time_ns = ms * MS,
		.vm = VM,
		.type = RS_EV_INVAL_END,
		.fault.gfn = begin_ms,
	};
	struct rs_dat_item *i = rs_dat_order_put(f->order, RS_DAT_END, &ev, false, NULL);

	assert_non_null(i);
	i->seq = seq;
}

static void put_mark(struct fixture *f, enum rs_dat_item_type type, uint64_t ms, uint64_t count)
{
	const struct rs_event ev = {
		.time_ns = ms * MS,
		.vm = VM,
		.type = RS_EV_LOST,
		.lost.count = count,
	};

	assert_non_null(rs_dat_order_put(f->order, type, &ev, false, NULL));
}

/* The marks of losses that come out, as "MS:COUNT MS:?". */
static void assert_marks(struct fixture *f, const char *wanted)
{
	char got[256] = "";
	uint64_t settled;

	assert_int_equal(rs_dat_order_advance(f->order, UINT64_MAX, &settled), 0);
	assert_int_equal(rs_dat_order_take(f->order, settled, &f->out), 0);
	for (size_t i = 0; i < f->out.nr; i++) {
		const struct rs_event *ev = &f->out.ev[i];
		const size_t len = strlen(got);

		if (ev->type != RS_EV_LOST)
			continue;
		snprintf(got + len, sizeof(got) - len,
			 ev->lost.count == RS_LOST_UNKNOWN ? "%s%d:?" : "%s%d:%d", len ? " " : "",
			 (int)(ev->time_ns / MS), (int)ev->lost.count);
	}
	assert_string_equal(got, wanted);
}

/* What comes out, a letter for each: Begin, End, Fault's begin, Check; and its time in ms. */
static void assert_order(struct fixture *f, const char *wanted)
{
	char got[256] = "";
	uint64_t settled;

	assert_int_equal(rs_dat_order_advance(f->order, UINT64_MAX, &settled), 0);
	assert_int_equal(rs_dat_order_take(f->order, settled, &f->out), 0);
	for (size_t i = 0; i < f->out.nr; i++) {
		const struct rs_event *ev = &f->out.ev[i];
		const size_t len = strlen(got);
		const char letter = ev->type == RS_EV_INVAL_BEGIN   ? 'B'
				    : ev->type == RS_EV_INVAL_END   ? 'E'
				    : ev->type == RS_EV_FAULT_BEGIN ? 'F'
				    : ev->type == RS_EV_FAULT_CHECK ? 'C'
								    : 0;

		if (letter)
			snprintf(got + len, sizeof(got) - len, "%s%c%d", len ? " " : "", letter,
				 (int)(ev->time_ns / MS));
	}
	assert_string_equal(got, wanted);
}

/*
 * The first fault was recorded at 10 ms, and its vCPU's thread paused before it read
 * the number: two invalidations came and went, so that it saw 102.
 */
static void test_first_fault_pauses(void **state)
{
	struct fixture *f = *state;
	const struct rs_event fault = { .time_ns = 10 * MS, .vm = VM, .type = RS_EV_FAULT_BEGIN };
	struct rs_dat_item *i = rs_dat_order_put(f->order, RS_DAT_FAULT_BEGIN, &fault, false, NULL);

	assert_non_null(i);
	i->seq = 102;
	put(f, RS_DAT_BEGIN, 20, 1, 100);
	put_end(f, 21, 20, 100);
	put(f, RS_DAT_BEGIN, 30, 1, 101);
	put_end(f, 31, 30, 101);
	put(f, RS_DAT_CHECK, 40, 0, 102);
	assert_order(f, "B20 E21 B30 E31 F31 C40");
}

/* A VM's whole life: nothing is in doubt, whatever overlaps. */
static void test_whole_life(void **state)
{
	struct fixture *f = *state;

	put(f, RS_DAT_CHECK, 10, 0, 100);
	put(f, RS_DAT_BEGIN, 20, 1, 100);
	put(f, RS_DAT_BEGIN, 30, 2, 100);
	put(f, RS_DAT_CHECK, 40, 2, 100);
	put_end(f, 50, 20, 100);
	put(f, RS_DAT_CHECK, 60, 1, 101);
	put_end(f, 70, 30, 101);
	assert_marks(f, "");
}

/* The first that is seen is an invalidation that begins, with nothing else in progress. */
static void test_begins_alone(void **state)
{
	struct fixture *f = *state;

	put(f, RS_DAT_BEGIN, 10, 1, 100);
	put(f, RS_DAT_CHECK, 20, 1, 100);
	assert_marks(f, "");
}

/*
 * One was in progress before the recording began, and lasts for 35 ms more: longer
 * than a replay would wait after one mark.
 */
static void test_ran_before(void **state)
{
	struct fixture *f = *state;

	put(f, RS_DAT_CHECK, 10, 1, 100);
	put(f, RS_DAT_CHECK, 12, 1, 100);
	put(f, RS_DAT_BEGIN, 20, 2, 100);
	put_end(f, 25, 20, 100);
	put(f, RS_DAT_CHECK, 30, 1, 101);
	put(f, RS_DAT_CHECK, 45, 1, 101);
	put(f, RS_DAT_CHECK, 50, 0, 102);
	put(f, RS_DAT_BEGIN, 60, 1, 102);
	put(f, RS_DAT_BEGIN, 70, 2, 102);
	put(f, RS_DAT_CHECK, 80, 2, 102);
	assert_marks(f, "10:? 20:0 25:0 30:0 45:0");
}

/* The begin of one was lost; it is in doubt until it has ended. */
static void test_lost_begin(void **state)
{
	struct fixture *f = *state;

	put(f, RS_DAT_CHECK, 10, 0, 100);
	put_mark(f, RS_DAT_GAP_BEGIN_MARK, 20, 3);
	put_mark(f, RS_DAT_GAP_END_MARK, 21, 0);
	put(f, RS_DAT_CHECK, 22, 1, 100);
	put(f, RS_DAT_CHECK, 40, 1, 100);
	put(f, RS_DAT_BEGIN, 50, 1, 101);
	put(f, RS_DAT_CHECK, 60, 1, 101);
	assert_marks(f, "20:3 21:0 40:0");
}

/* A vCPU that only spins without the lock is no proof of anything either. */
static void test_lost_begin_spinning(void **state)
{
	struct fixture *f = *state;

	put(f, RS_DAT_CHECK, 10, 0, 100);
	put_mark(f, RS_DAT_GAP_BEGIN_MARK, 20, 3);
	put_mark(f, RS_DAT_GAP_END_MARK, 21, 0);
	put(f, RS_DAT_CHECK_EARLY, 24, 1, 100);
	put(f, RS_DAT_CHECK_EARLY, 27, 1, 100);
	put(f, RS_DAT_CHECK_EARLY, 30, 1, 100);
	put(f, RS_DAT_CHECK_EARLY, 33, 1, 100);
	put(f, RS_DAT_CHECK, 40, 0, 101);
	put(f, RS_DAT_CHECK_EARLY, 50, 0, 101);
	assert_marks(f, "20:3 21:0 27:0 33:0");
}

/* The recording begins while a vCPU spins for an invalidation that began before. */
static void test_ran_before_spinning(void **state)
{
	struct fixture *f = *state;

	put(f, RS_DAT_CHECK_EARLY, 10, 1, 100);
	put(f, RS_DAT_CHECK_EARLY, 18, 1, 100);
	put_end(f, 20, 1, 100);
	put(f, RS_DAT_BEGIN, 30, 1, 101);
	assert_marks(f, "10:? 18:0");
}

/*
 * It began unseen and ends while nothing is decided: what is decided next says that
 * nothing is in progress any more, but not that a fault that began before was spared.
 */
static void test_ran_before_and_ends(void **state)
{
	struct fixture *f = *state;

	put_end(f, 10, 1, 100);
	put(f, RS_DAT_CHECK, 20, 0, 101);
	put(f, RS_DAT_BEGIN, 30, 1, 101);
	put_end(f, 40, 30, 101);
	assert_marks(f, "10:?");
}

/*
 * The recording begins in the middle of a walk over frames: its first hit is no begin, since
 * there is more in the range. Of all frames, as where the range is one of host addresses, that
 * cannot be told.
 */
static void test_walk_began_before(void **state)
{
	struct fixture *f = *state;

	put_walk(f, 10, 0x800, 0x2000);
	put_end(f, 20, 10, 100);
	put(f, RS_DAT_BEGIN, 30, 1, 101);
	assert_marks(f, "10:? 20:0");
}

static void test_all_frames(void **state)
{
	struct fixture *f = *state;

	put_walk(f, 10, 0, UINT64_MAX);
	assert_marks(f, "");
}

/* It spins for the VM's first one, whose task pauses before that is recorded. */
static void test_first_begin_pauses(void **state)
{
	struct fixture *f = *state;

	put(f, RS_DAT_CHECK_EARLY, 10, 1, 100);
	put(f, RS_DAT_CHECK_EARLY, 18, 1, 100);
	put(f, RS_DAT_BEGIN, 20, 1, 100);
	put_end(f, 30, 20, 100);
	assert_marks(f, "");
}

static void put_seam(struct fixture *f, uint64_t ms, uint8_t flags)
{
	const struct rs_event ev = {
		.time_ns = ms * MS, .vm = VM, .type = RS_EV_LOST, .flags = flags
	};

	assert_non_null(rs_dat_order_put(f->order, RS_DAT_GAP_MARK, &ev, false, NULL));
}

/*
 * A recording pauses while an end is waited for, and goes on when the kernel has counted on
 * by hundreds. What comes first then is a fault, whose number starts the numbers anew.
 */
static void test_pause(void **state)
{
	struct fixture *f = *state;
	const struct rs_event fault = { .time_ns = 40 * MS, .vm = VM, .type = RS_EV_FAULT_BEGIN };
	struct rs_dat_item *i;

	put(f, RS_DAT_BEGIN, 10, 1, 100);
	put_end(f, 15, 10, RS_DAT_NO_SEQ);
	put_seam(f, 20, RS_F_PAUSE);
	put_seam(f, 30, RS_F_RESUME);
	i = rs_dat_order_put(f->order, RS_DAT_FAULT_BEGIN, &fault, false, NULL);
	assert_non_null(i);
	i->seq = 900;
	put(f, RS_DAT_CHECK, 50, 0, 900);
	put(f, RS_DAT_BEGIN, 60, 1, 900);
	put_end(f, 70, 60, 900);
	put(f, RS_DAT_CHECK, 80, 0, 901);
	assert_order(f, "B10 F40 C50 B60 E70 C80");
	assert_int_equal(f->meta.nr_anomalies, 0);
}

/* What is seen while another CPU's events are being lost proves nothing. */
static void test_other_cpu(void **state)
{
	struct fixture *f = *state;

	put(f, RS_DAT_CHECK, 10, 0, 100);
	put_mark(f, RS_DAT_GAP_BEGIN_MARK, 20, 3);
	put(f, RS_DAT_CHECK, 30, 0, 100);
	put_mark(f, RS_DAT_GAP_END_MARK, 31, 0);
	put(f, RS_DAT_CHECK, 40, 1, 100);
	put(f, RS_DAT_CHECK, 50, 0, 101);
	assert_marks(f, "20:3 30:0 31:0 40:0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_first_fault_pauses, make, unmake),
		cmocka_unit_test_setup_teardown(test_whole_life, make, unmake),
		cmocka_unit_test_setup_teardown(test_begins_alone, make, unmake),
		cmocka_unit_test_setup_teardown(test_ran_before, make, unmake),
		cmocka_unit_test_setup_teardown(test_ran_before_and_ends, make, unmake),
		cmocka_unit_test_setup_teardown(test_lost_begin, make, unmake),
		cmocka_unit_test_setup_teardown(test_lost_begin_spinning, make, unmake),
		cmocka_unit_test_setup_teardown(test_ran_before_spinning, make, unmake),
		cmocka_unit_test_setup_teardown(test_walk_began_before, make, unmake),
		cmocka_unit_test_setup_teardown(test_all_frames, make, unmake),
		cmocka_unit_test_setup_teardown(test_first_begin_pauses, make, unmake),
		cmocka_unit_test_setup_teardown(test_pause, make, unmake),
		cmocka_unit_test_setup_teardown(test_other_cpu, make, unmake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
