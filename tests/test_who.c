// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who did it and why: kept from a recording or a text through every form, at little cost; and
 * which process a VM is. docs/import.md, 2, and retryscope-text(5) have the rules.
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
#include "traces/binary/binary.h"
#include "traces/synth/synth.h"

#define HEADER "retryscope-events 1\n"

/* ---- the table ---- */

static void test_table(void **state)
{
	struct rs_whos w = { 0 }, copy = { 0 };
	char comm[] = "ksmd";
	const struct rs_who whos[] = {
		{ .pid = 1 },
		{ .pid = 1, .comm = comm },
		{ .pid = 1, .reason = comm },
		{ .comm = comm },
		{ .reason = comm },
		{ .comm = "" },
		{ .pid = 2, .comm = comm, .reason = "clear" },
	};
	uint32_t number;

	for (int again = 0; again < 2; again++)
		for (size_t i = 0; i < NR(whos); i++) {
			assert_int_equal(rs_whos_add(&w, &whos[i], &number), 0);
			assert_int_equal(number, i + 1);
		}
	memset(comm, 'x', 4);
	assert_string_equal(rs_whos_get(&w, 2)->comm, "ksmd");
	number = 7;
	assert_int_equal(rs_whos_add(&w, &(struct rs_who){ 0 }, &number), 0);
	assert_int_equal(number, 0);
	assert_int_equal(w.nr, NR(whos));
	assert_null(rs_whos_get(&w, 0)->comm);
	assert_int_equal(rs_whos_get(&w, NR(whos) + 1)->pid, 0);
	assert_int_equal(rs_whos_copy(&copy, &w), 0);
	assert_int_equal(copy.nr, w.nr);
	assert_string_equal(rs_whos_get(&copy, 7)->reason, "clear");
	rs_whos_free(&w);
	rs_whos_free(&copy);
}

/* A file may name any number of tasks: the table takes so many, and what it does not is said. */
static void test_full(void **state)
{
	enum { MORE = 3 };
	char *text = malloc(80 * (RS_MAX_WHO + MORE + 1UL)), *p = text;
	struct test_trace t;

	assert_non_null(text);
	p += sprintf(p, HEADER);
	for (uint32_t i = 1; i <= RS_MAX_WHO + MORE; i++)
		p += sprintf(p, "%u 1 fault_begin vcpu=0 gfn=0x1 pid=%u\n", i, i);
	test_trace_parse(&t, text, (size_t)(p - text));
	free(text);
	assert_string_equal(t.message, "");
	assert_int_equal(t.meta.whos.nr, RS_MAX_WHO);
	assert_int_equal(t.evs[RS_MAX_WHO - 1].fault.who, RS_MAX_WHO);
	for (size_t i = RS_MAX_WHO; i < t.nr; i++)
		assert_int_equal(t.evs[i].fault.who, 0);
	assert_int_equal(count_anomaly(&t, "who-not-kept"), MORE);
	test_trace_free(&t);
}

/* ---- text ---- */

/* What is read, and what is written of that. */
static void test_text(void **state)
{
	static const struct {
		const char *read, *written; /* behind an event; NULL: the same */
	} cases[] = {
		{ "", NULL },
		{ " pid=12", NULL },
		{ " comm=\"\"", NULL },
		{ " reason=clear", NULL },
		{ " pid=12 comm=\"a b\" reason=protection_vma", NULL },
		{ " reason=clear comm=ksmd pid=0xc", " pid=12 comm=\"ksmd\" reason=clear" },
		{ " pid=0", "" },
		{ " reason=\"clear\"", " reason=clear" },
		{ " reason=\"two words\"", NULL },
		{ " reason=\"\"", NULL },
		{ " comm=\"q\\\"b\\\\n\\x0a\\x1b\"", NULL },
		{ " comm=\"\\x41\"", " comm=\"A\"" },
		{ " comm=\xff", " comm=\"\\xff\"" },
		{ " comm=a\"b", " comm=\"a\\\"b\"" },
		{ " comm=\"\xe2\x80\xae\"", " comm=\"\\xe2\\x80\\xae\"" },
	};

	for (size_t i = 0; i < NR(cases); i++) {
		static const char *const events[] = { "1 1 fault_begin vcpu=0 gfn=0x1",
						      "1 1 inval_begin id=1 gfn=0x1-0x2" };

		for (size_t k = 0; k < NR(events); k++) {
			char text[256], wanted[256], *back;
			struct test_trace t;
			size_t len;

			snprintf(text, sizeof(text), HEADER "%s%s\n", events[k], cases[i].read);
			snprintf(wanted, sizeof(wanted), HEADER "%s%s\n", events[k],
				 cases[i].written ? cases[i].written : cases[i].read);
			test_trace_parse(&t, text, strlen(text));
			assert_string_equal(t.message, "");
			back = test_trace_bytes(&t, RS_FORM_TEXT, &len);
			assert_int_equal(len, strlen(wanted));
			assert_memory_equal(back, wanted, len);
			free(back);
			test_trace_free(&t);
		}
	}
}

