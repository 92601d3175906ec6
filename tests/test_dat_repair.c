// SPDX-License-Identifier: GPL-2.0-only
/*
 * A trace.dat that is repaired: what is whole is kept as it is in the whole file, and what is not
 * is a loss, as if the recorder had lost it there.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/common/puts.h"
#include "traces/cpu_files.h"
#include "traces/dat/dat_chunks.h"
#include "traces/dat/dat_probe.h"
#include "traces/dat/dat_recover.h"

#define PAGE 4096U
#define ROUNDS 40

static const struct {
	unsigned int version, flags;
} shapes[] = { { 6, 0 }, { 7, 0 }, { 7, DAT_ZSTD }, { 7, DAT_ZLIB }, { 7, DAT_BIG_ENDIAN } };

/* One round of many: an invalidation on a CPU, a fault on another, @t apart. */
static void put_round(struct dat *d, uint64_t t, uint64_t seq)
{
	const struct put round[] = {
		FAULT(t, VCPU0, KVM, 0, 0x10ULL),
		BEGIN(t + 10, VCPU0, KVM, 0, 0x10ULL, seq, 0, NO_RANGE),
		LOOKED_UP(t + 20, VCPU0, 0),
		CHECK(t + 30, VCPU0, KVM, 0, 0x10ULL, seq, seq, 0, NO_RANGE),
		VERDICT(t + 40, VCPU0, 0),
		FAULTED(t + 50, VCPU0, 5),
		WALK(t + 100, RECLAIM, seq),
		LEFT(t + 200, RECLAIM, seq),
	};

	put_all(d, round, NR(round));
}

/* Each round is a page of its own on its two CPUs. */
static struct dat *make(size_t shape)
{
	struct dat *d = dat_new(shapes[shape].version, shapes[shape].flags, 4, GFN_KERNEL);

	put_all(d, &(const struct put)SLOT0, 1);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		put_round(d, 10000 + 1000 * i, i);
		dat_at(d, 0, VCPU0 % 4, VCPU0);
		dat_end_page(d);
		dat_at(d, 0, RECLAIM % 4, RECLAIM);
		dat_end_page(d);
	}
	return d;
}

static void repair(struct test_trace *t, const unsigned char *bytes, size_t size)
{
	const struct rs_reader_opts opts = { .repair = true };

	test_trace_read_with(t, test_write_file("repaired", bytes, size), &opts);
	assert_true(rs_events_well_formed(t->evs, t->nr));
}

static size_t first_loss(const struct test_trace *t)
{
	size_t i = 0;

	while (i < t->nr && t->evs[i].type != RS_EV_LOST)
		i++;
	return i;
}

/* The end of a whole file is told of what is still in progress: not so far into the other. */
static void assert_begins_alike(const struct test_trace *t, const struct test_trace *whole)
{
	const size_t n = first_loss(t);

	assert_true(n <= whole->nr);
	if (n)
		assert_memory_equal(t->evs, whole->evs, n * sizeof(*t->evs));
}

/* What is whole is read as if nobody had asked for a repair. */
static void assert_stays(struct dat *d)
{
	size_t size;
	unsigned char *bytes = dat_finish(d, &size);
	struct test_trace t, whole;

	test_trace_parse(&whole, bytes, size);
	repair(&t, bytes, size);
	assert_int_equal(whole.rc, 0);
	assert_int_equal(t.rc, 0);
	test_assert_same_trace(&t, &whole);
	test_trace_free(&t);
	test_trace_free(&whole);
	free(bytes);
}

static void test_whole(void **state)
{
	for (size_t shape = 0; shape < NR(shapes); shape++)
		assert_stays(make(shape));
}

/* A clock that is set back within a page, to before its first event, damages nothing. */
static void test_set_back(void **state)
{
	static const struct put ahead[] = { CREATE(170000, KVM, 1, 0x100, 0x10, HVA + 0x100000) };
	static const struct put back[] = {
		CREATE(1500, KVM, 2, 0x200, 0x10, HVA + 0x200000),
		CREATE(1800, KVM, 3, 0x300, 0x10, HVA + 0x300000),
	};
	struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);

	put_all(d, ahead, NR(ahead));
	dat_at(d, 0, MAKER % 4, MAKER);
	dat_stamp(d, 1500);
	put_all(d, back, NR(back));
	assert_stays(d);
}

