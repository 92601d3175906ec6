// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a trace.dat may look like: its versions, buffers and pages, and what it says besides.
 * docs/import.md has the rules.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/common/puts.h"

static void test_plain(void **state)
{
	expect_puts(GFN_KERNEL, plain, NR_PLAIN, plain_text);
}

/* Whatever the file's shape, it is the same events. */
static void test_shapes(void **state)
{
	static const struct {
		unsigned int version, flags;
	} shapes[] = {
		{ 6, 0 },
		{ 6, DAT_BIG_ENDIAN },
		{ 6, DAT_COMMIT_4 },
		{ 7, DAT_ZSTD },
		{ 7, DAT_BIG_ENDIAN },
		{ 7, DAT_ZSTD | DAT_COMMIT_4 },
		{ 7, DAT_ZLIB },
		{ 7, DAT_ZLIB | DAT_BIG_ENDIAN },
	};

	for (size_t i = 0; i < NR(shapes); i++) {
		struct dat *d = dat_new(shapes[i].version, shapes[i].flags, 4, GFN_KERNEL);

		dat_set_group(d, i % 2 ? "retryscope_4711" : "retryscope");
		put_all(d, plain, NR_PLAIN);
		expect(d, plain_text);
	}
}

/* Half of the tasks are in a second buffer: they are merged by time. */
static void test_two_buffers(void **state)
{
	for (unsigned int version = 6; version <= 7; version++) {
		struct dat *d = dat_new(version, 0, 4, GFN_KERNEL);
		unsigned int second = dat_add_buffer(d, "second");

		for (size_t i = 0; i < NR_PLAIN; i++) {
			dat_at(d, plain[i].task == RECLAIM ? second : 0, plain[i].task % 4,
			       plain[i].task);
			dat_put(d, plain[i].time, plain[i].kind, plain[i].f, 16);
		}
		expect(d, plain_text);
	}
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
	put_all(d, plain, NR_PLAIN);
	read_back(&t, d);
	assert_int_equal(t.rc, 0);
	assert_string_equal(t.meta.kernel, GFN_KERNEL);
	assert_string_equal(rs_meta_fact(&t.meta, "host.cpu"), "some name");
	assert_string_equal(rs_meta_fact(&t.meta, "cpus"), "4");
	assert_string_equal(rs_meta_fact(&t.meta, "buffers"), "1");
	assert_int_equal(t.meta.nr_vms, 1);
	assert_int_equal(t.meta.vms[0].pid, MAKER);
	assert_string_equal(t.meta.vms[0].command, "qemu-system-x86");
	test_trace_free(&t);
}

#define COMMIT_OF(t, task, pid) \
	P(t, task, MEMSLOT, KVM, 0, 0, 0, 0, 0, 0, 0x40, HVA, (t) % 7, 0, 0, pid)

/*
 * Whose VM it is: the process that KVM names, else the task that commits a memslot first, else
 * the one that runs a vCPU first, else the first that is seen; and of a task the process that
 * the recorder said, which has its own name, or else that of its task.
 */
static void test_process(void **state)
{
	static const struct {
		uint32_t pid;
		struct put puts[3];
	} cases[] = {
		{ 77,
		  { FAULT(1000, VCPU0, KVM, 0, 1ULL), COMMIT_OF(1101, MAKER, 0),
		    COMMIT_OF(1202, OTHER, 77) } },
		{ 77,
		  { COMMIT_OF(1000, MAKER, 77), COMMIT_OF(1101, OTHER, 78),
		    FAULT(1200, VCPU0, KVM, 0, 1ULL) } },
		{ MAKER,
		  { FAULT(1000, VCPU0, KVM, 0, 1ULL), COMMIT_OF(1101, MAKER, 0),
		    COMMIT_OF(1202, OTHER, 0) } },
		{ VCPU1,
		  { P(1000, RECLAIM, INVAL_SLOT, KVM, 0, 0, 1, 2, 0, 1, 1, 2, 1),
		    FAULT(1100, VCPU1, KVM, 1, 1ULL), FAULT(1200, VCPU0, KVM, 0, 1ULL) } },
		{ RECLAIM,
		  { P(1000, RECLAIM, INVAL_SLOT, KVM, 0, 0, 1, 2, 0, 1, 1, 2, 1),
		    P(1100, OTHER, INVAL_SLOT, KVM, 0, 0, 1, 2, 0, 1, 1, 2, 1),
		    FAULTED(1200, VCPU0, 5) } },
	};

	for (size_t i = 0; i < NR(cases); i++)
		for (unsigned int how = 0; how < 4; how++) {
			const bool listed = how & 1, named = how & 2;
			struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);
			struct test_trace t;
			char fact[64];

			snprintf(fact, sizeof(fact), "retryscope-fact vm.%u.tasks.0 5 %u 9",
				 cases[i].pid + 1000, cases[i].pid);
			dat_at(d, 0, 0, 1);
			if (listed)
				dat_marker(d, 10, fact);
			dat_add_command(d, cases[i].pid, "a task");
			if (named)
				dat_add_command(d, cases[i].pid + 1000, "the process");
			put_all(d, cases[i].puts, 3);
			read_back(&t, d);
			assert_int_equal(t.rc, 0);
			assert_int_equal(t.meta.nr_vms, 1);
			assert_int_equal(t.meta.vms[0].pid, cases[i].pid + (listed ? 1000 : 0));
			assert_string_equal(t.meta.vms[0].command,
					    listed && named ? "the process" : "a task");
			test_trace_free(&t);
		}
}

