// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/plot/figure.h"
#include "base/clean.h"
#include "base/textbuf.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/write/units.h"
#include "replay/replay.h"

/* As many characters as a title may have in a drawn picture. */
#define TITLE_COLUMNS 120

/* Pixels: around everything, of a symbol in a legend, of a line of it. */
#define EDGE 16
#define SYMBOL 24
#define LEGEND_LINE 20

static const struct format {
	const char *name, *suffix;
} formats[RS_FIGURE_NR_FORMATS] = {
	[RS_FIGURE_SVG] = { "svg", "svg" },
	[RS_FIGURE_PNG] = { "png", "png" },
	[RS_FIGURE_PDF] = { "pdf", "pdf" },
	[RS_FIGURE_DUMB] = { "dumb", "txt" },
};

static const char *const other_colours[] = {
	RS_COLOUR_GREY,
	RS_COLOUR_ORANGE,
	RS_COLOUR_SKY,
	RS_COLOUR_PURPLE,
};

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

const char *rs_figure_format_name(unsigned int format)
{
	return format < RS_FIGURE_NR_FORMATS ? formats[format].name : NULL;
}

const char *rs_figure_suffix(enum rs_figure_format format)
{
	return formats[format].suffix;
}

const char *rs_figure_algo_colour(const char *algo, size_t index)
{
	const struct rs_algo_info *info = rs_algo_info_of(algo);

	return info && info->colour ? info->colour
				    : other_colours[index % ARRAY_SIZE(other_colours)];
}

const struct rs_time_unit *rs_figure_time_unit(uint64_t span_ns)
{
	static const struct rs_time_unit units[] = {
		{ "ns", 1 }, { "us", 1e3 }, { "ms", 1e6 }, { "s", 1e9 }, { "h", 3600e9 },
	};
	size_t i = ARRAY_SIZE(units) - 1;

	while (i && (double)span_ns < 3 * units[i].ns)
		i--;
	return &units[i];
}

bool rs_figure_is_text(const struct rs_figure *fig)
{
	return fig->format == RS_FIGURE_DUMB;
}

static void note_failure(struct rs_figure *fig, int errnum)
{
	if (!fig->errnum)
		fig->errnum = errnum ? errnum : EIO;
}

static int output_error(const struct rs_figure *fig, int errnum, struct rs_error *err)
{
	rs_error_set(err, RS_ERR_OUTPUT, errnum, "cannot write: %s", strerror(errnum));
	rs_error_set_file(err, fig->output);
	return -errnum;
}

int rs_figure_begin(struct rs_figure *fig, const struct rs_workdir *dir, const char *name,
		    const char *output, enum rs_figure_format format, struct rs_error *err)
{
	char script[sizeof(fig->name) + 4];

	memset(fig, 0, sizeof(*fig));
	fig->dir = dir;
	fig->format = format;
	snprintf(fig->name, sizeof(fig->name), "%s", name);
	snprintf(fig->output, sizeof(fig->output), "%s", output);
	snprintf(script, sizeof(script), "%s.gp", fig->name);
	fig->script = rs_workdir_fopen(dir, script, "w");
	if (!fig->script)
		return output_error(fig, errno, err);
	rs_figure_put(fig, "# Made by retryscope %s. Draw again with: gnuplot -d %s.gp\n",
		      RS_VERSION, fig->name);
	return 0;
}

void rs_figure_abort(struct rs_figure *fig)
{
	if (fig->script)
		fclose(fig->script);
	fig->script = NULL;
}

/* Closes @f and notes whether all of it was written. */
static void close_stream(struct rs_figure *fig, FILE *f)
{
	if (ferror(f))
		note_failure(fig, errno); /* what is done without an error leaves it alone */
	if (fclose(f))
		note_failure(fig, errno);
}

/* Takes away what is blank at the end, and the form feed that each page starts with. */
static void trim(char *line)
{
	size_t n = strlen(line), feeds = strspn(line, "\f");

	memmove(line, line + feeds, n - feeds + 1);
	n -= feeds;
	while (n && isspace((unsigned char)line[n - 1]))
		n--;
	line[n] = '\0';
}

