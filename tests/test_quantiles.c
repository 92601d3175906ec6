// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each figure that a report prints of a distribution is the one that its name says.
 *
 * Every distribution has the values 1 to 1000, one each, times a power of two of its
 * own. Their quantiles are known without a program: 500, 900, 990 and 999. A bucket
 * is 1/128 of its octave wide, from 512 on 4, and a quantile is a bucket's lower bound:
 * so 988 and 996 are printed of the last two, and the power of two changes none of this.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "analysis/report/report.h"
#include "analysis/report/report_read.h"
#include "analysis/sweep/sweep_table.h"

enum { P50 = 500, P90 = 900, P99 = 988, P999 = 996, MAX = 1000, TOTAL = 500500 };

/* Which power of two. */
enum {
	INVAL,
	EPOCH,
	EPOCH_INVALS,
	WIDENING,
	PEAK,
	BLOCKED,
	PER_FAULT,
	PER_INVAL,
	SERVICE,
	STALL,
};

static struct rs_closed_algo closed;
static struct rs_algo_result algo = { .name = "gfn", .merged = true, .closed = &closed };
static struct rs_vm_result vm = { .vm = 1,
				  .end_ns = 1000000000,
				  .memslots = 1,
				  .frames = 1000,
				  .mean_frames = 1000,
				  .frames_page_ns = (unsigned __int128)1000 * 1000000000,
				  .inval_hit = 1000,
				  .max_outstanding = 1,
				  .checked = 1000,
				  .epochs = 1000,
				  .closed = { .arrivals = "recorded", .logical_faults = 1000 },
				  .algos = &algo };
static struct rs_result result = {
	.closed = true, .events = 10, .end_ns = 1000000000, .nr_algos = 1, .vms = &vm, .nr_vms = 1
};
static struct rs_trace_meta meta;
static const struct rs_report report = {
	.result = &result, .meta = &meta, .path = "trace", .version = "0", .distributions = true
};

static const struct {
	struct rs_hist *hist;
	unsigned int shift;
	const char *path; /* in the JSON report */
	bool ratio;	  /* it has thousandths */
} dists[] = {
	{ &vm.inval_ns, INVAL, "distributions/inval_ns", false },
	{ &vm.epoch_ns, EPOCH, "distributions/epoch_ns", false },
	{ &vm.epoch_invals, EPOCH_INVALS, "distributions/epoch_invals", false },
	{ &algo.widening_time, WIDENING, "algorithms/gfn/distributions/widening_time", true },
	{ &algo.widening_epoch, PEAK, "algorithms/gfn/distributions/widening_epoch", true },
	{ &algo.blocked_epoch, BLOCKED, "algorithms/gfn/distributions/blocked_epoch", false },
	{ &closed.retries_per_fault, PER_FAULT, "algorithms/gfn/closed/retries_per_fault", false },
	{ &closed.retries_per_inval, PER_INVAL, "algorithms/gfn/closed/retries_per_inval", false },
	{ &closed.service_ns, SERVICE, "algorithms/gfn/closed/service_ns", false },
	{ &closed.stall_ns, STALL, "algorithms/gfn/closed/stall_ns", false },
};

#define NR_DISTS (sizeof(dists) / sizeof(dists[0]))

static int fill(void **state)
{
	for (size_t i = 0; i < NR_DISTS; i++)
		for (uint64_t v = 1; v <= 1000; v++)
			rs_hist_add(dists[i].hist, v << dists[i].shift, 1);
	return 0;
}

static int clear(void **state)
{
	for (size_t i = 0; i < NR_DISTS; i++)
		rs_hist_free(dists[i].hist);
	return 0;
}

static void test_histogram(void **state)
{
	static const struct {
		double q;
		uint64_t value;
	} known[] = {
		{ 0, 1 },	 { 0.001, 1 },	 { 0.0011, 2 },	 { 0.1, 100 },	  { 0.25, 250 },
		{ 0.255, 255 },	 { 0.257, 256 }, { 0.258, 258 }, { 0.5, P50 },	  { 0.501, P50 },
		{ 0.5011, 502 }, { 0.511, 510 }, { 0.512, 512 }, { 0.515, 512 },  { 0.516, 516 },
		{ 0.9, P90 },	 { 0.95, 948 },	 { 0.99, P99 },	 { 0.9911, 992 }, { 0.999, P999 },
		{ 0.9999, MAX }, { 1, MAX },
	};

	for (size_t d = 0; d < NR_DISTS; d++) {
		const struct rs_hist *h = dists[d].hist;

		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
			if (d && known[i].value < 128)
				continue; /* the exact ones end elsewhere */
			assert_int_equal(rs_hist_quantile(h, known[i].q),
					 known[i].value << dists[d].shift);
		}
		assert_int_equal(h->weight, 1000);
		assert_int_equal(h->min, 1 << dists[d].shift);
		assert_int_equal(h->max, 1000 << dists[d].shift);
		assert_int_equal((uint64_t)h->total, (uint64_t)TOTAL << dists[d].shift);
		assert_true(fabs(rs_hist_mean(h) - (500.5 * (1 << dists[d].shift))) < 1e-6);
	}
}

