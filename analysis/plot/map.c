// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/plot/map.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

/* [start, end) of axis positions. */
struct span {
	uint64_t start, end;
};

/* Sorted, disjoint spans that have been in force since @since_ns. */
struct spans {
	struct span *span;
	size_t nr, allocated;
	uint64_t since_ns;
};

/*
 * A span mostly fills rows from end to end. Those are kept as the difference to
 * the row below, so that the cost of a span is that of its two ends.
 */
struct cell {
	unsigned __int128 page_ns; /* of rows that are filled in part; in the end the whole sum */
	uint64_t full_ns;	   /* time that this row is full, less that of the row below */
};

struct rs_map {
	const struct rs_gfn_axis *axis;
	uint64_t begin_ns, span_ns;
	uint32_t nr_cols, nr_rows;
	uint64_t now_ns;
	struct spans state[RS_MAP_NR_LAYERS];
	struct spans next;		      /* being made */
	struct cell *cells[RS_MAP_NR_LAYERS]; /* nr_rows + 1 to a column */
	uint64_t *faults[RS_MAP_NR_FAULTS];   /* nr_rows to a column */
};

static int allocate(struct rs_map *map)
{
	for (size_t i = 0; i < RS_MAP_NR_LAYERS; i++) {
		map->cells[i] =
			calloc((size_t)map->nr_cols * (map->nr_rows + 1), sizeof(*map->cells[i]));
		if (!map->cells[i])
			return -ENOMEM;
	}
	for (size_t i = 0; i < RS_MAP_NR_FAULTS; i++) {
		map->faults[i] =
			calloc((size_t)map->nr_cols * map->nr_rows, sizeof(*map->faults[i]));
		if (!map->faults[i])
			return -ENOMEM;
	}
	return 0;
}

struct rs_map *rs_map_new(const struct rs_gfn_axis *axis, uint64_t begin_ns, uint64_t end_ns,
			  uint32_t max_cols)
{
	struct rs_map *map;

	if (begin_ns >= end_ns || !axis->nr_rows || !max_cols) {
		errno = EINVAL;
		return NULL;
	}
	map = calloc(1, sizeof(*map));
	if (!map)
		return NULL;
	map->axis = axis;
	map->begin_ns = begin_ns;
	map->span_ns = end_ns - begin_ns;
	map->nr_cols = map->span_ns < max_cols ? (uint32_t)map->span_ns : max_cols;
	map->nr_rows = axis->nr_rows;
	if (allocate(map)) {
		rs_map_free(map);
		errno = ENOMEM;
		return NULL;
	}
	return map;
}

void rs_map_free(struct rs_map *map)
{
	if (!map)
		return;
	for (size_t i = 0; i < RS_MAP_NR_LAYERS; i++) {
		free(map->cells[i]);
		free(map->state[i].span);
	}
	for (size_t i = 0; i < RS_MAP_NR_FAULTS; i++)
		free(map->faults[i]);
	free(map->next.span);
	free(map);
}

void rs_map_clear(struct rs_map *map)
{
	for (size_t i = 0; i < RS_MAP_NR_LAYERS; i++) {
		memset(map->cells[i], 0,
		       (size_t)map->nr_cols * (map->nr_rows + 1) * sizeof(*map->cells[i]));
		map->state[i].nr = 0;
		map->state[i].since_ns = 0;
	}
	for (size_t i = 0; i < RS_MAP_NR_FAULTS; i++)
		memset(map->faults[i], 0,
		       (size_t)map->nr_cols * map->nr_rows * sizeof(*map->faults[i]));
	map->now_ns = 0;
}

static uint32_t col_of(const struct rs_map *map, uint64_t ns)
{
	return (uint32_t)((unsigned __int128)ns * map->nr_cols / map->span_ns);
}

/* The first time of a column, from the map's begin on. */
static uint64_t col_begin(const struct rs_map *map, uint32_t col)
{
	return (uint64_t)(((unsigned __int128)map->span_ns * col + map->nr_cols - 1) /
			  map->nr_cols);
}

