// SPDX-License-Identifier: GPL-2.0-only
/* The picture of precision against price. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/plot/plot_price.h"
#include "cli/bench_run.h"
#include "cli/picture.h"

/* By instructions where all are known, for those are repeatable. */
static void fill_points(const struct rs_bench *b, struct rs_price_point *points)
{
	bool counted = rs_bench_counted(b);

	for (size_t i = 0; i < b->nr_prices; i++) {
		const struct rs_bench_price *p = &b->prices[i];
		struct rs_spread s = { p->instructions, p->instructions, p->instructions };

		if (!counted)
			s = p->ns;
		points[i] = (struct rs_price_point){
			.algorithm = p->algorithm,
			.price_median = fmax(s.median, RS_BENCH_LEAST_PRICE),
			.price_min = fmax(s.min, RS_BENCH_LEAST_PRICE),
			.price_max = fmax(s.max, RS_BENCH_LEAST_PRICE),
			.checked = p->checked,
			.rejected = p->rejected,
			.necessary = p->necessary,
			.spurious = p->spurious,
			.missed = p->missed,
		};
	}
}

struct drawing {
	const struct rs_bench *bench;
	struct rs_price_point *points;
};

static void draw(struct rs_figure *fig, void *arg)
{
	const struct drawing *d = arg;
	const struct rs_bench *b = d->bench;
	const char *slash = strrchr(b->trace, '/');

	rs_price_draw(fig, d->points, b->nr_prices,
		      rs_bench_counted(b) ? RS_BENCH_UNIT_INSTRUCTIONS : RS_BENCH_UNIT_NS,
		      "Precision against price", slash ? slash + 1 : b->trace);
}

int bench_plot(const struct rs_bench *b, const char *path, struct rs_error *err)
{
	struct drawing d = { b, calloc(b->nr_prices + 1, sizeof(*d.points)) };
	int ret;

	if (!d.points)
		return rs_error_nomem(err);
	fill_points(b, d.points);
	ret = picture_draw(path, "price", draw, &d, err);
	free(d.points);
	return ret;
}
