// SPDX-License-Identifier: GPL-2.0-only
/* The text form: what is read, what is refused and how, and that nothing gets lost. */
#include <dirent.h>
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

#include "tests/common/trace_file.h"
#include "traces/text/text.h"

#define HEADER RS_TEXT_HEADER "\n"
#define ROBUST_SECONDS 1.0

/* The names of the *.txt in a folder of data, each handed to @check; at least @least of them. */
static void for_each_case(const char *folder, unsigned int least,
			  void (*check)(const char *path, const char *wanted_path))
{
	char dir[512], path[1024], wanted[1024];
	unsigned int nr = 0;
	struct dirent *de;
	DIR *d;

	snprintf(dir, sizeof(dir), "%s/text/%s", TEST_DATA, folder);
	d = opendir(dir);
	assert_non_null(d);
	while ((de = readdir(d))) {
		size_t len = strlen(de->d_name);

		if (len < 4 || strcmp(de->d_name + len - 4, ".txt"))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, de->d_name);
		snprintf(wanted, sizeof(wanted), "%s/%.*s.expected", dir, (int)len - 4, de->d_name);
		print_message("%s\n", de->d_name);
		check(path, wanted);
		nr++;
	}
	closedir(d);
	assert_true(nr >= least);
}

static void check_valid(const char *path, const char *wanted_path)
{
	struct test_trace t, again;
	size_t len, wanted_len;
	char *bytes, *wanted = test_read_file(wanted_path, &wanted_len);

	test_trace_read(&t, path);
	assert_int_equal(t.rc, 0);
	bytes = test_trace_bytes(&t, RS_FORM_TEXT, &len);
	assert_string_equal(bytes, wanted);
	test_trace_parse(&again, bytes, len);
	test_assert_same_trace(&t, &again);
	test_trace_free(&again);
	test_trace_free(&t);
	free(bytes);
	free(wanted);
}

static void check_invalid(const char *path, const char *wanted_path)
{
	struct test_trace t;
	size_t len;
	char *wanted = test_read_file(wanted_path, &len);

	test_trace_read(&t, path);
	wanted[strcspn(wanted, "\n")] = '\0';
	assert_string_equal(t.message, wanted);
	assert_int_equal(t.err.kind, RS_ERR_INPUT);
	test_trace_free(&t);
	free(wanted);
}

static void test_valid(void **state)
{
	for_each_case("valid", 5, check_valid);
}

static void test_invalid(void **state)
{
	for_each_case("invalid", 40, check_invalid);
}

static void parse(struct test_trace *t, const char *text)
{
	test_trace_parse(t, text, strlen(text));
}

/* What came before an error is returned first. */
static void test_events_before_error(void **state)
{
	struct test_trace t;

	parse(&t, HEADER "1 1 inval_end id=1\n2 1 inval_end id=2\n3 1 nonsense\n");
	assert_int_equal(t.nr, 2);
	assert_string_equal(t.message, "FILE:4:5: memslot, inval_begin, inval_slot, inval_end, "
				       "fault_begin, fault_check, fault_end or lost expected, not "
				       "'nonsense'");
	test_trace_free(&t);
}

static void test_header_alone(void **state)
{
	struct test_trace t;

	parse(&t, HEADER);
	assert_int_equal(t.rc, 0);
	assert_int_equal(t.nr, 0);
	test_trace_free(&t);
	parse(&t, RS_TEXT_HEADER);
	assert_int_equal(t.rc, 0);
	test_trace_free(&t);
}

static void test_truncated_header(void **state)
{
	for (size_t len = 1; len < strlen(RS_TEXT_HEADER); len++) {
		struct test_trace t;

		test_trace_parse(&t, RS_TEXT_HEADER, len);
		assert_string_equal(t.message,
				    "FILE:1:1: the first line must be 'retryscope-events 1'");
		test_trace_free(&t);
	}
}