/*
 * Wherever it is cut: nothing is told that is not in the whole file, and if any event is missing
 * there is a loss.
 */
static void test_cut(void **state)
{
	for (size_t shape = 0; shape < NR(shapes); shape++) {
		size_t size, kept = 0, partly = 0;
		unsigned char *bytes = dat_finish(make(shape), &size);
		struct test_trace whole;

		test_trace_parse(&whole, bytes, size);
		for (size_t n = size - 1; n > 64; n -= n > size - 400 || n < 1100 ? 7 : 611) {
			struct test_trace t;

			repair(&t, bytes, n);
			assert_true(t.rc || count_anomaly(&t, "dat-damaged"));
			if (!t.rc) {
				assert_begins_alike(&t, &whole);
				/* Without a VM there is nobody whose loss it is. */
				if (t.nr && first_loss(&t) == t.nr)
					assert_int_equal(t.nr, whole.nr);
				kept++;
				partly += t.nr && first_loss(&t) < t.nr;
			}
			test_trace_free(&t);
		}
		assert_true(kept > 3);
		assert_true(partly > 3);
		test_trace_free(&whole);
		free(bytes);
	}
}

/* The page of @time in a file that is not compressed. */
static unsigned char *find_page(unsigned char *bytes, size_t size, uint64_t time)
{
	for (size_t at = PAGE; at + PAGE <= size; at += PAGE)
		if (!memcmp(bytes + at, &time, 8))
			return bytes + at;
	fail();
	return NULL;
}

/* The round's fault is lost, on its CPU, as if the recorder had lost it. */
static char *lines_without_fault(unsigned int lost)
{
	struct dat *d = dat_new(6, 0, 4, GFN_KERNEL);
	struct test_trace t = { 0 };
	char *lines;

	put_all(d, &(const struct put)SLOT0, 1);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		const uint64_t at = 10000 + 1000 * i;
		const struct put walk[] = { WALK(at + 100, RECLAIM, i),
					    LEFT(at + 200, RECLAIM, i) };

		if (i == lost)
			put_all(d, walk, NR(walk));
		else
			put_round(d, at, i);
		dat_at(d, 0, VCPU0 % 4, VCPU0);
		if (i == lost)
			dat_lose(d, UINT64_MAX);
		dat_end_page(d);
	}
	read_back(&t, d);
	assert_int_equal(t.rc, 0);
	lines = lines_of(&t);
	test_trace_free(&t);
	return lines;
}

static void expect_loss(unsigned char *bytes, size_t size, unsigned int round)
{
	char *expected = lines_without_fault(round), *lines, *end;
	struct test_trace t;

	repair(&t, bytes, size);
	assert_int_equal(t.rc, 0);
	assert_int_equal(count_anomaly(&t, "dat-damaged"), 1);
	assert_non_null(rs_meta_fact(&t.meta, "damage.1"));
	lines = lines_of(&t);
	end = strstr(lines, "#@ anomaly dat-damaged 1\n");
	assert_non_null(end);
	*end = '\0';
	assert_string_equal(lines, expected);
	test_trace_free(&t);
	free(expected);
	free(lines);
}

static void test_bad_page(void **state)
{
	static const unsigned int round = 17;
	size_t size;
	unsigned char *bytes = dat_finish(make(0), &size);
	unsigned char *page = find_page(bytes, size, 10000 + 1000 * round), was[PAGE];
	struct test_trace t;

	memcpy(was, page, PAGE);
	/* Nothing is left of it, or what a disk has instead. */
	memset(page, 0xff, PAGE);
	expect_loss(bytes, size, round);
	memset(page, 0, PAGE);
	expect_loss(bytes, size, round);
	/* Its head claims too much, and its time is another. */
	memcpy(page, was, PAGE);
	memset(page, 0x7e, 16);
	expect_loss(bytes, size, round);
	/* Its first event does not end in it. */
	memcpy(page, was, PAGE);
	memset(page + 16, 0, 4);
	memset(page + 20, 0xff, 4);
	expect_loss(bytes, size, round);
	test_trace_parse(&t, bytes, size);
	assert_true(t.rc);
	test_trace_free(&t);
	free(bytes);
}

