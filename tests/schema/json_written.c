// SPDX-License-Identifier: GPL-2.0-only
/*
 * In the place of rs_json_write() in every test in C (--wrap): each document that a test has
 * written is held against its schema where it is. What names no schema is none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "analysis/write/json_exact.h"
#include "tests/schema/schema.h"

int really_write(FILE *f, json_t *root) __asm__("__real_rs_json_write");
int write_and_check(FILE *f, json_t *root) __asm__("__wrap_rs_json_write");
int write_and_check(FILE *f, json_t *root)
{
	char *text, why[SCHEMA_WHY];
	size_t size;
	FILE *copy;

	if (json_object_get(root, "schema")) {
		copy = open_memstream(&text, &size);
		if (!copy || really_write(copy, root) || fclose(copy))
			abort();
		if (!schema_holds_text(text, size, why))
			fail_msg("JSON that is not as docs/schema has it: %s", why);
		free(text);
	}
	return really_write(f, root);
}
