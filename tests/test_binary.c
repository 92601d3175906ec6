// SPDX-License-Identifier: GPL-2.0-only
/* The binary form: nothing gets lost, and no damage goes unnoticed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <zstd.h>

#include "tests/common/trace_file.h"
#include "traces/binary/binary.h"
#include "traces/binary/columns.h"
#include "traces/binary/packed.h"

#define ROBUST_SECONDS 1.0

static const enum rs_form both[] = { RS_FORM_BINARY, RS_FORM_BINARY_RAW };

static void random_trace(uint64_t *seed, size_t nr, struct test_trace *t)
{
	memset(t, 0, sizeof(*t));
	t->nr = nr;
	t->evs = calloc(nr + 1, sizeof(*t->evs));
	assert_non_null(t->evs);
	for (size_t i = 0; i < nr; i++)
		test_random_event(seed, &t->evs[i]);
	test_random_meta(seed, &t->meta);
	test_random_whos(seed, t);
}

/* What a kernel's trace looks like: few heads, small differences. */
static void plain_trace(size_t nr, struct test_trace *t)
{
	uint64_t seed = 9, now = 1000000;

	memset(t, 0, sizeof(*t));
	t->nr = nr;
	t->evs = calloc(nr + 1, sizeof(*t->evs));
	assert_non_null(t->evs);
	for (size_t i = 0; i < nr; i++) {
		struct rs_event *ev = &t->evs[i];

		now += test_random(&seed) % 50000 * 10;
		ev->time_ns = now;
		ev->vm = 1;
		switch (i % 4) {
		case 0:
			ev->type = RS_EV_INVAL_BEGIN;
			ev->inval.id = i / 4;
			ev->inval.start = 0x7f0000000000 + test_random(&seed) % 100 * 4096;
			ev->inval.end = ev->inval.start + 4096;
			break;
		case 1:
			ev->type = RS_EV_FAULT_BEGIN;
			ev->fault.vcpu = i / 4 % 3;
			ev->fault.gfn = test_random(&seed) % 1000;
			break;
		case 2:
			ev->type = RS_EV_INVAL_END;
			ev->inval.id = i / 4;
			break;
		default:
			ev->type = RS_EV_FAULT_CHECK;
			ev->fault.vcpu = i / 4 % 3;
			ev->result = RS_RES_OK;
			break;
		}
	}
	assert_int_equal(rs_meta_set_kernel(&t->meta, "6.12"), 0);
}

static void check_round_trip(const struct test_trace *t, enum rs_form form)
{
	struct test_trace back;
	size_t len, len2;
	char *bytes = test_trace_bytes(t, form, &len), *bytes2;

	test_trace_parse(&back, bytes, len);
	assert_string_equal(back.message, "");
	assert_int_equal(back.form, RS_FORM_BINARY);
	test_assert_same_trace(t, &back);
	bytes2 = test_trace_bytes(&back, form, &len2);
	assert_int_equal(len, len2);
	assert_memory_equal(bytes, bytes2, len);
	test_trace_free(&back);
	free(bytes);
	free(bytes2);
}

static void test_round_trips(void **state)
{
	static const size_t sizes[] = { 0,
					1,
					2,
					63,
					64,
					65,
					1000,
					RS_BINARY_BLOCK - 1,
					RS_BINARY_BLOCK,
					RS_BINARY_BLOCK + 1,
					3 * RS_BINARY_BLOCK };
	uint64_t seed = 1;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (size_t f = 0; f < 2; f++) {
			struct test_trace t;

			random_trace(&seed, sizes[i], &t);
			check_round_trip(&t, both[f]);
			test_trace_free(&t);
			plain_trace(sizes[i], &t);
			check_round_trip(&t, both[f]);
			test_trace_free(&t);
		}
	}
}

