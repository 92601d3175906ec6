// SPDX-License-Identifier: GPL-2.0-only
/* The grid against a naive one that marks every frame at every nanosecond. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analysis/plot/map.h"

#define NS 700
#define GFNS 2000
#define MAX_LIST 6

static uint64_t seed;

static uint64_t rnd(uint64_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % n;
}

static struct rs_covered random_range(void)
{
	struct rs_covered c = { .gfn_start = rnd(GFNS), .as = (uint8_t)rnd(2) };

	c.gfn_end = c.gfn_start + 1 + rnd(rnd(3) ? 40 : GFNS - c.gfn_start);
	if (c.gfn_end > GFNS)
		c.gfn_end = GFNS;
	return c;
}

struct naive {
	bool marked[RS_MAP_NR_LAYERS][GFNS][NS];
	uint64_t faults[RS_MAP_NR_FAULTS][GFNS][NS];
};

static void mark(struct naive *n, enum rs_map_layer layer, const struct rs_covered *list, size_t nr,
		 uint64_t begin, uint64_t end)
{
	for (size_t i = 0; i < nr; i++)
		for (uint64_t g = list[i].gfn_start; g < list[i].gfn_end; g++)
			for (uint64_t t = begin; t < end; t++)
				n->marked[layer][g][t] = true;
}

static void judge(struct rs_map *map, struct naive *n, uint64_t time)
{
	static const struct {
		uint8_t rejected;
		bool necessary;
		enum rs_map_fault kind;
	} cases[] = {
		{ 0, false, RS_MAP_ACCEPTED },
		{ 0, true, RS_MAP_MISSED },
		{ 255, true, RS_MAP_NECESSARY },
		{ 1 + RS_CAUSE_ALIAS, false, RS_MAP_SPURIOUS },
		{ 1 + RS_CAUSE_SEQ, false, RS_MAP_SPURIOUS_SEQ },
	};
	size_t c = rnd(5);
	uint8_t rejected[2] = { 77, cases[c].rejected };
	struct rs_judged j = { .time_ns = time,
			       .gfn = rnd(GFNS),
			       .necessary = cases[c].necessary,
			       .rejected = rejected };

	rs_map_judged(map, &j, 1);
	if (time < NS)
		n->faults[cases[c].kind][j.gfn][time]++;
}

static void check_cell(const struct rs_map *map, const struct naive *n, uint32_t col, uint32_t row)
{
	const struct rs_gfn_axis *axis = rs_map_axis(map);
	uint64_t sums[RS_MAP_NR_LAYERS] = { 0 }, faults[RS_MAP_NR_FAULTS] = { 0 };

	for (uint64_t p = rs_gfn_axis_row_pos(axis, row); p < rs_gfn_axis_row_pos(axis, row + 1);
	     p++) {
		uint64_t g = rs_gfn_axis_gfn(axis, p);

		for (uint64_t t = rs_map_col_ns(map, col); t < rs_map_col_ns(map, col + 1); t++) {
			for (size_t i = 0; i < RS_MAP_NR_LAYERS; i++)
				sums[i] += n->marked[i][g][t];
			for (size_t i = 0; i < RS_MAP_NR_FAULTS; i++)
				faults[i] += n->faults[i][g][t];
		}
	}
	for (size_t i = 0; i < RS_MAP_NR_LAYERS; i++)
		assert_true(rs_map_page_ns(map, i, col, row) == sums[i]);
	for (size_t i = 0; i < RS_MAP_NR_FAULTS; i++)
		assert_int_equal(rs_map_faults(map, i, col, row), faults[i]);
}

/* Feeds @views random states and the same faults to both, and compares every cell. */
static void compare(const struct rs_gfn_axis *axis, size_t views, uint64_t begin, uint64_t end,
		    uint32_t cols)
{
	struct rs_map *map = rs_map_new(axis, begin, end, cols);
	struct naive *n = calloc(1, sizeof(*n));
	struct rs_covered slots[MAX_LIST], covered[MAX_LIST], range;
	size_t nr_slots = 0;
	uint64_t now = 0;

	assert_non_null(map);
	assert_non_null(n);
	for (size_t v = 0; v < views; v++) {
		bool changed = !v || !rnd(5);
		uint64_t next = now + rnd(2 * NS / views + 2);
		struct rs_view view = { .time_ns = now, .covered = covered };

		next = next > NS || v == views - 1 ? NS : next;
		for (size_t i = 0; changed && i < MAX_LIST; i++)
			slots[i] = random_range();
		nr_slots = changed ? 1 + rnd(MAX_LIST) : nr_slots;
		view.memslots = changed ? slots : NULL;
		view.nr_memslots = changed ? nr_slots : 0;
		view.nr_covered = rnd(MAX_LIST);
		for (size_t i = 0; i < view.nr_covered; i++)
			covered[i] = random_range();
		range = random_range();
		if (!rnd(4))
			range.gfn_end = range.gfn_start;
		view.ranges = &range;
		view.nr_ranges = 1;
		assert_int_equal(rs_map_view(map, &view), 0);
		mark(n, RS_MAP_BACKED, slots, nr_slots, now, next);
		mark(n, RS_MAP_COVERED, covered, view.nr_covered, now, next);
		mark(n, RS_MAP_RANGE, &range, 1, now, next);
		judge(map, n, now);
		now = next;
	}
	judge(map, n, NS);
	rs_map_finish(map, NS);
	for (uint32_t col = 0; col < rs_map_nr_cols(map); col++)
		for (uint32_t row = 0; row < axis->nr_rows; row++)
			check_cell(map, n, col, row);
	assert_int_equal(rs_map_col_ns(map, rs_map_nr_cols(map)), end);
	rs_map_free(map);
	free(n);
}

