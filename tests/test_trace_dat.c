// SPDX-License-Identifier: GPL-2.0-only
/*
 * What probe events become: hand-written ones in a trace.dat, and the event
 * stream that they must give, in the text form. docs/capture.md has the rules.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/common/dat.h"
#include "tests/common/trace_file.h"

/* struct kvm and its mmu_notifier, of two VMs. */
#define KVM 0xffffc90000100000
#define KVM2 0xffffc90000200000
#define MN(kvm) ((kvm) + 0x40)
#define HVA 0x7f0000000000ULL
#define NO_RANGE 0, 0

/* Tasks: each on the CPU of its number modulo 4. */
enum { MAKER = 100, VCPU0 = 101, VCPU1 = 102, RECLAIM = 103, OTHER = 111 };

struct put {
	uint64_t time;
	unsigned int task, kind;
	uint64_t f[16];
};

/* clang-format off */
#define P(t, task, sym, ...) { t, task, RS_PROBE_##sym, { __VA_ARGS__ } }
#define CREATE(t, kvm, id, gfn, npages, hva) \
	P(t, MAKER, MEMSLOT, kvm, 0, 0, 0, 0, 0, gfn, npages, hva, id, 0, 0)
#define FAULT(t, task, kvm, vcpu, gfn) P(t, task, FAULT, kvm, vcpu, (gfn) << 12, 4)
/* seq, in_progress, range_start, range_end follow. */
#define BEGIN(t, task, kvm, vcpu, gfn, ...) \
	P(t, task, FAULT_BEGIN, kvm, vcpu, gfn, 0, 0, 0, __VA_ARGS__)
#define LOOKED_UP(t, task, ret) P(t, task, FAULT_LOOKED_UP, ret)
#define CHECK(t, task, kvm, vcpu, gfn, fault_seq, ...) \
	P(t, task, FAULT_CHECK, kvm, vcpu, gfn, HVA + ((gfn) << 12), fault_seq, __VA_ARGS__)
#define VERDICT(t, task, ret) P(t, task, FAULT_VERDICT, ret)
#define FAULTED(t, task, ret) P(t, task, FAULT_END, ret)
#define START(t, task, kvm, from, to, ...) P(t, task, INVAL_START, MN(kvm), from, to, 7, __VA_ARGS__)
#define SLOT(t, task, kvm, id, from, to, ...) P(t, task, INVAL_SLOT, kvm, 0, id, from, to, __VA_ARGS__)
#define STARTED(t, task) P(t, task, INVAL_STARTED, 0)
#define END(t, task, kvm, from, to, ...) P(t, task, INVAL_END, MN(kvm), from, to, __VA_ARGS__)
#define LOCKED(t, task, kvm, ...) P(t, task, INVAL_END_LOCKED, kvm, __VA_ARGS__)
#define ENDED(t, task) P(t, task, INVAL_ENDED, 0)
/* clang-format on */

static void put_all(struct dat *d, const struct put *puts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		dat_at(d, 0, puts[i].task % 4, puts[i].task);
		dat_put(d, puts[i].time, puts[i].kind, puts[i].f, 16);
	}
}

static void read_back(struct test_trace *t, struct dat *d)
{
	size_t size;
	unsigned char *bytes = dat_finish(d, &size);

	test_trace_parse(t, bytes, size);
	free(bytes);
}

/* The events of @t in the text form, and what it says besides. */
static char *lines_of(const struct test_trace *t)
{
	size_t len;
	char *text = test_trace_bytes(t, RS_FORM_TEXT, &len), *to = text;

	for (char *line = text, *next; *line; line = next) {
		next = strchr(line, '\n') + 1;
		if (*line < '0' || *line > '9') {
			if (strncmp(line, "#@ state", 8) && strncmp(line, "#@ reason", 9) &&
			    strncmp(line, "#@ anomaly", 10) && strncmp(line, "#@ level", 8))
				continue;
		}
		memmove(to, line, (size_t)(next - line));
		to += next - line;
	}
	*to = '\0';
	return text;
}

static void expect(struct dat *d, const char *expected)
{
	struct test_trace t = { 0 };
	char *lines;

	read_back(&t, d);
	if (t.rc)
		print_error("%s\n", t.message);
	assert_int_equal(t.rc, 0);
	lines = lines_of(&t);
	assert_string_equal(lines, expected);
	free(lines);
	test_trace_free(&t);
}

#define NR(puts) (sizeof(puts) / sizeof((puts)[0]))
#define GFN_KERNEL "6.12.1"
#define HVA_KERNEL "6.1.1"

static void expect_puts(const char *release, const struct put *puts, size_t n, const char *expected)
{
	struct dat *d = dat_new(7, 0, 4, release);

	put_all(d, puts, n);
	expect(d, expected);
}

/* One fault, accepted; one invalidation beside it. */
static const struct put plain[] = {
	CREATE(1000, KVM, 3, 0x100, 0x40, HVA + 0x100000),
	FAULT(1100, VCPU0, KVM, 0, 0x110ULL),
	BEGIN(1110, VCPU0, KVM, 0, 0x110ULL, 5, 0, NO_RANGE),
	LOOKED_UP(1120, VCPU0, 0),
	CHECK(1130, VCPU0, KVM, 0, 0x110ULL, 5, 5, 0, NO_RANGE),
	VERDICT(1140, VCPU0, 0),
	FAULTED(1150, VCPU0, 5),
	START(1200, RECLAIM, KVM, HVA + 0x102000, HVA + 0x104000, 5, 0, NO_RANGE),
	SLOT(1210, RECLAIM, KVM, 3, 0x102, 0x104, 5, 1, 0x102, 0x104),
	STARTED(1220, RECLAIM),
	END(1300, RECLAIM, KVM, HVA + 0x102000, HVA + 0x104000, 5, 1, 0x102, 0x104),
	LOCKED(1310, RECLAIM, KVM, 5, 1, 0x102, 0x104),
	ENDED(1320, RECLAIM),
};

static const char plain_text[] =
	"1000 1 memslot as=0 id=3 gfn=0x100 npages=0x40 hva=0x7f0000100000 flags=0\n"
	"1110 1 fault_begin vcpu=0 gfn=0x110\n"
	"#@ state 1130 1 seq=5 in_progress=0 start=0x0 end=0x0\n"
	"1130 1 fault_check vcpu=0 result=ok\n"
	"1210 1 inval_begin id=1 hva=0x7f0000102000-0x7f0000104000 walk=1\n"
	"#@ state 1210 1 seq=5 in_progress=1 start=0x102 end=0x104\n"
	"1210 1 inval_slot id=1 slot=3 gfn=0x102-0x104\n"
	"1310 1 inval_end id=1\n"
	"#@ level full\n";

