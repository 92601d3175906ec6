// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/write/layout.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/write/markup.h"
#include "analysis/write/units.h"
#include "base/array.h"
#include "base/clean.h"

#define CELL_SIZE 48
/* What is left of a first column at least, in columns. */
#define LEAST_FIRST 12

char *rs_format_share(double share, char *buf, size_t size)
{
	if (isnan(share))
		snprintf(buf, size, "-");
	else if (share > 0 && share < 0.0005)
		snprintf(buf, size, "<0.1 %%");
	else if (share < 1 && share >= 0.9995)
		snprintf(buf, size, ">99.9 %%");
	else
		snprintf(buf, size, "%.1f %%", 100.0 * share);
	return buf;
}

char *rs_format_number(double number, char *buf, size_t size)
{
	uint64_t rounded;

	if (isnan(number)) {
		snprintf(buf, size, "-");
		return buf;
	}
	if (number > 0 && number < 0.01) {
		snprintf(buf, size, "<0.01");
		return buf;
	}
	if (number < 99.95) {
		snprintf(buf, size, "%.*f", number < 9.995 ? 2 : 1, number);
		return buf;
	}
	if (number >= 1e18) {
		snprintf(buf, size, "%.2e", number);
		return buf;
	}
	rounded = rs_clamp_u64(number + 0.5);
	return rs_format_count(rounded, buf, size);
}

char *rs_format_short(uint64_t count, char *buf, size_t size)
{
	static const char suffixes[] = "kMGTPE";
	double v = (double)count;
	int i = -1;

	if (count < 10000) {
		snprintf(buf, size, "%" PRIu64, count);
		return buf;
	}
	while (v >= 999.5) {
		v /= 1000.0;
		i++;
	}
	snprintf(buf, size, "%.*f%c", v < 99.95 ? 1 : 0, v, suffixes[i]);
	return buf;
}

/* Length of the word at @s; a number keeps the percent sign behind its blank. */
static size_t word_length(const char *s)
{
	size_t len = strcspn(s, " ");

	if (s[len] == ' ' && s[len + 1] == '%')
		len += 1 + strcspn(s + len + 1, " ");
	return len;
}

static size_t columns_of(const char *s, size_t len)
{
	size_t columns = 0;

	/* It is clean: what follows a character's first byte is no column. */
	for (size_t i = 0; i < len; i++)
		columns += ((unsigned char)s[i] & 0xc0) != 0x80;
	return columns;
}

/* Bytes of @s that fit into @columns, one character at least. */
static size_t that_fit(const char *s, size_t len, size_t columns)
{
	size_t n = 0;

	while (n < len && (!n || columns_of(s, n + 1) <= columns || (s[n] & 0xc0) == 0x80))
		n++;
	return n;
}

static const char *stands_out(const struct rs_page *p)
{
	return p->color && p->wrong ? RS_STANDS_OUT : "";
}

static const char *stands_out_end(const struct rs_page *p)
{
	return p->color && p->wrong ? RS_STANDS_OUT_END : "";
}

/* Each line by itself, so that no pager lacks the begin of it. */
static void next_line(struct rs_page *p, unsigned int indent)
{
	fprintf(p->f, "%s\n%*s%s", stands_out_end(p), (int)indent, "", stands_out(p));
}

/* A word, broken where the line ends; returns the column behind it. */
static unsigned int put_word(struct rs_page *p, const char *word, size_t len, unsigned int column,
			     unsigned int indent)
{
	while (p->breaks_words && column + columns_of(word, len) > p->width) {
		const size_t n = that_fit(word, len, p->width > column ? p->width - column : 1);

		fprintf(p->f, "%.*s", (int)n, word);
		next_line(p, indent);
		word += n;
		len -= n;
		column = indent;
	}
	fprintf(p->f, "%.*s", (int)len, word);
	return column + (unsigned int)columns_of(word, len);
}

static void put_words(struct rs_page *p, unsigned int first, unsigned int indent, const char *text)
{
	char *clean = rs_clean_dup(text, RS_CLEAN_UTF8);
	unsigned int column = first;
	bool fresh = true;

	if (!clean) {
		p->err = -ENOMEM;
		return;
	}
	fprintf(p->f, "%*s%s", (int)first, "", stands_out(p));
	text = clean;
	for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
		size_t len = word_length(text), columns = columns_of(text, len);

		if (!fresh && column + 1 + columns > p->width) {
			next_line(p, indent);
			column = indent;
		} else if (!fresh) {
			fputc(' ', p->f);
			column++;
		}
		column = put_word(p, text, len, column, indent);
		text += len;
		fresh = false;
	}
	fprintf(p->f, "%s\n", stands_out_end(p));
	free(clean);
}

