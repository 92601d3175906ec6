// SPDX-License-Identifier: GPL-2.0-only
#include "tests/fuzz/fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/budget.h"

/*
 * libtraceevent 1.7.1 leaks the tokens of an event format that it refuses. It has no frame
 * pointers: a stack often ends in it, and names no function.
 */
const char *__lsan_default_suppressions(void)
{
	return "leak:libtraceevent.so\n";
}

__attribute__((constructor)) static void set_budget(void)
{
	rs_budget_set_base(FUZZ_BUDGET);
}

const char *fuzz_file(unsigned int file, const struct fuzz_piece *pieces, size_t nr)
{
	static struct {
		int fd; /* + 1 */
		char path[32];
	} files[4];
	int fd;

	if (!files[file].fd) {
		files[file].fd = memfd_create("fuzz", MFD_CLOEXEC) + 1;
		check(files[file].fd > 0);
		snprintf(files[file].path, sizeof(files[file].path), "/proc/self/fd/%d",
			 files[file].fd - 1);
	}
	fd = files[file].fd - 1;
	check(!ftruncate(fd, 0) && lseek(fd, 0, SEEK_SET) == 0);
	for (size_t i = 0; i < nr; i++)
		check(write(fd, pieces[i].data, pieces[i].size) == (ssize_t)pieces[i].size);
	return files[file].path;
}

FILE *fuzz_stream(const uint8_t *data, size_t size)
{
	FILE *f = size ? fmemopen((void *)data, size, "r") : fopen("/dev/null", "r");

	check(f != NULL);
	return f;
}

void fuzz_check_error(const struct rs_error *err)
{
	check(err->kind != RS_ERR_NONE && err->text[0]);
}

uint32_t fuzz_random(struct fuzz_random *r)
{
	r->state = r->state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(r->state >> 32);
}

uint32_t fuzz_below(struct fuzz_random *r, size_t n)
{
	return n ? fuzz_random(r) % (uint32_t)n : 0;
}

uint64_t fuzz_number(struct fuzz_random *r)
{
	const unsigned int shift = fuzz_below(r, 64);

	switch (fuzz_below(r, 6)) {
	case 0:
		return fuzz_below(r, 16);
	case 1:
		return 1ULL << shift;
	case 2:
		return (1ULL << shift) - 1;
	case 3:
		return (1ULL << shift) + 1;
	case 4:
		return 0 - (uint64_t)fuzz_below(r, 4);
	}
	return ((uint64_t)fuzz_random(r) << 32 | fuzz_random(r)) >> shift;
}
