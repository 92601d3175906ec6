/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_WRITE_LAYOUT_H
#define RS_ANALYSIS_WRITE_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Paragraphs and tables, as plain text in a given number of columns or as HTML. Texts may be
 * foreign: all that is written is cleaned (base/clean.h), and none of it is markup.
 */

/* A page: @err is the first error met, after which nothing more is sure to be written. */
struct rs_page {
	FILE *f;
	unsigned int width; /* columns, of plain text */
	bool html;
	bool breaks_words; /* of plain text: those longer than a line; a shell takes a command so */
	bool color;	   /* of plain text, for a terminal: what is wrong stands out */
	bool wrong;	   /* what rs_para() writes is; the caller's to set and to take back */
	int err;	   /* 0 or -ENOMEM */
};

/* What a terminal makes stand out, and its end. */
#define RS_STANDS_OUT "\033[1;31m"
#define RS_STANDS_OUT_END "\033[0m"

/*
 * Writes a formatted paragraph, without newlines of its own, broken at blanks so that no line is
 * longer than the page is wide unless one word is, and the page breaks none. All lines but the
 * first begin with @indent blanks, the first with @first blanks.
 */
void rs_para(struct rs_page *p, unsigned int first, unsigned int indent, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* A line that says what @name is, of @width columns at least, behind two blanks. */
void rs_term(struct rs_page *p, int width, const char *name, const char *text);
/* An empty line; nothing in HTML, which has room of its own. */
void rs_blank_line(struct rs_page *p);
/*
 * A shell's command line behind @indent blanks. If the page is too narrow it
 * goes on in further lines, broken between words as a shell allows.
 */
void rs_command_lines(struct rs_page *p, unsigned int indent, const char *command);

#define RS_TABLE_COLUMNS 12

/* What a cell holds; how it is written depends on the room that there is. */
enum rs_cell_kind { RS_CELL_TEXT, RS_CELL_COUNT, RS_CELL_SHARE, RS_CELL_NUMBER, RS_CELL_TIME };

struct rs_cell {
	enum rs_cell_kind kind;
	const char *text; /* lives as long as the table */
	char *clean;	  /* the table's own; NULL: @text is clean */
	uint64_t count;
	double number; /* a share of 1, a number, or ns; NAN: written as "-" */
	bool wrong;    /* it stands out */
};

struct rs_table {
	unsigned int nr_columns;
	/* Two lines of headings; "" for none. */
	const char *heading[2][RS_TABLE_COLUMNS];
	struct rs_cell *cells; /* row by row */
	size_t nr_cells;
	int err; /* 0 or -ENOMEM */
};

/* An empty table of up to RS_TABLE_COLUMNS columns. */
void rs_table_init(struct rs_table *t, unsigned int nr_columns);
/* The same, with both lines of each heading: @names has one for each column. */
void rs_table_begin(struct rs_table *t, const char *const (*names)[2], unsigned int nr_columns);
/* Each adds the next cell, from left to right. */
void rs_table_text(struct rs_table *t, const char *text);
void rs_table_count(struct rs_table *t, uint64_t count);
void rs_table_share(struct rs_table *t, double share);
void rs_table_number(struct rs_table *t, double number);
void rs_table_time(struct rs_table *t, double ns);
/* Whether what the cell that was added last says is wrong. */
void rs_table_wrong(struct rs_table *t, bool wrong);
/*
 * Writes the table and frees its cells: the first column to the left, all
 * others to the right. If the page is too narrow, counts lose their separators,
 * then their last digits ("12.3M"), and at last what is long in the first column has a line of
 * its own. In HTML
 * each cell that is not text has its number as data-v, to be sorted by.
 */
void rs_table_write(struct rs_page *p, struct rs_table *t);

/* "12.3 %"; "<0.1 %" for less that is not nothing; "-" for NAN. Returns @buf. */
char *rs_format_share(double share, char *buf, size_t size);
/* Three significant digits, at most one after the point from 10 on; "-" for NAN. */
char *rs_format_number(double number, char *buf, size_t size);
/* At most five characters: "9999", "12.3M". */
char *rs_format_short(uint64_t count, char *buf, size_t size);

#endif