/* What is damaged further on in a page leaves what comes before it, and the times after it. */
static void test_bad_part(void **state)
{
	static const unsigned int round = 17;
	size_t size, used;
	unsigned char *bytes = dat_finish(make(0), &size);
	unsigned char *page = find_page(bytes, size, 10000 + 1000 * round), was[PAGE];
	struct test_trace t, whole;

	test_trace_parse(&whole, bytes, size);
	memcpy(was, page, PAGE);
	used = 16 + (was[8] | (size_t)was[9] << 8);
	for (size_t at = 16; at + 8 <= used; at += 4) {
		memset(page + at, 0xff, used - at);
		repair(&t, bytes, size);
		memcpy(page, was, PAGE);
		/* An event whose end is wrong may be taken, and be wrong. */
		assert_int_equal(t.rc, 0);
		for (size_t i = 1; i < t.nr; i++)
			assert_true(t.evs[i].time_ns >= t.evs[i - 1].time_ns);
		assert_true(t.evs[t.nr - 1].time_ns <= whole.evs[whole.nr - 1].time_ns + 1000);
		/* From the last event that was right on: that of the page before, if none is. */
		if (count_anomaly(&t, "dat-damaged")) {
			const uint64_t lost = t.evs[first_loss(&t)].time_ns;

			assert_in_range(lost, 10000 + 1000 * (round - 1), 10999 + 1000 * round);
		}
		test_trace_free(&t);
	}
	test_trace_free(&whole);
	free(bytes);
}

/* An event with less data than its format says. */
static void test_short_event(void **state)
{
	size_t size;
	unsigned char *bytes = dat_finish(make(0), &size);
	unsigned char *page = find_page(bytes, size, 10000);
	struct test_trace t;

	page[16] = (unsigned char)((page[16] & ~31U) | 2);
	test_trace_parse(&t, bytes, size);
	assert_non_null(strstr(t.message, "is shorter than its format"));
	test_trace_free(&t);
	repair(&t, bytes, size);
	assert_int_equal(t.rc, 0);
	assert_non_null(strstr(rs_meta_fact(&t.meta, "damage.1"), "is shorter than its format"));
	test_trace_free(&t);
	free(bytes);
}

/* Wherever compressed pages are wrong, the rest is kept, and no more than two chunks are lost. */
static void test_bad_chunk(void **state)
{
	for (size_t shape = 2; shape < 4; shape++) {
		size_t size;
		unsigned char *bytes = dat_finish(make(shape), &size);
		struct test_trace whole;
		unsigned int seen = 0;

		test_trace_parse(&whole, bytes, size);
		for (size_t at = 3 * PAGE; at + 64 < size - 600; at += 97) {
			unsigned char was[12];
			struct test_trace t;

			memcpy(was, bytes + at, sizeof(was));
			memset(bytes + at, 0xa5, sizeof(was));
			repair(&t, bytes, size);
			memcpy(bytes + at, was, sizeof(was));
			assert_int_equal(t.rc, 0);
			assert_begins_alike(&t, &whole);
			if (first_loss(&t) < t.nr) {
				/* Each chunk has two rounds of one CPU. */
				assert_true(count_anomaly(&t, "dat-damaged") >= 1);
				assert_true(t.nr + 4 * 8 > whole.nr);
				seen++;
			} else {
				assert_true(t.nr == whole.nr);
			}
			test_trace_free(&t);
		}
		assert_true(seen > 3);
		test_trace_free(&whole);
		free(bytes);
	}
}

/* ---- without its options ---- */

/* Where the options stand that the head of a file of version 7 names: trace-cmd's last section. */
static size_t options_of(const unsigned char *bytes)
{
	const unsigned char *p = bytes + 18;
	uint64_t at = 0;

	p += strlen((const char *)p) + 1; /* how it is compressed, */
	p += strlen((const char *)p) + 1; /* and by which version */
	for (int i = 0; i < 8; i++)
		at |= (uint64_t)p[bytes[12] ? 7 - i : i] << 8 * i;
	return at;
}

