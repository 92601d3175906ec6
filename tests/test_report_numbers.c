// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whatever is written is read, and written alike: reports with figures of every magnitude
 * and texts of all kinds, and reports that somebody has changed.
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

#include "analysis/report/report_read.h"
#include "analysis/write/json_exact.h"
#include "replay/figures.h"
#include "analysis/report/derive.h"

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

static uint64_t below(uint64_t n)
{
	return random_count() % n;
}

/* What replay says of a small trace with @opts, for the caller to free. */
static char *report_of(const char *opts)
{
	char command[512], *text;
	size_t size, n;
	FILE *f, *to;

	snprintf(command, sizeof(command),
		 RETRYSCOPE " replay --format json %s " TEST_DATA "/cli/in/aliases.txt", opts);
	f = popen(command, "r");
	to = open_memstream(&text, &size);
	assert_true(f && to);
	for (char part[4096]; (n = fread(part, 1, sizeof(part), f));)
		fwrite(part, 1, n, to);
	assert_int_equal(pclose(f), 0);
	fclose(to);
	return text;
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

static int try_read(const char *text, struct rs_report_data *d, struct rs_error *err)
{
	FILE *f = fmemopen((char *)text, strlen(text), "r");
	int rc = rs_report_read(f, d, err);

	fclose(f);
	return rc;
}

static void read_back(const char *text, struct rs_report_data *d)
{
	struct rs_error err = { 0 };

	if (try_read(text, d, &err))
		fail_msg("%s in %s", err.text, text);
}

/* ---- figures and texts of all kinds ---- */

static void change_hist(struct rs_hist *h, bool ratio)
{
	rs_hist_free(h);
	for (uint64_t i = below(4); i; i--)
		rs_hist_add(h, random_count(), 1 + below(1000000));
	h->total = random_figure(ratio ? 118 : 128);
	h->max = random_count();
}

/* All that the table says is in a report; what has to add up is left as it is. */
static void change_figures(enum rs_figure_of of, void *in)
{
	static const char *const add_up[] = { "rejected", "spurious", "missed", "faults.checked",
					      "faults.necessary" };
	const struct rs_figure_row *row;

	for (size_t i = 0; (row = rs_figure_row(i)); i++) {
		void *at = (char *)in + row->offset;
		bool fixed = row->of != of || !row->key;

		for (size_t k = 0; !fixed && k < sizeof(add_up) / sizeof(add_up[0]); k++)
			fixed = !strcmp(row->key, add_up[k]);
		if (fixed)
			continue;
		if (row->type == RS_FIGURE_U64)
			*(uint64_t *)at = random_count();
		else if (row->type == RS_FIGURE_U128)
			*(u128 *)at = random_figure(128);
		else if (row->type == RS_FIGURE_BOOL)
			*(bool *)at = random_count() & 1;
		else if (row->type == RS_FIGURE_HIST)
			change_hist(at, row->ratio);
	}
}

/* Controls, quotes, marks of direction, what is no UTF-8, digits that look like a number. */
static void random_text(char *to, size_t size)
{
	static const char *const parts[] = { "a",
					     "\"",
					     "\\",
					     "\n",
					     "\x1b[2J",
					     "\xc3\xa4",
					     "\xe2\x80\xae",
					     "\xff",
					     "\xed\xa0\x80",
					     "\x7f",
					     "\x01",
					     "1234567890123456",
					     "-1.5",
					     "\xf0\x9f\x98\x80",
					     "\xc2\x9b" };

	*to = '\0';
	for (uint64_t n = below(6); n; n--)
		strncat(to, parts[below(sizeof(parts) / sizeof(parts[0]))], size - strlen(to) - 1);
}

static void change_texts(struct rs_report_data *d)
{
	char text[128], key[32];

	rs_meta_free(&d->meta);
	random_text(text, sizeof(text));
	rs_meta_set_kernel(&d->meta, text);
	random_text(text, sizeof(text));
	rs_meta_add_assumption(&d->meta, text);
	for (uint64_t n = below(3); n; n--) {
		random_text(text, sizeof(text));
		snprintf(key, sizeof(key), "k%llu", (unsigned long long)random_count());
		rs_meta_add_fact(&d->meta, key, text);
		rs_meta_add_anomaly(&d->meta, key, random_count());
	}
	for (size_t i = 0; i < d->result->nr_vms; i++) {
		random_text(text, sizeof(text));
		rs_meta_add_vm(&d->meta, d->result->vms[i].vm, (int64_t)(random_count() >> 1),
			       text);
	}
	d->meta.lost = d->result->lost;
}

static void change(struct rs_report_data *d)
{
	struct rs_result *r = d->result;

	change_figures(RS_OF_RESULT, r);
	for (size_t i = 0; i < r->nr_vms; i++) {
		struct rs_vm_result *v = &r->vms[i];

		change_figures(RS_OF_VM, v);
		v->begin_ns = v->end_ns / (1 + below(3));
		/* Only of a recording that paused are its pieces told. */
		v->pauses += !v->pauses;
		v->paused_ns = (v->end_ns - v->begin_ns) / (2 + below(3));
		rs_vm_result_mean(v);
		change_figures(RS_OF_CLOSED_VM, &v->closed);
		for (size_t k = 0; k < r->nr_algos; k++) {
			change_figures(RS_OF_ALGO, &v->algos[k]);
			if (v->algos[k].closed)
				change_figures(RS_OF_CLOSED_ALGO, v->algos[k].closed);
		}
	}
	change_texts(d);
}

static void check_hist(const struct rs_hist *a, const struct rs_hist *b, const char *key)
{
	if (a->weight != b->weight || a->total != b->total || a->max != b->max)
		fail_msg("%s comes back as another", key);
}

static void check_figures(enum rs_figure_of of, const void *a, const void *b)
{
	static const size_t sizes[] = { [RS_FIGURE_U64] = 8,
					[RS_FIGURE_U128] = 16,
					[RS_FIGURE_DOUBLE] = 8,
					[RS_FIGURE_BOOL] = 1 };
	const struct rs_figure_row *row;

	for (size_t i = 0; (row = rs_figure_row(i)); i++) {
		const void *p = (const char *)a + row->offset, *q = (const char *)b + row->offset;

		if (row->of != of || !row->key)
			continue;
		if (row->type <= RS_FIGURE_BOOL && memcmp(p, q, sizes[row->type]))
			fail_msg("%s comes back as another", row->key);
		if (row->type == RS_FIGURE_HIST)
			check_hist(p, q, row->key);
	}
}

static void check_report(const struct rs_report_data *a, const struct rs_report_data *b)
{
	const struct rs_result *r = a->result, *s = b->result;

	check_figures(RS_OF_RESULT, r, s);
	for (size_t i = 0; i < r->nr_vms; i++) {
		check_figures(RS_OF_VM, &r->vms[i], &s->vms[i]);
		if (r->closed)
			check_figures(RS_OF_CLOSED_VM, &r->vms[i].closed, &s->vms[i].closed);
		for (size_t k = 0; k < r->nr_algos; k++) {
			check_figures(RS_OF_ALGO, &r->vms[i].algos[k], &s->vms[i].algos[k]);
			if (r->closed)
				check_figures(RS_OF_CLOSED_ALGO, r->vms[i].algos[k].closed,
					      s->vms[i].algos[k].closed);
		}
		assert_true(rs_meta_vm(&a->meta, r->vms[i].vm)->pid ==
			    rs_meta_vm(&b->meta, r->vms[i].vm)->pid);
	}
}

static void round_trips(const char *opts, bool distributions)
{
	char *base = report_of(opts);

	for (int i = 0; i < 60; i++) {
		struct rs_report_data first, second, third;
		char *once, *twice, *thrice;

		read_back(base, &first);
		change(&first);
		first.report.distributions = distributions;
		once = written(&first.report);
		read_back(once, &second);
		check_report(&first, &second);
		twice = written(&second.report);
		if (distributions)
			assert_string_equal(once, twice);
		/* Without buckets there are no quantiles, from the first reading on. */
		read_back(twice, &third);
		thrice = written(&third.report);
		assert_string_equal(twice, thrice);
		free(once);
		free(twice);
		free(thrice);
		rs_report_data_free(&first);
		rs_report_data_free(&second);
		rs_report_data_free(&third);
	}
	free(base);
}

static void with_distributions(void **state)
{
	round_trips("--distributions", true);
}

static void without(void **state)
{
	round_trips("", false);
}

static void closed_loop(void **state)
{
	round_trips("--loop closed --distributions", true);
	round_trips("--loop closed", false);
}

/* ---- reports that somebody has changed ---- */

static json_t *some_value(void)
{
	static const double reals[] = { 0.0005,	 123456789012.5,    1e-310,
					1.7e308, 999999999999999.0, -0.0 };
	char text[64];

	switch (below(9)) {
	case 0:
		return json_null();
	case 1:
		return json_real(reals[below(6)]);
	case 2:
		return rs_json_thousandths(random_figure(100));
	case 3:
		return rs_json_u128(random_figure(128));
	case 4:
		random_text(text, sizeof(text));
		return rs_json_text(text);
	case 5:
		return json_array();
	case 6:
		return json_object();
	default:
		return rs_json_u64(random_count());
	}
}

/* Changes, adds or takes away one thing somewhere below @v. */
static void change_json(json_t *v)
{
	json_t *member = NULL;
	const char *key = NULL;
	size_t at, i = 0;

	if (json_is_array(v) && json_array_size(v)) {
		at = below(json_array_size(v));
		member = json_array_get(v, at);
		if ((json_is_array(member) || json_is_object(member)) && below(8))
			change_json(member);
		else if (below(2))
			json_array_set_new(v, at, some_value());
		else
			json_array_remove(v, at);
		return;
	}
	if (!json_is_object(v) || !json_object_size(v))
		return;
	at = below(json_object_size(v));
	json_object_foreach(v, key, member) if (i++ == at) break;
	if ((json_is_array(member) || json_is_object(member)) && below(16))
		change_json(member);
	else if (below(3))
		json_object_set_new(v, key, some_value());
	else
		json_object_del(v, key);
}

static char *changed(const char *text)
{
	FILE *f = fmemopen((char *)text, strlen(text), "r"), *to;
	json_t *root = rs_json_read(f, NULL);
	char *p;
	size_t size;

	fclose(f);
	assert_non_null(root);
	for (uint64_t n = 1 + below(4); n; n--)
		change_json(root);
	to = open_memstream(&p, &size);
	rs_json_put(to, root); /* as rs_json_write(), to which a report goes, and this is none */
	assert_int_equal(fclose(to), 0);
	json_decref(root);
	return p;
}

static void changed_reports(void **state)
{
	char *bases[] = { report_of("--distributions"),
			  report_of("--loop closed --distributions") };
	unsigned int read = 0;

	for (int i = 0; i < 1500; i++) {
		struct rs_report_data first, second;
		struct rs_error err = { 0 };
		char *text = changed(bases[i % 2]), *once, *twice;

		if (try_read(text, &first, &err)) {
			assert_int_equal(err.kind, RS_ERR_INPUT);
			free(text);
			continue;
		}
		read++;
		once = written(&first.report);
		read_back(once, &second);
		twice = written(&second.report);
		assert_string_equal(once, twice);
		free(text);
		free(once);
		free(twice);
		rs_report_data_free(&first);
		rs_report_data_free(&second);
	}
	free(bases[0]);
	free(bases[1]);
	/* Else the changes say nothing. */
	assert_in_range(read, 100, 1400);
}

/* Counts that only fit once they have gone around. */
static void no_sum_goes_around(void **state)
{
	static const char list[] = "\"ccdf\": [";
	char *text = report_of("--distributions"), *more, *at;
	struct rs_report_data d;
	struct rs_error err = { 0 };

	at = strstr(text, "\"inval_ns\"");
	assert_non_null(at);
	at = strstr(at, list) + strlen(list);
	assert_true(asprintf(&more, "%.*s[1, \"18446744073709551615\"], [2, 1], %s",
			     (int)(at - text), text, at) > 0);
	assert_int_equal(try_read(more, &d, &err), -EINVAL);
	assert_non_null(strstr(err.text, "ccdf"));
	free(more);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_distributions), cmocka_unit_test(without),
		cmocka_unit_test(closed_loop),	      cmocka_unit_test(changed_reports),
		cmocka_unit_test(no_sum_goes_around),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
