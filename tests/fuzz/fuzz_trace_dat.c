// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz_reader.h"

/*
 * A trace.dat is a megabyte of event formats and symbols, of which chance would
 * rarely hit a byte that matters. So an input is a list of changes to a real one,
 * which the environment names: 4 bytes of offset (little endian, modulo the
 * file's size; the top bit cuts the file off there), a byte of length, and as
 * many bytes to write there. Without a file, an input is the whole of it.
 */
#define BASE_ENV "RETRYSCOPE_FUZZ_BASE"
#define CUT 0x80000000U

static unsigned char *base, *changed;
static size_t base_size;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *path = getenv(BASE_ENV);
	FILE *f;
	long size;

	if (!path)
		return 0;
	f = fopen(path, "rb");
	if (!f || fseek(f, 0, SEEK_END) || (size = ftell(f)) <= 0 || fseek(f, 0, SEEK_SET)) {
		perror(path);
		exit(1);
	}
	base_size = (size_t)size;
	base = malloc(base_size);
	changed = malloc(base_size);
	if (!base || !changed || fread(base, 1, base_size, f) != base_size) {
		perror(path);
		exit(1);
	}
	fclose(f);
	return 0;
}

/* Returns the size that is left. */
static size_t apply(const uint8_t *data, size_t size)
{
	size_t end = base_size;

	memcpy(changed, base, base_size);
	while (size >= 5) {
		uint32_t offset = data[0] | data[1] << 8 | data[2] << 16 | (uint32_t)data[3] << 24;
		size_t at = (offset & ~CUT) % base_size, len = data[4];

		data += 5;
		size -= 5;
		if (offset & CUT) {
			end = at;
			continue;
		}
		len = len < size ? len : size;
		memcpy(changed + at, data, len < base_size - at ? len : base_size - at);
		data += len;
		size -= len;
	}
	return end;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_piece piece = { data, size };

	if (base) {
		piece.size = apply(data, size);
		piece.data = changed;
	}
	fuzz_reader(&piece, 1);
	return 0;
}
