// SPDX-License-Identifier: GPL-2.0-only
#include "capture/folder.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define OPEN_FOLDER (O_RDONLY | O_DIRECTORY | O_CLOEXEC)
/* As many names are tried for a capture whose own is taken. */
#define MAX_NAMES 100

static struct rs_file_id id_of(const struct stat *st)
{
	return (struct rs_file_id){ .dev = (uint64_t)st->st_dev, .ino = (uint64_t)st->st_ino };
}

static bool same_id(struct rs_file_id a, struct rs_file_id b)
{
	return a.dev == b.dev && a.ino == b.ino;
}

int rs_folder_open_dir(struct rs_folder *f, const char *output, pid_t pid)
{
	const char *slash = strrchr(output, '/'), *name = slash ? slash + 1 : output;
	char *dir = slash ? strndup(output, slash > output ? (size_t)(slash - output) : 1)
			  : strdup(".");
	struct stat st;

	*f = RS_FOLDER_NONE;
	if (!*name) {
		free(dir);
		return -EISDIR;
	}
	f->output = strdup(name);
	if (asprintf(&f->name, "%s.part-%d", name, (int)pid) < 0)
		f->name = NULL;
	if (!dir || !f->output || !f->name) {
		free(dir);
		return -ENOMEM;
	}
	f->dir_fd = open(dir, OPEN_FOLDER);
	f->dir = f->dir_fd < 0 ? NULL : realpath(dir, NULL);
	free(dir);
	if (!f->dir || fstat(f->dir_fd, &st))
		return -errno;
	f->dir_id = id_of(&st);
	return 0;
}

/* Opens the folder itself, whatever its name has become a link to. */
static int open_own(struct rs_folder *f, struct stat *st)
{
	f->fd = openat(f->dir_fd, f->name, OPEN_FOLDER | O_NOFOLLOW);
	if (f->fd < 0)
		return errno == ELOOP || errno == ENOTDIR ? -ESTALE : -errno;
	if (fstat(f->fd, st))
		return -errno;
	return st->st_uid == geteuid() ? 0 : -ESTALE;
}

int rs_folder_make(struct rs_folder *f)
{
	struct stat st;
	int ret;

	if (mkdirat(f->dir_fd, f->name, 0700))
		return -errno;
	ret = open_own(f, &st);
	if (!ret && (st.st_mode & 077))
		ret = -ESTALE; /* not the one that was made */
	if (ret)
		return ret;
	f->id = id_of(&st);
	return 0;
}

int rs_folder_reopen(struct rs_folder *f)
{
	struct stat st;
	int ret;

	f->fd = -1;
	f->dir_fd = open(f->dir, OPEN_FOLDER);
	if (f->dir_fd < 0)
		return errno == ENOTDIR ? -ESTALE : -errno;
	if (fstat(f->dir_fd, &st))
		return -errno;
	if (f->dir_id.ino && !same_id(f->dir_id, id_of(&st)))
		return -ESTALE;
	ret = open_own(f, &st);
	if (!ret && (f->id.ino ? !same_id(f->id, id_of(&st)) : (st.st_mode & 022) != 0))
		ret = -ESTALE;
	if (!ret) {
		f->id = id_of(&st);
	} else if (f->fd >= 0) {
		close(f->fd);
		f->fd = -1;
	}
	return ret;
}

/* trace.dat.cpu3, trace.dat.INSTANCE.cpu3 */
static bool is_cpu_file(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && !strncmp(dot, ".cpu", 4) && isdigit((unsigned char)dot[4]);
}

static bool is_of_trace_cmd(const char *name)
{
	return !strncmp(name, RS_TRACE_CMD_FILE, strlen(RS_TRACE_CMD_FILE));
}

