// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of figures: that no member of a result escapes it, that what is
 * written is read back, and that columns have names, each its own.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/report/report.h"
#include "analysis/report/report_read.h"
#include "analysis/write/figure_columns.h"
#include "replay/figures.h"

static size_t size_of(enum rs_figure_type type)
{
	switch (type) {
	case RS_FIGURE_U64:
		return sizeof(uint64_t);
	case RS_FIGURE_U128:
		return sizeof(unsigned __int128);
	case RS_FIGURE_DOUBLE:
		return sizeof(double);
	case RS_FIGURE_BOOL:
		return sizeof(bool);
	case RS_FIGURE_TEXT:
		return sizeof(const char *);
	case RS_FIGURE_CAUSES:
		return sizeof(uint64_t[RS_NR_CAUSES]);
	case RS_FIGURE_HIST:
		return sizeof(struct rs_hist);
	default:
		return 0;
	}
}

/* ---- no member escapes ---- */

struct other {
	size_t offset, size;
};
#define OTHER(s, m)                                 \
	{                                           \
		offsetof(s, m), sizeof(((s *)0)->m) \
	}

/*
 * All of a structure is a figure, one of @others, or padding: less than 8 bytes,
 * or 8 before what is aligned to 16.
 */
static void check_covered(enum rs_figure_of of, size_t size, const struct other *others,
			  size_t nr_others)
{
	unsigned char *covered = calloc(1, size);
	const struct rs_figure_row *row;
	size_t run = 0;

	for (size_t i = 0; (row = rs_figure_row(i)); i++)
		if (row->of == of)
			memset(covered + row->offset, 1, size_of(row->type));
	for (size_t i = 0; i < nr_others; i++)
		memset(covered + others[i].offset, 1, others[i].size);
	for (size_t i = 0; i < size; i++) {
		run = covered[i] ? 0 : run + 1;
		if (run > 8 || (run == 8 && (i + 1) % 16))
			fail_msg("structure %d: the member at %zu has no row", of, i + 1 - run);
	}
	free(covered);
}

static void no_member_escapes(void **state)
{
	static const struct other vm[] = {
		OTHER(struct rs_vm_result, vm),
		OTHER(struct rs_vm_result, disagreements),
		OTHER(struct rs_vm_result, nr_disagreements),
		OTHER(struct rs_vm_result, mismatches),
		OTHER(struct rs_vm_result, nr_mismatches),
		OTHER(struct rs_vm_result, closed),
		OTHER(struct rs_vm_result, algos),
	};
	static const struct other algo[] = {
		OTHER(struct rs_algo_result, name),
		OTHER(struct rs_algo_result, closed),
		OTHER(struct rs_algo_result, piece_rejected.before),
		OTHER(struct rs_algo_result, piece_spurious.before),
	};

	check_covered(RS_OF_VM, sizeof(struct rs_vm_result), vm, sizeof(vm) / sizeof(vm[0]));
	check_covered(RS_OF_ALGO, sizeof(struct rs_algo_result), algo,
		      sizeof(algo) / sizeof(algo[0]));
	check_covered(RS_OF_CLOSED_VM, sizeof(struct rs_closed_vm), NULL, 0);
	check_covered(RS_OF_CLOSED_ALGO, sizeof(struct rs_closed_algo), NULL, 0);
}

/* ---- written and read ---- */

/* Gives each figure of a kind a value of its own. */
static void fill(enum rs_figure_of of, void *in, uint64_t *next)
{
	const struct rs_figure_row *row;

	for (size_t i = 0; (row = rs_figure_row(i)); i++) {
		void *at = (char *)in + row->offset;

		if (row->of != of || row->add == RS_ADD_NOT)
			continue;
		switch (row->type) {
		case RS_FIGURE_U64:
			*(uint64_t *)at = ++*next;
			break;
		case RS_FIGURE_U128:
			*(unsigned __int128 *)at = ((unsigned __int128)++*next << 64) + 1;
			break;
		case RS_FIGURE_BOOL:
			*(bool *)at = true;
			break;
		case RS_FIGURE_CAUSES:
			for (unsigned int c = 0; c < RS_NR_CAUSES; c++)
				((uint64_t *)at)[c] = ++*next;
			break;
		case RS_FIGURE_TEXT:
			*(const char **)at = "think";
			break;
		case RS_FIGURE_HIST:
			rs_hist_add(at, ++*next, 3);
			break;
		default:
			break;
		}
	}
}

static struct rs_result *filled(uint64_t next)
{
	static const char *const names[] = { "gfn", "exact" };
	struct rs_result *r = calloc(1, sizeof(*r));
	struct rs_vm_result *v = calloc(1, sizeof(*v));