static void add_to_column(struct rs_map *map, struct cell *column, const struct span *s,
			  uint64_t ns)
{
	const struct rs_gfn_axis *axis = map->axis;
	uint32_t first = rs_gfn_axis_row(axis, s->start), last = rs_gfn_axis_row(axis, s->end - 1);
	uint64_t first_end = rs_gfn_axis_row_pos(axis, first + 1);

	if (first == last) {
		column[first].page_ns += (unsigned __int128)(s->end - s->start) * ns;
		return;
	}
	column[first].page_ns += (unsigned __int128)(first_end - s->start) * ns;
	column[last].page_ns += (unsigned __int128)(s->end - rs_gfn_axis_row_pos(axis, last)) * ns;
	column[first + 1].full_ns += ns;
	column[last].full_ns -= ns;
}

/* What is set in @layer lasted until @end_ns. */
static void flush(struct rs_map *map, enum rs_map_layer layer, uint64_t end_ns)
{
	struct spans *state = &map->state[layer];
	uint64_t begin = state->since_ns > map->begin_ns ? state->since_ns - map->begin_ns : 0;
	uint64_t end = end_ns > map->begin_ns ? end_ns - map->begin_ns : 0;

	state->since_ns = end_ns;
	if (end > map->span_ns)
		end = map->span_ns;
	while (state->nr && begin < end) {
		uint32_t col = col_of(map, begin);
		uint64_t col_end = col_begin(map, col + 1);
		uint64_t ns = (end < col_end ? end : col_end) - begin;
		struct cell *column = map->cells[layer] + (size_t)col * (map->nr_rows + 1);

		for (size_t i = 0; i < state->nr; i++)
			add_to_column(map, column, &state->span[i], ns);
		begin += ns;
	}
}

/* Appends [@start, @end) gfns to the spans being made, without what no memslot ever backs. */
static int next_add(struct rs_map *map, uint64_t start, uint64_t end)
{
	struct spans *next = &map->next;
	struct span s;

	if (start >= end)
		return 0;
	s.start = rs_gfn_axis_pos(map->axis, start);
	s.end = rs_gfn_axis_pos(map->axis, end);
	if (s.start >= s.end)
		return 0;
	if (RS_ROOM(next->span, next->allocated, next->nr + 1))
		return -ENOMEM;
	next->span[next->nr++] = s;
	return 0;
}

