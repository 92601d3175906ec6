// SPDX-License-Identifier: GPL-2.0-only
/* For people: text in 80 columns, mail in 72. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "analysis/compare/compare_internal.h"
#include "analysis/compare/rank.h"
#include "analysis/write/layout.h"

#define TEXT_COLUMNS 80
#define MAIL_COLUMNS 72
/* Of a cell with a range. */
#define CELL 64

static char *put_range(char *to, double middle, double low, double high)
{
	char a[24], b[24], c[24];

	if (isnan(low))
		snprintf(to, CELL, "%s", rs_format_number(middle, a, sizeof(a)));
	else
		snprintf(to, CELL, "%s (%s-%s)", rs_format_number(middle, a, sizeof(a)),
			 rs_format_number(low, b, sizeof(b)), rs_format_number(high, c, sizeof(c)));
	return to;
}

static const char *put_p(char *to, const struct rs_compare_row *row)
{
	if (isnan(row->p_holm))
		return "-";
	if (row->p_holm < 0.001)
		return row->found ? "<0.001 *" : "<0.001";
	/* Cut off, not rounded: what is not below the limit does not look as if it were. */
	snprintf(to, CELL, "%.3f%s", floor(row->p_holm * 1000) / 1000, row->found ? " *" : "");
	return to;
}

/* The table keeps the texts until it is written. */
struct row_texts {
	char side[RS_COMPARE_SIDES][CELL], ratio[CELL], p[CELL];
};

static void put_row(struct rs_table *t, const struct rs_compare_row *row, double by,
		    struct row_texts *room)
{
	rs_table_text(t, row->algorithm ? row->algorithm : "(all)");
	for (unsigned int side = 0; side < RS_COMPARE_SIDES; side++)
		rs_table_text(t, put_range(room->side[side], row->median[side] / by,
					   row->min[side] / by, row->max[side] / by));
	rs_table_text(t, put_range(room->ratio, row->ratio, row->ratio_low, row->ratio_high));
	rs_table_text(t, put_p(room->p, row));
}

static void put_heading(struct rs_table *t, const struct rs_compare *c)
{
	t->heading[0][0] = "algorithm";
	for (unsigned int side = 0; side < RS_COMPARE_SIDES; side++) {
		t->heading[0][1 + side] = rs_compare_name(c, side);
		t->heading[1][1 + side] = "median (range)";
	}
	t->heading[0][3] = "ratio";
	t->heading[1][3] = rs_compare_tells(c) ? "(95 % interval)" : "";
	t->heading[0][4] = "p";
	t->heading[1][4] = "(Holm)";
}

/* Nothing of the kind happened in any run. */
static bool is_nothing(const struct rs_compare_row *row)
{
	return row->max[RS_COMPARE_BASE] == 0 && row->max[RS_COMPARE_NEW] == 0;
}

/* The rows of one figure, from @rows on; how many they are. */
static size_t put_figure(struct rs_page *p, const struct rs_compare *c,
			 const struct rs_compare_row *rows, size_t nr)
{
	struct rs_compare_scale scale = rs_compare_scale(c, rows->figure);
	struct row_texts *room;
	struct rs_table t;
	size_t n = 0, shown = 0;

	for (; n < nr && rows[n].figure == rows->figure; n++)
		shown += !is_nothing(&rows[n]);
	if (!shown) {
		rs_para(p, 0, 0, "%s: 0 in all runs.", rows->figure->title);
		return n;
	}
	room = calloc(n, sizeof(*room));
	if (!room) {
		p->err = -ENOMEM;
		return n;
	}
	rs_para(p, 0, 0, "%s%s%s%s:", rows->figure->title, scale.unit[0] ? " (" : "", scale.unit,
		scale.unit[0] ? ")" : "");
	rs_table_init(&t, 5);
	put_heading(&t, c);
	for (size_t i = 0; i < n; i++)
		if (!is_nothing(&rows[i]))
			put_row(&t, &rows[i], scale.by, &room[i]);
	rs_table_write(p, &t);
	free(room);
	return n;
}

static void put_answer(struct rs_page *p, const struct rs_compare *c)
{
	size_t m = rs_compare_runs(c, RS_COMPARE_BASE), n = rs_compare_runs(c, RS_COMPARE_NEW);
	const char *base = rs_compare_name(c, RS_COMPARE_BASE);
	const char *new = rs_compare_name(c, RS_COMPARE_NEW);
	size_t tested = rs_compare_tested(c), found = rs_compare_found(c);

	rs_para(p, 0, 0, "%s: %zu run%s; %s: %zu run%s.", base, m, m == 1 ? "" : "s", new, n,
		n == 1 ? "" : "s");
	if (!rs_compare_tells(c))
		rs_para(p, 0, 0,
			"Too few to tell: with fewer than %d runs a side no difference can be "
			"told from chance.",
			RS_RANK_LEAST_RUNS);
	else if (!found)
		rs_para(p, 0, 0,
			"Nothing found: none of %zu figures differs more than chance would have "
			"it.",
			tested);
	else
		rs_para(p, 0, 0, "%zu of %zu figures differ more than chance would have it:", found,
			tested);
}