/* The same through a pipe, and compressed as a whole: neither is a plain file. */
static void test_streams(void **state)
{
	struct test_trace t, back;
	char command[1024];
	size_t len;
	char *bytes;

	plain_trace(40000, &t);
	for (size_t f = 0; f < 2; f++) {
		bytes = test_trace_bytes(&t, both[f], &len);
		test_write_file("stream", bytes, len);
		snprintf(command, sizeof(command), "zstd -qf '%s'", test_path("stream"));
		assert_int_equal(system(command), 0);
		test_trace_read(&back, test_path("stream.zst"));
		assert_string_equal(back.message, "");
		test_assert_same_trace(&t, &back);
		test_trace_free(&back);
		free(bytes);
	}
	test_trace_free(&t);
}

/* Text of binary of text is the same text. */
static void test_text_and_back(void **state)
{
	uint64_t seed = 5;
	struct test_trace t, binary;
	size_t len, len2;
	char *text, *bytes, *text2;

	random_trace(&seed, 20000, &t);
	text = test_trace_bytes(&t, RS_FORM_TEXT, &len);
	for (size_t f = 0; f < 2; f++) {
		bytes = test_trace_bytes(&t, both[f], &len2);
		test_trace_parse(&binary, bytes, len2);
		text2 = test_trace_bytes(&binary, RS_FORM_TEXT, &len2);
		assert_int_equal(len, len2);
		assert_memory_equal(text, text2, len);
		test_trace_free(&binary);
		free(text2);
		free(bytes);
	}
	free(text);
	test_trace_free(&t);
}

/* A trace like those of a host takes a few bytes an event. */
static void test_size(void **state)
{
	struct test_trace t;
	size_t len;

	plain_trace(100000, &t);
	free(test_trace_bytes(&t, RS_FORM_BINARY, &len));
	print_message("%.2f bytes per event\n", (double)len / (double)t.nr);
	assert_true(len < 4 * t.nr);
	free(test_trace_bytes(&t, RS_FORM_BINARY_RAW, &len));
	assert_true(len < 17 * t.nr);
	test_trace_free(&t);
}

/* Every bit of every byte counts. */
static void test_flips(void **state)
{
	uint64_t seed = 3;

	for (size_t f = 0; f < 2; f++) {
		struct test_trace t, back;
		size_t len;
		char *bytes;

		random_trace(&seed, 12, &t);
		bytes = test_trace_bytes(&t, both[f], &len);
		for (size_t at = 0; at < len; at++) {
			for (unsigned int bit = 0; bit < 8; bit += at % 3 ? 7 : 1) {
				bytes[at] ^= 1 << bit;
				test_trace_parse(&back, bytes, len);
				assert_int_not_equal(back.rc, 0);
				assert_int_equal(back.err.kind, RS_ERR_INPUT);
				test_trace_free(&back);
				bytes[at] ^= 1 << bit;
			}
		}
		test_trace_free(&t);
		free(bytes);
	}
}

/* Reads with repair; nothing but the anomaly says that something is missing. */
static void repair(struct test_trace *t, const char *bytes, size_t len)
{
	const struct rs_reader_opts opts = { .repair = true };

	test_trace_read_with(t, test_write_file("repaired", bytes, len), &opts);
}

static void assert_begin_of(const struct test_trace *t, const struct test_trace *whole)
{
	/* Only the last block has few. */
	assert_true(t->nr == 0 || t->nr > RS_BINARY_BLOCK / 2 || t->nr == whole->nr);
	assert_true(t->nr <= whole->nr);
	if (t->nr)
		assert_memory_equal(t->evs, whole->evs, t->nr * sizeof(*t->evs));
}

static void check_cut(const struct test_trace *whole, const char *bytes, size_t cut)
{
	struct test_trace t;
	size_t nr;

	test_trace_parse(&t, bytes, cut);
	assert_int_not_equal(t.rc, 0);
	assert_int_equal(t.err.kind, RS_ERR_INPUT);
	if (cut >= 8 && t.nr)
		assert_true(t.err.offset >= 0 && t.err.offset <= (int64_t)cut);
	assert_begin_of(&t, whole);
	nr = t.nr;
	test_trace_free(&t);
	repair(&t, bytes, cut);
	if (!t.rc) {
		assert_int_equal(t.nr, nr);
		assert_int_equal(t.meta.nr_anomalies, 1);
		assert_string_equal(t.meta.anomalies[0].name, "binary-truncated");
		assert_string_equal(t.meta.kernel, "6.12");
	} else {
		/* Not even the first metadata are there. */
		assert_true(cut < 256);
	}
	test_trace_free(&t);
}

