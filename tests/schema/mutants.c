// SPDX-License-Identifier: GPL-2.0-only
/*
 * mutants DOCUMENT...: each member of each document, once for each place, is given another name,
 * each value made one of another type; its schema has to notice. And each member is taken away:
 * where the schema does not notice that, it may be missing, and a line says so, as
 * "report.vms[].algorithms.*.closed".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/schema/schema.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyz"

struct mutation {
	json_t *document;
	json_t *seen; /* places, of all documents */
	unsigned int nr_wrong;
};

/* Objects whose members are named after algorithms and the like are all as their first. */
static bool has_any_names(const char *place)
{
	static const char *const places[] = { ".algorithms",  ".anomalies",   ".facts",
					      ".points",      ".tracepoints", ".verdicts",
					      ".put down to", ".widened by" };
	size_t len = strlen(place);

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (len >= strlen(places[i]) && !strcmp(place + len - strlen(places[i]), places[i]))
			return true;
	return false;
}

static bool is_news(struct mutation *m, const char *place)
{
	if (json_object_get(m->seen, place))
		return false;
	json_object_set_new(m->seen, place, json_true());
	return true;
}

static void expect_noticed(struct mutation *m, const char *what, const char *place)
{
	char why[SCHEMA_WHY];

	if (!schema_holds(m->document, why))
		return;
	fprintf(stderr, "%s: %s, and the schema does not notice\n", place, what);
	m->nr_wrong++;
}

/* What @v may not become; of a number also its own digits. NULL behind the last. */
static json_t *another(const json_t *v, size_t i)
{
	char digits[32];

	switch (i) {
	case 0:
		/* A string of digits is a number, only a large one. */
		if (json_is_string(v))
			return strpbrk(json_string_value(v), LETTERS) ? json_real(0.5)
								      : json_true();
		if (!json_is_number(v))
			return json_string("x");
		snprintf(digits, sizeof(digits), "%.12g", json_number_value(v));
		return json_string(digits);
	case 1:
		return json_is_boolean(v) ? json_integer(1) : json_false();
	case 2:
		return json_is_array(v) ? json_object() : json_array();
	case 3:
		return json_is_object(v) ? json_integer(-1) : json_object();
	default:
		return NULL;
	}
}

static void mutate_member(struct mutation *m, json_t *in, const char *key, const char *place)
{
	json_t *was = json_incref(json_object_get(in, key)), *other;
	char why[SCHEMA_WHY], old[256], new[256];

	snprintf(old, sizeof(old), "%s", key);
	snprintf(new, sizeof(new), "%s_", key);
	for (size_t i = 0; !json_is_null(was) && (other = another(was, i)); i++) {
		json_object_set_new(in, old, other);
		expect_noticed(m, "another type", place);
	}
	json_object_del(in, old);
	if (schema_holds(m->document, why))
		puts(place);
	json_object_set(in, new, was);
	expect_noticed(m, "another name", place);
	json_object_del(in, new);
	json_object_set_new(in, old, was);
}

static void mutate_members(struct mutation *m, json_t *value, const char *place)
{
	const bool any = has_any_names(place);
	char at[1024];
	json_t *member, *other;
	const char *key;
	size_t i;
	void *next;

	json_array_foreach(value, i, member)
	{
		snprintf(at, sizeof(at), "%s[]", place);
		mutate_members(m, member, at);
		if (json_is_null(member) || !is_news(m, at))
			continue;
		json_incref(member);
		for (size_t n = 0; (other = another(member, n)); n++) {
			json_array_set_new(value, i, other);
			expect_noticed(m, "another type", at);
		}
		json_array_set_new(value, i, member);
	}
	json_object_foreach_safe(value, next, key, member)
	{
		snprintf(at, sizeof(at), "%s.%s", place, any ? "*" : key);
		mutate_members(m, member, at);
		/* A null may be something else in another document. */
		if (!any && is_news(m, at))
			mutate_member(m, value, key, at);
	}
}

int main(int argc, char **argv)
{
	struct mutation m = { .seen = json_object() };
	char why[SCHEMA_WHY], name[64];
	const char *says;

	for (int i = 1; i < argc; i++) {
		m.document = json_load_file(argv[i], JSON_REJECT_DUPLICATES, NULL);
		says = json_string_value(json_object_get(m.document, "schema"));
		if (!m.document || !schema_holds(m.document, why)) {
			fprintf(stderr, "%s: %s\n", argv[i], m.document ? why : "no JSON");
			return 1;
		}
		snprintf(name, sizeof(name), "%s",
			 says ? says + strlen("retryscope-") : "timeline");
		mutate_members(&m, m.document, strtok(name, "/"));
		json_decref(m.document);
	}
	json_decref(m.seen);
	return m.nr_wrong != 0;
}
