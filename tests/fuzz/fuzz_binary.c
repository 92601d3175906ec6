// SPDX-License-Identifier: GPL-2.0-only
#include "tests/fuzz/fuzz_reader.h"

/* The binary form as it is, and other compressed traces: bytes that do not fit their sums. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct fuzz_piece piece = { data, size };
	const struct rs_reader_opts repair = { .jobs = 1, .repair = true };

	fuzz_reader(&piece, 1);
	fuzz_read(fuzz_file(0, &piece, 1), &repair, 1);
	return 0;
}