/* Cut off anywhere, the whole blocks before remain. */
static void test_truncations(void **state)
{
	for (size_t f = 0; f < 2; f++) {
		struct test_trace t;
		size_t len;
		char *bytes;

		plain_trace(20, &t);
		bytes = test_trace_bytes(&t, both[f], &len);
		for (size_t cut = 1; cut < len; cut++)
			check_cut(&t, bytes, cut);
		free(bytes);
		test_trace_free(&t);

		plain_trace(3 * RS_BINARY_BLOCK + 100, &t);
		bytes = test_trace_bytes(&t, both[f], &len);
		for (size_t cut = 1; cut < len; cut += len / 12 + 13)
			check_cut(&t, bytes, cut);
		for (size_t cut = len - 300; cut < len; cut += 23)
			check_cut(&t, bytes, cut);
		free(bytes);
		test_trace_free(&t);
	}
}

static void test_messages(void **state)
{
	struct test_trace t, back;
	size_t len;
	char *bytes, *longer;

	plain_trace(20, &t);
	bytes = test_trace_bytes(&t, RS_FORM_BINARY_RAW, &len);
	test_trace_parse(&back, bytes, len - 1);
	assert_non_null(strstr(back.message, "the file is truncated here"));
	assert_int_equal(back.err.offset, len - 64);
	test_trace_free(&back);

	bytes[20] ^= 1;
	test_trace_parse(&back, bytes, len);
	assert_string_equal(back.message, "FILE: offset 0: the header is damaged");
	test_trace_free(&back);
	bytes[20] ^= 1;

	longer = calloc(1, len + 1);
	assert_non_null(longer);
	memcpy(longer, bytes, len);
	test_trace_parse(&back, longer, len + 1);
	assert_non_null(strstr(back.message, "something follows the trailer"));
	test_trace_free(&back);
	free(longer);

	test_trace_parse(&back, bytes, 7);
	assert_ptr_equal(strstr(back.message, "FILE: is no trace"), back.message);
	test_trace_free(&back);
	test_trace_free(&t);
	free(bytes);
}

/* ---- files with right sums that are wrong otherwise ---- */

static void seal(char *part)
{
	uint64_t sum = rs_binary_sum(part, 56);

	memcpy(part + 56, &sum, sizeof(sum));
}

static void seal_block(char *block)
{
	struct rs_binary_block h;

	memcpy(&h, block, sizeof(h));
	h.data_sum = rs_binary_sum(block + sizeof(h), rs_binary_padded(h.stored));
	memcpy(block, &h, sizeof(h));
	seal(block);
}

static char *find_block(char *bytes, size_t len, uint32_t kind)
{
	for (size_t at = 64; at < len; at += 8)
		if (!memcmp(bytes + at, &kind, sizeof(kind)))
			return bytes + at;
	fail();
	return NULL;
}

static void expect_refused(const char *bytes, size_t len, const char *what)
{
	struct test_trace t;

	test_trace_parse(&t, bytes, len);
	if (!strstr(t.message, what))
		fail_msg("'%s' expected, not '%s'", what, t.message);
	test_trace_free(&t);
}

/* Of who has asked for the blocks, to go by what is said of them. */
static void expect_untold(const char *bytes, size_t len, const char *what)
{
	struct rs_error err = { .offset = -1 };
	struct rs_reader *r = rs_reader_open(test_write_file("asked", bytes, len), NULL, &err);
	const struct rs_event *evs;
	char message[1024];
	ssize_t n = 1;
	size_t nr;

	assert_non_null(r);
	free(rs_reader_blocks(r, &nr));
	while (n > 0)
		n = rs_reader_next(r, &evs, &err);
	rs_error_format(&err, message, sizeof(message));
	if (!n || !strstr(message, what))
		fail_msg("'%s' expected, not '%s'", what, message);
	rs_reader_close(r);
}

