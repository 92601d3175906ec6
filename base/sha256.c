// SPDX-License-Identifier: GPL-2.0-only
#include "base/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nettle/sha2.h>

static int read_all(int fd, struct sha256_ctx *s, uint64_t *size)
{
	unsigned char buf[1 << 16];
	ssize_t n;

	*size = 0;
	while ((n = read(fd, buf, sizeof(buf))) != 0) {
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			sha256_update(s, (size_t)n, buf);
			*size += (size_t)n;
		}
	}
	return 0;
}

int rs_sha256_file(const char *path, char text[RS_SHA256_TEXT], uint64_t *size)
{
	unsigned char digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx s;
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), ret;

	if (fd < 0)
		return -errno;
	ret = fstat(fd, &st) ? -errno : S_ISREG(st.st_mode) ? 0 : -EINVAL;
	sha256_init(&s);
	if (!ret)
		ret = read_all(fd, &s, size);
	close(fd);
	if (ret)
		return ret;
	sha256_digest(&s, sizeof(digest), digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	return 0;
}
