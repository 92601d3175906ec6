/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_PLOT_PLOT_PRICE_H
#define RS_ANALYSIS_PLOT_PLOT_PRICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "analysis/plot/figure.h"

/* What an algorithm costs, and how it did on one trace. */
struct rs_price_point {
	const char *algorithm;
	double price_median, price_min, price_max;		 /* all above 0, in one unit */
	uint64_t checked, rejected, necessary, spurious, missed; /* faults */
};

/* The points of one unit, which is also the label of their axis. */
struct rs_price_group {
	const char *unit;
	struct rs_price_point *points;
	size_t nr;
};

/* What was read of a file; texts are owned by it. */
struct rs_price_data {
	struct rs_price_group *groups; /* in the order of the file */
	size_t nr_groups;
	const char *trace; /* that the counts are of; NULL: not told */
	void *root;
};

/* More are refused: a picture has no room for them. */
#define RS_PRICE_MAX_POINTS 1000

/*
 * Reads JSON of schema retryscope-bench/1 from @f to its end: what it has under
 * "price", and "trace" if it is a text. 0, or negative errno with @err naming
 * the member; then nothing is to free.
 */
int rs_price_read(FILE *f, struct rs_price_data *d, struct rs_error *err);
void rs_price_free(struct rs_price_data *d);

/* Needless rejections of all checks, 0 to 1; 0 if there were none. */
double rs_price_spurious_rate(const struct rs_price_point *p);
/*
 * Which of @points no other one beats: none is as precise and as cheap, and better in one of the
 * two, whatever of its range a price is: one that is dearer at its least than the other at its
 * most is dearer, and no price whose range overlaps. What missed a fault is wrong, so it is not
 * on the front and beats nothing. Fills on_front[0 .. nr - 1].
 */
void rs_price_front(const struct rs_price_point *points, size_t nr, bool *on_front);
/*
 * Draws precision against price into @fig, which was only begun: @unit is the
 * label of the price ("ns per fault, under the lock"), @what and @of the two
 * lines of the title. Failures stay with the figure.
 */
void rs_price_draw(struct rs_figure *fig, const struct rs_price_point *points, size_t nr,
		   const char *unit, const char *what, const char *of);

#endif