static void test_sealed_header(void **state)
{
	struct test_trace t;
	struct rs_binary_header h;
	size_t len;
	char *bytes;

	plain_trace(20, &t);
	bytes = test_trace_bytes(&t, RS_FORM_BINARY, &len);
	memcpy(&h, bytes, sizeof(h));
	h.version = 1;
	h.zero[0] = 48; /* it had the size of a record here */
	memcpy(bytes, &h, sizeof(h));
	seal(bytes);
	expect_refused(bytes, len, "version 1 of the binary form is not known, only 2 and 3");
	h.version = 4;
	memcpy(bytes, &h, sizeof(h));
	seal(bytes);
	expect_refused(bytes, len, "version 4 of the binary form is not known, only 2 and 3");
	h.version = 3;
	memcpy(bytes, &h, sizeof(h));
	seal(bytes);
	expect_refused(bytes, len, "the header is damaged");
	free(bytes);
	test_trace_free(&t);
}

#define CHANGE_FOR(expect, member, value, what)     \
	do {                                        \
		struct rs_binary_block h = good;    \
		h.member = (value);                 \
		memcpy(block, &h, sizeof(h));       \
		seal(block);                        \
		expect(bytes, len, what);           \
		memcpy(block, &good, sizeof(good)); \
	} while (0)
#define CHANGE(member, value, what) CHANGE_FOR(expect_refused, member, value, what)
#define UNTOLD(member, value) CHANGE_FOR(expect_untold, member, value, untold)

static void check_sealed_block(const struct test_trace *t, enum rs_form form)
{
	static const char none[] = "the block is none that can stand here";
	char untold[80];
	struct rs_binary_block good;
	size_t len;
	char *bytes = test_trace_bytes(t, form, &len);
	char *block = find_block(bytes, len, RS_BINARY_EVENTS);

	memcpy(&good, block, sizeof(good));
	CHANGE(kind, 0, none);
	CHANGE(kind, RS_BINARY_TRAILER, "the trailer does not fit the file");
	CHANGE(kind, RS_BINARY_INDEX, none);
	CHANGE(encoding, RS_BINARY_RAW, none);
	CHANGE(encoding, 3, none);
	CHANGE(encoding, RS_BINARY_ZSTD + RS_BINARY_PACKED - good.encoding,
	       form == RS_FORM_BINARY ? none : "makes no sense");
	CHANGE(zero, 1, none);
	CHANGE(count, 0, none);
	CHANGE(count, RS_BINARY_BLOCK + 1, none);
	CHANGE(count, good.count + 1, "makes no sense");
	CHANGE(count, good.count - 1, "makes no sense");
	CHANGE(count, 1, none);
	CHANGE(stored, UINT32_MAX, none);
	CHANGE(stored, 0, form == RS_FORM_BINARY ? "damaged" : none);
	CHANGE(decoded, UINT32_MAX, none);
	CHANGE(decoded, good.decoded - 1, form == RS_FORM_BINARY ? "makes no sense" : none);
	CHANGE(first, 1, none);
	snprintf(untold, sizeof(untold), "offset %td: the block is not what its header",
		 block - bytes);
	UNTOLD(min_ns, good.min_ns + 1);
	CHANGE(min_ns, good.min_ns + 1, "the index does not fit the file");
	UNTOLD(min_ns, good.min_ns - 1);
	CHANGE(min_ns, good.min_ns - 1, "the index does not fit the file");
	UNTOLD(max_ns, good.max_ns + 1);
	CHANGE(max_ns, good.max_ns + 1, "the index does not fit the file");
	UNTOLD(max_ns, good.max_ns - 1);
	CHANGE(max_ns, good.max_ns - 1, "the index does not fit the file");
	UNTOLD(vms, good.vms | 1U << 31);
	CHANGE(vms, good.vms | 1U << 31, "the index does not fit the file");
	UNTOLD(vms, 0);
	CHANGE(vms, 0, "the index does not fit the file");
	CHANGE(data_sum, 0, "the block's data are damaged");
	free(bytes);
}

