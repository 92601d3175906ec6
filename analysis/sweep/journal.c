// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/sweep/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/array.h"

#define MAGIC "retryscope-journal 1\n"

struct piece {
	uint64_t number;
	char *text;
};

struct rs_journal {
	int fd;
	char *path;
	struct piece *pieces; /* sorted by number */
	size_t nr, max;
};

static size_t place_of(const struct rs_journal *j, uint64_t number)
{
	size_t lo = 0, hi = j->nr;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (j->pieces[mid].number < number)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const char *rs_journal_get(const struct rs_journal *j, uint64_t number)
{
	size_t i = place_of(j, number);

	return i < j->nr && j->pieces[i].number == number ? j->pieces[i].text : NULL;
}

static int keep(struct rs_journal *j, uint64_t number, const char *text, size_t len)
{
	size_t i = place_of(j, number);
	char *copy;

	if (i < j->nr && j->pieces[i].number == number)
		return 0;
	if (RS_ROOM(j->pieces, j->max, j->nr + 1))
		return -ENOMEM;
	copy = strndup(text, len);
	if (!copy)
		return -ENOMEM;
	memmove(&j->pieces[i + 1], &j->pieces[i], (j->nr - i) * sizeof(*j->pieces));
	j->pieces[i] = (struct piece){ number, copy };
	j->nr++;
	return 0;
}

static uint64_t hash_of(uint64_t number, const char *text, size_t len)
{
	return XXH64(text, len, number);
}

/*
 * "piece NUMBER LENGTH HASH\n" and the text. Returns what it takes of @text, or
 * 0 if there is no whole and sound piece.
 */
static size_t parse_piece(const char *text, size_t len, uint64_t *number, const char **body,
			  size_t *body_len)
{
	const char *nl = memchr(text, '\n', len);
	uint64_t hash;
	int n = 0;

	if (!nl ||
	    sscanf(text, "piece %" SCNu64 " %zu %" SCNx64 "\n%n", number, body_len, &hash, &n) != 3)
		return 0;
	n = (int)(nl + 1 - text);
	if (*body_len > len - (size_t)n)
		return 0;
	*body = text + n;
	return hash_of(*number, *body, *body_len) == hash ? (size_t)n + *body_len : 0;
}

/* Takes up the sound pieces of @text, which is @len bytes; returns how many bytes they are. */
static ssize_t take_up(struct rs_journal *j, const char *text, size_t len)
{
	size_t at = 0, took, body_len;
	const char *body;
	uint64_t number;

	while (at < len) {
		took = parse_piece(text + at, len - at, &number, &body, &body_len);
		if (!took)
			break;
		if (keep(j, number, body, body_len))
			return -ENOMEM;
		at += took;
	}
	return (ssize_t)at;
}

static char *read_all(int fd, size_t *len)
{
	struct stat st;
	char *text;
	size_t at = 0;

	if (fstat(fd, &st))
		return NULL;
	text = malloc((size_t)st.st_size + 1);
	while (text && at < (size_t)st.st_size) {
		ssize_t n = read(fd, text + at, (size_t)st.st_size - at);

		if (n < 0) {
			free(text);
			return NULL;
		}
		if (!n)
			break;
		at += (size_t)n;
	}
	if (text)
		text[at] = '\0';
	*len = at;
	return text;
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

/* The head: magic, and the hash of the config, which may have any text. */
static void head_of(const char *config, char *buf, size_t size)
{
	snprintf(buf, size, MAGIC "config %016" PRIx64 "\n",
		 (uint64_t)XXH64(config, strlen(config), 0));
}

/* Whether a file of @len bytes was cut off in its head: then nothing was done yet. */
static bool only_head(const char *text, size_t len, const char *head)
{
	return len < strlen(head) && !memcmp(text, head, len);
}

/* Takes up what is sound and cuts off what is not, so that pieces are added behind it. */
static int load(struct rs_journal *j, const char *config, struct rs_error *err)
{
	char head[64];
	size_t len;
	ssize_t took = 0;
	char *text = read_all(j->fd, &len);
	bool fresh;
	int ret = 0;

	if (!text)
		return rs_error_set(err, RS_ERR_SYSTEM, errno, "cannot be read: %s",
				    strerror(errno));
	head_of(config, head, sizeof(head));
	fresh = only_head(text, len, head);
	if (!fresh && (len < strlen(head) || memcmp(text, head, strlen(head))))
		ret = rs_error_set(err, RS_ERR_USAGE, EEXIST,
				   "was left by another sweep: finish that one or remove the file");
	else if (!fresh)
		took = take_up(j, text + strlen(head), len - strlen(head));
	free(text);
	if (took < 0)
		ret = rs_error_nomem(err);
	if (ret)
		return ret;
	if (fresh)
		ret = ftruncate(j->fd, 0) || lseek(j->fd, 0, SEEK_SET) < 0
			      ? -errno
			      : write_all(j->fd, head, strlen(head));
	else if (ftruncate(j->fd, (off_t)strlen(head) + took) || lseek(j->fd, 0, SEEK_END) < 0)
		ret = -errno;
	return ret ? rs_error_set(err, RS_ERR_OUTPUT, -ret, "%s", strerror(-ret)) : 0;
}

static int write_piece(struct rs_journal *j, uint64_t number, const char *text)
{
	size_t len = strlen(text);
	char *line;
	int n, ret;

	n = asprintf(&line, "piece %" PRIu64 " %zu %016" PRIx64 "\n%s", number, len,
		     hash_of(number, text, len), text);
	if (n < 0)
		return -ENOMEM;
	ret = write_all(j->fd, line, (size_t)n);
	free(line);
	return ret;
}

static int open_file(struct rs_journal *j, const char *path, struct rs_error *err)
{
	j->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (j->fd < 0)
		return rs_error_set(err, RS_ERR_OUTPUT, errno, "%s", strerror(errno));
	if (flock(j->fd, LOCK_EX | LOCK_NB))
		return rs_error_set(err, RS_ERR_USAGE, EBUSY, "another sweep is at work on it");
	j->path = strdup(path);
	return j->path ? 0 : rs_error_nomem(err);
}

struct rs_journal *rs_journal_open(const char *path, const char *config, struct rs_error *err)
{
	struct rs_journal *j = calloc(1, sizeof(*j));
	int ret;

	if (!j) {
		rs_error_nomem(err);
		errno = ENOMEM;
		return NULL;
	}
	ret = open_file(j, path, err);
	if (!ret)
		ret = load(j, config, err);
	if (!ret)
		return j;
	rs_error_set_file(err, path);
	rs_journal_close(j, false);
	errno = -ret;
	return NULL;
}

int rs_journal_put(struct rs_journal *j, uint64_t number, const char *text, struct rs_error *err)
{
	int ret = write_piece(j, number, text);

	if (!ret)
		ret = keep(j, number, text, strlen(text));
	if (!ret)
		return 0;
	rs_error_set(err, ret == -ENOMEM ? RS_ERR_SYSTEM : RS_ERR_OUTPUT, -ret, "%s",
		     strerror(-ret));
	rs_error_set_file(err, j->path);
	return ret;
}

void rs_journal_close(struct rs_journal *j, bool remove)
{
	if (!j)
		return;
	if (remove && j->path)
		unlink(j->path);
	if (j->fd >= 0)
		close(j->fd);
	for (size_t i = 0; i < j->nr; i++)
		free(j->pieces[i].text);
	free(j->pieces);
	free(j->path);
	free(j);
}
