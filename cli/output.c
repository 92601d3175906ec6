// SPDX-License-Identifier: GPL-2.0-only
#include "cli/output.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static int fail(struct rs_output *out, int errnum, struct rs_error *err)
{
	rs_error_set(err, RS_ERR_OUTPUT, errnum, "cannot write: %s", strerror(errnum));
	if (err)
		snprintf(err->file, sizeof(err->file), "%s",
			 strcmp(out->path, "-") ? out->path : "standard output");
	rs_output_abort(out);
	return -errnum;
}

int rs_output_open(struct rs_output *out, const char *path, struct rs_error *err)
{
	int fd;

	memset(out, 0, sizeof(*out));
	out->path = path ? path : "-";
	out->file = rs_outfile_open(out->path, err);
	if (!out->file)
		return -errno;
	/* The stream gets a descriptor of its own, so that it can be closed for itself. */
	fd = dup(rs_outfile_fd(out->file));
	out->f = fd < 0 ? NULL : fdopen(fd, "w");
	if (out->f)
		return 0;
	if (fd >= 0)
		close(fd);
	return fail(out, errno, err);
}

int rs_output_finish(struct rs_output *out, struct rs_error *err)
{
	int errnum = 0;
	FILE *f = out->f;

	/* Of a write that failed earlier only the mark is left, not its errno. */
	if (fflush(f))
		errnum = errno;
	else if (ferror(f))
		errnum = EIO;
	out->f = NULL;
	if (fclose(f) && !errnum)
		errnum = errno;
	if (errnum)
		return fail(out, errnum, err);
	return rs_outfile_commit(out->file, err);
}

void rs_output_abort(struct rs_output *out)
{
	if (out->f)
		fclose(out->f);
	rs_outfile_abort(out->file);
	memset(out, 0, sizeof(*out));
}