static void test_plain(void **state)
{
	expect_puts(GFN_KERNEL, plain, NR(plain), plain_text);
}

/* Whatever the file's shape, it is the same events. */
static void test_shapes(void **state)
{
	static const struct {
		unsigned int version, flags;
	} shapes[] = {
		{ 6, 0 },	 { 6, DAT_BIG_ENDIAN }, { 6, DAT_COMMIT_4 },
		{ 7, DAT_ZSTD }, { 7, DAT_BIG_ENDIAN }, { 7, DAT_ZSTD | DAT_COMMIT_4 },
	};

	for (size_t i = 0; i < NR(shapes); i++) {
		struct dat *d = dat_new(shapes[i].version, shapes[i].flags, 4, GFN_KERNEL);

		dat_set_group(d, i % 2 ? "retryscope_4711" : "retryscope");
		put_all(d, plain, NR(plain));
		expect(d, plain_text);
	}
}

/* Half of the tasks are in a second buffer: they are merged by time. */
static void test_two_buffers(void **state)
{
	for (unsigned int version = 6; version <= 7; version++) {
		struct dat *d = dat_new(version, 0, 4, GFN_KERNEL);
		unsigned int second = dat_add_buffer(d, "second");

		for (size_t i = 0; i < NR(plain); i++) {
			dat_at(d, plain[i].task == RECLAIM ? second : 0, plain[i].task % 4,
			       plain[i].task);
			dat_put(d, plain[i].time, plain[i].kind, plain[i].f, 16);
		}
		expect(d, plain_text);
	}
}

/* Where the end is not a function of its own (6.1), it lies between entry and return. */
static void test_end_without_its_own_probe(void **state)
{
	struct dat *d = dat_new(7, 0, 4, HVA_KERNEL);

	dat_without(d, RS_PROBE_INVAL_END_LOCKED);
	for (size_t i = 0; i < NR(plain); i++) {
		if (plain[i].kind == RS_PROBE_INVAL_END_LOCKED)
			continue;
		dat_at(d, 0, plain[i].task % 4, plain[i].task);
		dat_put(d, plain[i].time, plain[i].kind, plain[i].f, 16);
	}
	expect(d, "1000 1 memslot as=0 id=3 gfn=0x100 npages=0x40 hva=0x7f0000100000 flags=0\n"
		  "1110 1 fault_begin vcpu=0 gfn=0x110\n"
		  "#@ state 1130 1 seq=5 in_progress=0 start=0x0 end=0x0\n"
		  "1130 1 fault_check vcpu=0 result=ok\n"
		  "1210 1 inval_begin id=1 hva=0x7f0000102000-0x7f0000104000 walk=1\n"
		  "#@ state 1210 1 seq=5 in_progress=1 start=0x102 end=0x104\n"
		  "1210 1 inval_slot id=1 slot=3 gfn=0x102-0x104\n"
		  "1300 1 inval_end id=1\n"
		  "#@ level full\n");
}

/* No memslot was hit: it never was in progress. */
static void test_no_hit(void **state)
{
	static const struct put puts[] = {
		CREATE(1000, KVM, 0, 0, 0x40, HVA),
		START(1100, RECLAIM, KVM, HVA + 0x1000, HVA + 0x2000, 0, 0, NO_RANGE),
		SLOT(1110, RECLAIM, KVM, 0, 1, 2, 0, 1, 1, 2),
		STARTED(1120, RECLAIM),
		END(1130, RECLAIM, KVM, HVA + 0x1000, HVA + 0x2000, 0, 1, 1, 2),
		LOCKED(1140, RECLAIM, KVM, 0, 1, 1, 2),
		ENDED(1150, RECLAIM),
		START(1200, RECLAIM, KVM, HVA + 0x90000, HVA + 0x91000, 1, 0, 1, 2),
		STARTED(1210, RECLAIM),
		END(1220, RECLAIM, KVM, HVA + 0x90000, HVA + 0x91000, 1, 0, 1, 2),
		ENDED(1230, RECLAIM),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    "1000 1 memslot as=0 id=0 gfn=0x0 npages=0x40 hva=0x7f0000000000 flags=0\n"
		    "1110 1 inval_begin id=1 hva=0x7f0000001000-0x7f0000002000 walk=1\n"
		    "#@ state 1110 1 seq=0 in_progress=1 start=0x1 end=0x2\n"
		    "1110 1 inval_slot id=1 slot=0 gfn=0x1-0x2\n"
		    "1140 1 inval_end id=1\n"
		    "1200 1 inval_begin id=2 hva=0x7f0000090000-0x7f0000091000 walk=1\n"
		    "1220 1 inval_end id=2\n"
		    "#@ level full\n");
}

/* One inside another of the same task: last in, first out. */
static void test_nested(void **state)
{
	static const struct put puts[] = {
		CREATE(1000, KVM, 0, 0, 0x40, HVA),
		START(1100, RECLAIM, KVM, HVA, HVA + 0x20000, 0, 0, NO_RANGE),
		SLOT(1110, RECLAIM, KVM, 0, 0, 0x20, 0, 1, 0, 0x20),
		STARTED(1120, RECLAIM),
		START(1130, RECLAIM, KVM, HVA + 0x4000, HVA + 0x5000, 0, 1, 0, 0x20),
		SLOT(1140, RECLAIM, KVM, 0, 4, 5, 0, 2, 0, 0x20),
		STARTED(1150, RECLAIM),
		END(1160, RECLAIM, KVM, HVA + 0x4000, HVA + 0x5000, 0, 2, 0, 0x20),
		LOCKED(1170, RECLAIM, KVM, 0, 2, 0, 0x20),
		ENDED(1180, RECLAIM),
		END(1190, RECLAIM, KVM, HVA, HVA + 0x20000, 1, 1, 0, 0x20),
		LOCKED(1200, RECLAIM, KVM, 1, 1, 0, 0x20),
		ENDED(1210, RECLAIM),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    "1000 1 memslot as=0 id=0 gfn=0x0 npages=0x40 hva=0x7f0000000000 flags=0\n"
		    "1110 1 inval_begin id=1 hva=0x7f0000000000-0x7f0000020000 walk=1\n"
		    "#@ state 1110 1 seq=0 in_progress=1 start=0x0 end=0x20\n"
		    "1110 1 inval_slot id=1 slot=0 gfn=0x0-0x20\n"
		    "1140 1 inval_begin id=2 hva=0x7f0000004000-0x7f0000005000 walk=1\n"
		    "#@ state 1140 1 seq=0 in_progress=2 start=0x0 end=0x20\n"
		    "1140 1 inval_slot id=2 slot=0 gfn=0x4-0x5\n"
		    "1170 1 inval_end id=2\n"
		    "1200 1 inval_end id=1\n"
		    "#@ level full\n");
}

