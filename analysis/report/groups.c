// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/report/groups.h"

#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

#define BLANKS " \t\r\n"

/* Takes @line. 0 or -ENOMEM. */
static int add_line(struct rs_groups *g, char *line)
{
	char *save, *pattern = strtok_r(line, BLANKS, &save), *group;

	if (!pattern || *pattern == '#') {
		free(line);
		return 0;
	}
	group = strtok_r(NULL, BLANKS, &save);
	if (group && !strcmp(group, "-"))
		group = NULL;
	if (RS_ROOM_FOR_ONE(g->lines, g->nr)) {
		free(line);
		return -ENOMEM;
	}
	/* The line begins with its first word, so that it can be freed by that. */
	memmove(line, pattern, strlen(pattern) + 1);
	g->lines[g->nr++] = (struct rs_groups_line){ .pattern = line, .group = group };
	return 0;
}

int rs_groups_read(FILE *f, struct rs_groups *g, struct rs_error *err)
{
	int rc = 0;

	while (!rc) {
		char *line = NULL;
		size_t size = 0;

		errno = 0;
		if (getline(&line, &size, f) < 0) {
			rc = errno;
			free(line);
			return rc ? rs_error_set(err, RS_ERR_INPUT, rc, "%s", strerror(rc)) : 0;
		}
		rc = add_line(g, line);
	}
	return rs_error_nomem(err);
}

static bool fits(const char *pattern, const char *host, const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;
	const char *name = slash ? slash + 1 : path, *dot;
	char stem[NAME_MAX + 1];

	if (host && !fnmatch(pattern, host, 0))
		return true;
	if (!name)
		return false;
	dot = strrchr(name, '.');
	if (dot && (size_t)(dot - name) < sizeof(stem)) {
		snprintf(stem, sizeof(stem), "%.*s", (int)(dot - name), name);
		if (!fnmatch(pattern, stem, 0))
			return true;
	}
	return !fnmatch(pattern, name, 0);
}

const char *rs_groups_of(const struct rs_groups *g, const char *host, const char *path)
{
	for (size_t i = 0; i < g->nr; i++)
		if (fits(g->lines[i].pattern, host, path))
			return g->lines[i].group;
	return NULL;
}

void rs_groups_free(struct rs_groups *g)
{
	for (size_t i = 0; i < g->nr; i++)
		free(g->lines[i].pattern);
	free(g->lines);
	*g = (struct rs_groups){ 0 };
}
