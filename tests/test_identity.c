// SPDX-License-Identifier: GPL-2.0-only
/* A trace is known by its events: the same in every form, and another one for any other event. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "traces/trace.h"

static void identity_of(const char *path, bool repair, char text[RS_IDENTITY_SIZE])
{
	const struct rs_reader_opts opts = { .identity = true, .repair = repair };
	struct rs_error err;
	struct rs_reader *r = rs_reader_open(path, &opts, &err);
	const struct rs_event *evs;
	ssize_t n;

	if (!r)
		fail_msg("%s: %s", path, err.text);
	while ((n = rs_reader_next(r, &evs, &err)) > 0)
		;
	if (n)
		fail_msg("%s: %s", path, err.text);
	strcpy(text, rs_reader_meta(r)->identity);
	rs_reader_close(r);
}

static void convert(const char *from, const char *to, enum rs_form form)
{
	struct rs_error err;
	struct rs_reader *r = rs_reader_open(from, NULL, &err);
	struct rs_writer *w = rs_writer_open(to, form, &err);
	const struct rs_event *evs;
	ssize_t n;

	assert_true(r && w);
	n = rs_reader_next(r, &evs, &err);
	assert_int_equal(rs_writer_begin(w, rs_reader_meta(r), &err), 0);
	for (; n > 0; n = rs_reader_next(r, &evs, &err))
		assert_int_equal(rs_writer_put(w, evs, (size_t)n, &err), 0);
	assert_int_equal(n, 0);
	assert_int_equal(rs_writer_finish(w, rs_reader_meta(r), &err), 0);
	rs_reader_close(r);
}

/* From each form to each other one, and read with the trace's own word for it or without. */
static void test_forms(void **state)
{
	static const char *const samples[] = { "6.1-alias3.dat", "6.12-partial.dat",
					       "7.3-gmem-two-vms.dat" };
	static const enum rs_form forms[] = { RS_FORM_TEXT, RS_FORM_BINARY, RS_FORM_BINARY_RAW };
	char dir[] = "/tmp/rs-identity-XXXXXX", last[256], name[256];
	char of_dat[RS_IDENTITY_SIZE], of_form[RS_IDENTITY_SIZE];

	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		snprintf(last, sizeof(last), TRACE_SAMPLES "/%s", samples[i]);
		identity_of(last, false, of_dat);
		assert_true(rs_identity_is_text(of_dat));
		for (size_t k = 0; k < sizeof(forms) / sizeof(forms[0]); k++) {
			snprintf(name, sizeof(name), "%s/%zu-%zu", dir, i, k);
			convert(last, name, forms[k]);
			identity_of(name, false, of_form);
			assert_string_equal(of_form, of_dat);
			identity_of(name, true, of_form);
			assert_string_equal(of_form, of_dat);
			strcpy(last, name);
		}
	}
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		for (size_t k = 0; k < sizeof(forms) / sizeof(forms[0]); k++) {
			snprintf(name, sizeof(name), "%s/%zu-%zu", dir, i, k);
			unlink(name);
		}
	}
	rmdir(dir);
}

static void of_events(const struct rs_event *evs, size_t n, size_t first,
		      char text[RS_IDENTITY_SIZE])
{
	struct rs_identity *id = rs_identity_new();

	assert_non_null(id);
	rs_identity_add(id, evs, first);
	rs_identity_add(id, evs + first, n - first);
	rs_identity_get(id, text);
	rs_identity_free(id);
}

/* Any other byte makes another trace, but for the number of who did it. */
static void test_events(void **state)
{
	char whole[RS_IDENTITY_SIZE], other[RS_IDENTITY_SIZE];
	struct rs_event evs[200] = { 0 };

	for (size_t i = 0; i < 200; i++)
		evs[i] = (struct rs_event){ .time_ns = i,
					    .type = (uint8_t)(1 + i % (RS_NR_EVENT_TYPES - 1)) };
	of_events(evs, 200, 0, whole);
	for (size_t cut = 1; cut <= 200; cut++) {
		of_events(evs, 200, cut, other);
		assert_string_equal(other, whole);
	}
	for (size_t i = 0; i < 200 * sizeof(evs[0]); i++) {
		const struct rs_event *ev = &evs[i / sizeof(*ev)];
		const size_t at = i % sizeof(*ev), who = offsetof(struct rs_event, inval.who);
		const bool of_who = rs_event_has_who(ev->type) && at >= who && at < who + 4;

		((unsigned char *)evs)[i] ^= 0x80;
		/* Of another type it may have another who. */
		if (at != offsetof(struct rs_event, type)) {
			of_events(evs, 200, 77, other);
			assert_int_equal(!strcmp(whole, other), of_who);
		}
		((unsigned char *)evs)[i] ^= 0x80;
	}
	of_events(evs, 199, 0, other);
	assert_string_not_equal(whole, other);
}

static void test_nothing(void **state)
{
	char text[RS_IDENTITY_SIZE] = "x";

	of_events(NULL, 0, 0, text);
	assert_string_equal(text, "");
	assert_false(rs_identity_is_text(""));
	assert_false(rs_identity_is_text("0123456789abcdef0123456789abcdeF"));
	assert_false(rs_identity_is_text("0123456789abcdef0123456789abcdef0"));
	assert_true(rs_identity_is_text("0123456789abcdef0123456789abcdef"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
