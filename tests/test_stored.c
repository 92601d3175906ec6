// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files of every form that were made once and are kept: what they mean stands here,
 * written by hand from retryscope-text(5), retryscope-binary(5) and docs/model.md. A
 * change of a form, of a number in it or of what it means is seen, also one that
 * reading and writing make alike.
 *
 * events.* are the same events: text, binary, raw binary, and two of them within zstd, as they
 * were before anybody was named in them (version 2 of the binary form). who.* are these events
 * with who did it.
 * v6*.dat and v7*.dat are the same recording by trace-cmd's two formats, as hosts of
 * either byte order and of both sizes of a page's commit word have it; one has two
 * buffers, two are compressed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zstd.h>

#include "replay/replay.h"
#include "tests/common/trace_file.h"
#include "traces/binary/binary.h"

#define STORED TEST_DATA "/stored/"
#define HVA 0x7f0000000000ULL
#define NR(list) (sizeof(list) / sizeof((list)[0]))
/* Which zstd made the compressed payloads. */
#define ZSTD_THEN 10504

/* An event as retryscope-binary(5) has it. */
struct record {
	uint64_t time;
	uint32_t vm;
	uint8_t type, flags, result, as;
	uint32_t index, arg;
	uint64_t a, b, c;
};

/* clang-format off */
static const struct record records[] = {
	{ 0, 1, 1, 0, 0, 0, 0, 0, 0, 0x100, HVA },
	{ 0, 1, 1, 0, 0, 1, 2, 3, 0, 0x10, HVA },
	{ 0, 9, 1, 0, 0, 0, 0, 0, 0, 0x10, 0x7e0000000000 },
	{ 1000, 1, 2, 1, 0, 0, 0, 0, 7, HVA + 0x10000, HVA + 0x11000 },
	{ 1000, 1, 9, 0, 0, 0, 1, 0, 5, 0x10, 0x11 },
	{ 1000, 1, 3, 0, 0, 0, 0, 0, 7, 0x10, 0x11 },
	{ 1100, 1, 5, 0, 0, 0, 0, 0, 0x10, 0, 0 },
	{ 1200, 1, 6, 4, 2, 0, 0, 0, 0, 0, 0 },
	{ 1300, 1, 5, 0, 0, 0, 1, 0, 0x50, 0, 0 },
	{ 1400, 1, 9, 0, 0, 0, 1, 0, 5, 0x10, 0x11 },
	{ 1400, 1, 6, 0, 1, 0, 1, 0, 0, 0, 0 },
	{ 1500, 1, 5, 0, 0, 0, 0, 0, 0x60, 0, 0 },
	{ 2000, 1, 4, 0, 0, 0, 0, 0, 7, 0, 0 },
	{ 2100, 1, 6, 0, 2, 0, 0, 0, 0, 0, 0 },
	{ 2200, 1, 5, 0, 0, 1, 0, 0, 3, 0, 0 },
	{ 2300, 1, 7, 0, 0, 0, 0, 2, 0, 0, 0 },
	{ 2400, 1, 5, 0, 0, 0, 0, 0, 3, 0, 0 },
	{ 2500, 1, 7, 0, 0, 0, 0, 1, 0, 0, 0 },
	{ 2600, 1, 5, 0, 0, 0, 0, 0, 3, 0, 0 },
	{ 2700, 1, 7, 0, 0, 0, 0, 3, 0, 0, 0 },
	{ 2800, 1, 5, 0, 0, 0, 0, 0, 3, 0, 0 },
	{ 2900, 1, 7, 0, 0, 0, 0, 0, 0, 0, 0 },
	{ 3000, 9, 2, 2, 0, 0, 0, 0, 1, 4, 6 },
	{ 3100, 9, 5, 0, 0, 0, 65535, 0, 4, 0, 0 },
	{ 3200, 9, 6, 0, 0, 0, 65535, 0, 0, 0, 0 },
	{ 3300, 9, 4, 0, 0, 0, 0, 0, 1, 0, 0 },
	{ 4000, 9, 8, 0, 0, 0, 0, 0, 3, 0, 0 },
	{ 4100, 4294967295, 8, 0, 0, 0, 0, 0, UINT64_MAX, 0, 0 },
};
/* clang-format on */