/* The saved command lines are lines: an empty one is none, and a name ends where its line does. */
static void test_commands(void **state)
{
	static const char *const before[] = { "", "x", "x\n", "x\n\n" };

	for (size_t i = 0; i < NR(before); i++) {
		struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);
		struct test_trace t = { 0 };

		if (i)
			dat_add_command(d, MAKER * 10, before[i]);
		dat_add_command(d, MAKER, "a name");
		dat_add_command(d, VCPU0, "another");
		put_all(d, plain, NR_PLAIN);
		read_back(&t, d);
		assert_int_equal(t.rc, 0);
		assert_string_equal(t.meta.vms[0].command, "a name");
		test_trace_free(&t);
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
		PLAIN_SLOT_TEXT "1110 1 fault_begin vcpu=0 gfn=0x110\n"
				"1140 1 fault_check vcpu=0 result=ok\n" PLAIN_WALK_TEXT
				"1310 1 inval_end id=1\n"
				"#@ level partial\n",
		PLAIN_SLOT_TEXT "1110 1 fault_begin vcpu=0 gfn=0x110\n"
				"#@ state 1130 1 seq=5 in_progress=0 start=0x0 end=0x0\n"
				"1130 1 fault_check vcpu=0 result=unknown\n" PLAIN_WALK_TEXT
				"1310 1 inval_end id=1\n"
				"#@ level partial\n",
		PLAIN_SLOT_TEXT "1100 1 fault_begin vcpu=0 gfn=0x110\n"
				"#@ state 1130 1 seq=5 in_progress=0 start=0x0 end=0x0\n"
				"1130 1 fault_check vcpu=0 result=ok\n" PLAIN_WALK_TEXT
				"1310 1 inval_end id=1\n"
				"#@ level partial\n",
		PLAIN_SLOT_TEXT PLAIN_FAULT_TEXT PLAIN_WALK_TEXT "1310 1 inval_end id=1\n"
								 "#@ level partial\n",
	};

	for (size_t i = 0; i < NR(withheld); i++) {
		struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);

		dat_without(d, withheld[i]);
		for (size_t k = 0; k < NR_PLAIN; k++)
			if (plain[k].kind != withheld[i])
				put_all(d, &plain[k], 1);
		expect(d, expected[i]);
	}
}

/*
 * Without any event of faults what is blocked is still told, unless a tracepoint says more of
 * faults: that takes assumptions.
 */
static void test_no_faults(void **state)
{
	for (int tracepoint = 0; tracepoint < 2; tracepoint++) {
		struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);
		struct test_trace t = { 0 };

		for (unsigned int kind = RS_PROBE_FAULT; kind <= RS_PROBE_FAULT_END; kind++)
			dat_without(d, kind);
		if (!tracepoint)
			dat_without(d, DAT_PAGE_FAULT);
		for (size_t k = 0; k < NR_PLAIN; k++)
			if (plain[k].kind < RS_PROBE_FAULT || plain[k].kind > RS_PROBE_FAULT_END)
				put_all(d, &plain[k], 1);
		if (!tracepoint) {
			expect(d, PLAIN_SLOT_TEXT PLAIN_WALK_TEXT "1310 1 inval_end id=1\n"
								  "#@ level partial\n");
			continue;
		}
		read_back(&t, d);
		assert_non_null(strstr(t.message, "--assume-duration"));
		test_trace_free(&t);
	}
}

/* An entry that says the time, in place of one that adds to it, and room of discarded events. */
static void test_entries_without_event(void **state)
{
	struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);

	put_all(d, plain, 1);
	for (size_t i = 1; i < NR_PLAIN; i++) {
		dat_at(d, 0, plain[i].task % 4, plain[i].task);
		if (i % 3)
			dat_stamp(d, plain[i].time - 4);
		dat_discard(d, plain[i].time - 1, 1 + (unsigned int)i % 4);
		put_all(d, &plain[i], 1);
	}
	expect(d, plain_text);
}

