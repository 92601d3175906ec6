// SPDX-License-Identifier: GPL-2.0-only
#include "cli/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(struct rs_output *out, int errnum, struct rs_error *err)
{
	rs_error_set(err, RS_ERR_OUTPUT, errnum, "cannot write: %s", strerror(errnum));
	if (err)
		snprintf(err->file, sizeof(err->file), "%s",
			 out->path ? out->path : "standard output");
	rs_output_abort(out);
	return -errnum;
}

static int open_temporary(struct rs_output *out)
{
	mode_t mask = umask(0);
	int fd;

	umask(mask);
	if (asprintf(&out->temp, "%s.XXXXXX", out->path) < 0) {
		out->temp = NULL;
		return -ENOMEM;
	}
	fd = mkstemp(out->temp);
	if (fd < 0) {
		int errnum = errno;

		free(out->temp);
		out->temp = NULL;
		return -errnum;
	}
	/* mkstemp() makes it private; the result gets what a plain open() would give it. */
	fchmod(fd, 0666 & ~mask);
	out->f = fdopen(fd, "w");
	return out->f ? 0 : -errno;
}

int rs_output_open(struct rs_output *out, const char *path, struct rs_error *err)
{
	struct stat st;
	int rc;

	memset(out, 0, sizeof(*out));
	if (!path || !strcmp(path, "-")) {
		out->f = stdout;
		return 0;
	}
	out->path = strdup(path);
	if (!out->path)
		return fail(out, ENOMEM, err);
	if (!stat(path, &st) && S_ISDIR(st.st_mode))
		return fail(out, EISDIR, err);
	if (!stat(path, &st) && !S_ISREG(st.st_mode)) {
		out->f = fopen(path, "w");
		return out->f ? 0 : fail(out, errno, err);
	}
	rc = open_temporary(out);
	return rc ? fail(out, -rc, err) : 0;
}

int rs_output_finish(struct rs_output *out, struct rs_error *err)
{
	int errnum = 0;

	/* A write that failed earlier left only the mark: its errno is gone. */
	if (fflush(out->f))
		errnum = errno;
	else if (ferror(out->f))
		errnum = EIO;
	if (out->path) {
		if (fclose(out->f) && !errnum)
			errnum = errno;
		out->f = NULL;
	}
	if (!errnum && out->temp && rename(out->temp, out->path))
		errnum = errno;
	if (errnum)
		return fail(out, errnum, err);
	free(out->temp);
	free(out->path);
	memset(out, 0, sizeof(*out));
	return 0;
}

void rs_output_abort(struct rs_output *out)
{
	if (out->f && out->path)
		fclose(out->f);
	if (out->temp)
		unlink(out->temp);
	free(out->temp);
	free(out->path);
	memset(out, 0, sizeof(*out));
}
