// SPDX-License-Identifier: GPL-2.0-only
/* Reports with figures of every magnitude: what is written is read, and written alike. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/report/report_read.h"

typedef unsigned __int128 u128;

static uint64_t seed = 1;

/* Of up to @bits bits, every number of them as likely; now and then beside a power of ten. */
static u128 random_figure(unsigned int bits)
{
	u128 v = 1;

	for (int i = 0; i < 3; i++) {
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		if (i < 2)
			v = v << 64 | (seed ^ seed >> 31);
	}
	if (seed >> 62 == 0) {
		v = 1;
		for (uint64_t i = (seed >> 40) % (bits * 3 / 10); i; i--)
			v *= 10;
		return v + (seed >> 33 & 3) - 1;
	}
	return v >> (128 - bits + (seed >> 33) % bits);
}

static uint64_t random_count(void)
{
	return (uint64_t)random_figure(64);
}

/* The JSON of a golden file of the command line. */
static char *template(void)
{
	FILE *f = fopen(TEST_DATA "/cli/replay/json-distributions", "r");
	static char text[1 << 18];
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	*strstr(text, "--- stderr") = '\0';
	return strstr(text, "\n{");
}

static void change_hist(struct rs_hist *h, bool ratio)
{
	h->total = random_figure(ratio ? 118 : 128);
	h->max = random_count();
}

static void change(struct rs_result *r, bool whole)
{
	r->events = random_count();
	r->begin_ns = random_count();
	r->lost = random_count();
	for (size_t i = 0; i < r->nr_vms; i++) {
		struct rs_vm_result *v = &r->vms[i];

		v->end_ns = random_count();
		v->begin_ns = v->end_ns / 3;
		v->frames_page_ns = random_figure(128);
		v->epochs = random_count();
		change_hist(&v->inval_ns, false);
		for (size_t k = 0; k < r->nr_algos; k++) {
			struct rs_algo_result *a = &v->algos[k];

			a->blocked_page_ns = random_figure(128);
			a->blocked_max = random_count();
			change_hist(&a->widening_time, true);
			if (!whole)
				a->widening_epoch.weight = random_count();
		}
	}
}

static char *written(const struct rs_report *rep)
{
	size_t size;
	char *text;
	FILE *f = open_memstream(&text, &size);

	assert_int_equal(rs_report_format_find("json")->write(f, rep), 0);
	fclose(f);
	return text;
}

static void read_back(const char *text, struct rs_report_data *d)
{
	struct rs_error err = { 0 };
	FILE *f = fmemopen((char *)text, strlen(text), "r");

	if (rs_report_read(f, d, &err))
		fail_msg("%s in %s", err.text, text);
	fclose(f);
}

static void check_figures(const struct rs_result *a, const struct rs_result *b)
{
	assert_true(a->events == b->events && a->begin_ns == b->begin_ns && a->lost == b->lost);
	for (size_t i = 0; i < a->nr_vms; i++) {
		const struct rs_vm_result *v = &a->vms[i], *w = &b->vms[i];

		assert_true(v->begin_ns == w->begin_ns && v->end_ns == w->end_ns);
		assert_true(v->frames_page_ns == w->frames_page_ns);
		assert_true(v->inval_ns.total == w->inval_ns.total);
		assert_true(v->inval_ns.max == w->inval_ns.max);
		for (size_t k = 0; k < a->nr_algos; k++) {
			const struct rs_algo_result *c = &v->algos[k], *d = &w->algos[k];

			assert_true(c->blocked_page_ns == d->blocked_page_ns);
			assert_true(c->blocked_max == d->blocked_max);
			assert_true(c->widening_time.total == d->widening_time.total);
			assert_true(c->widening_time.max == d->widening_time.max);
		}
	}
}

static void round_trips(bool distributions)
{
	for (int i = 0; i < 300; i++) {
		struct rs_report_data first, second;
		char *once, *twice;

		read_back(template(), &first);
		first.report.distributions = distributions;
		change(first.result, distributions);
		once = written(&first.report);
		read_back(once, &second);
		check_figures(first.result, second.result);
		if (distributions) {
			twice = written(&second.report);
			assert_string_equal(once, twice);
			free(twice);
		}
		free(once);
		rs_report_data_free(&first);
		rs_report_data_free(&second);
	}
}

static void with_distributions(void **state)
{
	round_trips(true);
}

static void without(void **state)
{
	round_trips(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_distributions),
		cmocka_unit_test(without),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
