// SPDX-License-Identifier: GPL-2.0-only
#include "capture/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATE_DIR "/run"
#define STATE_PREFIX "retryscope-"
#define STATE_HEAD "retryscope-state 2\n"
#define STATE_HEAD_1 "retryscope-state 1\n"
/* Three paths and some numbers. */
#define MAX_STATE (4 * PATH_MAX)

static int set_string(char **member, const char *value, size_t len)
{
	char *copy = strndup(value, len);

	if (!copy)
		return -ENOMEM;
	free(*member);
	*member = copy;
	return 0;
}

/* "DEVICE:INODE" */
static void read_id(struct rs_file_id *id, const char *value)
{
	sscanf(value, "%" SCNu64 ":%" SCNu64, &id->dev, &id->ino);
}

/* @value ends with a NUL behind its @len bytes; one with a NUL in it is none of ours. */
static int read_entry(struct rs_state *st, const char *key, const char *value, size_t len)
{
	if (!strcmp(key, "group"))
		return set_string(&st->group, value, len);
	if (!strcmp(key, "dir"))
		return set_string(&st->folder.dir, value, len);
	if (!strcmp(key, "dir_id"))
		read_id(&st->folder.dir_id, value);
	else if (!strcmp(key, "folder"))
		return set_string(&st->folder.name, value, len);
	else if (!strcmp(key, "folder_id"))
		read_id(&st->folder.id, value);
	else if (!strcmp(key, "output"))
		return set_string(&st->folder.output, value, len);
	else if (!strcmp(key, "writer"))
		sscanf(value, "%d %llu", &st->writer, &st->started);
	return 0;
}

/* "KEY LENGTH VALUE\n" at @text. The end of it; NULL: it is not whole. */
static char *read_line(struct rs_state *st, char *text, char *end, int *ret)
{
	char key[16], *value;
	size_t len;
	int n = 0;

	if (sscanf(text, "%15[a-z_] %zu%n", key, &len, &n) != 2 || text[n] != ' ')
		return NULL;
	value = text + n + 1;
	if (len >= (size_t)(end - value) || value[len] != '\n')
		return NULL;
	value[len] = '\0';
	*ret = read_entry(st, key, value, len);
	return value + len + 1;
}

/* A path of version 1, in its two parts. */
static int split_path(const char *path, char **dir, char **name)
{
	const char *slash = strrchr(path, '/');
	int ret = slash ? set_string(dir, path, slash > path ? (size_t)(slash - path) : 1) : 0;

	return ret ? ret : set_string(name, slash ? slash + 1 : path, strlen(path));
}

/*
 * Version 1 had no inodes, and a path with a newline was more than one line: what
 * is not a name as that version made it, beside the output, is not taken.
 */
static int read_version_1(struct rs_state *st, char *text)
{
	char *save, *folder = NULL, *output = NULL, *expected = NULL;
	int ret = 0;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (!strncmp(line, "folder ", 7))
			folder = line + 7;
		else if (!strncmp(line, "output ", 7))
			output = line + 7;
		else if (!strncmp(line, "group ", 6))
			ret = set_string(&st->group, line + 6, strlen(line + 6));
		if (ret)
			return ret;
	}
	if (!folder || !output)
		return 0;
	if (asprintf(&expected, "%s.part-%d", output, (int)st->pid) < 0)
		return -ENOMEM;
	if (!strcmp(folder, expected)) {
		ret = split_path(folder, &st->folder.dir, &st->folder.name);
		if (!ret)
			ret = split_path(output, &st->folder.dir, &st->folder.output);
	}
	free(expected);
	return ret;
}

static bool skip_head(char **text, const char *head)
{
	if (strncmp(*text, head, strlen(head)))
		return false;
	*text += strlen(head);
	return true;
}

/* -EINVAL: not a note of ours, or one of a newer version. */
static int read_state(struct rs_state *st)
{
	char *buf, *text, *end;
	struct stat sb;
	ssize_t n;
	int ret = 0;

	if (fstat(st->fd, &sb))
		return -errno;
	if (!S_ISREG(sb.st_mode) || sb.st_uid != geteuid())
		return -EINVAL;
	text = buf = malloc(MAX_STATE + 1);
	if (!buf)
		return -ENOMEM;
	n = pread(st->fd, buf, MAX_STATE, 0);
	if (n < 0) {
		ret = -errno;
		free(buf);
		return ret;
	}
	buf[n] = '\0';
	end = strrchr(buf, '\n');
	if (!end) {
		ret = -EINVAL;
	} else if (skip_head(&text, STATE_HEAD)) {
		st->version = 2;
		while (text && !ret)
			text = read_line(st, text, buf + n, &ret);
	} else if (skip_head(&text, STATE_HEAD_1)) {
		st->version = 1;
		/* A line that was not finished is not read, the first one neither. */
		*end = '\0';
		ret = read_version_1(st, text < end ? text : end);
	} else {
		ret = -EINVAL;
	}
	free(buf);
	return ret;
}

static int write_state(struct rs_state *st, const char *text, struct rs_error *err)
{
	size_t len = strlen(text);
	ssize_t n = write(st->fd, text, len);

	if (n == (ssize_t)len)
		return 0;
	return rs_error_set(err, RS_ERR_OUTPUT, n < 0 ? errno : ENOSPC, "cannot write %s: %s",
			    st->path, strerror(n < 0 ? errno : ENOSPC));
}

static int write_entry(struct rs_state *st, const char *key, const char *value,
		       struct rs_error *err)
{
	char *line;
	int ret;