	r->closed = true;
	r->nr_vms = 1;
	r->vms = v;
	r->nr_algos = 2;
	fill(RS_OF_RESULT, r, &next);
	fill(RS_OF_VM, v, &next);
	fill(RS_OF_CLOSED_VM, &v->closed, &next);
	v->vm = 7;
	v->begin_ns = 1000;
	v->end_ns = 5000;
	v->necessary = 2000;
	v->checked = 1000000;
	rs_vm_result_mean(v);
	v->algos = calloc(r->nr_algos, sizeof(*v->algos));
	for (size_t i = 0; i < r->nr_algos; i++) {
		struct rs_algo_result *a = &v->algos[i];

		a->name = strdup(names[i]);
		a->closed = calloc(1, sizeof(*a->closed));
		fill(RS_OF_ALGO, a, &next);
		fill(RS_OF_CLOSED_ALGO, a->closed, &next);
		a->spurious = 0;
		for (unsigned int c = 0; c < RS_NR_CAUSES; c++)
			a->spurious += a->causes[c];
		a->rejected = a->spurious + v->necessary - a->missed;
	}
	return r;
}

static void check_hist(const char *key, const struct rs_hist *a, const struct rs_hist *b)
{
	if (a->weight != b->weight || a->total != b->total || a->min != b->min ||
	    a->max != b->max || rs_hist_quantile(a, 0.5) != rs_hist_quantile(b, 0.5))
		fail_msg("%s is not what was written", key);
}

static void check_same(enum rs_figure_of of, const void *a, const void *b)
{
	const struct rs_figure_row *row;

	for (size_t i = 0; (row = rs_figure_row(i)); i++) {
		const char *x = (const char *)a + row->offset, *y = (const char *)b + row->offset;

		if (row->of != of || !row->key)
			continue;
		if (row->type == RS_FIGURE_HIST)
			check_hist(row->key, (const void *)x, (const void *)y);
		else if (row->type == RS_FIGURE_TEXT)
			assert_string_equal(*(const char *const *)x, *(const char *const *)y);
		else if (row->type == RS_FIGURE_DOUBLE)
			assert_float_equal(*(const double *)x / *(const double *)y, 1, 1e-6);
		else if (memcmp(x, y, size_of(row->type)))
			fail_msg("%s is not what was written", row->key);
	}
}

static void written_is_read(void **state)
{
	struct rs_result *r = filled(100);
	struct rs_trace_meta meta = { 0 };
	struct rs_report rep = { .result = r, .meta = &meta, .path = "t", .distributions = true };
	struct rs_report_data d;
	struct rs_error err;
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	assert_int_equal(rs_report_format_find("json")->write(f, &rep), 0);
	fclose(f);
	f = fmemopen(text, size, "r");
	if (rs_report_read(f, &d, &err))
		fail_msg("%s", err.text);
	fclose(f);
	check_same(RS_OF_RESULT, r, d.result);
	check_same(RS_OF_VM, r->vms, d.result->vms);
	check_same(RS_OF_CLOSED_VM, &r->vms->closed, &d.result->vms->closed);
	for (size_t i = 0; i < r->nr_algos; i++) {
		check_same(RS_OF_ALGO, &r->vms->algos[i], &d.result->vms->algos[i]);
		check_same(RS_OF_CLOSED_ALGO, r->vms->algos[i].closed,
			   d.result->vms->algos[i].closed);
	}
	rs_report_data_free(&d);
	free(text);
	rs_result_free(r);
}

/* ---- sums ---- */

static void sums(void **state)
{
	struct rs_result *a = filled(100), *b = filled(5000);
	struct rs_vm_result to = { 0 };
	const struct rs_vm_result *v = a->vms, *w = b->vms;

	b->vms->closed.precheck_ns = a->vms->closed.precheck_ns;
	a->vms->paused_ns = 10;
	b->vms->paused_ns = 20;
	assert_int_equal(rs_vm_result_add(&to, v, 2), 0);
	check_same(RS_OF_CLOSED_VM, &to.closed, &v->closed);
	check_same(RS_OF_ALGO, &to.algos[1], &v->algos[1]);
	check_same(RS_OF_CLOSED_ALGO, to.algos[1].closed, v->algos[1].closed);
	assert_int_equal(rs_vm_result_add(&to, w, 2), 0);
	assert_int_equal(to.checked, v->checked + w->checked);
	assert_int_equal(to.state_equal, v->state_equal + w->state_equal);
	assert_int_equal(to.memslots, w->memslots);
	assert_int_equal(to.begin_ns, 0);
	assert_int_equal(to.end_ns, 7970);
	assert_int_equal(to.paused_ns, 0);
	assert_int_equal(to.pieces, 0);
	assert_true(to.frames_page_ns == v->frames_page_ns + w->frames_page_ns);
	assert_int_equal(to.inval_ns.weight, 6);
	assert_int_equal(to.closed.retry_gap_ns, 0);
	assert_int_equal(to.closed.precheck_ns, v->closed.precheck_ns);
	assert_int_equal(to.closed.logical_faults,
			 v->closed.logical_faults + w->closed.logical_faults);
	for (unsigned int c = 0; c < RS_NR_CAUSES; c++)
		assert_int_equal(to.algos[0].causes[c],
				 v->algos[0].causes[c] + w->algos[0].causes[c]);
	assert_int_equal(to.algos[0].blocked_max, w->algos[0].blocked_max);
	assert_int_equal(to.algos[0].locked.same,
			 v->algos[0].locked.same + w->algos[0].locked.same);
	assert_int_equal(to.algos[0].closed->retries,
			 v->algos[0].closed->retries + w->algos[0].closed->retries);
	rs_vm_result_free(&to, 2);
	rs_result_free(a);
	rs_result_free(b);
}

