// SPDX-License-Identifier: GPL-2.0-only
/* What was found, for notes and formats. */
#include <math.h>

#include "analysis/compare/compare_internal.h"
#include "analysis/compare/rank.h"

void rs_compare_use_color(struct rs_compare *c)
{
	c->color = true;
}

const struct rs_compare_row *rs_compare_rows(const struct rs_compare *c, size_t *nr)
{
	*nr = c->nr_rows;
	return c->rows;
}

const char *rs_compare_name(const struct rs_compare *c, enum rs_compare_side side)
{
	return c->groups[side].name;
}

size_t rs_compare_runs(const struct rs_compare *c, enum rs_compare_side side)
{
	return c->groups[side].nr;
}

const char *rs_compare_path(const struct rs_compare *c, enum rs_compare_side side, size_t i)
{
	return c->groups[side].runs[i].path;
}

bool rs_compare_tells(const struct rs_compare *c)
{
	return c->groups[RS_COMPARE_BASE].nr >= RS_RANK_LEAST_RUNS &&
	       c->groups[RS_COMPARE_NEW].nr >= RS_RANK_LEAST_RUNS;
}

size_t rs_compare_tested(const struct rs_compare *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->nr_rows; i++)
		n += !isnan(c->rows[i].p);
	return n;
}

size_t rs_compare_found(const struct rs_compare *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->nr_rows; i++)
		n += c->rows[i].found;
	return n;
}

const char *const *rs_compare_notes(const struct rs_compare *c, size_t *nr)
{
	*nr = c->nr_notes;
	return (const char *const *)c->notes;
}

struct rs_compare_scale rs_compare_scale(const struct rs_compare *c,
					 const struct rs_compare_figure *figure)
{
	const struct rs_time_unit *unit;
	double most = 0;

	if (figure->unit == RS_COMPARE_SHARE)
		return (struct rs_compare_scale){ "%", 0.01 };
	if (figure->unit == RS_COMPARE_NUMBER)
		return (struct rs_compare_scale){ "", 1 };
	for (size_t i = 0; i < c->nr_rows; i++)
		if (c->rows[i].figure == figure)
			for (unsigned int side = 0; side < RS_COMPARE_SIDES; side++)
				most = fmax(most, c->rows[i].max[side]);
	unit = rs_figure_time_unit((uint64_t)most);
	return (struct rs_compare_scale){ unit->name, unit->ns };
}
