// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cases of the closed loop worked out by hand, in tests/data/closed/ (its README
 * has the syntax of what they expect). The naive simulation must find what the
 * file says, and the engine what the naive one finds.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/common/cases.h"
#include "tests/common/compare_closed.h"

#define CLOSED_DATA TEST_DATA "/closed"

struct closed_case {
	struct case_file file;
	struct stream s;
	struct rs_closed_opts opts;
	struct naive_closed *naive;
};

/* Simulates with the options of the last "closed" line. */
static void simulate(struct closed_case *c)
{
	struct rs_result *e = closed_engine_run(&c->s, &c->opts);

	naive_closed_free(c->naive);
	c->naive = closed_naive_run(&c->s, &c->opts);
	assert_non_null(c->naive);
	if (!compare_closed(c->naive, e, stderr))
		case_fail(&c->file, "naive and engine differ");
	rs_result_free(e);
}

static void option(struct closed_case *c, const char *key, const char *value)
{
	if (strcmp(key, "precheck") == 0)
		c->opts.precheck = strcmp(value, "on") == 0    ? RS_PRECHECK_ON
				   : strcmp(value, "off") == 0 ? RS_PRECHECK_OFF
							       : RS_PRECHECK_TRACED;
	else if (strcmp(key, "arrivals") == 0)
		c->opts.think = strcmp(value, "think") == 0;
	else if (strcmp(key, "gap") == 0)
		c->opts.retry_gap_ns = strtoull(value, NULL, 0);
	else
		case_fail(&c->file, "no such option");
}

struct figure {
	const char *name;
	uint64_t value;
};

static bool expect_one_of(struct closed_case *c, const struct figure *f, size_t n, const char *key,
			  const char *value)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(f[i].name, key) != 0)
			continue;
		case_expect(&c->file, key, f[i].value, strtoull(value, NULL, 0));
		return true;
	}
	return false;
}

#define NR(array) (sizeof(array) / sizeof(*(array)))

static void expect_common(struct closed_case *c, const char *key, const char *value)
{
	const struct naive_closed_vm *vm = &c->naive->vms[0];
	uint64_t retries = 0;

	for (size_t i = 0; i < c->naive->nr_faults; i++)
		retries += c->naive->faults[i].retries;

	const struct figure figures[] = {
		{ "faults", c->naive->nr_faults },    { "retries", retries },
		{ "precheck", vm->precheck },	      { "gap", vm->retry_gap_ns },
		{ "assumed", vm->retry_gap_assumed }, { "clean", vm->clean_ns },
	};

	if (!expect_one_of(c, figures, NR(figures), key, value))
		case_fail(&c->file, "no such figure of a VM");
}

static void expect_recorded(struct closed_case *c, const struct naive_logical *l, const char *key,
			    const char *value)
{
	const struct figure figures[] = {
		{ "attempts", l->attempts },
		{ "retries", l->retries },
		{ "done", l->done_ns },
	};

	if (!expect_one_of(c, figures, NR(figures), key, value))
		case_fail(&c->file, "no such figure of a recorded fault");
}

static void expect_simulated(struct closed_case *c, const struct naive_simulated *s,
			     const char *key, const char *value)
{
	const struct figure figures[] = {
		{ "arrival", s->arrival_ns },	   { "retries", s->retries },
		{ "service", s->service_ns },	   { "stall", s->stall_ns },
		{ "starved", s->starved },	   { "gone", s->gone },
		{ "as_recorded", s->as_recorded },
	};

	if (!expect_one_of(c, figures, NR(figures), key, value))
		case_fail(&c->file, "no such figure of a simulated fault");
}

/* The numbers of the algorithms that @name stands for: [*from, *to). */
static bool find_algo(const char *name, size_t nr, size_t *from, size_t *to)
{
	const char *list = NAIVE_ALL_ALGOS;
	size_t len = strlen(name);

	*from = 0;
	*to = nr;
	if (strcmp(name, "all") == 0)
		return true;
	for (size_t i = 0; i < nr; i++) {
		if (strncmp(list, name, len) == 0 && (list[len] == ',' || !list[len])) {
			*from = i;
			*to = i + 1;
			return true;
		}
		list += strcspn(list, ",");
		list += *list == ',';
	}
	return false;
}

static void expect_fault(struct closed_case *c, const struct naive_logical *l, char *words)
{
	size_t from = 0, to = 0;
	char *save, *value;

	for (char *w = strtok_r(words, " \t\n", &save); w; w = strtok_r(NULL, " \t\n", &save)) {
		value = strchr(w, '=');
		if (!value)
			return case_fail(&c->file, "KEY=VALUE expected");
		*value++ = 0;
		if (strcmp(w, "algo") == 0) {
			if (!find_algo(value, c->naive->nr_algos, &from, &to))
				return case_fail(&c->file, "no such algorithm");
			continue;
		}
		if (from == to)
			expect_recorded(c, l, w, value);
		for (size_t a = from; a < to; a++)
			expect_simulated(c, &l->algos[a], w, value);
	}
}

static void line_fault(struct closed_case *c, char *words)
{
	uint64_t begin_ns;
	uint32_t vcpu;
	int n = 0;

	if (sscanf(words, "vcpu=%" SCNu32 " begin=%" SCNu64 "%n", &vcpu, &begin_ns, &n) != 2)
		return case_fail(&c->file, "vcpu=N begin=NS expected");
	for (size_t i = 0; i < c->naive->nr_faults; i++) {
		const struct naive_logical *l = &c->naive->faults[i];

		if (l->vm == 1 && l->vcpu == vcpu && l->begin_ns == begin_ns)
			return expect_fault(c, l, words + n);
	}
	case_fail(&c->file, "no such logical fault");
}

static void for_words(struct closed_case *c, char *words,
		      void (*apply)(struct closed_case *c, const char *key, const char *value))
{
	for (char *save, *w = strtok_r(words, " \t\n", &save); w;
	     w = strtok_r(NULL, " \t\n", &save)) {
		char *value = strchr(w, '=');

		if (!value)
			return case_fail(&c->file, "KEY=VALUE expected");
		*value++ = 0;
		apply(c, w, value);
	}
}

static void one_line(struct closed_case *c, char *line)
{
	if (strncmp(line, "# closed", 8) == 0) {
		c->opts = (struct rs_closed_opts){ .algos = NAIVE_ALL_ALGOS, .jobs = 1 };
		for_words(c, line + 8, option);
		simulate(c);
	} else if (strncmp(line, "# common ", 9) == 0) {
		for_words(c, line + 9, expect_common);
	} else if (strncmp(line, "# fault ", 8) == 0) {
		line_fault(c, line + 8);
	}
}

static void test_case(void **state)
{
	struct closed_case c = { .file.path = *state };
	char line[4096], by_default[] = "# closed";
	FILE *f = fopen(c.file.path, "r");

	assert_non_null(f);
	c.s = stream_read(c.file.path);
	one_line(&c, by_default);
	for (c.file.line = 1; fgets(line, sizeof(line), f); c.file.line++)
		one_line(&c, line);
	fclose(f);
	naive_closed_free(c.naive);
	stream_free(&c.s);
	assert_int_equal(c.file.failures, 0);
	assert_true(c.file.expectations > 0);
}

int main(void)
{
	return cases_run("closed", CLOSED_DATA, test_case, NULL, 0);
}
