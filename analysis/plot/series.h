/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_PLOT_SERIES_H
#define RS_ANALYSIS_PLOT_SERIES_H

#include <stddef.h>
#include <stdint.h>

/*
 * Several quantities of one VM over time ("tracks": the frames that each
 * algorithm blocks, say), kept as envelopes in at most RS_SERIES_BINS bins of
 * equal length. Bins start at 1 ns and are merged in pairs whenever time has
 * outgrown them, so the memory does not depend on the trace's length, nothing is
 * ever left out, and a short trace keeps every step. All figures are exact.
 */
#define RS_SERIES_BINS 512

struct rs_series_bin {
	uint64_t min, max;	    /* of the values that lasted; min > max: nothing known here */
	unsigned __int128 value_ns; /* sum of value x time */
};

struct rs_series;

/* A series of @nr_tracks; NULL with errno. */
struct rs_series *rs_series_new(size_t nr_tracks);
void rs_series_free(struct rs_series *s);
/*
 * From @time_ns on the tracks have @values (nr_tracks of them, copied). Values
 * that are replaced at the same time lasted no time and don't count; a time
 * that runs backwards counts as the time before.
 */
void rs_series_set(struct rs_series *s, uint64_t time_ns, const uint64_t *values);
/* The last values lasted until @time_ns. Nothing may be set after that. */
void rs_series_finish(struct rs_series *s, uint64_t time_ns);

/* Bins in use: 0 if nothing lasted any time. */
size_t rs_series_nr_bins(const struct rs_series *s);
/* When bin @i begins and ends; the last one ends where the series does. */
uint64_t rs_series_bin_begin_ns(const struct rs_series *s, size_t i);
uint64_t rs_series_bin_end_ns(const struct rs_series *s, size_t i);
/* The length of a whole bin. */
uint64_t rs_series_bin_ns(const struct rs_series *s);
const struct rs_series_bin *rs_series_bin(const struct rs_series *s, size_t track, size_t i);
/* Time-weighted mean of a bin. */
double rs_series_mean(const struct rs_series *s, size_t track, size_t i);

#endif
