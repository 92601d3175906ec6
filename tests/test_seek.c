// SPDX-License-Identifier: GPL-2.0-only
/*
 * The index of a binary trace is believed before the blocks are seen: what it says of
 * them, where it leads to, and how many heads a block of columns can have.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zstd.h>

#include "tests/common/trace_file.h"
#include "traces/binary/binary.h"

#define BLOCKS 5
/* A block ends so many events early where nothing is in progress. */
#define SHORT (RS_BINARY_BLOCK - 256)
#define EVENTS ((size_t)4 * SHORT + RS_BINARY_BLOCK)

/* Block 2 is a long one. */
static const size_t begins[BLOCKS + 1] = {
	0, SHORT, 2 * SHORT, 2 * SHORT + RS_BINARY_BLOCK, 3 * SHORT + RS_BINARY_BLOCK, EVENTS
};

/*
 * Block 0 begins with a memslot; in block 1 events are lost; one invalidation is in
 * progress from the middle of block 2 to that of block 3; all of block 4 is of VM 40.
 */
static void make(struct test_trace *t)
{
	memset(t, 0, sizeof(*t));
	t->nr = EVENTS;
	t->evs = calloc(EVENTS, sizeof(*t->evs));
	assert_non_null(t->evs);
	for (size_t i = 0; i < EVENTS; i++) {
		struct rs_event *ev = &t->evs[i];

		ev->time_ns = 10 * i;
		ev->vm = i >= begins[4] ? 40 : 1;
		ev->type = i % 2 ? RS_EV_INVAL_END : RS_EV_INVAL_BEGIN;
		ev->inval.id = i / 2;
		if (i % 2 == 0) {
			ev->inval.start = 0x1000;
			ev->inval.end = 0x2000;
		}
	}
	t->evs[0] = (struct rs_event){ .vm = 1, .type = RS_EV_MEMSLOT };
	t->evs[0].memslot.npages = 1;
	t->evs[SHORT] = (struct rs_event){ .time_ns = 10 * SHORT, .vm = 1, .type = RS_EV_LOST };
	/* Its end comes later; what they stand for, ends without a begin do. */
	t->evs[2 * SHORT + 1001].inval.id = 77777777;
	t->evs[begins[3] + 1001].inval.id = t->evs[2 * SHORT + 1000].inval.id;
	t->evs[begins[3] + 1000] = t->evs[2 * SHORT + 1001];
	t->evs[begins[3] + 1000].time_ns = 10 * (begins[3] + 1000);
}

static struct rs_reader *open_bytes(const char *bytes, size_t len)
{
	struct rs_error err = { 0 };
	struct rs_reader *r = rs_reader_open(test_write_file("seek", bytes, len), NULL, &err);

	assert_non_null(r);
	return r;
}

static void test_says(void **state)
{
	static const enum rs_form forms[] = { RS_FORM_BINARY, RS_FORM_BINARY_RAW };

	for (size_t f = 0; f < 2; f++) {
		struct test_trace t;
		struct rs_block *blocks;
		struct rs_reader *r;
		size_t len, nr;
		char *bytes;

		make(&t);
		bytes = test_trace_bytes(&t, forms[f], &len);
		r = open_bytes(bytes, len);
		blocks = rs_reader_blocks(r, &nr);
		assert_non_null(blocks);
		assert_int_equal(nr, BLOCKS);
		for (size_t i = 0; i < nr; i++) {
			assert_int_equal(blocks[i].min_ns, 10 * begins[i]);
			assert_int_equal(blocks[i].max_ns, 10 * (begins[i + 1] - 1));
			assert_int_equal(blocks[i].vms, i == 4 ? 1U << 8 : 1U << 1);
			assert_int_equal(blocks[i].memslots, i == 0);
			assert_int_equal(blocks[i].lost, i == 1);
			assert_int_equal(blocks[i].idle, i != 3);
		}
		free(blocks);
		rs_reader_close(r);
		free(bytes);
		test_trace_free(&t);
	}
}