/*
 * The fault's begin is recorded after the end, but had read the number before
 * it: it belongs in front of it. The check saw the end: it stays behind.
 */
static void test_order_by_number(void **state)
{
	static const struct put puts[] = {
		CREATE(1000, KVM, 0, 0, 0x40, HVA),
		START(1100, RECLAIM, KVM, HVA + 0x1000, HVA + 0x2000, 0, 0, NO_RANGE),
		SLOT(1110, RECLAIM, KVM, 0, 1, 2, 0, 1, 1, 2),
		STARTED(1120, RECLAIM),
		END(1130, RECLAIM, KVM, HVA + 0x1000, HVA + 0x2000, 0, 1, 1, 2),
		LOCKED(1140, RECLAIM, KVM, 0, 1, 1, 2),
		FAULT(1141, VCPU0, KVM, 0, 5ULL),
		BEGIN(1142, VCPU0, KVM, 0, 5ULL, 0, 1, 1, 2),
		ENDED(1150, RECLAIM),
		LOOKED_UP(1160, VCPU0, 0),
		CHECK(1170, VCPU0, KVM, 0, 5ULL, 0, 1, 0, 1, 2),
		VERDICT(1180, VCPU0, 1),
		FAULTED(1190, VCPU0, 1),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    "1000 1 memslot as=0 id=0 gfn=0x0 npages=0x40 hva=0x7f0000000000 flags=0\n"
		    "1110 1 inval_begin id=1 hva=0x7f0000001000-0x7f0000002000 walk=1\n"
		    "#@ state 1110 1 seq=0 in_progress=1 start=0x1 end=0x2\n"
		    "1110 1 inval_slot id=1 slot=0 gfn=0x1-0x2\n"
		    "1141 1 fault_begin vcpu=0 gfn=0x5\n"
		    "1142 1 inval_end id=1\n"
		    "#@ state 1170 1 seq=1 in_progress=0 start=0x1 end=0x2\n"
		    "1170 1 fault_check vcpu=0 result=retry\n"
		    "#@ level full\n");
}

/* The ends of so many are missed that they are given up: nothing waits for them then. */
static void test_nested_too_deep(void **state)
{
	struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);
	static const struct put before[] = { CREATE(1000, KVM, 3, 0x100, 0x40, HVA + 0x100000) };
	static const struct put fault[] = {
		FAULT(2100, VCPU0, KVM, 0, 0x110ULL),
		BEGIN(2110, VCPU0, KVM, 0, 0x110ULL, 6, 0, NO_RANGE),
		LOOKED_UP(2120, VCPU0, 0),
		CHECK(2130, VCPU0, KVM, 0, 0x110ULL, 6, 6, 0, NO_RANGE),
		VERDICT(2140, VCPU0, 0),
		FAULTED(2150, VCPU0, 5),
	};

	put_all(d, before, NR(before));
	for (uint64_t i = 0; i < 64; i++) {
		const struct put start = START(1100 + i, RECLAIM, KVM, HVA + i * 0x1000,
					       HVA + (i + 1) * 0x1000, 5, 0, NO_RANGE);

		put_all(d, &start, 1);
	}
	put_all(d, plain + 7, NR(plain) - 7);
	put_all(d, fault, NR(fault));
	expect(d, "1000 1 memslot as=0 id=3 gfn=0x100 npages=0x40 hva=0x7f0000100000 flags=0\n"
		  "1210 1 inval_begin id=65 hva=0x7f0000102000-0x7f0000104000 walk=1\n"
		  "#@ state 1210 1 seq=5 in_progress=1 start=0x102 end=0x104\n"
		  "1210 1 inval_slot id=65 slot=3 gfn=0x102-0x104\n"
		  "1310 1 inval_end id=65\n"
		  "2110 1 fault_begin vcpu=0 gfn=0x110\n"
		  "#@ state 2130 1 seq=6 in_progress=0 start=0x0 end=0x0\n"
		  "2130 1 fault_check vcpu=0 result=ok\n"
		  "#@ level full\n"
		  "#@ anomaly inval-nested-too-deep 1\n");
}

/* A test without the lock says retry: at the begin if the state there does, else at the look-up. */
static void test_lockless(void **state)
{
	static const struct put puts[] = {
		CREATE(1000, KVM, 0, 0, 0x40, HVA),
		START(1100, RECLAIM, KVM, HVA + 0x1000, HVA + 0x2000, 0, 0, NO_RANGE),
		SLOT(1110, RECLAIM, KVM, 0, 1, 2, 0, 1, 1, 2),
		STARTED(1120, RECLAIM),
		FAULT(1200, VCPU0, KVM, 0, 1ULL),
		BEGIN(1210, VCPU0, KVM, 0, 1ULL, 0, 1, 1, 2),
		LOOKED_UP(1220, VCPU0, 1),
		FAULTED(1230, VCPU0, 1),
		END(1300, RECLAIM, KVM, HVA + 0x1000, HVA + 0x2000, 0, 1, 1, 2),
		LOCKED(1310, RECLAIM, KVM, 0, 1, 1, 2),
		ENDED(1320, RECLAIM),
		FAULT(1400, VCPU0, KVM, 0, 3ULL),
		BEGIN(1410, VCPU0, KVM, 0, 3ULL, 1, 0, 1, 2),
		START(1420, RECLAIM, KVM, HVA + 0x3000, HVA + 0x4000, 1, 0, 1, 2),
		SLOT(1430, RECLAIM, KVM, 0, 3, 4, 1, 1, 3, 4),
		LOOKED_UP(1440, VCPU0, 1),
		FAULTED(1450, VCPU0, 1),
		STARTED(1460, RECLAIM),
		END(1500, RECLAIM, KVM, HVA + 0x3000, HVA + 0x4000, 1, 1, 3, 4),
		LOCKED(1510, RECLAIM, KVM, 1, 1, 3, 4),
		ENDED(1520, RECLAIM),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    "1000 1 memslot as=0 id=0 gfn=0x0 npages=0x40 hva=0x7f0000000000 flags=0\n"
		    "1110 1 inval_begin id=1 hva=0x7f0000001000-0x7f0000002000 walk=1\n"
		    "#@ state 1110 1 seq=0 in_progress=1 start=0x1 end=0x2\n"
		    "1110 1 inval_slot id=1 slot=0 gfn=0x1-0x2\n"
		    "1210 1 fault_begin vcpu=0 gfn=0x1\n"
		    "1210 1 fault_check vcpu=0 result=retry lockless=1\n"
		    "1310 1 inval_end id=1\n"
		    "1410 1 fault_begin vcpu=0 gfn=0x3\n"
		    "1430 1 inval_begin id=2 hva=0x7f0000003000-0x7f0000004000 walk=1\n"
		    "#@ state 1430 1 seq=1 in_progress=1 start=0x3 end=0x4\n"
		    "1430 1 inval_slot id=2 slot=0 gfn=0x3-0x4\n"
		    "1440 1 fault_check vcpu=0 result=retry lockless=1\n"
		    "1510 1 inval_end id=2\n"
		    "#@ level full\n");
}

