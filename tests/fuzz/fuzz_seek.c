// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz_reader.h"
#include "traces/binary/binary.h"

/*
 * A binary trace behind a byte of how to go through it, of which every sum is made
 * right first: so what is changed reaches what reads it.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void seal(unsigned char *part, size_t size)
{
	const uint64_t sum = rs_binary_sum(part, size - sizeof(sum));

	memcpy(part + size - sizeof(sum), &sum, sizeof(sum));
}

/* As far as blocks follow each other; the trailer is where it must be. */
static void seal_all(unsigned char *file, size_t size)
{
	size_t at = sizeof(struct rs_binary_header);

	if (size < at + sizeof(struct rs_binary_trailer))
		return;
	seal(file, at);
	while (at + sizeof(struct rs_binary_block) <= size) {
		struct rs_binary_block h;
		size_t left = size - at - sizeof(h), padded;

		memcpy(&h, file + at, sizeof(h));
		padded = rs_binary_padded(h.stored);
		if (h.kind == RS_BINARY_TRAILER || padded > left)
			break;
		h.data_sum = rs_binary_sum(file + at + sizeof(h), padded);
		memcpy(file + at, &h, sizeof(h));
		seal(file + at, sizeof(h));
		at += sizeof(h) + padded;
	}
	seal(file + size - sizeof(struct rs_binary_trailer), sizeof(struct rs_binary_trailer));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char *file;
	struct fuzz_piece piece;

	if (size < 2)
		return 0;
	file = malloc(size - 1);
	if (!file)
		abort();
	memcpy(file, data + 1, size - 1);
	seal_all(file, size - 1);
	piece = (struct fuzz_piece){ file, size - 1 };
	fuzz_seek(&piece, data[0]);
	fuzz_reader(&piece, 1);
	free(file);
	return 0;
}
