// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults one by one: their attempts add up to what a replay counts, on every sample; what is
 * sorted and cut is what sorting and cutting all of them gives; and which attempts are one fault.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/faults/faults.h"
#include "base/array.h"
#include "tests/common/trace_file.h"

struct rows {
	struct rs_fault_row *row;
	size_t nr;
};

static void take(void *arg, const struct rs_fault_row *row)
{
	struct rows *r = arg;

	assert_int_equal(RS_ROOM_FOR_ONE(r->row, r->nr), 0);
	r->row[r->nr++] = *row;
}

/* All that @opts asks for, of a replay whose figures are the caller's if @res is not NULL. */
static void find(const struct test_trace *t, const char *algo, struct rs_faults_opts opts,
		 struct rows *rows, struct rs_result **res)
{
	struct rs_replay_opts replay = {
		.algos = algo, .flags = RS_REPLAY_TRUTH | RS_REPLAY_CAUSES | RS_REPLAY_BLAME
	};
	struct rs_error err = { 0 };
	struct rs_faults *f;
	struct rs_replay *r;
	struct rs_result *own;

	*rows = (struct rows){ 0 };
	opts.row = take;
	opts.arg = rows;
	f = rs_faults_new(&opts, &err);
	assert_non_null(f);
	replay.observer = rs_faults_observer(f);
	r = rs_replay_new(&replay, &err);
	assert_non_null(r);
	assert_int_equal(rs_replay_feed(r, t->evs, t->nr, &err), 0);
	own = rs_replay_finish(r, &err);
	assert_non_null(own);
	rs_replay_free(r);
	assert_int_equal(rs_faults_finish(f), 0);
	if (opts.limit)
		assert_int_equal(rows->nr,
				 rs_faults_found(f) < opts.limit ? rs_faults_found(f) : opts.limit);
	else
		assert_int_equal(rows->nr, rs_faults_found(f));
	rs_faults_free(f);
	if (res)
		*res = own;
	else
		rs_result_free(own);
}

static void expect_sums(const struct rows *rows, const struct rs_result *r)
{
	uint64_t checked = 0, rejected = 0, needless = 0, missed = 0, retried = 0;
	struct rs_fault_row sum = { 0 };

	for (size_t v = 0; v < r->nr_vms; v++) {
		const struct rs_algo_result *a = &r->vms[v].algos[0];

		checked += r->vms[v].checked;
		rejected += a->rejected;
		needless += a->spurious;
		missed += a->missed;
		retried += a->locked.known + a->lockless.known - a->locked.same - a->lockless.same;
	}
	for (size_t i = 0; i < rows->nr; i++) {
		const struct rs_fault_row *row = &rows->row[i];

		sum.attempts += row->attempts;
		sum.rejected += row->rejected;
		sum.needless += row->needless;
		sum.missed += row->missed;
		sum.differ += row->differ;
		/* All but the last were retried; the last as well, if the fault was given up. */
		assert_int_equal(row->retried,
				 row->attempts - (row->result != RS_RES_RETRY ? 1 : 0));
		assert_true(row->begin_ns <= row->decided_ns && row->last_ns <= row->done_ns);
		assert_true(rs_fault_stall(row) <= row->done_ns - row->begin_ns);
	}
	assert_int_equal(sum.attempts, checked);
	assert_int_equal(sum.rejected, rejected);
	assert_int_equal(sum.needless, needless);
	assert_int_equal(sum.missed, missed);
	assert_int_equal(sum.differ, retried);
}

static void test_samples(void **state)
{
	static const char *const samples[] = {
		"6.1-alias3",  "6.1-churn",	  "6.12-alias3",      "6.12-partial",
		"6.1-qemu-pc", "6.18-gmem-mixed", "7.3-gmem-two-vms",
	};
	static const char *const algos[] = { "hva", "gfn", "global", "hva-v6" };

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct test_trace t;
		char path[256];

		snprintf(path, sizeof(path), "%s/%s.dat", TRACE_SAMPLES, samples[i]);
		test_trace_read(&t, path);
		assert_string_equal(t.message, "");
		for (size_t a = 0; a < sizeof(algos) / sizeof(algos[0]); a++) {
			struct rs_result *res;
			struct rows rows;

			find(&t, algos[a], (struct rs_faults_opts){ 0 }, &rows, &res);
			expect_sums(&rows, res);
			rs_result_free(res);
			free(rows.row);
		}
		test_trace_free(&t);
	}
}

static int by_stall(const void *a, const void *b)
{
	const struct rs_fault_row *x = a, *y = b;
	const uint64_t p = rs_fault_stall(x), q = rs_fault_stall(y);

	return p != q ? (p < q) - (p > q) : (x->number > y->number) - (x->number < y->number);
}

static int by_retries(const void *a, const void *b)
{
	const struct rs_fault_row *x = a, *y = b;

	return x->retried != y->retried ? (x->retried < y->retried) - (x->retried > y->retried)
					: (x->number > y->number) - (x->number < y->number);
}

