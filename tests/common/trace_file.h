/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TESTS_TRACE_FILE_H
#define TESTS_TRACE_FILE_H

#include "traces/trace.h"

/* Traces as bytes and as events in memory. Everything asserts that the system plays along. */
struct test_trace {
	struct rs_event *evs;
	size_t nr, room;
	struct rs_trace_meta meta;
	enum rs_form form;
	int rc; /* 0, or what the reader said after @nr events */
	struct rs_error err;
	char message[1024]; /* @err as one line, with FILE as the file's name */
};

/* The whole file, NUL-terminated, for the caller to free. */
char *test_read_file(const char *path, size_t *len);
/* A new file in a temporary folder that is removed at exit. Returns a static path. */
const char *test_write_file(const char *name, const void *bytes, size_t len);
/* The path of @name in that folder. */
const char *test_path(const char *name);

void test_trace_read(struct test_trace *t, const char *path);
void test_trace_read_with(struct test_trace *t, const char *path,
			  const struct rs_reader_opts *opts);
void test_trace_parse(struct test_trace *t, const void *bytes, size_t len);
/* What the writer of @form makes of @t: for the caller to free. */
char *test_trace_bytes(const struct test_trace *t, enum rs_form form, size_t *len);
void test_trace_free(struct test_trace *t);

void test_assert_same_meta(const struct rs_trace_meta *a, const struct rs_trace_meta *b);
void test_assert_same_trace(const struct test_trace *a, const struct test_trace *b);

/* Small and repeatable. */
uint64_t test_random(uint64_t *state);
/* Often an extreme: 0, 1, ~0, a power of two or one off. At most @max. */
uint64_t test_random_extreme(uint64_t *state, uint64_t max);
/* A well-formed event of any type; nothing about it makes sense in its stream. */
void test_random_event(uint64_t *state, struct rs_event *ev);
/* Metadata with every kind of text that it can hold. */
void test_random_meta(uint64_t *state, struct rs_trace_meta *m);
/* Has somebody, or nobody, do each event of @t that can say so. */
void test_random_whos(uint64_t *state, struct test_trace *t);

/* The number that variable @name has, as the user set it, or else @otherwise. */
uint64_t test_from_env(const char *name, uint64_t otherwise);

#endif
