// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/common/trace_file.h"

static char temp_dir[PATH_MAX];

static void remove_temp_dir(void)
{
	char command[PATH_MAX + 16];

	snprintf(command, sizeof(command), "rm -rf '%s'", temp_dir);
	if (system(command))
		fprintf(stderr, "%s stays behind\n", temp_dir);
}

const char *test_path(const char *name)
{
	static char path[PATH_MAX + 256];

	if (!temp_dir[0]) {
		const char *tmp = getenv("TMPDIR");

		snprintf(temp_dir, sizeof(temp_dir), "%s/rs-test.XXXXXX", tmp ? tmp : "/tmp");
		assert_non_null(mkdtemp(temp_dir));
		atexit(remove_temp_dir);
	}
	snprintf(path, sizeof(path), "%s/%s", temp_dir, name);
	return path;
}

char *test_read_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "r");
	struct stat st;
	char *bytes;

	assert_non_null(f);
	assert_int_equal(fstat(fileno(f), &st), 0);
	bytes = malloc(st.st_size + 1);
	assert_non_null(bytes);
	*len = fread(bytes, 1, st.st_size, f);
	assert_int_equal(*len, st.st_size);
	bytes[*len] = '\0';
	fclose(f);
	return bytes;
}

const char *test_write_file(const char *name, const void *bytes, size_t len)
{
	const char *path = test_path(name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
	return path;
}

static void append(struct test_trace *t, const struct rs_event *evs, size_t n)
{
	if (t->nr + n > t->room) {
		t->room = 2 * (t->nr + n);
		t->evs = reallocarray(t->evs, t->room, sizeof(*evs));
		assert_non_null(t->evs);
	}
	memcpy(t->evs + t->nr, evs, n * sizeof(*evs));
	t->nr += n;
}

static void keep_error(struct test_trace *t, int rc)
{
	t->rc = rc;
	assert_true(t->err.kind != RS_ERR_NONE);
	assert_true(t->err.text[0] != '\0');
	assert_null(strchr(t->err.text, '\n'));
	snprintf(t->err.file, sizeof(t->err.file), "FILE");
	rs_error_format(&t->err, t->message, sizeof(t->message));
}

void test_trace_read(struct test_trace *t, const char *path)
{
	test_trace_read_with(t, path, NULL);
}

void test_trace_read_with(struct test_trace *t, const char *path, const struct rs_reader_opts *opts)
{
	const struct rs_event *evs;
	struct rs_reader *r;
	ssize_t n;

	memset(t, 0, sizeof(*t));
	r = rs_reader_open(path, opts, &t->err);
	if (!r) {
		keep_error(t, -EINVAL);
		return;
	}
	t->form = rs_reader_form(r);
	while ((n = rs_reader_next(r, &evs, &t->err)) > 0)
		append(t, evs, n);
	if (n < 0)
		keep_error(t, n);
	assert_int_equal(rs_meta_copy(&t->meta, rs_reader_meta(r)), 0);
	rs_reader_close(r);
}

void test_trace_parse(struct test_trace *t, const void *bytes, size_t len)
{
	test_trace_read(t, test_write_file("parsed", bytes, len));
}

char *test_trace_bytes(const struct test_trace *t, enum rs_form form, size_t *len)
{
	char *path = strdup(test_path("written"));
	struct rs_error err = { 0 };
	struct rs_writer *w = rs_writer_open(path, form, &err);
	char *bytes;

	assert_non_null(w);
	assert_int_equal(rs_writer_begin(w, &t->meta, &err), 0);
	assert_int_equal(rs_writer_put(w, t->evs, t->nr, &err), 0);
	assert_int_equal(rs_writer_finish(w, &t->meta, &err), 0);
	bytes = test_read_file(path, len);
	free(path);
	return bytes;
}

void test_trace_free(struct test_trace *t)
{
	free(t->evs);
	rs_meta_free(&t->meta);
	memset(t, 0, sizeof(*t));
}

static void assert_same_text(const char *a, const char *b)
{
	assert_int_equal(!a, !b);
	if (a)
		assert_string_equal(a, b);
}

void test_assert_same_meta(const struct rs_trace_meta *a, const struct rs_trace_meta *b)
{
	assert_same_text(a->kernel, b->kernel);
	assert_same_text(a->level, b->level);
	assert_int_equal(a->nr_facts, b->nr_facts);
	for (size_t i = 0; i < a->nr_facts; i++) {
		assert_same_text(a->facts[i].key, b->facts[i].key);
		assert_same_text(a->facts[i].value, b->facts[i].value);
	}
	assert_int_equal(a->nr_vms, b->nr_vms);
	for (size_t i = 0; i < a->nr_vms; i++) {
		assert_int_equal(a->vms[i].vm, b->vms[i].vm);
		assert_int_equal(a->vms[i].pid, b->vms[i].pid);
		assert_same_text(a->vms[i].command, b->vms[i].command);
	}
	assert_int_equal(a->nr_assumptions, b->nr_assumptions);
	for (size_t i = 0; i < a->nr_assumptions; i++)
		assert_same_text(a->assumptions[i], b->assumptions[i]);
	assert_int_equal(a->nr_anomalies, b->nr_anomalies);
	for (size_t i = 0; i < a->nr_anomalies; i++) {
		assert_same_text(a->anomalies[i].name, b->anomalies[i].name);
		assert_int_equal(a->anomalies[i].count, b->anomalies[i].count);
	}
	assert_int_equal(a->lost, b->lost);
	assert_int_equal(a->whos.nr, b->whos.nr);
	for (size_t i = 0; i < a->whos.nr; i++) {
		assert_int_equal(a->whos.list[i].pid, b->whos.list[i].pid);
		assert_same_text(a->whos.list[i].comm, b->whos.list[i].comm);
		assert_same_text(a->whos.list[i].reason, b->whos.list[i].reason);
	}
}

void test_assert_same_trace(const struct test_trace *a, const struct test_trace *b)
{
	assert_int_equal(a->nr, b->nr);
	if (a->nr)
		assert_memory_equal(a->evs, b->evs, a->nr * sizeof(*a->evs));
	test_assert_same_meta(&a->meta, &b->meta);
}

uint64_t test_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

uint64_t test_random_extreme(uint64_t *state, uint64_t max)
{
	uint64_t r = test_random(state), v;

	switch (r % 6) {
	case 0:
		return 0;
	case 1:
		return max;
	case 2:
		v = 1ULL << (r >> 8) % 64;
		break;
	case 3:
		v = (1ULL << (r >> 8) % 64) - 1;
		break;
	default:
		v = test_random(state) >> (r >> 8) % 64;
		break;
	}
	return v > max ? max : v;
}

/* Clears the member of @size bytes at @at if the event's type cannot have its value. */
static void keep_possible(struct rs_event *ev, size_t at, size_t size)
{
	struct rs_event alone = { .type = ev->type };

	memcpy((char *)&alone + at, (char *)ev + at, size);
	if (rs_event_problem(&alone))
		memset((char *)ev + at, 0, size);
}

#define KEEP_POSSIBLE(ev, member) \
	keep_possible(ev, offsetof(struct rs_event, member), sizeof((ev)->member))

void test_random_event(uint64_t *state, struct rs_event *ev)
{
	memset(ev, 0, sizeof(*ev));
	ev->time_ns = test_random_extreme(state, UINT64_MAX);
	ev->vm = test_random_extreme(state, UINT32_MAX);
	ev->type = 1 + test_random(state) % (RS_NR_EVENT_TYPES - 1);
	ev->flags = test_random(state) % 8;
	ev->result = test_random(state) % RS_NR_RESULTS;
	ev->as = test_random_extreme(state, RS_MAX_AS);
	ev->raw.half[0] =
		test_random_extreme(state, test_random(state) & 1 ? RS_MAX_VCPU : UINT32_MAX);
	ev->raw.half[1] = test_random_extreme(state, test_random(state) & 1 ? 3 : UINT32_MAX);
	ev->raw.word[0] = test_random_extreme(state, UINT64_MAX);
	ev->raw.word[1] = test_random_extreme(state, UINT64_MAX);
	ev->raw.word[2] = test_random_extreme(state, UINT64_MAX);
	KEEP_POSSIBLE(ev, flags);
	KEEP_POSSIBLE(ev, result);
	KEEP_POSSIBLE(ev, as);
	KEEP_POSSIBLE(ev, raw.half[0]);
	KEEP_POSSIBLE(ev, raw.half[1]);
	KEEP_POSSIBLE(ev, raw.word[0]);
	KEEP_POSSIBLE(ev, raw.word[1]);
	KEEP_POSSIBLE(ev, raw.word[2]);
	assert_null(rs_event_problem(ev));
}

/* Any bytes but NUL, of any length; never empty. */
static char *random_text(uint64_t *state)
{
	static char text[3000];
	size_t len = 1 + test_random(state) % (test_random(state) % 8 ? 40 : sizeof(text) - 1);

	for (size_t i = 0; i < len; i++)
		text[i] = 1 + test_random(state) % 255;
	text[len] = '\0';
	return text;
}

static char *random_name(uint64_t *state)
{
	static const char chars[] = "abcdefghijklmnopqrstuvwxyz0123456789_.-";
	static char name[32];
	size_t len = 1 + test_random(state) % (sizeof(name) - 1);

	for (size_t i = 0; i < len; i++)
		name[i] = chars[test_random(state) % (sizeof(chars) - 1)];
	name[len] = '\0';
	return name;
}

static size_t few(uint64_t *state)
{
	return test_random(state) % 4;
}

void test_random_meta(uint64_t *state, struct rs_trace_meta *m)
{
	int rc = 0;

	memset(m, 0, sizeof(*m));
	if (few(state))
		rc |= rs_meta_set_kernel(m, random_text(state));
	if (few(state))
		rc |= rs_meta_set_level(m, random_text(state));
	for (size_t i = few(state); i; i--)
		rc |= rs_meta_add_fact(m, random_name(state), few(state) ? random_text(state) : "");
	for (size_t i = few(state); i; i--)
		rc |= rs_meta_add_vm(m, test_random_extreme(state, UINT32_MAX),
				     test_random_extreme(state, INT64_MAX),
				     few(state) ? random_text(state) : NULL);
	for (size_t i = few(state); i; i--)
		rc |= rs_meta_add_assumption(m, random_text(state));
	for (size_t i = few(state); i; i--)
		rc |= rs_meta_add_anomaly(m, random_name(state),
					  test_random_extreme(state, UINT64_MAX));
	m->lost = few(state) ? test_random_extreme(state, UINT64_MAX) : 0;
	assert_int_equal(rc, 0);
}

void test_random_whos(uint64_t *state, struct test_trace *t)
{
	for (size_t i = 0; i < t->nr; i++) {
		struct rs_event *ev = &t->evs[i];
		struct rs_who who = { .pid = (uint32_t)test_random_extreme(state, UINT32_MAX) };
		char *comm = strdup(random_text(state));

		if (!rs_event_has_who(ev->type)) {
			free(comm);
			continue;
		}
		if (strlen(comm) > 20 && test_random(state) % 256)
			comm[20] = '\0';
		ev->raw.half[1] = 0;
		if (few(state))
			who.comm = few(state) ? comm : "";
		if (!few(state))
			who.reason = random_name(state);
		if (t->meta.whos.nr && test_random(state) % 4)
			who = t->meta.whos.list[test_random(state) % t->meta.whos.nr];
		if (few(state))
			assert_int_equal(rs_whos_add(&t->meta.whos, &who, &ev->raw.half[1]), 0);
		free(comm);
	}
}

uint64_t test_from_env(const char *name, uint64_t otherwise)
{
	const char *value = getenv(name);

	return value && *value ? strtoull(value, NULL, 0) : otherwise;
}