/* Every member of every type from its text, with the extremes of each. */
static void test_event_members(void **state)
{
	const struct rs_event want[] = {
		{ .time_ns = UINT64_MAX,
		  .vm = UINT32_MAX,
		  .type = RS_EV_MEMSLOT,
		  .as = 255,
		  .memslot = { RS_MAX_SLOT_ID, UINT32_MAX, UINT64_MAX, 1, 2 } },
		{ .type = RS_EV_INVAL_BEGIN,
		  .flags = RS_F_WALK,
		  .inval = { .id = 7, .start = 0x1000, .end = UINT64_MAX } },
		{ .type = RS_EV_INVAL_BEGIN,
		  .flags = RS_F_GFN,
		  .inval = { .id = 7, .start = 1, .end = 2 } },
		{ .type = RS_EV_INVAL_SLOT,
		  .as = 1,
		  .inval = { .slot = 3, .id = 7, .start = 1, .end = 2 } },
		{ .type = RS_EV_INVAL_END, .inval.id = UINT64_MAX },
		{ .type = RS_EV_FAULT_BEGIN, .as = 2, .fault = { .vcpu = RS_MAX_VCPU, .gfn = 80 } },
		{ .type = RS_EV_FAULT_CHECK,
		  .flags = RS_F_LOCKLESS,
		  .result = RS_RES_RETRY,
		  .fault.vcpu = 1 },
		{ .type = RS_EV_FAULT_CHECK, .result = RS_RES_UNKNOWN, .fault.vcpu = 1 },
		{ .type = RS_EV_FAULT_END, .fault = { .vcpu = 1, .reason = RS_END_ASYNC } },
		{ .type = RS_EV_FAULT_END, .fault = { .vcpu = 1, .reason = RS_END_PLAIN } },
		{ .type = RS_EV_LOST, .lost.count = RS_LOST_UNKNOWN },
		{ .type = RS_EV_LOST, .lost.count = 5 },
		{ .time_ns = 9,
		  .vm = 1,
		  .type = RS_EV_STATE,
		  .state = { .in_progress = 2, .seq = 1, .start = 3, .end = 4 } },
	};
	struct test_trace t;

	parse(&t, HEADER "18446744073709551615 4294967295 memslot as=0xff id=2147483647 "
			 "gfn=0xffffffffffffffff npages=1 hva=2 flags=4294967295\n"
			 "0 0 inval_begin walk=1 hva=0x1000-0xffffffffffffffff id=7\n"
			 "0 0 inval_begin id=7 gfn=1-2 walk=0\n"
			 "0 0 inval_slot id=7 as=1 slot=3 gfn=1-2\n"
			 "0 0 inval_end id=18446744073709551615\n"
			 "0 0 fault_begin vcpu=65535 gfn=0x50 as=2\n"
			 "0 0 fault_check vcpu=1 result=retry lockless=1\n"
			 "0 0 fault_check vcpu=1\n"
			 "#@ reason async\n# a comment between\n\n0 0 fault_end vcpu=1\n"
			 "0 0 fault_end vcpu=1\n"
			 "0 0 lost\n"
			 "0 0 lost count=5\n"
			 "#@ state 9 1 in_progress=2 end=4 start=3 seq=1\n");
	assert_string_equal(t.message, "");
	assert_int_equal(t.nr, sizeof(want) / sizeof(want[0]));
	for (size_t i = 0; i < t.nr; i++)
		assert_memory_equal(&t.evs[i], &want[i], sizeof(want[i]));
	test_trace_free(&t);
}

static void test_metadata(void **state)
{
	struct test_trace t;

	parse(&t, HEADER "#@ anomaly order-broken 3\n#@ lost 12\n#@ kernel 6.12.1 a b\n"
			 "#@ level full\n#@ fact host.cpus 3\n#@ fact empty\n"
			 "#@ vm 7\n#@ vm 7 pid=12 command=qemu -M  pc \\\\ \\x0a\n"
			 "#@ assume that all is well \n#@ anomaly order-broken 4\n");
	assert_string_equal(t.message, "");
	assert_string_equal(t.meta.kernel, "6.12.1 a b");
	assert_string_equal(t.meta.level, "full");
	assert_string_equal(rs_meta_fact(&t.meta, "host.cpus"), "3");
	assert_string_equal(rs_meta_fact(&t.meta, "empty"), "");
	assert_int_equal(t.meta.nr_vms, 1);
	assert_int_equal(t.meta.vms[0].vm, 7);
	assert_int_equal(t.meta.vms[0].pid, 12);
	assert_string_equal(t.meta.vms[0].command, "qemu -M  pc \\ \n");
	assert_string_equal(t.meta.assumptions[0], "that all is well ");
	assert_int_equal(t.meta.nr_anomalies, 1);
	assert_int_equal(t.meta.anomalies[0].count, 7);
	assert_int_equal(t.meta.lost, 12);
	test_trace_free(&t);
}

