// SPDX-License-Identifier: GPL-2.0-only
/*
 * A trace.dat that is cut or has wrong bytes is read, or refused with one line that says
 * what is wrong; whatever was read before is well-formed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/common/puts.h"

static unsigned char *make(unsigned int shape, size_t *size)
{
	static const struct {
		unsigned int version, flags;
	} shapes[] = {
		{ 6, 0 }, { 7, 0 }, { 7, DAT_ZSTD }, { 7, DAT_ZLIB }, { 7, DAT_BIG_ENDIAN }
	};
	struct dat *d = dat_new(shapes[shape].version, shapes[shape].flags, 4, GFN_KERNEL);

	dat_add_buffer(d, "second");
	dat_add_command(d, MAKER, "qemu");
	put_all(d, plain, NR_PLAIN);
	return dat_finish(d, size);
}

/* Bad bytes are told by the reader as one line; test_trace_parse() asserts that. */
static bool is_refused(const unsigned char *bytes, size_t size)
{
	struct test_trace t;
	bool refused;

	test_trace_parse(&t, bytes, size);
	assert_true(rs_events_well_formed(t.evs, t.nr));
	refused = t.rc != 0;
	test_trace_free(&t);
	return refused;
}

static void test_cut_short(void **state)
{
	for (unsigned int shape = 0; shape < 4; shape++) {
		size_t size;
		unsigned char *bytes = make(shape, &size);

		assert_false(is_refused(bytes, size));
		for (size_t n = 1; n < size; n += n < 64 ? 1 : 97)
			if (!is_refused(bytes, n) && n < size - 4096)
				fail_msg("shape %u cut to %zu of %zu bytes is taken as whole",
					 shape, n, size);
		free(bytes);
	}
}

static void test_wrong_bytes(void **state)
{
	uint64_t seed = 1;
	unsigned int refused = 0;

	for (unsigned int shape = 0; shape < 4; shape++) {
		size_t size;
		unsigned char *bytes = make(shape, &size);

		for (size_t n = 0; n < 1200; n++) {
			const size_t at = n < 100 ? 10 + n : test_random(&seed) % size;
			const unsigned char was = bytes[at];

			bytes[at] = (unsigned char)test_random_extreme(&seed, 255);
			refused += is_refused(bytes, size);
			bytes[at] = was;
		}
		free(bytes);
	}
	assert_true(refused > 100);
}

static unsigned char *find(unsigned char *bytes, size_t size, const char *text)
{
	unsigned char *at = memmem(bytes, size, text, strlen(text));

	assert_non_null(at);
	return at;
}

/* Nothing but a kernel's text gets as far as libtraceevent, which crashes of what is none. */
static void test_format_text(void **state)
{
	static const unsigned char wrong[] = { 0x01, 0x7f, 0x80, 0xdd, 0xff };

	for (unsigned int shape = 0; shape < 2; shape++) {
		size_t size;
		unsigned char *bytes = make(shape, &size);
		unsigned char *from = find(bytes, size, "name: inval_");
		unsigned char *fields = find(from, size - (size_t)(from - bytes), "field:");

		for (unsigned char *at = bytes + 12; at < fields + 2000;
		     at += at < fields ? 5 : 1) {
			const unsigned char was = *at;

			*at = wrong[(size_t)(at - bytes) % sizeof(wrong)];
			is_refused(bytes, size);
			*at = was;
		}
		for (size_t i = 0; i < sizeof(wrong); i++) {
			fields[20] = wrong[i];
			assert_true(is_refused(bytes, size));
		}
		free(bytes);
	}
}

/* The pages of a CPU are no other CPU's, else a small file has any number of large CPUs. */
static void test_shared_pages(void **state)
{
	size_t size;
	unsigned char *bytes = make(0, &size);
	unsigned char *table = find(bytes, size, "flyrecord") + 10;

	for (int cpu = 1; cpu < 4; cpu++)
		memcpy(table + 16 * cpu, table, 16);
	assert_true(is_refused(bytes, size));
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_wrong_bytes),
		cmocka_unit_test(test_format_text),
		cmocka_unit_test(test_shared_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