/* gnuplot pads plain text with blanks, in lines and with lines: mails don't want them. */
static int trim_text(char **picture, size_t *size)
{
	FILE *in = *size ? fmemopen(*picture, *size, "r") : NULL;
	char *text = NULL, *line = NULL;
	size_t length = 0, space = 0;
	bool begun = false, gap = false, failed;
	FILE *out = rs_textbuf_open(&text, &length);

	while (in && out && getline(&line, &space, in) >= 0) {
		trim(line);
		if (!line[0]) {
			gap = begun;
			continue;
		}
		if (gap)
			fputc('\n', out);
		gap = false;
		begun = true;
		fprintf(out, "%s\n", line);
	}
	/* getline() says of no memory and of the end the same. */
	failed = !out || (*size && (!in || !feof(in)));
	if (out && (ferror(out) | fclose(out)))
		failed = true;
	if (in)
		fclose(in);
	free(line);
	if (failed) {
		free(text);
		return -ENOMEM;
	}
	free(*picture);
	*picture = text;
	*size = length;
	return 0;
}

/* Cairo writes the time of day into a PDF; the same data shall give the same bytes. */
static void blank_pdf_date(char *picture, size_t size)
{
	static const char mark[] = "/CreationDate (D:", none[] = "19700101000000";
	char *at = size ? memmem(picture, size, mark, strlen(mark)) : NULL;

	if (at && (size_t)(picture + size - at) >= strlen(mark) + strlen(none))
		memcpy(at + strlen(mark), none, strlen(none));
}

static int write_picture(struct rs_figure *fig, const char *picture, size_t size)
{
	FILE *f = rs_workdir_fopen(fig->dir, fig->output, "w");

	if (!f)
		return -errno;
	if (fwrite(picture, 1, size, f) != size)
		note_failure(fig, errno);
	close_stream(fig, f);
	return -fig->errnum;
}

/* gnuplot says that all went well also where a disk was full: what it drew goes through us. */
static int draw_picture(struct rs_figure *fig, rs_stop_fn stop, void *arg, struct rs_error *err)
{
	char script[sizeof(fig->name) + 4], *picture = NULL;
	size_t size = 0;
	int rc;

	snprintf(script, sizeof(script), "%s.gp", fig->name);
	rc = rs_gnuplot_draw(fig->dir->path, script, fig->output, &picture, &size, stop, arg, err);
	if (rc)
		return rc;
	if (rs_figure_is_text(fig))
		rc = trim_text(&picture, &size);
	else if (fig->format == RS_FIGURE_PDF)
		blank_pdf_date(picture, size);
	if (!rc)
		rc = size ? write_picture(fig, picture, size) : -EIO;
	free(picture);
	return rc ? output_error(fig, -rc, err) : 0;
}

int rs_figure_draw(struct rs_figure *fig, rs_stop_fn stop, void *arg, struct rs_error *err)
{
	rs_figure_put(fig, "set output\n");
	close_stream(fig, fig->script);
	fig->script = NULL;
	if (fig->errnum)
		return output_error(fig, fig->errnum, err);
	return draw_picture(fig, stop, arg, err);
}

void rs_figure_put(struct rs_figure *fig, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (vfprintf(fig->script, fmt, ap) < 0)
		note_failure(fig, errno);
	va_end(ap);
}

static enum rs_clean_to alphabet(const struct rs_figure *fig)
{
	/* In plain text only ASCII has a width that is known. */
	return rs_figure_is_text(fig) ? RS_CLEAN_ASCII : RS_CLEAN_UTF8;
}

/* Between single quotes gnuplot takes everything as it is, but a quote; each of @twice is doubled.
 */
static void put_literal(struct rs_figure *fig, const char *text, const char *twice)
{
	char *clean = rs_clean_dup(text, alphabet(fig));

	if (!clean)
		note_failure(fig, ENOMEM);
	rs_figure_put(fig, "'");
	for (const char *c = clean; c && *c; c++) {
		if (strchr(twice, *c))
			rs_figure_put(fig, "%c", *c);
		rs_figure_put(fig, "%c", *c);
	}
	rs_figure_put(fig, "'");
	free(clean);
}