/*
 * The task that ends an invalidation is stopped when it has raised the sequence, and
 * has not lowered the count yet: a fault is dropped for it, before the end as the
 * model has it. The next is not dropped, and begins with the sequence that it saw.
 */
static void test_lockless_at_half_an_end(void **state)
{
	static const struct put puts[] = {
		CREATE(1000, KVM, 0, 0, 0x40, HVA),
		START(1100, RECLAIM, KVM, HVA + 0x1000, HVA + 0x2000, 0, 0, NO_RANGE),
		SLOT(1110, RECLAIM, KVM, 0, 1, 2, 0, 1, 1, 2),
		STARTED(1120, RECLAIM),
		END(1200, RECLAIM, KVM, HVA + 0x1000, HVA + 0x2000, 0, 1, 1, 2),
		LOCKED(1210, RECLAIM, KVM, 0, 1, 1, 2),
		FAULT(1300, VCPU0, KVM, 0, 1ULL),
		BEGIN(1310, VCPU0, KVM, 0, 1ULL, 1, 1, 1, 2),
		LOOKED_UP(1320, VCPU0, 1),
		FAULTED(1330, VCPU0, 1),
		FAULT(1340, VCPU1, KVM, 1, 5ULL),
		BEGIN(1350, VCPU1, KVM, 1, 5ULL, 1, 1, 1, 2),
		LOOKED_UP(1360, VCPU1, 0),
		ENDED(1400, RECLAIM),
		CHECK(1410, VCPU1, KVM, 1, 5ULL, 1, 1, 0, 1, 2),
		VERDICT(1420, VCPU1, 0),
		FAULTED(1430, VCPU1, 5),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    "1000 1 memslot as=0 id=0 gfn=0x0 npages=0x40 hva=0x7f0000000000 flags=0\n"
		    "1110 1 inval_begin id=1 hva=0x7f0000001000-0x7f0000002000 walk=1\n"
		    "#@ state 1110 1 seq=0 in_progress=1 start=0x1 end=0x2\n"
		    "1110 1 inval_slot id=1 slot=0 gfn=0x1-0x2\n"
		    "1309 1 fault_begin vcpu=0 gfn=0x1\n"
		    "1309 1 fault_check vcpu=0 result=retry lockless=1\n"
		    "1310 1 inval_end id=1\n"
		    "1350 1 fault_begin vcpu=1 gfn=0x5\n"
		    "#@ state 1410 1 seq=1 in_progress=0 start=0x1 end=0x2\n"
		    "1410 1 fault_check vcpu=1 result=ok\n"
		    "#@ level full\n");
}

/* Retries that no notifier has a part in, and faults that end without a decision. */
static void test_other_ends(void **state)
{
	static const struct put puts[] = {
		CREATE(1000, KVM, 0, 0, 0x40, HVA),
		/* The memslot is on its way out: bit 16. */
		FAULT(1100, VCPU0, KVM, 0, 1ULL),
		P(1110, VCPU0, FAULT_BEGIN, KVM, 0, 1, 0, 0, 0x10000, 0, 0, NO_RANGE),
		LOOKED_UP(1120, VCPU0, 1),
		FAULTED(1130, VCPU0, 1),
		/* An async page fault was set up. */
		FAULT(1200, VCPU0, KVM, 0, 2ULL),
		BEGIN(1210, VCPU0, KVM, 0, 2ULL, 0, 0, NO_RANGE),
		{ 1212, VCPU0, DAT_ASYNC_TRY, { 0x2000, 2 } },
		{ 1214, VCPU0, DAT_ASYNC_NOT_PRESENT, { 7, 0x2000 } },
		LOOKED_UP(1220, VCPU0, 1),
		FAULTED(1230, VCPU0, 1),
		/* The verdict is retry, but nothing was in progress or had ended: the root. */
		FAULT(1300, VCPU0, KVM, 0, 3ULL),
		BEGIN(1310, VCPU0, KVM, 0, 3ULL, 0, 0, NO_RANGE),
		LOOKED_UP(1320, VCPU0, 0),
		CHECK(1330, VCPU0, KVM, 0, 3ULL, 0, 0, 0, NO_RANGE),
		VERDICT(1340, VCPU0, 1),
		FAULTED(1350, VCPU0, 1),
		/* MMIO, say. */
		FAULT(1400, VCPU0, KVM, 0, 4ULL),
		BEGIN(1410, VCPU0, KVM, 0, 4ULL, 0, 0, NO_RANGE),
		LOOKED_UP(1420, VCPU0, 2),
		FAULTED(1430, VCPU0, 2),
		/* The fast path: no look-up at all. */
		FAULT(1500, VCPU0, KVM, 0, 5ULL),
		FAULTED(1510, VCPU0, 5),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    "1000 1 memslot as=0 id=0 gfn=0x0 npages=0x40 hva=0x7f0000000000 flags=0\n"
		    "1110 1 fault_begin vcpu=0 gfn=0x1\n"
		    "#@ reason slot_invalid\n"
		    "1120 1 fault_end vcpu=0\n"
		    "1210 1 fault_begin vcpu=0 gfn=0x2\n"
		    "#@ reason async\n"
		    "1220 1 fault_end vcpu=0\n"
		    "1310 1 fault_begin vcpu=0 gfn=0x3\n"
		    "#@ reason root_obsolete\n"
		    "1330 1 fault_end vcpu=0\n"
		    "1410 1 fault_begin vcpu=0 gfn=0x4\n"
		    "1430 1 fault_end vcpu=0\n"
		    "1500 1 fault_begin vcpu=0 gfn=0x5\n"
		    "1510 1 fault_end vcpu=0\n"
		    "#@ level full\n");
}

