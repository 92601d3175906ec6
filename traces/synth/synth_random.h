/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_SYNTH_SYNTH_RANDOM_H
#define RS_TRACES_SYNTH_SYNTH_RANDOM_H

#include <stdint.h>

/*
 * Random numbers for synthetic traces, in integer arithmetic only, so that a
 * seed gives the same trace on every machine, whatever its libm, compiler or
 * floating point.
 */

/* 64 random bits; any value is a good state to start with (splitmix64). */
static inline uint64_t rs_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* From 64 random bits a number in [0, n); 0 if n is 0. */
static inline uint64_t rs_scale(uint64_t random, uint64_t n)
{
	return (uint64_t)(((unsigned __int128)random * n) >> 64);
}

/* A state of its own for part @what, number @index, of the stream that @seed names. */
uint64_t rs_random_fork(uint64_t seed, uint64_t what, uint64_t index);

/* log2(@x) in units of 2^-32, rounded down; @x must not be 0. */
uint64_t rs_fixed_log2(uint64_t x);
/* 2^-(@y / 2^32) in units of 2^-63. */
uint64_t rs_fixed_exp2_neg(uint64_t y);

#define RS_EXP_BITS 10

/* For exponentially distributed times: the same for every mean. */
struct rs_exponential {
	uint32_t fraction[1 << RS_EXP_BITS]; /* log2(1 + (i + 1/2) / 1024) in units of 2^-24 */
};
/* Fills in the table. */
void rs_exponential_init(struct rs_exponential *e);
/* One of mean @mean (below 2^48) from 64 random bits: steps of 0.1 % or finer. */
static inline uint64_t rs_exponential(const struct rs_exponential *e, uint64_t random,
				      uint64_t mean)
{
	const uint64_t ln2 = 11629080; /* in units of 2^-24 */
	unsigned int zeros = (unsigned int)__builtin_clzll(random | 1);
	uint64_t mantissa = (random | 1) << zeros;
	uint64_t bits =
		((uint64_t)(zeros + 1) << 24) - e->fraction[(mantissa << 1) >> (64 - RS_EXP_BITS)];

	return (uint64_t)(((unsigned __int128)bits * ln2 * mean) >> 48);
}

/*
 * Zipf: of @n things the one of rank r (from 1) is drawn with a probability
 * proportional to r^-s. Ranks up to 64 are exact; above, 64 buckets to an
 * octave share their ranks evenly.
 */
#define RS_ZIPF_SUB_BITS 6
#define RS_ZIPF_BUCKETS ((64 - RS_ZIPF_SUB_BITS) << RS_ZIPF_SUB_BITS)

struct rs_zipf {
	uint64_t n;
	uint32_t nr;
	uint32_t keep[RS_ZIPF_BUCKETS];	 /* probability not to take the alias, in 2^-32 */
	uint16_t alias[RS_ZIPF_BUCKETS]; /* Walker's method */
};
/* @s_milli: s in thousandths, at most 8000; 0 makes all ranks alike. @n from 1 to 2^40. */
void rs_zipf_init(struct rs_zipf *z, uint64_t n, uint32_t s_milli);
/* A rank in [0, n) from 2 x 64 random bits. */
uint64_t rs_zipf_draw(const struct rs_zipf *z, uint64_t random, uint64_t random2);

#endif