void rs_figure_string(struct rs_figure *fig, const char *text)
{
	put_literal(fig, text, "'");
}

void rs_figure_tic(struct rs_figure *fig, const char *text)
{
	put_literal(fig, text, "'%");
}

/* At most @columns characters, of which multi-byte ones stay whole. */
static void cut(char *text, size_t columns)
{
	size_t at = 0, dots_at = 0;

	for (size_t n = 0; text[at] && n < columns; n++) {
		if (n == columns - 3)
			dots_at = at;
		do
			at++;
		while (((unsigned char)text[at] & 0xc0) == 0x80);
	}
	if (text[at])
		memcpy(text + dots_at, "...", 4);
}

/* A line of text at the top, @down pixels or lines below the edge. */
static void put_line(struct rs_figure *fig, const char *text, unsigned int down, const char *look)
{
	char line[512];

	rs_clean(line, sizeof(line), text, alphabet(fig));
	cut(line, rs_figure_is_text(fig) ? RS_FIGURE_TEXT_COLUMNS - 1 : TITLE_COLUMNS);
	rs_figure_put(fig, "set label ");
	rs_figure_string(fig, line);
	if (rs_figure_is_text(fig))
		rs_figure_put(fig, " at character 0, character %u left\n", fig->lines - 1 - down);
	else
		rs_figure_put(fig, " at screen %.4f, screen %.4f left %s\n",
			      (double)EDGE / fig->width, 1 - (double)down / fig->height, look);
}

/* Lines of text, each broken after the last comma or colon that fits. */
static void put_text_lines(struct rs_figure *fig, const char *text)
{
	const size_t most = RS_FIGURE_TEXT_COLUMNS - 1;
	char line[RS_FIGURE_TEXT_COLUMNS];

	while (strlen(text) > most) {
		size_t n = most;

		while (n && !(text[n] == ' ' && strchr(",:", text[n - 1])))
			n--;
		if (!n)
			break;
		snprintf(line, sizeof(line), "%.*s", (int)n, text);
		put_line(fig, line, fig->header++, "");
		text += n + 1;
	}
	put_line(fig, text, fig->header++, "");
}

void rs_figure_title(struct rs_figure *fig, const char *what, const char *of)
{
	if (rs_figure_is_text(fig)) {
		put_text_lines(fig, what);
		put_text_lines(fig, of);
		return;
	}
	put_line(fig, what, 22, "font ',14'");
	put_line(fig, of, 44, "textcolor '#444444'");
	fig->header = 60;
}

static void put_symbol(struct rs_figure *fig, const struct rs_legend *e, double x, double y)
{
	double w = (double)SYMBOL / fig->width, h = 5.0 / fig->height;

	switch (e->kind) {
	case RS_LEGEND_PATCH:
		rs_figure_put(fig,
			      "set object rectangle from screen %.4f, screen %.4f to screen %.4f, "
			      "screen %.4f fillcolor '%s' fillstyle solid 1 noborder\n",
			      x, y - h, x + w, y + h, e->colour);
		break;
	case RS_LEGEND_LINE:
		/*
		 * The SVG of gnuplot joins arrows of one colour and width to one path, which has
		 * the dashes of the first: so each style has a width of its own.
		 */
		rs_figure_put(fig,
			      "set arrow from screen %.4f, screen %.4f to screen %.4f, screen %.4f "
			      "nohead linewidth %.2f linecolor '%s' dashtype %u\n",
			      x, y, x + w, y, e->size + 0.01 * e->style, e->colour, e->style);
		break;
	default:
		rs_figure_put(fig,
			      "set label '' at screen %.4f, screen %.4f point pointtype %u "
			      "pointsize %.2f linecolor '%s'\n",
			      x + w / 2, y, e->style, rs_figure_point_size(fig, e->size),
			      e->colour);
		break;
	}
}

