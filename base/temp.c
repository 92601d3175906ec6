// SPDX-License-Identifier: GPL-2.0-only
#include "base/temp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NR_TEMPS 64

static _Atomic(const char *) temps[NR_TEMPS];

const char *rs_temp_dir(void)
{
	const char *dir = getenv("TMPDIR");

	return dir && *dir ? dir : "/var/tmp";
}

void rs_temp_add(const char *path)
{
	for (size_t i = 0; i < NR_TEMPS; i++) {
		const char *none = NULL;

		if (atomic_compare_exchange_strong(&temps[i], &none, path))
			return;
	}
}

void rs_temp_forget(const char *path)
{
	for (size_t i = 0; path && i < NR_TEMPS; i++) {
		const char *same = path;

		if (atomic_compare_exchange_strong(&temps[i], &same, NULL))
			return;
	}
}

/* As getdents64(2) has it; readdir() takes memory, which a handler must not. */
struct entry {
	uint64_t ino;
	int64_t offset;
	unsigned short size;
	unsigned char type;
	char name[];
};

void rs_temp_empty_folder(int fd)
{
	_Alignas(struct entry) char buf[4096];
	long n;

	while ((n = syscall(SYS_getdents64, fd, buf, sizeof(buf))) > 0)
		for (long at = 0; at < n;) {
			const struct entry *e = (const struct entry *)(buf + at);

			unlinkat(fd, e->name, 0); /* . and .. are no files */
			at += e->size;
		}
}

static void remove_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd >= 0) {
		rs_temp_empty_folder(fd);
		close(fd);
	}
	rmdir(path);
}

void rs_temp_remove_all(void)
{
	for (size_t i = 0; i < NR_TEMPS; i++) {
		const char *path = atomic_load(&temps[i]);

		if (path && unlink(path) && errno == EISDIR)
			remove_folder(path);
	}
}