static void test_sealed_blocks(void **state)
{
	struct test_trace t;

	plain_trace(20, &t);
	check_sealed_block(&t, RS_FORM_BINARY);
	check_sealed_block(&t, RS_FORM_BINARY_RAW);
	test_trace_free(&t);
}

/* Where a packed block has its parts: 16 bytes, bases of 56, records of 16. */
#define BASES 80
#define BASE(n) (BASES + 56 * (n))

static void expect_senseless(char *bytes, size_t len, char *block, size_t at, int value)
{
	char old = block[at];

	block[at] = (char)value;
	seal_block(block);
	expect_refused(bytes, len, "the block of events makes no sense");
	block[at] = old;
}

static void test_sealed_events(void **state)
{
	struct test_trace t;
	size_t len, records;
	uint32_t nr_bases;
	char *bytes, *block;

	plain_trace(20, &t);
	bytes = test_trace_bytes(&t, RS_FORM_BINARY_RAW, &len);
	block = find_block(bytes, len, RS_BINARY_EVENTS);
	memcpy(&nr_bases, block + 64, sizeof(nr_bases));
	records = BASE(nr_bases);
	/* A begin, three vCPUs' begins, an end, three checks. */
	assert_int_equal(nr_bases, 8);
	expect_senseless(bytes, len, block, 64, 0);	       /* no bases */
	expect_senseless(bytes, len, block, 64, 9);	       /* one too many */
	expect_senseless(bytes, len, block, 68, 1);	       /* what is 0 */
	expect_senseless(bytes, len, block, BASE(0) + 4, 200); /* a type */
	expect_senseless(bytes, len, block, BASE(0) + 48, 32); /* a shift */
	expect_senseless(bytes, len, block, BASE(1) + 32, 1);  /* b of a fault_begin */
	expect_senseless(bytes, len, block, BASE(1) + 24, 1);  /* its a */
	expect_senseless(bytes, len, block, BASE(1) + 48, 1);  /* its shift */
	expect_senseless(bytes, len, block, records + 4, 8);   /* a base that is not there */
	free(bytes);
	test_trace_free(&t);
}

static void test_sealed_trailer(void **state)
{
	struct rs_binary_trailer good;
	struct test_trace t;
	size_t len;
	char *bytes, *part;

	plain_trace(20, &t);
	bytes = test_trace_bytes(&t, RS_FORM_BINARY, &len);
	part = bytes + len - sizeof(good);
	memcpy(&good, part, sizeof(good));
	for (size_t at = 4; at < 56; at += 4) {
		part[at] ^= 1;
		seal(part);
		expect_refused(bytes, len, "the trailer does not fit the file");
		part[at] ^= 1;
	}
	free(bytes);
	test_trace_free(&t);
}

static void test_sealed_index(void **state)
{
	struct test_trace t;
	size_t len;
	char *bytes, *block;

	plain_trace(20, &t);
	bytes = test_trace_bytes(&t, RS_FORM_BINARY, &len);
	block = find_block(bytes, len, RS_BINARY_INDEX);
	for (size_t at = 64; at < 64 + offsetof(struct rs_binary_entry, flags); at += 4) {
		block[at] ^= 1;
		seal_block(block);
		expect_refused(bytes, len, "the index does not fit the file");
		block[at] ^= 1;
	}
	for (char flag = RS_BINARY_HAS_MEMSLOT; flag <= (char)RS_BINARY_HAS_LOST; flag++) {
		block[64 + offsetof(struct rs_binary_entry, flags)] ^= flag;
		seal_block(block);
		expect_untold(bytes, len, "the block is not what its header or the index say");
		block[64 + offsetof(struct rs_binary_entry, flags)] ^= flag;
	}
	free(bytes);
	test_trace_free(&t);
}

