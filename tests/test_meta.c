// SPDX-License-Identifier: GPL-2.0-only
/* Metadata of a trace, and what the kernel's release and the names of forms say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/common/trace_file.h"

static void test_facts(void **state)
{
	struct rs_trace_meta m = { 0 };

	assert_null(rs_meta_fact(&m, "a"));
	assert_int_equal(rs_meta_add_fact(&m, "a", "1"), 0);
	assert_int_equal(rs_meta_add_fact(&m, "b", "2"), 0);
	assert_int_equal(rs_meta_add_fact(&m, "a", "3"), 0);
	assert_int_equal(m.nr_facts, 2);
	assert_string_equal(rs_meta_fact(&m, "a"), "3");
	assert_string_equal(m.facts[0].key, "a");
	assert_string_equal(rs_meta_fact(&m, "b"), "2");
	assert_null(rs_meta_fact(&m, ""));
	rs_meta_free(&m);
	assert_int_equal(m.nr_facts, 0);
	assert_null(m.facts);
}

/* What is known of a VM stays; what is not is filled in. */
static void test_vms(void **state)
{
	struct rs_trace_meta m = { 0 };

	assert_int_equal(rs_meta_add_vm(&m, 5, 0, NULL), 0);
	assert_int_equal(rs_meta_add_vm(&m, 0, 9, "zero"), 0);
	assert_int_equal(rs_meta_add_vm(&m, 5, 12, NULL), 0);
	assert_int_equal(rs_meta_add_vm(&m, 5, 13, "qemu"), 0);
	assert_int_equal(rs_meta_add_vm(&m, 5, 0, "other"), 0);
	assert_int_equal(m.nr_vms, 2);
	assert_int_equal(m.vms[0].vm, 5);
	assert_int_equal(m.vms[0].pid, 12);
	assert_string_equal(m.vms[0].command, "qemu");
	assert_string_equal(m.vms[1].command, "zero");
	rs_meta_free(&m);
}

static void test_anomalies(void **state)
{
	struct rs_trace_meta m = { 0 };

	assert_int_equal(rs_meta_add_anomaly(&m, "late", 0), 0);
	assert_int_equal(m.nr_anomalies, 1);
	assert_int_equal(rs_meta_add_anomaly(&m, "late", 3), 0);
	assert_int_equal(rs_meta_add_anomaly(&m, "early", 1), 0);
	assert_int_equal(rs_meta_add_anomaly(&m, "late", 4), 0);
	assert_int_equal(m.nr_anomalies, 2);
	assert_int_equal(m.anomalies[0].count, 7);
	assert_int_equal(rs_meta_add_anomaly(&m, "late", UINT64_MAX), 0);
	assert_int_equal(m.anomalies[0].count, UINT64_MAX);
	rs_meta_free(&m);
}

static void test_texts_are_replaced(void **state)
{
	struct rs_trace_meta m = { 0 };
	char release[] = "6.1";

	assert_int_equal(rs_meta_set_kernel(&m, release), 0);
	release[0] = '5';
	assert_string_equal(m.kernel, "6.1");
	assert_int_equal(rs_meta_set_kernel(&m, "6.2"), 0);
	assert_string_equal(m.kernel, "6.2");
	assert_int_equal(rs_meta_set_kernel(&m, NULL), 0);
	assert_null(m.kernel);
	assert_int_equal(rs_meta_set_level(&m, "full"), 0);
	assert_string_equal(m.level, "full");
	assert_int_equal(rs_meta_add_assumption(&m, "one"), 0);
	assert_int_equal(rs_meta_add_assumption(&m, "one"), 0);
	assert_int_equal(m.nr_assumptions, 2);
	rs_meta_free(&m);
}

static void test_copy(void **state)
{
	struct rs_trace_meta a, b = { 0 };
	uint64_t seed = 7;

	for (int i = 0; i < 100; i++) {
		test_random_meta(&seed, &a);
		assert_int_equal(rs_meta_copy(&b, &a), 0);
		test_assert_same_meta(&a, &b);
		rs_meta_free(&a);
	}
	rs_meta_free(&b);
}

static void test_kernel_algorithm(void **state)
{
	static const struct {
		const char *release, *algorithm;
	} cases[] = {
		{ "6.12.117+deb12-amd64", "gfn" },
		{ "6.8", "gfn" },
		{ "6.8-rc1", "gfn" },
		{ "7.0.0", "gfn" },
		{ "10.1", "gfn" },
		{ "6.7.99", "hva" },
		{ "6.1.0-32-amd64", "hva" },
		{ "5.15.0", "hva" },
		{ "5.14.0-503.el9.x86_64", "hva-5.12" },
		{ "5.12", "hva-5.12" },
		{ "5.11.22", "global" },
		{ "4.19.0-27-amd64", "global" },
		{ "2.6.32", "global" },
		{ NULL, NULL },
		{ "", NULL },
		{ "6", NULL },
		{ "6.", NULL },
		{ ".8", NULL },
		{ "0.1", NULL },
		{ "v6.8", NULL },
		{ "6-8", NULL },
		{ "66666.1", NULL },
		{ "6.88888", NULL },
		{ "linux", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *got = rs_kernel_algorithm(cases[i].release);

		assert_int_equal(!got, !cases[i].algorithm);
		if (got)
			assert_string_equal(got, cases[i].algorithm);
	}
}

static void test_form_names(void **state)
{
	assert_string_equal(rs_form_name(RS_FORM_UNKNOWN), "unknown");
	assert_string_equal(rs_form_name(RS_FORM_TRACE_DAT), "trace.dat");
	assert_string_equal(rs_form_name(RS_FORM_TEXT), "text");
	assert_string_equal(rs_form_name(RS_FORM_BINARY), "binary");
	assert_string_equal(rs_form_name(RS_FORM_FTRACE), "ftrace text");
	assert_null(rs_form_name(RS_NR_FORMS));
}

static void test_event_names(void **state)
{
	assert_null(rs_event_name(RS_EV_NONE));
	for (unsigned int i = 1; i < RS_NR_EVENT_TYPES; i++)
		assert_non_null(rs_event_name(i));
	assert_null(rs_event_name(RS_NR_EVENT_TYPES));
	assert_string_equal(rs_result_name(RS_RES_RETRY), "retry");
	assert_null(rs_result_name(RS_NR_RESULTS));
	assert_string_equal(rs_end_reason_name(RS_END_ASYNC), "async");
	assert_null(rs_end_reason_name(RS_NR_END_REASONS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_facts),	   cmocka_unit_test(test_vms),
		cmocka_unit_test(test_anomalies),  cmocka_unit_test(test_texts_are_replaced),
		cmocka_unit_test(test_copy),	   cmocka_unit_test(test_kernel_algorithm),
		cmocka_unit_test(test_form_names), cmocka_unit_test(test_event_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
