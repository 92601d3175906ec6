// SPDX-License-Identifier: GPL-2.0-only
#include "capture/workload/workload_internal.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_NAME 4096U
#define MAX_DESCS 65536U

static int read_all(int fd, void *buf, size_t size, off_t offset)
{
	ssize_t n = pread(fd, buf, size, offset);

	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EINVAL;
}

static int sum_values(int fd, const struct kvm_stats_header *hdr, const struct kvm_stats_desc *desc,
		      uint64_t *value)
{
	uint64_t sum = 0, v;

	for (unsigned int i = 0; i < desc->size; i++) {
		int ret = read_all(fd, &v, sizeof(v),
				   (off_t)hdr->data_offset + desc->offset + (off_t)(i * sizeof(v)));

		if (ret)
			return ret;
		sum += v;
	}
	*value = sum;
	return 0;
}

int rs_workload_stat_read(int fd, const char *name, uint64_t *value)
{
	struct kvm_stats_header hdr;
	struct kvm_stats_desc *desc;
	size_t size;
	int ret = read_all(fd, &hdr, sizeof(hdr), 0);

	if (ret)
		return ret;
	if (hdr.name_size > MAX_NAME || hdr.num_desc > MAX_DESCS)
		return -EINVAL;
	size = sizeof(*desc) + hdr.name_size;
	desc = calloc(1, size + 1); /* one more: names are not trusted to be terminated */
	if (!desc)
		return -ENOMEM;
	for (unsigned int i = 0; i < hdr.num_desc; i++) {
		ret = read_all(fd, desc, size, (off_t)(hdr.desc_offset + i * size));
		if (ret)
			break;
		if (!strcmp(desc->name, name)) {
			ret = sum_values(fd, &hdr, desc, value);
			break;
		}
		ret = -ENOENT;
	}
	free(desc);
	return hdr.num_desc ? ret : -ENOENT;
}