/* What a histogram has is what it had in two halves. */
static void test_merged(void **state)
{
	struct rs_hist low = { 0 }, high = { 0 };

	for (uint64_t v = 1; v <= 1000; v++)
		rs_hist_add(v % 3 ? &low : &high, v, 1);
	rs_hist_merge(&low, &high);
	assert_int_equal(low.weight, 1000);
	assert_int_equal(low.min, 1);
	assert_int_equal(low.max, 1000);
	assert_int_equal((uint64_t)low.total, TOTAL);
	assert_int_equal(rs_hist_quantile(&low, 0.5), P50);
	assert_int_equal(rs_hist_quantile(&low, 0.9), P90);
	assert_int_equal(rs_hist_quantile(&low, 0.99), P99);
	assert_int_equal(rs_hist_quantile(&low, 0.999), P999);
	rs_hist_free(&low);
	/* Into an empty one. */
	rs_hist_merge(&low, &high);
	assert_int_equal(low.weight, 333);
	assert_int_equal(low.min, 3);
	assert_int_equal(low.max, 999);
	assert_int_equal(rs_hist_quantile(&low, 0), 3);
	rs_hist_free(&low);
	rs_hist_free(&high);
}

static char *written(const char *format)
{
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	assert_int_equal(rs_report_format_find(format)->write(f, &report), 0);
	assert_int_equal(fclose(f), 0);
	return text;
}

static const json_t *at(const json_t *v, const char *path)
{
	char copy[128], *save;

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *k = strtok_r(copy, "/", &save); k; k = strtok_r(NULL, "/", &save))
		v = json_object_get(v, k);
	if (!v)
		fail_msg("the report has no %s", path);
	return v;
}

static void expect_dist(const json_t *v, size_t d)
{
	static const struct {
		const char *key;
		unsigned int value;
	} members[] = {
		{ "p50", P50 },	  { "p90", P90 }, { "p99", P99 },
		{ "p999", P999 }, { "max", MAX }, { "total", TOTAL },
	};
	const json_t *o = at(v, dists[d].path);

	assert_int_equal(json_integer_value(json_object_get(o, "count")), 1000);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		double want = (double)members[i].value * (1 << dists[d].shift);
		double found = json_number_value(json_object_get(o, members[i].key));

		if (dists[d].ratio)
			want /= RS_RATIO_SCALE;
		if (fabs(found - want) > 1e-9 * want)
			fail_msg("%s: %s is %.9g, not %.9g", dists[d].path, members[i].key, found,
				 want);
	}
}

static void test_json(void **state)
{
	char *text = written("json");
	json_t *root = json_loads(text, 0, NULL);

	assert_non_null(root);
	for (size_t d = 0; d < NR_DISTS; d++)
		expect_dist(json_array_get(json_object_get(root, "vms"), 0), d);
	json_decref(root);
	free(text);
}

/* Read back and written again, it has the same. */
static void test_read_back(void **state)
{
	struct rs_report_data data;
	struct rs_error err = { 0 };
	char *text = written("json");
	FILE *f = fmemopen(text, strlen(text), "r");

	assert_non_null(f);
	assert_int_equal(rs_report_read(f, &data, &err), 0);
	fclose(f);
	for (size_t d = 0; d < NR_DISTS; d++) {
		const struct rs_vm_result *v = &data.result->vms[0];
		const struct rs_algo_result *a = &v->algos[0];
		const struct rs_hist *back[] = {
			&v->inval_ns,
			&v->epoch_ns,
			&v->epoch_invals,
			&a->widening_time,
			&a->widening_epoch,
			&a->blocked_epoch,
			&a->closed->retries_per_fault,
			&a->closed->retries_per_inval,
			&a->closed->service_ns,
			&a->closed->stall_ns,
		};

		assert_int_equal(rs_hist_quantile(back[d], 0.5), P50 << dists[d].shift);
		assert_int_equal(rs_hist_quantile(back[d], 0.9), P90 << dists[d].shift);
		assert_int_equal(rs_hist_quantile(back[d], 0.99), P99 << dists[d].shift);
		assert_int_equal(rs_hist_quantile(back[d], 0.999), P999 << dists[d].shift);
		assert_int_equal(back[d]->max, MAX << dists[d].shift);
		assert_int_equal((uint64_t)back[d]->total, (uint64_t)TOTAL << dists[d].shift);
	}
	rs_report_data_free(&data);
	free(text);
}

