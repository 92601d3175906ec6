/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_WRITE_JSON_BUILD_H
#define RS_ANALYSIS_WRITE_JSON_BUILD_H

#include <jansson.h>

/*
 * Building documents out of expressions. Whatever is handed over is taken, also
 * on failure; a NULL among it (no memory) makes the whole NULL.
 */
struct rs_json_member {
	const char *key; /* NULL ends a list */
	json_t *value;
};

/* A new object of @members, in their order, or NULL. */
json_t *rs_json_object(const struct rs_json_member *members);
/* RS_JSON({ "key", value }, ...) */
#define RS_JSON(...) rs_json_object((const struct rs_json_member[]){ __VA_ARGS__, { NULL, NULL } })

/* @object with one more member behind its own, or NULL. What of @key is not UTF-8 is U+FFFD. */
json_t *rs_json_with(json_t *object, const char *key, json_t *value);
/* @array with @value at its end, or NULL. */
json_t *rs_json_append(json_t *array, json_t *value);
/* @object with the members of @more behind its own, or NULL. */
json_t *rs_json_join(json_t *object, json_t *more);

#endif
