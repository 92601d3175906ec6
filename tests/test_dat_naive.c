// SPDX-License-Identifier: GPL-2.0-only
/*
 * The importer against the naive one: on the samples, and on random recordings.
 * RS_STREAMS=N tries some of them, about N of all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/common/compare_import.h"
#include "tests/common/random_recording.h"
#include "tests/common/trace_file.h"

/* Of this many, all recordings are compared; of fewer as large a part. */
#define DEFAULT_STREAMS 20000

static uint64_t step_of_seeds(void)
{
	const uint64_t asked = test_from_env("RS_STREAMS", DEFAULT_STREAMS);

	return asked && asked < DEFAULT_STREAMS ? DEFAULT_STREAMS / asked : 1;
}

static void test_samples(void **state)
{
	static const char *const names[] = {
		"6.1-alias0",  "6.1-alias3",	  "6.1-churn",	      "6.1-partial",  "6.1-thp",
		"6.12-alias0", "6.12-alias3",	  "6.12-churn",	      "6.12-partial", "6.12-thp",
		"7.3-gmem",    "6.18-gmem-mixed", "7.3-gmem-two-vms",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[256];
		size_t size;
		char *bytes;

		snprintf(path, sizeof(path), TRACE_SAMPLES "/%s.dat", names[i]);
		bytes = test_read_file(path, &size);
		assert_true(compare_import(names[i], (unsigned char *)bytes, size));
		free(bytes);
	}
}

static void compare_random(uint64_t from, uint64_t nr, unsigned int how, unsigned int steps)
{
	const uint64_t step = step_of_seeds();
	unsigned int differ = 0;

	for (uint64_t seed = from; seed < from + nr; seed += step) {
		char what[64];
		size_t size;
		unsigned char *bytes = random_recording(seed, how, steps, &size);

		snprintf(what, sizeof(what), "seed %llu, how %#x", (unsigned long long)seed, how);
		differ += !compare_import(what, bytes, size);
		free(bytes);
		if (differ == 3)
			break;
	}
	assert_int_equal(differ, 0);
}

/* Nothing is missing; clocks may be a little apart. */
static void test_whole(void **state)
{
	compare_random(1, 300, 0, 400);
	compare_random(1000, 300, RECORDING_SKEWS, 400);
}

static void test_cut(void **state)
{
	compare_random(2000, 200, RECORDING_CUT, 300);
	compare_random(3000, 300, RECORDING_LATE | RECORDING_CUT | RECORDING_SKEWS, 300);
}

static void test_copies(void **state)
{
	compare_random(4000, 100, RECORDING_COPIES, 300);
}

static void test_partial(void **state)
{
	compare_random(5000, 400, RECORDING_PARTIAL, 300);
	compare_random(6000, 200, RECORDING_PARTIAL | RECORDING_LATE | RECORDING_CUT, 300);
}

static void test_lossy(void **state)
{
	compare_random(7000, 300, RECORDING_LOSSES, 300);
	compare_random(8000, 300, RECORDING_LOSSES | RECORDING_SKEWS | RECORDING_LATE, 600);
	compare_random(9000, 300, RECORDING_MISSES, 300);
	compare_random(10000, 300, RECORDING_MISSES | RECORDING_PARTIAL | RECORDING_LOSSES, 300);
}

static void test_pieces(void **state)
{
	compare_random(14000, 300, RECORDING_PIECES, 600);
	compare_random(15000, 300, RECORDING_PIECES | RECORDING_LATE | RECORDING_SKEWS, 600);
	compare_random(16000, 200, RECORDING_PIECES | RECORDING_LOSSES | RECORDING_PARTIAL, 600);
}

static void test_odd(void **state)
{
	compare_random(11000, 200, RECORDING_BACK, 300);
	compare_random(12000, 300, RECORDING_ODD | RECORDING_SKEWS, 300);
	/* An odd step, with which each flag comes both set and not. */
	for (unsigned int how = 0; how < 0x400; how += step_of_seeds() | 1)
		compare_random(13000 + how, 1, how, 300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples), cmocka_unit_test(test_whole),
		cmocka_unit_test(test_cut),	cmocka_unit_test(test_copies),
		cmocka_unit_test(test_partial), cmocka_unit_test(test_lossy),
		cmocka_unit_test(test_odd),	cmocka_unit_test(test_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
