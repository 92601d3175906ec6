// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include "base/read_at.h"
#include "traces/dat/dat_file.h"

int rs_dat_file_read(const struct rs_dat_file *f, uint64_t offset, void *to, size_t n,
		     struct rs_error *err)
{
	const ssize_t got = rs_read_at(f->fd, to, n, offset);

	if (got < 0)
		return rs_error_set(err, RS_ERR_SYSTEM, (int)-got, "cannot read: %s",
				    strerror((int)-got));
	if ((size_t)got < n) {
		rs_error_set(err, RS_ERR_INPUT, EINVAL, "trace.dat: the file ends too early");
		if (err)
			err->offset = (int64_t)(offset + (uint64_t)got);
		return -EINVAL;
	}
	return 0;
}
