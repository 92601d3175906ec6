// SPDX-License-Identifier: GPL-2.0-only
#include "tests/fuzz/fuzz_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first line is given, so that everything reaches the parser. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char head[] = "retryscope-events 1\n";
	const struct fuzz_piece pieces[] = { { head, sizeof(head) - 1 }, { data, size } };

	fuzz_reader(pieces, 2);
	return 0;
}