/* Metadata of one item that is wrong in one way. */
static void test_unpack_meta(void **state)
{
	struct rs_trace_meta m = { 0 }, back = { 0 };
	const struct rs_binary_names nobody = { 0 };
	unsigned char *bytes;
	uint64_t seed = 8;
	size_t size;

	for (int i = 0; i < 200; i++) {
		test_random_meta(&seed, &m);
		bytes = rs_binary_pack_meta(&m, &nobody, &size);
		assert_non_null(bytes);
		assert_int_equal(rs_binary_unpack_meta(bytes, size, &back), 0);
		test_assert_same_meta(&m, &back);
		for (size_t cut = 1; cut < 32 && cut < size; cut++)
			assert_int_equal(rs_binary_unpack_meta(bytes, size - cut, &back), -EINVAL);
		/* What was there stays. */
		test_assert_same_meta(&m, &back);
		for (int k = 0; k < 100; k++) {
			size_t at = test_random(&seed) % size;
			unsigned char old = bytes[at];

			bytes[at] = (unsigned char)test_random(&seed);
			rs_binary_unpack_meta(bytes, size, &back);
			bytes[at] = old;
		}
		free(bytes);
		rs_meta_free(&m);
	}
	rs_meta_free(&back);
}

/* ---- a block's events ---- */

/* traces/binary/columns.h and traces/binary/packed.h have the same functions. */
struct coder {
	void *(*new)(size_t max_events);
	void (*free)(void *coder);
	size_t (*bound)(size_t n);
	size_t (*encode)(void *coder, const struct rs_event *evs, size_t n, unsigned char *out);
	int (*decode)(void *coder, const unsigned char *bytes, size_t size, struct rs_event *evs,
		      size_t n);
};