/* Opens what was written, to be repaired. */
static FILE *open_repaired(struct rs_dat_file *file, struct rs_dat_repair *repair,
			   const unsigned char *bytes, size_t size)
{
	FILE *f = fopen(test_write_file("opened.dat", bytes, size), "r+");
	struct rs_error err;

	assert_non_null(f);
	assert_int_equal(rs_dat_file_open(file, fileno(f), rs_dat_probe_wants, repair, &err), 0);
	return f;
}

static void close_repaired(struct rs_dat_file *file, struct rs_dat_repair *repair, FILE *f)
{
	rs_dat_file_close(file);
	rs_dat_damage_free(&repair->damage);
	fclose(f);
}

static void drop_losses(struct test_trace *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->nr; i++)
		if (t->evs[i].type != RS_EV_LOST)
			t->evs[n++] = t->evs[i];
	t->nr = n;
}

/*
 * What options name is found as well without them: each CPU's pages, and their order. Where pages
 * are damaged it is not known where the last ones end, and a loss more may be told there.
 */
static void assert_same_unnamed(const unsigned char *bytes, size_t size, bool damaged)
{
	struct test_trace t, named;

	repair(&named, bytes, size);
	repair(&t, bytes, options_of(bytes));
	assert_int_equal(named.rc, 0);
	assert_int_equal(t.rc, 0);
	assert_int_equal(first_loss(&t) < t.nr, damaged);
	assert_int_equal(first_loss(&t), first_loss(&named));
	if (damaged)
		assert_int_equal(t.evs[first_loss(&t)].time_ns,
				 named.evs[first_loss(&named)].time_ns);
	drop_losses(&named);
	drop_losses(&t);
	assert_int_equal(t.nr, named.nr);
	assert_memory_equal(t.evs, named.evs, t.nr * sizeof(*t.evs));
	test_trace_free(&named);
	test_trace_free(&t);
}

static void test_unnamed_rows(void **state)
{
	for (size_t shape = 1; shape < NR(shapes); shape++) {
		size_t size;
		unsigned char *bytes = dat_finish(make(shape), &size);

		assert_same_unnamed(bytes, size, false);
		free(bytes);
	}
}

/*
 * Damaged is the vCPU's page of each tenth round, or chunk: not its first page, which nothing tells
 * from those of the CPU before.
 */
static void test_unnamed_damage(void **state)
{
	for (size_t shape = 1; shape < NR(shapes); shape++) {
		struct rs_dat_repair repair = { 0 };
		struct rs_dat_file file;
		size_t size;
		unsigned char *bytes = dat_finish(make(shape), &size), was[16];
		FILE *f = open_repaired(&file, &repair, bytes, size);
		const struct rs_dat_cpu row = file.buffers[0].cpus[VCPU0 % 4];
		const bool packed = file.packing;
		size_t at = row.offset + (packed ? 4 : 0);

		for (size_t n = 0; at < row.offset + row.size; n++) {
			if (n % 10 == (packed ? 0 : 5)) {
				memcpy(was, bytes + at, sizeof(was));
				memset(bytes + at, 0, sizeof(was));
				assert_same_unnamed(bytes, size, true);
				memcpy(bytes + at, was, sizeof(was));
			}
			at += packed ? 8 + rs_dat_uint(bytes + at, 4, file.swap) : PAGE;
		}
		close_repaired(&file, &repair, f);
		free(bytes);
	}
}

/* Pages that begin at one time are no two CPUs': only a time that runs back tells another. */
static void test_unnamed_pages_of_one_time(void **state)
{
	static const struct put puts[] = {
		CREATE(1000, KVM, 1, 0x100, 0x10, HVA + 0x100000),
		CREATE(1000, KVM, 2, 0x200, 0x10, HVA + 0x200000),
	};
	struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);
	struct rs_dat_repair repair = { 0 };
	struct rs_dat_section s;
	struct rs_dat_cpu *rows;
	struct rs_dat_file file;
	struct rs_error err = { 0 };
	unsigned char *bytes;
	size_t size, nr;
	FILE *f;

	put_all(d, puts, 1);
	dat_end_page(d);
	put_all(d, puts + 1, 1);
	bytes = dat_finish(d, &size);
	f = open_repaired(&file, &repair, bytes, size);
	s.next = file.buffers[0].section;
	assert_int_equal(rs_dat_recover_section(&file, size, &s, &err), 1);
	assert_int_equal(rs_dat_recover_rows(&file, &s, 0, &rows, &nr, &err), 0);
	assert_int_equal(nr, 1);
	assert_int_equal(rows[0].size, 2 * PAGE);
	free(rows);
	close_repaired(&file, &repair, f);
	free(bytes);
}