static void put_entry(struct rs_figure *fig, const struct rs_legend *e, unsigned int column,
		      unsigned int columns)
{
	double y = 1 - (fig->header + LEGEND_LINE / 2.0) / fig->height;
	double x = (EDGE + (double)column * (fig->width - 2 * EDGE) / columns) / fig->width;

	put_symbol(fig, e, x, y);
	rs_figure_put(fig, "set label ");
	rs_figure_string(fig, e->text);
	rs_figure_put(fig, " at screen %.4f, screen %.4f left\n",
		      x + (double)(SYMBOL + 7) / fig->width, y);
}

/* "x needless" after "N necessary", as long as they fit. */
static void text_legend(struct rs_figure *fig, const struct rs_legend *entries, size_t n)
{
	char line[RS_FIGURE_TEXT_COLUMNS + 1] = "";
	size_t used = 0;

	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(entries[i].text) + 2;

		if (!entries[i].letter)
			continue;
		if (used && used + 2 + len >= sizeof(line)) {
			put_line(fig, line, fig->header++, "");
			used = 0;
		}
		used += (size_t)snprintf(line + used, sizeof(line) - used, "%s%c %s",
					 used ? "  " : "", entries[i].letter, entries[i].text);
		if (used >= sizeof(line))
			used = sizeof(line) - 1;
	}
	if (used)
		put_line(fig, line, fig->header++, "");
}

void rs_figure_legend(struct rs_figure *fig, const struct rs_legend *entries, size_t n,
		      unsigned int columns)
{
	if (rs_figure_is_text(fig)) {
		text_legend(fig, entries, n);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		put_entry(fig, &entries[i], (unsigned int)i % columns, columns);
		if ((i + 1) % columns == 0 || i + 1 == n)
			fig->header += LEGEND_LINE;
	}
	fig->header += 6;
}

void rs_figure_panel(struct rs_figure *fig, const struct rs_margins *m, size_t i, size_t n)
{
	bool text = rs_figure_is_text(fig);
	double width = text ? RS_FIGURE_TEXT_COLUMNS : fig->width;
	double height = text ? fig->lines : fig->height;
	double gap = text ? 1 : 12, top = fig->header + (text ? 0 : 6);
	double room = height - top - (text ? m->text_bottom : m->bottom);
	double each = (room + gap) / (double)n;

	top += each * (double)i;
	rs_figure_put(fig, "set lmargin at screen %.4f\nset rmargin at screen %.4f\n",
		      (text ? m->text_left : m->left) / width,
		      1 - (text ? m->text_right : m->right) / width);
	rs_figure_put(fig, "set tmargin at screen %.4f\nset bmargin at screen %.4f\n",
		      1 - top / height, 1 - (top + each - gap) / height);
}

void rs_figure_ylabel(struct rs_figure *fig, const char *text)
{
	if (rs_figure_is_text(fig))
		return;
	rs_figure_put(fig, "set label ");
	rs_figure_string(fig, text);
	rs_figure_put(fig, " at screen %.4f, screen %.4f center rotate\n",
		      (double)EDGE / fig->width, 0.5 - 0.5 * fig->header / fig->height);
}

double rs_figure_point_size(const struct rs_figure *fig, double size)
{
	return fig->format == RS_FIGURE_SVG ? size * 0.8 : size;
}

void rs_figure_nothing(struct rs_figure *fig, const char *text)
{
	rs_figure_put(fig, "unset border\nunset tics\nunset key\nunset xlabel\nunset ylabel\n");
	rs_figure_put(fig, "set label ");
	rs_figure_string(fig, text);
	rs_figure_put(fig, " at graph 0.5, graph 0.5 center\n");
	rs_figure_put(fig, "set xrange [0:1]\nset yrange [0:1]\nplot NaN notitle\n");
}

static void put_tick(struct rs_figure *fig, const char *before, double at)
{
	char text[32];

	rs_figure_put(fig, "%s'%s' %.9g", before, rs_format_tick(at, text, sizeof(text)), at);
}

void rs_figure_tics(struct rs_figure *fig, char axis, double end)
{
	double step = pow(10, floor(log10(end / 8)));

	/* 1, 2 or 5 of a decade. */
	for (double factor = 2; end / step > 8; factor = factor > 2 ? 2 : 2.5)
		step *= factor;
	step = step < 1 ? 1 : step;
	rs_figure_put(fig, "set %ctics (", axis);
	for (unsigned int i = 0; i * step <= end; i++)
		put_tick(fig, i ? ", " : "", i * step);
	rs_figure_put(fig, ")\n");
}

