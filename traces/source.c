// SPDX-License-Identifier: GPL-2.0-only
#include "traces/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/budget.h"
#include "base/outfile.h"
#include "base/read_at.h"
#include "traces/unpack.h"

#define IN_SIZE (256U << 10)

struct rs_source {
	int fd;
	bool regular; /* a file that can be read again from @base */
	off_t base;   /* standard input may be a file that was read from before */
	uint64_t total, done;
	struct rs_unpack *unpack; /* NULL: not compressed */
	unsigned char *in;	  /* stored bytes not yet handed on */
	size_t in_pos, in_len;
	unsigned char head[RS_SOURCE_HEAD];
	size_t head_pos, head_len;
	uint64_t made; /* bytes, of compressed ones */
	char fd_path[32];
};

static ssize_t read_fd(struct rs_source *s, void *buf, size_t size, struct rs_error *err)
{
	ssize_t n = read(s->fd, buf, size);

	if (n < 0 && errno == EINTR)
		return rs_error_set(err, RS_ERR_INTR, EINTR, "interrupted while reading");
	if (n < 0)
		return rs_error_set(err, RS_ERR_SYSTEM, errno, "cannot be read: %s",
				    strerror(errno));
	s->done += n;
	return n;
}

/* Refills the empty buffer of stored bytes. 0: the end. */
static ssize_t fill_in(struct rs_source *s, struct rs_error *err)
{
	ssize_t n = read_fd(s, s->in, IN_SIZE, err);

	s->in_pos = 0;
	s->in_len = n > 0 ? n : 0;
	return n;
}

static ssize_t read_plain(struct rs_source *s, void *buf, size_t size, struct rs_error *err)
{
	size_t n = s->in_len - s->in_pos;

	if (!n)
		return read_fd(s, buf, size, err);
	if (n > size)
		n = size;
	memcpy(buf, s->in + s->in_pos, n);
	s->in_pos += n;
	return n;
}

/* What is broken is so where it could not go on. */
static int broken_here(const struct rs_source *s, struct rs_error *err)
{
	if (err)
		err->offset = s->done - (s->in_len - s->in_pos);
	return -EINVAL;
}

static int unpack_step(struct rs_source *s, struct rs_unpack_out *out, struct rs_error *err)
{
	struct rs_unpack_in in = { s->in, s->in_len, s->in_pos };
	const int ret = rs_unpack_step(s->unpack, &in, out, err);

	s->in_pos = in.pos;
	s->made += out->pos;
	if (ret == -EINVAL)
		return broken_here(s, err);
	if (!ret && s->made > rs_budget_of(s->done))
		return rs_budget_met(err, "what it is unpacked to");
	return ret;
}

static ssize_t read_packed(struct rs_source *s, void *buf, size_t size, struct rs_error *err)
{
	struct rs_unpack_out out = { buf, size, 0 };

	while (!out.pos) {
		ssize_t n = unpack_step(s, &out, err);

		if (n < 0)
			return n;
		if (out.pos || s->in_pos < s->in_len)
			continue;
		n = fill_in(s, err);
		if (n < 0)
			return n;
		if (!n && rs_unpack_end(s->unpack, err))
			return broken_here(s, err);
		if (!n)
			break;
	}
	return out.pos;
}

/* Past the head, which was read when the source was opened. */
static ssize_t read_body(struct rs_source *s, void *buf, size_t size, struct rs_error *err)
{
	return s->unpack ? read_packed(s, buf, size, err) : read_plain(s, buf, size, err);
}

ssize_t rs_source_read(struct rs_source *s, void *buf, size_t size, struct rs_error *err)
{
	size_t n = s->head_len - s->head_pos;

	if (!n)
		return read_body(s, buf, size, err);
	if (n > size)
		n = size;
	memcpy(buf, s->head + s->head_pos, n);
	s->head_pos += n;
	return n;
}

static int fill_head(struct rs_source *s, struct rs_error *err)
{
	s->head_pos = 0;
	s->head_len = 0;
	while (s->head_len < sizeof(s->head)) {
		ssize_t n = read_body(s, s->head + s->head_len, sizeof(s->head) - s->head_len, err);

		if (n < 0)
			return n;
		if (!n)
			break;
		s->head_len += n;
	}
	return 0;
}

/* Reads until the magic number can be told, however small the pieces of a pipe. */
static int sniff(struct rs_source *s, struct rs_error *err)
{
	while (s->in_len < RS_UNPACK_MAGIC) {
		ssize_t n = read_fd(s, s->in + s->in_len, IN_SIZE - s->in_len, err);

		if (n < 0)
			return n;
		if (!n)
			break;
		s->in_len += n;
	}
	if (!s->in_len)
		return rs_error_set(err, RS_ERR_INPUT, EINVAL, "the file is empty");
	return rs_unpack_new(s->in, s->in_len, &s->unpack, err);
}