#define CODER(name)                                                                    \
	static void *new_##name(size_t max)                                            \
	{                                                                              \
		return rs_##name##_new(max);                                           \
	}                                                                              \
	static void free_##name(void *coder)                                           \
	{                                                                              \
		rs_##name##_free(coder);                                               \
	}                                                                              \
	static size_t encode_##name(void *coder, const struct rs_event *evs, size_t n, \
				    unsigned char *out)                                \
	{                                                                              \
		return rs_##name##_encode(coder, evs, n, out);                         \
	}                                                                              \
	static int decode_##name(void *coder, const unsigned char *bytes, size_t size, \
				 struct rs_event *evs, size_t n)                       \
	{                                                                              \
		return rs_##name##_decode(coder, bytes, size, evs, n, RS_MAX_WHO);     \
	}                                                                              \
	static const struct coder name = { new_##name, free_##name, rs_##name##_bound, \
					   encode_##name, decode_##name }

CODER(columns);
CODER(packed);

/* Whatever the bytes are, no crash, and what comes out is well-formed. */
static void check_robust(const struct coder *coder)
{
	enum { NR = 300 };
	void *c = coder->new (NR);
	unsigned char *good = malloc(coder->bound(NR)), *bytes = malloc(coder->bound(NR));
	struct rs_event evs[NR];
	uint64_t seed = 11;
	clock_t end = clock() + ROBUST_SECONDS * CLOCKS_PER_SEC;
	unsigned int accepted = 0, refused = 0;

	assert_true(c && good && bytes);
	while (clock() < end) {
		size_t n = 1 + test_random(&seed) % NR, size, cut;

		for (size_t i = 0; i < n; i++)
			test_random_event(&seed, &evs[i]);
		size = coder->encode(c, evs, n, good);
		assert_true(size <= coder->bound(n));
		assert_int_equal(coder->decode(c, good, size, evs, n), 0);
		for (int k = 0; k < 50; k++) {
			memcpy(bytes, good, size);
			for (uint64_t m = test_random(&seed) % 4; m < 4; m++)
				bytes[test_random(&seed) % (m & 1 ? size : 60)] =
					(unsigned char)test_random(&seed);
			cut = test_random(&seed) % 4 ? size : test_random(&seed) % size;
			if (coder->decode(c, bytes, cut, evs, n)) {
				refused++;
				continue;
			}
			assert_true(rs_events_well_formed(evs, n));
			accepted++;
		}
	}
	print_message("%u accepted, %u refused\n", accepted, refused);
	assert_true(accepted > 0 && refused > 0);
	free(good);
	free(bytes);
	coder->free(c);
}

static void test_columns_robust(void **state)
{
	check_robust(&columns);
}

static void test_packed_robust(void **state)
{
	check_robust(&packed);
}

/*
 * Events that differ from others of their kind by about as much as a record can
 * say, in every number: none is stored wrong because it almost fits.
 */
static void test_packed_limits(void **state)
{
	static const uint64_t steps[] = { 0,	      1,	  2,	      0x3fff,
					  0x4000,     0xbfff,	  0xc000,     0xffff,
					  0x10000,    4095,	  4096,	      1ULL << 31,
					  0xffffffff, 1ULL << 32, 1ULL << 43, 1ULL << 44,
					  1ULL << 63, UINT64_MAX };
	enum { NR = 4000, NR_STEPS = sizeof(steps) / sizeof(steps[0]) };
	struct rs_packed *p = rs_packed_new(NR);
	struct rs_event *evs = calloc(2 * NR, sizeof(*evs));
	unsigned char *bytes = malloc(rs_packed_bound(NR));
	uint64_t seed = 21;

	assert_true(p && evs && bytes);
	for (int round = 0; round < 200; round++) {
		for (size_t i = 0; i < NR; i++) {
			uint64_t r = test_random(&seed);

			if (i < 2 || !(r % 50)) {
				test_random_event(&seed, &evs[i]);
				continue;
			}
			evs[i] = evs[i - 1 - r / 64 % (i < 8 ? i : 8)];
			evs[i].time_ns += steps[r / 1024 % NR_STEPS];
			if (evs[i].raw.word[1])
				evs[i].raw.word[1] += steps[r / 65536 % NR_STEPS] << r % 2 * 12;
			if (evs[i].raw.word[2])
				evs[i].raw.word[2] = evs[i].raw.word[1] +
						     (steps[(r >> 24) % NR_STEPS] << r % 2 * 12);
			if (evs[i].raw.word[0])
				evs[i].raw.word[0] += steps[(r >> 32) % NR_STEPS];
		}
		assert_int_equal(rs_packed_decode(p, bytes, rs_packed_encode(p, evs, NR, bytes),
						  evs + NR, NR, RS_MAX_WHO),
				 0);
		assert_memory_equal(evs, evs + NR, NR * sizeof(*evs));
	}
	free(evs);
	free(bytes);
	rs_packed_free(p);
}

static void test_well_formed(void **state)
{
	uint64_t seed = 12;

	for (int i = 0; i < 100000; i++) {
		struct rs_event ev;
		unsigned char *bytes = (unsigned char *)&ev;

		test_random_event(&seed, &ev);
		assert_true(rs_events_well_formed(&ev, 1));
		bytes[test_random(&seed) % sizeof(ev)] = (unsigned char)test_random(&seed);
		assert_int_equal(rs_events_well_formed(&ev, 1), !rs_event_problem(&ev));
	}
}

static void test_kernel_too_late(void **state)
{
	struct rs_error err = { 0 };
	struct rs_trace_meta meta = { 0 };

	assert_int_equal(rs_meta_set_kernel(&meta, "6.1"), 0);
	for (size_t f = 0; f < 2; f++) {
		struct rs_writer *w = rs_writer_open(test_path("late"), both[f], &err);

		assert_non_null(w);
		assert_int_equal(rs_writer_finish(w, &meta, &err), -EINVAL);
		assert_string_equal(err.text,
				    "the kernel's release was not known before the first event");
		assert_int_not_equal(access(test_path("late"), F_OK), 0);
	}
	rs_meta_free(&meta);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trips),    cmocka_unit_test(test_streams),
		cmocka_unit_test(test_text_and_back),  cmocka_unit_test(test_size),
		cmocka_unit_test(test_flips),	       cmocka_unit_test(test_truncations),
		cmocka_unit_test(test_messages),       cmocka_unit_test(test_sealed_header),
		cmocka_unit_test(test_sealed_blocks),  cmocka_unit_test(test_sealed_events),
		cmocka_unit_test(test_sealed_trailer), cmocka_unit_test(test_sealed_index),
		cmocka_unit_test(test_unpack_meta),    cmocka_unit_test(test_columns_robust),
		cmocka_unit_test(test_packed_robust),  cmocka_unit_test(test_packed_limits),
		cmocka_unit_test(test_well_formed),    cmocka_unit_test(test_kernel_too_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