/* The longest line is read, one byte more is not; both also where a buffer ends. */
static void test_long_lines(void **state)
{
	size_t len = strlen(HEADER);
	char *text = malloc(len + 10 * (RS_TEXT_MAX_LINE + 1) + 1);
	struct test_trace t;

	assert_non_null(text);
	memcpy(text, HEADER, len);
	for (int i = 0; i < 9; i++) {
		memset(text + len, '#', RS_TEXT_MAX_LINE);
		len += RS_TEXT_MAX_LINE;
		text[len++] = '\n';
	}
	test_trace_parse(&t, text, len);
	assert_int_equal(t.rc, 0);
	test_trace_free(&t);
	memset(text + len, '#', RS_TEXT_MAX_LINE + 1);
	test_trace_parse(&t, text, len + RS_TEXT_MAX_LINE);
	assert_int_equal(t.rc, 0);
	test_trace_free(&t);
	test_trace_parse(&t, text, len + RS_TEXT_MAX_LINE + 1);
	assert_string_equal(t.message, "FILE:11:65537: the line is longer than 65536 bytes");
	test_trace_free(&t);
	free(text);
}

/* Also one that never ends. */
static void test_endless_line(void **state)
{
	size_t len = 1 << 20;
	char *text = malloc(len);
	struct test_trace t;

	assert_non_null(text);
	memset(text, ' ', len);
	memcpy(text, HEADER, strlen(HEADER));
	test_trace_parse(&t, text, len);
	assert_string_equal(t.message, "FILE:2:65537: the line is longer than 65536 bytes");
	test_trace_free(&t);
	free(text);
}

static void test_nul_bytes(void **state)
{
	const char event[] = HEADER "1 1 lost\0\n", comment[] = HEADER "# a\0b\n";
	struct test_trace t;

	test_trace_parse(&t, event, sizeof(event) - 1);
	assert_string_equal(t.message, "FILE:2:9: a NUL byte: this is no text");
	test_trace_free(&t);
	test_trace_parse(&t, comment, sizeof(comment) - 1);
	assert_string_equal(t.message, "FILE:2:4: a NUL byte: this is no text");
	test_trace_free(&t);
}

static void test_carriage_returns(void **state)
{
	struct test_trace t;

	parse(&t, RS_TEXT_HEADER "\r\n1 1 lost\r\n");
	assert_string_equal(t.message,
			    "FILE:1:20: a carriage return: lines end with a newline alone");
	test_trace_free(&t);
	parse(&t, HEADER "1 1 lost\r\n");
	assert_string_equal(t.message,
			    "FILE:2:9: a carriage return: lines end with a newline alone");
	test_trace_free(&t);
}

/* Any events and any metadata come back as they were, and the second text is the first. */
static void test_round_trip(void **state)
{
	uint64_t seed = 1;

	for (int round = 0; round < 50; round++) {
		struct test_trace t = { .nr = test_random(&seed) % 3000 }, back;
		size_t len, len2;
		char *text, *text2;

		t.evs = calloc(t.nr + 1, sizeof(*t.evs));
		assert_non_null(t.evs);
		for (size_t i = 0; i < t.nr; i++)
			test_random_event(&seed, &t.evs[i]);
		test_random_meta(&seed, &t.meta);
		test_random_whos(&seed, &t);
		text = test_trace_bytes(&t, RS_FORM_TEXT, &len);
		test_trace_parse(&back, text, len);
		assert_string_equal(back.message, "");
		test_assert_same_trace(&t, &back);
		text2 = test_trace_bytes(&back, RS_FORM_TEXT, &len2);
		assert_int_equal(len, len2);
		assert_memory_equal(text, text2, len);
		free(text);
		free(text2);
		test_trace_free(&t);
		test_trace_free(&back);
	}
}

