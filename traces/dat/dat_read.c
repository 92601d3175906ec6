// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "traces/dat/dat_file.h"

int rs_dat_file_read(const struct rs_dat_file *f, uint64_t offset, void *to, size_t n,
		     struct rs_error *err)
{
	char *at = to;

	while (n) {
		ssize_t got = pread(f->fd, at, n, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return rs_error_set(err, RS_ERR_SYSTEM, errno, "cannot read: %s",
					    strerror(errno));
		if (!got) {
			rs_error_set(err, RS_ERR_INPUT, EINVAL,
				     "trace.dat: the file ends too early");
			if (err)
				err->offset = (int64_t)offset;
			return -EINVAL;
		}
		at += got;
		offset += (uint64_t)got;
		n -= (size_t)got;
	}
	return 0;
}