/* Calls @fn for each file that trace-cmd makes; the first nonzero return ends it. */
static int each_file(const struct rs_folder *f, int (*fn)(void *arg, int dir, const char *name),
		     void *arg)
{
	/* Opened anew, for a position of its own. */
	int fd = openat(f->fd, ".", OPEN_FOLDER), ret = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!d) {
		ret = -errno;
		if (fd >= 0)
			close(fd);
		return ret;
	}
	while (!ret && (entry = readdir(d)))
		if (is_of_trace_cmd(entry->d_name))
			ret = fn(arg, fd, entry->d_name);
	closedir(d);
	return ret;
}

static int add_size(void *arg, int dir, const char *name)
{
	uint64_t *bytes = arg;
	struct stat st;

	if (is_cpu_file(name) && !fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
		*bytes += (uint64_t)st.st_size;
	return 0;
}

uint64_t rs_folder_temp_bytes(const struct rs_folder *f)
{
	uint64_t bytes = 0;

	each_file(f, add_size, &bytes);
	return bytes;
}

static int refuse_part(void *arg, int dir, const char *name)
{
	bool *found = arg;
	struct stat st;

	if (is_cpu_file(name))
		return 1;
	if (!strcmp(name, RS_TRACE_CMD_FILE) && !fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
		*found = S_ISREG(st.st_mode) && st.st_size > 0;
	return 0;
}

bool rs_folder_is_whole(const struct rs_folder *f)
{
	bool found = false;

	return !each_file(f, refuse_part, &found) && found;
}

uint64_t rs_folder_free_space(const struct rs_folder *f)
{
	struct statvfs st;

	return fstatvfs(f->dir_fd, &st) ? UINT64_MAX : (uint64_t)st.f_bavail * st.f_frsize;
}

int rs_folder_publish(const struct rs_folder *f, uint64_t *bytes)
{
	struct stat st;

	if (fstatat(f->fd, RS_TRACE_CMD_FILE, &st, AT_SYMLINK_NOFOLLOW) ||
	    renameat(f->fd, RS_TRACE_CMD_FILE, f->dir_fd, f->output))
		return -errno;
	*bytes = (uint64_t)st.st_size;
	return 0;
}

/* Not all file systems know RENAME_NOREPLACE; a second name never replaces. */
static int move_to_free_name(const struct rs_folder *f, const char *name)
{
	if (!renameat2(f->fd, RS_TRACE_CMD_FILE, f->dir_fd, name, RENAME_NOREPLACE))
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if (linkat(f->fd, RS_TRACE_CMD_FILE, f->dir_fd, name, 0))
		return -errno;
	unlinkat(f->fd, RS_TRACE_CMD_FILE, 0);
	return 0;
}

int rs_folder_rescue(const struct rs_folder *f, pid_t pid, char **name)
{
	int ret = -EEXIST;

	for (int i = 0; i < MAX_NAMES && ret == -EEXIST; i++) {
		char number[16] = "";

		if (i > 1)
			snprintf(number, sizeof(number), "-%d", i);
		if ((i ? asprintf(name, "%s.%d%s", f->output, (int)pid, number)
		       : asprintf(name, "%s", f->output)) < 0) {
			*name = NULL;
			return -ENOMEM;
		}
		ret = move_to_free_name(f, *name);
		if (ret) {
			free(*name);
			*name = NULL;
		}
	}
	return ret;
}

static int remove_file(void *arg, int dir, const char *name)
{
	unlinkat(dir, name, 0);
	return 0;
}

void rs_folder_remove(struct rs_folder *f)
{
	struct stat st;

	if (f->dir_fd < 0)
		return;
	if (f->fd >= 0)
		each_file(f, remove_file, NULL);
	/* Only an empty folder can go, and no other one that has taken the name. */
	if (!fstatat(f->dir_fd, f->name, &st, AT_SYMLINK_NOFOLLOW) &&
	    (f->fd < 0 || same_id(f->id, id_of(&st))))
		unlinkat(f->dir_fd, f->name, AT_REMOVEDIR);
}

void rs_folder_close(struct rs_folder *f)
{
	if (f->fd >= 0)
		close(f->fd);
	if (f->dir_fd >= 0)
		close(f->dir_fd);
	free(f->dir);
	free(f->output);
	free(f->name);
	*f = RS_FOLDER_NONE;
}
