// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a trace.dat says of itself: each number and name that cannot be is refused, and the
 * line says which one it was.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/common/puts.h"
#include "traces/dat/dat_file.h"
#include "traces/dat/dat_probe.h"

struct file {
	unsigned char *bytes;
	size_t size;
};

static struct file make(unsigned int version, unsigned int flags, unsigned int cpus)
{
	struct dat *d = dat_new(version, flags, cpus, GFN_KERNEL);
	struct file f;

	dat_add_command(d, MAKER, "qemu");
	for (size_t i = 0; i < NR_PLAIN; i++) {
		dat_at(d, 0, plain[i].task % cpus, plain[i].task);
		dat_put(d, plain[i].time, plain[i].kind, plain[i].f, 16);
	}
	f.bytes = dat_finish(d, &f.size);
	return f;
}

/* Behind the first @text at or after @from. */
static size_t behind(const struct file *f, size_t from, const char *text, size_t len)
{
	const unsigned char *at = memmem(f->bytes + from, f->size - from, text, len);

	assert_non_null(at);
	return (size_t)(at - f->bytes) + len;
}

static uint64_t get(const struct file *f, size_t at, size_t n)
{
	uint64_t v = 0;

	assert_true(at + n <= f->size);
	while (n--)
		v = v << 8 | f->bytes[at + n];
	return v;
}

static void set(struct file *f, size_t at, uint64_t v, size_t n)
{
	assert_true(at + n <= f->size);
	for (size_t i = 0; i < n; i++)
		f->bytes[at + i] = (unsigned char)(v >> (8 * i));
}

/* @n bytes of room at @at; what is behind moves. */
static void insert(struct file *f, size_t at, size_t n)
{
	f->bytes = realloc(f->bytes, f->size + n);
	assert_non_null(f->bytes);
	memmove(f->bytes + at + n, f->bytes + at, f->size - at);
	f->size += n;
}

/* The file of @f must be refused with this line; frees @f. */
static void expect_refusal(struct file f, const char *expected)
{
	struct test_trace t;

	test_trace_parse(&t, f.bytes, f.size);
	if (!t.rc)
		fail_msg("it is taken, instead of: %s", expected);
	if (!strstr(t.message, expected))
		fail_msg("'%s' is said, instead of: %s", t.message, expected);
	assert_int_equal(t.err.kind, RS_ERR_INPUT);
	test_trace_free(&t);
	free(f.bytes);
}

#define BEHIND(f, text) behind(&(f), 0, text, sizeof(text) - 1)
/* With the 0 that ends it. */
#define BEHIND_0(f, text) behind(&(f), 0, text, sizeof(text))

static void test_first_bytes(void **state)
{
	static const struct {
		size_t at, bytes;
		uint64_t value;
		const char *expected;
	} cases[] = {
		{ 10, 1, '8', "its version is neither 6 nor 7" },
		{ 12, 1, 2, "neither little nor big endian" },
		{ 13, 1, 5, "a long word is neither 4 nor 8 bytes" },
		{ 14, 4, 4095, "a page size is no power of two between 64 and 64 Mi" },
		{ 14, 4, 32, "a page size is no power of two between 64 and 64 Mi" },
		{ 14, 4, 1U << 27, "a page size is no power of two between 64 and 64 Mi" },
	};

	for (size_t i = 0; i < NR(cases); i++)
		for (unsigned int version = 6; version < 8; version++) {
			struct file f = make(version, 0, 4);

			set(&f, cases[i].at, cases[i].value, cases[i].bytes);
			expect_refusal(f, cases[i].expected);
		}
}

/* Some other file where a trace.dat is expected: the reader never asks for one. */
static void test_another_file(void **state)
{
	static const char text[4096] = "retryscope-events 1\n";
	struct rs_error err = { 0 };
	struct rs_dat_file file;
	FILE *f = fopen(test_write_file("other", text, sizeof(text)), "r");

	assert_non_null(f);
	assert_true(rs_dat_file_open(&file, fileno(f), rs_dat_probe_wants, NULL, &err) < 0);
	assert_non_null(strstr(err.text, "this is no trace.dat"));
	fclose(f);
}