static void random_axis(struct rs_gfn_axis *axis, size_t blocks, uint32_t rows)
{
	memset(axis, 0, sizeof(*axis));
	for (size_t i = 0; i < blocks; i++) {
		struct rs_covered c = random_range();

		assert_int_equal(rs_gfn_axis_add(axis, c.gfn_start, c.gfn_end), 0);
	}
	rs_gfn_axis_lay_out(axis, rows);
}

static void cells_are_exact(void **state)
{
	(void)state;
	for (seed = 1; seed < 7; seed++) {
		uint64_t keep = seed;
		struct rs_gfn_axis axis;

		random_axis(&axis, 1 + rnd(12), 16 + (uint32_t)rnd(200));
		compare(&axis, 1 + rnd(60), 0, NS, 1 + (uint32_t)rnd(100));
		compare(&axis, 1 + rnd(60), NS / 4, NS / 2, 37);
		compare(&axis, 200, 0, NS, 10 * NS);
		rs_gfn_axis_free(&axis);
		seed = keep;
	}
}

/* Every frame of the axis has one position and one row, rows rise and none is empty. */
static void check_axis(const struct rs_gfn_axis *axis, const bool *backed)
{
	uint64_t pos = 0;

	for (uint64_t g = 0; g < GFNS; g++) {
		assert_int_equal(rs_gfn_axis_has(axis, g), backed[g]);
		assert_int_equal(rs_gfn_axis_pos(axis, g), pos);
		if (!backed[g])
			continue;
		assert_int_equal(rs_gfn_axis_gfn(axis, pos), g);
		pos++;
	}
	assert_int_equal(axis->frames, pos);
	for (uint32_t row = 0; row < axis->nr_rows; row++) {
		uint64_t first = rs_gfn_axis_row_pos(axis, row);
		uint64_t end = rs_gfn_axis_row_pos(axis, row + 1);

		assert_true(first < end);
		assert_int_equal(rs_gfn_axis_row(axis, first), row);
		assert_int_equal(rs_gfn_axis_row(axis, end - 1), row);
	}
	assert_int_equal(rs_gfn_axis_row_pos(axis, axis->nr_rows), axis->frames);
}

static void axis_folds(void **state)
{
	(void)state;
	for (seed = 100; seed < 160; seed++) {
		uint64_t keep = seed;
		struct rs_gfn_axis axis = { 0 };
		bool backed[GFNS] = { false };
		uint32_t rows = 16 + (uint32_t)rnd(400);

		for (size_t i = 0, n = rnd(300); i < n; i++) {
			struct rs_covered c = random_range();

			c.gfn_end = c.gfn_start + 1 + rnd(n < 20 ? 100 : 3);
			c.gfn_end = c.gfn_end > GFNS ? GFNS : c.gfn_end;
			memset(backed + c.gfn_start, true, c.gfn_end - c.gfn_start);
			assert_int_equal(rs_gfn_axis_add(&axis, c.gfn_start, c.gfn_end), 0);
		}
		rs_gfn_axis_lay_out(&axis, rows);
		assert_true(axis.nr_rows <= rows);
		check_axis(&axis, backed);
		rs_gfn_axis_free(&axis);
		seed = keep;
	}
}

/*
 * A PC: 160 frames, 32,512 above the hole, a BIOS of 64 below 4 GiB. In
 * proportion the BIOS would have half of one row in 320; it gets 320/32 = 10.
 */
static void small_blocks_are_enlarged(void **state)
{
	struct rs_gfn_axis axis = { 0 };

	(void)state;
	rs_gfn_axis_add(&axis, 0x100, 0x8000);
	rs_gfn_axis_add(&axis, 0xfffc0, 0x100000);
	rs_gfn_axis_add(&axis, 0, 0xa0);
	rs_gfn_axis_lay_out(&axis, 320);
	assert_int_equal(axis.nr_blocks, 3);
	assert_int_equal(axis.nr_bands, 3);
	assert_true(axis.enlarged);
	assert_int_equal(axis.frames, 0xa0 + 0x7f00 + 0x40);
	assert_int_equal(axis.bands[2].rows, 10);
	assert_true(axis.nr_rows <= 320 && axis.nr_rows > 315);
	rs_gfn_axis_free(&axis);
}

static void memslots_that_come_and_go_cost_no_memory(void **state)
{
	struct rs_gfn_axis axis = { 0 };

	(void)state;
	for (uint64_t i = 0; i < 1000000; i++)
		assert_int_equal(rs_gfn_axis_add(&axis, i % 50 * 10, i % 50 * 10 + 5), 0);
	assert_true(axis.allocated <= 256);
	rs_gfn_axis_lay_out(&axis, 320);
	assert_int_equal(axis.nr_blocks, 50);
	assert_int_equal(axis.nr_bands, 1);
	assert_int_equal(axis.nr_rows, 250);
	rs_gfn_axis_free(&axis);
}

static void nothing_to_draw(void **state)
{
	struct rs_gfn_axis axis = { 0 };

	(void)state;
	rs_gfn_axis_lay_out(&axis, 320);
	assert_int_equal(axis.nr_rows, 0);
	assert_null(rs_map_new(&axis, 0, 10, 10));
	rs_gfn_axis_free(&axis);
	rs_gfn_axis_add(&axis, 5, 6);
	rs_gfn_axis_lay_out(&axis, 320);
	assert_null(rs_map_new(&axis, 10, 10, 10));
	rs_gfn_axis_free(&axis);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(axis_folds),
		cmocka_unit_test(small_blocks_are_enlarged),
		cmocka_unit_test(memslots_that_come_and_go_cost_no_memory),
		cmocka_unit_test(cells_are_exact),
		cmocka_unit_test(nothing_to_draw),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