/*
 * A section's size is written when all of it is there: without it its pages are up to the file's
 * end, and what was to follow is lost.
 */
static void test_unnamed_and_unfinished(void **state)
{
	for (size_t shape = 1; shape < NR(shapes); shape++) {
		struct rs_dat_repair no_repair = { 0 };
		struct rs_dat_file file;
		size_t size;
		unsigned char *bytes = dat_finish(make(shape), &size);
		FILE *f = open_repaired(&file, &no_repair, bytes, size);
		struct test_trace t, whole;

		test_trace_parse(&whole, bytes, size);
		memset(bytes + file.buffers[0].section + 8, 0, 8);
		repair(&t, bytes, options_of(bytes));
		assert_int_equal(t.rc, 0);
		assert_true(first_loss(&t) < t.nr);
		drop_losses(&t);
		assert_int_equal(t.nr, whole.nr);
		assert_memory_equal(t.evs, whole.evs, t.nr * sizeof(*t.evs));
		test_trace_free(&t);
		test_trace_free(&whole);
		close_repaired(&file, &no_repair, f);
		free(bytes);
	}
}

/* No section has this number or this flag: what stands behind its head is nobody's pages. */
static void test_unnamed_nonsense(void **state)
{
	static const struct {
		size_t at;
		unsigned char value;
	} nonsense[] = { { 0, 65 }, { 2, 2 } };

	for (size_t i = 0; i < NR(nonsense); i++) {
		struct rs_dat_repair no_repair = { 0 };
		struct rs_dat_file file;
		size_t size;
		unsigned char *bytes = dat_finish(make(1), &size);
		FILE *f = open_repaired(&file, &no_repair, bytes, size);
		struct test_trace t;

		bytes[file.buffers[0].section + nonsense[i].at] = nonsense[i].value;
		repair(&t, bytes, options_of(bytes));
		assert_int_equal(t.nr, 0);
		assert_true(t.rc || count_anomaly(&t, "dat-damaged"));
		test_trace_free(&t);
		close_repaired(&file, &no_repair, f);
		free(bytes);
	}
}

/* A file that has become shorter since it was opened: that is told, and no pages are made up. */
static void test_unnamed_and_shorter(void **state)
{
	for (size_t shape = 1; shape < 3; shape++) {
		struct rs_dat_repair repair = { 0 };
		struct rs_dat_section s;
		struct rs_dat_cpu *rows;
		struct rs_dat_file file;
		struct rs_error err = { 0 };
		size_t size, nr;
		unsigned char *bytes = dat_finish(make(shape), &size);
		FILE *f = open_repaired(&file, &repair, bytes, size);
		const uint64_t section = file.buffers[0].section;

		s.next = section;
		assert_int_equal(rs_dat_recover_section(&file, size, &s, &err), 1);
		assert_int_equal(s.id, RS_DAT_OPT_BUFFER);
		assert_int_equal(rs_dat_recover_rows(&file, &s, 0, &rows, &nr, &err), 0);
		/* Of plain pages a time that runs back tells the next CPU, and the first has one
		 * page before all others. */
		assert_int_equal(nr, shape == 1 ? 2 : 3);
		free(rows);
		/* Within the first chunk's head; within the second page. */
		assert_int_equal(ftruncate(fileno(f), (off_t)file.buffers[0].cpus[0].offset +
							      (shape == 1 ? PAGE + 8 : 6)),
				 0);
		assert_int_equal(rs_dat_recover_rows(&file, &s, 0, &rows, &nr, &err), -EINVAL);
		assert_non_null(strstr(err.text, "ends too early"));
		free(rows);
		assert_int_equal(ftruncate(fileno(f), (off_t)section + 8), 0);
		s.next = section;
		assert_int_equal(rs_dat_recover_section(&file, size, &s, &err), -EINVAL);
		assert_non_null(strstr(err.text, "ends too early"));
		close_repaired(&file, &repair, f);
		free(bytes);
	}
}