/* Two pieces with 1 of 10 and 3 of 10: they are 1 off what a fifth of each is. */
static void piece_error(void **state)
{
	struct rs_vm_result v = { .pieces = 2, .piece_checked = 20, .piece_squares = 200 };
	struct rs_piece_sums x = { .sum = 4, .squares = 10, .by_checked = 40 };

	assert_true(fabs(rs_piece_error(&v, &x) - 0.1) < 1e-12);
	/* All alike: nothing scatters, and rounding makes it no less. */
	x = (struct rs_piece_sums){ .sum = 6, .squares = 18, .by_checked = 60 };
	assert_true(rs_piece_error(&v, &x) < 1e-7);
	v.pieces = 1;
	assert_true(isnan(rs_piece_error(&v, &x)));
	v = (struct rs_vm_result){ .pieces = 2 };
	assert_true(isnan(rs_piece_error(&v, &(struct rs_piece_sums){ 0 })));
}

/* ---- columns ---- */

static size_t commas(const char *line)
{
	size_t n = 0;

	for (; *line; line++)
		n += *line == ',';
	return n;
}

static void check_columns(enum rs_columns set, bool closed)
{
	struct rs_result *r = filled(100);
	const struct rs_figure_base base = { r->vms, r->nr_algos, r->vms->algos, false };
	char *names, *values, *all, *name, *rest;
	size_t size;
	FILE *f = open_memstream(&names, &size);

	rs_columns_names(f, set, closed);
	fputc(',', f);
	fclose(f);
	f = open_memstream(&values, &size);
	rs_columns_values(f, set, closed, &base);
	fputc(',', f);
	fclose(f);
	assert_int_equal(commas(names), commas(values));
	assert_null(strchr(names, '%'));
	all = strdup(names);
	for (name = strtok_r(all, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
		char *with_commas, *at;

		assert_true(asprintf(&with_commas, ",%s,", name) > 0);
		at = strstr(names, with_commas);
		assert_non_null(at);
		/* What has to be quoted in no language. */
		if (name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")])
			fail_msg("a column is called %s", name);
		if (strstr(at + 1, with_commas))
			fail_msg("two columns are called %s", name);
		free(with_commas);
	}
	free(all);
	free(names);
	free(values);
	rs_result_free(r);
}

static void columns(void **state)
{
	check_columns(RS_COLUMNS_CSV, false);
	check_columns(RS_COLUMNS_CSV, true);
	check_columns(RS_COLUMNS_SWEEP, false);
	check_columns(RS_COLUMNS_SWEEP, true);
}

/* ---- what cannot be said ---- */

/* A ratio to nothing, a mean over no time, a quantile of no or unknown values: none is a number. */
static void what_is_not_known_is_no_number(void **state)
{
	const struct rs_algo_result none = { 0 }, some = { .blocked_page_ns = 300 };
	const struct rs_algo_result base = { .blocked_page_ns = 200 };
	const struct rs_vm_result moment = { .begin_ns = 5, .end_ns = 5, .mean_frames = 2 };
	const struct rs_vm_result empty = { .begin_ns = 5, .end_ns = 105 };
	const struct rs_vm_result vm = { .begin_ns = 5, .end_ns = 105, .mean_frames = 2 };
	const struct rs_hist no_buckets = { .weight = 3, .min = 1, .max = 9, .total = 15 };
	struct rs_hist h = { 0 };

	assert_true(isnan(rs_widening(&some, NULL)));
	assert_true(isnan(rs_widening(NULL, &base)));
	assert_true(isnan(rs_widening(&some, &none)));
	assert_true(isnan(rs_widening(&none, &none)));
	assert_true(rs_widening(&some, &base) == 1.5);
	assert_true(rs_widening(&none, &base) == 0);
	assert_true(isnan(rs_blocked_mean(&moment, &some)));
	assert_true(rs_blocked_mean(&vm, &some) == 3);
	assert_true(isnan(rs_blocked_share(&moment, &some)));
	assert_true(isnan(rs_blocked_share(&empty, &some)));
	assert_true(rs_blocked_share(&vm, &some) == 1.5);
	assert_true(isnan(rs_quantile(&h, 0.5)));
	assert_true(isnan(rs_quantile(&no_buckets, 0.5)));
	assert_true(rs_hist_whole(&h));
	assert_false(rs_hist_whole(&no_buckets));
	rs_hist_add(&h, 7, 1);
	assert_true(rs_quantile(&h, 0.5) == 7);
	assert_true(rs_hist_whole(&h));
	rs_hist_free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_member_escapes),
		cmocka_unit_test(written_is_read),
		cmocka_unit_test(sums),
		cmocka_unit_test(piece_error),
		cmocka_unit_test(columns),
		cmocka_unit_test(what_is_not_known_is_no_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
