// SPDX-License-Identifier: GPL-2.0-only
#include "capture/workload/workload_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* since Linux 6.1; the C library of that time has no name for it */
#endif

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* since Linux 5.14 */
#endif

#define HUGE_PAGE_SIZE (RS_HUGE_PAGE_PAGES * RS_PAGE_SIZE)

static int advise_thp(void *base, uint64_t bytes, enum rs_workload_thp thp)
{
	if (thp == RS_THP_HOST)
		return 0;
	/* A host without huge pages refuses, and does what RS_THP_OFF asks for anyway. */
	if (madvise(base, bytes, thp == RS_THP_ON ? MADV_HUGEPAGE : MADV_NOHUGEPAGE) &&
	    thp == RS_THP_ON)
		return -errno;
	return 0;
}

int rs_workload_memory_map(struct rs_workload_memory *mem, uint64_t pages, enum rs_workload_thp thp)
{
	uint64_t bytes = pages * RS_PAGE_SIZE;
	uint64_t reserved = bytes + HUGE_PAGE_SIZE, head;
	unsigned char *p = mmap(NULL, reserved, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int ret;

	if (p == MAP_FAILED)
		return -errno;
	head = -(uintptr_t)p % HUGE_PAGE_SIZE;
	if (head)
		munmap(p, head);
	munmap(p + head + bytes, reserved - head - bytes);
	*mem = (struct rs_workload_memory){
		.base = p + head, .pages = pages, .thp = thp, .fd = -1
	};
	ret = advise_thp(mem->base, bytes, thp);
	if (ret)
		rs_workload_memory_unmap(mem);
	return ret;
}

int rs_workload_memory_map_file(struct rs_workload_memory *mem, int fd, uint64_t pages)
{
	void *p = mmap(NULL, pages * RS_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	int ret = p == MAP_FAILED ? -errno : 0;

	if (ret) {
		close(fd);
		return ret;
	}
	*mem = (struct rs_workload_memory){
		.base = p, .pages = pages, .thp = RS_THP_HOST, .fd = fd
	};
	return 0;
}

void rs_workload_memory_unmap(struct rs_workload_memory *mem)
{
	if (mem->base && mem->fd >= 0)
		close(mem->fd);
	if (mem->base)
		munmap(mem->base, mem->pages * RS_PAGE_SIZE);
	mem->base = NULL;
}

static int advise(void *p, uint64_t bytes, int advice)
{
	return madvise(p, bytes, advice) ? -errno : 0;
}

static int protect_and_back(void *p, uint64_t bytes)
{
	int ret = mprotect(p, bytes, PROT_READ) ? -errno : 0;

	/* Also after a failure: it may have changed a part of the range. */
	if (mprotect(p, bytes, PROT_READ | PROT_WRITE) && !ret)
		ret = -errno;
	return ret;
}

static int remap(const struct rs_workload_memory *mem, void *p, uint64_t bytes)
{
	const int flags = mem->fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED;
	const off_t offset = mem->fd < 0 ? 0 : (unsigned char *)p - mem->base;

	if (mmap(p, bytes, PROT_READ | PROT_WRITE, flags | MAP_FIXED, mem->fd, offset) ==
	    MAP_FAILED)
		return -errno;
	return advise_thp(p, bytes, mem->thp);
}

static int collapse(const struct rs_workload_memory *mem, uint64_t first, uint64_t npages)
{
	uint64_t begin = first - first % RS_HUGE_PAGE_PAGES;
	uint64_t end = first + npages + RS_HUGE_PAGE_PAGES - 1;

	end -= end % RS_HUGE_PAGE_PAGES;
	if (end > mem->pages)
		return -EINVAL;
	return advise(mem->base + begin * RS_PAGE_SIZE, (end - begin) * RS_PAGE_SIZE,
		      MADV_COLLAPSE);
}

static int punch(const struct rs_workload_memory *mem, uint64_t first, uint64_t npages)
{
	if (mem->fd < 0)
		return -EINVAL;
	return fallocate(mem->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			 (off_t)(first * RS_PAGE_SIZE), (off_t)(npages * RS_PAGE_SIZE))
		       ? -errno
		       : 0;
}

static int fork_and_wait(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	if (pid < 0)
		return -errno;
	while (waitpid(pid, NULL, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

int rs_workload_invalidate(const struct rs_workload_memory *mem, enum rs_workload_op op,
			   uint64_t first, uint64_t npages)
{
	void *p = mem->base + first * RS_PAGE_SIZE;
	uint64_t bytes = npages * RS_PAGE_SIZE;

	if (!npages || first > mem->pages || npages > mem->pages - first)
		return -EINVAL;
	switch (op) {
	case RS_WORKLOAD_DONTNEED:
		return advise(p, bytes, MADV_DONTNEED);
	case RS_WORKLOAD_FREE:
		return advise(p, bytes, MADV_FREE);
	case RS_WORKLOAD_MPROTECT:
		return protect_and_back(p, bytes);
	case RS_WORKLOAD_PAGEOUT:
		return advise(p, bytes, MADV_PAGEOUT);
	case RS_WORKLOAD_REMAP:
		return remap(mem, p, bytes);
	case RS_WORKLOAD_COLLAPSE:
		return collapse(mem, first, npages);
	case RS_WORKLOAD_FORK:
		return fork_and_wait();
	case RS_WORKLOAD_PUNCH:
		return punch(mem, first, npages);
	case RS_WORKLOAD_POPULATE:
		return advise(p, bytes, MADV_POPULATE_WRITE);
	case RS_NR_WORKLOAD_OPS:
		break;
	}
	return -EINVAL;
}

static uint32_t below(uint32_t *random, uint64_t n)
{
	return (uint32_t)(rs_workload_random(random) * (unsigned __int128)n >> 32);
}

static enum rs_workload_op choose_op(uint32_t ops, uint32_t *random)
{
	uint32_t skip = below(random, (uint64_t)__builtin_popcount(ops));

	for (; skip; skip--)
		ops &= ops - 1;
	return (enum rs_workload_op)__builtin_ctz(ops);
}

struct rs_workload_choice rs_workload_choose(const struct rs_workload_options *opts,
					     uint32_t *random)
{
	uint32_t ops = opts->ops;
	struct rs_workload_choice c = { 0 };

	if (opts->backing == RS_WORKLOAD_ANONYMOUS)
		ops &= ~(1U << RS_WORKLOAD_PUNCH);
	c.op = choose_op(ops, random);

	c.guest_memfd = opts->backing == RS_WORKLOAD_GUEST_MEMFD || c.op == RS_WORKLOAD_PUNCH;
	if (opts->backing == RS_WORKLOAD_MIXED && !c.guest_memfd)
		c.guest_memfd = below(random, 2);
	c.npages = opts->range_min + below(random, opts->range_max - opts->range_min + 1);
	c.first = below(random, opts->pages - c.npages + 1);
	return c;
}
