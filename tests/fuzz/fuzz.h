/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"

/*
 * What the fuzzers share. Whatever an input holds, it must neither crash nor leak, take
 * more than the budget allows, nor make two ways to the same thing differ: else a
 * fuzzer aborts, and libFuzzer keeps the input.
 */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed);
/* libFuzzer's own: bits, bytes, numbers, repetitions. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

/* LeakSanitizer's, which asks for what is not looked at. */
const char *__lsan_default_suppressions(void);

/* The budget of an input here, instead of RS_BUDGET_BASE: what is taken shows sooner. */
#define FUZZ_BUDGET (32ULL << 20)

/* The input is kept; this tells what is wrong with it. */
#define check(good)                                                                         \
	do {                                                                                \
		if (!(good)) {                                                              \
			fprintf(stderr, "not so: %s (%s:%d)\n", #good, __FILE__, __LINE__); \
			abort();                                                            \
		}                                                                           \
	} while (0)

struct fuzz_piece {
	const void *data;
	size_t size;
};

/* A file that holds the @nr pieces, one after the other: one for each of @file (0 to 3). */
const char *fuzz_file(unsigned int file, const struct fuzz_piece *pieces, size_t nr);
/* A stream of @size bytes, for fclose(). */
FILE *fuzz_stream(const uint8_t *data, size_t size);
/* What fails says why. */
void fuzz_check_error(const struct rs_error *err);

/* Small and repeatable. */
struct fuzz_random {
	uint64_t state;
};
uint32_t fuzz_random(struct fuzz_random *r);
/* 0 .. @n - 1 */
uint32_t fuzz_below(struct fuzz_random *r, size_t n);
/* Often a limit of some type, or one off. */
uint64_t fuzz_number(struct fuzz_random *r);

/*
 * The words that a target's texts have, ended by NULL: tests/fuzz/tokens.c, which
 * changes texts word by word and line by line, puts them in.
 */
extern const char *const fuzz_words[];

#endif
