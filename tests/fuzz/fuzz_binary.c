// SPDX-License-Identifier: GPL-2.0-only
#include "tests/fuzz/fuzz_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct fuzz_piece piece = { data, size };

	fuzz_reader(&piece, 1);
	return 0;
}
