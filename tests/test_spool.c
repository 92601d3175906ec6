// SPDX-License-Identifier: GPL-2.0-only
/* Streams of records beside each other: in memory, in a file, and for several readers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/spool.h"

#define STREAMS 5
#define RECORDS 20000U

/* A record is a number that is as long as it is small or large, and the next one. */
static void words_of(uint64_t stream, uint64_t i, uint64_t *words)
{
	words[0] = (stream + 1) * i * i;
	words[1] = UINT64_MAX >> (i % 64);
}

static void put(struct rs_spool *s, struct rs_stream *t, uint64_t stream, uint64_t i)
{
	unsigned char *to = rs_stream_room(s, t, NULL);
	uint64_t words[2];

	assert_non_null(to);
	words_of(stream, i, words);
	rs_stream_add(t, rs_words_put(to, words, 2, i & 0xff, 8));
}

static void expect(struct rs_stream_reader *r, uint64_t stream, uint64_t i)
{
	const unsigned char *from = rs_stream_next(r);
	uint64_t words[2], wanted[2], bits;

	assert_non_null(from);
	r->at = rs_words_get(from, words, 2, &bits, 8);
	words_of(stream, i, wanted);
	assert_int_equal(words[0], wanted[0]);
	assert_int_equal(words[1], wanted[1]);
	assert_int_equal(bits, i & 0xff);
}

/* Stream number k has RECORDS / (k + 1) records; the last stream has none. */
static uint64_t records_of(uint64_t stream)
{
	return stream == STREAMS - 1 ? 0 : RECORDS / (stream + 1);
}

static void read_all(const struct rs_spool *s, const struct rs_stream *t, uint64_t stream)
{
	struct rs_stream_reader r, copy;

	rs_stream_read(&r, s, t);
	for (uint64_t i = 0; i < records_of(stream); i++) {
		/* One that leaves here, and lags behind. */
		if (i % 1000 == 500) {
			rs_stream_reader_copy(&copy, &r);
			for (uint64_t k = i; k < i + 900 && k < records_of(stream); k++)
				expect(&copy, stream, k);
			rs_stream_reader_close(&copy);
		}
		expect(&r, stream, i);
	}
	assert_null(rs_stream_next(&r));
	assert_null(rs_stream_next(&r));
	assert_int_equal(r.failed, 0);
	rs_stream_reader_close(&r);
}

static void check_with(size_t keep)
{
	struct rs_spool *s = rs_spool_new(keep);
	struct rs_stream streams[STREAMS] = { 0 };

	assert_non_null(s);
	for (uint64_t i = 0; i < RECORDS; i++)
		for (uint64_t k = 0; k < STREAMS; k++)
			if (i < records_of(k))
				put(s, &streams[k], k, i);
	for (uint64_t k = 0; k < STREAMS; k++)
		read_all(s, &streams[k], k);
	for (uint64_t k = 0; k < STREAMS; k++)
		rs_stream_free(&streams[k]);
	rs_spool_free(s);
}

static void test_in_memory(void **state)
{
	check_with(0);
}

static void test_in_a_file(void **state)
{
	check_with(1);
}

static void test_in_both(void **state)
{
	check_with(100000);
}

static void test_no_file(void **state)
{
	struct rs_spool *s = rs_spool_new(1);
	struct rs_stream t = { 0 };
	struct rs_error err = { 0 };
	unsigned char *to;

	assert_int_equal(setenv("TMPDIR", "/nonexistent", 1), 0);
	while ((to = rs_stream_room(s, &t, &err)))
		rs_stream_add(&t, to + RS_SPOOL_RECORD);
	assert_int_equal(err.kind, RS_ERR_OUTPUT);
	assert_int_equal(unsetenv("TMPDIR"), 0);
	rs_stream_free(&t);
	rs_spool_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_memory),
		cmocka_unit_test(test_in_a_file),
		cmocka_unit_test(test_in_both),
		cmocka_unit_test(test_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