/* Of a CPU not even the number of its chunks is in the file: that is said once, and it ends. */
static void test_no_number_of_chunks(void **state)
{
	const unsigned int cpu = RECLAIM % 4;
	struct rs_dat_repair repair = { 0 };
	struct rs_dat_chunks *chunks;
	struct rs_dat_chunk chunk;
	struct rs_dat_file file;
	struct rs_error err;
	size_t size, last;
	unsigned char *bytes = dat_finish(make(2), &size);
	FILE *f = open_repaired(&file, &repair, bytes, size);

	last = rs_dat_file_nr_streams(&file) - 1;
	file.buffers[0].cpus[cpu] = (struct rs_dat_cpu){ cpu, size - 2, 2, false };
	chunks = rs_dat_chunks_new(&file, 1);
	assert_non_null(chunks);
	assert_int_equal(rs_dat_chunks_next(chunks, last, &chunk, &err), -EINVAL);
	assert_non_null(strstr(err.text, "the file ends too early"));
	assert_int_equal(rs_dat_chunks_next(chunks, last, &chunk, &err), 0);
	rs_dat_chunks_free(chunks);
	close_repaired(&file, &repair, f);
	free(bytes);
}

/* Facts do not grow without end, the number does. */
static void test_many_places(void **state)
{
	size_t size;
	unsigned char *bytes = dat_finish(make(0), &size);
	struct test_trace t;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		memset(find_page(bytes, size, 10000 + 1000 * i), 0xff, 16);
		memset(find_page(bytes, size, 10100 + 1000 * i), 0xff, 16);
	}
	repair(&t, bytes, size);
	assert_int_equal(t.rc, 0);
	assert_int_equal(count_anomaly(&t, "dat-damaged"), 2 * ROUNDS);
	assert_non_null(rs_meta_fact(&t.meta, "damage.64"));
	assert_null(rs_meta_fact(&t.meta, "damage.65"));
	test_trace_free(&t);
	free(bytes);
}

/* ---- what a killed trace-cmd leaves ---- */

static void add_path(struct rs_cpu_files *files, const char *path)
{
	assert_int_equal(rs_cpu_files_add(files, path, NULL), 0);
}

static void read_joined(struct test_trace *t, const unsigned char *head, size_t size,
			const struct rs_cpu_files *files)
{
	const struct rs_reader_opts opts = {
		.repair = true,
		.cpu_files = (const char *const *)files->paths,
		.nr_cpu_files = files->nr,
	};

	test_trace_read_with(t, test_write_file("killed.dat", head, size), &opts);
}

/*
 * The pages as they were, each CPU's up to its end: but for the losses there, whatever comes first
 * is as it is in the whole file.
 */
static void test_cpu_files(void **state)
{
	for (size_t shape = 0; shape < 2; shape++) {
		size_t size, at;
		unsigned char *bytes = dat_finish(make(shape), &size);
		struct rs_cpu_files files = { 0 };
		struct test_trace t, whole;
		uint64_t time = 10000;

		test_trace_parse(&whole, bytes, size);
		at = (size_t)(find_page(bytes, size, time) - bytes);
		add_path(&files, test_write_file("killed.dat.cpu1", bytes + at, ROUNDS * PAGE));
		time = 10100;
		at = (size_t)(find_page(bytes, size, time) - bytes);
		/* It was killed in the middle of a page. */
		add_path(&files,
			 test_write_file("killed.dat.cpu3", bytes + at, ROUNDS * PAGE - 1000));
		time = 1000;
		at = (size_t)(find_page(bytes, size, time) - bytes);
		add_path(&files, test_write_file("killed.dat.cpu0", bytes + at, PAGE));
		/* The head is that of a whole file, or it ends before there are pages. */
		for (int whole_head = 0; whole_head < 2; whole_head++) {
			read_joined(&t, bytes, whole_head ? size : at - (shape ? 1 : 64), &files);
			if (!whole_head && !shape) {
				/* Version 6 has a table there, which is cut. */
				test_trace_free(&t);
				continue;
			}
			assert_int_equal(t.rc, 0);
			assert_true(rs_events_well_formed(t.evs, t.nr));
			assert_true(t.nr > 10);
			assert_begins_alike(&t, &whole);
			assert_true(first_loss(&t) < t.nr);
			assert_int_equal(count_anomaly(&t, "lost-unknown-number"), 3);
			assert_int_equal(t.meta.nr_assumptions, shape && !whole_head);
			test_trace_free(&t);
		}
		rs_cpu_files_free(&files);
		test_trace_free(&whole);
		free(bytes);
	}
}

