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
#include "base/table.h"

#define MAGIC "retryscope-journal 1\n"

struct rs_journal {
	int fd;
	char *path;
	char **texts;
	size_t nr, max;
	struct rs_hash numbers; /* of which texts */
};

const char *rs_journal_get(const struct rs_journal *j, uint64_t number)
{
	const uint32_t i = rs_hash_find(&j->numbers, rs_hash_number(number), NULL, NULL);

	return i == RS_HASH_NONE ? NULL : j->texts[i];
}

static int keep(struct rs_journal *j, uint64_t number, const char *text, size_t len)
{
	if (rs_journal_get(j, number))
		return 0;
	if (RS_ROOM(j->texts, j->max, j->nr + 1))
		return -ENOMEM;
	j->texts[j->nr] = strndup(text, len);
	if (!j->texts[j->nr])
		return -ENOMEM;
	return rs_hash_add(&j->numbers, rs_hash_number(number), (uint32_t)j->nr++);
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
	char line[sizeof("piece 18446744073709551615 18446744073709551615 0123456789abcdef")];
	const char *nl = memchr(text, '\n', len);
	const size_t n = nl ? (size_t)(nl - text) : sizeof(line);
	uint64_t hash;

	if (n >= sizeof(line))
		return 0;
	/* Of all that follows sscanf() would first look for the end. */
	memcpy(line, text, n);
	line[n] = '\0';
	if (sscanf(line, "piece %" SCNu64 " %zu %" SCNx64, number, body_len, &hash) != 3 ||
	    *body_len > len - n - 1)
		return 0;
	*body = nl + 1;
	return hash_of(*number, *body, *body_len) == hash ? n + 1 + *body_len : 0;
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
	if (j->fd >= 0) {
		/* Who looks into /proc has the file for a moment longer, and would keep the lock.
		 */
		flock(j->fd, LOCK_UN);
		close(j->fd);
	}
	for (size_t i = 0; i < j->nr; i++)
		free(j->texts[i]);
	free(j->texts);
	rs_hash_free(&j->numbers);
	free(j->path);
	free(j);
}