/* Who did it in who.*: of which record, and who that is. */
static const struct {
	size_t record;
	uint32_t number, pid;
	const char *comm, *reason;
} whos[] = {
	{ 3, 1, 39, "ksmd", "clear" },
	{ 6, 2, 4711, "CPU 0/KVM", NULL },
	{ 8, 3, 4712, "CPU 1/KVM", NULL },
	{ 11, 2, 4711, "CPU 0/KVM", NULL },
	{ 22, 4, 0, "a \"name\" with \\ and \n", "two words" },
	{ 23, 5, 4294967295, NULL, NULL },
};

_Static_assert(sizeof(struct record) == sizeof(struct rs_event), "");

static void expect_meta(const struct rs_trace_meta *m)
{
	assert_string_equal(m->kernel, "6.12.0-stored");
	assert_string_equal(m->level, "partial");
	assert_int_equal(m->nr_facts, 2);
	assert_string_equal(rs_meta_fact(m, "cpus"), "2");
	assert_string_equal(rs_meta_fact(m, "host"), "two  blanks\tand a tab");
	assert_int_equal(m->nr_vms, 1);
	assert_int_equal(m->vms[0].vm, 1);
	assert_int_equal(m->vms[0].pid, 4711);
	assert_string_equal(m->vms[0].command, "qemu-system-x86 -m 1");
	assert_int_equal(m->nr_assumptions, 1);
	assert_string_equal(m->assumptions[0], "invalidations last 50us");
	assert_int_equal(m->nr_anomalies, 1);
	assert_string_equal(m->anomalies[0].name, "end-without-begin");
	assert_int_equal(m->anomalies[0].count, 2);
	assert_int_equal(m->lost, 3);
}

static void expect_text(const char *got, const char *wanted)
{
	assert_int_equal(!got, !wanted);
	if (wanted)
		assert_string_equal(got, wanted);
}

static void expect_whos(const struct rs_whos *w, bool named)
{
	assert_int_equal(w->nr, named ? 5 : 0);
	for (size_t i = 0; named && i < NR(whos); i++) {
		const struct rs_who *who = rs_whos_get(w, whos[i].number);

		assert_int_equal(who->pid, whos[i].pid);
		expect_text(who->comm, whos[i].comm);
		expect_text(who->reason, whos[i].reason);
	}
}

static void expect_events(const char *path, enum rs_form form, bool named)
{
	struct record wanted[NR(records)];
	struct test_trace t;

	memcpy(wanted, records, sizeof(records));
	for (size_t i = 0; named && i < NR(whos); i++)
		wanted[whos[i].record].arg = whos[i].number;

	test_trace_read(&t, path);
	assert_string_equal(t.message, "");
	assert_int_equal(t.form, form);
	assert_int_equal(t.nr, NR(records));
	for (size_t i = 0; i < t.nr; i++)
		if (memcmp(&t.evs[i], &wanted[i], sizeof(wanted[i])))
			fail_msg("%s: event %zu is another", path, i);
	expect_meta(&t.meta);
	expect_whos(&t.meta.whos, named);
	test_trace_free(&t);
}

static void test_read(void **state)
{
	expect_events(STORED "events.txt", RS_FORM_TEXT, false);
	expect_events(STORED "events.txt.zst", RS_FORM_TEXT, false);
	expect_events(STORED "events.bin", RS_FORM_BINARY, false);
	expect_events(STORED "events.raw", RS_FORM_BINARY, false);
	expect_events(STORED "events.raw.zst", RS_FORM_BINARY, false);
	expect_events(STORED "who.txt", RS_FORM_TEXT, true);
	expect_events(STORED "who.bin", RS_FORM_BINARY, true);
	expect_events(STORED "who.raw", RS_FORM_BINARY, true);
}

/* What is written today of @text is what was written then. */
static void expect_bytes(const char *text, const char *path, enum rs_form form)
{
	struct test_trace t;
	size_t size, now_size;
	char *then = test_read_file(path, &size), *now;

	test_trace_read(&t, text);
	now = test_trace_bytes(&t, form, &now_size);
	for (size_t i = 0; i < size && i < now_size; i++)
		if (now[i] != then[i])
			fail_msg("%s: byte %zu is written as 0x%02x, not 0x%02x", path, i,
				 (unsigned char)now[i], (unsigned char)then[i]);
	assert_int_equal(now_size, size);
	test_trace_free(&t);
	free(now);
	free(then);
}