/* The upper 5 bits of a time are those of the page: a stamp has no room for them. */
static void test_stamp_of_a_late_time(void **state)
{
	const uint64_t late = 5ULL << 59 | 1000;
	struct dat *d = dat_new(7, 0, 1, GFN_KERNEL);
	struct test_trace t = { 0 };

	dat_at(d, 0, 0, MAKER);
	DAT_PUT(d, late, RS_PROBE_MEMSLOT, KVM, 0, 0, 0, 0, 0, 0, 0x40, HVA, 0, 0, 0);
	dat_stamp(d, late + (1ULL << 40));
	DAT_PUT(d, late + (1ULL << 40) + 1, RS_PROBE_MEMSLOT, KVM, 0, 0, 0, 0, 0, 0x100, 0x40,
		HVA + 0x100000, 1, 0, 0);
	read_back(&t, d);
	assert_int_equal(t.rc, 0);
	assert_int_equal(t.nr, 2);
	assert_true(t.evs[0].time_ns == late);
	assert_true(t.evs[1].time_ns == late + (1ULL << 40) + 1);
	assert_int_equal(t.meta.nr_anomalies, 0);
	test_trace_free(&t);
}

/*
 * A CPU's time runs back, with a page or with an entry: its events stay where they are,
 * at the time that it was, and that is said of each of them.
 */
static void test_time_runs_back(void **state)
{
	static const struct put ahead[] = { CREATE(1700, KVM, 1, 0x100, 0x10, HVA + 0x100000) };
	static const struct put back[] = {
		CREATE(1500, KVM, 2, 0x200, 0x10, HVA + 0x200000),
		CREATE(1699, KVM, 3, 0x300, 0x10, HVA + 0x300000),
		CREATE(1700, KVM, 4, 0x400, 0x10, HVA + 0x400000),
		CREATE(1800, KVM, 5, 0x500, 0x10, HVA + 0x500000),
	};
	static const struct put again[] = { CREATE(1799, KVM, 6, 0x600, 0x10, HVA + 0x600000) };

	for (int by_page = 0; by_page < 2; by_page++) {
		struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);

		put_all(d, ahead, NR(ahead));
		for (int n = 0; n < 2; n++) {
			dat_at(d, 0, MAKER % 4, MAKER);
			if (by_page)
				dat_end_page(d);
			else
				dat_stamp(d, n ? 1799 : 1500);
			put_all(d, n ? again : back, n ? NR(again) : NR(back));
		}
		expect(d,
		       "1700 1 memslot as=0 id=1 gfn=0x100 npages=0x10 hva=0x7f0000100000 flags=0\n"
		       "1700 1 memslot as=0 id=2 gfn=0x200 npages=0x10 hva=0x7f0000200000 flags=0\n"
		       "1700 1 memslot as=0 id=3 gfn=0x300 npages=0x10 hva=0x7f0000300000 flags=0\n"
		       "1700 1 memslot as=0 id=4 gfn=0x400 npages=0x10 hva=0x7f0000400000 flags=0\n"
		       "1800 1 memslot as=0 id=5 gfn=0x500 npages=0x10 hva=0x7f0000500000 flags=0\n"
		       "1800 1 memslot as=0 id=6 gfn=0x600 npages=0x10 hva=0x7f0000600000 flags=0\n"
		       "#@ level full\n"
		       "#@ anomaly time-backwards 3\n");
	}
}

/* Read a second time, all is as it was the first: nothing is found twice. */
static void test_rewind(void **state)
{
	struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);
	struct rs_error err = { 0 };
	const struct rs_event *evs;
	struct rs_reader *r;
	unsigned char *bytes;
	size_t size, nr[2] = { 0 };

	put_all(d, plain, NR_PLAIN);
	dat_at(d, 0, RECLAIM % 4, RECLAIM);
	dat_stamp(d, 1310);
	put_all(d, &(const struct put)FAULTED(1315, RECLAIM, 1), 1);
	dat_lose(d, UINT64_MAX);
	put_all(d, &(const struct put)FAULTED(1400, RECLAIM, 1), 1);
	bytes = dat_finish(d, &size);
	r = rs_reader_open(test_write_file("twice", bytes, size), NULL, &err);
	assert_non_null(r);
	for (int pass = 0; pass < 2; pass++) {
		const struct rs_trace_meta *meta;
		ssize_t n;

		if (pass)
			assert_int_equal(rs_reader_rewind(r, &err), 0);
		while ((n = rs_reader_next(r, &evs, &err)) > 0)
			nr[pass] += (size_t)n;
		assert_int_equal(n, 0);
		meta = rs_reader_meta(r);
		assert_int_equal(meta->nr_anomalies, 2);
		for (size_t i = 0; i < 2; i++)
			assert_int_equal(meta->anomalies[i].count, 1);
		assert_int_equal(meta->nr_vms, 1);
	}
	assert_int_equal(nr[0], nr[1]);
	rs_reader_close(r);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_two_buffers),
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_process),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_entries_without_event),
		cmocka_unit_test(test_stamp_of_a_late_time),
		cmocka_unit_test(test_time_runs_back),
		cmocka_unit_test(test_rewind),
		cmocka_unit_test(test_only_tracepoints),
		cmocka_unit_test(test_partial),
		cmocka_unit_test(test_no_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