/* The bit of the memslot that is on its way out is not KVM's answer on a kernel of the hva range.
 */
static void test_hva_kernel(void **state)
{
	static const struct put puts[] = {
		CREATE(1000, KVM, 0, 0, 0x40, HVA),
		START(1100, RECLAIM, KVM, HVA + 0x1000, HVA + 0x2000, 0, 0, NO_RANGE),
		SLOT(1110, RECLAIM, KVM, 0, 1, 2, 0, 1, HVA + 0x1000, HVA + 0x2000),
		STARTED(1120, RECLAIM),
		FAULT(1200, VCPU0, KVM, 0, 1ULL),
		BEGIN(1210, VCPU0, KVM, 0, 1ULL, 0, 1, HVA + 0x1000, HVA + 0x2000),
		LOOKED_UP(1220, VCPU0, 0),
		CHECK(1230, VCPU0, KVM, 0, 1ULL, 0, 0, 1, HVA + 0x1000, HVA + 0x2000),
		VERDICT(1240, VCPU0, 1),
		FAULTED(1250, VCPU0, 1),
		END(1300, RECLAIM, KVM, HVA + 0x1000, HVA + 0x2000, 0, 1, HVA + 0x1000,
		    HVA + 0x2000),
		ENDED(1320, RECLAIM),
	};
	struct dat *d = dat_new(7, 0, 4, HVA_KERNEL);

	dat_without(d, RS_PROBE_INVAL_END_LOCKED);
	put_all(d, puts, NR(puts));
	expect(d, "1000 1 memslot as=0 id=0 gfn=0x0 npages=0x40 hva=0x7f0000000000 flags=0\n"
		  "1110 1 inval_begin id=1 hva=0x7f0000001000-0x7f0000002000 walk=1\n"
		  "#@ state 1110 1 seq=0 in_progress=1 start=0x7f0000001000 end=0x7f0000002000\n"
		  "1110 1 inval_slot id=1 slot=0 gfn=0x1-0x2\n"
		  "1210 1 fault_begin vcpu=0 gfn=0x1\n"
		  "#@ state 1230 1 seq=0 in_progress=1 start=0x7f0000001000 end=0x7f0000002000\n"
		  "1230 1 fault_check vcpu=0 result=retry\n"
		  "1300 1 inval_end id=1\n"
		  "#@ level full\n");
}

/* A memslot is moved, its flags change, it is deleted, and comes back. */
static void test_memslot_changes(void **state)
{
	static const struct put puts[] = {
		CREATE(1000, KVM, 2, 0x100, 0x10, HVA),
		P(1100, MAKER, MEMSLOT, KVM, 2, 0x100, 0x10, 2, 0, 0x200, 0x10, HVA, 2, 0, 0),
		P(1200, MAKER, MEMSLOT, KVM, 3, 0x200, 0x10, 2, 0, 0x200, 0x10, HVA, 2, 0, 1),
		P(1300, MAKER, MEMSLOT, KVM, 1, 0x200, 0x10, 2, 0, 0, 0, 0, 0, 0, 0),
		CREATE(1400, KVM, 2, 0x300, 0x20, HVA + 0x50000),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    "1000 1 memslot as=0 id=2 gfn=0x100 npages=0x10 hva=0x7f0000000000 flags=0\n"
		    "1100 1 memslot as=0 id=2 gfn=0x200 npages=0x10 hva=0x7f0000000000 flags=0\n"
		    "1200 1 memslot as=0 id=2 gfn=0x200 npages=0x10 hva=0x7f0000000000 flags=1\n"
		    "1300 1 memslot as=0 id=2 gfn=0x0 npages=0x0 hva=0x0 flags=0\n"
		    "1400 1 memslot as=0 id=2 gfn=0x300 npages=0x20 hva=0x7f0000050000 flags=0\n"
		    "#@ level full\n");
}

/*
 * Memslot 1 goes after a notifier call was entered and before it looks at the
 * memslots; in between a fault still finds it. It comes back later, which must not
 * be taken for the reason.
 */
static void test_memslot_goes_during_an_entry(void **state)
{
	static const struct put puts[] = {
		CREATE(1000, KVM, 0, 0, 0x40, HVA),
		CREATE(1010, KVM, 1, 0x100, 0x40, HVA + 0x100000),
		CREATE(1020, KVM, 2, 0x200, 0x40, HVA + 0x100000),
		START(1100, RECLAIM, KVM, HVA + 0x101000, HVA + 0x102000, 0, 0, NO_RANGE),
		FAULT(1110, VCPU0, KVM, 0, 0x110ULL),
		P(1120, VCPU0, FAULT_BEGIN, KVM, 0, 0x110, 0, 1, 0, 0, 0, NO_RANGE),
		SLOT(1130, RECLAIM, KVM, 2, 0x201, 0x202, 0, 1, 0x201, 0x202),
		STARTED(1140, RECLAIM),
		LOOKED_UP(1150, VCPU0, 0),
		CHECK(1160, VCPU0, KVM, 0, 0x110ULL, 0, 0, 1, 0x201, 0x202),
		VERDICT(1170, VCPU0, 0),
		FAULTED(1180, VCPU0, 5),
		END(1200, RECLAIM, KVM, HVA + 0x101000, HVA + 0x102000, 0, 1, 0x201, 0x202),
		LOCKED(1210, RECLAIM, KVM, 0, 1, 0x201, 0x202),
		ENDED(1220, RECLAIM),
		P(1300, MAKER, MEMSLOT, KVM, 1, 0x100, 0x40, 1, 0, 0, 0, 0, 0, 0, 0),
		CREATE(1400, KVM, 1, 0x100, 0x40, HVA + 0x100000),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    "1000 1 memslot as=0 id=0 gfn=0x0 npages=0x40 hva=0x7f0000000000 flags=0\n"
		    "1010 1 memslot as=0 id=1 gfn=0x100 npages=0x40 hva=0x7f0000100000 flags=0\n"
		    "1020 1 memslot as=0 id=2 gfn=0x200 npages=0x40 hva=0x7f0000100000 flags=0\n"
		    "1120 1 fault_begin vcpu=0 gfn=0x110\n"
		    "1130 1 memslot as=0 id=1 gfn=0x0 npages=0x0 hva=0x0 flags=0\n"
		    "1130 1 inval_begin id=1 hva=0x7f0000101000-0x7f0000102000 walk=1\n"
		    "#@ state 1130 1 seq=0 in_progress=1 start=0x201 end=0x202\n"
		    "1130 1 inval_slot id=1 slot=2 gfn=0x201-0x202\n"
		    "#@ state 1160 1 seq=0 in_progress=1 start=0x201 end=0x202\n"
		    "1160 1 fault_check vcpu=0 result=ok\n"
		    "1210 1 inval_end id=1\n"
		    "1400 1 memslot as=0 id=1 gfn=0x100 npages=0x40 hva=0x7f0000100000 flags=0\n"
		    "#@ level full\n");
}