/* From each block to each later one, and to the end. */
static void test_goes_on(void **state)
{
	struct test_trace t;
	size_t len, nr;
	char *bytes;

	make(&t);
	bytes = test_trace_bytes(&t, RS_FORM_BINARY_RAW, &len);
	for (size_t from = 1; from <= BLOCKS; from++) {
		for (size_t to = from; to <= BLOCKS; to++) {
			struct rs_reader *r = open_bytes(bytes, len);
			struct rs_error err = { 0 };
			const struct rs_event *evs;
			ssize_t n;

			free(rs_reader_blocks(r, &nr));
			for (size_t i = 0; i < from; i++) {
				n = rs_reader_next(r, &evs, &err);
				assert_int_equal(n, begins[i + 1] - begins[i]);
			}
			assert_int_equal(rs_reader_skip_to(r, to, &err), 0);
			for (size_t i = to; i < BLOCKS; i++) {
				n = rs_reader_next(r, &evs, &err);
				assert_int_equal(n, begins[i + 1] - begins[i]);
				assert_memory_equal(evs, t.evs + begins[i],
						    (size_t)n * sizeof(*evs));
			}
			assert_int_equal(rs_reader_next(r, &evs, &err), 0);
			rs_reader_close(r);
		}
	}
	free(bytes);
	test_trace_free(&t);
}

static char *index_of(char *bytes, size_t len)
{
	struct rs_binary_trailer t;

	memcpy(&t, bytes + len - sizeof(t), sizeof(t));
	return bytes + t.index;
}

static void seal(char *block)
{
	struct rs_binary_block h;

	memcpy(&h, block, sizeof(h));
	h.data_sum = rs_binary_sum(block + sizeof(h), rs_binary_padded(h.stored));
	h.sum = rs_binary_sum(&h, offsetof(struct rs_binary_block, sum));
	memcpy(block, &h, sizeof(h));
}

/* An index, whole by its own sum, that leads where no block is; or to another block. */
static void test_leads_astray(void **state)
{
	struct test_trace t;
	size_t len, nr;
	char *bytes, *entry;
	uint64_t good;

	make(&t);
	bytes = test_trace_bytes(&t, RS_FORM_BINARY_RAW, &len);
	entry = index_of(bytes, len) + sizeof(struct rs_binary_block) +
		3 * sizeof(struct rs_binary_entry);
	memcpy(&good, entry, sizeof(good));
	const uint64_t wrong[] = {
		0,	    8,
		64,	    good + 1,
		good + 4,   good + 8,
		good - 8,   len - 64,
		len - 56,   len - 8,
		len,	    len + 8,
		UINT64_MAX, UINT64_MAX - 7,
		1ULL << 63, UINT64_MAX - 63,
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct rs_error err = { 0 };
		const struct rs_event *evs;
		struct rs_reader *r;
		ssize_t n;

		memcpy(entry, &wrong[i], sizeof(wrong[i]));
		seal(index_of(bytes, len));
		r = open_bytes(bytes, len);
		free(rs_reader_blocks(r, &nr));
		assert_int_equal(nr, BLOCKS);
		assert_true(rs_reader_next(r, &evs, &err) > 0);
		n = rs_reader_skip_to(r, 3, &err);
		/* What does not lie in the file, or in no place of a block, is told at once. */
		if (wrong[i] % 8 || wrong[i] > len)
			assert_string_equal(err.text, "the index does not fit the file");
		while (!n || n > 0) {
			n = rs_reader_next(r, &evs, &err);
			if (n <= 0)
				break;
		}
		if (n >= 0)
			fail_msg("an index that leads to %#llx goes unnoticed",
				 (unsigned long long)wrong[i]);
		assert_int_equal(err.kind, RS_ERR_INPUT);
		assert_true(err.text[0]);
		rs_reader_close(r);
	}
	free(bytes);
	test_trace_free(&t);
}

static void change_trailer(char *bytes, size_t len, size_t at, uint64_t by)
{
	struct rs_binary_trailer t;
	uint64_t v;

	memcpy(&v, bytes + len - sizeof(t) + at, sizeof(v));
	v += by;
	memcpy(bytes + len - sizeof(t) + at, &v, sizeof(v));
	memcpy(&t, bytes + len - sizeof(t), sizeof(t));
	t.sum = rs_binary_sum(&t, offsetof(struct rs_binary_trailer, sum));
	memcpy(bytes + len - sizeof(t), &t, sizeof(t));
}

/* What is said when all of a file is read; @ask: by its index. */
static const char *read_all(const char *bytes, size_t len, bool ask)
{
	const struct rs_reader_opts repair = { .repair = true };
	static struct rs_error err;
	struct rs_reader *r;
	const struct rs_event *evs;
	size_t nr;
	ssize_t n;

	err.text[0] = 0;
	r = rs_reader_open(test_write_file("flags", bytes, len), ask ? NULL : &repair, &err);
	assert_non_null(r);
	if (ask)
		free(rs_reader_blocks(r, &nr));
	while ((n = rs_reader_next(r, &evs, &err)) > 0)
		;
	if (rs_reader_damage(r))
		err = *rs_reader_damage(r);
	assert_true(!n || ask);
	rs_reader_close(r);
	return err.text;
}

