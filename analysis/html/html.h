/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_HTML_H
#define RS_ANALYSIS_HTML_H

#include <stdio.h>

#include "analysis/report/report.h"
#include "analysis/top/top.h"

/*
 * A report as one page of HTML, which asks for nothing from anywhere: pictures are in it, and its
 * one script sorts tables. Without scripts it says the same.
 */
struct rs_html_picture {
	const char *title;
	char *svg; /* of @size bytes; NULL: there is none */
	size_t size;
	const char *instead; /* why not */
};

struct rs_html_top {
	const char *title;
	struct rs_top_table table;
};

/* A fault that was kept waiting, and what happened around it. */
struct rs_html_moment {
	char *text; /* lines */
	struct rs_html_picture picture;
};

struct rs_html {
	const struct rs_report *report;
	const char *judge; /* the algorithm of @tops and @moments */
	const struct rs_html_picture *pictures;
	size_t nr_pictures;
	const struct rs_html_top *tops;
	size_t nr_tops;
	const struct rs_html_moment *moments;
	size_t nr_moments;
	const char *missing; /* what could not be in it, and why; NULL: nothing */
};

/* Rows of a list of @tops that are shown. */
#define RS_HTML_ROWS 20
/* No page is larger, whatever it is of: pictures get what is left of it. */
#define RS_HTML_MAX_SIZE (2U << 20)

/* 0, or negative errno: -ENOMEM, or -EIO if the stream has failed. */
int rs_html_write(FILE *f, const struct rs_html *h);

#endif
