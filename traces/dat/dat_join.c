// SPDX-License-Identifier: GPL-2.0-only
#include "traces/dat/dat_join.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/outfile.h"
#include "traces/cpu_files.h"

/* At least one of any page size that there is. */
#define ALIGN (64U << 10)

static int copy_file(const char *path, int fd, uint64_t *at, struct rs_error *err)
{
	struct rs_source *src;
	struct stat st;
	int ret;

	/* As that of an idle CPU may be. */
	if (!stat(path, &st) && S_ISREG(st.st_mode) && !st.st_size)
		return 0;
	src = rs_source_open(path, err);
	ret = src ? rs_source_copy(src, fd, at, err) : -errno;
	rs_source_close(src);
	if (ret)
		rs_error_set_file(err, path);
	return ret;
}

static int add_file(struct rs_dat_row *row, const char *path, int fd, uint64_t *at,
		    struct rs_error *err)
{
	static const unsigned char zeros[ALIGN];
	size_t len, pad = (size_t)(-*at & (ALIGN - 1));
	char *buffer;
	int ret;

	if (!rs_cpu_file_is(path, &len, &row->cpu)) {
		ret = rs_error_set(err, RS_ERR_INPUT, EINVAL,
				   "is not named as trace-cmd names a CPU's file: NAME.cpuN");
		rs_error_set_file(err, path);
		return ret;
	}
	buffer = strndup(path, len);
	if (!buffer)
		return rs_error_nomem(err);
	row->buffer = buffer;
	ret = rs_write_all(fd, zeros, pad, err);
	*at += pad;
	row->offset = *at;
	if (!ret)
		ret = copy_file(path, fd, at, err);
	row->size = *at - row->offset;
	return ret;
}

int rs_dat_join(struct rs_source *src, const char *const *paths, size_t nr, struct rs_dat_repair *r,
		struct rs_error *err)
{
	struct rs_dat_row *rows = calloc(nr, sizeof(*rows));
	int fd = rows ? rs_open_unnamed(err) : rs_error_nomem(err);
	uint64_t at = 0;
	int ret = fd < 0 ? fd : 0;

	r->rows = rows;
	r->nr_rows = rows ? nr : 0;
	if (!ret)
		ret = rs_source_copy(src, fd, &at, err);
	r->end = at;
	for (size_t i = 0; i < nr && !ret; i++)
		ret = add_file(&rows[i], paths[i], fd, &at, err);
	if (!ret)
		return rs_source_become(src, fd, err);
	if (fd >= 0)
		close(fd);
	return ret;
}

void rs_dat_join_free(struct rs_dat_repair *r)
{
	for (size_t i = 0; i < r->nr_rows; i++)
		free((char *)r->rows[i].buffer);
	free((void *)r->rows);
	r->rows = NULL;
	r->nr_rows = 0;
}