/* Of other events it is read and left out; what is wrong with it is said all the same. */
static void test_other_events(void **state)
{
	static const char text[] =
		HEADER "1 1 memslot id=0 gfn=0x0 npages=0x1 hva=0x1000 pid=1 comm=\"x\"\n"
		       "2 1 inval_begin id=1 hva=0x1000-0x2000 walk=1\n"
		       "2 1 inval_slot id=1 slot=0 gfn=0x0-0x1 pid=1\n"
		       "3 1 inval_end id=1 reason=x\n"
		       "4 1 fault_check vcpu=0 pid=2\n"
		       "4 1 fault_end vcpu=0 pid=2\n"
		       "5 1 lost pid=2 count=3\n";
	struct test_trace t;

	test_trace_parse(&t, text, strlen(text));
	assert_string_equal(t.message, "");
	assert_int_equal(t.nr, 7);
	assert_int_equal(t.meta.whos.nr, 0);
	for (size_t i = 0; i < t.nr; i++)
		assert_int_equal(rs_event_who(&t.evs[i]), 0);
	test_trace_free(&t);
}

static void test_wrong_text(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "pid=x", "FILE:2:23: a process id expected, not 'x'" },
		{ "pid=4294967296", "FILE:2:23: the number is too large: at most 4294967295" },
		{ "pid", "FILE:2:22: '=' expected, not the end of the line" },
		{ "comm=",
		  "FILE:2:24: a word or a text in '\"' expected, not the end of the line" },
		{ "comm=\"a", "FILE:2:26: '\"' expected, not the end of the line" },
		{ "comm=\"a\"b", "FILE:2:27: a blank expected, not 'b'" },
		{ "comm=\"\\n\"", "FILE:2:25: \\\\, \\\" or \\xHH expected" },
		{ "comm=\\\"", "FILE:2:24: \\\\ or \\xHH expected" },
		{ "comm=\"\\x00\"", "FILE:2:25: \\\\, \\\" or \\xHH expected" },
		{ "pid=1 pid=1", "FILE:2:25: pid= is given twice" },
		{ "reason=x reason=x", "FILE:2:28: reason= is given twice" },
		{ "pids=1", "FILE:2:19: vcpu= expected, not 'pids'" },
	};

	for (size_t i = 0; i < NR(cases); i++) {
		char text[128];
		struct test_trace t;

		snprintf(text, sizeof(text), HEADER "1 1 fault_end     %s\n", cases[i].text);
		test_trace_parse(&t, text, strlen(text));
		assert_string_equal(t.message, cases[i].message);
		test_trace_free(&t);
	}
}

static void test_too_long(void **state)
{
	char *text = malloc(8192);

	assert_non_null(text);
	for (size_t len = RS_MAX_WHO_TEXT; len <= RS_MAX_WHO_TEXT + 1; len++) {
		const bool fits = len == RS_MAX_WHO_TEXT;
		struct test_trace t, back;
		size_t at, size;
		char *bytes;

		at = (size_t)sprintf(text, HEADER "1 1 fault_begin vcpu=0 gfn=0x1 comm=");
		memset(text + at, 'x', len);
		strcpy(text + at + len, "\n");
		test_trace_parse(&t, text, at + len + 1);
		if (fits) {
			assert_string_equal(t.message, "");
			bytes = test_trace_bytes(&t, RS_FORM_BINARY, &size);
			test_trace_parse(&back, bytes, size);
			test_assert_same_trace(&t, &back);
			test_trace_free(&back);
			free(bytes);
		} else {
			assert_non_null(strstr(t.message, "a text of at most 4096 bytes expected"));
		}
		test_trace_free(&t);
	}
	free(text);
}