static void put_element(struct rs_page *p, const char *open, const char *text, const char *close)
{
	fputs(open, p->f);
	rs_html_put(p->f, text);
	fputs(close, p->f);
}

void rs_blank_line(struct rs_page *p)
{
	if (!p->html)
		fputc('\n', p->f);
}

void rs_term(struct rs_page *p, int width, const char *name, const char *text)
{
	if (!p->html) {
		fprintf(p->f, "  %-*s%s\n", width, name, text);
		return;
	}
	put_element(p, "<p class=\"term\"><b>", name, "</b> ");
	put_element(p, "", text, "</p>\n");
}

void rs_para(struct rs_page *p, unsigned int first, unsigned int indent, const char *fmt, ...)
{
	va_list ap;
	char *text;
	int len;

	va_start(ap, fmt);
	len = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (len < 0) {
		p->err = -ENOMEM;
		return;
	}
	if (p->html)
		put_element(p,
			    first    ? "<p class=\"part\">"
			    : indent ? "<p class=\"item\">"
				     : "<p>",
			    text, "</p>\n");
	else
		put_words(p, first, indent, text);
	free(text);
}

/* Length of the word at @s, with its quotes. */
static size_t shell_word(const char *s)
{
	bool quoted = false, escapes = true;
	size_t len = 0;

	for (; s[len] && (quoted || s[len] != ' '); len++) {
		if (s[len] == '\\' && escapes && s[len + 1]) {
			len++;
		} else if (s[len] == '\'') {
			quoted = !quoted;
			/* Between $' and ' a backslash escapes, between two quotes it does not. */
			escapes = !quoted || (len && s[len - 1] == '$');
		}
	}
	return len;
}

enum quotes { NOT_QUOTED, QUOTED, QUOTED_ESCAPES };

/* Length of what of a shell's word must stay together: a character, an escape, an opening quote. */
static size_t shell_unit(const char *s, size_t len, enum quotes in)
{
	size_t n = 1;

	if (in == NOT_QUOTED && s[0] == '$' && len > 1 && s[1] == '\'')
		return 2;
	if (in != QUOTED && s[0] == '\\' && len > 1) {
		n = 2;
		while (in == QUOTED_ESCAPES && n < len && n < 4 && s[1] >= '0' && s[1] <= '7')
			n++;
	}
	while (n < len && (s[n] & 0xc0) == 0x80)
		n++;
	return n;
}

/*
 * A word that is longer than a line: for a shell, what a backslash ends goes on in the next
 * line, and quotes that close and open again there are one word. Returns the column behind it.
 */
static size_t put_long_word(struct rs_page *p, const char *s, size_t len, size_t column)
{
	enum quotes in = NOT_QUOTED;

	while (len) {
		const size_t n = shell_unit(s, len, in);

		if (column + columns_of(s, n) + (in != NOT_QUOTED) + 1 > p->width) {
			static const char *const again[] = { "", "'", "$'" };

			fprintf(p->f, "%s\\\n%s", in == NOT_QUOTED ? "" : "'", again[in]);
			column = strlen(again[in]);
		}
		fprintf(p->f, "%.*s", (int)n, s);
		column += columns_of(s, n);
		if (in == NOT_QUOTED && s[n - 1] == '\'' && s[0] != '\\')
			in = n == 2 ? QUOTED_ESCAPES : QUOTED;
		else if (in != NOT_QUOTED && n == 1 && s[0] == '\'')
			in = NOT_QUOTED;
		s += n;
		len -= n;
	}
	return column;
}

void rs_command_lines(struct rs_page *p, unsigned int indent, const char *command)
{
	size_t column = indent;
	char *clean;

	if (p->html) {
		put_element(p, "<pre class=\"command\">", command, "</pre>\n");
		return;
	}
	clean = rs_clean_dup(command, RS_CLEAN_UTF8);
	if (!clean) {
		p->err = -ENOMEM;
		return;
	}
	fprintf(p->f, "%*s", (int)indent, "");
	command = clean;
	for (bool fresh = true; *command; fresh = false) {
		size_t len = shell_word(command), columns = columns_of(command, len);

		/* Room for the backslash as well. */
		if (!fresh && column + 1 + columns + 2 > p->width) {
			fprintf(p->f, " \\\n%*s", (int)indent + 4, "");
			column = indent + 4;
		} else if (!fresh) {
			fputc(' ', p->f);
			column++;
		}
		if (p->breaks_words && column + columns > p->width) {
			column = put_long_word(p, command, len, column);
		} else {
			fprintf(p->f, "%.*s", (int)len, command);
			column += columns;
		}
		command += len;
		command += strspn(command, " ");
	}
	fputc('\n', p->f);
	free(clean);
}

