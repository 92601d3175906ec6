// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reports of a result that is filled in by hand: what no small trace can show
 * (huge figures, a merged algorithm that misses, many disagreements), reading
 * back what was written, and reading what was damaged.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/report/derive.h"
#include "analysis/report/report.h"
#include "analysis/report/report_read.h"

#define NR_ALGOS 3

struct fixture {
	struct rs_result *r;
	struct rs_trace_meta meta;
	struct rs_report rep;
};

static void fill_algo(struct rs_algo_result *a, const char *name, uint64_t spurious,
		      uint64_t missed, uint64_t necessary)
{
	a->name = strdup(name);
	a->merged = strcmp(name, "gfn-v7");
	a->spurious = spurious;
	a->missed = missed;
	a->rejected = necessary - missed + spurious;
	a->causes[RS_CAUSE_ALIAS] = spurious;
	a->blocked_page_ns = ((unsigned __int128)1 << 70) + spurious;
	a->blocked_max = 1000;
	a->locked = (struct rs_agreement){ 100, 99 };
	rs_hist_add(&a->widening_time, 1500, 1000000);
	rs_hist_add(&a->widening_time, 987654, 3);
	rs_hist_add(&a->widening_epoch, 2345678, 1);
	rs_hist_add(&a->blocked_epoch, 1000, 1);
}

static void fill_lists(struct rs_vm_result *v)
{
	v->nr_disagreements = RS_MAX_LISTED;
	v->disagreements = calloc(RS_MAX_LISTED, sizeof(*v->disagreements));
	v->nr_mismatches = RS_MAX_LISTED;
	v->mismatches = calloc(RS_MAX_LISTED, sizeof(*v->mismatches));
	for (size_t i = 0; i < RS_MAX_LISTED; i++) {
		v->disagreements[i] = (struct rs_disagreement){
			.time_ns = v->begin_ns + i,
			.event = i,
			.kernel_result = RS_RES_RETRY,
			.model_result = RS_RES_OK,
			.lockless = i & 1,
		};
		v->mismatches[i] = (struct rs_state_mismatch){
			.time_ns = v->begin_ns + i,
			.kernel = { 1, 2, 3, UINT64_MAX },
		};
	}
}

static void fill_vm(struct rs_vm_result *v, uint32_t number)
{
	v->vm = number;
	v->begin_ns = 1000;
	v->end_ns = (uint64_t)1 << 62;
	v->memslots = 3;
	v->frames = 4096;
	v->frames_page_ns = (unsigned __int128)(v->end_ns - v->begin_ns) * 4096;
	v->mean_frames = 4096;
	v->checked = 9000000000000;
	v->necessary = 1000;
	v->inval_hit = 5;
	v->state_compared = 10;
	v->state_equal = 9;
	v->epochs = 1;
	rs_hist_add(&v->inval_ns, 123456789, 5);
	rs_hist_add(&v->epoch_ns, 99, 1);
	rs_hist_add(&v->epoch_invals, 5, 1);
	v->algos = calloc(NR_ALGOS, sizeof(*v->algos));
	fill_algo(&v->algos[0], "hva", 8000000000000, 1, 1000);
	fill_algo(&v->algos[1], "gfn-v7", 0, 517, 1000);
	fill_algo(&v->algos[2], "exact", 0, 0, 1000);
	fill_lists(v);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->r = calloc(1, sizeof(*f->r));
	f->r->nr_algos = NR_ALGOS;
	f->r->nr_vms = 2;
	f->r->vms = calloc(2, sizeof(*f->r->vms));
	fill_vm(&f->r->vms[0], 1);
	fill_vm(&f->r->vms[1], UINT32_MAX);
	f->r->kernel_algo = strdup("hva");
	f->r->events = UINT64_MAX;
	f->r->begin_ns = 1000;
	f->r->end_ns = (uint64_t)1 << 62;
	f->r->anomalies[RS_ANOM_STATE_UNEQUAL] = 2;
	rs_meta_set_kernel(&f->meta, "6.1.0-a-rather-long-name-of-a-kernel");
	rs_meta_add_vm(&f->meta, 1, 4711, "a \"command\", with everything");
	rs_meta_add_fact(&f->meta, "page_ns", "123");
	rs_meta_add_anomaly(&f->meta, "seq-order", 3);
	rs_meta_add_anomaly(&f->meta, "state-unequal", 5);
	rs_meta_add_assumption(&f->meta, "an invalidation lasts 10 us");
	f->rep = (struct rs_report){ .result = f->r,
				     .meta = &f->meta,
				     .path = "trace.dat",
				     .form = "trace.dat",
				     .version = "1",
				     .command = "x y",
				     .distributions = true };
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	rs_result_free(f->r);
	rs_meta_free(&f->meta);
	free(f);
	return 0;
}