/* ---- binary ---- */

/* Whoever writes numbers its own from 1 on, and leaves out whom its events do not name. */
static void test_numbers_are_the_files(void **state)
{
	static const enum rs_form forms[] = { RS_FORM_BINARY, RS_FORM_BINARY_RAW, RS_FORM_TEXT };
	struct rs_event evs[] = {
		{ .time_ns = 1, .vm = 1, .type = RS_EV_FAULT_BEGIN, .fault.who = 3 },
		{ .time_ns = 2, .vm = 1, .type = RS_EV_INVAL_BEGIN, .inval.who = 1 },
		{ .time_ns = 3, .vm = 1, .type = RS_EV_FAULT_BEGIN, .fault.who = 3 },
	};
	static const uint32_t wanted[] = { 1, 2, 1 };
	struct test_trace t = { .evs = evs, .nr = NR(evs) }, back;
	uint32_t number;

	for (uint32_t pid = 10; pid < 14; pid++)
		assert_int_equal(rs_whos_add(&t.meta.whos, &(struct rs_who){ .pid = pid }, &number),
				 0);
	for (size_t f = 0; f < NR(forms); f++) {
		size_t len;
		char *bytes = test_trace_bytes(&t, forms[f], &len);

		test_trace_parse(&back, bytes, len);
		free(bytes);
		assert_string_equal(back.message, "");
		for (size_t i = 0; i < NR(evs); i++)
			assert_int_equal(rs_event_who(&back.evs[i]), wanted[i]);
		assert_int_equal(back.meta.whos.nr, 2);
		assert_int_equal(back.meta.whos.list[0].pid, 12);
		assert_int_equal(back.meta.whos.list[1].pid, 10);
		test_trace_free(&back);
	}
	rs_meta_free(&t.meta);
}

static void test_nobody_there(void **state)
{
	static const enum rs_form forms[] = { RS_FORM_BINARY, RS_FORM_BINARY_RAW, RS_FORM_TEXT };
	const struct rs_event ev = { .vm = 1, .type = RS_EV_FAULT_BEGIN, .fault.who = 1 };

	for (size_t f = 0; f < NR(forms); f++) {
		struct rs_error err = { 0 };
		struct rs_writer *w = rs_writer_open(test_path("nobody"), forms[f], &err);

		assert_non_null(w);
		assert_int_equal(rs_writer_put(w, &ev, 1, &err), -EINVAL);
		assert_string_equal(err.text, "event 0 cannot be written: nobody knows who did it");
		rs_writer_abort(w);
	}
}

