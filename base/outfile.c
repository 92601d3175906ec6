// SPDX-License-Identifier: GPL-2.0-only
#include "base/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/temp.h"

#define NAME_TRIES 100

struct rs_outfile {
	int fd;	    /* -1: closed */
	char *path; /* NULL: not ours to close */
	char *temp; /* NULL: written directly */
};

static int write_error(int errnum, struct rs_error *err)
{
	return rs_error_set(err, RS_ERR_OUTPUT, errnum, "cannot be written: %s", strerror(errnum));
}

/*
 * A write to what can block is cut short by a signal's handler alone, if it waits at
 * all: to go on would be to wait for the reader once more.
 */
static bool cut_short(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && !S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode) &&
	       !(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

static int interrupted(struct rs_error *err)
{
	return rs_error_set(err, RS_ERR_INTR, EINTR, "interrupted while writing");
}

/* Somebody else made the pipe that we inherited non-blocking. */
static int wait_for_room(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, -1) < 0 ? -errno : 0;
}

int rs_write_all(int fd, const void *buf, size_t size, struct rs_error *err)
{
	const char *p = buf;

	while (size) {
		ssize_t n = write(fd, p, size);
		int rc = n < 0 ? -errno : 0;

		if (rc == -EAGAIN && !(rc = wait_for_room(fd)))
			continue;
		if (rc == -EINTR)
			return interrupted(err);
		if (rc)
			return write_error(-rc, err);
		p += n;
		size -= (size_t)n;
		if (size && cut_short(fd))
			return interrupted(err);
	}
	return 0;
}

int rs_open_unnamed(struct rs_error *err)
{
	const char *dir = rs_temp_dir();
	char *name;
	int fd;

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

/* The access list that a file has besides its mode; most have none. */
static void copy_acl(const char *from, int to)
{
	static const char name[] = "system.posix_acl_access";
	char acl[4096];
	ssize_t n = getxattr(from, name, acl, sizeof(acl));

	if (n > 0)
		fsetxattr(to, name, acl, (size_t)n, 0);
}

/* For nobody else until it has what the one that it replaces, @old, has. */
static int keep_attributes(const struct rs_outfile *out, const struct stat *old)
{
	/* Only root may give a file away, and to whom it may, who can write it, is its own. */
	if (fchown(out->fd, old->st_uid, old->st_gid) && fchown(out->fd, (uid_t)-1, old->st_gid) &&
	    (old->st_mode & 070) && old->st_gid != getegid())
		return fchmod(out->fd, old->st_mode & 0707) ? -errno : 0;
	if (fchmod(out->fd, old->st_mode & 07777))
		return -errno;
	copy_acl(out->path, out->fd);
	return 0;
}

/* A name of its own beside the target; like open(), so that the umask applies. */
static int open_temp(struct rs_outfile *out, const struct stat *old)
{
	for (int i = 0; i < NAME_TRIES; i++) {
		if (asprintf(&out->temp, "%s.%d-%d.tmp", out->path, (int)getpid(), i) < 0) {
			out->temp = NULL;
			return -ENOMEM;
		}
		out->fd =
			open(out->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, old ? 0600 : 0666);
		if (out->fd >= 0) {
			rs_temp_add(out->temp);
			return old ? keep_attributes(out, old) : 0;
		}
		free(out->temp);
		out->temp = NULL;
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

/* The descriptor of this process that @path names; -1: none. */
static int fd_of_path(const char *path)
{
	static const char *const folders[] = { "/dev/fd/", "/proc/self/fd/" };
	unsigned int fd;
	int end = 0;

	if (!strcmp(path, "-") || !strcmp(path, "/dev/stdout"))
		return STDOUT_FILENO;
	if (!strcmp(path, "/dev/stderr"))
		return STDERR_FILENO;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		size_t n = strlen(folders[i]);

		if (!strncmp(path, folders[i], n) && path[n] >= '0' && path[n] <= '9' &&
		    sscanf(path + n, "%9u%n", &fd, &end) == 1 && !path[n + (size_t)end])
			return (int)fd;
	}
	return -1;
}

/* What is no regular file, or is open already, keeps what it has and where it is. */
static int open_directly(struct rs_outfile *out, const char *path)
{
	out->path = strdup(path);
	if (!out->path)
		return -ENOMEM;
	out->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	return out->fd < 0 ? -errno : 0;
}

static int open_path(struct rs_outfile *out, const char *path)
{
	struct stat st;
	int fd = fd_of_path(path);

	if (fd >= 0) {
		out->fd = fd;
		return fcntl(fd, F_GETFD) < 0 ? -errno : 0;
	}
	if (stat(path, &st)) {
		if (errno != ENOENT)
			return -errno;
		out->path = strdup(path);
		return out->path ? open_temp(out, NULL) : -ENOMEM;
	}
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (access(path, W_OK))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return open_directly(out, path);
	out->path = realpath(path, NULL);
	return out->path ? open_temp(out, &st) : -errno;
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
	if (rc == -EINTR)
		interrupted(err);
	else
		write_error(-rc, err);
	errno = -rc;
	return NULL;
}

/* The folder in which the temporary of @target is made. */
static int check_folder(const char *target)
{
	const char *slash = strrchr(target, '/');
	char *dir = slash ? strndup(target, slash > target ? (size_t)(slash - target) : 1) : NULL;
	int rc = slash && !dir ? -ENOMEM : 0;

	if (!rc && access(dir ? dir : ".", W_OK | X_OK))
		rc = -errno;
	free(dir);
	return rc;
}

static int check_path(const char *path)
{
	struct stat st;
	int fd = fd_of_path(path), rc;
	char *real;

	if (fd >= 0)
		return fcntl(fd, F_GETFD) < 0 ? -errno : 0;
	if (stat(path, &st))
		return errno == ENOENT ? check_folder(path) : -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (access(path, W_OK))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return 0;
	real = realpath(path, NULL);
	rc = real ? check_folder(real) : -errno;
	free(real);
	return rc;
}

int rs_outfile_check(const char *path, struct rs_error *err)
{
	int rc = check_path(path);

	return rc ? write_error(-rc, err) : 0;
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

/* A disk that fills up may say so only when the bytes are to be there. */
static int flush(const struct rs_outfile *out)
{
	if (!out->temp || !fsync(out->fd) || errno == EINVAL || errno == EROFS)
		return 0;
	return -errno;
}

int rs_outfile_close(struct rs_outfile *out, struct rs_error *err)
{
	int rc = 0;

	if (!out->path || out->fd < 0)
		return 0;
	rc = flush(out);
	if (close(out->fd) && !rc)
		rc = -errno;
	out->fd = -1;
	return rc ? write_error(-rc, err) : 0;
}

static void remove_temp(struct rs_outfile *out)
{
	if (!out->temp)
		return;
	unlink(out->temp);
	rs_temp_forget(out->temp);
}

int rs_outfile_commit(struct rs_outfile *out, struct rs_error *err)
{
	int rc = rs_outfile_close(out, err);

	if (!rc && out->temp && rename(out->temp, out->path))
		rc = write_error(errno, err);
	if (rc)
		remove_temp(out);
	else
		rs_temp_forget(out->temp);
	free_outfile(out);
	return rc;
}

void rs_outfile_abort(struct rs_outfile *out)
{
	if (!out)
		return;
	if (out->path && out->fd >= 0)
		close(out->fd);
	remove_temp(out);
	free_outfile(out);
}