/*
 * The same of a file whose payloads zstd makes, which may do better one day: of the
 * one block of events the head, less what depends on that, and what the payload holds.
 */
static char *first_events(const char *file, struct rs_binary_block *b)
{
	size_t at = sizeof(struct rs_binary_header);
	char *plain;

	for (;;) {
		memcpy(b, file + at, sizeof(*b));
		if (b->kind == RS_BINARY_EVENTS)
			break;
		at += sizeof(*b) + rs_binary_padded(b->stored);
	}
	plain = malloc(b->decoded);
	assert_non_null(plain);
	assert_int_equal(ZSTD_decompress(plain, b->decoded, file + at + sizeof(*b), b->stored),
			 b->decoded);
	b->stored = 0;
	b->data_sum = b->sum = 0;
	return plain;
}

static void test_columns(void **state)
{
	struct test_trace t;
	struct rs_binary_block then, now;
	size_t size;
	char *then_file = test_read_file(STORED "who.bin", &size), *now_file;
	char *then_plain, *now_plain;

	test_trace_read(&t, STORED "who.txt");
	now_file = test_trace_bytes(&t, RS_FORM_BINARY, &size);
	then_plain = first_events(then_file, &then);
	now_plain = first_events(now_file, &now);
	assert_memory_equal(&then, &now, sizeof(then));
	assert_memory_equal(then_plain, now_plain, then.decoded);
	free(then_plain);
	free(now_plain);
	free(then_file);
	free(now_file);
	test_trace_free(&t);
}

static void test_write(void **state)
{
	expect_bytes(STORED "events.txt", STORED "events.txt", RS_FORM_TEXT);
	expect_bytes(STORED "who.txt", STORED "who.txt", RS_FORM_TEXT);
	expect_bytes(STORED "who.txt", STORED "who.raw", RS_FORM_BINARY_RAW);
	if (ZSTD_versionNumber() == ZSTD_THEN)
		expect_bytes(STORED "who.txt", STORED "who.bin", RS_FORM_BINARY);
}

static const char recorded[] =
	"1000 1 memslot as=0 id=3 gfn=0x100 npages=0x40 hva=0x7f0000100000 flags=0\n"
	"1110 1 fault_begin vcpu=0 gfn=0x110 pid=101 comm=\"qemu-system-x86\"\n"
	"#@ state 1130 1 seq=5 in_progress=0 start=0x0 end=0x0\n"
	"1130 1 fault_check vcpu=0 result=ok\n"
	"1210 1 inval_begin id=1 hva=0x7f0000102000-0x7f0000104000 walk=1 "
	"pid=103 reason=exclusive\n"
	"#@ state 1210 1 seq=5 in_progress=1 start=0x102 end=0x104\n"
	"1210 1 inval_slot id=1 slot=3 gfn=0x102-0x104\n"
	"1310 1 inval_end id=1\n"
	"#@ level full\n";

static void test_dat(void **state)
{
	static const struct {
		const char *path, *version, *buffers;
	} files[] = {
		{ STORED "v6.dat", "6", "1" },
		{ STORED "v6-big-endian.dat", "6", "1" },
		{ STORED "v6-commit-4.dat", "6", "1" },
		{ STORED "v7.dat", "7", "1" },
		{ STORED "v7-big-endian.dat", "7", "1" },
		{ STORED "v7-zstd.dat", "7", "1" },
		{ STORED "v7-zstd-buffers.dat", "7", "2" },
	};

	for (size_t i = 0; i < NR(files); i++) {
		struct test_trace t;
		size_t len;
		char *text;

		test_trace_read(&t, files[i].path);
		assert_string_equal(t.message, "");
		assert_int_equal(t.form, RS_FORM_TRACE_DAT);
		assert_string_equal(t.meta.kernel, "6.12.1");
		assert_string_equal(rs_meta_fact(&t.meta, "trace.dat.version"), files[i].version);
		assert_string_equal(rs_meta_fact(&t.meta, "buffers"), files[i].buffers);
		assert_string_equal(rs_meta_fact(&t.meta, "cpus"), "4");
		assert_string_equal(rs_meta_fact(&t.meta, "clock"), "mono");
		assert_int_equal(t.meta.nr_vms, 1);
		assert_int_equal(t.meta.vms[0].pid, 100);
		assert_int_equal(t.meta.nr_anomalies, 0);
		assert_int_equal(t.meta.lost, 0);
		text = test_trace_bytes(&t, RS_FORM_TEXT, &len);
		if (!strstr(text, recorded))
			fail_msg("%s: other events:\n%s", files[i].path, text);
		free(text);
		test_trace_free(&t);
	}
}