static char *write_report(const struct rs_report *rep, const char *format)
{
	const struct rs_report_format *fmt = rs_report_format_find(format);
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(fmt);
	assert_int_equal(fmt->write(f, rep), 0);
	fclose(f);
	return text;
}

static void expect_columns(char *text, size_t width)
{
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		if (strlen(line) > width)
			fail_msg("%zu columns: %s", strlen(line), line);
}

static void pages_have_their_width(void **state)
{
	struct fixture *f = *state;
	char *text = write_report(&f->rep, "text"), *mail = write_report(&f->rep, "mail");

	expect_columns(text, 80);
	expect_columns(mail, 72);
	free(text);
	free(mail);
}

static void wrong_algorithms_are_named(void **state)
{
	struct fixture *f = *state;
	char *text = write_report(&f->rep, "text");

	assert_non_null(strstr(text, "gfn-v7 missed 517 faults that had to be retried: this "
				     "algorithm would have been\nwrong.\n"));
	/* A merged one cannot have been. */
	assert_non_null(strstr(text, "hva missed 1 fault that had to be retried"));
	assert_non_null(strstr(text, "But a kernel runs it"));
	/* Import and stream tell of anomalies under one name. */
	assert_non_null(strstr(text, "state-unequal (7), seq-order (3)"));
	free(text);
}

static void csv_is_quoted(void **state)
{
	struct fixture *f = *state;
	char *csv = write_report(&f->rep, "csv");
	unsigned int lines = 0;

	assert_non_null(strstr(csv, ",4711,\"a \"\"command\"\", with everything\",\"hva\","));
	/* 2^70, and with the spurious ones of hva */
	assert_non_null(strstr(csv, ",1180591620717411303424,"));
	assert_non_null(strstr(csv, ",1180591628717411303424,"));
	for (const char *p = csv; (p = strchr(p, '\n')); p++)
		lines++;
	assert_int_equal(lines, 1 + 2 * NR_ALGOS);
	free(csv);
}

static void all_formats_notice_a_full_disk(void **state)
{
	struct fixture *f = *state;
	const struct rs_report_format *fmt;

	for (size_t i = 0; (fmt = rs_report_format(i)); i++) {
		FILE *full = fopen("/dev/full", "w");

		assert_non_null(full);
		setvbuf(full, NULL, _IONBF, 0);
		assert_int_equal(fmt->write(full, &f->rep), -EIO);
		fclose(full);
	}
	assert_null(rs_report_format_find("xml"));
}

static int read_back(const char *text, size_t size, struct rs_report_data *d, struct rs_error *err)
{
	FILE *f = fmemopen((char *)text, size, "r");
	int rc;

	assert_non_null(f);
	rc = rs_report_read(f, d, err);
	fclose(f);
	return rc;
}

