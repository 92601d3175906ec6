// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/plot/gfn_axis.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

#define MIN_ALLOCATED 64

/* A block of its own band gets at least this part of all rows. */
#define MIN_SHARE 32

static int by_start(const void *a, const void *b)
{
	const struct rs_gfn_block *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static void merge_added(struct rs_gfn_axis *axis)
{
	size_t n = axis->nr_blocks + axis->nr_added, nr = 0;
	struct rs_gfn_block *b = axis->blocks;

	if (!axis->nr_added)
		return;
	qsort(b, n, sizeof(*b), by_start);
	for (size_t i = 1; i < n; i++) {
		if (b[i].start > b[nr].end)
			b[++nr] = b[i];
		else if (b[i].end > b[nr].end)
			b[nr].end = b[i].end;
	}
	axis->nr_blocks = nr + 1;
	axis->nr_added = 0;
}

/* The last block that begins at or below @gfn; NULL if there is none. */
static const struct rs_gfn_block *find_block(const struct rs_gfn_axis *axis, uint64_t gfn)
{
	size_t low = 0, high = axis->nr_blocks;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (axis->blocks[mid].start <= gfn)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? &axis->blocks[low - 1] : NULL;
}

static int make_room(struct rs_gfn_axis *axis)
{
	size_t n = axis->allocated ? axis->allocated * 2 : MIN_ALLOCATED;

	if (axis->nr_blocks + axis->nr_added < axis->allocated)
		return 0;
	/* Merging first keeps memslots that come and go from filling the memory. */
	merge_added(axis);
	if (axis->nr_blocks < axis->allocated / 2)
		return 0;
	if (RS_RESIZE(axis->blocks, n))
		return -ENOMEM;
	axis->allocated = n;
	return 0;
}

int rs_gfn_axis_add(struct rs_gfn_axis *axis, uint64_t start, uint64_t end)
{
	const struct rs_gfn_block *known = find_block(axis, start);

	if (start >= end || (known && end <= known->end))
		return 0;
	if (make_room(axis))
		return -ENOMEM;
	axis->blocks[axis->nr_blocks + axis->nr_added++] =
		(struct rs_gfn_block){ .start = start, .end = end };
	return 0;
}

static void place_blocks(struct rs_gfn_axis *axis)
{
	axis->frames = 0;
	for (size_t i = 0; i < axis->nr_blocks; i++) {
		struct rs_gfn_block *b = &axis->blocks[i];

		b->pos = axis->frames;
		axis->frames += b->end - b->start;
	}
}

static uint64_t block_frames(const struct rs_gfn_block *b)
{
	return b->end - b->start;
}

/* Each block a band: first the least that can be seen, then its share of what is left. */
static void bands_by_block(struct rs_gfn_axis *axis, uint32_t rows)
{
	uint64_t least[RS_GFN_AXIS_MAX_BANDS], all_least = 0;
	uint64_t wanted = rows / MIN_SHARE ? rows / MIN_SHARE : 1;

	for (size_t i = 0; i < axis->nr_blocks; i++) {
		uint64_t n = block_frames(&axis->blocks[i]);

		least[i] = n < wanted ? n : wanted;
		all_least += least[i];
		if ((unsigned __int128)n * rows / axis->frames < least[i])
			axis->enlarged = true;
	}
	for (size_t i = 0; i < axis->nr_blocks; i++) {
		const struct rs_gfn_block *b = &axis->blocks[i];
		uint64_t extra = block_frames(b) - least[i];

		if (axis->frames > all_least)
			extra = (uint64_t)((unsigned __int128)extra * (rows - all_least) /
					   (axis->frames - all_least));
		axis->bands[i] = (struct rs_gfn_band){
			.pos = b->pos,
			.end_pos = b->pos + block_frames(b),
			.row = axis->nr_rows,
			.rows = (uint32_t)(least[i] + extra),
		};
		axis->nr_rows += axis->bands[i].rows;
	}
	axis->nr_bands = axis->nr_blocks;
}

void rs_gfn_axis_lay_out(struct rs_gfn_axis *axis, uint32_t max_rows)
{
	uint32_t rows;

	merge_added(axis);
	place_blocks(axis);
	axis->nr_bands = 0;
	axis->nr_rows = 0;
	axis->enlarged = false;
	rows = axis->frames < max_rows ? (uint32_t)axis->frames : max_rows;
	if (axis->nr_blocks <= RS_GFN_AXIS_MAX_BANDS) {
		bands_by_block(axis, rows);
		return;
	}
	axis->bands[0] = (struct rs_gfn_band){ .end_pos = axis->frames, .rows = rows };
	axis->nr_bands = 1;
	axis->nr_rows = rows;
}

void rs_gfn_axis_free(struct rs_gfn_axis *axis)
{
	free(axis->blocks);
	memset(axis, 0, sizeof(*axis));
}

bool rs_gfn_axis_has(const struct rs_gfn_axis *axis, uint64_t gfn)
{
	const struct rs_gfn_block *b = find_block(axis, gfn);

	return b && gfn < b->end;
}

uint64_t rs_gfn_axis_pos(const struct rs_gfn_axis *axis, uint64_t gfn)
{
	const struct rs_gfn_block *b = find_block(axis, gfn);

	if (!b)
		return 0;
	return b->pos + (gfn < b->end ? gfn - b->start : block_frames(b));
}

uint64_t rs_gfn_axis_gfn(const struct rs_gfn_axis *axis, uint64_t pos)
{
	size_t low = 0, high = axis->nr_blocks;

	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (axis->blocks[mid].pos <= pos)
			low = mid;
		else
			high = mid;
	}
	return axis->blocks[low].start + (pos - axis->blocks[low].pos);
}

uint32_t rs_gfn_axis_row(const struct rs_gfn_axis *axis, uint64_t pos)
{
	const struct rs_gfn_band *b = axis->bands;

	while (pos >= b->end_pos)
		b++;
	return b->row +
	       (uint32_t)((unsigned __int128)(pos - b->pos) * b->rows / (b->end_pos - b->pos));
}

uint64_t rs_gfn_axis_row_pos(const struct rs_gfn_axis *axis, uint32_t row)
{
	const struct rs_gfn_band *b = axis->bands;
	unsigned __int128 frames;

	if (row >= axis->nr_rows)
		return axis->frames;
	while (row >= b->row + b->rows)
		b++;
	frames = b->end_pos - b->pos;
	return b->pos + (uint64_t)((frames * (row - b->row) + b->rows - 1) / b->rows);
}
