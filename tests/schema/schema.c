// SPDX-License-Identifier: GPL-2.0-only
#include "tests/schema/schema.h"

#include <math.h>
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where in a document: a member of an object, or of an array if there is no key. */
struct place {
	const struct place *up;
	const char *key;
	size_t index;
};

struct check {
	const json_t *root; /* where references lead */
	char *why;	    /* NULL while it is only asked whether */
};

/* What one schema says of one value. */
struct subject {
	struct check *c;
	const json_t *schema, *value;
	const struct place *place;
	json_t *seen; /* members that something has a word for; NULL if nobody asks */
};

static bool allows(struct check *c, const json_t *schema, const json_t *value,
		   const struct place *place, json_t *seen);

static size_t put_place(char *to, size_t size, const struct place *p)
{
	size_t n;

	if (!p)
		return (size_t)snprintf(to, size, "$");
	n = put_place(to, size, p->up);
	if (n >= size)
		return n;
	if (p->key)
		return n + (size_t)snprintf(to + n, size - n, ".%s", p->key);
	return n + (size_t)snprintf(to + n, size - n, "[%zu]", p->index);
}

static bool complain(struct check *c, const struct place *place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static bool complain(struct check *c, const struct place *place, const char *format, ...)
{
	va_list args;
	size_t n;

	if (!c->why)
		return false;
	n = put_place(c->why, SCHEMA_WHY, place);
	n += n < SCHEMA_WHY ? (size_t)snprintf(c->why + n, SCHEMA_WHY - n, ": ") : 0;
	va_start(args, format);
	if (n < SCHEMA_WHY)
		vsnprintf(c->why + n, SCHEMA_WHY - n, format, args);
	va_end(args);
	return false;
}

/* ---- what a value is ---- */

static bool is_type(const json_t *v, const char *name)
{
	double d = json_number_value(v);

	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return !strcmp(name, "object");
	case JSON_ARRAY:
		return !strcmp(name, "array");
	case JSON_STRING:
		return !strcmp(name, "string");
	case JSON_INTEGER:
		return !strcmp(name, "integer") || !strcmp(name, "number");
	case JSON_REAL:
		return !strcmp(name, "number") || (!strcmp(name, "integer") && d == floor(d));
	case JSON_TRUE:
	case JSON_FALSE:
		return !strcmp(name, "boolean");
	default:
		return !strcmp(name, "null");
	}
}

/* A rule for one is as a list of that one. */
static size_t nr_of(const json_t *rule)
{
	return json_is_array(rule) ? json_array_size(rule) : 1;
}

static const json_t *one_of(const json_t *rule, size_t i)
{
	return json_is_array(rule) ? json_array_get(rule, i) : rule;
}

static bool has_type(const json_t *rule, const char *name)
{
	for (size_t i = 0; rule && i < nr_of(rule); i++)
		if (!strcmp(json_string_value(one_of(rule, i)), name))
			return true;
	return false;
}

static bool check_type(const struct subject *s, const json_t *rule)
{
	for (size_t i = 0; i < nr_of(rule); i++)
		if (is_type(s->value, json_string_value(one_of(rule, i))))
			return true;
	return complain(s->c, s->place, "is no %s", json_string_value(one_of(rule, 0)));
}

static bool check_const(const struct subject *s, const json_t *rule)
{
	return json_equal(s->value, rule) || complain(s->c, s->place, "has another value");
}

static bool check_enum(const struct subject *s, const json_t *rule)
{
	for (size_t i = 0; i < json_array_size(rule); i++)
		if (json_equal(s->value, json_array_get(rule, i)))
			return true;
	return complain(s->c, s->place, "is none of the values that it may be");
}

static bool check_minimum(const struct subject *s, const json_t *rule)
{
	return !json_is_number(s->value) ||
	       json_number_value(s->value) >= json_number_value(rule) ||
	       complain(s->c, s->place, "is less than %g", json_number_value(rule));
}

static bool check_maximum(const struct subject *s, const json_t *rule)
{
	return !json_is_number(s->value) ||
	       json_number_value(s->value) <= json_number_value(rule) ||
	       complain(s->c, s->place, "is more than %g", json_number_value(rule));
}

/* Compiled once, since a timeline has a hundred thousand texts. */
static const regex_t *pattern_of(const json_t *rule)
{
	static struct pattern {
		struct pattern *next;
		char *text;
		regex_t regex;
	} * all;
	struct pattern *p = all;

	while (p && strcmp(p->text, json_string_value(rule)) != 0)
		p = p->next;
	if (!p) {
		p = malloc(sizeof(*p));
		if (!p || regcomp(&p->regex, json_string_value(rule), REG_EXTENDED | REG_NOSUB))
			abort();
		p->text = strdup(json_string_value(rule));
		p->next = all;
		all = p;
	}
	return &p->regex;
}