static void test_formats(void **state)
{
	struct file f = make(6, 0, 4);
	const size_t header = BEHIND_0(f, "header_page"), groups = BEHIND_0(f, "retryscope");
	const size_t format = BEHIND(f, "name: memslot\n") - 14;

	set(&f, header, 65537, 8);
	expect_refusal(f, "the page header's format: is too large");

	f = make(6, 0, 4);
	f.bytes[header - 3] = 'x';
	expect_refusal(f, "the page header's format: does not start as it should");

	f = make(6, 0, 4);
	insert(&f, groups - 11, 256);
	memset(f.bytes + groups - 11, 'a', 256);
	expect_refusal(f, "the event formats: a name is too long");

	f = make(6, 0, 4);
	set(&f, format - 8, f.size, 8);
	expect_refusal(f, "the event formats: ends too early");

	f = make(6, 0, 4);
	insert(&f, f.size, 1U << 17);
	set(&f, format - 8, 65537, 8);
	expect_refusal(f, "the event formats: a format is longer than one can be");
}

static void test_too_many_formats(void **state)
{
	struct file f = make(6, 0, 4);
	const size_t format = BEHIND(f, "name: memslot\n") - 14 - 8;
	const size_t size = 8 + (size_t)get(&f, format, 8), count = BEHIND_0(f, "retryscope");

	for (unsigned int i = 0; i < 513; i++) {
		insert(&f, format, size);
		memcpy(f.bytes + format, f.bytes + format + size, size);
	}
	set(&f, count, get(&f, count, 4) + 513, 4);
	expect_refusal(f, "there are too many formats of events of retryscope or KVM");
}

/* Version 6: the CPUs, the table of their pages, options and instances. */
static void test_tables(void **state)
{
	struct file f = make(6, 0, 4);
	const size_t options = BEHIND_0(f, "options  "), table = BEHIND_0(f, "flyrecord");

	set(&f, options - 10 - 4, 65537, 4);
	expect_refusal(f, "the number of CPUs: is too large");

	f = make(6, 0, 4);
	set(&f, options - 10 - 4, 60000, 4);
	expect_refusal(f, "they do not all fit into the file");

	f = make(6, 0, 4);
	memcpy(f.bytes + table - 10, "latency  ", 10);
	expect_refusal(f, "holds the text of a latency tracer, not events");

	f = make(6, 0, 4);
	f.bytes[table - 10] = 'F';
	expect_refusal(f, "the table of the ring buffers: does not start as it should");

	f = make(6, 0, 4);
	set(&f, table, f.size, 8);
	expect_refusal(f, "are not all in the file");

	/* The kernel's release, and an option of which nothing is read. */
	f = make(6, 0, 4);
	set(&f, options + 2, (1U << 20) + 1, 4);
	expect_refusal(f, "the options: an option is too long");
	f = make(6, 0, 4);
	set(&f, options, 99, 2);
	set(&f, options + 2, f.size, 4);
	expect_refusal(f, "the options: ends too early");
}

static struct file with_instances(unsigned int cpus, unsigned int nr, size_t option_size,
				  uint64_t place)
{
	struct file f = make(6, 0, cpus);
	const size_t at = BEHIND_0(f, "options  ");

	if (!place)
		place = BEHIND_0(f, "flyrecord") - 10 + nr * (6 + option_size);
	insert(&f, at, nr * (6 + option_size));
	memset(f.bytes + at, 0, nr * (6 + option_size));
	for (unsigned int i = 0; i < nr; i++) {
		const size_t o = at + i * (6 + option_size);

		set(&f, o, RS_DAT_OPT_BUFFER, 2);
		set(&f, o + 2, option_size, 4);
		set(&f, o + 6, place, 8);
	}
	return f;
}

static void test_instances(void **state)
{
	struct file f;

	expect_refusal(with_instances(1, 1, 8, 0), "an instance's option is too short");
	expect_refusal(with_instances(1, 1, 9, UINT64_MAX),
		       "an instance's table is not in the file");
	expect_refusal(with_instances(4, 4096, 10, 0), "they do not all fit into the file");
	/* Without pages, which have moved. */
	f = with_instances(1, 4096, 10, 0);
	set(&f, BEHIND_0(f, "flyrecord") + 8, 0, 8);
	expect_refusal(f, "there are too many buffers");
}

/* Version 7: the first options section, and where it stands. */
static size_t options_of(const struct file *f)
{
	return (size_t)get(f, behind(f, 0, "none\0", 6), 8);
}

/* The option @id of a file that is not compressed. */
static size_t option_of(const struct file *f, uint16_t id)
{
	size_t at = options_of(f) + 16;

	while (get(f, at, 2) != id)
		at += 6 + (size_t)get(f, at + 2, 4);
	return at;
}