/* In a pipe, where nothing is known ahead, names are there with the first event that has them. */
static void test_streamed(void **state)
{
	struct rs_synth_params p;
	struct rs_trace_meta meta = { 0 };
	struct rs_error err = { 0 };
	const char *path = test_path("streamed");
	char command[512];
	struct rs_writer *w = rs_writer_open(path, RS_FORM_BINARY, &err);
	struct rs_synth *s;
	const struct rs_event *evs;
	uint64_t named = 0;
	int fds[2], saved = dup(STDIN_FILENO);
	struct rs_reader *r;
	ssize_t n;
	FILE *pipe;

	rs_synth_defaults(&p);
	assert_int_equal(rs_synth_set(&p, "events", "100000", &err), 0);
	s = rs_synth_new(&p, &err);
	assert_true(s && w);
	assert_int_equal(rs_synth_name(s, &meta.whos), 0);
	assert_int_equal(rs_writer_begin(w, &meta, &err), 0);
	while ((n = (ssize_t)rs_synth_next(s, &evs)))
		assert_int_equal(rs_writer_put(w, evs, (size_t)n, &err), 0);
	assert_int_equal(rs_writer_finish(w, &meta, &err), 0);
	rs_synth_free(s);
	rs_meta_free(&meta);

	snprintf(command, sizeof(command), "cat '%s'", path);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	fds[0] = fileno(pipe);
	assert_true(dup2(fds[0], STDIN_FILENO) >= 0);
	r = rs_reader_open("-", NULL, &err);
	assert_non_null(r);
	while ((n = rs_reader_next(r, &evs, &err)) > 0)
		for (ssize_t i = 0; i < n; i++) {
			const struct rs_who *who =
				rs_whos_get(&rs_reader_meta(r)->whos, rs_event_who(&evs[i]));

			if (evs[i].type == RS_EV_INVAL_BEGIN)
				assert_string_equal(who->reason, "ksm");
			if (evs[i].type == RS_EV_FAULT_BEGIN)
				assert_non_null(strstr(who->comm, "/KVM"));
			named += rs_event_who(&evs[i]) != 0;
		}
	assert_int_equal(n, 0);
	assert_true(named > 1000);
	rs_reader_close(r);
	assert_true(dup2(saved, STDIN_FILENO) >= 0);
	close(saved);
	pclose(pipe);
}

/* What a file names is in it: a number beyond is found, whatever the sums say. */
static void test_number_beyond(void **state)
{
	static const char text[] = HEADER "1 1 fault_begin vcpu=0 gfn=0x1 pid=5\n";
	const uint32_t beyond = 2;
	struct rs_binary_block b;
	struct test_trace t;
	size_t len, at = sizeof(struct rs_binary_header);
	char *bytes;

	test_trace_parse(&t, text, strlen(text));
	bytes = test_trace_bytes(&t, RS_FORM_BINARY_RAW, &len);
	test_trace_free(&t);
	for (;; at += sizeof(b) + rs_binary_padded(b.stored)) {
		memcpy(&b, bytes + at, sizeof(b));
		if (b.kind == RS_BINARY_EVENTS)
			break;
	}
	/* The first base's arg, behind the front of 16 bytes. */
	memcpy(bytes + at + sizeof(b) + 16 + 12, &beyond, sizeof(beyond));
	b.data_sum = rs_binary_sum(bytes + at + sizeof(b), rs_binary_padded(b.stored));
	b.sum = rs_binary_sum(&b, offsetof(struct rs_binary_block, sum));
	memcpy(bytes + at, &b, sizeof(b));
	test_trace_parse(&t, bytes, len);
	assert_non_null(strstr(t.message, "the block of events makes no sense"));
	test_trace_free(&t);
	free(bytes);
}

/* Names cost at most a tenth of what an event takes. */
static void expect_small(const char *sample, enum rs_form form)
{
	char path[256];
	struct test_trace t;
	size_t named, without;

	snprintf(path, sizeof(path), "%s/%s.dat", TRACE_SAMPLES, sample);
	test_trace_read(&t, path);
	assert_string_equal(t.message, "");
	assert_true(t.meta.whos.nr > 2);
	free(test_trace_bytes(&t, form, &named));
	for (size_t i = 0; i < t.nr; i++)
		if (rs_event_has_who(t.evs[i].type))
			t.evs[i].raw.half[1] = 0;
	free(test_trace_bytes(&t, form, &without));
	print_message("%s: %zu bytes, %zu without names, of %zu events\n", sample, named, without,
		      t.nr);
	assert_true(named > without);
	assert_true(named - without <= without / 10);
	test_trace_free(&t);
}

static void test_size(void **state)
{
	expect_small("6.1-qemu-pc", RS_FORM_BINARY);
	expect_small("6.1-qemu-pc", RS_FORM_BINARY_RAW);
	expect_small("6.1-alias3", RS_FORM_BINARY);
	expect_small("7.3-gmem-two-vms", RS_FORM_BINARY_RAW);
}

/* ---- the import ---- */