/*
 * The file of a CPU may be empty: then nothing is known of what that CPU did. One that is not
 * there is told by its name, and so is one whose name has no number of a CPU.
 */
static void test_cpu_files_of_no_use(void **state)
{
	static const struct {
		const char *name;
		const char *said; /* NULL: it can be read */
	} cases[] = {
		{ "killed.dat.cpu2", NULL },
		{ "nowhere.dat.cpu2", "FILE: cannot be opened" },
		{ "killed.dat.cpux", "trace-cmd names a CPU's file" },
	};
	size_t size, end;
	unsigned char *bytes = dat_finish(make(1), &size);

	end = (size_t)(find_page(bytes, size, 1000) - bytes);
	for (size_t i = 0; i < NR(cases); i++) {
		struct rs_cpu_files files = { 0 };
		struct test_trace t;

		add_path(&files, test_write_file("killed.dat.cpu0", bytes + end, PAGE));
		if (i != 1)
			test_write_file(cases[i].name, "", 0);
		add_path(&files, test_path(cases[i].name));
		read_joined(&t, bytes, end, &files);
		assert_int_equal(!t.rc, !cases[i].said);
		if (cases[i].said) {
			assert_non_null(strstr(t.message, cases[i].said));
		} else {
			assert_int_equal(t.evs[0].type, RS_EV_LOST);
			assert_int_equal(t.evs[1].type, RS_EV_MEMSLOT);
		}
		test_trace_free(&t);
		rs_cpu_files_free(&files);
	}
	free(bytes);
}

static void test_cpu_file_names(void **state)
{
	static const char *const found[] = {
		"named.dat.cpu0",     "named.dat.cpu2",	    "named.dat.cpu10",
		"named.dat.kvm.cpu0", "named.dat.kvm.cpu1",
	};
	static const char *const others[] = {
		"named.dat",	   "named.dat.cpu",   "named.dat.cpu1x",
		"named.dat.cpu-1", "named.data.cpu1", "other.dat.cpu1",
	};
	struct rs_cpu_files files = { 0 };
	char *path = strdup(test_path("named.dat"));

	for (size_t i = NR(found); i--;)
		test_write_file(found[i], "x", 1);
	for (size_t i = 0; i < NR(others); i++)
		test_write_file(others[i], "x", 1);
	assert_int_equal(rs_cpu_files_find(&files, path, NULL), 0);
	assert_int_equal(files.nr, NR(found));
	for (size_t i = 0; i < files.nr; i++)
		assert_string_equal(files.paths[i], test_path(found[i]));
	rs_cpu_files_free(&files);
	assert_int_equal(rs_cpu_files_find(&files, "/nowhere/named.dat", NULL), 0);
	assert_int_equal(files.nr, 0);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_set_back),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_bad_page),
		cmocka_unit_test(test_bad_part),
		cmocka_unit_test(test_short_event),
		cmocka_unit_test(test_bad_chunk),
		cmocka_unit_test(test_many_places),
		cmocka_unit_test(test_cpu_files),
		cmocka_unit_test(test_cpu_files_of_no_use),
		cmocka_unit_test(test_cpu_file_names),
		cmocka_unit_test(test_unnamed_rows),
		cmocka_unit_test(test_unnamed_damage),
		cmocka_unit_test(test_unnamed_pages_of_one_time),
		cmocka_unit_test(test_unnamed_and_unfinished),
		cmocka_unit_test(test_unnamed_nonsense),
		cmocka_unit_test(test_unnamed_and_shorter),
		cmocka_unit_test(test_no_number_of_chunks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