/*
 * Faults look for a memslot that is made just then, and go on without one: their
 * checks have a host address of the kernel's own, and ask for no range. One is tried
 * again nevertheless, for its root is obsolete. The next finds the memslot, and is asked.
 */
static void test_memslot_comes_after_a_look_up(void **state)
{
#define NONE_CHECK(t, task, vcpu) \
	P(t, task, FAULT_CHECK, KVM, vcpu, 0x110, 0xffff8df7c0000000, 0, 0, 1, 0x110, 0x211)
	static const struct put puts[] = {
		CREATE(1000, KVM, 1, 0x200, 0x40, HVA + 0x100000),
		START(1100, RECLAIM, KVM, HVA + 0x110000, HVA + 0x111000, 0, 0, NO_RANGE),
		SLOT(1110, RECLAIM, KVM, 1, 0x210, 0x211, 0, 1, 0x110, 0x211),
		STARTED(1120, RECLAIM),
		FAULT(1200, VCPU0, KVM, 0, 0x110ULL),
		FAULT(1205, VCPU1, KVM, 1, 0x110ULL),
		CREATE(1210, KVM, 0, 0x100, 0x40, HVA + 0x100000),
		BEGIN(1220, VCPU0, KVM, 0, 0x110ULL, 0, 1, 0x220, 0x221),
		BEGIN(1225, VCPU1, KVM, 1, 0x110ULL, 0, 1, 0x220, 0x221),
		LOOKED_UP(1230, VCPU0, 0),
		LOOKED_UP(1235, VCPU1, 0),
		NONE_CHECK(1240, VCPU0, 0),
		VERDICT(1241, VCPU0, 0),
		NONE_CHECK(1250, VCPU1, 1),
		VERDICT(1251, VCPU1, 1),
		FAULTED(1260, VCPU0, 5),
		FAULTED(1265, VCPU1, 0),
		FAULT(1300, VCPU0, KVM, 0, 0x110ULL),
		BEGIN(1310, VCPU0, KVM, 0, 0x110ULL, 0, 1, 0x220, 0x221),
		LOOKED_UP(1320, VCPU0, 0),
		P(1330, VCPU0, FAULT_CHECK, KVM, 0, 0x110, HVA + 0x110000, 0, 0, 1, 0x110, 0x211),
		VERDICT(1340, VCPU0, 1),
		FAULTED(1350, VCPU0, 0),
	};
#undef NONE_CHECK

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    "1000 1 memslot as=0 id=1 gfn=0x200 npages=0x40 hva=0x7f0000100000 flags=0\n"
		    "1110 1 inval_begin id=1 hva=0x7f0000110000-0x7f0000111000 walk=1\n"
		    "#@ state 1110 1 seq=0 in_progress=1 start=0x110 end=0x211\n"
		    "1110 1 inval_slot id=1 slot=1 gfn=0x210-0x211\n"
		    "1210 1 memslot as=0 id=0 gfn=0x100 npages=0x40 hva=0x7f0000100000 flags=0\n"
		    "1220 1 fault_begin vcpu=0 gfn=0x110\n"
		    "1225 1 fault_begin vcpu=1 gfn=0x110\n"
		    "1240 1 fault_end vcpu=0\n"
		    "#@ reason root_obsolete\n"
		    "1250 1 fault_end vcpu=1\n"
		    "1310 1 fault_begin vcpu=0 gfn=0x110\n"
		    "#@ state 1330 1 seq=0 in_progress=1 start=0x110 end=0x211\n"
		    "1330 1 fault_check vcpu=0 result=retry\n"
		    "#@ level full\n"
		    "#@ anomaly memslot-after-look-up 2\n");
}

/* Two VMs, told apart by their struct kvm; the second has no memslot 0. */
static void test_two_vms(void **state)
{
	static const struct put puts[] = {
		CREATE(1000, KVM, 0, 0, 0x40, HVA),
		CREATE(1010, KVM2, 1, 0x80, 0x40, HVA + 0x80000),
		START(1100, RECLAIM, KVM, HVA + 0x1000, HVA + 0x2000, 0, 0, NO_RANGE),
		SLOT(1110, RECLAIM, KVM, 0, 1, 2, 0, 1, 1, 2),
		STARTED(1120, RECLAIM),
		START(1130, RECLAIM, KVM2, HVA + 0x81000, HVA + 0x82000, 9, 0, NO_RANGE),
		SLOT(1140, RECLAIM, KVM2, 1, 0x81, 0x82, 9, 1, 0x81, 0x82),
		STARTED(1150, RECLAIM),
		FAULT(1200, VCPU0, KVM, 0, 1ULL),
		BEGIN(1210, VCPU0, KVM, 0, 1ULL, 0, 1, 1, 2),
		FAULT(1205, VCPU1, KVM2, 0, 0x90ULL),
		BEGIN(1215, VCPU1, KVM2, 0, 0x90ULL, 9, 1, 0x81, 0x82),
		LOOKED_UP(1220, VCPU0, 1),
		LOOKED_UP(1225, VCPU1, 0),
		CHECK(1230, VCPU1, KVM2, 0, 0x90ULL, 9, 9, 1, 0x81, 0x82),
		VERDICT(1235, VCPU1, 0),
		FAULTED(1240, VCPU0, 1),
		FAULTED(1245, VCPU1, 5),
		END(1300, RECLAIM, KVM2, HVA + 0x81000, HVA + 0x82000, 9, 1, 0x81, 0x82),
		LOCKED(1310, RECLAIM, KVM2, 9, 1, 0x81, 0x82),
		ENDED(1320, RECLAIM),
		END(1330, RECLAIM, KVM, HVA + 0x1000, HVA + 0x2000, 0, 1, 1, 2),
		LOCKED(1340, RECLAIM, KVM, 0, 1, 1, 2),
		ENDED(1350, RECLAIM),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    "1000 1 memslot as=0 id=0 gfn=0x0 npages=0x40 hva=0x7f0000000000 flags=0\n"
		    "1010 2 memslot as=0 id=1 gfn=0x80 npages=0x40 hva=0x7f0000080000 flags=0\n"
		    "1110 1 inval_begin id=1 hva=0x7f0000001000-0x7f0000002000 walk=1\n"
		    "#@ state 1110 1 seq=0 in_progress=1 start=0x1 end=0x2\n"
		    "1110 1 inval_slot id=1 slot=0 gfn=0x1-0x2\n"
		    "1140 2 inval_begin id=1 hva=0x7f0000081000-0x7f0000082000 walk=1\n"
		    "#@ state 1140 2 seq=9 in_progress=1 start=0x81 end=0x82\n"
		    "1140 2 inval_slot id=1 slot=1 gfn=0x81-0x82\n"
		    "1210 1 fault_begin vcpu=0 gfn=0x1\n"
		    "1210 1 fault_check vcpu=0 result=retry lockless=1\n"
		    "1215 2 fault_begin vcpu=0 gfn=0x90\n"
		    "#@ state 1230 2 seq=9 in_progress=1 start=0x81 end=0x82\n"
		    "1230 2 fault_check vcpu=0 result=ok\n"
		    "1310 2 inval_end id=1\n"
		    "1340 1 inval_end id=1\n"
		    "#@ level full\n");
}

