// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/bench/bench.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/write/layout.h"
#include "analysis/plot/plot_price.h"
#include "analysis/write/units.h"

#define COLUMNS 80
#define TEXT_SIZE 40

const char *rs_bench_axis_name(unsigned int axis)
{
	static const char *const names[RS_NR_BENCH_AXES] = { "outstanding", "memslots", "aliases",
							     "ended" };

	return axis < RS_NR_BENCH_AXES ? names[axis] : NULL;
}

uint32_t *rs_bench_axis_of(struct rs_cost_setting *set, unsigned int axis)
{
	switch (axis) {
	case RS_BENCH_OUTSTANDING:
		return &set->outstanding;
	case RS_BENCH_MEMSLOTS:
		return &set->memslots;
	case RS_BENCH_ALIASES:
		return &set->aliases;
	default:
		return &set->ended;
	}
}

/* A page with room for the texts of the table that is being filled. */
struct sheet {
	struct rs_page page;
	struct rs_table table;
	char (*texts)[TEXT_SIZE];
	size_t nr_texts, max_texts;
};

static int sheet_begin(struct sheet *s, unsigned int columns, size_t rows)
{
	free(s->texts);
	s->nr_texts = 0;
	s->max_texts = rows * columns;
	s->texts = calloc(s->max_texts + 1, sizeof(*s->texts));
	if (!s->texts)
		s->page.err = -ENOMEM;
	rs_table_init(&s->table, columns);
	return s->page.err;
}

static void sheet_end(struct sheet *s)
{
	rs_table_write(&s->page, &s->table);
	rs_blank_line(&s->page);
}

static char *next_text(struct sheet *s)
{
	/* A table has no more texts than cells. */
	return s->texts[s->nr_texts < s->max_texts ? s->nr_texts++ : s->max_texts];
}

/* At most five characters. */
static const char *brief(double x, char *buf, size_t size)
{
	return x < 999.5 ? rs_format_number(x, buf, size)
			 : rs_format_short(rs_clamp_u64(x + 0.5), buf, size);
}

/* "12.3 11.9-14.0": the median and the range. */
static void put_spread(struct sheet *s, const struct rs_spread *x)
{
	char median[12], min[12], max[12], *text = next_text(s);

	snprintf(text, TEXT_SIZE, "%s %s-%s", brief(x->median, median, sizeof(median)),
		 brief(x->min, min, sizeof(min)), brief(x->max, max, sizeof(max)));
	rs_table_text(&s->table, text);
}

static const struct rs_bench_cost *cost_at(const struct rs_bench *b, size_t setting, size_t algo)
{
	return &b->costs[setting * b->nr_algos + algo];
}

/* ---- one operation at a time ---- */

static void put_setting(struct sheet *s, const struct rs_bench *b)
{
	const struct rs_cost_setting *set = &b->costs[0].set;

	rs_para(&s->page, 0, 0,
		"One thread. Outstanding besides: %" PRIu32 "; memslots: %" PRIu32
		"; aliases of each page: %" PRIu32 "; ended since the checked fault began: %" PRIu32
		"; pages invalidated: %" PRIu32 ". Of %u rounds the median and the range.",
		set->outstanding, set->memslots, set->aliases, set->ended, set->pages, b->rounds);
	rs_blank_line(&s->page);
}

static void table_of_times(struct sheet *s, const struct rs_bench *b)
{
	static const char *const headings[2][6] = {
		{ "ns", "begin", "slot", "end", "begin, slots", "check" },
		{ "", "", "", "", "and end", "" },
	};

	if (sheet_begin(s, 6, b->nr_algos))
		return;
	for (unsigned int k = 0; k < 6; k++)
		for (int line = 0; line < 2; line++)
			s->table.heading[line][k] = headings[line][k];
	for (size_t i = 0; i < b->nr_algos; i++) {
		const struct rs_bench_cost *c = cost_at(b, 0, i);

		rs_table_text(&s->table, c->algorithm);
		for (unsigned int op = 0; op < RS_COST_CHECK; op++)
			rs_table_number(&s->table, c->part_ns[op].median);
		put_spread(s, &c->inval_ns);
		put_spread(s, &c->check_ns);
	}
	sheet_end(s);
}

