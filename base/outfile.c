// SPDX-License-Identifier: GPL-2.0-only
#include "base/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_TRIES 100

struct rs_outfile {
	int fd;
	char *path; /* NULL: standard output */
	char *temp; /* NULL: written directly */
};

static int write_error(int errnum, struct rs_error *err)
{
	return rs_error_set(err, RS_ERR_OUTPUT, errnum, "cannot be written: %s", strerror(errnum));
}

int rs_write_all(int fd, const void *buf, size_t size, struct rs_error *err)
{
	const char *p = buf;

	while (size) {
		ssize_t n = write(fd, p, size);

		if (n < 0 && errno == EINTR)
			return rs_error_set(err, RS_ERR_INTR, EINTR, "interrupted while writing");
		if (n < 0)
			return write_error(errno, err);
		p += n;
		size -= n;
	}
	return 0;
}

int rs_open_unnamed(struct rs_error *err)
{
	const char *dir = getenv("TMPDIR");
	char *name;
	int fd;

	if (!dir || !dir[0])
		dir = "/var/tmp";
	if (asprintf(&name, "%s/retryscope.XXXXXX", dir) < 0)
		return rs_error_nomem(err);
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		fd = rs_error_set(err, RS_ERR_OUTPUT, errno,
				  "no temporary file can be made in %s: %s", dir, strerror(errno));
	else
		unlink(name);
	free(name);
	return fd;
}

/* A name of its own beside the target; like open(), so that the umask applies. */
static int open_temp(struct rs_outfile *out)
{
	for (int i = 0; i < NAME_TRIES; i++) {
		if (asprintf(&out->temp, "%s.%d-%d.tmp", out->path, (int)getpid(), i) < 0) {
			out->temp = NULL;
			return -ENOMEM;
		}
		out->fd = open(out->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (out->fd >= 0)
			return 0;
		free(out->temp);
		out->temp = NULL;
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

static int open_path(struct rs_outfile *out, const char *path)
{
	struct stat st;

	if (!strcmp(path, "-")) {
		out->fd = STDOUT_FILENO;
		return 0;
	}
	if (stat(path, &st)) {
		if (errno != ENOENT)
			return -errno;
		out->path = strdup(path);
		return out->path ? open_temp(out) : -ENOMEM;
	}
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (access(path, W_OK))
		return -errno;
	out->path = realpath(path, NULL);
	if (!out->path)
		return -errno;
	if (S_ISREG(st.st_mode))
		return open_temp(out);
	out->fd = open(path, O_WRONLY | O_CLOEXEC);
	return out->fd < 0 ? -errno : 0;
}

struct rs_outfile *rs_outfile_open(const char *path, struct rs_error *err)
{
	struct rs_outfile *out = calloc(1, sizeof(*out));
	int rc = -ENOMEM;

	if (out) {
		out->fd = -1;
		rc = open_path(out, path);
	}
	if (!rc)
		return out;
	rs_outfile_abort(out);
	write_error(-rc, err);
	errno = -rc;
	return NULL;
}

int rs_outfile_fd(const struct rs_outfile *out)
{
	return out->fd;
}

static void free_outfile(struct rs_outfile *out)
{
	free(out->temp);
	free(out->path);
	free(out);
}

int rs_outfile_commit(struct rs_outfile *out, struct rs_error *err)
{
	int rc = 0;

	if (out->path && close(out->fd))
		rc = write_error(errno, err);
	if (!rc && out->temp && rename(out->temp, out->path))
		rc = write_error(errno, err);
	if (rc && out->temp)
		unlink(out->temp);
	free_outfile(out);
	return rc;
}

void rs_outfile_abort(struct rs_outfile *out)
{
	if (!out)
		return;
	if (out->path && out->fd >= 0)
		close(out->fd);
	if (out->temp)
		unlink(out->temp);
	free_outfile(out);
}
