// SPDX-License-Identifier: GPL-2.0-only
/* Inputs that gzip, xz or bzip2 made: whole, cut, damaged, too large. test_source has zstd's. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <bzlib.h>
#include <cmocka.h>
#include <lzma.h>
#include <zlib.h>

#include "base/budget.h"
#include "tests/common/trace_file.h"
#include "traces/source.h"
#include "traces/unpack.h"

#define ROOM 2000000
#define SMALL 3000
#define LARGE 700000

struct packed {
	unsigned char *bytes;
	size_t len;
};

static size_t gzip(const unsigned char *p, size_t n, unsigned char *to)
{
	z_stream z = { .next_in = (unsigned char *)p, .avail_in = (unsigned int)n };
	size_t len;

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY),
			 Z_OK);
	z.next_out = to;
	z.avail_out = ROOM / 2;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	len = z.total_out;
	deflateEnd(&z);
	return len;
}

static size_t xz(const unsigned char *p, size_t n, unsigned char *to)
{
	size_t len = 0;

	assert_int_equal(
		lzma_easy_buffer_encode(0, LZMA_CHECK_CRC64, NULL, p, n, to, &len, ROOM / 2),
		LZMA_OK);
	return len;
}

static size_t bzip2(const unsigned char *p, size_t n, unsigned char *to)
{
	unsigned int len = ROOM / 2;

	assert_int_equal(
		BZ2_bzBuffToBuffCompress((char *)to, &len, (char *)p, (unsigned int)n, 9, 0, 0),
		BZ_OK);
	return len;
}

static const struct method {
	const char *name;
	size_t (*pack)(const unsigned char *p, size_t n, unsigned char *to);
} methods[] = { { "gzip", gzip }, { "xz", xz }, { "bzip2", bzip2 } };

#define EACH_METHOD(m)                                                                           \
	for (const struct method *m = methods; m < methods + sizeof(methods) / sizeof(*methods); \
	     m++)

static unsigned char plain[LARGE];

static int fill(void **state)
{
	uint64_t seed = 3;

	for (size_t i = 0; i < sizeof(plain); i++)
		plain[i] = (unsigned char)(i ? test_random(&seed) % 4 : 'x');
	return 0;
}

/* @n of the bytes as two pieces, with @zeros behind each. */
static struct packed pack(const struct method *m, size_t n, size_t zeros)
{
	struct packed p = { calloc(1, ROOM), 0 };

	assert_non_null(p.bytes);
	for (int i = 0; i < 2; i++) {
		p.len += m->pack(plain + (i ? n / 2 : 0), i ? n - n / 2 : n / 2, p.bytes + p.len);
		p.len += zeros;
	}
	return p;
}

/* Reads in pieces of odd sizes; all that comes must be what was packed. */
static ssize_t read_all(struct rs_source *s, size_t *total, struct rs_error *err)
{
	static unsigned char buf[70001];
	uint64_t seed = 5;
	ssize_t n;

	*total = 0;
	while ((n = rs_source_read(s, buf, 1 + test_random(&seed) % sizeof(buf), err)) > 0) {
		assert_in_range(*total + (size_t)n, 1, sizeof(plain));
		assert_memory_equal(buf, plain + *total, (size_t)n);
		*total += (size_t)n;
	}
	return n;
}

static void test_whole(void **state)
{
	static const size_t sizes[] = { 2, 4096, 4097, LARGE };
	static const size_t zeros[] = { 0, 4, 512 };

	EACH_METHOD(m)
	for (size_t i = 0; i < 4; i++)
		for (size_t k = 0; k < 3; k++) {
			struct packed p = pack(m, sizes[i], zeros[k]);
			struct rs_error err = { 0 };
			struct rs_source *s =
				rs_source_open(test_write_file(m->name, p.bytes, p.len), &err);
			size_t total;

			assert_non_null(s);
			for (int round = 0; round < 2; round++) {
				assert_int_equal(read_all(s, &total, &err), 0);
				assert_int_equal(total, sizes[i]);
				assert_int_equal(rs_source_done(s), p.len);
				assert_int_equal(rs_source_rewind(s, &err), 0);
			}
			assert_non_null(rs_source_seekable_path(s, &err));
			assert_int_equal(read_all(s, &total, &err), 0);
			assert_int_equal(total, sizes[i]);
			rs_source_close(s);
			free(p.bytes);
		}
}