	if (asprintf(&line, "%s %zu %s\n", key, strlen(value), value) < 0)
		return rs_error_nomem(err);
	ret = write_state(st, line, err);
	free(line);
	return ret;
}

int rs_state_create(struct rs_state *st, const struct rs_host *h, struct rs_error *err)
{
	struct stat sb;

	*st = RS_STATE_NONE;
	st->pid = getpid();
	if (asprintf(&st->path, "%s" STATE_DIR "/" STATE_PREFIX "%d", h->root, (int)getpid()) < 0) {
		st->path = NULL;
		return rs_error_nomem(err);
	}
	st->fd = open(st->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (st->fd < 0)
		return rs_error_set(err, RS_ERR_OUTPUT, errno, "cannot write %s: %s", st->path,
				    strerror(errno));
	if (flock(st->fd, LOCK_EX | LOCK_NB)) {
		int errnum = errno;

		/* Not ours, so it must not be removed as if it were. */
		close(st->fd);
		st->fd = -1;
		return rs_error_set(err, RS_ERR_HOST, errnum, "cannot lock %s: %s", st->path,
				    strerror(errnum));
	}
	if (!fstat(st->fd, &sb) && sb.st_size) {
		read_state(st);
		return rs_error_set(err, RS_ERR_HOST, EEXIST,
				    "%s is of a recorder that was killed; run `retryscope record "
				    "--cleanup`",
				    st->path);
	}
	return write_state(st, STATE_HEAD, err);
}

int rs_state_set_group(struct rs_state *st, const char *group, struct rs_error *err)
{
	if (set_string(&st->group, group, strlen(group)))
		return rs_error_nomem(err);
	return write_entry(st, "group", group, err);
}

static int write_id(struct rs_state *st, const char *key, struct rs_file_id id,
		    struct rs_error *err)
{
	char text[64];

	snprintf(text, sizeof(text), "%" PRIu64 ":%" PRIu64, id.dev, id.ino);
	return write_entry(st, key, text, err);
}

int rs_state_set_folder(struct rs_state *st, const struct rs_folder *folder, struct rs_error *err)
{
	int ret = write_entry(st, "dir", folder->dir, err);

	if (!ret)
		ret = write_id(st, "dir_id", folder->dir_id, err);
	if (!ret)
		ret = write_entry(st, "output", folder->output, err);
	return ret ? ret : write_entry(st, "folder", folder->name, err);
}

int rs_state_set_folder_id(struct rs_state *st, const struct rs_folder *folder,
			   struct rs_error *err)
{
	return write_id(st, "folder_id", folder->id, err);
}

int rs_state_set_writer(struct rs_state *st, pid_t writer, unsigned long long started,
			struct rs_error *err)
{
	char text[64];

	st->writer = writer;
	st->started = started;
	snprintf(text, sizeof(text), "%d %llu", (int)writer, started);
	return write_entry(st, "writer", text, err);
}

void rs_state_remove(struct rs_state *st)
{
	if (st->fd >= 0)
		unlink(st->path);
	rs_state_close(st);
}

void rs_state_close(struct rs_state *st)
{
	if (st->fd >= 0)
		close(st->fd);
	free(st->path);
	free(st->group);
	rs_folder_close(&st->folder);
	*st = RS_STATE_NONE;
}

/* 1: it is of a recorder that lives, or no note at all. */
static int open_dead(struct rs_state *st, const char *dir, const char *name,
		     struct rs_state_counts *counts)
{
	int ret;

	*st = RS_STATE_NONE;
	st->pid = (pid_t)atoi(name + strlen(STATE_PREFIX));
	if (asprintf(&st->path, "%s/%s", dir, name) < 0) {
		st->path = NULL;
		return -ENOMEM;
	}
	/* A FIFO of such a name must not be waited for. */
	st->fd = open(st->path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (st->fd < 0 && errno != ENOENT && errno != ELOOP && errno != EISDIR && errno != ENXIO)
		return -errno;
	if (st->fd < 0) {
		counts->foreign += errno != ENOENT;
		return 1;
	}
	if (flock(st->fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK)
			return -errno;
		counts->alive++;
		return 1;
	}
	ret = read_state(st);
	if (ret != -EINVAL)
		return ret;
	counts->foreign++;
	return 1;
}

static bool is_state_name(const char *name)
{
	size_t len = strlen(STATE_PREFIX);

	return !strncmp(name, STATE_PREFIX, len) && name[len] &&
	       strspn(name + len, "0123456789") == strlen(name + len);
}

int rs_state_each_dead(const struct rs_host *h, int (*fn)(void *arg, struct rs_state *st),
		       void *arg, struct rs_state_counts *counts, struct rs_error *err)
{
	char *dir = rs_host_path(h, STATE_DIR);
	struct dirent *entry;
	DIR *d = dir ? opendir(dir) : NULL;
	int ret = 0;

	if (!d) {
		ret = rs_error_set(err, RS_ERR_HOST, errno, "cannot read %s%s: %s", h->root,
				   STATE_DIR, strerror(errno));
		free(dir);
		return ret;
	}
	while (!ret && (entry = readdir(d))) {
		struct rs_state st;

		if (!is_state_name(entry->d_name))
			continue;
		ret = open_dead(&st, dir, entry->d_name, counts);
		if (ret < 0)
			rs_error_set(err, RS_ERR_HOST, -ret, "cannot read %s/%s: %s", dir,
				     entry->d_name, strerror(-ret));
		else if (!ret)
			ret = fn(arg, &st);
		else
			ret = 0;
		rs_state_close(&st);
	}
	closedir(d);
	free(dir);
	return ret;
}