static void table_of_instructions(struct sheet *s, const struct rs_bench *b)
{
	if (b->no_counter) {
		rs_para(&s->page, 0, 0,
			"Instructions: %s; scripts/price-instructions counts them with valgrind.",
			b->no_counter);
		rs_blank_line(&s->page);
		return;
	}
	if (sheet_begin(s, RS_NR_COST_OPS + 1, b->nr_algos))
		return;
	s->table.heading[0][0] = "instructions";
	for (unsigned int op = 0; op < RS_NR_COST_OPS; op++)
		s->table.heading[0][op + 1] = rs_cost_op_name(op);
	for (size_t i = 0; i < b->nr_algos; i++) {
		const struct rs_bench_cost *c = cost_at(b, 0, i);

		rs_table_text(&s->table, c->algorithm);
		for (unsigned int op = 0; op < RS_NR_COST_OPS; op++)
			rs_table_number(&s->table, c->instructions[op]);
	}
	sheet_end(s);
}

/* ---- as one figure of the setting grows ---- */

#define MAX_VALUES (RS_TABLE_COLUMNS - 2)

/* The settings in which only @axis differs from the base, which comes first. */
static size_t settings_of(const struct rs_bench *b, unsigned int axis, size_t settings[MAX_VALUES])
{
	struct rs_cost_setting base = b->costs[0].set;
	size_t n = 1;

	settings[0] = 0;
	for (size_t i = 1; i < b->nr_costs / b->nr_algos && n < MAX_VALUES; i++) {
		struct rs_cost_setting set = cost_at(b, i, 0)->set;

		if (*rs_bench_axis_of(&set, axis) != *rs_bench_axis_of(&base, axis))
			settings[n++] = i;
	}
	return n;
}

enum growing { GROW_INVAL, GROW_CHECK, GROW_BYTES };

static double growing_figure(const struct rs_bench_cost *c, enum growing what)
{
	switch (what) {
	case GROW_INVAL:
		return c->inval_ns.median;
	case GROW_CHECK:
		return c->check_ns.median;
	default:
		return (double)c->peak_bytes;
	}
}

static void table_of_growth(struct sheet *s, const struct rs_bench *b, unsigned int axis,
			    enum growing what)
{
	static const char *const whats[] = { "begin, slots, end: ns", "check: ns", "bytes" };
	size_t settings[MAX_VALUES], n = settings_of(b, axis, settings);

	bool rest = what == GROW_BYTES && axis == RS_BENCH_OUTSTANDING;

	if (n < 2 || sheet_begin(s, (unsigned int)n + 1 + rest, b->nr_algos + 1))
		return;
	s->table.heading[0][0] = whats[what];
	s->table.heading[1][0] = rs_bench_axis_name(axis);
	for (size_t k = 0; k < n + rest; k++)
		s->table.heading[0][k + 1] = "";
	s->table.heading[1][1] = "none";
	for (size_t k = 0; k < n; k++) {
		struct rs_cost_setting set = cost_at(b, settings[k], 0)->set;
		char *text = next_text(s);

		snprintf(text, TEXT_SIZE, "%" PRIu32, *rs_bench_axis_of(&set, axis));
		s->table.heading[1][k + 1 + rest] = text;
	}
	for (size_t i = 0; i < b->nr_algos; i++) {
		rs_table_text(&s->table, cost_at(b, 0, i)->algorithm);
		if (rest)
			rs_table_count(&s->table, cost_at(b, 0, i)->rest_bytes);
		for (size_t k = 0; k < n; k++) {
			double x = growing_figure(cost_at(b, settings[k], i), what);

			if (what == GROW_BYTES)
				rs_table_count(&s->table, rs_clamp_u64(x));
			else
				rs_table_number(&s->table, x);
		}
	}
	sheet_end(s);
}

