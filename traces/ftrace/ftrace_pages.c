// SPDX-License-Identifier: GPL-2.0-only
#include "traces/ftrace/ftrace_pages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/outfile.h"

#define HEADER 16U
/* A count of lost records stands behind the data. */
#define ROOM (RS_FTRACE_PAGE - HEADER - 8)
#define EXTEND 30U
#define DELTA_BITS 27U
#define LONGEST_SHORT (28U * 4)

#define MISSED (1U << 31)
#define MISSED_STORED (1U << 30)

void rs_ftrace_store(unsigned char *to, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++, v >>= 8)
		to[i] = (unsigned char)v;
}

int rs_ftrace_pages_add_row(struct rs_ftrace_pages *p)
{
	struct rs_ftrace_row *row;

	if (RS_ROOM(p->rows, p->room, p->nr_rows + 1))
		return -ENOMEM;
	row = calloc(1, sizeof(*row));
	if (!row)
		return -ENOMEM;
	p->rows[p->nr_rows++] = row;
	return 0;
}

void rs_ftrace_pages_start(struct rs_ftrace_pages *p, int fd, uint64_t input_bytes)
{
	p->fd = fd;
	rs_budget_init(&p->budget, input_bytes);
	for (size_t i = 0; i < p->nr_rows; i++) {
		struct rs_ftrace_row *row = p->rows[i];

		row->nr = row->time = row->lost = row->used = 0;
		row->open = false;
	}
}

void rs_ftrace_pages_free(struct rs_ftrace_pages *p)
{
	for (size_t i = 0; i < p->nr_rows; i++)
		free(p->rows[i]);
	free(p->rows);
	*p = (struct rs_ftrace_pages){ .fd = -1 };
}

static int close_page(struct rs_ftrace_pages *p, struct rs_ftrace_row *row, struct rs_error *err)
{
	uint64_t commit = row->used;
	off_t at = (off_t)(row->offset + row->nr * RS_FTRACE_PAGE);

	if (!row->open)
		return 0;
	if (row->lost)
		commit |= row->lost == UINT64_MAX ? MISSED : MISSED | MISSED_STORED;
	rs_ftrace_store(row->page + 8, commit, 8);
	rs_ftrace_store(row->page + HEADER + row->used, row->lost, 8);
	row->lost = 0;
	row->open = false;
	row->nr++;
	if (!rs_budget_take(&p->budget, RS_FTRACE_PAGE))
		return rs_budget_met(err, "the pages of its events");
	if (p->fd < 0)
		return 0;
	if (lseek(p->fd, at, SEEK_SET) < 0)
		return rs_error_set(err, RS_ERR_OUTPUT, errno,
				    "cannot seek in a temporary file: %s", strerror(errno));
	return rs_write_all(p->fd, row->page, RS_FTRACE_PAGE, err);
}

static void open_page(struct rs_ftrace_row *row, uint64_t time)
{
	memset(row->page, 0, sizeof(row->page));
	rs_ftrace_store(row->page, time, 8);
	row->used = 0;
	row->time = time;
	row->open = true;
}

static unsigned char *take(struct rs_ftrace_row *row, size_t n)
{
	unsigned char *at = row->page + HEADER + row->used;

	row->used += (uint32_t)n;
	return at;
}

int rs_ftrace_pages_put(struct rs_ftrace_pages *p, size_t n, uint64_t time, const void *data,
			size_t size, struct rs_error *err)
{
	struct rs_ftrace_row *row = p->rows[n];
	const size_t length = (size + 3) & ~(size_t)3;
	uint64_t delta = time - row->time;
	int ret = 0;

	/* A page says where its time is: also where it runs back, or is too far away. */
	if (time < row->time || delta >> (DELTA_BITS + 32) || row->used + length + 16 > ROOM)
		ret = close_page(p, row, err);
	if (ret)
		return ret;
	if (!row->open) {
		open_page(row, time);
		delta = 0;
	}
	row->time = time;
	if (delta >> DELTA_BITS) {
		unsigned char *at = take(row, 8);

		rs_ftrace_store(at, (delta << 5 | EXTEND) & UINT32_MAX, 4);
		rs_ftrace_store(at + 4, delta >> DELTA_BITS, 4);
		delta = 0;
	}
	if (length <= LONGEST_SHORT) {
		rs_ftrace_store(take(row, 4), delta << 5 | length / 4, 4);
	} else {
		rs_ftrace_store(take(row, 4), delta << 5, 4);
		rs_ftrace_store(take(row, 4), length + 4, 4);
	}
	memcpy(take(row, length), data, size);
	return 0;
}

int rs_ftrace_pages_lose(struct rs_ftrace_pages *p, size_t n, uint64_t lost, struct rs_error *err)
{
	struct rs_ftrace_row *row = p->rows[n];
	int ret = close_page(p, row, err);

	if (__builtin_add_overflow(row->lost, lost, &row->lost))
		row->lost = UINT64_MAX;
	return ret;
}

int rs_ftrace_pages_finish(struct rs_ftrace_pages *p, struct rs_error *err)
{
	int ret = 0;

	for (size_t i = 0; i < p->nr_rows && !ret; i++) {
		struct rs_ftrace_row *row = p->rows[i];

		/* Lost, and nothing came any more. */
		if (row->lost && !row->open)
			open_page(row, row->time);
		ret = close_page(p, row, err);
	}
	return ret;
}
