// SPDX-License-Identifier: GPL-2.0-only
#include "traces/cpu_files.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/parse.h"

bool rs_cpu_file_is(const char *path, size_t *len, uint32_t *cpu)
{
	const char *dot = strrchr(path, '.');
	uint64_t n;

	if (!dot || strncmp(dot, ".cpu", 4) || !isdigit((unsigned char)dot[4]) ||
	    rs_parse_u64(dot + 4, &n) || n > UINT32_MAX)
		return false;
	*len = (size_t)(dot - path);
	*cpu = (uint32_t)n;
	return true;
}

int rs_cpu_files_add(struct rs_cpu_files *files, const char *path, struct rs_error *err)
{
	char *copy = strdup(path);

	if (!copy || RS_ROOM_FOR_ONE(files->paths, files->nr)) {
		free(copy);
		return rs_error_nomem(err);
	}
	files->paths[files->nr++] = copy;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;
	size_t x_len, y_len;
	uint32_t x_cpu, y_cpu;
	int ret;

	rs_cpu_file_is(x, &x_len, &x_cpu);
	rs_cpu_file_is(y, &y_len, &y_cpu);
	if (x_len != y_len)
		return x_len < y_len ? -1 : 1;
	ret = strncmp(x, y, x_len);
	return ret ? ret : x_cpu < y_cpu ? -1 : x_cpu > y_cpu;
}

static int not_looked(struct rs_error *err)
{
	return rs_error_set(err, RS_ERR_SYSTEM, errno,
			    "cannot look for files of CPUs beside it: %s", strerror(errno));
}

/* @path may be in the folder @d, of whose name it has the first @folder characters. */
static int look_in(struct rs_cpu_files *files, DIR *d, const char *path, size_t folder,
		   struct rs_error *err)
{
	const char *name = path + folder;
	const size_t n = strlen(name);
	struct dirent *entry;
	int ret = 0;

	while (!ret && (errno = 0, entry = readdir(d))) {
		size_t len;
		uint32_t cpu;
		char *full;

		if (strncmp(entry->d_name, name, n) || entry->d_name[n] != '.' ||
		    !rs_cpu_file_is(entry->d_name, &len, &cpu))
			continue;
		if (asprintf(&full, "%.*s%s", (int)folder, path, entry->d_name) < 0)
			return rs_error_nomem(err);
		ret = rs_cpu_files_add(files, full, err);
		free(full);
	}
	return ret || !errno ? ret : not_looked(err);
}

int rs_cpu_files_find(struct rs_cpu_files *files, const char *path, struct rs_error *err)
{
	const char *slash = strrchr(path, '/');
	const size_t folder = slash ? (size_t)(slash + 1 - path) : 0;
	char *dir = folder ? strndup(path, folder) : strdup(".");
	DIR *d;
	int ret;

	if (!dir)
		return rs_error_nomem(err);
	d = opendir(dir);
	free(dir);
	if (!d && (errno == ENOENT || errno == ENOTDIR))
		return 0; /* nor is @path there */
	if (!d)
		return not_looked(err);
	ret = look_in(files, d, path, folder, err);
	closedir(d);
	if (files->nr)
		qsort(files->paths, files->nr, sizeof(*files->paths), compare);
	return ret;
}

void rs_cpu_files_free(struct rs_cpu_files *files)
{
	for (size_t i = 0; i < files->nr; i++)
		free(files->paths[i]);
	free(files->paths);
	*files = (struct rs_cpu_files){ 0 };
}
