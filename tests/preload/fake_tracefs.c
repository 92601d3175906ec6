// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a folder of plain files lacks of a tracefs, for a program that has this
 * library preloaded: a line written to kprobe_events is a probe more or less, an event
 * takes as many us to be switched as FAKE_SWITCH_US says, and an instance is removed with
 * all that is in it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void path_of(int fd, char *path, size_t size)
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, size - 1);
	path[n > 0 ? n : 0] = '\0';
}

static bool ends_with(const char *path, const char *name)
{
	const size_t len = strlen(path), name_len = strlen(name);

	return len > name_len && !strcmp(path + len - name_len, name);
}

/* Whether a line "p:GROUP/NAME WHERE" defines the probe that "-:GROUP/NAME" removes. */
static bool defines(const char *line, const char *removal)
{
	const char *colon = strchr(line, ':');
	size_t len = strcspn(removal + 2, " \n");

	return colon && !strncmp(colon + 1, removal + 2, len) && strchr(" \n", colon[1 + len]);
}

static ssize_t remove_probe(const char *path, const char *removal)
{
	char *rest = NULL, *line = NULL;
	size_t size = 0, rest_size = 0;
	FILE *in = fopen(path, "r"), *out = open_memstream(&rest, &rest_size);
	bool found = false;

	while (in && out && getline(&line, &size, in) > 0) {
		if (defines(line, removal))
			found = true;
		else
			fputs(line, out);
	}
	free(line);
	fclose(in);
	fclose(out);
	out = fopen(path, "w");
	fputs(rest, out);
	fclose(out);
	free(rest);
	errno = ENOENT;
	return found ? 0 : -1;
}

/* Wherever the file's position is. */
static int add_probe(const char *path, const char *line)
{
	FILE *out = fopen(path, "a");

	if (!out)
		return -1;
	fprintf(out, "%s%s", line, line[strlen(line) - 1] == '\n' ? "" : "\n");
	return fclose(out);
}

ssize_t write(int fd, const void *buf, size_t n)
{
	const char *const switch_us = getenv("FAKE_SWITCH_US");
	char path[512], text[8192];

	path_of(fd, path, sizeof(path));
	if (switch_us && ends_with(path, "/enable"))
		usleep((useconds_t)strtoul(switch_us, NULL, 10));
	if (n >= sizeof(text) || !ends_with(path, "/kprobe_events"))
		return syscall(SYS_write, fd, buf, n);
	memcpy(text, buf, n);
	text[n] = '\0';
	if (*text == '-')
		return remove_probe(path, text) ? -1 : (ssize_t)n;
	return add_probe(path, text) ? -1 : (ssize_t)n;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return flag == FTW_DP ? (int)syscall(SYS_rmdir, path) : unlink(path);
}

int rmdir(const char *path)
{
	if (strstr(path, "/tracing/instances/"))
		return nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return (int)syscall(SYS_rmdir, path);
}

/* What the program runs is not to have it. */
__attribute__((constructor)) static void only_here(void)
{
	unsetenv("LD_PRELOAD");
}