/*
 * VM 1, while page 0x10 is invalidated: a fault on it (necessary), one on page 0x50,
 * which only global takes for a hit, and one on page 0x60 that is decided after the
 * end, which all but exact reject for the sequence number. VM 9: a fault on page 4 of
 * the pages 4 and 5 that are invalidated by frame number; hva, which has no addresses
 * of them, blocks all 16.
 */
static void test_figures(void **state)
{
	static const struct {
		const char *name;
		uint64_t rejected, spurious, seq, concurrent, blocked[2];
	} algos[] = {
		{ "global", 4, 2, 1, 1, { 272 * 1000, 16 * 300 } },
		{ "hva", 3, 1, 1, 0, { 1 * 1000, 16 * 300 } },
		{ "gfn", 3, 1, 1, 0, { 1 * 1000, 2 * 300 } },
		{ "exact", 2, 0, 0, 0, { 1 * 1000, 2 * 300 } },
	};
	struct rs_replay_opts opts = { .algos = "global,hva,gfn,exact",
				       .flags = RS_REPLAY_ALL,
				       .kernel_algo = "gfn" };
	struct rs_error err = { 0 };
	struct rs_replay *replay = rs_replay_new(&opts, &err);
	struct rs_result *r;
	struct test_trace t;

	assert_non_null(replay);
	test_trace_read(&t, STORED "events.raw");
	assert_int_equal(rs_replay_feed(replay, t.evs, t.nr, &err), 0);
	r = rs_replay_finish(replay, &err);
	assert_non_null(r);
	assert_int_equal(r->events, 26);
	assert_int_equal(r->lost, 3);
	assert_int_equal(r->lost_marks, 2);
	assert_int_equal(r->nr_vms, 3);
	for (size_t i = 0; i < NR(algos); i++) {
		const struct rs_algo_result *a = &r->vms[0].algos[i], *b = &r->vms[1].algos[i];

		assert_string_equal(a->name, algos[i].name);
		assert_int_equal(a->rejected + b->rejected, algos[i].rejected);
		assert_int_equal(a->spurious + b->spurious, algos[i].spurious);
		assert_int_equal(a->missed + b->missed, 0);
		assert_int_equal(a->causes[RS_CAUSE_SEQ] + b->causes[RS_CAUSE_SEQ], algos[i].seq);
		assert_int_equal(a->causes[RS_CAUSE_CONCURRENT] + b->causes[RS_CAUSE_CONCURRENT],
				 algos[i].concurrent);
		assert_int_equal((uint64_t)a->blocked_page_ns, algos[i].blocked[0]);
		assert_int_equal((uint64_t)b->blocked_page_ns, algos[i].blocked[1]);
	}
	assert_int_equal(r->vms[0].checked, 3);
	assert_int_equal(r->vms[0].checked_lockless, 1);
	assert_int_equal(r->vms[0].necessary, 1);
	assert_int_equal(r->vms[0].async, 1);
	assert_int_equal(r->vms[0].slot_invalid, 1);
	assert_int_equal(r->vms[0].root_obsolete, 1);
	assert_int_equal(r->vms[0].ended, 1);
	assert_int_equal(r->vms[0].state_compared, 2);
	assert_int_equal(r->vms[0].state_equal, 2);
	assert_int_equal(r->vms[0].algos[2].locked.known, 2);
	assert_int_equal(r->vms[0].algos[2].locked.same, 2);
	assert_int_equal(r->vms[0].algos[2].lockless.known, 1);
	assert_int_equal(r->vms[0].algos[2].lockless.same, 1);
	assert_int_equal(r->vms[0].frames, 272);
	assert_int_equal(r->vms[0].memslots, 2);
	assert_int_equal(r->vms[1].checked, 1);
	assert_int_equal(r->vms[1].necessary, 1);
	assert_int_equal(r->vms[1].inval_gfn, 1);
	rs_result_free(r);
	rs_replay_free(replay);
	test_trace_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),	cmocka_unit_test(test_write),
		cmocka_unit_test(test_columns), cmocka_unit_test(test_dat),
		cmocka_unit_test(test_figures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