/*
 * The VM ran before: its memslot is known from what a check (gfn and hva) and an
 * invalidation (gfn, hva and id) say of it, as far as they do.
 */
static void test_learned_memslots(void **state)
{
	static const struct put puts[] = {
		FAULT(1100, VCPU0, KVM, 0, 0x10ULL),
		P(1110, VCPU0, FAULT_BEGIN, KVM, 0, 0x10, 0, 5, 0, 40, 0, NO_RANGE),
		LOOKED_UP(1120, VCPU0, 0),
		CHECK(1130, VCPU0, KVM, 0, 0x10ULL, 40, 40, 0, NO_RANGE),
		VERDICT(1140, VCPU0, 0),
		FAULTED(1150, VCPU0, 5),
		START(1200, RECLAIM, KVM, HVA + 0x12000, HVA + 0x14000, 40, 0, NO_RANGE),
		SLOT(1210, RECLAIM, KVM, 5, 0x12, 0x14, 40, 1, 0x12, 0x14),
		STARTED(1220, RECLAIM),
		END(1300, RECLAIM, KVM, HVA + 0x12000, HVA + 0x14000, 40, 1, 0x12, 0x14),
		LOCKED(1310, RECLAIM, KVM, 40, 1, 0x12, 0x14),
		ENDED(1320, RECLAIM),
	};

	expect_puts(GFN_KERNEL, puts, NR(puts),
		    "1110 1 memslot as=0 id=5 gfn=0x10 npages=0x4 hva=0x7f0000010000 flags=0\n"
		    "1110 1 fault_begin vcpu=0 gfn=0x10\n"
		    "#@ state 1130 1 seq=40 in_progress=0 start=0x0 end=0x0\n"
		    "1130 1 fault_check vcpu=0 result=ok\n"
		    "1210 1 inval_begin id=1 hva=0x7f0000012000-0x7f0000014000 walk=1\n"
		    "#@ state 1210 1 seq=40 in_progress=1 start=0x12 end=0x14\n"
		    "1210 1 inval_slot id=1 slot=5 gfn=0x12-0x14\n"
		    "1310 1 inval_end id=1\n"
		    "#@ level full\n"
		    "#@ anomaly memslots-learned 1\n");
}

/* The fault's copy of the number was an int, and came back sign extended: noted, not believed. */
static void test_sign_extended(void **state)
{
	static const struct put puts[] = {
		CREATE(1000, KVM, 0, 0, 0x40, HVA),
		FAULT(1100, VCPU0, KVM, 0, 1ULL),
		BEGIN(1110, VCPU0, KVM, 0, 1ULL, 0x80000005, 0, NO_RANGE),
		LOOKED_UP(1120, VCPU0, 0),
		CHECK(1130, VCPU0, KVM, 0, 1ULL, 0xffffffff80000005, 0x80000005, 0, NO_RANGE),
		VERDICT(1140, VCPU0, 1),
		FAULTED(1150, VCPU0, 1),
	};
	struct dat *d = dat_new(7, 0, 4, HVA_KERNEL);

	put_all(d, puts, NR(puts));
	expect(d, "1000 1 memslot as=0 id=0 gfn=0x0 npages=0x40 hva=0x7f0000000000 flags=0\n"
		  "1110 1 fault_begin vcpu=0 gfn=0x1\n"
		  "#@ state 1130 1 seq=2147483653 in_progress=0 start=0x0 end=0x0\n"
		  "1130 1 fault_check vcpu=0 result=retry\n"
		  "#@ level full\n"
		  "#@ anomaly fault-seq-sign-extended 1\n");
}

/* What is lost is said where it was lost. */
static void test_losses(void **state)
{
	struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);

	put_all(d, plain, 7);
	dat_at(d, 0, VCPU0 % 4, VCPU0);
	dat_lose(d, 12);
	put_all(d, &(const struct put)FAULT(1800, VCPU0, KVM, 0, 0x111ULL), 1);
	put_all(d, &(const struct put)FAULTED(1810, VCPU0, 5), 1);
	dat_at(d, 0, VCPU0 % 4, VCPU0);
	dat_lose(d, UINT64_MAX);
	put_all(d, &(const struct put)FAULT(1900, VCPU0, KVM, 0, 0x112ULL), 1);
	put_all(d, &(const struct put)FAULTED(1910, VCPU0, 5), 1);
	expect(d, "1000 1 memslot as=0 id=3 gfn=0x100 npages=0x40 hva=0x7f0000100000 flags=0\n"
		  "1110 1 fault_begin vcpu=0 gfn=0x110\n"
		  "#@ state 1130 1 seq=5 in_progress=0 start=0x0 end=0x0\n"
		  "1130 1 fault_check vcpu=0 result=ok\n"
		  "1150 1 lost count=12\n"
		  "1800 1 lost count=0\n"
		  "1800 1 fault_begin vcpu=0 gfn=0x111\n"
		  "1809 1 fault_end vcpu=0\n"
		  "1810 1 lost count=unknown\n"
		  "1900 1 lost count=0\n"
		  "1900 1 fault_begin vcpu=0 gfn=0x112\n"
		  "1910 1 fault_end vcpu=0\n"
		  "#@ level full\n"
		  "#@ anomaly lost-unknown-number 1\n");
}