static bool check_pattern(const struct subject *s, const json_t *rule)
{
	return !json_is_string(s->value) ||
	       !regexec(pattern_of(rule), json_string_value(s->value), 0, NULL, 0) ||
	       complain(s->c, s->place, "'%.80s' is not as %s", json_string_value(s->value),
			json_string_value(rule));
}

/* ---- arrays ---- */

static bool check_items(const struct subject *s, const json_t *rule)
{
	const json_t *item;
	size_t i;

	json_array_foreach(s->value, i, item)
	{
		const struct place at = { .up = s->place, .index = i };

		if (!allows(s->c, rule, item, &at, NULL))
			return false;
	}
	return true;
}

static bool check_min_items(const struct subject *s, const json_t *rule)
{
	return !json_is_array(s->value) ||
	       json_array_size(s->value) >= (size_t)json_integer_value(rule) ||
	       complain(s->c, s->place, "has too few values");
}

static bool check_max_items(const struct subject *s, const json_t *rule)
{
	return !json_is_array(s->value) ||
	       json_array_size(s->value) <= (size_t)json_integer_value(rule) ||
	       complain(s->c, s->place, "has too many values");
}

static bool check_unique_items(const struct subject *s, const json_t *rule)
{
	for (size_t i = 0; json_is_true(rule) && i < json_array_size(s->value); i++)
		for (size_t j = 0; j < i; j++)
			if (json_equal(json_array_get(s->value, i), json_array_get(s->value, j)))
				return complain(s->c, s->place, "has a value twice");
	return true;
}

/* ---- objects ---- */

static void see(const struct subject *s, const char *key)
{
	if (s->seen && json_object_set_new(s->seen, key, json_true()))
		abort();
}

static bool check_member(const struct subject *s, const char *key, const json_t *member,
			 const json_t *rule)
{
	const struct place at = { .up = s->place, .key = key };

	see(s, key);
	return allows(s->c, rule, member, &at, NULL);
}

static bool check_properties(const struct subject *s, const json_t *rule)
{
	const char *key;
	const json_t *member;

	json_object_foreach((json_t *)s->value, key, member)
	{
		const json_t *schema = json_object_get(rule, key);

		if (schema && !check_member(s, key, member, schema))
			return false;
	}
	return true;
}

static bool check_required(const struct subject *s, const json_t *rule)
{
	for (size_t i = 0; json_is_object(s->value) && i < json_array_size(rule); i++) {
		const char *key = json_string_value(json_array_get(rule, i));

		if (!json_object_get(s->value, key))
			return complain(s->c, s->place, "lacks '%s'", key);
	}
	return true;
}

static bool check_dependent_required(const struct subject *s, const json_t *rule)
{
	const char *key;
	const json_t *needed;

	json_object_foreach((json_t *)rule, key, needed)
	{
		if (json_object_get(s->value, key) && !check_required(s, needed))
			return false;
	}
	return true;
}

static bool check_additional(const struct subject *s, const json_t *rule)
{
	const json_t *named = json_object_get(s->schema, "properties");
	const char *key;
	const json_t *member;

	json_object_foreach((json_t *)s->value, key, member)
	{
		if (!json_object_get(named, key) && !check_member(s, key, member, rule))
			return false;
	}
	return true;
}

static bool check_unevaluated(const struct subject *s, const json_t *rule)
{
	const char *key;
	const json_t *member;

	json_object_foreach((json_t *)s->value, key, member)
	{
		if (!json_object_get(s->seen, key) && !check_member(s, key, member, rule))
			return false;
	}
	return true;
}

/* ---- schemas of the same value ---- */

static const json_t *referred(const json_t *root, const json_t *rule)
{
	const char *p = json_string_value(rule);

	if (strncmp(p, "#/$defs/", 8) != 0)
		return NULL;
	return json_object_get(json_object_get(root, "$defs"), p + 8);
}

static bool check_ref(const struct subject *s, const json_t *rule)
{
	return allows(s->c, referred(s->c->root, rule), s->value, s->place, s->seen);
}

static bool check_all_of(const struct subject *s, const json_t *rule)
{
	for (size_t i = 0; i < json_array_size(rule); i++)
		if (!allows(s->c, json_array_get(rule, i), s->value, s->place, s->seen))
			return false;
	return true;
}

