/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TESTS_FUZZ_READER_H
#define TESTS_FUZZ_READER_H

#include <stddef.h>
#include <stdint.h>

struct fuzz_piece {
	const void *data;
	size_t size;
};

/*
 * Reads the @nr pieces, one after the other, as a trace file, twice, and replays
 * what comes out. Whatever they hold, this must neither crash nor leak, every
 * event must be well formed, and both passes must say the same: else it aborts.
 */
void fuzz_reader(const struct fuzz_piece *pieces, size_t nr);

/* Goes through a binary trace by its index; @how says which blocks are passed over. */
void fuzz_seek(const struct fuzz_piece *piece, unsigned int how);

#endif