/* Probe points were withheld: what is left is used, and the level says so. */
static void test_partial(void **state)
{
	static const unsigned int withheld[] = {
		RS_PROBE_FAULT_CHECK,
		RS_PROBE_FAULT_VERDICT,
		RS_PROBE_FAULT_BEGIN,
		RS_PROBE_FAULT_LOOKED_UP,
	};
	static const char *const expected[] = {
		"1000 1 memslot as=0 id=3 gfn=0x100 npages=0x40 hva=0x7f0000100000 flags=0\n"
		"1110 1 fault_begin vcpu=0 gfn=0x110\n"
		"1140 1 fault_check vcpu=0 result=ok\n"
		"1210 1 inval_begin id=1 hva=0x7f0000102000-0x7f0000104000 walk=1\n"
		"#@ state 1210 1 seq=5 in_progress=1 start=0x102 end=0x104\n"
		"1210 1 inval_slot id=1 slot=3 gfn=0x102-0x104\n"
		"1310 1 inval_end id=1\n"
		"#@ level partial\n",
		"1000 1 memslot as=0 id=3 gfn=0x100 npages=0x40 hva=0x7f0000100000 flags=0\n"
		"1110 1 fault_begin vcpu=0 gfn=0x110\n"
		"#@ state 1130 1 seq=5 in_progress=0 start=0x0 end=0x0\n"
		"1130 1 fault_check vcpu=0 result=unknown\n"
		"1210 1 inval_begin id=1 hva=0x7f0000102000-0x7f0000104000 walk=1\n"
		"#@ state 1210 1 seq=5 in_progress=1 start=0x102 end=0x104\n"
		"1210 1 inval_slot id=1 slot=3 gfn=0x102-0x104\n"
		"1310 1 inval_end id=1\n"
		"#@ level partial\n",
		"1000 1 memslot as=0 id=3 gfn=0x100 npages=0x40 hva=0x7f0000100000 flags=0\n"
		"1100 1 fault_begin vcpu=0 gfn=0x110\n"
		"#@ state 1130 1 seq=5 in_progress=0 start=0x0 end=0x0\n"
		"1130 1 fault_check vcpu=0 result=ok\n"
		"1210 1 inval_begin id=1 hva=0x7f0000102000-0x7f0000104000 walk=1\n"
		"#@ state 1210 1 seq=5 in_progress=1 start=0x102 end=0x104\n"
		"1210 1 inval_slot id=1 slot=3 gfn=0x102-0x104\n"
		"1310 1 inval_end id=1\n"
		"#@ level partial\n",
		"1000 1 memslot as=0 id=3 gfn=0x100 npages=0x40 hva=0x7f0000100000 flags=0\n"
		"1110 1 fault_begin vcpu=0 gfn=0x110\n"
		"#@ state 1130 1 seq=5 in_progress=0 start=0x0 end=0x0\n"
		"1130 1 fault_check vcpu=0 result=ok\n"
		"1210 1 inval_begin id=1 hva=0x7f0000102000-0x7f0000104000 walk=1\n"
		"#@ state 1210 1 seq=5 in_progress=1 start=0x102 end=0x104\n"
		"1210 1 inval_slot id=1 slot=3 gfn=0x102-0x104\n"
		"1310 1 inval_end id=1\n"
		"#@ level partial\n",
	};

	for (size_t i = 0; i < NR(withheld); i++) {
		struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);

		dat_without(d, withheld[i]);
		for (size_t k = 0; k < NR(plain); k++)
			if (plain[k].kind != withheld[i])
				put_all(d, &plain[k], 1);
		expect(d, expected[i]);
	}
}

/* Nothing but tracepoints: not replayed unless assumptions are given. */
static void test_only_tracepoints(void **state)
{
	struct dat *d = dat_new(6, 0, 4, GFN_KERNEL);
	struct test_trace t = { 0 };

	dat_without_probes(d);
	put_all(d, &(const struct put){ 1000, VCPU0, DAT_PAGE_FAULT, { 0, 0x1000 } }, 1);
	put_all(d, &(const struct put){ 1100, RECLAIM, DAT_UNMAP_HVA, { HVA, HVA + 0x1000 } }, 1);
	read_back(&t, d);
	assert_int_not_equal(t.rc, 0);
	assert_non_null(strstr(t.message, "only KVM's tracepoints"));
	assert_non_null(strstr(t.message, "--assume-duration"));
	test_trace_free(&t);
}

/* What the recorder noted as markers, but for what the file says itself; the VM's process. */
static void test_facts(void **state)
{
	struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);
	struct test_trace t = { 0 };

	dat_add_command(d, MAKER, "qemu-system-x86");
	dat_at(d, 0, 0, MAKER);
	dat_marker(d, 10, "retryscope-fact kernel 6.12.99-other\n");
	dat_marker(d, 20, "somebody else's marker\n");
	dat_marker(d, 30, "retryscope-fact Host.cpu some name\n");
	put_all(d, plain, NR(plain));
	read_back(&t, d);
	assert_int_equal(t.rc, 0);
	assert_string_equal(t.meta.kernel, GFN_KERNEL);
	assert_string_equal(rs_meta_fact(&t.meta, "host.cpu"), "some name");
	assert_int_equal(t.meta.nr_vms, 1);
	assert_int_equal(t.meta.vms[0].pid, MAKER);
	assert_string_equal(t.meta.vms[0].command, "qemu-system-x86");
	test_trace_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_two_buffers),
		cmocka_unit_test(test_end_without_its_own_probe),
		cmocka_unit_test(test_no_hit),
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_order_by_number),
		cmocka_unit_test(test_nested_too_deep),
		cmocka_unit_test(test_lockless),
		cmocka_unit_test(test_lockless_at_half_an_end),
		cmocka_unit_test(test_other_ends),
		cmocka_unit_test(test_hva_kernel),
		cmocka_unit_test(test_memslot_changes),
		cmocka_unit_test(test_memslot_goes_during_an_entry),
		cmocka_unit_test(test_memslot_comes_after_a_look_up),
		cmocka_unit_test(test_two_vms),
		cmocka_unit_test(test_learned_memslots),
		cmocka_unit_test(test_sign_extended),
		cmocka_unit_test(test_losses),
		cmocka_unit_test(test_partial),
		cmocka_unit_test(test_only_tracepoints),
		cmocka_unit_test(test_facts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
