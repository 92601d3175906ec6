// SPDX-License-Identifier: GPL-2.0-only
#include "tests/common/cases.h"

#include <assert.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void case_fail(struct case_file *c, const char *what)
{
	c->failures++;
	print_error("%s:%zu: %s\n", c->path, c->line, what);
}

void case_expect(struct case_file *c, const char *key, uint64_t found, uint64_t expected)
{
	char text[256];

	c->expectations++;
	if (found == expected)
		return;
	snprintf(text, sizeof(text), "%s is %" PRIu64 ", not %" PRIu64, key, found, expected);
	case_fail(c, text);
}

static int is_case(const struct dirent *d)
{
	size_t len = strlen(d->d_name);

	return len > 4 && strcmp(d->d_name + len - 4, ".txt") == 0;
}

int cases_run(const char *group, const char *dir, CMUnitTestFunction test,
	      const struct CMUnitTest *also, size_t nr_also)
{
	struct dirent **names;
	int n = scandir(dir, &names, is_case, alphasort), failed;
	struct CMUnitTest *tests;
	size_t nr = nr_also;

	if (n <= 0)
		return 1;
	tests = calloc(nr_also + (size_t)n, sizeof(*tests));
	assert(tests);
	if (nr_also)
		memcpy(tests, also, nr_also * sizeof(*also));
	for (int i = 0; i < n; i++) {
		char *path = NULL;

		if (asprintf(&path, "%s/%s", dir, names[i]->d_name) < 0)
			abort();
		tests[nr++] = (struct CMUnitTest){ names[i]->d_name, test, NULL, NULL, path };
	}
	failed = _cmocka_run_group_tests(group, tests, nr, NULL, NULL);
	for (size_t i = nr_also; i < nr; i++)
		free(tests[i].initial_state);
	free(tests);
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
	return failed;
}
