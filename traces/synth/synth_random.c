// SPDX-License-Identifier: GPL-2.0-only
#include "traces/synth/synth_random.h"

#include <stdbool.h>

#define ONE (1ULL << 63)
#define SUB (1ULL << RS_ZIPF_SUB_BITS)

uint64_t rs_random_fork(uint64_t seed, uint64_t what, uint64_t index)
{
	uint64_t state = seed;

	state = rs_random(&state) ^ what;
	state = rs_random(&state) ^ index;
	return rs_random(&state);
}

uint64_t rs_fixed_log2(uint64_t x)
{
	unsigned int exponent = 63 - (unsigned int)__builtin_clzll(x);
	uint64_t m = x << (63 - exponent); /* in [1, 2) in units of 2^-63 */
	uint64_t result = exponent;

	for (int i = 0; i < 32; i++) {
		unsigned __int128 square = (unsigned __int128)m * m;
		bool above = square >> 127; /* m^2 >= 2 */

		m = (uint64_t)(square >> (above ? 64 : 63));
		result = result << 1 | above;
	}
	return result;
}

static uint64_t square_root(unsigned __int128 x)
{
	uint64_t root = 0;

	for (uint64_t bit = ONE; bit; bit >>= 1)
		if ((unsigned __int128)(root | bit) * (root | bit) <= x)
			root |= bit;
	return root;
}

uint64_t rs_fixed_exp2_neg(uint64_t y)
{
	uint64_t whole = y >> 32;
	uint64_t factor = ONE >> 1; /* 2^-1, then its roots */
	uint64_t result = ONE;

	if (whole > 63)
		return 0;
	for (int i = 31; i >= 0; i--) {
		factor = square_root((unsigned __int128)factor << 63);
		if (y >> i & 1)
			result = (uint64_t)(((unsigned __int128)result * factor) >> 63);
	}
	return result >> whole;
}

void rs_exponential_init(struct rs_exponential *e)
{
	const uint64_t n = 1ULL << (RS_EXP_BITS + 1);

	for (uint64_t i = 0; i < n / 2; i++) {
		uint64_t log = rs_fixed_log2(n + 2 * i + 1) - ((RS_EXP_BITS + 1ULL) << 32);

		e->fraction[i] = (uint32_t)(log >> 8);
	}
}

/* The first rank (from 0) of bucket @b, and how many ranks it has. */
static uint64_t bucket_start(uint64_t b)
{
	uint64_t octave = b >> RS_ZIPF_SUB_BITS;

	return octave ? ((b & (SUB - 1)) + SUB) << (octave - 1) : b;
}

static uint64_t bucket_width(const struct rs_zipf *z, uint64_t b)
{
	uint64_t octave = b >> RS_ZIPF_SUB_BITS;
	uint64_t width = octave ? 1ULL << (octave - 1) : 1;
	uint64_t left = z->n - bucket_start(b);

	return left < width ? left : width;
}

/* How probable bucket @b is: its width times the probability of its middle rank. */
static unsigned __int128 bucket_weight(const struct rs_zipf *z, uint64_t b, uint32_t s_milli)
{
	uint64_t width = bucket_width(z, b);
	uint64_t middle2 = 2 * bucket_start(b) + width + 1;
	uint64_t log = rs_fixed_log2(middle2) - (1ULL << 32);

	return (unsigned __int128)rs_fixed_exp2_neg(log * s_milli / 1000) * width;
}

/* Walker's alias table: buckets with more than the average fill up those with less. */
static void fill_aliases(struct rs_zipf *z, unsigned __int128 *weight, unsigned __int128 average)
{
	uint16_t small[RS_ZIPF_BUCKETS], large[RS_ZIPF_BUCKETS];
	uint32_t nr_small = 0, nr_large = 0;

	for (uint32_t i = 0; i < z->nr; i++) {
		z->keep[i] = UINT32_MAX;
		z->alias[i] = (uint16_t)i;
		if (weight[i] < average)
			small[nr_small++] = (uint16_t)i;
		else
			large[nr_large++] = (uint16_t)i;
	}
	while (nr_small && nr_large) {
		uint16_t poor = small[--nr_small], rich = large[nr_large - 1];

		z->keep[poor] = (uint32_t)((weight[poor] << 32) / average);
		z->alias[poor] = rich;
		weight[rich] -= average - weight[poor];
		if (weight[rich] < average)
			small[nr_small++] = large[--nr_large];
	}
}

void rs_zipf_init(struct rs_zipf *z, uint64_t n, uint32_t s_milli)
{
	unsigned __int128 weight[RS_ZIPF_BUCKETS], total = 0;
	unsigned int shift = 0;

	z->n = n;
	for (z->nr = 0; bucket_start(z->nr) < n; z->nr++) {
		weight[z->nr] = bucket_weight(z, z->nr, s_milli);
		total += weight[z->nr];
	}
	/* Leave room to multiply by 2^32 and by the number of buckets. */
	while (total >> shift >> 80)
		shift++;
	total = 0;
	for (uint32_t i = 0; i < z->nr; i++) {
		weight[i] >>= shift;
		total += weight[i];
		weight[i] *= z->nr;
	}
	fill_aliases(z, weight, total);
}

uint64_t rs_zipf_draw(const struct rs_zipf *z, uint64_t random, uint64_t random2)
{
	unsigned __int128 product = (unsigned __int128)random * z->nr;
	uint32_t b = (uint32_t)(product >> 64);

	if ((uint32_t)((uint64_t)product >> 32) >= z->keep[b])
		b = z->alias[b];
	return bucket_start(b) + rs_scale(random2, bucket_width(z, b));
}