/* Whether @schema does, without a complaint; what it has seen counts only then. */
static bool does_allow(const struct subject *s, const json_t *schema)
{
	struct check c = { .root = s->c->root };
	json_t *seen = s->seen ? json_object() : NULL;
	bool does = allows(&c, schema, s->value, s->place, seen);

	if (does && seen && json_object_update(s->seen, seen))
		abort();
	json_decref(seen);
	return does;
}

static size_t how_many(const struct subject *s, const json_t *rule)
{
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(rule); i++)
		n += does_allow(s, json_array_get(rule, i));
	return n;
}

static bool check_any_of(const struct subject *s, const json_t *rule)
{
	return how_many(s, rule) || complain(s->c, s->place, "is nothing of what it may be");
}

static bool check_one_of(const struct subject *s, const json_t *rule)
{
	const size_t n = how_many(s, rule);

	return n == 1 || complain(s->c, s->place, "is %zu of what it has to be one of", n);
}

static bool check_if(const struct subject *s, const json_t *rule)
{
	const json_t *then = json_object_get(s->schema, does_allow(s, rule) ? "then" : "else");

	return !then || allows(s->c, then, s->value, s->place, s->seen);
}

/* ---- a schema ---- */

static const struct word {
	const char *name;
	bool (*check)(const struct subject *s, const json_t *rule);
	enum { NO_SCHEMA, SCHEMA, SCHEMAS } holds;
	bool of_members; /* what it holds is of members or items, and not of the value itself */
} words[] = {
	{ "$schema", NULL, NO_SCHEMA, false },
	{ "title", NULL, NO_SCHEMA, false },
	{ "description", NULL, NO_SCHEMA, false },
	{ "$defs", NULL, SCHEMAS, false },
	{ "$ref", check_ref, NO_SCHEMA, false },
	{ "type", check_type, NO_SCHEMA, false },
	{ "const", check_const, NO_SCHEMA, false },
	{ "enum", check_enum, NO_SCHEMA, false },
	{ "minimum", check_minimum, NO_SCHEMA, false },
	{ "maximum", check_maximum, NO_SCHEMA, false },
	{ "pattern", check_pattern, NO_SCHEMA, false },
	{ "items", check_items, SCHEMA, true },
	{ "minItems", check_min_items, NO_SCHEMA, false },
	{ "maxItems", check_max_items, NO_SCHEMA, false },
	{ "uniqueItems", check_unique_items, NO_SCHEMA, false },
	{ "properties", check_properties, SCHEMAS, true },
	{ "required", check_required, NO_SCHEMA, false },
	{ "dependentRequired", check_dependent_required, NO_SCHEMA, false },
	{ "additionalProperties", check_additional, SCHEMA, true },
	{ "unevaluatedProperties", NULL, SCHEMA, true }, /* after all the others */
	{ "allOf", check_all_of, SCHEMAS, false },
	{ "anyOf", check_any_of, SCHEMAS, false },
	{ "oneOf", check_one_of, SCHEMAS, false },
	{ "if", check_if, SCHEMA, false },
	{ "then", NULL, SCHEMA, false }, /* check_if() */
	{ "else", NULL, SCHEMA, false },
};

static const struct word *word_named(const char *name)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(words[i].name, name))
			return &words[i];
	return NULL;
}

static bool allows(struct check *c, const json_t *schema, const json_t *value,
		   const struct place *place, json_t *seen)
{
	const json_t *others = json_object_get(schema, "unevaluatedProperties"), *rule;
	struct subject s = { c, schema, value, place, seen };
	bool does = true;
	const char *key;

	if (!json_is_object(schema))
		return json_is_true(schema) || complain(c, place, "should not be there");
	if (others)
		s.seen = json_object();
	json_object_foreach((json_t *)schema, key, rule)
	{
		const struct word *w = word_named(key);

		if (w && w->check && !w->check(&s, rule)) {
			does = false;
			break;
		}
	}
	if (others) {
		does = does && check_unevaluated(&s, others);
		if (does && seen && json_object_update(seen, s.seen))
			abort();
		json_decref(s.seen);
	}
	return does;
}

bool schema_allows(const json_t *schema, const json_t *value, char *why)
{
	struct check c = { .root = schema, .why = why };

	return allows(&c, schema, value, NULL, NULL);
}

/* ---- what a schema leaves open ---- */

