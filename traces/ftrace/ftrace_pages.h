/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_FTRACE_FTRACE_PAGES_H
#define RS_TRACES_FTRACE_FTRACE_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/budget.h"
#include "base/error.h"

/*
 * The ring buffers' pages of a trace.dat, little end first. Each CPU has a row of them. They
 * are made twice: to count them, and, once the place of each row is known, to write them.
 */
#define RS_FTRACE_PAGE 4096U
/* The most that a record may have. */
#define RS_FTRACE_MAX_RECORD 3968U

struct rs_ftrace_row {
	uint64_t nr;	 /* pages that are done */
	uint64_t offset; /* of the first one, in the file */
	uint64_t time, lost;
	uint32_t used; /* behind the header of the page that is being filled */
	bool open;
	unsigned char page[RS_FTRACE_PAGE];
};

struct rs_ftrace_pages {
	struct rs_ftrace_row **rows;
	size_t nr_rows, room;
	int fd; /* -1: they are counted only */
	struct rs_budget budget;
};

/* 0 or -ENOMEM. */
int rs_ftrace_pages_add_row(struct rs_ftrace_pages *p);
/* Begins anew, into @fd. */
void rs_ftrace_pages_start(struct rs_ftrace_pages *p, int fd, uint64_t input_bytes);
/* A record of @size bytes, in row @n. All return 0 or negative errno with @err set. */
int rs_ftrace_pages_put(struct rs_ftrace_pages *p, size_t n, uint64_t time, const void *data,
			size_t size, struct rs_error *err);
/* @lost records were lost here; UINT64_MAX: it is not known how many. */
int rs_ftrace_pages_lose(struct rs_ftrace_pages *p, size_t n, uint64_t lost, struct rs_error *err);
int rs_ftrace_pages_finish(struct rs_ftrace_pages *p, struct rs_error *err);
void rs_ftrace_pages_free(struct rs_ftrace_pages *p);

/* Stores @v as @n bytes, the little end first. */
void rs_ftrace_store(unsigned char *to, uint64_t v, size_t n);

#endif