/* Each flag of each block is as it must be; but that nothing is pending need not be said. */
static void test_flags(void **state)
{
	struct test_trace t;
	size_t len;
	char *bytes;

	make(&t);
	bytes = test_trace_bytes(&t, RS_FORM_BINARY, &len);
	for (size_t i = 0; i < BLOCKS; i++) {
		char *flags = index_of(bytes, len) + sizeof(struct rs_binary_block) +
			      i * sizeof(struct rs_binary_entry) +
			      offsetof(struct rs_binary_entry, flags);

		for (unsigned int flag = 1; flag < RS_BINARY_FLAGS; flag *= 2) {
			const bool good = flag == RS_BINARY_IDLE && (*flags & RS_BINARY_IDLE);

			*flags = (char)(*flags ^ flag);
			seal(index_of(bytes, len));
			assert_string_equal(read_all(bytes, len, true),
					    good ? ""
						 : "the block is not what its header or the index "
						   "say of it");
			assert_string_equal(read_all(bytes, len, false),
					    good ? "" : "the index does not fit the file");
			*flags = (char)(*flags ^ flag);
		}
	}
	test_trace_free(&t);
	free(bytes);
}

/* An index that does not go with the trailer, or a trailer of another file, is not used. */
static void test_not_believed(void **state)
{
	static const size_t members[] = { offsetof(struct rs_binary_trailer, size),
					  offsetof(struct rs_binary_trailer, blocks),
					  offsetof(struct rs_binary_trailer, index),
					  offsetof(struct rs_binary_trailer, meta) };
	struct rs_block *blocks;
	struct rs_reader *r;
	struct test_trace t, back;
	size_t len, nr;
	char *bytes, *entry;

	make(&t);
	bytes = test_trace_bytes(&t, RS_FORM_BINARY_RAW, &len);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		change_trailer(bytes, len, members[i], 8);
		r = open_bytes(bytes, len);
		blocks = rs_reader_blocks(r, &nr);
		assert_null(blocks);
		rs_reader_close(r);
		change_trailer(bytes, len, members[i], (uint64_t)-8);
	}
	/* A flag that no version has. */
	entry = index_of(bytes, len) + sizeof(struct rs_binary_block) +
		offsetof(struct rs_binary_entry, flags);
	*entry |= 8;
	seal(index_of(bytes, len));
	test_trace_parse(&back, bytes, len);
	assert_non_null(strstr(back.message, "the index does not fit the file"));
	test_trace_free(&back);
	test_trace_free(&t);
	free(bytes);
}

/* So many events of different heads: retryscope-binary(5): 1 byte up to 256, 2 above. */
static void heads(unsigned int nr, unsigned char width)
{
	struct test_trace t = { 0 }, back;
	struct rs_binary_block h;
	size_t len, at = sizeof(struct rs_binary_header);
	unsigned char *plain;
	uint32_t stored_nr;
	char *bytes;

	t.nr = 1000;
	t.evs = calloc(t.nr, sizeof(*t.evs));
	assert_non_null(t.evs);
	for (size_t i = 0; i < t.nr; i++) {
		t.evs[i].type = RS_EV_FAULT_BEGIN;
		t.evs[i].vm = 1;
		t.evs[i].fault.vcpu = (uint32_t)(i % nr);
		t.evs[i].fault.gfn = i;
	}
	bytes = test_trace_bytes(&t, RS_FORM_BINARY, &len);
	for (memcpy(&h, bytes + at, sizeof(h)); h.kind != RS_BINARY_EVENTS;
	     memcpy(&h, bytes + at, sizeof(h)))
		at += sizeof(h) + rs_binary_padded(h.stored);
	plain = malloc(h.decoded);
	assert_non_null(plain);
	assert_int_equal(ZSTD_decompress(plain, h.decoded, bytes + at + sizeof(h), h.stored),
			 h.decoded);
	memcpy(&stored_nr, plain, sizeof(stored_nr));
	assert_int_equal(stored_nr, nr);
	assert_int_equal(plain[4], width);
	test_trace_parse(&back, bytes, len);
	assert_string_equal(back.message, "");
	test_assert_same_trace(&t, &back);
	test_trace_free(&back);
	test_trace_free(&t);
	free(plain);
	free(bytes);
}

static void test_heads(void **state)
{
	heads(1, 1);
	heads(255, 1);
	heads(256, 1);
	heads(257, 2);
	heads(1000, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_says),	     cmocka_unit_test(test_goes_on),
		cmocka_unit_test(test_leads_astray), cmocka_unit_test(test_flags),
		cmocka_unit_test(test_not_believed), cmocka_unit_test(test_heads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
