// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a second thread does: each work once (traces/worker), a trace.dat read ahead,
 * the blocks of a binary trace packed behind.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/common/trace_file.h"
#include "traces/binary/binary.h"
#include "base/worker.h"

#define NR_WORKS 64

struct counted {
	struct rs_work work;
	unsigned int runs;
	bool beside;
};

static void count(struct rs_work *work, bool beside)
{
	struct counted *c = (struct counted *)work;

	c->runs++;
	c->beside = beside;
}

/* Queued in turn, flushed or cancelled in any order, again and again. */
static void use_worker(struct rs_worker *w, bool may_be_beside)
{
	struct counted works[NR_WORKS] = { 0 };
	uint64_t seed = 1;

	for (int round = 0; round < 200; round++) {
		for (int i = 0; i < NR_WORKS; i++) {
			works[i] = (struct counted){ .work.run = count };
			rs_worker_queue(w, &works[i].work);
		}
		for (int i = 0; i < NR_WORKS; i++) {
			struct counted *c = &works[(i * 7 + round) % NR_WORKS];

			if (test_random(&seed) % 4) {
				rs_worker_flush(w, &c->work);
				assert_int_equal(c->runs, 1);
			} else {
				rs_worker_cancel(w, &c->work);
				assert_true(c->runs <= may_be_beside);
			}
			rs_worker_flush(w, &c->work); /* there is nothing more to do */
			assert_true(c->runs <= 1);
			assert_true(may_be_beside || !c->beside);
		}
	}
}

static void test_worker(void **state)
{
	struct rs_worker *w = rs_worker_new(2);

	assert_non_null(w);
	use_worker(w, true);
	rs_worker_free(w);
	assert_null(rs_worker_new(1));
	use_worker(NULL, false);
	rs_worker_free(NULL);
}

static void read_with_jobs(struct test_trace *t, const char *path, unsigned int jobs)
{
	const struct rs_reader_opts opts = { .jobs = jobs };

	test_trace_read_with(t, path, &opts);
}

/* Whatever is wrong with the file: the same events, then the same message. */
static int compare(const char *path)
{
	struct test_trace one, two;
	int rc;

	read_with_jobs(&one, path, 1);
	read_with_jobs(&two, path, 2);
	rc = one.rc;
	assert_int_equal(two.rc, rc);
	assert_string_equal(two.message, one.message);
	assert_int_equal(two.nr, one.nr);
	assert_memory_equal(two.evs, one.evs, one.nr * sizeof(*one.evs));
	test_trace_free(&one);
	test_trace_free(&two);
	return rc;
}

static void test_damaged(void **state)
{
	size_t len;
	char *bytes = test_read_file(TRACE_SAMPLES "/6.1-alias3.dat", &len);
	uint64_t seed = 1;
	int bad = 0;

	assert_int_equal(compare(test_write_file("ahead.dat", bytes, len)), 0);
	for (int round = 0; round < 40; round++) {
		/* The frame, which tells of the pages, is at the start and at the end. */
		size_t at = len / 3 + test_random(&seed) % (len / 2);
		char was = bytes[at];

		bytes[at] = (char)(was ^ 0x55);
		bad += compare(test_write_file("ahead.dat", bytes, len)) != 0;
		bytes[at] = was;
	}
	assert_true(bad > 10);
	free(bytes);
}

/* Left while the thread is at work, and begun again. */
static void test_left(void **state)
{
	const struct rs_reader_opts opts = { .jobs = 2 };
	const struct rs_event *evs;
	struct rs_error err;

	for (int batches = 0; batches < 8; batches++) {
		struct rs_reader *r = rs_reader_open(TRACE_SAMPLES "/6.1-alias3.dat", &opts, &err);
		ssize_t n = 1;

		assert_non_null(r);
		for (int i = 0; i < batches && n > 0; i++)
			n = rs_reader_next(r, &evs, &err);
		if (batches % 2)
			assert_int_equal(rs_reader_rewind(r, &err), 0);
		assert_true(!(batches % 2) || rs_reader_next(r, &evs, &err) > 0);
		rs_reader_close(r);
	}
}

/* Returns what the writer says; it is left without an end if @upto events are not all. */
static int write_with_jobs(const struct test_trace *t, size_t upto, const char *path,
			   unsigned int jobs, struct rs_error *err)
{
	struct rs_writer *w = rs_writer_open(path, RS_FORM_BINARY, err);
	int rc = 0;

	assert_non_null(w);
	rs_writer_set_jobs(w, jobs);
	rc = rs_writer_begin(w, &t->meta, err);
	for (size_t i = 0; i < upto && !rc; i += 5000)
		rc = rs_writer_put(w, t->evs + i, upto - i < 5000 ? upto - i : 5000, err);
	if (!rc && upto == t->nr)
		return rs_writer_finish(w, &t->meta, err);
	rs_writer_abort(w);
	return rc;
}

static void test_written(void **state)
{
	char messages[2][1024], *bytes[2];
	struct rs_error err = { 0 };
	struct test_trace t;
	size_t len[2];

	test_trace_read(&t, TRACE_SAMPLES "/6.1-alias3.dat");
	assert_int_equal(t.rc, 0);
	assert_true(t.nr > 3 * RS_BINARY_BLOCK);
	for (unsigned int i = 0; i < 2; i++) {
		const char *path = test_path(i ? "two" : "one");

		assert_int_equal(write_with_jobs(&t, t.nr, path, i + 1, &err), 0);
		bytes[i] = test_read_file(path, &len[i]);
		for (size_t upto = 10000; upto < t.nr; upto += 17000)
			assert_int_equal(write_with_jobs(&t, upto, path, i + 1, &err), 0);
		assert_int_equal(write_with_jobs(&t, t.nr, "/dev/full", i + 1, &err), -ENOSPC);
		rs_error_format(&err, messages[i], sizeof(messages[i]));
	}
	assert_int_equal(len[0], len[1]);
	assert_memory_equal(bytes[0], bytes[1], len[0]);
	assert_string_equal(messages[0], messages[1]);
	free(bytes[0]);
	free(bytes[1]);
	test_trace_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_worker),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_left),
		cmocka_unit_test(test_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
