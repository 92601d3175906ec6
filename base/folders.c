// SPDX-License-Identifier: GPL-2.0-only
#include "base/folders.h"

#include <errno.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/outfile.h"
#include "base/temp.h"

int rs_folders_check(const char *path, struct rs_error *err)
{
	char *copy = strdup(path), *nearest = copy, *file = NULL;
	int rc;

	while (copy && access(nearest, F_OK) && errno == ENOENT && strcmp(nearest, ".") != 0)
		nearest = dirname(nearest);
	if (!copy || asprintf(&file, "%s/file", nearest) < 0) {
		rc = rs_error_nomem(err);
	} else {
		rc = rs_outfile_check(file, err);
		if (rc)
			rs_error_set_file(err, path);
		free(file);
	}
	free(copy);
	return rc;
}

static int make_one(struct rs_folders *f, const char *path, size_t len)
{
	char *folder = strndup(path, len);

	if (!folder)
		return -ENOMEM;
	if (!mkdir(folder, 0777)) {
		f->made[f->nr++] = folder;
		return 0;
	}
	free(folder);
	/* Whether it is one that files can be made in they will tell. */
	return errno == EEXIST ? 0 : -errno;
}

int rs_folders_make(struct rs_folders *f, const char *path, struct rs_error *err)
{
	const size_t len = strlen(path);
	int rc = 0;

	f->nr = 0;
	f->made = calloc(len + 1, sizeof(*f->made));
	if (!f->made)
		return rs_error_nomem(err);
	for (size_t i = 1; i <= len && !rc; i++)
		if ((path[i] == '/' || !path[i]) && path[i - 1] != '/')
			rc = make_one(f, path, i);
	if (rc) {
		rs_folders_remove(f);
		rs_error_set(err, RS_ERR_OUTPUT, -rc, "cannot be made: %s", strerror(-rc));
		rs_error_set_file(err, path);
		return rc;
	}
	/* The handler takes them in this order. */
	for (size_t i = f->nr; i--;)
		rs_temp_add(f->made[i]);
	return 0;
}

static void end(struct rs_folders *f, bool remove)
{
	while (f->nr--) {
		rs_temp_forget(f->made[f->nr]);
		if (remove)
			rmdir(f->made[f->nr]);
		free(f->made[f->nr]);
	}
	free(f->made);
}

void rs_folders_keep(struct rs_folders *f)
{
	end(f, false);
}

void rs_folders_remove(struct rs_folders *f)
{
	end(f, true);
}