static void write_costs(struct sheet *s, const struct rs_bench *b)
{
	put_setting(s, b);
	table_of_times(s, b);
	table_of_instructions(s, b);
	for (unsigned int axis = 0; axis < RS_NR_BENCH_AXES; axis++) {
		if (axis != RS_BENCH_ENDED)
			table_of_growth(s, b, axis, GROW_INVAL);
		table_of_growth(s, b, axis, GROW_CHECK);
		if (axis != RS_BENCH_ENDED)
			table_of_growth(s, b, axis, GROW_BYTES);
	}
	if (b->nr_costs > b->nr_algos)
		return;
	if (sheet_begin(s, 3, b->nr_algos))
		return;
	s->table.heading[0][0] = "bytes of state";
	s->table.heading[0][1] = "at rest";
	s->table.heading[0][2] = "outstanding";
	for (size_t i = 0; i < b->nr_algos; i++) {
		rs_table_text(&s->table, cost_at(b, 0, i)->algorithm);
		rs_table_count(&s->table, cost_at(b, 0, i)->rest_bytes);
		rs_table_count(&s->table, cost_at(b, 0, i)->peak_bytes);
	}
	sheet_end(s);
}

/* ---- contention ---- */

static void table_of_contention(struct sheet *s, const struct rs_bench *b, bool rates)
{
	static const unsigned int figures[2][4] = {
		{ RS_BENCH_CHECK_WAIT, RS_BENCH_CHECK_WAIT_P99, RS_BENCH_WRITE_WAIT,
		  RS_BENCH_WRITE_HELD },
		{ RS_BENCH_CHECKS_PER_S, RS_BENCH_BEGINS_PER_S, 0, 0 },
	};
	static const char *const headings[2][2][4] = {
		{ { "check", "check", "write", "write" }, { "waits", "p99", "waits", "holds" } },
		{ { "checks", "begins", "", "" }, { "per s", "per s", "", "" } },
	};
	unsigned int n = rates ? 2 : 4;

	if (sheet_begin(s, n + 2, b->nr_contention))
		return;
	s->table.heading[0][0] = rates ? "rates" : "ns";
	s->table.heading[1][0] = "";
	s->table.heading[0][1] = "vCPUs +";
	s->table.heading[1][1] = "notif.";
	for (unsigned int k = 0; k < n; k++)
		for (int line = 0; line < 2; line++)
			s->table.heading[line][k + 2] = headings[rates][line][k];
	for (size_t i = 0; i < b->nr_contention; i++) {
		const struct rs_bench_contention *c = &b->contention[i];
		char *text = next_text(s);

		snprintf(text, TEXT_SIZE, "%u+%u", c->vcpus, c->notifiers);
		rs_table_text(&s->table, c->algorithm);
		rs_table_text(&s->table, text);
		for (unsigned int k = 0; k < n; k++) {
			if (!c->notifiers && figures[rates][k] != RS_BENCH_CHECKS_PER_S &&
			    figures[rates][k] != RS_BENCH_CHECK_WAIT &&
			    figures[rates][k] != RS_BENCH_CHECK_WAIT_P99)
				rs_table_text(&s->table, "-");
			else if (figures[rates][k] == RS_BENCH_CHECK_WAIT_P99)
				rs_table_number(&s->table,
						c->figures[RS_BENCH_CHECK_WAIT_P99].median);
			else
				put_spread(s, &c->figures[figures[rates][k]]);
		}
	}
	sheet_end(s);
}

static void write_contention(struct sheet *s, const struct rs_bench *b)
{
	rs_para(&s->page, 0, 0,
		"Contention: vCPU threads check under the read lock, notifier threads begin and "
		"end under the write lock, each as fast as it can; a fair lock. Of %u rounds the "
		"median and the range.",
		b->rounds);
	rs_blank_line(&s->page);
	table_of_contention(s, b, false);
	table_of_contention(s, b, true);
}

/* ---- precision against price ---- */

bool rs_bench_counted(const struct rs_bench *b)
{
	for (size_t i = 0; i < b->nr_prices; i++)
		if (isnan(b->prices[i].instructions))
			return false;
	return b->nr_prices > 0;
}