static void put_found(struct rs_page *p, const struct rs_compare *c)
{
	size_t nr;
	const struct rs_compare_row *rows = rs_compare_rows(c, &nr);
	char ratio[CELL], limit[CELL];

	for (size_t i = 0; i < nr; i++) {
		if (!rows[i].found)
			continue;
		if (isnan(rows[i].ratio))
			snprintf(ratio, sizeof(ratio), "no ratio, as there are zeros");
		else
			put_range(ratio, rows[i].ratio, rows[i].ratio_low, rows[i].ratio_high);
		rs_para(p, 2, 4, "%s%s%s: %s, p %s", rows[i].algorithm ? rows[i].algorithm : "",
			rows[i].algorithm ? ", " : "", rows[i].figure->name, ratio,
			put_p(limit, &rows[i]));
	}
}

static void put_notes(struct rs_page *p, const struct rs_compare *c)
{
	size_t nr;
	const char *const *notes = rs_compare_notes(c, &nr);

	if (!nr)
		return;
	rs_blank_line(p);
	rs_para(p, 0, 0, "Before you believe it:");
	p->wrong = true;
	for (size_t i = 0; i < nr; i++)
		rs_para(p, 0, 2, "- %s", notes[i]);
	p->wrong = false;
}

/* Whose other arrivals the tables have. */
static void put_arrivals(struct rs_page *p, const struct rs_compare *c)
{
	size_t nr;
	const struct rs_compare_row *rows = rs_compare_rows(c, &nr);
	const char *arrivals = rs_compare_common_to_both(c, TRAIT_ARRIVALS);

	for (size_t i = 0; *arrivals && i < nr; i++)
		if (rows[i].figure->other) {
			rs_blank_line(p);
			rs_para(p, 0, 0,
				"Figures of the closed loop are of %s arrivals; where it says "
				"other arrivals, of %s.",
				arrivals, rs_compare_arrivals(c, rows[i].figure));
			return;
		}
}

static void put_method(struct rs_page *p, const struct rs_compare *c)
{
	put_arrivals(p, c);
	rs_blank_line(p);
	rs_para(p, 0, 0,
		"A ratio is the median of those of all pairs of runs, %s over %s (Hodges and "
		"Lehmann, of logarithms); - where a figure is 0. p is that of Mann and Whitney's "
		"test, two-sided, exact up to %d runs in all, held over all rows together by "
		"Holm; * is below %g.",
		rs_compare_name(c, RS_COMPARE_NEW), rs_compare_name(c, RS_COMPARE_BASE),
		RS_RANK_EXACT_RUNS, RS_COMPARE_LIMIT);
}

static void put_runs(struct rs_page *p, const struct rs_compare *c)
{
	rs_blank_line(p);
	for (unsigned int side = 0; side < RS_COMPARE_SIDES; side++) {
		rs_para(p, 0, 2, "%s:", rs_compare_name(c, side));
		for (size_t i = 0; i < rs_compare_runs(c, side); i++)
			rs_para(p, 2, 4, "%s", rs_compare_path(c, side, i));
	}
}

static int write_page(FILE *f, const struct rs_compare *c, const char *command,
		      unsigned int columns)
{
	struct rs_page p = { .f = f,
			     .width = columns,
			     .color = c->color && columns == TEXT_COLUMNS };
	size_t nr;
	const struct rs_compare_row *rows = rs_compare_rows(c, &nr);

	put_answer(&p, c);
	put_found(&p, c);
	put_notes(&p, c);
	for (size_t i = 0; i < nr;) {
		rs_blank_line(&p);
		i += put_figure(&p, c, &rows[i], nr - i);
	}
	put_method(&p, c);
	if (columns == MAIL_COLUMNS) {
		put_runs(&p, c);
		rs_blank_line(&p);
		rs_para(&p, 0, 0, "To reproduce, with retryscope %s:", RS_VERSION);
		rs_blank_line(&p);
		rs_command_lines(&p, 2, command);
	}
	return p.err ? p.err : ferror(f) ? -EIO : 0;
}

static int write_text(FILE *f, const struct rs_compare *c, const char *command)
{
	return write_page(f, c, command, TEXT_COLUMNS);
}

static int write_mail(FILE *f, const struct rs_compare *c, const char *command)
{
	return write_page(f, c, command, MAIL_COLUMNS);
}

const struct rs_compare_format rs_compare_text = { "text", write_text };
const struct rs_compare_format rs_compare_mail = { "mail", write_mail };