static void test_options(void **state)
{
	struct file f = make(7, 0, 4);
	const size_t place = behind(&f, 0, "none\0", 6), options = options_of(&f);
	const size_t header = option_of(&f, RS_DAT_OPT_HEADER_INFO);
	const size_t uname = option_of(&f, RS_DAT_OPT_UNAME);
	const size_t buffer = option_of(&f, RS_DAT_OPT_BUFFER);
	const size_t cpus = BEHIND_0(f, "mono") + 4;

	set(&f, place, 0, 8);
	expect_refusal(f, "there are no options: the recording was not finished");

	f = make(7, 0, 4);
	memcpy(f.bytes + place - 6, "lz4x", 4);
	expect_refusal(f, "compressed with something else than zstd or zlib; 'trace-cmd convert "
			  "--compression zstd' helps");

	f = make(7, 0, 4);
	set(&f, place, place + 8, 8);
	expect_refusal(f, "the options: there is no such section where the file says");

	f = make(7, 0, 4);
	set(&f, options + 8, f.size, 8);
	expect_refusal(f, "the options: ends too early");

	f = make(7, 0, 4);
	set(&f, options + 2, 1, 2);
	expect_refusal(f, "the options: is compressed though the file says it is not");

	f = make(7, 0, 4);
	set(&f, uname + 2, 0x7fffffff, 4);
	expect_refusal(f, "the options: an option is too long");

	/* The last option says where more of them are. */
	f = make(7, 0, 4);
	set(&f, f.size - 8, options, 8);
	expect_refusal(f, "there are too many formats of events of retryscope or KVM");
	f = make(7, 0, 4);
	set(&f, option_of(&f, RS_DAT_OPT_FTRACE_EVENTS), 99, 2);
	set(&f, option_of(&f, RS_DAT_OPT_EVENT_FORMATS), 99, 2);
	set(&f, buffer, 99, 2);
	set(&f, f.size - 8, options, 8);
	expect_refusal(f, "there are too many of them: they go round in a circle");

	f = make(7, 0, 4);
	set(&f, header, 99, 2);
	expect_refusal(f, "incomplete: no format of the page header");
	f = make(7, 0, 4);
	set(&f, buffer, 99, 2);
	expect_refusal(f, "incomplete: no ring buffer");

	f = make(7, 0, 4);
	set(&f, cpus, 65537, 4);
	expect_refusal(f, "a ring buffer's option: has too many CPUs");
	f = make(7, 0, 4);
	set(&f, cpus - 4, 4095, 4);
	expect_refusal(f, "a ring buffer's option: a page size is no power of two");
	f = make(7, 0, 4);
	set(&f, buffer + 6, options, 8);
	expect_refusal(f, "a ring buffer: there is no such section where the file says");
}

/* Version 7, compressed: sizes of sections that are not what they are. */
static void test_packed_sections(void **state)
{
	struct file f = make(7, DAT_ZSTD, 4);
	const size_t section = BEHIND_0(f, "1.5") + 8;

	assert_int_equal(get(&f, section, 2), RS_DAT_OPT_HEADER_INFO);
	set(&f, section + 16 + 8 + 4, 0, 8);
	expect_refusal(f, "a section: cannot be decompressed");
	f = make(7, DAT_ZSTD, 4);
	set(&f, section + 16 + 4, get(&f, section + 16 + 4, 4) + 1, 4);
	expect_refusal(f, "a section: cannot be decompressed");
	f = make(7, DAT_ZSTD, 4);
	set(&f, section + 16 + 4, (512U << 20) + 1, 4);
	expect_refusal(f, "a section: is too large");
	/* More than such a file may be unpacked to. */
	f = make(7, DAT_ZSTD, 4);
	set(&f, section + 16 + 4, 512U << 20, 4);
	expect_refusal(f, "a section");
	f = make(7, DAT_ZSTD, 4);
	set(&f, section + 16, f.size, 4);
	expect_refusal(f, "a section: ends too early");
}

/* A file of holes that has more than 512 MiB for a section: it is not even read. */
static void test_section_beyond_measure(void **state)
{
	struct file f = make(7, DAT_ZSTD, 4);
	const size_t section = BEHIND_0(f, "1.5") + 8;
	const char *path;
	struct test_trace t;

	set(&f, section + 8, 600U << 20, 8);
	set(&f, section + 16, (512U << 20) + 1, 4);
	path = test_write_file("beyond", f.bytes, f.size);
	free(f.bytes);
	if (truncate(path, 700LL << 20))
		skip();
	test_trace_read(&t, path);
	assert_non_null(strstr(t.message, "a section: is too large"));
	test_trace_free(&t);
	assert_int_equal(truncate(path, 0), 0);
}

