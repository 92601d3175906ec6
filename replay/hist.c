// SPDX-License-Identifier: GPL-2.0-only
#include "replay/hist.h"

#include <stdlib.h>
#include <string.h>

#include "base/inline.h"

#define SUB (1U << RS_HIST_BITS)

/* Octave 0 holds the values below SUB, octave o those in [SUB << (o - 1), SUB << o). */
static unsigned int octave_of(uint64_t value)
{
	return 64 - RS_HIST_BITS - (unsigned int)__builtin_clzll(value | (SUB - 1));
}

static unsigned int sub_of(unsigned int octave, uint64_t value)
{
	return (unsigned int)(value >> (octave ? octave - 1 : 0)) & (SUB - 1);
}

static uint64_t value_of(unsigned int octave, unsigned int sub)
{
	return octave ? (uint64_t)(sub + SUB) << (octave - 1) : sub;
}

/*
 * No weight, or an octave that is hit for the first time. Apart, and last, so that
 * the usual case needs no registers for it.
 */
static RS_SELDOM void add_seldom(struct rs_hist *h, uint64_t value, uint64_t weight)
{
	uint64_t **octave = &h->octave[octave_of(value)];

	if (!weight)
		return;
	*octave = calloc(SUB, sizeof(**octave));
	if (!*octave) {
		h->dropped++;
		return;
	}
	/* A first value has an octave to make, always. */
	if (!h->weight)
		h->min = h->max = value;
	rs_hist_add(h, value, weight);
}

void rs_hist_add(struct rs_hist *h, uint64_t value, uint64_t weight)
{
	const unsigned int octave = octave_of(value);
	uint64_t *buckets = h->octave[octave];

	if (!buckets || !weight) {
		add_seldom(h, value, weight);
		return;
	}
	buckets[sub_of(octave, value)] += weight;
	h->weight += weight;
	h->total += (unsigned __int128)value * weight;
	if (value < h->min)
		h->min = value;
	if (value > h->max)
		h->max = value;
}

void rs_hist_merge(struct rs_hist *to, const struct rs_hist *from)
{
	if (!from->weight)
		return;
	for (unsigned int o = 0; o <= RS_HIST_OCTAVES; o++) {
		if (!from->octave[o])
			continue;
		if (!to->octave[o])
			to->octave[o] = calloc(SUB, sizeof(uint64_t));
		if (!to->octave[o]) {
			to->dropped++;
			continue;
		}
		for (unsigned int i = 0; i < SUB; i++)
			to->octave[o][i] += from->octave[o][i];
	}
	if (!to->weight || from->min < to->min)
		to->min = from->min;
	if (from->max > to->max)
		to->max = from->max;
	to->weight += from->weight;
	to->total += from->total;
	to->dropped += from->dropped;
}

uint64_t rs_hist_quantile(const struct rs_hist *h, double q)
{
	uint64_t seen = 0, want;

	if (!h->weight)
		return 0;
	if (q >= 1.0)
		return h->max;
	want = (uint64_t)(q * (double)h->weight);
	if ((double)want < q * (double)h->weight || !want)
		want++;
	for (unsigned int o = 0; o <= RS_HIST_OCTAVES; o++) {
		for (unsigned int i = 0; h->octave[o] && i < SUB; i++) {
			seen += h->octave[o][i];
			if (seen >= want) {
				uint64_t v = value_of(o, i);

				return v < h->min ? h->min : v;
			}
		}
	}
	return h->max;
}

double rs_hist_mean(const struct rs_hist *h)
{
	return h->weight ? (double)h->total / (double)h->weight : 0.0;
}

int rs_hist_next(const struct rs_hist *h, size_t *pos, uint64_t *value, uint64_t *weight)
{
	for (; *pos < (size_t)(RS_HIST_OCTAVES + 1) * SUB; ++*pos) {
		unsigned int o = (unsigned int)(*pos / SUB), i = (unsigned int)(*pos % SUB);

		if (!h->octave[o]) {
			*pos = (size_t)(o + 1) * SUB - 1;
			continue;
		}
		if (!h->octave[o][i])
			continue;
		*value = value_of(o, i);
		*weight = h->octave[o][i];
		++*pos;
		return 1;
	}
	return 0;
}

void rs_hist_free(struct rs_hist *h)
{
	for (unsigned int o = 0; o <= RS_HIST_OCTAVES; o++)
		free(h->octave[o]);
	memset(h, 0, sizeof(*h));
}