/* What the reader would not take back is not written. */
static void test_unwritable_events(void **state)
{
	const struct rs_event bad[] = {
		{ .type = RS_EV_NONE },
		{ .type = RS_NR_EVENT_TYPES },
		{ .type = RS_EV_FAULT_CHECK, .result = RS_NR_RESULTS },
		{ .type = RS_EV_FAULT_CHECK, .flags = RS_F_GFN },
		{ .type = RS_EV_FAULT_END, .fault.reason = RS_NR_END_REASONS },
		{ .type = RS_EV_FAULT_BEGIN, .fault.vcpu = RS_MAX_VCPU + 1 },
		{ .type = RS_EV_MEMSLOT, .memslot.id = RS_MAX_SLOT_ID + 1U },
		{ .type = RS_EV_INVAL_END, .inval.start = 1 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct rs_event good = { .type = RS_EV_LOST };
		struct rs_error err = { 0 };
		struct rs_writer *w = rs_writer_open(test_path("refused"), RS_FORM_TEXT, &err);

		assert_non_null(w);
		assert_int_equal(rs_writer_put(w, &good, 1, &err), 0);
		assert_int_equal(rs_writer_put(w, &bad[i], 1, &err), -EINVAL);
		assert_ptr_equal(strstr(err.text, "event 1 cannot be written: "), err.text);
		rs_writer_abort(w);
		assert_int_not_equal(access(test_path("refused"), F_OK), 0);
	}
}

/* A text to start from, with something of everything. */
static const char seed_text[] = HEADER
	"#@ kernel 6.1\n#@ vm 1 pid=2 command=x\\x0a\n#@ fact a.b c\n"
	"0 1 memslot as=0 id=0 gfn=0x0 npages=0x100 hva=0x7f0000000000 flags=0\n"
	"1000 1 inval_begin id=7 hva=0x7f0000010000-0x7f0000011000 walk=1\n"
	"1000 1 inval_slot id=7 slot=0 gfn=0x10-0x11\n"
	"1200 1 fault_begin vcpu=0 gfn=0x50\n#@ state 1 1 seq=1 in_progress=0 start=0 end=0\n"
	"1900 1 fault_check vcpu=0 result=ok lockless=1\n#@ reason async\n"
	"2000 1 fault_end vcpu=0\n2500 1 inval_end id=7\n2600 1 lost count=unknown\n"
	"#@ anomaly x 1\n#@ assume y\n#@ lost 4\n";

static size_t mutate(uint64_t *seed, char *text, size_t len)
{
	static const char likely[] = "\n #@=-x0189af\\\r\t";
	size_t at = test_random(seed) % len, n = test_random(seed) % 20;

	switch (test_random(seed) % 4) {
	case 0:
		text[at] = test_random(seed);
		return len;
	case 1:
		text[at] = likely[test_random(seed) % (sizeof(likely) - 1)];
		return len;
	case 2:
		if (at + n > len)
			n = len - at;
		memmove(text + at, text + at + n, len - at - n);
		return len - n ? len - n : len;
	default:
		return at ? at : len;
	}
}

/* Whatever the bytes are: events or one error with its place, never a crash. */
static void test_robust(void **state)
{
	char text[sizeof(seed_text)];
	uint64_t seed = 4711;
	clock_t end = clock() + ROBUST_SECONDS * CLOCKS_PER_SEC;
	unsigned int accepted = 0, refused = 0;

	while (clock() < end) {
		size_t len = sizeof(seed_text) - 1;
		struct test_trace t;

		memcpy(text, seed_text, len);
		for (unsigned int i = test_random(&seed) % 4 + 1; i; i--)
			len = mutate(&seed, text, len);
		test_trace_parse(&t, text, len);
		if (t.rc) {
			assert_int_equal(t.err.kind, RS_ERR_INPUT);
			assert_true(t.err.line > 0 || !strncmp(t.err.text, "is no trace", 11));
			refused++;
		} else {
			accepted++;
		}
		test_trace_free(&t);
	}
	print_message("%u accepted, %u refused\n", accepted, refused);
	assert_true(accepted > 0 && refused > 0);
}

/* A million random bytes behind a good header, and alone. */
static void test_noise(void **state)
{
	size_t len = 1000000, head = strlen(HEADER);
	char *bytes = malloc(len);
	uint64_t seed = 42;
	struct test_trace t;

	assert_non_null(bytes);
	for (size_t i = 0; i < len; i++)
		bytes[i] = test_random(&seed);
	test_trace_parse(&t, bytes, len);
	assert_int_not_equal(t.rc, 0);
	test_trace_free(&t);
	memcpy(bytes, HEADER, head);
	test_trace_parse(&t, bytes, len);
	assert_int_equal(t.err.line, 2);
	test_trace_free(&t);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid),
		cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_events_before_error),
		cmocka_unit_test(test_header_alone),
		cmocka_unit_test(test_truncated_header),
		cmocka_unit_test(test_event_members),
		cmocka_unit_test(test_metadata),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_endless_line),
		cmocka_unit_test(test_nul_bytes),
		cmocka_unit_test(test_carriage_returns),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_unwritable_events),
		cmocka_unit_test(test_robust),
		cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