/* Who is on the front: by instructions where they are known, for they are repeatable. */
static bool *find_front(const struct rs_bench *b)
{
	struct rs_price_point *points = calloc(b->nr_prices + 1, sizeof(*points));
	bool *on_front = calloc(b->nr_prices + 1, sizeof(*on_front));
	bool counted = rs_bench_counted(b);

	for (size_t i = 0; points && i < b->nr_prices; i++) {
		const struct rs_bench_price *p = &b->prices[i];

		points[i] = (struct rs_price_point){
			.algorithm = p->algorithm,
			.price_min = counted ? p->instructions : p->ns.min,
			.price_median = counted ? p->instructions : p->ns.median,
			.price_max = counted ? p->instructions : p->ns.max,
			.checked = p->checked,
			.rejected = p->rejected,
			.necessary = p->necessary,
			.spurious = p->spurious,
			.missed = p->missed,
		};
	}
	if (points && on_front)
		rs_price_front(points, b->nr_prices, on_front);
	if (!points) {
		free(on_front);
		on_front = NULL;
	}
	free(points);
	return on_front;
}

static void table_of_prices(struct sheet *s, const struct rs_bench *b, const bool *on_front)
{
	static const char *const headings[2][8] = {
		{ "algorithm", "rejected", "needlessly", "missed", "bytes", "instr.", "ns per",
		  "" },
		{ "", "", "", "", "", "per op.", "operation", "" },
	};

	if (sheet_begin(s, 8, b->nr_prices))
		return;
	for (unsigned int k = 0; k < 8; k++)
		for (int line = 0; line < 2; line++)
			s->table.heading[line][k] = headings[line][k];
	for (size_t i = 0; i < b->nr_prices; i++) {
		const struct rs_bench_price *p = &b->prices[i];

		rs_table_text(&s->table, p->algorithm);
		rs_table_count(&s->table, p->rejected);
		rs_table_count(&s->table, p->spurious);
		rs_table_count(&s->table, p->missed);
		rs_table_count(&s->table, p->peak_bytes);
		rs_table_number(&s->table, p->instructions);
		put_spread(s, &p->ns);
		rs_table_text(&s->table, p->missed ? "wrong" : on_front[i] ? "front" : "");
	}
	sheet_end(s);
}

static void write_prices(struct sheet *s, const struct rs_bench *b)
{
	char mix[RS_NR_COST_OPS][32], necessary[32];
	bool *on_front = find_front(b);

	if (!on_front) {
		s->page.err = -ENOMEM;
		return;
	}
	rs_para(&s->page, 0, 0, "Precision against price, of the operations of %s:", b->trace);
	for (unsigned int op = 0; op < RS_NR_COST_OPS; op++)
		rs_format_count(b->mix[op], mix[op], sizeof(mix[op]));
	rs_para(&s->page, 0, 0,
		"%s begins, %s slots, %s ends and %s checks, of which %s had to be rejected (the "
		"least there is).",
		mix[RS_COST_BEGIN], mix[RS_COST_SLOT], mix[RS_COST_END], mix[RS_COST_CHECK],
		rs_format_count(b->nr_prices ? b->prices[0].necessary : 0, necessary,
				sizeof(necessary)));
	rs_blank_line(&s->page);
	table_of_prices(s, b, on_front);
	rs_para(&s->page, 0, 0,
		"front: none is both cheaper (by %s) and more precise; prices whose ranges overlap "
		"are equal. wrong: let faults through that had to be retried.",
		rs_bench_counted(b) ? "instructions" : "time");
	free(on_front);
}

int rs_bench_text(FILE *f, const struct rs_bench *b)
{
	struct sheet s = { .page = { f, COLUMNS, 0 } };

	if (b->nr_costs)
		write_costs(&s, b);
	if (b->nr_contention)
		write_contention(&s, b);
	if (b->trace)
		write_prices(&s, b);
	free(s.texts);
	return s.page.err ? s.page.err : ferror(f) ? -EIO : 0;
}
