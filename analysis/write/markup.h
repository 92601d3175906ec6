/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_WRITE_MARKUP_H
#define RS_ANALYSIS_WRITE_MARKUP_H

#include <stdio.h>

/*
 * The one way of a text into a page of HTML: @text, cleaned (base/clean.h), with what would be
 * markup written as references. Good between tags, and in an attribute between quotes.
 */
void rs_html_put(FILE *f, const char *text);
/* The same of a text of several lines, which stay that. */
void rs_html_put_lines(FILE *f, const char *text);

#endif