void rs_table_init(struct rs_table *t, unsigned int nr_columns)
{
	memset(t, 0, sizeof(*t));
	t->nr_columns = nr_columns;
	for (unsigned int i = 0; i < RS_TABLE_COLUMNS; i++)
		t->heading[0][i] = t->heading[1][i] = "";
}

void rs_table_begin(struct rs_table *t, const char *const (*names)[2], unsigned int nr_columns)
{
	rs_table_init(t, nr_columns);
	for (unsigned int i = 0; i < nr_columns; i++) {
		t->heading[0][i] = names[i][0];
		t->heading[1][i] = names[i][1];
	}
}

static void add_cell(struct rs_table *t, struct rs_cell cell)
{
	if (!t->err)
		t->err = RS_ROOM_FOR_ONE(t->cells, t->nr_cells);
	if (!t->err)
		t->cells[t->nr_cells++] = cell;
	else
		free(cell.clean);
}

void rs_table_text(struct rs_table *t, const char *text)
{
	char *clean = rs_is_clean(text) ? NULL : rs_clean_dup(text, RS_CLEAN_UTF8);

	if (!clean && !rs_is_clean(text))
		t->err = -ENOMEM;
	add_cell(t, (struct rs_cell){ .kind = RS_CELL_TEXT, .text = text, .clean = clean });
}

void rs_table_count(struct rs_table *t, uint64_t count)
{
	add_cell(t, (struct rs_cell){ .kind = RS_CELL_COUNT, .count = count });
}

void rs_table_share(struct rs_table *t, double share)
{
	add_cell(t, (struct rs_cell){ .kind = RS_CELL_SHARE, .number = share });
}

void rs_table_number(struct rs_table *t, double number)
{
	add_cell(t, (struct rs_cell){ .kind = RS_CELL_NUMBER, .number = number });
}

void rs_table_time(struct rs_table *t, double ns)
{
	add_cell(t, (struct rs_cell){ .kind = RS_CELL_TIME, .number = ns });
}

void rs_table_wrong(struct rs_table *t, bool wrong)
{
	if (t->nr_cells)
		t->cells[t->nr_cells - 1].wrong = wrong;
}

/* From the roomiest to the tightest. */
enum style { STYLE_SEPARATED, STYLE_PLAIN, STYLE_SHORT, NR_STYLES };

static const char *format_cell(const struct rs_cell *c, enum style style, char *buf)
{
	switch (c->kind) {
	case RS_CELL_TEXT:
		return c->clean ? c->clean : c->text;
	case RS_CELL_SHARE:
		return rs_format_share(c->number, buf, CELL_SIZE);
	case RS_CELL_COUNT:
		if (style == STYLE_SEPARATED)
			return rs_format_count(c->count, buf, CELL_SIZE);
		if (style == STYLE_SHORT)
			return rs_format_short(c->count, buf, CELL_SIZE);
		snprintf(buf, CELL_SIZE, "%" PRIu64, c->count);
		return buf;
	case RS_CELL_NUMBER:
		if (style != STYLE_SEPARATED && c->number >= 9999.5 && c->number < 1e18)
			return rs_format_short(rs_clamp_u64(c->number + 0.5), buf, CELL_SIZE);
		return rs_format_number(c->number, buf, CELL_SIZE);
	case RS_CELL_TIME:
		return isnan(c->number) ? "-" : rs_format_time(c->number, buf, CELL_SIZE);
	}
	return "";
}

static unsigned int measure(const struct rs_table *t, enum style style, unsigned int *widths)
{
	unsigned int total = 0;
	char buf[CELL_SIZE];

	for (unsigned int c = 0; c < t->nr_columns; c++) {
		size_t w = strlen(t->heading[0][c]), w1 = strlen(t->heading[1][c]);

		if (w1 > w)
			w = w1;
		for (size_t i = c; i < t->nr_cells; i += t->nr_columns) {
			size_t len = rs_clean_columns(format_cell(&t->cells[i], style, buf));

			if (len > w)
				w = len;
		}
		widths[c] = (unsigned int)w;
		total += widths[c];
	}
	return total;
}

/*
 * To the left. What is too long has a line of its own, so that it is told from others that begin
 * or end like it; of what is too long for that as well the end is kept.
 */
static void put_first(const struct rs_page *p, const char *text, unsigned int width, bool pad)
{
	size_t columns = rs_clean_columns(text), left_out;
	uint32_t c;

	if (columns > p->width) {
		fputs("...", p->f);
		for (left_out = columns - p->width + 3; left_out; left_out--)
			text += rs_utf8_next(text, &c);
	}
	fputs(text, p->f);
	if (columns > width && pad) {
		fputc('\n', p->f);
		columns = 0;
	}
	if (pad)
		fprintf(p->f, "%*s", (int)(width - columns), "");
}