/* Whether a value that @schema allows is of a type at all that it says. */
static bool says_what(const json_t *root, const json_t *schema)
{
	const json_t *all = json_object_get(schema, "allOf"), *any;
	bool says = json_object_get(schema, "type") || json_object_get(schema, "const") ||
		    json_object_get(schema, "enum");
	const json_t *ref = json_object_get(schema, "$ref");

	if (json_is_false(schema) || says || (ref && says_what(root, referred(root, ref))))
		return true;
	for (size_t i = 0; i < json_array_size(all); i++)
		says |= says_what(root, json_array_get(all, i));
	any = json_object_get(schema, "anyOf");
	if (!any)
		any = json_object_get(schema, "oneOf");
	if (!any || says)
		return says;
	for (size_t i = 0; i < json_array_size(any); i++)
		if (!says_what(root, json_array_get(any, i)))
			return false;
	return true;
}

static bool is_closed(struct check *c, const json_t *schema, const struct place *place,
		      bool of_a_value);

static bool are_closed(struct check *c, const json_t *schemas, const struct place *place,
		       bool of_values)
{
	const char *key;
	const json_t *schema;
	size_t i;

	json_object_foreach((json_t *)schemas, key, schema)
	{
		const struct place at = { .up = place, .key = key };

		if (!is_closed(c, schema, &at, of_values))
			return false;
	}
	json_array_foreach(schemas, i, schema)
	{
		const struct place at = { .up = place, .index = i };

		if (!is_closed(c, schema, &at, of_values))
			return false;
	}
	return true;
}

/* @of_a_value: it alone says what a value is, as no part of another schema does. */
static bool is_closed(struct check *c, const json_t *schema, const struct place *place,
		      bool of_a_value)
{
	const json_t *type = json_object_get(schema, "type"), *rule;
	const char *key;

	if (of_a_value && !says_what(c->root, schema))
		return complain(c, place, "lets anything pass");
	if (has_type(type, "object") && !json_object_get(schema, "additionalProperties") &&
	    !json_object_get(schema, "unevaluatedProperties"))
		return complain(c, place, "lets any member pass");
	if (has_type(type, "array") && !json_object_get(schema, "items"))
		return complain(c, place, "lets any values pass");
	json_object_foreach((json_t *)schema, key, rule)
	{
		const struct place at = { .up = place, .key = key };
		const struct word *w = word_named(key);

		if (!w)
			return complain(c, &at, "is not understood");
		if (w->check == check_ref && !referred(c->root, rule))
			return complain(c, &at, "leads nowhere");
		if (w->holds == SCHEMA && !is_closed(c, rule, &at, w->of_members))
			return false;
		if (w->holds == SCHEMAS && !are_closed(c, rule, &at, w->of_members))
			return false;
	}
	return true;
}

bool schema_is_closed(const json_t *schema, char *why)
{
	struct check c = { .root = schema, .why = why };

	return is_closed(&c, schema, NULL, true);
}

/* ---- docs/schema ---- */

/* The schema @name, read once; NULL with @why. */
static const json_t *schema_named(const char *name, char *why)
{
	static json_t *all;
	json_t *schema = json_object_get(all, name);
	char path[4096];

	if (schema)
		return schema;
	snprintf(path, sizeof(path), SCHEMA_FOLDER "/%s.json", name);
	schema = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
	if (!schema) {
		snprintf(why, SCHEMA_WHY, "there is no schema %.200s", path);
		return NULL;
	}
	if (!schema_is_closed(schema, why)) {
		json_decref(schema);
		return NULL;
	}
	if (!all)
		all = json_object();
	if (json_object_set_new(all, name, schema))
		abort();
	return schema;
}

bool schema_holds(const json_t *document, char *why)
{
	const char *says = json_string_value(json_object_get(document, "schema"));
	char name[32] = "";
	const json_t *schema;

	if (json_object_get(document, "traceEvents"))
		strcpy(name, "timeline");
	else if (says)
		sscanf(says, "retryscope-%31[a-z]/", name);
	if (!*name) {
		snprintf(why, SCHEMA_WHY, "it does not say which schema it has");
		return false;
	}
	schema = schema_named(name, why);
	return schema && schema_allows(schema, document, why);
}

bool schema_holds_text(const char *text, size_t size, char *why)
{
	json_error_t err;
	json_t *document = json_loadb(text, size, JSON_REJECT_DUPLICATES, &err);
	bool does;

	if (!document) {
		snprintf(why, SCHEMA_WHY, "it is no JSON: line %d: %s", err.line, err.text);
		return false;
	}
	does = schema_holds(document, why);
	json_decref(document);
	return does;
}
