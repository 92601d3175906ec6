// SPDX-License-Identifier: GPL-2.0-only
/*
 * What rejections are put down to adds up to what a replay counts, whatever they are grouped
 * by, on every sample; and the table is bounded whatever a trace names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/top/top.h"
#include "tests/common/trace_file.h"

static const char algos[] = "global,hva,gfn-v7,gfn,gfn-list,hfn-recent:2.1.8";

static struct rs_result *replay(const struct test_trace *t, const char *list, unsigned int flags,
				const struct rs_observer *o)
{
	const struct rs_replay_opts opts = { .algos = list, .flags = flags, .observer = o };
	struct rs_error err = { 0 };
	struct rs_replay *r = rs_replay_new(&opts, &err);
	struct rs_result *res;

	assert_non_null(r);
	assert_int_equal(rs_replay_feed(r, t->evs, t->nr, &err), 0);
	res = rs_replay_finish(r, &err);
	assert_non_null(res);
	rs_replay_free(r);
	return res;
}

static void make(const struct test_trace *t, const char *list, unsigned int keys,
		 struct rs_top_table *table)
{
	struct rs_error err = { 0 };
	struct rs_top *top = rs_top_new(list, keys, false, &err);

	assert_non_null(top);
	rs_result_free(replay(t, list, RS_REPLAY_TRUTH | RS_REPLAY_CAUSES | RS_REPLAY_BLAME,
			      rs_top_observer(top)));
	assert_int_equal(rs_top_finish(top, &t->meta.whos, table), 0);
	rs_top_free(top);
}

/* The sums over the rows of an algorithm, and of one cause of it, if that is not NULL. */
static struct rs_top_row sum(const struct rs_top_table *t, const char *algo, const char *cause)
{
	struct rs_top_row all = { 0 };

	for (size_t i = 0; i < t->nr_rows; i++) {
		const struct rs_top_row *row = &t->rows[i];

		if (strcmp(row->key[RS_TOP_ALGORITHM], algo) != 0 ||
		    (cause && strcmp(row->key[RS_TOP_CAUSE], cause) != 0))
			continue;
		rs_top_add(&all, row);
	}
	return all;
}

static void expect_sums(const struct rs_top_table *t, const struct rs_result *r)
{
	for (size_t a = 0; a < r->nr_algos; a++) {
		const char *name = r->vms[0].algos[a].name;
		uint64_t rejected = 0, spurious = 0, missed = 0;
		const struct rs_top_row all = sum(t, name, NULL);

		for (size_t v = 0; v < r->nr_vms; v++) {
			rejected += r->vms[v].algos[a].rejected;
			spurious += r->vms[v].algos[a].spurious;
			missed += r->vms[v].algos[a].missed;
		}
		assert_int_equal(all.rejected, rejected);
		assert_int_equal(all.needless, spurious);
		assert_int_equal(all.missed, missed);
		for (unsigned int c = 0; t->keys & 1U << RS_TOP_CAUSE && c < RS_NR_CAUSES; c++) {
			uint64_t causes = 0;

			for (size_t v = 0; v < r->nr_vms; v++)
				causes += r->vms[v].algos[a].causes[c];
			assert_int_equal(sum(t, name, rs_cause_name(c)).needless, causes);
		}
	}
}

static const char *const samples[] = {
	"6.1-alias0",	   "6.1-alias3",       "6.1-churn",  "6.1-partial",  "6.1-thp",
	"6.12-alias0",	   "6.12-alias3",      "6.12-churn", "6.12-partial", "6.12-thp",
	"6.18-gmem-mixed", "7.3-gmem-two-vms", "7.3-gmem",   "6.1-qemu-pc",
};

#define NR_SAMPLES (sizeof(samples) / sizeof(samples[0]))

static void read_sample(struct test_trace *t, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s.dat", TRACE_SAMPLES, name);
	test_trace_read(t, path);
	assert_string_equal(t->message, "");
}

/* The most rejections first, then the most faults that were missed. */
static void expect_order(const struct rs_top_table *t)
{
	for (size_t i = 1; i < t->nr_rows; i++) {
		const struct rs_top_row *a = &t->rows[i - 1], *b = &t->rows[i];

		assert_true(a->rejected > b->rejected ||
			    (a->rejected == b->rejected && a->missed >= b->missed));
	}
}

static void test_samples(void **state)
{
	for (size_t i = 0; i < NR_SAMPLES; i++) {
		struct test_trace t;
		struct rs_result *r;

		read_sample(&t, samples[i]);
		r = replay(&t, algos, RS_REPLAY_TRUTH | RS_REPLAY_CAUSES, NULL);
		for (unsigned int k = RS_TOP_VM; k < RS_NR_TOP_KEYS; k++) {
			struct rs_top_table table;

			make(&t, algos, 1U << RS_TOP_ALGORITHM | 1U << k, &table);
			expect_sums(&table, r);
			expect_order(&table);
			rs_top_table_free(&table);
		}
		rs_result_free(r);
		test_trace_free(&t);
	}
}

/* Both loops, and what the closed one found by itself. */
static struct rs_result *simulate(const struct test_trace *t, const char *list, unsigned int keys,
				  struct rs_top_table *table)
{
	struct rs_error err = { 0 };
	struct rs_top *top = rs_top_new(list, keys, true, &err);
	const struct rs_closed_opts opts = {
		.algos = list, .both = true, .stalled = rs_top_stalled, .arg = top
	};
	struct rs_closed *c = rs_closed_new(&opts, &err);
	struct rs_result *r;