/* What is kept of all while they come is what would be taken of all of them. */
static void test_sorted(void **state)
{
	static const uint64_t limits[] = { 1, 2, 3, 7, 20, 1000, 0 };
	struct test_trace t;

	test_trace_read(&t, TRACE_SAMPLES "/6.12-alias3.dat");
	for (unsigned int order = RS_FAULTS_BY_STALL; order <= RS_FAULTS_BY_RETRIES; order++) {
		struct rows all;

		find(&t, "gfn", (struct rs_faults_opts){ .rejected = true }, &all, NULL);
		assert_true(all.nr > 1000);
		qsort(all.row, all.nr, sizeof(*all.row),
		      order == RS_FAULTS_BY_STALL ? by_stall : by_retries);
		for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
			struct rows some;

			find(&t, "gfn",
			     (struct rs_faults_opts){
				     .rejected = true, .order = order, .limit = limits[i] },
			     &some, NULL);
			for (size_t k = 0; k < some.nr; k++)
				assert_int_equal(some.row[k].number, all.row[k].number);
			free(some.row);
		}
		free(all.row);
	}
	test_trace_free(&t);
}

/* Each filter keeps those that it is about, and no others. */
static void test_filters(void **state)
{
	struct rows all, some;
	struct test_trace t;
	size_t gfn = 0, alias = 0, vcpu = 0;
	uint64_t end;

	test_trace_read(&t, TRACE_SAMPLES "/6.12-alias3.dat");
	find(&t, "gfn", (struct rs_faults_opts){ 0 }, &all, NULL);
	end = all.row[all.nr / 2].gfn; /* so that some are just there, and no more among them */
	for (size_t i = 0; i < all.nr; i++) {
		gfn += all.row[i].gfn >= 0x10 && all.row[i].gfn < end;
		vcpu += all.row[i].vcpu == 1;
		alias += (all.row[i].causes & 1U << RS_CAUSE_ALIAS) != 0;
	}
	assert_true(alias && vcpu && gfn);
	find(&t, "gfn",
	     (struct rs_faults_opts){ .one_gfn = true, .gfn_start = 0x10, .gfn_end = end }, &some,
	     NULL);
	assert_int_equal(some.nr, gfn);
	free(some.row);
	find(&t, "gfn", (struct rs_faults_opts){ .one_vcpu = true, .vcpu = 1 }, &some, NULL);
	assert_int_equal(some.nr, vcpu);
	free(some.row);
	find(&t, "gfn", (struct rs_faults_opts){ .causes = 1U << RS_CAUSE_ALIAS }, &some, NULL);
	assert_int_equal(some.nr, alias);
	free(some.row);
	/* The traced kernel's own algorithm decides as it did, and misses nothing. */
	find(&t, "gfn", (struct rs_faults_opts){ .differ = true }, &some, NULL);
	assert_int_equal(some.nr, 0);
	find(&t, "gfn", (struct rs_faults_opts){ .missed = true }, &some, NULL);
	assert_int_equal(some.nr, 0);
	free(all.row);
	test_trace_free(&t);
}

/* What was over is not older for the attempts that came since. */
static void test_longest(void **state)
{
	struct rs_event evs[] = {
		{ .type = RS_EV_MEMSLOT, .memslot = { .npages = 0x100, .hva = 0x10000000 } },
		{ .type = RS_EV_INVAL_BEGIN,
		  .time_ns = 100,
		  .inval = { .id = 1, .start = 0x10080000, .end = 0x10081000 } },
		{ .type = RS_EV_FAULT_BEGIN, .time_ns = 200, .fault.gfn = 1 },
		{ .type = RS_EV_FAULT_CHECK, .time_ns = 210, .result = RS_RES_RETRY },
		{ .type = RS_EV_INVAL_END, .time_ns = 230, .inval.id = 1 },
		{ .type = RS_EV_INVAL_BEGIN,
		  .time_ns = 900,
		  .inval = { .id = 2, .start = 0x10090000, .end = 0x10091000 } },
		{ .type = RS_EV_FAULT_BEGIN, .time_ns = 940, .fault.gfn = 1 },
		{ .type = RS_EV_FAULT_CHECK, .time_ns = 1000, .result = RS_RES_RETRY },
		{ .type = RS_EV_FAULT_BEGIN, .time_ns = 1100, .fault.gfn = 1 },
		{ .type = RS_EV_FAULT_CHECK, .time_ns = 1200, .result = RS_RES_OK },
		{ .type = RS_EV_INVAL_END, .time_ns = 1300, .inval.id = 2 },
	};
	const struct test_trace t = { .evs = evs, .nr = sizeof(evs) / sizeof(evs[0]) };
	struct rows rows;

	find(&t, "global", (struct rs_faults_opts){ 0 }, &rows, NULL);
	assert_int_equal(rows.nr, 1);
	assert_int_equal(rows.row[0].rejected, 3);
	assert_int_equal(rows.row[0].blame.by.id, 2);
	assert_int_equal(rows.row[0].blame_ns, 300);
	free(rows.row);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_sorted),
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
