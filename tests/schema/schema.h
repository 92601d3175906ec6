/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TESTS_SCHEMA_H
#define RS_TESTS_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * JSON documents held against JSON Schemas (draft 2020-12), as much of it as docs/schema uses, so
 * that every test can do so where it has a document, in microseconds. check_schema holds this
 * against an implementation that nobody here wrote.
 *
 * All of these are true if it is so, else @why (SCHEMA_WHY bytes) says where and what is wrong.
 */
#define SCHEMA_WHY 512

/* @value is what @schema, a whole document, says. */
bool schema_allows(const json_t *schema, const json_t *value, char *why);

/*
 * @schema, a whole document, uses only what is understood here, and leaves nothing open: each
 * object says which members it has at most, each value what it is.
 */
bool schema_is_closed(const json_t *schema, char *why);

/*
 * @document is what the schema of docs/schema that it names says, a timeline timeline.json; that
 * schema is closed. One that names none is wrong.
 */
bool schema_holds(const json_t *document, char *why);
/* The same of @text, which may be no JSON. */
bool schema_holds_text(const char *text, size_t size, char *why);

#endif