	assert_non_null(top);
	assert_non_null(c);
	rs_result_free(replay(t, list, RS_REPLAY_TRUTH | RS_REPLAY_CAUSES | RS_REPLAY_BLAME,
			      rs_top_observer(top)));
	r = replay(t, list, 0, rs_closed_observer(c));
	assert_int_equal(rs_closed_finish(c, r, &err), 0);
	assert_int_equal(rs_top_finish(top, &t->meta.whos, table), 0);
	rs_closed_free(c);
	rs_top_free(top);
	return r;
}

/* With the arrivals that were asked for, or with @other ones. */
static void expect_stall(const struct rs_top_table *t, const struct rs_result *r, bool other)
{
	for (size_t a = 0; a < r->nr_algos; a++) {
		const struct rs_top_row all = sum(t, r->vms[0].algos[a].name, NULL);
		const struct rs_top_stall *stall = other ? &all.other : &all.stall;
		unsigned __int128 stall_ns = 0;
		uint64_t retries = 0;

		for (size_t v = 0; v < r->nr_vms; v++) {
			const struct rs_algo_result *algo = &r->vms[v].algos[a];
			const struct rs_closed_algo *c = other ? algo->other : algo->closed;

			retries += c->retries;
			stall_ns += c->stall_ns.total;
		}
		assert_int_equal(stall->retries, retries);
		assert_true(stall->stall_ns == stall_ns);
	}
}

/* The stall of the closed loop adds up as well, and the open loop's figures are as without. */
static void test_stall(void **state)
{
	const unsigned int keys = (1U << RS_NR_TOP_KEYS) - 1;

	for (size_t i = 0; i < NR_SAMPLES; i++) {
		struct rs_top_table table;
		struct test_trace t;
		struct rs_result *r;

		read_sample(&t, samples[i]);
		r = simulate(&t, algos, keys, &table);
		expect_stall(&table, r, false);
		expect_stall(&table, r, true);
		rs_result_free(r);
		r = replay(&t, algos, RS_REPLAY_TRUTH | RS_REPLAY_CAUSES, NULL);
		expect_sums(&table, r);
		rs_result_free(r);
		rs_top_table_free(&table);
		test_trace_free(&t);
	}
}

/*
 * Where the simulation of the kernel's own algorithm gives each fault back as it was recorded,
 * each retry is the doing of the same as in the open loop, which a naive implementation is
 * held against.
 */
static void test_same_blame(void **state)
{
	static const struct {
		const char *sample, *algo;
	} as_recorded[] = { { "6.12-alias3", "gfn" }, { "6.1-partial", "hva" },
			    { "6.1-thp", "hva" },     { "6.18-gmem-mixed", "gfn" },
			    { "7.3-gmem", "gfn" },    { "7.3-gmem-two-vms", "gfn" } };
	const unsigned int keys = ((1U << RS_NR_TOP_KEYS) - 1) & ~(1U << RS_TOP_GFN);
	uint64_t retries = 0;

	for (size_t i = 0; i < sizeof(as_recorded) / sizeof(as_recorded[0]); i++) {
		struct rs_top_table table;
		struct test_trace t;

		read_sample(&t, as_recorded[i].sample);
		rs_result_free(simulate(&t, as_recorded[i].algo, keys, &table));
		for (size_t k = 0; k < table.nr_rows; k++) {
			assert_int_equal(table.rows[k].stall.retries, table.rows[k].rejected);
			retries += table.rows[k].stall.retries;
		}
		rs_top_table_free(&table);
		test_trace_free(&t);
	}
	assert_true(retries > 20000);
}

/* Whose doing it is in the capture of a PC guest. */
static void test_ksmd(void **state)
{
	struct rs_top_table table;
	struct test_trace t;

	read_sample(&t, "6.1-qemu-pc");
	make(&t, "hva", 1U << RS_TOP_TASK, &table);
	assert_string_equal(table.rows[0].key[RS_TOP_TASK], "ksmd-39");
	assert_true(table.rows[0].rejected * 2 > table.all[0].rejected);
	rs_top_table_free(&table);
	test_trace_free(&t);
}

/* Each fault at another frame: of them no more groups than there is room for. */
static void test_bounded(void **state)
{
	enum { FAULTS = RS_TOP_MAX_GROUPS + 1000 };
	const size_t nr = 2UL * FAULTS + 2;
	struct test_trace t = { .nr = nr, .evs = calloc(nr, sizeof(*t.evs)) };
	struct rs_top_table table;
	struct rs_event *ev = t.evs;

	assert_non_null(t.evs);
	*ev++ = (struct rs_event){ .type = RS_EV_MEMSLOT,
				   .memslot = { .npages = 2UL * FAULTS, .hva = 0x10000000 } };
	*ev++ = (struct rs_event){ .type = RS_EV_INVAL_BEGIN,
				   .inval = { .start = 0x10000000, .end = 0x10001000 } };
	for (uint64_t gfn = 1; gfn <= FAULTS; gfn++) {
		*ev++ = (struct rs_event){ .type = RS_EV_FAULT_BEGIN, .fault.gfn = gfn };
		*ev++ = (struct rs_event){ .type = RS_EV_FAULT_CHECK };
	}
	make(&t, "global", 1U << RS_TOP_GFN, &table);
	assert_int_equal(table.all[0].rejected, FAULTS);
	assert_int_equal(table.nr_rows, RS_TOP_MAX_GROUPS + 1);
	assert_string_equal(table.rows[0].key[RS_TOP_GFN], "(others)");
	assert_int_equal(table.rows[0].rejected, 1000);
	rs_top_table_free(&table);
	free(t.evs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples),	   cmocka_unit_test(test_stall),
		cmocka_unit_test(test_same_blame), cmocka_unit_test(test_ksmd),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
