/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_BASE_READ_AT_H
#define RS_BASE_READ_AT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Reads @size bytes of @fd from @offset on, fewer where it ends. How many, or negative errno. */
ssize_t rs_read_at(int fd, void *buf, size_t size, uint64_t offset);

#endif