/* A memslot, a fault, and invalidations for each reason of the kernel and one that is none. */
static void test_reasons(void **state)
{
	static const char *const names[] = { "unmap",		"clear",      "protection_vma",
					     "protection_page", "soft_dirty", "release",
					     "migrate",		"exclusive",  NULL };
	struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);
	const struct put slot = CREATE(1000, KVM, 0, 0x100, 0x40, HVA);
	char expected[4096];
	size_t at = 0;
	struct test_trace t;
	char *lines;

	put_all(d, &slot, 1);
	at += (size_t)sprintf(expected + at, "1000 1 memslot as=0 id=0 gfn=0x100 npages=0x40 "
					     "hva=0x7f0000000000 flags=0\n");
	for (unsigned int i = 0; i < NR(names); i++) {
		const uint64_t time = 2000 + 100 * i, from = HVA + 0x2000, to = HVA + 0x3000;
		const struct put puts[] = {
			P(time, RECLAIM, INVAL_START, MN(KVM), from, to, i, i, 0, NO_RANGE),
			SLOT(time + 10, RECLAIM, KVM, 0, 0x102, 0x103, i, 1, 0x102, 0x103),
			STARTED(time + 20, RECLAIM),
			END(time + 30, RECLAIM, KVM, from, to, i, 1, 0x102, 0x103),
			LOCKED(time + 40, RECLAIM, KVM, i, 1, 0x102, 0x103),
			ENDED(time + 50, RECLAIM),
		};

		put_all(d, puts, NR(puts));
		at += (size_t)sprintf(
			expected + at,
			"%d 1 inval_begin id=%u hva=0x7f0000002000-0x7f0000003000 walk=1 pid=103"
			"%s%s\n#@ state %d 1 seq=%u in_progress=1 start=0x102 end=0x103\n"
			"%d 1 inval_slot id=%u slot=0 gfn=0x102-0x103\n%d 1 inval_end id=%u\n",
			(int)time + 10, i + 1, names[i] ? " reason=" : "", names[i] ? names[i] : "",
			(int)time + 10, i, (int)time + 10, i + 1, (int)time + 40, i + 1);
	}
	sprintf(expected + at, "#@ level full\n");
	read_back(&t, d);
	assert_string_equal(t.message, "");
	lines = named_lines_of(&t);
	assert_string_equal(lines, expected);
	free(lines);
	test_trace_free(&t);
}

/* The invalidation of @puts, which comes through no notifier, is for that reason. */
static void expect_reason(const char *release, const struct put *puts, size_t n, const char *reason)
{
	struct dat *d = dat_new(7, 0, 4, release);
	struct test_trace t;
	char *lines, end[64];

	put_all(d, puts, n);
	read_back(&t, d);
	assert_string_equal(t.message, "");
	lines = named_lines_of(&t);
	sprintf(end, " pid=111 reason=%s\n", reason);
	assert_non_null(strstr(lines, end));
	free(lines);
	test_trace_free(&t);
}

#define OWN_BEGIN P(1100, OTHER, INVAL_BEGIN, KVM, 0, 0, NO_RANGE)
#define OWN_ADD P(1105, OTHER, INVAL_RANGE_ADD, KVM, 0x102, 0x103, 0, 1, NO_RANGE)
#define OWN_HIT P(1110, OTHER, INVAL_SLOT, KVM, 0, 0, 0x102, 0x103, 0, 1, 0x102, 0x103, 2)
#define OWN_END LOCKED(1120, OTHER, KVM, 0, 1, 0x102, 0x103)

