// SPDX-License-Identifier: GPL-2.0-only
/* The picture of precision against price. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/plot/plot_price.h"
#include "cli/bench_run.h"
#include "cli/cli.h"
#include "base/temp.h"
#include "cli/output.h"

static int stop(void *arg)
{
	return rs_cli_interrupted;
}

bool bench_plot_format(const char *path, enum rs_figure_format *format)
{
	const char *dot = strrchr(path, '.');

	for (unsigned int f = 0; dot && f < RS_FIGURE_NR_FORMATS; f++) {
		if (!strcmp(dot + 1, rs_figure_suffix(f))) {
			*format = f;
			return true;
		}
	}
	return false;
}

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

static int copy_picture(const struct rs_workdir *dir, const char *name, const char *path,
			struct rs_error *err)
{
	struct rs_output out;
	int ret = rs_output_open(&out, path, err);

	if (ret)
		return ret;
	ret = rs_workdir_copy(dir, name, out.f, err);
	if (!ret)
		return rs_output_finish(&out, err);
	rs_output_abort(&out);
	return ret;
}

static int draw(const struct rs_bench *b, const struct rs_workdir *dir, const char *output,
		enum rs_figure_format format, struct rs_error *err)
{
	struct rs_price_point *points = calloc(b->nr_prices + 1, sizeof(*points));
	const char *slash = strrchr(b->trace, '/');
	struct rs_figure fig;
	int ret;

	if (!points)
		return rs_error_nomem(err);
	fill_points(b, points);
	ret = rs_figure_begin(&fig, dir, "price", output, format, err);
	if (!ret) {
		rs_price_draw(&fig, points, b->nr_prices,
			      rs_bench_counted(b) ? RS_BENCH_UNIT_INSTRUCTIONS : RS_BENCH_UNIT_NS,
			      "Precision against price", slash ? slash + 1 : b->trace);
		ret = rs_figure_draw(&fig, stop, NULL, err);
	}
	free(points);
	return ret;
}

int bench_plot(const struct rs_bench *b, const char *path, struct rs_error *err)
{
	enum rs_figure_format format;
	struct rs_workdir dir;
	char output[32];
	int ret;

	if (!bench_plot_format(path, &format))
		return rs_error_set(err, RS_ERR_USAGE, EINVAL, "%s: no format has that suffix",
				    path);
	ret = rs_workdir_open(&dir, rs_temp_dir(), err);
	if (ret)
		return ret;
	snprintf(output, sizeof(output), "price.%s", rs_figure_suffix(format));
	ret = draw(b, &dir, output, format, err);
	if (!ret)
		ret = copy_picture(&dir, output, path, err);
	rs_workdir_close(&dir);
	return ret;
}