/* Version 6: where the pages of the first CPU that has some are, by its entry in the table. */
static size_t pages_of(const struct file *f, size_t *entry)
{
	for (*entry = BEHIND_0(*f, "flyrecord"); !get(f, *entry + 8, 8); *entry += 16)
		continue;
	return (size_t)get(f, *entry, 8);
}

/* One page's header, and the events in it: 4 bytes with the kind and the time, then the rest. */
static void test_pages(void **state)
{
	static const struct {
		size_t at, bytes;
		uint64_t value;
		const char *expected;
	} cases[] = {
		{ 8, 8, 4096 - 15, "a page claims more data than a page holds" },
		{ 8, 8, 0xfffff, "a page claims more data than a page holds" },
		{ 8, 8, 3, "an event does not end within its page" },
		{ 8, 8, 6, "an event does not end within its page" },
		/* A kind whose length stands behind it, and what it may be at least. */
		{ 16, 8, (uint64_t)3 << 32, "an event is shorter than it can be" },
		{ 16, 8, (uint64_t)4096 << 32, "an event does not end within its page" },
		/* Discarded, longer than its page. */
		{ 16, 8, (uint64_t)4096 << 32 | 1 << 5 | 29, "does not end within its page" },
	};
	struct file f;
	size_t entry, page;

	for (size_t i = 0; i < NR(cases); i++) {
		f = make(6, 0, 4);
		page = pages_of(&f, &entry);
		set(&f, page + cases[i].at, cases[i].value, cases[i].bytes);
		expect_refusal(f, cases[i].expected);
	}
	f = make(6, 0, 4);
	page = pages_of(&f, &entry);
	set(&f, page + 8, 4, 8);
	set(&f, page + 16, 31, 4);
	expect_refusal(f, "an event does not end within its page");
	f = make(6, 0, 4);
	pages_of(&f, &entry);
	set(&f, entry + 8, 4095, 8);
	expect_refusal(f, "not a whole number of pages");
}

/* The largest that can be is none of these: all of a page is data, and padding ends it. */
static void test_pages_that_are_full(void **state)
{
	struct file f = make(6, 0, 4);
	struct test_trace t;
	size_t entry, page = pages_of(&f, &entry);
	const size_t used = (size_t)get(&f, page + 8, 8);

	set(&f, page + 8, 4096 - 16, 8);
	set(&f, page + 16 + used, 29, 4);
	memset(f.bytes + page + 16 + used + 4, 0xff, 4096 - 16 - used - 4);
	test_trace_parse(&t, f.bytes, f.size);
	assert_string_equal(t.message, "");
	assert_int_equal(t.nr, 8);
	test_trace_free(&t);
	free(f.bytes);
}

/* Version 7, compressed: the number of chunks, then for each its size, and what it will be. */
static void test_chunks(void **state)
{
	static const unsigned char nothing[] = { 0x28, 0xb5, 0x2f, 0xfd, 0x20, 0, 1, 0, 0 };
	const size_t chunks = 4096; /* where the first page would be */
	static const struct {
		size_t at;
		uint64_t value;
		const char *expected;
	} cases[] = {
		{ 12, 0, "a chunk cannot be decompressed" },
		{ 4, 1U << 20, "a compressed chunk is larger than it can be" },
		{ 8, (16U << 20) + 1, "a compressed chunk is larger than it can be" },
		{ 8, 8192, "a chunk cannot be decompressed" },
		{ 8, 2048, "a chunk cannot be decompressed" },
		{ 0, 2, "the last chunk is cut off" },
	};
	struct file f;

	for (size_t i = 0; i < NR(cases); i++) {
		f = make(7, DAT_ZSTD, 1);
		assert_int_equal(get(&f, chunks, 4), 1);
		set(&f, chunks + cases[i].at, cases[i].value, 4);
		expect_refusal(f, cases[i].expected);
	}
	f = make(7, DAT_ZSTD, 1);
	set(&f, chunks + 4, sizeof(nothing), 4);
	set(&f, chunks + 8, 0, 4);
	memcpy(f.bytes + chunks + 12, nothing, sizeof(nothing));
	expect_refusal(f, "an empty chunk");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_bytes),
		cmocka_unit_test(test_another_file),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_too_many_formats),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_instances),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_packed_sections),
		cmocka_unit_test(test_section_beyond_measure),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_pages_that_are_full),
		cmocka_unit_test(test_chunks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
