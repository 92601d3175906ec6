// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/common/puts.h"

const struct put plain[NR_PLAIN] = {
	CREATE(1000, KVM, 3, 0x100, 0x40, HVA + 0x100000),
	FAULT(1100, VCPU0, KVM, 0, 0x110ULL),
	P(1110, VCPU0, FAULT_BEGIN, KVM, 0, 0x110ULL, 0, 3, 0, 5, 0, NO_RANGE),
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

const char plain_text[] = PLAIN_SLOT_TEXT PLAIN_FAULT_TEXT PLAIN_WALK_TEXT "1310 1 inval_end id=1\n"
									   "#@ level full\n";

void put_all(struct dat *d, const struct put *puts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		dat_at(d, 0, puts[i].task % 4, puts[i].task);
		dat_put(d, puts[i].time, puts[i].kind, puts[i].f, 16);
	}
}

void put_nothing(struct dat *d, uint64_t from, uint64_t to)
{
	for (unsigned int i = 0; i < 9000; i++) {
		dat_at(d, 0, OTHER % 4, OTHER);
		DAT_PUT(d, from + (to - from) * i / 9000, DAT_PAGE_FAULT, 0, 0x1000);
	}
}

void put_all_but(struct dat *d, const struct put *puts, size_t n, unsigned int kind)
{
	for (size_t i = 0; i < n; i++)
		if (puts[i].kind != kind)
			put_all(d, &puts[i], 1);
}

void read_back(struct test_trace *t, struct dat *d)
{
	read_back_with(t, d, NULL);
}

void read_back_with(struct test_trace *t, struct dat *d, const struct rs_reader_opts *opts)
{
	size_t size;
	unsigned char *bytes = dat_finish(d, &size);

	test_trace_read_with(t, test_write_file("back.dat", bytes, size), opts);
	free(bytes);
}

/* Where on the line of an event who did it begins; else its newline. */
static char *who_on(char *line, char *newline)
{
	char *pid;

	*newline = '\0';
	pid = *line == '#' ? NULL : strstr(line, " pid=");
	*newline = '\n';
	return pid ? pid : newline;
}

static char *lines(const struct test_trace *t, bool named)
{
	size_t len;
	char *text = test_trace_bytes(t, RS_FORM_TEXT, &len), *to = text;

	for (char *line = text, *next, *end; *line; line = next) {
		next = strchr(line, '\n') + 1;
		if (*line < '0' || *line > '9') {
			if (strncmp(line, "#@ state", 8) && strncmp(line, "#@ reason", 9) &&
			    strncmp(line, "#@ anomaly", 10) && strncmp(line, "#@ level", 8))
				continue;
		}
		end = named ? next - 1 : who_on(line, next - 1);
		memmove(to, line, (size_t)(end - line));
		to += end - line;
		*to++ = '\n';
	}
	*to = '\0';
	return text;
}

char *lines_of(const struct test_trace *t)
{
	return lines(t, false);
}

char *named_lines_of(const struct test_trace *t)
{
	return lines(t, true);
}

void expect(struct dat *d, const char *expected)
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

void expect_puts(const char *release, const struct put *puts, size_t n, const char *expected)
{
	struct dat *d = dat_new(7, 0, 4, release);

	put_all(d, puts, n);
	expect(d, expected);
}

uint64_t count_anomaly(const struct test_trace *t, const char *name)
{
	for (size_t i = 0; i < t->meta.nr_anomalies; i++)
		if (!strcmp(t->meta.anomalies[i].name, name))
			return t->meta.anomalies[i].count;
	return 0;
}
