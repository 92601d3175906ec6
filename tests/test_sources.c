// SPDX-License-Identifier: GPL-2.0-only
/* What a merged report says of each report that it was added up from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/report/report_read.h"

struct report {
	const char *path, *kernel;
	uint64_t events, begin_ns, end_ns, checked;
	const char *identity; /* NULL: none */
	uint32_t vm;	      /* the only one judged; 0: all */
};

static const struct report first = { "a", "6.12", 10, 0, 1000, 7, NULL, 0 };

#define IDENTITY "0123456789abcdef0123456789abcde"

/* Two VMs, of which each word of the traced kernel's algorithm is another number. */
static void make(struct rs_report_data *d, const struct report *from)
{
	struct rs_result *r = calloc(1, sizeof(*r));

	memset(d, 0, sizeof(*d));
	assert_non_null(r);
	r->kernel_algo = strdup("gfn");
	r->events = from->events;
	r->begin_ns = from->begin_ns;
	r->end_ns = from->end_ns;
	r->nr_algos = 2;
	r->nr_vms = 2;
	r->vms = calloc(2, sizeof(*r->vms));
	for (uint32_t i = 0; i < 2; i++) {
		struct rs_vm_result *v = &r->vms[i];

		v->vm = i + 1;
		v->end_ns = from->end_ns;
		v->checked = i ? 0 : from->checked;
		v->state_compared = 20 + i;
		v->state_equal = 10 + i;
		v->algos = calloc(2, sizeof(*v->algos));
		v->algos[0].name = strdup("hva");
		v->algos[0].locked = (struct rs_agreement){ 1000, 900 };
		v->algos[0].lockless = (struct rs_agreement){ 800, 700 };
		v->algos[1].name = strdup("gfn");
		v->algos[1].locked = (struct rs_agreement){ 100 + i, 50 + i };
		v->algos[1].lockless = (struct rs_agreement){ 40 + i, 30 + i };
	}
	d->result = r;
	assert_int_equal(rs_meta_set_kernel(&d->meta, from->kernel), 0);
	d->report = (struct rs_report){ .result = r, .meta = &d->meta, .path = from->path };
	if (from->identity)
		strcpy(d->meta.identity, from->identity);
	d->report.one_vm = from->vm;
	d->report.vm = from->vm;
}

static void test_own(void **state)
{
	struct report other = first;
	struct rs_report_sum *sum = rs_report_sum_new();
	const struct rs_report *report;
	struct rs_report_data d[2];
	struct rs_error err = { 0 };

	other.path = "b";
	other.end_ns++;
	make(&d[0], &first);
	make(&d[1], &other);
	/* The other way round, and yet in their order. */
	for (size_t i = 2; i--;)
		assert_int_equal(rs_report_sum_add(sum, &d[i], &err), 0);
	report = rs_report_sum_finish(sum, &err);
	assert_int_equal(report->nr_sources, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct rs_report_source *s = &report->sources[i];

		assert_string_equal(s->path, i ? "b" : "a");
		assert_string_equal(s->kernel, "6.12");
		assert_string_equal(s->kernel_algo, "gfn");
		assert_int_equal(s->vms, 2);
		assert_int_equal(s->events, 10);
		assert_int_equal(s->begin_ns, 0);
		assert_int_equal(s->end_ns, 1000 + i);
		assert_int_equal(s->checked, 7);
		assert_int_equal(s->locked.known, 201);
		assert_int_equal(s->locked.same, 101);
		assert_int_equal(s->lockless.known, 81);
		assert_int_equal(s->lockless.same, 61);
		assert_int_equal(s->state_compared, 41);
		assert_int_equal(s->state_equal, 21);
	}
	rs_report_sum_free(sum);
	rs_report_data_free(&d[0]);
	rs_report_data_free(&d[1]);
}

/* The same trace twice is refused; what differs in anything is another one. */
static void merge_two(const struct report *one, const struct report *other, bool refused)
{
	struct rs_report_sum *sum = rs_report_sum_new();
	struct rs_report_data d[2];
	struct rs_error err = { 0 };
	int rc;

	make(&d[0], one);
	make(&d[1], other);
	assert_int_equal(rs_report_sum_add(sum, &d[0], &err), 0);
	rc = rs_report_sum_add(sum, &d[1], &err);
	if (refused) {
		assert_true(rc < 0);
		assert_int_equal(err.kind, RS_ERR_INPUT);
		assert_non_null(strstr(err.text, "is in an earlier report already"));
	} else {
		assert_int_equal(rc, 0);
		assert_int_equal(rs_report_sum_finish(sum, &err)->nr_sources, 2);
	}
	rs_report_sum_free(sum);
	rs_report_data_free(&d[0]);
	rs_report_data_free(&d[1]);
}

static void merge_with(const struct report *other, bool refused)
{
	merge_two(&first, other, refused);
}

static void test_twice(void **state)
{
	struct report other = first;

	merge_with(&other, true);
	other.path = "b";
	merge_with(&other, true);
	other = first;
	other.kernel = "6.1";
	merge_with(&other, false);
	other = first;
	other.events++;
	merge_with(&other, false);
	other = first;
	other.begin_ns++;
	merge_with(&other, false);
	other = first;
	other.end_ns++;
	merge_with(&other, false);
	other = first;
	other.checked++;
	merge_with(&other, false);
}

/* An identity says more than all else; where one report has none, the rest has to do. */
static void test_identity(void **state)
{
	struct report one = first, other = first;

	one.identity = IDENTITY "0";
	merge_with(&one, true);
	other.identity = IDENTITY "1";
	merge_two(&one, &other, false);
	other = (struct report){ "b", "6.1", 11, 1, 2000, 8, IDENTITY "0", 0 };
	merge_two(&one, &other, true);
	other.identity = NULL;
	merge_two(&one, &other, false);
}

/* Of one trace each VM may be there once, by itself or among all. */
static void test_vms(void **state)
{
	struct report one = first, other = first;

	one.identity = other.identity = IDENTITY "0";
	one.vm = 1;
	merge_two(&one, &other, true);
	merge_two(&other, &one, true);
	other.vm = 1;
	merge_two(&one, &other, true);
	other.vm = 2;
	merge_two(&one, &other, false);
}

/* Of traces that have nothing the path is all that tells them apart. */
static void test_empty(void **state)
{
	struct report one = { "a", "6.12", 0, 0, 0, 0, NULL, 0 }, other = one;

	merge_two(&one, &other, true);
	other.path = "b";
	merge_two(&one, &other, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own),	 cmocka_unit_test(test_twice),
		cmocka_unit_test(test_identity), cmocka_unit_test(test_vms),
		cmocka_unit_test(test_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
