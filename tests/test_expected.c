// SPDX-License-Identifier: GPL-2.0-only
/*
 * The captures in traces/samples, imported and replayed: every count that
 * tests/data/expected has must come out. Those counts are from a third program,
 * written from the description of the model alone.
 * The naive implementation gets the same events, and must agree with the engine.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "tests/common/compare.h"

#define ALGOS "global,hva,gfn-v7,gfn,gfn-slot,gfn-list,exact"

static const char *const captures[] = {
	"6.1-alias0",  "6.1-alias3",  "6.1-churn",    "6.1-partial", "6.1-qemu-pc", "6.1-thp",
	"6.12-alias0", "6.12-alias3", "6.12-partial", "6.12-thp",    "6.12-churn",
};

#define MAX_DIFFERENCES 256

struct difference {
	char algo[32], key[32];
	uint64_t expected, ours;
	bool seen;
};

/* What does not come out is all printed before the test fails. */
struct tally {
	const char *capture;
	size_t compared, wrong, nr_known;
	struct difference known[MAX_DIFFERENCES];
};

static void read_differences(struct tally *t)
{
	char path[512], line[256];
	FILE *f;

	snprintf(path, sizeof(path), TEST_DATA "/expected/%s.differences", t->capture);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		struct difference *d = &t->known[t->nr_known];

		assert_true(t->nr_known < MAX_DIFFERENCES);
		if (*line == '#')
			continue;
		assert_int_equal(sscanf(line, "%31s %31s %" SCNu64 " %" SCNu64, d->algo, d->key,
					&d->expected, &d->ours),
				 4);
		t->nr_known++;
	}
	if (f)
		fclose(f);
}

/* Is this difference a known one, and in all it says? */
static bool is_known(struct tally *t, const char *algo, const char *key, uint64_t expected,
		     uint64_t found)
{
	for (size_t i = 0; i < t->nr_known; i++) {
		struct difference *d = &t->known[i];

		if (strcmp(d->algo, algo) != 0 || strcmp(d->key, key) != 0)
			continue;
		d->seen = true;
		return d->expected == expected && d->ours == found;
	}
	return false;
}

static void equal(struct tally *t, const char *algo, const json_t *in, const char *key,
		  uint64_t found)
{
	const json_t *value = json_object_get(in, key);
	uint64_t expected = json_integer_value(value);

	assert_true(json_is_integer(value));
	t->compared++;
	if (expected == found || is_known(t, algo, key, expected, found))
		return;
	t->wrong++;
	print_error("%s: %s %s %" PRIu64 " %" PRIu64 "\n", t->capture, algo, key, expected, found);
}

/* A difference that is gone has to go from the file as well. */
static void all_seen(struct tally *t)
{
	for (size_t i = 0; i < t->nr_known; i++) {
		if (t->known[i].seen)
			continue;
		t->wrong++;
		print_error("%s: no longer different: %s %s\n", t->capture, t->known[i].algo,
			    t->known[i].key);
	}
}

static void equal_algo(struct tally *t, const json_t *algos, const struct rs_algo_result *a)
{
	const json_t *in = json_object_get(algos, a->name);

	assert_non_null(in);
	equal(t, a->name, in, "rejected", a->rejected);
	equal(t, a->name, in, "spurious", a->spurious);
	equal(t, a->name, in, "missed", a->missed);
	/* These captures have neither private faults nor such invalidations. */
	assert_int_equal(a->causes[RS_CAUSE_KIND], 0);
	for (unsigned int c = RS_CAUSE_KIND + 1; c < RS_NR_CAUSES; c++)
		equal(t, a->name, in, rs_cause_name(c), a->causes[c]);
	equal(t, a->name, in, "blocked_page_ns", a->blocked_page_ns);
	equal(t, a->name, in, "blocked_max", a->blocked_max);
	equal(t, a->name, in, "known", a->locked.known);
	equal(t, a->name, in, "agree", a->locked.same);
	equal(t, a->name, in, "lockless_known", a->lockless.known);
	equal(t, a->name, in, "lockless_agree", a->lockless.same);
}

static void equal_vm(struct tally *t, const json_t *in, const struct rs_vm_result *vm,
		     size_t nr_algos)
{
	equal(t, "faults", in, "checked", vm->checked);
	equal(t, "faults", in, "necessary", vm->necessary);
	equal(t, "faults", in, "noslot", vm->no_memslot);
	equal(t, "faults", in, "root_obsolete", vm->root_obsolete);
	for (size_t i = 0; i < nr_algos; i++)
		equal_algo(t, json_object_get(in, "algorithms"), &vm->algos[i]);
}

static struct stream read_capture(const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), TRACE_SAMPLES "/%s.dat", name);
	return stream_read(path);
}

static json_t *read_expected(const char *name)
{
	json_error_t err;
	char path[512];
	json_t *json;

	snprintf(path, sizeof(path), TEST_DATA "/expected/%s.json", name);
	json = json_load_file(path, 0, &err);
	if (!json)
		fail_msg("%s:%d: %s", path, err.line, err.text);
	return json;
}

static void equal_all(struct tally *t, json_t *expected, const struct rs_result *res)
{
	const char *key;
	json_t *vm;

	assert_int_equal(json_object_size(expected), res->nr_vms);
	json_object_foreach(expected, key, vm)
	{
		const struct rs_vm_result *v = engine_vm(res, strtoul(key, NULL, 10));

		assert_non_null(v);
		equal_vm(t, vm, v, res->nr_algos);
	}
}

static void test_capture(void **state)
{
	struct tally t = { .capture = *state };
	struct stream s = read_capture(t.capture);
	json_t *expected = read_expected(t.capture);
	struct engine_run e = engine_run(&s, ALGOS, 4096, NULL);
	struct naive_result *n = naive_run(s.v, s.n, ALGOS);

	read_differences(&t);
	equal_all(&t, expected, e.res);
	all_seen(&t);
	assert_true(compare_results(n, &e, stderr));
	json_decref(expected);
	naive_free(n);
	engine_free(&e);
	stream_free(&s);
	assert_true(t.compared > 100);
	assert_int_equal(t.wrong, 0);
}

int main(void)
{
	struct CMUnitTest tests[sizeof(captures) / sizeof(*captures)];

	for (size_t i = 0; i < sizeof(captures) / sizeof(*captures); i++)
		tests[i] = (struct CMUnitTest){ captures[i], test_capture, NULL, NULL,
						(void *)captures[i] };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
