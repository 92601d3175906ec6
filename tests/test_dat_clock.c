// SPDX-License-Identifier: GPL-2.0-only
/*
 * The clock of a trace.dat: what is not in ns becomes ns, or is refused; no figure is made of
 * cycles, events or ticks.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/common/compare_import.h"
#include "tests/common/puts.h"
#include "traces/dat/dat_clock.h"

/* The plain events as a TSC of 2 GHz has them: two cycles a ns, and one more. */
static struct dat *plain_cycles(unsigned int version, unsigned int flags)
{
	struct dat *d = dat_new(version, flags, 4, GFN_KERNEL);

	dat_set_clock(d, "x86-tsc");
	for (size_t i = 0; i < NR_PLAIN; i++) {
		struct put p = plain[i];

		p.time = 2 * p.time + 1;
		put_all(d, &p, 1);
	}
	return d;
}

static void test_factors(void **state)
{
	static const struct {
		unsigned int version, flags;
	} forms[] = { { 7, 0 }, { 7, DAT_ZSTD }, { 6, 0 }, { 6, DAT_BIG_ENDIAN } };

	for (size_t i = 0; i < NR(forms); i++) {
		struct dat *d = plain_cycles(forms[i].version, forms[i].flags);

		/* The offset belongs to another clock, and trace-cmd adds none. */
		dat_add_tsc2nsec(d, 1U << 23, 24, 12345);
		expect(d, plain_text);
	}
}

/* trace-cmd's name of the clock whose factors it took along. */
static void test_name_of_trace_cmd(void **state)
{
	struct dat *d = plain_cycles(7, 0);

	dat_set_clock(d, "tsc2nsec");
	dat_add_tsc2nsec(d, 1U << 23, 24, 0);
	expect(d, plain_text);
}

static void test_naive_agrees(void **state)
{
	struct dat *d = plain_cycles(7, 0);
	unsigned char *bytes;
	size_t size;

	dat_add_tsc2nsec(d, 6452775, 24, 0);
	bytes = dat_finish(d, &size);
	assert_true(compare_import("cycles", bytes, size));
	free(bytes);
}

/* As the fact and the assumption say how the times were made. */
static void test_says_how(void **state)
{
	struct rs_reader_opts opts = { .assume_tsc_khz = 2000000 };
	struct dat *d = plain_cycles(7, 0);
	struct test_trace t;

	dat_add_tsc2nsec(d, 1U << 23, 24, 0);
	read_back(&t, d);
	assert_int_equal(t.rc, 0);
	assert_string_equal(rs_meta_fact(&t.meta, "clock"), "x86-tsc");
	assert_string_equal(rs_meta_fact(&t.meta, "clock.ns"),
			    "cycles * 8388608 / 2^24, as the file says");
	assert_int_equal(t.meta.nr_assumptions, 0);
	test_trace_free(&t);

	read_back_with(&t, plain_cycles(7, 0), &opts);
	assert_int_equal(t.rc, 0);
	assert_int_equal(t.evs[0].time_ns, plain[0].time);
	assert_int_equal(t.meta.nr_assumptions, 1);
	assert_string_equal(t.meta.assumptions[0],
			    "The TSC is assumed to run at 2000000 kHz: the trace's times are its "
			    "cycles.");
	test_trace_free(&t);
}

static void assert_refused(struct dat *d, const char *why)
{
	struct test_trace t;

	read_back(&t, d);
	assert_int_equal(t.rc, -EINVAL);
	assert_int_equal(t.err.kind, RS_ERR_INPUT);
	if (!strstr(t.err.text, why))
		fail_msg("'%s' expected, not: %s", why, t.err.text);
	test_trace_free(&t);
}

static void test_refused(void **state)
{
	static const char *const clocks[] = { "counter", "uptime", "ppc-tb", "s390-tod" };
	struct dat *d = plain_cycles(7, 0);

	assert_refused(d, "give --assume-tsc-khz N");
	/* 0 is what trace-cmd writes of a kernel that does not tell. */
	d = plain_cycles(6, 0);
	dat_add_tsc2nsec(d, 0, 0, 0);
	assert_refused(d, "give --assume-tsc-khz N");
	d = plain_cycles(7, 0);
	dat_add_tsc2nsec(d, 1, 64, 0);
	assert_refused(d, "it is damaged");
	for (size_t i = 0; i < NR(clocks); i++) {
		d = dat_new(i % 2 ? 6 : 7, 0, 4, GFN_KERNEL);
		dat_set_clock(d, clocks[i]);
		put_all(d, plain, NR_PLAIN);
		assert_refused(d, "--clock mono");
	}
}

/* Between two clocks there is no order, but in a ring buffer in which nothing is. */
static void test_two_clocks(void **state)
{
	for (unsigned int in_use = 0; in_use < 2; in_use++) {
		struct dat *d = plain_cycles(7, 0);

		dat_add_tsc2nsec(d, 1U << 23, 24, 0);
		dat_set_buffer_clock(d, dat_add_buffer(d, "other"), "mono");
		if (!in_use) {
			expect(d, plain_text);
			continue;
		}
		dat_at(d, 1, 0, 1);
		dat_marker(d, plain[0].time, "here");
		assert_refused(d, "there is no order between them");
	}
}

/* The factors are of no use to clocks that are in ns. */
static void test_clocks_in_ns(void **state)
{
	static const char *const clocks[] = { "local",	  "global", "perf", "mono",
					      "mono_raw", "boot",   "tai" };

	for (size_t i = 0; i < NR(clocks); i++) {
		struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);

		dat_set_clock(d, clocks[i]);
		dat_add_tsc2nsec(d, 1U << 23, 24, 0);
		put_all(d, plain, NR_PLAIN);
		expect(d, plain_text);
	}
}

/* To the ns, never back, and without an overflow. */
static void test_arithmetic(void **state)
{
	const struct rs_dat_clock none = { 0 }, ghz = { .cycles = true, .khz = 1000000 },
				  factors = { .cycles = true, .mult = UINT32_MAX, .shift = 31 },
				  slow = { .cycles = true, .khz = 1 },
				  fast = { .cycles = true, .khz = UINT32_MAX },
				  odd = { .cycles = true, .khz = 2599997 };
	uint64_t random = 1, before = 0;

	assert_int_equal(rs_dat_clock_ns(&none, UINT64_MAX), UINT64_MAX);
	assert_int_equal(rs_dat_clock_ns(&factors, UINT64_MAX), UINT64_MAX);
	assert_int_equal(rs_dat_clock_ns(&ghz, UINT64_MAX), UINT64_MAX);
	assert_int_equal(rs_dat_clock_ns(&slow, UINT64_MAX), UINT64_MAX);
	assert_int_equal(rs_dat_clock_ns(&fast, 4294967295), 1000000);
	for (int i = 0; i < 1000; i++) {
		const uint64_t v = test_random_extreme(&random, UINT64_MAX);

		assert_int_equal(rs_dat_clock_ns(&odd, v),
				 (uint64_t)((unsigned __int128)v * 1000000 / 2599997));
	}
	for (uint64_t v = UINT64_MAX / 2; v < UINT64_MAX / 2 + 100; v++) {
		assert_true(rs_dat_clock_ns(&odd, v) >= before);
		before = rs_dat_clock_ns(&odd, v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_factors),	     cmocka_unit_test(test_name_of_trace_cmd),
		cmocka_unit_test(test_naive_agrees), cmocka_unit_test(test_says_how),
		cmocka_unit_test(test_refused),	     cmocka_unit_test(test_clocks_in_ns),
		cmocka_unit_test(test_two_clocks),   cmocka_unit_test(test_arithmetic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
