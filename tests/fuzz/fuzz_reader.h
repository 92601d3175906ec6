/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TESTS_FUZZ_READER_H
#define TESTS_FUZZ_READER_H

#include "tests/fuzz/fuzz.h"
#include "traces/trace.h"

/*
 * Reads the trace at @path, twice, replays what comes out and takes its inventory.
 * Every event must be well-formed, and both passes must have as many. @opts may be
 * NULL. One input in four is replayed, as @salt says; the others are read.
 */
void fuzz_read(const char *path, const struct rs_reader_opts *opts, unsigned int salt);
/* Of the @nr pieces, one after the other. */
void fuzz_reader(const struct fuzz_piece *pieces, size_t nr);
/* Some number that the bytes have. */
unsigned int fuzz_salt(const uint8_t *data, size_t size);

/* Goes through a binary trace by its index; @how says which blocks are passed over. */
void fuzz_seek(const char *path, unsigned int how);

/* Of a text's events: what the binary form keeps of them is what they are. */
void fuzz_round_trip(const char *path);

#endif