/* What comes through no notifier has its reason by what else was seen of it. */
static void test_no_notifier(void **state)
{
	static const struct put hole[] = { CREATE(1000, KVM, 0, 0x100, 0x40, HVA), OWN_BEGIN,
					   OWN_HIT, OWN_END };
	static const struct put attributes[] = { CREATE(1000, KVM, 0, 0x100, 0x40, HVA), OWN_BEGIN,
						 OWN_ADD, OWN_HIT, OWN_END };
	static const struct put zap[] = { CREATE(1000, KVM, 0, 0x100, 0x40, HVA), OWN_BEGIN,
					  OWN_ADD, OWN_END };
	static const struct put bare[] = { CREATE(1000, KVM, 0, 0x100, 0x40, HVA), OWN_BEGIN,
					   OWN_END };
	static const struct put late[] = { CREATE(1000, KVM, 0, 0x100, 0x40, HVA), OWN_END };
	static const struct put old[] = {
		CREATE(1000, KVM, 0, 0x100, 0x40, HVA),
		P(1100, OTHER, ZAP_BEGIN, KVM, 0x102, 0x103, 0, 0, NO_RANGE),
		P(1120, OTHER, ZAP_END, KVM, 0x102, 0x103, 0, 1, 0x102, 0x103),
	};

	expect_reason(GFN_KERNEL, hole, NR(hole), "guest_memfd");
	expect_reason(GFN_KERNEL, attributes, NR(attributes), "attributes");
	expect_reason(GFN_KERNEL, zap, NR(zap), "zap");
	expect_reason(GFN_KERNEL, bare, NR(bare), "gfn");
	expect_reason(GFN_KERNEL, late, NR(late), "zap");
	expect_reason(HVA_KERNEL, old, NR(old), "zap");
}

/* Whose the VM is, of what was recorded. */
static void expect_process(const struct put *puts, size_t n, int pid)
{
	struct dat *d = dat_new(7, 0, 4, GFN_KERNEL);
	struct test_trace t;

	put_all(d, puts, n);
	read_back(&t, d);
	assert_string_equal(t.message, "");
	assert_int_equal(t.meta.nr_vms, 1);
	assert_int_equal(t.meta.vms[0].pid, pid);
	test_trace_free(&t);
}

static void test_process(void **state)
{
	static const struct put puts[] = {
		/* Somebody else reclaims the VM's memory first of all. */
		START(1000, RECLAIM, KVM, HVA + 0x1000, HVA + 0x2000, 0, 0, NO_RANGE),
		SLOT(1010, RECLAIM, KVM, 0, 0x101, 0x102, 0, 1, 0x101, 0x102),
		STARTED(1020, RECLAIM),
		END(1030, RECLAIM, KVM, HVA + 0x1000, HVA + 0x2000, 0, 1, 0x101, 0x102),
		LOCKED(1040, RECLAIM, KVM, 0, 1, 0x101, 0x102),
		ENDED(1050, RECLAIM),
		/* then a vCPU faults, */
		FAULT(1100, VCPU0, KVM, 0, 0x110ULL),
		BEGIN(1110, VCPU0, KVM, 0, 0x110, 1, 0, NO_RANGE),
		LOOKED_UP(1120, VCPU0, 0),
		CHECK(1130, VCPU0, KVM, 0, 0x110ULL, 1, 1, 0, NO_RANGE),
		VERDICT(1140, VCPU0, 0),
		FAULTED(1150, VCPU0, 5),
		/* and its process makes memslots: by another task first, and KVM knows better. */
		CREATE(1200, KVM, 1, 0x200, 0x40, HVA + 0x100000),
		P(1210, OTHER, MEMSLOT, KVM, 0, 0, 0, 0, 0, 0x300, 0x40, HVA + 0x200000, 2, 0, 0,
		  77),
		P(1220, MAKER, MEMSLOT, KVM, 0, 0, 0, 0, 0, 0x400, 0x40, HVA + 0x300000, 3, 0, 0,
		  78),
	};

	expect_process(puts, 6, RECLAIM);
	expect_process(puts, 12, VCPU0);
	expect_process(puts, 13, MAKER);
	expect_process(puts, 14, 77);
	expect_process(puts, 15, 77);
}

static void test_process_of_sample(void **state)
{
	struct test_trace t;

	test_trace_read(&t, TRACE_SAMPLES "/6.1-qemu-pc.dat");
	assert_int_equal(t.meta.vms[0].pid, 152);
	assert_string_equal(t.meta.vms[0].command, "qemu-system-x86");
	test_trace_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_other_events),
		cmocka_unit_test(test_wrong_text),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_numbers_are_the_files),
		cmocka_unit_test(test_nobody_there),
		cmocka_unit_test(test_streamed),
		cmocka_unit_test(test_number_beyond),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_no_notifier),
		cmocka_unit_test(test_process),
		cmocka_unit_test(test_process_of_sample),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
