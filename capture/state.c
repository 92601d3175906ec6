// SPDX-License-Identifier: GPL-2.0-only
#include "capture/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATE_DIR "/run"
#define STATE_PREFIX "retryscope-"
#define STATE_HEAD "retryscope-state 1\n"

static int set_string(char **member, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*member);
	*member = copy;
	return 0;
}

static int read_entry(struct rs_state *st, char *line)
{
	char *value = strchr(line, ' ');

	if (!value)
		return 0;
	*value++ = '\0';
	if (!strcmp(line, "group"))
		return set_string(&st->group, value);
	if (!strcmp(line, "folder"))
		return set_string(&st->folder, value);
	if (!strcmp(line, "output"))
		return set_string(&st->output, value);
	if (!strcmp(line, "writer"))
		st->writer = (pid_t)strtol(value, NULL, 10);
	return 0;
}

/* -EINVAL: not a note of ours. A line that was not finished is not read. */
static int read_state(struct rs_state *st)
{
	char buf[3 * 4096 + 256], *save, *end;
	ssize_t n = pread(st->fd, buf, sizeof(buf) - 1, 0);
	int ret = 0;

	if (n < 0)
		return -errno;
	buf[n] = '\0';
	end = strrchr(buf, '\n');
	if (strncmp(buf, STATE_HEAD, strlen(STATE_HEAD)) || !end)
		return -EINVAL;
	*end = '\0';
	for (char *line = strtok_r(buf, "\n", &save); line && !ret;
	     line = strtok_r(NULL, "\n", &save))
		ret = read_entry(st, line);
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

	if (asprintf(&line, "%s %s\n", key, value) < 0)
		return rs_error_set(err, RS_ERR_SYSTEM, ENOMEM, "out of memory");
	ret = write_state(st, line, err);
	free(line);
	return ret;
}

int rs_state_create(struct rs_state *st, const struct rs_host *h, struct rs_error *err)
{
	struct stat sb;

	*st = (struct rs_state){ .fd = -1 };
	if (asprintf(&st->path, "%s" STATE_DIR "/" STATE_PREFIX "%d", h->root, (int)getpid()) < 0) {
		st->path = NULL;
		return rs_error_set(err, RS_ERR_SYSTEM, ENOMEM, "out of memory");
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
	if (set_string(&st->group, group))
		return rs_error_set(err, RS_ERR_SYSTEM, ENOMEM, "out of memory");
	return write_entry(st, "group", group, err);
}

int rs_state_set_files(struct rs_state *st, const char *folder, const char *output,
		       struct rs_error *err)
{
	int ret;

	if (set_string(&st->folder, folder) || set_string(&st->output, output))
		return rs_error_set(err, RS_ERR_SYSTEM, ENOMEM, "out of memory");
	ret = write_entry(st, "folder", folder, err);
	return ret ? ret : write_entry(st, "output", output, err);
}

int rs_state_set_writer(struct rs_state *st, pid_t writer, struct rs_error *err)
{
	char text[32];

	st->writer = writer;
	snprintf(text, sizeof(text), "%d", (int)writer);
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
	free(st->folder);
	free(st->output);
	*st = (struct rs_state){ .fd = -1 };
}

/* 1: it is of a recorder that lives, or no note at all. */
static int open_dead(struct rs_state *st, const char *dir, const char *name, unsigned int *alive)
{
	*st = (struct rs_state){ .fd = -1 };
	if (asprintf(&st->path, "%s/%s", dir, name) < 0) {
		st->path = NULL;
		return -ENOMEM;
	}
	st->fd = open(st->path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
	if (st->fd < 0)
		return errno == ENOENT ? 1 : -errno;
	if (flock(st->fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK)
			return -errno;
		if (alive)
			(*alive)++;
		return 1;
	}
	return read_state(st) == -ENOMEM ? -ENOMEM : 0;
}

static bool is_state_name(const char *name)
{
	size_t len = strlen(STATE_PREFIX);

	return !strncmp(name, STATE_PREFIX, len) && name[len] &&
	       strspn(name + len, "0123456789") == strlen(name + len);
}

int rs_state_each_dead(const struct rs_host *h, int (*fn)(void *arg, struct rs_state *st),
		       void *arg, unsigned int *alive, struct rs_error *err)
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
		ret = open_dead(&st, dir, entry->d_name, alive);
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