void rs_figure_decades(struct rs_figure *fig, char axis, double begin, double end)
{
	const char *before = "";

	rs_figure_put(fig, "set %ctics (", axis);
	for (int d = (int)ceil(log10(begin)); d <= log10(end); d++) {
		put_tick(fig, before, pow(10, d));
		before = ", ";
	}
	rs_figure_put(fig, ")\n");
}

/* The generic family, so that a picture looks alike on a machine without the fonts of this one. */
void rs_figure_size(struct rs_figure *fig, unsigned int width, unsigned int height,
		    unsigned int lines)
{
	static const char look[] = "noenhanced background '#ffffff'";

	fig->width = width;
	fig->height = height;
	fig->lines = lines;
	switch (fig->format) {
	case RS_FIGURE_SVG:
		rs_figure_put(fig, "set terminal svg size %u,%u dynamic %s font 'sans-serif,12'\n",
			      width, height, look);
		break;
	case RS_FIGURE_PNG:
		rs_figure_put(fig, "set terminal pngcairo size %u,%u %s font 'sans,11'\n", width,
			      height, look);
		break;
	case RS_FIGURE_PDF:
		rs_figure_put(fig,
			      "set terminal pdfcairo size %.2fin,%.2fin %s font 'sans,11' "
			      "fontscale 0.72\n",
			      width / 100.0, height / 100.0, look);
		break;
	default:
		rs_figure_put(fig, "set terminal dumb mono size %u,%u noenhanced\n",
			      RS_FIGURE_TEXT_COLUMNS, lines);
		break;
	}
	rs_figure_put(fig, "set encoding utf8\nset output ");
	rs_figure_string(fig, fig->output);
	rs_figure_put(fig, "\nset tics nomirror out\nunset key\n");
	if (!rs_figure_is_text(fig))
		rs_figure_put(fig, "set border linecolor '#666666'\n"
				   "set tics textcolor '#000000'\n"
				   "set grid linetype 1 linewidth 0.5 linecolor '#dddddd'\n");
}

/*
 * A file's name takes letters, digits and a few more of @what; what has others, or too
 * many, is told apart by a hash.
 */
static void data_file(const struct rs_figure *fig, const char *what, char *buf, size_t size)
{
	static const char taken[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789._-";
	uint32_t hash = 2166136261U; /* FNV-1a */
	char part[64];
	size_t n = 0;

	for (const char *c = what; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619U;
	for (; what[n] && n < sizeof(part) - 1; n++)
		part[n] = strchr(taken, what[n]) ? what[n] : '_';
	part[n] = '\0';
	if (strcmp(part, what))
		snprintf(buf, size, "%s-%.48s-%08" PRIx32 ".dat", fig->name, part, hash);
	else
		snprintf(buf, size, "%s-%s.dat", fig->name, part);
}

FILE *rs_figure_data(struct rs_figure *fig, const char *what, const char *columns)
{
	char name[sizeof(fig->name) + 80];
	FILE *f;

	data_file(fig, what, name, sizeof(name));
	f = rs_workdir_fopen(fig->dir, name, "w");
	if (!f)
		note_failure(fig, errno);
	else
		fprintf(f, "# %s\n", columns);
	return f;
}

void rs_figure_cell(FILE *data, const char *text)
{
	char c[8];
	uint32_t code;

	fputc('"', data);
	for (size_t len; *text; text += len) {
		len = rs_utf8_next(text, &code);
		memcpy(c, text, len);
		c[len] = '\0';
		rs_clean_put(data, strchr("\"\\", *c) ? "?" : c);
	}
	fputc('"', data);
}

void rs_figure_data_end(struct rs_figure *fig, FILE *data)
{
	if (data)
		close_stream(fig, data);
}

void rs_figure_data_name(struct rs_figure *fig, const char *what)
{
	char name[sizeof(fig->name) + 80];

	data_file(fig, what, name, sizeof(name));
	rs_figure_string(fig, name);
}
