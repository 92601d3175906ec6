/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_PLOT_FIGURE_H
#define RS_ANALYSIS_PLOT_FIGURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "analysis/plot/gnuplot.h"

enum rs_figure_format {
	RS_FIGURE_SVG,
	RS_FIGURE_PNG,
	RS_FIGURE_PDF,
	RS_FIGURE_DUMB,
	RS_FIGURE_NR_FORMATS,
};

/* "svg", "png", "pdf", "dumb"; NULL if out of range. */
const char *rs_figure_format_name(unsigned int format);
/* The suffix of a file's name: "svg" ... "txt". */
const char *rs_figure_suffix(enum rs_figure_format format);

/*
 * Colours that all readers can tell apart (after Okabe and Ito), "#rrggbb". By
 * what they mean, so that one thing has one colour in all figures.
 */
#define RS_COLOUR_BLACK "#000000"
#define RS_COLOUR_ORANGE "#e69f00"
#define RS_COLOUR_SKY "#56b4e9"
#define RS_COLOUR_GREEN "#009e73"
#define RS_COLOUR_YELLOW "#f0e442"
#define RS_COLOUR_BLUE "#0072b2"
#define RS_COLOUR_VERMILION "#d55e00"
#define RS_COLOUR_PURPLE "#cc79a7"
#define RS_COLOUR_GREY "#999999"

/* The colour of an algorithm's lines: the known ones have theirs, others take turns. */
const char *rs_figure_algo_colour(const char *algo, size_t index);

/* Columns of a figure in plain text; as many as a mail has. */
#define RS_FIGURE_TEXT_COLUMNS 72
/* Columns that a name gets at the left of a picture; a longer one is cut off by its edge. */
#define RS_FIGURE_MAX_NAME 48

/*
 * One picture on its way: a gnuplot script NAME.gp, its data NAME-*.dat and,
 * once drawn, the picture, all in one folder. Functions that write never fail
 * at once: rs_figure_draw() tells.
 */
struct rs_figure {
	const struct rs_workdir *dir;
	char name[128], output[160];
	enum rs_figure_format format;
	FILE *script;
	int errnum;			   /* the first failure; positive */
	unsigned int width, height, lines; /* pixels, lines of text */
	unsigned int header;		   /* pixels or lines that titles and legend take */
};

/*
 * Begins the picture @name, which gets the file name @output. 0, or negative
 * errno with @err set; then there is nothing to abort.
 */
int rs_figure_begin(struct rs_figure *fig, const struct rs_workdir *dir, const char *name,
		    const char *output, enum rs_figure_format format, struct rs_error *err);
/* Drops it. */
void rs_figure_abort(struct rs_figure *fig);
/* Runs gnuplot. 0, or negative errno with @err set. Ends the figure either way. */
int rs_figure_draw(struct rs_figure *fig, rs_stop_fn stop, void *arg, struct rs_error *err);

/* Plain text: drawn with characters, in lines of RS_FIGURE_TEXT_COLUMNS. */
bool rs_figure_is_text(const struct rs_figure *fig);

/* The output's size: in pixels (hundredths of an inch), and in lines of text. */
void rs_figure_size(struct rs_figure *fig, unsigned int width, unsigned int height,
		    unsigned int lines);
/* Formatted lines of the script. */
void rs_figure_put(struct rs_figure *fig, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* @text, cleaned (base/clean.h), as a string literal of the script, whatever is in it. */
void rs_figure_string(struct rs_figure *fig, const char *text);
/* The same for the label of a tic, which gnuplot takes for a format. */
void rs_figure_tic(struct rs_figure *fig, const char *text);
/* Two lines at the top: what is shown, and of what (both cut to what fits). */
void rs_figure_title(struct rs_figure *fig, const char *what, const char *of);

/* One entry of a legend, which stands between the title and the data. */
enum rs_legend_kind { RS_LEGEND_PATCH, RS_LEGEND_LINE, RS_LEGEND_POINT };
struct rs_legend {
	enum rs_legend_kind kind;
	const char *colour;
	double size;	    /* of a line or a point */
	unsigned int style; /* dash type of a line, type of a point */
	char letter;	    /* in plain text */
	char text[192];
};
/* In @columns columns (plain text: as many in a line as fit), line by line. After the title. */
void rs_figure_legend(struct rs_figure *fig, const struct rs_legend *entries, size_t n,
		      unsigned int columns);

/* Room around the data, in pixels and in characters. */
struct rs_margins {
	unsigned int left, right, bottom;
	unsigned int text_left, text_right, text_bottom;
};
/* Places panel @i of @n that share what titles and legend leave; from the top. */
void rs_figure_panel(struct rs_figure *fig, const struct rs_margins *m, size_t i, size_t n);
/* A label up the left edge, in the middle of what titles and legend leave. Not in plain text. */
void rs_figure_ylabel(struct rs_figure *fig, const char *text);
/* Point sizes mean different things to gnuplot's terminals: one that looks like @size. */
double rs_figure_point_size(const struct rs_figure *fig, double size);
/*
 * Ticks of the axis @axis ('x', 'y') at round numbers from 0 to @end, at most some eight; of a
 * logarithmic one at each decade. They are written as rs_format_tick() does: "500", "10k".
 */
void rs_figure_tics(struct rs_figure *fig, char axis, double end);
void rs_figure_decades(struct rs_figure *fig, char axis, double begin, double end);
/* Draws nothing but the title and @text: for when there is nothing to draw. */
void rs_figure_nothing(struct rs_figure *fig, const char *text);

/*
 * Begins a data file and returns its stream (of the figure; NULL if there was
 * a failure), with @columns as its heading. The script calls it
 * 'NAME-@what.dat', which rs_figure_data_name() writes with its quotes; @what may be a
 * foreign name, of which only harmless characters are taken.
 */
FILE *rs_figure_data(struct rs_figure *fig, const char *what, const char *columns);
/* @text, cleaned, between quotes as one column of @data. */
void rs_figure_cell(FILE *data, const char *text);
void rs_figure_data_end(struct rs_figure *fig, FILE *data);
void rs_figure_data_name(struct rs_figure *fig, const char *what);

/* A unit of time for an axis that is @span_ns long. */
struct rs_time_unit {
	const char *name;
	double ns;
};
/* In which the axis has numbers from a few to a few thousand; a constant. */
const struct rs_time_unit *rs_figure_time_unit(uint64_t span_ns);

#endif