/* @row is what @cells say; NULL: headings. */
static void put_line(const struct rs_page *p, const struct rs_table *t, const unsigned int *widths,
		     unsigned int gap, const char *const *cells, const struct rs_cell *row)
{
	unsigned int used = t->nr_columns;

	while (used && !cells[used - 1][0])
		used--;
	if (used)
		put_first(p, cells[0], widths[0], used > 1);
	for (unsigned int c = 1; c < used; c++) {
		const bool wrong = p->color && row && row[c].wrong;

		fprintf(p->f, "%*s%s%s%s", (int)(gap + widths[c] - rs_clean_columns(cells[c])), "",
			wrong ? RS_STANDS_OUT : "", cells[c], wrong ? RS_STANDS_OUT_END : "");
	}
	fputc('\n', p->f);
}

static void put_rows(const struct rs_page *p, const struct rs_table *t, enum style style,
		     const unsigned int *widths, unsigned int gap)
{
	char bufs[RS_TABLE_COLUMNS][CELL_SIZE];
	const char *cells[RS_TABLE_COLUMNS];

	for (size_t i = 0; i + t->nr_columns <= t->nr_cells; i += t->nr_columns) {
		for (unsigned int c = 0; c < t->nr_columns; c++)
			cells[c] = format_cell(&t->cells[i + c], style, bufs[c]);
		put_line(p, t, widths, gap, cells, &t->cells[i]);
	}
}

static bool has_text(const char *const *heading, unsigned int nr)
{
	for (unsigned int c = 0; c < nr; c++)
		if (heading[c][0])
			return true;
	return false;
}

static void write_text(struct rs_page *p, const struct rs_table *t)
{
	unsigned int widths[RS_TABLE_COLUMNS], total, gap;
	enum style style = STYLE_SEPARATED;

	for (;; style++) {
		total = measure(t, style, widths);
		gap = total + 2 * (t->nr_columns - 1) <= p->width ? 2 : 1;
		if (total + gap * (t->nr_columns - 1) <= p->width || style + 1 == NR_STYLES)
			break;
	}
	total += gap * (t->nr_columns - 1);
	if (total > p->width && widths[0] > LEAST_FIRST)
		widths[0] = widths[0] - LEAST_FIRST > total - p->width
				    ? widths[0] - (total - p->width)
				    : LEAST_FIRST;
	for (int h = 0; h < 2; h++)
		if (has_text(t->heading[h], t->nr_columns))
			put_line(p, t, widths, gap, t->heading[h], NULL);
	put_rows(p, t, style, widths, gap);
}

/* Two lines are read as one. */
static void html_heading(struct rs_page *p, const char *first, const char *second)
{
	put_element(p, "<th>", first, *first && *second ? " " : "");
	put_element(p, "", second, "</th>");
}

static void html_cell(struct rs_page *p, const struct rs_cell *c)
{
	const char *text;
	char buf[CELL_SIZE];

	text = format_cell(c, STYLE_SEPARATED, buf);
	if (c->kind == RS_CELL_TEXT)
		fputs("<td>", p->f);
	else if (c->kind == RS_CELL_COUNT)
		fprintf(p->f, "<td data-v=\"%" PRIu64 "\">", c->count);
	else
		fprintf(p->f, "<td data-v=\"%.12g\">", isnan(c->number) ? -1.0 : c->number);
	put_element(p, "", text, "</td>");
}

static void write_html(struct rs_page *p, const struct rs_table *t)
{
	fputs("<table>\n<thead><tr>", p->f);
	for (unsigned int c = 0; c < t->nr_columns; c++)
		html_heading(p, t->heading[0][c], t->heading[1][c]);
	fputs("</tr></thead>\n<tbody>\n", p->f);
	for (size_t i = 0; i + t->nr_columns <= t->nr_cells; i += t->nr_columns) {
		fputs("<tr>", p->f);
		for (unsigned int c = 0; c < t->nr_columns; c++)
			html_cell(p, &t->cells[i + c]);
		fputs("</tr>\n", p->f);
	}
	fputs("</tbody>\n</table>\n", p->f);
}

void rs_table_write(struct rs_page *p, struct rs_table *t)
{
	if (p->html)
		write_html(p, t);
	else
		write_text(p, t);
	if (t->err)
		p->err = t->err;
	for (size_t i = 0; i < t->nr_cells; i++)
		free(t->cells[i].clean);
	free(t->cells);
	t->cells = NULL;
	t->nr_cells = 0;
}