/* What is wrong in the first bytes is told when it is opened, else when it is read. */
static int open_and_read(const struct method *m, const struct packed *p, size_t len,
			 struct rs_error *err)
{
	struct rs_source *s = rs_source_open(test_write_file(m->name, p->bytes, len), err);
	size_t total;
	int ret = s ? (int)read_all(s, &total, err) : -errno;

	rs_source_close(s);
	return ret;
}

/* Cut anywhere but between pieces it is an error, never a quiet end. */
static void test_cut(void **state)
{
	EACH_METHOD(m)
	{
		struct packed p = pack(m, SMALL, 0);
		char text[64];
		unsigned int whole = 0;

		snprintf(text, sizeof(text), "broken %s compression: the file is truncated",
			 m->name);
		for (size_t cut = RS_UNPACK_MAGIC; cut < p.len; cut++) {
			struct rs_error err = { 0 };

			if (!open_and_read(m, &p, cut, &err)) {
				whole++;
				continue;
			}
			assert_int_equal(err.kind, RS_ERR_INPUT);
			assert_string_equal(err.text, text);
			assert_int_equal(err.offset, cut);
		}
		assert_int_equal(whole, 1);
		free(p.bytes);
	}
}

/* With any bit changed it is an error, or still what was packed: read_all() looks. */
static void test_damaged(void **state)
{
	EACH_METHOD(m)
	{
		struct packed p = pack(m, SMALL, 0);
		char text[32];
		unsigned int refused = 0;

		snprintf(text, sizeof(text), "broken %s compression", m->name);
		for (size_t at = RS_UNPACK_MAGIC; at < p.len; at++) {
			struct rs_error err = { 0 };

			p.bytes[at] ^= (unsigned char)(1U << at % 8);
			if (open_and_read(m, &p, p.len, &err)) {
				assert_int_equal(err.kind, RS_ERR_INPUT);
				assert_ptr_equal(strstr(err.text, text), err.text);
				refused++;
			}
			p.bytes[at] ^= (unsigned char)(1U << at % 8);
		}
		assert_in_range(refused, p.len - RS_UNPACK_MAGIC - 32, p.len);
		free(p.bytes);
	}
}

/* What unpacks to much more than it is large. */
static void test_bomb(void **state)
{
	unsigned char *zeros = calloc(1, 8 * ROOM), byte;

	assert_non_null(zeros);
	rs_budget_set_base(4096);
	EACH_METHOD(m)
	{
		unsigned char *packed = calloc(1, ROOM);
		struct rs_error err = { 0 };
		struct rs_source *s;
		ssize_t n = -1;

		assert_non_null(packed);
		s = rs_source_open(
			test_write_file(m->name, packed, m->pack(zeros, 8 * ROOM, packed)), &err);
		while (s && (n = rs_source_read(s, &byte, 1, &err)) > 0)
			assert_int_equal(byte, 0);
		assert_true(n < 0);
		assert_non_null(strstr(err.text, "what it is unpacked to"));
		rs_source_close(s);
		free(packed);
	}
	rs_budget_set_base(RS_BUDGET_BASE);
	free(zeros);
}

/* As if it had a window of 4 GiB: not broken, but more than is taken. */
static void test_xz_window(void **state)
{
	struct packed p = pack(&methods[1], SMALL, 0);
	unsigned char *block = p.bytes + 12; /* behind the stream's header */
	const size_t size = 4 * block[0];    /* without its sum */
	unsigned char *filter = memmem(block, size, "\x21\x01", 2);
	struct rs_error err = { 0 };
	uint32_t crc;

	assert_non_null(filter);
	filter[2] = 40;
	crc = lzma_crc32(block, size, 0);
	for (int i = 0; i < 4; i++)
		block[size + i] = (unsigned char)(crc >> 8 * i);
	assert_true(open_and_read(&methods[1], &p, p.len, &err) < 0);
	assert_string_equal(err.text,
			    "compressed by xz with a window of more than 2048 MiB: unpack "
			    "it first, as by 'xz -d'");
	free(p.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),	  cmocka_unit_test(test_cut),
		cmocka_unit_test(test_damaged),	  cmocka_unit_test(test_bomb),
		cmocka_unit_test(test_xz_window),
	};

	return cmocka_run_group_tests(tests, fill, NULL);
}
