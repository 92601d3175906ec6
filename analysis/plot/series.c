// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/plot/series.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct rs_series {
	size_t nr_tracks;
	bool started;
	uint64_t origin_ns;  /* where bin 0 begins */
	uint64_t covered_ns; /* from the origin on */
	uint64_t now_ns;
	unsigned int shift; /* a bin is 1 << shift ns long */
	uint64_t *values;
	struct rs_series_bin *bins; /* RS_SERIES_BINS of each track */
};

static void clear_bins(struct rs_series_bin *bins, size_t n)
{
	for (size_t i = 0; i < n; i++)
		bins[i] = (struct rs_series_bin){ .min = UINT64_MAX };
}

struct rs_series *rs_series_new(size_t nr_tracks)
{
	struct rs_series *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->nr_tracks = nr_tracks;
	s->values = calloc(nr_tracks ? nr_tracks : 1, sizeof(*s->values));
	s->bins = calloc(nr_tracks ? nr_tracks : 1, RS_SERIES_BINS * sizeof(*s->bins));
	if (!s->values || !s->bins) {
		rs_series_free(s);
		errno = ENOMEM;
		return NULL;
	}
	clear_bins(s->bins, nr_tracks * RS_SERIES_BINS);
	return s;
}

void rs_series_free(struct rs_series *s)
{
	if (!s)
		return;
	free(s->values);
	free(s->bins);
	free(s);
}

static void merge_bin(struct rs_series_bin *to, const struct rs_series_bin *a,
		      const struct rs_series_bin *b)
{
	struct rs_series_bin sum = {
		.min = a->min < b->min ? a->min : b->min,
		.max = a->max > b->max ? a->max : b->max,
		.value_ns = a->value_ns + b->value_ns,
	};

	*to = sum;
}

static void halve(struct rs_series *s)
{
	for (size_t t = 0; t < s->nr_tracks; t++) {
		struct rs_series_bin *bins = s->bins + t * RS_SERIES_BINS;

		for (size_t i = 0; i < RS_SERIES_BINS / 2; i++)
			merge_bin(&bins[i], &bins[2 * i], &bins[2 * i + 1]);
		clear_bins(bins + RS_SERIES_BINS / 2, RS_SERIES_BINS / 2);
	}
	s->shift++;
}

static void add_to_bin(struct rs_series *s, size_t i, uint64_t ns)
{
	for (size_t t = 0; t < s->nr_tracks; t++) {
		struct rs_series_bin *bin = &s->bins[t * RS_SERIES_BINS + i];
		uint64_t value = s->values[t];

		if (value < bin->min)
			bin->min = value;
		if (value > bin->max)
			bin->max = value;
		bin->value_ns += (unsigned __int128)value * ns;
	}
}

/* The values lasted for [@begin, @end), both counted from the origin. */
static void add_span(struct rs_series *s, uint64_t begin, uint64_t end)
{
	while ((end - 1) >> s->shift >= RS_SERIES_BINS)
		halve(s);
	while (begin < end) {
		uint64_t left = (1ULL << s->shift) - (begin & ((1ULL << s->shift) - 1));
		uint64_t ns = end - begin < left ? end - begin : left;

		add_to_bin(s, begin >> s->shift, ns);
		begin += ns;
	}
	s->covered_ns = end;
}

/* What is set lasts until @time_ns. */
static void advance(struct rs_series *s, uint64_t time_ns)
{
	if (time_ns <= s->now_ns)
		return;
	add_span(s, s->now_ns - s->origin_ns, time_ns - s->origin_ns);
	s->now_ns = time_ns;
}

void rs_series_set(struct rs_series *s, uint64_t time_ns, const uint64_t *values)
{
	if (s->started)
		advance(s, time_ns);
	else
		s->origin_ns = s->now_ns = time_ns;
	s->started = true;
	memcpy(s->values, values, s->nr_tracks * sizeof(*values));
}

void rs_series_finish(struct rs_series *s, uint64_t time_ns)
{
	if (s->started)
		advance(s, time_ns);
}

size_t rs_series_nr_bins(const struct rs_series *s)
{
	return s->covered_ns ? ((s->covered_ns - 1) >> s->shift) + 1 : 0;
}

uint64_t rs_series_bin_begin_ns(const struct rs_series *s, size_t i)
{
	return s->origin_ns + ((uint64_t)i << s->shift);
}

uint64_t rs_series_bin_end_ns(const struct rs_series *s, size_t i)
{
	uint64_t begin = (uint64_t)i << s->shift;
	uint64_t ns = rs_series_bin_ns(s);

	if (s->covered_ns - begin < ns)
		ns = s->covered_ns - begin;
	return s->origin_ns + begin + ns;
}

uint64_t rs_series_bin_ns(const struct rs_series *s)
{
	return 1ULL << s->shift;
}

const struct rs_series_bin *rs_series_bin(const struct rs_series *s, size_t track, size_t i)
{
	return &s->bins[track * RS_SERIES_BINS + i];
}

double rs_series_mean(const struct rs_series *s, size_t track, size_t i)
{
	uint64_t ns = rs_series_bin_end_ns(s, i) - rs_series_bin_begin_ns(s, i);

	return (double)rs_series_bin(s, track, i)->value_ns / (double)ns;
}