/* The field of @row under @name in @header. */
static double field(const char *header, const char *row, const char *name)
{
	size_t len = strlen(name);

	for (const char *h = header, *r = row;; h++, r++) {
		if (!strncmp(h, name, len) && (h[len] == ',' || h[len] == '\n'))
			return strtod(r, NULL);
		h += strcspn(h, ",\n");
		r += strcspn(r, ",\n");
		if (*h != ',' || *r != ',')
			fail_msg("no column %s", name);
	}
}

static const struct {
	const char *name;
	double value;
} columns[] = {
	{ "stall_total_ns", (double)TOTAL *(1 << STALL) },
	{ "stall_p50_ns", (double)P50 *(1 << STALL) },
	{ "stall_p99_ns", (double)P99 *(1 << STALL) },
	{ "stall_p999_ns", (double)P999 *(1 << STALL) },
	{ "stall_max_ns", (double)MAX *(1 << STALL) },
	{ "service_total_ns", (double)TOTAL *(1 << SERVICE) },
	/* Not in the table of a sweep: */
	{ "service_p50_ns", (double)P50 *(1 << SERVICE) },
	{ "service_p99_ns", (double)P99 *(1 << SERVICE) },
	{ "service_p999_ns", (double)P999 *(1 << SERVICE) },
	{ "service_max_ns", (double)MAX *(1 << SERVICE) },
};

static void expect_columns(const char *text, size_t n)
{
	const char *row = strchr(text, '\n') + 1;

	for (size_t i = 0; i < n; i++)
		if (field(text, row, columns[i].name) != columns[i].value)
			fail_msg("%s is %.9g, not %.9g", columns[i].name,
				 field(text, row, columns[i].name), columns[i].value);
}

static void test_csv(void **state)
{
	char *text = written("csv");

	expect_columns(text, sizeof(columns) / sizeof(columns[0]));
	free(text);
}

static void test_sweep_table(void **state)
{
	static const char *const seeds[] = { "1" };
	const struct rs_sweep_axis axis = { "seed", seeds, 1 };
	const struct rs_sweep_opts opts = { .axes = &axis, .nr_axes = 1, .closed = true };
	const struct rs_sweep_cell cell = { .nr_algos = 1, .sum = &vm };
	char *text, *rows;
	size_t size, rows_size;
	FILE *f = open_memstream(&text, &size), *of_rows = open_memstream(&rows, &rows_size);

	assert_true(f && of_rows);
	rs_sweep_table_rows(of_rows, &opts, &cell);
	assert_int_equal(fclose(of_rows), 0);
	rs_sweep_table_header(f, &opts);
	rs_sweep_table_put(f, &opts, rows);
	assert_int_equal(fclose(f), 0);
	free(rows);
	expect_columns(text, 6);
	assert_true(field(text, strchr(text, '\n') + 1, "stall_mean_ns") == 500.5 * (1 << STALL));
	free(text);
}

static void expect_text(const char *text, const char *wanted)
{
	if (!strstr(text, wanted))
		fail_msg("not in the report: %s\n%s", wanted, text);
}

/* The row of @text that begins with the algorithm's name and has @n words. */
static void expect_row(const char *text, const char *wanted)
{
	char words[512];

	for (const char *line = text; line; line = strchr(line, '\n')) {
		size_t n = 0;

		line += *line == '\n';
		for (const char *p = line; *p && *p != '\n' && n + 1 < sizeof(words); p++)
			if (*p != ' ' || (p[1] != ' ' && p[1] != '\n'))
				words[n++] = *p;
		words[n] = '\0';
		if (strstr(words, wanted))
			return;
	}
	fail_msg("no row of the report has: %s\n%s", wanted, text);
}

/* stall: 500, 988 and 1000 times 512 ns; at peak: 16 times 0.500 and 0.988. */
static void test_text(void **state)
{
	static const char *const formats[] = { "text", "mail" };

	for (size_t i = 0; i < 2; i++) {
		char *text = written(formats[i]);

		expect_row(text, "256 us 506 us 512 us");
		if (!i) {
			expect_row(text, "8.00 15.8");
			expect_text(text, "500 ns (p50), 988 ns (p99), 1.00 us (max)");
		}
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_histogram), cmocka_unit_test(test_merged),
		cmocka_unit_test(test_json),	  cmocka_unit_test(test_read_back),
		cmocka_unit_test(test_csv),	  cmocka_unit_test(test_sweep_table),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, fill, clear);
}