static int by_start(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* Overlaps count once. */
static void next_unite(struct rs_map *map)
{
	struct span *s = map->next.span;
	size_t n = map->next.nr, nr = 0;

	if (n < 2)
		return;
	qsort(s, n, sizeof(*s), by_start);
	for (size_t i = 1; i < n; i++) {
		if (s[i].start > s[nr].end)
			s[++nr] = s[i];
		else if (s[i].end > s[nr].end)
			s[nr].end = s[i].end;
	}
	map->next.nr = nr + 1;
}

/* Puts the spans made into force; nothing is added up as long as they stay the same. */
static void next_apply(struct rs_map *map, enum rs_map_layer layer, uint64_t now_ns)
{
	struct spans *state = &map->state[layer], old = *state;

	next_unite(map);
	if (map->next.nr == old.nr &&
	    (!old.nr || !memcmp(map->next.span, old.span, old.nr * sizeof(*old.span)))) {
		map->next.nr = 0;
		return;
	}
	flush(map, layer, now_ns);
	*state = map->next;
	state->since_ns = now_ns;
	map->next = old;
	map->next.nr = 0;
}

static int set_list(struct rs_map *map, enum rs_map_layer layer, const struct rs_covered *list,
		    size_t n, uint64_t now_ns)
{
	for (size_t i = 0; i < n; i++)
		if (next_add(map, list[i].gfn_start, list[i].gfn_end))
			return -ENOMEM;
	next_apply(map, layer, now_ns);
	return 0;
}

static uint64_t forward(struct rs_map *map, uint64_t time_ns)
{
	if (time_ns > map->now_ns)
		map->now_ns = time_ns;
	return map->now_ns;
}

int rs_map_view(struct rs_map *map, const struct rs_view *view)
{
	uint64_t now = forward(map, view->time_ns);

	if (view->memslots && set_list(map, RS_MAP_BACKED, view->memslots, view->nr_memslots, now))
		return -ENOMEM;
	if (set_list(map, RS_MAP_COVERED, view->covered, view->nr_covered, now))
		return -ENOMEM;
	return set_list(map, RS_MAP_RANGE, view->ranges, view->nr_ranges, now);
}

static enum rs_map_fault kind_of(const struct rs_judged *fault, size_t algo)
{
	uint8_t rejected = fault->rejected[algo];

	if (!rejected)
		return fault->necessary ? RS_MAP_MISSED : RS_MAP_ACCEPTED;
	if (fault->necessary)
		return RS_MAP_NECESSARY;
	return rejected == 1 + RS_CAUSE_SEQ ? RS_MAP_SPURIOUS_SEQ : RS_MAP_SPURIOUS;
}

void rs_map_judged(struct rs_map *map, const struct rs_judged *fault, size_t algo)
{
	uint32_t col, row;

	if (fault->time_ns < map->begin_ns || fault->time_ns - map->begin_ns >= map->span_ns)
		return;
	if (!rs_gfn_axis_has(map->axis, fault->gfn))
		return;
	col = col_of(map, fault->time_ns - map->begin_ns);
	row = rs_gfn_axis_row(map->axis, rs_gfn_axis_pos(map->axis, fault->gfn));
	map->faults[kind_of(fault, algo)][(size_t)col * map->nr_rows + row]++;
}

static void sum_up(struct rs_map *map, struct cell *column)
{
	uint64_t full_ns = 0;

	for (uint32_t row = 0; row < map->nr_rows; row++) {
		uint64_t frames = rs_gfn_axis_row_pos(map->axis, row + 1) -
				  rs_gfn_axis_row_pos(map->axis, row);

		full_ns += column[row].full_ns;
		column[row].page_ns += (unsigned __int128)frames * full_ns;
	}
}

void rs_map_finish(struct rs_map *map, uint64_t end_ns)
{
	uint64_t now = forward(map, end_ns);

	for (size_t i = 0; i < RS_MAP_NR_LAYERS; i++) {
		flush(map, i, now);
		for (uint32_t col = 0; col < map->nr_cols; col++)
			sum_up(map, map->cells[i] + (size_t)col * (map->nr_rows + 1));
	}
}

const struct rs_gfn_axis *rs_map_axis(const struct rs_map *map)
{
	return map->axis;
}

uint32_t rs_map_nr_cols(const struct rs_map *map)
{
	return map->nr_cols;
}

uint64_t rs_map_col_ns(const struct rs_map *map, uint32_t col)
{
	return map->begin_ns + col_begin(map, col);
}

unsigned __int128 rs_map_page_ns(const struct rs_map *map, enum rs_map_layer layer, uint32_t col,
				 uint32_t row)
{
	return map->cells[layer][(size_t)col * (map->nr_rows + 1) + row].page_ns;
}

double rs_map_share(const struct rs_map *map, enum rs_map_layer layer, uint32_t col, uint32_t row)
{
	uint64_t ns = col_begin(map, col + 1) - col_begin(map, col);
	uint64_t frames =
		rs_gfn_axis_row_pos(map->axis, row + 1) - rs_gfn_axis_row_pos(map->axis, row);

	return (double)rs_map_page_ns(map, layer, col, row) / ((double)ns * (double)frames);
}

uint64_t rs_map_faults(const struct rs_map *map, enum rs_map_fault kind, uint32_t col, uint32_t row)
{
	return map->faults[kind][(size_t)col * map->nr_rows + row];
}