/* Also without whole distributions: then there are no quantiles any more. */
static void what_is_written_is_read(void **state)
{
	struct fixture *f = *state;
	struct rs_report_data d;
	char *json = write_report(&f->rep, "json"), *again, *p, *q;

	assert_int_equal(read_back(json, strlen(json), &d, NULL), 0);
	assert_true(d.report.distributions);
	again = write_report(&d.report, "json");
	/* What is listed stays with its VM. */
	assert_null(strstr(again, "\"model\""));
	p = strstr(json, "\"algorithms\"");
	q = strstr(again, "\"algorithms\"");
	*strstr(p, "\"disagreements\"") = '\0';
	*strstr(q, "\"disagreements\"") = '\0';
	assert_string_equal(json, again);
	free(json);
	free(again);
	rs_report_data_free(&d);

	f->rep.distributions = false;
	json = write_report(&f->rep, "json");
	assert_int_equal(read_back(json, strlen(json), &d, NULL), 0);
	assert_false(d.report.distributions);
	assert_int_equal(d.result->vms[0].inval_ns.weight, 5);
	assert_int_equal(d.result->vms[0].inval_ns.max, 123456789);
	assert_false(rs_hist_whole(&d.result->vms[0].inval_ns));
	free(json);
	rs_report_data_free(&d);
}

/* No piece of a report, and no report with a byte changed, does harm. */
static void damaged_reports_are_refused_or_read(void **state)
{
	struct fixture *f = *state;
	char *json;
	size_t size;
	uint64_t random = 1;

	f->r->nr_vms = 1;
	json = write_report(&f->rep, "json");
	f->r->nr_vms = 2;
	size = strlen(json);
	for (size_t cut = 1; cut < size - 2; cut += 97) {
		struct rs_error err = { 0 };
		struct rs_report_data d;

		assert_int_not_equal(read_back(json, cut, &d, &err), 0);
		assert_int_equal(err.kind, RS_ERR_INPUT);
		assert_true(err.text[0]);
	}
	for (int i = 0; i < 400; i++) {
		struct rs_error err = { 0 };
		struct rs_report_data d;
		size_t at;
		char was;

		random = random * 6364136223846793005ULL + 1442695040888963407ULL;
		at = (random >> 33) % size;
		was = json[at];
		json[at] = (char)(random >> 25);
		if (!read_back(json, size, &d, &err))
			rs_report_data_free(&d);
		else
			assert_true(err.text[0]);
		json[at] = was;
	}
	free(json);
}

static void sums_are_of_an_average_vm(void **state)
{
	struct fixture *f = *state;
	struct rs_vm_result all;

	f->r->vms[1].begin_ns = 0;
	f->r->vms[1].end_ns = 1000;
	f->r->vms[1].frames = 100;
	f->r->vms[1].frames_page_ns = 50000;
	assert_int_equal(rs_result_sum_vms(f->r, &all), 0);
	assert_int_equal(all.begin_ns, 0);
	assert_int_equal(all.end_ns, (uint64_t)1 << 62);
	assert_int_equal(all.frames, 4096);
	assert_int_equal(all.checked, 18000000000000);
	assert_true(all.frames_page_ns ==
		    (unsigned __int128)(((uint64_t)1 << 62) - 1000) * 4096 + 50000);
	assert_true(all.algos[0].blocked_page_ns ==
		    2 * (((unsigned __int128)1 << 70) + 8000000000000));
	assert_int_equal(all.algos[0].blocked_max, 1000);
	assert_int_equal(all.algos[0].locked.known, 200);
	assert_int_equal(all.inval_ns.weight, 10);
	assert_int_equal(all.nr_disagreements, 0);
	rs_vm_result_free(&all, NR_ALGOS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(pages_have_their_width, set_up, tear_down),
		cmocka_unit_test_setup_teardown(wrong_algorithms_are_named, set_up, tear_down),
		cmocka_unit_test_setup_teardown(csv_is_quoted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(all_formats_notice_a_full_disk, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_written_is_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(damaged_reports_are_refused_or_read, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(sums_are_of_an_average_vm, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