static int open_fd(struct rs_source *s, const char *path, struct rs_error *err)
{
	struct stat st;

	s->fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	if (s->fd < 0 || fstat(s->fd, &st))
		return rs_error_set(err, RS_ERR_INPUT, errno, "cannot be opened: %s",
				    strerror(errno));
	if (S_ISDIR(st.st_mode))
		return rs_error_set(err, RS_ERR_INPUT, EISDIR, "is a directory, not a trace");
	if (!S_ISREG(st.st_mode))
		return 0;
	s->base = lseek(s->fd, 0, SEEK_CUR);
	s->regular = s->base >= 0;
	s->total = st.st_size > s->base ? st.st_size - s->base : 0;
	return 0;
}

struct rs_source *rs_source_open(const char *path, struct rs_error *err)
{
	struct rs_source *s = calloc(1, sizeof(*s));
	int rc;

	if (s) {
		s->fd = -1;
		s->in = malloc(IN_SIZE);
	}
	if (!s || !s->in)
		rc = rs_error_nomem(err);
	else
		rc = open_fd(s, path, err);
	if (!rc)
		rc = sniff(s, err);
	if (!rc)
		rc = fill_head(s, err);
	if (!rc)
		return s;
	rs_source_close(s);
	errno = -rc;
	return NULL;
}

static void close_fd(struct rs_source *s)
{
	if (s->fd > STDIN_FILENO)
		close(s->fd);
}

void rs_source_close(struct rs_source *s)
{
	if (!s)
		return;
	close_fd(s);
	rs_unpack_free(s->unpack);
	free(s->in);
	free(s);
}

const unsigned char *rs_source_peek(const struct rs_source *s, size_t *len)
{
	*len = s->head_len;
	return s->head;
}

int rs_source_rewind(struct rs_source *s, struct rs_error *err)
{
	if (!s->regular)
		return rs_error_set(err, RS_ERR_INPUT, ESPIPE, "a pipe cannot be read twice");
	if (lseek(s->fd, s->base, SEEK_SET) < 0)
		return rs_error_set(err, RS_ERR_SYSTEM, errno, "cannot be read again: %s",
				    strerror(errno));
	s->done = 0;
	s->in_pos = 0;
	s->in_len = 0;
	s->made = 0;
	if (s->unpack)
		rs_unpack_rewind(s->unpack);
	return fill_head(s, err);
}

uint64_t rs_source_done(const struct rs_source *s)
{
	return s->done;
}

uint64_t rs_source_total(const struct rs_source *s)
{
	return s->total;
}

void rs_source_set_done(struct rs_source *s, uint64_t done)
{
	s->done = done;
}

int rs_source_copy(struct rs_source *s, int fd, uint64_t *at, struct rs_error *err)
{
	unsigned char *buf = malloc(IN_SIZE);
	ssize_t n = 0;
	int rc = 0;

	if (!buf)
		return rs_error_nomem(err);
	while (!rc && (n = rs_source_read(s, buf, IN_SIZE, err)) > 0) {
		rc = rs_write_all(fd, buf, n, err);
		*at += (uint64_t)n;
	}
	free(buf);
	return rc ? rc : (int)n;
}

/* Makes the source a plain temporary file with the same bytes. */
static int materialise(struct rs_source *s, struct rs_error *err)
{
	int fd = rs_open_unnamed(err);
	uint64_t at = 0;
	int rc;

	if (fd < 0)
		return fd;
	rc = s->regular ? rs_source_rewind(s, err) : 0;
	if (!rc)
		rc = rs_source_copy(s, fd, &at, err);
	if (rc) {
		close(fd);
		return rc;
	}
	return rs_source_become(s, fd, err);
}

int rs_source_become(struct rs_source *s, int fd, struct rs_error *err)
{
	close_fd(s);
	rs_unpack_free(s->unpack);
	s->unpack = NULL;
	s->fd = fd;
	s->regular = true;
	s->base = 0;
	s->total = lseek(fd, 0, SEEK_END);
	return rs_source_rewind(s, err);
}

const char *rs_source_seekable_path(struct rs_source *s, struct rs_error *err)
{
	if (!s->regular || s->unpack || s->base) {
		int rc = materialise(s, err);

		if (rc) {
			errno = -rc;
			return NULL;
		}
	}
	/* Not the name that was given: by now it may be another file's. */
	snprintf(s->fd_path, sizeof(s->fd_path), "/proc/self/fd/%d", s->fd);
	return s->fd_path;
}

bool rs_source_is_plain(const struct rs_source *s, uint64_t *size)
{
	*size = s->total;
	return s->regular && !s->unpack && !s->base;
}

/* Not by a map: of a file that is cut off meanwhile a map kills who reads it. */
ssize_t rs_source_read_at(const struct rs_source *s, void *buf, size_t size, uint64_t offset,
			  struct rs_error *err)
{
	const ssize_t n = rs_read_at(s->fd, buf, size, offset);

	if (n < 0)
		return rs_error_set(err, RS_ERR_SYSTEM, (int)-n, "cannot be read: %s",
				    strerror((int)-n));
	return n;
}
